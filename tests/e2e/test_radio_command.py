"""``picocell radio``, and ``scan``, ``monitor`` and ``record`` on a device, as a user types them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.captures import capture
from support.soapy_pair import Faults, need_pair, pair_name, samples_received
from support.waiting import until


@pytest.fixture
def name() -> Iterator[str]:
    with pair_name("command") as found:
        yield found


def run(*words: str, modules: Path | None) -> tuple[int, str, str]:
    environment = os.environ | {"SOAPY_SDR_PLUGIN_PATH": str(modules or "/nowhere")}
    done = subprocess.run(
        [sys.executable, "-m", "picocell", *words], capture_output=True, text=True, check=False, env=environment
    )
    return done.returncode, done.stdout, done.stderr


def test_devices_are_listed(name: str) -> None:
    code, out, _ = run("radio", "list", f"soapy:driver=picopair,name={name}", modules=need_pair())
    assert code == 0
    assert out.splitlines() == [f"soapy:driver=picopair,name={name}  a pair of radios in memory, {name}"]
    code, out, _ = run("radio", "list", f"soapy:driver=picopair,name={name}", "--json", modules=need_pair())
    assert [device["driver"] for device in json.loads(out)["devices"]] == ["picopair"]


def test_a_device_says_how_it_is_set(name: str) -> None:
    args = f"soapy:driver=picopair,name={name},rx_freq=2.66e9,rx_gain=12,clock=external"
    code, out, _ = run("radio", "info", args, "--rate", "7.68e6", "--json", modules=need_pair())
    said = json.loads(out)
    assert code == 0
    assert (said["clock source"], said["rx0"]["frequency"], said["rx0"]["gain"]) == ("external", 2.66e9, 12)
    assert said["rx0"]["sample rate"] == 7.68e6
    code, out, _ = run("radio", "info", args, modules=need_pair())
    assert "clock source   external" in out.splitlines()


def test_a_device_is_tried(name: str) -> None:
    args = f"soapy:driver=picopair,name={name},pace=lock,ahead_ms=2"
    code, out, _ = run("radio", "test", args, "--seconds", "0.5", "--priority", "0", "--json", modules=need_pair())
    counted = json.loads(out)
    assert (code, counted["late"], counted["overflow"], counted["level_dbfs"]) == (0, 0, 0, None)
    assert counted["samples"] > 0


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (["radio", "test"], ["--rate", "1.92e6", "--seconds", "500", "--priority", "0"]),
        (["scan", "--radio"], ["--rate", "1.92e6", "--seconds", "500"]),
        (["monitor", "--radio"], ["--rate", "1.92e6", "--seconds", "500"]),
    ],
)
def test_a_device_that_vanishes_is_one_line(name: str, before: list[str], behind: list[str]) -> None:
    args = f"soapy:driver=picopair,name={name},pace=lock,ahead_ms=2"
    command = [sys.executable, "-m", "picocell", *before, args, *behind]
    environment = os.environ | {"SOAPY_SDR_PLUGIN_PATH": str(need_pair())}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        until(lambda: process.poll() is not None or samples_received(name) > 100_000)
        with Faults(name, "a") as faults:
            faults.gone(600)
            out, errors = process.communicate(timeout=120)
    assert (process.returncode, out, len(errors.splitlines())) == (2, "", 1), errors
    assert errors.startswith("picocell: soapy")
    assert "the device is lost" in errors


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["list", "soapy:driver=nowhere"], 1, "no device is found"),
        (["info", "soapy:driver=nowhere"], 2, "soapy driver=nowhere: no such device"),
        (["test", "soapy:driver=picopair,end=x"], 2, "end=x is not allowed: a or b"),
        (["test", "soapy:driver=picopair,rx_antenna=x"], 2, "rx_antenna=x is not allowed: the device has RX"),
        (["test", "soapy:driver=picopair", "--antennas", "3"], 2, "has 2 rx channels, not 3"),
        (["info", "soapy:rx_gain=much"], 2, "rx_gain=much is not allowed: a number of dB"),
        (["info", "soapy:tx_advance=1.5"], 2, "tx_advance=1.5 is not allowed: a whole number of samples"),
        (["info", "file:x"], 2, "file:x: is no device: soapy:ARGUMENTS or uhd:ARGUMENTS is"),
        (["info", "nonsense"], 2, "device argument 'nonsense' is not understood"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], code: int, text: str) -> None:
    got, out, errors = run("radio", *words, modules=need_pair())
    assert (got, out) == (code, "")
    assert text in errors
    assert len(errors.splitlines()) == 1


def test_without_the_package(tmp_path: Path) -> None:
    (tmp_path / "SoapySDR.py").write_text("raise ModuleNotFoundError(\"No module named 'SoapySDR'\")\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for words in (["radio", "list"], ["radio", "info", "soapy:driver=lime"], ["enb", "--radio", "soapy:driver=lime"]):
        done = subprocess.run(
            [sys.executable, "-m", "picocell", *words], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == (1 if "list" in words else 2)
        assert "SoapySDR is not installed: Debian's python3-soapysdr has it" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_scan_and_monitor_of_a_device_that_plays_a_recording(name: str) -> None:
    played = f"play={capture('lte6_dl.sigmf-data')},datatype=ci16_le"
    args = f"soapy:driver=picopair,name={name},pace=lock,{played},base_srate=1.92e6"
    code, out, errors = run("scan", "--radio", args, "--json", modules=need_pair())
    assert code == 0, errors
    (cell,) = [json.loads(line) for line in out.splitlines()]
    assert (cell["pci"], cell["n_prb"]) == (1, 6)
    assert cell["sib1"]
    code, out, errors = run("monitor", "--radio", args, "--seconds", "0.5", "--json", modules=need_pair())
    assert code == 0, errors
    rows = [json.loads(line) for line in out.splitlines()]
    assert sum(row.get("crc") is True for row in rows) >= 10


def test_a_device_is_recorded(tmp_path: Path, name: str) -> None:
    played = f"play={capture('lte6_dl.sigmf-data')},datatype=ci16_le"
    args = f"soapy:driver=picopair,name={name},pace=lock,{played},base_srate=1.92e6"
    code, out, errors = run("record", str(tmp_path / "r"), "--radio", args, "--samples", "96000", modules=need_pair())
    assert code == 0, errors
    assert "96000 samples" in out
    assert (tmp_path / "r.sigmf-data").stat().st_size == 8 * 96_000
