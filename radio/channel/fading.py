"""Multipath fading: the EPA, EVA and ETU profiles, each tap a Rayleigh process with Jakes' spectrum (TS 36.101 B.2)."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import add_moving_fir
from picocell.radio.channel.interpolation import TAPS, fractional_taps

PROFILES: Final = ("EPA", "EVA", "ETU")

_TABLE: Final = "36101_B.2_lte_profiles.csv"
_SINUSOIDS: Final = 32
# gains move by at most this share of a Doppler cycle between two points that a line joins: -66 dB of error
_STEP_CYCLES: Final = 0.01
_MAX_STEP: Final = 4096
_KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """A tapped delay line.

    Attributes:
        name: its name.
        delays_s: excess delay of each tap in seconds.
        powers: mean power of each tap; their sum is 1.
    """

    name: str
    delays_s: tuple[float, ...]
    powers: tuple[float, ...]


@cache
def profile(name: str) -> Profile:
    """A delay profile by its name (TS 36.101 Tables B.2.1-2 to B.2.1-4).

    Raises:
        ValueError: none of :data:`PROFILES`.
    """
    if name not in PROFILES:
        raise ValueError(f"channel profile {name!r} is unknown: use one of {', '.join(PROFILES)}")
    text = files(__package__).joinpath("data", _TABLE).read_text(encoding="utf-8")
    rows = [r for r in csv.DictReader(text.splitlines()[1:]) if r["profile"] == name]
    powers = np.array([10 ** (float(r["power_dB"]) / 10) for r in rows])
    delays = tuple(float(r["delay_ns"]) * 1e-9 for r in rows)
    return Profile(name, delays, tuple((powers / powers.sum()).tolist()))


def parse(text: str) -> tuple[Profile, float]:
    """Profile and Doppler frequency in hertz of a name such as ``EPA5`` or ``ETU300`` (TS 36.101 Table B.2.2-1).

    Raises:
        ValueError: another form, or an unknown profile.
    """
    match = re.fullmatch(r"([A-Za-z]+)(\d+(?:\.\d+)?)", text)
    if not match:
        raise ValueError(f"channel {text!r} is not allowed: a profile and its Doppler frequency in Hz, such as EPA5")
    return profile(match[1].upper()), float(match[2])


class FadingChannel:
    """Independent Rayleigh fading between all transmit and receive antennas, as a stream in blocks.

    Each tap of each antenna pair is a sum of 32 sinusoids whose angles of arrival are spread evenly, jittered and
    turned at random, so its autocorrelation is close to J0(2 pi f_D t) in every realisation. Its mean power over
    realisations is the profile's, in all 1 from each transmit to each receive antenna. A Doppler frequency of 0 is a
    channel that does not change.

    Args:
        profile: delay profile, or its name.
        doppler_hz: maximum Doppler frequency.
        sample_rate: samples per second; the occupied band must be within 0.36 of it on either side.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: seed of the realisation.

    Attributes:
        latency: samples by which the first path comes late, because taps between samples need filters.

    Raises:
        ValueError: a frequency, rate or number of antennas that is not allowed.
    """

    latency: Final = TAPS // 2 - 1

    def __init__(
        self,
        profile: Profile | str,
        doppler_hz: float,
        sample_rate: float,
        n_tx: int = 1,
        n_rx: int = 1,
        seed: int | np.random.SeedSequence | None = None,
    ) -> None:
        if not 0 <= doppler_hz < 0.01 * sample_rate:
            raise ValueError(f"Doppler frequency {doppler_hz} Hz is outside 0..{0.01 * sample_rate:.12g} Hz")
        if n_tx < 1 or n_rx < 1:
            raise ValueError(f"{n_tx} transmit and {n_rx} receive antennas are not allowed: at least 1 each")
        self.profile = _by_name(profile)
        self.doppler_hz = float(doppler_hz)
        self.sample_rate = float(sample_rate)
        self.n_tx, self.n_rx = n_tx, n_rx
        self._composite = _composite_filters(self.profile, self.sample_rate)
        self._history = np.zeros((n_tx, self._composite.shape[1] - 1), np.complex64)
        self._responses: dict[int, NDArray[np.complex64]] = {}
        self._position = 0
        rng = np.random.default_rng(seed)
        shape = (n_rx, n_tx, len(self.profile.powers), _SINUSOIDS)
        even = np.arange(_SINUSOIDS) + rng.random(shape)
        self._rates = self.doppler_hz * np.cos(2 * np.pi * even / _SINUSOIDS)
        self._phases = rng.random(shape)
        fastest = self.doppler_hz / self.sample_rate
        self._step = int(np.clip(_STEP_CYCLES / fastest, 1, _MAX_STEP)) if fastest else _MAX_STEP

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Tap gains at given times in seconds: complex64 ``(n_rx, n_tx, n_taps, len(times))``."""
        amplitude = np.sqrt(np.array(self.profile.powers) / _SINUSOIDS).astype(np.float32)
        if len(times) <= _KEPT:
            turns = np.exp(2j * np.pi * ((self._rates[..., None] * times + self._phases[..., None]) % 1.0))
            return np.asarray(turns.sum(axis=-2) * amplitude[:, None], np.complex64)
        shape = (*self._rates.shape[:-1], len(times))
        total = np.zeros(shape, np.complex64)
        for i in range(_SINUSOIDS):
            cycles = self._rates[..., i, None] * times + self._phases[..., i, None]
            total += np.exp(2j * np.pi * (cycles % 1.0)).astype(np.complex64)
        return np.asarray(total * amplitude[:, None], np.complex64)

    def frequency_response(self, time: float, frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Response at a time in seconds and at frequencies in hertz, `latency` left out.

        Returns:
            complex64 ``(n_rx, n_tx, len(frequencies))``.
        """
        taps = self.gains(np.array([time]))[..., 0]
        turns = np.exp(-2j * np.pi * np.outer(self.profile.delays_s, frequencies))
        return np.asarray(taps @ turns, np.complex64)

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
        out = np.zeros((self.n_rx, n), np.complex64)
        done = 0
        while done < n:
            node, offset = divmod(self._position + done, self._step)
            end = min(done + self._step - offset, n)
            self._add_stretch(out, buffer, node, offset, done, end)
            done = end
        self._history = buffer[:, n:].copy()
        self._position += n
        return out

    def _add_stretch(
        self, out: NDArray[np.complex64], buffer: NDArray[np.complex64], node: int, offset: int, done: int, end: int
    ) -> None:
        """Samples ``done`` to ``end``, between two points of the grid of gains."""
        taps = self._response(node)
        slope = self._response(node + 1) - taps
        stretch = buffer[:, done : end + taps.shape[-1] - 1]
        for i in range(self.n_rx):
            for j in range(self.n_tx):
                add_moving_fir(
                    stretch[j], taps[i, j], slope[i, j], offset / self._step, 1 / self._step, out[i, done:end]
                )

    def _response(self, node: int) -> NDArray[np.complex64]:
        """Impulse responses at a point of the grid, complex64 (n_rx, n_tx, length); the last few are kept."""
        found = self._responses.get(node)
        if found is None:
            gains = self.gains(np.array([node * (self._step / self.sample_rate)]))[..., 0]
            found = np.asarray(gains @ self._composite, np.complex64)
            self._responses[node] = found
            while len(self._responses) > _KEPT:
                del self._responses[next(iter(self._responses))]
        return found

    @property
    def memory(self) -> int:
        """Samples that go on to arrive after the last one that was sent."""
        return int(self._history.shape[1])

    def skip(self, n: int) -> None:
        """Let ``n`` samples of silence pass, where silence has already filled the channel's memory."""
        self._history[:] = 0
        self._position += n


def _by_name(choice: Profile | str) -> Profile:
    """A profile, looked up if it is a name."""
    return profile(choice) if isinstance(choice, str) else choice


def _composite_filters(choice: Profile, sample_rate: float) -> NDArray[np.float32]:
    """Filter of each path, whole samples of delay included, in convolution order: float32 (n_taps, length).

    A path's filter delays by `FadingChannel.latency` samples in addition.
    """
    delays = np.array(choice.delays_s) * sample_rate
    # a delay of d is read 1 - (d mod 1) after the sample that is one more than its whole part back
    whole = np.floor(delays).astype(np.int64)
    filters = fractional_taps(1 - (delays - whole))[:, ::-1].astype(np.float32)
    out = np.zeros((len(whole), int(whole.max()) + filters.shape[1]), np.float32)
    for row, start, taps in zip(out, whole, filters, strict=True):
        row[start : start + len(taps)] = taps
    return out
