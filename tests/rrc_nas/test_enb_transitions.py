"""The state machine of a UE's connection: every pair of state and input, and random histories."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_context import UeInput, UeState
from picocell.rrc_nas.rrc.enb_events import (
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupDone,
    InitialContextSetupFailed,
    NasNotDelivered,
    UeGone,
    UeRenamed,
)
from picocell.rrc_nas.rrc.enb_security import short_mac_i
from picocell.rrc_nas.rrc.enb_settings import Erab
from picocell.rrc_nas.rrc.enb_transitions import TRANSITIONS
from picocell.rrc_nas.rrc.events import SendSrb, UeEvent
from support.enb_rrc_harness import (
    CONTEXT,
    Resources,
    capability,
    complete,
    connect,
    dcch,
    drain,
    make,
    reestablishment_request,
    request,
    sent,
    setup_complete,
    uplink_nas,
)

RELEASE = ("nas", "normal-release")
RNTI = 70


def reach(state: UeState) -> tuple[EnbRrc, Resources]:
    """A cell with one UE, in a state."""
    rrc, resources = make(inactivity_ms=100_000)
    if state is UeState.REJECTED:
        rrc.accepting = False
    rrc.receive_ccch(RNTI, request(), 0)
    steps: list[Callable[[], None]] = [
        lambda: rrc.receive_dcch(RNTI, 1, setup_complete(rrc.ues[RNTI].transaction), 1),
        lambda: rrc.initial_context_setup(RNTI, CONTEXT, 2),
        lambda: rrc.receive_dcch(RNTI, 1, complete("securityModeComplete", rrc.ues[RNTI].transaction), 3),
        lambda: rrc.receive_dcch(RNTI, 1, capability(rrc.ues[RNTI].transaction), 4),
        lambda: rrc.receive_dcch(
            RNTI, 1, complete("rrcConnectionReconfigurationComplete", rrc.ues[RNTI].transaction), 5
        ),
    ]
    if state is UeState.LOST:
        steps.append(lambda: rrc.radio_link_failure(RNTI, "test", 6))
    elif state is UeState.RELEASING:
        steps.append(lambda: rrc.release(RNTI, RELEASE, 6))
    elif state is UeState.REESTABLISHMENT:
        steps.append(lambda: reestablish(rrc, 71, RNTI))
    for step in steps:
        if any(ue.state is state for ue in rrc.ues.values()):
            break
        step()
    drain(rrc)
    assert [ue.state for ue in rrc.ues.values()] == [state]
    return rrc, resources


def reestablish(rrc: EnbRrc, new_rnti: int, rnti: int, now: int = 6) -> None:
    keys = rrc.ues[rnti].keys if rnti in rrc.ues else None
    short = 0 if keys is None else short_mac_i(keys, rrc.settings.cell_identity, rrc.cell.pci, rnti)
    rrc.receive_ccch(new_rnti, reestablishment_request(rnti, rrc.cell.pci, short), now)


def apply(rrc: EnbRrc, rnti: int, what: UeInput, now: int, transaction: int | None = None) -> None:
    """Make an input happen."""
    ue = rrc.ues.get(rnti)
    if transaction is None:
        transaction = ue.transaction if ue is not None else 0
    match what:
        case UeInput.REQUEST:
            rrc.erab_setup(rnti, (Erab(6, 9),), b"nas", now)
        case UeInput.RELEASE:
            rrc.release(rnti, RELEASE, now)
        case UeInput.LINK_FAILURE:
            rrc.radio_link_failure(rnti, "test", now)
        case UeInput.RETURN:
            rrc.ue_returned(rnti, now)
        case UeInput.GUARD:
            if ue is not None and ue.guard is not None:
                rrc.handle_timers(ue.guard)
        case UeInput.INACTIVITY:
            if ue is not None and ue.inactive is not None:
                rrc.handle_timers(ue.inactive)
        case _:
            rrc.receive_dcch(rnti, 1, message(what, transaction), now)


def message(what: UeInput, transaction: int) -> bytes:
    match what:
        case UeInput.SETUP_COMPLETE:
            return setup_complete(transaction)
        case UeInput.CAPABILITY_INFORMATION:
            return capability(transaction)
        case UeInput.UPLINK_NAS:
            return uplink_nas()
        case UeInput.MEASUREMENT:
            return dcch(
                what.value, {"measResults": {"measId": 1, "measResultPCell": {"rsrpResult": 0, "rsrqResult": 0}}}, None
            )
    return complete(what.value, transaction)


MESSAGES = [what for what in UeInput if what.value[0] in "rsum" and " " not in what.value]


@pytest.mark.parametrize("state", UeState)
@pytest.mark.parametrize("what", UeInput)
def test_every_pair_is_a_transition_or_a_refusal(state: UeState, what: UeInput) -> None:
    rrc, _ = reach(state)
    (rnti,) = rrc.ues
    apply(rrc, rnti, what, 10)
    events = drain(rrc)
    if (state, what) not in TRANSITIONS and what not in (UeInput.INACTIVITY, UeInput.GUARD):
        assert rrc.counters.total()
        assert rrc.ues[rnti].state is state
        # what S1AP asked for is answered all the same
        answers = {UeInput.REQUEST: ErabSetupDone, UeInput.RELEASE: UeGone}
        assert [type(event) for event in events] == ([answers[what]] if what in answers else [])
    check(rrc, events)


@pytest.mark.parametrize("state", UeState)
def test_tables_are_empty_after_a_release_from_every_state(state: UeState) -> None:
    rrc, resources = reach(state)
    (rnti,) = rrc.ues
    rrc.downlink_nas(rnti, b"nas", 8)
    rrc.release(rnti, RELEASE, 10)
    finish(rrc)
    assert not resources.taken


@pytest.mark.parametrize("state", UeState)
def test_a_ue_that_falls_silent_is_removed_in_the_end(state: UeState) -> None:
    rrc, resources = reach(state)
    finish(rrc)
    assert not resources.taken


def finish(rrc: EnbRrc) -> list[Any]:
    """Let all timers run out, with an MME that answers nothing."""
    events = drain(rrc)
    for _ in range(20):
        now = rrc.next_timer()
        if now is None:
            break
        rrc.handle_timers(now)
        events += drain(rrc)
    assert not rrc.ues
    assert rrc.next_timer() is None
    return events


def check(rrc: EnbRrc, events: list[Any]) -> None:
    """What always holds: messages decode, and a UE that is gone is in no table."""
    for event in events:
        if isinstance(event, UeEvent) and isinstance(event.event, SendSrb):
            channel: Any = "DL-CCCH" if event.event.srb == 0 else "DL-DCCH"
            assert asn1.encode(channel, asn1.decode(channel, event.event.message)) == event.event.message
    for ue in rrc.ues.values():
        if ue.at_rest:
            assert ue.procedure is None
            assert not ue.requests
        else:
            assert ue.guard is not None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [*UeInput, "context", "nas", "erab release", "connect", "reestablish", "activity", "junk", "time"]
        ),
        st.integers(70, 72),
        st.sampled_from([None, None, None, 0, 1]),
        st.integers(1, 800),
    ),
    max_size=40,
)


@settings(max_examples=120)
@given(steps=STEPS, seed=st.integers(0, 9))
def test_random_histories(steps: list[tuple[Any, int, int | None, int]], seed: int) -> None:
    """Nothing is raised, every request is answered, no NAS message is lost, and all tables are empty in the end."""
    rng = random.Random(seed)
    rrc, resources = make(capacity=2, inactivity_ms=3000)
    connect(rrc)
    events: list[Any] = []
    now, n_requests, nas = 50, 0, []
    for what, rnti, transaction, step in steps:
        now += step
        match what:
            case "context":
                rrc.initial_context_setup(rnti, CONTEXT, now)
                n_requests += 1
            case "nas":
                nas.append(f"nas {len(nas)}".encode())
                rrc.downlink_nas(rnti, nas[-1], now)
            case "erab release":
                rrc.erab_release(rnti, (6,), None, now)
                n_requests += 1
            case "connect":
                rrc.receive_ccch(rnti, request(("randomValue", (rnti, 40))), now)
            case "reestablish":
                reestablish(rrc, rnti, rng.randrange(70, 73), now)
            case "activity":
                rrc.activity(rnti, now)
            case "junk":
                rrc.receive_dcch(rnti, 1, rng.randbytes(rng.randrange(12)), now)
                rrc.receive_ccch(73, rng.randbytes(6), now)
            case "time":
                rrc.handle_timers(now)
            case _:
                n_requests += what is UeInput.REQUEST
                apply(rrc, rnti, what, now, transaction)
        events += drain(rrc)
        check(rrc, events[-20:])
    waiting = sum(
        not isinstance(r, bytes) and type(r).__name__ != "NasTransfer" for ue in rrc.ues.values() for r in ue.requests
    )
    waiting += sum(ue.procedure is not None for ue in rrc.ues.values())
    done = (InitialContextSetupDone, InitialContextSetupFailed, ErabSetupDone, ErabReleaseDone)
    released = sum(isinstance(event, UeGone) for event in events) + sum(
        ue.state is UeState.RELEASING for ue in rrc.ues.values()
    )
    answers = sum(isinstance(event, done) for event in events)
    assert answers + waiting <= n_requests
    if not released:
        assert answers + waiting == n_requests
    events += finish(rrc)
    assert not resources.taken
    found = [event.nas for event in events if isinstance(event, NasNotDelivered)]
    for _, name, body, _ in sent(events):
        if name == "dlInformationTransfer":
            found.append(body["dedicatedInfoType"][1])
        elif name == "rrcConnectionReconfiguration":
            found += body.get("dedicatedInfoNASList", [])
    assert sorted(n for n in found if n.startswith(b"nas ")) == sorted(nas)
    renamed = {event.old_rnti for event in events if isinstance(event, UeRenamed)}
    assert renamed <= {70, 71, 72}


@settings(max_examples=150)
@given(state=st.sampled_from(UeState), data=st.data())
def test_damaged_messages(state: UeState, data: st.DataObject) -> None:
    rrc, _ = reach(state)
    (rnti,) = rrc.ues
    what = data.draw(st.sampled_from(MESSAGES))
    damaged = bytearray(message(what, rrc.ues[rnti].transaction))
    for place in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), max_size=4)):
        damaged[place // 8] ^= 1 << place % 8
    rrc.receive_dcch(rnti, 1, bytes(damaged), 10)
    check(rrc, drain(rrc))
    finish(rrc)
