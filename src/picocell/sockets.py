"""Sockets and pings of a host whose calls let the network's virtual time pass."""

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from picocell.inet import ConnectionFailedError, IpHost, TcpConnection

if TYPE_CHECKING:
    from picocell.network import Network


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came of a series of pings.

    Attributes:
        sent: requests sent.
        rtt_ms: round-trip time of each answer.
    """

    sent: int
    rtt_ms: tuple[int, ...]

    @property
    def received(self) -> int:
        """Answers that came."""
        return len(self.rtt_ms)

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return self.sent - self.received

    def __str__(self) -> str:
        mean = f", rtt {min(self.rtt_ms)}/{fmean(self.rtt_ms):.1f}/{max(self.rtt_ms)} ms" if self.rtt_ms else ""
        return f"{self.received} of {self.sent} answered{mean}"


class TcpSocket:
    """A TCP connection whose calls let virtual time pass."""

    def __init__(self, net: "Network", connection: TcpConnection) -> None:
        self._net, self.connection = net, connection

    def send(self, data: bytes, timeout_ms: int = 60_000) -> None:
        """Send everything; returns when it is acknowledged.

        Raises:
            ConnectionFailedError: the connection failed.
            TimeoutInNetwork: it took longer.
        """
        sent = 0

        def done() -> bool:
            nonlocal sent
            self._check()
            if sent < len(data):
                sent += self.connection.send(data[sent : sent + (1 << 16)], self._net.now)
            return sent == len(data) and self.connection.all_acknowledged

        self._net.run_until(done, timeout_ms, what="sending over TCP")

    def recv(self, n: int, timeout_ms: int = 60_000) -> bytes:
        """At least a byte, at most ``n``; nothing at the end of the stream.

        Raises:
            TimeoutInNetwork: nothing came.
        """
        self._net.run_until(lambda: bool(self.connection.readable or self.connection.at_end), timeout_ms, what="data")
        return self.connection.recv(n, self._net.now)

    def close(self) -> None:
        """Send no more."""
        self.connection.close(self._net.now)

    def _check(self) -> None:
        if self.connection.error is not None:
            raise ConnectionFailedError(self.connection.error)


class TcpListener:
    """A TCP port that takes connections."""

    def __init__(self, net: "Network", host: IpHost, port: int) -> None:
        self._net, self._host, self.port = net, host, port
        host.listen(port)

    def accept(self, timeout_ms: int = 30_000) -> TcpSocket:
        """The next connection.

        Raises:
            TimeoutInNetwork: none came.
        """
        found: list[TcpConnection] = []

        def came() -> bool:
            connection = self._host.accept(self.port)
            if connection is not None:
                found.append(connection)
            return bool(found)

        self._net.run_until(came, timeout_ms, what=f"a connection to port {self.port}")
        return TcpSocket(self._net, found[0])

    def close(self) -> None:
        """Take no more connections."""
        self._host.unlisten(self.port)


def ping(
    net: "Network",
    host: IpHost,
    destination: str,
    identifier: int,
    *,
    count: int,
    interval_ms: int,
    size: int,
    timeout_ms: int,
) -> PingResult:
    """Ping an address from a host, and wait for the answers, or ``timeout_ms`` after the last request."""
    sent_at: list[int] = []
    rtt: dict[int, int] = {}
    host.echo_replies.clear()

    def done() -> bool:
        now = net.now
        if len(sent_at) < count and (not sent_at or now - sent_at[-1] >= interval_ms):
            host.ping(destination, identifier, len(sent_at), bytes(size))
            sent_at.append(now)
        for reply in host.echo_replies:
            if reply.identifier == identifier and reply.sequence < len(sent_at):
                rtt.setdefault(reply.sequence, reply.time - sent_at[reply.sequence])
        return len(rtt) == count or (len(sent_at) == count and now >= sent_at[-1] + timeout_ms)

    net.run_until(done, count * interval_ms + timeout_ms + 1, what=f"pinging {destination}")
    return PingResult(count, tuple(rtt[i] for i in sorted(rtt)))
