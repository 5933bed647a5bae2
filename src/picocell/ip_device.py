"""What stands between the network and a host: an IP device, be it the kernel's TUN or a host in this process."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Final, Protocol

MIN_MTU: Final = 576
MAX_MTU: Final = 65_535


class IpDeviceError(OSError):
    """A device that cannot be opened or configured; one line that says why."""


class IpDeviceUnavailableError(IpDeviceError):
    """A kind of device that this machine, or this user, does not have."""


class IpDevice(Protocol):
    """A device whose other side is a host, the kernel's or one of this process.

    Attributes:
        description: what it is, in a line for the log.
    """

    description: str

    def fileno(self) -> int | None:
        """File descriptor to wait on; None for a host in this process, which `read` asks each time."""

    def read(self) -> list[bytes]:
        """Packets that the host sends into the network; empty where there are none. Does not wait."""

    def write(self, packet: bytes) -> None:
        """Give the host a packet that came from the network; what it cannot take is counted, never raised."""

    def configure(
        self, address: str, prefix: int, mtu: int, *, peer: str | None = None, routes: Sequence[str] | None = None
    ) -> None:
        """Give the host its address, instead of an earlier one.

        Args:
            address: IPv4 or IPv6.
            prefix: bits of the subnet (of the peer's address where there is a peer).
            mtu: longest packet.
            peer: address of the other end of a point-to-point link.
            routes: destinations that lead here ("default", "10.0.0.0/8"); None for a default route in a network
                namespace of the device's own, and for nothing but the subnet elsewhere.

        Raises:
            ValueError: an address, prefix, MTU or route that is none.
            IpDeviceError: the host refused.
        """

    def unconfigure(self) -> None:
        """Take the address and the routes away."""

    def close(self) -> None:
        """Give everything back that the device took."""


def checked_interface(address: str, prefix: int, mtu: int) -> IPv4Interface | IPv6Interface:
    """Address and prefix after a look at them.

    Raises:
        ValueError: an address, prefix or MTU that is none.
    """
    parsed = _address(address)
    if parsed.is_multicast or parsed.is_unspecified or parsed.is_loopback:
        raise ValueError(f"address {address}: a host's own address is wanted")
    if not 0 < prefix <= parsed.max_prefixlen:
        raise ValueError(f"prefix /{prefix} of {address}: 1 to {parsed.max_prefixlen}")
    if not MIN_MTU <= mtu <= MAX_MTU:
        raise ValueError(f"MTU {mtu}: {MIN_MTU} to {MAX_MTU}")
    return ip_interface(f"{address}/{prefix}")


def checked_peer(peer: str, interface: IPv4Interface | IPv6Interface) -> str:
    """A peer's address after a look at it.

    Raises:
        ValueError: no address, or one of the other IP version.
    """
    if _address(peer).version != interface.version:
        raise ValueError(f"peer {peer} of {interface.ip}: of the same IP version")
    return peer


def checked_routes(routes: Sequence[str]) -> list[str]:
    """Destinations of routes after a look at them.

    Raises:
        ValueError: no network.
    """
    for route in routes:
        if route == "default":
            continue
        try:
            ip_network(route)
        except ValueError as error:
            raise ValueError(f"route {route!r}: {error}") from None
    return list(routes)


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"address {text!r}: four decimal numbers (172.16.0.2) or an IPv6 address") from None
