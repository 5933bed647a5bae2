"""The MME between real eNB ends and a scripted NAS, HSS and SGW."""

import logging
from ipaddress import IPv4Address

import pytest

from picocell.enb import s1ap_events as enb_events
from picocell.enb.s1ap import S1State
from picocell.enb.s1ap_connections import UeState
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import s1ap, s6a
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme import events
from picocell.epc.mme.settings import MmeSettings
from picocell.rrc_nas.nas import mme_events as nas
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from support.mme_neighbours import ENB, ENB_2, IMSI, K_ENB, MME, NAS_SETTINGS, SGW, Bench

RNTI = 0x46
INACTIVITY = ("radioNetwork", "user-inactivity")


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.start()
    return made


def s_tmsi(bench: Bench) -> tuple[int, int]:
    guti = bench.nas[-1].context.guti
    assert guti is not None
    return guti.mme_code, guti.m_tmsi


def idle(bench: Bench) -> None:
    bench.attach()
    bench.enb.release_request(RNTI, INACTIVITY, bench.now)
    bench.run()


def test_an_attach_from_the_first_message_to_the_bearer(bench: Bench) -> None:
    nas_end = bench.attach()
    (setup,) = bench.seen(enb_events.InitialContextSetupRequest)
    assert (setup.k_enb, setup.eea, setup.eia) == (K_ENB, 0xC000, 0xC000)
    (erab,) = setup.erabs
    assert (erab.erab_id, erab.transport_address, erab.teid, erab.nas) == (5, SGW, 0x105, b"attach accept")
    (create,) = bench.sgw.of(m.CreateSessionRequest)
    assert (create.imsi.digits, create.apn.name, create.ambr) == (IMSI, "internet", g.Ambr(1000, 2000))
    assert create.uli.tai.tac == 7
    assert create.uli.ecgi.eci == 0x19B01
    (modify,) = bench.sgw.of(m.ModifyBearerRequest)
    assert modify.bearer_contexts[0].f_teids[0] == g.FTeid(g.Interface.S1U_ENB, 0x205, IPv4Address(ENB))
    assert events.UeRegistered(IMSI, s_tmsi(bench)[1]) in bench.mme_events
    assert ("ready", (5,), ()) in nas_end.log
    assert bench.enb.ue_state(RNTI) is UeState.ACTIVE
    subscription = next(entry[1] for entry in nas_end.log if entry[0] == "subscription")
    assert subscription.ambr == nas.Ambr(100_000_000, 50_000_000)


def test_inactivity_makes_a_phone_idle_and_keeps_its_context(bench: Bench) -> None:
    idle(bench)
    assert [type(one) for one in bench.sgw.requests][-1] is m.ReleaseAccessBearersRequest
    assert bench.seen(enb_events.ReleaseCommand)[-1].cause == INACTIVITY
    tables = bench.mme.tables()
    assert (tables["ues"], tables["sessions"], tables["s1_connections"]) == (1, 1, 0)
    assert bench.enb.tables()["ues"] == 0


def test_a_service_request_finds_the_context_by_s_tmsi_and_replays_the_capability(bench: Bench) -> None:
    bench.attach()
    bench.enb.ue_capability(RNTI, b"capability")
    bench.enb.release_request(RNTI, INACTIVITY, bench.now)
    bench.run()
    bench.enb.initial_ue_message(0x47, b"service", "mo-Data", s_tmsi(bench), None, bench.now)
    bench.run()
    assert len(bench.nas) == 1
    again = bench.seen(enb_events.InitialContextSetupRequest)[-1]
    assert (again.rnti, again.ue_radio_capability) == (0x47, b"capability")
    assert len(bench.sgw.of(m.ModifyBearerRequest)) == 2


def test_downlink_data_page_the_phone_and_its_service_request_ends_that(bench: Bench) -> None:
    idle(bench)
    bench.sgw.request(m.DownlinkDataNotification(ebis=(g.Ebi(5),)), bench.now)
    bench.run()
    (answer,) = bench.sgw.answers
    assert answer.cause.accepted
    (page,) = bench.seen(enb_events.PagingRequest)
    assert (page.ue_identity_index, page.s_tmsi, page.cn_domain) == (int(IMSI) % 1024, s_tmsi(bench), "ps")
    bench.enb.initial_ue_message(0x48, b"service", "mt-Access", s_tmsi(bench), None, bench.now)
    bench.run()
    assert bench.mme.tables()["paging"] == 0
    bench.advance(60_000)
    assert len(bench.seen(enb_events.PagingRequest)) == 1


