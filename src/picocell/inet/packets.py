"""IPv4, ICMP, UDP and TCP packets between bytes and values (RFC 791, 792, 768, 9293)."""

import struct
from enum import IntEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from typing import Final, NamedTuple

IPV4_HEADER: Final = 20
TCP_HEADER: Final = 20
UDP_HEADER: Final = 8
DEFAULT_TTL: Final = 64

_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_TCP: Final = struct.Struct("!HHIIHHHH")
_UDP: Final = struct.Struct("!HHHH")
_ICMP: Final = struct.Struct("!BBHHH")
_MORE_FRAGMENTS: Final = 0x2000
_DONT_FRAGMENT: Final = 0x4000
_OFFSET: Final = 0x1FFF
_NO_FRAGMENT: Final = _MORE_FRAGMENTS | _OFFSET
_PSEUDO: Final = struct.Struct("!4s4sHH")
_ADDRESSES: Final = 4096
"""Whose text and bytes are kept: a packet brings no new ones, as a rule."""


class PacketError(ValueError):
    """Bytes that are no packet of the protocol."""


class Protocol(IntEnum):
    """Protocol numbers."""

    ICMP = 1
    TCP = 6
    UDP = 17


class IcmpType(IntEnum):
    """ICMP types."""

    ECHO_REPLY = 0
    UNREACHABLE = 3
    ECHO_REQUEST = 8


class TcpFlag(IntEnum):
    """Control bits; a segment's flags are their sum, a plain number."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


class Ipv4Packet(NamedTuple):
    """An IPv4 packet without options that is no fragment."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    ttl: int = DEFAULT_TTL
    identification: int = 0


class IcmpMessage(NamedTuple):
    """An ICMP message; ``identifier`` and ``sequence`` are the second word of those that have none."""

    type: int
    code: int
    identifier: int
    sequence: int
    payload: bytes


class UdpDatagram(NamedTuple):
    """A UDP datagram."""

    source_port: int
    destination_port: int
    payload: bytes


class TcpOptions(NamedTuple):
    """Options of a SYN: maximum segment size and window scale; None where they are absent."""

    mss: int | None = None
    window_scale: int | None = None


class TcpSegment(NamedTuple):
    """A TCP segment; ``window`` is as sent, without scale."""

    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes = b""
    options: TcpOptions = TcpOptions()


_NO_OPTIONS: Final = TcpOptions()
_CONTROL_BITS: Final = 31


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071): the complement of the sum of 16-bit words in ones' complement arithmetic."""
    # that sum is the number's remainder by 2^16 - 1, with 0xFFFF for a sum that is not nothing at all
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def parse_ipv4(data: bytes) -> Ipv4Packet:
    """Read a packet.

    Raises:
        PacketError: no IPv4 packet, a wrong checksum or length, or a fragment.
    """
    if len(data) < IPV4_HEADER:
        raise PacketError(f"{len(data)} bytes are no IPv4 packet")
    version, _, total, identification, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(data)
    header = 4 * (version & 15)
    if version >> 4 != 4 or not IPV4_HEADER <= header <= total <= len(data):
        raise PacketError(f"version {version >> 4}, header of {header} and length of {total} in {len(data)} bytes")
    if checksum(data[:header]):
        raise PacketError("wrong checksum of the IPv4 header")
    if fragment & _NO_FRAGMENT:
        raise PacketError("a fragment, which is not put together here")
    return Ipv4Packet(_text(source), _text(destination), protocol, data[header:total], ttl, identification)


def build_ipv4(packet: Ipv4Packet) -> bytes:
    """Bytes of a packet, which may not be fragmented on its way.

    Raises:
        PacketError: one that is too long, or an address that is none.
    """
    source, destination, protocol, payload, ttl, identification = packet
    total = IPV4_HEADER + len(payload)
    if total > 0xFFFF:
        raise PacketError(f"an IPv4 packet of {total} bytes: at most 65535")
    start, end = _packed(source), _packed(destination)
    check = checksum(_IPV4.pack(0x45, 0, total, identification, _DONT_FRAGMENT, ttl, protocol, 0, start, end))
    return _IPV4.pack(0x45, 0, total, identification, _DONT_FRAGMENT, ttl, protocol, check, start, end) + payload


def parse_icmp(data: bytes) -> IcmpMessage:
    """Read an ICMP message.

    Raises:
        PacketError: too short, or a wrong checksum.
    """
    if len(data) < _ICMP.size or checksum(data):
        raise PacketError(f"{len(data)} bytes are no ICMP message with a right checksum")
    kind, code, _, identifier, sequence = _ICMP.unpack_from(data)
    return IcmpMessage(kind, code, identifier, sequence, data[_ICMP.size :])


