"""What the SGW knows: phones, their PDN connections, the bearers of these, and where to find each of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from picocell.epc.interfaces.gtpv2c_ies import BearerQos
from picocell.epc.interfaces.teids import TeidAllocator
from picocell.epc.sgw.downlink_buffer import DownlinkBuffer


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The far end of a tunnel: its TEID as the header has it, and its node's address."""

    teid: bytes
    address: str


@dataclass(slots=True, eq=False)
class Bearer:
    """One EPS bearer at the SGW.

    Attributes:
        ebi: its identity, 0 while the MME has not given it one.
        s1u_teid, s5u_teid: own ends of its tunnels, 4 bytes.
        enb, pgw: far ends; without ``enb`` the phone is idle.
    """

    ebi: int
    pdn: "Pdn"
    qos: BearerQos | None
    s1u_teid: bytes
    s5u_teid: bytes
    enb: Tunnel | None = None
    pgw: Tunnel | None = None


@dataclass(slots=True, eq=False)
class Pdn:
    """One PDN connection.

    Attributes:
        ebi: of its default bearer.
        s5c_teid: own TEID towards the PGW.
        pgw_address, pgw_teid: the PGW's end; the TEID is 0 until it has answered.
        bearers: by EBI.
        unnamed: dedicated bearers that the MME has not yet confirmed.
        alive: False once the connection is deleted here.
    """

    ue: "Ue"
    ebi: int
    s5c_teid: int
    pgw_address: str
    pgw_teid: int = 0
    bearers: dict[int, Bearer] = field(default_factory=dict)
    unnamed: list[Bearer] = field(default_factory=list)
    alive: bool = True


@dataclass(slots=True, eq=False)
class Ue:
    """One phone.

    Attributes:
        s11_teid: own TEID towards the MME.
        mme_address, mme_teid: the MME's end.
        pdns: by the EBI of the default bearer.
        notified_until: no further Downlink Data Notification is sent before this time; None for at once.
    """

    imsi: str
    s11_teid: int
    mme_address: str
    mme_teid: int
    buffer: DownlinkBuffer
    pdns: dict[int, Pdn] = field(default_factory=dict)
    notified_until: int | None = None

    def bearers(self) -> Iterator[Bearer]:
        """All bearers of the phone."""
        for pdn in self.pdns.values():
            yield from pdn.bearers.values()

    def bearer(self, ebi: int) -> Bearer | None:
        """The bearer of an identity, None where there is none."""
        return next((bearer for bearer in self.bearers() if bearer.ebi == ebi), None)


class Contexts:
    """All tables of the SGW; nothing else adds to them or takes from them."""

    def __init__(self, rng: random.Random | None) -> None:
        self._teids = TeidAllocator(rng)
        self.by_s11: dict[int, Ue] = {}
        self.by_imsi: dict[str, Ue] = {}
        self.by_s5c: dict[int, Pdn] = {}
        self.uplink: dict[bytes, Bearer] = {}
        self.downlink: dict[bytes, Bearer] = {}
        self.enb_ends: dict[Tunnel, Bearer] = {}
        self.pgw_ends: dict[Tunnel, Bearer] = {}

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return {
            "phones by S11 TEID": len(self.by_s11),
            "phones by IMSI": len(self.by_imsi),
            "PDN connections": len(self.by_s5c),
            "bearers by S1-U TEID": len(self.uplink),
            "bearers by S5-U TEID": len(self.downlink),
            "eNB ends": len(self.enb_ends),
            "PGW ends": len(self.pgw_ends),
            "TEIDs": len(self._teids),
            "buffered packets": sum(len(ue.buffer) for ue in self.by_s11.values()),
        }

    def add_ue(self, imsi: str, mme_address: str, mme_teid: int, buffer: DownlinkBuffer) -> Ue:
        """A new phone."""
        ue = Ue(imsi, self._teids.allocate(), mme_address, mme_teid, buffer)
        self.by_s11[ue.s11_teid] = self.by_imsi[imsi] = ue
        return ue

    def add_pdn(self, ue: Ue, ebi: int, pgw_address: str) -> Pdn:
        """A new PDN connection of a phone."""
        pdn = Pdn(ue, ebi, self._teids.allocate(), pgw_address)
        self.by_s5c[pdn.s5c_teid] = ue.pdns[ebi] = pdn
        return pdn

    def add_bearer(self, pdn: Pdn, ebi: int, qos: BearerQos | None) -> Bearer:
        """A new bearer; with EBI 0 one that has no identity yet."""
        s1u, s5u = (self._teids.allocate().to_bytes(4, "big") for _ in range(2))
        bearer = Bearer(ebi, pdn, qos, s1u, s5u)
        self.uplink[s1u] = self.downlink[s5u] = bearer
        if ebi:
            pdn.bearers[ebi] = bearer
        else:
            pdn.unnamed.append(bearer)
        return bearer

    def name_bearer(self, bearer: Bearer, ebi: int) -> None:
        """The MME gave a dedicated bearer its identity."""
        bearer.pdn.unnamed.remove(bearer)
        bearer.ebi = ebi
        bearer.pdn.bearers[ebi] = bearer

    def set_enb(self, bearer: Bearer, end: Tunnel | None) -> None:
        """The eNB's end of a bearer has changed."""
        if bearer.enb is not None and self.enb_ends.get(bearer.enb) is bearer:
            del self.enb_ends[bearer.enb]
        bearer.enb = end
        if end is not None:
            self.enb_ends[end] = bearer

    def set_pgw(self, bearer: Bearer, end: Tunnel | None) -> None:
        """The PGW's end of a bearer has changed."""
        if bearer.pgw is not None and self.pgw_ends.get(bearer.pgw) is bearer:
            del self.pgw_ends[bearer.pgw]
        bearer.pgw = end
        if end is not None:
            self.pgw_ends[end] = bearer

    def drop_bearer(self, bearer: Bearer) -> None:
        """Forget a bearer."""
        self.set_enb(bearer, None)
        self.set_pgw(bearer, None)
        for table, teid in ((self.uplink, bearer.s1u_teid), (self.downlink, bearer.s5u_teid)):
            if table.pop(teid, None) is not None:
                self._teids.release(int.from_bytes(teid, "big"))
        if bearer in bearer.pdn.unnamed:
            bearer.pdn.unnamed.remove(bearer)
        if bearer.pdn.bearers.get(bearer.ebi) is bearer:
            del bearer.pdn.bearers[bearer.ebi]

    def drop_pdn(self, pdn: Pdn) -> None:
        """Forget a PDN connection with its bearers."""
        for bearer in [*pdn.bearers.values(), *pdn.unnamed]:
            self.drop_bearer(bearer)
        if self.by_s5c.pop(pdn.s5c_teid, None) is not None:
            self._teids.release(pdn.s5c_teid)
        if pdn.ue.pdns.get(pdn.ebi) is pdn:
            del pdn.ue.pdns[pdn.ebi]
        pdn.alive = False

    def drop_ue(self, ue: Ue) -> None:
        """Forget a phone, which has no PDN connection any more."""
        if self.by_s11.pop(ue.s11_teid, None) is not None:
            self._teids.release(ue.s11_teid)
        if self.by_imsi.get(ue.imsi) is ue:
            del self.by_imsi[ue.imsi]
