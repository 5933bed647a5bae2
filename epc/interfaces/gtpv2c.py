"""GTPv2-C packets: header, message, and a message that rides piggyback (TS 29.274 clauses 5, 6).

The messages are in `gtpv2c_messages`, their elements in `gtpv2c_ies`, retransmission in `gtpv2c_transactions`.
"""

from dataclasses import dataclass, replace
from typing import Final

from picocell.epc.interfaces import tables
from picocell.epc.interfaces.gtpv2c_codec import pack_elements, unpack_elements
from picocell.epc.interfaces.gtpv2c_ies import INVALID_LENGTH, GtpcError, Header, check_range
from picocell.epc.interfaces.gtpv2c_messages import MESSAGES, Message, UnknownMessage

PORT: Final = 2123

VERSION_NOT_SUPPORTED: Final = 66

_VERSION: Final = 0x40
_P: Final = 0x10
_T: Final = 0x08
_MP: Final = 0x04


@dataclass(frozen=True, slots=True)
class Packet:
    """A message with its header.

    Attributes:
        message: the message.
        sequence: sequence number, 24 bits.
        teid: the receiver's TEID, 0 where it is not known yet; None for a header without (Echo, Version Not Supported).
        priority: message priority, 0 (highest) to 15, None without.
        piggybacked: a second message in the same datagram (clause 5.5.1).
    """

    message: Message
    sequence: int
    teid: int | None = None
    priority: int | None = None
    piggybacked: "Packet | None" = None

    def __post_init__(self) -> None:
        check_range("sequence number", self.sequence, 0xFFFFFF)
        check_range("TEID", self.teid or 0, 0xFFFFFFFF)
        check_range("message priority", self.priority or 0, 15)
        known = not isinstance(self.message, UnknownMessage)
        if known and (self.teid is not None) != self.message.HAS_TEID:
            raise GtpcError(f"{type(self.message).__name__} {'without a' if self.teid is None else 'with a'} TEID")
        if self.piggybacked is not None and self.piggybacked.piggybacked is not None:
            raise GtpcError("a piggybacked message cannot carry another one")

    @property
    def type(self) -> int:
        """Message type (Table 6.1-1)."""
        return self.message.type if isinstance(self.message, UnknownMessage) else self.message.TYPE


def encode(packet: Packet) -> bytes:
    """Bytes of a packet (clause 5.1).

    Raises:
        GtpcError: a mandatory element is missing, or too long for a length field.
    """
    elements = pack_elements(packet.message)
    flags = _VERSION | (0 if packet.piggybacked is None else _P)
    flags |= (0 if packet.teid is None else _T) | (0 if packet.priority is None else _MP)
    teid = b"" if packet.teid is None else packet.teid.to_bytes(4, "big")
    body = teid + packet.sequence.to_bytes(3, "big") + bytes(((packet.priority or 0) << 4,)) + elements
    check_range("length of a GTPv2-C message", len(body), 0xFFFF)
    first = bytes((flags, packet.type)) + len(body).to_bytes(2, "big") + body
    return first + (encode(packet.piggybacked) if packet.piggybacked is not None else b"")


def decode(data: bytes) -> Packet:
    """Read a packet. Bytes after the message are not looked at unless the header announces a piggybacked one.

    Raises:
        GtpcError: malformed data, another version, or a mandatory element is missing; its attributes hold what an
            answer needs (clause 7.7).
    """
    packet, size = _decode_one(data)
    if not data[0] & _P:
        return packet
    rider = bytes(data[size:])
    if rider and rider[0] & _P:
        raise GtpcError("a piggybacked message announces another one")
    return replace(packet, piggybacked=_decode_one(rider)[0])


def message_name(value: int) -> str:
    """Name of a message type (Table 6.1-1)."""
    return tables.names("29274_6.1-1_gtpv2_messages").get(value, f"message {value}")


def cause_name(value: int) -> str:
    """Name of a cause value (Table 8.4-1)."""
    return tables.names("29274_8.4-1_gtpv2_cause").get(value, f"cause {value}")


def element_name(value: int) -> str:
    """Name of an information element's type (Table 8.1-1)."""
    return tables.names("29274_8.1-1_gtpv2_ie").get(value, f"information element {value}")


def _decode_one(data: bytes) -> tuple[Packet, int]:
    """The first message in ``data`` and its size."""
    if len(data) < 8:
        raise GtpcError(f"a GTPv2-C header has at least 8 bytes; {len(data)} came")
    flags, kind = data[0], data[1]
    if flags >> 5 != 2:
        raise GtpcError(f"version {flags >> 5} of GTP; GTPv2-C is version 2", VERSION_NOT_SUPPORTED)
    size = 4 + int.from_bytes(data[2:4], "big")
    start = 12 if flags & _T else 8
    if size > len(data) or size < start:
        raise GtpcError(f"the header has {start} bytes and states {size} in all; {len(data)} came", INVALID_LENGTH)
    teid = int.from_bytes(data[4:8], "big") if flags & _T else None
    sequence = int.from_bytes(data[start - 4 : start - 1], "big")
    priority = data[start - 1] >> 4 if flags & _MP else None
    elements = bytes(data[start:size])
    try:
        if kind in MESSAGES:
            message = unpack_elements(MESSAGES[kind], elements)
        else:
            message = unpack_elements(UnknownMessage, elements, type=kind)
        return Packet(message, sequence, teid, priority), size
    except GtpcError as error:
        raise GtpcError(str(error), error.cause, error.offending, Header(kind, sequence, teid)) from error
