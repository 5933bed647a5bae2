"""Unacknowledged mode: the transmitting and the receiving entity (TS 36.322 5.1.2)."""

from collections import Counter, deque
from dataclasses import dataclass, replace

from picocell.rlc_pdcp.rlc.config import UM_WINDOW_SIZE, UmConfig, check_sn
from picocell.rlc_pdcp.rlc.events import BufferStatus, Event, SduReceived
from picocell.rlc_pdcp.rlc.pdu import RlcPduError, UmdPdu, build_umd, parse_umd
from picocell.rlc_pdcp.rlc.reassembly import Reassembler
from picocell.rlc_pdcp.rlc.transmission_buffer import TransmissionBuffer


@dataclass(slots=True)
class UmTxState:
    """State variables of a transmitting UM entity (7.1)."""

    vt_us: int = 0
    """VT(US), UM send: SN of the next new UMD PDU."""


@dataclass(slots=True)
class UmRxState:
    """State variables of a receiving UM entity (7.1)."""

    vr_ur: int = 0
    """VR(UR), UM receive: the earliest UMD PDU that is still considered for reordering."""
    vr_ux: int | None = None
    """VR(UX), UM t-Reordering: SN after that of the UMD PDU which started the timer; None before the first start."""
    vr_uh: int = 0
    """VR(UH), UM highest received: SN after the highest one received; upper edge of the reordering window."""


class UmTransmitter:
    """A transmitting UM entity."""

    def __init__(self, config: UmConfig | None = None) -> None:
        self.config = config or UmConfig()
        self._header = 1 if self.config.sn_bits == 5 else 2
        self._modulo = 1 << self.config.sn_bits
        self._state = UmTxState()
        self._buffer = TransmissionBuffer()

    def get_state(self) -> UmTxState:
        """A copy of the state variables."""
        return replace(self._state)

    def set_state(self, state: UmTxState) -> None:
        """Go on from other state variables.

        Raises:
            ValueError: a sequence number out of range.
        """
        check_sn("VT(US)", state.vt_us, self._modulo)
        self._state = replace(state)

    def write_sdu(self, sdu: bytes, now: int, sdu_id: int | None = None) -> None:  # noqa: ARG002
        """Queue an SDU.

        Raises:
            ValueError: an impossible size, or a name that is in use.
        """
        self._buffer.write(sdu, sdu_id)

    def discard_sdu(self, sdu_id: int) -> bool:
        """Drop an SDU of which nothing has been mapped to a PDU (5.3); whether it was dropped."""
        return self._buffer.discard(sdu_id)

    def buffer_status(self, now: int) -> BufferStatus:  # noqa: ARG002
        """Data available for transmission."""
        return BufferStatus(self._buffer.estimate(self._header))

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:  # noqa: ARG002
        """The next UMD PDU, at most ``grant_bytes`` long; empty where nothing waits or fits (5.1.2.1)."""
        content = self._buffer.take(grant_bytes - self._header)
        if content is None:
            return b""
        sn = self._state.vt_us
        self._state.vt_us = (sn + 1) % self._modulo
        return build_umd(UmdPdu(sn, content.begins, content.ends, content.elements), self.config.sn_bits)

    def reestablish(self, now: int) -> None:  # noqa: ARG002
        """Discard all SDUs, reset the state variables (5.4)."""
        self._buffer.clear()
        self._state = UmTxState()


