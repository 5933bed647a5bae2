"""Single segments against RFC 9293, RFC 5961 and RFC 6298: what a connection answers to each."""

from dataclasses import dataclass

import pytest

from picocell.inet.congestion import NewReno
from picocell.inet.packets import TcpFlag, TcpOptions, TcpSegment
from picocell.inet.reassembly import Reassembly
from picocell.inet.rtt import MAX_RTO, MIN_RTO, RoundTrip
from picocell.inet.sequence import near
from picocell.inet.tcp import MSL, TcpConnection
from picocell.inet.tcp_state import Endpoints, TcpState

MSS, IRS, ISS = 1000, 5_000, (1 << 32) - 1
ACK, FIN, RST, SYN = TcpFlag.ACK, TcpFlag.FIN, TcpFlag.RST, TcpFlag.SYN


@dataclass
class Called:
    """A connection that was called; the peer's side is written by hand."""

    connection: TcpConnection
    seq: int = IRS + 1

    def give(
        self, flags: int, *, seq: int | None = None, ack: int = 0, window: int = 60_000, data: bytes = b""
    ) -> None:
        """Give it a segment; ``ack`` is relative to its initial sequence number."""
        at = self.seq if seq is None else seq
        self.connection.receive(TcpSegment(2, 1, at, (ISS + ack) % (1 << 32), flags, window, data), 0)

    def taken(self) -> list[TcpSegment]:
        """What it sends."""
        return self.connection.segments_to_send()


@pytest.fixture
def called() -> Called:
    syn = TcpSegment(2, 1, IRS, 0, SYN, 60_000, b"", TcpOptions(MSS))
    made = Called(TcpConnection(Endpoints("10.0.0.1", 1, "10.0.0.2", 2), mss=MSS, iss=ISS, now=0, syn=syn))
    (answer,) = made.taken()
    assert (answer.flags, answer.ack, answer.seq) == (SYN | ACK, IRS + 1, ISS)
    return made


@pytest.fixture
def open_(called: Called) -> Called:
    called.give(ACK, ack=1)
    assert called.connection.state is TcpState.ESTABLISHED
    return called


@pytest.mark.parametrize("ack", [0, 2, -5])
def test_an_acknowledgement_of_something_else_than_our_syn_is_reset(called: Called, ack: int) -> None:
    called.give(ACK, ack=ack, data=b"of an old connection")
    (answer,) = called.taken()
    assert (answer.flags, answer.seq) == (RST, (ISS + ack) % (1 << 32))
    assert called.connection.state is TcpState.SYN_RECEIVED
    assert called.connection.readable == 0


def test_data_before_the_handshake_ends_waits_for_it(called: Called) -> None:
    called.connection.send(b"early", 0)
    called.connection.close(0)
    assert called.taken() == []
    called.connection.handle_timers(1000)
    assert [(s.flags, s.ack) for s in called.taken()] == [(SYN | ACK, IRS + 1)]
    called.give(ACK, ack=1)
    assert [(s.payload, s.flags & FIN) for s in called.taken()] == [(b"early", 0), (b"", FIN)]


def test_a_reset_counts_only_at_the_expected_place(open_: Called) -> None:
    open_.give(RST, seq=open_.seq + 1)
    assert [s.flags for s in open_.taken()] == [ACK]
    open_.give(RST, seq=open_.seq + 100_000_000)
    open_.give(SYN)
    assert [s.flags for s in open_.taken()] == [ACK]
    assert open_.connection.state is TcpState.ESTABLISHED
    open_.give(RST)
    assert open_.connection.error == "connection reset by the peer"


def test_a_reset_after_both_closed_is_no_error(open_: Called) -> None:
    open_.connection.close(0)
    open_.give(ACK | FIN, ack=2)
    states = [open_.connection.state]
    open_.give(RST, seq=open_.seq + 1)
    states.append(open_.connection.state)
    assert states == [TcpState.TIME_WAIT, TcpState.CLOSED]
    assert open_.connection.error is None


def test_a_fin_that_comes_again_in_time_wait_is_acknowledged(open_: Called) -> None:
    open_.connection.close(0)
    open_.give(ACK | FIN, ack=2)
    open_.taken()
    open_.give(ACK | FIN, ack=2)
    assert [(s.flags, s.ack) for s in open_.taken()] == [(ACK, IRS + 2)]
    open_.connection.handle_timers(2 * MSL)
    assert open_.connection.state is TcpState.CLOSED


