"""This computer, as far as checks look at it: each thing can be replaced for a test."""

import ctypes.util
import errno
import importlib.util
import os
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, Literal

from picocell.kernels import isa

_NETLINK_NETFILTER: Final = 12
_LIBRARIES: Final = ("usrsctp", "libusrsctp.so.2", "libusrsctp.so.1")


def _port(kind: Literal["tcp", "udp"], address: str, port: int) -> int:
    """0 where a port could be bound, else the error's number; nothing is left bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as one:
        if kind == "tcp":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, port))
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _openable(path: Path) -> int:
    """0 where a device could be opened for reading and writing, else the error's number."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _netfilter() -> bool:
    """Whether the kernel has a netlink of nftables."""
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER).close()
    except OSError:
        return False
    return True


def _library(name: str) -> bool:
    return ctypes.util.find_library(name) is not None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer.

    Attributes:
        root: where ``proc``, ``sys``, ``dev`` and ``lib`` are.
        cores: processors that this process may use.
        uid: user.
        limit: soft limit of a resource (``resource.RLIMIT_*``); -1 without one.
        port: 0 where a port of a kind can be bound at an address, else the number of the error.
        openable: 0 where a device can be opened, else the number of the error.
        netfilter: whether the kernel has a netlink of nftables.
        library: whether a shared library is there.
        module: whether a Python module is there.
        installed: version of a Python package; None where it is not there.
        requirements: what picocell needs, such as ``numpy>=2.0``.
        instruction_sets: of the kernels: the one in use, and those of the processor.
    """

    root: Path = Path("/")
    cores: int = len(os.sched_getaffinity(0))
    uid: int = os.geteuid()
    limit: Callable[[int], int] = lambda kind: resource.getrlimit(kind)[0]
    port: Callable[[Literal["tcp", "udp"], str, int], int] = _port
    openable: Callable[[Path], int] = _openable
    netfilter: Callable[[], bool] = _netfilter
    library: Callable[[str], bool] = _library
    module: Callable[[str], bool] = _module
    installed: Callable[[str], str | None] = _installed
    requirements: Callable[[], list[str]] = lambda: requires("picocell") or []
    instruction_sets: Callable[[], tuple[str, tuple[str, ...]]] = lambda: (isa.LEVELS[isa.chosen()], isa.AVAILABLE)

    def read(self, path: str) -> str | None:
        """Text of a file below the root; None where there is none that can be read."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return None

    @property
    def kernel_sctp(self) -> bool:
        """Whether the kernel has SCTP, as a part or as a module that can be loaded; it is not loaded for that."""
        if (self.root / "proc/net/sctp").is_dir():
            return True
        release = self.read("proc/sys/kernel/osrelease")
        lists = [self.read(f"lib/modules/{release}/modules.{which}") for which in ("builtin", "dep")]
        return any(text is not None and "/sctp.ko" in text for text in lists)

    @property
    def usrsctp(self) -> bool:
        """Whether there is SCTP in user space."""
        return any(self.library(name) for name in _LIBRARIES)
