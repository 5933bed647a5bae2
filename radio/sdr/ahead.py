"""Samples that were received ahead of those who use them."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import Received


class AheadBuffer:
    """A ring of timed samples between the thread that receives and the one that works; the callers hold a lock.

    Args:
        n_rx: channels.
        capacity: samples of each channel that wait at most.
    """

    def __init__(self, n_rx: int, capacity: int) -> None:
        self._data = np.zeros((n_rx, capacity), np.complex64)
        self.capacity = capacity
        self._put = self._taken = 0
        self._runs: deque[list[int]] = deque()  # time and number of samples that follow on one another

    @property
    def waiting(self) -> int:
        """Samples of each channel that wait."""
        return self._put - self._taken

    @property
    def at_hand(self) -> int:
        """Samples of each channel up to the first gap."""
        return self._runs[0][1] if self._runs else 0

    @property
    def has_gap(self) -> bool:
        """Whether something was lost within what waits."""
        return len(self._runs) > 1

    @property
    def room(self) -> int:
        """Samples of each channel that can be put."""
        return self.capacity - self.waiting

    def put(self, samples: NDArray[np.complex64], time: int) -> None:
        """Copy complex64 ``(n_rx, n)``, for which there is room."""
        n = samples.shape[1]
        at = self._put % self.capacity
        first = min(n, self.capacity - at)
        self._data[:, at : at + first] = samples[:, :first]
        if first < n:
            self._data[:, : n - first] = samples[:, first:]
        self._put += n
        if self._runs and self._runs[-1][0] + self._runs[-1][1] == time:
            self._runs[-1][1] += n
        else:
            self._runs.append([time, n])

    def take(self, n: int) -> Received:
        """The next samples, at most ``n`` and none behind a gap."""
        run = self._runs[0]
        n = min(n, run[1])
        at, time = self._taken % self.capacity, run[0]
        first = min(n, self.capacity - at)
        samples = np.empty((len(self._data), n), np.complex64)
        samples[:, :first] = self._data[:, at : at + first]
        if first < n:
            samples[:, first:] = self._data[:, : n - first]
        self._taken += n
        run[0] += n
        run[1] -= n
        if not run[1]:
            self._runs.popleft()
        return Received(samples, time)

    def clear(self) -> None:
        """Let go of everything."""
        self._taken = self._put
        self._runs.clear()
