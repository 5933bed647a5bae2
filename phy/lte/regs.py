"""Resource-element groups of the control region and what they carry: PCFICH, PHICH, PDCCH (TS 36.211 6.2.4, 6.7-6.9).

Every table is an array of flattened resource elements ``l * n_sc + k``, made once a cell and shared, so read-only.
"""

from functools import cache
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex, PhichDuration
from picocell.phy.lte.tables import rows

Index = NDArray[np.int32]

REG_SIZE: Final = 4
"""Symbols that a resource-element group carries (TS 36.211 6.2.4)."""

REGS_PER_CCE: Final = 9
"""Resource-element groups of a control channel element (TS 36.211 6.8.1)."""

CCE_SYMBOLS: Final = REG_SIZE * REGS_PER_CCE
"""QPSK symbols of a control channel element."""

CCE_BITS: Final = 2 * CCE_SYMBOLS
"""Bits of a control channel element."""

CFIS: Final = (1, 2, 3)
"""Control format indicators in use (TS 36.212 5.3.4; 4 is reserved)."""

_INTERLEAVER_COLUMNS: Final = 32


def _frozen(array: NDArray[np.generic]) -> Index:
    """A read-only int32 copy that callers can share."""
    out = np.ascontiguousarray(array, np.int32)
    out.setflags(write=False)
    return out


def n_control_symbols(cell: Cell, cfi: int) -> int:
    """OFDM symbols of the control region: the CFI, and one more in cells of at most 10 PRB (TS 36.212 5.3.4).

    Raises:
        ValueError: the CFI is not 1, 2 or 3.
    """
    if cfi not in CFIS:
        raise ValueError(f"CFI {cfi} is not allowed: use 1, 2 or 3")
    return cfi + 1 if cell.n_prb <= 10 else cfi


def phich_symbols(cell: Cell, *, two_symbols: bool = False) -> int:
    """OFDM symbols over which the PHICH extends (TS 36.211 Table 6.9.3-1).

    Args:
        cell: the cell.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD, where an extended PHICH lasts two symbols, not three.
    """
    if cell.phich_duration is PhichDuration.NORMAL:
        return 1
    return 2 if two_symbols else 3


def legal_cfis(cell: Cell, *, two_symbols: bool = False) -> tuple[int, ...]:
    """CFIs whose control region is long enough for the PHICH (TS 36.211 6.9.3)."""
    return tuple(c for c in CFIS if n_control_symbols(cell, c) >= phich_symbols(cell, two_symbols=two_symbols))


def phich_mi(cell: Cell, subframe: int) -> int:
    """Factor m_i of the number of PHICH groups: 1 for FDD, TS 36.211 Table 6.9-1 for TDD."""
    if cell.duplex is Duplex.FDD:
        return 1
    return int(rows("36211_6.9-1_phich_mi")[cell.tdd_config][f"sf{subframe}"])


@cache
def n_phich_groups(cell: Cell, mi: int = 1) -> int:
    """PHICH groups of a subframe, m_i N_PHICH^group (TS 36.211 6.9).

    Raises:
        ValueError: m_i is not 0, 1 or 2.
    """
    if mi not in (0, 1, 2):
        raise ValueError(f"PHICH factor m_i {mi} is not allowed: use 0, 1 or 2")
    groups = ceil(cell.phich_resource.n_g * cell.n_prb / 8)
    return mi * (groups if cell.cp is CyclicPrefix.NORMAL else 2 * groups)


def n_phich_units(cell: Cell, mi: int = 1) -> int:
    """PHICH mapping units: one a group, or one for two groups with extended cyclic prefix (TS 36.211 6.9.3)."""
    groups = n_phich_groups(cell, mi)
    return groups if cell.cp is CyclicPrefix.NORMAL else groups // 2


def _has_crs(cell: Cell, symbol: int) -> bool:
    """Whether REGs of this symbol leave room for reference signals, two ports at least being assumed (6.2.4)."""
    return symbol == 0 or (symbol == 1 and cell.n_ports == 4) or (symbol == 3 and cell.cp is CyclicPrefix.EXTENDED)


@cache
def symbol_regs(cell: Cell, symbol: int) -> tuple[Index, Index]:
    """REGs of one symbol of the control region in ascending frequency (TS 36.211 6.2.4).

    Args:
        cell: the cell.
        symbol: OFDM symbol l, 0..3.

    Returns:
        k' of each REG ``(n_reg,)``, and its resource elements ``(n_reg, 4)`` flattened.

    Raises:
        ValueError: no symbol of a control region.
    """
    if symbol not in (0, 1, 2, 3):
        raise ValueError(f"symbol {symbol} is in no control region: use 0..3")
    k = np.arange(cell.n_sc)
    if _has_crs(cell, symbol):
        first, k = k[::6], k[k % 3 != cell.pci % 3]
    else:
        first = k[::REG_SIZE]
    return _frozen(first), _frozen((symbol * cell.n_sc + k).reshape(-1, REG_SIZE))


@cache
def _pcfich_regs(cell: Cell) -> NDArray[np.intp]:
    """Numbers of the four REGs of symbol 0 that carry the PCFICH, in the order of its quadruplets (6.7.4)."""
    quarter = np.arange(4) * cell.n_prb // 2
    return (cell.pci % (2 * cell.n_prb) + quarter) % (2 * cell.n_prb)


@cache
def pcfich_re_index(cell: Cell) -> Index:
    """Resource elements of the 16 PCFICH symbols ``(16,)`` in their order (TS 36.211 6.7.4)."""
    return _frozen(symbol_regs(cell, 0)[1][_pcfich_regs(cell)].reshape(-1))


