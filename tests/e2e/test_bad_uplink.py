"""An uplink recording that does not fit its downlink: one clear line, and exit code 2 where nothing can be read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.radio.file import open_recording
from picocell.radio.recorder import write_recording
from support.captures import capture

RATE = 1_920_000
LENGTH = 600
"""Subframes of the recordings: the attach begins after 350."""


@pytest.fixture(scope="module", autouse=True)
def downlink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the recorded downlink."""
    samples = open_recording(capture("lte6_dl.sigmf-meta")).read(0, LENGTH * 1920)
    path = tmp_path_factory.getbasetemp() / "downlink.sigmf-meta"
    return write_recording(path, samples, RATE, 2.68e9, "ci16_le")


def monitor(uplink: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in the folder above that of the test."""
    command = [sys.executable, "-m", "picocell", "monitor", "../downlink.sigmf-meta", "--uplink", str(uplink)]
    folder = uplink.parent
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=folder)


def refused(uplink: Path, *arguments: str) -> str:
    """Run the command, check that it refuses in one line, and return the line."""
    result = monitor(uplink, *arguments)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("picocell: ")
    return line


def heard(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Uplink events of a run with ``--json``; all lines must be events."""
    assert result.returncode == 0, result.stderr
    events: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert all({"tti", "channel"} <= set(event) for event in events)
    return [event for event in events if "dtx" in event]


def uplink_samples() -> np.ndarray:
    return open_recording(capture("lte6_ul.sigmf-meta")).read(0, LENGTH * 1920)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Uplink events where nothing is missing."""
    events = heard(monitor(written(tmp_path_factory.mktemp("whole"), uplink_samples()), "--json"))
    assert {event["channel"] for event in events if not event["dtx"]} == {"PRACH", "PUSCH", "PUCCH"}
    return events


def written(folder: Path, samples: np.ndarray, rate: float = RATE, datatype: str = "cf32_le") -> Path:
    return write_recording(folder / "uplink.sigmf-meta", samples, rate, 2.56e9, datatype)


def test_missing_uplink(tmp_path: Path) -> None:
    assert "nothing.sigmf-meta: No such file" in refused(tmp_path / "nothing.sigmf-meta")


def test_uplink_at_another_rate(tmp_path: Path) -> None:
    line = refused(written(tmp_path, np.ones(5000, np.complex64), 2 * RATE))
    assert "uplink.sigmf" in line
    assert "3.84e+06 samples per second, but the downlink has 1.92e+06" in line


def test_raw_uplink_without_a_rate(tmp_path: Path) -> None:
    path = tmp_path / "uplink.cf32"
    path.write_bytes(np.ones(5000, np.complex64).tobytes())
    assert "uplink.cf32: the sample rate" in refused(path)


def test_uplink_that_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "uplink.pdf"
    path.write_bytes(b"%PDF-1.7 not a recording at all\n" * 999)
    assert "uplink.pdf" in refused(path, "--rate", "1.92e6")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_uplink_with_samples_that_are_no_numbers(bad: float, tmp_path: Path) -> None:
    samples = uplink_samples()
    path = written(tmp_path, samples)
    with (tmp_path / "uplink.sigmf-data").open("r+b") as file:
        file.seek(8 * 345_678)
        file.write(np.complex64(bad).tobytes())
    assert "sample 345678 is not finite" in refused(path)


def test_uplink_shorter_than_the_downlink(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    """What there is is read; a line on standard error says where it ends, and nothing is said of what was not seen."""
    path = written(tmp_path, uplink_samples()[: 450 * 1920 + 333], datatype="ci16_le")
    result = monitor(path, "--json")
    events = heard(result)
    # subframe k of the recording holds TTI k - 4
    assert places(events) == places([event for event in whole if event["tti"] < 446 or event["tti"] > 10000])
    (line,) = result.stderr.strip().splitlines()
    assert (
        line == f"picocell: warning: {path.with_suffix('.sigmf-data')}: ends after 0.450 s, the downlink after 0.600 s"
    )


def places(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(event["tti"], event["channel"], event.get("rnti"), event["dtx"], event.get("payload")) for event in events]


def test_uplink_with_a_gap(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    """Samples lost in the uplink only: the positions after the gap stay right."""
    samples, gap = uplink_samples(), slice(500 * 1920 + 100, 520 * 1920 + 50)
    path = written(tmp_path, np.delete(samples, np.arange(gap.start, gap.stop)))
    meta = json.loads(path.read_text())
    meta["captures"] = [
        {"core:sample_start": 0, "core:global_index": 0},
        {"core:sample_start": gap.start, "core:global_index": gap.stop},
    ]
    path.write_text(json.dumps(meta))
    outside = [event for event in whole if not 496 <= event["tti"] <= 516]
    assert len(outside) < len(whole)
    assert places(heard(monitor(path, "--json"))) == places(outside)


def test_silent_uplink_is_all_dtx(tmp_path: Path) -> None:
    """No preamble, block or answer is read out of nothing, and the text says how much was looked for."""
    result = monitor(written(tmp_path, np.zeros(LENGTH * 1920, np.complex64)))
    assert result.returncode == 0, result.stderr
    counts, looked_for = result.stdout.splitlines()[-2:]
    opportunities = int(counts.partition("PRACH DTX ")[2].split()[0])
    assert opportunities in (59, 60)
    assert looked_for.startswith(f"uplink, looked for: {64 * opportunities} preambles, ")
    assert "PUSCH ok" not in counts
    assert not {"PRACH", "PUCCH"} & set(counts.replace(" DTX", "_DTX").split())


def test_downlink_in_the_place_of_the_uplink(tmp_path: Path) -> None:
    result = monitor(written(tmp_path, open_recording(capture("lte6_dl.sigmf-meta")).read(0, LENGTH * 1920)))
    assert result.returncode == 0, result.stderr
    assert "PUSCH ok" not in result.stdout