def test_paging_that_is_not_answered_is_repeated_and_reported(bench: Bench) -> None:
    idle(bench)
    bench.sgw.request(m.DownlinkDataNotification(), bench.now)
    bench.run()
    bench.advance(17_999)
    assert len(bench.seen(enb_events.PagingRequest)) == 3
    bench.advance(1)
    assert events.PagingFailed(IMSI) in bench.mme_events
    (failure,) = bench.sgw.of(m.DownlinkDataNotificationFailureIndication)
    assert failure.cause.value == 87
    assert ("paging failed",) in bench.nas[0].log
    assert bench.mme.tables()["paging"] == 0


def test_paging_starts_at_the_last_enb_where_that_is_the_policy() -> None:
    bench = Bench(MmeSettings(nas=NAS_SETTINGS, paging_policy="last_enb_first", paging_drx=64), n_enbs=2)
    bench.start()
    idle(bench)
    assert bench.mme.page(IMSI, bench.now)
    bench.run()
    assert [address for address, event in bench.events if isinstance(event, enb_events.PagingRequest)] == [ENB]
    bench.advance(6_000)
    pages = [(address, event.drx) for address, event in bench.events if isinstance(event, enb_events.PagingRequest)]
    assert pages == [(ENB, 64), (ENB, 64), (ENB_2, 64)]


def test_data_for_a_context_that_is_not_there_are_refused(bench: Bench) -> None:
    sender = g.FTeid(g.Interface.S11_SGW, 77, IPv4Address(SGW))
    bench.sgw.request(m.DownlinkDataNotification(sender=sender), bench.now, teid=12345)
    bench.run()
    assert bench.sgw.answers[0].cause.value == 64


def test_a_detach_leaves_nothing_behind(bench: Bench) -> None:
    bench.attach()
    bench.enb.uplink_nas(RNTI, b"detach")
    bench.run()
    assert bench.phones_gone()
    assert bench.sgw.sessions == set()
    assert isinstance(bench.hss.requests[-1], s6a.PurgeUeRequest)
    assert events.UeDeregistered(IMSI, "by the phone") in bench.mme_events


def test_a_context_is_kept_for_its_time() -> None:
    bench = Bench(MmeSettings(nas=NAS_SETTINGS, keep_ms=5_000))
    bench.start()
    bench.attach()
    bench.enb.uplink_nas(RNTI, b"detach")
    bench.run()
    assert bench.mme.tables()["ues"] == 1
    bench.advance(5_000)
    assert bench.phones_gone()


def test_a_phone_on_a_new_connection_is_released_from_the_old_one() -> None:
    bench = Bench(n_enbs=2)
    bench.start()
    bench.attach()
    bench.enbs[ENB_2].initial_ue_message(0x50, b"service", "mo-Data", s_tmsi(bench), None, bench.now)
    bench.run()
    assert ("released",) in bench.nas[0].log
    assert bench.enb.tables()["ues"] == 0
    assert bench.enbs[ENB_2].ue_state(0x50) is UeState.ACTIVE
    assert bench.mme.tables()["s1_connections"] == 1
    kinds = [type(one) for one in bench.sgw.requests]
    assert kinds[-2:] == [m.ReleaseAccessBearersRequest, m.ModifyBearerRequest]


def test_the_same_subscriber_in_a_new_context_ends_the_old_one(bench: Bench) -> None:
    bench.attach()
    bench.attach(rnti=0x60)
    assert len(bench.nas) == 2
    tables = bench.mme.tables()
    assert (tables["ues"], tables["imsis"], tables["sessions"], tables["s1_connections"]) == (1, 1, 1, 1)
    assert len(bench.sgw.of(m.DeleteSessionRequest)) == 1
    assert bench.enb.ue_state(RNTI) is None


def test_a_lost_association_makes_all_its_phones_idle(bench: Bench) -> None:
    for i in range(5):
        bench.attach(rnti=0x46 + i, imsi=f"{int(IMSI) + i:015}")
    bench.mme.connection_lost(ENB, bench.now)
    bench.enb.connection_lost(bench.now)
    bench.run()
    tables = bench.mme.tables()
    assert (tables["associations"], tables["s1_connections"], tables["ues"]) == (0, 0, 5)
    assert len(bench.sgw.of(m.ReleaseAccessBearersRequest)) == 5
    assert events.EnbLost(ENB) in bench.mme_events
    bench.advance(10_000)  # S1 Setup is tried again
    assert bench.enb.state is S1State.READY


def test_the_enbs_reset_of_some_and_of_all(bench: Bench) -> None:
    for i in range(3):
        bench.attach(rnti=0x46 + i, imsi=f"{int(IMSI) + i:015}")
    bench.enb.reset(bench.now, [0x46])
    bench.run()
    assert bench.mme.tables()["s1_connections"] == 2
    bench.enb.reset(bench.now)
    bench.run()
    assert bench.mme.tables()["s1_connections"] == 0
    assert bench.enb.tables()["procedures"] == 0