def test_a_window_of_an_overtaken_segment_does_not_count(open_: Called) -> None:
    open_.give(ACK, ack=1, window=3_000, seq=open_.seq, data=b"12")
    open_.give(ACK, ack=1, window=2_000, seq=open_.seq + 2, data=b"34")
    open_.give(ACK, ack=1, window=0, seq=open_.seq + 1, data=b"234")  # was sent before, with a smaller window
    open_.taken()
    open_.connection.send(bytes(10_000), 0)
    assert sum(len(s.payload) for s in open_.taken()) == 2_000
    assert open_.connection.recv(10, 0) == b"1234"


def test_a_closed_window_is_probed_with_one_byte_until_it_opens(open_: Called) -> None:
    open_.give(ACK, ack=1, window=0)
    open_.connection.send(bytes(3_000), 0)
    assert open_.taken() == []
    due = open_.connection.next_timer()
    assert due is not None
    open_.connection.handle_timers(due)
    assert [len(s.payload) for s in open_.taken()] == [1]
    open_.give(ACK, ack=1, window=60_000)
    assert sum(len(s.payload) for s in open_.taken()) >= 2_000
    assert open_.connection.congestion.cwnd >= 10 * MSS  # a closed window is no congestion


def test_three_duplicates_bring_the_first_segment_again(open_: Called) -> None:
    open_.connection.send(bytes(10 * MSS), 0)
    first = open_.taken()[0]
    for count in range(3):
        assert open_.connection.retransmissions == 0, count
        open_.give(ACK, ack=1)
    again = open_.taken()
    assert (again[0].seq, again[0].payload) == (first.seq, first.payload)
    assert open_.connection.congestion.ssthresh == 5 * MSS


def test_new_reno_fills_the_second_hole_at_a_partial_acknowledgement() -> None:
    control = NewReno(MSS)
    sent = 10 * MSS
    assert [control.duplicate(sent, sent) for _ in range(4)] == [False, False, True, False]
    assert control.cwnd == 9 * MSS
    assert control.acknowledged(4 * MSS, 4 * MSS)
    assert control.cwnd == 6 * MSS
    assert not control.acknowledged(6 * MSS, sent)
    assert control.cwnd == control.ssthresh == 5 * MSS
    assert not control.acknowledged(MSS, 11 * MSS)
    assert control.cwnd == 5 * MSS + MSS // 5


def test_round_trip_by_the_formulae_of_rfc_6298() -> None:
    trip = RoundTrip()
    trip.sent(1, 0)
    trip.sent(2, 50)  # one at a time
    trip.acknowledged(1, 400)
    assert (trip.srtt, trip.rto) == (400, 400 + 4 * 200)
    trip.sent(3, 1000)
    trip.acknowledged(3, 1200)
    assert trip.srtt == 400 * 7 / 8 + 200 / 8
    assert trip.rto == int(375 + 4 * (200 * 3 / 4 + 200 / 4))
    trip.sent(4, 2000)
    trip.retransmitted()
    trip.acknowledged(4, 9000)
    assert trip.srtt == 375
    for _ in range(20):
        trip.back_off()
    assert trip.rto == MAX_RTO
    trip.reset()
    assert MIN_RTO < trip.rto < 1200


def test_reassembly_joins_pieces_that_overlap() -> None:
    received = Reassembly(100)
    assert received.take(0, b"ab")
    assert not received.take(4, b"ef")
    assert not received.take(3, b"defg")
    assert not received.take(1, b"bcd")
    assert received.read(100) == b"abcdefg"
    assert received.take(7, b"h")
    received.fin_at(8)
    assert received.take_fin()
    assert (received.next, received.room) == (9, 99)


@pytest.mark.parametrize(
    ("wire", "reference"), [(5, (1 << 32) - 5), ((1 << 32) - 5, (1 << 32) + 5), (7, 7 + (3 << 32))]
)
def test_sequence_numbers_unwrap_next_to_what_is_known(wire: int, reference: int) -> None:
    found = near(wire, reference)
    assert found % (1 << 32) == wire
    assert abs(found - reference) <= 10
