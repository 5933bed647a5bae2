"""Unacknowledged mode: bad links, the reordering of TS 36.322 5.1.2 clause by clause; transparent mode."""

import random
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rlc_pdcp.rlc import BufferStatus, SduReceived, TmEntity, UmConfig, UmEntity, UmReceiver, UmTransmitter
from picocell.rlc_pdcp.rlc.pdu import UmdPdu, build_umd, parse_umd
from picocell.rlc_pdcp.rlc.um import UmRxState, UmTxState

LARGE = 100_000


def sdus_of(entity: UmReceiver | UmEntity | TmEntity) -> list[bytes]:
    events = list(iter(entity.next_event, None))
    assert all(isinstance(event, SduReceived) for event in events)
    return [event.sdu for event in events if isinstance(event, SduReceived)]


def pdu(sn: int, *elements: bytes, begins: bool = True, ends: bool = True, sn_bits: int = 10) -> bytes:
    return build_umd(UmdPdu(sn, begins, ends, elements), sn_bits)


def pair(sn: int, sn_bits: int, t_reordering: int = 35) -> tuple[UmTransmitter, UmReceiver]:
    config = UmConfig(sn_bits, t_reordering)
    sender, receiver = UmTransmitter(config), UmReceiver(config)
    sender.set_state(UmTxState(sn))
    receiver.set_state(UmRxState(vr_ur=sn, vr_uh=sn))
    return sender, receiver


def transfer(
    sdus: list[bytes], rng: random.Random, pair: tuple[UmTransmitter, UmReceiver], loss: float, grants: tuple[int, int]
) -> tuple[list[bytes], list[bytes]]:
    """A link that loses, repeats, and delays by up to 6 ms, with a PDU a ms: SDUs that cross it, and that should."""
    sender, receiver = pair
    waiting, under_way, found = list(sdus), [], []
    bits = receiver.config.sn_bits
    lost: set[int] = set()
    now = idle = position = 0
    while idle < 200:
        if waiting and rng.random() < 0.6:
            sender.write_sdu(waiting.pop(0), now)
        receiver.handle_timers(now)
        sent = sender.build_pdu(grant := rng.randint(*grants), now)
        assert len(sent) <= grant
        if sent:
            copies = sum(rng.random() >= loss for _ in range(1 + (rng.random() < 0.1)))
            under_way += [(now + rng.randint(0, 6), rng.random(), sent) for _ in range(copies)]
            end = position + sum(map(len, parse_umd(sent, bits).elements))
            lost |= set() if copies else set(range(position, end))
            position = end
        for entry in sorted(entry for entry in under_way if entry[0] <= now):
            receiver.receive_pdu(entry[2], now)
            under_way.remove(entry)
        found += sdus_of(receiver)
        idle = 0 if waiting or sender.buffer_status(now).n_bytes or under_way else idle + 1
        now += 1
    assert receiver.next_timer() is None
    ends = accumulate(map(len, sdus), initial=0)
    whole = [sdu for sdu, (a, b) in zip(sdus, pairwise(ends), strict=True) if lost.isdisjoint(range(a, b))]
    return found, whole


start = st.sampled_from([0, 1000, 1023])
sizes = st.sampled_from([(2, 8), (5, 40), (20, 3000)])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([5, 10]), start, st.sampled_from([0.1, 0.3]), sizes)
def test_sdus_without_a_lost_pdu_arrive_in_order_once_and_no_others(
    seed: int, sn_bits: int, sn: int, loss: float, grants: tuple[int, int]
) -> None:
    rng = random.Random(seed)
    sdus = [k.to_bytes(2, "big") + rng.randbytes(rng.randint(1, 30)) for k in range(40)]
    found, whole = transfer(sdus, rng, pair(sn % (1 << sn_bits), sn_bits, 7), loss, grants)
    assert found == whole


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([5, 10]), start, sizes)
def test_everything_arrives_over_a_link_that_only_repeats_and_delays(
    seed: int, sn_bits: int, sn: int, grants: tuple[int, int]
) -> None:
    rng = random.Random(seed)
    sdus = [rng.randbytes(rng.randint(1, 2500 if grants[1] > 40 else 40)) for _ in range(40)]
    found, whole = transfer(sdus, rng, pair(sn % (1 << sn_bits), sn_bits), 0.0, grants)
    assert found == whole == sdus


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=40), st.sampled_from([5, 10]))
def test_any_bytes_are_survived(pdus: list[bytes], sn_bits: int) -> None:
    receiver = UmReceiver(UmConfig(sn_bits))
    for now, data in enumerate(pdus):
        receiver.receive_pdu(data, 20 * now)
        receiver.handle_timers(20 * now)
        state = receiver.get_state()
        assert (state.vr_uh - state.vr_ur) % (1 << sn_bits) <= 1 << sn_bits - 1
    receiver.reestablish(1000)
    assert receiver.get_state() == UmRxState()


