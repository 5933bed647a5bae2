"""The MME where neighbours fall silent, fail or send nonsense, at every step."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from picocell.enb import s1ap_events as enb_events
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import s1ap, s6a
from picocell.epc.interfaces.s1ap import Criticality, Ie, S1apPdu
from picocell.epc.interfaces.transport import Interface, Message
from support.mme_neighbours import ENB, HSS, IMSI, MME, SGW, Bench

RNTI = 0x46
MOMENTS = ("first", "attached", "idle", "serving", "detaching")
FAILURES = ("silent enb", "lost enb", "silent hss", "silent sgw", "silent everyone", "enb reset", "cancelled")


def begin(bench: Bench, moment: str) -> None:
    """Bring a phone to the message after which the nodes are stopped step by step."""
    bench.start()
    if moment != "first":
        bench.attach()
    if moment in ("idle", "serving"):
        bench.enb.release_request(RNTI, ("radioNetwork", "user-inactivity"), bench.now)
    if moment == "serving":
        bench.run()
        guti = bench.nas[0].context.guti
        assert guti is not None
        bench.enb.initial_ue_message(RNTI, b"service", "mo-Data", guti.s_tmsi, None, bench.now)
    if moment == "first":
        bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Data", None, None, bench.now)
    if moment == "detaching":
        bench.enb.uplink_nas(RNTI, b"detach")


def fail(bench: Bench, failure: str) -> None:
    if failure in ("silent enb", "silent everyone"):
        bench.cut.add(ENB)
    if failure == "lost enb":
        bench.mme.connection_lost(ENB, bench.now)
        bench.enb.connection_lost(bench.now)
    if failure in ("silent hss", "silent everyone"):
        bench.hss.silent = {316, 318, 321}
    if failure in ("silent sgw", "silent everyone"):
        bench.sgw.silent = set(m.MESSAGES.values())
    if failure == "enb reset":
        bench.enb.reset(bench.now)
    if failure == "cancelled":
        bench.hss.cancel(IMSI, s6a.CancellationType.INITIAL_ATTACH_PROCEDURE)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", range(9))
def test_a_failure_after_every_step_leaves_nothing_hanging(moment: str, step: int, failure: str) -> None:
    bench = Bench()
    begin(bench, moment)
    for _ in range(step):
        bench.step()
    fail(bench, failure)
    bench.run()
    bench.advance(200_000)
    running = bench.mme.tables()
    names = ("guards", "paging", "s6a_requests", "s11_requests", "s1_procedures", "network_bearers")
    assert {name: running[name] for name in names} == dict.fromkeys(names, 0)
    bench.cut.clear()  # whatever was left is forgotten by the HSS's wish
    bench.hss.silent, bench.sgw.silent = set(), set()
    bench.hss.cancel(IMSI, s6a.CancellationType.INITIAL_ATTACH_PROCEDURE)
    bench.run()
    bench.advance(30_000)
    mme = {name: size for name, size in bench.mme.tables().items() if name != "associations"}
    assert not any(mme.values()), mme


IDS = {"MME-UE-S1AP-ID": 1, "eNB-UE-S1AP-ID": 1}
CELL = {
    "TAI": {"pLMNidentity": b"\0\xf1\x10", "tAC": b"\0\7"},
    "EUTRAN-CGI": {"pLMNidentity": b"\0\xf1\x10", "cell-ID": (1, 28)},
}
CAUSE = {"Cause": ("radioNetwork", "unspecified")}
END = {"e-RAB-ID": 5, "transportLayerAddress": (0x0A000001, 32), "gTP-TEID": b"\0\0\0\1"}
SETUP = {
    "Global-ENB-ID": {"pLMNidentity": b"\0\xf1\x10", "eNB-ID": ("macroENB-ID", (411, 20))},
    "SupportedTAs": [{"tAC": b"\0\7", "broadcastPLMNs": [b"\0\xf1\x10"]}],
    "DefaultPagingDRX": "v128",
}
FIRST = {"eNB-UE-S1AP-ID": 1, "NAS-PDU": f"attach {IMSI}".encode(), **CELL, "RRC-Establishment-Cause": "mo-Data"}
ENB_MESSAGES: dict[str, S1apPdu] = {
    f"{name}{i}": s1ap.build(name, ies)
    for i, (name, ies) in enumerate(
        [
            ("S1SetupRequest", SETUP),
            ("S1SetupRequest", {**SETUP, "SupportedTAs": [{"tAC": b"\0\x09", "broadcastPLMNs": [b"\0\xf2\x10"]}]}),
            ("InitialUEMessage", FIRST),
            ("InitialUEMessage", {**FIRST, "eNB-UE-S1AP-ID": 2, "S-TMSI": {"mMEC": b"\x1a", "m-TMSI": bytes(4)}}),
            ("UplinkNASTransport", {**IDS, "NAS-PDU": b"complete", **CELL}),
            ("UplinkNASTransport", {**IDS, "NAS-PDU": b"detach", **CELL}),
            ("NASNonDeliveryIndication", {**IDS, "NAS-PDU": b"x", **CAUSE}),
            ("InitialContextSetupResponse", {**IDS, "E-RABSetupListCtxtSURes": [END]}),
            ("InitialContextSetupResponse", {**IDS, "E-RABSetupListCtxtSURes": [{**END, "e-RAB-ID": 9}]}),
            ("InitialContextSetupFailure", {**IDS, **CAUSE}),
            ("UECapabilityInfoIndication", {**IDS, "UERadioCapability": b"capability"}),
            ("UEContextModificationResponse", IDS),
            ("E-RABSetupResponse", {**IDS, "E-RABSetupListBearerSURes": [END]}),
            ("E-RABReleaseResponse", IDS),
            ("E-RABReleaseIndication", {**IDS, "E-RABReleasedList": [{"e-RAB-ID": 5, "cause": ("nas", "detach")}]}),
            ("UEContextReleaseRequest", {**IDS, **CAUSE}),
            ("UEContextReleaseComplete", IDS),
            ("Reset", {**CAUSE, "ResetType": ("s1-Interface", "reset-all")}),
            ("Reset", {**CAUSE, "ResetType": ("partOfS1-Interface", [{"eNB-UE-S1AP-ID": 1}])}),
            ("ResetAcknowledge", {}),
            ("ErrorIndication", {**IDS, "Cause": ("radioNetwork", "unknown-mme-ue-s1ap-id")}),
            ("ErrorIndication", {"Cause": ("protocol", "semantic-error")}),
            ("ENBConfigurationUpdate", {"eNBname": "other"}),
            ("MMEConfigurationUpdateAcknowledge", {}),
            ("LocationReportingFailureIndication", {**IDS, **CAUSE}),
        ]
    )
}


def give(bench: Bench, data: bytes, interface: Interface = Interface.S1AP, source: str = ENB) -> list[S1apPdu]:
    """Hand bytes to the MME, HSS and SGW answering; what the eNB is sent."""
    sent = []
    bench.mme.receive(Message(interface, source, MME, data, 1), bench.now)
    for _ in range(20):
        messages = bench.mme.messages_to_send()
        if not messages:
            break
        for message in messages:
            if message.interface is Interface.S1AP:
                sent.append(s1ap.decode(message.data))
            elif message.interface is Interface.S6A:
                bench.hss.receive(message.data, bench.now)
            else:
                bench.sgw.receive(message.data, bench.now)
        for data_ in bench.hss.out:
            bench.mme.receive(Message(Interface.S6A, HSS, MME, data_), bench.now)
        bench.hss.out.clear()
        for _, data_ in bench.sgw.transactions.datagrams_to_send():
            bench.mme.receive(Message(Interface.S11, SGW, MME, data_), bench.now)
    return sent


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(sorted(ENB_MESSAGES)), st.sampled_from((0, 0, 0, 5_000))), max_size=14))
def test_any_order_of_an_enbs_messages_ends_in_order(steps: list[tuple[str, int]]) -> None:
    bench = Bench()
    give(bench, s1ap.encode(ENB_MESSAGES["S1SetupRequest0"]))
    give(bench, s1ap.encode(ENB_MESSAGES["InitialUEMessage2"]))
    for name, wait in steps:
        bench.now += wait
        bench.mme.handle_timers(bench.now)
        for answer in give(bench, s1ap.encode(ENB_MESSAGES[name])):
            assert answer.diagnostics() is None
    bench.mme.connection_lost(ENB, bench.now)
    bench.hss.cancel(IMSI, s6a.CancellationType.INITIAL_ATTACH_PROCEDURE)
    bench.run()
    assert not any(bench.mme.tables().values())


@pytest.mark.parametrize("name", ENB_MESSAGES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_every_message_at_every_moment(moment: str, name: str) -> None:
    bench = Bench()
    begin(bench, moment)
    if moment != "first":
        bench.run()
    else:
        bench.step()
    for _ in range(2):
        for answer in give(bench, s1ap.encode(ENB_MESSAGES[name])):
            assert answer.diagnostics() is None


def damage(data: st.DataObject, whole: bytes) -> bytes:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    return bytes(damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged)


@settings(max_examples=120, deadline=None, derandomize=True, phases=(Phase.generate,))
@given(st.data())
def test_no_bytes_of_an_enb_raise(data: st.DataObject) -> None:
    bench = Bench()
    begin(bench, data.draw(st.sampled_from(MOMENTS)))
    bench.step()
    for _ in range(3):
        whole = s1ap.encode(ENB_MESSAGES[data.draw(st.sampled_from(sorted(ENB_MESSAGES)))])
        give(bench, damage(data, whole))
    give(bench, data.draw(st.binary(max_size=40)))


@settings(max_examples=120, deadline=None, derandomize=True, phases=(Phase.generate,))
@given(st.data())
def test_no_bytes_of_the_hss_or_the_sgw_raise(data: st.DataObject) -> None:
    bench = Bench()
    bench.start()
    bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Data", None, None, 0)
    for _ in range(12):
        for message in bench.enb.messages_to_send():
            bench.mme.receive(message, 0)
        for message in bench.mme.messages_to_send():
            if message.interface is Interface.S1AP:
                bench.enb.receive(message, 0)
            elif message.interface is Interface.S6A:
                bench.hss.receive(message.data, 0)
            else:
                bench.sgw.receive(message.data, 0)
        while (event := bench.enb.next_event()) is not None:
            bench.serve(bench.enb, event)
        packets: list[tuple[Interface, str, bytes]] = [(Interface.S6A, HSS, one) for one in bench.hss.out]
        bench.hss.out.clear()
        packets += [(Interface.S11, SGW, one) for _, one in bench.sgw.transactions.datagrams_to_send()]
        for interface, source, packet in packets:
            bench.mme.receive(Message(interface, source, MME, damage(data, packet)), 0)
            bench.mme.receive(Message(interface, source, MME, packet), 0)


@pytest.mark.parametrize("criticality", list(Criticality))
def test_an_unknown_element_is_answered_by_its_criticality(criticality: Criticality) -> None:
    bench = Bench()
    base = ENB_MESSAGES["S1SetupRequest0"]
    pdu = S1apPdu(base.kind, base.procedure_code, base.criticality, (*base.raw, Ie(65000, criticality, b"x", False)))
    (answer,) = give(bench, s1ap.encode(pdu))
    rejected = criticality is Criticality.REJECT
    assert answer.message == ("S1SetupFailure" if rejected else "S1SetupResponse")
    assert ("CriticalityDiagnostics" in answer.ies) is (criticality is not Criticality.IGNORE)


@pytest.mark.parametrize(("octet", "answered"), [(0, True), (0x40, False), (0x80, True)])
def test_an_unknown_procedure_is_answered_by_its_criticality(octet: int, answered: bool) -> None:
    bench = Bench()
    bench.start()
    found = give(bench, bytes([0, 247, octet, 3, 0, 0, 0]))
    assert [pdu.message for pdu in found] == ["ErrorIndication"] * answered


@pytest.mark.parametrize(
    ("ids", "cause"),
    [
        ({"MME-UE-S1AP-ID": 9, "eNB-UE-S1AP-ID": 1}, "unknown-mme-ue-s1ap-id"),
        ({"MME-UE-S1AP-ID": 1, "eNB-UE-S1AP-ID": 9}, "unknown-pair-ue-s1ap-id"),
    ],
)
def test_identities_that_do_not_fit_are_reported(ids: dict[str, int], cause: str) -> None:
    bench = Bench()
    bench.start()
    bench.attach()
    ies: dict[str, Any] = {**ids, "NAS-PDU": b"detach", **CELL}
    (answer,) = give(bench, s1ap.encode(s1ap.build("UplinkNASTransport", ies)))
    assert answer.ies["Cause"] == ("radioNetwork", cause)
    assert {name: answer.ies[name] for name in ids} == ids


def test_an_enb_whose_layers_refuse_the_context_ends_the_attach() -> None:
    bench = Bench()
    bench.auto = False
    bench.start()
    bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Data", None, None, 0)
    bench.run()
    assert bench.seen(enb_events.InitialContextSetupRequest)
    bench.enb.initial_context_setup_failure(RNTI, ("radioNetwork", "radio-resources-not-available"))
    bench.run()
    assert bench.seen(enb_events.ReleaseCommand)
    bench.enb.release_complete(RNTI)
    bench.run()
    assert ("failed",) in bench.nas[0].log
    assert bench.phones_gone()


@pytest.mark.parametrize("name", ENB_MESSAGES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_message_without_one_of_its_elements_is_answered_or_ignored(moment: str, name: str) -> None:
    whole = ENB_MESSAGES[name]
    bench = Bench()
    begin(bench, moment)
    bench.step()
    for missing in whole.raw:
        give(bench, s1ap.encode(replace(whole, raw=tuple(ie for ie in whole.raw if ie is not missing))))
