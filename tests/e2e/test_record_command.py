"""``picocell record``: an eNB on the wire is recorded, cut off at any time; what cannot be is said in a line."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from picocell.cli import main
from picocell.radio.file import open_recording
from picocell.ue.scan import scan_recording
from support.ports import free_ports
from support.waiting import LONG_S, until

sigmf = pytest.importorskip("sigmf")
PICOCELL = [sys.executable, "-m", "picocell"]


def start_recording(folder: Path, *words: object) -> "subprocess.Popen[str]":
    """Record what an eNB sends, as its peer on the wire; the eNB ends with its radio's end."""
    a, b, gtpu, s1 = free_ports(4)
    enb = [
        "enb", "--enb.n-prb", 6, "--gtpu.port", gtpu, "--mme.sctp.mode", "udp", "--mme.port", s1,
        "--radio", f"tx_port=tcp://127.0.0.1:{a},rx_port=tcp://127.0.0.1:{b},base_srate=1.92e6",
    ]  # fmt: skip
    cell = subprocess.Popen([*PICOCELL, *map(str, enb)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    radio = f"tx_port=tcp://127.0.0.1:{b},rx_port=tcp://127.0.0.1:{a},base_srate=1.92e6"
    line = ["record", "--radio", radio, "--frequency", 2.68e9, *words, folder / "r"]
    process = subprocess.Popen([*PICOCELL, *map(str, line)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.cell = cell  # type: ignore[attr-defined]
    return process


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        out, errors = process.communicate(timeout=LONG_S)
    finally:
        process.kill()
        process.cell.kill()  # type: ignore[attr-defined]
        process.cell.wait()  # type: ignore[attr-defined]
    return process.returncode, out + errors


def test_record_from_the_wire(tmp_path: Path) -> None:
    code, text = end(start_recording(tmp_path, "--samples", 400_000, "--gain", -20))
    assert code == 0, text
    assert "400000 samples" in text
    assert text.splitlines()[0].endswith("dBFS, 0 clipped")
    [cell] = scan_recording(tmp_path / "r")
    assert (cell.acquired.found.pci, cell.frequency) == (1, 2.68e9)
    assert cell.rsrp_db == pytest.approx(-20.0, abs=0.5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_recording_that_is_cut_off_is_valid(tmp_path: Path, number: signal.Signals) -> None:
    process = start_recording(tmp_path)
    data = tmp_path / "r.sigmf-data"
    try:
        until(lambda: data.exists() and data.stat().st_size > 500_000)
        process.send_signal(number)
    except AssertionError:
        process.kill()
        raise
    finally:
        code, text = end(process)
    assert code == (0 if number == signal.SIGINT else -9), text
    sigmf.sigmffile.SigMFFile(metadata=(tmp_path / "r.sigmf-meta").read_text()).validate()
    assert open_recording(tmp_path / "r").n_samples > 50_000


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["record", "r", "--radio", "soapy:driver=nowhere"], "driver="),
        (["record", "r", "--radio", "driver=uhd"], "picocell: driver=uhd: "),
        (["record", "r", "--radio", "file:/nowhere"], "no such file"),
        (["record", "r", "--radio", "nonsense"], "'nonsense' is not understood"),
        (["record", "r", "--radio", "file:/nowhere", "--seconds", "0"], "--seconds 0.0: allowed is a positive number"),
        (["record", "r", "--radio", "file:/nowhere", "--seconds", "1", "--samples", "5"], "give one of them"),
        (["scan"], "SOURCE or --radio ARGS"),
        (["scan", "x", "--radio", "file:y"], "and not both"),
        (["monitor", "--radio", "driver=zmq"], "only file:PATH and devices can be read"),
        (["scan", "--radio", "file:"], "has no path"),
        (["ue", "--radio", "file:x,loop=x"], "loop='x' is not allowed: true or false"),
        (["enb", "--radio", "file:"], "has no path"),
    ],
)
def test_what_is_refused_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["picocell", *words])
    with pytest.raises(SystemExit) as info:
        main()
    assert info.value.code == 2
    errors = capsys.readouterr().err
    assert text in errors
    assert len(errors.splitlines()) == 1
    assert not list(tmp_path.iterdir())
