"""Wiener filters for channel estimation, and the channel models among which the pilots choose.

A model says that the delays of the channel fill a window evenly and that its Doppler shifts do (both centred, hence
real correlations). The pilots' likelihood under each model picks the window's width and centre; the filter of that
model then interpolates. Filters run over a window of pilots of one OFDM symbol, then over a subframe's pilot symbols.
"""

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.chest import Filter
from picocell.phy.lte.crs import SPACING
from picocell.phy.lte.frame import SUBCARRIER_SPACING

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

DELAY_WIDTHS: Final = (0.0, 0.2e-6, 0.6e-6, 1.4e-6, 3.0e-6, 6.0e-6)
"""Widths of the delay window in seconds: none, then about those of EPA, EVA and ETU (TS 36.101 B.2)."""

DOPPLER_WIDTHS: Final = (0.0, 15.0, 60.0, 150.0, 320.0)
"""Largest Doppler shifts in hertz."""

SNR_GRID_DB: Final = tuple(range(-15, 61, 5))
"""Signal-to-noise ratios for which there are filters."""

WIDTH_PENALTY: Final = 1.0
DELAY_SIGMA_S: Final = 1.5e-6
CFO_SIGMA_HZ: Final = 80.0
"""What is expected before any pilot is seen: log-likelihood lost at each wider delay window, and the standard
deviations of the delay (timing offset) and of the carrier frequency offset that a tracking loop leaves."""

CFO_GRID_HZ: Final = tuple(float(f) for f in range(-300, 301, 25))
"""Trial carrier frequency offsets."""

N_PHASES: Final = 128
"""Trial delays, over the 1 / 90 kHz that pilots six subcarriers apart can tell."""

MAX_WINDOW: Final = 24
"""Most pilots of one OFDM symbol that a filter or a model looks at together."""

_QUIET: Final = 3e-3
"""Eigenvalue below which a model's eigenvector holds noise only."""

_GUARD: Final = 2

_NOISE_SPREAD: Final = 0.7
"""The least of the noise powers found under all trial delays is too low by about this over the root of their number."""


def snr_index(snr_db: float) -> int:
    """Entry of `SNR_GRID_DB` nearest to a signal-to-noise ratio."""
    step = SNR_GRID_DB[1] - SNR_GRID_DB[0]
    return min(max(round((snr_db - SNR_GRID_DB[0]) / step), 0), len(SNR_GRID_DB) - 1)