def test_concatenation_and_segmentation_fill_the_grant() -> None:
    sender = UmTransmitter(UmConfig(5))
    for sdu in (b"aaa", b"bbbb", b"cccccccccc"):
        sender.write_sdu(sdu, 0)
    assert sender.buffer_status(0) == BufferStatus(1 + 3 + 17)
    first, second = sender.build_pdu(16, 0), sender.build_pdu(16, 0)
    assert parse_umd(first, 5) == UmdPdu(0, True, False, (b"aaa", b"bbbb", b"ccccc"))
    assert parse_umd(second, 5) == UmdPdu(1, False, True, (b"ccccc",))
    assert [sender.build_pdu(grant, 0) for grant in (-1, 0, 1, 16)] == [b""] * 4
    assert sender.get_state() == UmTxState(2)


def test_discard_only_before_anything_was_mapped() -> None:
    sender = UmTransmitter()
    for name in range(3):
        sender.write_sdu(b"sdu", 0, name)
    sender.build_pdu(4, 0)
    assert [sender.discard_sdu(name) for name in (0, 1, 1)] == [False, True, False]
    assert parse_umd(sender.build_pdu(LARGE, 0), 10).elements == (b"u", b"sdu")


def test_gap_waits_for_reordering_and_takes_its_sdu_along() -> None:
    receiver = UmReceiver(UmConfig(10, 35))
    receiver.receive_pdu(pdu(0, b"0", b"1a", ends=False), 0)
    receiver.receive_pdu(pdu(2, b"1c", b"2", begins=False), 10)
    assert sdus_of(receiver) == [b"0"]
    assert receiver.get_state() == UmRxState(vr_ur=1, vr_ux=3, vr_uh=3)
    assert receiver.next_timer() == 45
    receiver.handle_timers(44)
    assert receiver.get_state().vr_ur == 1
    receiver.handle_timers(45)
    assert sdus_of(receiver) == [b"2"]
    assert receiver.get_state() == UmRxState(vr_ur=3, vr_ux=3, vr_uh=3)
    assert receiver.next_timer() is None
    receiver.receive_pdu(pdu(1, b"1b", begins=False, ends=False), 46)
    assert receiver.discarded == {"incomplete_sdu": 2, "late": 1}


def test_expiry_moves_to_the_first_missing_from_vr_ux_on_and_starts_again() -> None:
    receiver = UmReceiver(UmConfig(10, 35))
    for sn, now in ((1, 0), (2, 1), (4, 2)):
        receiver.receive_pdu(pdu(sn, bytes([sn])), now)
    assert receiver.get_state() == UmRxState(vr_ur=0, vr_ux=2, vr_uh=5)
    receiver.handle_timers(35)
    assert sdus_of(receiver) == [b"\1", b"\2"]
    assert receiver.get_state() == UmRxState(vr_ur=3, vr_ux=5, vr_uh=5)
    assert receiver.next_timer() == 70


def test_filled_gap_stops_reordering() -> None:
    receiver = UmReceiver()
    for sn in (1, 0):
        receiver.receive_pdu(pdu(sn, bytes([sn])), 0)
    assert sdus_of(receiver) == [b"\0", b"\1"]
    assert receiver.next_timer() is None


def test_timer_goes_on_for_a_gap_behind_the_one_that_was_filled() -> None:
    receiver = UmReceiver()
    for sn, now in ((1, 0), (3, 5), (0, 7)):
        receiver.receive_pdu(pdu(sn, bytes([sn])), now)
    assert receiver.get_state() == UmRxState(vr_ur=2, vr_ux=4, vr_uh=4)
    assert receiver.next_timer() == 7 + 35


def test_sn_ahead_of_the_window_pulls_it_and_delivers_what_it_leaves() -> None:
    receiver = UmReceiver(UmConfig(5))
    receiver.receive_pdu(pdu(1, b"1", sn_bits=5), 0)
    receiver.receive_pdu(pdu(3, b"3", sn_bits=5), 0)
    assert sdus_of(receiver) == []
    receiver.receive_pdu(pdu(17, b"17", sn_bits=5), 0)
    # VR(UH) 18, the window starts at 2: 1 is outside of it
    assert sdus_of(receiver) == [b"1"]
    assert receiver.get_state() == UmRxState(vr_ur=2, vr_ux=18, vr_uh=18)
    receiver.receive_pdu(pdu(2, b"2", sn_bits=5), 0)
    assert sdus_of(receiver) == [b"2", b"3"]


def test_jump_by_a_whole_window() -> None:
    receiver = UmReceiver(UmConfig(5))
    receiver.receive_pdu(pdu(15, b"15", sn_bits=5), 0)
    assert receiver.get_state() == UmRxState(vr_ur=0, vr_ux=16, vr_uh=16)
    receiver.receive_pdu(pdu(31, b"31", sn_bits=5), 1)
    assert sdus_of(receiver) == [b"15"]
    assert receiver.get_state() == UmRxState(vr_ur=16, vr_ux=0, vr_uh=0)


