"""The eNB's end of S1AP against an MME of hand-made messages."""

from typing import Any

import pytest

from picocell.enb import s1ap_events as events
from picocell.enb.s1ap import EnbS1ap, EnbS1apSettings
from picocell.enb.s1ap_connections import UeState
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.s1ap import Criticality, Ie, S1apPdu
from picocell.rrc_nas.rrc.states import RegisteredMme
from support.s1ap_enb import (
    DETACH,
    ENB,
    ERAB,
    ERAB_RELEASE,
    GBR,
    IDS,
    MESSAGES,
    MME,
    RELEASE,
    RNTI,
    answers,
    context_setup,
    drain,
    erab_setup,
    give,
    in_state,
    new_enb,
)


def test_setup_is_tried_again_after_the_time_to_wait() -> None:
    enb = new_enb()
    enb.connect(0)
    (request,) = answers(enb)
    assert request.message == "S1SetupRequest"
    give(enb, MESSAGES["setup failure"], 100)
    (failed,) = drain(enb)
    assert isinstance(failed, events.S1SetupFailed)
    assert "PLMN 001/01 (0x00f110), TAC 7 (0x0007)" in failed.text
    assert enb.next_timer() == failed.retry_at == 5100
    enb.handle_timers(5099)
    assert answers(enb) == []
    enb.handle_timers(5100)
    assert [pdu.message for pdu in answers(enb)] == ["S1SetupRequest"]


def test_an_mme_that_does_not_answer_is_asked_again() -> None:
    enb = new_enb()
    enb.connect(0)
    answers(enb)
    enb.handle_timers(1000)
    (failed,) = drain(enb)
    assert isinstance(failed, events.S1SetupFailed)
    assert "does not answer" in failed.text
    enb.handle_timers(3000)
    assert [pdu.message for pdu in answers(enb)] == ["S1SetupRequest"]


def test_a_ue_without_an_mme_is_refused() -> None:
    enb = in_state("setting up")
    assert not enb.initial_ue_message(RNTI, b"first", "mo-Data", None, None, 0)
    assert enb.tables()["ues"] == 0


def test_the_first_message_names_the_place_and_the_mme() -> None:
    enb = in_state("ready")
    enb.initial_ue_message(RNTI, b"first", "delayTolerantAccess-v1020", (26, 5), RegisteredMme(256, 26), 0)
    (pdu,) = answers(enb)
    assert pdu.diagnostics() is None
    assert pdu.ies["RRC-Establishment-Cause"] == "delay-TolerantAccess"
    assert pdu.ies["S-TMSI"] == {"mMEC": b"\x1a", "m-TMSI": b"\0\0\0\5"}
    assert pdu.ies["GUMMEI-ID"] == {"pLMN-Identity": b"\0\xf1\x10", "mME-Group-ID": b"\1\0", "mME-Code": b"\x1a"}
    assert pdu.ies["TAI"]["tAC"] == b"\0\7"


def test_a_context_arrives_whole() -> None:
    enb = in_state("connected")
    assert give(enb, context_setup(ERAB, GBR)) == []
    key = (5).to_bytes(32, "big")
    wanted = events.InitialContextSetupRequest(RNTI, key, 0xC000, 1, 1, 2, (ERAB, GBR), b"capability")
    assert drain(enb) == [wanted]
    enb.initial_context_setup_response(RNTI, [(5, 1, ENB)], [(6, ("radioNetwork", "radio-resources-not-available"))])
    (answer,) = answers(enb)
    assert answer.message == "InitialContextSetupResponse"
    assert answer.ies["E-RABFailedToSetupListCtxtSURes"][0]["e-RAB-ID"] == 6


def test_bearers_that_share_an_identity_are_refused() -> None:
    enb = in_state("connected")
    (answer,) = give(enb, context_setup(ERAB, ERAB))
    assert answer.message == "InitialContextSetupFailure"
    assert answer.ies["Cause"] == ("radioNetwork", "multiple-E-RAB-ID-instances")
    assert enb.ue_state(RNTI) is UeState.CONNECTED


