"""The network end of NAS against two recorded attaches: every downlink byte, MACs included, and K_eNB."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from picocell.epc.interfaces import s1ap
from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas.ies import Plmn, Tai
from picocell.rrc_nas.nas.mme import MmeNas
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.mme_states import State
from picocell.rrc_nas.nas.protection import NasSecurityContext, SecurityHeader
from picocell.rrc_nas.security import aka, keys
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from picocell.rrc_nas.security.milenage import Milenage
from support import pcap
from support.captures import capture

IMSI = "001010123456780"
K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
TAI = Tai(Plmn("001", "01"), 7)

SETTINGS = MmeNasSettings(
    mme_group_id=1,
    mme_code=0x1A,
    t3412_s=1800,
    full_name="Software Radio Systems RAN",
    short_name="srsRAN",
    eea=(Eea.EEA0,),
    eia=(Eia.EIA2,),
    ask_imeisv=False,
    ksi_differs=False,
    send_ambr=False,
    lai=6,
)
SESSION = ev.Session(
    ipv4=bytes([172, 16, 0, 2]), qci=7, pco=bytes.fromhex("80000d0408080808"), s1u_address="127.0.1.100", s1u_teid=1
)


def recorded_vector(authentication_request: bytes) -> ev.EpsVector:
    """The home network's vector again: K and OPc with the recorded RAND, and the SQN that AUTN conceals."""
    rand, autn = authentication_request[3:19], authentication_request[20:36]
    functions = Milenage(K, OPC)
    challenge = aka.check_autn(functions, rand, autn)
    vector = aka.build_vector(functions, rand, challenge.sqn, challenge.amf)
    assert vector.autn == autn
    k_asme = keys.k_asme(vector.ck, vector.ik, keys.sn_id("001", "01"), vector.sqn_xor_ak)
    return ev.EpsVector(rand, vector.xres, autn, k_asme)


class Mme:
    """Answers the events as the recorded network's other nodes did, and keeps what goes to the phone."""

    def __init__(self, settings: MmeNasSettings, m_tmsi: int, vector: ev.EpsVector, host: int = 2) -> None:
        self.nas = MmeNas(settings, lambda: m_tmsi, random.Random(1))
        self.vector = vector
        self.session = replace(SESSION, ipv4=bytes([172, 16, 0, host]))
        self.sent: list[bytes] = []
        self.contexts: list[ev.InitialContextSetup] = []
        self.others: list[Any] = []

    def receive(self, pdu: bytes, *, initial: bool = False) -> None:
        self.nas.receive(pdu, 0, initial=initial, tai=TAI)
        while (event := self.nas.next_event()) is not None:
            match event:
                case ev.SendNas(pdu=pdu):
                    self.sent.append(pdu)
                case ev.InitialContextSetup():
                    self.contexts.append(event)
                    self.sent += [erab.nas for erab in event.erabs if erab.nas is not None]
                case ev.GetAuthVectors():
                    self.nas.auth_vectors([self.vector], 0)
                case ev.UpdateLocation():
                    self.nas.subscription(ev.Subscription((ev.ApnSubscription("srsapn", qci=7),)), 0)
                case ev.CreateSession():
                    self.nas.session_created(event.ebi, self.session, 0)
                case _:
                    self.others.append(event)


