"""Bits to resource elements of the downlink's antenna ports (TS 36.211 6.3, 6.8; TS 36.212 5.3.3)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_BITS: int
MAX_MESSAGES: int
CCE_SYMBOLS: int

def shared(
    bits: NDArray[np.uint8],
    q_m: int,
    scrambling: NDArray[np.uint64],
    index: NDArray[np.int32],
    grid: NDArray[np.complex64],
    amplitude: NDArray[np.float32] | None = None,
) -> None:
    """Scramble, modulate, precode (one port, or transmit diversity) and map bits.

    Args:
        bits: uint8 (n * q_m,) of 0 and 1.
        q_m: bits a symbol: 1, 2, 4, 6 or 8.
        scrambling: packed scrambling bits (`gold.packed`).
        index: int32 (n,), element of each symbol, counted over a port's grid; n even for 2 and 4 ports.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc), n_ports 1, 2 or 4; the elements are written in place.
        amplitude: float32 (n,), factor of each symbol.

    Raises:
        ValueError: sizes that do not fit, or an index outside the grid.
    """

def shared_packed(
    words: NDArray[np.uint64],
    q_m: int,
    scrambling: NDArray[np.uint64],
    index: NDArray[np.int32],
    grid: NDArray[np.complex64],
    amplitude: NDArray[np.float32] | None = None,
) -> None:
    """As `shared`, of packed bits.

    Args:
        words: uint64 (ceil(n * q_m / 64),), the first bit in the lowest place (`sch.encode_packed`).
        q_m: as for `shared`, and so are the other arguments.
        scrambling: packed scrambling bits.
        index: element of each symbol.
        grid: the elements are written in place.
        amplitude: factor of each symbol.

    Raises:
        ValueError: sizes that do not fit, or an index outside the grid.
    """

def control(
    messages: Sequence[tuple[NDArray[np.uint8], int, int, int, float]],
    scrambling: NDArray[np.uint64],
    index: NDArray[np.int32],
    grid: NDArray[np.complex64],
) -> None:
    """Encode all PDCCHs of a subframe and map them: CRC, code, rate matching, multiplexing, QPSK, precoding.

    Args:
        messages: payload uint8 (6..256,), mask of its CRC, first CCE, number of CCEs, and amplitude of each; they must
            not overlap. At most 128.
        scrambling: packed scrambling bits.
        index: int32 (36 n_cce,), element of each symbol of the CCEs.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc); the elements of every CCE are written in place, with 0
            where there is no message.

    Raises:
        ValueError: sizes or places that do not fit, or an index outside the grid.
    """

def indicators(
    messages: Sequence[tuple[int, NDArray[np.complex64], float]],
    index: NDArray[np.int32],
    grid: NDArray[np.complex64],
) -> None:
    """Silence all mapping units of the PHICH, then add what the ports send of each message.

    Args:
        messages: unit, symbols complex64 (n_ports, width), and factor of each; those of a unit add up.
        index: int32 (n_units, width), elements of each unit.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc), written in place.

    Raises:
        ValueError: shapes or units that do not fit, or an index outside the grid.
    """
