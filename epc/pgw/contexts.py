"""What the PGW knows: PDN connections, their bearers, and where to find each of them."""

import random
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from picocell.epc.interfaces.gtpv2c_ies import Ambr, BearerQos
from picocell.epc.interfaces.teids import TeidAllocator
from picocell.rrc_nas.nas.tft import Direction, PacketFilter, downlink_flow


@dataclass(slots=True)
class Usage:
    """Packets and bytes that have passed."""

    uplink_packets: int = 0
    uplink_bytes: int = 0
    downlink_packets: int = 0
    downlink_bytes: int = 0

    def add(self, other: "Usage") -> None:
        """Add another count to this one."""
        self.uplink_packets += other.uplink_packets
        self.uplink_bytes += other.uplink_bytes
        self.downlink_packets += other.downlink_packets
        self.downlink_bytes += other.downlink_bytes


@dataclass(slots=True, eq=False)
class Bearer:
    """One EPS bearer at the PGW.

    Attributes:
        ebi: 0 while the MME has not given it one.
        teid: own end of the tunnel, 4 bytes.
        sgw_teid, sgw_address: far end; without an address nothing can be sent.
        filters: of a dedicated bearer.
    """

    ebi: int
    session: "Session"
    qos: BearerQos
    teid: bytes
    charging_id: int
    sgw_teid: bytes = b""
    sgw_address: str | None = None
    filters: tuple[PacketFilter, ...] = ()
    usage: Usage = field(default_factory=Usage)


@dataclass(slots=True, eq=False)
class Session:
    """One PDN connection.

    Attributes:
        ebi: of the default bearer.
        address: the phone's; ``packed`` as packets have it.
        teid: own TEID of control.
        sgw_teid, sgw_address: the SGW's end of control.
        bearers: by EBI.
        unnamed: dedicated bearers that are not confirmed yet.
        filters: those of all dedicated bearers for the downlink, by precedence.
        alive: False once it is deleted.
    """

    imsi: str
    ebi: int
    apn: str
    address: IPv4Address
    teid: int
    sgw_teid: int
    sgw_address: str
    ambr: Ambr | None
    packed: bytes = b""
    bearers: dict[int, Bearer] = field(default_factory=dict)
    unnamed: list[Bearer] = field(default_factory=list)
    filters: list[tuple[PacketFilter, Bearer]] = field(default_factory=list)
    default: Bearer | None = None
    alive: bool = True

    def bearer_for(self, packet: bytes) -> Bearer | None:
        """The bearer of a packet to the phone: that of the first filter that matches, else the default one."""
        if self.filters:
            flow = downlink_flow(packet)
            for each, bearer in self.filters:
                if each.matches(flow):
                    return bearer
        return self.default

    def sort_filters(self) -> None:
        """Take up the filters of the bearers that are there now."""
        pairs = [(each, bearer) for bearer in self.bearers.values() for each in bearer.filters]
        wanted = [pair for pair in pairs if pair[0].direction is not Direction.UPLINK]
        self.filters = sorted(wanted, key=lambda pair: pair[0].precedence)


class Contexts:
    """All tables of the PGW; nothing else adds to them or takes from them."""

    def __init__(self, rng: random.Random | None) -> None:
        self._teids = TeidAllocator(rng)
        self.by_teid: dict[int, Session] = {}
        self.by_phone: dict[tuple[str, int], Session] = {}
        self.by_address: dict[bytes, Session] = {}
        self.uplink: dict[bytes, Bearer] = {}
        self.sgw_ends: dict[tuple[str, bytes], Bearer] = {}
        self.past: dict[int, Usage] = {}
        self._charging_id = 0

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return {
            "sessions by TEID": len(self.by_teid),
            "sessions by phone": len(self.by_phone),
            "sessions by address": len(self.by_address),
            "bearers by TEID": len(self.uplink),
            "SGW ends": len(self.sgw_ends),
            "TEIDs": len(self._teids),
        }

    def usage(self) -> dict[int, Usage]:
        """What has passed so far by QCI."""
        total = {qci: Usage() for qci in Counter((*self.past, *(b.qos.qci for b in self.uplink.values())))}
        for qci, usage in self.past.items():
            total[qci].add(usage)
        for bearer in self.uplink.values():
            total[bearer.qos.qci].add(bearer.usage)
        return total

    def add_session(
        self, imsi: str, ebi: int, apn: str, address: IPv4Address, sgw: tuple[str, int], ambr: Ambr | None
    ) -> Session:
        """A new PDN connection."""
        teid = self._teids.allocate()
        session = Session(imsi, ebi, apn, address, teid, sgw[1], sgw[0], ambr, address.packed)
        self.by_teid[teid] = self.by_phone[imsi, ebi] = self.by_address[session.packed] = session
        return session

    def add_bearer(self, session: Session, ebi: int, qos: BearerQos, filters: tuple[PacketFilter, ...] = ()) -> Bearer:
        """A new bearer; with EBI 0 one that has no identity yet."""
        self._charging_id = self._charging_id % 0xFFFFFFFF + 1
        teid = self._teids.allocate().to_bytes(4, "big")
        bearer = Bearer(ebi, session, qos, teid, self._charging_id, filters=filters)
        self.uplink[teid] = bearer
        if ebi:
            session.bearers[ebi] = bearer
        else:
            session.unnamed.append(bearer)
        if ebi == session.ebi:
            session.default = bearer
        return bearer

    def name_bearer(self, bearer: Bearer, ebi: int) -> None:
        """A dedicated bearer has its identity; its filters count from now on."""
        session = bearer.session
        session.unnamed.remove(bearer)
        bearer.ebi = ebi
        session.bearers[ebi] = bearer
        session.sort_filters()

    def set_sgw(self, bearer: Bearer, address: str | None, teid: bytes) -> None:
        """The SGW's end of a bearer has changed."""
        if bearer.sgw_address is not None:
            self.sgw_ends.pop((bearer.sgw_address, bearer.sgw_teid), None)
        bearer.sgw_address, bearer.sgw_teid = address, teid
        if address is not None:
            self.sgw_ends[address, teid] = bearer

    def drop_bearer(self, bearer: Bearer) -> None:
        """Forget a bearer."""
        session = bearer.session
        self.set_sgw(bearer, None, b"")
        if self.uplink.pop(bearer.teid, None) is None:
            return
        self._teids.release(int.from_bytes(bearer.teid, "big"))
        self.past.setdefault(bearer.qos.qci, Usage()).add(bearer.usage)
        if bearer in session.unnamed:
            session.unnamed.remove(bearer)
        if session.bearers.get(bearer.ebi) is bearer:
            del session.bearers[bearer.ebi]
        if session.default is bearer:
            session.default = None
        session.sort_filters()

    def drop_session(self, session: Session) -> None:
        """Forget a PDN connection with its bearers."""
        for bearer in [*session.bearers.values(), *session.unnamed]:
            self.drop_bearer(bearer)
        if self.by_teid.pop(session.teid, None) is not None:
            self._teids.release(session.teid)
        if self.by_phone.get((session.imsi, session.ebi)) is session:
            del self.by_phone[session.imsi, session.ebi]
        if self.by_address.get(session.packed) is session:
            del self.by_address[session.packed]
        session.alive = False
