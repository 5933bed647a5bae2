"""A UDP socket for GTP-U or GTP-C: datagrams in batches, without waiting.

transport = UdpTransport("127.0.1.100", gtpu.PORT)
loop.add_reader(transport.fileno(), lambda: handle(transport.receive()))
"""

import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Final, NamedTuple, Self

from picocell.epc.interfaces.sockets import TransportError, bind_error, checked_address, checked_port

BATCH: Final = 64
BUFFER_BYTES: Final = 1 << 22
MAX_DATAGRAM: Final = 65535


class Datagram(NamedTuple):
    """A datagram from or to the IPv4 address and port of a peer."""

    data: bytes
    address: str
    port: int


class UdpTransport:
    """One socket, bound to one address.

    Attributes:
        address, port: where it is bound.
        dropped: datagrams that the system did not take, because its queue was full or it knows no way there.
    """

    def __init__(self, address: str, port: int, *, buffer_bytes: int = BUFFER_BYTES) -> None:
        """Open it; port 0 is any.

        Raises:
            ValueError: not an IPv4 address or port.
            TransportError: the address is not of this machine, or the port is in use.
        """
        self.address = checked_address(address)
        checked_port(port)
        self.dropped = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._socket.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
            self._socket.bind((self.address, port))
        except OSError as exc:
            self._socket.close()
            raise bind_error(TransportError, exc, "UDP", self.address, port) from None
        self.port = int(self._socket.getsockname()[1])

    def fileno(self) -> int:
        """Descriptor that is readable while there are datagrams."""
        return self._socket.fileno()

    def receive(self, limit: int = BATCH) -> list[Datagram]:
        """What has come, up to ``limit`` datagrams; an empty list if nothing has."""
        batch: list[Datagram] = []
        receive = self._socket.recvfrom
        for _ in range(limit):
            try:
                data, (address, port) = receive(MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP error of a datagram sent before.
                continue
            batch.append(Datagram(data, address, port))
        return batch

    def send(self, batch: Iterable[tuple[bytes, str, int]]) -> int:
        """Send data to addresses and ports; the number that the system took, the others are `dropped`."""
        sent = 0
        send = self._socket.sendto
        for data, address, port in batch:
            try:
                send(data, (address, port))
                sent += 1
            except OSError:
                self.dropped += 1
        return sent

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
