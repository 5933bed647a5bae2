"""Resource blocks of an uplink grant, and how they hop (TS 36.213 8.1, 8.4; TS 36.211 5.3.4)."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from picocell.kernels import gold
from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.dci_sizes import n_hopping_bits, riv_decode, riv_encode, riv_width
from picocell.phy.lte.scfdma import allowed_n_prb
from picocell.phy.lte.uplink_config import HoppingMode, UplinkConfig


class Hopping(StrEnum):
    """Frequency hopping of a grant (TS 36.213 8.4)."""

    NONE = "none"
    QUARTER = "quarter"
    MINUS_QUARTER = "minus-quarter"
    HALF = "half"
    TYPE_2 = "type-2"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Resource blocks of a grant before hopping.

    Attributes:
        start: RB_START, the first virtual resource block.
        n_prb: contiguous resource blocks L_CRBs.
        hopping: how they hop; the first three that do are type 1, by the offset of the second position.
    """

    start: int
    n_prb: int
    hopping: Hopping = Hopping.NONE


def check_n_prb(n_prb: int) -> None:
    """Raise ValueError where the transform precoder has no such size (TS 36.211 5.3.3)."""
    if n_prb not in allowed_n_prb():
        raise ValueError(f"a PUSCH of {n_prb} resource blocks is not allowed: use 2^a 3^b 5^c")


def _kinds(n_bits: int) -> tuple[Hopping, ...]:
    """What the hopping bits say, as a number (TS 36.213 Table 8.4-2)."""
    return tuple(Hopping)[1:] if n_bits == 2 else (Hopping.HALF, Hopping.TYPE_2)


