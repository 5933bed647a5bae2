"""Delay models of the uplink's channel and the filters that follow from them.

A model says that delays fill a window of some width evenly about the timing offset. The likelihood of the pilots under
each model picks offset and width; the Wiener filter of that model then smooths over the subcarriers. Filters run over a
window of at most five resource blocks, so that their tables do not depend on the allocation.
"""

from dataclasses import dataclass
from functools import cache
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import ulchest
from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.frame import SUBCARRIER_SPACING

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

WIDTHS: Final = (0.0, 0.3e-6, 1.0e-6, 2.5e-6, 6.0e-6)
"""Widths of the delay window in seconds: none, then about those of EPA, EVA and ETU (TS 36.104 B.2)."""

MAX_OFFSET_S: Final = 8e-6
OFFSET_STEP_S: Final = 0.25e-6
OFFSET_SIGMA_S: Final = 3e-6
"""Trial timing offsets, and the standard deviation expected before a pilot is seen."""

WIDTH_PENALTY: Final = 1.0
"""Log-likelihood lost at each wider window before a pilot is seen."""

SNR_GRID_DB: Final = tuple(range(-20, 51, 5))
"""Signal-to-noise ratios for which there are tables."""

MAX_BLOCK: Final = 2 * N_SC_RB
"""Subcarriers of a block whose covariance the likelihood takes."""

MAX_WINDOW: Final = 5 * N_SC_RB
"""Subcarriers of a filter."""

QUIET: Final = 1e-6
"""Eigenvalue below which an eigenvector of a model holds noise only."""


def snr_index(snr: float) -> int:
    """Entry of `SNR_GRID_DB` nearest to a signal-to-noise ratio (linear)."""
    step = SNR_GRID_DB[1] - SNR_GRID_DB[0]
    snr_db = 10 * log10(max(snr, 1e-3))
    return min(max(round((snr_db - SNR_GRID_DB[0]) / step), 0), len(SNR_GRID_DB) - 1)


def correlation(length: int, width: float) -> F64:
    """Correlation of subcarriers ``(length, length)`` under a delay window of a width in seconds about 0."""
    k = np.arange(length)
    return np.sinc(np.subtract.outer(k, k) * (SUBCARRIER_SPACING * width))


def offsets(max_offset_s: float = MAX_OFFSET_S) -> F64:
    """Trial timing offsets in seconds, symmetric about 0."""
    n = max(int(max_offset_s / OFFSET_STEP_S), 2)
    return np.asarray(OFFSET_STEP_S * np.arange(-n, n + 1), np.float64)


def _quiet_projector(correlated: F64) -> tuple[F64, int]:
    """Projector on the eigenvectors that hold noise only, and its rank (at least two)."""
    values, vectors = np.linalg.eigh(correlated)
    rank = max(int((values < QUIET).sum()), 2)
    quiet = vectors[:, :rank]
    return np.asarray(quiet @ quiet.T, np.float64), rank


def by_lag(matrix: F64) -> F64:
    """Symmetric matrices ``(..., n, n)`` with the entry (j + d, j) at (d, j), twice where d is not 0, else 0.

    The product of such a table with a covariance by lag (`ulchest.covariance`) sums over the whole square.
    """
    n = matrix.shape[-1]
    lag, column = np.nonzero(np.add.outer(np.arange(n), np.arange(n)) < n)
    table = np.zeros(matrix.shape)
    table[..., lag, column] = matrix[..., lag + column, column] * np.where(lag > 0, 2.0, 1.0)
    return table


@cache
def delay_models(length: int, max_offset_s: float = MAX_OFFSET_S) -> ulchest.DelayModels:
    """Models for blocks of `length` pilots, 12 or 24, and trial offsets in seconds up to `max_offset_s`."""
    wide, rank = _quiet_projector(correlation(length, 2 * max_offset_s + WIDTHS[2]))
    projectors = [_quiet_projector(correlation(length, max(width, WIDTHS[2]))) for width in WIDTHS]
    snr = 10 ** (np.array(SNR_GRID_DB) / 10)
    inverse, log_det = [], []
    for width in WIDTHS:
        values, vectors = np.linalg.eigh(correlation(length, width))
        gains = 1 + snr[:, None] * np.maximum(values, 0)
        inverse.append((vectors / gains[:, None, :]) @ vectors.T)
        log_det.append(np.log(gains).sum(axis=1))
    trial = offsets(max_offset_s)
    return ulchest.DelayModels(
        inverse=by_lag(np.stack(inverse, axis=1)),
        log_det=np.stack(log_det, axis=1),
        prior=-0.5 * (trial / OFFSET_SIGMA_S) ** 2 - WIDTH_PENALTY * np.arange(len(WIDTHS))[:, None],
        silence=by_lag(wide) / rank,
        quiet=np.stack([by_lag(p) / r for p, r in projectors]),
        snr_db=SNR_GRID_DB,
        offsets=trial,
        turn=2 * np.pi * SUBCARRIER_SPACING,
    )


@dataclass(frozen=True, slots=True)
class Smoothers:
    """Wiener filters over windows of `length` subcarriers.

    Attributes:
        length: subcarriers of the window.
        taps: float32 (n_widths, n_snr, length, length): column j gives subcarrier j of a window.
        explained: share of the channel's power that the estimate has, by width and signal-to-noise ratio, mid-window.
    """

    length: int
    taps: F32
    explained: tuple[tuple[float, ...], ...]


@cache
def smoothers(length: int) -> Smoothers:
    """Filters over windows of `length` subcarriers."""
    snr = 10 ** (np.array(SNR_GRID_DB) / 10)
    taps, explained = [], []
    for width in WIDTHS:
        matrix = correlation(length, width)
        values, vectors = np.linalg.eigh(matrix)
        values = np.maximum(values, 0)
        gains = snr[:, None] * values / (1 + snr[:, None] * values)
        taps.append((vectors * gains[:, None, :]) @ vectors.T)
        share = (gains * values) @ vectors[length // 2] ** 2
        explained.append(tuple(share.tolist()))
    return Smoothers(length, np.stack(taps).astype(np.float32), tuple(explained))
