"""A segment of shared memory: a page that says what it holds, and a ring a channel. One end makes and writes it, the
other reads it.

Beside it lies a FIFO, the bell, on which its maker sleeps and the peer rings. Locks tell who lives: the maker holds one
on the segment, the reader one on the bell, and both end with the process, however that ends.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from picocell.kernels.shmring import FIXED_BYTES, HEADER_BYTES, Ring
from picocell.radio.errors import RadioError

DIRECTORY: Final = Path("/dev/shm")
VERSION: Final = 1

_MAGIC: Final = b"PICOSHM\0"
_COMPLEX64: Final = 1
_SAMPLE_BYTES: Final = 8
_MAKER: Final = struct.Struct("<8sIIIIQdQ")
_READER: Final = struct.Struct("<QQQ")  # where it began, process, epoch of its own segment
_READER_AT: Final = 64
_MODE: Final = 0o600
_RETRY_S: Final = 0.02
_PATIENCE_S: Final = 0.5  # for another process that is just removing what a dead one left
assert _MAKER.size <= _READER_AT
assert _READER_AT + _READER.size <= FIXED_BYTES


@dataclass(frozen=True, slots=True)
class Contents:
    """What a segment's page says.

    Attributes:
        channels: antennas.
        capacity: samples of each ring.
        rate: samples per second.
        pid: process of the maker.
        epoch: a number that no other segment has.
    """

    channels: int
    capacity: int
    rate: float
    pid: int
    epoch: int


def path_of(name: str) -> Path:
    """Where a segment lies."""
    return DIRECTORY / f"picocell.{name}"


class Segment:
    """A segment that is mapped.

    Attributes:
        contents: what it says.
        ring: its samples.
    """

    def __init__(self, fd: int, contents: Contents) -> None:
        self._fd = fd
        self.contents = contents
        size = HEADER_BYTES + _SAMPLE_BYTES * contents.channels * contents.capacity
        self._map = mmap.mmap(fd, size)
        self.ring = Ring(self._map, contents.channels, contents.capacity)

    @classmethod
    def make(cls, name: str, channels: int, capacity: int, rate: float) -> Self:
        """A new segment under a name. It appears whole, and what a dead process left there goes.

        Raises:
            RadioError: another process has the name, or there is no shared memory.
        """
        path, epoch = path_of(name), secrets.randbits(63) | 1
        size = HEADER_BYTES + _SAMPLE_BYTES * channels * capacity
        try:
            fd = os.open(DIRECTORY, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _MODE)
        except OSError as error:
            raise RadioError(f"tx_shm={name}: no shared memory at {DIRECTORY}: {error.strerror}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.posix_fallocate(fd, 0, size)  # now, and not with a bus error when the memory is used
            page = _MAKER.pack(_MAGIC, VERSION, _COMPLEX64, channels, os.getpid(), capacity, rate, epoch)
            os.pwrite(fd, page, 0)
            _link(fd, path, name)
            return cls(fd, Contents(channels, capacity, rate, os.getpid(), epoch))
        except OSError as error:
            os.close(fd)
            raise RadioError(f"tx_shm={name} cannot be made: {error.strerror}") from None
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def open(cls, name: str) -> Self | None:
        """The segment under a name; None where there is none, or only what a dead process left, which goes.

        Raises:
            RadioError: something else lies there, or it is another user's.
        """
        path = path_of(name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RadioError(f"rx_shm={name}: {path} cannot be opened: {error.strerror}") from None
        try:
            if _lock(fd):  # nobody lives who made it
                _remove(fd, path)
                os.close(fd)
                return None
            return cls(fd, _contents(fd, name))
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(fd)
            raise

    @property
    def reader(self) -> tuple[int, int, int]:
        """Of the present reader: sample at which it began, process, epoch of its own segment; 0 for none."""
        found: tuple[int, int, int] = _READER.unpack_from(self._map, _READER_AT)
        return found

    @reader.setter
    def reader(self, value: tuple[int, int, int]) -> None:
        _READER.pack_into(self._map, _READER_AT, *value)

    def is_left(self) -> bool:
        """Whether who made it is dead."""
        if not _lock(self._fd):
            return False
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return True

    def clean_up(self, name: str) -> None:
        """Remove what a dead process left, where it is still there."""
        if _lock(self._fd):
            _remove(self._fd, path_of(name))
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def remove(self, name: str) -> None:
        """Take the own segment's name away; by its maker alone."""
        _remove(self._fd, path_of(name))

    def close(self) -> None:
        """Unmap it; the lock goes too."""
        del self.ring
        self._map.close()
        os.close(self._fd)


