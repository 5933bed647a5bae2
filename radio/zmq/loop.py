"""Who looks after the sockets: a thread, or a caller that has to wait for them anyway.

The caller that waits takes the data sockets over, so that what comes wakes it and not the thread first.
"""

import contextlib
import os
import select
from collections.abc import Sequence
from typing import Final

_FLAGS: Final = os.EFD_NONBLOCK | os.EFD_CLOEXEC


class Loop:
    """File descriptors, watched by the thread (:meth:`wait`) or by the caller that leads (:meth:`sleep`).

    All but those two are called with the radio's lock held.

    Attributes:
        leading: a caller leads.
    """

    def __init__(self) -> None:
        self._wake_thread, self._wake_leader = os.eventfd(0, _FLAGS), os.eventfd(0, _FLAGS)
        self._epoll = select.epoll()
        self._epoll.register(self._wake_thread, select.EPOLLIN)
        self._poll = select.poll()
        self._data: tuple[int, ...] = ()
        self.leading = False

    def watch(self, data: Sequence[int], monitors: Sequence[int]) -> None:
        """Watch these from now on."""
        self._epoll.close()
        self._epoll, self._poll = select.epoll(), select.poll()
        self._data = tuple(data)
        for fd in (self._wake_thread, *monitors):
            self._epoll.register(fd, select.EPOLLIN)
        for fd in data:
            self._epoll.register(fd, 0 if self.leading else select.EPOLLIN)
        for fd in (self._wake_leader, *data):
            self._poll.register(fd, select.POLLIN)

    def wait(self, seconds: float) -> set[int]:
        """For the thread: the descriptors where something happened."""
        found = {fd for fd, _ in self._epoll.poll(seconds)}
        if self._wake_thread in found:
            _drain(self._wake_thread)
        return found

    def lead(self) -> bool:
        """A caller takes the data sockets over; whether it was the first."""
        if self.leading:
            return False
        self.leading = True
        for fd in self._data:
            self._epoll.modify(fd, 0)
        return True

    def follow(self) -> None:
        """The caller gives them back."""
        self.leading = False
        for fd in self._data:
            self._epoll.modify(fd, select.EPOLLIN)

    def sleep(self, seconds: float) -> set[int]:
        """For the caller that leads: the data descriptors where something happened."""
        found = {fd for fd, _ in self._poll.poll(seconds * 1000)}
        if self._wake_leader in found:
            _drain(self._wake_leader)
        return found

    def wake_thread(self) -> None:
        """Wake the thread."""
        os.eventfd_write(self._wake_thread, 1)

    def wake_leader(self) -> None:
        """Wake the caller that leads: the state changed behind its back."""
        if self.leading:
            os.eventfd_write(self._wake_leader, 1)

    def close(self) -> None:
        """Release the descriptors."""
        self._epoll.close()
        os.close(self._wake_thread)
        os.close(self._wake_leader)


def _drain(fd: int) -> None:
    """Reset an event descriptor."""
    with contextlib.suppress(BlockingIOError):
        os.eventfd_read(fd)
