"""One end of a TCP connection (RFC 9293), with NewReno (RFC 6582), window scale (RFC 7323) and RTO by RFC 6298.

Sequence numbers are kept as whole numbers that do not wrap; only segments carry them modulo 2^32.
"""

from typing import Final

from picocell.inet.congestion import NewReno
from picocell.inet.packets import TcpFlag, TcpOptions, TcpSegment
from picocell.inet.reassembly import Reassembly
from picocell.inet.rtt import RoundTrip
from picocell.inet.sequence import MODULO, near
from picocell.inet.tcp_state import (
    AFTER_CLOSE,
    AFTER_FIN_ACKED,
    AFTER_FIN_RECEIVED,
    ENDED_BY_PEER,
    NOTHING_TO_LOSE,
    SENDING,
    ConnectionFailedError,
    Endpoints,
    TcpState,
)

__all__ = ["ConnectionFailedError", "TcpConnection", "TcpState"]

BUFFER: Final = 1 << 20
"""Bytes that may wait to be sent, and to be read."""

WINDOW_SCALE: Final = 6
DEFAULT_MSS: Final = 536
DELAYED_ACK: Final = 40
MSL: Final = 1000
"""Half of the time in TIME-WAIT, ms: in a network of our own nothing lives as long as RFC 9293 fears."""
MAX_TIMEOUTS: Final = 8
_MAX_WINDOW: Final = 0xFFFF
_FIN, _SYN, _RST, _PSH, _ACK = (int(flag) for flag in TcpFlag)