class UmReceiver:
    """A receiving UM entity.

    Sequence numbers are compared with VR(UH) - UM_Window_Size as the modulus base (7.1).

    Attributes:
        discarded: PDUs and pieces of SDUs that were ignored, by reason.
    """

    def __init__(self, config: UmConfig | None = None) -> None:
        self.config = config or UmConfig()
        self.discarded: Counter[str] = Counter()
        self._modulo = 1 << self.config.sn_bits
        self._window = UM_WINDOW_SIZE[self.config.sn_bits]
        self._state = UmRxState()
        self._held: dict[int, UmdPdu] = {}
        self._reassembler = Reassembler(self.discarded)
        self._reordering_ends: int | None = None
        self._events: deque[Event] = deque()

    def get_state(self) -> UmRxState:
        """A copy of the state variables."""
        return replace(self._state)

    def set_state(self, state: UmRxState) -> None:
        """Go on from other state variables, with t-Reordering stopped.

        Raises:
            ValueError: a sequence number out of range, VR(UR) outside the window, or PDUs are held.
        """
        for name in ("vr_ur", "vr_ux", "vr_uh"):
            check_sn(name, getattr(state, name) or 0, self._modulo)
        if (state.vr_uh - state.vr_ur) % self._modulo > self._window:
            raise ValueError(f"VR(UR) {state.vr_ur} is outside the window that ends at VR(UH) {state.vr_uh}")
        if self._held:
            raise ValueError("UMD PDUs are held: the state can only be set while there are none")
        self._state, self._reordering_ends = replace(state), None
        self._reassembler.lost()

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take a PDU from the MAC (5.1.2.2.2, 5.1.2.2.3)."""
        try:
            found = parse_umd(pdu, self.config.sn_bits)
        except RlcPduError as error:
            self.discarded[error.reason] += 1
            return
        state, sn = self._state, found.sn
        place = self._from_base(sn)
        if place < self._window and (place < self._from_base(state.vr_ur) or sn in self._held):
            self.discarded["duplicate" if sn in self._held else "late"] += 1
            return
        self._held[sn] = found
        if place >= self._window:
            state.vr_uh = (sn + 1) % self._modulo
            if self._from_base(state.vr_ur) >= self._window:
                self._move_vr_ur((state.vr_uh - self._window) % self._modulo)
        if state.vr_ur in self._held:
            self._move_vr_ur(self._first_missing(state.vr_ur))
        self._update_reordering(now)

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None while t-Reordering does not run."""
        return self._reordering_ends

    def handle_timers(self, now: int) -> None:
        """Expiry of t-Reordering (5.1.2.2.4)."""
        if self._reordering_ends is None or now < self._reordering_ends:
            return
        state, self._reordering_ends = self._state, None
        if state.vr_ux is not None:
            self._move_vr_ur(self._first_missing(state.vr_ux))
        self._start_reordering(now)

    def reestablish(self, now: int) -> None:  # noqa: ARG002
        """Deliver what can be reassembled, discard the rest, reset timer and state variables (5.4)."""
        self._move_vr_ur(self._state.vr_uh)
        self._reassembler.lost()
        self._held.clear()
        self._state, self._reordering_ends = UmRxState(), None

    def _from_base(self, sn: int) -> int:
        return (sn - self._state.vr_uh + self._window) % self._modulo

    def _first_missing(self, sn: int) -> int:
        """The first SN from ``sn`` on that has not been received."""
        while sn in self._held:
            sn = (sn + 1) % self._modulo
        return sn

    def _move_vr_ur(self, new: int) -> None:
        """Update VR(UR) and deliver what is left behind it."""
        sn = self._state.vr_ur
        self._state.vr_ur = new
        while sn != new:
            found = self._held.pop(sn, None)
            if found is None:
                self._reassembler.lost()
            else:
                self._events += map(SduReceived, self._reassembler.add(found.begins, found.elements, found.ends))
            sn = (sn + 1) % self._modulo

    def _update_reordering(self, now: int) -> None:
        """Stop t-Reordering when what it waited for has come or does not matter any more; start it for a gap."""
        state = self._state
        if self._reordering_ends is not None and state.vr_ux is not None:
            place = self._from_base(state.vr_ux)
            outside = place >= self._window and state.vr_ux != state.vr_uh
            if outside or place <= self._from_base(state.vr_ur):
                self._reordering_ends = None
        if self._reordering_ends is None:
            self._start_reordering(now)

    def _start_reordering(self, now: int) -> None:
        if self._state.vr_uh != self._state.vr_ur:
            self._reordering_ends = now + self.config.t_reordering
            self._state.vr_ux = self._state.vr_uh


class UmEntity:
    """Both directions of a UM bearer; a direction that is not configured refuses or ignores everything.

    Raises:
        ValueError: neither direction is configured.
    """

    def __init__(self, tx: UmConfig | None, rx: UmConfig | None) -> None:
        if tx is None and rx is None:
            raise ValueError("a UM bearer has at least one direction")
        self.tx = UmTransmitter(tx) if tx else None
        self.rx = UmReceiver(rx) if rx else None

    def write_sdu(self, sdu: bytes, now: int, sdu_id: int | None = None) -> None:
        """Queue an SDU.

        Raises:
            ValueError: an impossible size, a name that is in use, or a bearer that only receives.
        """
        if self.tx is None:
            raise ValueError("this UM bearer has no transmitting direction")
        self.tx.write_sdu(sdu, now, sdu_id)

    def discard_sdu(self, sdu_id: int) -> bool:
        """Drop an SDU of which nothing has been mapped to a PDU (5.3); whether it was dropped."""
        return self.tx is not None and self.tx.discard_sdu(sdu_id)

    def buffer_status(self, now: int) -> BufferStatus:
        """Data available for transmission."""
        return self.tx.buffer_status(now) if self.tx else BufferStatus(0)

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next UMD PDU, at most ``grant_bytes`` long; empty where nothing waits or fits."""
        return self.tx.build_pdu(grant_bytes, now) if self.tx else b""

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take a PDU from the MAC."""
        if self.rx:
            self.rx.receive_pdu(pdu, now)

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self.rx.next_event() if self.rx else None

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None for never."""
        return self.rx.next_timer() if self.rx else None

    def handle_timers(self, now: int) -> None:
        """Expiry of t-Reordering."""
        if self.rx:
            self.rx.handle_timers(now)

    def reestablish(self, now: int) -> None:
        """Re-establish both directions (5.4)."""
        if self.rx:
            self.rx.reestablish(now)
        if self.tx:
            self.tx.reestablish(now)
