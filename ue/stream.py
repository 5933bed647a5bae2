"""Samples of a source at the rate that a receiver wants, by their position in the stream."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import SampleSource
from picocell.radio.resample import Resampler

_CHUNK_S: Final = 0.02
_LARGEST_CHUNK: Final = 1 << 20


class Stream:
    """Reads a source at another rate; positions count output samples from the start of the stream.

    Samples that the source lost leave a hole: a read that touches one gives None, and later positions stay right.

    Args:
        source: where samples come from.
        rate: samples per second wanted.
        keep_s: seconds before the last read that can be read again.

    Raises:
        ValueError: rates whose ratio is none of small whole numbers.
    """

    def __init__(self, source: SampleSource, rate: float, keep_s: float = 0.1) -> None:
        self.rate = rate
        self.ended = False
        self._source = source
        self._chunk = min(max(int(source.sample_rate * _CHUNK_S), 1), _LARGEST_CHUNK)
        self._keep = int(keep_s * rate)
        self._resampler: Resampler | None = None
        self._same_rate = source.sample_rate == rate
        self._next_time = 0  # the source's index of the next sample without a gap
        self._pieces: list[tuple[int, NDArray[np.complex64]]] = []
        if not self._same_rate:
            Resampler(source.sample_rate, rate)  # refuses unusable rates here and not at the first read

    def read(self, position: int, n: int) -> NDArray[np.complex64] | None:
        """Samples ``position`` to ``position + n``, complex64 (n_rx, n).

        Returns:
            None if some of them were lost or are forgotten, or lie behind the end of the stream (see ``ended``).
        """
        self._fill(position + n)
        self._forget(position - self._keep)
        for start, piece in self._pieces:
            if start <= position and position + n <= start + piece.shape[1]:
                return np.ascontiguousarray(piece[:, position - start : position - start + n])
        return None

    @property
    def end(self) -> int:
        """Position behind the last sample received so far."""
        return self._end() if self._pieces else 0

    def rest(self, position: int) -> tuple[int, NDArray[np.complex64]]:
        """The last samples of a stream that has ended, from ``position`` on: where they start, and (n_rx, n)."""
        if not self._pieces:
            return position, np.zeros((1, 0), np.complex64)
        start, piece = self._pieces[-1]
        first = max(position, start)
        return first, np.ascontiguousarray(piece[:, first - start :])

    def _fill(self, end: int) -> None:
        """Receive until the buffer reaches ``end`` or the stream does."""
        while not self.ended and (not self._pieces or self._end() < end):
            samples, time = self._source.receive(self._chunk)
            if samples.shape[1] == 0:
                self._finish()
                self.ended = True
                return
            if time != self._next_time or not self._pieces:
                self._finish()
                self._begin(time, samples.shape[0])
            self._next_time = time + samples.shape[1]
            self._append(samples if self._resampler is None else self._resampler.process(samples))

    def _forget(self, position: int) -> None:
        """Drop what lies before ``position``, in whole chunks; the last piece stays, for the next samples to join."""
        kept = [(start, piece) for start, piece in self._pieces[:-1] if start + piece.shape[1] > position]
        for start, piece in self._pieces[-1:]:
            cut = min(max(position - start, 0), piece.shape[1])
            kept.append((start + cut, piece[:, cut:]))
        self._pieces = kept

    def _end(self) -> int:
        start, piece = self._pieces[-1]
        return int(start + piece.shape[1])

    def _begin(self, time: int, n_rx: int) -> None:
        """A stretch without gaps begins."""
        start = round(time * self.rate / self._source.sample_rate)
        self._pieces.append((start, np.zeros((n_rx, 0), np.complex64)))
        if not self._same_rate:
            self._resampler = Resampler(self._source.sample_rate, self.rate, n_rx)

    def _append(self, samples: NDArray[np.complex64]) -> None:
        start, piece = self._pieces[-1]
        self._pieces[-1] = (start, np.concatenate([piece, samples], axis=1))

    def _finish(self) -> None:
        """The stretch is over: what the resampler still holds belongs to it."""
        if self._resampler is not None and self._pieces:
            self._append(self._resampler.flush())
        self._resampler = None
