"""Interferers at a receiver: a tone, a band of noise, another cell.

The level of an interferer is its ratio to the noise, INR, in a resource element that it covers: with unitary OFDM,
noise of power p a sample has power p in a resource element too.
"""

import math
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

from picocell.kernels.propagation import Noise
from picocell.radio.channel.impairments import frequency_offset

_FILTER_TAPS: Final = 257


class Interferer(Protocol):
    """A source of unwanted samples, as a stream."""

    def draw(self, n: int) -> NDArray[np.complex64]:
        """The next ``n`` samples: complex64 ``(n_rx, n)``."""
        ...


def level(inr_db: float, noise_power: float) -> float:
    """Power that is ``inr_db`` above noise of power ``noise_power``.

    Raises:
        ValueError: a power that is negative, or numbers that are not finite.
    """
    if not 0 <= noise_power < math.inf or not math.isfinite(inr_db):
        raise ValueError(
            f"INR {inr_db} dB over noise of {noise_power} is not allowed: finite numbers, noise at least 0"
        )
    return noise_power * 10 ** (inr_db / 10)


class Tone:
    """A continuous wave, in each antenna with a phase of its own.

    On a subcarrier's frequency it has in that resource element ``fft_size`` times its power a sample.

    Args:
        frequency_hz: frequency from the carrier.
        power: mean power a sample.
        sample_rate: samples per second.
        n_rx: receive antennas.
        seed: of its phases.

    Raises:
        ValueError: a frequency outside half the sample rate, or a power that is not allowed.
    """

    def __init__(
        self, frequency_hz: float, power: float, sample_rate: float, n_rx: int = 1, seed: int | None = None
    ) -> None:
        _check_band(frequency_hz, frequency_hz, sample_rate)
        _check_power(power)
        self.frequency_hz, self.sample_rate = frequency_hz, sample_rate
        turns = np.random.default_rng(seed).random((n_rx, 1))
        self._phasors = (math.sqrt(power) * np.exp(2j * np.pi * turns)).astype(np.complex64)
        self._position = 0

    def draw(self, n: int) -> NDArray[np.complex64]:
        """The next ``n`` samples: complex64 ``(n_rx, n)``."""
        start, self._position = self._position, self._position + n
        steady = np.ascontiguousarray(np.broadcast_to(self._phasors, (len(self._phasors), n)))
        return frequency_offset(steady, self.frequency_hz, self.sample_rate, start)


class NoiseBand:
    """White noise in a band, independent in each antenna.

    Args:
        low_hz: lower edge from the carrier.
        high_hz: upper edge.
        density: power of a resource element within the band; a sample has the band's share of it.
        sample_rate: samples per second. The edges are 1.5 % of it wide.
        n_rx: receive antennas.
        seed: of the noise.

    Raises:
        ValueError: edges outside half the sample rate or in the wrong order, or a power that is not allowed.
    """

    def __init__(
        self,
        low_hz: float,
        high_hz: float,
        density: float,
        sample_rate: float,
        n_rx: int = 1,
        seed: int = 0,
    ) -> None:
        _check_band(low_hz, high_hz, sample_rate)
        if not low_hz < high_hz:
            raise ValueError(f"a band from {low_hz} to {high_hz} Hz is not allowed: the lower edge comes first")
        _check_power(density)
        self._density = density
        half = (high_hz - low_hz) / 2
        low_pass = firwin(_FILTER_TAPS, half, fs=sample_rate) if half < sample_rate / 2 else np.ones(1)
        centre = (low_hz + high_hz) / 2 / sample_rate
        taps = low_pass * np.exp(2j * np.pi * centre * np.arange(len(low_pass)))
        self._taps: NDArray[np.complex64] = taps.astype(np.complex64)
        self._noise = Noise(seed)
        self._history = self._noise.draw((n_rx, len(taps) - 1), density)

    def draw(self, n: int) -> NDArray[np.complex64]:
        """The next ``n`` samples: complex64 ``(n_rx, n)``."""
        fresh = self._noise.draw((len(self._history), n), self._density)
        buffer = np.concatenate([self._history, fresh], axis=1)
        self._history = buffer[:, n:]
        return _filtered(buffer, self._taps)


class OtherCell:
    """What another transmitter sends, through a channel of its own, at a level of its own.

    Args:
        samples: gives the next ``n`` samples of the transmitter, complex64 ``(n_tx, n)``, 1 in a resource element.
        power: power of a resource element as it arrives.
        channel: from its to the receiver's antennas, such as ``open_channel("EPA5", rate).apply``.
        frequency_hz: by which it arrives moved up.
        sample_rate: samples per second.

    Raises:
        ValueError: a power or frequency that is not allowed.
    """

    def __init__(
        self,
        samples: Callable[[int], NDArray[np.complex64]],
        power: float,
        channel: Callable[[NDArray[np.complex64]], NDArray[np.complex64]],
        frequency_hz: float = 0.0,
        sample_rate: float = math.inf,
    ) -> None:
        _check_power(power)
        _check_band(frequency_hz, frequency_hz, sample_rate)
        self._samples, self._channel = samples, channel
        self._amplitude = np.float32(math.sqrt(power))
        self.frequency_hz, self.sample_rate = frequency_hz, sample_rate
        self._position = 0

    def draw(self, n: int) -> NDArray[np.complex64]:
        """The next ``n`` samples: complex64 ``(n_rx, n)``."""
        start, self._position = self._position, self._position + n
        arrived = np.asarray(self._channel(self._samples(n)) * self._amplitude, np.complex64)
        if not self.frequency_hz:
            return arrived
        return frequency_offset(arrived, self.frequency_hz, self.sample_rate, start)


def _check_power(power: float) -> None:
    if not 0 <= power < math.inf:
        raise ValueError(f"power {power} is not allowed: at least 0 and finite")


def _check_band(low_hz: float, high_hz: float, sample_rate: float) -> None:
    for edge in (low_hz, high_hz):
        if not abs(edge) <= sample_rate / 2:
            raise ValueError(f"frequency {edge} Hz is outside {-sample_rate / 2:.12g}..{sample_rate / 2:.12g} Hz")


def _filtered(buffer: NDArray[np.complex64], taps: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """The part of a convolution that depends on the buffer alone."""
    length = 1 << (buffer.shape[1] + len(taps) - 2).bit_length()
    spectrum = np.fft.fft(buffer, length) * np.fft.fft(taps, length)
    return np.asarray(np.fft.ifft(spectrum)[:, len(taps) - 1 : buffer.shape[1]], np.complex64)
