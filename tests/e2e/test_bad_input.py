"""Bad input ends in one clear line on standard error and exit code 2, from the real command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.file import open_recording
from picocell.radio.recorder import write_recording
from support.captures import capture


def picocell(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "picocell", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def refused(*arguments: object) -> str:
    """Run the command, check that it refuses in one line, and return the line."""
    result = picocell(*arguments)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("picocell: ")
    assert not result.stdout
    return lines[0]


@pytest.fixture
def noise() -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.standard_normal(20 * 1920) + 1j * rng.standard_normal(20 * 1920)).astype(np.complex64)


@pytest.mark.parametrize("command", ["scan", "monitor"])
def test_missing_file(command: str, tmp_path: Path) -> None:
    assert "nothing.sigmf-meta" in refused(command, tmp_path / "nothing.sigmf-meta")


@pytest.mark.parametrize("command", ["scan", "monitor"])
def test_empty_file(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty.cf32").touch()
    assert "empty" in refused(command, tmp_path / "empty.cf32", "--rate", "1.92e6")


def test_file_that_ends_within_a_sample(tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "cut.cf32"
    path.write_bytes(noise.tobytes()[:-3])
    assert "cut.cf32" in refused("scan", path, "--rate", "1.92e6")


def test_recording_too_short_to_search(tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "short.cf32"
    path.write_bytes(noise[:3000].tobytes())
    assert "short" in refused("scan", path, "--rate", "1.92e6")


def test_raw_file_without_rate(tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "raw.cf32"
    path.write_bytes(noise.tobytes())
    assert "rate" in refused("scan", path)


@pytest.mark.parametrize("rate", ["0", "-1.92e6", "1000", "1920001.37", "nan"])
def test_impossible_rate(rate: str, tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "raw.cf32"
    path.write_bytes(noise.tobytes())
    assert "rate" in refused("scan", path, f"--rate={rate}")


@pytest.mark.parametrize("rate", ["3.84e6", "2e6", "2.4e6"])
def test_wrong_rate_names_the_likely_one(rate: str) -> None:
    line = refused("scan", capture("signal.1.92M.amar.dat"), "--rate", rate)
    assert "1.92e+06" in line


def test_not_a_number(tmp_path: Path, noise: np.ndarray) -> None:
    noise[1234] = np.nan
    path = tmp_path / "nan.cf32"
    path.write_bytes(noise.tobytes())
    assert "1234" in refused("scan", path, "--rate", "1.92e6")


@pytest.mark.parametrize("datatype", ["ci16_le", "cf32_le"])
def test_clipped_recording(datatype: str, tmp_path: Path) -> None:
    samples = open_recording(capture("lte6_dl.sigmf-meta")).read(4 * 1920, 100 * 1920)
    loud = samples * np.float32(3 / np.sqrt(np.mean(np.abs(samples) ** 2)))
    clipped = (np.clip(loud.real, -1, 1) + 1j * np.clip(loud.imag, -1, 1)).astype(np.complex64)
    path = tmp_path / "loud.sigmf-meta"
    write_recording(path, clipped, 1.92e6, 2.68e9, datatype, "too loud")
    assert "clipped" in refused("scan", path)


@pytest.mark.parametrize("content", [b"%PDF-1.7 not a recording at all\n" * 999, b"{}\n", bytes(range(256)) * 400])
def test_file_that_is_no_recording(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.pdf"
    path.write_bytes(content)
    assert "other.pdf" in refused("scan", path, "--rate", "1.92e6")


def test_metadata_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "x.sigmf-meta").write_text("{not json")
    (tmp_path / "x.sigmf-data").write_bytes(bytes(8000))
    assert "x.sigmf-meta" in refused("scan", tmp_path / "x.sigmf-meta")


@pytest.mark.parametrize("name", ["picture.txt", "no/such/folder/picture.png"])
def test_picture_that_cannot_be_written(name: str, tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "raw.cf32"
    path.write_bytes(noise.tobytes())
    assert "picture" in refused("scan", path, "--rate", "1.92e6", "--plot", tmp_path / name)


def test_pcap_that_cannot_be_written(tmp_path: Path) -> None:
    path = capture("signal.1.92M.amar.dat")
    assert "no/such" in refused("monitor", path, "--rate", "1.92e6", "--pcap", tmp_path / "no/such/file.pcap")


def test_rnti_that_does_not_exist() -> None:
    assert "0x12345" in refused("monitor", capture("signal.1.92M.amar.dat"), "--rate", "1.92e6", "--rnti", "0x12345")


def test_cell_wider_than_the_recording() -> None:
    assert "50 PRB" in refused("monitor", capture("signal.1.92M.dat"), "--rate", "1.92e6")


def test_noise_has_no_cell(tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "noise.cf32"
    path.write_bytes(noise.tobytes())
    result = picocell("scan", path, "--rate", "1.92e6")
    assert result.returncode == 1
    assert result.stderr.strip() == f"picocell: no cell found in {path}"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("scan", "x.cf32", "--bogus"), "--bogus"),
        (("scan",), "SOURCE"),
        (("monitor", "x.cf32", "--pci", "504"), "--pci"),
        (("recording-demo", "--seconds", "soon"), "--seconds"),
        (("scna", "x.cf32"), "scna"),
    ],
)
def test_wrong_options(arguments: tuple[str, ...], named: str) -> None:
    assert named in refused(*arguments)


def test_demo_with_impossible_values(tmp_path: Path) -> None:
    assert "n_prb 7" in refused("recording-demo", "--prb", "7", "--output", tmp_path)
    assert "XYZ" in refused("recording-demo", "--channel", "XYZ9", "--output", tmp_path)
    assert "--snr" in refused("recording-demo", "--snr", "nan", "--output", tmp_path)


@pytest.mark.parametrize("path", ["/", "."])
def test_folder(path: str) -> None:
    assert "folder" in refused("scan", path)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--radio", "usrp"), "--radio usrp: use zmq, shm or soapy"),
        (("--radio", "soapy", "--ues", "2"), "--radio soapy: a pair of devices has one phone and no channel"),
        (("--radio", "soapy", "--channel", "EPA5"), "--radio soapy: a pair of devices has one phone and no channel"),
    ],
)
def test_demo_over_radios_that_it_does_not_have(words: tuple[str, ...], named: str) -> None:
    assert named in refused("demo", *words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("enb", "--enb.earfcn", "65000"), "EARFCN 65000 has no frequency for rx"),
        (("ue", "--radio.earfcn", "65000"), "EARFCN 65000 has no frequency for rx"),
        (("ue", "--radio.earfcn", "9700"), "EARFCN 9700 has no frequency for tx"),  # band 29 has no uplink
        (("enb", "--radio.cpus", "[4096]"), "radio.cpus: 4096 is not allowed: this process has"),
    ],
)
def test_device_without_a_frequency_or_a_cpu(words: tuple[str, ...], named: str) -> None:
    assert named in refused(*words, "--radio", "soapy:driver=none", "--radio.rehearse", "false")
