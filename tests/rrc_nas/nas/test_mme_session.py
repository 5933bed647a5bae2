"""The network end of NAS: bearers, access stratum, COUNT, and what comes at the wrong time."""

from dataclasses import replace
from typing import Any

import pytest

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas.ies import Guti, MobileIdentity, Plmn
from picocell.rrc_nas.nas.mme_states import BearerState, State
from picocell.rrc_nas.nas.protection import COUNT_LIMIT, SecurityHeader
from picocell.rrc_nas.nas.session_ies import EpsQos
from picocell.rrc_nas.security.algorithms import Direction
from support.mme_network import IMSI, Network
from support.mme_phone import CIPHERED, SETTINGS, Phone, in_state, settle


def test_exhausted_count_drops_the_keys_and_the_connection() -> None:
    phone = Phone().register()
    phone.nas.context.security.dl_count = COUNT_LIMIT
    phone.nas.reallocate_guti(0)
    phone.network.run()
    assert phone.nas.context.security is None
    assert ev.ReleaseConnection("unspecified") in phone.network.log
    assert phone.network.sent == []
    settle(phone)


def test_second_connection_is_opened_and_closed() -> None:
    phone = Phone().register()
    phone.send("PDN connectivity request", pti=7, pdn_type=1, request_type=1, access_point_name="ims")
    assert phone.network.plain()[-1]["access_point_name"] == "ims"
    phone.send("activate default EPS bearer context accept", ebi=6)
    assert ev.BearerActivated(6, 6) in phone.network.log
    phone.send("PDN disconnect request", pti=8, linked_eps_bearer_identity=6)
    message = phone.network.plain()[-1]
    assert (message.name, message["pti"], message["esm_cause"]) == ("deactivate EPS bearer context request", 8, 36)
    phone.send("deactivate EPS bearer context accept", ebi=6)
    assert ev.BearerDeactivated(6) in phone.network.log
    assert phone.network.taken(ev.DeleteSession) == [ev.DeleteSession(6)]


@pytest.mark.parametrize(
    ("name", "fields", "cause"),
    [
        ("PDN connectivity request", {"pdn_type": 1, "request_type": 1}, 55),
        ("PDN connectivity request", {"pdn_type": 5, "request_type": 1}, 28),
        ("PDN connectivity request", {"pdn_type": 1, "request_type": 7}, 96),
        ("PDN connectivity request", {"pdn_type": 1, "request_type": 1, "access_point_name": "x"}, 33),
        ("PDN connectivity request", {"pdn_type": 2, "request_type": 1, "access_point_name": "ims"}, 50),
        ("PDN disconnect request", {"linked_eps_bearer_identity": 5}, 49),
        ("PDN disconnect request", {"linked_eps_bearer_identity": 9}, 43),
        (
            "bearer resource allocation request",
            {"linked_eps_bearer_identity": 5, "traffic_flow_aggregate": b"!", "required_traffic_flow_qos": EpsQos(1)},
            60,
        ),
        ("bearer resource modification request", {"linked_eps_bearer_identity": 5, "traffic_flow_aggregate": b"!"}, 60),
    ],
)
def test_refused_request_is_answered_with_its_cause(name: str, fields: dict[str, Any], cause: int) -> None:
    phone = Phone().register()
    phone.send(name, pti=3, **fields)
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["pti"], answer["esm_cause"]) == (name.replace("request", "reject"), 3, cause)
    assert phone.nas.context.bearers.keys() == {5}


def test_bearers_run_out_at_eleven() -> None:
    phone = Phone().register()
    for _ in range(10):
        phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    with pytest.raises(ValueError, match="11 are open"):
        phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    phone.send("PDN connectivity request", pti=3, pdn_type=1, request_type=1, access_point_name="ims")
    assert phone.network.plain()[-1]["esm_cause"] == 65
    phone.network.advance(8000 * 5)
    assert phone.nas.context.bearers.keys() == {5}, "nobody answered"
    assert len(phone.network.taken(ev.BearerRejected)) == 10


def test_status_about_an_unknown_bearer_closes_it() -> None:
    phone = Phone().register()
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    phone.network.run()
    phone.send("ESM status", ebi=ebi, esm_cause=43)
    assert phone.nas.context.bearers.keys() == {5}
    assert phone.nas.timers == ()


def test_update_drops_bearers_that_the_phone_does_not_have() -> None:
    phone = Phone().register()
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    phone.network.run()
    phone.send("activate dedicated EPS bearer context accept", ebi=ebi)
    phone.network.sent.clear()
    phone.send(
        "tracking area update request", nas_key_set_identifier=phone.ksi(), eps_update_type=8,
        old_guti=phone.identity(), eps_bearer_context_status=(5,),
    )  # fmt: skip
    assert phone.network.plain()[-1]["eps_bearer_context_status"] == (5,)
    assert ev.BearerDeactivated(ebi) in phone.network.log


