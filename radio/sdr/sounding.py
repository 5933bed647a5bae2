"""A known burst, and where in received samples it is: to a fraction of a sample."""

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

N_FFT: Final = 2048
"""Samples of the symbol."""
N_SUBCARRIERS: Final = 1200
"""Those of an uplink reference symbol of 100 resource blocks: 59% of the sample rate, as a cell has it."""
N_ZC: Final = 1193
"""The largest prime below: length of the Zadoff-Chu sequence that it is made of (TS 36.211 5.5.1.1)."""
MARGIN: Final = 64
"""Samples by which the symbol goes on cyclically on both sides, while filters settle."""
_ROOT: Final = round(N_ZC / 31)  # of group 0, base sequence 0
_MATCH: Final = 0.05  # noise alone has one part in 2048 on average, and never comes to this
_ROUNDS: Final = 4


class Arrival(NamedTuple):
    """Where a burst was found.

    Attributes:
        delay: samples by which it is later than it was due.
        match: share of the energy at its place that is the symbol, 0 to 1.
        power: mean square of the samples at its place.
        quiet: mean square of samples before it.
    """

    delay: float
    match: float
    power: float
    quiet: float


@cache
def symbol() -> NDArray[np.complex64]:
    """The known symbol, complex64 ``(2048,)`` of mean square 1: the sequence on 1200 subcarriers around 0 Hz."""
    m = np.arange(N_SUBCARRIERS) % N_ZC
    spectrum = np.zeros(N_FFT, np.complex128)
    spectrum[_subcarriers()] = np.exp(-1j * np.pi * (_ROOT * m * (m + 1) % (2 * N_ZC)) / N_ZC)
    samples: NDArray[np.complex64] = (np.fft.ifft(spectrum) * N_FFT / np.sqrt(N_SUBCARRIERS)).astype(np.complex64)
    return samples


def burst(level_dbfs: float) -> NDArray[np.complex64]:
    """The symbol between its cyclic margins.

    Args:
        level_dbfs: largest real or imaginary part, against full scale.

    Returns:
        complex64 ``(2176,)``; the symbol begins at sample :data:`MARGIN`.
    """
    one = symbol()
    whole = np.concatenate([one[-MARGIN:], one, one[:MARGIN]])
    whole *= np.float32(10 ** (level_dbfs / 20) / peak(one))
    return whole


def locate(samples: NDArray[np.complex64], due: int) -> Arrival | None:
    """Find the symbol.

    Args:
        samples: complex64 ``(n,)`` of one antenna, 2048 or more.
        due: index at which the symbol begins if nothing delays it.

    Returns:
        Where it is; None where it is not there.

    Raises:
        ValueError: fewer samples than the symbol has.
    """
    if len(samples) < N_FFT:
        raise ValueError(f"{len(samples)} samples are not enough: {N_FFT} or more are")
    size = 1 << (len(samples) - 1).bit_length()
    found = np.abs(np.fft.ifft(np.fft.fft(samples, size) * _reference(size))[: len(samples) - N_FFT + 1])
    energy = np.concatenate([[0.0], np.cumsum(samples.real**2 + samples.imag**2, dtype=np.float64)])
    here = energy[N_FFT:] - energy[:-N_FFT]
    least = max(1e-9 * float(energy[-1]), 1e-30)  # where next to nothing is received rounding would decide
    match = found**2 / (N_FFT * np.maximum(here, least))
    at = int(np.argmax(np.where(match > _MATCH, found, 0.0)))
    if match[at] <= _MATCH:
        return None
    before = max(at - 2 * MARGIN, 0)
    quiet = float(energy[before] - energy[before // 2]) / max(before - before // 2, 1)
    fraction, highest = _interpolate(samples, at)
    share = min(highest**2 / (N_FFT * float(here[at])), 1.0)
    return Arrival(at + fraction - due, share, float(here[at]) / N_FFT, quiet)


def peak(samples: NDArray[np.complex64]) -> float:
    """Largest real or imaginary part; full scale is 1."""
    return float(max(np.abs(samples.real).max(), np.abs(samples.imag).max())) if samples.size else 0.0


@cache
def _reference(size: int) -> NDArray[np.complex64]:
    """The symbol's spectrum, by which a received one is multiplied."""
    spectrum: NDArray[np.complex64] = np.fft.fft(symbol(), size).conj().astype(np.complex64)
    return spectrum


def _interpolate(samples: NDArray[np.complex64], at: int) -> tuple[float, float]:
    """The maximum of the correlation by the subcarriers' phases: samples behind ``at``, and how large it is."""
    chosen = _subcarriers()
    cross = np.fft.fft(samples[at : at + N_FFT])[chosen] * np.fft.fft(symbol())[chosen].conj() / N_FFT
    turn = 2j * np.pi * np.fft.fftfreq(N_FFT)[chosen]
    centre, width, highest = 0.0, 1.0, 0.0
    for _ in range(_ROUNDS):
        offsets = centre + width * np.linspace(-1, 1, 17)
        values = np.abs(np.exp(offsets[:, None] * turn) @ cross)
        centre, highest, width = float(offsets[np.argmax(values)]), float(values.max()), width / 8
    return centre, highest


def _subcarriers() -> NDArray[np.intp]:
    """Their bins, the lowest frequency first; none at 0 Hz."""
    half = N_SUBCARRIERS // 2
    return np.concatenate([np.arange(N_FFT - half, N_FFT), np.arange(1, half + 1)])
