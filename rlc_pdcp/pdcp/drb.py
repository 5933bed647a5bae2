"""What DRBs on RLC UM and RLC AM share at the transmitting side: the queue and discardTimer (TS 36.323 5.1.1, 5.4)."""

from abc import ABC, abstractmethod
from collections import deque

from picocell.rlc_pdcp.pdcp.config import MAX_SDU, CipherLike, DrbConfig
from picocell.rlc_pdcp.pdcp.entity import PdcpEntity
from picocell.rlc_pdcp.pdcp.pdu import HEADER_SIZE


class DrbEntity(PdcpEntity, ABC):
    """Base of the entities of DRBs.

    An SDU gets its SN when `next_pdu` hands it to RLC, so one whose discardTimer expires before costs no SN. The owner
    should leave SDUs here as long as RLC has enough to transmit. The identity of a PDU is its COUNT, unique until
    the RLC entity is re-established.

    Args:
        config: the bearer's configuration.
        cipher: the ciphering algorithm, both directions; None for none.
    """

    def __init__(self, config: DrbConfig, cipher: CipherLike | None) -> None:
        super().__init__(config.bearer, config.transmit, config.sn_bits, config.count_margin)
        self._cipher = cipher
        self._header_size = HEADER_SIZE[config.sn_bits]
        self._header_flag = 0x80 << 8 * (self._header_size - 1)
        self._discard_timer = config.discard_timer
        self._max_queued = config.max_queued_sdus
        self._queue: deque[tuple[bytes, int | None]] = deque()
        """SDUs without an SN, and when their discardTimers expire."""
        self._queued_bytes = 0
        self._deadlines: deque[tuple[int, int]] = deque()
        """Expiry of the discardTimer and COUNT of the SDUs that were handed to RLC, in this order."""

    def write_sdu(self, sdu: bytes, now: int) -> None:
        """Take an SDU to transmit and start its discardTimer. Where the queue is full it is dropped and counted.

        Raises:
            ValueError: an SDU that is empty or too long.
        """
        if not 0 < len(sdu) <= MAX_SDU:
            raise ValueError(f"an SDU of {len(sdu)} bytes; allowed are 1..{MAX_SDU}")
        if len(self._queue) >= self._max_queued:
            self.counters.dropped_sdus += 1
            return
        self._queue.append((sdu, None if self._discard_timer is None else now + self._discard_timer))
        self._queued_bytes += len(sdu)

    def next_timer(self) -> int | None:
        """When `handle_timers` is due; None for never."""
        while self._deadlines and not self._is_kept(self._deadlines[0][1]):
            self._deadlines.popleft()
        submitted = self._deadlines[0][0] if self._deadlines else None
        queued = self._queue[0][1] if self._queue else None
        if submitted is None or queued is None:
            return queued if submitted is None else submitted
        return min(submitted, queued)

    def handle_timers(self, now: int) -> None:
        """Discard the SDUs whose discardTimers have expired (TS 36.323 5.4)."""
        while self._queue:
            sdu, deadline = self._queue[0]
            if deadline is None or deadline > now:
                break
            self._queue.popleft()
            self._queued_bytes -= len(sdu)
            self.counters.discarded_sdus += 1
        while self._deadlines and self._deadlines[0][0] <= now:
            self._expire(self._deadlines.popleft()[1])

    def data_volume(self) -> int:
        """Bytes that wait for RLC, headers included (TS 36.323 4.5)."""
        return self._queued_bytes + len(self._queue) * self._header_size

    def _take_sdu(self, count: int) -> bytes:
        """The oldest SDU of the queue, which gets a COUNT."""
        sdu, deadline = self._queue.popleft()
        self._queued_bytes -= len(sdu)
        if deadline is not None:
            self._deadlines.append((deadline, count))
        self._advance_tx()
        return sdu

    def _build(self, count: int, sdu: bytes) -> bytes:
        """The data PDU of an SDU."""
        header = (self._header_flag | count & self._max_sn).to_bytes(self._header_size, "big")
        if self._cipher is None:
            return header + sdu
        return header + self._cipher.apply(count, self._bearer, self._transmit, sdu)

    @abstractmethod
    def _is_kept(self, count: int) -> bool:
        """Whether a discardTimer still matters for an SDU that was handed to RLC."""

    @abstractmethod
    def _expire(self, count: int) -> None:
        """The discardTimer of an SDU that was handed to RLC has expired."""
