"""Cell-specific reference signals (TS 36.211 6.10.1): sequences, positions, mapping.

All arrays that come from here are cached and read-only.
"""

from functools import lru_cache
from math import sqrt
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.frame import SubframeKind, subframe_kind
from picocell.phy.lte.tables import rows

T = TypeVar("T", bound=np.generic)

N_PRB_MAX: Final = 110
"""N_RB^max,DL: the sequence is defined for this width and a cell uses its centre (TS 36.211 6.10.1.2)."""

SPACING: Final = 6
"""Subcarriers from one reference symbol to the next in the same OFDM symbol and port."""


def v_shift(cell: Cell) -> int:
    """Cell-specific frequency shift N_ID^cell mod 6."""
    return cell.pci % SPACING


@lru_cache(maxsize=4096)
def positions(cell: Cell, port: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """OFDM symbols of a subframe that carry a port's reference signal, and the first subcarrier in each.

    Reference symbol m of pilot symbol i sits on subcarrier ``6 m + first[i]`` of OFDM symbol ``symbols[i]``.

    Returns:
        ``(symbols, first)``: four entries each for ports 0 and 1, two for ports 2 and 3.

    Raises:
        ValueError: the cell has no such port.
    """
    if not 0 <= port < cell.n_ports:
        raise ValueError(f"port {port} is not a port of this cell: use 0..{cell.n_ports - 1}")
    per_slot = cell.n_symb_slot
    if port < 2:
        symbols: tuple[int, ...] = (0, per_slot - 3, per_slot, 2 * per_slot - 3)
        v: tuple[int, ...] = (0, 3, 0, 3) if port == 0 else (3, 0, 3, 0)
    else:
        symbols = (1, per_slot + 1)
        v = (0, 3) if port == 2 else (3, 6)
    return symbols, tuple((x + v_shift(cell)) % SPACING for x in v)


@lru_cache(maxsize=4096)
def flat_index(cell: Cell, port: int) -> NDArray[np.int32]:
    """Flattened resource element indices ``l * n_sc + k`` of a port, int32 of shape (n_pilot_symbols, 2 n_prb)."""
    symbols, first = positions(cell, port)
    k = SPACING * np.arange(2 * cell.n_prb)
    index = np.array(symbols)[:, None] * cell.n_sc + np.array(first)[:, None] + k
    return _frozen(index.astype(np.int32))


@lru_cache(maxsize=4096)
def sequence(cell: Cell, subframe: int, port: int) -> NDArray[np.complex64]:
    """Reference symbols of unit power in the order of `flat_index`, complex64 (n_pilot_symbols, 2 n_prb).

    The sequence of TS 36.211 6.10.1.1 depends on the OFDM symbol and not on the port; a cell of n_prb blocks uses the
    centre of the sequence for 110 blocks, so the central blocks look the same at every bandwidth.

    Raises:
        ValueError: subframe outside 0..9, or no such port.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    n_cp = 1 if cell.cp is CyclicPrefix.NORMAL else 0
    c_init = []
    for symbol in positions(cell, port)[0]:
        slot, l = divmod(symbol, cell.n_symb_slot)
        n_s = 2 * subframe + slot
        c_init.append((1 << 10) * (7 * (n_s + 1) + l + 1) * (2 * cell.pci + 1) + 2 * cell.pci + n_cp)
    bits = gold.sequences(np.array(c_init, np.uint32), 4 * N_PRB_MAX).astype(np.float32)
    levels = ((1.0 - 2.0 * bits) / sqrt(2)).astype(np.float32).reshape(len(c_init), 2 * N_PRB_MAX, 2)
    start = N_PRB_MAX - cell.n_prb
    centre = np.ascontiguousarray(levels[:, start : start + 2 * cell.n_prb])
    return _frozen(centre.view(np.complex64)[..., 0])


@lru_cache(maxsize=256)
def occupied(cell: Cell) -> NDArray[np.bool_]:
    """Resource elements that carry a reference signal of any of the cell's ports, bool (n_symb, n_sc).

    On each of them only one port transmits, and nothing else may be mapped there (TS 36.211 6.10.1.2).
    """
    mask = np.zeros(cell.n_symb * cell.n_sc, np.bool_)
    for port in range(cell.n_ports):
        mask[flat_index(cell, port)] = True
    return _frozen(mask.reshape(cell.n_symb, cell.n_sc))


@lru_cache(maxsize=256)
def n_downlink_symbols(cell: Cell, subframe: int) -> int:
    """OFDM symbols of a subframe in which the cell transmits: all, none (TDD uplink), or those of DwPTS."""
    kind = subframe_kind(cell, subframe)
    if kind is SubframeKind.SPECIAL:
        column = "dl_sym_nCP" if cell.cp is CyclicPrefix.NORMAL else "dl_sym_eCP"
        text = rows("36211_4.2-1_special_subframe")[cell.special_subframe][column]
        if not text.isdigit():
            raise ValueError(f"special subframe configuration {cell.special_subframe} has no {cell.cp} cyclic prefix")
        return int(text)
    return cell.n_symb if kind is SubframeKind.DOWNLINK else 0


def map(cell: Cell, subframe: int, grid: NDArray[np.complex64]) -> None:
    """Write the reference signals of all ports into a transmit grid.

    In a special subframe of TDD only the symbols of DwPTS are written, in an uplink subframe none.

    Args:
        cell: the cell.
        subframe: 0..9.
        grid: complex64 (n_ports, n_symb, n_sc), written in place.

    Raises:
        ValueError: a grid of another shape or not contiguous, or a subframe outside 0..9.
    """
    shape = (cell.n_ports, cell.n_symb, cell.n_sc)
    if grid.shape != shape or not grid.flags.c_contiguous:
        raise ValueError(f"grid of shape {grid.shape} is not allowed: it must be contiguous and of shape {shape}")
    n_symbols = n_downlink_symbols(cell, subframe)
    flat = grid.reshape(cell.n_ports, -1)
    for port in range(cell.n_ports):
        used = sum(symbol < n_symbols for symbol in positions(cell, port)[0])
        flat[port, flat_index(cell, port)[:used]] = sequence(cell, subframe, port)[:used]


def _frozen(array: NDArray[T]) -> NDArray[T]:
    array.flags.writeable = False
    return array
