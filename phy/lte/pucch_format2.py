"""PUCCH formats 2, 2a and 2b: channel reports, with HARQ-ACK (TS 36.211 5.4.2, 5.4.3, 5.5.2.2, TS 36.212 5.2.3)."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.pucch_tables import data_symbols, dmrs_symbols
from picocell.phy.lte.uci import MAX_PUCCH_BITS, PUCCH_CODED_BITS, encode_20
from picocell.phy.lte.uplink_config import UplinkConfig

N_DATA: Final = PUCCH_CODED_BITS // 2
"""QPSK symbols d(0)..d(9) of a subframe."""


@dataclass(frozen=True, slots=True)
class Format2Table:
    """All resources n_PUCCH^(2) of an uplink, in their order.

    Attributes:
        m: intp ``(n,)``, from which the resource blocks follow.
        shift: intp ``(n, 2)``, cyclic shift n_cs less n_cs^cell in both slots.
    """

    m: NDArray[np.intp]
    shift: NDArray[np.intp]


@lru_cache(maxsize=32)
def table(ul: UplinkConfig) -> Format2Table:
    """Resources of an uplink: those of whole resource blocks, then those of the one shared with formats 1."""
    whole = N_SC_RB * min(ul.pucch.n_rb_2, ul.n_prb)
    n_cs = ul.pucch.n_cs_1
    # two cyclic shifts of the shared block stay empty, one on either side of those of formats 1
    shared = max(N_SC_RB - n_cs - 2, 0) if n_cs and ul.pucch.n_rb_2 < ul.n_prb else 0
    n2 = np.arange(whole + shared)
    in_whole = n2 < whole
    even = np.where(in_whole, n2 % N_SC_RB, (n2 + n_cs + 1) % N_SC_RB)
    odd = np.where(in_whole, N_SC_RB * (even + 1) % (N_SC_RB + 1) - 1, (N_SC_RB - 2 - n2) % N_SC_RB)
    return Format2Table(n2 // N_SC_RB, np.stack([even, odd], axis=-1))


@lru_cache(maxsize=4096)
def scrambling(cell: Cell, subframe: int, rnti: int) -> NDArray[np.float32]:
    """Scrambling of the coded bits as +-1, float32 ``(20,)``, read-only (TS 36.211 5.4.2)."""
    c_init = (subframe + 1) * (2 * cell.pci + 1) << 16
    signs = (1 - 2.0 * gold.sequence(c_init + rnti, PUCCH_CODED_BITS)).astype(np.float32)
    signs.setflags(write=False)
    return signs


@lru_cache(maxsize=MAX_PUCCH_BITS)
def words(n_bits: int) -> NDArray[np.float32]:
    """Code words as +-1 ``(2^(n_bits - 1), 20)`` of the payloads that begin with 0, in binary order.

    The first basis sequence is all ones, so those that begin with 1 are the negatives.
    """
    rows = [np.ones(PUCCH_CODED_BITS, np.float32)]
    for k in range(1, n_bits):
        unit = np.zeros(n_bits, np.uint8)
        unit[n_bits - k] = 1
        sign = 1 - 2 * encode_20(unit).astype(np.float32)
        rows += [row * sign for row in rows]
    return np.stack(rows)


def qpsk(signs: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Symbols ``(..., 10)`` of scrambled bits as +-1 ``(..., 20)`` (TS 36.211 7.1.2)."""
    return np.ascontiguousarray(signs * np.float32(sqrt(0.5))).view(np.complex64)


@lru_cache(maxsize=8)
def _data_index(ul: UplinkConfig) -> NDArray[np.intp]:
    return np.array(data_symbols(ul.cp, False), np.intp)


def time_signature(ul: UplinkConfig, data: NDArray[np.complex64], ack: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Factors of the subcarriers' sequence by symbol.

    Args:
        ul: the uplink.
        data: d(0)..d(9), complex64 ``(n, 10)``.
        ack: d(10), complex64 ``(n,)``; 1 without HARQ-ACK. Extended prefix has no place for another.

    Returns:
        Complex64 ``(n, 2, n_symb_slot)``.
    """
    out = np.ones((len(data), 2, ul.n_symb_slot), np.complex64)
    out[:, :, _data_index(ul)] = data.reshape(-1, 2, N_DATA // 2)
    pilots = dmrs_symbols(ul.cp, False)
    if len(pilots) == 2:
        out[:, :, pilots[1]] = ack[:, None]
    return out
