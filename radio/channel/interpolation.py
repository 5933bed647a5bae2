"""Values between samples: windowed sinc filters."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

TAPS: Final = 24
"""Taps of a filter; the sample before the wanted instant is under tap ``TAPS // 2 - 1``."""

_PHASES: Final = 512
_BETA: Final = 8.0


def fractional_taps(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filters that read a signal ``fraction`` of a sample (0..1) after the sample under tap ``TAPS // 2 - 1``.

    Exact to -70 dB for frequencies up to 0.36 of the sample rate.

    Returns:
        float64 ``(..., TAPS)``.
    """
    distance = np.arange(TAPS) - (TAPS // 2 - 1) - np.asarray(fraction)[..., None]
    window = np.i0(_BETA * np.sqrt(np.maximum(1 - (2 * distance / TAPS) ** 2, 0))) / np.i0(_BETA)
    return np.asarray(np.sinc(distance) * window)


@cache
def _phases() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filters of equally spaced fractions, and the step from each to the next."""
    taps = fractional_taps(np.arange(_PHASES + 1) / _PHASES)
    return taps[:-1].astype(np.float32), np.diff(taps, axis=0).astype(np.float32)


def interpolate(samples: NDArray[np.complex64], positions: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Values of a signal at fractional positions.

    Args:
        samples: complex64 ``(..., n)``.
        positions: float64 ``(m,)`` from ``TAPS // 2 - 1`` to below ``n - TAPS // 2``.

    Returns:
        complex64 ``(..., m)``.
    """
    whole = np.floor(positions).astype(np.intp)
    phase = (positions - whole) * _PHASES
    index = np.minimum(phase.astype(np.intp), _PHASES - 1)
    taps, steps = _phases()
    filters = taps[index] + steps[index] * (phase - index).astype(np.float32)[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(samples, TAPS, axis=-1)[..., whole - (TAPS // 2 - 1), :]
    return np.asarray(np.einsum("...mt,mt->...m", windows, filters), np.complex64)
