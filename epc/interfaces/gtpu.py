"""GTP-U: user packets in tunnels, and the path's own messages (TS 29.281).

`tunnel` and `split` are the user plane's path: a few operations a packet. `encode` and `decode` know the whole header:
sequence number, N-PDU number, extension headers; and every message.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Final

PORT: Final = 2152

COMPREHENSION_REQUIRED: Final = 0x80
"""Bit of an extension header's type: an endpoint that does not know it must not handle the packet (clause 5.2.1)."""


class GtpError(ValueError):
    """Bytes that are no GTP-U packet, or a value that its field cannot hold."""


class MessageType(IntEnum):
    """Message types (clause 6.1)."""

    ECHO_REQUEST = 1
    ECHO_RESPONSE = 2
    ERROR_INDICATION = 26
    SUPPORTED_EXTENSION_HEADERS_NOTIFICATION = 31
    END_MARKER = 254
    G_PDU = 255


class ExtensionType(IntEnum):
    """Types of extension headers (clause 5.2.1)."""

    LONG_PDCP_PDU_NUMBER = 0x82
    SERVICE_CLASS_INDICATOR = 0x20
    UDP_PORT = 0x40
    RAN_CONTAINER = 0x81
    XW_RAN_CONTAINER = 0x83
    NR_RAN_CONTAINER = 0x84
    PDU_SESSION_CONTAINER = 0x85
    PDCP_PDU_NUMBER = 0xC0


@dataclass(frozen=True, slots=True)
class ExtensionHeader:
    """One extension header: its type 1 to 255 and a content of 4n - 2 bytes, n from 1 to 255."""

    type: int
    content: bytes

    def __post_init__(self) -> None:
        _check("type of an extension header", self.type, 1, 0xFF)
        if len(self.content) % 4 != 2 or len(self.content) > 4 * 255 - 2:
            raise GtpError(f"content of an extension header has {len(self.content)} bytes; allowed are 2, 6, … 1018")

    @property
    def comprehension_required(self) -> bool:
        """Whether an endpoint that does not know this type must drop the packet."""
        return bool(self.type & COMPREHENSION_REQUIRED)


@dataclass(frozen=True, slots=True)
class Packet:
    """Any GTP-U message with its header.

    Attributes:
        type: message type, 0 to 255.
        teid: tunnel endpoint identifier of the receiver, 32 bits.
        payload: the user packet of a G-PDU, the information elements of another message.
        sequence: 16 bits, None without.
        n_pdu: N-PDU number, 8 bits, None without.
        extensions: the extension headers in their order.
    """

    type: int
    teid: int
    payload: bytes = b""
    sequence: int | None = None
    n_pdu: int | None = None
    extensions: tuple[ExtensionHeader, ...] = ()

    def __post_init__(self) -> None:
        _check("message type", self.type, 0, 0xFF)
        _check("TEID", self.teid, 0, 0xFFFFFFFF)
        _check("sequence number", self.sequence or 0, 0, 0xFFFF)
        _check("N-PDU number", self.n_pdu or 0, 0, 0xFF)

    def unsupported(self, known: frozenset[int]) -> tuple[int, ...]:
        """Types of extension headers that an endpoint must know to use the packet and that are not in ``known``.

        Where there is one, the packet is dropped and answered by `SupportedExtensionHeaders` (clause 5.2.1).
        """
        return tuple(e.type for e in self.extensions if e.comprehension_required and e.type not in known)


def tunnel(teid: int) -> Callable[[bytes], bytes]:
    """A function that puts a user packet of at most 65535 bytes into the tunnel: a G-PDU without options.

    The function raises struct.error for a longer packet, which no IP packet can be.

    Raises:
        GtpError: a TEID outside 32 bits.
    """
    _check("TEID", teid, 0, 0xFFFFFFFF)
    start, length_of, end = _PLAIN_G_PDU, _LENGTH.pack, teid.to_bytes(4, "big")

    def wrap(packet: bytes) -> bytes:
        return start + length_of(len(packet)) + end + packet

    return wrap


def split(data: bytes) -> tuple[int, bytes] | None:
    """TEID and user packet of a G-PDU without options; None for all else, which `decode` takes."""
    if len(data) < 8:
        return None
    flags, kind, length, teid = _HEADER.unpack_from(data)
    if flags != _PLAIN or kind != 255 or length != len(data) - 8:
        return None
    return teid, data[8:]


