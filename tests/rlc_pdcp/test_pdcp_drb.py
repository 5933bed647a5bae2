"""PDCP of DRBs: two ends over what RLC UM and RLC AM may do to PDUs, and COUNT against an oracle without windows."""

import csv
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction as MacDirection
from picocell.rlc_pdcp.pdcp import (
    AmConfig,
    AmEntity,
    CountWrap,
    Direction,
    DiscardSdu,
    PdcpState,
    SduReceived,
    UmConfig,
    UmEntity,
)
from picocell.rlc_pdcp.pdcp.pdu import StatusReport, build_status_report, data_header, parse_status_report
from picocell.rlc_pdcp.rlc.am import AmEntity as RlcAm
from picocell.rlc_pdcp.rlc.events import SduDelivered as RlcSduDelivered
from picocell.rlc_pdcp.rlc.events import SduReceived as RlcSduReceived
from picocell.rrc_nas.security.algorithms import Cipher, Eea
from support.captures import capture
from support.oracle_pdcp import Eea2, events, pdus, sdus

KEYS = [bytes([number]) * 16 for number in range(16)]
SEEDS = st.integers(0, 2**32)
WINDOW = {12: 2048, 15: 16384, 18: 131072}


def am_ends(**options: int | bool) -> tuple[AmEntity, AmEntity]:
    """A UE's entity and a base station's."""
    cipher = Eea2(KEYS[0])
    return (
        AmEntity(AmConfig(3, Direction.UPLINK, **options), cipher),  # type: ignore[arg-type]
        AmEntity(AmConfig(3, Direction.DOWNLINK, **options), cipher),  # type: ignore[arg-type]
    )


def um_ends(**options: int) -> tuple[UmEntity, UmEntity]:
    cipher = Eea2(KEYS[0])
    return (
        UmEntity(UmConfig(3, Direction.UPLINK, **options), cipher),
        UmEntity(UmConfig(3, Direction.DOWNLINK, **options), cipher),
    )


def state_of(count: int, sn_bits: int) -> PdcpState:
    """State variables of both sides where COUNT is the next one to be used."""
    sn, hfn = count & (1 << sn_bits) - 1, count >> sn_bits
    return PdcpState(sn, hfn, sn, hfn, (count - 1) & (1 << sn_bits) - 1)


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


def test_um_reestablishment_keeps_what_was_not_submitted() -> None:
    ue, enb = um_ends(sn_bits=7, discard_timer=50)
    for number in range(5):
        ue.write_sdu(bytes([number]), 0)
    first = [ue.next_pdu() for _ in range(2)]
    assert [item and item[1] for item in first] == [0, 1]
    for entity in (ue, enb):
        entity.reestablish(10, cipher=Eea2(KEYS[1]))
    assert ue.data_volume() == 6
    for pdu in pdus(ue):
        enb.receive_pdu(pdu, 10)
    assert sdus(enb) == [b"\2", b"\3", b"\4"]
    assert ue.next_timer() == 50
    ue.delivered(0)
    ue.handle_timers(50)
    assert events(ue) == [DiscardSdu(1), DiscardSdu(2)]


def test_discard_timer_of_a_waiting_sdu_costs_no_sn() -> None:
    for ue, enb in (um_ends(discard_timer=10), am_ends(discard_timer=10)):
        ue.write_sdu(b"late", 0)
        ue.write_sdu(b"in time", 5)
        assert ue.next_timer() == 10
        ue.handle_timers(10)
        assert ue.next_timer() == 15
        (pdu,) = pdus(ue)
        assert pdu[:2] == b"\x80\x00"
        enb.receive_pdu(pdu, 10)
        assert sdus(enb) == [b"in time"]
        assert ue.counters.discarded_sdus == 1
        ue.delivered(0)
        assert ue.next_timer() is None
        ue.handle_timers(15)
        assert events(ue) == []


def test_am_discard_timer_of_a_submitted_sdu_is_told_to_rlc() -> None:
    ue, _ = am_ends(discard_timer=10)
    for number in range(3):
        ue.write_sdu(bytes([number]), number)
    assert len(pdus(ue)) == 3
    ue.delivered(1)
    ue.handle_timers(12)
    assert events(ue) == [DiscardSdu(0), DiscardSdu(2)]
    ue.reestablish(13, cipher=None)
    assert ue.next_pdu() is None


