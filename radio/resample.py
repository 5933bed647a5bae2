"""Changing the sample rate by a ratio of whole numbers."""

import math
from fractions import Fraction
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MAX_FACTOR: Final = 4096
_STOPBAND_DB: Final = 70.0
_PASSBAND: Final = 0.8


def ratio(rate_in: float, rate_out: float) -> Fraction:
    """``rate_out / rate_in`` as a fraction of whole numbers.

    Raises:
        ValueError: a rate that is not positive, or two without a ratio of whole numbers up to 4096.
    """
    if not (0 < rate_in < math.inf and 0 < rate_out < math.inf):
        raise ValueError(f"sample rates {rate_in} and {rate_out} are not usable: they must be positive")
    exact = Fraction(rate_out) / Fraction(rate_in)
    near = exact.limit_denominator(_MAX_FACTOR)
    if not near or abs(near - exact) > exact * Fraction(1, 10**9) or near.numerator > _MAX_FACTOR:
        raise ValueError(
            f"sample rate {rate_in:.12g} cannot be brought to {rate_out:.12g}:"
            f" their ratio is none of whole numbers up to {_MAX_FACTOR}"
        )
    return near


class Resampler:
    """Polyphase resampling of a stream in blocks; delay-free: output sample m is at input time m * rate_in / rate_out.

    The band kept is 0.8 of the lower rate's; what would alias into it is 70 dB down. A strong reduction of the rate is
    made in two steps, of which the first has a short filter.

    Args:
        rate_in: samples per second in.
        rate_out: samples per second out.
        n_channels: streams resampled together.

    Raises:
        ValueError: rates without a usable ratio (see :func:`ratio`), or no channel.
    """

    def __init__(self, rate_in: float, rate_out: float, n_channels: int = 1) -> None:
        if n_channels < 1:
            raise ValueError(f"{n_channels} channels are not allowed: at least 1")
        self._ratio = ratio(rate_in, rate_out)
        self._n_channels = n_channels
        self._n_in = 0
        self._n_out = 0
        first = _first_step(self._ratio)
        # edges of pass and stop band in units of the rate before the step
        keep = min(float(self._ratio), 1.0) / 2
        self._stages = []
        if first > 1:
            self._stages.append(_Stage(Fraction(1, first), n_channels, _PASSBAND * keep, 1 / first - keep))
        self._stages.append(_Stage(self._ratio * first, n_channels, _PASSBAND * keep * first, keep * first))

    def process(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The output that the samples so far determine.

        Args:
            samples: complex ``(n_channels, n)``, or ``(n,)`` for one channel; the next of the stream.

        Returns:
            complex64, of the same number of dimensions.

        Raises:
            ValueError: another number of channels.
        """
        block = np.atleast_2d(np.asarray(samples, np.complex64))
        if block.ndim != 2 or len(block) != self._n_channels:
            raise ValueError(f"samples of shape {np.shape(samples)} do not fit: {self._n_channels} channels are needed")
        self._n_in += block.shape[1]
        for stage in self._stages:
            block = stage.process(block)
        self._n_out += block.shape[1]
        return block[0] if np.ndim(samples) == 1 else block

    def flush(self) -> NDArray[np.complex64]:
        """The rest of the output, as if zeros followed: ``(n_channels, n)``. In all ceil(n_in * up / down) samples."""
        block = np.zeros((self._n_channels, 0), np.complex64)
        for stage in self._stages:
            block = np.concatenate([stage.process(block), stage.flush()], axis=1)
        return block[:, : math.ceil(self._n_in * self._ratio) - self._n_out]


class _Stage:
    """One step of resampling."""

    def __init__(self, by: Fraction, n_channels: int, pass_edge: float, stop_edge: float) -> None:
        self._up, self._down = by.numerator, by.denominator
        self._half, self._taps = _filter(self._up, self._down, pass_edge, stop_edge)
        self._history = np.zeros((n_channels, 0), np.complex64)
        self._history_start = 0
        self._n_in = 0
        self._n_out = 0

    def process(self, block: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The output that the input so far determines."""
        self._n_in += block.shape[1]
        return self._advance(block, ((self._n_in - 1) * self._up - self._half) // self._down + 1)

    def flush(self) -> NDArray[np.complex64]:
        """The rest of the output, as if zeros followed."""
        tail = np.zeros((len(self._history), self._half // self._up + 1), np.complex64)
        return self._advance(tail, -(-self._n_in * self._up // self._down))

    def _advance(self, block: NDArray[np.complex64], end: int) -> NDArray[np.complex64]:
        """Append input and compute the outputs up to ``end``."""
        buffer = np.concatenate([self._history, block], axis=1)
        count = max(end - self._n_out, 0)
        out = np.zeros((len(buffer), 0), np.complex64)
        if count:
            # the history starts at a multiple of `down`, so it starts at a whole output sample
            first = self._n_out - self._history_start * self._up // self._down + len(self._taps) // 2 // self._down
            filtered = _signal().upfirdn(self._taps, buffer, self._up, self._down, axis=1)
            out = np.ascontiguousarray(filtered[:, first : first + count], np.complex64)
        self._n_out += count
        needed = max((self._n_out * self._down - self._half) // self._up, 0) // self._down * self._down
        self._history = buffer[:, needed - self._history_start :].copy()
        self._history_start = needed
        return out


def resample(samples: NDArray[np.complex64], rate_in: float, rate_out: float) -> NDArray[np.complex64]:
    """A whole recording at another sample rate.

    Args:
        samples: complex ``(n,)`` or ``(n_channels, n)``.
        rate_in: its samples per second.
        rate_out: samples per second wanted.

    Returns:
        complex64 with ``ceil(n * rate_out / rate_in)`` samples, aligned in time with the input.

    Raises:
        ValueError: rates without a usable ratio (see :func:`ratio`).
    """
    block = np.atleast_2d(np.asarray(samples, np.complex64))
    if ratio(rate_in, rate_out) == 1:
        out = block.copy()
    else:
        resampler = Resampler(rate_in, rate_out, len(block))
        out = np.concatenate([resampler.process(block), resampler.flush()], axis=1)
    return out[0] if np.ndim(samples) == 1 else out


@cache
def _signal() -> Any:
    """SciPy's filters, which take a while to import, for those who change rates."""
    import scipy.signal

    return scipy.signal


def _first_step(by: Fraction) -> int:
    """Factor to reduce the rate by in a first step: the largest that leaves at least twice the final rate."""
    factors = [f for f in range(2, by.denominator + 1) if by.denominator % f == 0 and by * f <= Fraction(1, 2)]
    return max(factors, default=1)


def _filter(up: int, down: int, pass_edge: float, stop_edge: float) -> tuple[int, NDArray[np.float32]]:
    """Half length of a low-pass filter, and its taps with a centre that is a multiple of ``down``.

    The edges are in units of the rate before the step.
    """
    if up == down:
        return 0, np.ones(1, np.float32)
    n_taps, beta = _signal().kaiserord(_STOPBAND_DB, 2 * (stop_edge - pass_edge) / up)
    half = -(-n_taps // 2)
    taps = up * _signal().firwin(2 * half + 1, (pass_edge + stop_edge) / up, window=("kaiser", beta))
    centre = -(-half // down) * down
    return half, np.pad(taps, centre - half).astype(np.float32)
