"""S1AP against a recording of an independent network, and the rules for abstract syntax errors."""

import copy
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.s1ap import Criticality, Fault, Ie, IeFault, Kind, S1apPdu
from picocell.rrc_nas import asn1
from support.captures import capture
from support.pcap import sctp_user_messages

RELEASE = bytes.fromhex("0017001000000200630004000100010002400120")
"""A UE Context Release Command: UE-S1AP-IDs (1, 1), Cause nas normal-release."""


@cache
def recorded() -> list[bytes]:
    return list(sctp_user_messages(capture("lte6_s1ap.pcap"), s1ap.PPID))


def e_rab_setup() -> S1apPdu:
    item = {
        "e-RAB-ID": 6,
        "e-RABlevelQoSParameters": {
            "qCI": 1,
            "allocationRetentionPriority": {
                "priorityLevel": 2,
                "pre-emptionCapability": "may-trigger-pre-emption",
                "pre-emptionVulnerability": "not-pre-emptable",
            },
            "gbrQosInformation": {
                "e-RAB-MaximumBitrateDL": 128000,
                "e-RAB-MaximumBitrateUL": 128000,
                "e-RAB-GuaranteedBitrateDL": 64000,
                "e-RAB-GuaranteedBitrateUL": 64000,
            },
        },
        "transportLayerAddress": (0x7F000064, 32),
        "gTP-TEID": b"\0\0\0\x07",
        "nAS-PDU": b"\x27\x01",
        "iE-Extensions": [{"id": 156, "criticality": "ignore", "extensionValue": ("Correlation-ID", b"abcd")}],
    }
    ies = {"MME-UE-S1AP-ID": 1, "eNB-UE-S1AP-ID": 2, "E-RABToBeSetupListBearerSUReq": [item]}
    return s1ap.build("E-RABSetupRequest", ies)


def test_every_recorded_pdu_is_read_and_written_to_equal_bytes() -> None:
    assert len(recorded()) == 17
    for data in recorded():
        pdu = s1ap.decode(data)
        assert s1ap.encode(pdu) == data
        assert pdu.diagnostics() is None
        pdu.check()


def test_every_recorded_pdu_is_built_from_its_name_and_values() -> None:
    for data in recorded():
        pdu = s1ap.decode(data)
        assert pdu.message is not None
        assert s1ap.build(pdu.message, pdu.ies) == pdu


def test_values_of_a_recorded_attach() -> None:
    setup, answer, initial = (s1ap.decode(data) for data in recorded()[:3])
    assert (setup.kind, setup.procedure, setup.message) == (Kind.INITIATING_MESSAGE, "S1Setup", "S1SetupRequest")
    assert setup.ies["eNBname"] == "srsenb01"
    assert setup.ies["SupportedTAs"] == [{"tAC": b"\0\7", "broadcastPLMNs": [b"\0\xf1\x10"]}]
    assert (answer.kind, answer.ies["RelativeMMECapacity"]) == (Kind.SUCCESSFUL_OUTCOME, 255)
    assert initial.raw[0] == Ie(8, Criticality.REJECT, 1)
    context = next(pdu for pdu in map(s1ap.decode, recorded()) if pdu.message == "InitialContextSetupRequest")
    (bearer,) = context.ies["E-RABToBeSetupListCtxtSUReq"]
    assert (bearer["e-RAB-ID"], bearer["gTP-TEID"]) == (5, b"\0\0\0\1")


def test_values_are_plain_copies() -> None:
    pdu = s1ap.decode(RELEASE)
    kept = copy.deepcopy(pdu)
    s1ap.decode(RELEASE.replace(bytes.fromhex("00010001"), bytes.fromhex("00050006")))
    assert pdu == kept
    ies = {"UE-S1AP-IDs": ("uE-S1AP-ID-pair", {"mME-UE-S1AP-ID": 1, "eNB-UE-S1AP-ID": 1}), "Cause": ("nas", "detach")}
    before = copy.deepcopy(ies)
    s1ap.encode(s1ap.build("UEContextReleaseCommand", ies))
    assert ies == before


def test_nested_containers_and_extensions_survive() -> None:
    pdu = e_rab_setup()
    again = s1ap.decode(s1ap.encode(pdu))
    assert again == pdu
    assert again.ies == pdu.ies


def test_an_unknown_element_inside_an_item_is_reported() -> None:
    pdu = e_rab_setup()
    item = pdu.ies["E-RABToBeSetupListBearerSUReq"][0]
    item["iE-Extensions"] = [{"id": 65000, "criticality": "notify", "extensionValue": ("_unk_004", b"\x01\x02")}]
    again = s1ap.decode(s1ap.encode(pdu))
    found = again.diagnostics()
    assert found is not None
    assert found.faults == (IeFault(65000, Criticality.NOTIFY, Fault.NOT_UNDERSTOOD),)
    assert found.action is Criticality.NOTIFY
    assert s1ap.encode(again) == s1ap.encode(pdu)


