"""Modulation mapper and soft demapper with scrambling (TS 36.211 7.1, 6.3.1)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

LLR_SCALE: float
LLR_LIMIT: int
ORDERS: tuple[int, ...]

def modulate(bits: ArrayLike, q_m: int, scrambling: NDArray[np.uint64] | None = None) -> NDArray[np.complex64]:
    """Complex-valued symbols of unit mean power (TS 36.211 7.1.1 to 7.1.5).

    Args:
        bits: uint8 (n * q_m,), 0 or 1, first transmitted first; only the lowest bit of a byte counts.
        q_m: bits a symbol: 1 (BPSK), 2 (QPSK), 4, 6 or 8 (16, 64, 256QAM).
        scrambling: bits to be added modulo 2, packed as by ``gold.packed``; None for none.

    Returns:
        Complex64 (n,).

    Raises:
        ValueError: q_m, shapes, or too few scrambling bits.
    """

def demodulate(
    symbols: ArrayLike,
    noise_var: ArrayLike,
    q_m: int,
    scrambling: NDArray[np.uint64] | None = None,
    out: NDArray[np.int16] | None = None,
) -> NDArray[np.int16]:
    """Exact max-log LLRs, ln P(0)/P(1) times LLR_SCALE, rounded and clipped to +-LLR_LIMIT.

    Args:
        symbols: complex64 (n,), unbiased. A part that is NaN gives LLRs 0.
        noise_var: total complex noise power, one number or float32 (n,). Values below 1e-20 count as 1e-20; where it
            is infinite or NaN nothing is known and the LLRs are 0.
        q_m: bits a symbol: 1 (BPSK), 2 (QPSK), 4, 6 or 8 (16, 64, 256QAM).
        scrambling: packed scrambling bits; where one is set the sign is turned.
        out: int16 (n * q_m,) to be filled; a new array if None.

    Returns:
        Int16 (n * q_m,).

    Raises:
        ValueError: q_m, shapes, too few scrambling bits, or an ``out`` that does not fit.
    """
