"""Noise and peaks of the power delay profiles of random access preambles (TS 36.211 5.7)."""

import numpy as np
from numpy.typing import NDArray

MAX_POINTS: int

def noise(
    profile: NDArray[np.float32],
    branches: int,
    start: float,
    clip: float,
    gain: float,
    tolerance: float,
    spreads: NDArray[np.float64],
    shapes: NDArray[np.float64],
    measured: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Noise of one branch on each row, and the shape of its Gamma distribution.

    The level is the mean of the points clipped at `clip` times the level, over `gain`, from `start` times the median of
    every fourth point on, three times over. A mean square of the clipped points over their squared mean of more than
    `tolerance` times ``spreads[0]`` gives another shape than the number of branches, in steps of 1/20.

    Args:
        profile: C-contiguous float32 (rows, n), n a multiple of 64 up to MAX_POINTS.
        branches: terms of each point.
        start: mean over median.
        clip: where points are clipped, relative to the level.
        gain: mean of clipped noise, relative to the level.
        tolerance: of the spread.
        spreads: float64 (m,), ascending.
        shapes: float64 (m,), shape of each spread.
        measured: float64 (m,), level measured of each spread relative to the true one.

    Returns:
        Float32 (rows,) and float64 (rows,).

    Raises:
        ValueError: sizes that do not fit.
    """

def peaks(
    profile: NDArray[np.float32], row: NDArray[np.int32], first: NDArray[np.int32], width: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Largest point of each window, and its place from the window's start; the first of equal ones.

    Args:
        profile: C-contiguous float32 (rows, n), not negative.
        row: int32 (count,), row of each window.
        first: int32 (count,), its first point; a window goes on at point 0 after the last one.
        width: points of a window, at most n.

    Returns:
        Float32 (count,) and int32 (count,).

    Raises:
        ValueError: a window outside the profiles.
    """
