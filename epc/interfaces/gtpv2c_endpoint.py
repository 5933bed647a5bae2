"""One node's GTPv2-C: transactions with its peers, echo, restarts, lost paths (TS 29.274 7.6, 7.7; TS 23.007).

Times are milliseconds. The node takes messages out with `next_event` and answers or asks; echoes, repetitions, other
versions and malformed requests are dealt with here.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from picocell.epc.interfaces import gtpv2c, transport
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_ies import Cause, Ebi, GtpcError, Header, Recovery
from picocell.epc.interfaces.gtpv2c_transactions import (
    MalformedReceived,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    Transactions,
)
from picocell.epc.interfaces.transport import Interface

logger = logging.getLogger(__name__)

CONTEXT_NOT_FOUND: Final = 64

Peer = tuple[Interface, str]
"""Interface and address of the other end."""


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A peer has restarted: what it knew of sessions is gone."""

    peer: Peer


Event = RequestReceived | ResponseReceived | RequestTimedOut | PeerLost


@dataclass(slots=True)
class _Path:
    """A peer that sessions are with."""

    users: int
    next_echo: int
    recovery: int | None = None


class ControlEndpoint:
    """GTPv2-C of a node."""

    def __init__(
        self,
        address: str,
        remote_teid: Callable[[Interface, int], int],
        *,
        recovery: int = 0,
        t3_ms: int = 3000,
        n3: int = 3,
        echo_interval_ms: int = 60_000,
    ) -> None:
        """Start without peers.

        Args:
            address: own IPv4 address.
            remote_teid: the peer's TEID to an own one, 0 where that is not in use.
            recovery: own restart counter, 0 to 255.
            t3_ms, n3: T3-RESPONSE and N3-REQUESTS.
            echo_interval_ms: time between echo requests to a peer in use, at least 60 s (TS 29.274 7.1.1).
        """
        self._address, self._remote_teid, self._recovery = address, remote_teid, Recovery(recovery)
        self._transactions = Transactions(float(t3_ms), n3)
        self._echo_interval = echo_interval_ms
        self._paths: dict[Peer, _Path] = {}
        self._events: deque[Event] = deque()
        self._n_requests = 0
        self.malformed = 0
        self.ignored = 0
        self.paths_down = 0

    @property
    def recovery(self) -> Recovery:
        """Own restart counter, for messages."""
        return self._recovery

    def request(self, peer: Peer, message: m.Message, teid: int | None, now: int, context: Any = None) -> None:
        """Send a request, or a message without an answer.

        Raises:
            GtpcError: it cannot be encoded.
        """
        self._transactions.request(peer, message, teid, now, context)
        self._n_requests += message.RESPONSE is not None

    def respond(self, received: RequestReceived, message: m.Message, teid: int | None, now: int) -> None:
        """Answer a request.

        Raises:
            GtpcError: it cannot be encoded.
        """
        self._transactions.respond(received, message, teid, now)

    def refuse(self, received: RequestReceived, cause: int, now: int, teid: int = 0) -> None:
        """Answer a request with nothing but a cause."""
        request = received.packet.message
        if request.RESPONSE is not None:
            self.respond(received, _answer(request.RESPONSE, Cause(cause)), teid, now)

    def use(self, peer: Peer, now: int) -> None:
        """One more session is with this peer; from the first on its path is supervised."""
        path = self._paths.get(peer)
        if path is None:
            self._paths[peer] = _Path(1, now + self._echo_interval)
        else:
            path.users += 1

    def release(self, peer: Peer) -> None:
        """One session fewer."""
        path = self._paths.get(peer)
        if path is not None:
            path.users -= 1
            if path.users <= 0:
                del self._paths[peer]

    def receive(self, message: transport.Message, now: int) -> None:
        """Take a message; what it means to the node comes as events."""
        self._transactions.receive((message.interface, message.source), message.data, now)
        self._drain(now)

    def next_event(self) -> Event | None:
        """The next event, None where there is none."""
        return self._events.popleft() if self._events else None

    def messages_to_send(self) -> list[transport.Message]:
        """Messages to send now; each is returned once."""
        sent = [(_named(peer), data) for peer, data in self._transactions.datagrams_to_send()]
        return [transport.Message(interface, self._address, address, data) for (interface, address), data in sent]

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called next, None for not at all."""
        times = [path.next_echo for path in self._paths.values()]
        repeat = self._transactions.timer()
        if repeat is not None:
            times.append(int(repeat))
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Repeat requests, ask whether peers are there."""
        self._transactions.handle_timer(now)
        self._drain(now)
        for peer, path in self._paths.items():
            if path.next_echo <= now:
                path.next_echo = now + self._echo_interval
                self.request(peer, m.EchoRequest(recovery=self._recovery), None, now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return {"control paths": len(self._paths), "control requests": self._n_requests}

    def _drain(self, now: int) -> None:
        while (event := self._transactions.next_event()) is not None:
            match event:
                case MalformedReceived(peer, error):
                    self._refuse_malformed(peer, error, now)
                case RequestReceived():
                    self._take_request(event, now)
                case ResponseReceived(peer, packet):
                    self._n_requests -= 1
                    self._check_restart(peer, packet.message)
                    if not isinstance(packet.message, m.EchoResponse):
                        self._events.append(event)
                case RequestTimedOut(peer, request):
                    self._n_requests -= 1
                    if not isinstance(request, m.EchoRequest):
                        self._events.append(event)
                    elif peer in self._paths:
                        # sessions stay: the peer may come back, and if it has restarted it will say so
                        self.paths_down += 1
                        logger.warning("%s: no answer to echo from %s %s", self._address, *_named(peer))

    def _take_request(self, event: RequestReceived, now: int) -> None:
        message = event.packet.message
        self._check_restart(event.peer, message)
        if isinstance(message, m.EchoRequest):
            self.respond(event, m.EchoResponse(recovery=self._recovery), None, now)
        elif isinstance(message, m.UnknownMessage | m.VersionNotSupportedIndication | m.EchoResponse):
            self.ignored += 1
            name = gtpv2c.message_name(event.packet.type)
            logger.warning("%s: %s from %s %s is ignored", self._address, name, *_named(event.peer))
        else:
            self._events.append(event)

    def _check_restart(self, peer: Any, message: m.Message) -> None:
        """A higher restart counter than before; a lower one is of a message that came late (TS 23.007 18)."""
        recovery, path = getattr(message, "recovery", None), self._paths.get(peer)
        if recovery is None or path is None:
            return
        if path.recovery is not None and 0 < (recovery.value - path.recovery) % 256 < 128:
            logger.warning("%s: %s %s has restarted", self._address, *_named(peer))
            path.recovery = recovery.value
            self._events.append(PeerLost(_named(peer)))
        elif path.recovery is None:
            path.recovery = recovery.value

    def _refuse_malformed(self, peer: Any, error: GtpcError, now: int) -> None:
        """Answer what may be answered (TS 29.274 7.7)."""
        self.malformed += 1
        logger.warning("%s: malformed message from %s %s: %s", self._address, *_named(peer), error)
        header = error.header
        if error.cause == gtpv2c.VERSION_NOT_SUPPORTED:
            self._transactions.request(peer, m.VersionNotSupportedIndication(), None, now)
        elif header is not None and error.cause is not None and header.type in m.MESSAGES:
            response = m.MESSAGES[header.type].RESPONSE
            if response is not None and m.MESSAGES[response].HAS_TEID:
                teid = self._remote_teid(_named(peer)[0], header.teid) if header.teid else 0
                answer = _answer(response, Cause(error.cause, offending=error.offending))
                self._transactions.respond(RequestReceived(peer, _unread(header)), answer, teid, now)


def _unread(header: Header) -> gtpv2c.Packet:
    """A packet of which the header alone could be read."""
    return gtpv2c.Packet(m.UnknownMessage(type=header.type), header.sequence, header.teid)


def _answer(response: int, cause: Cause) -> m.Message:
    kind: Any = m.MESSAGES[response]
    if kind is m.CreateBearerResponse:
        return m.CreateBearerResponse(cause=cause, bearer_contexts=(m.BearerContext(ebi=Ebi(0), cause=cause),))
    answer: m.Message = kind(cause=cause)
    return answer


def _named(peer: Any) -> Peer:
    interface, address = peer
    return interface, address