def frequencies(n_sc: int) -> F64:
    """Frequency of each subcarrier over the spacing, from the lowest on: the step over the empty DC subcarrier is 2."""
    k = np.arange(n_sc)
    return (k + (k >= n_sc // 2)).astype(np.float64)


def _delay_correlation(lags: F64, width: float) -> F64:
    """Correlation at lags in subcarriers under a delay window of a width in seconds."""
    result: F64 = np.sinc(lags * SUBCARRIER_SPACING * width)
    return result


def _doppler_correlation(lags: F64, width: float) -> F64:
    """Correlation at lags in seconds under Doppler shifts up to a width in hertz."""
    result: F64 = np.sinc(2 * lags * width)
    return result


@dataclass(frozen=True, slots=True)
class DelayModels:
    """Tables for the sample covariance of blocks of pilots of one OFDM symbol.

    Attributes:
        blocks: int32 (n_blocks,) first pilot of each block. None lies across the DC subcarrier, but the only one of six
            resource blocks.
        lag: int32 (length, length) which of n_lags distances lies between two pilots, the first not before the second.
        places: float64 (length,) places of a block's pilots in pilot spacings.
        silence: float64 (length, length) mean projector on the eigenvectors outside the widest window.
        cosine: float64 (n_lags, N_PHASES) of the rotation of each distance under each trial delay.
        sine: the same.
        vectors: float64 (n_widths, length, length) one eigenvector a row, by falling eigenvalue.
        values: float64 (n_widths, length) eigenvalues, which sum to `length`.
        loud: int32 (n_widths,) eigenvectors that may hold signal.
        prior: float64 (n_widths, N_PHASES) logarithm of what is expected before any pilot is seen.
        noise_spread: of the noise powers under all trial delays, for one block.
        guard: windows from the chosen one to that outside which noise is measured, lest weak late paths count.
    """

    blocks: NDArray[np.int32]
    lag: NDArray[np.int32]
    places: F64
    silence: F64
    cosine: F64
    sine: F64
    vectors: F64
    values: F64
    loud: NDArray[np.int32]
    prior: F64
    noise_spread: float
    guard: int


def _blocks(n_pilots: int) -> tuple[NDArray[np.int32], int]:
    """First pilot of each block, and the pilots in a block."""
    if n_pilots < MAX_WINDOW:
        return np.zeros(1, np.int32), n_pilots
    half = n_pilots // 2
    length = min(half, MAX_WINDOW)
    starts = np.arange(0, half - length + 1, length)
    return np.concatenate([starts, half + starts]).astype(np.int32), length


@cache
def delay_models(n_pilots: int, widths: tuple[float, ...] = DELAY_WIDTHS) -> DelayModels:
    """Tables for OFDM symbols of `n_pilots` pilots, with the given delay windows to choose from."""
    blocks, length = _blocks(n_pilots)
    places = frequencies(SPACING * n_pilots)[: SPACING * length : SPACING] / SPACING
    apart: F64 = np.asarray(np.round(np.subtract.outer(places, places), 6), np.float64)
    lags = np.unique(np.abs(apart))
    values, vectors = _eigen(SPACING * apart, widths)
    widest_values, widest = _eigen(SPACING * apart, (max(*widths, *DELAY_WIDTHS),))
    empty = widest[0][widest_values[0] < _QUIET]
    angles = 2 * np.pi * (np.arange(N_PHASES) / N_PHASES - 0.5)
    delays = angles / (2 * np.pi * SPACING * SUBCARRIER_SPACING)
    return DelayModels(
        blocks=blocks,
        lag=np.searchsorted(lags, np.abs(apart)).astype(np.int32),
        places=places,
        silence=empty.T @ empty / len(empty),
        cosine=np.cos(np.outer(lags, angles)),
        sine=np.sin(np.outer(lags, angles)),
        vectors=vectors,
        values=values,
        loud=np.count_nonzero(values >= _QUIET, axis=1).astype(np.int32),
        prior=-WIDTH_PENALTY * np.arange(len(widths))[:, None] - 0.5 * (delays / DELAY_SIGMA_S) ** 2,
        noise_spread=_NOISE_SPREAD / sqrt(len(empty)),
        guard=_GUARD,
    )


def _eigen(lags: F64, widths: tuple[float, ...]) -> tuple[F64, F64]:
    """Eigenvalues (n_widths, n) by falling size, and eigenvectors (n_widths, n, n) in rows."""
    values, vectors = np.linalg.eigh(np.array([_delay_correlation(lags, width) for width in widths]))
    return np.maximum(values[:, ::-1], 0.0), np.ascontiguousarray(vectors[:, :, ::-1].transpose(0, 2, 1))


@cache
def delay_filter(n_prb: int, offset: int, width: float, snr: int) -> Filter:
    """Wiener filter from the pilots of an OFDM symbol, at subcarriers ``offset + 6 m``, to all its subcarriers.

    Args:
        n_prb: resource blocks.
        offset: first pilot's subcarrier, 0..5.
        width: delay window in seconds.
        snr: entry of `SNR_GRID_DB`.
    """
    n_pilots = 2 * n_prb
    length = min(n_pilots, MAX_WINDOW)
    k = np.arange(SPACING * n_pilots)
    start = np.clip(np.rint((k - offset) / SPACING).astype(int) - length // 2, 0, n_pilots - length)
    where = frequencies(len(k))
    windows = np.arange(start[0], start[-1] + 1)
    at = where[offset + SPACING * (windows[:, None] + np.arange(length))]
    correlation = _delay_correlation(at[:, :, None] - at[:, None, :], width)
    inverse = np.linalg.inv(correlation + np.eye(length) * 10 ** (-SNR_GRID_DB[snr] / 10))
    mine = start - windows[0]
    taps = np.matmul(_delay_correlation(where[:, None] - at[mine], width)[:, None], inverse[mine])[:, 0]
    return _filter(start, taps, offset, n_pilots)


@cache
def straight_filter(n_prb: int, offset: int) -> Filter:
    """Straight lines between the pilots of an OFDM symbol, level beyond the ends."""
    n_pilots = 2 * n_prb
    where = frequencies(SPACING * n_pilots)
    k = np.arange(len(where))
    start = np.clip((k - offset) // SPACING, 0, n_pilots - 2)
    left, right = where[offset + SPACING * start], where[offset + SPACING * (start + 1)]
    share = np.clip((where - left) / (right - left), 0.0, 1.0)
    return _filter(start, np.stack([1 - share, share], axis=1), offset, n_pilots)


@cache
def mean_filter(n_prb: int) -> Filter:
    """The mean of all pilots of an OFDM symbol."""
    n_pilots = 2 * n_prb
    n_sc = SPACING * n_pilots
    return Filter(np.zeros(n_sc, np.int32), np.zeros((n_sc, 0), np.float32), 1 / n_pilots, 1 / n_pilots, n_pilots)


def _filter(start: NDArray[np.intp], taps: F64, offset: int, n_pilots: int) -> Filter:
    pilots = np.arange(n_pilots)
    k = offset + SPACING * pilots
    own = float(np.mean(taps[k, pilots - start[k]]))
    return Filter(start, taps, own, float(np.mean(np.sum(taps * taps, axis=1))), n_pilots)


@dataclass(frozen=True, slots=True)
class DopplerModels:
    """Tables for the sample covariance between the pilot symbols of a subframe.

    Attributes:
        weights: float64 (n_snr, n_widths, n_times, n_times) inverse covariances.
        log_det: float64 (n_snr, n_widths).
        offsets: float64 (n_offsets,) trial carrier frequency offsets in hertz.
        prior: float64 (n_offsets,) logarithm of what is expected before any pilot is seen.
    """

    weights: F64
    log_det: F64
    offsets: F64
    prior: F64


@cache
def doppler_models(times: tuple[float, ...], widths: tuple[float, ...] = DOPPLER_WIDTHS) -> DopplerModels:
    """Tables for pilot symbols at the given times in seconds, with the given Doppler widths to choose from."""
    lags = np.subtract.outer(times, times)
    snr = 10 ** (np.array(SNR_GRID_DB) / 10)[:, None, None, None]
    correlation = np.array([_doppler_correlation(lags, width) for width in widths])
    covariance = (snr * correlation + np.eye(len(times))) / (snr + 1)
    offsets = np.array(CFO_GRID_HZ)
    prior = -0.5 * (offsets / CFO_SIGMA_HZ) ** 2
    return DopplerModels(np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1], offsets, prior)


@cache
def doppler_filters(
    times: tuple[float, ...], targets: tuple[float, ...], widths: tuple[float, ...] = DOPPLER_WIDTHS
) -> F32:
    """Wiener filters from pilot symbols at `times` to symbols at `targets`.

    Returns:
        float32 (n_snr, n_widths, n_targets, n_times).
    """
    snr = 10 ** (np.array(SNR_GRID_DB) / 10)[:, None, None, None]
    correlation = np.array([_doppler_correlation(np.subtract.outer(times, times), width) for width in widths])
    cross = np.array([_doppler_correlation(np.subtract.outer(targets, times), width) for width in widths])
    return np.asarray(cross @ np.linalg.inv(correlation + np.eye(len(times)) / snr), np.float32)


def straight_weights(times: tuple[float, ...], targets: tuple[float, ...]) -> F64:
    """Straight lines between pilot symbols, level beyond the ends, float64 (n_targets, n_times)."""
    return np.stack([np.interp(targets, times, unit) for unit in np.eye(len(times))], axis=1)