def test_bearers_are_added_and_released() -> None:
    enb = in_state("active")
    give(enb, erab_setup(GBR))
    assert drain(enb) == [events.ErabSetupRequest(RNTI, (GBR,))]
    (busy,) = give(enb, erab_setup(GBR))
    assert busy.ies["E-RABFailedToSetupListBearerSURes"][0]["cause"][1] == "interaction-with-other-procedure"
    enb.erab_setup_response(RNTI, [(6, 2, ENB)])
    assert answers(enb)[0].ies["E-RABSetupListBearerSURes"][0]["e-RAB-ID"] == 6
    give(enb, ERAB_RELEASE)
    assert drain(enb) == [events.ErabReleaseCommand(RNTI, (5,), b"bye")]
    enb.erab_release_response(RNTI, (5,))
    assert answers(enb)[0].ies["E-RABReleaseListBearerRelComp"] == [{"e-RAB-ID": 5}]
    (unknown,) = give(enb, ERAB_RELEASE)
    assert unknown.ies["E-RABFailedToReleaseList"][0]["cause"] == ("radioNetwork", "unknown-E-RAB-ID")
    assert drain(enb) == [events.DownlinkNas(RNTI, b"bye")]


def test_a_changed_context_is_told_and_answered() -> None:
    enb = in_state("active")
    (answer,) = give(enb, MESSAGES["modification"])
    assert answer.message == "UEContextModificationResponse"
    assert drain(enb) == [events.ContextModified(RNTI, (7).to_bytes(32, "big"))]


def test_a_release_of_what_is_gone_is_complete_at_once() -> None:
    enb = in_state("ready")
    (answer,) = give(enb, RELEASE)
    assert (answer.message, answer.ies) == ("UEContextReleaseComplete", IDS)


@pytest.mark.parametrize(
    ("ids", "cause"),
    [
        ({"MME-UE-S1AP-ID": 9, "eNB-UE-S1AP-ID": 3}, "unknown-enb-ue-s1ap-id"),
        ({"MME-UE-S1AP-ID": 8, "eNB-UE-S1AP-ID": 1}, "unknown-pair-ue-s1ap-id"),
    ],
)
def test_identities_that_do_not_fit_are_reported(ids: dict[str, int], cause: str) -> None:
    enb = in_state("connected")
    (answer,) = give(enb, s1ap.build("DownlinkNASTransport", {**ids, "NAS-PDU": b""}))
    assert (answer.message, answer.ies["Cause"]) == ("ErrorIndication", ("radioNetwork", cause))
    assert {name: answer.ies[name] for name in ids} == ids
    assert drain(enb) == []


def test_an_error_indication_about_a_connection_ends_it() -> None:
    enb = in_state("active")
    assert give(enb, MESSAGES["error"]) == []
    assert drain(enb)[-1] == events.ReleaseCommand(RNTI, ("radioNetwork", "unknown-enb-ue-s1ap-id"), local=True)
    enb.release_complete(RNTI)
    assert answers(enb) == []
    assert not any(enb.tables().values())


def test_a_partial_reset_names_what_it_acknowledges() -> None:
    enb = in_state("active")
    connections = [{"mME-UE-S1AP-ID": 9}, {"eNB-UE-S1AP-ID": 55}]
    reset = s1ap.build("Reset", {"Cause": DETACH, "ResetType": ("partOfS1-Interface", connections)})
    (answer,) = give(enb, reset)
    assert answer.ies["UE-associatedLogicalS1-ConnectionListResAck"] == connections
    assert drain(enb) == [events.Reset((RNTI,), False, DETACH)]


def test_a_reset_that_is_not_acknowledged_is_repeated_and_given_up() -> None:
    enb = in_state("active")
    enb.reset(0)
    sent = [len(answers(enb))]
    for now in (1000, 2000, 3000, 4000):
        enb.handle_timers(now)
        sent.append(len(answers(enb)))
    assert sent == [1, 1, 1, 0, 0]
    assert not any(enb.tables().values())


