"""The eNB's end of S1AP: every message in every state, silence in every state, and bytes that are nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.enb.s1ap import S1State
from picocell.epc.interfaces import s1ap
from support.s1ap_enb import DETACH, ENB, MESSAGES, RELEASE, RNTI, STATES, answers, drain, give, in_state


@pytest.mark.parametrize("state", STATES[3:])
def test_a_silent_mme_and_silent_layers_leave_nothing_running(state: str) -> None:
    enb = in_state(state)
    kept = state in ("connected", "active", "context", "erab", "erab release")
    for now in range(0, 20_000, 500):
        enb.handle_timers(now)
        answers(enb)
    drain(enb)
    assert (enb.ue_state(RNTI) is not None) is kept
    assert enb.tables()["guards"] == 0


@pytest.mark.parametrize("state", STATES)
def test_a_lost_association_leaves_nothing_behind(state: str) -> None:
    enb = in_state(state)
    enb.connection_lost(0)
    drain(enb)
    assert not any(enb.tables().values())
    assert enb.next_timer() == 2000
    enb.uplink_nas(RNTI, b"")
    enb.nas_non_delivery(RNTI, b"", DETACH)
    enb.initial_context_setup_response(RNTI, [(5, 1, ENB)])
    enb.initial_context_setup_failure(RNTI, DETACH)
    enb.erab_setup_response(RNTI, [])
    enb.erab_release_response(RNTI, [])
    enb.ue_capability(RNTI, b"")
    enb.release_request(RNTI, DETACH, 0)
    enb.release_complete(RNTI)
    assert answers(enb) == []


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_message_in_every_state(state: str, name: str) -> None:
    enb = in_state(state)
    for now in (10, 20):
        for answer in give(enb, MESSAGES[name], now):
            assert answer.diagnostics() is None
    give(enb, RELEASE, 30)
    drain(enb)
    enb.release_complete(RNTI)
    if enb.state is S1State.READY:
        assert enb.tables()["ues"] == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(MESSAGES)), st.integers(0, 400)), max_size=12), st.sampled_from(STATES)
)
def test_any_order_of_messages_ends_in_order(steps: list[tuple[str, int]], state: str) -> None:
    enb, now = in_state(state), 0
    for name, wait in steps:
        now += wait
        enb.handle_timers(now)
        for answer in give(enb, MESSAGES[name], now):
            assert answer.diagnostics() is None
    enb.connection_lost(now)
    drain(enb)
    assert not any(enb.tables().values())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_no_bytes_raise(data: st.DataObject) -> None:
    enb = in_state(data.draw(st.sampled_from(STATES)))
    damaged = bytearray(s1ap.encode(MESSAGES[data.draw(st.sampled_from(sorted(MESSAGES)))]))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    give(enb, bytes(damaged))
    give(enb, data.draw(st.binary(max_size=40)))
    drain(enb)


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", ["connected", "active"])
def test_a_message_without_one_of_its_elements_is_answered_or_ignored(state: str, name: str) -> None:
    whole = MESSAGES[name]
    for missing in whole.raw:
        enb = in_state(state)
        give(enb, replace(whole, raw=tuple(ie for ie in whole.raw if ie is not missing)))
        drain(enb)
        give(enb, RELEASE, 30)
        drain(enb)
