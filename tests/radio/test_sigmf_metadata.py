"""SigMF metadata that nobody should have written: refused in one line that names the file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.radio.file import RecordingError, open_recording

GLOBAL = {"core:sample_rate": 1e6, "core:datatype": "ci16_le"}


def refusal(folder: Path, text: str) -> str:
    np.arange(2000, dtype="<i2").tofile(folder / "r.sigmf-data")
    (folder / "r.sigmf-meta").write_text(text)
    with pytest.raises(RecordingError) as info:
        open_recording(folder / "r.sigmf-meta")
    message = str(info.value)
    assert "\n" not in message
    assert "r.sigmf" in message
    assert len(message) < 300 + len(str(folder))
    return message


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"global": {**GLOBAL, "core:sample_rate": 10**400}}, "sample rate 10000"),
        ({"global": {**GLOBAL, "core:sample_rate": True}}, "sample rate True"),
        ({"global": {**GLOBAL, "core:datatype": ["ci8"] * 1000}}, "datatype"),
        ({"global": {**GLOBAL, "core:num_channels": "two"}}, "channels"),
        ({"annotations": 5}, "annotations"),
        ({"annotations": None}, "annotations"),
        ({"annotations": [3]}, "annotations"),
        ({"captures": None}, "captures"),
        ({"captures": [{"core:frequency": "2.68e9"}]}, "core:frequency"),
        ({"captures": [{"core:frequency": [1]}]}, "core:frequency"),
        ({"captures": [{"core:frequency": 10**400}]}, "core:frequency"),
        ({"captures": [{}, {"core:sample_start": 9, "core:global_index": 10**400}]}, "core:global_index"),
        ({"captures": [{}, {"core:sample_start": 9, "core:global_index": 1 << 52}]}, "missing before sample 9"),
    ],
)
def test_absurd_values(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    document = {"global": GLOBAL, "captures": [{"core:sample_start": 0}], "annotations": [], **change}
    assert word in refusal(tmp_path, json.dumps(document))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"global": ' + "1" * 5000 + "}", "\x00", "NaN", '{"global": []}'])
def test_absurd_texts(tmp_path: Path, text: str) -> None:
    refusal(tmp_path, text)


@pytest.mark.parametrize("path", ["/", ".", "", ".."])
def test_folders(path: str) -> None:
    with pytest.raises(RecordingError, match="folder"):
        open_recording(path, 1e6)


def test_samples_whose_power_overflows(tmp_path: Path) -> None:
    samples = np.ones(5000, np.complex64)
    samples[4321] = 1e30
    samples.tofile(tmp_path / "x.cf32")
    with pytest.raises(RecordingError, match="sample 4321 is too large"):
        open_recording(tmp_path / "x.cf32", 1e6).read()
