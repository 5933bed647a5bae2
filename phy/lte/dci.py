"""Downlink control information: the messages, and their bits (TS 36.212 5.3.3.1)."""

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci_sizes import (
    COMMON_FORMATS,
    LOWEST_TWO_GAP_N_PRB,
    DciFormat,
    Layout,
    fields,
    riv_decode,
    riv_encode,
    size,
)

__all__ = [
    "COMMON_FORMATS",
    "P_RNTI",
    "RA_RNTIS",
    "SI_RNTI",
    "Dci",
    "Dci0",
    "Dci1",
    "Dci1A",
    "Dci1C",
    "Dci2",
    "Dci2A",
    "Dci3",
    "Dci3A",
    "DciFormat",
    "DciPdcchOrder",
    "is_broadcast",
    "pack",
    "riv_decode",
    "riv_encode",
    "size",
    "unpack",
    "unpack_0_1a",
]

SI_RNTI: Final = 0xFFFF
P_RNTI: Final = 0xFFFE
RA_RNTIS: Final = range(0x0001, 0x003C + 1)
"""Values that random access responses use (TS 36.321 Table 7.1-1)."""


def is_broadcast(rnti: int) -> bool:
    """Whether a format 1A with this RNTI is read by the rules for RA-, P- and SI-RNTI (TS 36.212 5.3.3.1.3)."""
    return rnti in (SI_RNTI, P_RNTI) or rnti in RA_RNTIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci0:
    """Uplink grant for PUSCH (TS 36.212 5.3.3.1.1).

    Attributes:
        hopping: frequency hopping flag.
        riv: resource block assignment with its hopping bits, as sent.
        mcs: modulation, coding and redundancy version I_MCS.
        ndi: new data indicator.
        tpc: TPC command for PUSCH.
        cyclic_shift: cyclic shift of the DMRS.
        cqi_request: whether an aperiodic CQI report is asked for.
        ul_index: TDD configuration 0 only.
        dai: downlink assignment index, TDD configurations 1 to 6 only.
    """

    FORMAT: ClassVar = DciFormat.FORMAT_0
    hopping: int = 0
    riv: int
    mcs: int
    ndi: int = 0
    tpc: int = 0
    cyclic_shift: int = 0
    cqi_request: int = 0
    ul_index: int = 0
    dai: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci1:
    """Assignment of one PDSCH code word (TS 36.212 5.3.3.1.2).

    Attributes:
        resource_allocation_type: 0 or 1; always 0 up to 10 PRB.
        resource_block_assignment: the field's bits as a number, the first bit the most significant.
        mcs: modulation and coding scheme I_MCS.
        harq_process: HARQ process number.
        ndi: new data indicator.
        rv: redundancy version.
        tpc: TPC command for PUCCH.
        dai: downlink assignment index, TDD only.
    """

    FORMAT: ClassVar = DciFormat.FORMAT_1
    resource_allocation_type: int = 0
    resource_block_assignment: int
    mcs: int
    harq_process: int = 0
    ndi: int = 0
    rv: int = 0
    tpc: int = 0
    dai: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci1A:
    """Compact assignment of one PDSCH code word (TS 36.212 5.3.3.1.3).

    Attributes:
        distributed: 0 localised, 1 distributed virtual resource blocks.
        gap: 0 for N_gap,1, 1 for N_gap,2: distributed allocations from 50 PRB on. It is sent as the first bit of the
            resource block assignment, or, with an RA-, P- or SI-RNTI, in place of the new data indicator.
        riv: resource indication value.
        mcs: I_MCS.
        harq_process: HARQ process number; reserved with an RA-, P- or SI-RNTI.
        ndi: new data indicator; reserved with an RA-, P- or SI-RNTI.
        rv: redundancy version.
        tpc: TPC command for PUCCH; with an RA-, P- or SI-RNTI its low bit chooses the column N_PRB^1A 2 (0) or 3 (1).
        dai: downlink assignment index, TDD only.
    """

    FORMAT: ClassVar = DciFormat.FORMAT_1A
    distributed: int = 0
    gap: int = 0
    riv: int
    mcs: int
    harq_process: int = 0
    ndi: int = 0
    rv: int = 0
    tpc: int = 0
    dai: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DciPdcchOrder:
    """Format 1A as an order to start random access (TS 36.212 5.3.3.1.3).

    Attributes:
        preamble_index: 0..63; 0 lets the UE choose.
        prach_mask_index: 0..15 (TS 36.321 Table 7.3-1).
    """

    FORMAT: ClassVar = DciFormat.FORMAT_1A
    preamble_index: int
    prach_mask_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci1C:
    """Very compact assignment for broadcast (TS 36.212 5.3.3.1.4).

    Attributes:
        gap: 0 for N_gap,1, 1 for N_gap,2; from 50 PRB on.
        riv: resource indication value in units of N_RB^step.
        mcs: I_TBS of TS 36.213 Table 7.1.7.2.3-1.
    """

    FORMAT: ClassVar = DciFormat.FORMAT_1C
    gap: int = 0
    riv: int
    mcs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _TwoBlocks:
    """Assignment of two transport blocks.

    Attributes:
        resource_allocation_type: 0 or 1; always 0 up to 10 PRB.
        resource_block_assignment: the field's bits as a number, the first bit the most significant.
        tpc: TPC command for PUCCH.
        dai: downlink assignment index, TDD only.
        harq_process: HARQ process number.
        swap: transport block to code word swap flag.
        mcs1, ndi1, rv1: of transport block 1; mcs 0 with rv 1 disables it (TS 36.213 7.1.7.2).
        mcs2, ndi2, rv2: of transport block 2.
        precoding: precoding information; format 2A with two ports has none.
    """

    resource_allocation_type: int = 0
    resource_block_assignment: int
    tpc: int = 0
    dai: int = 0
    harq_process: int = 0
    swap: int = 0
    mcs1: int
    ndi1: int = 0
    rv1: int = 0
    mcs2: int
    ndi2: int = 0
    rv2: int = 0
    precoding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci2(_TwoBlocks):
    """Assignment with closed-loop spatial multiplexing (TS 36.212 5.3.3.1.5)."""

    FORMAT: ClassVar = DciFormat.FORMAT_2


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci2A(_TwoBlocks):
    """Assignment with open-loop spatial multiplexing (TS 36.212 5.3.3.1.5A)."""

    FORMAT: ClassVar = DciFormat.FORMAT_2A


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci3:
    """TPC commands of two bits for PUCCH and PUSCH of several UEs (TS 36.212 5.3.3.1.6)."""

    FORMAT: ClassVar = DciFormat.FORMAT_3
    tpc: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dci3A:
    """TPC commands of one bit (TS 36.212 5.3.3.1.7)."""

    FORMAT: ClassVar = DciFormat.FORMAT_3A
    tpc: tuple[int, ...]


