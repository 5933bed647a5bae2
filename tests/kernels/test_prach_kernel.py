"""Noise and peaks of preambles' power delay profiles against NumPy."""

import numpy as np
import pytest

from picocell.kernels import prach
from picocell.phy.lte.prach_detect import _noise_tables

POINTS = 2048


def _noise(profile: np.ndarray, branches: int) -> tuple[np.ndarray, np.ndarray]:
    """As the docstring of the kernel says it."""
    start, clip, gain, tolerance, spreads, shapes, measured = _noise_tables(branches)
    level = np.median(profile[:, ::4], axis=1).astype(np.float64) * start
    for _ in range(3):
        clipped = np.minimum(profile.astype(np.float64), clip * level[:, None])
        level = clipped.mean(axis=1) / gain
    spread = (clipped**2).mean(axis=1) / np.maximum(clipped.mean(axis=1), 1e-30) ** 2
    spread = np.where(spread > tolerance * spreads[0], spread, spreads[0])
    shape = np.where(spread > spreads[0], np.floor(np.interp(spread, spreads, shapes) * 20) / 20, branches)
    return level / (np.interp(spread, spreads, measured) * branches), shape


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_noise(branches: int) -> None:
    rng = np.random.default_rng(branches)
    profile = rng.gamma(branches, 3.0, (6, POINTS))
    profile[1, 100:110] *= 50  # a preamble
    profile[2] = rng.gamma(0.7, 3.0, POINTS)  # interference
    profile[3] = rng.gamma(0.3, 3.0, POINTS)  # more of it than the tables have
    profile[4] *= 1e-9
    profile[5] = 0
    profile = profile.astype(np.float32)
    level, shape = prach.noise(profile, branches, *_noise_tables(branches))
    wanted_level, wanted_shape = _noise(profile, branches)
    np.testing.assert_allclose(level, wanted_level, rtol=1e-4)
    np.testing.assert_allclose(shape, wanted_shape, atol=1e-9)
    assert shape[0] == branches
    assert shape[2] < 1.0


@pytest.mark.parametrize("width", [1, 7, 63, POINTS])
def test_peaks(width: int) -> None:
    rng = np.random.default_rng(width)
    profile = rng.integers(0, 40, (3, POINTS)).astype(np.float32)  # with equal ones
    row = rng.integers(0, 3, 64).astype(np.int32)
    first = rng.integers(0, POINTS, 64).astype(np.int32)
    first[:3] = 0, POINTS - 1, POINTS - width // 2 - 1
    peak, at = prach.peaks(profile, row, first, width)
    windows = profile[row[:, None], (first[:, None] + np.arange(width)) % POINTS]
    np.testing.assert_array_equal(peak, windows.max(axis=1))
    np.testing.assert_array_equal(at, windows.argmax(axis=1))


def test_what_does_not_fit_is_refused() -> None:
    profile, one = np.ones((2, POINTS), np.float32), np.zeros(1, np.int32)
    tables = _noise_tables(1)
    with pytest.raises(ValueError, match="points"):
        prach.noise(profile[:, :100].copy(), 1, *tables)
    with pytest.raises(ValueError, match="points"):
        prach.noise(profile[:0], 1, *tables)
    with pytest.raises(ValueError, match="branches"):
        prach.noise(profile, 0, *tables)
    with pytest.raises(ValueError, match="lengths"):
        prach.noise(profile, 1, *tables[:-1], tables[-1][1:])
    for width in (0, POINTS + 1):
        with pytest.raises(ValueError, match="do not fit"):
            prach.peaks(profile, one, one, width)
    with pytest.raises(ValueError, match="do not fit"):
        prach.peaks(profile, one, np.zeros(2, np.int32), 3)
    for row, first in ((2, 0), (-1, 0), (0, POINTS), (0, -1)):
        with pytest.raises(ValueError, match="begins at point"):
            prach.peaks(profile, one + np.int32(row), one + np.int32(first), 3)
