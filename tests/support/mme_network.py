"""A home network, gateways and an eNB that answer `MmeNas` at once, and a `UeNas` at the other end."""

import random
from collections.abc import Iterator
from typing import Any

from picocell.rrc_nas.nas import codec, ue_events
from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas.ies import Plmn, Tai
from picocell.rrc_nas.nas.mme import MmeNas
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.security import aka, keys
from picocell.rrc_nas.security.algorithms import Direction
from picocell.rrc_nas.security.milenage import Milenage
from picocell.rrc_nas.security.usim import Usim

IMSI = "001010123456780"
K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
PLMN = Plmn("001", "01")
SUBSCRIPTION = ev.Subscription(
    (
        ev.ApnSubscription("internet", qci=9, ambr=ev.Ambr(100_000_000, 50_000_000)),
        ev.ApnSubscription("ims", qci=5),
        ev.ApnSubscription("six", pdn_type="ipv6"),
        ev.ApnSubscription("both", pdn_type="ipv4v6"),
    )
)


class Network:
    """An MME's NAS for one phone, with everything around it.

    Attributes:
        sent: NAS PDUs to the phone that nobody has taken yet.
        log: every other event, in order.
        answers: answers by kind of event that replace the usual one; None: no answer.
    """

    def __init__(self, settings: MmeNasSettings | None = None, *, sqn: int = 32, k: bytes = K) -> None:
        self.settings = settings or MmeNasSettings(dns=("8.8.8.8",), mtu=1400, tacs=(7,))
        tmsis = iter(range(0xC0000001, 0xC0001000))
        self.nas = MmeNas(self.settings, lambda: next(tmsis), random.Random(2))
        self.functions = Milenage(k, OPC)
        self.sqn = sqn
        self.sent: list[bytes] = []
        self.log: list[Any] = []
        self.answers: dict[type, Any] = {}
        self.now = 0
        self.tac = 7

    def vector(self, resync: tuple[bytes, bytes] | None = None) -> ev.EpsVector:
        """The home network's next vector."""
        if resync is not None:
            self.sqn = aka.resynchronised(self.sqn, aka.check_auts(self.functions, *resync))
        self.sqn = aka.next_sqn(self.sqn)
        rand = random.Random(self.sqn).randbytes(16)
        made = aka.build_vector(self.functions, rand, self.sqn, b"\x80\x00")
        k_asme = keys.k_asme(made.ck, made.ik, keys.sn_id(*PLMN), made.sqn_xor_ak)
        return ev.EpsVector(rand, made.xres, made.autn, k_asme)

    def receive(self, pdu: bytes, *, initial: bool = False) -> None:
        """An uplink message."""
        self.nas.receive(pdu, self.now, initial=initial, tai=Tai(PLMN, self.tac), rrc_establishment_cause="mo-Data")
        self.run()

    def run(self) -> None:
        """Answer events until there is none."""
        while (event := self.nas.next_event()) is not None:
            self._handle(event)

    def _handle(self, event: ev.Event) -> None:
        nas, now = self.nas, self.now
        kind = type(event)
        if not isinstance(event, ev.SendNas):
            self.log.append(event)
        match event:
            case ev.SendNas(pdu=pdu):
                self.sent.append(pdu)
            case ev.InitialContextSetup() | ev.ErabSetup():
                self.sent += [erab.nas for erab in event.erabs if erab.nas is not None]
                if isinstance(event, ev.InitialContextSetup) and event.nas is not None:
                    self.sent.append(event.nas)
                if isinstance(event, ev.InitialContextSetup) and self.answers.get(kind, True) is not None:
                    nas.s1_context_ready(now, [erab.erab_id for erab in event.erabs])
            case ev.ErabModify(erab=erab) if erab.nas is not None:
                self.sent.append(erab.nas)
            case ev.ErabRelease(nas=pdu) if pdu is not None:
                self.sent.append(pdu)
            case ev.GetAuthVectors():
                answer = self.answers.get(kind, [self.vector(event.resync)])
                if answer is not None:
                    nas.auth_vectors(answer, now)
            case ev.UpdateLocation():
                answer = self.answers.get(kind, SUBSCRIPTION)
                if answer is not None:
                    nas.subscription(answer, now)
            case ev.CreateSession():
                usual = ev.Session(
                    ipv4=bytes([172, 16, 0, event.ebi]),
                    qci=event.qci,
                    arp=event.arp,
                    ambr=event.ambr,
                    s1u_address="127.0.0.9",
                    s1u_teid=event.ebi,
                )
                answer = self.answers.get(kind, usual)
                if answer is not None:
                    nas.session_created(event.ebi, answer, now)
            case ev.DeleteSession(ebi=ebi):
                if self.answers.get(kind, True) is not None:
                    nas.session_deleted(ebi, now)
            case _:
                pass

    def taken(self, kind: type) -> list[Any]:
        """Events of one kind so far."""
        return [event for event in self.log if isinstance(event, kind)]

    def advance(self, ms: int) -> None:
        """Let time pass, timers acting when they end."""
        end = self.now + ms
        while (timer := self.nas.next_timer()) is not None and timer <= end:
            self.now = max(self.now, timer)
            self.nas.handle_timers(self.now)
            self.run()
        self.now = end

    def plain(self) -> list[codec.NasMessage]:
        """The messages to the phone, taken, without security header (ciphered with EEA0 or not at all)."""
        pdus, self.sent = self.sent, []
        return [codec.decode(pdu if pdu[0] == 7 else pdu[6:], Direction.DOWNLINK) for pdu in pdus]


