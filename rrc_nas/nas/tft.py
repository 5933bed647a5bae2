"""Traffic flow templates: which packets belong to a dedicated bearer (TS 24.008 10.5.6.12, TS 23.060 15.3).

The gateway makes templates with `pack` and looks at `downlink_flow`; the phone follows them with `apply` and looks at
`uplink_flow`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Final

MAX_FILTERS: Final = 15

TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
SCTP: Final = 132
_WITH_PORTS: Final = frozenset((TCP, UDP, SCTP))


class Operation(IntEnum):
    """TFT operation codes."""

    CREATE = 1
    DELETE = 2
    ADD = 3
    REPLACE = 4
    DELETE_FILTERS = 5
    NO_OPERATION = 6


CREATE: Final = Operation.CREATE


class Direction(IntEnum):
    """Which packets a filter is for."""

    DOWNLINK = 1
    UPLINK = 2
    BIDIRECTIONAL = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """What filters look at in a packet, as the phone sees it."""

    remote: int
    protocol: int
    type_of_service: int
    local_port: int | None
    remote_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilter:
    """One packet filter; a component that is None matches everything.

    Attributes:
        identifier: 0 to 15.
        precedence: 0 to 255; the filter of the lowest value that matches decides.
        remote: addresses of the far end, a network such as ``IPv4Network("10.1.0.0/16")``.
        protocol: of the IP header.
        local_ports, remote_ports: first and last port.
        type_of_service: value and mask.
    """

    identifier: int = 0
    precedence: int = 255
    direction: Direction = Direction.BIDIRECTIONAL
    remote: IPv4Network | None = None
    protocol: int | None = None
    local_ports: tuple[int, int] | None = None
    remote_ports: tuple[int, int] | None = None
    type_of_service: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for what, value, limit in (
            ("identifier of a packet filter", self.identifier, 15),
            ("precedence of a packet filter", self.precedence, 255),
            ("protocol of a packet filter", self.protocol or 0, 255),
        ):
            if not 0 <= value <= limit:
                raise ValueError(f"{what} is {value}; allowed are 0 to {limit}")
        for ports in (self.local_ports, self.remote_ports):
            if ports is not None and not 0 <= ports[0] <= ports[1] <= 0xFFFF:
                raise ValueError(f"ports {ports} of a packet filter; allowed are first <= last within 0 to 65535")
        if self.type_of_service is not None and not all(0 <= value <= 255 for value in self.type_of_service):
            raise ValueError(f"type of service {self.type_of_service}; allowed are value and mask of 0 to 255")

    def matches(self, flow: Flow) -> bool:
        """Whether a packet is of this filter, whatever its direction."""
        if self.protocol is not None and flow.protocol != self.protocol:
            return False
        if self.remote is not None:
            mask = int(self.remote.netmask)
            if flow.remote & mask != int(self.remote.network_address):
                return False
        if self.type_of_service is not None:
            value, mask = self.type_of_service
            if flow.type_of_service & mask != value & mask:
                return False
        return _within(flow.local_port, self.local_ports) and _within(flow.remote_port, self.remote_ports)

    def pack(self) -> bytes:
        """The filter in a template that creates it."""
        content = b""
        if self.remote is not None:
            content += b"\x10" + self.remote.network_address.packed + self.remote.netmask.packed
        if self.protocol is not None:
            content += bytes((0x30, self.protocol))
        for ports, single, many in ((self.local_ports, 0x40, 0x41), (self.remote_ports, 0x50, 0x51)):
            if ports is not None:
                content += (
                    struct.pack(">BH", single, ports[0]) if ports[0] == ports[1] else struct.pack(">BHH", many, *ports)
                )
        if self.type_of_service is not None:
            content += bytes((0x70, *self.type_of_service))
        return bytes((self.direction << 4 | self.identifier, self.precedence, len(content))) + content


def pack(filters: Sequence[PacketFilter]) -> bytes:
    """Octets 3 and on of a template that creates a new TFT.

    Raises:
        ValueError: no filter, too many, or two of the same identifier or precedence.
    """
    if not 1 <= len(filters) <= MAX_FILTERS:
        raise ValueError(f"{len(filters)} packet filters; allowed are 1 to {MAX_FILTERS}")
    for what, values in (
        ("identifier", [f.identifier for f in filters]),
        ("precedence", [f.precedence for f in filters]),
    ):
        if len(set(values)) != len(values):
            raise ValueError(f"two packet filters have the same {what}: {values}")
    return bytes((CREATE << 5 | len(filters),)) + b"".join(each.pack() for each in filters)


def unpack(data: bytes) -> tuple[PacketFilter, ...]:
    """Filters of a template that creates a new TFT, the inverse of `pack`.

    Raises:
        ValueError: malformed, another operation, or a component that is not known here.
    """
    if not data or data[0] >> 5 != CREATE:
        raise ValueError(f"TFT {data[:1].hex()}: allowed is the operation 1, create new TFT")
    return _read_filters(data)


def apply(filters: tuple[PacketFilter, ...], data: bytes) -> tuple[PacketFilter, ...]:
    """Filters of a bearer after the operation that a traffic flow template IE asks for.

    Args:
        filters: those that the bearer has.
        data: octets 3 and on.

    Raises:
        ValueError: malformed, an unknown operation, or filters that the bearer has not or may not have.
    """
    if not data or data[0] >> 5 not in tuple(Operation):
        raise ValueError(f"TFT {data[:1].hex()}: allowed are the operations 1 to 6")
    operation = Operation(data[0] >> 5)
    if operation is Operation.NO_OPERATION:
        return filters
    if operation is Operation.DELETE:
        return ()
    if not data[0] & 15:
        raise ValueError(f"TFT operation {operation.name} without a packet filter")
    known = {each.identifier: each for each in filters}
    if operation is Operation.DELETE_FILTERS:
        if len(data) < 1 + (data[0] & 15):
            raise ValueError("the list of packet filters to delete is cut short")
        gone = {octet & 15 for octet in data[1 : 1 + (data[0] & 15)]}
        return tuple(each for each in filters if each.identifier not in gone)
    listed = _read_filters(data)
    if operation is Operation.CREATE:
        known = {}
    elif operation is Operation.REPLACE and not {each.identifier for each in listed} <= known.keys():
        raise ValueError("packet filters to replace that the bearer does not have")
    known |= {each.identifier: each for each in listed}
    if len({each.precedence for each in known.values()}) != len(known) or len(known) > MAX_FILTERS:
        raise ValueError(f"{len(known)} packet filters, some of the same precedence; allowed are up to {MAX_FILTERS}")
    return tuple(known.values())


def downlink_flow(packet: bytes) -> Flow:
    """What filters look at in an IPv4 packet of at least 20 bytes to a phone; ports are None where it has none."""
    source, destination = _ports_of(packet)
    return Flow(int.from_bytes(packet[12:16], "big"), packet[9], packet[1], destination, source)


def uplink_flow(packet: bytes) -> Flow:
    """The same of a packet from a phone."""
    source, destination = _ports_of(packet)
    return Flow(int.from_bytes(packet[16:20], "big"), packet[9], packet[1], source, destination)


def _ports_of(packet: bytes) -> tuple[int | None, int | None]:
    """Source and destination port; None where the protocol has none, or in fragments but the first."""
    header = 4 * (packet[0] & 15)
    is_first = not (packet[6] & 0x1F or packet[7])
    is_first_with_ports = is_first and packet[9] in _WITH_PORTS and len(packet) >= header + 4
    return struct.unpack_from(">HH", packet, header) if is_first_with_ports else (None, None)


_SIZES: Final = {0x10: 8, 0x30: 1, 0x40: 2, 0x41: 4, 0x50: 2, 0x51: 4, 0x70: 2}


def _read_filters(data: bytes) -> tuple[PacketFilter, ...]:
    """The packet filters of a template that lists them whole."""
    found, position = [], 1
    for _ in range(data[0] & 15):
        if position + 3 > len(data) or position + 3 + data[position + 2] > len(data):
            raise ValueError("a packet filter runs past the end of its TFT")
        head, precedence, size = data[position : position + 3]
        content = data[position + 3 : position + 3 + size]
        found.append(_read_filter(head, precedence, content))
        position += 3 + size
    return tuple(found)


def _read_filter(head: int, precedence: int, content: bytes) -> PacketFilter:
    parts: dict[int, bytes] = {}
    position = 0
    while position < len(content):
        kind = content[position]
        size = _SIZES.get(kind)
        if size is None or position + 1 + size > len(content):
            raise ValueError(f"component {kind:#04x} of a packet filter")
        parts[kind] = bytes(content[position + 1 : position + 1 + size])
        position += 1 + size
    direction = head >> 4 & 3
    if direction == 0:
        raise ValueError("a packet filter of before Release 7, without a direction")
    remote, tos = parts.get(0x10), parts.get(0x70)
    return PacketFilter(
        identifier=head & 15,
        precedence=precedence,
        direction=Direction(direction),
        remote=None if remote is None else IPv4Network((IPv4Address(remote[:4]), str(IPv4Address(remote[4:])))),
        protocol=parts[0x30][0] if 0x30 in parts else None,
        local_ports=_ports(parts.get(0x40), parts.get(0x41)),
        remote_ports=_ports(parts.get(0x50), parts.get(0x51)),
        type_of_service=None if tos is None else (tos[0], tos[1]),
    )


def _ports(single: bytes | None, many: bytes | None) -> tuple[int, int] | None:
    if single is not None:
        port = int.from_bytes(single, "big")
        return port, port
    if many is not None:
        return int.from_bytes(many[:2], "big"), int.from_bytes(many[2:], "big")
    return None


def _within(port: int | None, ports: tuple[int, int] | None) -> bool:
    return ports is None or (port is not None and ports[0] <= port <= ports[1])
