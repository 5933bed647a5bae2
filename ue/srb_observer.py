"""What an observer can read of a signalling radio bearer: RLC AM data PDUs and PDCP headers (TS 36.322, TS 36.323).

It takes no part in the protocol: it sends no status, keeps no state variables but VR(R), and gives a missing PDU up
after a while, since the peer may have received what the observer did not. The entities of the protocol are another
matter and belong in ``rlc_pdcp``.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from picocell.phy.lte.frame import TTI_MODULO

SN_MODULO: Final = 1024
WINDOW: Final = 512
"""AM_Window_Size of a sequence number of 10 bits (TS 36.322 7.2)."""

LOST_AFTER: Final = 500
"""Subframes after which a missing PDU is given up; retransmissions come within some tens or hundreds."""

MAX_SDU: Final = 8188 + 5
"""Largest PDCP SDU with the header and MAC-I of an SRB, in bytes (TS 36.323 4.3.1)."""

_PDCP_HEADER: Final = 1
_MAC_I: Final = 4


class RlcPduError(ValueError):
    """Bytes that are no AMD PDU."""


@dataclass(frozen=True, slots=True)
class AmdPdu:
    """An AMD PDU, or a segment of one (TS 36.322 6.2.1.4, 6.2.1.5).

    Attributes:
        sn: sequence number, 0..1023.
        data: its Data field.
        offset: SO, where the Data field lies in that of the AMD PDU.
        last: the Data field reaches the end of the AMD PDU's.
        borders: offsets in the AMD PDU's Data field at which an SDU begins or ends.
    """

    sn: int
    data: bytes
    offset: int
    last: bool
    borders: frozenset[int]


def parse_amd(pdu: bytes) -> AmdPdu | None:
    """Read an RLC PDU of an AM entity with sequence numbers of 10 bits; None for a control PDU.

    Raises:
        RlcPduError: malformed data.
    """
    if len(pdu) < 2:
        raise RlcPduError(f"an AMD PDU has at least 2 bytes of header, not {len(pdu)}")
    word = int.from_bytes(pdu[:2], "big")
    if not word >> 15:
        return None
    segment, framing, more = word >> 14 & 1, word >> 11 & 3, bool(word >> 10 & 1)
    position, offset, last = 2, 0, True
    if segment:
        if len(pdu) < 4:
            raise RlcPduError(f"an AMD PDU segment has at least 4 bytes of header, not {len(pdu)}")
        field_so = int.from_bytes(pdu[2:4], "big")
        position, offset, last = 4, field_so & 0x7FFF, bool(field_so >> 15)
    lengths, position = _length_indicators(pdu, position) if more else ([], position)
    data = pdu[position:]
    if sum(lengths) >= len(data):
        raise RlcPduError(f"length indicators {lengths} leave nothing of a Data field of {len(data)} bytes")
    borders, place = set(), offset
    for length in lengths:
        place += length
        borders.add(place)
    if not framing & 2:
        borders.add(offset)
    if not framing & 1:
        borders.add(offset + len(data))
    return AmdPdu(word & 0x3FF, data, offset, last, frozenset(borders))


def pdcp_sdu(pdu: bytes) -> bytes | None:
    """SDU of an SRB's PDCP PDU (5-bit SN, data, MAC-I) as it stands on the air; None where there is none."""
    if len(pdu) <= _PDCP_HEADER + _MAC_I or pdu[0] & 0xE0:
        return None
    return pdu[_PDCP_HEADER:-_MAC_I]


