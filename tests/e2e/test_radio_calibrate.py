"""``picocell radio calibrate`` as a user types it, on a device that hears what it sends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from picocell.cli import main
from picocell.radio.sdr.soapy import SoapyDevice
from support.soapy_pair import Faults, load_pair, need_pair, pair_name, samples_received
from support.waiting import until


@pytest.fixture
def name() -> Iterator[str]:
    with pair_name("calibrate") as found:
        yield found


def run(*words: str) -> tuple[int, str, str]:
    environment = os.environ | {"SOAPY_SDR_PLUGIN_PATH": str(need_pair())}
    command = [sys.executable, "-m", "picocell", "radio", "calibrate", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("delay", "more"), [(0, ""), (37, ",loss=20,noise=-60"), (1000, ",loss=30,noise=-40"), (1000, ",tx_advance=990")]
)
def test_the_delay_of_a_device_is_measured(name: str, delay: int, more: str) -> None:
    args = f"soapy:driver=picopair,name={name},loop=1,pace=lock,ahead_ms=2,rx_freq=2.6e9,delay={delay}{more}"
    words = [args, "--rate", "1.92e6", "--repeats", "8", "--openings", "2", "--priority", "0"]
    code, out, errors = run(*words, "--json")
    found = json.loads(out)
    assert (code, errors) == (0, "")
    assert found["tx_advance"] == delay
    assert found["delay"] + found["tx_advance_before"] == pytest.approx(delay, abs=0.1)
    assert (found["sure"], found["found"], found["sent"]) == (True, 16, 16)
    if "noise" in more:
        level, noise = (-14.8 - 20, -60) if delay == 37 else (-14.8 - 30, -40)
        assert found["snr_db"] == pytest.approx(level - noise, abs=1)
    else:
        assert found["snr_db"] is None
    code, out, _ = run(*words)
    assert code == 0
    assert out.splitlines()[-1] == f"tx_advance={delay}"
    assert "sure       yes" in out.splitlines()


def test_the_delay_of_a_device_in_real_time(name: str) -> None:
    args = f"soapy:driver=picopair,name={name},loop=1,rx_freq=2.6e9,delay=37,noise=-50,loss=10"
    code, out, errors = run(args, "--rate", "1.92e6", "--json")
    found = json.loads(out)
    assert (code, errors, found["tx_advance"]) == (0, "", 37)
    assert found["found"] > 0


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("", "nothing is heard, all samples are zero: connect the transmitter to the receiver"),
        (",noise=-20.5", "the burst is not in what is received (-20."),
        (",loop=1,loss=80,noise=0", "the receiver is at full scale, and the burst is not heard"),
    ],
)
def test_a_device_that_does_not_hear_itself_is_one_line(name: str, more: str, text: str) -> None:
    args = f"soapy:driver=picopair,name={name},pace=lock,ahead_ms=2,rx_freq=2.6e9{more}"
    words = ["--rate", "1.92e6", "--repeats", "5", "--priority", "0"]
    code, out, errors = run(args, *words)
    assert (code, out) == (1, "")
    assert text in errors
    assert len(errors.splitlines()) == 1


RECEIVED_BEFORE = 1_000_000
"""Samples, when the measurement is under way."""


def test_a_device_that_vanishes_while_it_is_measured_is_one_line(name: str) -> None:
    args = f"soapy:driver=picopair,name={name},loop=1,pace=lock,ahead_ms=2,rx_freq=2.6e9"
    words = [args, "--rate", "1.92e6", "--repeats", "100000", "--priority", "0"]
    environment = os.environ | {"SOAPY_SDR_PLUGIN_PATH": str(need_pair())}
    command = [sys.executable, "-m", "picocell", "radio", "calibrate", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        until(lambda: process.poll() is not None or samples_received(name) > RECEIVED_BEFORE)
        with Faults(name, "a") as faults:
            faults.gone(600)
            out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "the device is lost" in errors


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["soapy:driver=nowhere,rx_freq=1e9"], "soapy driver=nowhere: no such device"),
        (["soapy:driver=picopair"], "rx_freq= is needed: at which the bursts are sent and received"),
        (["soapy:rx_freq=1e9,tx_freq=2e9"], "rx_freq=1000000000 and tx_freq=2000000000 differ"),
        (["soapy:rx_freq=1e9,base_srate=2e6", "--rate", "1e6"], "base_srate=2000000 and --rate 1000000 differ"),
        (["soapy:rx_freq=1e9", "--rate", "nan"], "--rate nan: not a number of samples per second"),
        (["soapy:rx_freq=1e9", "--repeats", "0"], "Invalid value for '--repeats'"),
        (["file:x"], "file:x: is no device: soapy:ARGUMENTS or uhd:ARGUMENTS is"),
        (["soapy:driver=picopair,rx_freq=1e9,loop=2"], "loop=2 is not allowed: 0 or 1"),
        (["soapy:driver=picopair,rx_freq=1e9,loss=much"], "loss is not allowed: 0 to 200 dB"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], text: str) -> None:
    code, out, errors = run(*words)
    assert (code, out) == (2, "")
    assert text in errors
    assert len(errors.splitlines()) == 1


def test_a_device_without_timestamps_or_that_fails_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(device: SoapyDevice) -> dict[str, object]:
        del device
        raise RuntimeError("the sensor does not answer")

    load_pair()
    args = f"soapy:driver=picopair,name={name},loop=1,rx_freq=2.6e9"
    monkeypatch.setattr(SoapyDevice, "describe", lambda _: {"hardware time": False})
    assert "has no timestamps: nothing can be sent at its time" in refused(["calibrate", args], monkeypatch, capsys)
    monkeypatch.setattr(SoapyDevice, "describe", fail)
    assert "the sensor does not answer" in refused(["info", args], monkeypatch, capsys)
    assert "the sensor does not answer" in refused(["calibrate", args], monkeypatch, capsys)


def refused(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The line with which a command is refused in this process."""
    more = ["--priority", "0"] if "calibrate" in words else []
    monkeypatch.setattr(sys, "argv", ["picocell", "radio", *words, *more])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    return said.err
