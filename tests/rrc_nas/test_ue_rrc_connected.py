"""A UE's RRC in RRC_CONNECTED: establishment, security, reconfiguration, release."""

from typing import Any

import pytest

from picocell.enb import system_information
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc import events
from picocell.rrc_nas.rrc.states import RegisteredMme, SecurityKeys
from picocell.rrc_nas.rrc.ue import RrcState, UeRrcSettings
from picocell.rrc_nas.rrc.ue_events import (
    CellSelectionNeeded,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionReleased,
    NasReceived,
    StartRandomAccess,
    SuspendBearers,
)
from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.ue_rrc import (
    K_ENB,
    RECONFIGURATION,
    SETUP,
    Phone,
    dl,
    information_transfer,
    mib,
    opened,
    reconfiguration,
    reestablishment,
    release,
    security_mode_command,
    sib1,
)


def kinds(found: list[Any]) -> list[type]:
    return [type(event) for event in found]


# --- establishment


def test_establishment() -> None:
    phone = Phone().camp()
    mme = RegisteredMme(0x8001, 0x1A, ("001", "01"))
    phone.rrc.connect(b"\x07\x41", "mo-Signalling", 100, s_tmsi=(0x1A, 7), registered_mme=mme)
    request, start = phone.events()
    assert isinstance(request, events.SendSrb)
    _, name, body = opened(0, request.message)
    assert (name, body["ue-Identity"][0], body["establishmentCause"]) == (
        "rrcConnectionRequest",
        "s-TMSI",
        "mo-Signalling",
    )
    assert start == StartRandomAccess(None)
    assert phone.rrc.timers["T300"] == 2100
    phone.rrc.random_access_complete(120, 0x46)
    phone.rrc.receive_ccch(SETUP, 120)
    configure, established, complete = phone.events()
    assert isinstance(configure, events.ConfigureRadio)
    assert [setup.lcid for setup in configure.changes.add] == [1]
    assert established == ConnectionEstablished()
    assert isinstance(complete, events.SendSrb)
    srb, name, body = opened(complete.srb, complete.message)
    assert (srb, name, body["dedicatedInfoNAS"]) == (1, "rrcConnectionSetupComplete", b"\x07\x41")
    assert body["registeredMME"] == {"mmegi": (0x8001, 16), "mmec": (0x1A, 8)}  # its network is the selected one
    assert "T300" not in phone.rrc.timers
    assert phone.rrc.connection is not None
    assert phone.rrc.connection.c_rnti == 0x46


def test_no_answer() -> None:
    phone = Phone().camp()
    phone.rrc.connect(b"\x07", "mo-Data", 100)
    phone.events()
    phone.run(2099)
    assert phone.events() == []
    phone.run(2100)
    assert kinds(phone.events()) == [events.ResetMac, ConnectionFailed]
    assert phone.rrc.camped
    phone.rrc.receive_ccch(SETUP, 2101)
    assert (phone.events(), phone.rrc.refused["rrcConnectionSetup"]) == ([], 1)


def test_cell_lost_or_nas_gives_up_while_connecting() -> None:
    for action, after in (("cell_lost", RrcState.SEARCHING), ("release_locally", RrcState.CAMPED)):
        phone = Phone().camp()
        phone.rrc.connect(b"\x07", "mo-Data", 100)
        phone.events()
        getattr(phone.rrc, action)(150)
        found = phone.events()
        assert kinds(found)[:2] == [events.ResetMac, ConnectionFailed]
        assert (phone.rrc.state, "T300" in phone.rrc.timers) == (after, False)


@pytest.mark.parametrize("change", ["mode", "no srb", "reserved index"])
def test_setup_that_cannot_be_followed_is_ignored(change: str) -> None:
    message = asn1.decode("DL-CCCH", SETUP)
    resources = message["message"][1][1]["criticalExtensions"][1][1]["radioResourceConfigDedicated"]
    if change == "mode":
        resources["physicalConfigDedicated"]["antennaInfo"][1]["transmissionMode"] = "tm4"
    elif change == "no srb":
        del resources["srb-ToAddModList"]
    else:
        resources["physicalConfigDedicated"]["cqi-ReportConfig"]["cqi-ReportPeriodic"][1]["cqi-pmi-ConfigIndex"] = 1023
    phone = Phone().camp()
    phone.rrc.connect(b"\x07", "mo-Data", 100)
    phone.events()
    phone.rrc.receive_ccch(asn1.encode("DL-CCCH", message), 120)
    assert (phone.events(), phone.rrc.refused["rrcConnectionSetup"]) == ([], 1)
    phone.run(3000)
    assert kinds(phone.events()) == [events.ResetMac, ConnectionFailed]


# --- NAS messages


