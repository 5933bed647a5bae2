"""A UE's connection in the base station: refusals, guards, lost links, and security that fails."""

from dataclasses import replace

import pytest

from picocell.rrc_nas.rrc.enb_context import UeState
from picocell.rrc_nas.rrc.enb_events import (
    ErabSetupDone,
    InitialContextSetupFailed,
    NasNotDelivered,
    ReleaseRequest,
    UeGone,
)
from picocell.rrc_nas.rrc.enb_lifecycle import LINK_LOST, NO_ALGORITHMS, PROCEDURE_FAILED
from picocell.rrc_nas.rrc.enb_resources import NO_RESOURCES
from picocell.rrc_nas.rrc.events import ActivateSecurity, ReleaseRadio, SendSrb, UeEvent
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.enb_rrc_events import MORE, kinds
from support.enb_rrc_harness import (
    CONTEXT,
    K_ENB,
    capability,
    complete,
    connect,
    dcch,
    drain,
    make,
    request,
    secure,
    sent,
)


def test_no_setup_complete() -> None:
    rrc, resources = make()
    rrc.receive_ccch(70, request(), 100)
    drain(rrc)
    assert rrc.next_timer() == 1100
    rrc.handle_timers(1100)
    assert drain(rrc)[-1] == UeGone(70, PROCEDURE_FAILED, known=False)
    assert not rrc.ues
    assert not resources.taken


def test_a_ue_that_asks_again_gives_its_first_attempt_up() -> None:
    rrc, resources = make()
    rrc.receive_ccch(70, request(), 100)
    rrc.receive_ccch(71, request(), 150)
    assert UeGone(70, LINK_LOST, known=False) in drain(rrc)
    assert list(rrc.ues) == [71]
    assert list(resources.taken) == [71]


@pytest.mark.parametrize("why", ["resources", "limit", "mme", "overload"])
def test_rejection(why: str) -> None:
    rrc, resources = make(capacity=1 if why == "resources" else 8, max_ues=1 if why == "limit" else None, wait_time_s=9)
    connect(rrc)
    rrc.accepting = why != "mme"
    rrc.overload("reject-rrc-cr-signalling" if why == "overload" else None)
    rrc.receive_ccch(71, request(), 200)
    events = drain(rrc)
    assert kinds(events) == [SendSrb]
    assert sent(events)[0][:3] == (0, "rrcConnectionReject", {"waitTime": 1 if why == "mme" else 9})
    rrc.handle_timers(250)
    assert drain(rrc) == [
        UeEvent(71, ReleaseRadio("radioNetwork radio-resources-not-available")),
        UeGone(71, NO_RESOURCES, known=False),
    ]
    assert list(rrc.ues) == list(resources.taken) == [70]


def test_overload_lets_others_through() -> None:
    rrc, _ = make()
    rrc.overload("reject-rrc-cr-signalling")
    rrc.receive_ccch(70, request(cause="emergency"), 0)
    rrc.receive_ccch(71, request(("randomValue", (8, 40)), cause="mt-Access"), 0)
    assert {ue.state for ue in rrc.ues.values()} == {UeState.SETUP}
    rrc.overload("reject-rrc-cr-signalling", 50)
    for rnti in range(80, 84):
        rrc.receive_ccch(rnti, request(("randomValue", (rnti, 40))), 0)
    states = [rrc.ues[rnti].state for rnti in range(80, 84)]
    assert states == [UeState.SETUP, UeState.REJECTED] * 2
    with pytest.raises(ValueError, match="overload action 'all'"):
        rrc.overload("all")


@pytest.mark.parametrize("message", [b"", b"\xff" * 6, bytes(1)])
def test_malformed_ccch(message: bytes) -> None:
    rrc, _ = make()
    rrc.receive_ccch(70, message, 0)
    events = drain(rrc)
    assert kinds(events) in ([ReleaseRadio], [SendSrb])  # zeros may be a request for re-establishment
    connect(rrc, 71)
    rrc.receive_ccch(71, b"", 50)
    assert not drain(rrc)
    assert rrc.ues[71].state is UeState.CONNECTED


def test_a_c_rnti_in_use_is_not_set_up_again() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.receive_ccch(70, request(("randomValue", (9, 40))), 60)
    assert not drain(rrc)
    assert rrc.ues[70].state is UeState.CONNECTED


@pytest.mark.parametrize("eea_bitmap", [0, 0xFFFF])
def test_without_a_common_integrity_algorithm_there_is_no_security(eea_bitmap: int) -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, replace(CONTEXT, eea=eea_bitmap, eia=0), 50)
    assert drain(rrc) == [InitialContextSetupFailed(70, NO_ALGORITHMS)]
    assert rrc.ues[70].state is UeState.CONNECTED
    assert rrc.ues[70].keys is None