class TcpConnection:
    """One end of a connection.

    Args:
        endpoints: who talks with whom.
        mss: largest segment that this end takes.
        iss: initial send sequence number.
        now: ms.
        syn: the peer's SYN where this end was called; without it this end calls.

    Attributes:
        state: by RFC 9293.
        error: why the connection failed; None where it did not.
        congestion: its congestion window.
        round_trip: its round-trip time and timeout.
        retransmissions: segments sent again.
    """

    def __init__(self, endpoints: Endpoints, *, mss: int, iss: int, now: int, syn: TcpSegment | None = None) -> None:
        self.endpoints = endpoints
        self.state = TcpState.SYN_SENT if syn is None else TcpState.SYN_RECEIVED
        self.error: str | None = None
        self.congestion = NewReno(mss)
        self.round_trip = RoundTrip()
        self.retransmissions = 0
        self._own_mss = self._mss = mss
        self._out: list[TcpSegment] = []
        self._una = self._nxt = self._max = iss
        self._window = 0
        self._window_seq, self._window_ack = 0, iss
        self._send_buffer = bytearray()
        self._fin = self._fin_sent = False
        self._syn_outstanding = True
        self._scale_out = self._scale_in = 0
        self._received = Reassembly(BUFFER)
        self._advertised = 0
        self._timeouts = 0
        self._deadline: int | None = None
        self._ack_deadline: int | None = None
        self._unacked_segments = 0
        if syn is not None:
            self._take_syn(syn)
            self.congestion = NewReno(self._mss)
        self._send_syn(now)

    # the user's side

    @property
    def established(self) -> bool:
        """Whether data may be sent, or may still come."""
        return self.state not in (TcpState.SYN_SENT, TcpState.SYN_RECEIVED, TcpState.CLOSED)

    @property
    def readable(self) -> int:
        """Bytes that can be read."""
        return len(self._received)

    @property
    def writable(self) -> int:
        """Bytes that `send` would take."""
        return 0 if self._fin or self.state is TcpState.CLOSED else BUFFER - len(self._send_buffer)

    @property
    def at_end(self) -> bool:
        """Whether the peer has closed, or the connection failed, and everything has been read."""
        return self.state in ENDED_BY_PEER and not self._received

    @property
    def all_acknowledged(self) -> bool:
        """Whether everything that was sent has arrived."""
        return not self._send_buffer and self._una == self._nxt

    @property
    def srtt(self) -> float | None:
        """Smoothed round-trip time in ms; None before the first."""
        return self.round_trip.srtt

    def send(self, data: bytes, now: int) -> int:
        """Take as much of the data as there is room for; how much that was.

        Raises:
            ConnectionFailedError: a connection that has failed or is closed.
        """
        if self.error is not None or self._fin or self.state is TcpState.CLOSED:
            raise ConnectionFailedError(self.error or "the connection is closed")
        taken = data[: BUFFER - len(self._send_buffer)]
        self._send_buffer += taken
        self._push(now)
        return len(taken)

    def recv(self, n: int, now: int) -> bytes:  # noqa: ARG002 (the same shape as the others)
        """At most ``n`` bytes of what has come."""
        data = self._received.read(n)
        # tell the peer of the room when it had little left
        if data and self._advertised < self._received.next + 2 * self._mss and self.established:
            self._send_ack()
        return data

    def close(self, now: int) -> None:
        """Send no more: FIN follows the data."""
        if self.state in AFTER_CLOSE:
            self.state = AFTER_CLOSE[self.state]
            self._fin = True
            self._push(now)

    def abort(self, now: int, why: str = "aborted") -> None:  # noqa: ARG002 (the same shape as the others)
        """Reset the connection."""
        if self.state not in (TcpState.CLOSED, TcpState.TIME_WAIT):
            self._emit(_RST | _ACK, self._sent_up_to)
            self._fail(why)

    # the network's side

    def segments_to_send(self) -> list[TcpSegment]:
        """Segments for the peer, each given once."""
        out, self._out = self._out, []
        return out

    def receive(self, segment: TcpSegment, now: int) -> None:
        """Take a segment of this connection (RFC 9293 3.10.7)."""
        if self.state is TcpState.CLOSED:
            return
        if self.state is TcpState.SYN_SENT:
            self._receive_in_syn_sent(segment, now)
            return
        flags = segment.flags
        seq = near(segment.seq, self._received.next)
        length = len(segment.payload) + (flags & _FIN)
        if not self._acceptable(seq, length):
            if not flags & _RST:
                self._send_ack()
        elif flags & _RST and seq == self._received.next:
            self._fail(None if self.state in NOTHING_TO_LOSE else "connection reset by the peer")
        elif flags & (_RST | _SYN):
            self._send_ack()  # a challenge (RFC 5961): who is the peer indeed will answer it
        elif flags & _ACK and self._receive_ack(seq, segment, now) and length and self._takes_data:
            self._receive_data(seq, segment, now)

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do; None for never."""
        if self._deadline is None or self._ack_deadline is None:
            return self._ack_deadline if self._deadline is None else self._deadline
        return min(self._deadline, self._ack_deadline)

    def handle_timers(self, now: int) -> None:
        """Retransmission, delayed acknowledgement, probe of a closed window, end of TIME-WAIT."""
        if self._ack_deadline is not None and now >= self._ack_deadline:
            self._send_ack()
        if self._deadline is None or now < self._deadline:
            return
        if self.state is TcpState.TIME_WAIT:
            self.state, self._deadline = TcpState.CLOSED, None
            return
        self._time_out(now)

    # receiving

    @property
    def _takes_data(self) -> bool:
        """Whether the peer has not ended its side."""
        return self.state in AFTER_FIN_RECEIVED

    def _receive_in_syn_sent(self, segment: TcpSegment, now: int) -> None:
        acked = bool(segment.flags & _ACK) and segment.ack == self._nxt % MODULO
        if segment.flags & _RST:
            if acked:
                self._fail("connection refused")
        elif segment.flags & _SYN and acked:
            self._take_syn(segment)
            self._una, self._syn_outstanding = self._nxt, False
            self.state = TcpState.ESTABLISHED
            self.round_trip.acknowledged(self._nxt, now)
            self._deadline, self._timeouts = None, 0
            self._send_ack()
            self._push(now)

    def _take_syn(self, segment: TcpSegment) -> None:
        self._received.next = segment.seq + 1
        self._mss = self.congestion.mss = min(self._own_mss, segment.options.mss or DEFAULT_MSS)
        if segment.options.window_scale is not None:
            self._scale_out, self._scale_in = WINDOW_SCALE, segment.options.window_scale
        self._window, self._window_seq = segment.window, segment.seq

    def _acceptable(self, seq: int, length: int) -> bool:
        expected, room = self._received.next, self._received.room
        if not length:
            return expected <= seq <= expected + room
        return seq < expected + room and seq + length > expected

    def _receive_ack(self, seq: int, segment: TcpSegment, now: int) -> bool:
        """Take an acknowledgement; whether the segment's data may be taken too."""
        ack = near(segment.ack, self._una)
        if self._syn_outstanding and not self._una < ack <= self._nxt:  # of an earlier connection (3.10.7.4)
            self._emit(_RST, ack)
            return False
        if self.state is TcpState.SYN_RECEIVED:
            self.state = TcpState.ESTABLISHED
        if ack > max(self._nxt, self._max):
            self._send_ack()
            return False
        window = segment.window << self._scale_in
        if ack == self._una and self._is_duplicate(segment, window):
            if self.congestion.duplicate(self._nxt - self._una, self._nxt):
                self._retransmit_first(now)
        elif ack >= self._una:
            # not from a segment that was overtaken by a later one
            if (seq, ack) >= (self._window_seq, self._window_ack):
                self._window, self._window_seq, self._window_ack = window, seq, ack
            if ack > self._una:
                self._acknowledged(ack, now)
        self._push(now)
        return True

    def _is_duplicate(self, segment: TcpSegment, window: int) -> bool:
        return self._nxt > self._una and not segment.payload and window == self._window

    def _acknowledged(self, ack: int, now: int) -> None:
        """New data was acknowledged."""
        n = ack - self._una
        had_syn = self._syn_outstanding
        self._syn_outstanding = False
        data = min(n - had_syn, len(self._send_buffer))
        self._fin_sent |= n - had_syn > data
        del self._send_buffer[:data]
        self._una = ack
        self._nxt = max(self._nxt, ack)
        self.round_trip.acknowledged(ack, now)
        if self._timeouts:
            self._timeouts = 0
            self.round_trip.reset()
        if self.congestion.acknowledged(n, ack):
            self._retransmit_first(now)
        if self._fin_sent and ack == self._nxt and self.state in AFTER_FIN_ACKED:
            self.state = AFTER_FIN_ACKED[self.state]
        self._deadline = now + self.round_trip.rto if self._nxt > self._una else None
        if self.state is TcpState.TIME_WAIT:
            self._deadline = now + 2 * MSL

    def _receive_data(self, seq: int, segment: TcpSegment, now: int) -> None:
        received = self._received
        if segment.flags & _FIN:
            received.fin_at(seq + len(segment.payload))
        in_order = received.take(seq, segment.payload)
        if received.take_fin():
            self.state = AFTER_FIN_RECEIVED.get(self.state, self.state)
            if self.state is TcpState.TIME_WAIT:
                self._deadline = now + 2 * MSL
            in_order = False
        self._unacked_segments += 1
        if not in_order or self._unacked_segments >= 2:
            self._send_ack()
        elif self._ack_deadline is None:
            self._ack_deadline = now + DELAYED_ACK

    # sending

    def _send_syn(self, now: int) -> None:
        self._nxt = self._una + 1
        self.round_trip.sent(self._nxt, now)
        self._deadline = now + self.round_trip.rto
        self._emit_syn()

    def _emit_syn(self) -> None:
        called = self._received.next > 0
        scale = WINDOW_SCALE if not called or self._scale_out else None
        flags = _SYN | _ACK if called else _SYN
        options = TcpOptions(self._own_mss, scale)
        e, ack = self.endpoints, self._received.next % MODULO
        window = min(self._received.room, _MAX_WINDOW)
        self._out.append(TcpSegment(e.port, e.peer_port, self._una % MODULO, ack, flags, window, b"", options))

    def _push(self, now: int) -> None:
        """Send what the windows allow."""
        if self.state not in SENDING or self._syn_outstanding:
            return
        limit = self._una + min(self._window, self.congestion.cwnd)
        while True:
            offset = self._nxt - self._una
            waiting = len(self._send_buffer) - offset
            if waiting <= 0:
                break
            size = min(self._mss, waiting, limit - self._nxt)
            if size <= 0 or (size < min(self._mss, waiting) and offset):  # no silly little segments
                break
            self._emit_data(self._nxt, size)
            self.round_trip.sent(self._nxt + size, now)
            self._nxt += size
        if self._fin and not self._fin_sent and self._nxt - self._una == len(self._send_buffer):
            self._emit(_FIN | _ACK, self._nxt)
            self._nxt += 1
            self._fin_sent = True
        if self._deadline is None and (self._nxt > self._una or self._send_buffer):
            self._deadline = now + self.round_trip.rto

    def _retransmit_first(self, now: int) -> None:
        """Send the first segment that is not acknowledged again."""
        self.retransmissions += 1
        self.round_trip.retransmitted()
        self._deadline = now + self.round_trip.rto
        if self._syn_outstanding:
            self._emit_syn()
            return
        size = min(self._mss, len(self._send_buffer))
        if size:
            self._emit_data(self._una, size)
            self._nxt = max(self._nxt, self._una + size)
        elif self._fin_sent:
            self._emit(_FIN | _ACK, self._una)

    def _time_out(self, now: int) -> None:
        self._timeouts += 1
        if self._timeouts > MAX_TIMEOUTS:
            self._fail("connection timed out")
            return
        if self._window or self._syn_outstanding:
            self.congestion.timed_out(self._nxt - self._una)
            self._go_back()
        self.congestion.end_recovery()
        self.round_trip.back_off()
        if not self._window and self._send_buffer:
            self._emit_data(self._una, 1)  # a probe: is the window still closed?
            self._nxt = max(self._nxt, self._una + 1)
            self._timeouts = min(self._timeouts, MAX_TIMEOUTS - 1)
            self._deadline = now + self.round_trip.rto
            return
        self._retransmit_first(now)

    def _go_back(self) -> None:
        """After a timeout all that is not acknowledged goes out anew as the window opens."""
        self._max = max(self._max, self._nxt)
        if self._syn_outstanding:
            return
        self._nxt = self._una + min(self._mss, len(self._send_buffer))
        if self._fin_sent and self._send_buffer:
            self._fin_sent = False
        elif self._fin_sent:
            self._nxt = self._una + 1

    def _emit_data(self, seq: int, size: int) -> None:
        offset = seq - self._una
        data = bytes(self._send_buffer[offset : offset + size])
        last = offset + size == len(self._send_buffer)
        self._emit(_ACK | _PSH if last else _ACK, seq, data)

    def _send_ack(self) -> None:
        self._emit(_ACK, self._sent_up_to)

    @property
    def _sent_up_to(self) -> int:
        """SND.NXT as the peer knows it: with an older number, after going back, it would refuse an acknowledgement."""
        return max(self._nxt, self._max)

    def _emit(self, flags: int, seq: int, data: bytes = b"") -> None:
        self._ack_deadline, self._unacked_segments = None, 0
        expected = self._received.next
        window = min(self._received.room >> self._scale_out, _MAX_WINDOW)
        self._advertised = expected + (window << self._scale_out)
        e = self.endpoints
        self._out.append(TcpSegment(e.port, e.peer_port, seq % MODULO, expected % MODULO, flags, window, data))

    def _fail(self, why: str | None) -> None:
        self.error = why
        self.state = TcpState.CLOSED
        self._deadline = self._ack_deadline = None
        self._send_buffer.clear()
        self._received.forget_gaps()
