"""PDCP of DRBs: two ends over what RLC UM and RLC AM may do to PDUs, and COUNT against an oracle without windows."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rlc_pdcp.pdcp import (
    AmEntity,
    CountWrap,
    DiscardSdu,
    PdcpState,
    SduReceived,
    UmEntity,
)
from picocell.rlc_pdcp.pdcp.pdu import data_header
from support.oracle_pdcp import Eea2, events, pdus, sdus
from support.pdcp_drb_ends import KEYS, SEEDS, WINDOW, am_ends, state_of, um_ends


class Link:
    """RLC AM in one direction: in order and without loss until it is re-established."""

    def __init__(self, sender: AmEntity, receiver: AmEntity) -> None:
        self.sender, self.receiver = sender, receiver
        self.flight: list[tuple[bytes, int | None]] = []
        self.unacked: list[int] = []
        self.arrived: list[bytes] = []
        self.opposite = self

    def submit(self, limit: int) -> None:
        for _ in range(limit):
            item = self.sender.next_pdu()
            if item is None:
                return
            self.flight.append(item)

    def arrive(self, now: int) -> None:
        """The oldest PDU is delivered; its acknowledgement is on the way."""
        if self.flight:
            pdu, sdu_id = self.flight.pop(0)
            self.receiver.receive_pdu(pdu, now)
            self.unacked += [] if sdu_id is None else [sdu_id]

    def acknowledge(self, rng: random.Random) -> None:
        """Acknowledgements may come in any order."""
        if self.unacked:
            self.sender.delivered(self.unacked.pop(rng.randrange(len(self.unacked))))

    def drain_events(self) -> None:
        """The receiver's end delivers SDUs and is asked to discard PDUs of the opposite link."""
        for event in events(self.receiver):
            if isinstance(event, SduReceived):
                self.arrived.append(event.sdu)
            elif isinstance(event, DiscardSdu):
                self.opposite.flight = [item for item in self.opposite.flight if item[1] != event.sdu_id]

    def break_off(self, rng: random.Random, loss: float, now: int) -> None:
        """Some PDUs have been received out of order: RLC hands them over, and acknowledged some; the rest is lost."""
        for pdu, sdu_id in self.flight:
            if rng.random() > loss:
                self.receiver.receive_pdu(pdu, now, reestablishment=True)
                if sdu_id is not None and rng.random() < 0.5:
                    self.sender.delivered(sdu_id)
        self.flight, self.unacked = [], []


