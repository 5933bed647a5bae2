"""Acknowledged mode, transmitting side: window, polling, retransmission, re-segmentation (TS 36.322 5.1.3.1, 5.2)."""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from picocell.rlc_pdcp.rlc.config import AM_SN_MODULO, AM_WINDOW_SIZE, AmTxConfig, check_sn
from picocell.rlc_pdcp.rlc.events import Event, MaxRetxReached, SduDelivered
from picocell.rlc_pdcp.rlc.pdu import (
    AMD_HEADER,
    MAX_SO,
    SEGMENT_HEADER,
    AmdPdu,
    Nack,
    StatusPdu,
    build_amd,
    build_whole_amd,
    li_bytes,
)
from picocell.rlc_pdcp.rlc.transmission_buffer import DataField, TransmissionBuffer, TxSdu

Portion = tuple[int, int]
"""Bytes of a Data field from the first offset up to, not including, the second."""


@dataclass(slots=True)
class AmTxState:
    """State variables and counters of the transmitting side (7.1); RETX_COUNT is kept by each AMD PDU."""

    vt_a: int = 0
    """VT(A), acknowledgement: SN of the next AMD PDU to be acknowledged in sequence; the window's lower edge."""
    vt_s: int = 0
    """VT(S), send: SN of the next new AMD PDU."""
    poll_sn: int = 0
    """POLL_SN: VT(S) - 1 when a poll was last sent."""
    pdu_without_poll: int = 0
    """PDU_WITHOUT_POLL: AMD PDUs since the last poll bit."""
    byte_without_poll: int = 0
    """BYTE_WITHOUT_POLL: bytes of Data field elements since the last poll bit."""

    @property
    def vt_ms(self) -> int:
        """VT(MS), maximum send: VT(A) + AM_Window_Size, the window's upper edge."""
        return (self.vt_a + AM_WINDOW_SIZE) % AM_SN_MODULO


@dataclass(slots=True, eq=False)
class _SentPdu:
    """An AMD PDU that has not been acknowledged.

    Attributes:
        sn: sequence number.
        begins: its first byte is the first of an SDU.
        ends: its last byte is the last of an SDU.
        elements: Data field elements.
        sdus: what the elements are from.
        size: bytes of the Data field.
        retx_count: RETX_COUNT (5.2.1), None before the PDU was first considered for retransmission.
        portions: what waits for retransmission, in ascending order.
    """

    sn: int
    begins: bool
    ends: bool
    elements: list[bytes]
    sdus: list[TxSdu]
    size: int
    retx_count: int | None = None
    portions: list[Portion] = field(default_factory=list)

    def build(self, poll: bool) -> bytes:
        """The AMD PDU."""
        return build_whole_amd(self.sn, poll, self.begins, self.ends, self.elements)

    def segment(self, portion: Portion, space: int) -> AmdPdu | None:
        """As much of a portion as fits into ``space`` bytes of length indicators and data; None where nothing does."""
        start, stop = portion
        borders = [0, *accumulate(map(len, self.elements))]
        index = bisect_right(borders, start) - 1
        begins = self.begins if start == 0 else start == borders[index]
        position = start
        pieces: list[bytes] = []
        while position < stop:
            room = space - li_bytes(len(pieces) + 1)
            if room <= 0:
                break
            low, high = borders[index], borders[index + 1]
            end = min(high, stop, position + room)
            pieces.append(self.elements[index][position - low : end - low])
            space -= end - position
            position = end
            if end < high:
                break
            index += 1
        if not pieces:
            return None
        last = position == self.size
        ends = self.ends if last else position == borders[index]
        return AmdPdu(self.sn, False, begins, ends, pieces, True, start, last)


