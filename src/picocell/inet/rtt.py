"""Round-trip time and retransmission timeout of a connection (RFC 6298)."""

from typing import Final

MIN_RTO: Final = 200
MAX_RTO: Final = 60_000
FIRST_RTO: Final = 1000


class RoundTrip:
    """The estimator: one segment at a time is timed.

    Attributes:
        srtt: smoothed round-trip time in ms; None before the first sample.
        rto: retransmission timeout in ms, with back-off.
    """

    def __init__(self) -> None:
        self.srtt: float | None = None
        self.rto = FIRST_RTO
        self._rttvar = 0.0
        self._timed: tuple[int, int] | None = None

    def sent(self, end: int, now: int) -> None:
        """Data up to a sequence number went out for the first time."""
        if self._timed is None:
            self._timed = (end, now)

    def retransmitted(self) -> None:
        """Karn: the acknowledgement of what went out twice says nothing about the round trip."""
        self._timed = None

    def acknowledged(self, ack: int, now: int) -> None:
        """Take a sample if what was timed has arrived."""
        if self._timed is None or ack < self._timed[0]:
            return
        sample = float(now - self._timed[1])
        self._timed = None
        if self.srtt is None:
            self.srtt, self._rttvar = sample, sample / 2
        else:
            self._rttvar += (abs(self.srtt - sample) - self._rttvar) / 4
            self.srtt += (sample - self.srtt) / 8
        self.reset()

    def back_off(self) -> None:
        """Wait twice as long after a timeout."""
        self.rto = min(2 * self.rto, MAX_RTO)

    def reset(self) -> None:
        """RTO without back-off."""
        if self.srtt is not None:
            self.rto = int(min(max(self.srtt + max(1.0, 4 * self._rttvar), MIN_RTO), MAX_RTO))
