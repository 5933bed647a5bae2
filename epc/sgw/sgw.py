"""The serving gateway: S11 and S5/S8 by GTPv2-C, S1-U and S5/S8-U by GTP-U (TS 23.401 4.4.3.2).

An object without a socket or a clock: it is handed messages and the time in milliseconds, and drained with
`messages_to_send`.
"""

import logging
import random
from dataclasses import dataclass

from picocell.epc.interfaces.gtpu_endpoint import TunnelUnknown
from picocell.epc.interfaces.gtpv2c_endpoint import ControlEndpoint
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.sgw.bearers import BearerProcedures
from picocell.epc.sgw.contexts import Contexts
from picocell.epc.sgw.events import dispatch
from picocell.epc.sgw.paging import Paging
from picocell.epc.sgw.sessions import SessionProcedures
from picocell.epc.sgw.user_plane import UserPlane

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SgwSettings:
    """Settings of a serving gateway.

    Attributes:
        buffer_packets, buffer_bytes: bounds of what waits for one idle phone.
        paging_guard_ms: time after which an idle phone is notified again where the MME has said nothing.
        t3_ms, n3: T3-RESPONSE and N3-REQUESTS of GTPv2-C; shorter than the MME's, so that the MME still waits when
            the SGW gives up on a PGW.
        echo_interval_ms: time between echoes on a path in use.
        recovery: restart counter, 0 to 255.
    """

    buffer_packets: int = 256
    buffer_bytes: int = 512 * 1024
    paging_guard_ms: int = 20_000
    t3_ms: int = 2000
    n3: int = 3
    echo_interval_ms: int = 60_000
    recovery: int = 0


class Sgw:
    """Serving gateway."""

    def __init__(self, address: str, *, settings: SgwSettings | None = None, rng: random.Random | None = None) -> None:
        """Start without sessions.

        Args:
            address: IPv4 address of this node on all interfaces.
            settings: see `SgwSettings`.
            rng: source of the first TEID, which is 1 without.
        """
        self.address = address
        settings = settings or SgwSettings()
        self._contexts = Contexts(rng)
        self._control = ControlEndpoint(
            address,
            self._remote_teid,
            recovery=settings.recovery,
            t3_ms=settings.t3_ms,
            n3=settings.n3,
            echo_interval_ms=settings.echo_interval_ms,
        )
        self._paging = Paging(self._contexts, self._control, settings.paging_guard_ms)
        self._user = UserPlane(address, self._contexts, self._paging.data_waits)
        self._paging.attach(self._user)
        bounds = (settings.buffer_packets, settings.buffer_bytes)
        self._sessions = SessionProcedures(address, self._contexts, self._control, self._user, bounds)
        self._bearers = BearerProcedures(address, self._contexts, self._control, self._user, self._sessions)

    def receive(self, message: Message, now: int) -> None:
        """Take a message; what is malformed or unknown is answered and counted."""
        match message.interface:
            case Interface.S1U:
                unknown = self._user.receive_uplink(message, now)
            case Interface.S5U:
                unknown = self._user.receive_downlink(message, now)
            case Interface.S11 | Interface.S5C:
                self._control.receive(message, now)
                self._work(now)
                return
            case _:
                self._control.ignored += 1
                logger.warning("SGW: %s from %s is not for an SGW", message.interface, message.source)
                return
        if unknown is not None:
            self._tunnel_unknown(unknown, now)

    def messages_to_send(self) -> list[Message]:
        """Messages to send now; each is returned once."""
        user, self._user.outgoing = self._user.outgoing, []
        control = self._control.messages_to_send()
        return control + user if control else user

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called next, None for not at all."""
        times = [time for time in (self._control.next_timer(), self._user.endpoint.next_timer()) if time is not None]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Repeat requests, supervise paths."""
        self._control.handle_timers(now)
        self._work(now)
        for interface, address in self._user.endpoint.handle_timers(now):
            if interface is Interface.S1U:
                self._sessions.enb_lost(address, now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return self._contexts.tables() | self._control.tables() | self._user.endpoint.tables()

    def counters(self) -> dict[str, int]:
        """What has passed, what was dropped and what was refused, by name."""
        return self._user.counters() | {
            "malformed control messages": self._control.malformed,
            "ignored control messages": self._control.ignored,
            "paths down": self._control.paths_down,
            "data notifications": self._paging.sent,
        }

    def _work(self, now: int) -> None:
        while (event := self._control.next_event()) is not None:
            dispatch(event, self._sessions, self._bearers, self._paging, self._control, now)

    def _tunnel_unknown(self, unknown: TunnelUnknown, now: int) -> None:
        interface, address = unknown.peer
        if interface is Interface.S1U:
            self._paging.enb_forgot(address, unknown.teid, now)
        else:
            self._bearers.pgw_forgot(address, unknown.teid, now)

    def _remote_teid(self, interface: Interface, teid: int) -> int:
        if interface is Interface.S11:
            ue = self._contexts.by_s11.get(teid)
            return 0 if ue is None else ue.mme_teid
        pdn = self._contexts.by_s5c.get(teid)
        return 0 if pdn is None else pdn.pgw_teid
