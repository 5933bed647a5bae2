"""Reference signal sequences of the uplink and their hopping (TS 36.211 5.4, 5.5.1, 5.5.2.1.1)."""

from functools import cache, lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.tables import rows
from picocell.phy.lte.uplink_config import UplinkConfig

N_GROUPS: Final = 30
"""Groups u of base sequences (TS 36.211 5.5.1)."""

N_SLOTS: Final = 20
"""Slots of a radio frame: the hopping patterns repeat with it."""

MAX_LENGTH: Final = 110 * N_SC_RB
"""Subcarriers of the longest reference signal (N_RB^max,UL of TS 36.211 6.2.1)."""

Channel = Literal["pusch", "pucch"]

_FIRST_ZADOFF_CHU: Final = 3 * N_SC_RB
_FIRST_TWO_SEQUENCES: Final = 6 * N_SC_RB
_TABLES: Final = {12: "36211_5.5.1.2-1_phi_12", 24: "36211_5.5.1.2-2_phi_24"}


def _check(u: int, v: int, m_sc: int) -> None:
    if not 0 <= u < N_GROUPS:
        raise ValueError(f"sequence group u {u} is outside 0..{N_GROUPS - 1}")
    if m_sc % N_SC_RB or not N_SC_RB <= m_sc <= MAX_LENGTH:
        raise ValueError(f"reference signal length {m_sc} is not allowed: use a multiple of 12 in 12..{MAX_LENGTH}")
    if v not in ((0, 1) if m_sc >= _FIRST_TWO_SEQUENCES else (0,)):
        raise ValueError(f"base sequence v {v} is not allowed: use 0, or 1 from {_FIRST_TWO_SEQUENCES} subcarriers on")


def _check_slot(n_s: int) -> None:
    if not 0 <= n_s < N_SLOTS:
        raise ValueError(f"slot n_s {n_s} is outside 0..{N_SLOTS - 1}")


@cache
def _phases(m_sc: int) -> NDArray[np.float64]:
    """Table 5.5.1.2-1 or -2 ``(30, m_sc)`` in cycles."""
    table = rows(_TABLES[m_sc])
    return np.array([[int(row[f"phi{n}"]) for n in range(m_sc)] for row in table]) / 8


@cache
def zadoff_chu_length(m_sc: int) -> int:
    """N_ZC^RS: the largest prime below the length of the reference signal (TS 36.211 5.5.1.1)."""
    return next(n for n in range(m_sc - 1, 1, -1) if all(n % d for d in range(2, int(n**0.5) + 1)))


def _zadoff_chu(u: int, v: int, m_sc: int) -> NDArray[np.float64]:
    """Phases of TS 36.211 5.5.1.1 in cycles; the quotients are kept in integers, so that rounding is exact."""
    n_zc = zadoff_chu_length(m_sc)
    twice = 2 * n_zc * (u + 1)  # 2 * 31 * q_bar
    q = (twice + 31) // 62 + v * (-1) ** (twice // 31)
    m = np.arange(m_sc) % n_zc
    phases: NDArray[np.float64] = -(q * m * (m + 1) % (2 * n_zc)) / (2 * n_zc)
    return phases


@lru_cache(maxsize=2048)
def base_sequence(u: int, v: int, m_sc: int) -> NDArray[np.complex64]:
    """Base sequence r_u,v (TS 36.211 5.5.1).

    Args:
        u: group 0..29.
        v: sequence of the group, 0; or 1 where `m_sc` is 72 or more.
        m_sc: length, a multiple of 12 up to 1320.

    Returns:
        Read-only complex64 ``(m_sc,)``, all values of magnitude one.

    Raises:
        ValueError: an argument outside its range.
    """
    _check(u, v, m_sc)
    phases = _phases(m_sc)[u] if m_sc < _FIRST_ZADOFF_CHU else _zadoff_chu(u, v, m_sc)
    sequence: NDArray[np.complex64] = np.exp(2j * np.pi * phases).astype(np.complex64)
    sequence.setflags(write=False)
    return sequence


def reference_sequence(u: int, v: int, alpha: float, m_sc: int) -> NDArray[np.complex64]:
    """Reference signal sequence: the base sequence with a cyclic shift of `alpha` radians (TS 36.211 5.5.1).

    Returns:
        Complex64 ``(m_sc,)``, read-only where `alpha` is 0.

    Raises:
        ValueError: an argument outside its range.
    """
    sequence = base_sequence(u, v, m_sc)
    if alpha == 0:
        return sequence
    shifted: NDArray[np.complex64] = (sequence * np.exp(1j * alpha * np.arange(m_sc))).astype(np.complex64)
    return shifted