def test_nas_goes_over_srb2_where_there_is_one() -> None:
    phone = Phone().camp()
    phone.rrc.send_nas(b"\x07", 50)
    assert (phone.events(), phone.rrc.refused["NAS message"]) == ([], 1)
    phone.connect()
    phone.rrc.send_nas(b"\x07\x01", 200)
    phone.rrc.receive_dcch(1, RECONFIGURATION, 210)
    phone.rrc.send_nas(b"\x07\x02", 220)
    transfers = [(srb, body) for srb, name, body in phone.sent() if name == "ulInformationTransfer"]
    assert transfers == [
        (1, {"dedicatedInfoType": ("dedicatedInfoNAS", b"\x07\x01")}),
        (2, {"dedicatedInfoType": ("dedicatedInfoNAS", b"\x07\x02")}),
    ]
    phone.rrc.receive_dcch(2, information_transfer(b"\x07\x03"), 230)
    assert phone.events() == [NasReceived(b"\x07\x03")]


# --- security


def test_security_mode() -> None:
    phone = Phone().camp().connect(secure=False)
    asked: list[SecurityKeys] = []
    phone.rrc.verify_last = lambda found: not asked.append(found)  # type: ignore[func-returns-value]
    phone.rrc.receive_dcch(1, security_mode_command("eea1", "eia2", 3), 200)
    first, complete, second = phone.events()
    want = SecurityKeys.derive(K_ENB, Eea.EEA1, Eia.EIA2)
    assert asked == [want]
    assert first == events.ActivateSecurity(want, True, True, False, False)
    assert isinstance(complete, events.SendSrb)
    assert asn1.decode("UL-DCCH", complete.message)["message"][1] == (
        "securityModeComplete",
        {"rrc-TransactionIdentifier": 3, "criticalExtensions": ("securityModeComplete-r8", {})},
    )
    assert second == events.ActivateSecurity(want, False, False, True, True)
    phone.rrc.receive_dcch(1, security_mode_command(), 210)
    assert (phone.events(), phone.rrc.refused["securityModeCommand"]) == ([], 1)


@pytest.mark.parametrize("why", ["mac", "no verifier", "eia0", "eea", "no key", "spare"])
def test_security_mode_failure_changes_nothing(why: str) -> None:
    phone = Phone(settings=UeRrcSettings(eea=frozenset({Eea.EEA0, Eea.EEA2}))).camp().connect(secure=False)
    if why == "mac":
        phone.rrc.verify_last = lambda _keys: False
    elif why == "no verifier":
        phone.rrc.verify_last = None
    elif why == "no key":
        phone.rrc._context.next_chain = None
    eea = {"eea": "eea3-v1130", "spare": "spare1"}.get(why, "eea2")
    message = security_mode_command(eea, "eia0-v920" if why == "eia0" else "eia2")
    phone.rrc.receive_dcch(1, message, 200)
    assert phone.sent() == [(1, "securityModeFailure", {})]
    assert phone.rrc.connection is not None
    assert phone.rrc.connection.keys is None
    assert phone.rrc.state is RrcState.CONNECTED


def test_capability_enquiry() -> None:
    phone = Phone().camp().connect()
    for asked, n in ((["eutra", "utra"], 1), (["geran-cs"], 0)):
        phone.rrc.receive_dcch(1, dl("ueCapabilityEnquiry", {"ue-CapabilityRequest": asked}), 200)
        ((srb, name, body),) = phone.sent()
        assert (srb, name, len(body["ue-CapabilityRAT-ContainerList"])) == (1, "ueCapabilityInformation", n)


def test_counter_check() -> None:
    phone = Phone().camp().connect(bearers=True)
    phone.rrc.drb_counts = lambda: {1: (0x1234, 0x80)}
    entries = [{"drb-Identity": 1, "countMSB-Uplink": 0x1234 >> 7, "countMSB-Downlink": 1}]
    phone.rrc.receive_dcch(1, dl("counterCheck", {"drb-CountMSB-InfoList": entries}), 200)
    ((_, name, body),) = phone.sent()
    assert (name, body) == ("counterCheckResponse", {"drb-CountInfoList": []})
    entries = [{"drb-Identity": 4, "countMSB-Uplink": 3, "countMSB-Downlink": 2}]
    phone.rrc.receive_dcch(1, dl("counterCheck", {"drb-CountMSB-InfoList": entries}), 200)
    ((_, _, body),) = phone.sent()
    assert body["drb-CountInfoList"] == [
        {"drb-Identity": 1, "count-Uplink": 0x1234, "count-Downlink": 0x80},
        {"drb-Identity": 4, "count-Uplink": 384, "count-Downlink": 256},
    ]


def test_key_of_a_later_authentication_waits_for_the_next_connection() -> None:
    phone = Phone().camp().connect()
    phone.rrc.set_security(bytes(reversed(K_ENB)))
    phone.rrc.max_retx_reached(1, 300)
    phone.rrc.mib(mib(), 1, 400)
    phone.rrc.receive_bcch(sib1(), 425)
    phone.events()
    phone.rrc.receive_ccch(reestablishment(0), 450)
    want = SecurityKeys.derive(keys.k_enb_star(K_ENB, 1, 3350), Eea.EEA2, Eia.EIA2)
    assert phone.event(events.ReestablishBearers).keys == want
    phone.rrc.release_locally(500)
    phone.rrc.connect(b"\x07", "mo-Data", 510)
    phone.rrc.receive_ccch(SETUP, 520)
    phone.events()
    phone.rrc.receive_dcch(1, security_mode_command(), 530)
    want = SecurityKeys.derive(bytes(reversed(K_ENB)), Eea.EEA2, Eia.EIA2)
    assert [event.keys for event in phone.events() if isinstance(event, events.ActivateSecurity)] == [want, want]


