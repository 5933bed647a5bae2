"""Acknowledged mode: an entity with both its sides (TS 36.322 5.1.3)."""

from collections import Counter, deque

from picocell.rlc_pdcp.rlc.am_rx import AmReceiver, AmRxState
from picocell.rlc_pdcp.rlc.am_tx import AmTransmitter, AmTxState
from picocell.rlc_pdcp.rlc.config import AmRxConfig, AmTxConfig
from picocell.rlc_pdcp.rlc.events import BufferStatus, Event
from picocell.rlc_pdcp.rlc.pdu import RlcPduError, is_control, parse_status


class AmEntity:
    """An AM entity. Without arguments it is configured as an SRB is by default (TS 36.331 9.2.1).

    Attributes:
        tx: the transmitting side.
        rx: the receiving side.
        discarded: PDUs and pieces of SDUs that were ignored, by reason.
    """

    def __init__(self, tx: AmTxConfig | None = None, rx: AmRxConfig | None = None) -> None:
        self._events: deque[Event] = deque()
        self.tx = AmTransmitter(tx, self._events)
        self.rx = AmReceiver(rx, self._events)
        self._discarded: Counter[str] = Counter()

    @property
    def discarded(self) -> Counter[str]:
        """What was ignored, by reason."""
        return self._discarded + self.tx.discarded + self.rx.discarded

    def get_state(self) -> tuple[AmTxState, AmRxState]:
        """Copies of the state variables of both sides."""
        return self.tx.get_state(), self.rx.get_state()

    def set_state(self, tx: AmTxState, rx: AmRxState) -> None:
        """Go on from other state variables.

        Raises:
            ValueError: impossible values, or PDUs are under way.
        """
        self.tx.set_state(tx)
        self.rx.set_state(rx)

    def write_sdu(self, sdu: bytes, now: int, sdu_id: int | None = None) -> None:
        """Queue an SDU; one with a name is reported when it has been delivered.

        Raises:
            ValueError: an impossible size, or a name that is in use.
        """
        self.tx.write_sdu(sdu, now, sdu_id)

    def discard_sdu(self, sdu_id: int) -> bool:
        """Drop an SDU of which nothing has been mapped to a PDU (5.3); whether it was dropped."""
        return self.tx.discard_sdu(sdu_id)

    def buffer_status(self, now: int) -> BufferStatus:
        """Data available for transmission; new data counts while the window is full, too (4.5)."""
        tx = self.tx
        status, retx = self.rx.status_bytes(now), tx.retx_bytes()
        return BufferStatus(status + retx + tx.new_bytes(), status, retx)

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next RLC PDU, at most ``grant_bytes`` long: STATUS, retransmission, new data, in this order (5.1.3.1.1).

        Empty where nothing waits or fits.
        """
        return self.rx.build_status(grant_bytes, now) or self.tx.build_pdu(grant_bytes, now)

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take a PDU from the MAC: control PDUs go to the transmitting side."""
        if pdu and not is_control(pdu):
            self.rx.receive_pdu(pdu, now)
            return
        try:
            status = parse_status(pdu)
        except RlcPduError as error:
            self._discarded[error.reason] += 1
        else:
            self.tx.receive_status(status, now)

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None for never."""
        first, second = self.tx.next_timer(), self.rx.next_timer()
        if first is None or second is None:
            return second if first is None else first
        return min(first, second)

    def handle_timers(self, now: int) -> None:
        """Expiry of t-PollRetransmit, t-Reordering and t-StatusProhibit."""
        self.tx.handle_timers(now)
        self.rx.handle_timers(now)

    def reestablish(self, now: int) -> None:
        """Re-establish both sides (5.4): SDUs that can be reassembled are delivered, all else is discarded."""
        self.rx.reestablish(now)
        self.tx.reestablish(now)
