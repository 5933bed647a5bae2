"""Work that may have to wait, for a terminal or a disk: done in order by a thread of its own."""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self

_LOG: Final = logging.getLogger(__name__)

ROOM: Final = 1000
"""Jobs that may wait; what comes when there are more is lost: a terminal that was stopped must not stop a cell."""
_END_S: Final = 2.0


class Background:
    """Does jobs in another thread, in the order in which they come. A context manager.

    Args:
        room: jobs that may wait.
        at_once: do each job when it comes and in the caller's thread: for who has time to wait.

    Attributes:
        lost: jobs for which there was no room.
    """

    def __init__(self, room: int = ROOM, *, at_once: bool = False) -> None:
        self.lost, self._at_once = 0, at_once
        self._jobs: queue.Queue[Callable[[], object] | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        if not at_once:
            self._thread.start()

    def do(self, job: Callable[[], object]) -> None:
        """Have a job done soon."""
        if self._at_once:
            job()
            return
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.lost += 1

    def say(self, text: str, end: str = "\n") -> None:
        """Print something."""
        self.do(partial(_print, text, end))

    def close(self) -> None:
        """Do what waits, for as long as 2 s; what is said then is lost. A second call does nothing."""
        if not self._thread.is_alive():
            return
        try:
            self._jobs.put(None, timeout=_END_S)
        except queue.Full:
            return
        self._thread.join(_END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        _stand_back()
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except BrokenPipeError:  # nobody reads any more
                continue
            except Exception:
                _LOG.exception("something could not be written")


def _stand_back() -> None:
    """Let the thread that gives the work go first, but no other process: this one may hold the interpreter's lock."""
    if not hasattr(os, "SCHED_FIFO") or os.sched_getscheduler(0) != os.SCHED_FIFO:
        return
    priority = max(os.sched_getparam(0).sched_priority - 1, os.sched_get_priority_min(os.SCHED_FIFO))
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def _print(text: str, end: str) -> None:
    sys.stdout.write(text + end)  # in one go, beside what other threads write
    sys.stdout.flush()
