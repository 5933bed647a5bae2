"""Acknowledged mode, receiving side: window, reordering, reassembly, status reports (TS 36.322 5.1.3.2, 5.2.3)."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from picocell.rlc_pdcp.rlc.config import AM_SN_MODULO, AM_WINDOW_SIZE, AmRxConfig, check_sn
from picocell.rlc_pdcp.rlc.events import Event, SduReceived
from picocell.rlc_pdcp.rlc.pdu import (
    STATUS_HEADER_BITS,
    AmdPdu,
    Nack,
    RlcPduError,
    StatusPdu,
    build_status,
    parse_amd,
    status_bits,
)
from picocell.rlc_pdcp.rlc.reassembly import Reassembler
from picocell.rlc_pdcp.rlc.segments import SegmentedPdu


@dataclass(slots=True)
class AmRxState:
    """State variables of the receiving side (7.1)."""

    vr_r: int = 0
    """VR(R), receive: SN after that of the last AMD PDU received completely in sequence; the window's lower edge."""
    vr_x: int | None = None
    """VR(X), t-Reordering: SN after that of the PDU which started the timer; None before the first start."""
    vr_ms: int = 0
    """VR(MS), maximum STATUS transmit: the highest ACK_SN that a STATUS PDU may state."""
    vr_h: int = 0
    """VR(H), highest received: SN after the highest one received."""

    @property
    def vr_mr(self) -> int:
        """VR(MR), maximum acceptable receive: VR(R) + AM_Window_Size, the window's upper edge."""
        return (self.vr_r + AM_WINDOW_SIZE) % AM_SN_MODULO


