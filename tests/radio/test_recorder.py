"""Recordings as they are written: gaps, annotations, silence, and metadata that are valid at any time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.radio.file import RecordingError, open_recording
from picocell.radio.recorder import Recorder

sigmf = pytest.importorskip("sigmf")
SAMPLES = ((np.arange(3000) % 100 + 1j) / 128).astype(np.complex64)


def document(recorder: Recorder) -> dict[str, Any]:
    """What the metadata say now, judged by the SigMF package."""
    handle = sigmf.sigmffile.SigMFFile(metadata=recorder.path.read_text())
    handle.validate()
    return dict(json.loads(recorder.path.read_text()))


def test_metadata_are_there_from_the_start_and_follow(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", 1e6, 2e9, "cf32_le", "a test")
    assert document(recorder)["captures"][0]["core:frequency"] == 2e9
    recorder.write(SAMPLES[:1000])
    recorder.jump(1500, "gap", "500 samples are missing")
    recorder.write(SAMPLES[1000:1010])
    recorder.sync()
    recorder.write(SAMPLES[1010:1500])  # of these the metadata know nothing yet
    found = open_recording(recorder.path)  # as another program would after this one was killed
    assert found.segments[:1] == ((0, 0, 1000),)
    assert found.segments[1][:2] == (1000, 1500)
    np.testing.assert_array_equal(found.read(0, 1010), SAMPLES[:1010])
    said = document(recorder)
    assert said["annotations"] == [
        {
            "core:sample_start": 1000,
            "core:sample_count": 1,
            "core:label": "gap",
            "core:comment": "500 samples are missing",
        }
    ]
    assert [one.get("core:global_index", 0) for one in said["captures"]] == [0, 1500]
    recorder.close()
    recorder.close()
    assert open_recording(recorder.path).n_samples == 1500


def test_a_gap_at_the_end_says_nothing_of_samples_that_are_not_there(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", 1e6)
    recorder.write(SAMPLES)
    recorder.jump(5000)
    recorder.annotate(recorder.n_samples, 10, "later")
    recorder.close()
    said = document(recorder)
    assert (len(said["captures"]), said["annotations"]) == (1, [])
    assert open_recording(recorder.path).segments == ((0, 0, 3000),)


@pytest.mark.parametrize("datatype", ["ci16_le", "cf32_le"])
def test_silence_is_zeros_in_the_middle_and_at_the_end(tmp_path: Path, datatype: str) -> None:
    with Recorder(tmp_path / "r", 1e6, datatype=datatype) as recorder:
        recorder.silence(700)
        recorder.write(SAMPLES[:500])
        recorder.silence(1_000_000)
        assert recorder.time == 1_001_200
    found = open_recording(recorder.path)
    assert found.n_samples == 1_001_200
    assert np.flatnonzero(found.read()).tolist() == list(range(700, 1200))
    assert recorder.path.with_suffix(".sigmf-data").stat().st_blocks * 512 < 100_000  # it is a hole


def test_an_annotation_grows_and_many_of_them_stay_in_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", 1e6)
    for at in range(0, 3000, 100):
        recorder.write(SAMPLES[at : at + 100])
        note = recorder.annotate(at, 10, f"note {at}")
        note["core:sample_count"] = 20
        recorder.sync()
    recorder.close()
    said = document(recorder)["annotations"]
    assert [(one["core:sample_start"], one["core:sample_count"]) for one in said] == [
        (at, 20) for at in range(0, 3000, 100)
    ]


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    x = SAMPLES[:10].copy()
    x[3] = np.nan
    with Recorder(tmp_path / "r", 1e6, datatype="cf32_le") as recorder:
        with pytest.raises(ValueError, match="not finite"):
            recorder.write(x)
        recorder.write(x, clean=True)
    assert np.flatnonzero(open_recording(recorder.path).read() != SAMPLES[:10]).tolist() == [3]


def test_what_cannot_be(tmp_path: Path) -> None:
    with Recorder(tmp_path / "r", 1e6) as recorder:
        recorder.write(SAMPLES)
        with pytest.raises(ValueError, match="in the past: the next one is 3000"):
            recorder.jump(2999)
        with pytest.raises(ValueError, match="negative"):
            recorder.silence(-1)
        recorder.annotate(100, 1, "a")
        with pytest.raises(ValueError, match="comes after one at 100"):
            recorder.annotate(99, 1, "b")
    with pytest.raises(OSError, match="No such file"):
        Recorder(tmp_path / "nowhere" / "r", 1e6)


def test_nothing_recorded_is_valid_sigmf_and_no_recording(tmp_path: Path) -> None:
    with Recorder(tmp_path / "r", 1e6) as recorder:
        pass
    document(recorder)
    with pytest.raises(RecordingError, match="is empty"):
        open_recording(recorder.path)
