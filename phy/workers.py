"""Threads that share the jobs of a subframe with the thread that has them: fork and join, with little overhead.

Jobs gain by it as far as they are in kernels, which run without the interpreter's lock.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

MAX_WORKERS: Final = 64

T = TypeVar("T")


class _Round:
    """Jobs that are done together. Its iterators are advanced by several threads: each step is one of the interpreter.

    Attributes:
        jobs: all of them.
        results: of those done.
        failures: what those raised that failed.
        turns: numbers of the jobs that nobody has begun.
        ended: counts those that have ended, from 1 on.
        over: is free once all have ended, the last of them in a worker.
    """

    __slots__ = ("ended", "failures", "jobs", "over", "results", "turns")

    def __init__(self, jobs: Sequence[Callable[[], Any]]) -> None:
        self.jobs = jobs
        self.results: list[Any] = [None] * len(jobs)
        self.failures: dict[int, BaseException] = {}
        self.turns: Iterator[int] = iter(range(len(jobs)))
        self.ended = count(1)
        self.over = Lock()

    def help(self) -> bool:
        """Do jobs until there are none that nobody has begun; whether the one that ended last was among them."""
        last = False
        for i in self.turns:
            try:
                self.results[i] = self.jobs[i]()
            except BaseException as error:  # the caller's to see, and the others must not wait for this one for ever
                self.failures[i] = error
            last = next(self.ended) == len(self.jobs)
        return last

    def outcome(self) -> list[Any]:
        """Results in the jobs' order; or what the first that failed raised."""
        failures, self.failures = self.failures, {}  # else an error would hold itself, by the frames that it tells of
        if failures:
            raise failures.pop(min(failures))
        return self.results


class Workers:
    """Threads that help the calling one with jobs. They wait in between, and end at :meth:`close`.

    A forked process has the object without the threads: the caller then does all jobs itself.

    Args:
        n: threads beside the calling one, 0..64; without any, jobs are done one after the other.
        on_start: called with 0..n-1 in each thread before anything else, to give it a CPU set and a priority, best the
            same to all; else they have those of the thread that makes the object.
        name: of the threads, which are numbered.

    Attributes:
        n: threads beside the calling one.

    Raises:
        ValueError: n outside 0..64.
        BaseException: what ``on_start`` raised; no thread is left then.
    """

    def __init__(self, n: int, *, on_start: Callable[[int], None] | None = None, name: str = "phy") -> None:
        if not 0 <= n <= MAX_WORKERS:
            raise ValueError(f"{n} workers are outside 0..{MAX_WORKERS}")
        self.n = n
        self._round = self._idle = _Round(())
        self._in_use, self._closed = Lock(), False
        self._threads: list[Thread] = []
        self._wake: list[Lock] = []  # each taken, until its thread has something to do
        try:
            for i in range(n):
                self._start(i, on_start, name)
        except BaseException:
            self.close()
            raise

    def _start(self, i: int, on_start: Callable[[int], None] | None, name: str) -> None:
        """Start a thread, and wait until it is ready."""
        wake, first = Lock(), _Round([lambda: None if on_start is None else on_start(i)])
        wake.acquire()
        first.over.acquire()
        thread = Thread(target=self._work, args=(wake, first), name=f"{name}-{i}", daemon=True)
        thread.start()
        self._threads.append(thread)
        self._wake.append(wake)
        first.over.acquire()
        first.outcome()

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do the jobs, begun in their order, and wait until all are done: put the longest first.

        Should a signal's handler raise while the workers are waited for, then jobs that have begun go on to their end.

        Args:
            jobs: what is to be done. They must not need each other, nor use this object.

        Returns:
            What the jobs returned, in their order.

        Raises:
            RuntimeError: closed, or in use: by another thread, or from a job.
            BaseException: what the first of the jobs that failed raised, after all have ended.
        """
        self._take()
        try:
            new = _Round(jobs)
            helpers = min(self.n, len(jobs) - 1)
            if helpers > 0:
                new.over.acquire()
                self._round = new
                for wake in self._wake[:helpers]:
                    if wake.locked():  # else the thread has been called before, and not woken yet
                        wake.release()
            if not new.help() and helpers > 0:
                new.over.acquire()
            return new.outcome()
        finally:
            self._round = self._idle
            self._in_use.release()

    def apart(self, job: Callable[[], T]) -> T:
        """Do a job in one of the threads, such as one that starts threads: they have its CPU set and priority.

        Without workers the calling thread does it.

        Raises:
            RuntimeError: as :meth:`run`.
            BaseException: what the job raised.
        """
        if not self.n:
            return self.run([job])[0]
        self._take()
        try:
            new = _Round([job])
            new.over.acquire()
            self._round = new
            if self._wake[0].locked():
                self._wake[0].release()
            new.over.acquire()
            result: T = new.outcome()[0]
            return result
        finally:
            self._round = self._idle
            self._in_use.release()

    def close(self) -> None:
        """End the threads and wait for their end. Again: nothing happens.

        Raises:
            RuntimeError: in use.
        """
        self._take(closed=True)
        try:
            self._closed = True
            for wake in self._wake:
                if wake.locked():
                    wake.release()
            for thread in self._threads:
                thread.join()
        finally:
            self._in_use.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, *, closed: bool = False) -> None:
        """Have the object for this call alone."""
        if not self._in_use.acquire(blocking=False):
            raise RuntimeError("the workers are in use: by another thread, or by the one that runs this job")
        if self._closed and not closed:
            self._in_use.release()
            raise RuntimeError("the workers are closed")

    def _work(self, wake: Lock, first: _Round) -> None:
        """A thread's life."""
        if first.help():
            first.over.release()
        del first
        while not self._closed:
            wake.acquire()
            now = self._round
            if now.help():
                now.over.release()
            del now