class AmTransmitter:
    """The transmitting side of an AM entity.

    Args:
        config: timers and thresholds.
        events: where events go; a queue of its own by default.

    Attributes:
        discarded: STATUS PDUs that were ignored, by reason.
    """

    def __init__(self, config: AmTxConfig | None = None, events: deque[Event] | None = None) -> None:
        self.config = config or AmTxConfig()
        self.discarded: Counter[str] = Counter()
        self.events: deque[Event] = deque() if events is None else events
        self._state = AmTxState()
        self._buffer = TransmissionBuffer()
        self._sent: dict[int, _SentPdu] = {}
        """AMD PDUs that have not been acknowledged, in the order of their SN from VT(A) on."""
        self._retx: dict[int, _SentPdu] = {}
        """Of these, the ones that wait for retransmission, in the same order."""
        self._poll_due = False
        self._poll_retransmit_ends: int | None = None

    def get_state(self) -> AmTxState:
        """A copy of the state variables."""
        return replace(self._state)

    def set_state(self, state: AmTxState) -> None:
        """Go on from other state variables.

        Raises:
            ValueError: a sequence number out of range, VT(S) other than VT(A), or PDUs await acknowledgement.
        """
        for name in ("vt_a", "vt_s", "poll_sn"):
            check_sn(name, getattr(state, name), AM_SN_MODULO)
        if self._sent or state.vt_a != state.vt_s:
            raise ValueError("the state can only be set while no AMD PDU awaits acknowledgement: VT(S) = VT(A)")
        self._state = replace(state)

    def write_sdu(self, sdu: bytes, now: int, sdu_id: int | None = None) -> None:  # noqa: ARG002
        """Queue an SDU; one with a name is reported when it has been delivered.

        Raises:
            ValueError: an impossible size, or a name that is in use.
        """
        self._buffer.write(sdu, sdu_id)

    def discard_sdu(self, sdu_id: int) -> bool:
        """Drop an SDU of which nothing has been mapped to a PDU (5.3); whether it was dropped."""
        return self._buffer.discard(sdu_id)

    def new_bytes(self) -> int:
        """Bytes that have not been mapped to an AMD PDU, with headers."""
        return self._buffer.estimate(AMD_HEADER)

    def retx_bytes(self) -> int:
        """Bytes that wait for retransmission, with headers."""
        size = 0
        if not self._retx:
            return size
        for pdu in self._retx.values():
            header = AMD_HEADER + li_bytes(len(pdu.elements))
            whole = pdu.portions == [(0, pdu.size)]
            size += sum(b - a for a, b in pdu.portions)
            size += header if whole else (SEGMENT_HEADER - AMD_HEADER + header) * len(pdu.portions)
        return size

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next RLC data PDU, at most ``grant_bytes`` long: retransmissions come first (5.1.3.1.1)."""
        return self._build_retx(grant_bytes, now) if self._retx else self._build_new(grant_bytes, now)

    def receive_status(self, status: StatusPdu, now: int) -> None:  # noqa: ARG002
        """Acknowledgements of the peer (5.2.1, 5.2.2.2)."""
        state = self._state
        n_outstanding = (state.vt_s - state.vt_a) % AM_SN_MODULO
        n_acked = (status.ack_sn - state.vt_a) % AM_SN_MODULO
        if n_acked > n_outstanding:
            self.discarded["ack_sn"] += 1
            return
        if not all(map(self._is_legal, status.nacks)):
            self.discarded["segment_offset"] += 1
            return
        nacked = {nack.sn for nack in status.nacks}
        if (state.poll_sn - state.vt_a) % AM_SN_MODULO < n_acked or state.poll_sn in nacked:
            self._poll_retransmit_ends = None
        for k in range(n_acked):
            sn = (state.vt_a + k) % AM_SN_MODULO
            if sn not in nacked and sn in self._sent:
                self._acknowledged(sn)
        self._consider(status.nacks)
        state.vt_a = next(iter(self._sent), state.vt_s)
        if self._poll_due:
            self._find_pdu_for_poll()  # the PDU that was to carry the poll may just have been acknowledged

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None while t-PollRetransmit does not run."""
        return self._poll_retransmit_ends

    def handle_timers(self, now: int) -> None:
        """Expiry of t-PollRetransmit (5.2.2.3)."""
        if self._poll_retransmit_ends is None or now < self._poll_retransmit_ends:
            return
        self._poll_retransmit_ends = None
        self._poll_due = True
        self._find_pdu_for_poll()

    def reestablish(self, now: int) -> None:  # noqa: ARG002
        """Discard all SDUs and PDUs, reset timer and state variables (5.4)."""
        self._buffer.clear()
        self._sent.clear()
        self._retx.clear()
        self._state = AmTxState()
        self._poll_due, self._poll_retransmit_ends = False, None

    def _is_stalled(self) -> bool:
        return (self._state.vt_s - self._state.vt_a) % AM_SN_MODULO >= AM_WINDOW_SIZE

    def _build_new(self, grant_bytes: int, now: int) -> bytes:
        if not self._buffer.n_bytes or self._is_stalled():
            return b""
        # SO has to reach every byte, and SOend MAX_SO has another meaning
        content = self._buffer.take(min(grant_bytes - AMD_HEADER, MAX_SO))
        if content is None:
            return b""
        state = self._state
        pdu = self._remember(content)
        state.vt_s = (state.vt_s + 1) % AM_SN_MODULO
        state.pdu_without_poll += 1
        state.byte_without_poll += pdu.size
        poll_pdu, poll_byte = self.config.poll_pdu, self.config.poll_byte
        if (poll_pdu and state.pdu_without_poll >= poll_pdu) or (poll_byte and state.byte_without_poll >= poll_byte):
            self._poll_due = True
        return pdu.build(self._poll(now))

    def _remember(self, content: DataField) -> _SentPdu:
        sn, size = self._state.vt_s, sum(map(len, content.elements))
        pdu = _SentPdu(sn, content.begins, content.ends, content.elements, content.sdus, size)
        for sdu in content.sdus:
            sdu.unacked += 1
        self._sent[sn] = pdu
        return pdu

    def _build_retx(self, grant_bytes: int, now: int) -> bytes:
        """The first AMD PDU that waits if it fits whole, else a segment of the first portion (5.2.1)."""
        sn, pdu = next(iter(self._retx.items()))
        start, stop = pdu.portions[0]
        if stop - start == pdu.size and AMD_HEADER + li_bytes(len(pdu.elements)) + pdu.size <= grant_bytes:
            pdu.portions.clear()
            del self._retx[sn]
            return pdu.build(self._poll(now))
        segment = pdu.segment((start, stop), grant_bytes - SEGMENT_HEADER)
        if segment is None:
            return b""
        end = start + sum(map(len, segment.elements))
        if end < stop:
            pdu.portions[0] = (end, stop)
        else:
            del pdu.portions[0]
        if not pdu.portions:
            del self._retx[sn]
        return build_amd(segment._replace(poll=self._poll(now)))

    def _poll(self, now: int) -> bool:
        """Whether the RLC data PDU that has just been taken from the buffers carries a poll (5.2.2.1)."""
        drained = not self._buffer.n_bytes and not self._retx
        if not (self._poll_due or drained or self._is_stalled()):
            return False
        state, self._poll_due = self._state, False
        state.pdu_without_poll = state.byte_without_poll = 0
        state.poll_sn = (state.vt_s - 1) % AM_SN_MODULO
        self._poll_retransmit_ends = now + self.config.t_poll_retransmit
        return True

    def _is_legal(self, nack: Nack) -> bool:
        """Whether the offsets of a NACK lie within its AMD PDU; one that is no longer kept is not looked at."""
        pdu = self._sent.get(nack.sn)
        if pdu is None or nack.so_start is None:
            return True
        return nack.so_start < pdu.size and (nack.so_end == MAX_SO or nack.so_start <= nack.so_end < pdu.size)

    def _acknowledged(self, sn: int) -> None:
        pdu = self._sent.pop(sn)
        self._retx.pop(sn, None)
        for sdu in pdu.sdus:
            sdu.unacked -= 1
            if not sdu.unacked and sdu.mapped == len(sdu.data) and sdu.sdu_id is not None:
                self.events.append(SduDelivered(sdu.sdu_id))

    def _consider(self, nacks: Sequence[Nack]) -> None:
        """Consider AMD PDUs and portions of them for retransmission (5.2.1); those acknowledged before are not."""
        pending = set(self._retx)
        found: dict[int, list[Portion]] = {}
        for nack in nacks:
            pdu = self._sent.get(nack.sn)
            if pdu is not None:
                stop = pdu.size if nack.so_end == MAX_SO else nack.so_end + 1
                found.setdefault(nack.sn, []).append((nack.so_start or 0, stop))
        for sn, portions in found.items():
            pdu = self._sent[sn]
            pdu.portions = _join(pdu.portions + portions)
            self._retx[sn] = pdu
            if sn not in pending:
                self._count_retransmission(pdu)
        if len(self._retx) > 1:
            vt_a = self._state.vt_a
            self._retx = dict(sorted(self._retx.items(), key=lambda item: (item[0] - vt_a) % AM_SN_MODULO))

    def _find_pdu_for_poll(self) -> None:
        """Where nothing is left to carry a poll, consider an AMD PDU for retransmission (5.2.2.3)."""
        if self._retx or not self._sent or (self._buffer.n_bytes and not self._is_stalled()):
            return
        # The clause allows any PDU. The last one makes the peer see all gaps; it and the first in turn let the window
        # move even if no STATUS has room for a NACK.
        first, last = next(iter(self._sent.values())), next(reversed(self._sent.values()))
        chosen = first if (first.retx_count or 0) < (last.retx_count or 0) else last
        self._consider([Nack(chosen.sn)])

    def _count_retransmission(self, pdu: _SentPdu) -> None:
        pdu.retx_count = 0 if pdu.retx_count is None else pdu.retx_count + 1
        if pdu.retx_count == self.config.max_retx_threshold:
            self.events.append(MaxRetxReached(pdu.sn))


def _join(portions: list[Portion]) -> list[Portion]:
    """Portions in ascending order, those that touch or overlap made one."""
    joined: list[Portion] = []
    for start, stop in sorted(portions):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
