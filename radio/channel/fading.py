"""Multipath fading: the EPA, EVA and ETU profiles, each tap a Rayleigh process with Jakes' spectrum (TS 36.101 B.2)."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import sum_of_sinusoids
from picocell.radio.channel.correlation import root
from picocell.radio.channel.interpolation import TAPS
from picocell.radio.channel.profiles import PROFILES as PROFILES
from picocell.radio.channel.profiles import Profile as Profile
from picocell.radio.channel.profiles import profile as profile
from picocell.radio.channel.stream import TappedStream

_SINUSOIDS: Final = 32


def parse(text: str) -> tuple[Profile, float]:
    """Profile and Doppler frequency in hertz of a name such as ``EPA5`` or ``ETU300`` (TS 36.101 Table B.2.2-1).

    Raises:
        ValueError: another form, or an unknown profile.
    """
    match = re.fullmatch(r"([A-Za-z]+)(\d+(?:\.\d+)?)", text)
    if not match:
        raise ValueError(f"channel {text!r} is not allowed: a profile and its Doppler frequency in Hz, such as EPA5")
    return profile(match[1].upper()), float(match[2])


class RayleighGains:
    """Rayleigh fading taps between all transmit and receive antennas.

    Each tap of each antenna pair is a sum of 32 sinusoids whose angles of arrival are spread evenly, jittered and
    turned at random, so its autocorrelation is close to J0(2 pi f_D t) in every realisation. Its mean power over
    realisations is the profile's, in all 1 from each transmit to each receive antenna. Correlated antennas are mixtures
    of independent ones: the square root of the matrix of TS 36.101 B.2.3 times them. A Doppler frequency of 0 is a
    channel that does not change.

    Args:
        profile: delay profile, or its name.
        doppler_hz: maximum Doppler frequency.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: seed of the realisation.
        level: correlation of the antennas: low, medium or high.

    Raises:
        ValueError: a frequency or number of antennas that is not allowed, or an unknown profile or level.
    """

    def __init__(
        self,
        profile: Profile | str,
        doppler_hz: float,
        n_tx: int = 1,
        n_rx: int = 1,
        seed: int | Sequence[int] | np.random.SeedSequence | None = None,
        *,
        level: str = "low",
    ) -> None:
        if not 0 <= doppler_hz < np.inf:
            raise ValueError(f"Doppler frequency {doppler_hz} Hz is not allowed: at least 0 and finite")
        if n_tx < 1 or n_rx < 1:
            raise ValueError(f"{n_tx} transmit and {n_rx} receive antennas are not allowed: at least 1 each")
        self.profile = _by_name(profile)
        self.delays_s: tuple[float, ...] = self.profile.delays_s
        self.doppler_hz = float(doppler_hz)
        self.n_tx, self.n_rx = n_tx, n_rx
        self._root = root(level, n_tx, n_rx).astype(np.float32) if level != "low" else None
        rng = np.random.default_rng(seed)
        shape = (n_rx * n_tx * len(self.delays_s), _SINUSOIDS)
        even = np.arange(_SINUSOIDS) + rng.random(shape)
        self._rates = self.doppler_hz * np.cos(2 * np.pi * even / _SINUSOIDS)
        self._phases = rng.random(shape)
        amplitude = np.sqrt(np.array(self.profile.powers) / _SINUSOIDS)
        self._amplitudes = np.tile(amplitude, n_rx * n_tx).astype(np.float32)

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Tap gains at given times in seconds: complex64 ``(n_rx, n_tx, n_taps, len(times))``."""
        alone = sum_of_sinusoids(self._rates, self._phases, self._amplitudes, times)
        gains = alone.reshape(self.n_rx, self.n_tx, len(self.delays_s), len(times))
        if self._root is None:
            return gains
        by_transmitter = gains.swapaxes(0, 1).reshape(self.n_tx * self.n_rx, -1)
        # no BLAS: its threads cost more than they bring here
        mixed = np.einsum("ij,jt->it", self._root, by_transmitter).reshape(self.n_tx, self.n_rx, *gains.shape[2:])
        return np.asarray(mixed.swapaxes(0, 1), np.complex64)


class FadingChannel(TappedStream):
    """`RayleighGains` on samples, as a stream in blocks.

    Args:
        profile: delay profile, or its name.
        doppler_hz: maximum Doppler frequency.
        sample_rate: samples per second; the occupied band must be within 0.39 of it on either side.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: seed of the realisation.
        level: correlation of the antennas: low, medium or high.

    Attributes:
        latency: samples by which the first path comes late, because taps between samples need filters.

    Raises:
        ValueError: a frequency, rate or number of antennas that is not allowed.
    """

    latency = TAPS // 2 - 1

    def __init__(
        self,
        profile: Profile | str,
        doppler_hz: float,
        sample_rate: float,
        n_tx: int = 1,
        n_rx: int = 1,
        seed: int | np.random.SeedSequence | None = None,
        *,
        level: str = "low",
    ) -> None:
        gains = RayleighGains(profile, doppler_hz, n_tx, n_rx, seed, level=level)
        super().__init__(gains, sample_rate)
        self.profile, self.doppler_hz = gains.profile, gains.doppler_hz

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Tap gains at given times in seconds: complex64 ``(n_rx, n_tx, n_taps, len(times))``."""
        return self.taps.gains(times)


def _by_name(choice: Profile | str) -> Profile:
    """A profile, looked up if it is a name."""
    return profile(choice) if isinstance(choice, str) else choice
