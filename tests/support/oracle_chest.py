"""Channel estimation as dense linear algebra in NumPy, with the tables of `picocell.phy.lte.wiener`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.wiener import DelayModels, DopplerModels


@dataclass(frozen=True)
class Observation:
    """What `Chest.observe` returns."""

    z: NDArray[np.complex128]
    power: float
    first: float
    rssi: float
    noise: float
    apart: float
    slope: float
    width: int


def least_squares(
    grid: NDArray[np.complex64], index: NDArray[np.int32], reference: NDArray[np.complex64]
) -> NDArray[np.complex128]:
    flat = grid.reshape(len(grid), -1).astype(complex)
    return np.asarray(flat[:, index] / reference)


def peak(curve: NDArray[np.float64]) -> float:
    """Trial delay of the highest value, refined by a parabola; in radians per pilot spacing."""
    n = len(curve)
    top = int(np.argmax(curve))
    a, b, c = curve[top - 1], curve[top], curve[(top + 1) % n]
    return float(2 * np.pi * ((top + 0.5 * (a - c) / (a - 2 * b + c)) / n - 0.5))


def noise_outside(models: DelayModels, width: int, slope: float, covariance: NDArray[np.complex128]) -> float:
    turn = np.exp(-1j * slope * models.places)
    straight = (turn[:, None] * covariance * turn.conj()).real
    quiet = models.vectors[width][models.loud[width] :]
    return float(np.mean([v @ straight @ v for v in quiet]))


def observe(
    grid: NDArray[np.complex64],
    index: NDArray[np.int32],
    reference: NDArray[np.complex64],
    rssi_symbols: list[int],
    models: DelayModels,
    time_gain: float,
) -> Observation:
    z = least_squares(grid, index, reference)
    n_rx, n_rows, _ = z.shape
    power = float(np.mean(np.abs(z) ** 2))
    first = float(np.mean(np.abs(z[:, : len(rssi_symbols)]) ** 2))
    rssi = float(np.mean(np.sum(np.abs(grid[:, rssi_symbols].astype(complex)) ** 2, axis=-1)))
    z = z / np.sqrt(power)
    length = len(models.places)
    blocks = np.concatenate([z[..., b : b + length].reshape(-1, length) for b in models.blocks])
    covariance = blocks.T @ blocks.conj()
    covariance *= length / np.trace(covariance).real
    n_phases = models.cosine.shape[1]
    angles = 2 * np.pi * (np.arange(n_phases) / n_phases - 0.5)
    turns = np.exp(-1j * np.outer(angles, models.places))

    def traces(matrix: NDArray[np.float64], sample: NDArray[np.complex128]) -> NDArray[np.float64]:
        return np.asarray(np.einsum("pi,ij,pj,ij->p", turns, sample, turns.conj(), matrix, optimize=True).real)

    correction = 1 + models.noise_spread / np.sqrt(n_rx * n_rows * len(models.blocks))
    noise = float(traces(models.silence, covariance).min()) * correction
    trimmed = covariance - noise * (1 - 1 / time_gain) * np.eye(length)
    n_ports = _n_ports(n_rows, len(rssi_symbols))
    curves = []
    for width, values in enumerate(models.values):
        eigenvalues = max(1 - noise, 0.02) * values + noise / time_gain
        inverse = models.vectors[width].T @ np.diag(1 / eigenvalues) @ models.vectors[width]
        score = -traces(inverse, trimmed) - np.sum(np.log(eigenvalues))
        curves.append(models.prior[width] + n_rx * n_ports * len(models.blocks) * score)
    width = int(np.argmax([curve.max() for curve in curves]))
    guard = min(width + models.guard, len(curves) - 1)
    slope = peak(curves[width])
    return Observation(
        z,
        power,
        first,
        rssi,
        noise_outside(models, width, slope, covariance),
        noise_outside(models, guard, peak(curves[guard]), covariance),
        slope,
        width,
    )


def _n_ports(n_rows: int, n_times: int) -> int:
    """Ports from rows: four rows a port for ports 0 and 1, two for ports 2 and 3 of a whole subframe."""
    return {1: 1, 2: 2, 3: 4}[n_rows // n_times]


def dense(start: NDArray[np.intp], taps: NDArray[np.float32], n_pilots: int) -> NDArray[np.float64]:
    """A filter over a window as a matrix (n_sc, n_pilots)."""
    matrix = np.zeros((len(start), n_pilots))
    for k, (first, row) in enumerate(zip(start, taps, strict=True)):
        matrix[k, first : first + len(row)] = row
    return matrix


def tilt(slope: float, n_sc: int) -> NDArray[np.complex128]:
    k = np.arange(n_sc)
    return np.asarray(np.exp(1j * slope / 6 * (k + (k >= n_sc // 2))))


def choose_doppler(
    g: NDArray[np.complex128], times: NDArray[np.float64], models: DopplerModels, snr: int, freedom: float
) -> tuple[int, float]:
    """Doppler model and frequency offset from rows g (n_series, n_times, n_sc) of the first ports."""
    covariance = np.einsum("rsk,rtk->st", g, g.conj())
    covariance *= len(times) / np.trace(covariance).real
    lags = np.subtract.outer(times, times)
    score = np.empty((len(models.log_det[snr]), len(models.offsets)))
    for w, inverse in enumerate(models.weights[snr]):
        for o, offset in enumerate(models.offsets):
            turned = covariance * np.exp(-2j * np.pi * offset * lags)
            score[w, o] = models.prior[o] - freedom * (np.sum(turned * inverse).real + models.log_det[snr, w])
    w, o = divmod(int(np.argmax(score)), score.shape[1])
    cfo = float(models.offsets[o])
    if 0 < o < score.shape[1] - 1:
        a, b, c = score[w, o - 1 : o + 2]
        cfo += 0.5 * (a - c) / (a - 2 * b + c) * float(models.offsets[1] - models.offsets[0])
    return w, cfo
