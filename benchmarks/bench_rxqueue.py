"""Received milliseconds on their way between threads: the kernel, a ring of NumPy, and the ring of processes.

CPU time of both threads counts. In one thread it is what the copies and the call cost; in two, waking each other also.
"""

import atexit
import threading
from collections.abc import Callable
from mmap import mmap
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.rxqueue import RxQueue
from picocell.kernels.shmring import HEADER_BYTES, Ring

SIZES: Final = ((25, 7680), (100, 30720))
MILLISECONDS: Final = 50
"""Capacity."""


class Queue(Protocol):
    """What one thread puts into and the other takes from; both wait."""

    def put(self, samples: NDArray[np.complex64], n: int) -> None:
        """Put ``(1, n)``."""

    def take(self, out: NDArray[np.complex64], timeout: float) -> object:
        """Fill ``(1, n)``."""

    def stop(self) -> None:
        """Have nobody wait."""


class NumpyRing:
    """The same in Python: a ring, a condition, slices."""

    def __init__(self, capacity: int) -> None:
        self._data = np.zeros((1, capacity), np.complex64)
        self._capacity, self._put, self._taken = capacity, 0, 0
        self._changed = threading.Condition(threading.Lock())
        self._stopped = False

    def put(self, samples: NDArray[np.complex64], n: int) -> None:
        """Put, and wait until there is room for as much again."""
        with self._changed:
            at = self._put % self._capacity
            first = min(n, self._capacity - at)
            self._data[:, at : at + first] = samples[:, :first]
            if first < n:
                self._data[:, : n - first] = samples[:, first:]
            self._put += n
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopped or self._capacity - (self._put - self._taken) >= n)

    def take(self, out: NDArray[np.complex64], timeout: float) -> object:
        """Fill an array."""
        n = out.shape[1]
        with self._changed:
            if not self._changed.wait_for(lambda: self._stopped or self._put - self._taken >= n, timeout):
                return None
            at = self._taken % self._capacity
            first = min(n, self._capacity - at)
            out[:, :first] = self._data[:, at : at + first]
            if first < n:
                out[:, first:] = self._data[:, : n - first]
            self._taken += n
            self._changed.notify_all()
        return n

    def stop(self) -> None:
        """Have nobody wait."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names and calls; no other stack has the like to compare with."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for n_prb, n in SIZES:
        for name, make in (("queue", _queue), ("queue of NumPy", NumpyRing)):
            what = f"{name}, millisecond put and taken, {n_prb} PRB"
            found.append((f"{what}, one thread", _alone(make(MILLISECONDS * n), n), None))
            found.append((f"{what}, two threads", Pair(make, n), None))
        found.append((f"ring of processes, millisecond put and taken, {n_prb} PRB, one thread", _ring(n), None))
    return found


def _queue(capacity: int) -> RxQueue:
    made = RxQueue(1, capacity, capacity // MILLISECONDS)
    made.begin(0)
    return made


def _alone(queue: Queue, n: int) -> Callable[[], object]:
    block, out = np.ones((1, n), np.complex64), np.empty((1, n), np.complex64)

    def call() -> None:
        queue.put(block, n)
        queue.take(out, 0.0)

    return call


def _ring(n: int) -> Callable[[], object]:
    capacity = MILLISECONDS * n
    ring = Ring(mmap(-1, HEADER_BYTES + 8 * capacity), 1, capacity)
    block, out = np.ones((1, n), np.complex64), np.empty((1, n), np.complex64)

    def call() -> None:
        ring.write(block)
        ring.take(out)

    return call


class Pair:
    """Takes a millisecond a call; a thread puts as many. It starts with the first."""

    def __init__(self, make: Callable[[int], Queue], n: int) -> None:
        self._make, self._n = make, n
        self._out = np.empty((1, n), np.complex64)
        self._queue: Queue | None = None
        self._stopped = False

    def __call__(self) -> None:
        if self._queue is None:
            self._queue = self._make(MILLISECONDS * self._n)
            self._thread = threading.Thread(target=self._put, args=(self._queue,), daemon=True)
            self._thread.start()
            atexit.register(self._stop, self._queue)
        if not self._queue.take(self._out, 30.0):
            raise RuntimeError("nothing comes")

    def _put(self, queue: Queue) -> None:
        block = np.ones((1, self._n), np.complex64)
        while not self._stopped:
            queue.put(block, self._n)

    def _stop(self, queue: Queue) -> None:
        self._stopped = True
        queue.stop()
        self._thread.join(10)
