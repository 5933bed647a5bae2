"""First stage of cell search: peaks of the correlation with the primary synchronisation signals (TS 36.211 6.11.1)."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import gammainccinv, gammaincinv

from picocell.phy.lte import sync
from picocell.phy.lte.cell import CyclicPrefix

SAMPLE_RATE: Final = 1_920_000
"""Samples per second that the search works at."""

N: Final = 128
"""Samples of a symbol without its prefix."""

FRAME: Final = 19_200
"""Samples of a radio frame."""

HALF_FRAME: Final = 9600
"""Samples of 5 ms, the period of the primary signal."""

TONES: Final = np.r_[-31:0, 1:32]
_BLOCK: Final = 2400
_BLOCK_FFT: Final = 2560
_CFO_COMB: Final = 3000.0 * np.arange(-4, 5)
_PEAK_RADIUS: Final = 4
_SILENCE: Final = 1e-9


@dataclass(slots=True)
class Candidate:
    """A peak of the primary correlation, and what the secondary signal then tells.

    Attributes:
        n_id_2: N_ID^(2) of the primary signal.
        position: sample of the primary signal's window in the first 5 ms.
        fraction: samples that the peak lies later, -0.5..0.5.
        cfo: carrier offset in hertz.
        metric: mean normalised primary correlation, 0..1.
        n_id_1: N_ID^(1) of the best secondary signal.
        first_subframe: subframe, 0 or 5, of the first 5 ms stretch.
        cp: cyclic prefix.
        secondary: mean normalised secondary correlation, 0..1.
        independent: how many stretches the secondary correlation counts as an average of.
    """

    n_id_2: int
    position: int
    fraction: float
    cfo: float
    metric: float
    n_id_1: int = 0
    first_subframe: int = 0
    cp: CyclicPrefix = CyclicPrefix.NORMAL
    secondary: float = 0.0
    independent: float = 1.0


def primary_peaks(x: NDArray[np.complex64], most: int) -> list[Candidate]:
    """Peaks of the primary correlation above the threshold, highest first.

    In noise alone about one passes: what is promised of false alarms is the second stage's business.

    Args:
        x: samples ``(n_rx, n)`` with components up to 1.
        most: most peaks to return.
    """
    total, count = _primary_statistic(x)
    shape = np.maximum(count, 1) * x.shape[0]
    p = 1.0 / total.size
    ratio = total / (_noise_floor(total, count, x.shape[0])[:, None] * _gamma_threshold(p, shape))
    by_cfo = ratio.reshape(3, len(_CFO_COMB), HALF_FRAME)
    hypothesis = by_cfo.argmax(axis=1)
    peaks = []
    for n_id_2, position in _local_maxima(by_cfo.max(axis=1), most):
        best = int(hypothesis[n_id_2, position])
        curve = total[n_id_2 * len(_CFO_COMB) + best]
        cfo = _cfo_from_halves(x, n_id_2, position, float(_CFO_COMB[best]))
        mean = float(curve[position] / shape[position])
        peaks.append(Candidate(n_id_2, position, _peak_fraction(curve, position), cfo, mean))
    return peaks


def correlation(samples: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Primary correlation for a picture: float32 ``(3, 9600)``, one row a PSS, over 5 ms, the best offset.

    Args:
        samples: complex ``(n_rx, n)`` at 1.92 Msps.

    Returns:
        Mean normalised correlation, 0..1.
    """
    total, count = _primary_statistic(samples)
    mean = total / np.maximum(count * samples.shape[0], 1)
    return np.asarray(mean.reshape(3, len(_CFO_COMB), HALF_FRAME).max(axis=1), np.float32)


def _gamma_threshold(p: float, shape: NDArray[np.int64]) -> NDArray[np.float64]:
    """Value that a Gamma variable of unit rate and each whole ``shape`` exceeds with probability ``p``."""
    table = np.zeros(int(shape.max()) + 1)
    for k in np.unique(shape):
        table[k] = gammainccinv(k, p)
    return np.asarray(table[shape])


@cache
def _replica(n_id_2: int) -> NDArray[np.complex64]:
    """The primary signal's 128 samples after its cyclic prefix, of unit energy."""
    bins = np.zeros(N, np.complex128)
    bins[TONES] = sync.pss(n_id_2)
    time = np.fft.ifft(bins)
    return np.asarray(time / np.linalg.norm(time), np.complex64)


@cache
def _replica_spectra() -> NDArray[np.complex64]:
    """Conjugate spectra of the replicas at every carrier offset, ``(3 * n_cfo, _BLOCK_FFT)``."""
    turn = np.exp(2j * np.pi * np.outer(_CFO_COMB / SAMPLE_RATE, np.arange(N)))
    replicas = np.concatenate([_replica(i) * turn for i in range(3)])
    return np.asarray(np.conj(np.fft.fft(replicas, _BLOCK_FFT)), np.complex64)


