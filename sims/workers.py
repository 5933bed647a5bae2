"""Where blocks of work are done: in this process, or in worker processes on this machine."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.context import BaseContext
from typing import Final, Protocol

from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks
from picocell.sims.point import Point
from picocell.sims.registry import Link, open_link

_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_RESTARTS: Final = 3
_STARTING: Final = 4
"""Tasks a worker, from the first on, with which processes may still be started."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some blocks of work, one after the other.

    Attributes:
        point: their point.
        first: number of the first.
        sizes: subframes of each.
        seed: of the campaign.
        hooks: a user's own parts.
    """

    point: Point
    first: int
    sizes: tuple[int, ...]
    seed: int
    hooks: Hooks


@lru_cache(maxsize=4)
def _link(point: Point, hooks: Hooks) -> Link:
    """A link that has run once, so that tables are built before time is measured."""
    link = open_link(point, hooks)
    link.run_block(point.seed(0, 0), 1)
    return link


def work(task: Task) -> list[Counts]:
    """Do blocks of work."""
    link, point = _link(task.point, task.hooks), task.point
    return [link.run_block(point.seed(task.seed, number), size) for number, size in enumerate(task.sizes, task.first)]


class Backend(Protocol):
    """What does tasks; a cluster would be another one.

    Attributes:
        workers: tasks that are done at the same time.
        ahead: tasks that wait beside these, so that no worker does.
        task_s: CPU time that a task should take, so that handing it out costs little; 0 for single blocks of work.
    """

    workers: int
    ahead: int
    task_s: float

    def submit(self, task: Task) -> "Future[list[Counts]]":
        """Have a task done."""
        ...

    def look(self) -> None:
        """Called every second while tasks are under way and none ends."""
        ...

    def revive(self) -> bool:
        """After a worker died: whether new ones are there to take the tasks that are lost."""
        ...

    def close(self) -> None:
        """End all workers; what has not begun is dropped."""
        ...


class InProcess:
    """This process does the work, when it is submitted."""

    workers = 1
    ahead = 0
    task_s = 0.0

    def submit(self, task: Task) -> "Future[list[Counts]]":
        """Do a task now."""
        future: Future[list[Counts]] = Future()
        future.set_result(work(task))
        return future

    def look(self) -> None:
        """There is nothing to see."""

    def revive(self) -> bool:
        """There is nothing to revive."""
        return False

    def close(self) -> None:
        """Nothing to end."""


class Processes:
    """Worker processes on this machine.

    Args:
        workers: how many.
    """

    ahead = 2
    task_s = 0.15
    """Handing a task out costs about a millisecond."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._restarts = self._submitted = 0
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, mp_context=_context(), initializer=_ignore_interrupt)

    def submit(self, task: Task) -> "Future[list[Counts]]":
        """Have a worker do a task; a dead pool gives a future that fails."""
        try:
            if self._submitted >= _STARTING * self.workers:
                return self._pool.submit(work, task)
            self._submitted += 1
            with _single_threaded():  # the pool starts processes when it gets tasks
                return self._pool.submit(work, task)
        except BrokenProcessPool as error:
            failed: Future[list[Counts]] = Future()
            failed.set_exception(error)
            return failed

    def look(self) -> None:
        """Nothing: a worker that dies ends its tasks."""

    def revive(self) -> bool:
        """New workers in place of those of whom one died; not for ever."""
        self._restarts += 1
        if self._restarts > _RESTARTS:
            return False
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._start()
        return True

    def close(self) -> None:
        """End the workers after what they are at."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def open_backend(jobs: int) -> Backend:
    """A backend of so many workers; 0 for as many as there are processors.

    Raises:
        ValueError: a negative number.
    """
    if jobs < 0:
        raise ValueError(f"{jobs} jobs are not allowed: at least 1, or 0 for every processor")
    count = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1
    return InProcess() if count == 1 else Processes(count)


@lru_cache(maxsize=1)
def _context() -> BaseContext:
    """Workers begin without this process's threads: forked from a server that has imported everything, else spawned."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes started within have numerical libraries of one thread: there is a worker a core already."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole group of processes: the parent ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
