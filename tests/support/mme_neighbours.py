# ruff: noqa: ARG002
"""An MME's neighbours for tests: scripted NAS, HSS and SGW, and a bench that carries messages between the nodes."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from picocell.enb import s1ap_events as enb_events
from picocell.enb.s1ap import EnbS1ap, EnbS1apSettings
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import gtpv2c, s6a
from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import gtpv2c_transactions as t
from picocell.epc.interfaces.s1ap_values import ErabEnd
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme.mme import Mme
from picocell.epc.mme.settings import MmeSettings
from picocell.rrc_nas.nas import mme_events as nas
from picocell.rrc_nas.nas.ies import Guti, Plmn
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings

MME, HSS, SGW, PGW = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
ENB, ENB_2 = "10.0.1.1", "10.0.1.2"
IMSI = "001010123456780"
K_ENB = bytes(range(32))
NAS_SETTINGS = MmeNasSettings(mme_group_id=256, mme_code=26, tacs=(7,))


@dataclass
class Identities:
    """The GUTIs of `ScriptedNas`."""

    guti: Guti | None = None
    old_guti: Guti | None = None


class ScriptedNas:
    """A NAS of plain words: ``attach IMSI``, ``complete``, ``service``, ``update``, ``detach``, ``accept EBI``."""

    def __init__(self, allocate_m_tmsi: Any) -> None:
        self.context = Identities()
        self.log: list[tuple[Any, ...]] = []
        self.imsi = ""
        self.registered = False
        self.sessions: dict[int, nas.Session] = {}
        self.bearers: set[int] = set()
        self.timer: int | None = None
        self._allocate = allocate_m_tmsi
        self._events: deque[nas.Event] = deque()
        self._waiting: list[nas.Event] = []
        self._connected = False

    def receive(
        self,
        pdu: bytes,
        now: int,
        *,
        initial: bool = False,
        tai: Any = None,
        ecgi: Any = None,
        rrc_establishment_cause: str | None = None,
        data_waits: bool = False,
    ) -> None:
        self.log.append(("receive", pdu, initial, tai, ecgi, rrc_establishment_cause))
        self._connected = True
        word, _, rest = pdu.partition(b" ")
        if word == b"attach" and rest.isdigit():
            self._attach(rest.decode()[:15])
        elif word == b"complete" and self.context.guti is not None:
            self.registered = True
            self._emit(nas.BearerActivated(5, 5), nas.Registered(self.imsi, self.context.guti))
        elif word == b"service" and self.registered:
            self._emit(self._setup(b""))
        elif word == b"update" and self.registered:
            self._emit(nas.SendNas(b"updated"))
        elif word == b"detach":
            self._drop("by the phone")
            self._emit(nas.ReleaseConnection("detach"))
        elif word == b"accept" and rest.isdigit():
            self._emit(nas.BearerActivated(int(rest), 5))
        elif word == b"gone" and rest.isdigit():
            self.bearers.discard(int(rest))
            self._emit(nas.BearerDeactivated(int(rest)))
        elif not self.registered:
            self._emit(nas.SendNas(b"reject"), nas.ReleaseConnection())

    def next_event(self) -> nas.Event | None:
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        return self.timer

    def handle_timers(self, now: int) -> None:
        self.log.append(("timers", now))
        self.timer = None

    def auth_vectors(self, vectors: Sequence[nas.AuthVector] | int, now: int) -> None:
        self.log.append(("vectors", vectors))
        if isinstance(vectors, int):
            self._emit(nas.SendNas(b"reject"), nas.Refused("attach", vectors, "cause", self.imsi))
            self._emit(nas.ReleaseConnection())
        else:
            self._emit(nas.UpdateLocation(self.imsi))

    def subscription(self, data: nas.Subscription | int, now: int) -> None:
        self.log.append(("subscription", data))
        if isinstance(data, int):
            self._emit(nas.SendNas(b"reject"), nas.ReleaseConnection())
            return
        apn = data.apns[0]
        ambr = apn.ambr or data.ambr
        self._emit(nas.CreateSession(5, self.imsi, apn.apn, apn.pdn_type, apn.qci, apn.arp, ambr, b"\x80"))

    def session_created(self, ebi: int, session: nas.Session | int, now: int) -> None:
        self.log.append(("session", ebi, session))
        if isinstance(session, int):
            self._emit(nas.SendNas(b"reject"), nas.ReleaseConnection())
            return
        self.sessions[ebi] = session
        self.context.guti = Guti(Plmn("001", "01"), 256, 26, self._allocate())
        self._emit(self._setup(b"attach accept"))

    def session_deleted(self, ebi: int, now: int) -> None:
        self.log.append(("deleted", ebi))

    def s1_context_ready(self, now: int, erabs: Sequence[int] = (), failed: Sequence[int] = ()) -> None:
        self.log.append(("ready", tuple(erabs), tuple(failed)))
        self._emit(*self._waiting)
        self._waiting.clear()

    def s1_context_failed(self, now: int) -> None:
        self.log.append(("failed",))

    def s1_released(self, now: int) -> None:
        self.log.append(("released",))
        self._connected = False
        if not self.registered:
            self._drop("connection lost")

    def erabs_set_up(self, ok: Sequence[int], failed: Sequence[int], now: int) -> None:
        self.log.append(("erabs", tuple(ok), tuple(failed)))
        for ebi in failed:
            self.bearers.discard(ebi)
            self._emit(nas.BearerRejected(ebi, 0))

    def paging_failed(self, now: int) -> None:
        self.log.append(("paging failed",))
        self._waiting.clear()

    def detach(self, now: int, *, reattach: bool = False, cause: int | None = None) -> None:
        self.log.append(("detach", reattach, cause))
        if not self._connected:
            self._emit(nas.Page("a detach"))
            return
        self._emit(nas.SendNas(b"detach request"))
        self._drop("by the network")
        self._emit(nas.ReleaseConnection("detach"))

    def activate_bearer(
        self, linked_ebi: int, qos: nas.BearerQos, tft: bytes, now: int, *, s1u_address: str = "", s1u_teid: int = 0
    ) -> int:
        if not self.registered or linked_ebi not in self.sessions:
            raise ValueError("no such PDN connection")
        ebi = max({5, *self.bearers}) + 1
        self.bearers.add(ebi)
        erab = nas.Erab(ebi, qos.qci, qos.arp, s1u_address, s1u_teid, b"activate", qos.mbr, qos.gbr)
        if self._connected:
            self._emit(nas.ErabSetup((erab,)))
        else:
            self._waiting.append(nas.ErabSetup((erab,)))
            self._emit(nas.Page("a bearer"))
        return ebi

    def deactivate_bearer(self, ebi: int, now: int) -> None:
        if ebi not in self.bearers:
            raise ValueError("no such bearer")
        self._emit(nas.ErabRelease((ebi,), b"deactivate"))

    def _attach(self, imsi: str) -> None:
        if self.registered:
            self._drop("attached anew")
        self.imsi = imsi
        self._emit(nas.IdentityKnown(imsi, None), nas.GetAuthVectors(imsi, b"\x00\xf1\x10"))

    def _setup(self, pdu: bytes) -> nas.InitialContextSetup:
        erabs = tuple(
            nas.Erab(ebi, session.qci, session.arp, session.s1u_address, session.s1u_teid, pdu or None)
            for ebi, session in self.sessions.items()
        )
        return nas.InitialContextSetup(K_ENB, 0xC000, 0xC000, nas.Ambr(10**9, 10**9), erabs)

    def _drop(self, reason: str) -> None:
        for ebi in self.sessions:
            self._emit(nas.DeleteSession(ebi))
        self.sessions.clear()
        self.bearers.clear()
        if self.registered:
            self._emit(nas.Deregistered(reason))
        self.registered = False

    def _emit(self, *events: nas.Event) -> None:
        self._events.extend(events)


class ScriptedHss:
    """Answers by what its attributes say; ``silent`` holds the commands that it does not answer."""

    def __init__(self) -> None:
        self.requests: list[s6a.Request] = []
        self.silent: set[int] = set()
        self.result = s6a.Result(s6a.ResultCode.SUCCESS)
        self.out: list[bytes] = []

    def receive(self, data: bytes, now: int) -> None:
        try:
            packet = s6a.decode(data)
        except s6a.DiameterError:  # the MME's answer to a damaged packet names no session
            return
        request = packet.message
        if not isinstance(request, s6a.Request):
            return
        self.requests.append(request)
        if request.COMMAND in self.silent:
            return
        head = {"session_id": request.session_id, "origin_host": "hss", "origin_realm": "r", "result": self.result}
        answer: s6a.Answer
        match request:
            case s6a.AuthenticationInformationRequest():
                vector = s6a.EutranVector(bytes(16), bytes(8), bytes(16), bytes(32))
                answer = s6a.AuthenticationInformationAnswer(**head, vectors=(vector,) if self.result.success else ())
            case s6a.UpdateLocationRequest():
                apn = s6a.ApnConfiguration(context_id=1, apn="internet", qci=9, ambr=g.Ambr(1000, 2000))
                data_ = s6a.Subscription(ambr=g.Ambr(50_000, 100_000), apns=(apn,))
                answer = s6a.UpdateLocationAnswer(**head, subscription=data_ if self.result.success else None)
            case _:
                answer = s6a.PurgeUeAnswer(**head)
        self.out.append(s6a.encode(s6a.Packet(answer, packet.hop_by_hop, packet.end_to_end)))

    def cancel(self, imsi: str, kind: s6a.CancellationType) -> None:
        request = s6a.CancelLocationRequest(
            session_id="s",
            origin_host="hss",
            origin_realm="r",
            destination_realm="m",
            imsi=imsi,
            cancellation_type=kind,
        )
        self.out.append(s6a.encode(s6a.Packet(request, 99, 99)))


class ScriptedSgw:
    """Answers every request; ``silent`` holds the types that it does not answer, ``refuse`` causes by type."""

    def __init__(self) -> None:
        self.transactions = t.Transactions(3000.0, 3)
        self.requests: list[m.Message] = []
        self.answers: list[m.Message] = []
        self.silent: set[type[m.Message]] = set()
        self.refuse: dict[type[m.Message], int] = {}
        self.mme_teids: list[int] = []
        self.sessions: set[int] = set()

    def receive(self, data: bytes, now: int) -> None:
        self.transactions.receive(MME, data, now)
        while (event := self.transactions.next_event()) is not None:
            if isinstance(event, t.RequestReceived):
                self.requests.append(event.packet.message)
                if type(event.packet.message) not in self.silent:
                    self._answer(event, now)
            elif isinstance(event, t.ResponseReceived):
                self.answers.append(event.packet.message)

    def request(self, message: m.Message, now: int, teid: int | None = None) -> None:
        self.transactions.request(MME, message, self.mme_teids[-1] if teid is None else teid, now)

    def of(self, kind: type[m.Message]) -> list[Any]:
        return [message for message in self.requests if isinstance(message, kind)]

    def _answer(self, event: t.RequestReceived, now: int) -> None:
        message = event.packet.message
        cause = g.Cause(self.refuse.get(type(message), 16))
        teid = self.mme_teids[-1] if self.mme_teids else 0
        answer: m.Message
        match message:
            case m.CreateSessionRequest():
                teid = message.sender.teid
                self.mme_teids.append(teid)
                if cause.accepted:
                    self.sessions.add(message.bearer_contexts[0].ebi.value)
                answer = self._created(message, cause)
            case m.ModifyBearerRequest():
                answer = m.ModifyBearerResponse(cause=cause)
            case m.ReleaseAccessBearersRequest():
                answer = m.ReleaseAccessBearersResponse(cause=cause)
            case m.DeleteSessionRequest():
                assert message.linked_ebi is not None
                self.sessions.discard(message.linked_ebi.value)
                answer = m.DeleteSessionResponse(cause=cause)
            case _:
                return
        self.transactions.respond(event, answer, teid, now)

    def _created(self, request: m.CreateSessionRequest, cause: g.Cause) -> m.CreateSessionResponse:
        if not cause.accepted:
            return m.CreateSessionResponse(cause=cause)
        ebi = request.bearer_contexts[0].ebi
        tunnel = g.FTeid(g.Interface.S1U_SGW, 0x100 + ebi.value, IPv4Address(SGW))
        return m.CreateSessionResponse(
            cause=cause,
            sender=g.FTeid(g.Interface.S11_SGW, 0x5000, IPv4Address(SGW)),
            paa=g.Paa(g.PdnKind.IPV4, IPv4Address("172.16.0.2")),
            bearer_contexts=(m.BearerContext(ebi=ebi, cause=cause, f_teids={0: tunnel}),),
        )


class Bench:
    """An MME with scripted neighbours and real eNB ends; `run` carries messages until all are silent."""

    def __init__(self, settings: MmeSettings | None = None, *, n_enbs: int = 1, scripted_nas: bool = True) -> None:
        self.now = 0
        self.nas: list[ScriptedNas] = []
        settings = settings or MmeSettings(nas=NAS_SETTINGS)
        factory = self._new_nas if scripted_nas else None
        self.mme = Mme(settings, MME, HSS, SGW, PGW, random.Random(1), nas_factory=factory)
        self.hss, self.sgw = ScriptedHss(), ScriptedSgw()
        self.enbs = {
            address: EnbS1ap(Identity(), 411 + i, f"enb{i}", address, MME, address, settings=EnbS1apSettings())
            for i, address in enumerate((ENB, ENB_2)[:n_enbs])
        }
        self.events: list[tuple[str, enb_events.Event]] = []
        self.mme_events: list[Any] = []
        self.cut: set[str] = set()
        self.auto = True

    @property
    def enb(self) -> EnbS1ap:
        return self.enbs[ENB]

    def start(self) -> None:
        for enb in self.enbs.values():
            enb.connect(self.now)
        self.run()

    def attach(self, rnti: int = 0x46, imsi: str = IMSI, enb: str = ENB) -> ScriptedNas:
        self.enbs[enb].initial_ue_message(rnti, f"attach {imsi}".encode(), "mo-Signalling", None, None, self.now)
        self.run()
        self.enbs[enb].uplink_nas(rnti, b"complete")
        self.run()
        return self.nas[-1]

    def run(self) -> None:
        """Carry messages until nobody says anything."""
        for _ in range(200):
            if not self.step():
                return
        raise AssertionError("the nodes do not come to rest")

    def step(self) -> bool:
        """Carry the messages that are there, one round; whether there were any."""
        moved = False
        for message in self.mme.messages_to_send():
            moved = True
            if message.interface is Interface.S6A:
                self.hss.receive(message.data, self.now)
            elif message.interface is Interface.S11:
                gtpv2c.decode(message.data)
                self.sgw.receive(message.data, self.now)
            elif message.destination not in self.cut:
                self.enbs[message.destination].receive(message, self.now)
        for address, enb in self.enbs.items():
            for message in enb.messages_to_send():
                moved = True
                if address not in self.cut:
                    self.mme.receive(message, self.now)
            while (event := enb.next_event()) is not None:
                moved = True
                self.events.append((address, event))
                if self.auto:
                    self.serve(enb, event)
        for data in self.hss.out:
            moved = True
            self.mme.receive(Message(Interface.S6A, HSS, MME, data), self.now)
        self.hss.out.clear()
        for _, data in self.sgw.transactions.datagrams_to_send():
            moved = True
            self.mme.receive(Message(Interface.S11, SGW, MME, data), self.now)
        while (mme_event := self.mme.next_event()) is not None:
            self.mme_events.append(mme_event)
        return moved

    def serve(self, enb: EnbS1ap, event: enb_events.Event) -> None:
        """An eNB's own layers, which do all that they are asked."""
        match event:
            case enb_events.InitialContextSetupRequest(rnti=rnti, erabs=erabs):
                ends = [ErabEnd(erab.erab_id, 0x200 + erab.erab_id, enb.gtpu_address) for erab in erabs]
                enb.initial_context_setup_response(rnti, ends)
            case enb_events.ErabSetupRequest(rnti=rnti, erabs=erabs):
                ends = [ErabEnd(erab.erab_id, 0x200 + erab.erab_id, enb.gtpu_address) for erab in erabs]
                enb.erab_setup_response(rnti, ends)
            case enb_events.ErabReleaseCommand(rnti=rnti, erab_ids=erab_ids):
                enb.erab_release_response(rnti, erab_ids)
            case enb_events.ReleaseCommand(rnti=rnti):
                enb.release_complete(rnti)

    def advance(self, milliseconds: int) -> None:
        """Let time pass, serving timers when they are due."""
        end = self.now + milliseconds
        while True:
            times = [node.next_timer() for node in (self.mme, *self.enbs.values())]
            due = min((at for at in times if at is not None and at <= end), default=None)
            if due is None:
                break
            self.now = max(self.now, due)
            for node in (self.mme, *self.enbs.values()):
                node.handle_timers(self.now)
            self.run()
        self.now = end

    def seen(self, kind: type[Any]) -> list[Any]:
        """Events of one kind at any eNB."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def phones_gone(self) -> bool:
        """Whether every table about phones is empty, at the MME and at every eNB."""
        mme = {name: size for name, size in self.mme.tables().items() if name != "associations"}
        return not any(mme.values()) and not any(sum(enb.tables().values()) for enb in self.enbs.values())

    def _new_nas(self, allocate: Any) -> ScriptedNas:
        self.nas.append(ScriptedNas(allocate))
        return self.nas[-1]