def _primary_statistic(x: NDArray[np.complex64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Normalised primary correlation summed over antennas and 5 ms stretches, and how many windows were summed.

    Returns:
        float32 ``(3 * n_cfo, 9600)`` and int64 ``(9600,)``.
    """
    spectra = _replica_spectra()
    total = np.zeros((len(spectra), HALF_FRAME), np.float32)
    count = np.zeros(HALF_FRAME, np.int64)
    n_windows = x.shape[1] - N + 1
    for antenna in x:
        edges = np.concatenate([[0.0], np.cumsum(np.abs(antenna).astype(np.float64) ** 2)])
        energy = edges[N:] - edges[:-N]
        heard = energy > _SILENCE * max(float(energy.max()), np.finfo(float).tiny)
        weight = np.where(heard, 1.0 / np.where(heard, energy, 1.0), 0.0).astype(np.float32)
        for start in range(0, n_windows, _BLOCK):
            piece = antenna[start : start + _BLOCK + N - 1]
            used = slice(start, min(start + _BLOCK, n_windows))
            at = slice(start % HALF_FRAME, start % HALF_FRAME + used.stop - used.start)
            count[at] += heard[used]
            if not heard[used].any():
                continue
            product = scipy.fft.fft(piece, _BLOCK_FFT) * spectra
            values = scipy.fft.ifft(product, axis=1, overwrite_x=True)[:, : used.stop - used.start]
            total[:, at] += (values.real**2 + values.imag**2) * weight[used]
    return total, count // x.shape[0]


def _noise_floor(total: NDArray[np.float32], count: NDArray[np.int64], n_rx: int) -> NDArray[np.float64]:
    """Mean of one window's statistic without a signal, per hypothesis: from the median, which peaks do not move."""
    heard = count > 0
    if not heard.any():
        return np.ones(len(total))
    shape = float(np.median(count[heard])) * n_rx
    median = np.median(total[:, heard] / count[heard], axis=1) / n_rx
    # a stretch of silence or a noiseless empty carrier must not pull the floor below white noise's own
    return np.asarray(np.maximum(median * shape / gammaincinv(shape, 0.5), 0.5 / N))


def _local_maxima(score: NDArray[np.float64], most: int) -> list[tuple[int, int]]:
    """Root and position of the peaks above 1, highest first, none within the peak radius of a higher one."""
    roots, positions = np.nonzero(score > 1.0)
    order = np.argsort(-score[roots, positions])
    taken: list[tuple[int, int]] = []
    free = np.ones(score.shape, bool)
    for root, position in zip(roots[order].tolist(), positions[order].tolist(), strict=True):
        if not free[root, position]:
            continue
        taken.append((root, position))
        free[root, np.arange(position - _PEAK_RADIUS, position + _PEAK_RADIUS + 1) % HALF_FRAME] = False
        if len(taken) == most:
            break
    return taken


def _peak_fraction(curve: NDArray[np.float32], position: int) -> float:
    """Where the peak lies between samples: the vertex of a parabola through three points."""
    before, here, after = (float(curve[(position + i) % HALF_FRAME]) for i in (-1, 0, 1))
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def windows(x: NDArray[np.complex64], first: int) -> tuple[NDArray[np.int64], NDArray[np.complex64]]:
    """The 128-sample windows at ``first`` + 9600 i that lie inside the recording: i ``(m,)``, ``(n_rx, m, 128)``."""
    n = x.shape[1]
    i = np.arange(-1, n // HALF_FRAME + 1)
    i = i[(first + HALF_FRAME * i >= 0) & (first + HALF_FRAME * i + N <= n)]
    return i, x[:, (first + HALF_FRAME * i)[:, None] + np.arange(N)]


def derotated(windows: NDArray[np.complex64], cfo: float) -> NDArray[np.complex64]:
    """Windows with the carrier offset taken out, the phase counted from each window's first sample."""
    return np.asarray(windows * np.exp(-2j * np.pi * cfo / SAMPLE_RATE * np.arange(N)), np.complex64)


def elements(windows: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """The 62 central resource elements of windows, unitary."""
    return np.asarray(scipy.fft.fft(windows, axis=-1)[..., TONES] / np.sqrt(N), np.complex64)


def _cfo_from_halves(x: NDArray[np.complex64], n_id_2: int, position: int, cfo: float) -> float:
    """Carrier offset from the turn between the two halves of the primary signal; unambiguous to 15 kHz of ``cfo``."""
    seen = derotated(windows(x, position)[1], cfo) * _replica(n_id_2).conj()
    parts = seen.reshape(*seen.shape[:2], 2, N // 2).sum(axis=-1)
    turn = np.angle(np.sum(np.conj(parts[..., 0]) * parts[..., 1]))
    return cfo + float(turn) / (2 * np.pi) * SAMPLE_RATE / (N // 2)
