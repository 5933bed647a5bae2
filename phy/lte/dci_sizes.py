"""Which fields a DCI format has, how wide they are, and how long the padded payload is (TS 36.212 5.3.3.1).

Uplink and downlink are taken to have the same bandwidth. Carrier aggregation (three-bit carrier indicator, two-bit CQI
request) is left out.
"""

from enum import StrEnum
from functools import cache
from typing import Final

from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.tables import rows


class DciFormat(StrEnum):
    """Formats of downlink control information (TS 36.212 5.3.3.1)."""

    FORMAT_0 = "0"
    FORMAT_1 = "1"
    FORMAT_1A = "1A"
    FORMAT_1C = "1C"
    FORMAT_2 = "2"
    FORMAT_2A = "2A"
    FORMAT_3 = "3"
    FORMAT_3A = "3A"


COMMON_FORMATS: Final = frozenset(
    {DciFormat.FORMAT_0, DciFormat.FORMAT_1A, DciFormat.FORMAT_1C, DciFormat.FORMAT_3, DciFormat.FORMAT_3A}
)
"""Formats that may stand in the common search space (TS 36.213 7.1, 8)."""

Layout = tuple[tuple[str, int], ...]
"""Fields in the order of transmission: name and width in bits."""

LOWEST_TWO_GAP_N_PRB: Final = 50
"""From this bandwidth on a distributed allocation chooses between two gaps (TS 36.211 Table 6.2.3.2-1)."""

_TYPE_0_ONLY_N_PRB: Final = 10
"""Up to this bandwidth allocation type 1 does not exist, and neither does the header bit (TS 36.212 5.3.3.1.2)."""


@cache
def _table(name: str) -> str:
    return next(row["values"] for row in rows("small_tables") if row["table"] == name)


@cache
def _by_bandwidth(name: str, n_prb: int) -> str:
    """Entry of a table whose rows are ranges of bandwidth, such as ``11-26:2`` or ``<=10:1``."""
    for entry in _table(name).removeprefix("N_RB_UL ").split(";"):
        span, value = entry.strip().split(":")
        low, _, high = span.removeprefix("<=").partition("-")
        first, last = (0, int(low)) if span.startswith("<=") else (int(low), int(high or low))
        if first <= n_prb <= last:
            return value
    raise ValueError(f"no row for n_prb {n_prb} in table {name}")


@cache
def _ambiguous_sizes() -> frozenset[int]:
    """Payload sizes at which the start of a PDCCH is ambiguous (TS 36.212 Table 5.3.3.1.2-1)."""
    return frozenset(int(size) for size in _table("36.212 5.3.3.1.2-1").split())


def rbg_size(n_prb: int) -> int:
    """Resource block group size P (TS 36.213 Table 7.1.6.1-1)."""
    return int(_by_bandwidth("7.1.6.1-1", n_prb))