def build_icmp(message: IcmpMessage) -> bytes:
    """Bytes of an ICMP message."""
    head = (message.type, message.code)
    tail = (message.identifier, message.sequence)
    check = checksum(_ICMP.pack(*head, 0, *tail) + message.payload)
    return _ICMP.pack(*head, check, *tail) + message.payload


def parse_udp(packet: Ipv4Packet) -> UdpDatagram:
    """Read the UDP datagram of a packet.

    Raises:
        PacketError: a wrong length or checksum.
    """
    data = packet.payload
    if len(data) < UDP_HEADER:
        raise PacketError(f"{len(data)} bytes are no UDP datagram")
    source, destination, length, check = _UDP.unpack_from(data)
    if not UDP_HEADER <= length <= len(data):
        raise PacketError(f"UDP length {length} of {len(data)} bytes")
    if check and checksum(_pseudo_header(packet.source, packet.destination, Protocol.UDP, length) + data[:length]):
        raise PacketError("wrong UDP checksum")
    return UdpDatagram(source, destination, data[UDP_HEADER:length])


def build_udp(source: str, destination: str, datagram: UdpDatagram) -> bytes:
    """IPv4 packet of a UDP datagram."""
    length = UDP_HEADER + len(datagram.payload)
    ports = (datagram.source_port, datagram.destination_port, length)
    pseudo = _pseudo_header(source, destination, Protocol.UDP, length)
    check = checksum(pseudo + _UDP.pack(*ports, 0) + datagram.payload) or 0xFFFF
    return build_ipv4(Ipv4Packet(source, destination, Protocol.UDP, _UDP.pack(*ports, check) + datagram.payload))


def parse_tcp(packet: Ipv4Packet) -> TcpSegment:
    """Read the TCP segment of a packet.

    Raises:
        PacketError: a wrong length, checksum or option.
    """
    data = packet.payload
    if len(data) < TCP_HEADER:
        raise PacketError(f"{len(data)} bytes are no TCP segment")
    source, destination, seq, ack, bits, window, _, _ = _TCP.unpack_from(data)
    header = bits >> 12 << 2
    if not TCP_HEADER <= header <= len(data):
        raise PacketError(f"TCP header of {header} in {len(data)} bytes")
    if checksum(_pseudo_header(packet.source, packet.destination, Protocol.TCP, len(data)) + data):
        raise PacketError("wrong TCP checksum")
    options = _parse_options(data[TCP_HEADER:header]) if header > TCP_HEADER else _NO_OPTIONS
    return TcpSegment(source, destination, seq, ack, bits & _CONTROL_BITS, window, data[header:], options)


def build_tcp(source: str, destination: str, segment: TcpSegment) -> bytes:
    """IPv4 packet of a TCP segment."""
    port, peer_port, seq, ack, flags, window, payload, options = segment
    rest = payload if options == _NO_OPTIONS else _build_options(options) + payload
    bits = (TCP_HEADER + len(rest) - len(payload)) >> 2 << 12 | flags
    pseudo = _pseudo_header(source, destination, Protocol.TCP, TCP_HEADER + len(rest))
    check = checksum(pseudo + _TCP.pack(port, peer_port, seq, ack, bits, window, 0, 0) + rest)
    data = _TCP.pack(port, peer_port, seq, ack, bits, window, check, 0) + rest
    return build_ipv4(Ipv4Packet(source, destination, Protocol.TCP, data))


@lru_cache(_ADDRESSES)
def _packed(address: str) -> bytes:
    try:
        return IPv4Address(address).packed
    except AddressValueError as error:
        raise PacketError(str(error)) from None


@lru_cache(_ADDRESSES)
def _text(address: bytes) -> str:
    return str(IPv4Address(address))


def _pseudo_header(source: str, destination: str, protocol: int, length: int) -> bytes:
    return _PSEUDO.pack(_packed(source), _packed(destination), protocol, length)


def _build_options(options: TcpOptions) -> bytes:
    data = b""
    if options.mss is not None:
        data += struct.pack("!BBH", 2, 4, options.mss)
    if options.window_scale is not None:
        data += struct.pack("!BBBB", 1, 3, 3, options.window_scale)
    return data


def _parse_options(data: bytes) -> TcpOptions:
    mss = scale = None
    at = 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            raise PacketError(f"TCP option {data[at]} of length {length}")
        if data[at] == 2 and length == 4:
            mss = int.from_bytes(data[at + 2 : at + 4], "big")
        elif data[at] == 3 and length == 3:
            scale = min(data[at + 2], 14)
        at += length
    return TcpOptions(mss, scale)
