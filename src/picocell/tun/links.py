"""What is done to the kernel's network in whatever namespace the calling thread is: TUN devices, addresses, routes."""

import errno
import fcntl
import os
import re
import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from picocell.ip_device import IpDeviceError, IpDeviceUnavailableError

CLONE_DEVICE: Final = "/dev/net/tun"
QUEUE: Final = 1000
"""Packets that wait in the kernel for `read`."""

_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_TUNSETIFF: Final = 0x400454CA
_IFREQ: Final = struct.Struct("16sH22x")
_NAME: Final = re.compile(r"[^\s/:%]{1,15}")
_MAKE_NO_ADDRESSES: Final = "1"


def open_tun(name: str) -> int:
    """A TUN device's descriptor, non-blocking; the device is there until it is closed.

    Raises:
        ValueError: a name that the kernel would not take.
        IpDeviceUnavailableError: no TUN driver, or no right to use it.
        IpDeviceError: the name is taken.
    """
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise ValueError(f"device name {name!r}: 1 to 15 characters without blanks, '/', ':' and '%'")
    try:
        fd = os.open(CLONE_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise IpDeviceUnavailableError(f"{name}: there is no {CLONE_DEVICE} (modprobe tun)") from None
    except OSError as error:
        raise IpDeviceUnavailableError(f"{name}: cannot open {CLONE_DEVICE}: {error.strerror}") from None
    try:
        fcntl.ioctl(fd, _TUNSETIFF, _IFREQ.pack(name.encode(), _IFF_TUN | _IFF_NO_PI))
        _send_nothing_unasked(name)
    except OSError as error:
        os.close(fd)
        raise _refused(name, error) from None
    return fd


def bring_up(name: str, address: str, prefix: int, mtu: int, peer: str | None, routes: Sequence[str]) -> None:
    """Give a device its address, MTU and routes, and nothing else.

    Raises:
        IpDeviceError: the kernel refused.
    """
    what = f"address {address}/{prefix}"
    try:
        with IPRoute() as ip:
            index = _index(ip, name)
            ip.flush_addr(index=index)
            what = f"MTU {mtu}"
            ip.link("set", index=index, mtu=mtu, txqlen=QUEUE, state="up")
            what = f"address {address}/{prefix}"
            ends = {"address": address} if peer is None else {"address": peer, "local": address}
            family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
            ip.addr("add", index=index, prefixlen=prefix, family=family, **ends)
            for route in routes:
                what = f"route {route}"
                ip.route("replace", dst=route, oif=index, family=family)
    except NetlinkError as error:
        raise IpDeviceError(f"{name}: {what} was refused: {os.strerror(error.code)}") from None


def take_down(name: str) -> None:
    """Take a device's addresses and routes away.

    Raises:
        IpDeviceError: the kernel refused.
    """
    try:
        with IPRoute() as ip:
            index = _index(ip, name)
            ip.flush_addr(index=index)
            ip.link("set", index=index, state="down")
    except NetlinkError as error:
        raise IpDeviceError(f"{name}: cannot take its address away: {os.strerror(error.code)}") from None


def loopback_up() -> None:
    """Start the loopback of a new namespace."""
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")


def _index(ip: IPRoute, name: str) -> int:
    found = ip.link_lookup(ifname=name)
    if not found:
        raise IpDeviceError(f"{name}: the device is gone")
    return int(found[0])


def _send_nothing_unasked(name: str) -> None:
    """No IPv6 link-local address, and with it no router solicitations into the network."""
    mode = Path(f"/proc/sys/net/ipv6/conf/{name}/addr_gen_mode")
    if mode.exists() and os.access(mode, os.W_OK):
        mode.write_text(_MAKE_NO_ADDRESSES)


def _refused(name: str, error: OSError) -> IpDeviceError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return IpDeviceUnavailableError(f"{name}: making a TUN device needs CAP_NET_ADMIN (run as root)")
    if error.errno in (errno.EBUSY, errno.EINVAL):
        return IpDeviceError(f"{name}: the name is taken by another device")
    return IpDeviceError(f"{name}: {error.strerror}")
