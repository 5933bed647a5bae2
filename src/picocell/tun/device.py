"""The kernel's TUN as an IP device."""

import errno
import os
import select
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from picocell.ip_device import IpDeviceError, checked_interface, checked_peer, checked_routes
from picocell.tun.masquerade import Masquerade
from picocell.tun.network_namespace import NetworkNamespace
from picocell.tun.place import Here, Place

BATCH: Final = 512
"""Packets that one `read` gives at most, so that a flood does not hold up a subframe."""

_LONGEST: Final = 65_535


class TunDevice:
    """A TUN device, in the process's own network namespace or in another.

    Args:
        name: of the interface.
        netns: network namespace by name, made where it is not there; "{pid}" in it stands for this process.
        place: another place instead, which the device closes with itself.

    Attributes:
        name: of the interface.
        place: where it is.
        description: a line for the log.
        dropped: packets that the kernel did not take, by reason.

    Raises:
        ValueError: a name that the kernel would not take.
        IpDeviceUnavailableError: no TUN driver, or no right to use it.
        IpDeviceError: the name is taken.
    """

    def __init__(self, name: str = "tun_pico", netns: str | None = None, *, place: Place | None = None) -> None:
        self.name = name
        self.dropped: Counter[str] = Counter()
        self._fd = -1
        self._waiting = select.poll()
        self._subnet: str | None = None
        self._masquerade: Masquerade | None = None
        self.place: Place = place or (Here() if netns is None else NetworkNamespace(netns))
        self.description = f"TUN {name} {self.place.description}".rstrip()
        try:
            fd = self.place.call("open_tun", name)
        except BaseException:
            self.place.close()
            raise
        if fd is None:
            raise IpDeviceError(f"{name}: no descriptor came back")
        self._fd = fd
        self._waiting.register(fd, select.POLLIN)

    def fileno(self) -> int:
        """Descriptor that is readable when the kernel has a packet."""
        return self._fd

    def read(self) -> list[bytes]:
        """Packets that the kernel sends into the network, at most `BATCH` of them."""
        if not self._waiting.poll(0):  # as nearly always, and cheaper than a read that fails
            return []
        fd, packets = self._fd, []
        with suppress(OSError):  # none is waiting any more, or the device is down
            for _ in range(BATCH):
                packets.append(os.read(fd, _LONGEST))
        return packets

    def write(self, packet: bytes) -> None:
        """Give the kernel a packet that came from the network; what it refuses is counted."""
        try:
            os.write(self._fd, packet)
        except OSError as error:
            self.dropped["down" if error.errno == errno.EIO else (error.strerror or "refused")] += 1

    def configure(
        self, address: str, prefix: int, mtu: int, *, peer: str | None = None, routes: Sequence[str] | None = None
    ) -> None:
        """Give the interface its address, routes and MTU; the arguments are those of `IpDevice.configure`."""
        interface = checked_interface(address, prefix, mtu)
        other = None if peer is None else checked_peer(peer, interface)
        wanted = checked_routes((("default",) if self.place.own else ()) if routes is None else routes)
        self.place.call("bring_up", self.name, address, prefix, mtu, other, wanted)
        self._subnet = str(interface.network)

    def unconfigure(self) -> None:
        """Take the address and the routes away."""
        self._stop_masquerade()
        self.place.call("take_down", self.name)
        self._subnet = None

    def nat(self, enable: bool = True) -> None:
        """Let the subnet out of this host by its own address, or no longer; `close` undoes it.

        Raises:
            IpDeviceError: no address yet, a device in a namespace of its own, or what `Masquerade` raises.
        """
        if not enable:
            self._stop_masquerade()
        elif self._masquerade is None:
            if self._subnet is None or isinstance(self.place, Here) is False:
                raise IpDeviceError(f"{self.name}: NAT is for a configured device in the host's own network namespace")
            self._masquerade = Masquerade(self._subnet, self.name)

    def close(self) -> None:
        """Remove the device, and the namespace where it was made for it; more calls do nothing."""
        if self._fd >= 0:
            try:
                self._stop_masquerade()
            finally:
                os.close(self._fd)
                self._fd = -1
                self.place.close()

    def _stop_masquerade(self) -> None:
        if self._masquerade is not None:
            self._masquerade.close()
            self._masquerade = None
