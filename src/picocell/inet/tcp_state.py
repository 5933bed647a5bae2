"""States of a TCP connection and what leads from one to the next (RFC 9293 3.3.2)."""

from enum import Enum
from typing import Final, NamedTuple


class TcpState(Enum):
    """States of RFC 9293 3.3.2."""

    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"
    CLOSED = "CLOSED"


class ConnectionFailedError(ConnectionError):
    """A connection that was refused, reset or timed out."""


class Endpoints(NamedTuple):
    """Addresses and ports of a connection, as its owner sees them."""

    address: str
    port: int
    peer_address: str
    peer_port: int


SENDING: Final = frozenset(
    {
        TcpState.ESTABLISHED,
        TcpState.CLOSE_WAIT,
        TcpState.FIN_WAIT_1,
        TcpState.CLOSING,
        TcpState.LAST_ACK,
    }
)
"""States in which data, or what is to be sent again, may go out."""

ENDED_BY_PEER: Final = frozenset(
    {
        TcpState.CLOSE_WAIT,
        TcpState.CLOSING,
        TcpState.LAST_ACK,
        TcpState.TIME_WAIT,
        TcpState.CLOSED,
    }
)
"""States in which no more data comes."""

NOTHING_TO_LOSE: Final = frozenset({TcpState.CLOSING, TcpState.LAST_ACK, TcpState.TIME_WAIT})
"""States in which a reset is only an earlier end (RFC 9293 3.10.7.4): both sides had closed."""

AFTER_FIN_ACKED: Final = {
    TcpState.FIN_WAIT_1: TcpState.FIN_WAIT_2,
    TcpState.CLOSING: TcpState.TIME_WAIT,
    TcpState.LAST_ACK: TcpState.CLOSED,
}
AFTER_FIN_RECEIVED: Final = {
    TcpState.SYN_RECEIVED: TcpState.CLOSE_WAIT,
    TcpState.ESTABLISHED: TcpState.CLOSE_WAIT,
    TcpState.FIN_WAIT_1: TcpState.CLOSING,
    TcpState.FIN_WAIT_2: TcpState.TIME_WAIT,
}
AFTER_CLOSE: Final = {
    TcpState.SYN_SENT: TcpState.CLOSED,
    TcpState.SYN_RECEIVED: TcpState.FIN_WAIT_1,
    TcpState.ESTABLISHED: TcpState.FIN_WAIT_1,
    TcpState.CLOSE_WAIT: TcpState.LAST_ACK,
}