def test_security_mode_failure() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    drain(rrc)
    rrc.receive_dcch(70, 1, complete("securityModeFailure", 1), 60)
    assert drain(rrc) == [InitialContextSetupFailed(70, NO_ALGORITHMS)]
    assert rrc.ues[70].keys is None


def test_security_mode_complete_is_verified_by_the_owner() -> None:
    rrc, _ = make()
    verdicts = [False, True]
    asked = []

    def verify(rnti: int, keys: SecurityKeys) -> bool:
        asked.append((rnti, keys))
        return verdicts.pop(0)

    rrc.verify_last = verify
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    keys = SecurityKeys.derive(K_ENB, Eea.EEA0, Eia.EIA2)
    first = drain(rrc)[0].event
    assert first == ActivateSecurity(keys, integrity_rx=False, ciphering_tx=False, ciphering_rx=False)
    rrc.receive_dcch(70, 1, complete("securityModeComplete", 1), 60)
    assert not drain(rrc)
    rrc.receive_dcch(70, 1, complete("securityModeComplete", 1), 61)
    assert drain(rrc)[0].event == ActivateSecurity(keys)
    assert asked == [(70, keys)] * 2


def test_a_second_context_is_refused() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc)
    rrc.initial_context_setup(70, CONTEXT, 200)
    assert kinds(drain(rrc)) == [InitialContextSetupFailed]
    assert rrc.ues[70].state is UeState.SECURED


@pytest.mark.parametrize("n_answers", [0, 1, 2])
def test_no_answer_within_the_guard_time(n_answers: int) -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    answers = (lambda t: complete("securityModeComplete", t), capability)
    for answer in answers[:n_answers]:
        rrc.receive_dcch(70, 1, answer(rrc.ues[70].transaction), 60)
    drain(rrc)
    rrc.handle_timers(2060)
    assert drain(rrc) == [InitialContextSetupFailed(70, PROCEDURE_FAILED), ReleaseRequest(70, PROCEDURE_FAILED)]
    rrc.release(70, PROCEDURE_FAILED, 2100)
    assert drain(rrc)[-1] == UeGone(70, PROCEDURE_FAILED, True, True)
    assert not rrc.ues


def test_wrong_transaction_and_unknown_messages_are_refused() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    drain(rrc)
    rrc.receive_dcch(70, 1, complete("securityModeComplete", 3), 60)
    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", 1), 61)
    rrc.receive_dcch(70, 1, dcch("counterCheckResponse", {"drb-CountInfoList": []}, 1, grouped=False), 62)
    rrc.receive_dcch(70, 1, b"", 63)
    assert not drain(rrc)
    assert rrc.ues[70].state is UeState.SECURITY
    assert rrc.counters.total() == 4


def test_radio_link_failure_without_security() -> None:
    rrc, _ = make(lost_ms=500)
    connect(rrc)
    rrc.downlink_nas(70, b"first", 90)
    drain(rrc)
    rrc.radio_link_failure(70, "no uplink", 100)
    rrc.downlink_nas(70, b"second", 110)
    assert not drain(rrc)
    rrc.handle_timers(600)
    assert drain(rrc) == [ReleaseRequest(70, LINK_LOST)]
    rrc.release(70, LINK_LOST, 700)
    assert drain(rrc) == [
        NasNotDelivered(70, b"second"),
        UeEvent(70, ReleaseRadio("radioNetwork radio-connection-with-ue-lost")),
        UeGone(70, LINK_LOST, True, True),
    ]


def test_a_lost_ue_comes_back() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc)
    rrc.radio_link_failure(70, "no uplink", 200)
    rrc.radio_link_failure(70, "again", 201)
    rrc.downlink_nas(70, b"go on", 210)
    assert not drain(rrc)
    rrc.ue_returned(70, 300)
    assert sent(drain(rrc))[0][:2] == (2, "dlInformationTransfer")
    assert rrc.ues[70].state is UeState.SECURED


def test_a_procedure_fails_with_the_radio_link() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc)
    rrc.erab_setup(70, MORE, None, 200)
    drain(rrc)
    rrc.radio_link_failure(70, "no uplink", 210)
    assert drain(rrc) == [ErabSetupDone(70, (), {6: LINK_LOST, 7: LINK_LOST}), ReleaseRequest(70, LINK_LOST)]
    rrc.ue_returned(70, 220)
    assert rrc.ues[70].state is UeState.LOST
    rrc.handle_timers(5210)
    assert drain(rrc)[-1] == UeGone(70, LINK_LOST, known=True, ordered=False)
