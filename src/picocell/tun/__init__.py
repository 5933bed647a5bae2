"""IP devices: the kernel's TUN, here, in a network namespace or in a user namespace, and a host in this process."""

from picocell.tun.choice import DeviceKind, open_device
from picocell.tun.device import TunDevice
from picocell.tun.host import HostDevice
from picocell.tun.masquerade import Masquerade
from picocell.tun.network_namespace import NetworkNamespace
from picocell.tun.user_namespace import UserNamespace

__all__ = [
    "DeviceKind",
    "HostDevice",
    "Masquerade",
    "NetworkNamespace",
    "TunDevice",
    "UserNamespace",
    "open_device",
]
