"""Timing as a stream of as many samples out as in: a delay between samples that drifts with the sampling clocks."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel.interpolation import TAPS, interpolate


class DriftingDelay:
    """A delay that grows or shrinks with the difference of two sampling clocks.

    Output sample i is the input at ``i - latency - delay - ppm 1e-6 i``: what a receiver samples whose clock is fast by
    ``ppm``, or that moves away at 300 m/s for each. The spurious part is below -70 dB up to 0.39 of the sample rate.
    Both can be changed while samples pass; the signal has a jump where the delay has.

    Args:
        delay_samples: delay at the first sample.
        ppm: growth of the delay in millionths of a sample a sample.
        n_channels: streams delayed together.

    Attributes:
        latency: samples by which everything comes late in addition, because values between samples need filters.
        ppm: growth of the delay.

    Raises:
        ValueError: a negative delay, more than 10 % of drift, or no channel.
    """

    latency: Final = TAPS // 2

    def __init__(self, delay_samples: float = 0.0, ppm: float = 0.0, n_channels: int = 1) -> None:
        if n_channels < 1:
            raise ValueError(f"{n_channels} channels are not allowed: at least 1")
        self._history = np.zeros((n_channels, 0), np.complex64)
        self.delay_samples = delay_samples
        self.ppm = ppm

    @property
    def delay_samples(self) -> float:
        """The delay of the next sample."""
        return self._delay

    @delay_samples.setter
    def delay_samples(self, value: float) -> None:
        if not 0 <= value < math.inf:
            raise ValueError(f"delay of {value} samples is not allowed: at least 0 and finite")
        self._delay = float(value)

    @property
    def ppm(self) -> float:
        """Growth of the delay in millionths of a sample a sample."""
        return self._ppm

    @ppm.setter
    def ppm(self, value: float) -> None:
        if not abs(value) <= 1e5:
            raise ValueError(f"{value} ppm is not allowed: at most 1e5 either way")
        self._ppm = float(value)

    @property
    def memory(self) -> int:
        """Samples that go on to arrive after the last one that was sent."""
        return math.ceil(self._delay) + TAPS

    def apply(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The next samples of the stream, delayed.

        A delay that has shrunk to 0 stays there.

        Args:
            samples: complex64 ``(n_channels, n)``.

        Returns:
            complex64 ``(n_channels, n)``.

        Raises:
            ValueError: another number of channels.
        """
        block = np.asarray(samples, np.complex64)
        if block.ndim != 2 or len(block) != len(self._history):
            raise ValueError(f"samples of shape {np.shape(samples)} do not fit: ({len(self._history)}, n) is needed")
        n = block.shape[1]
        growth = self._ppm * 1e-6
        if self._delay + growth * n < 0:
            self._delay = growth = 0.0
        # as much of the past as the longest delay of this block and its filter read
        past = math.ceil(max(self._delay, self._delay + growth * n)) + 2 * TAPS
        missing = max(past - self._history.shape[1], 0)
        buffer = np.concatenate([np.zeros((len(block), missing), np.complex64), self._history, block], axis=1)
        start = buffer.shape[1] - n - self._delay - self.latency
        out = interpolate(buffer, start, 1 - growth, n)
        self._delay += growth * n
        self._history = buffer[:, buffer.shape[1] - past :].copy()
        return out

    def skip(self, n: int) -> None:
        """Let ``n`` samples of silence pass, where silence has already filled the memory."""
        self._history[:] = 0
        self._delay = max(self._delay + self._ppm * 1e-6 * n, 0.0)