@pytest.mark.parametrize(("tac", "wanted"), [(7, 1), (8, 0)])
def test_paging_is_for_our_tracking_area_only(tac: int, wanted: int) -> None:
    enb = in_state("ready")
    tai = {"tAI": {"pLMNidentity": b"\0\xf1\x10", "tAC": tac.to_bytes(2, "big")}}
    identity = ("iMSI", bytes.fromhex("00011032547698f0"))
    ies = {"UEIdentityIndexValue": (5, 10), "UEPagingID": identity, "CNDomain": "ps", "TAIList": [tai]}
    give(enb, s1ap.build("Paging", {**ies, "pagingDRX": "v64"}))
    found = drain(enb)
    assert len(found) == wanted
    if wanted:
        page = found[0]
        assert isinstance(page, events.PagingRequest)
        assert (page.ue_identity_index, page.imsi, page.drx) == (5, "001001234567890", 64)


@pytest.mark.parametrize("criticality", list(Criticality))
def test_an_unknown_element_is_answered_by_its_criticality(criticality: Criticality) -> None:
    enb = in_state("connected")
    base = context_setup(ERAB)
    pdu = S1apPdu(base.kind, base.procedure_code, base.criticality, (*base.raw, Ie(65000, criticality, b"x", False)))
    found = give(enb, pdu)
    if criticality is Criticality.REJECT:
        assert [one.message for one in found] == ["InitialContextSetupFailure"]
        assert found[0].ies["CriticalityDiagnostics"]["iEsCriticalityDiagnostics"][0]["iE-ID"] == 65000
        assert drain(enb) == []
        return
    assert found == []
    assert len(drain(enb)) == 1
    enb.initial_context_setup_response(RNTI, [(5, 1, ENB)])
    assert ("CriticalityDiagnostics" in answers(enb)[0].ies) is (criticality is Criticality.NOTIFY)


@pytest.mark.parametrize(("octet", "answered"), [(0, True), (0x40, False), (0x80, True)])
def test_an_unknown_procedure_is_answered_by_its_criticality(octet: int, answered: bool) -> None:
    enb = in_state("active")
    found = give(enb, bytes([0, 247, octet, 3, 0, 0, 0]))
    assert [pdu.message for pdu in found] == ["ErrorIndication"] * answered
    if answered:
        assert found[0].ies["CriticalityDiagnostics"]["procedureCode"] == 247


def test_error_indications_are_never_answered() -> None:
    enb = in_state("active")
    base = MESSAGES["error"]
    strange = Ie(65000, Criticality.REJECT, b"", False)
    pdu = S1apPdu(base.kind, base.procedure_code, base.criticality, (*base.raw, strange))
    assert give(enb, pdu) == []


@pytest.mark.parametrize(
    "arguments",
    [{"enb_id": 1 << 20}, {"name": ""}, {"identity": Identity(tac=1 << 16)}, {"identity": Identity(mnc="1")}],
)
def test_arguments_are_checked(arguments: dict[str, Any]) -> None:
    every: dict[str, Any] = {"identity": Identity(), "enb_id": 1, "name": "enb"} | arguments
    with pytest.raises(ValueError):
        EnbS1ap(**every, address=ENB, mme_address=MME, gtpu_address=ENB)
    with pytest.raises(ValueError, match="paging"):
        EnbS1apSettings(paging_drx=100)


@pytest.mark.parametrize("cause", ["spare1", "mo-VoiceCall-v1280", "delayTolerantAccess-v1020", "mt-Access"])
def test_every_establishment_cause_of_rrc_has_one_of_s1ap(cause: str) -> None:
    enb = in_state("ready")
    assert enb.initial_ue_message(RNTI, b"nas", cause, None, None, 0)
    (sent,) = answers(enb)
    assert sent.message == "InitialUEMessage"
