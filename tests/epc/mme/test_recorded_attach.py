"""The MME against the recorded eNB, and the eNB's end of S1AP against the recorded MME (an independent network)."""

import random
from functools import cache
from typing import Any

import pytest

from picocell.enb import s1ap_events as enb_events
from picocell.enb.s1ap import EnbS1ap
from picocell.enb.s1ap_connections import UeState
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.s1ap_values import Gummei
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme.mme import Mme
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.mme.ue_context import BearerPath
from picocell.rrc_nas.nas import mme_events as nas
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from support.captures import capture
from support.mme_neighbours import ENB, HSS, MME, PGW, SGW, ScriptedNas
from support.pcap import sctp_user_messages

RNTI = 0x46


@cache
def recorded() -> tuple[bytes, ...]:
    return tuple(sctp_user_messages(capture("lte6_s1ap.pcap"), s1ap.PPID))


def ies(index: int) -> dict[str, Any]:
    return s1ap.decode(recorded()[index]).ies


def of_mme(index: int) -> Message:
    return Message(Interface.S1AP, MME, ENB, recorded()[index], 1)


def sent(node: Any) -> list[bytes]:
    return [message.data for message in node.messages_to_send() if message.interface is Interface.S1AP]


class RecordedNas(ScriptedNas):
    """Says what the recorded MME's NAS said."""

    def __init__(self, allocate_m_tmsi: Any) -> None:
        super().__init__(allocate_m_tmsi)
        context = ies(9)
        item = context["E-RABToBeSetupListCtxtSUReq"][0]
        key = context["SecurityKey"][0].to_bytes(32, "big")
        erab = nas.Erab(5, 7, nas.Arp(15), "127.0.1.100", 1, item["nAS-PDU"])
        self.said: list[nas.Event] = [
            nas.SendNas(ies(3)["NAS-PDU"]),
            nas.SendNas(ies(5)["NAS-PDU"]),
            nas.SendNas(ies(7)["NAS-PDU"]),
            nas.InitialContextSetup(key, 49152, 49152, nas.Ambr(10**9, 10**9), (erab,)),
            nas.SendNas(ies(13)["NAS-PDU"]),
            nas.ReleaseConnection("normal-release"),
        ]
        self.heard: list[bytes] = []

    def receive(self, pdu: bytes, now: int, **_: Any) -> None:  # noqa: ARG002
        self.heard.append(pdu)
        self._emit(self.said.pop(0))


def test_our_mme_answers_the_recorded_enb_byte_by_byte() -> None:
    ends: list[RecordedNas] = []

    def make(allocate: Any) -> RecordedNas:
        ends.append(RecordedNas(allocate))
        return ends[-1]

    plmn = MmeNasSettings(mme_group_id=256, mme_code=26, tacs=(7,))
    settings = MmeSettings(nas=plmn, name="srsmme01", relative_capacity=255)
    mme = Mme(settings, MME, HSS, SGW, PGW, random.Random(1), nas_factory=make)
    answers: list[bytes] = []
    for i in (0, 2, 4, 6, 8, 10, 11, 12, 14, 16):
        mme.receive(Message(Interface.S1AP, ENB, MME, recorded()[i], 1), 10 * i)
        answers += sent(mme)
    assert answers == [recorded()[i] for i in (1, 3, 5, 7, 9, 13, 15)]
    assert ends[0].heard == [ies(i)["NAS-PDU"] for i in (2, 4, 6, 8, 12, 14)]
    assert ("ready", (5,), ()) in ends[0].log
    assert not mme.counters["s1_refused"]
    assert {name: size for name, size in mme.tables().items() if size} == {"associations": 1}


def test_the_recorded_enbs_tunnel_and_capability_are_kept() -> None:
    plmn = MmeNasSettings(mme_group_id=256, mme_code=26, tacs=(7,))
    mme = Mme(MmeSettings(nas=plmn), MME, HSS, SGW, PGW, random.Random(1), nas_factory=RecordedNas)
    for i in (0, 2):
        mme.receive(Message(Interface.S1AP, ENB, MME, recorded()[i], 1), 10 * i)
    (ue,) = mme.ues
    ue.sgw_teid = 77
    ue.bearers[5] = BearerPath(5, 5, None, 1)  # type: ignore[arg-type]
    for i in (4, 6, 8, 10, 11):
        mme.receive(Message(Interface.S1AP, ENB, MME, recorded()[i], 1), 10 * i)
    assert ue.radio_capability == ies(10)["UERadioCapability"]
    assert ue.bearers[5].enb == (5, 1, "127.0.1.1")
    assert mme.messages_to_send()[-1].interface is Interface.S11


@pytest.fixture
def enb() -> EnbS1ap:
    return EnbS1ap(Identity(), 411, "srsenb01", ENB, MME, "127.0.1.1")


def test_our_enb_speaks_to_the_recorded_mme_byte_by_byte(enb: EnbS1ap) -> None:
    said: list[bytes] = []
    enb.connect(0)
    said += sent(enb)
    enb.receive(of_mme(1), 1)
    assert enb.next_event() == enb_events.S1SetupDone("srsmme01", (Gummei("001", "01", 256, 26),), 255)
    first = ies(2)
    s_tmsi = (first["S-TMSI"]["mMEC"][0], int.from_bytes(first["S-TMSI"]["m-TMSI"], "big"))
    assert enb.initial_ue_message(RNTI, first["NAS-PDU"], "mo-Data", s_tmsi, None, 2)
    said += sent(enb)
    for i in (3, 5, 7):
        enb.receive(of_mme(i), i)
        assert enb.next_event() == enb_events.DownlinkNas(RNTI, ies(i)["NAS-PDU"])
        enb.uplink_nas(RNTI, ies(i + 1)["NAS-PDU"])
        said += sent(enb)
    enb.receive(of_mme(9), 9)
    request = enb.next_event()
    assert isinstance(request, enb_events.InitialContextSetupRequest)
    assert (request.ambr_ul, request.eea, request.eia) == (10**9, 49152, 49152)
    (erab,) = request.erabs
    assert (erab.erab_id, erab.qci, erab.arp.priority, erab.transport_address, erab.teid) == (
        5,
        7,
        15,
        "127.0.1.100",
        1,
    )
    enb.ue_capability(RNTI, ies(10)["UERadioCapability"])
    enb.initial_context_setup_response(RNTI, [(5, 1, enb.gtpu_address)])
    enb.uplink_nas(RNTI, ies(12)["NAS-PDU"])
    said += sent(enb)
    assert enb.ue_state(RNTI) is UeState.ACTIVE
    enb.receive(of_mme(13), 13)
    assert isinstance(enb.next_event(), enb_events.DownlinkNas)
    enb.uplink_nas(RNTI, ies(14)["NAS-PDU"])
    enb.receive(of_mme(15), 15)
    assert enb.next_event() == enb_events.ReleaseCommand(RNTI, ("nas", "normal-release"))
    enb.release_complete(RNTI)
    said += sent(enb)
    assert said == [recorded()[i] for i in (0, 2, 4, 6, 8, 10, 11, 12, 14, 16)]
    assert not any(enb.tables().values())
