"""A tapped delay line on samples, as a stream in blocks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import DelayLine
from picocell.radio.channel.gains import TapGains
from picocell.radio.channel.interpolation import TAPS, fractional_taps

# gains move by at most this share of a Doppler cycle between two points that a line joins: -66 dB of error
_STEP_CYCLES: Final = 0.01
_MAX_STEP: Final = 4096
_BLOCK: Final = 32  # the kernel works in blocks of this many samples
_NEAR: Final = 1e-6  # of a sample: a tap that close to a sample needs no filter


class TappedStream:
    """A tapped delay line whose gains move, between all antennas.

    Gains are drawn at points at most a hundredth of a Doppler cycle apart, and move along lines between them.

    Args:
        taps: process of the gains.
        sample_rate: samples per second; the occupied band must be within 0.39 of it on either side.

    Attributes:
        taps: process of the gains.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        sample_rate: samples per second.

    Raises:
        ValueError: gains that move too fast for the rate.
    """

    def __init__(self, taps: TapGains, sample_rate: float) -> None:
        if not 0 <= taps.doppler_hz < 0.01 * sample_rate:
            raise ValueError(f"Doppler frequency {taps.doppler_hz} Hz is outside 0..{0.01 * sample_rate:.12g} Hz")
        self.taps = taps
        self.n_tx, self.n_rx = taps.n_tx, taps.n_rx
        self.sample_rate = float(sample_rate)
        starts, filters, self._latency = _filters(taps.delays_s, self.sample_rate)
        self._line = DelayLine(starts, filters)
        self._history = np.zeros((self.n_tx, self._line.memory), np.complex64)
        self._position = 0
        self._step = _points_apart(taps.doppler_hz / self.sample_rate)

    @property
    def latency(self) -> int:
        """Samples by which the first path comes late, because paths between samples need filters."""
        return self._latency

    @property
    def memory(self) -> int:
        """Samples that go on to arrive after the last one that was sent."""
        return self._line.memory

    def apply(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The next samples of the stream, received.

        Args:
            samples: complex64 ``(n_tx, n)``.

        Returns:
            complex64 ``(n_rx, n)``; the paths come `latency` samples late.

        Raises:
            ValueError: another number of antennas.
        """
        block = np.asarray(samples, np.complex64)
        if block.ndim != 2 or len(block) != self.n_tx:
            raise ValueError(f"samples of shape {np.shape(samples)} do not fit: ({self.n_tx}, n) is needed")
        n = block.shape[1]
        buffer = np.concatenate([self._history, block], axis=1)
        first, offset = divmod(self._position, self._step)
        points = np.arange(first, first + (offset + n - 1) // self._step + 2)
        gains = self.taps.gains(points * (self._step / self.sample_rate))
        out = self._line.run(buffer, gains, offset, self._step)
        self._history = buffer[:, n:].copy()
        self._position += n
        return out

    def skip(self, n: int) -> None:
        """Let ``n`` samples of silence pass, where silence has already filled the channel's memory."""
        self._history[:] = 0
        self._position += n

    def frequency_response(self, time: float, frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Response at a time in seconds since the stream began and at frequencies in hertz, `latency` left out.

        Returns:
            complex64 ``(n_rx, n_tx, len(frequencies))``.
        """
        turns = np.exp(-2j * np.pi * np.outer(self.taps.delays_s, frequencies))
        return np.asarray(self.taps.gains(np.array([time]))[..., 0] @ turns, np.complex64)


def _points_apart(fastest: float) -> int:
    """Samples between two points of the gains: whole blocks of the kernel where that many are allowed."""
    step = int(min(_STEP_CYCLES / fastest, _MAX_STEP)) if fastest else _MAX_STEP
    return step // _BLOCK * _BLOCK if step > _BLOCK else max(step, 1)


def _filters(delays_s: tuple[float, ...], sample_rate: float) -> tuple[list[int], list[NDArray[np.float32]], int]:
    """Delay and filter of each tap, and the samples by which all of them come late."""
    delays = np.array(delays_s) * sample_rate
    if np.all(np.abs(delays - np.round(delays)) < _NEAR):
        return [round(d) for d in delays.tolist()], [np.ones(1, np.float32)] * len(delays), 0
    latency = TAPS // 2 - 1
    starts, filters = [], []
    for delay in delays.tolist():
        if abs(delay - round(delay)) < _NEAR:
            starts.append(round(delay) + latency)
            filters.append(np.ones(1, np.float32))
        else:
            # a delay of d is read 1 - (d mod 1) after the sample that is one more than its whole part back
            whole = int(delay)
            starts.append(whole)
            filters.append(fractional_taps(np.array(1 - (delay - whole)))[::-1].astype(np.float32))
    return starts, filters, latency
