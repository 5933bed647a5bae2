"""Reliable delivery of GTPv2-C messages (TS 29.274 clause 7.6): requests are repeated, repeated ones answered once.

An object without a socket or a clock. The owner hands it what arrives, sends what `datagrams_to_send` returns, and
calls `handle_timer` at the time that `timer` names.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from picocell.epc.interfaces.gtpv2c import Packet, decode, encode
from picocell.epc.interfaces.gtpv2c_ies import GtpcError
from picocell.epc.interfaces.gtpv2c_messages import MESSAGES, Message

Peer = Hashable
"""A peer's address and port, in any form that can be a key."""

SEQUENCES: Final = 1 << 23
"""Sequence numbers of requests; the upper half is for answers to commands (clause 7.6)."""


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request, or a message that has no answer, came for the first time."""

    peer: Peer
    packet: Packet


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """The answer to an own request; ``context`` is what came with the request."""

    peer: Peer
    packet: Packet
    request: Message
    context: Any


@dataclass(frozen=True, slots=True)
class RequestTimedOut:
    """The peer did not answer any of the N3-REQUESTS attempts."""

    peer: Peer
    request: Message
    context: Any


@dataclass(frozen=True, slots=True)
class MalformedReceived:
    """A datagram that could not be read; a request may have to be answered with the error's cause."""

    peer: Peer
    error: GtpcError


Event = RequestReceived | ResponseReceived | RequestTimedOut | MalformedReceived


@dataclass(slots=True)
class _Pending:
    """An own request without an answer."""

    request: Message
    data: bytes
    context: Any
    attempts: int
    deadline: float


@dataclass(slots=True)
class _Answered:
    """A peer's request: its answer, None until there is one, and when it is forgotten."""

    data: bytes | None
    expiry: float


class Transactions:
    """Requests and answers of one node, to and from any number of peers."""

    def __init__(self, t3: float = 3.0, n3: int = 3, first_sequence: int = 1) -> None:
        """Start without transactions.

        Args:
            t3: T3-RESPONSE, seconds to wait for an answer.
            n3: N3-REQUESTS, times that a request is sent in all.
            first_sequence: sequence number of the first request.

        Raises:
            ValueError: a time or a count below the allowed.
        """
        if t3 <= 0 or n3 < 1 or not 0 <= first_sequence < SEQUENCES:
            raise ValueError(
                f"T3 {t3} s, N3 {n3}, first sequence number {first_sequence}: allowed are > 0, >= 1, 23 bits"
            )
        self._t3, self._n3, self._sequence = t3, n3, first_sequence
        self._pending: dict[tuple[Peer, int], _Pending] = {}
        self._answered: dict[tuple[Peer, int, int], _Answered] = {}
        self._outgoing: deque[tuple[Peer, bytes]] = deque()
        self._events: deque[Event] = deque()

    def request(self, peer: Peer, message: Message, teid: int | None, now: float, context: Any = None) -> int:
        """Send a request and repeat it until there is an answer; returns its sequence number.

        A message that has no answer is sent once.

        Raises:
            GtpcError: a message that cannot be encoded.
        """
        while (peer, self._sequence) in self._pending:
            self._sequence = (self._sequence + 1) % SEQUENCES
        sequence = self._sequence
        data = encode(Packet(message, sequence, teid))
        self._sequence = (sequence + 1) % SEQUENCES
        if message.RESPONSE is not None:
            self._pending[peer, sequence] = _Pending(message, data, context, 1, now + self._t3)
        self._outgoing.append((peer, data))
        return sequence

    def respond(self, received: RequestReceived, message: Message, teid: int | None, now: float) -> None:
        """Answer a request, and each repetition of it from now on.

        Raises:
            GtpcError: a message that cannot be encoded.
        """
        data = encode(Packet(message, received.packet.sequence, teid))
        key = (received.peer, received.packet.sequence, received.packet.type)
        self._answered[key] = _Answered(data, now + self._memory)
        self._outgoing.append((received.peer, data))

    def receive(self, peer: Peer, data: bytes, now: float) -> None:
        """Take a datagram; what it means comes as events."""
        try:
            packet = decode(data)
        except GtpcError as error:
            self._events.append(MalformedReceived(peer, error))
            return
        self._take(peer, packet, now)
        if packet.piggybacked is not None:
            self._take(peer, packet.piggybacked, now)

    def datagrams_to_send(self) -> list[tuple[Peer, bytes]]:
        """Peers and datagrams to send now; each is returned once."""
        out = list(self._outgoing)
        self._outgoing.clear()
        return out

    def next_event(self) -> Event | None:
        """The next event, None where there is none."""
        return self._events.popleft() if self._events else None

    def timer(self) -> float | None:
        """When `handle_timer` is to be called next, None for not at all."""
        times = [pending.deadline for pending in self._pending.values()]
        times += [answered.expiry for answered in self._answered.values()]
        return min(times, default=None)

    def handle_timer(self, now: float) -> None:
        """Repeat requests whose T3-RESPONSE has run out, give up after N3-REQUESTS, forget old answers."""
        for (peer, sequence), pending in list(self._pending.items()):
            if pending.deadline > now:
                continue
            if pending.attempts < self._n3:
                pending.attempts += 1
                pending.deadline = now + self._t3
                self._outgoing.append((peer, pending.data))
            else:
                del self._pending[peer, sequence]
                self._events.append(RequestTimedOut(peer, pending.request, pending.context))
        self._answered = {key: answered for key, answered in self._answered.items() if answered.expiry > now}

    @property
    def _memory(self) -> float:
        """Seconds in which a peer with the same timers may still repeat a request."""
        return self._t3 * (self._n3 + 1)

    def _take(self, peer: Peer, packet: Packet, now: float) -> None:
        pending = self._pending.get((peer, packet.sequence))
        if pending is not None and packet.type == pending.request.RESPONSE:
            del self._pending[peer, packet.sequence]
            self._events.append(ResponseReceived(peer, packet, pending.request, pending.context))
        elif packet.message.RESPONSE is not None:
            self._take_request(peer, packet, now)
        elif not _is_response(packet.type):
            self._events.append(RequestReceived(peer, packet))

    def _take_request(self, peer: Peer, packet: Packet, now: float) -> None:
        key = (peer, packet.sequence, packet.type)
        answered = self._answered.get(key)
        if answered is None or answered.expiry <= now:
            self._answered[key] = _Answered(None, now + self._memory)
            self._events.append(RequestReceived(peer, packet))
        elif answered.data is not None:
            self._outgoing.append((peer, answered.data))


def _is_response(message_type: int) -> bool:
    """Whether a message answers another one; without an own request for it, it is late and dropped."""
    return message_type in _RESPONSES


_RESPONSES: Final = frozenset(kind.RESPONSE for kind in MESSAGES.values())
