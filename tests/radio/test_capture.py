"""Recording what a radio receives."""

import math
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.capture import Captured, Level, capture
from picocell.radio.errors import RadioError
from picocell.radio.file import open_recording
from picocell.radio.file_radio import FileRadio
from picocell.radio.interface import Received
from picocell.radio.memory import MemorySource
from picocell.radio.recorder import Recorder

RNG = np.random.default_rng(1)
X = (RNG.standard_normal((2, 50_000)) + 1j * RNG.standard_normal((2, 50_000))).astype(np.complex64) / 8


def test_all_antennas_with_gain(tmp_path: Path) -> None:
    found = capture(MemorySource(X, 1e6), tmp_path / "r", frequency=1e9, gain_db=-6.0)
    assert found.n_samples == 50_000
    for antenna, path in enumerate(found.paths):
        recording = open_recording(path)
        assert recording.frequency == 1e9
        np.testing.assert_allclose(recording.read(), X[antenna] * 10 ** (-6 / 20), atol=1e-6)
    assert found.level.rms_dbfs == pytest.approx(10 * np.log10(np.mean(np.abs(X) ** 2)) - 6, abs=0.01)


def test_it_ends_with_the_count_with_a_stop_or_with_the_radio(tmp_path: Path) -> None:
    assert capture(MemorySource(X, 1e6), tmp_path / "a", n_samples=12_345).n_samples == 12_345
    assert open_recording(tmp_path / "a0").n_samples == 12_345
    turns = iter([False, False, True])
    assert capture(MemorySource(X, 1e6), tmp_path / "b", stopped=lambda: next(turns)).n_samples == 20_000
    again = capture(FileRadio(f"file:{tmp_path / 'a0'}"), tmp_path / "c")
    assert again.n_samples == 12_345
    with pytest.raises(ValueError, match="at least 1"):
        capture(MemorySource(X, 1e6), tmp_path / "d", n_samples=0)


def test_gaps_are_kept(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a", 1e6, datatype="cf32_le") as recorder:
        recorder.write(X[0, :15_000])
        recorder.jump(40_000)
        recorder.write(X[0, :5_000])
    found = capture(FileRadio(f"file:{tmp_path / 'a'}"), tmp_path / "b")
    assert (found.gaps, found.lost, found.n_samples) == (1, 25_000, 20_000)
    assert open_recording(tmp_path / "b").segments == open_recording(tmp_path / "a").segments


def test_level_and_clipping() -> None:
    level = Level()
    assert (level.rms_dbfs, level.peak_dbfs, level.clipped) == (-math.inf, -math.inf, 0)
    level.add(np.array([[0.5, -0.5j], [1, 0.25 + 1.5j]], np.complex64))
    assert level.clipped == 2
    assert level.rms_dbfs == pytest.approx(10 * np.log10((0.25 + 0.25 + 1 + 0.0625 + 2.25) / 4))
    assert level.peak_dbfs == pytest.approx(20 * np.log10(1.5))


class Failing:
    """A radio that waits, gives something, and fails."""

    sample_rate, n_rx, stalled = 1e6, 1, True

    def __init__(self) -> None:
        self._turn = 0

    def receive(self, n: int) -> Received:
        self._turn += 1
        if self._turn == 5:
            raise RadioError("gone")
        return Received(X[:1, :n] if self._turn % 2 else X[:1, :0], (self._turn // 2) * n)


def test_what_there_was_before_a_failure_is_valid(tmp_path: Path) -> None:
    told: list[tuple[int, bool]] = []

    def progress(found: Captured, _since: Level) -> None:
        told.append((found.n_samples, found.waiting))

    with pytest.raises(RadioError, match="gone"):
        capture(Failing(), tmp_path / "r", progress=progress)
    assert told[0] == (10_000, False)
    assert open_recording(tmp_path / "r").n_samples == 20_000
