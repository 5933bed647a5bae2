"""What all PUCCH formats share: names, symbols, resource blocks, cyclic shift hopping (TS 36.211 5.4, 5.5.2.2)."""

from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB, Cell, CyclicPrefix
from picocell.phy.lte.srs_config import is_srs_subframe
from picocell.phy.lte.tables import rows
from picocell.phy.lte.ul_sequences import N_SLOTS, base_sequence, group_hopping, n_cs_cell
from picocell.phy.lte.uplink_config import UplinkConfig


class PucchFormat(StrEnum):
    """PUCCH formats of Release 8 (TS 36.211 Table 5.4-1)."""

    F1 = "1"
    F1A = "1a"
    F1B = "1b"
    F2 = "2"
    F2A = "2a"
    F2B = "2b"

    @property
    def on_n1(self) -> bool:
        """Whether the format is sent on a resource n_PUCCH^(1), else n_PUCCH^(2)."""
        return self in (PucchFormat.F1, PucchFormat.F1A, PucchFormat.F1B)

    @property
    def n_ack(self) -> int:
        """HARQ-ACK bits that are modulated on a symbol of their own."""
        return _N_ACK[self]


_N_ACK: Final = {
    PucchFormat.F1: 0,
    PucchFormat.F1A: 1,
    PucchFormat.F1B: 2,
    PucchFormat.F2: 0,
    PucchFormat.F2A: 1,
    PucchFormat.F2B: 2,
}

ACK_SYMBOLS: Final = np.array([1, -1, -1j, 1j], np.complex64)
"""d(0) of formats 1, 1a, 1b and d(10) of 2a, 2b, in the order of :data:`ACK_BITS` (TS 36.211 5.4.1, 5.4.2)."""

ACK_BITS: Final = {0: ((),), 1: ((0,), (1,)), 2: ((0, 0), (1, 1), (0, 1), (1, 0))}
"""By number of bits: what the first entries of :data:`ACK_SYMBOLS` stand for."""

_TABLE: Final = "36211_5.4_pucch_sequences"


def ack_symbol(bits: tuple[int, ...]) -> np.complex64:
    """Modulation symbol of no, one or two HARQ-ACK bits; 1 is ACK.

    Raises:
        ValueError: other bits.
    """
    if len(bits) > 2 or bits not in ACK_BITS[len(bits)]:
        raise ValueError(f"HARQ-ACK bits {bits} are not allowed: up to two of 0 and 1")
    return np.complex64(ACK_SYMBOLS[ACK_BITS[len(bits)].index(bits)])


@cache
def entries(table: str, sequence: str) -> tuple[tuple[int, ...], ...]:
    """Numbers of the rows of one sequence of one of the standard's tables, by n_oc; those not available are empty."""
    chosen = [row for row in rows(_TABLE) if row["table"] == table and row["sequence"].startswith(sequence)]
    values = [[row[f"w{i}"] for i in range(5) if row[f"w{i}"]] for row in chosen]
    return tuple(() if "N/A" in row else tuple(int(value) for value in row) for row in values)


_DMRS_ROWS: Final = {
    (CyclicPrefix.NORMAL, True): "DMRS symbols format1 normal",
    (CyclicPrefix.EXTENDED, True): "DMRS symbols format1 extended",
    (CyclicPrefix.NORMAL, False): "DMRS symbols format2/2a/2b/3 normal",
    (CyclicPrefix.EXTENDED, False): "DMRS symbols format2/3 extended",
}


@cache
def dmrs_symbols(cp: CyclicPrefix, on_n1: bool) -> tuple[int, ...]:
    """Symbols of a slot that hold the reference signal (TS 36.211 Table 5.5.2.2.2-1)."""
    return entries("5.5.2.2.2-1", _DMRS_ROWS[cp, on_n1])[0]


@cache
def data_symbols(cp: CyclicPrefix, on_n1: bool) -> tuple[int, ...]:
    """Symbols of a slot that hold modulation symbols, the shortened formats' last one with them."""
    n_symb = 7 if cp is CyclicPrefix.NORMAL else 6
    return tuple(l for l in range(n_symb) if l not in dmrs_symbols(cp, on_n1))


def prb_pair(ul: UplinkConfig, m: NDArray[np.intp]) -> NDArray[np.intp]:
    """Resource blocks n_PRB ``(..., 2)`` of both slots for m (TS 36.211 5.4.3)."""
    slot = np.arange(2)
    half = (m // 2)[..., None]
    return np.where((m[..., None] + slot) % 2 == 0, half, ul.n_prb - 1 - half)


@lru_cache(maxsize=32)
def _all_carriers(cell: Cell, ul: UplinkConfig) -> NDArray[np.complex64]:
    base = np.stack([base_sequence(group_hopping(cell, ul, n_s, "pucch"), 0, N_SC_RB) for n_s in range(N_SLOTS)])
    turns = n_cs_cell(cell, ul)[:, :, None] * np.arange(N_SC_RB) % N_SC_RB
    table = np.asarray(base[:, None] * np.exp(2j * np.pi / N_SC_RB * turns), np.complex64)
    table.setflags(write=False)
    return table


def carriers(cell: Cell, ul: UplinkConfig, subframe: int) -> NDArray[np.complex64]:
    """What all UEs' signals are multiplied by: base sequence and cell-specific cyclic shift (TS 36.211 5.4).

    Returns:
        Complex64 ``(2, n_symb_slot, 12)`` by slot, symbol and subcarrier, read-only.

    Raises:
        ValueError: no such subframe.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    return _all_carriers(cell, ul)[2 * subframe : 2 * subframe + 2]


def shortened_format(cell: Cell, ul: UplinkConfig, subframe: int) -> bool:
    """Whether formats 1, 1a, 1b leave out the last symbol of a subframe (TS 36.213 8.2)."""
    return ul.srs is not None and ul.srs.ack_nack_simultaneous and is_srs_subframe(ul, subframe, cell.duplex)