def assignment(ul: UplinkConfig, riv: int, hopping: bool) -> Assignment:
    """Resource blocks of a format 0's assignment field with its hopping bits (TS 36.213 8.1, 8.4).

    Raises:
        ValueError: a value that no allocation has, or one that the standard does not let hop.
    """
    if not hopping:
        start, count = riv_decode(ul.n_prb, riv)
        check_n_prb(count)
        return Assignment(start, count)
    n_bits = n_hopping_bits(ul.n_prb)
    left = riv_width(ul.n_prb) - n_bits
    if not 0 <= riv < 1 << (left + n_bits):
        raise ValueError(f"riv {riv} is outside 0..{(1 << (left + n_bits)) - 1}")
    kind = _kinds(n_bits)[riv >> left]
    start, count = riv_decode(ul.n_prb, riv & ((1 << left) - 1))
    check_n_prb(count)
    largest = (1 << left) // ul.n_prb
    if kind is Hopping.TYPE_2:
        largest = min(largest, _n_prb_pusch(ul, kind) // ul.pusch.n_sb)
    if count > largest:
        raise ValueError(f"{count} resource blocks hop: at most {largest} may")
    return Assignment(start, count, kind)


def assignment_field(ul: UplinkConfig, wanted: Assignment) -> int:
    """Assignment field of a format 0, the inverse of :func:`assignment`.

    Raises:
        ValueError: an allocation that the field cannot tell.
    """
    riv = riv_encode(ul.n_prb, wanted.start, wanted.n_prb)
    if wanted.hopping is not Hopping.NONE:
        n_bits = n_hopping_bits(ul.n_prb)
        left = riv_width(ul.n_prb) - n_bits
        kinds = _kinds(n_bits)
        if wanted.hopping not in kinds:
            raise ValueError(f"hopping by {wanted.hopping} needs two hopping bits: {ul.n_prb} PRB have one")
        if riv >> left:
            raise ValueError(f"{wanted.n_prb} resource blocks from {wanted.start} on do not fit {left} bits")
        riv |= kinds.index(wanted.hopping) << left
    if assignment(ul, riv, wanted.hopping is not Hopping.NONE) != wanted:
        raise ValueError(f"{wanted} has no assignment field")
    return riv


def prb_start(cell: Cell, ul: UplinkConfig, tti: int, wanted: Assignment, transmission: int = 0) -> tuple[int, int]:
    """First physical resource block in both slots (TS 36.213 8.4.1, TS 36.211 5.3.4).

    Args:
        cell: the cell.
        ul: its uplink.
        tti: 10 SFN + subframe of the PUSCH.
        wanted: resource blocks of the grant.
        transmission: CURRENT_TX_NB of the transport block (TS 36.321 5.4.2.2), 0 for the first.

    Raises:
        ValueError: resource blocks outside the bandwidth, or torn apart by type 2 hopping.
    """
    match wanted.hopping:
        case Hopping.NONE:
            starts = (wanted.start, wanted.start)
        case Hopping.TYPE_2:
            starts = (
                _type_2_start(cell, ul, tti, 0, wanted, transmission),
                _type_2_start(cell, ul, tti, 1, wanted, transmission),
            )
        case _:
            first, second = wanted.start, _type_1_start(ul, wanted)
            starts = (first, second)
            if ul.pusch.hopping_mode is HoppingMode.INTER_SUBFRAME:
                starts = (first, first) if transmission % 2 == 0 else (second, second)
    if min(starts) < 0 or max(starts) + wanted.n_prb > ul.n_prb:
        raise ValueError(f"{wanted.n_prb} resource blocks from {starts} on do not fit the {ul.n_prb} of the cell")
    return starts


def _n_prb_pusch(ul: UplinkConfig, kind: Hopping) -> int:
    """N_RB^PUSCH of TS 36.213 8.4."""
    offset = ul.pusch.hopping_offset + ul.pusch.hopping_offset % 2
    if kind is not Hopping.TYPE_2:
        return ul.n_prb - offset - ul.n_prb % 2
    return ul.n_prb if ul.pusch.n_sb == 1 else ul.n_prb - offset


def _type_1_start(ul: UplinkConfig, wanted: Assignment) -> int:
    """First resource block of the second slot (TS 36.213 8.4.1, Table 8.4-2)."""
    n = _n_prb_pusch(ul, wanted.hopping)
    if n < 1:
        raise ValueError(f"hopping offset {ul.pusch.hopping_offset} leaves nothing of {ul.n_prb} PRB")
    half_offset = (ul.pusch.hopping_offset + ul.pusch.hopping_offset % 2) // 2
    step = {Hopping.HALF: n // 2, Hopping.QUARTER: n // 4, Hopping.MINUS_QUARTER: -(n // 4)}[wanted.hopping]
    return (wanted.start - half_offset + step) % n + half_offset


@lru_cache(maxsize=64)
def _hopping_pattern(c_init: int, n_sb: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """f_hop(i) and c(10 i) for the slots i = 0..19 of a frame (TS 36.211 5.3.4)."""
    c = gold.sequence(c_init, 200).reshape(20, 10).tolist()
    f_hop, last = [], 0
    for bits in c:
        number = sum(bit << k for k, bit in enumerate(bits[1:]))
        if n_sb == 1:
            last = 0
        elif n_sb == 2:
            last = (last + number) % n_sb
        else:
            last = (last + number % (n_sb - 1) + 1) % n_sb
        f_hop.append(last)
    return tuple(f_hop), tuple(bits[0] for bits in c)


def _type_2_start(cell: Cell, ul: UplinkConfig, tti: int, slot: int, wanted: Assignment, transmission: int) -> int:
    """First resource block of a slot with type 2 hopping (TS 36.211 5.3.4)."""
    n_sb, n_ho = ul.pusch.n_sb, ul.pusch.hopping_offset
    subframe, sfn = tti % 10, tti // 10
    inter = ul.pusch.hopping_mode is HoppingMode.INTER_SUBFRAME
    i = subframe if inter else 2 * subframe + slot
    c_init = cell.pci + (0 if cell.duplex is Duplex.FDD else (sfn % 4) << 9)
    f_hop, c = _hopping_pattern(c_init, n_sb)
    if n_sb == 1:
        size, shift, mirror = ul.n_prb, 0, transmission % 2 if inter else i % 2
    else:
        size, shift, mirror = (ul.n_prb - n_ho - n_ho % 2) // n_sb, -(-n_ho // 2), c[i]
    if size < 1 or wanted.start < shift:
        raise ValueError(f"resource block {wanted.start} lies before the sub-bands, or these are empty")

    def place(vrb: int) -> int:
        return (vrb + f_hop[i] * size + (size - 1 - 2 * (vrb % size)) * mirror) % (size * n_sb) + shift

    first = wanted.start - shift
    ends = place(first), place(first + wanted.n_prb - 1)
    if first + wanted.n_prb > size * n_sb:
        raise ValueError(f"{wanted.n_prb} resource blocks from {wanted.start} on reach beyond the sub-bands")
    if abs(ends[1] - ends[0]) != wanted.n_prb - 1 or first % size + wanted.n_prb > size:
        raise ValueError(f"{wanted.n_prb} resource blocks from {wanted.start} on cross a sub-band's border")
    return min(ends)
