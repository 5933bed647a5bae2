"""A host in this process as an IP device."""

import random
import time
from collections.abc import Callable, Sequence

from picocell.inet import IpHost
from picocell.ip_device import IpDeviceError, checked_interface, checked_routes


def monotonic_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


class HostDevice:
    """A host without a kernel: it answers pings, and its sockets are those of `picocell.inet`.

    Args:
        now: gives ms.
        rng: for the host's ports and sequence numbers.

    Attributes:
        description: a line for the log.
    """

    description = "a host in this process"

    def __init__(self, now: Callable[[], int] = monotonic_ms, rng: random.Random | None = None) -> None:
        self._now, self._rng = now, rng
        self._host: IpHost | None = None
        self.dropped = 0

    @property
    def host(self) -> IpHost:
        """The host, whose `connect`, `listen` and `ping` are for applications.

        Raises:
            IpDeviceError: it has no address yet.
        """
        if self._host is None:
            raise IpDeviceError("the host in this process has no address yet")
        return self._host

    def fileno(self) -> None:
        """There is none: `read` is to be asked."""

    def next_timer(self) -> int | None:
        """When, in ms of `now`, `read` has something to do though nothing came; None for never."""
        return None if self._host is None else self._host.next_timer()

    def read(self) -> list[bytes]:
        """Packets that the host sends, after its timers."""
        if self._host is None:
            return []
        self._host.handle_timers(self._now())
        return self._host.packets_to_send()

    def write(self, packet: bytes) -> None:
        """Give the host a packet that came from the network."""
        if self._host is None:
            self.dropped += 1
        else:
            self._host.receive(packet, self._now())

    def configure(
        self,
        address: str,
        prefix: int,
        mtu: int,
        *,
        peer: str | None = None,  # noqa: ARG002 (all that the host sends goes out here)
        routes: Sequence[str] | None = None,
    ) -> None:
        """Give the host its address; with another address it begins anew.

        Raises:
            ValueError: an address, prefix, MTU or route that is none, or IPv6.
        """
        if checked_interface(address, prefix, mtu).version != 4:
            raise ValueError(f"address {address}: the host in this process speaks IPv4 only")
        checked_routes(routes or ())
        if self._host is None or self._host.address != address:
            self._host = IpHost(address, mtu=mtu, rng=self._rng)
        self._host.mtu = mtu

    def unconfigure(self) -> None:
        """Take the address away, and all connections with it."""
        self._host = None

    def close(self) -> None:
        """Forget the host."""
        self._host = None
