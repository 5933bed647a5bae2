"""Builders against the recorded attach: the same parameters give the same bytes."""

import csv
from typing import Any

import pytest

from picocell.enb.system_information import sib2
from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction
from picocell.mac.dedicated_config import PeriodicCqi, SchedulingRequest
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import enb_defaults, enb_messages, enb_resources, enb_security
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_establishment import dedicated_resources
from picocell.rrc_nas.security.algorithms import Eea, Eia
from picocell.ue.srb_observer import AmObserver, pdcp_sdu
from support.captures import capture
from support.enb_rrc_harness import Allocation, Resources
from support.pcap import packets

SR = SchedulingRequest(0, 15, 64)
CQI = PeriodicCqi(0, 38, simultaneous_ack_nack=True)


def recorded() -> list[tuple[str, str, bytes]]:
    """Direction, channel and bytes of every message of SRB0 to SRB2, in the order of the recording."""
    observers: dict[tuple[Direction, int], AmObserver] = {}
    found = []
    with capture("lte6_mac.csv").open() as table:
        for row in csv.DictReader(table):
            if row["rnti_type"] != "C_RNTI":
                continue
            direction = Direction(row["direction"])
            tti = 10 * int(row["sfn"]) + int(row["subframe"])
            for sdu in mac_pdu.parse(bytes.fromhex(row["mac_pdu_hex"]), direction).sdus:
                if sdu.lcid == 0:
                    found.append((direction.value, "CCCH", sdu.data))
                elif sdu.lcid <= 2:
                    observer = observers.setdefault((direction, sdu.lcid), AmObserver(0))
                    pdus = observer.receive_pdu(tti, sdu.data)
                    found += [(direction.value, "DCCH", data) for pdu in pdus if (data := pdcp_sdu(pdu)) is not None]
    return found


def recorded_message(direction: str, name: str) -> tuple[bytes, Any]:
    """Bytes and content of the first recorded message of a name."""
    for way, channel, data in recorded():
        kind: Any = f"{way}-{channel}"
        found, content = asn1.decode(kind, data)["message"][1]
        if (way, found) == (direction, name):
            return data, content
    raise LookupError(name)


def body(content: Any) -> Any:
    return content["criticalExtensions"][1][1]


def recorded_physical() -> Any:
    return enb_resources.physical(enb_defaults.defaults()["physicalConfigDedicated"], SR, CQI, 1)


def test_recorded_connection_setup_is_what_the_defaults_give() -> None:
    data, _ = recorded_message("DL", "rrcConnectionSetup")
    rrc = EnbRrc(Cell(1, 6), sib2=sib2(6), resources=Resources())
    resources = dedicated_resources(rrc, Allocation(SR, CQI))
    assert enb_messages.rrc_connection_setup(0, resources) == data


def test_recorded_security_mode_command() -> None:
    data, _ = recorded_message("DL", "securityModeCommand")
    assert enb_messages.security_mode_command(0, Eea.EEA0, Eia.EIA2) == data


def test_recorded_capability_enquiry() -> None:
    data, _ = recorded_message("DL", "ueCapabilityEnquiry")
    assert enb_messages.ue_capability_enquiry(0) == data


def test_recorded_nas_transfers() -> None:
    n = 0
    for way, channel, data in recorded():
        if (way, channel) != ("DL", "DCCH"):
            continue
        name, content = asn1.decode("DL-DCCH", data)["message"][1]
        if name == "dlInformationTransfer":
            nas = body(content)["dedicatedInfoType"][1]
            assert enb_messages.dl_information_transfer(content["rrc-TransactionIdentifier"], nas) == data
            n += 1
    assert n == 3