def test_update_with_active_flag_sets_up_the_bearers() -> None:
    phone = Phone().register()
    phone.nas.s1_released(0)
    phone.send(
        "tracking area update request", initial=True, header=SecurityHeader.INTEGRITY,
        nas_key_set_identifier=phone.ksi(), eps_update_type=8, old_guti=phone.identity(),
    )  # fmt: skip
    setup = phone.network.taken(ev.InitialContextSetup)[-1]
    assert [erab.erab_id for erab in setup.erabs] == [5]
    assert setup.nas is not None
    assert phone.security is not None
    assert setup.k_enb == phone.security.k_enb()
    phone.send("tracking area update complete")
    assert phone.nas.connected
    assert phone.nas.state is State.REGISTERED


def test_radio_bearer_that_failed_closes_the_bearer() -> None:
    phone = Phone().register()
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(1), b"\x21", 0)
    phone.network.run()
    phone.nas.erabs_set_up([], [ebi], 0)
    phone.network.run()
    assert phone.nas.context.bearers.keys() == {5}
    assert ev.BearerRejected(ebi, 0) in phone.network.log
    phone.nas.s1_context_ready(0, [], [5])
    phone.network.run()
    assert phone.nas.state is State.DEREGISTERED


def test_malformed_attach_request_is_rejected_with_protocol_error() -> None:
    phone = Phone()
    phone.network.receive(bytes.fromhex("074171080910101032547608"), initial=True)
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["emm_cause"]) == ("attach reject", 96)


def test_forged_update_does_not_disturb_an_attach() -> None:
    phone = in_state(State.SECURING)
    phone.send(
        "tracking area update request", header=None, nas_key_set_identifier=0, eps_update_type=0,
        old_guti=MobileIdentity.of_guti(Guti(Plmn("001", "01"), 1, 1, 5)),
    )  # fmt: skip
    assert phone.nas.state is State.SECURING
    phone.secure()
    phone.complete()
    assert phone.nas.state is State.REGISTERED


def test_bearer_waits_for_the_access_stratum() -> None:
    phone = Phone().register()
    phone.nas.s1_released(0)
    phone.network.answers[ev.InitialContextSetup] = None
    assert phone.security is not None
    phone.network.receive(phone.security.service_request(), initial=True)
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(1), b"\x21", 0)
    phone.network.run()
    assert not phone.network.taken(ev.Page)
    assert not phone.network.taken(ev.ErabSetup)
    phone.nas.s1_context_ready(0, [5])
    phone.network.run()
    assert phone.network.taken(ev.ErabSetup)[0].erabs[0].erab_id == ebi


def test_failed_access_stratum_ends_an_attach_and_not_a_registration() -> None:
    phone = in_state(State.ACCEPTING_ATTACH)
    phone.nas.s1_context_failed(0)
    phone.network.run()
    assert phone.nas.state is State.DEREGISTERED
    phone = Phone().register()
    phone.nas.s1_context_failed(0)
    phone.network.run()
    assert phone.nas.state is State.REGISTERED
    assert phone.network.log[-1] == ev.ReleaseConnection("unspecified")


def test_page_without_an_answer_drops_what_waited() -> None:
    phone = Phone().register()
    phone.nas.s1_released(0)
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(1), b"\x21", 0)
    phone.network.run()
    assert len(phone.network.taken(ev.Page)) == 1
    phone.nas.paging_failed(0)
    phone.network.run()
    assert ev.BearerDeactivated(ebi) in phone.network.log
    phone.nas.detach(0)
    phone.nas.paging_failed(0)
    phone.network.run()
    assert phone.nas.state is State.DEREGISTERED
    settle(phone)


def test_phone_that_rejects_a_bearer_leaves_none() -> None:
    phone = Phone().register()
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(1), b"\x21", 0)
    phone.network.run()
    phone.send("activate dedicated EPS bearer context reject", ebi=ebi, esm_cause=26)
    assert ev.BearerRejected(ebi, 26) in phone.network.log
    assert phone.nas.timers == ()
    phone.nas.modify_bearer(5, 0, qos=ev.BearerQos(8))
    phone.network.run()
    phone.send("modify EPS bearer context reject", ebi=5, esm_cause=59)
    assert ev.BearerRejected(5, 59) in phone.network.log
    assert phone.nas.context.bearers[5].state is BearerState.ACTIVE


