"""The registered UE: sessions, service requests, tracking areas, detach."""

import pytest

from picocell.rrc_nas.nas import ies
from picocell.rrc_nas.nas.protection import SecurityHeader, split
from picocell.rrc_nas.nas.session_ies import EpsQos
from picocell.rrc_nas.nas.ue_core import Connection, EmmState, EmmSubstate
from picocell.rrc_nas.nas.ue_events import (
    BearerActivated,
    BearerDeactivated,
    BearerModified,
    Connect,
    Detached,
    EmmInformation,
    IdentityChanged,
    KeysReady,
    ReleaseConnection,
    ServiceRejected,
    TrackingAreaUpdated,
)
from support.nas_network import GUTI, PLMN, TAC, Bench

TFT = bytes.fromhex("211000023006")
OTHER = GUTI._replace(m_tmsi=1)


def test_dedicated_bearer_lives() -> None:
    bench = Bench().attached()
    (answer,) = bench.send(
        "activate dedicated EPS bearer context request", ebi=6, linked_eps_bearer_identity=5, eps_qos=EpsQos(1), tft=TFT
    )
    assert (answer.name, answer["ebi"]) == ("activate dedicated EPS bearer context accept", 6)
    assert bench.seen(BearerActivated)[-1] == BearerActivated(6, EpsQos(1), 5, "172.16.0.2", TFT)
    (answer,) = bench.send("modify EPS bearer context request", ebi=6, eps_qos=EpsQos(2))
    assert answer.name == "modify EPS bearer context accept"
    assert bench.seen(BearerModified)[-1] == BearerModified(6, EpsQos(2), TFT)
    (answer,) = bench.send("deactivate EPS bearer context request", ebi=6, esm_cause=36)
    assert answer.name == "deactivate EPS bearer context accept"
    assert bench.seen(BearerDeactivated) == [BearerDeactivated(6, 36)]
    assert set(bench.ue.bearers) == {5}


@pytest.mark.parametrize(
    ("name", "fields", "cause"),
    [
        ("activate dedicated EPS bearer context", {"ebi": 6, "linked_eps_bearer_identity": 9, "tft": TFT}, 43),
        ("activate dedicated EPS bearer context", {"ebi": 3, "linked_eps_bearer_identity": 5, "tft": TFT}, 43),
        ("activate dedicated EPS bearer context", {"ebi": 6, "linked_eps_bearer_identity": 5, "tft": b"\x21"}, 42),
        ("modify EPS bearer context", {"ebi": 9}, 43),
    ],
)
def test_session_rejects(name: str, fields: dict[str, object], cause: int) -> None:
    bench = Bench().attached()
    values = {"eps_qos": EpsQos(1), **fields}
    (answer,) = bench.send(f"{name} request", **values)
    assert (answer.name, answer["esm_cause"]) == (f"{name} reject", cause)


def test_last_bearer_gone_detaches() -> None:
    bench = Bench().attached()
    bench.send("deactivate EPS bearer context request", ebi=5, esm_cause=36)
    assert bench.ue.state is EmmState.DEREGISTERED
    assert bench.ue.bearers == {}
    assert bench.seen(Detached)


def test_esm_messages_that_are_not_for_a_ue() -> None:
    bench = Bench().attached()
    for name, fields, cause in (
        ("ESM information request", {"pti": 44}, 47),
        ("PDN connectivity reject", {"pti": 44, "esm_cause": 27}, 47),
        ("PDN connectivity request", {"pti": 44, "pdn_type": 1, "request_type": 1}, 98),
    ):
        (answer,) = bench.send(name, **fields)
        assert (answer.name, answer["esm_cause"]) == ("ESM status", cause)
    assert bench.send("ESM status", ebi=5, esm_cause=98) == []
    assert bench.send("ESM status", ebi=5, esm_cause=43) == []
    assert bench.ue.bearers == {}


def test_emm_procedures_of_the_network() -> None:
    bench = Bench().attached()
    (answer,) = bench.send("GUTI reallocation command", guti=OTHER)
    assert answer.name == "GUTI reallocation complete"
    assert bench.seen(IdentityChanged)[-1] == IdentityChanged(OTHER)
    assert bench.send("EMM information") == []
    assert bench.seen(EmmInformation) == [EmmInformation("", "")]
    assert bench.send("EMM status", emm_cause=98) == []
    (answer,) = bench.send("attach accept", eps_attach_result=1, t3412_value=60,
                           tai_list=(ies.Tai(ies.Plmn(*PLMN), 7),), esm_message_container=b"")  # fmt: skip
    assert (answer.name, answer["emm_cause"]) == ("EMM status", 98)
    bench.secure(ksi=4)
    assert bench.ue.core.ksi == 4


