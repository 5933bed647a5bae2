"""One end of a TCP connection (RFC 9293), with NewReno (RFC 6582), window scale (RFC 7323) and RTO by RFC 6298.

Sequence numbers are kept as whole numbers that do not wrap; only segments carry them modulo 2^32.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from picocell.inet.packets import TcpFlag, TcpOptions, TcpSegment

BUFFER: Final = 1 << 20
"""Bytes that may wait to be sent, and to be read."""

WINDOW_SCALE: Final = 6
DEFAULT_MSS: Final = 536
MIN_RTO: Final = 200
MAX_RTO: Final = 60_000
FIRST_RTO: Final = 1000
DELAYED_ACK: Final = 40
MSL: Final = 1000
"""Half of the time in TIME-WAIT, ms: in a network of our own nothing lives as long as RFC 9293 fears."""
MAX_TIMEOUTS: Final = 8
DUPLICATE_ACKS: Final = 3
_MODULO: Final = 1 << 32
_MAX_WINDOW: Final = 0xFFFF


class TcpState(Enum):
    """States of RFC 9293 3.3.2."""

    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"
    CLOSED = "CLOSED"


class ConnectionFailedError(ConnectionError):
    """A connection that was refused, reset or timed out."""


_SENDING: Final = frozenset(
    {
        TcpState.ESTABLISHED,
        TcpState.CLOSE_WAIT,
        TcpState.FIN_WAIT_1,
        TcpState.CLOSING,
        TcpState.LAST_ACK,
    }
)
_AFTER_FIN_ACKED: Final = {
    TcpState.FIN_WAIT_1: TcpState.FIN_WAIT_2,
    TcpState.CLOSING: TcpState.TIME_WAIT,
    TcpState.LAST_ACK: TcpState.CLOSED,
}
_AFTER_FIN_RECEIVED: Final = {
    TcpState.SYN_RECEIVED: TcpState.CLOSE_WAIT,
    TcpState.ESTABLISHED: TcpState.CLOSE_WAIT,
    TcpState.FIN_WAIT_1: TcpState.CLOSING,
    TcpState.FIN_WAIT_2: TcpState.TIME_WAIT,
}
_AFTER_CLOSE: Final = {
    TcpState.SYN_SENT: TcpState.CLOSED,
    TcpState.SYN_RECEIVED: TcpState.FIN_WAIT_1,
    TcpState.ESTABLISHED: TcpState.FIN_WAIT_1,
    TcpState.CLOSE_WAIT: TcpState.LAST_ACK,
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses and ports of a connection, as its owner sees them."""

    address: str
    port: int
    peer_address: str
    peer_port: int


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
        cwnd: congestion window in bytes.
        ssthresh: slow start threshold in bytes.
        rto: retransmission timeout in ms.
        retransmissions: segments sent again.
    """

    def __init__(self, endpoints: Endpoints, *, mss: int, iss: int, now: int, syn: TcpSegment | None = None) -> None:
        self.endpoints = endpoints
        self.state = TcpState.SYN_SENT if syn is None else TcpState.SYN_RECEIVED
        self.error: str | None = None
        self.rto = FIRST_RTO
        self.retransmissions = 0
        self._mss, self._own_mss = mss, mss
        self._out: list[TcpSegment] = []
        self._una = self._nxt = self._max = iss
        self._window = 0
        self._send_buffer = bytearray()
        self._fin = self._fin_sent = False
        self._syn_outstanding = True
        self._scale_out = self._scale_in = 0
        self._rcv_nxt = 0
        self._read_buffer = bytearray()
        self._ahead: dict[int, bytes] = {}
        self._peer_fin: int | None = None
        self._advertised = 0
        self._srtt: float | None = None
        self._rttvar = 0.0
        self._timed: tuple[int, int] | None = None
        self._timeouts = 0
        self._deadline: int | None = None
        self._ack_deadline: int | None = None
        self._unacked_segments = 0
        self._duplicates = 0
        self._recover: int | None = None
        if syn is not None:
            self._take_syn(syn)
        self.cwnd = 10 * self._mss
        self.ssthresh = 1 << 30
        self._send_syn(now)

    # the user's side

    @property
    def established(self) -> bool:
        """Whether data may be sent, or may still come."""
        return self.state not in (TcpState.SYN_SENT, TcpState.SYN_RECEIVED, TcpState.CLOSED)

    @property
    def readable(self) -> int:
        """Bytes that can be read."""
        return len(self._read_buffer)

    @property
    def writable(self) -> int:
        """Bytes that `send` would take."""
        return 0 if self._fin or self.state is TcpState.CLOSED else BUFFER - len(self._send_buffer)

    @property
    def at_end(self) -> bool:
        """Whether the peer has closed, or the connection failed, and everything has been read."""
        ended = self.state in (
            TcpState.CLOSE_WAIT,
            TcpState.CLOSING,
            TcpState.LAST_ACK,
            TcpState.TIME_WAIT,
            TcpState.CLOSED,
        )
        return ended and not self._read_buffer

    @property
    def all_acknowledged(self) -> bool:
        """Whether everything that was sent has arrived."""
        return not self._send_buffer and self._una == self._nxt

    @property
    def srtt(self) -> float | None:
        """Smoothed round-trip time in ms; None before the first."""
        return self._srtt

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

    def recv(self, n: int, now: int) -> bytes:
        """At most ``n`` bytes of what has come."""
        data = bytes(self._read_buffer[:n])
        del self._read_buffer[:n]
        # tell the peer of the room when it had little left
        if data and self._advertised < self._rcv_nxt + 2 * self._mss and self.established:
            self._send_ack(now)
        return data

    def close(self, now: int) -> None:
        """Send no more: FIN follows the data."""
        if self.state in _AFTER_CLOSE:
            self.state = _AFTER_CLOSE[self.state]
            self._fin = True
            self._push(now)

    def abort(self, now: int, why: str = "aborted") -> None:  # noqa: ARG002 (the same shape as the others)
        """Reset the connection."""
        if self.state not in (TcpState.CLOSED, TcpState.TIME_WAIT):
            self._emit(TcpFlag.RST | TcpFlag.ACK, self._nxt)
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
        seq = self._near(segment.seq, self._rcv_nxt)
        length = len(segment.payload) + bool(segment.flags & TcpFlag.FIN)
        if not self._acceptable(seq, length):
            if not segment.flags & TcpFlag.RST:
                self._send_ack(now)
            return
        if segment.flags & TcpFlag.RST:
            if seq == self._rcv_nxt:
                self._fail("connection reset by the peer")
            else:
                self._send_ack(now)
            return
        if segment.flags & TcpFlag.SYN:
            self._send_ack(now)
            return
        if segment.flags & TcpFlag.ACK:
            self._receive_ack(segment, now)
            if length and self._takes_data:
                self._receive_data(seq, segment, now)

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do; None for never."""
        times = [time for time in (self._deadline, self._ack_deadline) if time is not None]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Retransmission, delayed acknowledgement, probe of a closed window, end of TIME-WAIT."""
        if self._ack_deadline is not None and now >= self._ack_deadline:
            self._send_ack(now)
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
        return self.state in _AFTER_FIN_RECEIVED

    def _receive_in_syn_sent(self, segment: TcpSegment, now: int) -> None:
        acked = bool(segment.flags & TcpFlag.ACK) and segment.ack == self._nxt % _MODULO
        if segment.flags & TcpFlag.RST:
            if acked:
                self._fail("connection refused")
            return
        if segment.flags & TcpFlag.SYN and acked:
            self._take_syn(segment)
            self._una, self._syn_outstanding = self._nxt, False
            self._window = segment.window
            self.state = TcpState.ESTABLISHED
            self._measure(now)
            self._deadline, self._timeouts = None, 0
            self._send_ack(now)
            self._push(now)

    def _take_syn(self, segment: TcpSegment) -> None:
        self._rcv_nxt = segment.seq + 1
        self._mss = min(self._own_mss, segment.options.mss or DEFAULT_MSS)
        if segment.options.window_scale is not None:
            self._scale_out, self._scale_in = WINDOW_SCALE, segment.options.window_scale
        self._window = segment.window

    def _acceptable(self, seq: int, length: int) -> bool:
        room = self._room()
        if not length:
            return self._rcv_nxt <= seq <= self._rcv_nxt + room
        return seq < self._rcv_nxt + room and seq + length > self._rcv_nxt

    def _receive_ack(self, segment: TcpSegment, now: int) -> None:
        ack = self._near(segment.ack, self._una)
        if ack > max(self._nxt, self._max):
            self._send_ack(now)
            return
        if self.state is TcpState.SYN_RECEIVED:
            self.state = TcpState.FIN_WAIT_1 if self._fin else TcpState.ESTABLISHED
        window = segment.window << self._scale_in
        if ack > self._una:
            self._window = window
            self._acknowledged(ack, now)
        elif ack == self._una and self._is_duplicate(segment, window):
            self._duplicate_ack(now)
        elif ack == self._una:
            self._window = window
        self._push(now)

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
        if self._timed is not None and ack >= self._timed[0]:
            self._measure(now)
        if self._timeouts:
            self._timeouts = 0
            self._set_rto()
        self._grow(n, ack, now)
        if self._fin_sent and ack == self._nxt and self.state in _AFTER_FIN_ACKED:
            self.state = _AFTER_FIN_ACKED[self.state]
        self._deadline = now + self.rto if self._nxt > self._una else None
        if self.state is TcpState.TIME_WAIT:
            self._deadline = now + 2 * MSL

    def _grow(self, n: int, ack: int, now: int) -> None:
        """Congestion window after an acknowledgement (RFC 5681, RFC 6582)."""
        self._duplicates = 0
        if self._recover is not None:
            if ack >= self._recover:
                self._recover = None
                self.cwnd = self.ssthresh
            else:
                self._retransmit_first(now)
                self.cwnd = max(self.cwnd - n + self._mss, self._mss)
        elif self.cwnd < self.ssthresh:
            self.cwnd += min(n, 2 * self._mss)
        else:
            self.cwnd += max(self._mss * self._mss // self.cwnd, 1)

    def _duplicate_ack(self, now: int) -> None:
        self._duplicates += 1
        if self._recover is not None:
            self.cwnd += self._mss
        elif self._duplicates == DUPLICATE_ACKS:
            self.ssthresh = max((self._nxt - self._una) // 2, 2 * self._mss)
            self._recover = self._nxt
            self._retransmit_first(now)
            self.cwnd = self.ssthresh + DUPLICATE_ACKS * self._mss

    def _receive_data(self, seq: int, segment: TcpSegment, now: int) -> None:
        end = seq + len(segment.payload)
        if segment.flags & TcpFlag.FIN:
            self._peer_fin = end
        if segment.payload and seq <= self._rcv_nxt:
            self._deliver(seq, segment.payload)
            in_order = not self._ahead
            while (found := self._next_ahead()) is not None:
                self._deliver(found, self._ahead.pop(found))
        else:
            in_order = not segment.payload
            if segment.payload:
                self._ahead.setdefault(seq, segment.payload)
        if self._peer_fin == self._rcv_nxt:
            self._rcv_nxt += 1
            self._peer_fin = None
            self.state = _AFTER_FIN_RECEIVED.get(self.state, self.state)
            if self.state is TcpState.TIME_WAIT:
                self._deadline = now + 2 * MSL
            in_order = False
        self._unacked_segments += 1
        if not in_order or self._unacked_segments >= 2:
            self._send_ack(now)
        elif self._ack_deadline is None:
            self._ack_deadline = now + DELAYED_ACK

    def _deliver(self, seq: int, data: bytes) -> None:
        fresh = data[self._rcv_nxt - seq :]
        self._read_buffer += fresh
        self._rcv_nxt += len(fresh)

    def _next_ahead(self) -> int | None:
        """A piece that has come early and now joins; what is old is dropped."""
        for seq in [s for s, data in self._ahead.items() if s + len(data) <= self._rcv_nxt]:
            del self._ahead[seq]
        return next((seq for seq in self._ahead if seq <= self._rcv_nxt), None)

    # sending

    def _send_syn(self, now: int) -> None:
        self._nxt = self._una + 1
        self._timed = (self._nxt, now)
        self._deadline = now + self.rto
        self._emit_syn()

    def _emit_syn(self) -> None:
        called = self.state is TcpState.SYN_RECEIVED
        scale = WINDOW_SCALE if not called or self._scale_out else None
        flags = TcpFlag.SYN | TcpFlag.ACK if called else TcpFlag.SYN
        options = TcpOptions(self._own_mss, scale)
        e = self.endpoints
        ack = self._rcv_nxt % _MODULO if called else 0
        window = min(self._room(), _MAX_WINDOW)
        self._out.append(TcpSegment(e.port, e.peer_port, self._una % _MODULO, ack, flags, window, b"", options))

    def _push(self, now: int) -> None:
        """Send what the windows allow."""
        if self.state not in _SENDING:
            return
        limit = self._una + min(self._window, self.cwnd)
        while True:
            offset = self._nxt - self._una
            waiting = len(self._send_buffer) - offset
            if waiting <= 0:
                break
            size = min(self._mss, waiting, limit - self._nxt)
            if size <= 0 or (size < min(self._mss, waiting) and offset):  # no silly little segments
                break
            self._emit_data(self._nxt, size)
            if self._timed is None:
                self._timed = (self._nxt + size, now)
            self._nxt += size
        if self._fin and not self._fin_sent and self._nxt - self._una == len(self._send_buffer):
            self._emit(TcpFlag.FIN | TcpFlag.ACK, self._nxt)
            self._nxt += 1
            self._fin_sent = True
        outstanding = self._nxt > self._una or len(self._send_buffer) > 0
        if outstanding and self._deadline is None:
            self._deadline = now + self.rto

    def _retransmit_first(self, now: int) -> None:
        """Send the first segment that is not acknowledged again."""
        self.retransmissions += 1
        self._timed = None  # Karn: its acknowledgement says nothing about the round trip
        self._deadline = now + self.rto
        if self._syn_outstanding:
            self._emit_syn()
            return
        size = min(self._mss, len(self._send_buffer))
        if size:
            self._emit_data(self._una, size)
            self._nxt = max(self._nxt, self._una + size)
        elif self._fin_sent:
            self._emit(TcpFlag.FIN | TcpFlag.ACK, self._una)

    def _time_out(self, now: int) -> None:
        self._timeouts += 1
        if self._timeouts > MAX_TIMEOUTS:
            self._fail("connection timed out")
            return
        if self._window or self._syn_outstanding:
            self.ssthresh = max((self._nxt - self._una) // 2, 2 * self._mss)
            self.cwnd = self._mss
            self._go_back()
        self._recover, self._duplicates = None, 0
        self.rto = min(2 * self.rto, MAX_RTO)
        if not self._window and self._send_buffer:
            self._emit_data(self._una, 1)  # a probe: is the window still closed?
            self._nxt = max(self._nxt, self._una + 1)
            self._timeouts = min(self._timeouts, MAX_TIMEOUTS - 1)
            self._deadline = now + self.rto
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
        self._emit(TcpFlag.ACK | TcpFlag.PSH if last else TcpFlag.ACK, seq, data)

    def _send_ack(self, now: int) -> None:  # noqa: ARG002 (the same shape as the others)
        self._emit(TcpFlag.ACK, self._nxt)

    def _emit(self, flags: TcpFlag, seq: int, data: bytes = b"") -> None:
        self._ack_deadline, self._unacked_segments = None, 0
        room = self._room()
        window = min(room >> self._scale_out, _MAX_WINDOW)
        self._advertised = self._rcv_nxt + (window << self._scale_out)
        e = self.endpoints
        ack = self._rcv_nxt % _MODULO
        self._out.append(TcpSegment(e.port, e.peer_port, seq % _MODULO, ack, flags, window, data))

    def _room(self) -> int:
        return BUFFER - len(self._read_buffer)

    # round trip and end

    def _measure(self, now: int) -> None:
        """Round-trip time and RTO (RFC 6298 2)."""
        if self._timed is None:
            return
        sample = float(now - self._timed[1])
        self._timed = None
        if self._srtt is None:
            self._srtt, self._rttvar = sample, sample / 2
        else:
            self._rttvar += (abs(self._srtt - sample) - self._rttvar) / 4
            self._srtt += (sample - self._srtt) / 8
        self._set_rto()

    def _set_rto(self) -> None:
        """RTO without back-off."""
        if self._srtt is not None:
            self.rto = int(min(max(self._srtt + max(1.0, 4 * self._rttvar), MIN_RTO), MAX_RTO))

    def _fail(self, why: str) -> None:
        self.error = why
        self.state = TcpState.CLOSED
        self._deadline = self._ack_deadline = None
        self._send_buffer.clear()
        self._ahead.clear()

    @staticmethod
    def _near(wire: int, reference: int) -> int:
        """The whole number that a sequence number of the wire stands for, next to one that is known."""
        step = (wire - reference) % _MODULO
        return reference + (step if step < _MODULO // 2 else step - _MODULO)
