"""PDCP PDUs: headers of data PDUs, status reports (TS 36.323 6.2, 6.3).

Header compression is not there: a ROHC feedback PDU is recognised and nothing more.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from picocell.rlc_pdcp.pdcp.config import AM_SN_BITS, MAC_I_SIZE, MAX_SDU, SRB_SN_BITS

HEADER_SIZE: Final = {5: 1, 7: 1, 12: 2, 15: 2, 18: 3}
"""Bytes of a data PDU's header by the length of the SN (TS 36.323 6.2.2 to 6.2.4, 6.2.9, 6.2.11)."""

STATUS_HEADER_SIZE: Final = {12: 2, 15: 3, 18: 3}
"""Bytes of a status report before the bitmap (TS 36.323 6.2.6)."""

_DATA: Final = 0x80


class PdcpPduError(ValueError):
    """Bytes that are no PDCP PDU, or content that fits in none."""


class ControlType(IntEnum):
    """PDU type of a control PDU (TS 36.323 6.3.8)."""

    STATUS_REPORT = 0
    ROHC_FEEDBACK = 1


@dataclass(frozen=True, slots=True)
class SrbPdu:
    """A PDCP data PDU of an SRB as it stands on the air.

    Attributes:
        sn: 0..31.
        data: the SDU, perhaps ciphered.
        mac_i: 4 bytes, perhaps ciphered; zero before integrity protection is activated.
    """

    sn: int
    data: bytes
    mac_i: bytes


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A PDCP status report (TS 36.323 5.3, 6.2.6).

    Attributes:
        fms: SN of the first missing SDU.
        bitmap: bit n, counted from 0 at the most significant bit of byte 0, tells whether SN FMS + 1 + n has been
            received; empty where nothing was received out of sequence.
    """

    fms: int
    bitmap: bytes = b""

    def received(self, offset: int) -> bool:
        """Whether the SDU ``offset`` SNs after FMS is reported as received."""
        if offset <= 0:
            return offset < 0
        place = offset - 1
        return place < 8 * len(self.bitmap) and bool(self.bitmap[place >> 3] & 0x80 >> (place & 7))


def data_header(sn: int, sn_bits: int) -> bytes:
    """Header of a data PDU.

    Raises:
        PdcpPduError: no such SN.
    """
    if sn_bits not in HEADER_SIZE:
        raise PdcpPduError(f"an SN of {sn_bits} bits; allowed are {tuple(HEADER_SIZE)}")
    if not 0 <= sn < 1 << sn_bits:
        raise PdcpPduError(f"SN {sn} is outside 0..{(1 << sn_bits) - 1}")
    size = HEADER_SIZE[sn_bits]
    flag = 0 if sn_bits == SRB_SN_BITS else _DATA << 8 * (size - 1)
    return (flag | sn).to_bytes(size, "big")


def parse_srb(pdu: bytes) -> SrbPdu:
    """Read a data PDU of an SRB; the reserved bits are not looked at.

    Raises:
        PdcpPduError: too short.
    """
    if len(pdu) <= 1 + MAC_I_SIZE:
        raise PdcpPduError(f"a data PDU of an SRB has more than {1 + MAC_I_SIZE} bytes, not {len(pdu)}")
    return SrbPdu(pdu[0] & 0x1F, pdu[1:-MAC_I_SIZE], pdu[-MAC_I_SIZE:])


def parse_drb(pdu: bytes, sn_bits: int) -> tuple[int, bytes]:
    """SN and data of a data PDU of a DRB; the reserved bits are not looked at.

    Raises:
        PdcpPduError: too short, or a control PDU.
    """
    size = HEADER_SIZE[sn_bits]
    if len(pdu) <= size:
        raise PdcpPduError(f"a data PDU with an SN of {sn_bits} bits has more than {size} bytes, not {len(pdu)}")
    if not pdu[0] & _DATA:
        raise PdcpPduError("a control PDU in the place of a data PDU")
    return int.from_bytes(pdu[:size], "big") & (1 << sn_bits) - 1, pdu[size:]


def control_type(pdu: bytes) -> int | None:
    """PDU type of a control PDU of a DRB, 0..7; None for a data PDU.

    Raises:
        PdcpPduError: an empty PDU.
    """
    if not pdu:
        raise PdcpPduError("an empty PDU")
    return None if pdu[0] & _DATA else pdu[0] >> 4 & 7


def build_status_report(report: StatusReport, sn_bits: int) -> bytes:
    """Bytes of a status report.

    Raises:
        PdcpPduError: FMS does not fit, the bitmap is too long, or there are no status reports with such an SN.
    """
    if sn_bits not in AM_SN_BITS:
        raise PdcpPduError(f"a status report with an SN of {sn_bits} bits; allowed are {AM_SN_BITS}")
    if not 0 <= report.fms < 1 << sn_bits:
        raise PdcpPduError(f"FMS {report.fms} is outside 0..{(1 << sn_bits) - 1}")
    size = STATUS_HEADER_SIZE[sn_bits]
    if size + len(report.bitmap) > MAX_SDU:
        raise PdcpPduError(f"a bitmap of {len(report.bitmap)} bytes; at most {MAX_SDU - size} fit")
    return report.fms.to_bytes(size, "big") + report.bitmap


def parse_status_report(pdu: bytes, sn_bits: int) -> StatusReport:
    """Read a status report, the inverse of `build_status_report`.

    Raises:
        PdcpPduError: malformed data.
    """
    size = STATUS_HEADER_SIZE[sn_bits]
    if len(pdu) < size:
        raise PdcpPduError(f"a status report with an SN of {sn_bits} bits has at least {size} bytes, not {len(pdu)}")
    if control_type(pdu) != ControlType.STATUS_REPORT:
        raise PdcpPduError(f"first byte {pdu[0]:#04x} is none of a status report")
    return StatusReport(int.from_bytes(pdu[:size], "big") & (1 << sn_bits) - 1, pdu[size:])


def status_bitmap(first: int, received: list[int], max_bytes: int) -> bytes:
    """Bitmap of a status report.

    Args:
        first: COUNT of the first missing SDU.
        received: COUNTs above it that have been received.
        max_bytes: what does not fit into them is left out.
    """
    if not received:
        return b""
    bitmap = bytearray(min(-(-(max(received) - first) // 8), max_bytes))
    for count in received:
        place = count - first - 1
        if place < 8 * len(bitmap):
            bitmap[place >> 3] |= 0x80 >> (place & 7)
    return bytes(bitmap)
