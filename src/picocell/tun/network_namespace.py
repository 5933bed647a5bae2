"""Named network namespaces, as `ip netns` knows them, entered by single threads."""

import ctypes
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from picocell.ip_device import IpDeviceError, IpDeviceUnavailableError
from picocell.tun import links, owners
from picocell.tun.place import OPERATIONS, Argument, in_thread

T = TypeVar("T")

DIRECTORY: Final = Path("/run/netns")
CLONE_NEWNET: Final = 0x4000_0000
CLONE_NEWUSER: Final = 0x1000_0000

_KIND: Final = "netns"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SHARED: Final = 1 << 20
_MNT_DETACH: Final = 2
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class NetworkNamespace:
    """A network namespace that is used if it is there, else made, and then removed at the end.

    Args:
        name: as in ``ip netns exec NAME``; "{pid}" in it stands for the number of this process.

    Attributes:
        name: with the number.
        made: whether it was not there.

    Raises:
        ValueError: a name that is none.
        IpDeviceUnavailableError: no right to enter or make one.
    """

    own = True

    def __init__(self, name: str) -> None:
        self.name = name.replace("{pid}", str(os.getpid()))
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"network namespace {name!r}: letters, digits, '_', '.' and '-', at most 64")
        self.description = f"in network namespace {self.name}"
        self.made = False
        remove_orphans()
        try:
            self.made = _make(self.name)
            self._fd = os.open(DIRECTORY / self.name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise IpDeviceUnavailableError(f"network namespace {self.name}: {error.strerror}") from None

    def run(self, work: Callable[[], T]) -> T:
        """Do something in a thread that is inside; what it starts (a socket, a process) stays inside.

        Raises:
            IpDeviceUnavailableError: no right to enter.
        """

        def inside() -> T:
            if _LIBC.setns(self._fd, CLONE_NEWNET):
                why = os.strerror(ctypes.get_errno())
                raise IpDeviceUnavailableError(f"network namespace {self.name}: cannot enter it: {why}")
            return work()

        return in_thread(inside)

    def call(self, operation: str, *arguments: Argument) -> int | None:
        """Do one of the operations of a place."""
        return self.run(lambda: OPERATIONS[operation](*arguments))

    def close(self) -> None:
        """Remove it if it was made here; more calls do nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if self.made:
                _remove(self.name)


def remove_orphans() -> None:
    """Remove the namespaces of processes that died."""
    for name, _ in owners.orphans(_KIND):
        _remove(name)


def unshare(flags: int) -> None:
    """Put the calling thread into new namespaces.

    Raises:
        OSError: it may not.
    """
    if _LIBC.unshare(flags):
        raise _error()


def _make(name: str) -> bool:
    """Make a namespace; False where it is there already."""
    path = DIRECTORY / name
    _share_directory()
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o444))
    except FileExistsError:
        return False
    try:
        owners.claim(_KIND, name)
        in_thread(lambda: _mount_new(path))
    except OSError:
        _remove(name)
        raise
    return True


def _mount_new(path: Path) -> None:
    unshare(CLONE_NEWNET)
    links.loopback_up()
    _mount(b"/proc/thread-self/ns/net", path, _MS_BIND)


def _share_directory() -> None:
    """Make the directory as `ip netns` does: a mount of its own, so that a removal reaches every mount namespace."""
    DIRECTORY.mkdir(mode=0o755, exist_ok=True)
    try:
        _mount(b"", DIRECTORY, _MS_SHARED | _MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _mount(bytes(DIRECTORY), DIRECTORY, _MS_BIND | _MS_REC)
        _mount(b"", DIRECTORY, _MS_SHARED | _MS_REC)


def _mount(source: bytes, target: Path, flags: int) -> None:
    if _LIBC.mount(source, bytes(target), b"none", flags, None):
        raise _error()


def _remove(name: str) -> None:
    path = DIRECTORY / name
    _LIBC.umount2(bytes(path), _MNT_DETACH)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise IpDeviceError(f"network namespace {name}: cannot remove it: {error.strerror}") from None
    owners.release(_KIND, name)


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