def recorded_time(information: bytes) -> datetime:
    """Universal time in the recorded EMM INFORMATION, its last element: semi-octets, least significant first."""
    position = information.rindex(b"\x47", 0, len(information) - 6)
    parts = [octet % 16 * 10 + octet // 16 for octet in information[position + 1 : position + 7]]
    return datetime(2000 + parts[0], *parts[1:], tzinfo=UTC)


def test_s1ap_attach_with_an_unknown_guti_is_answered_as_recorded() -> None:
    """InitialUEMessage with a GUTI of before, identity, authentication, security mode, accept, information, detach."""
    pdus = [s1ap.decode(data) for data in pcap.sctp_user_messages(capture("lte6_s1ap.pcap"), s1ap.PPID)]
    uplink, downlink, k_enb = [], [], b""
    for pdu in pdus:
        if pdu.message in ("InitialUEMessage", "UplinkNASTransport"):
            uplink.append(pdu.ies["NAS-PDU"])
        elif pdu.message == "DownlinkNASTransport":
            downlink.append(pdu.ies["NAS-PDU"])
        elif pdu.message == "InitialContextSetupRequest":
            downlink.append(pdu.ies["E-RABToBeSetupListCtxtSUReq"][0]["nAS-PDU"])
            k_enb = pdu.ies["SecurityKey"][0].to_bytes(32, "big")
    request = next(pdu for pdu in downlink if pdu[:2] == b"\x07\x52")
    settings = replace(SETTINGS, network_time=recorded_time(downlink[-1]))
    mme = Mme(settings, 0xA7BB6362, recorded_vector(request))
    for index, pdu in enumerate(uplink[:-1]):
        mme.receive(pdu, initial=index == 0)
    assert [pdu.hex() for pdu in mme.sent] == [pdu.hex() for pdu in downlink]
    assert mme.contexts[0].k_enb == k_enb
    assert mme.nas.state is State.REGISTERED
    assert mme.nas.context.bearers.keys() == {5}
    mme.receive(uplink[-1])
    assert mme.nas.state is State.DEREGISTERED
    assert mme.sent == downlink, "a phone that is switched off is not answered"
    kinds = [type(event) for event in mme.others]
    assert kinds[-3:] == [ev.DeleteSession, ev.Deregistered, ev.ReleaseConnection]
    assert mme.nas.timers == ()


def test_nas_attach_by_imsi_is_answered_as_recorded() -> None:
    """The UE's own recording: its uplink was recorded before the MAC was written, which is done here."""
    _, frames = pcap.packets(capture("lte6_nas.pcap"))
    uplink_at = [0, 2, 4, 6, 8]
    downlink = [frame for index, frame in enumerate(frames) if index not in uplink_at]
    vector = recorded_vector(frames[1])
    settings = replace(SETTINGS, network_time=recorded_time(downlink[-1]))
    mme = Mme(settings, 0xA7BB6363, vector, host=3)
    phone = NasSecurityContext(0, vector.k_asme, 0, 0, Eea.EEA0, Eia.EIA2)
    for index in uplink_at[:-1]:
        frame = frames[index]
        if frame[0] != 7:
            frame = phone.protect(frame[6:], SecurityHeader(frame[0] >> 4), Direction.UPLINK)
        mme.receive(frame, initial=index == 0)
    assert [pdu.hex() for pdu in mme.sent] == [pdu.hex() for pdu in downlink]
    assert mme.contexts[0].k_enb == keys.k_enb(vector.k_asme, 0)
    assert mme.nas.registered


def test_recorded_authentication_response_of_another_vector_is_rejected() -> None:
    _, frames = pcap.packets(capture("lte6_nas.pcap"))
    vector = recorded_vector(frames[1])
    mme = Mme(SETTINGS, 1, ev.EpsVector(vector.rand, bytes(8), vector.autn, vector.k_asme))
    mme.receive(frames[0], initial=True)
    mme.receive(frames[2])
    assert mme.sent[-1] == bytes.fromhex("0754")
    assert ev.ReleaseConnection("authentication-failure") in mme.others
    assert mme.nas.state is State.DEREGISTERED


@pytest.mark.parametrize("octet", range(6))
def test_recorded_protected_message_with_a_flipped_bit_changes_nothing(octet: int) -> None:
    """The recorded SECURITY MODE COMPLETE, spoilt."""
    pdus = [s1ap.decode(data) for data in pcap.sctp_user_messages(capture("lte6_s1ap.pcap"), s1ap.PPID)]
    uplink = [pdu.ies["NAS-PDU"] for pdu in pdus if pdu.message in ("InitialUEMessage", "UplinkNASTransport")]
    down = [pdu.ies["NAS-PDU"] for pdu in pdus if pdu.message == "DownlinkNASTransport"]
    mme = Mme(SETTINGS, 1, recorded_vector(down[1]))
    for index in range(3):
        mme.receive(uplink[index], initial=index == 0)
    sent = list(mme.sent)
    spoilt = bytearray(uplink[3])
    spoilt[octet + 1 if octet < 5 else 7] ^= 0x10
    mme.receive(bytes(spoilt))
    assert mme.nas.state is State.SECURING
    assert mme.sent == sent