class AmReceiver:
    """The receiving side of an AM entity. Sequence numbers are compared with VR(R) as the modulus base (7.1).

    Args:
        config: timers.
        events: where events go; a queue of its own by default.

    Attributes:
        discarded: PDUs and pieces of SDUs that were ignored, by reason.
    """

    def __init__(self, config: AmRxConfig | None = None, events: deque[Event] | None = None) -> None:
        self.config = config or AmRxConfig()
        self.discarded: Counter[str] = Counter()
        self.events: deque[Event] = deque() if events is None else events
        self._reassembler = Reassembler(self.discarded)
        self._state = AmRxState()
        self._held: dict[int, AmdPdu | SegmentedPdu] = {}
        """AMD PDUs of the window that have been received, in whole or in part."""
        self._delayed_polls: list[int] = []
        """SNs of polls that are answered once reordering is over with them (5.2.3)."""
        self._status_due = False
        self._reordering_ends: int | None = None
        self._prohibit_ends: int | None = None

    def get_state(self) -> AmRxState:
        """A copy of the state variables."""
        return replace(self._state)

    def set_state(self, state: AmRxState) -> None:
        """Go on from other state variables.

        Raises:
            ValueError: a sequence number out of range, variables that differ, or AMD PDUs are held.
        """
        for name in ("vr_r", "vr_x", "vr_ms", "vr_h"):
            check_sn(name, getattr(state, name) or 0, AM_SN_MODULO)
        if self._held or not state.vr_r == state.vr_ms == state.vr_h:
            raise ValueError("the state can only be set while no AMD PDU is held: VR(R) = VR(MS) = VR(H)")
        self._reset()
        self._state = replace(state)

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take an RLC data PDU from the MAC (5.1.3.2.2, 5.1.3.2.3)."""
        try:
            found = parse_amd(pdu)
        except RlcPduError as error:
            self.discarded[error.reason] += 1
            return
        state, sn = self._state, found.sn
        refused = self._store(found)
        if refused:
            self.discarded[refused] += 1
            if found.poll and refused != "segment_conflict":
                self._status_due = True
            return
        if self._from_vr_r(sn) >= self._from_vr_r(state.vr_h):
            state.vr_h = (sn + 1) % AM_SN_MODULO
        if sn == state.vr_ms:
            state.vr_ms = self._first_incomplete(sn)
        if sn == state.vr_r:
            self._deliver()
        self._update_reordering(now)
        if found.poll:
            self._delayed_polls.append(sn)
        if self._delayed_polls:
            self._check_polls()

    def status_bytes(self, now: int) -> int:
        """Bytes of the STATUS PDU that may be sent now; 0 where none is due or t-StatusProhibit runs."""
        if not self._status_due or self._is_prohibited(now):
            return 0
        return -(-(STATUS_HEADER_BITS + sum(map(status_bits, self._missing()))) // 8)

    def build_status(self, grant_bytes: int, now: int) -> bytes:
        """A STATUS PDU of at most ``grant_bytes`` where one is due and allowed, else nothing (5.2.3)."""
        if not self._status_due or self._is_prohibited(now) or 8 * grant_bytes < STATUS_HEADER_BITS:
            return b""
        self._status_due = False
        self._prohibit_ends = now + self.config.t_status_prohibit
        return build_status(self._status(8 * grant_bytes))

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None for never."""
        prohibit = self._prohibit_ends if self._status_due else None
        if prohibit is None or self._reordering_ends is None:
            return prohibit if self._reordering_ends is None else self._reordering_ends
        return min(prohibit, self._reordering_ends)

    def handle_timers(self, now: int) -> None:
        """Expiry of t-StatusProhibit, and of t-Reordering (5.1.3.2.4)."""
        if not self._is_prohibited(now):
            self._prohibit_ends = None
        if self._reordering_ends is None or now < self._reordering_ends:
            return
        state, self._reordering_ends = self._state, None
        if state.vr_x is not None:
            state.vr_ms = self._first_incomplete(state.vr_x)
        if state.vr_h != state.vr_ms:
            self._start_reordering(now)
        self._status_due = True
        self._delayed_polls.clear()

    def reestablish(self, now: int) -> None:  # noqa: ARG002
        """Deliver what can be reassembled, discard the rest, reset timers and state variables (5.4)."""
        state = self._state
        sn = state.vr_r
        while sn != state.vr_h:
            held = self._held.get(sn)
            if held is None:
                self._reassembler.lost()
            elif isinstance(held, SegmentedPdu):
                self._reassemble_rest(held)
            else:
                self._reassemble(held.begins, held.elements, held.ends)
            sn = (sn + 1) % AM_SN_MODULO
        self._reassembler.lost()
        self._reset()

    def _reset(self) -> None:
        self._state = AmRxState()
        self._held = {}
        self._delayed_polls = []
        self._status_due = False
        self._reordering_ends = self._prohibit_ends = None
        self._reassembler.lost()

    def _from_vr_r(self, sn: int) -> int:
        return (sn - self._state.vr_r) % AM_SN_MODULO

    def _is_prohibited(self, now: int) -> bool:
        return self._prohibit_ends is not None and now < self._prohibit_ends

    def _is_complete(self, sn: int) -> bool:
        held = self._held.get(sn)
        return held is not None and (not isinstance(held, SegmentedPdu) or held.is_complete())

    def _first_incomplete(self, sn: int) -> int:
        """The first SN from ``sn`` on of which bytes are missing."""
        while self._is_complete(sn):
            sn = (sn + 1) % AM_SN_MODULO
        return sn

    def _store(self, pdu: AmdPdu) -> str:
        """Place a PDU in the reception buffer, or say why not (5.1.3.2.2)."""
        if self._from_vr_r(pdu.sn) >= AM_WINDOW_SIZE:
            return "outside_window"
        held = self._held.get(pdu.sn)
        if held is None:
            if not pdu.segment:
                self._held[pdu.sn] = pdu
                return ""
            held = SegmentedPdu()
        elif not isinstance(held, SegmentedPdu) or held.is_complete():
            return "duplicate"
        refused = held.add(pdu)
        if not refused:
            self._held[pdu.sn] = held
        return refused

    def _deliver(self) -> None:
        """Update VR(R) and deliver what has become in sequence."""
        state, held = self._state, self._held.get(self._state.vr_r)
        while held is not None:
            if not isinstance(held, SegmentedPdu):
                self._reassemble(held.begins, held.elements, held.ends)
            else:
                run = held.take()
                if run is not None:
                    self._reassemble(*run)
                if not held.is_complete():
                    return
            del self._held[state.vr_r]
            state.vr_r = (state.vr_r + 1) % AM_SN_MODULO
            held = self._held.get(state.vr_r)

    def _reassemble(self, begins: bool, elements: Sequence[bytes], ends: bool) -> None:
        self.events += map(SduReceived, self._reassembler.add(begins, elements, ends))

    def _reassemble_rest(self, held: SegmentedPdu) -> None:
        """What there is of an incomplete AMD PDU, at re-establishment."""
        sequel = held.take()
        if sequel is not None:
            self._reassemble(*sequel)
        for run in held.take_rest():
            self._reassembler.lost()
            self._reassemble(*run)
        if not held.is_complete():
            self._reassembler.lost()

    def _update_reordering(self, now: int) -> None:
        """Stop t-Reordering when what it waited for has come or does not matter any more; start it for a gap."""
        state = self._state
        if self._reordering_ends is not None and state.vr_x is not None:
            place = self._from_vr_r(state.vr_x)
            if not place or place > AM_WINDOW_SIZE:
                self._reordering_ends = None
        if self._reordering_ends is None and state.vr_h != state.vr_r:
            self._start_reordering(now)

    def _start_reordering(self, now: int) -> None:
        self._reordering_ends = now + self.config.t_reordering
        self._state.vr_x = self._state.vr_h

    def _check_polls(self) -> None:
        """Trigger a STATUS for polls below VR(MS) or outside the window; the others stay delayed (5.2.3)."""
        limit = self._from_vr_r(self._state.vr_ms)
        waiting = [sn for sn in self._delayed_polls if limit <= self._from_vr_r(sn) < AM_WINDOW_SIZE]
        if len(waiting) < len(self._delayed_polls):
            self._delayed_polls = waiting
            self._status_due = True

    def _missing(self) -> Iterator[Nack]:
        """NACKs of all that is missing from VR(R) up to VR(MS), in ascending order."""
        state = self._state
        sn = state.vr_r
        while sn != state.vr_ms:
            held = self._held.get(sn)
            if held is None:
                yield Nack(sn)
            elif isinstance(held, SegmentedPdu):
                for start, end in held.missing():
                    yield Nack(sn, start, end)
            sn = (sn + 1) % AM_SN_MODULO

    def _status(self, bits: int) -> StatusPdu:
        """What fits into ``bits``: ACK_SN is the first missing SN that has no NACK (5.2.3)."""
        bits -= STATUS_HEADER_BITS
        nacks: list[Nack] = []
        missing = self._missing()
        for nack in missing:
            bits -= status_bits(nack)
            if bits >= 0:
                nacks.append(nack)
                continue
            while nacks and nack.sn == nacks[-1].sn:
                following = next(missing, None)
                if following is None:
                    return StatusPdu(self._state.vr_ms, nacks)
                nack = following
            return StatusPdu(nack.sn, nacks)
        return StatusPdu(self._state.vr_ms, nacks)
