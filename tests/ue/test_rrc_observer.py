"""The observer of RRC against the recorded attach: messages, configuration, and the PUCCH that follows from it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction
from picocell.mac.dedicated_config import DedicatedConfig, ul_control_due
from picocell.mac.pdu import Sdu
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.dedicated_update import apply
from picocell.ue.rrc_observer import RrcMessage, RrcObserver
from support.captures import capture
from support.ground_truth import mac_rows, phy_rows

RNTI = 0x46
SETUP_TTI = 359
RRC_DELAY = 15
"""Subframes in which a UE must have followed RRCConnectionSetup (TS 36.331 11.2)."""

SETUP = bytes.fromhex("60129b2e661e82f2e0ccc860d3000099020003e0")
SETUP_MAC_PDU = bytes.fromhex("3c20141f5c38970e2298") + SETUP + bytes(2)

EXPECTED = [
    (352, "UL-CCCH", "rrcConnectionRequest"),
    (359, "DL-CCCH", "rrcConnectionSetup"),
    (398, "UL-DCCH", "rrcConnectionSetupComplete"),
    (404, "DL-DCCH", "dlInformationTransfer"),
    (428, "UL-DCCH", "ulInformationTransfer"),
    (435, "DL-DCCH", "dlInformationTransfer"),
    (448, "UL-DCCH", "ulInformationTransfer"),
    (456, "DL-DCCH", "securityModeCommand"),
    (488, "UL-DCCH", "securityModeComplete"),
    (493, "DL-DCCH", "ueCapabilityEnquiry"),
    (508, "UL-DCCH", "ueCapabilityInformation"),
    (515, "DL-DCCH", "rrcConnectionReconfiguration"),
    (548, "UL-DCCH", "rrcConnectionReconfigurationComplete"),
    (548, "UL-DCCH", "ulInformationTransfer"),
    (555, "DL-DCCH", "dlInformationTransfer"),
]

Value = dict[str, Any]


def recorded_pdus() -> list[tuple[int, Direction, int, bytes]]:
    """MAC PDUs of both directions in the order of time."""
    pdus = [(tti, d, rnti, data) for d in Direction for tti, rnti, data in mac_rows(capture("lte6_mac.csv"), d.value)]
    return sorted(pdus, key=lambda pdu: pdu[0])


def observed(observer: RrcObserver) -> list[RrcMessage]:
    return [message for pdu in recorded_pdus() for message in observer.receive_pdu(*pdu)]


def test_every_rrc_message_of_the_recorded_attach_is_read() -> None:
    messages = observed(RrcObserver())
    assert [(message.tti, message.channel, message.name) for message in messages] == EXPECTED
    assert {message.rnti for message in messages} == {RNTI}


def test_configuration_after_the_recorded_attach() -> None:
    observer = RrcObserver()
    messages = {message.name: message.value for message in observed(observer)}
    setup, change = messages["rrcConnectionSetup"], messages["rrcConnectionReconfiguration"]
    assert observer.configs == {RNTI: apply(apply(None, setup), change)}
    config = observer.config(RNTI)
    assert config is not None
    assert [(bearer.name, bearer.lcid) for bearer in config.bearers] == [("SRB1", 1), ("SRB2", 2), ("DRB1", 3)]


def test_recorded_reports_and_requests_are_sent_exactly_when_they_are_due() -> None:
    observer = RrcObserver()
    configs: dict[int, DedicatedConfig] = {}
    pdus = recorded_pdus()
    rows = phy_rows(capture("lte6_phy.csv"))
    for tti in range(max(row.tti for row in rows) + 1):
        configs |= {tti: config} if (config := observer.config(RNTI)) is not None else {}
        for pdu in pdus:
            if pdu[0] == tti:
                observer.receive_pdu(*pdu)
    assert min(configs) == SETUP_TTI + 1
    due = {tti: ul_control_due(config, tti) for tti, config in configs.items()}
    pucch = [row for row in rows if row.channel == "PUCCH"]
    reports = {row.tti: int(row.fields["n_pucch"]) for row in pucch if row.fields["f"] == "2"}
    assert len(reports) == 25
    wanted = {t: d.cqi_n_pucch for t, d in due.items() if d.cqi_n_pucch is not None and t > SETUP_TTI + RRC_DELAY}
    assert wanted == reports
    assert {due[tti].n_cqi for tti in reports} == {4}
    assert {due[tti].n_ri for tti in reports} == {0}
    requests = {row.tti: int(row.fields["n_pucch"]) for row in pucch if row.fields["f"] == "1"}
    assert len(requests) == 9
    assert {tti: due[tti].sr_n_pucch for tti in requests} == requests
    # the log names the request, positive or negative, exactly where the UE could have made one
    assert all((due[row.tti].sr_n_pucch is not None) == ("sr" in row.fields) for row in pucch if row.tti in due)


def mac(*sdus: Sdu) -> bytes:
    return mac_pdu.build(mac_pdu.fit(sdus, mac_pdu.packed_size(sdus) + 5), Direction.DOWNLINK)


def on_srb1(sn: int, message: bytes) -> bytes:
    """MAC PDU with a DCCH message in one AMD PDU."""
    return mac(Sdu(1, bytes([0xA0 | sn >> 8, sn & 255, sn % 32]) + message + bytes(4)))


def dcch(name: str, body: Value) -> bytes:
    choice = ("c1", (f"{name}-r8", body))
    content = {"rrc-TransactionIdentifier": 0, "criticalExtensions": choice}
    return asn1.encode("DL-DCCH", {"message": ("c1", (name, content))})


def release() -> bytes:
    return dcch("rrcConnectionRelease", {"releaseCause": "other"})


def security_mode(cipher: str) -> bytes:
    algorithms = {"cipheringAlgorithm": cipher, "integrityProtAlgorithm": "eia2"}
    return dcch("securityModeCommand", {"securityConfigSMC": {"securityAlgorithmConfig": algorithms}})


def reconfiguration(**extra: Any) -> bytes:
    physical = {"physicalConfigDedicated": {"schedulingRequestConfig": ("release", None)}}
    body = {"radioResourceConfigDedicated": physical} | extra
    return dcch("rrcConnectionReconfiguration", body)


def connected(observer: RrcObserver) -> DedicatedConfig:
    observer.receive_pdu(SETUP_TTI, Direction.DOWNLINK, RNTI, SETUP_MAC_PDU)
    config = observer.config(RNTI)
    assert config is not None
    return config


def test_reconfiguration_and_release() -> None:
    observer = RrcObserver()
    before = connected(observer)
    observer.receive_pdu(400, Direction.DOWNLINK, RNTI, on_srb1(0, reconfiguration()))
    assert observer.config(RNTI) == replace(before, sr=None)
    (message,) = observer.receive_pdu(410, Direction.DOWNLINK, RNTI, on_srb1(1, release()))
    assert message.name == "rrcConnectionRelease"
    assert observer.configs == {}


def test_forgotten_rnti_has_no_configuration() -> None:
    observer = RrcObserver()
    connected(observer)
    observer.forget(RNTI)
    observer.forget(RNTI)
    assert observer.config(RNTI) is None


def test_a_new_connection_of_the_same_rnti_starts_its_bearers_anew() -> None:
    observer = RrcObserver()
    connected(observer)
    for sn in range(3):
        assert observer.receive_pdu(400 + sn, Direction.DOWNLINK, RNTI, on_srb1(sn, reconfiguration()))
    assert observer.receive_pdu(404, Direction.DOWNLINK, RNTI, on_srb1(0, reconfiguration())) == []
    assert connected(observer).sr is not None
    assert observer.receive_pdu(500, Direction.DOWNLINK, RNTI, on_srb1(0, reconfiguration()))


@pytest.mark.parametrize(("cipher", "readable"), [("eea0", True), ("eea2", False)])
def test_after_security_mode_only_unciphered_bearers_are_read(cipher: str, readable: bool) -> None:
    observer = RrcObserver()
    before = connected(observer)
    (command,) = observer.receive_pdu(400, Direction.DOWNLINK, RNTI, on_srb1(0, security_mode(cipher)))
    assert command.name == "securityModeCommand"
    later = observer.receive_pdu(410, Direction.DOWNLINK, RNTI, on_srb1(1, reconfiguration()))
    assert [message.name for message in later] == (["rrcConnectionReconfiguration"] if readable else [])
    assert observer.config(RNTI) == (replace(before, sr=None) if readable else before)


def test_bytes_after_the_end_of_a_dcch_message_make_it_none() -> None:
    observer = RrcObserver()
    before = connected(observer)
    assert observer.receive_pdu(400, Direction.DOWNLINK, RNTI, on_srb1(0, reconfiguration() + b"\x5a")) == []
    assert observer.config(RNTI) == before


@pytest.mark.parametrize(("target", "known"), [(1, True), (2, False)])
def test_handover_takes_the_configuration_to_the_new_rnti_of_this_cell(target: int, known: bool) -> None:
    observer = RrcObserver(pci=1)
    before = connected(observer)
    common = {
        "prach-Config": {"rootSequenceIndex": 0},
        "pusch-ConfigCommon": {
            "pusch-ConfigBasic": {
                "n-SB": 1,
                "hoppingMode": "interSubFrame",
                "pusch-HoppingOffset": 0,
                "enable64QAM": False,
            },
            "ul-ReferenceSignalsPUSCH": {
                "groupHoppingEnabled": False,
                "groupAssignmentPUSCH": 0,
                "sequenceHoppingEnabled": False,
                "cyclicShift": 0,
            },
        },
        "ul-CyclicPrefixLength": "len1",
    }
    mobility = {
        "targetPhysCellId": target,
        "t304": "ms50",
        "newUE-Identity": (0x1234, 16),
        "radioResourceConfigCommon": common,
    }
    message = reconfiguration(mobilityControlInfo=mobility)
    assert observer.receive_pdu(400, Direction.DOWNLINK, RNTI, on_srb1(0, message))
    assert observer.configs == ({0x1234: replace(before, sr=None)} if known else {})
    observer.receive_pdu(420, Direction.DOWNLINK, 0x1234, on_srb1(0, release()))
    assert observer.configs == {}


@pytest.mark.parametrize("rnti", [0, 2, 0xFFFE, 0xFFFF])
def test_other_rntis_hold_no_rrc_of_a_ue(rnti: int) -> None:
    observer = RrcObserver()
    assert observer.receive_pdu(0, Direction.DOWNLINK, rnti, SETUP_MAC_PDU) == []
    assert observer.configs == {}


def test_a_setup_with_spare_values_leaves_the_ue_without_a_configuration() -> None:
    value = asn1.decode("DL-CCCH", SETUP)
    body = value["message"][1][1]["criticalExtensions"][1][1]["radioResourceConfigDedicated"]
    body["physicalConfigDedicated"]["schedulingRequestConfig"][1]["dsr-TransMax"] = "spare3"
    observer = RrcObserver()
    (message,) = observer.receive_pdu(0, Direction.DOWNLINK, RNTI, mac(Sdu(0, asn1.encode("DL-CCCH", value))))
    assert message.name == "rrcConnectionSetup"
    assert observer.configs == {}


PDUS = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda lcid, data: mac(Sdu(lcid, data)), st.integers(0, 2), st.binary(max_size=60)),
    st.builds(lambda sn, data: on_srb1(sn, data), st.integers(0, 5), st.binary(max_size=60)),
    st.builds(on_srb1, st.integers(0, 5), st.sampled_from([reconfiguration(), release(), security_mode("eea1")])),
    st.just(SETUP_MAC_PDU),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10239), st.sampled_from(Direction), st.sampled_from((70, 71)), PDUS)))
def test_any_pdus_are_read_or_passed_over(pdus: list[tuple[int, Direction, int, bytes]]) -> None:
    observer = RrcObserver(pci=1)
    for tti, direction, rnti, data in pdus:
        observer.receive_pdu(tti, direction, rnti, data)
    for config in observer.configs.values():
        ul_control_due(config, 0)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_recorded_messages_are_read_or_passed_over(data: st.DataObject) -> None:
    observer = RrcObserver()
    for sn, good in enumerate((SETUP_MAC_PDU, on_srb1(0, reconfiguration()), on_srb1(1, security_mode("eea0")))):
        damaged = bytearray(good)
        for _ in range(data.draw(st.integers(0, 3))):
            damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
        observer.receive_pdu(sn, Direction.DOWNLINK, RNTI, bytes(damaged))
