"""States of the network end of NAS: what is believed, what is repeated, what every pair of state and message does."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas.ies import MobileIdentity
from picocell.rrc_nas.nas.mme import EMM_TABLE, UNPROTECTED
from picocell.rrc_nas.nas.mme_bearers import BEARER_TABLE
from picocell.rrc_nas.nas.mme_states import BearerState, EmmState, State
from picocell.rrc_nas.nas.protection import SecurityHeader
from picocell.rrc_nas.security.algorithms import Direction
from support.mme_network import IMSI
from support.mme_phone import CIPHERED, NEW, UPLINK, Phone, in_state, message, settle


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("name", UPLINK)
def test_every_message_in_every_state_is_taken_or_cleanly_refused(name: str, protected: bool) -> None:
    for state in State:
        phone = in_state(state)
        before, events = phone.nas.counters.total(), len(phone.network.log) + len(phone.network.sent)
        plain = message(name)
        if protected and phone.security is not None:
            pdu = phone.security.protect(plain, CIPHERED, Direction.UPLINK)
        else:
            pdu = plain
        phone.network.receive(pdu)
        handled = (state, name) in EMM_TABLE
        acted = len(phone.network.log) + len(phone.network.sent) > events or phone.nas.state is not state
        counted = phone.nas.counters.total() > before
        assert handled or acted or counted, f"{name} in {state.name} vanished without a trace"
        if not protected and name not in UNPROTECTED:
            assert phone.nas.state is state, f"{name} was believed without protection"
        settle(phone)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(list(State)), st.lists(st.binary(max_size=60), max_size=4), st.integers(0, 3))
def test_random_octets_are_survived(state: State, pdus: list[bytes], kind: int) -> None:
    phone = in_state(state)
    for pdu in pdus:
        body = [pdu, b"\x07" + pdu, b"\x02" + pdu, b"\x07\x41\x71\x08" + pdu][kind]
        if kind and phone.security is not None and len(body) > 2:
            body = phone.security.protect(body, CIPHERED, Direction.UPLINK)
        phone.network.receive(body)
    settle(phone)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(UPLINK), st.booleans(), st.integers(0, 20_000)), max_size=12), st.randoms())
def test_random_conversations_end_with_empty_tables(steps: list[tuple[str, bool, int]], rng: random.Random) -> None:
    phone = Phone().register()
    for name, protected, wait in steps:
        plain = message(name)
        if protected and phone.security is not None:
            plain = phone.security.protect(plain, CIPHERED, Direction.UPLINK)
        phone.network.receive(plain, initial=rng.random() < 0.1)
        phone.network.advance(wait)
    settle(phone)


def test_tables_can_be_listed() -> None:
    assert {state.emm for state in State} == set(EmmState)
    assert {state for state, _ in EMM_TABLE} == set(State)
    assert {state for state, _ in BEARER_TABLE} <= set(BearerState)


# What is believed (4.4.4.3)


def test_forged_attach_request_does_not_deregister_the_phone() -> None:
    phone = Phone().register()
    phone.attach_request(phone.identity())
    assert phone.nas.state is State.AUTHENTICATING
    phone.send("authentication response", header=None, authentication_response_parameter=bytes(8))
    phone.send("identity response", header=None, mobile_identity=MobileIdentity.imsi(IMSI))
    assert phone.nas.state is State.REGISTERED
    assert phone.nas.context.bearers.keys() == {5}
    assert not phone.network.taken(ev.DeleteSession)
    assert phone.nas.context.security is not None


def test_identity_of_somebody_else_in_a_registered_phones_place_is_refused() -> None:
    phone = Phone().register()
    phone.attach_request(phone.identity())
    phone.send("authentication response", header=None, authentication_response_parameter=bytes(8))
    phone.send("identity response", header=None, mobile_identity=MobileIdentity.imsi("001010000000009"))
    assert phone.network.taken(ev.Refused)[-1].cause == 9
    assert (phone.nas.state, phone.nas.imsi) == (State.REGISTERED, IMSI)


def test_genuine_attach_of_a_registered_phone_replaces_its_bearers() -> None:
    phone = Phone().register()
    phone.attach_request(phone.identity(), phone.ksi(), header=SecurityHeader.INTEGRITY)
    assert phone.network.taken(ev.DeleteSession) == [ev.DeleteSession(5)]
    assert phone.nas.state is State.ACCEPTING_ATTACH
    phone.complete()
    assert phone.nas.state is State.REGISTERED


def test_wrong_mac_or_key_set_in_an_attach_by_guti_leads_to_authentication() -> None:
    phone = Phone().register()
    phone.attach_request(phone.identity(), (phone.ksi() + 1) % 7, header=SecurityHeader.INTEGRITY)
    assert phone.nas.state is State.AUTHENTICATING
    assert phone.nas.context.ksi not in (phone.ksi(), (phone.ksi() + 1) % 7)


@pytest.mark.parametrize("switch_off", [0, 8])
def test_unprotected_detach_is_not_believed(switch_off: int) -> None:
    phone = Phone().register()
    phone.nas.s1_released(0)
    phone.send(
        "detach request", initial=True, header=None, nas_key_set_identifier=phone.ksi(), detach_type=1 | switch_off,
        eps_mobile_identity=phone.identity(),
    )  # fmt: skip
    assert phone.nas.context.bearers.keys() == {5}
    if switch_off:
        assert phone.nas.state is State.REGISTERED
        return
    assert phone.nas.state is State.AUTHENTICATING
    phone.authenticate()
    assert phone.nas.state is State.DEREGISTERED


def test_replayed_message_is_ignored() -> None:
    phone = Phone().register()
    assert phone.security is not None
    plain = codec.encode("PDN connectivity request", pti=9, pdn_type=1, request_type=1, access_point_name="ims")
    pdu = phone.security.protect(plain, CIPHERED, Direction.UPLINK)
    phone.network.receive(pdu)
    assert phone.nas.context.bearers.keys() == {5, 6}
    phone.send("activate default EPS bearer context accept", ebi=6)
    taken = len(phone.network.log)
    phone.network.receive(pdu)
    assert len(phone.network.log) == taken
    assert phone.nas.counters["ignored MAC"] == 1


def test_service_request_with_a_wrong_mac_keeps_the_phone_registered() -> None:
    phone = Phone().register()
    phone.nas.s1_released(0)
    phone.network.receive(bytes.fromhex("c7000000"), initial=True)
    assert [one.name for one in phone.network.plain()] == ["service reject"]
    assert phone.network.taken(ev.Refused)[-1].cause == 9
    assert phone.nas.state is State.REGISTERED


# Repetition and silence


@pytest.mark.parametrize(
    ("state", "name", "period", "times"),
    [
        (State.IDENTIFYING, "identity request", 6000, 5),
        (State.AUTHENTICATING, "authentication request", 6000, 5),
        (State.SECURING, "security mode command", 6000, 5),
        (State.ASKING_ESM, "ESM information request", 4000, 3),
        (State.ACCEPTING_ATTACH, "attach accept", 6000, 5),
        (State.ACCEPTING_TAU, "tracking area update accept", 6000, 5),
        (State.REALLOCATING_GUTI, "GUTI reallocation command", 6000, 5),
        (State.DETACHING, "detach request", 6000, 5),
    ],
)
def test_unanswered_message_is_repeated_and_given_up(state: State, name: str, period: int, times: int) -> None:
    phone = in_state(state)
    phone.network.advance(period * times - 1)
    names = [one.name for one in phone.network.plain()]
    assert names.count(name) == times
    assert phone.nas.state is state
    phone.network.advance(1)
    kept = state in (State.ACCEPTING_TAU, State.REALLOCATING_GUTI)
    assert phone.nas.state is (State.REGISTERED if kept else State.DEREGISTERED)
    assert phone.nas.timers == ()


def test_repeated_attach_request_does_not_start_over() -> None:
    phone = Phone()
    phone.attach_request()
    phone.attach_request(initial=False)
    assert [one.name for one in phone.network.plain()] == ["authentication request"]
    phone.authenticate()
    phone.secure()
    phone.network.sent.clear()
    phone.attach_request(initial=False, header=CIPHERED)
    assert [one.name for one in phone.network.plain()] == ["attach accept"]


def test_other_attach_request_starts_over() -> None:
    phone = Phone()
    phone.attach_request()
    phone.attach_request(initial=False, eps_attach_type=2)
    assert [one.name for one in phone.network.plain()] == ["authentication request"] * 2
    phone.authenticate()
    phone.secure()
    phone.complete()
    assert phone.nas.state is State.REGISTERED


@pytest.mark.parametrize("state", list(State))
def test_lower_layer_failure_ends_what_is_under_way(state: State) -> None:
    phone = in_state(state)
    phone.nas.s1_released(phone.network.now)
    phone.network.run()
    kept = state in (State.REGISTERED, State.ACCEPTING_TAU, State.REALLOCATING_GUTI, State.DELETING_SESSIONS)
    if state is not State.DELETING_SESSIONS:
        assert phone.nas.state is (State.REGISTERED if kept else State.DEREGISTERED)
    settle(phone)


def test_both_gutis_are_valid_until_the_phone_confirms() -> None:
    phone = Phone().register()
    old = phone.nas.guti
    phone.nas.reallocate_guti(0)
    phone.network.run()
    assert phone.nas.matches(old)
    assert phone.nas.matches(phone.nas.guti.s_tmsi)
    phone.nas.s1_released(0)
    assert phone.nas.matches(old)


def test_second_synchronisation_failure_is_the_last() -> None:
    phone = Phone()
    phone.attach_request()
    vector = phone.nas.context.vector
    from picocell.rrc_nas.security import aka

    auts = aka.build_auts(phone.network.functions, vector.rand, aka.join_sqn(500, 0))
    for _ in range(2):
        phone.send("authentication failure", emm_cause=21, authentication_failure_parameter=auts)
    assert [one.name for one in phone.network.plain()][-1] == "authentication reject"
    assert phone.nas.state is State.DEREGISTERED


def test_new_context_is_taken_into_use_by_its_own_answer_only() -> None:
    phone = in_state(State.SECURING)
    phone.send("attach complete", header=NEW, esm_message_container=b"\x52\x00\xc2")
    assert phone.nas.state is State.SECURING
    assert not phone.nas.secure
    phone.secure()
    assert phone.nas.state is State.ACCEPTING_ATTACH


def test_security_mode_complete_under_the_old_context_is_ignored() -> None:
    phone = Phone().register()
    phone.nas.authenticate(0)
    phone.network.run()
    old = phone.security
    phone.send("authentication response", authentication_response_parameter=phone.nas.context.vector.xres)
    assert phone.nas.state is State.SECURING
    phone.send("security mode complete", header=CIPHERED)
    assert phone.nas.state is State.SECURING
    phone.network.advance(60_000)
    assert phone.nas.state is State.REGISTERED
    assert old is not None
    assert phone.nas.context.security.k_asme == old.k_asme, "nobody confirmed the new keys"


LEGAL = {
    EmmState.DEREGISTERED: {EmmState.COMMON_PROCEDURE_INITIATED},
    EmmState.COMMON_PROCEDURE_INITIATED: {EmmState.REGISTERED, EmmState.DEREGISTERED},
    EmmState.REGISTERED: {
        EmmState.COMMON_PROCEDURE_INITIATED,
        EmmState.DEREGISTERED,
        EmmState.DEREGISTERED_INITIATED,
    },
    EmmState.DEREGISTERED_INITIATED: {EmmState.DEREGISTERED, EmmState.COMMON_PROCEDURE_INITIATED},
}
"""Transitions of TS 24.301 Figure 5.1.3.4.1; a phone that attaches while it is detached passes DEREGISTERED."""


@pytest.mark.parametrize("name", UPLINK)
def test_every_transition_is_one_of_the_standards(name: str) -> None:
    for state in State:
        for protected in (False, True):
            phone = in_state(state)
            pdu = message(name)
            if protected and phone.security is not None:
                pdu = phone.security.protect(pdu, CIPHERED, Direction.UPLINK)
            phone.network.receive(pdu)
            after = phone.nas.state.emm
            assert after is state.emm or after in LEGAL[state.emm], f"{name}: {state.name} to {after.name}"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(State)),
    st.lists(st.tuples(st.sampled_from(UPLINK), st.integers(0, 60), st.integers(0, 255), st.booleans()), max_size=5),
)
def test_spoilt_messages_are_survived(state: State, steps: list[tuple[str, int, int, bool]]) -> None:
    phone = in_state(state)
    for name, place, octet, cut in steps:
        spoilt = bytearray(message(name))
        spoilt[place % len(spoilt)] = octet
        pdu = bytes(spoilt[: place % len(spoilt) + 1] if cut else spoilt)
        if phone.security is not None and len(pdu) > 2:
            pdu = phone.security.protect(pdu, CIPHERED, Direction.UPLINK)
        phone.network.receive(pdu)
    settle(phone)