Dci = Dci0 | Dci1 | Dci1A | DciPdcchOrder | Dci1C | Dci2 | Dci2A | Dci3 | Dci3A

_CLASSES: Final[dict[DciFormat, type[Any]]] = {
    DciFormat.FORMAT_0: Dci0,
    DciFormat.FORMAT_1: Dci1,
    DciFormat.FORMAT_1A: Dci1A,
    DciFormat.FORMAT_1C: Dci1C,
    DciFormat.FORMAT_2: Dci2,
    DciFormat.FORMAT_2A: Dci2A,
    DciFormat.FORMAT_3: Dci3,
    DciFormat.FORMAT_3A: Dci3A,
}
_FLAGS: Final = {DciFormat.FORMAT_0: 0, DciFormat.FORMAT_1A: 1}
"""Flag for format 0/1A differentiation."""


def _layout_1a(cell: Cell, distributed: int, broadcast: bool) -> Layout:
    """Fields of format 1A where the gap is a field of its own: inside the assignment, or in place of the NDI."""
    layout = fields(cell, DciFormat.FORMAT_1A)
    if not distributed or cell.n_prb < LOWEST_TWO_GAP_N_PRB:
        return layout
    if broadcast:
        return tuple(("gap", width) if name == "ndi" else (name, width) for name, width in layout)
    at = [name for name, _ in layout].index("riv")
    return (*layout[:at], ("gap", 1), ("riv", layout[at][1] - 1), *layout[at + 1 :])