def test_timer_starts_again_when_the_window_has_left_its_gap() -> None:
    receiver = UmReceiver(UmConfig(5, 35))
    for sn, now in ((1, 0), (10, 5), (19, 10)):
        receiver.receive_pdu(pdu(sn, b"x", sn_bits=5), now)
    assert receiver.get_state() == UmRxState(vr_ur=4, vr_ux=20, vr_uh=20)
    assert receiver.next_timer() == 45


def test_timer_goes_on_while_its_gap_is_filled_in_part() -> None:
    receiver = UmReceiver(UmConfig(5, 35))
    receiver.receive_pdu(pdu(2, b"2", sn_bits=5), 0)
    receiver.receive_pdu(pdu(1, b"1", sn_bits=5), 5)
    assert receiver.next_timer() == 35


def test_an_sdu_that_is_never_ended_makes_way_for_the_next() -> None:
    receiver = UmReceiver()
    receiver.receive_pdu(pdu(0, b"begun", ends=False), 0)
    receiver.receive_pdu(pdu(1, b"next"), 0)
    assert sdus_of(receiver) == [b"next"]
    assert receiver.discarded == {"incomplete_sdu": 1}


def test_duplicates_are_counted() -> None:
    receiver = UmReceiver()
    for sn in (0, 0, 2, 2):
        receiver.receive_pdu(pdu(sn, b"x"), 0)
    assert receiver.discarded == {"late": 1, "duplicate": 1}


def test_reestablishment_delivers_whole_sdus_and_forgets_the_rest() -> None:
    entity = UmEntity(UmConfig(), UmConfig())
    entity.write_sdu(b"waits", 0)
    entity.receive_pdu(pdu(1, b"lost", b"one", b"tw", begins=False, ends=False), 0)
    entity.receive_pdu(pdu(2, b"o", b"thr", begins=False, ends=False), 0)
    entity.reestablish(1)
    assert sdus_of(entity) == [b"one", b"two"]
    assert entity.next_timer() is None
    assert entity.build_pdu(LARGE, 1) == b""
    entity.receive_pdu(pdu(0, b"ee", begins=False), 2)
    assert sdus_of(entity) == []


def test_an_endless_sdu_is_given_up() -> None:
    receiver = UmReceiver()
    for sn in range(40):
        receiver.receive_pdu(pdu(sn, bytes(2000), begins=not sn, ends=False), 0)
    receiver.receive_pdu(pdu(40, b"end", b"next", begins=False), 0)
    assert sdus_of(receiver) == [b"next"]
    assert receiver.discarded["long_sdu"] == 1


def test_one_way_bearers() -> None:
    sending, receiving = UmEntity(UmConfig(), None), UmEntity(None, UmConfig())
    sending.write_sdu(b"sdu", 0, 1)
    assert sending.buffer_status(0) == BufferStatus(5)
    receiving.receive_pdu(sending.build_pdu(LARGE, 0), 0)
    receiving.handle_timers(0)
    sending.handle_timers(0)
    assert sdus_of(receiving) == [b"sdu"]
    assert sending.next_event() is sending.next_timer() is None
    assert receiving.build_pdu(LARGE, 0) == b""
    assert receiving.buffer_status(0) == BufferStatus(0)
    assert not receiving.discard_sdu(1)
    with pytest.raises(ValueError, match="no transmitting direction"):
        receiving.write_sdu(b"sdu", 0)
    with pytest.raises(ValueError, match="at least one direction"):
        UmEntity(None, None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UmConfig(7),
        lambda: UmConfig(10, -1),
        lambda: UmTransmitter(UmConfig(5)).set_state(UmTxState(32)),
        lambda: UmReceiver(UmConfig(5)).set_state(UmRxState(vr_ur=0, vr_uh=17)),
        lambda: UmTransmitter().write_sdu(b"", 0),
    ],
)
def test_misuse_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"bits|negative|outside|bytes"):
        make()  # type: ignore[operator]


def test_transparent_mode_passes_whole_sdus() -> None:
    entity = TmEntity()
    for name, sdu in enumerate((b"first", b"second", b"third")):
        entity.write_sdu(sdu, 0, name)
    assert entity.buffer_status(0) == BufferStatus(16)
    assert entity.discard_sdu(1)
    assert not entity.discard_sdu(1)
    assert [entity.build_pdu(grant, 0) for grant in (4, 5, 100, 100)] == [b"", b"first", b"third", b""]
    entity.receive_pdu(b"first", 0)
    entity.receive_pdu(b"", 0)
    assert sdus_of(entity) == [b"first"]
    assert entity.discarded == {"short": 1}
    entity.write_sdu(b"x", 0)
    entity.handle_timers(0)
    assert entity.next_timer() is None
    entity.reestablish(0)
    assert entity.build_pdu(LARGE, 0) == b""
    with pytest.raises(ValueError, match="at least one byte"):
        entity.write_sdu(b"", 0)