@pytest.mark.parametrize(
    "call", ["activate_bearer", "modify_bearer", "deactivate_bearer", "reallocate_guti", "authenticate"]
)
def test_requests_of_the_network_want_a_registered_phone(call: str) -> None:
    nas = Phone().nas
    arguments = {"activate_bearer": (5, ev.BearerQos(1), b"", 0), "modify_bearer": (5, 0), "deactivate_bearer": (5, 0)}
    with pytest.raises(ValueError, match="DEREGISTERED"):
        getattr(nas, call)(*arguments.get(call, (0,)))


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    phone = Phone().register()
    phone.nas.auth_vectors([phone.network.vector()], 0)
    phone.nas.subscription(3, 0)
    phone.nas.session_deleted(7, 0)
    phone.nas.erabs_set_up([], [9], 0)
    assert phone.nas.next_event() is None
    phone.nas.session_created(7, ev.Session(ipv4=bytes(4)), 0)
    assert phone.nas.next_event() == ev.DeleteSession(7), "a session that nobody wants is not kept"
    assert phone.nas.state is State.REGISTERED


def test_gateway_without_an_address_is_a_refusal() -> None:
    phone = Phone()
    phone.network.answers[ev.CreateSession] = ev.Session()
    phone.attach_request()
    phone.authenticate()
    phone.secure()
    assert phone.network.plain()[-1].name == "attach reject"
    assert phone.network.taken(ev.DeleteSession) == [ev.DeleteSession(5)]


@pytest.mark.parametrize(
    ("container", "esm"),
    [(b"", 111), (b"\x02\x01", 111), (b"\x02\x01\xd0", 96), (b"\x02\x00\xd0\x11", 81), (b"\x02\x01\xe8\x2b", 98)],
)
def test_attach_with_a_bad_session_message_is_esm_failure(container: bytes, esm: int) -> None:
    phone = Phone()
    phone.attach_request(esm_message_container=container)
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["emm_cause"]) == ("attach reject", 19)
    assert codec.decode(answer["esm_message_container"], Direction.DOWNLINK)["esm_cause"] == esm


@pytest.mark.parametrize("cause", [81, 97])
def test_status_ends_the_question_that_the_phone_cannot_read(cause: int) -> None:
    phone = Phone().register()
    ebi = phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    phone.network.run()
    phone.send("activate dedicated EPS bearer context accept", ebi=ebi)
    phone.nas.modify_bearer(ebi, 0, tft=b"\x22")
    phone.network.run()
    phone.send("ESM status", ebi=ebi, esm_cause=cause)
    assert phone.nas.context.bearers[ebi].state is BearerState.ACTIVE
    phone.nas.deactivate_bearer(ebi, 0)
    phone.network.run()
    phone.send("ESM status", ebi=ebi, esm_cause=cause)
    other = phone.nas.activate_bearer(5, ev.BearerQos(9), b"\x21", 0)
    phone.network.run()
    phone.send("ESM status", ebi=other, esm_cause=cause)
    assert phone.nas.context.bearers.keys() == {5}
    assert phone.nas.timers == ()


def test_repeated_requests_of_the_phone_get_the_same_answer() -> None:
    phone = Phone().register()
    for _ in range(2):
        phone.send("PDN connectivity request", pti=7, pdn_type=1, request_type=1, access_point_name="ims")
    answers = phone.network.plain()
    assert [one.name for one in answers] == ["activate default EPS bearer context request"] * 2
    phone.send("activate default EPS bearer context accept", ebi=6)
    for _ in range(2):
        phone.send("PDN disconnect request", pti=8, linked_eps_bearer_identity=6)
    assert [one.name for one in phone.network.plain()] == ["deactivate EPS bearer context request"] * 2
    assert len(phone.network.taken(ev.CreateSession)) == 2


def test_gateways_refusal_of_a_second_connection_reaches_the_phone() -> None:
    phone = Phone().register()
    phone.network.answers[ev.CreateSession] = 26
    phone.send("PDN connectivity request", pti=7, pdn_type=1, request_type=1, access_point_name="ims")
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["esm_cause"]) == ("PDN connectivity reject", 26)
    assert phone.nas.context.bearers.keys() == {5}


def test_attach_complete_that_refuses_the_bearer_ends_the_registration() -> None:
    phone = in_state(State.ACCEPTING_ATTACH)
    esm = codec.encode("activate default EPS bearer context reject", ebi=5, esm_cause=31)
    phone.send("attach complete", esm_message_container=esm)
    assert phone.nas.state is State.DEREGISTERED
    settle(phone)


