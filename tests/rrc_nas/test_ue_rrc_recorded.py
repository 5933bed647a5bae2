"""A UE's RRC against a recorded attach: it answers the recorded downlink with the recorded uplink, bit for bit."""

import csv
import random
from functools import cache

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction as MacDirection
from picocell.mac.dedicated_config import PeriodicCqi, PhrConfig
from picocell.phy.lte.mib import Mib
from picocell.rlc_pdcp.pdcp import Direction, SduReceived, SrbConfig, SrbEntity
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc import events, ue_events
from picocell.rrc_nas.rrc.ue import RrcState, UeIdentity, UeRrc
from picocell.rrc_nas.rrc.ue_capability import capability
from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Cipher, Integrity
from picocell.rrc_nas.security.milenage import Milenage
from picocell.ue.srb_observer import AmObserver
from support.captures import capture

IMSI = "001010123456780"
K, OPC = bytes.fromhex("00112233445566778899aabbccddeeff"), bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
RANDOM_VALUE = 0xC3897_0E229
FEATURE_GROUPS = 0xE6041000
NAS_UPLINK = (  # by the number of NAS messages that came before it
    bytes.fromhex("07417108091010103254760802f07000040201d011"),
    bytes.fromhex("07530856724ae0b37df1a7"),
    bytes.fromhex("477655e8d500075e"),
    bytes.fromhex("27a03f3c3d01074300035200c2"),
)


class FixedRandom(random.Random):
    """Draws the random value of the recorded request."""

    def getrandbits(self, k: int, /) -> int:
        return RANDOM_VALUE if k == 40 else super().getrandbits(k)


@cache
def recorded() -> tuple[tuple[int, MacDirection, int, bytes], ...]:
    """TTI, direction, LCID and CCCH message or PDCP PDU of every signalling message, in order."""
    found = []
    observers: dict[tuple[MacDirection, int], AmObserver] = {}
    with capture("lte6_mac.csv").open() as table:
        for row in csv.DictReader(table):
            if row["rnti_type"] != "C_RNTI":
                continue
            tti = 10 * int(row["sfn"]) + int(row["subframe"])
            direction = MacDirection.DOWNLINK if row["direction"] == "DL" else MacDirection.UPLINK
            for sdu in mac_pdu.parse(bytes.fromhex(row["mac_pdu_hex"]), direction).sdus:
                if sdu.lcid == 0:
                    found.append((tti, direction, 0, sdu.data))
                elif sdu.lcid in (1, 2):
                    observer = observers.setdefault((direction, sdu.lcid), AmObserver(0))
                    found += [(tti, direction, sdu.lcid, pdu) for pdu in observer.receive_pdu(tti, sdu.data)]
    return tuple(found)


def broadcast() -> list[bytes]:
    with capture("lte6_mac.csv").open() as table:
        return [bytes.fromhex(row["mac_pdu_hex"]) for row in csv.DictReader(table) if row["rnti_type"] == "SI_RNTI"]


def recorded_k_enb() -> bytes:
    """From the recorded AUTHENTICATION REQUEST and the SIM; the SECURITY MODE COMPLETE of NAS had COUNT 0."""
    rand, sqn_xor_ak = bytes.fromhex("ff83cdcad2d869d9c1e05964a330edf5"), bytes.fromhex("a3180b946fab")
    answer = Milenage(K, OPC).f2345(rand)
    return keys.k_enb(keys.k_asme(answer.ck, answer.ik, keys.sn_id("001", "01"), sqn_xor_ak), 0)


