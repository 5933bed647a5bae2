"""Traffic of a phone of the demo whose IP host is inside its process."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from picocell.inet import ConnectionFailedError, IpHost, TcpConnection
from picocell.inet.services import CHARGEN, DISCARD
from picocell.inet.tcp import BUFFER
from picocell.ip_device import IpDeviceError
from picocell.tun import HostDevice

_CHUNK: Final = bytes(1 << 16)
_INTERVAL_S: Final = 0.2
_WAIT_S: Final = 30.0
_PING_S: Final = 10.0
"""How long the answers are waited for that have not come with the last ping."""


class HostTraffic:
    """Traffic of a host in this process, a little at each call.

    Args:
        device: with the host.
        address: of the other end.
        seconds: of TCP each way.
        count: of pings.
    """

    def __init__(self, device: HostDevice, address: str, seconds: float, count: int) -> None:
        self._device, self._address, self._seconds, self._count = device, address, seconds, count
        self._work: Iterator[None] | None = None
        self._result: dict[str, Any] = {}

    def step(self) -> None:
        """Go on; when all is done the figures are printed as a line of JSON."""
        if self._work is None:
            try:
                host = self._device.host
            except IpDeviceError:
                return
            self._work = self._all(host)
        next(self._work, None)

    def _all(self, host: IpHost) -> Iterator[None]:
        yield from self._pings(host)
        yield from self._transfer(host, DISCARD, "ul")
        yield from self._transfer(host, CHARGEN, "dl")
        print(json.dumps(self._result), flush=True)

    def _pings(self, host: IpHost) -> Iterator[None]:
        sent: list[float] = []
        rtt: dict[int, float] = {}
        while len(rtt) < self._count and (len(sent) < self._count or time.monotonic() - sent[-1] < _PING_S):
            now = time.monotonic()
            if len(sent) < self._count and (not sent or now - sent[-1] >= _INTERVAL_S):
                host.ping(self._address, 1, len(sent))
                sent.append(now)
            while host.echo_replies:
                reply = host.echo_replies.popleft()
                rtt.setdefault(reply.sequence, 1000 * (now - sent[reply.sequence]))
            yield
        mean = sum(rtt.values()) / len(rtt) if rtt else None
        self._result |= {
            "ping_sent": self._count,
            "ping_received": len(rtt),
            "rtt_ms": None if mean is None else round(mean, 3),
        }

    def _transfer(self, host: IpHost, port: int, name: str) -> Iterator[None]:
        connection = host.connect(self._address, port, _ms())
        start = time.monotonic()
        while not connection.established and connection.error is None and time.monotonic() - start < _WAIT_S:
            yield
        start, moved = time.monotonic(), 0
        while time.monotonic() - start < self._seconds and connection.error is None:
            moved += _move(connection, port)
            yield
        moved -= BUFFER - connection.writable if port == DISCARD else 0
        mbps = round(8e-6 * moved / (time.monotonic() - start), 3)
        self._result |= {f"{name}_mbps": mbps, f"{name}_bytes": moved}
        connection.abort(_ms())
        yield


def _move(connection: TcpConnection, port: int) -> int:
    try:
        if port == DISCARD:
            return connection.send(_CHUNK, _ms()) if connection.writable >= len(_CHUNK) else 0
        return len(connection.recv(1 << 20, _ms()))
    except ConnectionFailedError:
        return 0


def _ms() -> int:
    return time.monotonic_ns() // 1_000_000