def test_last_bearer_closed_by_the_network_is_the_end_of_the_registration() -> None:
    phone = Phone().register()
    phone.nas.deactivate_bearer(5, 0, 39)
    phone.network.run()
    phone.send("deactivate EPS bearer context accept", ebi=5)
    assert phone.nas.state is State.DEREGISTERED
    settle(phone)


def test_update_outside_the_allowed_areas_is_rejected() -> None:
    phone = Phone(Network(replace(SETTINGS, allowed_tacs=frozenset({7}), area_cause=12))).register()
    phone.network.tac = 8
    phone.send("tracking area update request", **phone.update())
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["emm_cause"]) == ("tracking area update reject", 12)
    assert phone.nas.state is State.DEREGISTERED


def test_update_without_a_bearer_left_is_rejected() -> None:
    phone = Phone().register()
    phone.send("tracking area update request", **phone.update(), eps_bearer_context_status=())
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["emm_cause"]) == ("tracking area update reject", 40)
    assert phone.nas.state is State.DEREGISTERED


def test_update_while_congested_keeps_the_registration() -> None:
    phone = Phone().register()
    phone.nas.settings = replace(SETTINGS, congested_t3346_s=60)
    phone.send("tracking area update request", **phone.update())
    answer = phone.network.plain()[-1]
    assert (answer["emm_cause"], answer["t3346_value"]) == (22, 60)
    assert phone.nas.state is State.REGISTERED


def test_detach_from_other_services_only_keeps_the_registration() -> None:
    phone = Phone().register()
    phone.send(
        "detach request", nas_key_set_identifier=phone.ksi(), detach_type=2, eps_mobile_identity=phone.identity()
    )
    assert phone.network.plain()[-1].name == "detach accept"
    assert phone.nas.state is State.REGISTERED


def test_identity_that_was_not_asked_for_is_asked_for_again() -> None:
    phone = in_state(State.IDENTIFYING)
    phone.send("identity response", header=None, mobile_identity=MobileIdentity("imei", "353490069873319"))
    assert phone.nas.state is State.IDENTIFYING
    assert phone.nas.timers == (("T3470", 0),)
    phone.send("identity response", header=None, mobile_identity=MobileIdentity.imsi(IMSI))
    assert phone.nas.state is State.AUTHENTICATING


def test_another_phone_under_a_deregistered_context_inherits_nothing() -> None:
    phone = Phone().register()
    phone.nas.detach(0)
    phone.network.run()
    phone.send("detach accept")
    phone.attach_request(MobileIdentity.imsi("001010000000007"))
    assert phone.nas.context.security is None
    assert phone.nas.guti is None
    assert phone.nas.imsi == "001010000000007"


def test_attach_of_another_subscriber_on_the_same_connection_is_refused() -> None:
    phone = Phone().register()
    phone.attach_request(MobileIdentity.imsi("001010000000007"), initial=False, header=CIPHERED)
    assert phone.network.taken(ev.Refused)[-1].cause == 9
    assert (phone.nas.state, phone.nas.imsi) == (State.REGISTERED, IMSI)


@pytest.mark.parametrize(("state", "cause"), [(State.REGISTERED, 18), (State.DEREGISTERED, 9)])
def test_circuit_switched_fallback_is_refused(state: State, cause: int) -> None:
    phone = in_state(state)
    phone.send("extended service request", nas_key_set_identifier=0, service_type=0, m_tmsi=bytes(5))
    answer = phone.network.plain()[-1]
    assert (answer.name, answer["emm_cause"]) == ("service reject", cause)
    assert phone.nas.state is state


def test_refusal_says_who_and_why(caplog: pytest.LogCaptureFixture) -> None:
    phone = Phone()
    phone.send(
        "tracking area update request", initial=True, header=None, nas_key_set_identifier=0, eps_update_type=0,
        old_guti=MobileIdentity.of_guti(Guti(Plmn("001", "01"), 1, 26, 0xA7BB6363)),
    )  # fmt: skip
    wanted = "S-TMSI 1a-a7bb6363: tracking area update refused: UE identity cannot be derived by the network (#9)"
    assert wanted in caplog.text
    phone.network.answers[ev.GetAuthVectors] = 8
    phone.attach_request()
    assert f"IMSI {IMSI}: attach refused: EPS services and non-EPS services not allowed (#8)" in caplog.text


@pytest.mark.parametrize("state", [state for state in State if state is not State.REGISTERED])
def test_detach_by_the_network_in_the_middle_of_something_is_local(state: State) -> None:
    phone = in_state(state)
    phone.nas.detach(0)
    phone.network.run()
    assert phone.nas.state is State.DEREGISTERED
    settle(phone)
