"""An IP host: its addresses, its ports, and what it answers by itself (ICMP echo, port unreachable, TCP reset)."""

import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from picocell.inet import packets
from picocell.inet.packets import (
    IcmpMessage,
    IcmpType,
    Ipv4Packet,
    PacketError,
    Protocol,
    TcpFlag,
    TcpSegment,
    UdpDatagram,
)
from picocell.inet.tcp import TcpConnection
from picocell.inet.tcp_state import Endpoints, TcpState
from picocell.inet.udp import Datagram, UdpSocket

_LOG: Final = logging.getLogger(__name__)
EPHEMERAL: Final = range(49_152, 65_536)
_HEADERS: Final = packets.IPV4_HEADER + packets.TCP_HEADER
_MAX_ECHOES: Final = 10_000
BACKLOG: Final = 1024
"""Connections of a port that wait for `accept`; a SYN that comes then is discarded."""


class PortInUseError(ValueError):
    """A port that another socket has."""


@dataclass(frozen=True, slots=True)
class EchoReply:
    """An answer to a ping.

    Attributes:
        source: who answered.
        identifier, sequence: of the request.
        payload: as it was sent.
        time: ms at which it came.
    """

    source: str
    identifier: int
    sequence: int
    payload: bytes
    time: int


class IpHost:
    """A host with one or more addresses.

    Args:
        address: its address.
        mtu: longest packet that it sends.
        rng: for initial sequence numbers and ports.

    Attributes:
        address: its first address.
        echo_replies: answers to pings, oldest first.
        discarded: packets that were not for it or could not be read, by reason.

    Raises:
        ValueError: an MTU below 576 (RFC 791).
    """

    def __init__(self, address: str, *, mtu: int = 1500, rng: random.Random | None = None) -> None:
        if mtu < 576:
            raise ValueError(f"MTU {mtu} is below 576")
        self.address, self.mtu = address, mtu
        self.addresses = {address}
        self.echo_replies: deque[EchoReply] = deque(maxlen=_MAX_ECHOES)
        self.discarded: Counter[str] = Counter()
        self._rng = rng or random.Random(0)
        self._out: list[bytes] = []
        self._udp: dict[int, UdpSocket] = {}
        self._listeners: dict[int, deque[TcpConnection]] = {}
        self._connections: dict[Endpoints, TcpConnection] = {}
        self._identification = 0

    # the network's side

    def receive(self, packet: bytes, now: int) -> None:
        """Take a packet; what is not for this host, or cannot be read, is counted."""
        try:
            ip = packets.parse_ipv4(packet)
            if ip.destination not in self.addresses:
                self.discarded["not for this host"] += 1
                return
            match ip.protocol:
                case Protocol.ICMP:
                    self._receive_icmp(ip, now)
                case Protocol.UDP:
                    self._receive_udp(ip)
                case Protocol.TCP:
                    self._receive_tcp(ip, now)
                case _:
                    self.discarded[f"protocol {ip.protocol}"] += 1
                    self._unreachable(ip, packet, 2)
        except PacketError as error:
            self.discarded["malformed"] += 1
            _LOG.debug("%s: %s", self.address, error)

    def packets_to_send(self) -> list[bytes]:
        """Packets for the network, each given once."""
        for endpoints, connection in list(self._connections.items()):
            for segment in connection.segments_to_send():
                self._out.append(packets.build_tcp(endpoints.address, endpoints.peer_address, segment))
            if connection.state is TcpState.CLOSED:
                del self._connections[endpoints]
        out, self._out = self._out, []
        return out

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do; None for never."""
        times = (connection.next_timer() for connection in self._connections.values())
        return min((time for time in times if time is not None), default=None)

    def handle_timers(self, now: int) -> None:
        """Timers of the connections."""
        for connection in list(self._connections.values()):
            connection.handle_timers(now)

    # the user's side

    def ping(self, destination: str, identifier: int, sequence: int, payload: bytes = bytes(56)) -> None:
        """Send an echo request; the answer comes into `echo_replies`."""
        message = IcmpMessage(IcmpType.ECHO_REQUEST, 0, identifier, sequence, payload)
        self._send(destination, Protocol.ICMP, packets.build_icmp(message))

    def udp_socket(self, port: int = 0) -> UdpSocket:
        """A UDP socket at a port, or at any where it is 0.

        Raises:
            PortInUseError: the port is taken.
        """
        chosen = self._port(port, self._udp)
        socket = UdpSocket(chosen, self._udp_sender(chosen), lambda: self._close_udp(chosen))
        self._udp[chosen] = socket
        return socket

    def listen(self, port: int) -> None:
        """Take TCP connections at a port; `accept` gives them.

        Raises:
            PortInUseError: the port is taken.
        """
        self._listeners[self._port(port, self._listeners)] = deque()

    def unlisten(self, port: int) -> None:
        """Take no more connections at a port."""
        self._listeners.pop(port, None)

    def accept(self, port: int) -> TcpConnection | None:
        """The next connection that is established at a port; None where there is none."""
        waiting = self._listeners.get(port, deque())
        for _ in range(len(waiting)):
            connection = waiting.popleft()
            if connection.established:
                return connection
            if connection.state is not TcpState.CLOSED:
                waiting.append(connection)
        return None

    def connect(self, address: str, port: int, now: int) -> TcpConnection:
        """Call a TCP port."""
        used = {e.port for e in self._connections}
        own = self._port(0, dict.fromkeys(used))
        endpoints = Endpoints(self.address, own, address, port)
        connection = TcpConnection(endpoints, mss=self.mtu - _HEADERS, iss=self._rng.getrandbits(32), now=now)
        self._connections[endpoints] = connection
        return connection

    @property
    def connections(self) -> tuple[TcpConnection, ...]:
        """Connections that are not closed."""
        return tuple(self._connections.values())

    # inside

    def _close_udp(self, port: int) -> None:
        self._udp.pop(port, None)

    def _port(self, port: int, used: dict[int, UdpSocket] | dict[int, deque[TcpConnection]] | dict[int, None]) -> int:
        if port:
            if port in used:
                raise PortInUseError(f"port {port} of {self.address} is in use")
            return port
        start = self._rng.randrange(len(EPHEMERAL))
        for step in range(len(EPHEMERAL)):
            chosen = EPHEMERAL[(start + step) % len(EPHEMERAL)]
            if chosen not in used:
                return chosen
        raise PortInUseError(f"{self.address} has no port left")

    def _send(self, destination: str, protocol: int, payload: bytes, source: str | None = None) -> None:
        self._identification = (self._identification + 1) & 0xFFFF
        self._out.append(
            packets.build_ipv4(
                Ipv4Packet(source or self.address, destination, protocol, payload, identification=self._identification)
            )
        )

    def _udp_sender(self, port: int) -> Callable[[bytes, str, int], None]:
        def send(data: bytes, address: str, destination_port: int) -> None:
            if port not in self._udp:
                raise ValueError(f"UDP port {port} of {self.address} is closed")
            largest = self.mtu - packets.IPV4_HEADER - packets.UDP_HEADER
            if len(data) > largest:
                raise ValueError(f"a datagram of {len(data)} bytes: at most {largest} with an MTU of {self.mtu}")
            self._out.append(packets.build_udp(self.address, address, UdpDatagram(port, destination_port, data)))

        return send

    def _receive_icmp(self, ip: Ipv4Packet, now: int) -> None:
        message = packets.parse_icmp(ip.payload)
        if message.type == IcmpType.ECHO_REQUEST:
            answer = IcmpMessage(IcmpType.ECHO_REPLY, 0, message.identifier, message.sequence, message.payload)
            self._send(ip.source, Protocol.ICMP, packets.build_icmp(answer), ip.destination)
        elif message.type == IcmpType.ECHO_REPLY:
            reply = EchoReply(ip.source, message.identifier, message.sequence, message.payload, now)
            self.echo_replies.append(reply)

    def _receive_udp(self, ip: Ipv4Packet) -> None:
        datagram = packets.parse_udp(ip)
        socket = self._udp.get(datagram.destination_port)
        if socket is None:
            self.discarded["no such UDP port"] += 1
            self._unreachable(ip, packets.build_ipv4(ip), 3)
        else:
            socket.receive(Datagram(datagram.payload, ip.source, datagram.source_port))

    def _receive_tcp(self, ip: Ipv4Packet, now: int) -> None:
        segment = packets.parse_tcp(ip)
        endpoints = Endpoints(ip.destination, segment.destination_port, ip.source, segment.source_port)
        connection = self._connections.get(endpoints)
        if connection is not None:
            connection.receive(segment, now)
            return
        is_syn = segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST) == TcpFlag.SYN
        if is_syn and segment.destination_port in self._listeners:
            if not self._has_room(segment.destination_port):
                self.discarded["backlog full"] += 1
                return
            made = TcpConnection(
                endpoints, mss=self.mtu - _HEADERS, iss=self._rng.getrandbits(32), now=now, syn=segment
            )
            self._connections[endpoints] = made
            self._listeners[segment.destination_port].append(made)
        elif not segment.flags & TcpFlag.RST:
            self._reset(endpoints, segment)

    def _has_room(self, port: int) -> bool:
        """Whether a port takes one more connection, without those that have ended meanwhile."""
        waiting = self._listeners[port]
        if len(waiting) >= BACKLOG:
            living = [connection for connection in waiting if connection.state is not TcpState.CLOSED]
            waiting.clear()
            waiting.extend(living)
        return len(waiting) < BACKLOG

    def _reset(self, endpoints: Endpoints, segment: TcpSegment) -> None:
        """Answer a segment of no connection (RFC 9293 3.10.7.1)."""
        length = len(segment.payload) + bool(segment.flags & TcpFlag.SYN) + bool(segment.flags & TcpFlag.FIN)
        has_ack = bool(segment.flags & TcpFlag.ACK)
        answer = TcpSegment(
            endpoints.port,
            endpoints.peer_port,
            segment.ack if has_ack else 0,
            0 if has_ack else (segment.seq + length) & 0xFFFFFFFF,
            TcpFlag.RST if has_ack else TcpFlag.RST | TcpFlag.ACK,
            0,
        )
        self._out.append(packets.build_tcp(endpoints.address, endpoints.peer_address, answer))

    def _unreachable(self, ip: Ipv4Packet, packet: bytes, code: int) -> None:
        """ICMP destination unreachable with the start of what was sent (RFC 792)."""
        quoted = packet[: packets.IPV4_HEADER + 8]
        message = IcmpMessage(IcmpType.UNREACHABLE, code, 0, 0, quoted)
        self._send(ip.source, Protocol.ICMP, packets.build_icmp(message), ip.destination)
