"""RLC PDUs: UMD, AMD, AMD segment and STATUS, built and parsed (TS 36.322 6.2)."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from picocell.rlc_pdcp.rlc.config import AM_SN_MODULO, check_sn, check_sn_bits

MAX_LI: Final = (1 << 11) - 1
"""Longest Data field element that a length indicator can state; a longer one has to be the last of its PDU."""

MAX_SO: Final = (1 << 15) - 1
"""Number of bytes of a Data field that SO can address; as SOend it means the end of the AMD PDU."""

SEGMENT_HEADER: Final = 4
AMD_HEADER: Final = 2

_SEGMENT: Final = 1 << 14
_POLL: Final = 1 << 13
_MORE: Final = 1 << 10


class RlcPduError(ValueError):
    """Malformed PDU; ``reason`` is a short key under which it is counted."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class UmdPdu(NamedTuple):
    """A UMD PDU (6.2.1.3).

    Attributes:
        sn: sequence number.
        begins: the first byte is the first of an SDU (FI, 6.2.2.6).
        ends: the last byte is the last of an SDU.
        elements: Data field elements, each of at least a byte.
    """

    sn: int
    begins: bool
    ends: bool
    elements: Sequence[bytes]


class AmdPdu(NamedTuple):
    """An AMD PDU or a segment of one (6.2.1.4, 6.2.1.5).

    Attributes:
        sn: sequence number.
        poll: a STATUS is asked for (P).
        begins: the first byte is the first of an SDU (FI).
        ends: the last byte is the last of an SDU.
        elements: Data field elements, each of at least a byte.
        segment: an AMD PDU segment (RF).
        offset: place of the Data field in that of the AMD PDU (SO), 0 unless a segment.
        last: the Data field reaches the end of the AMD PDU's (LSF), true unless a segment.
    """

    sn: int
    poll: bool
    begins: bool
    ends: bool
    elements: Sequence[bytes]
    segment: bool = False
    offset: int = 0
    last: bool = True


class Nack(NamedTuple):
    """A missing AMD PDU, or the missing bytes so_start to so_end, both included, of one (6.2.2.14 to 6.2.2.18).

    ``so_end`` of `MAX_SO` means the last byte, whatever its place. A whole PDU has neither offset.
    """

    sn: int
    so_start: int | None = None
    so_end: int = MAX_SO


class StatusPdu(NamedTuple):
    """A STATUS PDU (6.2.1.6): everything before ``ack_sn`` has been received but for ``nacks``."""

    ack_sn: int
    nacks: Sequence[Nack] = ()


def li_bytes(n_elements: int) -> int:
    """Bytes of the length indicators of a PDU with so many Data field elements: 12 bits each but for the last."""
    return (3 * n_elements - 2) // 2 if n_elements > 1 else 0


def parse_umd(pdu: bytes, sn_bits: int) -> UmdPdu:
    """Read a UMD PDU with sequence numbers of 5 or 10 bits.

    Raises:
        RlcPduError: malformed data.
    """
    size = 1 if sn_bits == 5 else 2
    if len(pdu) <= size:
        raise RlcPduError("short", f"a UMD PDU has {size} bytes of header and some data, not {len(pdu)} in all")
    if sn_bits == 5:
        word = pdu[0]
        sn, more, framing = word & 0x1F, word & 0x20, word >> 6
    else:
        word = pdu[0] << 8 | pdu[1]
        sn, more, framing = word & 0x3FF, word & _MORE, word >> 11
    elements = _elements(pdu, size) if more else (pdu[size:],)
    return UmdPdu(sn, not framing & 2, not framing & 1, elements)


def build_umd(pdu: UmdPdu, sn_bits: int) -> bytes:
    """Bytes of a UMD PDU.

    Raises:
        ValueError: a number out of range, an empty element, or one that only the last could be as long as.
    """
    check_sn_bits(sn_bits)
    check_sn("SN", pdu.sn, 1 << sn_bits)
    framing = (0 if pdu.begins else 2) | (0 if pdu.ends else 1)
    more = len(pdu.elements) > 1
    if sn_bits == 5:
        return _build(framing << 6 | more << 5 | pdu.sn, 1, pdu.elements)
    return _build(framing << 11 | more << 10 | pdu.sn, 2, pdu.elements)