def test_am_status_report_of_gaps_and_what_it_spares() -> None:
    ue, enb = am_ends(status_report=True)
    for entity in (ue, enb):
        entity.set_state(state_of(4094, 12))
    for number in range(12):
        ue.write_sdu(bytes([number + 1]), 0)
    sent = pdus(ue)
    enb.receive_pdu(sent[0], 0)
    for number in (2, 3, 6, 10):
        enb.receive_pdu(sent[number], 0, reestablishment=True)
    assert sdus(enb) == [b"\1"]
    assert enb.get_state().Last_Submitted_PDCP_RX_SN == 4094
    assert enb.status_report() == bytes.fromhex("0fff" + "c880")  # 4095 is missing; 0, 1, 4, 8 are there
    for entity in (ue, enb):
        entity.reestablish(1, cipher=Eea2(KEYS[1]))
    (report,) = pdus(enb)
    first = ue.next_pdu()
    assert first == (bytes.fromhex("0ffe"), None)  # its own report: nothing received, 4094 expected
    ue.receive_pdu(report, 1)
    assert events(ue) == []
    again = pdus(ue)
    assert [pdu[1] for pdu in again] == [0xFF, 2, 3, 5, 6, 7, 9]
    for pdu in again:
        enb.receive_pdu(pdu, 1)
    assert sdus(enb) == [bytes([number + 1]) for number in range(1, 12)]
    assert enb.status_report() == bytes.fromhex("000a")


def test_am_status_report_after_the_retransmission_was_submitted() -> None:
    ue, _ = am_ends()
    for number in range(3):
        ue.write_sdu(bytes([number]), 0)
    pdus(ue)
    ue.recover(0)
    assert len(pdus(ue)) == 3
    ue.receive_pdu(build_status_report(StatusReport(1, b"\x80"), 12), 0)
    assert events(ue) == [DiscardSdu(0), DiscardSdu(2)]
    ue.recover(0)
    assert len(pdus(ue)) == 1
    ue.receive_pdu(build_status_report(StatusReport(2000), 12), 0)  # nothing that could have been sent
    assert ue.counters.malformed_pdus == 1
    ue.set_state(state_of(9000, 12))
    ue.receive_pdu(build_status_report(StatusReport(9000 - WINDOW[12] & 0xFFF), 12), 0)
    assert ue.counters.malformed_pdus == 1
    ue.receive_pdu(build_status_report(StatusReport(9001 & 0xFFF), 12), 0)
    assert ue.counters.malformed_pdus == 2


def test_am_all_again_from_the_first_that_is_not_confirmed() -> None:
    ue, enb = am_ends()
    for number in range(5):
        ue.write_sdu(bytes([number]), 0)
    pdus(ue)
    ue.delivered(0)
    ue.delivered(2)
    for entity in (ue, enb):
        entity.reestablish(0, cipher=None)
    assert ue.data_volume() == 4 * 3
    assert pdus(ue) == [bytes([0x80, number, number]) for number in range(1, 5)]


def test_am_repeated_pdu_after_reestablishment_releases_what_waits_before_it() -> None:
    """SDU 0 was discarded at the sender; 1 and 2 were received out of order, and 2 is sent again."""
    _, enb = am_ends()
    enb.reestablish(0, cipher=None)
    for number in (1, 2):
        enb.receive_pdu(bytes([0x80, number, number]), 0, reestablishment=True)
    assert sdus(enb) == []
    enb.receive_pdu(bytes([0x80, 2, 2]), 0)
    assert sdus(enb) == [b"\1", b"\2"]
    enb.receive_pdu(bytes([0x80, 2, 2]), 0)
    assert sdus(enb) == []
    assert enb.counters.duplicate_pdus == 2


def test_am_stalls_where_the_peer_could_mistake_the_hfn() -> None:
    ue, enb = am_ends()
    for number in range(2200):
        ue.write_sdu(number.to_bytes(2, "big"), 0)
    sent = pdus(ue)
    assert len(sent) == WINDOW[12]
    ue.delivered(5)
    assert ue.next_pdu() is None  # 0 is not confirmed
    for number in range(5):
        ue.delivered(number)
    sent += pdus(ue)
    assert len(sent) == WINDOW[12] + 6
    for pdu in sent:
        enb.receive_pdu(pdu, 0)
    assert sdus(enb) == [number.to_bytes(2, "big") for number in range(len(sent))]


def test_am_discarding_a_whole_window_does_not_stall_for_ever() -> None:
    ue, enb = am_ends(discard_timer=10)
    for number in range(2100):
        ue.write_sdu(number.to_bytes(2, "big"), 0)
    flight = {item[1]: item[0] for item in iter(ue.next_pdu, None)}
    ue.handle_timers(10)
    for event in events(ue):
        assert isinstance(event, DiscardSdu)
        del flight[event.sdu_id]
    assert list(flight) == [2047]
    ue.write_sdu(b"next", 11)
    assert ue.next_pdu() is None
    enb.receive_pdu(flight[2047], 12)
    ue.delivered(2047)
    (pdu,) = pdus(ue)
    enb.receive_pdu(pdu, 12)
    assert sdus(enb) == [(2047).to_bytes(2, "big"), b"next"]


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


def test_status_report_of_a_full_window_is_cut_at_the_largest_pdu() -> None:
    _, enb = am_ends(sn_bits=18)
    for number in (1, 8 * 8185, 8 * 8185 + 1):
        enb.receive_pdu(data_header(number, 18) + b"x", 0, reestablishment=True)
    report = parse_status_report(enb.status_report(), 18)
    assert (report.fms, len(report.bitmap)) == (0, 8185)
    assert report.received(1)
    assert report.received(8 * 8185)


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


