"""IPv4, ICMP, UDP and TCP packets between bytes and values (RFC 791, 792, 768, 9293)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address
from typing import Final

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


class TcpFlag(IntFlag):
    """Control bits."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


@dataclass(frozen=True, slots=True)
class Ipv4Packet:
    """An IPv4 packet without options that is no fragment."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    ttl: int = DEFAULT_TTL
    identification: int = 0


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """An ICMP message; ``identifier`` and ``sequence`` are the second word of those that have none."""

    type: int
    code: int
    identifier: int
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    """A UDP datagram."""

    source_port: int
    destination_port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class TcpOptions:
    """Options of a SYN: maximum segment size and window scale; None where they are absent."""

    mss: int | None = None
    window_scale: int | None = None


@dataclass(frozen=True, slots=True)
class TcpSegment:
    """A TCP segment; ``window`` is as sent, without scale."""

    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: TcpFlag
    window: int
    payload: bytes = b""
    options: TcpOptions = field(default_factory=TcpOptions)


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071): the complement of the sum of 16-bit words in ones' complement arithmetic."""
    if len(data) & 1:
        data += b"\0"
    # that sum is the number's remainder by 2^16 - 1, with 0xFFFF for a sum that is not nothing at all
    number = int.from_bytes(data, "big")
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
    if fragment & (_MORE_FRAGMENTS | _OFFSET):
        raise PacketError("a fragment, which is not put together here")
    return Ipv4Packet(
        str(IPv4Address(source)), str(IPv4Address(destination)), protocol, data[header:total], ttl, identification
    )


def build_ipv4(packet: Ipv4Packet) -> bytes:
    """Bytes of a packet, which may not be fragmented on its way.

    Raises:
        PacketError: one that is too long.
    """
    total = IPV4_HEADER + len(packet.payload)
    if total > 0xFFFF:
        raise PacketError(f"an IPv4 packet of {total} bytes: at most 65535")
    source, destination = IPv4Address(packet.source).packed, IPv4Address(packet.destination).packed
    fields = (0x45, 0, total, packet.identification, _DONT_FRAGMENT, packet.ttl, packet.protocol)
    header = _IPV4.pack(*fields, 0, source, destination)
    return _IPV4.pack(*fields, checksum(header), source, destination) + packet.payload


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
    if check and checksum(_pseudo_header(packet, length) + data[:length]):
        raise PacketError("wrong UDP checksum")
    return UdpDatagram(source, destination, data[UDP_HEADER:length])


def build_udp(source: str, destination: str, datagram: UdpDatagram) -> bytes:
    """IPv4 packet of a UDP datagram."""
    length = UDP_HEADER + len(datagram.payload)
    ports = (datagram.source_port, datagram.destination_port, length)
    bare = Ipv4Packet(source, destination, Protocol.UDP, b"")
    check = checksum(_pseudo_header(bare, length) + _UDP.pack(*ports, 0) + datagram.payload) or 0xFFFF
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
    if checksum(_pseudo_header(packet, len(data)) + data):
        raise PacketError("wrong TCP checksum")
    options = _parse_options(data[TCP_HEADER:header]) if header > TCP_HEADER else TcpOptions()
    return TcpSegment(source, destination, seq, ack, TcpFlag(bits & 31), window, data[header:], options)


def build_tcp(source: str, destination: str, segment: TcpSegment) -> bytes:
    """IPv4 packet of a TCP segment."""
    options = b""
    if segment.options.mss is not None:
        options += struct.pack("!BBH", 2, 4, segment.options.mss)
    if segment.options.window_scale is not None:
        options += struct.pack("!BBBB", 1, 3, 3, segment.options.window_scale)
    bits = (TCP_HEADER + len(options)) >> 2 << 12 | segment.flags
    fields = (segment.source_port, segment.destination_port, segment.seq, segment.ack, bits, segment.window)
    rest = options + segment.payload
    bare = Ipv4Packet(source, destination, Protocol.TCP, b"")
    pseudo = _pseudo_header(bare, TCP_HEADER + len(rest))
    check = checksum(pseudo + _TCP.pack(*fields, 0, 0) + rest)
    return build_ipv4(Ipv4Packet(source, destination, Protocol.TCP, _TCP.pack(*fields, check, 0) + rest))


def _pseudo_header(packet: Ipv4Packet, length: int) -> bytes:
    addresses = IPv4Address(packet.source).packed + IPv4Address(packet.destination).packed
    return addresses + struct.pack("!HH", packet.protocol, length)


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
