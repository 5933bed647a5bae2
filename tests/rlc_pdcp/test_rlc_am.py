"""Acknowledged mode: two entities against each other over bad links; TS 36.322 5.1.3.1 and 5.2 clause by clause."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picocell.rlc_pdcp.rlc import (
    AmEntity,
    AmRxConfig,
    AmTxConfig,
    BufferStatus,
    Event,
    MaxRetxReached,
    SduDelivered,
)
from picocell.rlc_pdcp.rlc.pdu import (
    MAX_SO,
    AmdPdu,
    Nack,
    StatusPdu,
    build_amd,
    build_status,
    is_control,
    parse_amd,
    parse_status,
)
from support.rlc_am_entities import LARGE, NEVER, acknowledge, drain, entity_at, pdus_of, sdus_of, sender


class BadLink:
    """Loses, repeats and delays PDUs."""

    def __init__(self, rng: random.Random, loss: float, delay: int) -> None:
        self.rng, self.loss, self.delay = rng, loss, delay
        self.under_way: list[tuple[int, float, bytes]] = []

    def send(self, pdu: bytes, now: int) -> None:
        for _ in range(1 + (self.rng.random() < 0.1)):
            if self.rng.random() >= self.loss:
                self.under_way.append((now + self.rng.randint(0, self.delay), self.rng.random(), pdu))

    def arrived(self, now: int) -> Iterator[bytes]:
        due = sorted(entry for entry in self.under_way if entry[0] <= now)
        self.under_way = [entry for entry in self.under_way if entry[0] > now]
        return (pdu for _, _, pdu in due)


def run(
    ends: list[AmEntity], sdus: list[list[bytes]], rng: random.Random, loss: float, grants: tuple[int, int]
) -> list[list[Event]]:
    """Send ``sdus[i]`` from ``ends[i]`` to the other end until all are delivered or nothing goes on; events by end."""
    links = [BadLink(rng, loss, rng.choice([0, 3, 10])) for _ in ends]
    waiting = [list(enumerate(stream)) for stream in sdus]
    events: list[list[Event]] = [[], []]
    for now in range(30_000):
        for i, entity in enumerate(ends):
            while waiting[i] and rng.random() < 0.7:
                name, sdu = waiting[i].pop(0)
                entity.write_sdu(sdu, now, name)
            entity.handle_timers(now)
            for _ in range(rng.randint(0, 3)):
                grant = rng.randint(*grants)
                pdu = entity.build_pdu(grant, now)
                assert len(pdu) <= grant
                if pdu:
                    links[i].send(pdu, now)
            for pdu in links[1 - i].arrived(now):
                entity.receive_pdu(pdu, now)
            events[i] += drain(entity)
        delivered = [sum(isinstance(event, SduDelivered) for event in found) for found in events]
        if delivered == [len(stream) for stream in sdus]:
            break
    return events


@settings(max_examples=200, deadline=None)
@example(seed=16678240, sn=1000, loss=0.4, grants=(1, 12), prohibit=20, poll_pdu=None)
@given(
    seed=st.integers(0, 2**32),
    sn=st.sampled_from([0, 500, 1000, 1023]),
    loss=st.sampled_from([0.0, 0.2, 0.4]),
    grants=st.sampled_from([(1, 12), (5, 60), (20, 3000), (3, 200)]),
    prohibit=st.sampled_from([0, 20]),
    poll_pdu=st.sampled_from([None, 4]),
)
def test_everything_arrives_once_and_in_order_over_bad_links(
    seed: int, sn: int, loss: float, grants: tuple[int, int], prohibit: int, poll_pdu: int | None
) -> None:
    rng = random.Random(seed)
    ends = [entity_at(sn, AmTxConfig(poll_pdu=poll_pdu), AmRxConfig(t_status_prohibit=prohibit)) for _ in range(2)]
    longest = 60 if grants[1] < 50 else 2500
    sdus = [[rng.randbytes(rng.randint(1, longest)) for _ in range(rng.randint(0, 25))] for _ in ends]
    events = run(ends, sdus, rng, loss, grants)
    for i in range(2):
        assert sdus_of(events[i]) == sdus[1 - i]
        delivered = [event.sdu_id for event in events[i] if isinstance(event, SduDelivered)]
        assert sorted(delivered) == list(range(len(sdus[i])))
        state = ends[i].get_state()[0]
        assert state.vt_a == state.vt_s
        assert ends[i].buffer_status(30_000).n_retx_bytes == 0


def test_many_small_pdus_run_through_all_sequence_numbers() -> None:
    rng = random.Random(5)
    ends = [AmEntity(), AmEntity()]
    sdus = [[rng.randbytes(40) for _ in range(600)], []]
    events = run(ends, sdus, rng, 0.2, (6, 24))
    assert sdus_of(events[1]) == sdus[0]
    assert sum(map(len, sdus[0])) > 1024 * (24 - 2)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=40), st.integers(0, 3))
def test_any_bytes_are_survived(pdus: list[bytes], n_sent: int) -> None:
    entity, _ = sender(n_sent)
    for now, pdu in enumerate(pdus):
        entity.receive_pdu(pdu, 20 * now)
        entity.handle_timers(20 * now)
        entity.buffer_status(20 * now)
        assert len(entity.build_pdu(7, 20 * now)) <= 7
    entity.reestablish(NEVER)


fuzzed_segments = st.tuples(
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.integers(0, 30) | st.integers(MAX_SO - 9, MAX_SO),
    st.booleans(),
).map(lambda fields: build_amd(AmdPdu(*fields)))


@settings(max_examples=300, deadline=None)
@given(st.lists(fuzzed_segments, max_size=30))
def test_contradictory_segments_are_survived(pdus: list[bytes]) -> None:
    entity = AmEntity()
    for now, pdu in enumerate(pdus):
        entity.receive_pdu(pdu, 20 * now)
        entity.handle_timers(20 * now)
        entity.buffer_status(20 * now)
        entity.build_pdu(LARGE, 20 * now)
    entity.reestablish(NEVER)


@given(st.integers(3, 60), st.lists(st.integers(1, 50), min_size=1, max_size=10), st.integers(0, 2**32))
def test_segments_of_segments_reassemble(first_grant: int, grants: list[int], seed: int) -> None:
    """One AMD PDU of several SDUs is sent again in pieces, some of them lost and asked for by offsets."""
    rng = random.Random(seed)
    sdus = [rng.randbytes(rng.randint(1, 30)) for _ in range(5)]
    entity, peer = AmEntity(AmTxConfig(t_poll_retransmit=NEVER)), AmEntity(rx=AmRxConfig(t_reordering=0))
    for sdu in sdus:
        entity.write_sdu(sdu, 0)
    assert entity.build_pdu(LARGE, 0)
    acknowledge(entity, 1, Nack(0))
    found: list[bytes] = []
    for now in range(4000):
        grant = (first_grant, *grants)[now % (1 + len(grants))]
        pdu = entity.build_pdu(grant, now)
        if pdu and rng.random() < 0.7:
            peer.receive_pdu(pdu, now)
            peer.handle_timers(now)
        found += sdus_of(drain(peer))
        if not entity.buffer_status(now).n_retx_bytes:
            if peer.get_state()[1].vr_r == 1:
                break
            missing = peer.build_pdu(LARGE, now)
            nacks = parse_status(missing).nacks if missing else ()
            acknowledge(entity, 1, *(nacks or (Nack(0),)))
    if max(first_grant, *grants) > 4:
        assert found == sdus


def test_concatenation_and_segmentation_fill_the_grant() -> None:
    entity = AmEntity()
    for sdu in (b"a" * 3, b"b" * 4, b"c" * 10):
        entity.write_sdu(sdu, 0)
    # header 2 + length indicators 3 + 3 + 4 + 5 bytes of data
    first, second = parse_amd(entity.build_pdu(17, 0)), parse_amd(entity.build_pdu(17, 0))
    assert first == AmdPdu(0, False, True, False, (b"aaa", b"bbbb", b"ccccc"))
    assert second == AmdPdu(1, True, False, True, (b"ccccc",))
    assert entity.build_pdu(17, 0) == b""


def test_an_sdu_too_long_for_a_length_indicator_ends_its_pdu() -> None:
    entity = AmEntity()
    for size in (3000, 5):
        entity.write_sdu(bytes(size), 0)
    assert [len(pdu) for pdu in pdus_of(entity)] == [3002, 7]


def test_every_byte_of_a_pdu_can_be_addressed_by_a_segment_offset() -> None:
    entity = AmEntity()
    entity.write_sdu(bytes(40_000), 0)
    assert [len(pdu) for pdu in pdus_of(entity)] == [2 + MAX_SO, 2 + 40_000 - MAX_SO]


@pytest.mark.parametrize("grant", [-1, 0, 1, 2])
def test_a_grant_without_room_for_data_is_not_used(grant: int) -> None:
    entity, _ = sender(0)
    entity.write_sdu(b"abc", 0)
    assert entity.build_pdu(grant, 0) == b""
    assert entity.get_state()[0].vt_s == 0


def test_transmission_stalls_at_the_window_and_polls() -> None:
    entity, pdus = sender(513, t_poll_retransmit=NEVER)
    assert pdus[512] == b""
    assert parse_amd(pdus[511]).poll
    acknowledge(entity, 1)
    assert parse_amd(entity.build_pdu(LARGE, 0)).sn == 512
    assert entity.get_state()[0].vt_ms == 513


def test_a_full_window_polls_although_data_waits() -> None:
    entity = AmEntity()
    for _ in range(514):
        entity.write_sdu(bytes(10), 0)
    polls = [parse_amd(pdu).poll for pdu in pdus_of(entity, 12)]
    assert polls == [False] * 511 + [True]


def test_poll_is_repeated_with_the_last_pdu_and_the_first_in_turn() -> None:
    entity, _ = sender(3)
    sns = []
    for now in (45, 90, 135, 180):
        entity.handle_timers(now)
        sns.append(parse_amd(entity.build_pdu(LARGE, now)).sn)
    assert sns == [2, 2, 0, 0]


def test_retransmissions_go_in_the_order_of_their_numbers() -> None:
    entity, _ = sender(3)
    acknowledge(entity, 3, Nack(0), Nack(2))
    assert parse_amd(entity.build_pdu(LARGE, 0)).sn == 0
    acknowledge(entity, 3, Nack(0), Nack(2))
    assert [parse_amd(pdu).sn for pdu in pdus_of(entity)] == [0, 2]


def test_overlapping_portions_are_sent_once() -> None:
    entity, _ = sender(1, 20)
    acknowledge(entity, 1, Nack(0, 0, 9), Nack(0, 2, 3), Nack(0, 8, 11))
    assert [len(pdu) for pdu in pdus_of(entity)] == [4 + 12]


def test_poll_after_poll_pdu_and_poll_byte() -> None:
    def polls(**config: int) -> list[bool]:
        entity = AmEntity(AmTxConfig(**config))
        for _ in range(8):
            entity.write_sdu(bytes(10), 0)
        return [parse_amd(entity.build_pdu(12, 0)).poll for _ in range(8)]

    assert polls() == [False] * 7 + [True]
    assert polls(poll_pdu=3) == [False, False, True, False, False, True, False, True]
    assert polls(poll_byte=31) == [False, False, False, True] * 2


def test_poll_is_repeated_with_the_last_pdu_until_its_sn_is_answered() -> None:
    entity, pdus = sender(3)
    assert entity.next_timer() == 45
    acknowledge(entity, 2)
    assert entity.next_timer() == 45
    entity.handle_timers(44)
    assert entity.build_pdu(LARGE, 44) == b""
    entity.handle_timers(45)
    assert entity.build_pdu(LARGE, 45) == pdus[2]
    assert entity.next_timer() == 90
    acknowledge(entity, 3, now=50)
    assert entity.next_timer() is None
    assert [event for event in drain(entity) if isinstance(event, SduDelivered)] == [SduDelivered(k) for k in range(3)]


def test_poll_outlives_the_acknowledgement_of_the_pdu_that_was_to_carry_it() -> None:
    entity, pdus = sender(3)
    for now in (45, 90):
        entity.handle_timers(now)
        assert entity.build_pdu(LARGE, now) == pdus[2]
    entity.handle_timers(135)  # the turn of the first PDU
    acknowledge(entity, 1, now=140)
    again = parse_amd(entity.build_pdu(LARGE, 141))
    assert again.poll
    assert again.sn > 0
    assert entity.next_timer() == 141 + 45


def test_negative_acknowledgement_of_poll_sn_stops_the_timer() -> None:
    entity, pdus = sender(2)
    acknowledge(entity, 2, Nack(1))
    assert entity.next_timer() is None
    assert entity.build_pdu(LARGE, 3) == pdus[1]
    assert entity.next_timer() == 48


def test_sdu_is_delivered_when_all_its_pdus_are_acknowledged() -> None:
    entity = AmEntity()
    entity.write_sdu(bytes(10), 0, 7)
    entity.write_sdu(bytes(1), 0, 8)
    assert [len(pdu) for pdu in pdus_of(entity, 9)] == [9, 8]
    acknowledge(entity, 2, Nack(0))
    assert drain(entity) == [SduDelivered(8)]
    assert entity.get_state()[0].vt_a == 0
    acknowledge(entity, 2)
    assert drain(entity) == [SduDelivered(7)]
    assert entity.get_state()[0].vt_a == 2


def test_max_retx_is_reported_once_and_counts_only_what_was_not_pending() -> None:
    entity, _ = sender(1, max_retx_threshold=2)
    for count in range(4):
        acknowledge(entity, 1, Nack(0))
        acknowledge(entity, 1, Nack(0))
        assert drain(entity) == ([MaxRetxReached(0)] if count == 2 else [])
        assert entity.build_pdu(LARGE, 0)


def test_retransmission_goes_before_new_data_and_status_before_both() -> None:
    entity, pdus = sender(2)
    entity.write_sdu(b"new", 0)
    acknowledge(entity, 2, Nack(0))
    entity.receive_pdu(build_amd(AmdPdu(0, True, True, True, (b"x",))), 0)
    assert entity.buffer_status(0) == BufferStatus(2 + 12 + 5, 2, 12)
    status, again, new = pdus_of(entity)
    assert status == build_status(StatusPdu(1))
    assert parse_amd(again) == parse_amd(pdus[0])._replace(poll=False)
    assert parse_amd(new) == AmdPdu(2, True, True, True, (b"new",))
    assert entity.buffer_status(0) == BufferStatus(0)


def test_portions_of_a_nack_are_sent_as_segments() -> None:
    entity = AmEntity()
    for sdu in (b"abcd", b"efgh", b"ijkl"):
        entity.write_sdu(sdu, 0)
    entity.build_pdu(LARGE, 0)
    acknowledge(entity, 1, Nack(0, 2, 5), Nack(0, 8))
    assert [parse_amd(pdu) for pdu in pdus_of(entity)] == [
        AmdPdu(0, False, False, False, (b"cd", b"ef"), True, 2, False),
        AmdPdu(0, True, True, True, (b"ijkl",), True, 8, True),
    ]


@pytest.mark.parametrize(
    ("ack_sn", "nacks", "reason"),
    [
        (3, (), "ack_sn"),
        (1023, (), "ack_sn"),
        (2, (Nack(0, 10),), "segment_offset"),
        (2, (Nack(0, 5, 4),), "segment_offset"),
        (2, (Nack(0, 5, 10),), "segment_offset"),
    ],
)
def test_impossible_status_is_ignored(ack_sn: int, nacks: tuple[Nack, ...], reason: str) -> None:
    entity, _ = sender(2)
    acknowledge(entity, ack_sn, *nacks)
    assert entity.discarded == {reason: 1}
    assert entity.get_state()[0].vt_a == 0
    assert not drain(entity)


def test_discard_only_before_anything_was_mapped() -> None:
    entity = AmEntity()
    for name in range(4):
        entity.write_sdu(bytes([name]) * 10, 0, name)
    entity.build_pdu(7, 0)
    assert [entity.discard_sdu(name) for name in (0, 1, 3, 3, 9)] == [False, True, True, False, False]
    assert entity.buffer_status(0).n_bytes == 2 + 2 + 5 + 10
    assert parse_amd(entity.build_pdu(LARGE, 0)).elements == (bytes(5), bytes([2]) * 10)
    assert entity.buffer_status(0) == BufferStatus(0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AmEntity().write_sdu(b"", 0),
        lambda: AmEntity().write_sdu(bytes(65_536), 0),
        lambda: AmTxConfig(poll_pdu=0),
        lambda: AmTxConfig(max_retx_threshold=0),
        lambda: AmRxConfig(t_reordering=-1),
    ],
)
def test_misuse_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"bytes|positive|negative"):
        make()  # type: ignore[operator]


def test_name_of_a_waiting_sdu_is_refused() -> None:
    entity = AmEntity()
    entity.write_sdu(b"x", 0, 1)
    with pytest.raises(ValueError, match="sdu_id 1"):
        entity.write_sdu(b"y", 0, 1)


@example(2)
@given(st.integers(0, 1023))
def test_wrap_around_of_every_first_sequence_number(sn: int) -> None:
    entity, peer = entity_at(sn), entity_at(sn)
    for k in range(4):
        entity.write_sdu(bytes([k]), 0, k)
    pdus = pdus_of(entity, 3)
    for pdu in (pdus[3], pdus[1], pdus[0], pdus[2]):
        peer.receive_pdu(pdu, 0)
    assert sdus_of(drain(peer)) == [bytes([k]) for k in range(4)]
    status = peer.build_pdu(LARGE, 0)
    assert is_control(status)
    entity.receive_pdu(status, 0)
    assert len(drain(entity)) == 4
    assert entity.get_state()[0].vt_a == (sn + 4) % 1024
