"""PDCP of data radio bearers on RLC UM (TS 36.323 5.1.1, 5.1.2.1.3, 5.2)."""

from picocell.rlc_pdcp.pdcp.config import CipherLike, UmConfig
from picocell.rlc_pdcp.pdcp.drb import DrbEntity
from picocell.rlc_pdcp.pdcp.events import DiscardSdu, SduReceived


class UmEntity(DrbEntity):
    """One end of a DRB on RLC UM, which delivers in order and may lose PDUs.

    The receiver follows the HFN as long as fewer than 2^sn_bits PDUs are lost in a row.
    """

    def __init__(self, config: UmConfig, cipher: CipherLike | None = None) -> None:
        super().__init__(config, cipher)
        self._submitted: set[int] = set()
        """COUNTs of what was handed to RLC, where there is a discardTimer."""

    def next_pdu(self) -> tuple[bytes, int] | None:
        """The next PDU for RLC and its identity; None where there is none."""
        if not self._queue:
            return None
        count = self._state.TX_HFN << self._sn_bits | self._state.Next_PDCP_TX_SN
        if count >= self._tx_alarm and self._tx_exhausted(count):
            return None
        sdu = self._take_sdu(count)
        if self._discard_timer is not None:
            self._submitted.add(count)
        return self._build(count, sdu), count

    def receive_pdu(self, pdu: bytes, now: int) -> None:  # noqa: ARG002 (the same call as on RLC AM)
        """Process a PDU from RLC (TS 36.323 5.1.2.1.3). One that cannot be read is counted and discarded."""
        size = self._header_size
        if len(pdu) <= size or not pdu[0] & 0x80:
            self.counters.malformed_pdus += 1
            return
        sn = int.from_bytes(pdu[:size], "big") & self._max_sn
        hfn = self._state.RX_HFN + (sn < self._state.Next_PDCP_RX_SN)
        count = hfn << self._sn_bits | sn
        if count >= self._rx_alarm and self._rx_exhausted(count):
            return
        self._advance_rx(hfn, sn)
        data = pdu[size:]
        if self._cipher is not None:
            data = self._cipher.apply(count, self._bearer, self._receive, data)
        self._events.append(SduReceived(data))

    def delivered(self, sdu_id: int) -> None:
        """RLC has transmitted a PDU, so its discardTimer does not matter any more."""
        self._submitted.discard(sdu_id)

    def reestablish(self, now: int, *, cipher: CipherLike | None) -> None:
        """Start anew with a new key; SDUs that have not been handed to RLC are kept (TS 36.323 5.2.1.2, 5.2.2.2).

        What RLC hands over because it is re-established itself has to be passed to `receive_pdu` before.
        """
        self.handle_timers(now)
        state = self._state
        state.Next_PDCP_TX_SN = state.TX_HFN = state.Next_PDCP_RX_SN = state.RX_HFN = 0
        self._tx_alarm = self._rx_alarm = self._margin_start
        self._submitted.clear()
        self._deadlines.clear()
        self._cipher = cipher

    def _is_kept(self, count: int) -> bool:
        return count in self._submitted

    def _expire(self, count: int) -> None:
        if count in self._submitted:
            self._submitted.remove(count)
            self.counters.discarded_sdus += 1
            self._events.append(DiscardSdu(count))