def encode(packet: Packet) -> bytes:
    """Bytes of a packet (clause 5.1).

    Raises:
        GtpError: too long for the length field.
    """
    flags, options = _PLAIN, b""
    if packet.sequence is not None or packet.n_pdu is not None or packet.extensions:
        flags |= _E if packet.extensions else 0
        flags |= _S if packet.sequence is not None else 0
        flags |= _PN if packet.n_pdu is not None else 0
        first = packet.extensions[0].type if packet.extensions else 0
        options = _OPTIONS.pack(packet.sequence or 0, packet.n_pdu or 0, first) + _extension_bytes(packet.extensions)
    length = len(options) + len(packet.payload)
    _check("length of a GTP-U packet after its header", length, 0, 0xFFFF)
    return _HEADER.pack(flags, packet.type, length, packet.teid) + options + packet.payload


def decode(data: bytes) -> Packet:
    """Read a packet; bytes after the length that its header states are not looked at.

    Raises:
        GtpError: malformed data, another version, or GTP'.
    """
    if len(data) < 8:
        raise GtpError(f"a GTP-U header has 8 bytes; {len(data)} came")
    flags, kind, length, teid = _HEADER.unpack_from(data)
    if flags & 0xF0 != _PLAIN:  # the spare bit is not evaluated
        if flags >> 5 != 1:
            raise GtpError(f"version {flags >> 5} of GTP; GTP-U is version 1")
        raise GtpError("protocol type GTP'; GTP-U has the PT flag set")
    end = 8 + length
    if end > len(data):
        raise GtpError(f"the header states {length} bytes; {len(data) - 8} follow it")
    if not flags & (_E | _S | _PN):
        return Packet(kind, teid, bytes(data[8:end]))
    if length < 4:
        raise GtpError(f"the flags {flags:#04x} announce 4 more bytes of header; {length} are left")
    sequence, n_pdu, next_type = _OPTIONS.unpack_from(data, 8)
    extensions, position = _read_extensions(data, 12, end, next_type) if flags & _E else ((), 12)
    return Packet(
        kind,
        teid,
        bytes(data[position:end]),
        sequence if flags & _S else None,
        n_pdu if flags & _PN else None,
        extensions,
    )


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """Is the peer there (clause 7.2.1)?"""

    TYPE: ClassVar = MessageType.ECHO_REQUEST
    sequence: int

    def packet(self) -> Packet:
        """The message in its packet."""
        return Packet(self.TYPE, 0, b"", self.sequence)


@dataclass(frozen=True, slots=True)
class EchoResponse:
    """Answer to an Echo Request, with its sequence number; the restart counter is always 0 (clause 7.2.2)."""

    TYPE: ClassVar = MessageType.ECHO_RESPONSE
    sequence: int
    recovery: int = 0

    def packet(self) -> Packet:
        """The message in its packet."""
        _check("restart counter", self.recovery, 0, 0xFF)
        return Packet(self.TYPE, 0, bytes((_IE_RECOVERY, self.recovery)), self.sequence)


@dataclass(frozen=True, slots=True)
class ErrorIndication:
    """A G-PDU came for a tunnel that does not exist (clause 7.3.1).

    Attributes:
        teid: TEID of that G-PDU.
        address: where that G-PDU was sent to.
    """

    TYPE: ClassVar = MessageType.ERROR_INDICATION
    teid: int
    address: IPv4Address | IPv6Address
    sequence: int = 0

    def packet(self) -> Packet:
        """The message in its packet."""
        _check("TEID", self.teid, 0, 0xFFFFFFFF)
        packed = self.address.packed
        elements = struct.pack(">BIBH", _IE_TEID_DATA_I, self.teid, _IE_PEER_ADDRESS, len(packed)) + packed
        return Packet(self.TYPE, 0, elements, self.sequence)


@dataclass(frozen=True, slots=True)
class EndMarker:
    """The last packet of a path that is switched away (clause 7.3.2)."""

    TYPE: ClassVar = MessageType.END_MARKER
    teid: int

    def packet(self) -> Packet:
        """The message in its packet."""
        return Packet(self.TYPE, self.teid)