def sequence_shift(cell: Cell, ul: UplinkConfig, channel: Channel = "pusch") -> int:
    """Sequence-shift pattern f_ss of a channel (TS 36.211 5.5.1.3); the sounding signal has that of the PUCCH."""
    if channel not in ("pusch", "pucch"):
        raise ValueError(f"channel {channel!r} is not allowed: use 'pusch' or 'pucch'")
    return (cell.pci + (ul.pusch.group_assignment if channel == "pusch" else 0)) % N_GROUPS


def _octets(c_init: int, n: int) -> NDArray[np.intp]:
    """Sums of c(8 i + j) 2^j over j = 0..7, for i = 0..n-1, of the Gold sequence."""
    bits = gold.sequence(c_init, 8 * n).reshape(n, 8)
    octets: NDArray[np.intp] = bits @ (1 << np.arange(8))
    octets.setflags(write=False)
    return octets


@cache
def _group_pattern(c_init: int) -> NDArray[np.intp]:
    return _octets(c_init, N_SLOTS) % N_GROUPS


def group_hopping(cell: Cell, ul: UplinkConfig, n_s: int, channel: Channel = "pusch") -> int:
    """Group number u in a slot (TS 36.211 5.5.1.3).

    Args:
        cell: the cell.
        ul: its uplink; group hopping may be enabled there.
        n_s: slot 0..19.
        channel: ``"pusch"``, or ``"pucch"`` (and sounding).

    Raises:
        ValueError: no such slot or channel.
    """
    _check_slot(n_s)
    f_ss = sequence_shift(cell, ul, channel)
    if not ul.pusch.group_hopping:
        return f_ss
    return (int(_group_pattern(cell.pci // N_GROUPS)[n_s]) + f_ss) % N_GROUPS


@cache
def _sequence_pattern(c_init: int) -> tuple[int, ...]:
    return tuple(gold.sequence(c_init, N_SLOTS).tolist())


def _pusch_c_init(cell: Cell, ul: UplinkConfig) -> int:
    """Start of the generator of sequence hopping and of n_PN."""
    return (cell.pci // N_GROUPS << 5) + sequence_shift(cell, ul, "pusch")


def sequence_hopping(cell: Cell, ul: UplinkConfig, n_s: int, m_sc: int) -> int:
    """Base sequence number v of the PUSCH's reference signal in a slot (TS 36.211 5.5.1.4).

    Raises:
        ValueError: no such slot.
    """
    _check_slot(n_s)
    if m_sc < _FIRST_TWO_SEQUENCES or ul.pusch.group_hopping or not ul.pusch.sequence_hopping:
        return 0
    return _sequence_pattern(_pusch_c_init(cell, ul))[n_s]


@cache
def _cyclic_shifts(pci: int, n_symb_slot: int) -> NDArray[np.intp]:
    table = _octets(pci, N_SLOTS * n_symb_slot).reshape(N_SLOTS, n_symb_slot)
    table.setflags(write=False)
    return table


def n_cs_cell(cell: Cell, ul: UplinkConfig) -> NDArray[np.intp]:
    """Cell-specific cyclic shift n_cs^cell(n_s, l) of the PUCCH (TS 36.211 5.4).

    Returns:
        Read-only intp ``(20, n_symb_slot)`` of 0..255: rows are slots of a frame, columns symbols of a slot.
    """
    return _cyclic_shifts(cell.pci, ul.n_symb_slot)


@cache
def _pseudo_random(c_init: int, n_symb_slot: int) -> NDArray[np.intp]:
    return _octets(c_init, N_SLOTS * n_symb_slot)[::n_symb_slot]


def n_pn(cell: Cell, ul: UplinkConfig) -> NDArray[np.intp]:
    """Pseudo-random part n_PN(n_s) of the cyclic shift of the PUSCH's reference signal (TS 36.211 5.5.2.1.1).

    Returns:
        Read-only intp ``(20,)`` of 0..255, one a slot of a frame.
    """
    return _pseudo_random(_pusch_c_init(cell, ul), ul.n_symb_slot)