def test_the_mmes_reset_of_some_and_of_all(bench: Bench) -> None:
    for i in range(3):
        bench.attach(rnti=0x46 + i, imsi=f"{int(IMSI) + i:015}")
    bench.mme.reset(ENB, bench.now, (IMSI,))
    bench.run()
    assert bench.seen(enb_events.Reset)[-1].rntis == (0x46,)
    bench.mme.reset(ENB, bench.now)
    bench.run()
    assert bench.seen(enb_events.Reset)[-1].rntis == (0x47, 0x48)
    assert bench.mme.tables()["s1_procedures"] == 0


def test_overload_and_configuration_reach_every_enb(bench: Bench) -> None:
    bench.mme.start_overload(reduction=50)
    bench.run()
    assert bench.seen(enb_events.OverloadStarted) == [enb_events.OverloadStarted("reject-non-emergency-mo-dt", 50)]
    bench.mme.stop_overload()
    bench.mme.update_configuration(bench.now, relative_capacity=10)
    bench.run()
    assert bench.seen(enb_events.OverloadStopped)
    assert bench.mme.tables()["s1_procedures"] == 0
    bench.enb.update_configuration(bench.now, name="new name")
    bench.run()
    assert bench.enb.tables()["procedures"] == 0
    with pytest.raises(ValueError, match="allowed"):
        bench.mme.start_overload("no such action")