def _length_indicators(pdu: bytes, position: int) -> tuple[list[int], int]:
    """LIs of the pairs of E and LI, 12 bits each, and where the Data field starts (TS 36.322 6.2.1.4)."""
    lengths: list[int] = []
    bit, more = 8 * position, True
    while more:
        start = bit // 8
        if start + 2 > len(pdu):
            raise RlcPduError(f"the length indicators run past the end of the {len(pdu)} bytes")
        field_li = int.from_bytes(pdu[start : start + 2], "big") >> (0 if bit % 8 else 4)
        length, more = field_li & 0x7FF, bool(field_li >> 11 & 1)
        if not length:
            raise RlcPduError("length indicator 0 is reserved")
        lengths.append(length)
        bit += 12
    return lengths, -(-bit // 8)


@dataclass(slots=True)
class _Collected:
    """What has been received of one AMD PDU: pieces by offset, borders, and its size once its end is known."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    borders: set[int] = field(default_factory=set)
    size: int | None = None

    def add(self, pdu: AmdPdu) -> None:
        if len(pdu.data) > len(self.pieces.get(pdu.offset, b"")):
            self.pieces[pdu.offset] = pdu.data
        self.borders |= pdu.borders
        if pdu.last:
            self.size = pdu.offset + len(pdu.data)

    def data(self) -> bytes | None:
        """The whole Data field, None while some of it is missing."""
        if self.size is None:
            return None
        data = bytearray()
        for offset, piece in sorted(self.pieces.items()):
            if offset > len(data):
                return None
            data += piece[len(data) - offset :]
        return bytes(data) if len(data) == self.size else None


def _is_long_ago(then: int | None, tti: int) -> bool:
    return then is not None and (tti - then) % TTI_MODULO > LOST_AFTER


class AmObserver:
    """SDUs of one direction of an RLC AM entity, in order.

    Args:
        vr_r: VR(R), the sequence number expected next; None for that of the first PDU seen.
    """

    def __init__(self, vr_r: int | None = None) -> None:
        self._vr_r = vr_r
        self._pdus: dict[int, _Collected] = {}
        self._partial: bytearray | None = None
        """An SDU's bytes so far; None while its beginning is missing."""
        self._last_tti: int | None = None
        """When a PDU of the window was last received."""
        self._gap_tti: int | None = None
        """Since when VR(R) has been missing; None while nothing behind it waits."""

    def receive_pdu(self, tti: int, pdu: bytes) -> list[bytes]:
        """SDUs that a PDU completes.

        Args:
            tti: 10 SFN + subframe.
            pdu: RLC PDU; control PDUs are passed over.

        Raises:
            RlcPduError: malformed data.
        """
        found = parse_amd(pdu)
        if found is None:
            return []
        if self._vr_r is None or (not self._in_window(found.sn) and _is_long_ago(self._last_tti, tti)):
            self._restart(found.sn)
        if not self._in_window(found.sn):
            return []  # received before
        self._last_tti = tti
        self._pdus.setdefault(found.sn, _Collected()).add(found)
        before = self._vr_r
        sdus = self._deliver()
        if self._pdus and self._vr_r == before and _is_long_ago(self._gap_tti, tti):
            self._give_up()
            sdus += self._deliver()
        if not self._pdus:
            self._gap_tti = None
        elif self._gap_tti is None or self._vr_r != before:
            self._gap_tti = tti
        return sdus

    def _in_window(self, sn: int) -> bool:
        return self._vr_r is not None and (sn - self._vr_r) % SN_MODULO < WINDOW

    def _restart(self, sn: int) -> None:
        self._vr_r, self._partial, self._gap_tti = sn, None, None
        self._pdus.clear()

    def _give_up(self) -> None:
        """Go on with the first PDU that is complete; what was missing, and the SDU that it was part of, are lost."""
        first = self._vr_r or 0
        for sn in sorted(self._pdus, key=lambda sn: (sn - first) % SN_MODULO):
            self._vr_r, self._partial = sn, None
            if self._pdus[sn].data() is not None:
                return
            del self._pdus[sn]
            self._vr_r = (sn + 1) % SN_MODULO

    def _deliver(self) -> list[bytes]:
        """SDUs of the PDUs from VR(R) on, as far as there are no gaps."""
        sdus: list[bytes] = []
        while self._vr_r is not None and self._vr_r in self._pdus:
            collected = self._pdus[self._vr_r]
            data = collected.data()
            if data is None:
                break
            sdus += self._reassemble(data, collected.borders)
            del self._pdus[self._vr_r]
            self._vr_r = (self._vr_r + 1) % SN_MODULO
        return sdus

    def _reassemble(self, data: bytes, borders: set[int]) -> list[bytes]:
        """SDUs that end in a Data field; what follows the last border is kept for the next one."""
        sdus = []
        if 0 in borders:
            self._partial = bytearray()
        places = sorted({0, len(data)} | {place for place in borders if place < len(data)})
        for start, end in pairwise(places):
            if self._partial is not None:
                self._partial += data[start:end]
                if len(self._partial) > MAX_SDU:
                    self._partial = None
            if end in borders:
                if self._partial is not None:
                    sdus.append(bytes(self._partial))
                self._partial = bytearray() if end < len(data) else None
        return sdus
