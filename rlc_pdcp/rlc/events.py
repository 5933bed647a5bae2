"""What an RLC entity tells its surroundings: events for the layer above, buffer status for the MAC."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class SduReceived:
    """An RLC SDU for the layer above: a PDCP PDU, or an RRC message in transparent mode."""

    sdu: bytes


@dataclass(frozen=True, slots=True)
class SduDelivered:
    """All AMD PDUs that carry an SDU have been acknowledged (TS 36.322 5.1.3.1.1)."""

    sdu_id: int


@dataclass(frozen=True, slots=True)
class MaxRetxReached:
    """RETX_COUNT of an AMD PDU has reached maxRetxThreshold (TS 36.322 5.2.1): RRC declares a radio link failure."""

    sn: int


Event = SduReceived | SduDelivered | MaxRetxReached


class BufferStatus(NamedTuple):
    """Data available for transmission (TS 36.322 4.5), in bytes with an estimate of the headers.

    Attributes:
        n_bytes: everything: status, retransmissions and new data.
        n_status_bytes: of these, the STATUS PDU that the next opportunity would carry.
        n_retx_bytes: of these, AMD PDUs and portions of them that wait for retransmission.
    """

    n_bytes: int
    n_status_bytes: int = 0
    n_retx_bytes: int = 0
