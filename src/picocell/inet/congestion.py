"""How much a connection may have on its way: slow start, congestion avoidance, NewReno (RFC 5681, RFC 6582)."""

from typing import Final

DUPLICATE_ACKS: Final = 3
INITIAL_SEGMENTS: Final = 10
"""Of the initial window (RFC 6928)."""


class NewReno:
    """Congestion control of one direction.

    Args:
        mss: bytes of a segment.

    Attributes:
        mss: bytes of a segment.
        cwnd: congestion window in bytes.
        ssthresh: slow start threshold in bytes.
    """

    def __init__(self, mss: int) -> None:
        self.mss = mss
        self.cwnd = INITIAL_SEGMENTS * mss
        self.ssthresh = 1 << 30
        self._duplicates = 0
        self._recover: int | None = None

    def acknowledged(self, n: int, ack: int) -> bool:
        """Bytes have arrived; whether the first that are not acknowledged are to be sent again (a partial ACK)."""
        self._duplicates = 0
        if self._recover is None:
            self.cwnd += min(n, 2 * self.mss) if self.cwnd < self.ssthresh else max(self.mss**2 // self.cwnd, 1)
            return False
        if ack >= self._recover:
            self._recover = None
            self.cwnd = self.ssthresh
            return False
        self.cwnd = max(self.cwnd - n + self.mss, self.mss)
        return True

    def duplicate(self, flight: int, sent: int) -> bool:
        """A duplicate ACK came; whether the first segment is to be sent again.

        Args:
            flight: bytes that are not acknowledged.
            sent: sequence number of what is sent next.
        """
        self._duplicates += 1
        if self._recover is not None:
            self.cwnd += self.mss
        elif self._duplicates == DUPLICATE_ACKS:
            self.ssthresh = max(flight // 2, 2 * self.mss)
            self.cwnd = self.ssthresh + DUPLICATE_ACKS * self.mss
            self._recover = sent
            return True
        return False

    def timed_out(self, flight: int) -> None:
        """A timeout with that many bytes on their way: begin with one segment again."""
        self.ssthresh = max(flight // 2, 2 * self.mss)
        self.cwnd = self.mss
        self.end_recovery()

    def end_recovery(self) -> None:
        """Forget the duplicates."""
        self._recover, self._duplicates = None, 0
