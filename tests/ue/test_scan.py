"""``picocell scan`` on recordings of equipment that is not ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.radio.channel.awgn import awgn
from picocell.radio.file import open_recording
from picocell.radio.resample import resample
from picocell.ue import scan_report
from picocell.ue.scan import scan_recording
from support.captures import capture
from support.ground_truth import mac_rows

AMAR = "signal.1.92M.amar.dat"
SIB1 = "6040040300011a2d4018028180420c800000"


def scanned(path: Path, rate: float | None = None) -> list[dict[str, Any]]:
    """What ``picocell scan --json`` prints, through JSON and back."""
    return [json.loads(json.dumps(scan_report.as_dict(cell))) for cell in scan_recording(path, rate=rate)]


def test_centre_of_a_wide_cell() -> None:
    (cell,) = scanned(capture("signal.1.92M.dat"), 1.92e6)
    assert (cell["pci"], cell["n_prb"], cell["n_ports"], cell["mib"]) == (150, 50, 2, "681c00")
    assert (cell["cp"], cell["phich_duration"], cell["phich_resource"]) == ("normal", "normal", "1")
    assert cell["sfn"] % 4 == 0
    assert cell["sib1"] is None
    assert "wider than the recording" in cell["note"]


def test_commercial_enb() -> None:
    (cell,) = scanned(capture(AMAR), 1.92e6)
    assert (cell["pci"], cell["n_prb"], cell["n_ports"]) == (1, 6, 1)
    assert cell["sib1_payload"] == SIB1
    access = cell["sib1"]["cellAccessRelatedInfo"]
    assert access["plmn-IdentityList"][0]["plmn-Identity"] == {"mcc": [0, 0, 1], "mnc": [0, 1]}
    assert set(cell["sibs"]) == {"sib2", "sib3"}
    assert [len(payload) // 2 for payload in cell["si_payloads"]] == [32], "TBS 256"
    assert cell["note"] == ""


def test_open_enb() -> None:
    (cell,) = scanned(capture("lte6_dl.sigmf-meta"))
    assert (cell["pci"], cell["n_prb"], cell["n_ports"], cell["sfn"]) == (1, 6, 1, 0)
    sent = [payload.hex() for _, rnti, payload in mac_rows(capture("lte6_mac.csv"), "DL") if rnti == 0xFFFF]
    assert [cell["sib1_payload"], *cell["si_payloads"]] == sent
    assert cell["sibs"]["sib2"]["radioResourceConfigCommon"]["prach-Config"]["rootSequenceIndex"] == 128
    assert cell["frequency_hz"] == 2_680_000_000.0


@pytest.mark.parametrize("level", [1e-6, 1e4])
def test_level_does_not_matter(level: float, tmp_path: Path) -> None:
    samples = open_recording(capture(AMAR), rate=1.92e6).read()
    path = tmp_path / "level.cf32"
    (samples * np.float32(level)).tofile(path)
    (cell,) = scanned(path, 1.92e6)
    assert cell["sib1_payload"] == SIB1


@pytest.mark.parametrize(("datatype", "kind"), [("ci16_le", np.int16), ("ci8", np.int8)])
def test_raw_integers(datatype: str, kind: type[np.signedinteger[Any]], tmp_path: Path) -> None:
    samples = open_recording(capture(AMAR), rate=1.92e6).read()
    full = np.iinfo(kind).max * 0.1 / np.sqrt(np.mean(np.abs(samples) ** 2))
    path = tmp_path / "integers.bin"
    np.round(samples.view(np.float32) * full).astype(kind).tofile(path)
    (cell,) = [scan_report.as_dict(cell) for cell in scan_recording(path, rate=1.92e6, datatype=datatype)]
    assert cell["sib1_payload"] == SIB1


@pytest.mark.parametrize("rate", [2e6, 3.84e6, 10e6])
def test_recordings_at_other_rates(rate: float, tmp_path: Path) -> None:
    samples = open_recording(capture(AMAR), rate=1.92e6).read()
    path = tmp_path / "other.cf32"
    resample(samples, 1.92e6, rate).astype(np.complex64).tofile(path)
    (cell,) = scanned(path, rate)
    assert cell["sib1_payload"] == SIB1
    assert set(cell["sibs"]) == {"sib2", "sib3"}


def test_two_cells_at_once(tmp_path: Path) -> None:
    """The commercial cell over the centre of the wide one, 3 dB up and noise under both."""
    first = open_recording(capture(AMAR), rate=1.92e6).read(0, 9600)
    second = open_recording(capture("signal.1.92M.dat"), rate=1.92e6).read(0, 9600)
    power = [float(np.mean(np.abs(x) ** 2)) for x in (first, second)]
    both = first * np.float32(np.sqrt(2 / power[0])) + np.roll(second, 3000) * np.float32(np.sqrt(1 / power[1]))
    path = tmp_path / "both.cf32"
    awgn(both, 0.05, np.random.default_rng(1)).tofile(path)
    assert {cell["pci"] for cell in scanned(path, 1.92e6)} == {1, 150}


def test_picture_shows_what_was_read(tmp_path: Path) -> None:
    cells = scan_recording(capture(AMAR), rate=1.92e6, keep_arrays=True)
    arrays = cells[0].arrays
    assert arrays is not None
    assert arrays.grid is not None
    assert arrays.channel is not None
    assert set(arrays.constellations) == {"PDSCH QPSK"}
    points = arrays.constellations["PDSCH QPSK"]
    assert np.mean(np.abs(np.abs(points) - 1)) < 0.1, "equalised QPSK lies on the unit circle"
    scan_report.plot_cell(tmp_path / "cell.png", cells)
    assert (tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")