def _layout_order(cell: Cell) -> Layout:
    head = fields(cell, DciFormat.FORMAT_1A)[:3]
    return (*head, ("preamble_index", 6), ("prach_mask_index", 4))


def _join(cell: Cell, fmt: DciFormat, layout: Layout, values: tuple[int, ...]) -> NDArray[np.uint8]:
    """Bits of the fields' values, padded with zeros to the format's size."""
    word = 0
    for (name, width), value in zip(layout, values, strict=True):
        if not 0 <= value < 1 << width:
            raise ValueError(f"{name} {value} of format {fmt} is outside 0..{(1 << width) - 1} ({width} bits)")
        word = word << width | int(value)
    n = size(cell, fmt)
    word <<= n - sum(width for _, width in layout)
    octets = np.frombuffer((word << -n % 8).to_bytes((n + 7) // 8, "big"), np.uint8)
    return np.unpackbits(octets, count=n)


def _split(fmt: DciFormat, layout: Layout, word: int, n: int) -> tuple[int, ...]:
    """Values of the fields of an n-bit word; raises where the padding is not zero."""
    values = []
    left = n
    for _, width in layout:
        left -= width
        values.append(word >> left & ((1 << width) - 1))
    if word & ((1 << left) - 1):
        raise ValueError(f"padding of format {fmt} is not zero")
    return tuple(values)


@lru_cache(maxsize=256)
def _recipe(
    cell: Cell, fmt: DciFormat, distributed: int, broadcast: bool
) -> tuple[int, int, tuple[tuple[str, int, int], ...], tuple[str, ...]]:
    """Size of a format 0, 1 or 1A, its flag in place, name, width and place of the fields, and those it lacks here."""
    layout = _layout_1a(cell, distributed, broadcast) if fmt is DciFormat.FORMAT_1A else fields(cell, fmt)
    left = n = size(cell, fmt)
    placed = []
    for name, width in layout:
        left -= width
        placed.append((name, width, left))
    flag = next((_FLAGS[fmt] << shift for name, _, shift in placed if name == "flag"), 0)
    here = tuple(field for field in placed if field[0] != "flag")
    present = {name for name, _ in layout}
    lacking = tuple(field.name for field in dataclasses.fields(_CLASSES[fmt]) if field.name not in present)
    return n, flag, here, lacking


def _pack_plain(cell: Cell, dci: Dci0 | Dci1 | Dci1A, distributed: int, broadcast: bool) -> NDArray[np.uint8]:
    """Bits of the formats that are sent all the time."""
    fmt = dci.FORMAT
    n, word, here, lacking = _recipe(cell, fmt, int(distributed), broadcast)
    for name, width, shift in here:
        value = int(getattr(dci, name))
        if not 0 <= value < 1 << width:
            raise ValueError(f"{name} {value} of format {fmt} is outside 0..{(1 << width) - 1} ({width} bits)")
        word |= value << shift
    for name in lacking:
        if value := getattr(dci, name):
            raise ValueError(f"{name} {value}: format {fmt} has no such field here, so it must be 0")
    octets = np.frombuffer((word << -n % 8).to_bytes((n + 7) // 8, "big"), np.uint8)
    return np.unpackbits(octets, count=n)


def pack(cell: Cell, dci: Dci, rnti: int | None = None) -> NDArray[np.uint8]:
    """Bits of a message, with padding, without CRC.

    Args:
        cell: bandwidth, antenna ports and duplex decide the fields.
        dci: message.
        rnti: whom it is for; only the place of a format 1A's gap depends on it. None stands for a C-RNTI.

    Returns:
        uint8 array of ``size(cell, dci.FORMAT)`` bits.

    Raises:
        ValueError: a value too large for its field, a field set that the cell's format does not have, or another
            number of TPC commands than the format has.
    """
    fmt = dci.FORMAT
    if isinstance(dci, Dci0 | Dci1 | Dci1A):
        return _pack_plain(cell, dci, getattr(dci, "distributed", 0), rnti is not None and is_broadcast(rnti))
    if isinstance(dci, Dci3 | Dci3A):
        layout = fields(cell, fmt)
        if len(dci.tpc) != len(layout):
            raise ValueError(f"{len(dci.tpc)} TPC commands: format {fmt} has {len(layout)} in this cell")
        return _join(cell, fmt, layout, dci.tpc)
    values = {field.name: int(getattr(dci, field.name)) for field in dataclasses.fields(dci)}
    if isinstance(dci, DciPdcchOrder):
        layout = _layout_order(cell)
        values |= {"distributed": 0, "riv": (1 << layout[2][1]) - 1}
    else:
        layout = fields(cell, fmt)
    if fmt in _FLAGS:
        values["flag"] = _FLAGS[fmt]
    names = {name for name, _ in layout}
    for name, value in values.items():
        if value and name not in names:
            raise ValueError(f"{name} {value}: format {fmt} has no such field here, so it must be 0")
    return _join(cell, fmt, layout, tuple(values[name] for name, _ in layout))


def unpack(cell: Cell, fmt: DciFormat | str, bits: ArrayLike, rnti: int) -> Dci:
    """Message of received bits.

    Args:
        cell: bandwidth, antenna ports and duplex decide the fields.
        fmt: format to read them as.
        bits: ``size(cell, fmt)`` bits without CRC.
        rnti: that unmasked the CRC; it decides how a format 1A is read.

    Returns:
        Message; for format 1A a `DciPdcchOrder` where the assignment is localised and all ones with a C-RNTI.

    Raises:
        ValueError: wrong number of bits, the other format's flag in format 0 or 1A, or padding that is not zero:
            with the right CRC, such a message is a false alarm.
    """
    fmt = DciFormat(fmt)
    array = np.ascontiguousarray(bits, np.uint8)
    n = size(cell, fmt)
    if array.shape != (n,):
        raise ValueError(f"bits of shape {array.shape}: format {fmt} has {n} in this cell")
    word = int.from_bytes(np.packbits(array).tobytes(), "big") >> (-n % 8)
    return _message(cell, fmt, word, n, rnti)


@lru_cache(maxsize=4096)
def _message(cell: Cell, fmt: DciFormat, word: int, n: int, rnti: int) -> Dci:
    """Message of an n-bit word: a UE is told the same again and again."""
    if fmt in _FLAGS and word >> (n - 1) != _FLAGS[fmt]:
        raise ValueError(f"flag for format 0/1A differentiation is {word >> (n - 1)}: not a format {fmt}")
    if fmt is DciFormat.FORMAT_1A:
        return _unpack_1a(cell, word, n, rnti)
    layout = fields(cell, fmt)
    values = _split(fmt, layout, word, n)
    if fmt in (DciFormat.FORMAT_3, DciFormat.FORMAT_3A):
        return _CLASSES[fmt](tpc=values)  # type: ignore[no-any-return]
    named = {name: value for (name, _), value in zip(layout, values, strict=True) if name != "flag"}
    return _CLASSES[fmt](**named)  # type: ignore[no-any-return]


def _unpack_1a(cell: Cell, word: int, n: int, rnti: int) -> Dci1A | DciPdcchOrder:
    fmt = DciFormat.FORMAT_1A
    broadcast = is_broadcast(rnti)
    order = _layout_order(cell)
    assignment = order[2][1]
    distributed = word >> (n - 2) & 1
    if not broadcast and word >> (n - 2 - assignment) == (0b10 << assignment) | ((1 << assignment) - 1):
        *_, preamble_index, prach_mask_index = _split(fmt, order, word, n)
        return DciPdcchOrder(preamble_index=preamble_index, prach_mask_index=prach_mask_index)
    layout = _layout_1a(cell, distributed, broadcast)
    values = _split(fmt, layout, word, n)
    return Dci1A(**{name: value for (name, _), value in zip(layout, values, strict=True) if name != "flag"})


def unpack_0_1a(cell: Cell, bits: ArrayLike, rnti: int) -> Dci:
    """Message of bits that may be a format 0 or a format 1A: the first bit tells.

    Raises:
        ValueError: as `unpack`.
    """
    array = np.ascontiguousarray(bits, np.uint8)
    fmt = DciFormat.FORMAT_1A if array.size and array.flat[0] else DciFormat.FORMAT_0
    return unpack(cell, fmt, array, rnti)
