"""The packet data network gateway: S5/S8 towards the SGW, SGi towards the Internet (TS 23.401 4.4.3.3).

An object without a socket or a clock: it is handed messages, packets and the time in milliseconds, and drained with
`messages_to_send`, `sgi_packets` and `next_event`.
"""

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from picocell.epc.interfaces.gtpv2c_endpoint import ControlEndpoint
from picocell.epc.interfaces.gtpv2c_ies import Ambr, BearerQos
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.pgw.contexts import Contexts, Session, Usage
from picocell.epc.pgw.events import Event
from picocell.epc.pgw.pool import AddressPool
from picocell.epc.pgw.sessions import Offer, SessionProcedures
from picocell.epc.pgw.user_plane import UserPlane
from picocell.rrc_nas.nas import tft
from picocell.rrc_nas.nas.tft import PacketFilter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgwSettings:
    """Settings of a gateway.

    Attributes:
        reserved: addresses of the pool that are given out only as static ones.
        rest_ms: how long an address rests before another phone gets it.
        max_ambr: kbit/s that no phone gets more of at an APN; None for no bound.
        hairpin: packets from phone to phone turn round here and do not reach SGi.
        ping: the pool's first address, the gateway's, answers pings.
        t3_ms, n3: T3-RESPONSE and N3-REQUESTS of GTPv2-C.
        echo_interval_ms: time between echoes on a path in use.
        recovery: restart counter, 0 to 255.
    """

    reserved: tuple[str, ...] = ()
    rest_ms: int = 60_000
    max_ambr: Ambr | None = None
    hairpin: bool = True
    ping: bool = True
    t3_ms: int = 3000
    n3: int = 3
    echo_interval_ms: int = 60_000
    recovery: int = 0


class Pgw:
    """Packet data network gateway."""

    def __init__(
        self,
        address: str,
        pool: str = "172.16.0.0/24",
        apns: Sequence[str] = ("internet",),
        dns: Iterable[str] = ("8.8.8.8", "8.8.4.4"),
        mtu: int = 1500,
        *,
        settings: PgwSettings | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Start without sessions.

        Args:
            address: IPv4 address of this node on S5/S8.
            pool: network of the phones' addresses.
            apns: names of the access points; ``*`` takes any.
            dns: servers that phones are told.
            mtu: bytes of the largest packet that phones are told to send, 576 to 65535.
            settings: see `PgwSettings`.
            rng: source of the first TEID, which is 1 without.

        Raises:
            ValueError: an argument that is not allowed.
        """
        if not apns or not 576 <= mtu <= 0xFFFF:
            raise ValueError(f"APNs {list(apns)}, MTU {mtu}; allowed are one APN or more, and 576 to 65535 bytes")
        settings = settings or PgwSettings()
        self.address = address
        self.pool = AddressPool(pool, reserved=settings.reserved, rest_ms=settings.rest_ms)
        self._contexts = Contexts(rng)
        self._control = ControlEndpoint(
            address,
            self._remote_teid,
            recovery=settings.recovery,
            t3_ms=settings.t3_ms,
            n3=settings.n3,
            echo_interval_ms=settings.echo_interval_ms,
        )
        self._user = UserPlane(address, self._contexts, self.pool.gateway, hairpin=settings.hairpin, ping=settings.ping)
        offer = Offer(tuple(apns), tuple(IPv4Address(server) for server in dns), mtu, settings.max_ambr)
        self._sessions = SessionProcedures(address, self._contexts, self._control, self._user, self.pool, offer)

    def receive(self, message: Message, now: int) -> None:
        """Take a message; what is malformed or unknown is answered and counted."""
        if message.interface is Interface.S5U:
            unknown = self._user.receive(message, now)
            if unknown is not None:
                self._sessions.sgw_forgot(unknown.peer[1], unknown.teid, now)
        elif message.interface is Interface.S5C:
            self._control.receive(message, now)
            self._sessions.work(now)
        else:
            self._control.ignored += 1
            logger.warning("PGW: %s from %s is not for a PGW", message.interface, message.source)

    def messages_to_send(self) -> list[Message]:
        """Messages to send now; each is returned once."""
        user, self._user.outgoing = self._user.outgoing, []
        control = self._control.messages_to_send()
        return control + user if control else user

    def sgi_packets(self) -> list[bytes]:
        """IPv4 packets of phones to the Internet; each is returned once."""
        out, self._user.sgi = self._user.sgi, []
        return out

    def send_sgi(self, packet: bytes, now: int) -> bool:
        """An IPv4 packet from the Internet; False where no phone has its destination."""
        return self._user.send(packet, now)

    def next_event(self) -> Event | None:
        """The next event, None where there is none."""
        return self._sessions.events.popleft() if self._sessions.events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called next, None for not at all."""
        times = [time for time in (self._control.next_timer(), self._user.endpoint.next_timer()) if time is not None]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Repeat requests, supervise paths."""
        self._control.handle_timers(now)
        self._sessions.work(now)
        self._user.endpoint.handle_timers(now)

    def create_dedicated_bearer(
        self,
        address: str,
        qci: int,
        filters: Sequence[PacketFilter],
        now: int,
        *,
        qos: BearerQos | None = None,
    ) -> None:
        """Start a dedicated bearer for the phone of an address; what comes of it is an event.

        Args:
            address: the phone's.
            qci: its class.
            filters: which packets belong to it.
            now: the time.
            qos: priority and bit rates, in place of those of the default bearer; its QCI does not count.

        Raises:
            ValueError: no phone has the address, or the filters are not allowed.
        """
        session = self._session(address)
        default = session.default
        basis = qos or (default.qos if default is not None else BearerQos(qci, 8))
        template = tft.pack(filters)
        self._sessions.create_bearer(session, replace(basis, qci=qci), tuple(filters), template, now)

    def delete_dedicated_bearer(self, address: str, ebi: int, now: int) -> None:
        """End a dedicated bearer.

        Raises:
            ValueError: there is no such bearer.
        """
        session = self._session(address)
        if ebi not in session.bearers or ebi == session.ebi:
            raise ValueError(f"{address} has no dedicated bearer {ebi}; it has {sorted(session.bearers)}")
        self._sessions.delete_bearer(session.bearers[ebi], now)

    def disconnect(self, address: str, now: int) -> None:
        """End the PDN connection of an address.

        Raises:
            ValueError: no phone has the address.
        """
        self._sessions.disconnect(self._session(address), now)

    def address_of(self, imsi: str, ebi: int = 5) -> IPv4Address | None:
        """Address of a phone's PDN connection, None where there is none."""
        session = self._contexts.by_phone.get((imsi, ebi))
        return None if session is None else session.address

    def usage(self) -> dict[int, Usage]:
        """What has passed so far, by QCI."""
        return self._contexts.usage()

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return (
            self._contexts.tables()
            | {"addresses": len(self.pool)}
            | self._control.tables()
            | self._user.endpoint.tables()
        )

    def counters(self) -> dict[str, int]:
        """What was dropped and refused, by name."""
        return self._user.counters() | {
            "malformed control messages": self._control.malformed,
            "ignored control messages": self._control.ignored,
            "paths down": self._control.paths_down,
            "refused sessions": self._sessions.refused,
        }

    def _session(self, address: str) -> Session:
        session = self._contexts.by_address.get(IPv4Address(address).packed)
        if session is None:
            raise ValueError(f"no phone has the address {address}")
        return session

    def _remote_teid(self, _: Interface, teid: int) -> int:
        session = self._contexts.by_teid.get(teid)
        return 0 if session is None else session.sgw_teid