def parse_amd(pdu: bytes) -> AmdPdu:
    """Read an AMD PDU or AMD PDU segment; the D/C bit is the caller's.

    Raises:
        RlcPduError: malformed data.
    """
    if len(pdu) <= AMD_HEADER:
        raise RlcPduError("short", f"an AMD PDU has 2 bytes of header and some data, not {len(pdu)} in all")
    word = pdu[0] << 8 | pdu[1]
    begins, ends = not word & 0x1000, not word & 0x0800
    if not word & _SEGMENT:
        elements = _elements(pdu, AMD_HEADER) if word & _MORE else (pdu[2:],)
        return AmdPdu(word & 0x3FF, bool(word & _POLL), begins, ends, elements)
    if len(pdu) <= SEGMENT_HEADER:
        raise RlcPduError("short", f"an AMD PDU segment has 4 bytes of header and some data, not {len(pdu)} in all")
    field_so = pdu[2] << 8 | pdu[3]
    elements = _elements(pdu, SEGMENT_HEADER) if word & _MORE else (pdu[4:],)
    offset, last = field_so & 0x7FFF, bool(field_so >> 15)
    return AmdPdu(word & 0x3FF, bool(word & _POLL), begins, ends, elements, True, offset, last)


def build_whole_amd(sn: int, poll: bool, begins: bool, ends: bool, elements: Sequence[bytes]) -> bytes:
    """Bytes of an AMD PDU that is not a segment; the arguments are the attributes of `AmdPdu`.

    Raises:
        ValueError: a number out of range, an empty element, or one that only the last could be as long as.
    """
    check_sn("SN", sn, AM_SN_MODULO)
    return _build(_first_word(sn, poll, begins, ends, elements), AMD_HEADER, elements)


def _first_word(sn: int, poll: bool, begins: bool, ends: bool, elements: Sequence[bytes]) -> int:
    word = 0x8000 | (0 if begins else 0x1000) | (0 if ends else 0x0800) | sn
    return word | (_POLL if poll else 0) | (_MORE if len(elements) > 1 else 0)


def build_amd(pdu: AmdPdu) -> bytes:
    """Bytes of an AMD PDU or AMD PDU segment.

    Raises:
        ValueError: a number out of range, an empty element, or one that only the last could be as long as.
    """
    if not pdu.segment:
        return build_whole_amd(pdu.sn, pdu.poll, pdu.begins, pdu.ends, pdu.elements)
    check_sn("SN", pdu.sn, AM_SN_MODULO)
    word = _first_word(pdu.sn, pdu.poll, pdu.begins, pdu.ends, pdu.elements)
    if not 0 <= pdu.offset <= MAX_SO:
        raise ValueError(f"segment offset {pdu.offset} is outside 0..{MAX_SO}")
    word = (word | _SEGMENT) << 16 | pdu.last << 15 | pdu.offset
    return _build(word, SEGMENT_HEADER, pdu.elements)


def with_poll(pdu: bytes) -> bytes:
    """The AMD PDU with its P bit set."""
    return bytes((pdu[0] | _POLL >> 8,)) + pdu[1:]


def is_control(pdu: bytes) -> bool:
    """Whether a PDU of an AM entity is a control PDU (D/C, 6.2.2.7)."""
    return not pdu[0] & 0x80


def status_bits(nack: Nack) -> int:
    """Bits that a NACK takes in a STATUS PDU."""
    return 12 if nack.so_start is None else 42


STATUS_HEADER_BITS: Final = 15
"""D/C, CPT, ACK_SN and E1."""