def test_recorded_drb() -> None:
    """A default bearer on RLC UM with SNs of 10 bits, PDCP SNs of 12 and EEA0: each PDU carries one IP packet."""
    config = {MacDirection.UPLINK: Direction.UPLINK, MacDirection.DOWNLINK: Direction.DOWNLINK}
    senders = {direction: UmEntity(UmConfig(0, way)) for direction, way in config.items()}
    receivers = {direction: UmEntity(UmConfig(0, way.opposite)) for direction, way in config.items()}
    packets = 0
    with capture("lte6_mac.csv").open() as file:
        for row in csv.DictReader(file):
            direction = MacDirection(row["direction"])
            if row["rnti_type"] != "C_RNTI":
                continue
            for sdu in mac_pdu.parse(bytes.fromhex(row["mac_pdu_hex"]), direction).sdus:
                if sdu.lcid < 3:
                    continue
                assert sdu.data[0] == 0  # a whole SDU, no length indicators
                pdu = sdu.data[2:]
                receivers[direction].receive_pdu(pdu, 0)
                (packet,) = sdus(receivers[direction])
                assert packet[0] == 0x45
                assert int.from_bytes(packet[2:4], "big") == len(packet)
                senders[direction].write_sdu(packet, 0)
                assert pdus(senders[direction]) == [pdu]
                packets += 1
    assert packets >= 4


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_every_ciphering_algorithm(number: int) -> None:
    """The network's own algorithms, EEA2 against the oracle, on packets of all lengths about a block's."""
    cipher = Cipher(Eea(number), KEYS[5])
    pairs = [
        (AmEntity(AmConfig(7, Direction.UPLINK), cipher), AmEntity(AmConfig(7, Direction.DOWNLINK), cipher)),
        (UmEntity(UmConfig(7, Direction.UPLINK), cipher), UmEntity(UmConfig(7, Direction.DOWNLINK), cipher)),
    ]
    rng = random.Random(number)
    for ue, enb in pairs:
        for count, size in enumerate([*range(1, 40), 1500, 8188]):
            sdu = rng.randbytes(size)
            ue.write_sdu(sdu, 0)
            (pdu,) = pdus(ue)
            assert (pdu[2:] == sdu) == (number == 0)
            if number == 2:
                assert pdu[2:] == Eea2(KEYS[5]).apply(count, 7, 0, sdu)
            enb.receive_pdu(pdu, 0)
            assert sdus(enb) == [sdu]


class Stack:
    """PDCP over RLC AM at one end."""

    def __init__(self, pdcp: AmEntity) -> None:
        self.pdcp, self.rlc = pdcp, RlcAm()
        self.arrived: list[bytes] = []

    def pump(self, now: int, reestablishment: bool = False) -> None:
        """Carry events and PDUs between the two entities."""
        while (event := self.rlc.next_event()) is not None:
            if isinstance(event, RlcSduReceived):
                self.pdcp.receive_pdu(event.sdu, now, reestablishment=reestablishment)
            elif isinstance(event, RlcSduDelivered):
                self.pdcp.delivered(event.sdu_id)
        self.arrived += sdus(self.pdcp)
        while not reestablishment and (item := self.pdcp.next_pdu()) is not None:
            self.rlc.write_sdu(item[0], now, item[1])

    def reestablish(self, now: int, key: int) -> None:
        self.pump(now)
        self.rlc.reestablish(now)
        self.pump(now, reestablishment=True)
        self.pdcp.reestablish(now, cipher=Eea2(KEYS[key]))


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.booleans())
def test_over_rlc_am_with_lost_and_late_transport_blocks(seed: int, report: bool) -> None:
    """20 % of the transport blocks lost, the others out of order, RLC re-established three times."""
    rng = random.Random(seed)
    ue, enb = (Stack(entity) for entity in am_ends(status_report=report))
    written: dict[int, list[bytes]] = {0: [], 1: []}
    air: list[tuple[int, Stack, bytes]] = []
    for now in range(1200):
        for side, stack in enumerate((ue, enb)):
            if now < 800 and rng.random() < 0.3:
                sdu = len(written[side]).to_bytes(2, "big") + rng.randbytes(rng.randrange(120))
                written[side].append(sdu)
                stack.pdcp.write_sdu(sdu, now)
            stack.pump(now)
            stack.rlc.handle_timers(now)
            pdu = stack.rlc.build_pdu(rng.randrange(10, 150), now)
            if pdu and (rng.random() >= 0.2 or now >= 800):
                air.append((now + rng.randrange(1, 20), enb if stack is ue else ue, pdu))
        for _, receiver, pdu in [item for item in air if item[0] <= now]:
            receiver.rlc.receive_pdu(pdu, now)
        air = [item for item in air if item[0] > now]
        if now in (200, 450, 700):
            air = []
            for stack in (ue, enb):
                stack.reestablish(now, 1 + now // 200)
    assert (enb.arrived, ue.arrived) == (written[0], written[1])
