"""A UDP socket of an IP host."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

MAX_QUEUE: Final = 10_000


class Datagram(NamedTuple):
    """A datagram that came, and from where."""

    data: bytes
    address: str
    port: int


class UdpSocket:
    """A port of a host.

    Args:
        port: its number.
        send: takes data, address and port.
        close: gives the port back.

    Attributes:
        port: its number.
        dropped: datagrams for which the queue had no room.
    """

    def __init__(self, port: int, send: Callable[[bytes, str, int], None], close: Callable[[], None]) -> None:
        self.port = port
        self.dropped = 0
        self._send, self._close = send, close
        self._received: deque[Datagram] = deque()

    def sendto(self, data: bytes, address: str, port: int) -> None:
        """Send a datagram.

        Raises:
            ValueError: one that is longer than the path's MTU, or a closed socket.
        """
        self._send(data, address, port)

    def recvfrom(self) -> Datagram | None:
        """The next datagram; None where none has come."""
        return self._received.popleft() if self._received else None

    def close(self) -> None:
        """Give the port back."""
        self._close()

    def receive(self, datagram: Datagram) -> None:
        """Queue what has come."""
        if len(self._received) >= MAX_QUEUE:
            self.dropped += 1
        else:
            self._received.append(datagram)

    def __len__(self) -> int:
        return len(self._received)