class Phone:
    """RRC on PDCP entities, with a NAS that plays the recorded messages; keeps what it sends."""

    def __init__(self) -> None:
        self.pdcp = {srb: SrbEntity(SrbConfig(srb - 1, Direction.UPLINK)) for srb in (1, 2)}
        self.rrc = UeRrc(
            ue_identity=UeIdentity(IMSI),
            capability=capability((7,), feature_groups=FEATURE_GROUPS),
            selected_plmn=("001", "01"),
            rng=FixedRandom(1),
        )
        self.rrc.verify_last = lambda found: self.pdcp[1].verify_last_received(Integrity(found.eia, found.k_rrc_int))
        self.sent: list[tuple[int, bytes]] = []
        self.seen: list[ue_events.UeRrcEvent] = []
        self.nas = iter(NAS_UPLINK)

    def run(self, now: int) -> None:
        while (event := self.rrc.next_event()) is not None:
            self.seen.append(event)
            match event:
                case events.SendSrb(0, message):
                    self.sent.append((0, message))
                case events.SendSrb(srb, message):
                    self.pdcp[srb].write_sdu(message, now)
                    while (pdu := self.pdcp[srb].next_pdu()) is not None:
                        self.sent.append((srb, pdu[0]))
                case events.ActivateSecurity():
                    self.activate(event)
                case ue_events.NasReceived():
                    answer = next(self.nas, None)
                    if answer is not None:
                        self.rrc.send_nas(answer, now)

    def activate(self, event: events.ActivateSecurity) -> None:
        integrity = Integrity(event.keys.eia, event.keys.k_rrc_int)
        cipher = Cipher(event.keys.eea, event.keys.k_rrc_enc)
        for entity in self.pdcp.values():
            entity.activate_integrity(integrity, transmit=event.integrity_tx, receive=event.integrity_rx)
            entity.activate_ciphering(cipher, transmit=event.ciphering_tx, receive=event.ciphering_rx)

    def receive(self, srb: int, data: bytes, now: int) -> None:
        if srb == 0:
            self.rrc.receive_ccch(data, now)
        else:
            self.pdcp[srb].receive_pdu(data, now)
            while (event := self.pdcp[srb].next_event()) is not None:
                assert isinstance(event, SduReceived), event
                self.rrc.receive_dcch(srb, event.sdu, now)
        self.run(now)


def camped() -> Phone:
    phone = Phone()
    phone.rrc.mib(Mib.decode(bytes.fromhex("000800")), 1, 0, earfcn_dl=3350)
    phone.rrc.measurement(1, -70.0, -8.0)
    for message in broadcast():
        phone.rrc.receive_bcch(message, 165)
    phone.run(330)
    return phone


def test_recorded_cell_is_camped_on() -> None:
    phone = camped()
    assert phone.rrc.state is RrcState.CAMPED
    kinds = [type(event) for event in phone.seen]
    assert kinds == [ue_events.SystemInformationReady, ue_events.Camped]
    assert phone.seen[1] == ue_events.Camped(1, ("001", "01"), 7, 0x19B01)
    assert phone.rrc.wanted_sibs == frozenset()


def test_recorded_attach_bit_for_bit() -> None:
    """Messages of all three signalling bearers, in the order of the recording, with the MAC-I of the real keys."""
    phone = camped()
    phone.rrc.set_security(recorded_k_enb())
    phone.rrc.connect(next(phone.nas), "mo-Data", 340)
    phone.run(340)
    wanted = []
    for tti, direction, srb, data in recorded():
        if direction is MacDirection.UPLINK:
            wanted.append((srb, data))
            continue
        if srb == 0:
            phone.rrc.random_access_complete(tti, 70)
        phone.receive(srb, data, tti)
    assert [srb for srb, _ in wanted] == [0, 1, 1, 1, 1, 1, 1, 2]
    assert phone.sent == wanted
    assert phone.rrc.state is RrcState.CONNECTED
    assert phone.rrc.refused.total() == 0
    assert sum(isinstance(event, ue_events.NasReceived) for event in phone.seen) == 4


def test_configuration_of_the_recorded_attach() -> None:
    phone = camped()
    phone.rrc.set_security(recorded_k_enb())
    phone.rrc.connect(next(phone.nas), "mo-Data", 340)
    for tti, direction, srb, data in recorded():
        if direction is MacDirection.DOWNLINK:
            phone.receive(srb, data, tti)
    found = [event for event in phone.seen if isinstance(event, events.ConfigureRadio)]
    assert [[setup.lcid for setup in event.changes.add] for event in found] == [[1], [2, 3]]
    assert found[-1].config.phr == PhrConfig(50, 0, 3)
    assert found[-1].config.cqi == PeriodicCqi(0, 38, simultaneous_ack_nack=True)
    assert [bearer.name for bearer in found[-1].config.bearers] == ["SRB1", "SRB2", "DRB1"]


def test_a_forged_security_mode_command_is_refused_and_nothing_applied() -> None:
    phone = camped()
    phone.rrc.set_security(bytes(32))  # of another authentication
    phone.rrc.connect(next(phone.nas), "mo-Data", 340)
    for tti, direction, srb, data in recorded():
        if direction is MacDirection.DOWNLINK and tti <= 456:
            phone.receive(srb, data, tti)
    assert not any(isinstance(event, events.ActivateSecurity) for event in phone.seen)
    srb, failure = phone.sent[-1]
    assert asn1.decode("UL-DCCH", failure[1:-4])["message"][1][0] == "securityModeFailure"
    assert (srb, failure[-4:]) == (1, bytes(4))
    assert phone.rrc.connection is not None
    assert phone.rrc.connection.keys is None
    assert phone.rrc.refused["securityModeCommand"] == 1