# --- reconfiguration


def test_reconfiguration_configures_then_confirms_then_passes_nas_up() -> None:
    phone = Phone().camp().connect()
    phone.rrc.receive_dcch(1, RECONFIGURATION, 200)
    configure, complete, nas = phone.events()
    assert isinstance(configure, events.ConfigureRadio)
    assert [setup.bearer.name for setup in configure.changes.add] == ["SRB2", "DRB1"]
    assert isinstance(complete, events.SendSrb)
    assert opened(1, complete.message)[1] == "rrcConnectionReconfigurationComplete"
    assert isinstance(nas, NasReceived)


def test_drb_release() -> None:
    phone = Phone().camp().connect(bearers=True)
    phone.rrc.receive_dcch(1, reconfiguration(radioResourceConfigDedicated={"drb-ToReleaseList": [1]}), 300)
    assert phone.event(events.ConfigureRadio).changes.release == (3,)


def handover() -> dict[str, Any]:
    """mobilityControlInfo."""
    sib2 = system_information.sib2(6)["radioResourceConfigCommon"]
    common = {
        "prach-Config": {"rootSequenceIndex": 0},
        "pusch-ConfigCommon": sib2["pusch-ConfigCommon"],
        "ul-CyclicPrefixLength": "len1",
    }
    return {
        "targetPhysCellId": 2,
        "t304": "ms50",
        "newUE-Identity": (1, 16),
        "radioResourceConfigCommon": common,
    }


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("what", ["mode", "measId", "handover"])
def test_reconfiguration_that_cannot_be_followed(secure: bool, what: str) -> None:
    """Before security is active the connection is left, afterwards it is re-established (TS 36.331 5.3.5.5)."""
    body: dict[str, Any]
    if what == "mode":
        antenna = ("explicitValue", {"transmissionMode": "tm7", "ue-TransmitAntennaSelection": ("release", None)})
        body = {"radioResourceConfigDedicated": {"physicalConfigDedicated": {"antennaInfo": antenna}}}
    elif what == "handover":
        body = {"mobilityControlInfo": handover()}
    else:
        body = {"measConfig": {"measIdToAddModList": [{"measId": 1, "measObjectId": 1, "reportConfigId": 9}]}}
    phone = Phone().camp().connect(secure=secure)
    phone.rrc.receive_dcch(1, reconfiguration(**body), 300)
    found = phone.events()
    assert phone.rrc.refused["rrcConnectionReconfiguration"] == 1
    assert not any(isinstance(event, events.SendSrb) for event in found)
    if secure:
        assert kinds(found) == [events.ResetMac, events.ConfigureRadio, SuspendBearers, CellSelectionNeeded]
        assert phone.rrc.state is RrcState.SELECTING
    else:
        assert ConnectionReleased("other") in found


def test_bearers_before_security_are_refused() -> None:
    phone = Phone().camp().connect(secure=False)
    phone.rrc.receive_dcch(1, RECONFIGURATION, 300)
    assert ConnectionReleased("other") in phone.events()


# --- release


@pytest.mark.parametrize("cause", ["other", "loadBalancingTAUrequired"])
def test_release_acts_after_sixty_ms(cause: str) -> None:
    phone = Phone().camp().connect(bearers=True)
    message = asn1.decode("DL-DCCH", release(cause))
    body = message["message"][1][1]["criticalExtensions"][1][1]
    body["redirectedCarrierInfo"] = ("eutra", 1850)
    phone.rrc.receive_dcch(1, asn1.encode("DL-DCCH", message), 300)
    phone.rrc.receive_dcch(2, information_transfer(b"\x07"), 310)  # SRB1 has overtaken SRB2
    phone.run(359)
    assert (phone.events(), phone.rrc.state) == ([NasReceived(b"\x07")], RrcState.RELEASING)
    phone.run(360)
    assert phone.events() == [events.ResetMac(), events.ReleaseRadio(cause), ConnectionReleased(cause)]
    assert phone.rrc.camped
    assert phone.rrc._context.chain is None  # the keys are gone
    assert (phone.rrc.connection, phone.rrc.timers.keys()) == (None, {"validity of system information"})


def test_request_during_the_release_comes_after_it() -> None:
    phone = Phone().camp().connect()
    phone.rrc.receive_dcch(1, release(), 300)
    phone.rrc.connect(b"\x07", "mo-Data", 310)
    phone.run(360)
    assert phone.rrc.state is RrcState.CONNECTING
    assert kinds(phone.events())[-1] is StartRandomAccess


def test_local_release() -> None:
    phone = Phone().camp().connect()
    phone.rrc.release_locally(300)
    assert kinds(phone.events()) == [events.ResetMac, events.ReleaseRadio, ConnectionReleased]
    assert phone.rrc.camped
