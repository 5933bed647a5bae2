"""Demodulation reference signal of the PUSCH (TS 36.211 5.5.2.1)."""

from functools import cache, lru_cache
from math import pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB, Cell, CyclicPrefix
from picocell.phy.lte.tables import rows
from picocell.phy.lte.ul_sequences import MAX_LENGTH, group_hopping, n_pn, reference_sequence, sequence_hopping
from picocell.phy.lte.uplink_config import UplinkConfig

N_SHIFTS: Final = 12
"""Cyclic shifts of a reference signal (TS 36.211 5.5.2.1.1)."""


def symbols(ul: UplinkConfig) -> tuple[int, int]:
    """Symbols of the subframe that carry the reference signal (TS 36.211 5.5.2.1.2)."""
    return (3, 10) if ul.cp is CyclicPrefix.NORMAL else (2, 8)


def data_symbols(ul: UplinkConfig, srs_symbol: bool = False) -> tuple[int, ...]:
    """Symbols of the subframe that carry data; `srs_symbol` leaves the last one to sounding (TS 36.211 5.3.4)."""
    return _data_symbols(ul.cp, srs_symbol)


@cache
def _data_symbols(cp: CyclicPrefix, srs_symbol: bool) -> tuple[int, ...]:
    n_symb, reference = (14, (3, 10)) if cp is CyclicPrefix.NORMAL else (12, (2, 8))
    return tuple(l for l in range(n_symb - srs_symbol) if l not in reference)


@cache
def _field_rows() -> tuple[tuple[int, int, tuple[int, int]], ...]:
    """n1_DMRS by cyclicShift, n2_DMRS and [w(0) w(1)] by field, layer 0 (TS 36.211 Tables 5.5.2.1.1-2 and -1)."""
    return tuple(
        (
            int(row["n1_DMRS_for_cyclicShift"]),
            int(row["n2_l0"]),
            (int(row["w_l0"].split()[0]), int(row["w_l0"].split()[1])),
        )
        for row in rows("36211_5.5.2.1.1-1_pusch_dmrs_cs")
    )


def _check(subframe: int, n_prb: int, cyclic_shift_field: int) -> None:
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    if not 1 <= n_prb <= MAX_LENGTH // N_SC_RB:
        raise ValueError(f"n_prb {n_prb} is outside 1..{MAX_LENGTH // N_SC_RB}")
    if not 0 <= cyclic_shift_field <= 7:
        raise ValueError(f"cyclic_shift_field {cyclic_shift_field} is outside 0..7")


def cyclic_shift(cell: Cell, ul: UplinkConfig, n_s: int, cyclic_shift_field: int) -> int:
    """n_cs 0..11 of the first layer in a slot: alpha is 2 pi n_cs / 12 (TS 36.211 5.5.2.1.1)."""
    _check(n_s // 2, 1, cyclic_shift_field)
    n1 = _field_rows()[ul.pusch.cyclic_shift][0]
    n2 = _field_rows()[cyclic_shift_field][1]
    return (n1 + n2 + int(n_pn(cell, ul)[n_s])) % N_SHIFTS


@lru_cache(maxsize=4096)
def sequence(
    cell: Cell, ul: UplinkConfig, subframe: int, n_prb: int, cyclic_shift_field: int = 0, *, occ: bool = False
) -> NDArray[np.complex64]:
    """Reference signal of both slots of a PUSCH on one antenna port.

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: 0..9.
        n_prb: resource blocks of the PUSCH.
        cyclic_shift_field: cyclic shift for DM-RS of the uplink grant 0..7; 0 where no grant is (the random access
            response, semi-persistent scheduling).
        occ: Activate-DMRS-with OCC: the orthogonal sequence of the field on the two slots.

    Returns:
        Read-only complex64 ``(2, 12 n_prb)``, slots in rows, all values of magnitude one.

    Raises:
        ValueError: an argument outside its range.
    """
    _check(subframe, n_prb, cyclic_shift_field)
    m_sc = N_SC_RB * n_prb
    both = np.empty((2, m_sc), np.complex64)
    for slot in range(2):
        n_s = 2 * subframe + slot
        alpha = 2 * pi * cyclic_shift(cell, ul, n_s, cyclic_shift_field) / N_SHIFTS
        u, v = group_hopping(cell, ul, n_s, "pusch"), sequence_hopping(cell, ul, n_s, m_sc)
        both[slot] = reference_sequence(u, v, alpha, m_sc)
        if occ:
            both[slot] *= _field_rows()[cyclic_shift_field][2][slot]
    both.setflags(write=False)
    return both


def map(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grid: NDArray[np.complex64],
    prb_start: tuple[int, int],
    n_prb: int,
    cyclic_shift_field: int = 0,
    *,
    amplitude: float = 1.0,
    occ: bool = False,
) -> None:
    """Write the reference signal into one antenna's grid ``(n_symb, n_sc)``, first PRB by slot.

    Raises:
        ValueError: an argument outside its range, or resource blocks outside the grid.
    """
    r = sequence(cell, ul, subframe, n_prb, cyclic_shift_field, occ=occ)
    for start, l, values in zip(prb_start, symbols(ul), r, strict=True):
        if not 0 <= start <= ul.n_prb - n_prb:
            raise ValueError(f"{n_prb} resource blocks from {start} on do not fit the {ul.n_prb} of the cell")
        grid[l, N_SC_RB * start : N_SC_RB * (start + n_prb)] = np.float32(amplitude) * values