def test_recorded_reconfiguration() -> None:
    data, content = recorded_message("DL", "rrcConnectionReconfiguration")
    common = enb_defaults.defaults()["drb"][1]
    parameters = {
        "priority": 13,
        "prioritisedBitRate": "infinity",
        "bucketSizeDuration": "ms100",
        "logicalChannelGroup": 2,
    }
    common |= {"logicalChannelConfig": {"ul-SpecificParameters": parameters}}
    common["pdcp-Config"] |= {"discardTimer": "infinity"}
    resources = {
        "srb-ToAddModList": [enb_resources.srb(2)],
        "drb-ToAddModList": [enb_resources.drb(1, 3, 5, common)],
        "physicalConfigDedicated": recorded_physical(),
    }
    nas = body(content)["dedicatedInfoNASList"]
    made = enb_messages.rrc_connection_reconfiguration(
        0, resources, nas=nas, measurement=enb_defaults.measurement(3350, 6)
    )
    assert made == data


def test_recorded_capability_as_s1ap_carried_it() -> None:
    data, _ = recorded_message("UL", "ueCapabilityInformation")
    recorded_s1ap = b"".join(packets(capture("lte6_s1ap.pcap"))[1])
    container = enb_security.capability_container(data)
    ie = bytes([0, 0x4A, 0x40, len(container) + 1, len(container)])  # id-UERadioCapability, criticality ignore
    assert ie + container in recorded_s1ap


def test_unreadable_capability_is_an_error() -> None:
    with pytest.raises(Asn1Error, match="no UE capability in 1 bytes"):
        enb_security.capability_container(b"\x38")


@pytest.mark.parametrize(
    ("channel", "data", "name"),
    [
        ("DL-CCCH", enb_messages.rrc_connection_reject(16), "rrcConnectionReject"),
        ("DL-CCCH", enb_messages.rrc_connection_reestablishment_reject(), "rrcConnectionReestablishmentReject"),
        (
            "DL-CCCH",
            enb_messages.rrc_connection_reestablishment(3, enb_resources.srb1(), 7),
            "rrcConnectionReestablishment",
        ),
        ("DL-DCCH", enb_messages.rrc_connection_release(2), "rrcConnectionRelease"),
        ("DL-DCCH", enb_messages.rrc_connection_release(2, "loadBalancingTAUrequired"), "rrcConnectionRelease"),
        ("DL-DCCH", enb_messages.rrc_connection_reconfiguration(1), "rrcConnectionReconfiguration"),
        ("DL-DCCH", enb_messages.security_mode_command(1, Eea.EEA3, Eia.EIA3), "securityModeCommand"),
    ],
)
def test_other_messages_decode(channel: Any, data: bytes, name: str) -> None:
    value = asn1.decode(channel, data)
    assert value["message"][1][0] == name
    assert asn1.encode(channel, value) == data


@pytest.mark.parametrize("qci", range(1, 10))
def test_drbs_of_every_qci(qci: int) -> None:
    common = enb_defaults.defaults()["drb"][qci]
    data = enb_messages.rrc_connection_reconfiguration(0, {"drb-ToAddModList": [enb_resources.drb(1, 3, 5, common)]})
    mode = body(asn1.decode("DL-DCCH", data)["message"][1][1])["radioResourceConfigDedicated"]["drb-ToAddModList"][0]
    assert mode["rlc-Config"][0] == ("um-Bi-Directional" if qci <= 2 else "am")


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_transmission_mode_follows_the_antenna_ports(n_ports: int) -> None:
    value = enb_resources.physical(enb_defaults.defaults()["physicalConfigDedicated"], SR, CQI, n_ports)
    assert value["antennaInfo"][1]["transmissionMode"] == ("tm1" if n_ports == 1 else "tm2")


def test_defaults_are_the_callers_own() -> None:
    enb_defaults.defaults()["mac-MainConfig"]["ul-SCH-Config"]["maxHARQ-Tx"] = "n1"
    assert enb_defaults.defaults()["mac-MainConfig"]["ul-SCH-Config"]["maxHARQ-Tx"] == "n4"


def test_paging_messages() -> None:
    records = [enb_messages.paging_record((1, 0xAABBCCDD)), enb_messages.paging_record("001010123456789", "cs")]
    data = enb_messages.paging(records, si_modification=True)
    content = asn1.decode("PCCH", data)["message"][1][1]
    assert content == {"pagingRecordList": records, "systemInfoModification": "true"}
    with pytest.raises(ValueError, match="17 paging records"):
        enb_messages.paging(records[:1] * 17)
