"""PUCCH formats 1, 1a and 1b: scheduling request and HARQ-ACK (TS 36.211 5.4.1, 5.4.3, 5.5.2.2)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB, CyclicPrefix
from picocell.phy.lte.pucch_tables import data_symbols, dmrs_symbols, entries
from picocell.phy.lte.uplink_config import UplinkConfig


@dataclass(frozen=True, slots=True)
class Format1Table:
    """All resources n_PUCCH^(1) of an uplink, in their order.

    Attributes:
        m: intp ``(n,)``, from which the resource blocks follow.
        shift: intp ``(n, 2)``, cyclic shift n_cs less n_cs^cell in both slots, for data and reference signal alike.
        cover: intp ``(n, 2)``, orthogonal sequence of the reference signal.
        codes: complex64 ``(n, 2, 2, n_symb_slot)`` by resource, slot, part (0 reference signal, 1 data), symbol:
            factors of the subcarriers' sequence for d(0) = 1, zero where the part has no symbol.
    """

    m: NDArray[np.intp]
    shift: NDArray[np.intp]
    cover: NDArray[np.intp]
    codes: NDArray[np.complex64]


def n_shared(ul: UplinkConfig) -> int:
    """Resources of formats 1 in the resource block that formats 2 share: c N_cs^(1) / Delta_shift.

    Raises:
        ValueError: an N_cs^(1) that is no multiple of Delta_shift.
    """
    pucch = ul.pucch
    if pucch.n_cs_1 % pucch.delta_shift:
        raise ValueError(
            f"n_cs_1 {pucch.n_cs_1} is not allowed: a multiple of delta_shift {pucch.delta_shift} is needed"
        )
    return _c(ul) * pucch.n_cs_1 // pucch.delta_shift


def _c(ul: UplinkConfig) -> int:
    """Orthogonal sequences a cyclic shift."""
    return 3 if ul.cp is CyclicPrefix.NORMAL else 2


def _slot_indices(ul: UplinkConfig, n1: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """n'(n_s) ``(n, 2)`` of even and odd slots, and N' ``(n,)``."""
    c, delta, shared = _c(ul), ul.pucch.delta_shift, n_shared(ul)
    in_shared = n1 < shared
    n_prime = np.where(in_shared, ul.pucch.n_cs_1, N_SC_RB)
    whole = c * N_SC_RB // delta
    even = np.where(in_shared, n1, (n1 - shared) % whole)
    h = (even + (2 if c == 3 else 0)) % np.maximum(c * n_prime // delta, 1)
    odd = np.where(in_shared, h // c + h % c * n_prime // delta, c * (even + 1) % (whole + 1) - 1)
    return np.stack([even, odd], axis=-1), n_prime


def _covers(cp: CyclicPrefix) -> tuple[NDArray[np.complex64], NDArray[np.complex64], NDArray[np.complex64]]:
    """Orthogonal sequences by the reference signal's number: of data of 4 and of 3 symbols, of the reference signal."""
    turn = 2j * np.pi / 3
    four = np.array(entries("5.4.1-2", "format1 N_SF=4"), np.complex64)
    three = np.exp(turn * np.array(entries("5.4.1-3", "format1 N_SF=3")))
    if cp is CyclicPrefix.NORMAL:
        dmrs = np.exp(turn * np.array(entries("5.5.2.2.1-2", "DMRS format1 normal")))
        return four, three.astype(np.complex64), dmrs.astype(np.complex64)
    dmrs = np.array([row for row in entries("5.5.2.2.1-2", "DMRS format1 extended") if row])
    # with extended prefix n_oc of the data is twice that of the reference signal
    return four[::2], three[::2].astype(np.complex64), dmrs.astype(np.complex64)


@lru_cache(maxsize=32)
def table(ul: UplinkConfig, shortened: bool = False) -> Format1Table:
    """Resources of an uplink.

    Args:
        ul: the uplink.
        shortened: shortened formats: the last symbol of the subframe is left out.

    Raises:
        ValueError: an N_cs^(1) that is no multiple of Delta_shift.
    """
    c, delta, shared = _c(ul), ul.pucch.delta_shift, n_shared(ul)
    first_whole = ul.pucch.n_rb_2 + -(-ul.pucch.n_cs_1 // 8)
    per_block = c * N_SC_RB // delta
    usable = shared if ul.pucch.n_rb_2 < ul.n_prb else 0
    n1 = np.arange(max(usable + (ul.n_prb - first_whole) * per_block, 0))
    m = np.where(n1 < shared, ul.pucch.n_rb_2, (n1 - shared) // per_block + first_whole)
    index, n_prime = _slot_indices(ul, n1)
    cover = index * delta // n_prime[:, None]
    offset = cover % delta if ul.cp is CyclicPrefix.NORMAL else cover
    shift = (index * delta + offset) % n_prime[:, None]
    data, data_short, dmrs = _covers(ul.cp)
    rotation = np.where(index % 2 == 0, 1, 1j)[:, :, None]
    codes = np.zeros((len(n1), 2, 2, ul.n_symb_slot), np.complex64)
    codes[:, :, 0, list(dmrs_symbols(ul.cp, True))] = dmrs[cover]
    places = list(data_symbols(ul.cp, True))
    codes[:, :, 1, places] = rotation * data[cover]
    if shortened:
        codes[:, 1, 1, places] = 0
        codes[:, 1, 1, places[:3]] = rotation[:, 1] * data_short[cover[:, 1]]
    return Format1Table(m, shift, cover, codes)
