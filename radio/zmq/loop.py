"""Who looks after the sockets: the callers that send and receive, or a thread while nobody has called for a while.

A caller comes every millisecond and sees to the data sockets by itself: were the thread woken by what comes meanwhile,
both would take turns at the interpreter.
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
        attended: callers see to the data sockets; the thread does not watch them.
    """

    def __init__(self) -> None:
        self._wake_thread, self._wake_leader = os.eventfd(0, _FLAGS), os.eventfd(0, _FLAGS)
        self._epoll = select.epoll()
        self._epoll.register(self._wake_thread, select.EPOLLIN)
        self._poll = select.poll()
        self._data: tuple[int, ...] = ()
        self._called = False
        self.leading = False
        self.attended = False

    def watch(self, data: Sequence[int], monitors: Sequence[int]) -> None:
        """Watch these from now on."""
        self._epoll.close()
        self._epoll, self._poll = select.epoll(), select.poll()
        self._data = tuple(data)
        for fd in (self._wake_thread, *monitors):
            self._epoll.register(fd, select.EPOLLIN)
        for fd in data:
            self._epoll.register(fd, 0 if self.attended else select.EPOLLIN)
        for fd in (self._wake_leader, *data):
            self._poll.register(fd, select.POLLIN)

    def wait(self, seconds: float) -> set[int]:
        """For the thread: the descriptors where something happened."""
        found = {fd for fd, _ in self._epoll.poll(seconds)}
        if self._wake_thread in found:
            _drain(self._wake_thread)
        return found

    def attend(self, *, others: bool) -> None:
        """A caller is there: it sees to the data sockets, unless others wait that rely on the thread."""
        self._called = True
        if not self.attended and not others:
            self._arm(False)
            self.wake_thread()

    def deserted(self) -> bool:
        """For the thread: whether nobody called since it last asked; then the data sockets are the thread's."""
        called, self._called = self._called or self.leading, False
        if self.attended and not called:
            self._arm(True)
        return not called

    def lead(self) -> bool:
        """A caller waits at the data sockets; whether it is the only one."""
        if self.leading:
            return False
        self.leading = True
        return True

    def follow(self, *, others: bool) -> None:
        """The caller waits no longer; where others wait they rely on the thread now."""
        self.leading = False
        if others and self.attended:
            self._arm(True)

    def _arm(self, thread: bool) -> None:
        """Whether the thread watches the data sockets."""
        self.attended = not thread
        for fd in self._data:
            self._epoll.modify(fd, select.EPOLLIN if thread else 0)

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