def run_am(rng: random.Random, ends: tuple[AmEntity, AmEntity], n_steps: int) -> tuple[list[bytes], list[bytes]]:
    """Random steps and re-establishments with user data in one direction; what was written and what arrived."""
    up, down = Link(ends[0], ends[1]), Link(ends[1], ends[0])
    up.opposite, down.opposite = down, up
    written: list[bytes] = []
    key = 0
    for now in range(n_steps):
        for _ in range(rng.randrange(4)):
            sdu = len(written).to_bytes(3, "big") + rng.randbytes(rng.randrange(8))
            written.append(sdu)
            ends[0].write_sdu(sdu, now)
        for link in (up, down):
            link.submit(rng.randrange(5))
            link.opposite.drain_events()
            for _ in range(rng.randrange(4)):
                link.arrive(now)
                if rng.random() < 0.8:
                    link.acknowledge(rng)
        if rng.random() < 0.06:
            key += 1
            for link in (up, down):
                link.break_off(rng, 0.2, now)
            for entity in ends:
                entity.reestablish(now, cipher=Eea2(KEYS[key % 16]))
        for entity in ends:
            timer = entity.next_timer()
            if timer is not None and timer <= now:
                entity.handle_timers(now)
        for link in (up, down):
            link.drain_events()
    for link in (down, up):
        link.submit(10_000)
        while link.flight:
            link.arrive(n_steps)
        link.opposite.drain_events()
    up.drain_events()
    return written, up.arrived


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    st.sampled_from([12, 15, 18]),
    st.booleans(),
    st.sampled_from([0, 4090, 32760, 0x3FFF0, 0xFFFF_F000]),
)
def test_am_loses_repeats_and_disorders_nothing(seed: int, sn_bits: int, report: bool, count: int) -> None:
    """Over re-establishments, 20 % of what is in flight lost in each, with and without status reports."""
    rng, pair = random.Random(seed), am_ends(sn_bits=sn_bits, status_report=report)
    for entity in pair:
        entity.set_state(state_of(count, sn_bits))
    written, arrived = run_am(rng, pair, 120)
    assert arrived == written
    assert pair[0].data_volume() == 0


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.integers(1, 12))
def test_am_with_a_discard_timer_keeps_the_order(seed: int, report: bool, timer: int) -> None:
    rng, pair = random.Random(seed), am_ends(status_report=report, discard_timer=timer)
    for entity in pair:
        entity.set_state(state_of(4000, 12))
    written, arrived = run_am(rng, pair, 150)
    assert arrived == sorted(arrived, key=lambda sdu: sdu[:3])
    assert len(set(arrived)) == len(arrived)
    assert set(arrived) <= set(written)
    assert len(arrived) >= len(written) - pair[0].counters.discarded_sdus
    assert pair[0].next_timer() is None or pair[0].next_timer() >= 150 - timer


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([12, 15, 18]), st.data())
def test_am_count_is_the_one_in_the_window(sn_bits: int, data: st.DataObject) -> None:
    """After LAST, the COUNT with the received SN among the next half of the SN space is meant, or the PDU is old."""
    window = WINDOW[sn_bits]
    last = data.draw(st.integers(-1, 5 * window) | st.integers(2**32 - 2 * window, 2**32 - 2))
    expected = min(last + data.draw(st.integers(1, window) | st.just(1)), 2**32 - 1)
    offset = data.draw(st.integers(1 - window, window) | st.sampled_from([1, window, 0, 1 - window]))
    sn = (last + offset) & (1 << sn_bits) - 1
    receiver, _ = am_ends(sn_bits=sn_bits, count_margin=1)
    mask = (1 << sn_bits) - 1
    receiver.set_state(PdcpState(0, 0, expected & mask, expected >> sn_bits, last & mask))
    before = receiver.get_state()
    count = max(last + offset, 0)
    sealed = Eea2(KEYS[0]).apply(min(count, 2**32 - 1), 3, 1, b"payload")
    receiver.receive_pdu(data_header(sn, sn_bits) + sealed, 0)
    found = [event for event in events(receiver) if isinstance(event, SduReceived)]
    state = receiver.get_state()
    if offset <= 0 or count >= 2**32:
        assert found == []
        assert state == before
    else:
        assert found == [SduReceived(b"payload")]
        assert state.Last_Submitted_PDCP_RX_SN == sn
        assert state.RX_HFN << sn_bits | state.Next_PDCP_RX_SN == max(expected, count + 1)


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    st.sampled_from([7, 12]),
    st.sampled_from([0, 100, 127, 4090, 0xFFFF_FC00]),
    st.floats(0, 0.9),
)
def test_um_delivers_what_is_not_lost(seed: int, sn_bits: int, count: int, loss: float) -> None:
    ue, enb = um_ends(sn_bits=sn_bits)
    for entity in (ue, enb):
        entity.set_state(state_of(count, sn_bits))
    rng, expected, run = random.Random(seed), [], 0
    for number in range(300):
        sdu = number.to_bytes(2, "big") + rng.randbytes(rng.randrange(10))
        ue.write_sdu(sdu, 0)
        (pdu,) = pdus(ue)
        sn = (count + number) & (1 << sn_bits) - 1
        assert pdu == data_header(sn, sn_bits) + Eea2(KEYS[0]).apply(count + number, 3, 0, sdu)
        run = run + 1 if rng.random() < loss else 0
        if run and run < 127:  # RLC UM may lose PDUs; the HFN is followed up to a whole turn of the SN
            continue
        run = 0
        expected.append(sdu)
        enb.receive_pdu(pdu, 0)
    assert sdus(enb) == expected


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.sampled_from([12, 15, 18]), st.floats(0, 0.3))
def test_reordering_function(seed: int, sn_bits: int, loss: float) -> None:
    """Two RLC entities deliver out of order by less than t-Reordering, lose some and repeat some."""
    rng, delay, count = random.Random(seed), 30, (1 << sn_bits) - 100
    ue, enb = am_ends(sn_bits=sn_bits, t_reordering=delay)
    for entity in (ue, enb):
        entity.set_state(state_of(count, sn_bits))
    arrivals: list[tuple[int, int, bytes]] = []
    written = [number.to_bytes(2, "big") for number in range(300)]
    kept = []
    for number, sdu in enumerate(written):
        ue.write_sdu(sdu, number)
        (pdu,) = pdus(ue)
        if rng.random() >= loss:
            kept.append(sdu)
            arrivals += [(number + rng.randrange(delay), number, pdu) for _ in range(rng.choice((1, 1, 1, 2)))]
    arrived = []
    for now, _, pdu in sorted(arrivals):
        while (timer := enb.next_timer()) is not None and timer < now:
            enb.handle_timers(timer)
        enb.receive_pdu(pdu, now)
        arrived += sdus(enb)
    while (timer := enb.next_timer()) is not None:
        enb.handle_timers(timer)
    arrived += sdus(enb)
    assert arrived == kept
    assert enb.counters.duplicate_pdus == len(arrivals) - len(kept)


