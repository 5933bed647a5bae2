"""An MME and an eNB by hand, against the SGW and the PGW, over wires that a test may cut."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_ies import (
    Ambr,
    Apn,
    BearerQos,
    Cause,
    Ebi,
    FTeid,
    Imsi,
    Paa,
    Pco,
    PdnKind,
    PdnType,
    Rat,
    RatType,
    Recovery,
    SelectionMode,
    ServingNetwork,
)
from picocell.epc.interfaces.gtpv2c_ies import Interface as End
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, ResponseReceived, Transactions
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.pgw.pgw import Pgw
from picocell.epc.sgw.sgw import Sgw

MME, SGW, PGW, ENB = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9"
SERVER = "192.0.2.1"


def ip_packet(source: str, destination: str, payload: bytes = b"", protocol: int = 17) -> bytes:
    """An IPv4 packet without a checksum."""
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
    return header + IPv4Address(source).packed + IPv4Address(destination).packed + payload


def create_request(
    imsi: str, *, ebi: int = 5, apn: str = "internet", pdn_type: int = 1, address: str = "0.0.0.0", pco: bytes = b""
) -> m.CreateSessionRequest:
    """A Create Session Request of the MME."""
    return m.CreateSessionRequest(
        imsi=Imsi(imsi),
        serving_network=ServingNetwork("001", "01"),
        rat_type=RatType(Rat.EUTRAN),
        sender=FTeid(End.S11_MME, int(imsi[-6:]), IPv4Address(MME)),
        pgw=FTeid(End.S5C_PGW, 0, IPv4Address(PGW)),
        apn=Apn(apn),
        selection_mode=SelectionMode(0),
        pdn_type=PdnType(pdn_type),
        paa=Paa(PdnKind.IPV4, IPv4Address(address)),
        ambr=Ambr(1000, 2000),
        pco=Pco(pco) if pco else None,
        bearer_contexts=(m.BearerContext(ebi=Ebi(ebi), qos=BearerQos(9, 8)),),
    )


@dataclass
class Core:
    """SGW and PGW with an MME; `pass_` says which messages get through, and how often."""

    sgw: Sgw = field(default_factory=lambda: Sgw(SGW))
    pgw: Pgw = field(default_factory=lambda: Pgw(PGW))
    now: int = 0
    pass_: Callable[[Message], int] = lambda _: 1
    mme: Transactions = field(default_factory=lambda: Transactions(3000.0, 3))
    requests: list[RequestReceived] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    to_enb: list[bytes] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)

    def send(self, message: m.Message, teid: int) -> None:
        """A request of the MME."""
        self.mme.request((Interface.S11, SGW), message, teid, self.now)
        self.run()

    def ask(self, message: m.Message, teid: int) -> Any:
        """A request of the MME and its answer."""
        self.send(message, teid)
        return self.answers.pop()

    def run(self) -> None:
        """Deliver all messages until there are none."""
        nodes: tuple[Any, ...] = (self.sgw, self.pgw)
        while True:
            moving = [message for node in nodes for message in node.messages_to_send()]
            moving += [Message(Interface.S11, MME, SGW, data) for _, data in self.mme.datagrams_to_send()]
            if not moving:
                return
            for message in moving:
                self.seen.append(message)
                for _ in range(self.pass_(message)):
                    self._deliver(message)

    def wait(self, milliseconds: int) -> None:
        """Let time pass, timer by timer."""
        end = self.now + milliseconds
        while True:
            times = [node.next_timer() for node in (self.sgw, self.pgw)] + [self.mme.timer()]
            due = min((int(time) for time in times if time is not None), default=end)
            self.now = max(self.now, min(due, end))
            self.sgw.handle_timers(self.now)
            self.pgw.handle_timers(self.now)
            self.mme.handle_timer(self.now)
            self.run()
            if due >= end:
                self.now = end
                return

    def attach(self, imsi: str, *, enb_teid: int = 0x77, **options: Any) -> "Phone":
        """A phone with a default bearer to the eNB."""
        answer = self.ask(create_request(imsi, **options), 0)
        assert answer.cause.accepted, answer.cause
        context = answer.bearer_contexts[0]
        uplink = context.f_teid(End.S1U_SGW)
        phone = Phone(self, imsi, context.ebi.value, answer.sender.teid, uplink.teid, str(answer.paa.ipv4), enb_teid)
        phone.connect()
        return phone

    def tables(self) -> dict[str, int]:
        """What is left in the nodes' tables."""
        both = [("SGW", self.sgw.tables()), ("PGW", self.pgw.tables())]
        return {f"{name} {key}": size for name, table in both for key, size in table.items() if size}

    def _deliver(self, message: Message) -> None:
        if message.destination == SGW:
            self.sgw.receive(message, self.now)
        elif message.destination == PGW:
            self.pgw.receive(message, self.now)
        elif message.interface is Interface.S1U:
            self.to_enb.append(message.data)
        else:
            self.mme.receive((Interface.S11, SGW), message.data, self.now)
            while (event := self.mme.next_event()) is not None:
                if isinstance(event, ResponseReceived):
                    self.answers.append(event.packet.message)
                elif isinstance(event, RequestReceived) and isinstance(event.packet.message, m.EchoRequest):
                    self.mme.respond(event, m.EchoResponse(recovery=Recovery(0)), None, self.now)
                elif isinstance(event, RequestReceived):
                    self.requests.append(event)


@dataclass
class Phone:
    """A phone at the eNB."""

    core: Core
    imsi: str
    ebi: int
    sgw_teid: int
    uplink_teid: int
    address: str
    enb_teid: int

    def connect(self, enb_teid: int | None = None, enb: str = ENB) -> Any:
        """Modify Bearer Request with the eNB's end."""
        self.enb_teid = enb_teid or self.enb_teid
        ends = {0: FTeid(End.S1U_ENB, self.enb_teid, IPv4Address(enb))}
        request = m.ModifyBearerRequest(bearer_contexts=(m.BearerContext(ebi=Ebi(self.ebi), f_teids=ends),))
        return self.core.ask(request, self.sgw_teid)

    def release(self) -> Any:
        """The phone goes idle."""
        return self.core.ask(m.ReleaseAccessBearersRequest(), self.sgw_teid)

    def detach(self) -> Any:
        """The PDN connection ends."""
        return self.core.ask(m.DeleteSessionRequest(linked_ebi=Ebi(self.ebi)), self.sgw_teid)

    def uplink(self, packet: bytes) -> list[bytes]:
        """A packet of the phone; returns what comes out at SGi."""
        data = gtpu.tunnel(self.uplink_teid)(packet)
        self.core.sgw.receive(Message(Interface.S1U, ENB, SGW, data), self.core.now)
        self.core.run()
        return self.core.pgw.sgi_packets()

    def downlink(self, packet: bytes) -> list[bytes]:
        """A packet from SGi; returns what comes at the eNB."""
        self.core.to_enb.clear()
        self.core.pgw.send_sgi(packet, self.core.now)
        self.core.run()
        return list(self.core.to_enb)

    def answer(self, request: RequestReceived, message: m.Message) -> None:
        """The MME answers a request of the SGW."""
        self.core.mme.respond(request, message, self.sgw_teid, self.core.now)
        self.core.run()


ACCEPTED = Cause(16)