@cache
def _after_pcfich(cell: Cell, symbol: int) -> NDArray[np.intp]:
    """Numbers of the REGs of a symbol that the PCFICH leaves, ascending in frequency."""
    numbers = np.arange(len(symbol_regs(cell, symbol)[0]))
    return numbers if symbol else np.delete(numbers, _pcfich_regs(cell))


@cache
def _phich_regs(cell: Cell, mi: int, two_symbols: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Symbol l'_i and REG number of each quadruplet of each PHICH mapping unit, both ``(n_units, 3)`` (6.9.3)."""
    unit, i = np.indices((n_phich_units(cell, mi), 3))
    free = [_after_pcfich(cell, symbol) for symbol in range(3)]
    n = np.array([len(numbers) for numbers in free])
    reference = n[0]
    if cell.phich_duration is PhichDuration.NORMAL:
        symbol = np.zeros_like(i)
    elif two_symbols:
        symbol, reference = (unit // 2 + i + 1) % 2, n[1]
    else:
        symbol = i
    n_l = n[symbol]
    place = (cell.pci * n_l // reference + unit + i * n_l // 3) % n_l
    padded = np.zeros((3, n.max()), np.intp)
    for row, numbers in zip(padded, free, strict=True):
        row[: len(numbers)] = numbers
    return symbol, padded[symbol, place]


@cache
def phich_re_index(cell: Cell, mi: int = 1, *, two_symbols: bool = False) -> Index:
    """Resource elements of the PHICH mapping units ``(n_units, 12)``, in the order of their symbols (6.9.3).

    Args:
        cell: the cell.
        mi: factor m_i of TDD (``phich_mi``), 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Raises:
        ValueError: m_i is not 0, 1 or 2.
    """
    symbol, reg = _phich_regs(cell, mi, two_symbols)
    out = np.zeros((len(symbol), 3, REG_SIZE), np.int32)
    for l in range(3):
        here = symbol == l
        out[here] = symbol_regs(cell, l)[1][reg[here]]
    return _frozen(out.reshape(-1, 3 * REG_SIZE))


@cache
def pdcch_regs(cell: Cell, cfi: int, mi: int = 1, *, two_symbols: bool = False) -> Index:
    """REGs ``(n_reg, 4)`` that neither PCFICH nor PHICH takes, in the order of mapping (TS 36.211 6.8.5).

    Raises:
        ValueError: the CFI is not 1, 2 or 3, or its control region is shorter than the PHICH.
    """
    n_symbols = n_control_symbols(cell, cfi)
    if n_symbols < (needed := phich_symbols(cell, two_symbols=two_symbols)):
        raise ValueError(f"CFI {cfi} gives {n_symbols} control symbols, but the PHICH takes {needed}")
    symbol, reg = _phich_regs(cell, mi, two_symbols)
    firsts, groups, symbols = [], [], []
    for l in range(n_symbols):
        first, elements = symbol_regs(cell, l)
        free = np.setdiff1d(_after_pcfich(cell, l), reg[symbol == l])
        firsts.append(first[free])
        groups.append(elements[free])
        symbols.append(np.full(len(free), l))
    order = np.lexsort((np.concatenate(symbols), np.concatenate(firsts)))
    return _frozen(np.concatenate(groups)[order])


def n_cce(cell: Cell, cfi: int, mi: int = 1, *, two_symbols: bool = False) -> int:
    """Control channel elements N_CCE of a subframe (TS 36.211 6.8.1).

    Raises:
        ValueError: as for ``pdcch_regs``.
    """
    return len(pdcch_regs(cell, cfi, mi, two_symbols=two_symbols)) // REGS_PER_CCE


@cache
def interleaver(n: int) -> NDArray[np.intp]:
    """Quadruplet that stands at each place after the interleaver of n quadruplets (TS 36.212 5.1.4.2.1)."""
    columns = [int(row["P_conv_5.1.4-2"]) for row in rows("36212_5.1.4_subblock_permutations")]
    n_rows = -(-n // _INTERLEAVER_COLUMNS)
    # The fill stands before the first element: it has the negative numbers here.
    matrix = np.arange(n_rows * _INTERLEAVER_COLUMNS).reshape(n_rows, _INTERLEAVER_COLUMNS)
    numbers = (matrix - (n_rows * _INTERLEAVER_COLUMNS - n))[:, columns].T.reshape(-1)
    return numbers[numbers >= 0]


@cache
def pdcch_re_index(cell: Cell, cfi: int, mi: int = 1, *, two_symbols: bool = False) -> Index:
    """Resource element of each symbol of the multiplexed PDCCHs, before interleaving (TS 36.211 6.8.5).

    Args:
        cell: the cell.
        cfi: control format indicator 1..3.
        mi: factor m_i of TDD (``phich_mi``), 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Returns:
        ``(36 n_cce,)``: CCE n has elements 36 n to 36 n + 35. The REGs left over, fewer than nine, are not in it.

    Raises:
        ValueError: the CFI is not 1, 2 or 3, or its control region is shorter than the PHICH.
    """
    regs = pdcch_regs(cell, cfi, mi, two_symbols=two_symbols)
    n = len(regs)
    place = np.empty(n, np.intp)
    place[np.roll(interleaver(n), -cell.pci)] = np.arange(n)
    return _frozen(regs[place[: n // REGS_PER_CCE * REGS_PER_CCE]].reshape(-1))


def n_reg(cell: Cell, cfi: int, mi: int = 1, *, two_symbols: bool = False) -> int:
    """Resource-element groups N_REG for the PDCCHs, those left over included (TS 36.211 6.8.1)."""
    return len(pdcch_regs(cell, cfi, mi, two_symbols=two_symbols))
