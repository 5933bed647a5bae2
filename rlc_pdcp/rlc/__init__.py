"""Radio link control (TS 36.322): transparent, unacknowledged and acknowledged mode, both ends.

An entity is fed SDUs, PDUs and the time in ms, and drained of PDUs and events; `TmEntity`, `UmEntity` and `AmEntity`
have the same methods.
"""

from picocell.rlc_pdcp.rlc.am import AmEntity
from picocell.rlc_pdcp.rlc.config import AmRxConfig, AmTxConfig, UmConfig
from picocell.rlc_pdcp.rlc.events import BufferStatus, Event, MaxRetxReached, SduDelivered, SduReceived
from picocell.rlc_pdcp.rlc.tm import TmEntity
from picocell.rlc_pdcp.rlc.um import UmEntity, UmReceiver, UmTransmitter

__all__ = [
    "AmEntity",
    "AmRxConfig",
    "AmTxConfig",
    "BufferStatus",
    "Event",
    "MaxRetxReached",
    "SduDelivered",
    "SduReceived",
    "TmEntity",
    "UmConfig",
    "UmEntity",
    "UmReceiver",
    "UmTransmitter",
]
