"""Physical control format indicator channel: how many symbols the control region has (TS 36.211 6.7, 36.212 5.3.4)."""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold, modem
from picocell.phy.lte import precoding
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.regs import CFIS, legal_cfis, pcfich_re_index
from picocell.phy.lte.tables import rows

N_BITS = 32
"""Bits of a code word (TS 36.212 5.3.4)."""


@cache
def codewords() -> NDArray[np.uint8]:
    """Code words of CFI 1, 2 and 3 ``(3, 32)`` (TS 36.212 Table 5.3.4-1)."""
    table = {int(row["cfi"]): [int(row[f"b{i}"]) for i in range(N_BITS)] for row in rows("36212_5.3.4-1_cfi_codewords")}
    out = np.array([table[cfi] for cfi in CFIS], np.uint8)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1024)
def scrambling(pci: int, subframe: int) -> NDArray[np.uint64]:
    """Scrambling sequence of a subframe, packed (TS 36.211 6.7.1)."""
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    return gold.packed(((subframe + 1) * (2 * pci + 1) << 9) + pci, N_BITS)


def encode(cell: Cell, subframe: int, cfi: int, grid: NDArray[np.complex64]) -> None:
    """Write the PCFICH into a transmit grid.

    Args:
        cell: the cell.
        subframe: 0..9.
        cfi: control format indicator 1..3.
        grid: complex64 ``(n_ports, n_symb, n_sc)``, C-contiguous, written in place.

    Raises:
        ValueError: an unknown CFI or subframe, or a grid that is not the cell's.
    """
    if cfi not in CFIS:
        raise ValueError(f"CFI {cfi} is not allowed: use 1, 2 or 3")
    flat_grid(cell, grid)[:, pcfich_re_index(cell)] = _ports(cell, subframe, cfi)


@lru_cache(maxsize=256)
def _ports(cell: Cell, subframe: int, cfi: int) -> NDArray[np.complex64]:
    """What the ports send ``(n_ports, 16)``."""
    symbols = modem.modulate(codewords()[cfi - 1], 2, scrambling(cell.pci, subframe))
    return precoding.transmit_diversity(symbols, cell.n_ports)


def flat_grid(cell: Cell, grid: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """A view ``(n_ports, n_symb * n_sc)`` of a transmit grid.

    Raises:
        ValueError: the grid is not C-contiguous or not of the cell's shape.
    """
    shape = (cell.n_ports, cell.n_symb, cell.n_sc)
    if grid.shape != shape or not grid.flags.c_contiguous:
        raise ValueError(f"transmit grid of shape {grid.shape} is not allowed: it must be C-contiguous and {shape}")
    return grid.reshape(cell.n_ports, -1)


def decode(
    cell: Cell,
    subframe: int,
    grid: NDArray[np.complex64],
    channel: ChannelEstimate,
    *,
    two_symbols: bool = False,
) -> tuple[int, float]:
    """Decide the CFI by soft correlation with the code words.

    CFIs whose control region would be shorter than the PHICH are left out.

    Args:
        cell: the cell.
        subframe: 0..9.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``.
        channel: channel estimate of the same subframe.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Returns:
        The CFI, and the part of the soft bits' weight that agrees with it: 1 without noise, about 0.6 with noise alone.

    Raises:
        ValueError: subframe outside 0..9, or shapes that do not fit.
    """
    x, var = precoding.receive(grid, channel, pcfich_re_index(cell))
    llr = modem.demodulate(x, var, 2, scrambling(cell.pci, subframe)).astype(np.float64)
    choices = legal_cfis(cell, two_symbols=two_symbols)
    signs = 1.0 - 2.0 * codewords()[[cfi - 1 for cfi in choices]]
    agreement = signs @ llr
    best = int(np.argmax(agreement))
    total = float(np.abs(llr).sum())
    return choices[best], 0.5 + 0.5 * float(agreement[best]) / total if total else 0.5
