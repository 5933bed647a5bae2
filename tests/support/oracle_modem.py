"""Constellations and brute-force soft demapping, from the formulae behind the tables of TS 36.211 7.1."""

import numpy as np
from numpy.typing import NDArray

_NORM = {2: 2.0, 4: 10.0, 6: 42.0, 8: 170.0}


def _axis(bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Amplitude of one axis from its bits (n, m), first bit first: 64QAM is (1-2b0)(4 - (1-2b1)(2 - (1-2b2)))."""
    sign = 1.0 - 2.0 * bits
    m = bits.shape[1]
    level = np.ones(len(bits))
    for i in range(m - 1, 0, -1):
        level = 2.0 ** (m - i) - sign[:, i] * level
    return np.asarray(sign[:, 0] * level)


def map_bits(bits: NDArray[np.uint8], q_m: int) -> NDArray[np.complex128]:
    """Symbols (n,) of bits (n * q_m,)."""
    rows = bits.reshape(-1, q_m).astype(np.int64)
    if q_m == 1:
        return np.asarray((1 - 2.0 * rows[:, 0]) * (1 + 1j) / np.sqrt(2))
    return np.asarray((_axis(rows[:, 0::2]) + 1j * _axis(rows[:, 1::2])) / np.sqrt(_NORM[q_m]))


def constellation(q_m: int) -> tuple[NDArray[np.uint8], NDArray[np.complex128]]:
    """All bit patterns (2^q_m, q_m) and their symbols."""
    patterns = ((np.arange(1 << q_m)[:, None] >> np.arange(q_m)) & 1).astype(np.uint8)
    return patterns, map_bits(patterns.ravel(), q_m)


def max_log(symbols: NDArray[np.complex64], noise_var: NDArray[np.float64] | float, q_m: int) -> NDArray[np.float64]:
    """Max-log LLRs ln P(0)/P(1) (n, q_m): difference of the least squared distances over the noise power."""
    patterns, points = constellation(q_m)
    distance = np.abs(symbols.astype(np.complex128)[:, None] - points) ** 2
    llr = [distance[:, patterns[:, b] == 1].min(1) - distance[:, patterns[:, b] == 0].min(1) for b in range(q_m)]
    return np.asarray(np.stack(llr, axis=1) / np.broadcast_to(noise_var, len(symbols))[:, None])
