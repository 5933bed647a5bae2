"""Samples on their way from a thread that must not wait to one that may."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mark(NamedTuple):
    """Something that happened between samples.

    Attributes:
        kind: what.
        time: stream index that it is about.
        n: samples that it is about.
    """

    kind: str
    time: int
    n: int


class Run(NamedTuple):
    """Consecutive samples.

    Attributes:
        time: stream index of the first.
        samples: complex64 ``(n_channels, n)``, valid until the next run is asked for.
    """

    time: int
    samples: NDArray[np.complex64]


class SampleRing:
    """A bounded queue of samples and marks between one thread that puts and one that takes, without a lock.

    Args:
        n_channels: channels.
        capacity: samples of each channel that wait at most.

    Raises:
        ValueError: numbers below 1.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        if n_channels < 1 or capacity < 1:
            raise ValueError(f"{n_channels} channels of {capacity} samples are not allowed: at least 1 of each")
        self._data = np.empty((n_channels, capacity), np.complex64)
        self._data.fill(0)  # has the system give the memory now and not when samples come
        self._capacity = capacity
        # each changed by one thread only, and after the samples that it speaks of
        self._put = self._taken = 0
        self._entries: deque[tuple[int, int] | Mark] = deque()

    def put(self, samples: NDArray[np.complex64], time: int) -> bool:
        """Copy samples ``(n_channels, n)``; False, and nothing is taken, where there is no room."""
        n = samples.shape[1]
        if self._put - self._taken + n > self._capacity:
            return False
        at = self._put % self._capacity
        first = min(n, self._capacity - at)
        self._data[:, at : at + first] = samples[:, :first]
        if first < n:
            self._data[:, : n - first] = samples[:, first:]
        self._put += n
        self._entries.append((time, n))
        return True

    def mark(self, kind: str, time: int, n: int) -> None:
        """Put a mark behind the samples that were put."""
        self._entries.append(Mark(kind, time, n))

    def drain(self) -> Iterator[Run | Mark]:
        """All that has been put, in order; samples that follow on one another come together."""
        while self._entries:
            entry = self._entries.popleft()
            if isinstance(entry, Mark):
                yield entry
                continue
            time, n = entry
            while self._entries and not isinstance(self._entries[0], Mark) and self._entries[0][0] == time + n:
                n += self._entries.popleft()[1]
            while n:
                at = self._taken % self._capacity
                length = min(n, self._capacity - at)
                yield Run(time, self._data[:, at : at + length])
                self._taken += length
                time, n = time + length, n - length
