"""A run of the processes is recorded, and the recordings are played to them again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.file import open_recording
from support.network_processes import NetworkProcesses
from support.ports import free_ports

sigmf = pytest.importorskip("sigmf")
PICOCELL = [sys.executable, "-m", "picocell"]


def run(*words: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([*PICOCELL, *map(str, words)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr + done.stdout[-2000:]
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of a run in which a phone attached and pinged."""
    folder = tmp_path_factory.mktemp("recorded")
    words = {"enb": ["--record", str(folder / "enb")], "ue": ["--radio.record", str(folder / "ue")]}
    with NetworkProcesses(folder, n_prb=6, words=words) as network:
        network.start_all()
        assert [network.programs[name].stop() for name in ("ue", "enb")] == [0, 0]
    return folder


@pytest.mark.parametrize("name", ["enb_rx", "enb_tx", "ue_rx", "ue_tx"])
def test_all_four_are_valid_and_without_gaps(home: Path, name: str) -> None:
    meta = home / f"{name}.sigmf-meta"
    sigmf.sigmffile.fromfile(str(meta)).validate()
    recording = open_recording(meta)
    assert recording.sample_rate == 1.92e6
    assert recording.frequency == (2.68e9 if name in ("enb_tx", "ue_rx") else 2.56e9)
    assert len(recording.segments) == 1
    labels = {note["core:label"] for note in json.loads(meta.read_text())["annotations"]}
    assert labels == ({"burst"} if name.endswith("tx") else set())


def test_what_one_sent_the_other_received(home: Path) -> None:
    for sent, received in (("enb_tx", "ue_rx"), ("ue_tx", "enb_rx")):
        a, b = (open_recording(home / name) for name in (sent, received))
        n = min(a.n_samples, b.n_samples)
        x, y = a.read(0, n), b.read(0, n)
        assert np.abs(x).max() > 0.01
        np.testing.assert_array_equal(x, y)


def test_scan_and_monitor_find_the_run(home: Path) -> None:
    [cell] = [
        json.loads(line) for line in run("scan", "--radio", f"file:{home / 'ue_rx'}", "--json").stdout.splitlines()
    ]
    assert (cell["pci"], cell["n_prb"]) == (1, 6)
    assert sorted(cell["sibs"]) == ["sib2", "sib3"]
    lines = run("monitor", home / "enb_tx", "--uplink", home / "enb_rx", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    ok = [event["channel"] for event in events if event.get("crc") and event.get("rnti") not in (None, 0xFFFF)]
    assert ok.count("PDSCH") > 4
    assert ok.count("PUSCH") > 4


def test_a_phone_finds_the_cell_in_the_recording(home: Path, tmp_path: Path) -> None:
    radio = f"file:{home / 'enb_tx.sigmf-meta'},tx={tmp_path / 'mine'}"
    done = run("ue", "--radio", radio, "--ip.kind", "host", "--metrics.file", tmp_path / "ue.json")
    assert "Found Cell" in done.stdout
    assert "Random Access Transmission" in done.stdout  # whose parameters are in SIB2
    assert json.loads((tmp_path / "ue.json").read_text().splitlines()[-1])["lost_samples"] == 0
    mine = open_recording(tmp_path / "mine")
    assert np.abs(mine.read()).max() > 0.01  # its preambles, which went nowhere


def test_a_cell_runs_on_the_recording_of_its_uplink(home: Path, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    done = run(
        "enb", "--radio", f"file:{home / 'enb_rx'}", "--record", tmp_path / "again", "--enb.n-prb", 6,
        "--mme.sctp.mode", "udp", "--mme.port", port, "--gtpu.port", 0,
    )  # fmt: skip
    assert "0x0046" in done.stderr  # whose connection is refused: there is no core
    [cell] = [json.loads(line) for line in run("scan", tmp_path / "again_tx", "--json").stdout.splitlines()]
    assert cell["pci"] == 1
    x = open_recording(home / "enb_rx")
    y = open_recording(tmp_path / "again_rx")
    np.testing.assert_array_equal(x.read(0, y.n_samples), y.read())
    assert x.n_samples == y.n_samples


def test_a_recording_of_another_rate_is_refused(home: Path) -> None:
    done = run("enb", "--radio", f"file:{home / 'enb_rx'}", "--enb.n-prb", 25, "--gtpu.port", 0, code=2)
    assert done.stderr.strip().endswith("1920000 samples per second, not 5760000")
