"""PDCP of data radio bearers on RLC AM (TS 36.323 5.1.1, 5.1.2.1.2, 5.1.2.1.4, 5.2, 5.3, 5.4, 5.9)."""

from collections import deque

from picocell.rlc_pdcp.pdcp.config import MAX_SDU, REORDERING_WINDOW, AmConfig, CipherLike, PdcpState
from picocell.rlc_pdcp.pdcp.drb import DrbEntity
from picocell.rlc_pdcp.pdcp.entity import N_COUNT
from picocell.rlc_pdcp.pdcp.events import DiscardSdu, SduReceived
from picocell.rlc_pdcp.pdcp.pdu import (
    STATUS_HEADER_SIZE,
    ControlType,
    PdcpPduError,
    StatusReport,
    build_status_report,
    control_type,
    parse_status_report,
    status_bitmap,
)


class AmEntity(DrbEntity):
    """One end of a DRB on RLC AM: SDUs survive the re-establishment of RLC.

    Each SDU is kept until RLC or a status report of the peer confirms its delivery. `next_pdu` stalls where the peer
    could take the HFN for another (the note in TS 36.323 5.1.1): half the SN space past what is confirmed. So the owner
    has to pass RLC's acknowledgements to `delivered`.
    """

    def __init__(self, config: AmConfig, cipher: CipherLike | None = None) -> None:
        super().__init__(config, cipher)
        self._window = REORDERING_WINDOW[config.sn_bits]
        self._report_status = config.status_report
        self._t_reordering = config.t_reordering
        self._state.Last_Submitted_PDCP_RX_SN = self._max_sn
        # The transmitting side
        self._control: deque[bytes] = deque()
        self._kept: dict[int, bytes] = {}
        """SDUs handed to RLC, by ascending COUNT, from the first one that is not confirmed."""
        self._confirmed: set[int] = set()
        """COUNTs of those that RLC has confirmed out of order."""
        self._highest_confirmed = -1
        self._resend: dict[int, None] = {}
        """COUNTs of those that RLC is to get again."""
        # The receiving side
        self._received: dict[int, bytes] = {}
        """SDUs that wait for earlier ones, by COUNT."""
        self._reordering_expiry: int | None = None

    def set_state(self, state: PdcpState) -> None:
        """Set the state variables; what was transmitted before them counts as confirmed.

        Raises:
            ValueError: a variable does not fit the length of the SN.
        """
        super().set_state(state)
        self._highest_confirmed = (state.TX_HFN << self._sn_bits | state.Next_PDCP_TX_SN) - 1

    # --- the transmitting side

    def next_pdu(self) -> tuple[bytes, int | None] | None:
        """The next PDU for RLC and its identity, None for that of a control PDU; None where there is no PDU."""
        if self._control:
            return self._control.popleft(), None
        if self._resend:
            count = next(iter(self._resend))
            del self._resend[count]
            return self._build(count, self._kept[count]), count
        if not self._queue:
            return None
        count = self._state.TX_HFN << self._sn_bits | self._state.Next_PDCP_TX_SN
        if count >= self._tx_alarm and self._tx_exhausted(count):
            return None
        kept = self._kept
        base = min(next(iter(kept)), self._highest_confirmed + 1) if kept else self._highest_confirmed + 1
        if count - base >= self._window:
            return None
        sdu = self._take_sdu(count)
        kept[count] = sdu
        return self._build(count, sdu), count

    def delivered(self, sdu_id: int) -> None:
        """RLC has confirmed the delivery of a PDU; an identity that is not known is passed over."""
        if sdu_id not in self._kept:
            return
        self._highest_confirmed = max(self._highest_confirmed, sdu_id)
        self._confirmed.add(sdu_id)
        self._release_confirmed()

    def data_volume(self) -> int:
        """Bytes that wait for RLC, headers and control PDUs included (TS 36.323 4.5)."""
        volume = super().data_volume()
        if self._resend:
            volume += sum(len(self._kept[count]) + self._header_size for count in self._resend)
        if self._control:
            volume += sum(len(pdu) for pdu in self._control)
        return volume

    def reestablish(self, now: int, *, cipher: CipherLike | None) -> None:
        """Go on with a new key (TS 36.323 5.2.1.1, 5.2.2.1); COUNT and SDUs are kept.

        What RLC hands over because it is re-established itself is to be passed to `receive_pdu` before, marked as such.
        """
        self.recover(now)
        self._cipher = cipher

    def recover(self, now: int) -> None:
        """Data recovery (TS 36.323 5.9): status report, and all again from the first SDU that is not confirmed."""
        self.handle_timers(now)
        if self._report_status:
            self._control = deque([self.status_report()])
        self._resend = dict.fromkeys(self._kept)

    def _release_confirmed(self) -> None:
        """Forget the SDUs before the first one that is not confirmed."""
        kept, confirmed = self._kept, self._confirmed
        while kept and (first := next(iter(kept))) in confirmed:
            self._forget(first)

    def _forget(self, count: int) -> None:
        del self._kept[count]
        self._confirmed.discard(count)
        self._resend.pop(count, None)

    def _discard(self, count: int) -> None:
        """Discard an SDU, and its PDU where RLC has one that it has not confirmed."""
        if count not in self._resend and count not in self._confirmed:
            self._events.append(DiscardSdu(count))
        self._forget(count)

    def _is_kept(self, count: int) -> bool:
        return count in self._kept

    def _expire(self, count: int) -> None:
        # The SDU that fills the window stays: without its acknowledgement nothing would open the window again.
        if count not in self._kept or count - self._highest_confirmed >= self._window:
            return
        self.counters.discarded_sdus += count not in self._confirmed
        self._discard(count)
        self._release_confirmed()

    def _receive_status_report(self, report: StatusReport) -> None:
        """Discard the SDUs that the peer has (TS 36.323 5.3.2, 5.4)."""
        next_count = self._state.TX_HFN << self._sn_bits | self._state.Next_PDCP_TX_SN
        missing = next_count - (next_count - report.fms & self._max_sn)
        if next_count - missing > self._window or missing < 0:
            self.counters.malformed_pdus += 1
            return
        for count in list(self._kept):
            if report.received(count - missing):
                self._highest_confirmed = max(self._highest_confirmed, count)
                self._discard(count)
        self._release_confirmed()

    # --- the receiving side

    def receive_pdu(self, pdu: bytes, now: int, *, reestablishment: bool = False) -> None:
        """Process a PDU from RLC. One that cannot be read is counted and discarded.

        Args:
            pdu: a data or control PDU.
            now: time in ticks.
            reestablishment: RLC hands it over, perhaps out of order, because it is re-established.
        """
        size = self._header_size
        if not pdu or not pdu[0] & 0x80:
            self._receive_control(pdu)
            return
        if len(pdu) <= size:
            self.counters.malformed_pdus += 1
            return
        sn = int.from_bytes(pdu[:size], "big") & self._max_sn
        count = self._receive_count(sn)
        if count is None:
            return
        if count in self._received:
            self.counters.duplicate_pdus += 1
            if self._t_reordering is None and not reestablishment:
                self._deliver_before(count)
                self._deliver_from(count)
            return
        data = pdu[size:]
        if self._cipher is not None:
            data = self._cipher.apply(count, self._bearer, self._receive, data)
        if self._t_reordering is not None:
            self._received[count] = data
            self._reorder(sn, count, now)
        elif not reestablishment:
            self._deliver_in_order(sn, count, data)
        else:
            self._received[count] = data
            if sn == self._state.Last_Submitted_PDCP_RX_SN + 1 & self._max_sn:
                self._deliver_from(count)

    def status_report(self) -> bytes:
        """A status report as of now (TS 36.323 5.3.1)."""
        missing = self._first_missing()
        room = MAX_SDU - STATUS_HEADER_SIZE[self._sn_bits]
        bitmap = status_bitmap(missing, list(self._received), room)
        return build_status_report(StatusReport(missing & self._max_sn, bitmap), self._sn_bits)

    def next_timer(self) -> int | None:
        """When `handle_timers` is due; None for never."""
        discard = super().next_timer()
        if discard is None or self._reordering_expiry is None:
            return self._reordering_expiry if discard is None else discard
        return min(discard, self._reordering_expiry)

    def handle_timers(self, now: int) -> None:
        """Handle the expiry of discardTimers (TS 36.323 5.4) and of t-Reordering (5.1.2.1.4.2)."""
        super().handle_timers(now)
        if self._reordering_expiry is None or self._reordering_expiry > now:
            return
        self._reordering_expiry = None
        border = self._state.Reordering_PDCP_RX_COUNT
        self._deliver_before(border)
        self._deliver_from(border)
        self._start_reordering(now)

    def _receive_count(self, sn: int) -> int | None:
        """COUNT of a received SN, the state variables moved on; None for a PDU to discard (TS 36.323 5.1.2.1.2)."""
        state, window = self._state, self._window
        last, expected, hfn = state.Last_Submitted_PDCP_RX_SN, state.Next_PDCP_RX_SN, state.RX_HFN
        if sn - last > window or 0 <= last - sn < window:
            self.counters.duplicate_pdus += 1
            return None
        newest = sn >= expected
        if expected - sn > window:
            hfn += 1
            newest = True
        elif sn - expected >= window:
            hfn -= 1
            newest = False
        count = hfn << self._sn_bits | sn
        if count < 0:
            self.counters.count_exhausted += 1
            return None
        if count >= self._rx_alarm and self._rx_exhausted(count):
            return None
        if newest:
            self._advance_rx(hfn, sn)
        return count

    def _deliver_in_order(self, sn: int, count: int, data: bytes) -> None:
        """RLC delivers in order, so what is missing before a PDU will not come any more (TS 36.323 5.1.2.1.2)."""
        if self._received:
            self._deliver_before(count)
            self._received[count] = data
            self._deliver_from(count)
        else:
            self._state.Last_Submitted_PDCP_RX_SN = sn
            self._events.append(SduReceived(data))

    def _deliver_before(self, count: int) -> None:
        """Deliver the stored SDUs before a COUNT."""
        for earlier in sorted(stored for stored in self._received if stored < count):
            self._deliver(earlier)

    def _deliver_from(self, count: int) -> None:
        """Deliver the stored SDUs with consecutive COUNTs from ``count`` on."""
        while count in self._received:
            self._deliver(count)
            count += 1

    def _deliver(self, count: int) -> None:
        self._events.append(SduReceived(self._received.pop(count)))
        self._state.Last_Submitted_PDCP_RX_SN = count & self._max_sn

    def _reorder(self, sn: int, count: int, now: int) -> None:
        """Deliver what is in sequence, start or stop t-Reordering (TS 36.323 5.1.2.1.4.1)."""
        if sn == self._state.Last_Submitted_PDCP_RX_SN + 1 & self._max_sn:
            self._deliver_from(count)
        if self._reordering_expiry is not None and self._first_missing() >= self._state.Reordering_PDCP_RX_COUNT:
            self._reordering_expiry = None
        if self._reordering_expiry is None:
            self._start_reordering(now)

    def _start_reordering(self, now: int) -> None:
        if self._received and self._t_reordering is not None:
            state = self._state
            self._reordering_expiry = now + self._t_reordering
            state.Reordering_PDCP_RX_COUNT = min(state.RX_HFN << self._sn_bits | state.Next_PDCP_RX_SN, N_COUNT)

    def _first_missing(self) -> int:
        """COUNT after that of Last_Submitted_PDCP_RX_SN."""
        state = self._state
        expected = state.RX_HFN << self._sn_bits | state.Next_PDCP_RX_SN
        return expected + 1 - (state.Next_PDCP_RX_SN - state.Last_Submitted_PDCP_RX_SN & self._max_sn)

    def _receive_control(self, pdu: bytes) -> None:
        try:
            if control_type(pdu) != ControlType.STATUS_REPORT:
                raise PdcpPduError("ROHC feedback without ROHC, or a reserved PDU type")
            report = parse_status_report(pdu, self._sn_bits)
        except PdcpPduError:
            self.counters.malformed_pdus += 1
            return
        self._receive_status_report(report)
