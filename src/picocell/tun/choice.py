"""Which kind of IP device this machine allows."""

import logging
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from picocell.ip_device import IpDevice, IpDeviceUnavailableError
from picocell.tun.device import TunDevice
from picocell.tun.host import HostDevice, monotonic_ms
from picocell.tun.user_namespace import UserNamespace

_LOG: Final = logging.getLogger(__name__)


class DeviceKind(StrEnum):
    """Kinds of IP devices, the best first."""

    TUN = "tun"
    USER_NAMESPACE = "user-namespace"
    HOST = "host"
    AUTO = "auto"


def open_device(
    kind: str = DeviceKind.AUTO,
    *,
    name: str = "tun_pico",
    netns: str | None = None,
    now: Callable[[], int] = monotonic_ms,
    rng: random.Random | None = None,
) -> IpDevice:
    """Open a device; ``auto`` takes a TUN where one may be made, else one in a user namespace, else a host in process.

    Args:
        kind: a `DeviceKind`.
        name: of the TUN's interface.
        netns: network namespace of a TUN, made where it is not there; "{pid}" in it stands for this process.
        now: ms, for the host in process.
        rng: for the host in process.

    Returns:
        The device; its ``description`` tells the kind.

    Raises:
        ValueError: no such kind, or a name that the kernel would not take.
        IpDeviceUnavailableError: this machine, or this user, has not the kind that was asked for.
        IpDeviceError: the name is taken.
    """
    if kind not in tuple(DeviceKind):
        raise ValueError(f"IP device {kind!r}: one of {', '.join(DeviceKind)}")
    if kind == DeviceKind.HOST:
        return HostDevice(now, rng)
    if kind == DeviceKind.USER_NAMESPACE:
        return TunDevice(name, place=UserNamespace())
    try:
        return TunDevice(name, netns)
    except IpDeviceUnavailableError as error:
        if kind == DeviceKind.TUN:
            raise
        _LOG.info("%s", error)
    try:
        return TunDevice(name, place=UserNamespace())
    except IpDeviceUnavailableError as error:
        _LOG.info("%s", error)
    return HostDevice(now, rng)
