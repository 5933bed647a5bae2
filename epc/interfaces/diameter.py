"""Diameter packets: header, AVPs of the basic types, and what an answer to a bad packet needs (RFC 6733).

A message is read with a `Reader`: it finds AVPs by their `AvpType`, and refuses those that it must understand and does
not. The messages of S6a are in `s6a`.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Generic, TypeVar


class ResultCode(IntEnum):
    """Values of the Result-Code AVP (RFC 6733 7.1)."""

    SUCCESS = 2001
    COMMAND_UNSUPPORTED = 3001
    UNABLE_TO_DELIVER = 3002
    REALM_NOT_SERVED = 3003
    APPLICATION_UNSUPPORTED = 3007
    INVALID_HDR_BITS = 3008
    INVALID_AVP_BITS = 3009
    AVP_UNSUPPORTED = 5001
    INVALID_AVP_VALUE = 5004
    MISSING_AVP = 5005
    AVP_OCCURS_TOO_MANY_TIMES = 5009
    UNSUPPORTED_VERSION = 5011
    UNABLE_TO_COMPLY = 5012
    INVALID_AVP_LENGTH = 5014
    INVALID_MESSAGE_LENGTH = 5015


@dataclass(frozen=True, slots=True)
class Header:
    """Header of a packet without its length (RFC 6733 3); ``error`` is the bit of an answer to a protocol error."""

    command: int
    application: int
    hop_by_hop: int
    end_to_end: int
    request: bool
    proxiable: bool = True
    error: bool = False
    retransmitted: bool = False


class DiameterError(ValueError):
    """Bytes that are no Diameter message, or a value that its AVP cannot hold.

    Attributes:
        result: the Result-Code with which a request is to be answered (RFC 6733 7).
        failed: the AVP at fault, for Failed-AVP; None where it is not one AVP.
        header: header of the message, None where it could not be read.
        session_id: of the message where it could be read.
    """

    def __init__(self, text: str, result: int, failed: "Avp | None" = None) -> None:
        super().__init__(text)
        self.result = result
        self.failed = failed
        self.header: Header | None = None
        self.session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Avp:
    """One AVP (RFC 6733 4.1); ``vendor`` 0 means an AVP of the base protocol."""

    code: int
    data: bytes
    vendor: int = 0
    mandatory: bool = True


@dataclass(frozen=True, slots=True)
class Packet:
    """A message: header and AVPs in their order."""

    header: Header
    avps: tuple[Avp, ...]


def encode(packet: Packet) -> bytes:
    """Bytes of a packet (RFC 6733 3).

    Raises:
        DiameterError: a value that its field cannot hold.
    """
    header = packet.header
    body = encode_avps(packet.avps)
    _check("command code", header.command, 0xFFFFFF)
    for what, value in (("application", header.application), ("hop-by-hop identifier", header.hop_by_hop)):
        _check(what, value, 0xFFFFFFFF)
    _check("end-to-end identifier", header.end_to_end, 0xFFFFFFFF)
    _check("length of a message", _HEADER.size + len(body), 0xFFFFFF)
    flags = header.request << 7 | header.proxiable << 6 | header.error << 5 | header.retransmitted << 4
    return (
        _HEADER.pack(
            _VERSION << 24 | _HEADER.size + len(body),
            flags << 24 | header.command,
            header.application,
            header.hop_by_hop,
            header.end_to_end,
        )
        + body
    )


def decode(data: bytes) -> Packet:
    """Read a packet.

    Raises:
        DiameterError: malformed; its attributes hold what an answer needs.
    """
    header = decode_header(data)
    try:
        length = int.from_bytes(data[1:4], "big")
        if data[0] != _VERSION:
            raise DiameterError(f"version {data[0]} of Diameter; allowed is 1", ResultCode.UNSUPPORTED_VERSION)
        if length != len(data) or length % 4:
            text = f"the header states {length} bytes; {len(data)} came, and a multiple of 4 is allowed"
            raise DiameterError(text, ResultCode.INVALID_MESSAGE_LENGTH)
        if data[4] & 0x0F or (header.request and header.error) or (header.retransmitted and not header.request):
            raise DiameterError(f"command flags {data[4]:#04x}", ResultCode.INVALID_HDR_BITS)
        return Packet(header, decode_avps(data[_HEADER.size :]))
    except DiameterError as error:
        error.header = header
        raise


def decode_header(data: bytes) -> Header:
    """The header alone.

    Raises:
        DiameterError: fewer than 20 bytes.
    """
    if len(data) < _HEADER.size:
        text = f"a Diameter header has {_HEADER.size} bytes; {len(data)} came"
        raise DiameterError(text, ResultCode.INVALID_MESSAGE_LENGTH)
    _, command, application, hop_by_hop, end_to_end = _HEADER.unpack_from(data)
    r, p, e, t = (bool(command >> bit & 1) for bit in (31, 30, 29, 28))
    return Header(command & 0xFFFFFF, application, hop_by_hop, end_to_end, r, p, e, t)


def encode_avps(avps: Iterable[Avp]) -> bytes:
    """AVPs one after the other, each padded to a multiple of four bytes (RFC 6733 4.1).

    Raises:
        DiameterError: a value that its field cannot hold.
    """
    out = bytearray()
    for avp in avps:
        size = (12 if avp.vendor else 8) + len(avp.data)
        _check("AVP code", avp.code, 0xFFFFFFFF)
        _check("vendor", avp.vendor, 0xFFFFFFFF)
        _check("length of an AVP", size, 0xFFFFFF)
        out += _AVP.pack(avp.code, (bool(avp.vendor) << 7 | avp.mandatory << 6) << 24 | size)
        if avp.vendor:
            out += avp.vendor.to_bytes(4, "big")
        out += avp.data
        out += bytes(-size % 4)
    return bytes(out)


def decode_avps(data: bytes) -> tuple[Avp, ...]:
    """AVPs one after the other, the inverse of `encode_avps`; what the padding holds is not looked at.

    Raises:
        DiameterError: an AVP runs past the end, or is shorter than its header.
    """
    found, position = [], 0
    while position < len(data):
        left = len(data) - position
        if left < _AVP.size:
            raise DiameterError(f"{left} bytes after the last AVP", ResultCode.INVALID_AVP_LENGTH)
        code, word = _AVP.unpack_from(data, position)
        flags, size = word >> 24, word & 0xFFFFFF
        start = 12 if flags & _V else 8
        if size < start or size > left:
            text = f"AVP {code} of {size} bytes; {left} are left and its header has {start}"
            vendor = int.from_bytes(data[position + 8 : position + 12], "big") if flags & _V and left >= 12 else 0
            raise DiameterError(text, ResultCode.INVALID_AVP_LENGTH, Avp(code, b"", vendor, bool(flags & _M)))
        vendor = int.from_bytes(data[position + 8 : position + 12], "big") if flags & _V else 0
        found.append(Avp(code, bytes(data[position + start : position + size]), vendor, bool(flags & _M)))
        position += size + -size % 4
    return tuple(found)


Value = TypeVar("Value")
Number = TypeVar("Number", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class AvpType(Generic[Value]):
    """What is known of one AVP: name, code, vendor, its M bit where we send it, and how its value is packed.

    Attributes:
        unpack: raises ValueError for data that it does not take.
    """

    name: str
    code: int
    vendor: int
    mandatory: bool
    pack: Callable[[Value], bytes]
    unpack: Callable[[bytes], Value]

    def avp(self, value: Value) -> Avp:
        """The AVP of a value.

        Raises:
            DiameterError: a value that it cannot hold.
        """
        return Avp(self.code, self.pack(value), self.vendor, self.mandatory)

    def optional(self, value: Value | None) -> tuple[Avp, ...]:
        """The AVP, or nothing for None."""
        return () if value is None else (self.avp(value),)


def octets(name: str, code: int, vendor: int = 0, *, sizes: range | None = None, m: bool = True) -> AvpType[bytes]:
    """An AVP of the type OctetString with one of the ``sizes``."""

    def checked(data: bytes) -> bytes:
        if sizes is not None and len(data) not in sizes:
            text = f"{name} has {len(data)} bytes; allowed are {sizes.start} to {sizes.stop - 1}"
            raise DiameterError(text, ResultCode.INVALID_AVP_LENGTH)
        return bytes(data)

    return AvpType(name, code, vendor, m, checked, checked)


def unsigned(name: str, code: int, vendor: int = 0, *, allowed: range = range(1 << 32), m: bool = True) -> AvpType[int]:
    """An AVP of the type Unsigned32."""

    def pack(value: int) -> bytes:
        if value not in allowed:
            text = f"{name} is {value}; allowed are {allowed.start} to {allowed.stop - 1}"
            raise DiameterError(text, ResultCode.INVALID_AVP_VALUE)
        return value.to_bytes(4, "big")

    def unpack(data: bytes) -> int:
        value = _four_bytes(name, data)
        pack(value)
        return value

    return AvpType(name, code, vendor, m, pack, unpack)


def enumerated(name: str, code: int, kind: type[Number], vendor: int = 0, *, m: bool = True) -> AvpType[Number]:
    """An AVP of the type Enumerated."""

    def unpack(data: bytes) -> Number:
        value = _four_bytes(name, data)
        try:
            return kind(value)
        except ValueError:
            text = f"{name} is {value}; allowed are {', '.join(f'{x.value} {x.name}' for x in kind)}"
            raise DiameterError(text, ResultCode.INVALID_AVP_VALUE) from None

    return AvpType(name, code, vendor, m, lambda value: int(value).to_bytes(4, "big"), unpack)


def text(name: str, code: int, vendor: int = 0, *, m: bool = True) -> AvpType[str]:
    """An AVP of the type UTF8String or DiameterIdentity; it may not be empty."""

    def pack(value: str) -> bytes:
        if not value:
            raise DiameterError(f"{name} is empty", ResultCode.INVALID_AVP_VALUE)
        return value.encode("utf-8", "strict")

    def unpack(data: bytes) -> str:
        try:
            value = bytes(data).decode("utf-8")
        except UnicodeDecodeError:
            raise DiameterError(f"{name} is no UTF-8: {data.hex()}", ResultCode.INVALID_AVP_VALUE) from None
        pack(value)
        return value

    return AvpType(name, code, vendor, m, pack, unpack)


def address(name: str, code: int, vendor: int = 0, *, m: bool = True) -> AvpType[IPv4Address | IPv6Address]:
    """An AVP of the type Address (RFC 6733 4.3.1)."""

    def unpack(data: bytes) -> IPv4Address | IPv6Address:
        if (data[:2], len(data)) not in ((b"\0\1", 6), (b"\0\2", 18)):
            raise DiameterError(f"{name} {data.hex()} is no IP address", ResultCode.INVALID_AVP_VALUE)
        return ip_address(bytes(data[2:]))

    return AvpType(name, code, vendor, m, lambda a: (b"\0\1" if a.version == 4 else b"\0\2") + a.packed, unpack)


def grouped(
    name: str,
    code: int,
    vendor: int,
    pack: Callable[[Value], Iterable[Avp]],
    read: Callable[["Reader"], Value],
    known: "Known",
    *,
    m: bool = True,
) -> AvpType[Value]:
    """An AVP of the type Grouped: ``read`` takes the value from a `Reader` of what is in it."""

    def unpack(data: bytes) -> Value:
        reader = Reader(decode_avps(data), known)
        value = read(reader)
        reader.finish()
        return value

    return AvpType(name, code, vendor, m, lambda value: encode_avps(pack(value)), unpack)


Known = set[tuple[int, int]]
"""Vendor and code of the AVPs that a node understands, used or not."""


class Reader:
    """AVPs of a message or of a group, taken out by type."""

    def __init__(self, avps: Iterable[Avp], known: Known) -> None:
        self._left: dict[tuple[int, int], list[Avp]] = {}
        self._known = known
        for avp in avps:
            self._left.setdefault((avp.vendor, avp.code), []).append(avp)

    def many(self, kind: AvpType[Value]) -> tuple[Value, ...]:
        """Values of all AVPs of a type.

        Raises:
            DiameterError: one of them is malformed.
        """
        return tuple(_value(kind, avp) for avp in self._left.pop((kind.vendor, kind.code), ()))

    def optional(self, kind: AvpType[Value]) -> Value | None:
        """Value of an AVP that comes once at most.

        Raises:
            DiameterError: it is malformed, or came again.
        """
        found = self._left.pop((kind.vendor, kind.code), ())
        if len(found) > 1:
            text = f"{kind.name} {len(found)} times; allowed is once"
            raise DiameterError(text, ResultCode.AVP_OCCURS_TOO_MANY_TIMES, found[1])
        return _value(kind, found[0]) if found else None

    def one(self, kind: AvpType[Value]) -> Value:
        """Value of an AVP that comes once.

        Raises:
            DiameterError: it is malformed, missing, or came again.
        """
        value = self.optional(kind)
        if value is None:
            missing = Avp(kind.code, b"", kind.vendor, kind.mandatory)
            raise DiameterError(f"{kind.name} is missing", ResultCode.MISSING_AVP, missing)
        return value

    def finish(self) -> None:
        """Nothing more is wanted.

        Raises:
            DiameterError: an AVP is left that has the M bit and that nobody here knows (RFC 6733 4.1).
        """
        for key, avps in self._left.items():
            if avps[0].mandatory and key not in self._known:
                text = f"AVP {avps[0].code} of vendor {avps[0].vendor} must be understood and is not"
                raise DiameterError(text, ResultCode.AVP_UNSUPPORTED, avps[0])


_HEADER: Final = struct.Struct(">IIIII")
_AVP: Final = struct.Struct(">II")
_VERSION: Final = 1
_V: Final = 0x80
_M: Final = 0x40


def _value(kind: AvpType[Value], avp: Avp) -> Value:
    try:
        return kind.unpack(avp.data)
    except DiameterError as error:
        error.failed = error.failed or avp
        raise
    except ValueError as error:
        raise DiameterError(f"{kind.name}: {error}", ResultCode.INVALID_AVP_VALUE, avp) from error


def _four_bytes(name: str, data: bytes) -> int:
    if len(data) != 4:
        raise DiameterError(f"{name} has {len(data)} bytes; allowed are 4", ResultCode.INVALID_AVP_LENGTH)
    return int.from_bytes(data, "big")


def _check(what: str, value: Any, maximum: int) -> None:
    if not 0 <= value <= maximum:
        raise DiameterError(f"{what} is {value}; allowed are 0 to {maximum}", ResultCode.INVALID_AVP_VALUE)