@pytest.mark.parametrize("paged", [False, True])
def test_service_request(paged: bool) -> None:
    bench = Bench().attached().idle()
    assert bench.ue.timers == {"T3412": 1_800_000}
    if paged:
        bench.ue.paged(bench.now, "s_tmsi")
    else:
        bench.ue.uplink_data_pending(bench.now)
    (request,) = bench.drain()
    assert request.name == "service request"
    connect = bench.seen(Connect)[-1]
    assert (connect.establishment_cause, connect.s_tmsi) == ("mt-Access" if paged else "mo-Data", GUTI.s_tmsi)
    assert bench.context is not None
    assert bench.seen(KeysReady)[-1].k_enb == bench.context.k_enb()
    assert set(bench.ue.timers) == {"T3417"}
    bench.ue.uplink_data_pending(bench.now)
    assert bench.drain() == []
    bench.ue.drb_established(5, bench.now)
    assert bench.ue.state is EmmState.REGISTERED
    assert bench.ue.timers == {}
    assert bench.send("EMM information") == []
    assert bench.seen(EmmInformation)


def test_service_request_without_answer() -> None:
    bench = Bench().attached().idle()
    bench.ue.uplink_data_pending(bench.now)
    bench.drain()
    bench.tick(5_000)
    assert bench.ue.state is EmmState.REGISTERED
    assert isinstance(bench.events[-1], ReleaseConnection)


@pytest.mark.parametrize(("cause", "again"), [(9, "imsi"), (10, "guti"), (40, "guti")])
def test_service_reject_that_makes_the_ue_attach_again(cause: int, again: str) -> None:
    bench = Bench().attached().idle()
    bench.ue.uplink_data_pending(bench.now)
    bench.drain()
    assert bench.send("service reject", plain=True, emm_cause=cause) == []
    assert bench.seen(ServiceRejected)[0].cause == cause
    assert bench.seen(Detached)[0].reattach
    bench.ue.connection_released(bench.now)
    (request,) = bench.drain()
    assert (request.name, request["eps_mobile_identity"].kind) == ("attach request", again)


def test_paging_with_the_imsi_attaches_anew() -> None:
    bench = Bench().attached().idle()
    bench.context = None
    bench.ue.paged(bench.now, "imsi")
    (request,) = bench.drain()
    assert request["eps_mobile_identity"].kind == "imsi"
    assert bench.seen(BearerDeactivated)


@pytest.mark.parametrize("periodic", [False, True])
def test_tracking_area_update(periodic: bool) -> None:
    bench = Bench().attached().idle()
    if periodic:
        (request,) = bench.tick(1_800_000)
    else:
        bench.ue.cell(PLMN, 8, 2, bench.now)
        (request,) = bench.drain()
    connect = bench.seen(Connect)[-1]
    assert split(connect.nas).header is SecurityHeader.INTEGRITY
    assert (connect.s_tmsi is None) is not periodic
    assert request["eps_update_type"] == (3 if periodic else 0)
    assert request["eps_bearer_context_status"] == (5,)
    assert request["old_guti"].guti == GUTI
    (complete,) = bench.send(
        "tracking area update accept",
        eps_update_result=0,
        guti=OTHER,
        tai_list=(ies.Tai(ies.Plmn(*PLMN), bench.ue.core.tai.tac if bench.ue.core.tai else 0),),
        eps_bearer_context_status=(5,),
    )
    assert complete.name == "tracking area update complete"
    assert bench.seen(TrackingAreaUpdated) == [TrackingAreaUpdated(OTHER)]
    bench.idle()
    assert set(bench.ue.timers) == {"T3412"}


def test_data_in_a_new_tracking_area_and_lost_bearers() -> None:
    bench = Bench().attached().idle()
    bench.ue.core.tai = ies.Tai(ies.Plmn(*PLMN), 8)
    bench.ue.uplink_data_pending(bench.now)
    (request,) = bench.drain()
    assert request["eps_update_type"] == 8
    bench.send("tracking area update accept", eps_update_result=0, eps_bearer_context_status=())
    assert bench.seen(Detached)[0].reattach
    assert bench.ue.bearers == {}


