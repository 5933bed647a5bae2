"""Downlink resource allocation types 0, 1 and 2 (TS 36.213 7.1.6) and virtual resource blocks (TS 36.211 6.2.3).

Allocations are tuples of ascending physical resource blocks; bitmap fields are integers whose most significant bit is
the field's first transmitted bit. Distributed allocations differ from slot to slot: they are a pair of tuples.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from picocell.phy.lte.cell import BANDWIDTHS
from picocell.phy.lte.tables import rows

Prbs = tuple[int, ...]
SlotPrbs = tuple[Prbs, Prbs]
"""Physical resource blocks in the first and in the second slot of a subframe."""


@cache
def _by_bandwidth(table: str, n_prb: int) -> str:
    """Entry of a short table whose values are listed as ``<=10:a; 11-26:b``."""
    if n_prb not in BANDWIDTHS:
        raise ValueError(f"n_prb {n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
    (values,) = (row["values"] for row in rows("small_tables") if row["table"] == table)
    for entry in values.split(";"):
        span, value = entry.strip().split(":")
        first, _, last = span.replace("<=", "0-").partition("-")
        if int(first) <= n_prb <= int(last or first):
            return value.strip()
    raise ValueError(f"table {table} has no entry for {n_prb} PRB")


@cache
def rbg_size(n_prb: int) -> int:
    """Resource block group size P (TS 36.213 Table 7.1.6.1-1).

    Raises:
        ValueError: no LTE bandwidth.
    """
    return int(_by_bandwidth("7.1.6.1-1", n_prb))


def n_rbg(n_prb: int) -> int:
    """Number of resource block groups N_RBG, and so of bits of a type 0 bitmap (TS 36.213 7.1.6.1)."""
    return -(-n_prb // rbg_size(n_prb))


def rbg(n_prb: int, group: int) -> range:
    """PRBs of one resource block group; the last group may be short (TS 36.213 7.1.6.1)."""
    size = rbg_size(n_prb)
    return range(group * size, min((group + 1) * size, n_prb))


def _check_field(field: int, width: int, what: str) -> None:
    if not 0 <= field < 1 << width:
        raise ValueError(f"{what} {field:#x} is outside 0..{(1 << width) - 1:#x} ({width} bits)")


@lru_cache(maxsize=4096)
def type0(n_prb: int, bitmap: int) -> Prbs:
    """PRBs of a type 0 bitmap of ``n_rbg(n_prb)`` bits, group 0 first (TS 36.213 7.1.6.1).

    Raises:
        ValueError: a bitmap too wide, or an empty one.
    """
    groups = n_rbg(n_prb)
    _check_field(bitmap, groups, "type 0 bitmap")
    prbs = tuple(prb for g in range(groups) if bitmap >> (groups - 1 - g) & 1 for prb in rbg(n_prb, g))
    if not prbs:
        raise ValueError("type 0 bitmap allocates no resource block")
    return prbs


def type0_encode(n_prb: int, prbs: Iterable[int]) -> int:
    """Type 0 bitmap of a set of PRBs made of whole resource block groups.

    Raises:
        ValueError: an empty set, a PRB outside the cell, or a group taken in part.
    """
    wanted = _checked_set(n_prb, prbs)
    groups = n_rbg(n_prb)
    taken = {prb // rbg_size(n_prb) for prb in wanted}
    if sum(len(rbg(n_prb, g)) for g in taken) != len(wanted):
        raise ValueError(f"PRBs {sorted(wanted)} are not whole groups of {rbg_size(n_prb)}")
    return sum(1 << (groups - 1 - g) for g in taken)


def _checked_set(n_prb: int, prbs: Iterable[int]) -> set[int]:
    wanted = set(prbs)
    if not wanted:
        raise ValueError("no resource block to allocate")
    if not wanted <= set(range(n_prb)):
        raise ValueError(f"PRBs {sorted(wanted)} reach outside 0..{n_prb - 1}")
    return wanted


@cache
def type1_bits(n_prb: int) -> tuple[int, int]:
    """Widths of the subset field and of the bitmap of type 1; one shift bit is between them (TS 36.213 7.1.6.2).

    Raises:
        ValueError: a bandwidth of at most 10 PRB, which has no type 1.
    """
    size = rbg_size(n_prb)
    if size == 1:
        raise ValueError(f"resource allocation type 1 does not exist at {n_prb} PRB")
    subset = (size - 1).bit_length()
    return subset, n_rbg(n_prb) - subset - 1


@cache
def _type1_blocks(n_prb: int, subset: int, shift: int) -> Prbs:
    """PRB that each bit of a type 1 bitmap addresses (TS 36.213 7.1.6.2)."""
    size, (_, n_bits) = rbg_size(n_prb), type1_bits(n_prb)
    last_group_subset = (n_prb - 1) // size % size
    in_subset = (n_prb - 1) // size**2 * size
    if subset < last_group_subset:
        in_subset += size
    elif subset == last_group_subset:
        in_subset += (n_prb - 1) % size + 1
    delta = in_subset - n_bits if shift else 0
    return tuple((i + delta) // size * size**2 + subset * size + (i + delta) % size for i in range(n_bits))


@lru_cache(maxsize=4096)
def type1(n_prb: int, field: int) -> Prbs:
    """PRBs of a type 1 field: subset, shift and bitmap together, ``n_rbg(n_prb)`` bits (TS 36.213 7.1.6.2).

    Raises:
        ValueError: a field too wide, a subset that does not exist, an empty bitmap, or a bandwidth without type 1.
    """
    subset_bits, n_bits = type1_bits(n_prb)
    _check_field(field, subset_bits + 1 + n_bits, "type 1 field")
    subset, shift, bitmap = field >> (n_bits + 1), field >> n_bits & 1, field & ((1 << n_bits) - 1)
    if subset >= rbg_size(n_prb):
        raise ValueError(f"type 1 subset {subset} is outside 0..{rbg_size(n_prb) - 1}")
    if not bitmap:
        raise ValueError("type 1 bitmap allocates no resource block")
    blocks = _type1_blocks(n_prb, subset, shift)
    return tuple(prb for i, prb in enumerate(blocks) if bitmap >> (n_bits - 1 - i) & 1)


def type1_encode(n_prb: int, prbs: Iterable[int]) -> int:
    """Type 1 field of PRBs that one subset and shift can address.

    Raises:
        ValueError: an empty set, PRBs of several subsets, or a bandwidth without type 1.
    """
    wanted = _checked_set(n_prb, prbs)
    _, n_bits = type1_bits(n_prb)
    for subset in range(rbg_size(n_prb)):
        for shift in (0, 1):
            blocks = _type1_blocks(n_prb, subset, shift)
            if wanted <= set(blocks):
                bitmap = sum(1 << (n_bits - 1 - blocks.index(prb)) for prb in wanted)
                return (subset << 1 | shift) << n_bits | bitmap
    raise ValueError(f"no type 1 subset addresses PRBs {sorted(wanted)}")


@lru_cache(maxsize=4096)
def localised(n_prb: int, start: int, length: int) -> SlotPrbs:
    """PRBs of localised virtual resource blocks, the same in both slots (TS 36.211 6.2.3.1).

    Raises:
        ValueError: blocks outside the cell, or none.
    """
    if length < 1 or start < 0 or start + length > n_prb:
        raise ValueError(f"{length} resource blocks from {start} do not fit in {n_prb}")
    prbs = tuple(range(start, start + length))
    return prbs, prbs


@cache
def gap(n_prb: int, second: bool = False) -> int:
    """Gap N_gap of distributed virtual resource blocks (TS 36.211 Table 6.2.3.2-1).

    Args:
        n_prb: downlink bandwidth.
        second: N_gap,2, which exists from 50 PRB on.

    Raises:
        ValueError: N_gap,2 asked for below 50 PRB.
    """
    value = _by_bandwidth("36.211 6.2.3.2-1", n_prb).replace("ceil(N/2)", str(-(-n_prb // 2)))
    match = re.fullmatch(r"(\d+)(?:\((\d+)\))?", value)
    if match is None:
        raise ValueError(f"table 36.211 6.2.3.2-1 has the entry {value!r} for {n_prb} PRB")
    if second and match[2] is None:
        raise ValueError(f"N_gap,2 does not exist at {n_prb} PRB")
    return int(match[2] if second else match[1])


@cache
def n_dvrb(n_prb: int, second_gap: bool = False) -> int:
    """Number N_VRB^DL of distributed virtual resource blocks (TS 36.211 6.2.3.2)."""
    n_gap = gap(n_prb, second_gap)
    if second_gap:
        return n_prb // (2 * n_gap) * 2 * n_gap
    return 2 * min(n_gap, n_prb - n_gap)


@cache
def dvrb_map(n_prb: int, second_gap: bool = False) -> SlotPrbs:
    """PRB of every distributed virtual resource block in even and in odd slots (TS 36.211 6.2.3.2).

    Returns:
        Two tuples indexed by n_VRB: n_PRB(n_s) in the first and in the second slot of a subframe.
    """
    size, n_gap, n_vrb = rbg_size(n_prb), gap(n_prb, second_gap), n_dvrb(n_prb, second_gap)
    unit = 2 * n_gap if second_gap else n_vrb
    n_row = -(-unit // (4 * size)) * size
    n_null = 4 * n_row - unit
    even, odd = [], []
    for vrb in range(n_vrb):
        base, v = vrb // unit * unit, vrb % unit
        if n_null and v >= unit - n_null:
            prb = 2 * n_row * (v % 2) + v // 2 - n_row + (0 if v % 2 else n_null // 2)
        else:
            prb = n_row * (v % 4) + v // 4 - (n_null // 2 if n_null and v % 4 >= 2 else 0)
        even.append(base + prb)
        odd.append(base + (prb + unit // 2) % unit)
    return _widen(even, unit, n_gap), _widen(odd, unit, n_gap)


def _widen(blocks: list[int], unit: int, n_gap: int) -> Prbs:
    """Put the gap between the two halves of an interleaving unit."""
    return tuple(prb if prb < unit // 2 else prb + n_gap - unit // 2 for prb in blocks)


@lru_cache(maxsize=4096)
def distributed(n_prb: int, start: int, length: int, second_gap: bool = False) -> SlotPrbs:
    """PRBs of consecutive distributed virtual resource blocks, ascending, in each slot (TS 36.211 6.2.3.2).

    Raises:
        ValueError: blocks outside 0..N_VRB^DL - 1, none, or N_gap,2 below 50 PRB.
    """
    n_vrb = n_dvrb(n_prb, second_gap)
    if length < 1 or start < 0 or start + length > n_vrb:
        raise ValueError(f"{length} distributed resource blocks from {start} do not fit in {n_vrb}")
    even, odd = dvrb_map(n_prb, second_gap)
    return tuple(sorted(even[start : start + length])), tuple(sorted(odd[start : start + length]))


def step_1c(n_prb: int) -> int:
    """Granularity N_RB^step of format 1C in virtual resource blocks (TS 36.213 Table 7.1.6.3-1).

    Raises:
        ValueError: no LTE bandwidth.
    """
    if n_prb not in BANDWIDTHS:
        raise ValueError(f"n_prb {n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
    return 2 if n_prb < 50 else 4