@dataclass(frozen=True, slots=True)
class SupportedExtensionHeaders:
    """Types of the extension headers that the sender knows (clause 7.2.3)."""

    TYPE: ClassVar = MessageType.SUPPORTED_EXTENSION_HEADERS_NOTIFICATION
    types: tuple[int, ...]
    sequence: int = 0

    def packet(self) -> Packet:
        """The message in its packet."""
        _check("number of extension header types", len(self.types), 0, 0xFF)
        for value in self.types:
            _check("type of an extension header", value, 1, 0xFF)
        return Packet(self.TYPE, 0, bytes((_IE_EXTENSION_TYPES, len(self.types), *self.types)), self.sequence)


Message = EchoRequest | EchoResponse | ErrorIndication | EndMarker | SupportedExtensionHeaders


def message(packet: Packet) -> Message | None:
    """The message that a packet holds; None for a G-PDU and for a type that is not known.

    Raises:
        GtpError: malformed information elements, or a mandatory one is missing.
    """
    sequence = packet.sequence or 0
    match packet.type:
        case MessageType.ECHO_REQUEST:
            return EchoRequest(sequence)
        case MessageType.ECHO_RESPONSE:
            return EchoResponse(sequence, _element(packet, _IE_RECOVERY)[0])
        case MessageType.ERROR_INDICATION:
            address = _element(packet, _IE_PEER_ADDRESS)
            if len(address) not in (4, 16):
                raise GtpError(f"GTP-U peer address of {len(address)} bytes; an address has 4 or 16")
            return ErrorIndication(
                int.from_bytes(_element(packet, _IE_TEID_DATA_I), "big"), ip_address(address), sequence
            )
        case MessageType.END_MARKER:
            return EndMarker(packet.teid)
        case MessageType.SUPPORTED_EXTENSION_HEADERS_NOTIFICATION:
            return SupportedExtensionHeaders(
                tuple(value for value in _element(packet, _IE_EXTENSION_TYPES) if value), sequence
            )
        case _:
            return None


_HEADER: Final = struct.Struct(">BBHI")
_OPTIONS: Final = struct.Struct(">HBB")
_LENGTH: Final = struct.Struct(">H")

_PLAIN: Final = 0x30  # version 1, protocol type GTP, no options
_PLAIN_G_PDU: Final = bytes((_PLAIN, MessageType.G_PDU))
_E: Final = 0x04
_S: Final = 0x02
_PN: Final = 0x01

_IE_RECOVERY: Final = 14
_IE_TEID_DATA_I: Final = 16
_IE_PEER_ADDRESS: Final = 133
_IE_EXTENSION_TYPES: Final = 141
_FIXED_SIZES: Final = {_IE_RECOVERY: 1, _IE_TEID_DATA_I: 4}


def _extension_bytes(extensions: tuple[ExtensionHeader, ...]) -> bytes:
    out = bytearray()
    for index, extension in enumerate(extensions):
        following = extensions[index + 1].type if index + 1 < len(extensions) else 0
        out.append((len(extension.content) + 2) // 4)
        out += extension.content
        out.append(following)
    return bytes(out)


def _read_extensions(data: bytes, position: int, end: int, kind: int) -> tuple[tuple[ExtensionHeader, ...], int]:
    """Extension headers from ``position`` on, the first of type ``kind``, and the position after them."""
    found = []
    while kind:
        size = 4 * data[position] if position < end else 0
        if not size or position + size > end:
            raise GtpError(f"extension header of type {kind:#04x} has {size} bytes; {end - position} are left")
        found.append(ExtensionHeader(kind, bytes(data[position + 1 : position + size - 1])))
        kind = data[position + size - 1]
        position += size
    return tuple(found), position


def _element(packet: Packet, wanted: int) -> bytes:
    """Content of the first information element of a type (clause 8.1): below 128 fixed sizes, from 128 on a length."""
    data, position = packet.payload, 0
    while position < len(data):
        kind = data[position]
        if kind < 128:
            if kind not in _FIXED_SIZES:
                raise GtpError(f"information element {kind} of unknown size in message {packet.type}")
            start, size = position + 1, _FIXED_SIZES[kind]
        else:
            n_length = 1 if kind == _IE_EXTENSION_TYPES else 2
            start = position + 1 + n_length
            size = int.from_bytes(data[position + 1 : start], "big")
        if start + size > len(data):
            raise GtpError(f"information element {kind} of {size} bytes; {max(0, len(data) - start)} are left")
        if kind == wanted:
            return data[start : start + size]
        position = start + size
    raise GtpError(f"message {packet.type} without its information element {wanted}")


def _check(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise GtpError(f"{what} is {value}; allowed are {low} to {high}")