def n_vrb_gap_1(n_prb: int) -> int:
    """Distributed virtual resource blocks N_VRB,gap1 that a format 1C can address (TS 36.211 6.2.3.2)."""
    text = _by_bandwidth("36.211 6.2.3.2-1", n_prb).partition("(")[0]
    gap = -(-n_prb // 2) if text == "ceil" else int(text)
    return 2 * min(gap, n_prb - gap)


def vrb_step(n_prb: int) -> int:
    """Granularity N_RB^step of a format 1C allocation (TS 36.213 Table 7.1.6.3-1)."""
    return 4 if n_prb >= LOWEST_TWO_GAP_N_PRB else 2


def n_hopping_bits(n_prb: int) -> int:
    """N_UL_hop, the bits of a hopping uplink grant's assignment that say how it hops (TS 36.213 Table 8.4-1)."""
    return int(_by_bandwidth("8.4-1", n_prb))


def riv_width(n: int) -> int:
    """Bits of a resource indication value for n resource blocks: ceil(log2(n (n + 1) / 2))."""
    return (n * (n + 1) // 2 - 1).bit_length()


def _assignment(cell: Cell) -> Layout:
    """Header and bitmap of allocation types 0 and 1 (TS 36.213 7.1.6.1, 7.1.6.2)."""
    header = (("resource_allocation_type", 1),) if cell.n_prb > _TYPE_0_ONLY_N_PRB else ()
    return (*header, ("resource_block_assignment", -(-cell.n_prb // rbg_size(cell.n_prb))))


def _harq(cell: Cell) -> Layout:
    return (("harq_process", 3 if cell.duplex is Duplex.FDD else 4),)


def _dai(cell: Cell) -> Layout:
    return () if cell.duplex is Duplex.FDD else (("dai", 2),)


def _format_0(cell: Cell) -> Layout:
    tdd = () if cell.duplex is Duplex.FDD else ((("ul_index", 2),) if cell.tdd_config == 0 else (("dai", 2),))
    return (
        ("flag", 1),
        ("hopping", 1),
        ("riv", riv_width(cell.n_prb)),
        ("mcs", 5),
        ("ndi", 1),
        ("tpc", 2),
        ("cyclic_shift", 3),
        *tdd,
        ("cqi_request", 1),
    )


def _format_1(cell: Cell) -> Layout:
    coding = (("mcs", 5), *_harq(cell), ("ndi", 1), ("rv", 2), ("tpc", 2), *_dai(cell))
    return (*_assignment(cell), *coding)


def _format_1a(cell: Cell) -> Layout:
    head = (("flag", 1), ("distributed", 1), ("riv", riv_width(cell.n_prb)))
    return (*head, ("mcs", 5), *_harq(cell), ("ndi", 1), ("rv", 2), ("tpc", 2), *_dai(cell))


def _format_1c(cell: Cell) -> Layout:
    gap = (("gap", 1),) if cell.n_prb >= LOWEST_TWO_GAP_N_PRB else ()
    return (*gap, ("riv", riv_width(n_vrb_gap_1(cell.n_prb) // vrb_step(cell.n_prb))), ("mcs", 5))


def _two_blocks(cell: Cell, precoding: dict[int, int], name: DciFormat) -> Layout:
    """Formats 2 and 2A, which differ in the width of the precoding information by number of ports."""
    if cell.n_ports not in precoding:
        raise ValueError(f"format {name} needs 2 or 4 antenna ports, the cell has {cell.n_ports}")
    width = precoding[cell.n_ports]
    return (
        *_assignment(cell),
        ("tpc", 2),
        *_dai(cell),
        *_harq(cell),
        ("swap", 1),
        ("mcs1", 5),
        ("ndi1", 1),
        ("rv1", 2),
        ("mcs2", 5),
        ("ndi2", 1),
        ("rv2", 2),
        *((("precoding", width),) if width else ()),
    )


@cache
def fields(cell: Cell, fmt: DciFormat) -> Layout:
    """Fields of a format without padding; for formats 3 and 3A one ``tpc`` for each command.

    Raises:
        ValueError: formats 2 and 2A on a cell with one antenna port.
    """
    match fmt:
        case DciFormat.FORMAT_0:
            return _format_0(cell)
        case DciFormat.FORMAT_1:
            return _format_1(cell)
        case DciFormat.FORMAT_1A:
            return _format_1a(cell)
        case DciFormat.FORMAT_1C:
            return _format_1c(cell)
        case DciFormat.FORMAT_2:
            return _two_blocks(cell, {2: 3, 4: 6}, fmt)
        case DciFormat.FORMAT_2A:
            return _two_blocks(cell, {2: 0, 4: 2}, fmt)
        case DciFormat.FORMAT_3:
            return size(cell, DciFormat.FORMAT_0) // 2 * (("tpc", 2),)
        case DciFormat.FORMAT_3A:
            return size(cell, DciFormat.FORMAT_0) * (("tpc", 1),)


def _width(layout: Layout) -> int:
    return sum(width for _, width in layout)


@cache
def _padded_width(cell: Cell, fmt: DciFormat) -> int:
    if fmt in (DciFormat.FORMAT_0, DciFormat.FORMAT_1A):
        # The longer of the two rules: both leave with the length of 1A.
        width = max(_width(_format_0(cell)), _width(_format_1a(cell)))
        return width + (width in _ambiguous_sizes())
    if fmt in (DciFormat.FORMAT_3, DciFormat.FORMAT_3A):
        return _padded_width(cell, DciFormat.FORMAT_0)
    width = _width(fields(cell, fmt))
    if fmt is DciFormat.FORMAT_1:
        while width in _ambiguous_sizes() or width == _padded_width(cell, DciFormat.FORMAT_1A):
            width += 1
    elif fmt in (DciFormat.FORMAT_2, DciFormat.FORMAT_2A):
        width += width in _ambiguous_sizes()
    return width


def size(cell: Cell, fmt: DciFormat | str, *, common: bool = False) -> int:
    """Payload of a format in bits, with padding, without CRC (TS 36.212 5.3.3.1.1 to 5.3.3.1.7).

    Args:
        cell: bandwidth, antenna ports and duplex decide.
        fmt: format.
        common: the payload stands in the common search space; its size is the same there, but not every format may.

    Raises:
        ValueError: unknown format, one that the common search space does not carry, or format 2 or 2A with one port.
    """
    fmt = DciFormat(fmt)
    if common and fmt not in COMMON_FORMATS:
        raise ValueError(f"format {fmt} does not stand in the common search space: only {sorted(COMMON_FORMATS)} do")
    return _padded_width(cell, fmt)


def riv_encode(n_prb: int, start: int, length: int, step: int = 1) -> int:
    """Resource indication value of contiguous virtual resource blocks (TS 36.213 7.1.6.3).

    Args:
        n_prb: N_RB, or N_VRB for format 1C.
        start: first block.
        length: number of blocks.
        step: N_RB^step for format 1C, of which start and length are multiples.

    Raises:
        ValueError: blocks outside the bandwidth, none at all, or no multiples of the step.
    """
    if start % step or length % step:
        raise ValueError(f"start {start} and length {length} must be multiples of the step {step}")
    n, first, count = n_prb // step, start // step, length // step
    if first < 0 or count < 1 or first + count > n:
        raise ValueError(f"blocks {start}..{start + length - 1} are none or outside 0..{n * step - 1}")
    if count - 1 <= n // 2:
        return n * (count - 1) + first
    return n * (n - count + 1) + (n - 1 - first)


def riv_decode(n_prb: int, riv: int, step: int = 1) -> tuple[int, int]:
    """First block and number of blocks of a resource indication value (TS 36.213 7.1.6.3).

    Raises:
        ValueError: a value that no allocation has.
    """
    n = n_prb // step
    if not 0 <= riv < n * (n + 1) // 2:
        raise ValueError(f"riv {riv} is outside 0..{n * (n + 1) // 2 - 1} for {n} blocks")
    quotient, first = divmod(riv, n)
    count = quotient + 1
    if first + count > n:
        count, first = n - quotient + 1, n - 1 - first
    return first * step, count * step
