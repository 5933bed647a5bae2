"""Simple services of a host: echo (RFC 862), discard (RFC 863) and character generator (RFC 864) over TCP."""

from typing import Final

from picocell.inet.host import IpHost
from picocell.inet.tcp import ConnectionFailedError, TcpConnection, TcpState

ECHO: Final = 7
DISCARD: Final = 9
CHARGEN: Final = 19

_CHUNK: Final = 1 << 16
_LINE: Final = bytes(range(0x20, 0x7F))
_CHARACTERS: Final = (_LINE * (2 * _CHUNK // len(_LINE) + 1))[:_CHUNK]


class SimpleServices:
    """Serves the three ports of a host; call `serve` after packets have come and as time passes.

    Args:
        host: whose ports.

    Attributes:
        discarded: bytes that the discard service has taken.

    Raises:
        PortInUseError: one of the ports is taken.
    """

    def __init__(self, host: IpHost) -> None:
        self._host = host
        self._open: list[tuple[int, TcpConnection]] = []
        self.discarded = 0
        for port in (ECHO, DISCARD, CHARGEN):
            host.listen(port)

    @property
    def connections(self) -> int:
        """Connections that are served."""
        return len(self._open)

    def serve(self, now: int) -> None:
        """Take new connections, and do what each is for."""
        for port in (ECHO, DISCARD, CHARGEN):
            while (connection := self._host.accept(port)) is not None:
                self._open.append((port, connection))
        for port, connection in self._open:
            try:
                self._work(port, connection, now)
            except ConnectionFailedError:
                connection.abort(now)
        self._open = [item for item in self._open if item[1].state is not TcpState.CLOSED]

    def _work(self, port: int, connection: TcpConnection, now: int) -> None:
        match port:
            case 7:
                data = connection.recv(min(_CHUNK, connection.writable), now)
                if data:
                    connection.send(data, now)
            case 9:
                self.discarded += len(connection.recv(1 << 20, now))
            case _:
                connection.recv(1 << 20, now)
                if connection.writable >= _CHUNK:
                    connection.send(_CHARACTERS, now)
        if connection.at_end:
            connection.close(now)
