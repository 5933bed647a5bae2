"""GTP-U of a process: user packets of S1-U as UDP datagrams (TS 29.281 4.4.2)."""

import logging
import socket
from contextlib import suppress
from typing import Final

logger = logging.getLogger(__name__)

BATCH: Final = 256
"""Datagrams that one call of `GtpuSocket.receive` takes at most, so that S1AP is not kept waiting."""
_LARGEST: Final = 65_535
_BUFFER_BYTES: Final = 4 << 20


class GtpuSocket:
    """A UDP socket that never waits.

    Args:
        address: that it is bound to.
        port: likewise; 0 for any.
        peer_port: that peers receive at.

    Attributes:
        address, port: that it is bound to.
        dropped: datagrams that the host did not take.

    Raises:
        OSError: the port is taken, or the address is not this host's.
    """

    def __init__(self, address: str, port: int, peer_port: int) -> None:
        self._peer_port = peer_port
        self.dropped = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, f"GTP-U at {address}:{port}: {error.strerror}") from None
        self.address, self.port = self._socket.getsockname()

    def fileno(self) -> int:
        """Descriptor that is readable while datagrams wait."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[bytes, str]]:
        """Datagrams that have come, at most `BATCH`, and from which address."""
        found = []
        for _ in range(BATCH):
            try:
                data, (address, _) = self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                break
            except OSError as error:  # what a router said of a datagram that went out earlier
                logger.debug("GTP-U: %s", error)
                continue
            found.append((data, address))
        return found

    def send(self, data: bytes, address: str) -> None:
        """Send a datagram; what the host does not take is counted."""
        try:
            self._socket.sendto(data, (address, self._peer_port))
        except OSError as error:
            self.dropped += 1
            logger.debug("GTP-U to %s: %s", address, error)

    def close(self) -> None:
        """Free the port."""
        self._socket.close()
