"""One node's GTP-U beside its tunnels: echo, error indications, extension headers (TS 29.281 clause 7).

Times are milliseconds. Packets of tunnels take the node's own short way; `UserEndpoint.receive` takes all others.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.transport import Interface, Message

logger = logging.getLogger(__name__)

Peer = tuple[Interface, str]
"""Interface and address of the other end."""

N3_REQUESTS: Final = 3


@dataclass(frozen=True, slots=True)
class UserPacket:
    """A user packet with options in its header, which are of no use here."""

    teid: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class TunnelUnknown:
    """The peer does not know the tunnel of this TEID (clause 7.3.1)."""

    peer: Peer
    teid: int


@dataclass(frozen=True, slots=True)
class EndMarkerReceived:
    """No more packets come in this tunnel from where they came so far (clause 7.3.2)."""

    teid: int


@dataclass(slots=True)
class _Path:
    users: int
    next_echo: int
    unanswered: int = 0
    has_answered: bool = False
    sequence: int = 0


class UserEndpoint:
    """GTP-U of a node."""

    def __init__(
        self,
        address: str,
        send: Callable[[Message], None],
        *,
        t3_ms: int = 3000,
        echo_interval_ms: int = 60_000,
    ) -> None:
        """Start without peers; ``send`` takes messages to send."""
        self._address, self._packed, self._send = address, IPv4Address(address), send
        self._t3, self._interval = t3_ms, echo_interval_ms
        self._paths: dict[Peer, _Path] = {}
        self.malformed = 0
        self.unknown_tunnel = 0
        self.unsupported_extension = 0
        self.ignored = 0

    def use(self, peer: Peer, now: int) -> None:
        """One more tunnel is to this peer; from the first on its path is supervised."""
        path = self._paths.get(peer)
        if path is None:
            self._paths[peer] = _Path(1, now + self._interval)
        else:
            path.users += 1

    def release(self, peer: Peer) -> None:
        """One tunnel fewer."""
        path = self._paths.get(peer)
        if path is not None:
            path.users -= 1
            if path.users <= 0:
                del self._paths[peer]

    def receive(self, message: Message) -> UserPacket | TunnelUnknown | EndMarkerReceived | None:
        """Take a packet; returns what the node is to do, None for nothing."""
        peer = message.interface, message.source
        try:
            packet = gtpu.decode(message.data)
            content = gtpu.message(packet)
        except gtpu.GtpError as error:
            self.malformed += 1
            logger.warning("%s: malformed GTP-U packet from %s: %s", self._address, message.source, error)
            return None
        if packet.type == gtpu.MessageType.G_PDU:
            return self._take_user_packet(peer, packet)
        match content:
            case gtpu.EchoRequest(sequence):
                self._reply(peer, gtpu.EchoResponse(sequence).packet())
            case gtpu.EchoResponse():
                self._answered(peer)
            case gtpu.ErrorIndication(teid, _):
                return TunnelUnknown(peer, teid)
            case gtpu.EndMarker(teid):
                return EndMarkerReceived(teid)
            case _:
                self.ignored += 1
                logger.warning("%s: GTP-U message %d from %s is ignored", self._address, packet.type, message.source)
        return None

    def refuse_tunnel(self, message: Message, teid: int) -> None:
        """A packet came for a tunnel that does not exist (clause 7.3.1)."""
        self.unknown_tunnel += 1
        peer = message.interface, message.source
        self._reply(peer, gtpu.ErrorIndication(teid, self._packed).packet())

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called next, None for not at all."""
        return min((path.next_echo for path in self._paths.values()), default=None)

    def handle_timers(self, now: int) -> list[Peer]:
        """Ask whether peers are there; returns those that have not answered N3-REQUESTS times (clause 7.2.1).

        A peer that has never answered is one that does not know echoes, and is not lost.
        """
        lost = []
        for peer, path in self._paths.items():
            if path.next_echo > now:
                continue
            if path.unanswered >= N3_REQUESTS:
                logger.warning("%s: no answer to GTP-U echo from %s %s", self._address, *peer)
                if path.has_answered:
                    lost.append(peer)
                path.unanswered, path.next_echo = 0, now + self._interval
                continue
            path.unanswered += 1
            path.sequence = (path.sequence + 1) % (1 << 16)
            path.next_echo = now + self._t3
            self._reply(peer, gtpu.EchoRequest(path.sequence).packet())
        return lost

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return {"user paths": len(self._paths)}

    def counters(self) -> dict[str, int]:
        """What was refused, by name."""
        return {
            "malformed user packets": self.malformed,
            "unknown tunnels": self.unknown_tunnel,
            "unsupported extension headers": self.unsupported_extension,
            "ignored user messages": self.ignored,
        }

    def _take_user_packet(self, peer: Peer, packet: gtpu.Packet) -> UserPacket | None:
        if packet.unsupported(frozenset()):
            self.unsupported_extension += 1
            self._reply(peer, gtpu.SupportedExtensionHeaders(()).packet())
            return None
        return UserPacket(packet.teid, packet.payload)

    def _answered(self, peer: Peer) -> None:
        path = self._paths.get(peer)
        if path is not None and path.unanswered:
            path.next_echo += self._interval - self._t3
            path.unanswered, path.has_answered = 0, True

    def _reply(self, peer: Peer, packet: gtpu.Packet) -> None:
        self._send(Message(peer[0], self._address, peer[1], gtpu.encode(packet)))
