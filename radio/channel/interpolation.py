"""Values between samples: windowed sinc filters."""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import Interpolator

TAPS: Final = 24
"""Taps of a filter; the sample before the wanted instant is under tap ``TAPS // 2 - 1``."""

_PHASES: Final = 512
_BETA: Final = 8.0


def fractional_taps(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filters that read a signal ``fraction`` of a sample (0..1) after the sample under tap ``TAPS // 2 - 1``.

    Exact to -70 dB for frequencies up to 0.39 of the sample rate.

    Returns:
        float64 ``(..., TAPS)``.
    """
    distance = np.arange(TAPS) - (TAPS // 2 - 1) - np.asarray(fraction)[..., None]
    window = np.i0(_BETA * np.sqrt(np.maximum(1 - (2 * distance / TAPS) ** 2, 0))) / np.i0(_BETA)
    return np.asarray(np.sinc(distance) * window)


@cache
def _interpolator() -> Interpolator:
    """Filters of equally spaced fractions, interpolated between."""
    return Interpolator(fractional_taps(np.arange(_PHASES + 1) / _PHASES).astype(np.float32))


def interpolate(
    samples: NDArray[np.complex64], first: float, step: float = 1.0, count: int | None = None
) -> NDArray[np.complex64]:
    """Values of a signal at the fractional positions ``first + i step``.

    Args:
        samples: complex64 ``(n_signals, n)``.
        first: position of the first value, at least ``TAPS // 2 - 1``.
        step: samples from one to the next, above 0.
        count: values, the last one below ``n - TAPS // 2``; None for as many as there are with a step of 1.

    Returns:
        complex64 ``(n_signals, count)``.

    Raises:
        ValueError: positions outside.
    """
    if count is None:
        count = max(samples.shape[1] - TAPS // 2 - math.floor(first), 0)
    return _interpolator().run(samples, first, step, count)