@pytest.mark.parametrize(
    ("octet", "criticality", "cause"),
    [
        ("00", Criticality.REJECT, "abstract-syntax-error-reject"),
        ("40", Criticality.IGNORE, "abstract-syntax-error-ignore-and-notify"),
        ("80", Criticality.NOTIFY, "abstract-syntax-error-ignore-and-notify"),
    ],
)
def test_an_unknown_element_is_reported_by_its_criticality(octet: str, criticality: Criticality, cause: str) -> None:
    data = bytes.fromhex(f"0017001500000300630004000100010002400120fff2{octet}0155")
    pdu = s1ap.decode(data)
    assert s1ap.encode(pdu) == data
    assert pdu.raw[2] == Ie(0xFFF2, criticality, b"\x55", known=False)
    assert set(pdu.ies) == {"UE-S1AP-IDs", "Cause"}
    found = pdu.diagnostics()
    assert found is not None
    assert (found.action, found.cause) == (criticality, ("protocol", cause))
    report = found.ie().get("iEsCriticalityDiagnostics", [])
    wanted = [{"iECriticality": str(criticality), "iE-ID": 0xFFF2, "typeOfError": "not-understood"}]
    assert report == ([] if criticality is Criticality.IGNORE else wanted)
    if criticality is Criticality.REJECT:
        with pytest.raises(s1ap.AbstractSyntaxError, match="65522"):
            pdu.check()
    else:
        pdu.check()


def test_diagnostics_make_an_error_indication() -> None:
    pdu = s1ap.decode(bytes.fromhex("00170009000001000240012000"))
    found = pdu.diagnostics()
    assert found is not None
    assert found.faults == (IeFault(99, Criticality.REJECT, Fault.MISSING),)
    indication = s1ap.build("ErrorIndication", {"Cause": found.cause, "CriticalityDiagnostics": found.ie()})
    again = s1ap.decode(s1ap.encode(indication))
    assert again.ies["CriticalityDiagnostics"] == {
        "procedureCode": 23,
        "triggeringMessage": "initiating-message",
        "procedureCriticality": "reject",
        "iEsCriticalityDiagnostics": [{"iECriticality": "reject", "iE-ID": 99, "typeOfError": "missing"}],
    }


def test_an_unknown_procedure_is_kept_and_reported() -> None:
    data = bytes.fromhex("00f7") + RELEASE[2:]
    pdu = s1ap.decode(data)
    assert (pdu.message, pdu.procedure, pdu.ies) == (None, "247", {})
    assert s1ap.encode(pdu) == data
    found = pdu.diagnostics()
    assert found is not None
    assert found.unknown_procedure
    with pytest.raises(s1ap.AbstractSyntaxError):
        pdu.check()


@pytest.mark.parametrize("order", [(1, 0), (0, 0, 1), (0, 1, 1)])
def test_elements_in_a_wrong_order_or_too_often_are_reported(order: tuple[int, ...]) -> None:
    pdu = s1ap.decode(RELEASE)
    wrong = S1apPdu(pdu.kind, pdu.procedure_code, pdu.criticality, tuple(pdu.raw[i] for i in order))
    found = s1ap.decode(s1ap.encode(wrong)).diagnostics()
    assert found is not None
    assert found.cause == ("protocol", "abstract-syntax-error-falsely-constructed-message")
    assert found.action is Criticality.REJECT


@pytest.mark.parametrize(
    "data", [b"", b"\0\x11", RELEASE[:-2], bytes.fromhex("001700100000020063000400010001000240017f")]
)
def test_malformed_bytes_are_transfer_syntax_errors(data: bytes) -> None:
    with pytest.raises(s1ap.TransferSyntaxError) as caught:
        s1ap.decode(data)
    assert caught.value.CAUSE == ("protocol", "transfer-syntax-error")


@pytest.mark.parametrize(
    ("message", "ies", "reason"),
    [
        ("NoSuchMessage", {}, "no message"),
        ("UEContextReleaseCommand", {"Cause": ("nas", "detach")}, "mandatory UE-S1AP-IDs"),
        ("UEContextReleaseComplete", {"Cause": ("nas", "detach")}, "no element Cause"),
        ("UEContextReleaseComplete", {"MME-UE-S1AP-ID": "x", "eNB-UE-S1AP-ID": 1}, "not an S1AP PDU"),
        ("UEContextReleaseComplete", {"MME-UE-S1AP-ID": 1 << 32, "eNB-UE-S1AP-ID": 1}, "not an S1AP PDU"),
        ("ErrorIndication", {"Cause": ("nas", "no such cause")}, "not an S1AP PDU"),
    ],
)
def test_what_cannot_be_built_is_refused(message: str, ies: dict[str, Any], reason: str) -> None:
    with pytest.raises(s1ap.S1apError, match=reason):
        s1ap.encode(s1ap.build(message, ies))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.sampled_from((b"", b"\0\x17", b"\0\x09\0", b"\x20\x11\0", b"\0\x0c\x40")))
def test_random_bytes_raise_only_the_modules_error(tail: bytes, head: bytes) -> None:
    with suppress(s1ap.TransferSyntaxError):
        pdu = s1ap.decode(head + tail)
        pdu.diagnostics()
        assert set(pdu.ies) <= {ie.name for ie in pdu.raw}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_recordings_raise_only_the_modules_error(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(recorded())))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        pdu = s1ap.decode(bytes(damaged))
    except s1ap.TransferSyntaxError:
        return
    pdu.diagnostics()
    with suppress(s1ap.S1apError):  # the codec reads characters that it does not write
        assert s1ap.decode(s1ap.encode(pdu)) == pdu


def test_s1ap_and_rrc_in_two_threads_do_not_disturb_each_other() -> None:
    rrc = bytes.fromhex("6040040300011a2d4018028180420c800000")
    wanted, wrong = asn1.decode("BCCH-DL-SCH", rrc), []

    def read_rrc() -> None:
        for _ in range(100):
            if asn1.decode("BCCH-DL-SCH", rrc) != wanted:
                wrong.append("rrc")

    thread = threading.Thread(target=read_rrc)
    thread.start()
    for _ in range(100):
        if s1ap.encode(s1ap.decode(RELEASE)) != RELEASE:
            wrong.append("s1ap")
    thread.join()
    assert wrong == []
