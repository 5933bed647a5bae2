"""PDCP of signalling radio bearers: integrity protection and ciphering (TS 36.323 5.1.1, 5.1.2.2, 5.2)."""

from collections import deque
from hmac import compare_digest
from typing import Final

from picocell.rlc_pdcp.pdcp.config import MAC_I_SIZE, MAX_SDU, SRB_SN_BITS, CipherLike, IntegrityLike, SrbConfig
from picocell.rlc_pdcp.pdcp.entity import PdcpEntity
from picocell.rlc_pdcp.pdcp.events import IntegrityFailure, SduReceived
from picocell.rlc_pdcp.pdcp.pdu import PdcpPduError, parse_srb

_NO_MAC_I: Final = bytes(MAC_I_SIZE)


class SrbEntity(PdcpEntity):
    """One end of SRB1 or SRB2.

    A PDU is made when its SDU is written, so what is activated afterwards does not touch it: the SecurityModeComplete
    goes out unciphered although ciphering follows at once (TS 36.331 5.3.4.3). Until it is activated there is no
    ciphering, and MAC-I is zero and not looked at.
    """

    def __init__(self, config: SrbConfig) -> None:
        super().__init__(config.bearer, config.transmit, SRB_SN_BITS, config.count_margin)
        self._pdus: deque[tuple[bytes, int]] = deque()
        self._tx_cipher: CipherLike | None = None
        self._rx_cipher: CipherLike | None = None
        self._tx_integrity: IntegrityLike | None = None
        self._rx_integrity: IntegrityLike | None = None
        self._last_received: tuple[int, bytes, bytes] | None = None

    def activate_integrity(self, integrity: IntegrityLike, *, transmit: bool = True, receive: bool = True) -> None:
        """Protect, and verify, the PDUs from now on."""
        self._tx_integrity = integrity if transmit else self._tx_integrity
        self._rx_integrity = integrity if receive else self._rx_integrity

    def activate_ciphering(self, cipher: CipherLike, *, transmit: bool = True, receive: bool = True) -> None:
        """Encipher, and decipher, the PDUs from now on."""
        self._tx_cipher = cipher if transmit else self._tx_cipher
        self._rx_cipher = cipher if receive else self._rx_cipher

    def verify_last_received(self, integrity: IntegrityLike) -> bool:
        """Whether the MAC-I of the SDU that was received last is right.

        For the SecurityModeCommand, which names the algorithm that protects it (TS 36.331 5.3.4.3).
        """
        if self._last_received is None:
            return False
        count, message, mac_i = self._last_received
        return compare_digest(integrity.mac(count, self._bearer, self._receive, message), mac_i)

    def write_sdu(self, sdu: bytes, now: int) -> None:  # noqa: ARG002 (the same call as a DRB's)
        """Take an RRC message to transmit.

        Raises:
            ValueError: an SDU that is empty or too long.
        """
        if not 0 < len(sdu) <= MAX_SDU:
            raise ValueError(f"an SDU of {len(sdu)} bytes; allowed are 1..{MAX_SDU}")
        sn = self._state.Next_PDCP_TX_SN
        count = self._state.TX_HFN << SRB_SN_BITS | sn
        if count >= self._tx_alarm and self._tx_exhausted(count):
            self.counters.dropped_sdus += 1
            return
        self._advance_tx()
        header = bytes((sn,))
        mac_i = _NO_MAC_I
        if self._tx_integrity is not None:
            mac_i = self._tx_integrity.mac(count, self._bearer, self._transmit, header + sdu)
        body = sdu + mac_i
        if self._tx_cipher is not None:
            body = self._tx_cipher.apply(count, self._bearer, self._transmit, body)
        self._pdus.append((header + body, count))

    def next_pdu(self) -> tuple[bytes, int] | None:
        """The next PDU for RLC and its identity (its COUNT); None where there is none."""
        return self._pdus.popleft() if self._pdus else None

    def data_volume(self) -> int:
        """Bytes that wait for RLC (TS 36.323 4.5)."""
        return sum(len(pdu) for pdu, _ in self._pdus)

    def receive_pdu(self, pdu: bytes, now: int) -> None:  # noqa: ARG002 (the same call as a DRB's)
        """Process a PDU from RLC (TS 36.323 5.1.2.2). One that cannot be read is counted and discarded."""
        try:
            parsed = parse_srb(pdu)
        except PdcpPduError:
            self.counters.malformed_pdus += 1
            return
        hfn = self._state.RX_HFN + (parsed.sn < self._state.Next_PDCP_RX_SN)
        count = hfn << SRB_SN_BITS | parsed.sn
        if count >= self._rx_alarm and self._rx_exhausted(count):
            return
        data, mac_i = parsed.data, parsed.mac_i
        if self._rx_cipher is not None:
            body = self._rx_cipher.apply(count, self._bearer, self._receive, pdu[1:])
            data, mac_i = body[:-MAC_I_SIZE], body[-MAC_I_SIZE:]
        message = pdu[:1] + data
        if self._rx_integrity is not None:
            expected = self._rx_integrity.mac(count, self._bearer, self._receive, message)
            if not compare_digest(expected, mac_i):
                self.counters.integrity_failures += 1
                self._events.append(IntegrityFailure(count))
                return
        self._last_received = (count, message, mac_i)
        self._advance_rx(hfn, parsed.sn)
        self._events.append(SduReceived(data))

    def delivered(self, sdu_id: int) -> None:
        """RLC has delivered a PDU: nothing to do, an SRB keeps no SDUs."""

    def next_timer(self) -> int | None:
        """When `handle_timers` is due: never, there is no discardTimer on an SRB (TS 36.331 6.3.2 PDCP-Config)."""
        return None

    def handle_timers(self, now: int) -> None:
        """Nothing to do."""

    def reestablish(self, now: int, *, cipher: CipherLike | None, integrity: IntegrityLike | None) -> None:  # noqa: ARG002
        """Start anew with new keys (TS 36.323 5.2.1.3, 5.2.2.3).

        What RLC hands over because it is re-established itself is not to be passed to `receive_pdu`: it is discarded.
        """
        state = self._state
        state.Next_PDCP_TX_SN = state.TX_HFN = state.Next_PDCP_RX_SN = state.RX_HFN = 0
        self._tx_alarm = self._rx_alarm = self._margin_start
        self._pdus.clear()
        self._last_received = None
        self._tx_cipher = self._rx_cipher = cipher
        self._tx_integrity = self._rx_integrity = integrity
