"""RLC AM as an observer reads it, against a sender written from TS 36.322 6.2.1.4, 6.2.1.5 and 6.2.2.6."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.ue.srb_observer import LOST_AFTER, SN_MODULO, AmObserver, RlcPduError, parse_amd, pdcp_sdu

STATUS = bytes.fromhex("0004")


class Sender:
    """Cuts SDUs into AMD PDUs, and AMD PDUs into segments."""

    def __init__(self, sdus: list[bytes], sizes: list[int], first_sn: int = 0) -> None:
        self.stream = b"".join(sdus)
        ends = [0]
        for sdu in sdus:
            ends.append(ends[-1] + len(sdu))
        self.borders = frozenset(ends)
        self.cuts, place = [0], 0
        for size in sizes:
            place = min(place + size, len(self.stream))
            if place > self.cuts[-1]:
                self.cuts.append(place)
        if self.cuts[-1] < len(self.stream):
            self.cuts.append(len(self.stream))
        self.first_sn = first_sn

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def pdu(self, index: int, part: tuple[int, int] | None = None) -> bytes:
        """AMD PDU number ``index``, or the segment of it from one offset in its Data field to another."""
        start, end = self.cuts[index], self.cuts[index + 1]
        first, last = (start, end) if part is None else (start + part[0], start + part[1])
        inside = sorted(border for border in self.borders if first < border < last)
        lengths = [b - a for a, b in pairwise([first, *inside])]
        bits = f"1{int(part is not None)}0"
        bits += f"{int(first not in self.borders)}{int(last not in self.borders)}{int(bool(lengths))}"
        bits += f"{(self.first_sn + index) % SN_MODULO:010b}"
        if part is not None:
            bits += f"{int(last == end)}{part[0]:015b}"
        for number, length in enumerate(lengths):
            bits += f"{int(number < len(lengths) - 1)}{length:011b}"
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big") + self.stream[first:last]

    def segments(self, index: int, cuts: list[int]) -> list[bytes]:
        """The AMD PDU in pieces that end at the given offsets."""
        size = self.cuts[index + 1] - self.cuts[index]
        places = sorted({0, size} | {cut % size for cut in cuts})
        return [self.pdu(index, (a, b)) for a, b in pairwise(places)]


def sdus_of(rng: random.Random, count: int) -> list[bytes]:
    return [rng.randbytes(rng.choice((1, 3, 20, 200))) for _ in range(count)]


def test_recorded_segmented_message() -> None:
    """RRCConnectionSetupComplete of the recorded attach: two AMD PDUs, the second a continuation."""
    observer = AmObserver(0)
    assert observer.receive_pdu(388, bytes.fromhex("a8000020002a")) == []
    rest = bytes.fromhex("b0010e82e2101220202064a8ec1005e0e000080403a02200000000")
    (pdcp,) = observer.receive_pdu(398, rest)
    assert pdcp == bytes.fromhex("0020002a") + rest[2:]
    assert pdcp_sdu(pdcp) == pdcp[1:-4]


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12), st.integers(0, SN_MODULO - 1))
def test_sdus_come_out_once_and_in_order(rng: random.Random, count: int, first_sn: int) -> None:
    """Segmented, concatenated, resegmented, reordered, repeated, wrapping the sequence number."""
    sdus = sdus_of(rng, count)
    sender = Sender(sdus, [rng.choice((1, 5, 30, 500)) for _ in range(100)], first_sn)
    arrivals: list[tuple[float, bytes]] = []
    for index in range(len(sender)):
        whole = [sender.pdu(index)]
        pieces = sender.segments(index, [rng.randrange(500) for _ in range(rng.randrange(4))])
        sent = rng.choice((whole, pieces, whole + pieces, pieces + pieces))
        arrivals += [(index + rng.uniform(0, 6), pdu) for pdu in sent]
    observer, received = AmObserver(first_sn), []
    for place, (_, pdu) in enumerate(sorted(arrivals)):
        received += observer.receive_pdu(place // 4 % 10240, pdu)
        received += observer.receive_pdu(place // 4 % 10240, STATUS)
    assert received == sdus


def test_overlapping_segments_of_different_cuts() -> None:
    rng = random.Random(5)
    sender = Sender([rng.randbytes(40), rng.randbytes(60)], [100])
    observer = AmObserver(0)
    assert observer.receive_pdu(0, sender.pdu(0, (0, 50))) == []
    assert observer.receive_pdu(1, sender.pdu(0, (70, 100))) == []
    assert observer.receive_pdu(2, sender.pdu(0, (30, 80))) == [sender.stream[:40], sender.stream[40:]]


def test_starts_with_the_first_pdu_seen_and_its_first_whole_sdu() -> None:
    rng = random.Random(6)
    sdus = [rng.randbytes(50) for _ in range(4)]
    sender = Sender(sdus, [70, 70, 60], first_sn=1023)
    observer = AmObserver()
    assert observer.receive_pdu(0, sender.pdu(1)) == []  # the rest of SDU 1, the start of SDU 2: 140 is inside SDU 2
    assert observer.receive_pdu(1, sender.pdu(2)) == [sdus[2], sdus[3]]


def test_a_missing_pdu_holds_the_later_ones_back_until_it_is_given_up() -> None:
    sdus = [bytes([value] * 10) for value in range(6)]
    sender = Sender(sdus, [10] * 6)
    observer = AmObserver(0)
    assert observer.receive_pdu(0, sender.pdu(0)) == [sdus[0]]
    assert observer.receive_pdu(5000, sender.pdu(2)) == []  # a long silence is no gap
    assert observer.receive_pdu(5000 + LOST_AFTER, sender.pdu(3)) == []
    assert observer.receive_pdu(5001 + LOST_AFTER, sender.pdu(4)) == sdus[2:5]
    assert observer.receive_pdu(5002 + LOST_AFTER, sender.pdu(1)) == []  # too late
    assert observer.receive_pdu(5003 + LOST_AFTER, sender.pdu(5)) == [sdus[5]]


def test_an_sdu_with_a_lost_part_is_lost_alone() -> None:
    sdus = [bytes([value] * 30) for value in range(3)]
    sender = Sender(sdus, [20, 20, 50])  # SDU 0 ends, and SDU 1 begins, in the second PDU
    observer = AmObserver(0)
    assert observer.receive_pdu(0, sender.pdu(0)) == []
    assert observer.receive_pdu(1, sender.pdu(2)) == []
    assert observer.receive_pdu(LOST_AFTER + 2, sender.pdu(2)) == [sdus[2]]


def test_pdus_far_outside_the_window_start_anew_after_a_silence() -> None:
    sdus = [bytes([value] * 8) for value in range(2)]
    observer = AmObserver(10)
    new = Sender(sdus, [8, 8], first_sn=0)
    ahead = Sender(sdus, [8, 8], first_sn=10)
    assert observer.receive_pdu(0, ahead.pdu(0)) == [sdus[0]]
    assert observer.receive_pdu(1, new.pdu(0)) == []  # taken for a repetition
    assert observer.receive_pdu(2 + LOST_AFTER, new.pdu(0)) == [sdus[0]]
    assert observer.receive_pdu(3 + LOST_AFTER, new.pdu(1)) == [sdus[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least 2 bytes"),
        ("80", "at least 2 bytes"),
        ("c00080", "segment has at least 4 bytes"),
        ("8400", "run past the end"),
        ("84000000ff", "reserved"),
        ("84000030aabb", "leave nothing"),
        ("8000", "leave nothing"),
    ],
)
def test_malformed_pdu_is_an_error(text: str, message: str) -> None:
    with pytest.raises(RlcPduError, match=message):
        parse_amd(bytes.fromhex(text))


def test_two_length_indicators_fill_three_bytes() -> None:
    found = parse_amd(bytes.fromhex("8401" + "801002" + "aabbccdd"))  # E 1, LI 1; E 0, LI 2
    assert found is not None
    assert (found.sn, found.data, found.borders) == (1, bytes.fromhex("aabbccdd"), {0, 1, 3, 4})


@pytest.mark.parametrize("text", ["", "0000000000", "2012345678"])
def test_pdcp_pdu_without_an_sdu(text: str) -> None:
    assert pdcp_sdu(bytes.fromhex(text)) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10239), st.binary(max_size=40)), max_size=30))
def test_any_bytes_are_read_or_refused(pdus: list[tuple[int, bytes]]) -> None:
    observer = AmObserver()
    for tti, pdu in pdus:
        try:
            observer.receive_pdu(tti, pdu)
        except RlcPduError:
            continue
