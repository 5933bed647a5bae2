"""What clocks, oscillators, cables and distance do to samples."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel.interpolation import TAPS, interpolate

_BLOCK: Final = 8192


def gain(samples: NDArray[np.complex64], gain_db: float) -> NDArray[np.complex64]:
    """Samples amplified by ``gain_db``."""
    return np.asarray(samples * np.float32(10 ** (gain_db / 20)), np.complex64)


def frequency_offset(
    samples: NDArray[np.complex64], cfo_hz: float, sample_rate: float, start: int = 0, phase: float = 0.0
) -> NDArray[np.complex64]:
    """Samples moved up in frequency.

    Args:
        samples: complex64 ``(..., n)``.
        cfo_hz: hertz to move up by.
        sample_rate: samples per second.
        start: index in the stream of the first sample, so that blocks join in phase.
        phase: cycles at sample 0 of the stream.

    Returns:
        complex64 ``(..., n)``.
    """
    # whole cycles are dropped in double precision: a late sample of a stream keeps its phase
    first = math.fmod(cfo_hz * start / sample_rate + phase, 1.0)
    cycles = first + cfo_hz / sample_rate * np.arange(np.shape(samples)[-1])
    return np.asarray(samples * np.exp(2j * np.pi * cycles).astype(np.complex64), np.complex64)


def delay(samples: NDArray[np.complex64], n_samples: float) -> NDArray[np.complex64]:
    """Samples delayed by a whole or fractional number of samples: as many of them, zeros before the first.

    Raises:
        ValueError: a negative delay.
    """
    if not 0 <= n_samples < math.inf:
        raise ValueError(f"delay of {n_samples} samples is not allowed: at least 0 and finite")
    x = np.asarray(samples, np.complex64)
    n = x.shape[-1]
    whole = math.floor(n_samples)
    out = np.zeros_like(x)
    if n_samples == whole:
        out[..., whole:] = x[..., : max(n - whole, 0)]
        return out
    # filters reach before the first sample and over the last one
    padded = np.pad(x.reshape(math.prod(x.shape[:-1]), n), [(0, 0), (TAPS, TAPS)])
    first = max(0, math.ceil(n_samples - TAPS // 2 - 1))
    if first < n:
        late = interpolate(padded, first - n_samples + TAPS, 1.0, n - first)
        out[..., first:] = late.reshape(*x.shape[:-1], n - first)
    return out


class SampleRateOffset:
    """A receiver whose sampling clock runs fast (or slow), as a stream in blocks.

    Output sample m is the signal at input sample ``m / (1 + ppm 1e-6)``. The spurious part is below -70 dB up to 0.39
    of the sample rate. The signal before the first sample and after the last is taken as zero.

    Args:
        ppm: parts per million by which the clock is fast.
        n_channels: streams sampled together.

    Raises:
        ValueError: more than 10 % off, or no channel.
    """

    def __init__(self, ppm: float, n_channels: int = 1) -> None:
        if not abs(ppm) <= 1e5:
            raise ValueError(f"{ppm} ppm is not allowed: at most 1e5 either way")
        if n_channels < 1:
            raise ValueError(f"{n_channels} channels are not allowed: at least 1")
        self._ratio = 1 + ppm * 1e-6
        # the history begins TAPS zeros before the stream, so that its first sample is under the middle of a filter
        self._history = np.zeros((n_channels, TAPS), np.complex64)
        self._history_start = -TAPS
        self._n_in = 0
        self._n_out = 0

    def apply(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The output that the input so far determines.

        Args:
            samples: complex64 ``(n_channels, n)`` or ``(n,)`` for one channel; the next of the stream.

        Returns:
            complex64 of the same number of dimensions; about n (1 + ppm 1e-6) samples.

        Raises:
            ValueError: another number of channels.
        """
        block = np.atleast_2d(np.asarray(samples, np.complex64))
        if block.ndim != 2 or len(block) != len(self._history):
            raise ValueError(
                f"samples of shape {np.shape(samples)} do not fit: {len(self._history)} channels are needed"
            )
        self._n_in += block.shape[1]
        out = self._advance(block, self._n_in - TAPS // 2)
        return out[0] if np.ndim(samples) == 1 else out

    def flush(self) -> NDArray[np.complex64]:
        """The rest of the output: ``(n_channels, n)``."""
        return self._advance(np.zeros((len(self._history), TAPS), np.complex64), self._n_in)

    def _advance(self, block: NDArray[np.complex64], end: int) -> NDArray[np.complex64]:
        """Append input and compute the outputs at input positions below ``end``."""
        buffer = np.concatenate([self._history, block], axis=1)
        last = max(math.ceil(end * self._ratio), self._n_out)
        while last > self._n_out and (last - 1) / self._ratio >= end:
            last -= 1
        out = np.empty((len(buffer), last - self._n_out), np.complex64)
        for first in range(self._n_out, last, _BLOCK):
            count = min(_BLOCK, last - first)
            start = first / self._ratio - self._history_start
            out[:, first - self._n_out :][:, :count] = interpolate(buffer, start, 1 / self._ratio, count)
        self._n_out = last
        keep = math.floor(self._n_out / self._ratio) - TAPS
        self._history = buffer[:, keep - self._history_start :].copy()
        self._history_start = keep
        return out


def sample_rate_offset(samples: NDArray[np.complex64], ppm: float) -> NDArray[np.complex64]:
    """A whole recording as a receiver takes it whose sampling clock is ``ppm`` fast; see `SampleRateOffset`.

    Args:
        samples: complex64 ``(n,)`` or ``(n_channels, n)``.
        ppm: parts per million.

    Returns:
        complex64 with about n (1 + ppm 1e-6) samples.

    Raises:
        ValueError: more than 10 % off.
    """
    block = np.atleast_2d(np.asarray(samples, np.complex64))
    stream = SampleRateOffset(ppm, len(block))
    out = np.concatenate([stream.apply(block), stream.flush()], axis=1)
    return out[0] if np.ndim(samples) == 1 else out