@pytest.mark.parametrize(
    ("cause", "state", "substate"),
    [
        (3, EmmState.DEREGISTERED, EmmSubstate.NO_IMSI),
        (11, EmmState.DEREGISTERED, EmmSubstate.PLMN_SEARCH),
        (12, EmmState.DEREGISTERED, EmmSubstate.LIMITED_SERVICE),
        (13, EmmState.REGISTERED, EmmSubstate.PLMN_SEARCH),
        (15, EmmState.REGISTERED, EmmSubstate.LIMITED_SERVICE),
        (17, EmmState.REGISTERED, EmmSubstate.ATTEMPTING_TO_UPDATE),
    ],
)
def test_tracking_area_update_reject(cause: int, state: EmmState, substate: EmmSubstate) -> None:
    bench = Bench().attached().idle()
    bench.ue.cell(PLMN, 8, 2, bench.now)
    bench.drain()
    bench.send("tracking area update reject", plain=True, emm_cause=cause)
    assert (bench.ue.state, bench.ue.substate) == (state, substate)
    assert ("T3411" in bench.ue.timers) == (cause == 17)


def test_tracking_area_update_is_retried_five_times() -> None:
    bench = Bench().attached().idle()
    bench.ue.cell(PLMN, 8, 2, bench.now)
    requests = bench.drain()
    for _ in range(4):
        bench.tick(bench.now + 15_000)
        requests += bench.tick(bench.now + 10_000)
    assert [request.name for request in requests] == ["tracking area update request"] * 5
    bench.tick(bench.now + 15_000)
    assert "T3402" in bench.ue.timers


def test_connection_that_broke_is_restored_by_an_update() -> None:
    bench = Bench().attached()
    bench.ue.radio_link_failed(bench.now, data_pending=True)
    (request,) = bench.drain()
    assert request["eps_update_type"] == 8


def test_detach_of_the_ue() -> None:
    bench = Bench().attached()
    bench.ue.detach(bench.now)
    (request,) = bench.drain()
    assert (request.name, request["detach_type"]) == ("detach request", 1)
    assert bench.ue.state is EmmState.DEREGISTERED_INITIATED
    bench.send("detach accept")
    assert bench.ue.state is EmmState.DEREGISTERED
    assert bench.ue.timers == {}
    bench.idle()
    assert bench.drain() == []
    assert bench.ue.guti == GUTI


def test_detach_without_answer_is_repeated_then_local() -> None:
    bench = Bench().attached()
    bench.ue.detach(bench.now)
    requests = bench.drain() + bench.tick(100_000)
    assert [request.name for request in requests] == ["detach request"] * 5
    assert bench.ue.state is EmmState.DEREGISTERED
    assert bench.ue.next_timer() is None


@pytest.mark.parametrize("connected", [True, False])
def test_switch_off_does_not_wait(connected: bool) -> None:
    bench = Bench().attached()
    if not connected:
        bench.idle()
    bench.ue.detach(bench.now, switch_off=True)
    (request,) = bench.drain()
    assert request["detach_type"] == 9
    assert bench.ue.state is EmmState.NULL
    assert bench.ue.next_timer() is None
    assert bench.seen(Detached)


def test_detach_by_the_network_with_and_without_return() -> None:
    bench = Bench().attached()
    (answer,) = bench.send("detach request", detach_type=1)
    assert answer.name == "detach accept"
    assert bench.seen(Detached)[0].reattach
    bench.ue.connection_released(bench.now)
    (request,) = bench.drain()
    assert request.name == "attach request"

    bench = Bench().attached()
    bench.send("detach request", detach_type=2, emm_cause=8)
    assert (bench.ue.state, bench.ue.substate) == (EmmState.DEREGISTERED, EmmSubstate.NO_IMSI)
    bench.idle()
    assert bench.ue.next_timer() is None


def test_network_that_does_not_release_is_left_after_t3440() -> None:
    bench = Bench().attached()
    bench.send("detach request", detach_type=2)
    assert bench.ue.connection is Connection.CONNECTED
    bench.tick(bench.now + 10_000)
    assert bench.ue.connection is Connection.IDLE


def test_cell_change_inside_the_list_needs_nothing() -> None:
    bench = Bench().attached().idle()
    bench.ue.cell_lost(bench.now)
    assert bench.ue.substate is EmmSubstate.NO_CELL_AVAILABLE
    bench.ue.cell(PLMN, TAC, 9, bench.now)
    assert bench.drain() == []
    assert bench.ue.substate is EmmSubstate.NORMAL_SERVICE
