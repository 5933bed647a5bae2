"""What waits to be sent and what was received on one channel, in samples of the wire; and the two changes of rate."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_BYTES: Final = 8
"""Bytes of a complex float32."""


class TxStream:
    """The transmit stream of a channel from what the peer took (``delivered``) to its end; runs of zeros cost nothing.

    Attributes:
        delivered: samples that the peer took.
        end: samples of the stream so far.
    """

    def __init__(self) -> None:
        self.delivered = 0
        self.end = 0
        self._parts: deque[int | NDArray[np.complex64]] = deque()  # a number is a run of zeros
        self._borrowed = False

    @property
    def waiting(self) -> int:
        """Samples that the peer has yet to take."""
        return self.end - self.delivered

    def fill(self, until: int) -> int:
        """Zeros up to there; how many that were."""
        n = until - self.end
        if n <= 0:
            return 0
        self.keep()
        if self._parts and isinstance(self._parts[-1], int):
            self._parts[-1] += n
        else:
            self._parts.append(n)
        self.end = until
        return n

    def append(self, samples: NDArray[np.complex64], *, borrowed: bool) -> None:
        """Samples at the end. ``borrowed`` ones are the caller's until :meth:`keep`."""
        self.keep()
        self._parts.append(samples)
        self._borrowed = borrowed
        self.end += len(samples)

    def keep(self) -> None:
        """Copy what is borrowed and still here."""
        if self._borrowed and self._parts:
            self._parts[-1] = np.array(self._parts[-1], np.complex64)
        self._borrowed = False

    def peek(self, most: int) -> NDArray[np.complex64]:
        """The next samples for the peer, at most so many; they stay until :meth:`advance`."""
        found: list[NDArray[np.complex64]] = []
        for part in self._parts:
            if most <= 0:
                break
            piece = np.zeros(min(part, most), np.complex64) if isinstance(part, int) else part[:most]
            found.append(piece)
            most -= len(piece)
        if len(found) == 1:
            return found[0]
        return np.concatenate(found) if found else np.zeros(0, np.complex64)

    def advance(self, n: int) -> None:
        """The next ``n`` samples are gone, be they there yet or not."""
        self.fill(self.delivered + n)
        self.delivered += n
        while n:
            part = self._parts.popleft()
            length = part if isinstance(part, int) else len(part)
            if length > n:
                self._parts.appendleft(part - n if isinstance(part, int) else part[n:])
            n -= min(n, length)
        self._borrowed = self._borrowed and bool(self._parts)


class RxStream:
    """The receive stream of a channel: what arrived and has not been taken.

    Attributes:
        end: samples that arrived so far, zeros put in and discarded ones included.
        available: samples that have not been taken.
    """

    def __init__(self) -> None:
        self.end = 0
        self.available = 0
        self._parts: deque[NDArray[np.complex64]] = deque()

    def put(self, samples: NDArray[np.complex64]) -> None:
        """Samples that arrived."""
        self._parts.append(samples)
        self.end += len(samples)
        self.available += len(samples)

    def take(self, n: int) -> list[NDArray[np.complex64]]:
        """The next ``n`` samples, in pieces.

        Raises:
            ValueError: more than there are.
        """
        if n > self.available:
            raise ValueError(f"{n} samples are not there: {self.available} are")
        self.available -= n
        taken: list[NDArray[np.complex64]] = []
        while n:
            part = self._parts.popleft()
            if len(part) > n:
                self._parts.appendleft(part[n:])
                part = part[:n]
            taken.append(part)
            n -= len(part)
        return taken


def hold(samples: NDArray[np.complex64], factor: int) -> NDArray[np.complex64]:
    """Each sample ``factor`` times: a rate that is so many times as high."""
    return samples if factor == 1 else np.repeat(samples, factor)


def average(pieces: list[NDArray[np.complex64]], factor: int, out: NDArray[np.complex64]) -> None:
    """Means of ``factor`` samples each, into ``out``.

    Args:
        pieces: ``factor * len(out)`` samples.
        factor: how many times as high the rate of the pieces is.
        out: complex64 (n,).
    """
    if factor == 1:
        start = 0
        for piece in pieces:
            out[start : start + len(piece)] = piece
            start += len(piece)
        return
    rows = (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)).reshape(-1, factor)
    np.add(rows[:, 0], rows[:, 1], out=out)
    for column in range(2, factor):
        out += rows[:, column]
    out *= np.float32(1 / factor)


def whole_ratio(base_srate: float, rate: float) -> int:
    """How many samples of the wire one own sample is.

    Raises:
        ValueError: no whole number.
    """
    if not 0 < rate <= 1e10:
        raise ValueError(f"sample rate {rate} is not usable: it must be positive")
    factor = round(base_srate / rate)
    if factor < 1 or abs(factor * rate - base_srate) > 1e-9 * base_srate:
        raise ValueError(
            f"sample rate {rate:.12g} is no whole fraction of base_srate={base_srate:.12g}:"
            f" give base_srate={rate:.12g}, or a multiple of it, at both ends"
        )
    return factor
