"""Random access of a UE against a base station that is written line by line (TS 36.321 5.1)."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac.common_config import PreambleGroupA
from picocell.mac.control_elements import ContentionResolution, CRnti, LongBsr, ShortBsr
from picocell.mac.pdu import Sdu
from picocell.mac.rar import RarPdu
from picocell.mac.ue_mac import (
    ContentionLost,
    Preamble,
    RandomAccessCause,
    RandomAccessComplete,
    RandomAccessProblem,
    RandomAccessSent,
    RandomAccessStarted,
)
from picocell.mac.ue_random_access import TRANSITIONS, RaInput, RandomAccess, RaState
from picocell.phy.lte import prach
from picocell.phy.lte.dci import DciPdcchOrder
from picocell.phy.lte.ul_grant import RV_SEQUENCE
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission
from picocell.phy.lte.uplink_config import PrachConfig
from support.ue_mac_script import (
    CCCH_SDU,
    CONFIG,
    RACH,
    UL,
    ScriptedEnb,
    SduChannel,
    answer,
    downlink,
    grant,
    order,
    raw_response,
    response,
)

MESSAGE_4 = Sdu(0, b"setup")
WON = ContentionResolution(CCCH_SDU)
LOST = ContentionResolution(b"someon")


def test_a_ue_gets_its_c_rnti_by_contention_resolution() -> None:
    enb = ScriptedEnb()
    at = enb.access()
    assert enb.content(at).elements == (Sdu(0, CCCH_SDU),)
    assert enb.pusch(at).grant.rnti == 0x46
    assert enb.sent[at].n_ta == 160
    enb.step(hi=True)
    enb.step(downlink([WON, MESSAGE_4], ndi=1))
    assert enb.mac.c_rnti == 0x46
    assert enb.channels[0].received == [b"setup"]
    assert enb.events_of(RandomAccessComplete) == [RandomAccessComplete(0x46)]
    heard = enb.now - 1
    enb.run(6)
    ack = enb.sent[heard + 4].sent
    assert ack == PucchTransmission(0x46, "1a", UL.pucch.n1_pucch_an + 2, (1,))
    assert [s for s in enb.sent if s > heard] == [heard + 4]


def test_preambles_go_out_in_opportunities_and_the_window_opens_three_subframes_later() -> None:
    enb = ScriptedEnb()
    enb.now = 17
    enb.mac.start_random_access(17)
    at, number = enb.preamble()
    assert prach.is_opportunity(UL, at // 10, at % 10)
    assert at >= 21
    assert 0 <= number < 52
    asked = []
    for _ in range(12):
        if enb.looks_for(1 + at % 10):
            asked.append(enb.now)
        if enb.now < at + 9:
            enb.step()
    assert sorted(set(asked)) == list(range(at + 3, at + 3 + RACH.response_window))


def test_without_response_power_rises_and_the_problem_is_told_once() -> None:
    enb = ScriptedEnb()
    channel = enb.channels[0]
    assert isinstance(channel, SduChannel)
    channel.sdu = CCCH_SDU
    enb.mac.start_random_access(0)
    enb.run(200)
    sent = enb.events_of(RandomAccessSent)
    powers = [event.power_dbm for event in sent]
    assert powers[:4] == [-14.0, -12.0, -10.0, -8.0]
    assert [event.attempt for event in sent] == list(range(1, len(sent) + 1))
    assert max(powers) <= 23.0
    assert enb.events_of(RandomAccessProblem) == [RandomAccessProblem(3)]
    first, second = sorted(enb.sent)[:2]
    assert second >= first + 3 + RACH.response_window - 1 + 4


def test_power_of_a_preamble_ends_at_the_maximum() -> None:
    enb = ScriptedEnb()
    enb.mac.measured(100000, rsrp_dbm=-120.0, path_loss_db=150.0, sinr_db=0.0)
    enb.mac.start_random_access(0)
    enb.preamble()
    assert enb.events_of(RandomAccessSent)[0].power_dbm == 23.0


def test_a_response_to_another_preamble_is_not_this_ues_but_its_backoff_is() -> None:
    waits = []
    for seed in range(40):
        enb = ScriptedEnb(seed=seed)
        enb.mac.start_random_access(0)
        at, number = enb.preamble()
        enb.run(at + 3 - enb.now)
        enb.step(response(at, [answer((number + 1) % 64)], backoff=5))
        again, _ = enb.preamble()
        waits.append(again - (at + 7))
    assert not any(wait < 4 or wait > 60 + 5 for wait in waits)
    assert max(waits) > 40
    assert min(waits) < 15


def test_a_response_without_backoff_ends_the_backoff() -> None:
    procedure = RandomAccess(UL, RACH, random.Random(1))
    procedure.response(RarPdu((), backoff=12))
    assert procedure._backoff_ms == 960
    procedure.response(RarPdu((answer(63),)))
    assert procedure._backoff_ms == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda at, _number: raw_response(at, b"\xff"),
        lambda at, number: response(at, [answer(number, timing_advance=1283)]),
        lambda at, number: response(at, [answer(number, n_prb=1)]),
        lambda at, number: raw_response(at, bytes([0x40 | number])),
    ],
    ids=["malformed", "timing", "too small", "cut short"],
)
def test_a_response_that_cannot_be_used_counts_as_none(make) -> None:
    enb = ScriptedEnb()
    channel = enb.channels[0]
    assert isinstance(channel, SduChannel)
    channel.sdu = CCCH_SDU
    enb.mac.start_random_access(0)
    at, number = enb.preamble()
    enb.run(at + 3 - enb.now)
    enb.step(make(at, number))
    assert enb.mac.access_state is RaState.RESPONSE
    enb.step(response(at, [answer(number)]))
    assert enb.mac.access_state is RaState.MESSAGE_3


def test_the_uplink_delay_field_postpones_message_3_by_a_subframe() -> None:
    for delay in (False, True):
        enb = ScriptedEnb()
        channel = enb.channels[0]
        assert isinstance(channel, SduChannel)
        channel.sdu = CCCH_SDU
        enb.mac.start_random_access(0)
        at, number = enb.preamble()
        enb.run(at + 3 - enb.now)
        enb.step(response(at, [answer(number, grant={"ul_delay": delay})]))
        assert enb.until(PuschTransmission, 10) == at + 3 + 6 + delay


def test_message_3_is_sent_again_on_nack_until_its_limit_and_then_contention_is_lost() -> None:
    enb = ScriptedEnb()
    at = enb.access()
    first = enb.pusch(at)
    enb.run(40, hi=False)
    sent = [s for s in enb.sent if s >= at and isinstance(enb.sent[s].sent, PuschTransmission)][:3]
    assert sent == [at, at + 8, at + 16]
    assert [enb.pusch(s).grant.rv for s in sent] == list(RV_SEQUENCE[:3])
    assert all(enb.pusch(s).payload == first.payload for s in sent)
    (lost,) = enb.events_of(ContentionLost)[:1]
    assert lost == ContentionLost(1, True)


def test_the_contention_timer_starts_again_with_each_retransmission() -> None:
    enb = ScriptedEnb()
    at = enb.access()
    enb.run(8, hi=False)
    assert at + 8 in enb.sent
    enb.run(at + 8 + RACH.contention_timer - enb.now, hi=True)
    assert not enb.events_of(ContentionLost)
    enb.step(downlink([WON, MESSAGE_4], ndi=1))
    assert enb.mac.c_rnti == 0x46


def test_another_ues_identity_loses_contention_and_is_not_acknowledged() -> None:
    enb = ScriptedEnb()
    at = enb.access()
    payload = enb.pusch(at).payload
    enb.step(hi=True)
    enb.step(downlink([LOST, MESSAGE_4], ndi=1))
    heard = enb.now - 1
    assert enb.events_of(ContentionLost) == [ContentionLost(1, False)]
    assert not enb.mac.synchronised
    assert enb.mac.c_rnti is None
    assert enb.channels[0].received == []
    again = enb.message_3(0x50)
    assert not any(isinstance(enb.sent[s].sent, PucchTransmission) for s in enb.sent)
    assert enb.pusch(again).payload == payload
    assert enb.pusch(again).grant.rnti == 0x50
    assert again > heard


def test_message_3_is_padded_to_a_larger_grant_of_a_later_attempt() -> None:
    enb = ScriptedEnb()
    enb.access()
    enb.step(downlink([LOST], ndi=1))
    again = enb.message_3(0x50, n_prb=6)
    assert enb.content(again).sdus == (Sdu(0, CCCH_SDU),)
    assert len(enb.pusch(again).payload) == enb.pusch(again).grant.tbs // 8


def test_a_broken_message_4_is_not_answered_and_its_repetition_is_taken() -> None:
    enb = ScriptedEnb()
    enb.access()
    enb.step(downlink([WON, MESSAGE_4], ndi=1, crc_ok=False))
    broken = enb.now - 1
    enb.run(7)
    assert broken + 4 not in enb.sent
    enb.step(downlink([WON, MESSAGE_4], ndi=1))
    enb.run(7)
    enb.step(downlink([WON, MESSAGE_4], ndi=1))
    enb.run(5)
    acks = [s for s in enb.sent if isinstance(enb.sent[s].sent, PucchTransmission)]
    assert acks == [broken + 8 + 4, broken + 16 + 4]
    assert enb.channels[0].received == [b"setup"]


def test_a_tc_rnti_that_is_given_again_starts_new_blocks() -> None:
    enb = ScriptedEnb()
    enb.access()
    enb.step(downlink([LOST], ndi=1))
    enb.message_3(0x46)
    enb.step(downlink([WON, MESSAGE_4], ndi=1))
    assert enb.mac.c_rnti == 0x46


def test_the_tc_rnti_moves_message_3_to_other_resources() -> None:
    enb = ScriptedEnb()
    at = enb.access()
    enb.run(3)
    enb.step(grant(1, rnti=0x46, mcs=0, n_prb=3, start=9), hi=False)
    enb.run(5)
    moved = enb.pusch(at + 8)
    assert moved.grant.prb_start == (9, 9)
    assert moved.payload == enb.pusch(at).payload
    enb.run(2)
    enb.step(grant(0, rnti=0x46, mcs=4, n_prb=3, start=9), hi=True)
    enb.run(6)
    assert at + 16 not in enb.sent


def test_a_ue_without_request_resource_names_its_c_rnti_and_reports_its_buffer() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, sr=None, phr=None))
    enb.channels[3].waiting = 400
    at = enb.message_3(0x50)
    assert enb.events_of(RandomAccessStarted) == [RandomAccessStarted(RandomAccessCause.NO_SR_RESOURCE)]
    assert enb.content(at).control_elements[0] == CRnti(0x46)
    assert isinstance(enb.content(at).control_elements[1], ShortBsr | LongBsr)
    assert enb.pusch(at).grant.rnti == 0x50
    enb.step(downlink([Sdu(1, b"x")], ndi=1))
    assert not enb.events_of(RandomAccessComplete)
    enb.step(grant(1))
    assert enb.events_of(RandomAccessComplete) == [RandomAccessComplete(0x46)]
    enb.run(5)
    assert enb.pusch(at + 2 + 4).grant.rnti == 0x46
    assert enb.content(at + 2 + 4).sdus
    assert enb.mac.c_rnti == 0x46


def test_a_c_rnti_grant_in_the_process_of_message_3_is_for_new_data() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, sr=None, phr=None))
    enb.channels[3].waiting = 400
    at = enb.message_3(0x50)
    enb.run(3)
    enb.step(grant(0), hi=True)
    assert enb.events_of(RandomAccessComplete)
    enb.run(5)
    assert enb.content(at + 8).sdus[0].lcid == 3


def test_a_synchronised_ue_ignores_the_timing_of_a_response() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, sr=None), n_ta=77)
    enb.channels[1].waiting = 4
    at = enb.message_3(0x50)
    assert enb.sent[at].n_ta == 16 * 77
    enb.run(30, hi=True)
    assert enb.events_of(ContentionLost)
    assert enb.mac.synchronised


def test_an_order_with_a_preamble_is_complete_with_its_response() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, cqi=None))
    enb.step(order(DciPdcchOrder(preamble_index=60)))
    ordered = enb.now - 1
    at, number = enb.preamble()
    assert number == 60
    assert at >= ordered + 6
    enb.run(at + 3 - enb.now)
    enb.step(response(at, [answer(60, 0x77, timing_advance=33)]))
    assert enb.events_of(RandomAccessComplete) == [RandomAccessComplete(0x46)]
    sent = enb.until(PuschTransmission, 8)
    assert sent == at + 9
    assert enb.pusch(sent).grant.rnti == 0x46
    assert enb.sent[sent].n_ta == 16 * 33
    assert not any(isinstance(e, CRnti) for e in enb.content(sent).elements)


def test_an_order_without_preamble_is_resolved_by_any_message_for_the_c_rnti() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, cqi=None))
    enb.step(order(DciPdcchOrder(preamble_index=0)))
    at = enb.message_3(0x50)
    assert enb.content(at).elements[0] == CRnti(0x46)
    enb.step(downlink([Sdu(1, b"x")]))
    assert enb.events_of(RandomAccessComplete)


@pytest.mark.parametrize(("mask", "allowed"), [(0, {1, 6}), (1, {1}), (2, {6}), (9, {1, 6}), (11, {1}), (12, {6})])
def test_the_mask_of_an_order_limits_the_opportunities(mask: int, allowed: set[int]) -> None:
    seen = set()
    for start in range(10):
        procedure = RandomAccess(UL, RACH, random.Random(1))
        procedure.start(RandomAccessCause.PDCCH_ORDER, start, preamble=60, mask=mask)
        now = start
        while procedure.attempt(now, message_bits=0, group_b_power=True) is None:
            now += 1
        seen.add(now % 10)
    assert seen == allowed


@pytest.mark.parametrize(
    ("size", "path_loss", "offset", "group_b"),
    [(6, 80.0, 0, False), (60, 80.0, 0, True), (60, 125.0, 0, False), (60, 125.0, None, True)],
)
def test_group_b_is_for_large_messages_at_good_links(
    size: int, path_loss: float, offset: int | None, group_b: bool
) -> None:
    rach = replace(RACH, group_a=PreambleGroupA(20, 144, offset))
    numbers = set()
    for seed in range(30):
        enb = ScriptedEnb(seed=seed, rach=rach)
        enb.mac.measured(10**6, rsrp_dbm=-80.0, path_loss_db=path_loss, sinr_db=1.0)
        channel = enb.channels[0]
        assert isinstance(channel, SduChannel)
        channel.sdu = bytes(size)
        enb.mac.start_random_access(0)
        numbers.add(enb.preamble()[1])
    assert all((number >= 20) == group_b for number in numbers)
    assert len(numbers) > 5


def test_reset_ends_random_access() -> None:
    enb = ScriptedEnb()
    enb.access()
    enb.mac.reset(enb.now)
    assert enb.mac.access_state is RaState.IDLE
    enb.run(40, hi=False)
    assert not enb.mac.synchronised
    assert len(enb.sent) == 2


def test_a_format_of_several_subframes_silences_the_ue_and_moves_the_window() -> None:
    ul = replace(UL, prach=PrachConfig(config_index=19))
    enb = ScriptedEnb(ul=ul)
    enb.mac.start_random_access(0)
    at, _ = enb.preamble()
    n = prach.preamble_format(ul).subframes
    assert n == 2
    enb.run(at + n - 1 + 3 - enb.now)
    assert enb.looks_for(1 + at % 10)


@given(st.lists(st.sampled_from(RaInput), max_size=40))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_order_of_inputs_keeps_the_procedure_in_its_table(inputs: list[RaInput]) -> None:
    procedure = RandomAccess(UL, RACH, random.Random(1))
    for happened in inputs:
        before = procedure.state
        moved = procedure._go(happened)
        assert procedure.state is (TRANSITIONS[before, happened] if moved else before)


def test_every_state_can_be_left() -> None:
    for state in RaState:
        assert {to for (frm, _), to in TRANSITIONS.items() if frm is state}
    assert Preamble(1).number == 1
