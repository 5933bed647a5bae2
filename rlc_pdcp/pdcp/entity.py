"""What the PDCP entities of all radio bearers share: state variables, COUNT, events, counters (TS 36.323 4.2.2)."""

from collections import deque
from dataclasses import replace
from typing import Final

from picocell.rlc_pdcp.pdcp.config import COUNT_BITS, Direction, PdcpState, check_state
from picocell.rlc_pdcp.pdcp.events import CountWrap, Event, PdcpCounters

N_COUNT: Final = 1 << COUNT_BITS


class PdcpEntity:
    """Base of the PDCP entities: both ends of one radio bearer are two of these, fed and drained by their owners.

    Header compression is not there: the entities behave as if it were not configured.

    Args:
        bearer: BEARER of the security algorithms.
        transmit: direction that this end transmits in.
        sn_bits: length of the PDCP SN.
        count_margin: PDUs before the last COUNT at which `CountWrap` is reported.
    """

    def __init__(self, bearer: int, transmit: Direction, sn_bits: int, count_margin: int) -> None:
        self.counters = PdcpCounters()
        self._bearer = bearer
        self._transmit = int(transmit)
        self._receive = int(transmit.opposite)
        self._sn_bits = sn_bits
        self._max_sn = (1 << sn_bits) - 1
        self._state = PdcpState()
        self._events: deque[Event] = deque()
        self._margin_start = N_COUNT - count_margin
        # The COUNT at which each side has to look closer: first where the margin starts, then where COUNTs end.
        self._tx_alarm = self._rx_alarm = self._margin_start

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched; None where there is none."""
        return self._events.popleft() if self._events else None

    def get_state(self) -> PdcpState:
        """A copy of the state variables (TS 36.323 7.1)."""
        return replace(self._state)

    def set_state(self, state: PdcpState) -> None:
        """Set the state variables: of the target of a handover, or of a test. SDUs that are kept stay as they are.

        Raises:
            ValueError: a variable does not fit the length of the SN.
        """
        check_state(state, self._sn_bits)
        self._state = replace(state)
        self._tx_alarm = self._rx_alarm = self._margin_start

    def _tx_exhausted(self, count: int) -> bool:
        """Called when a COUNT to transmit with is past the alarm: report it once; true where no COUNT is left."""
        if self._tx_alarm != N_COUNT:
            self._tx_alarm = N_COUNT
            self._events.append(CountWrap(True, count))
        return count >= N_COUNT

    def _rx_exhausted(self, count: int) -> bool:
        """Called when a COUNT to receive with is past the alarm: report it once; true where it is none."""
        if self._rx_alarm != N_COUNT:
            self._rx_alarm = N_COUNT
            self._events.append(CountWrap(False, min(count, N_COUNT - 1)))
        if count >= N_COUNT:
            self.counters.count_exhausted += 1
        return count >= N_COUNT

    def _advance_tx(self) -> None:
        """Step Next_PDCP_TX_SN and TX_HFN to the next SDU (TS 36.323 5.1.1)."""
        state = self._state
        if state.Next_PDCP_TX_SN == self._max_sn:
            state.Next_PDCP_TX_SN = 0
            state.TX_HFN += 1
        else:
            state.Next_PDCP_TX_SN += 1

    def _advance_rx(self, hfn: int, sn: int) -> None:
        """Set RX_HFN and Next_PDCP_RX_SN to what follows a received SN (TS 36.323 5.1.2)."""
        state = self._state
        if sn == self._max_sn:
            state.Next_PDCP_RX_SN = 0
            state.RX_HFN = hfn + 1
        else:
            state.Next_PDCP_RX_SN = sn + 1
            state.RX_HFN = hfn