class Bell:
    """The end of a bell on which its maker sleeps.

    Attributes:
        fd: readable when it was rung; hung up when the peer is gone.
    """

    def __init__(self, name: str, epoch: int) -> None:
        self._path = bell_path(name, epoch)
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, _MODE)
        self.fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def listen(self) -> bool:
        """Take what was rung; whether the peer hung up, after which the descriptor is another one."""
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            return False
        fresh = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.close(self.fd)
        self.fd = fresh
        return True

    def close(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)
        os.close(self.fd)


class Rope:
    """The end of a bell with which the peer rings.

    Raises:
        RadioError: another process has it.
        OSError: nobody sleeps there.
    """

    def __init__(self, name: str, segment: Segment) -> None:
        self._fd = os.open(bell_path(name, segment.contents.epoch), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not _lock(self._fd):
            os.close(self._fd)
            raise RadioError(f"rx_shm={name} is read by another process ({segment.reader[1]})")

    def ring(self) -> bool:
        """Ring; whether somebody is there."""
        try:
            os.write(self._fd, b"\1")
        except BlockingIOError:  # rung more often than it was listened to
            return True
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)


def bell_path(name: str, epoch: int) -> Path:
    """Where a segment's bell lies."""
    path = path_of(name)
    return path.with_name(f"{path.name}~{epoch:016x}")  # which no name of a segment holds


def _contents(fd: int, name: str) -> Contents:
    """What a segment says, checked.

    Raises:
        RadioError: something that is not of this program, or of another version of it.
    """
    page, size = os.pread(fd, HEADER_BYTES, 0), os.fstat(fd).st_size
    if len(page) < HEADER_BYTES or page[: len(_MAGIC)] != _MAGIC:
        raise RadioError(f"rx_shm={name}: {path_of(name)} is no segment of samples")
    _, version, sample_format, channels, pid, capacity, rate, epoch = _MAKER.unpack_from(page)
    if (version, sample_format) != (VERSION, _COMPLEX64):
        raise RadioError(
            f"rx_shm={name}: process {pid} writes version {version}, format {sample_format}:"
            f" version {VERSION}, format {_COMPLEX64} (complex64) are read here"
        )
    if size != HEADER_BYTES + _SAMPLE_BYTES * channels * capacity:
        raise RadioError(f"rx_shm={name}: {size} bytes are not {channels} channels of {capacity} samples")
    return Contents(channels, capacity, rate, pid, epoch)


def _link(fd: int, path: Path, name: str) -> None:
    """Give a whole segment its name, in place of what a dead process left."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            _link_once(fd, path)
        except FileExistsError:
            old = Segment.open(name)
            if old is None:
                continue
            pid = old.contents.pid
            old.close()
            if time.monotonic() > until:
                raise RadioError(f"tx_shm={name} is in use by another process ({pid})") from None
            time.sleep(_RETRY_S)
        else:
            return


def _link_once(fd: int, path: Path) -> None:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:  # with a folder's descriptor Python takes linkat, which alone follows what /proc shows
        os.link(f"/proc/self/fd/{fd}", path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _remove(fd: int, path: Path) -> None:
    """Remove a name, where it is that of a locked segment, and the bells that belong to it."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return
    mine = os.fstat(fd)
    if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
        return
    for bell in path.parent.glob(f"{path.name}~*"):
        bell.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _lock(fd: int) -> bool:
    """Lock a file, where nobody else has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True