class Pair:
    """A phone and its network, the radio between them perfect."""

    def __init__(self, network: Network | None = None, **phone: Any) -> None:
        self.network = network or Network()
        imsi, k = phone.pop("imsi", IMSI), phone.pop("k", K)
        usim = Usim(imsi, k, opc=OPC, sqn=phone.pop("sqn", aka.SqnArray()))
        self.ue = UeNas(usim, imeisv="3534900698733190", rng=random.Random(3), **phone)
        self.ue.cell(PLMN, 7, 0x19B01, 0)
        self.log: list[Any] = []
        self.k_enb: bytes | None = None
        self.lost_downlink = False
        self._seen: dict[type, int] = {}

    @property
    def now(self) -> int:
        """Absolute millisecond at both ends."""
        return self.network.now

    def run(self) -> None:
        """Carry messages until both ends are silent."""
        while self._uplink() or self._downlink() or self._releases():
            pass

    def _uplink(self) -> bool:
        moved = False
        while (event := self.ue.next_event()) is not None:
            moved = True
            self.log.append(event)
            match event:
                case ue_events.Connect(nas=pdu):
                    self.ue.connection_established(self.now)
                    self.network.receive(pdu, initial=True)
                case ue_events.SendNas(pdu=pdu):
                    self.network.receive(pdu)
                case ue_events.KeysReady(k_enb=k_enb):
                    self.k_enb = k_enb
        return moved

    def _downlink(self) -> bool:
        self.network.run()
        pdus, self.network.sent = self.network.sent, []
        for pdu in pdus if not self.lost_downlink else ():
            self.ue.receive(pdu, self.now)
        contexts = list(self._new(ev.InitialContextSetup))
        for event in contexts:
            for erab in event.erabs:
                self.ue.drb_established(erab.erab_id, self.now)
        return bool(pdus or contexts)

    def _releases(self) -> bool:
        released = False
        for _ in self._new(ev.ReleaseConnection):
            self.release()
            released = True
        return released

    def release(self) -> None:
        """The connection between them goes."""
        self.network.nas.s1_released(self.now)
        self.ue.connection_released(self.now)

    def moved_to(self, network: Network) -> None:
        """The phone meets another network that knows nothing of it."""
        self.network = network
        self._seen.clear()

    def _new(self, kind: type) -> Iterator[Any]:
        events = self.network.taken(kind)
        fresh = events[self._seen.get(kind, 0) :]
        self._seen[kind] = len(events)
        yield from fresh

    def attach(self) -> None:
        """Switch on and attach."""
        self.ue.switch_on(self.now)
        self.run()

    def phone(self, kind: type) -> list[Any]:
        """The phone's events of one kind so far."""
        return [event for event in self.log if isinstance(event, kind)]