@pytest.mark.parametrize(("mnc", "tac"), [("02", 7), ("01", 8)])
def test_a_wrong_plmn_or_tracking_area_is_refused_in_plain_words(
    mnc: str, tac: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.enb.update_configuration(0, identity=Identity(mnc=mnc, tac=tac))
    with caplog.at_level(logging.ERROR):
        bench.start()
    (failed,) = bench.seen(enb_events.S1SetupFailed)
    assert failed.cause == ("misc", "unknown-PLMN")
    assert failed.retry_at == 10_000
    theirs = "PLMN 001/02 (0x00f120)" if mnc == "02" else "PLMN 001/01 (0x00f110)"
    assert theirs in failed.text
    assert f"TAC {tac} (0x{tac:04x})" in failed.text
    (refused,) = [event for event in bench.mme_events if isinstance(event, events.EnbRefused)]
    for text in (theirs, f"TAC {tac} (0x{tac:04x})", "serves PLMN 001/01 (0x00f110), TAC 7 (0x0007)"):
        assert text in refused.text
    assert refused.text in caplog.text
    assert failed.text in caplog.text
    bench.enb.update_configuration(0, identity=Identity())
    bench.advance(10_000)
    assert bench.enb.state is S1State.READY


def test_an_hss_that_refuses_or_is_silent_refuses_the_phone(bench: Bench) -> None:
    bench.hss.result = s6a.Result(s6a.ErrorCode.USER_UNKNOWN, experimental=True)
    bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Signalling", None, None, bench.now)
    bench.run()
    assert ("vectors", 8) in bench.nas[0].log
    assert bench.phones_gone()
    bench.hss.silent = {318}
    bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Signalling", None, None, bench.now)
    bench.run()
    bench.advance(10_000)
    assert ("vectors", 17) in bench.nas[1].log
    assert bench.phones_gone()


def test_an_sgw_that_refuses_or_is_silent_refuses_the_phone(bench: Bench) -> None:
    bench.sgw.refuse = {m.CreateSessionRequest: 84}
    bench.attach()
    assert ("session", 5, 26) in bench.nas[0].log  # all dynamic addresses are occupied: insufficient resources
    bench.sgw.refuse = {}
    bench.sgw.silent = {m.CreateSessionRequest}
    bench.enb.initial_ue_message(0x47, f"attach {IMSI}".encode(), "mo-Signalling", None, None, bench.now)
    bench.run()
    bench.advance(60_000)
    assert any(entry[0] == "session" and isinstance(entry[2], int) for entry in bench.nas[1].log)
    assert bench.phones_gone()


def test_a_session_that_the_sgw_lost_makes_the_phone_attach_anew(bench: Bench) -> None:
    bench.sgw.refuse = {m.ModifyBearerRequest: 64}
    bench.enb.initial_ue_message(RNTI, f"attach {IMSI}".encode(), "mo-Signalling", None, None, bench.now)
    bench.run()
    assert ("detach", True, None) in bench.nas[0].log
    assert bench.phones_gone()


@pytest.mark.parametrize("kind", list(s6a.CancellationType))
def test_a_cancelled_location_ends_the_context(bench: Bench, kind: s6a.CancellationType) -> None:
    bench.attach()
    bench.hss.cancel(IMSI, kind)
    bench.run()
    told = kind is s6a.CancellationType.SUBSCRIPTION_WITHDRAWAL
    assert (("detach", False, None) in bench.nas[0].log) is told
    assert bench.phones_gone()
    assert not any(isinstance(request, s6a.PurgeUeRequest) for request in bench.hss.requests)


def test_a_dedicated_bearer_begins_and_ends(bench: Bench) -> None:
    bench.attach()
    tunnel = g.FTeid(g.Interface.S1U_SGW, 0x106, IPv4Address(SGW))
    qos = g.BearerQos(1, 2, mbr_ul=64, mbr_dl=64, gbr_ul=64, gbr_dl=64)
    wanted = m.BearerContext(ebi=g.Ebi(0), qos=qos, tft=g.BearerTft(b"\x21"), f_teids={0: tunnel})
    bench.sgw.request(m.CreateBearerRequest(linked_ebi=g.Ebi(5), bearer_contexts=(wanted,)), bench.now)
    bench.run()
    (setup,) = bench.seen(enb_events.ErabSetupRequest)
    assert (setup.erabs[0].erab_id, setup.erabs[0].nas, setup.erabs[0].gbr.gbr_dl) == (6, b"activate", 64_000)
    assert bench.sgw.answers == []  # the phone has not answered yet
    bench.enb.uplink_nas(RNTI, b"accept 6")
    bench.run()
    (answer,) = bench.sgw.answers
    assert answer.cause.accepted
    assert answer.bearer_contexts[0].f_teid(g.Interface.S1U_ENB).teid == 0x206
    bench.sgw.request(m.DeleteBearerRequest(ebis=(g.Ebi(6),)), bench.now)
    bench.run()
    assert bench.seen(enb_events.ErabReleaseCommand)[-1].erab_ids == (6,)
    bench.enb.uplink_nas(RNTI, b"gone 6")
    bench.run()
    assert bench.sgw.answers[-1].cause.accepted
    assert bench.mme.tables()["bearers"] == 1


def test_a_dedicated_bearer_for_an_idle_phone_pages_it(bench: Bench) -> None:
    idle(bench)
    tunnel = g.FTeid(g.Interface.S1U_SGW, 0x106, IPv4Address(SGW))
    wanted = m.BearerContext(ebi=g.Ebi(0), qos=g.BearerQos(5, 2), tft=g.BearerTft(b"\x21"), f_teids={0: tunnel})
    bench.sgw.request(m.CreateBearerRequest(linked_ebi=g.Ebi(5), bearer_contexts=(wanted,)), bench.now)
    bench.run()
    assert bench.seen(enb_events.PagingRequest)
    bench.enb.initial_ue_message(0x48, b"service", "mt-Access", s_tmsi(bench), None, bench.now)
    bench.run()
    bench.enb.uplink_nas(0x48, b"accept 6")
    bench.run()
    assert bench.sgw.answers[-1].cause.accepted


def test_the_end_of_the_last_connection_detaches_the_phone(bench: Bench) -> None:
    bench.attach()
    bench.sgw.request(m.DeleteBearerRequest(linked_ebi=g.Ebi(5)), bench.now)
    bench.run()
    assert bench.sgw.answers[-1].cause.accepted
    assert bench.sgw.of(m.DeleteSessionRequest) == []
    assert bench.phones_gone()


def test_echo_is_answered_with_the_restart_counter(bench: Bench) -> None:
    bench.sgw.transactions.request(MME, m.EchoRequest(recovery=g.Recovery(1)), None, bench.now)
    bench.run()
    assert bench.sgw.answers == [m.EchoResponse(recovery=g.Recovery(0))]


def test_messages_of_strangers_are_dropped(bench: Bench) -> None:
    bench.mme.receive(Message(Interface.S6A, "10.9.9.9", MME, b"x"), 0)
    bench.mme.receive(Message(Interface.S1U, SGW, MME, b"x"), 0)
    assert bench.mme.counters["misdirected"] == 2
    assert bench.mme.messages_to_send() == []


def test_messages_before_s1_setup_are_refused() -> None:
    bench = Bench()
    pdu = s1ap.build(
        "NASNonDeliveryIndication",
        {"MME-UE-S1AP-ID": 1, "eNB-UE-S1AP-ID": 1, "NAS-PDU": b"", "Cause": ("nas", "detach")},
    )
    bench.mme.receive(Message(Interface.S1AP, ENB, MME, s1ap.encode(pdu)), 0)
    (answer,) = bench.mme.messages_to_send()
    assert s1ap.decode(answer.data).ies["Cause"] == ("protocol", "message-not-compatible-with-receiver-state")


def test_settings_are_checked() -> None:
    for wrong in ({"relative_capacity": 256}, {"time_to_wait_s": 3}, {"paging_drx": 100}, {"paging_policy": "x"}):
        with pytest.raises(ValueError):
            MmeSettings(nas=MmeNasSettings(), **wrong)  # type: ignore[arg-type]