def parse_status(pdu: bytes) -> StatusPdu:
    """Read a STATUS PDU; bytes after its end are not looked at.

    Raises:
        RlcPduError: a reserved control PDU type, or fields past the end.
    """
    if len(pdu) < 2:
        raise RlcPduError("short", f"a STATUS PDU has at least 2 bytes, not {len(pdu)}")
    if pdu[0] >> 4:
        raise RlcPduError("reserved_type", f"control PDU type {pdu[0] >> 4 & 7} is reserved")
    value, left = int.from_bytes(pdu, "big"), 8 * len(pdu) - STATUS_HEADER_BITS
    ack_sn, more = value >> left + 1 & 0x3FF, value >> left & 1
    nacks = []
    while more:
        left -= 12
        if left < 0:
            raise RlcPduError("short", f"the NACKs run past the end of the {len(pdu)} bytes")
        entry = value >> left
        sn, more = entry >> 2 & 0x3FF, entry >> 1 & 1
        if not entry & 1:
            nacks.append(Nack(sn))
            continue
        left -= 30
        if left < 0:
            raise RlcPduError("short", f"the segment offsets run past the end of the {len(pdu)} bytes")
        nacks.append(Nack(sn, value >> left + 15 & 0x7FFF, value >> left & 0x7FFF))
    return StatusPdu(ack_sn, tuple(nacks))


def build_status(status: StatusPdu) -> bytes:
    """Bytes of a STATUS PDU.

    Raises:
        ValueError: a number out of range.
    """
    check_sn("ACK_SN", status.ack_sn, AM_SN_MODULO)
    value, bits = status.ack_sn << 1 | bool(status.nacks), STATUS_HEADER_BITS
    last = len(status.nacks) - 1
    for index, nack in enumerate(status.nacks):
        check_sn("NACK_SN", nack.sn, AM_SN_MODULO)
        value = value << 12 | nack.sn << 2 | (index < last) << 1 | (nack.so_start is not None)
        if nack.so_start is not None:
            check_sn("SOstart", nack.so_start, MAX_SO + 1)
            check_sn("SOend", nack.so_end, MAX_SO + 1)
            value = value << 30 | nack.so_start << 15 | nack.so_end
        bits += status_bits(nack)
    size = -(-bits // 8)
    return (value << 8 * size - bits).to_bytes(size, "big")


def _elements(pdu: bytes, position: int) -> tuple[bytes, ...]:
    """Data field elements of a PDU whose pairs of E and LI start at ``position`` (6.2.2.4, 6.2.2.5)."""
    lengths: list[int] = []
    half, more = 0, 0x800
    while more:
        if position + 2 > len(pdu):
            raise RlcPduError("length_indicator", f"the length indicators run past the end of the {len(pdu)} bytes")
        word = pdu[position] << 8 | pdu[position + 1]
        if not half:
            word >>= 4
        more = word & 0x800
        if not word & MAX_LI:
            raise RlcPduError("length_indicator", "length indicator 0 is reserved")
        lengths.append(word & MAX_LI)
        position += 1 + half
        half ^= 1
    ends = list(accumulate(lengths, initial=position + half))
    if ends[-1] >= len(pdu):
        raise RlcPduError("length_indicator", f"length indicators {lengths} leave nothing for the last element")
    return (*(pdu[a:b] for a, b in pairwise(ends)), pdu[ends[-1] :])


def _build(fixed: int, size: int, elements: Sequence[bytes]) -> bytes:
    """A PDU with its fixed part of the header, in which E has been set, the length indicators, and the elements."""
    if len(elements) == 1 and elements[0]:
        return fixed.to_bytes(size, "big") + elements[0]
    n_lengths = len(elements) - 1
    for index, element in enumerate(elements[:-1]):
        if not 0 < len(element) <= MAX_LI:
            raise ValueError(f"a length indicator is 1..{MAX_LI}, not {len(element)}")
        fixed = fixed << 12 | (index < n_lengths - 1) << 11 | len(element)
    if not elements or not elements[-1]:
        raise ValueError("a PDU has Data field elements of at least a byte")
    if n_lengths & 1:
        fixed <<= 4
    return fixed.to_bytes(size + li_bytes(n_lengths + 1), "big") + b"".join(elements)