def test_reordering_timer() -> None:
    _, enb = am_ends(t_reordering=40)
    enb.reestablish(0, cipher=None)

    def receive(sn: int, now: int) -> list[bytes]:
        enb.receive_pdu(bytes([0x80, sn, sn]), now)
        return sdus(enb)

    assert receive(0, 0) == [b"\0"]
    assert enb.next_timer() is None
    assert receive(2, 10) == []
    assert (enb.next_timer(), enb.get_state().Reordering_PDCP_RX_COUNT) == (50, 3)
    assert receive(4, 20) == []
    assert enb.next_timer() == 50
    assert receive(1, 30) == [b"\1", b"\2"]  # COUNT 2 is delivered: stopped, and started for 4
    assert (enb.next_timer(), enb.get_state().Reordering_PDCP_RX_COUNT) == (70, 5)
    enb.handle_timers(69)
    assert sdus(enb) == []
    assert receive(6, 69) == []
    enb.handle_timers(70)
    assert sdus(enb) == [b"\4"]
    assert (enb.next_timer(), enb.get_state().Reordering_PDCP_RX_COUNT) == (110, 7)
    assert receive(3, 71) == []
    enb.handle_timers(110)
    assert sdus(enb) == [b"\6"]
    assert enb.next_timer() is None


@pytest.mark.parametrize("make", [um_ends, am_ends])
def test_end_of_the_count_is_announced_and_not_passed(make: Callable[..., tuple[AmEntity, AmEntity]]) -> None:
    ue, enb = make(count_margin=3)
    for entity in (ue, enb):
        entity.set_state(state_of(2**32 - 4, 12))
    for number in range(6):
        ue.write_sdu(bytes([number]), 0)
    found = pdus(ue)
    assert len(found) == 4
    assert events(ue) == [CountWrap(True, 2**32 - 3)]
    for pdu in found:
        enb.receive_pdu(pdu, 0)
    received = events(enb)
    assert received.pop(1) == CountWrap(False, 2**32 - 3)
    assert received == [SduReceived(bytes([number])) for number in range(4)]
    enb.receive_pdu(b"\x80\x00x", 0)
    assert events(enb) == []
    assert enb.counters.count_exhausted == 1
    enb.set_state(enb.get_state())


def test_queue_is_bounded_and_sdus_are_checked() -> None:
    ue, _ = am_ends(max_queued_sdus=3)
    for _ in range(5):
        ue.write_sdu(b"x", 0)
    assert ue.counters.dropped_sdus == 2
    assert ue.data_volume() == 9
    for sdu in (b"", bytes(8189)):
        with pytest.raises(ValueError, match="8188"):
            ue.write_sdu(sdu, 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=12), st.booleans(), st.integers(0, 60)), max_size=40),
    st.sampled_from([7, 12, 15, 18]),
    st.booleans(),
)
def test_any_bytes_are_taken(received: list[tuple[bytes, bool, int]], sn_bits: int, reordering: bool) -> None:
    entities: list[AmEntity | UmEntity] = []
    if sn_bits > 7:
        options = {"t_reordering": 20} if reordering else {}
        entities.append(am_ends(sn_bits=sn_bits, status_report=True, discard_timer=30, **options)[0])
    if sn_bits < 15:
        entities.append(um_ends(sn_bits=sn_bits)[0])
    for entity in entities:
        for now, (pdu, again, _) in enumerate(received):
            entity.write_sdu(b"sdu", now)
            entity.next_pdu()
            if isinstance(entity, AmEntity):
                entity.receive_pdu(pdu, now, reestablishment=again)
                entity.status_report()
                entity.data_volume()
            else:
                entity.receive_pdu(pdu, now)
            entity.handle_timers(now)
            entity.next_timer()
            entity.delivered(len(pdu))
            if len(pdu) == 11:
                entity.reestablish(now, cipher=None)
        events(entity)
        entity.set_state(entity.get_state())
