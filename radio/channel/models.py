"""Channels by name: what every model offers, and the factories that open one on samples or on a resource grid.

Names, upper or lower case:

- ``AWGN``: one path that does not fade, each pair of antennas with a phase of its own;
- ``static``: the fixed matrices of TS 36.101 B.1;
- ``EPA5``, ``EVA70``, ``ETU300``: a profile and its maximum Doppler frequency in hertz (TS 36.101 B.2), antennas
  independent; ``EVA70-low``, ``EVA70-medium``, ``EVA70-high`` say how they are correlated (B.2.3);
- ``HST``, ``HST1``, ``HST3``, ``HST1-500a``, …: a high-speed train (TS 36.101 B.3, TS 36.104 B.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel import train
from picocell.radio.channel.correlation import LEVELS
from picocell.radio.channel.fading import RayleighGains
from picocell.radio.channel.gains import FixedGains, TapGains, static_matrix
from picocell.radio.channel.grid import TappedGrid
from picocell.radio.channel.profiles import PROFILES, profile
from picocell.radio.channel.stream import TappedStream
from picocell.radio.channel.train import TrainGains

Seed = int | Sequence[int] | np.random.SeedSequence | None

AWGN: Final = "AWGN"
STATIC: Final = "static"

_FADING: Final = re.compile(r"([A-Z]{3})(\d+(?:\.\d+)?)(?:-([A-Z]+))?")


class Channel(Protocol):
    """A channel on samples, as a stream in blocks.

    Mean power from each transmit to each receive antenna is 1: path loss and noise are added outside.

    Attributes:
        n_tx: transmit antennas.
        n_rx: receive antennas.
    """

    n_tx: int
    n_rx: int

    @property
    def latency(self) -> int:
        """Samples by which the first path comes late, because paths between samples need filters."""
        ...

    @property
    def memory(self) -> int:
        """Samples that go on to arrive after the last one that was sent."""
        ...

    def apply(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The next samples of the stream, received: complex64 ``(n_tx, n)`` to ``(n_rx, n)``.

        Raises:
            ValueError: another number of antennas.
        """
        ...

    def skip(self, n: int) -> None:
        """Let ``n`` samples of silence pass, where silence has already filled the channel's memory."""
        ...

    def frequency_response(self, time: float, frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
        """True response at a time in seconds since the stream began, `latency` left out.

        Returns:
            complex64 ``(n_rx, n_tx, len(frequencies))``.
        """
        ...


class GridChannel(Protocol):
    """The same channel on resource elements: exact where the prefix covers the delays and no gain moves in a symbol.

    Attributes:
        n_tx: transmit antennas.
        n_rx: receive antennas.
    """

    n_tx: int
    n_rx: int

    def response(self, start_s: float = 0.0) -> NDArray[np.complex64]:
        """True response of every resource element of a block that begins at ``start_s``.

        Returns:
            complex64 ``(n_rx, n_tx, n_symb, n_sc)``.
        """
        ...

    def apply_grid(
        self, grid: NDArray[np.complex64], start_s: float = 0.0
    ) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """A transmit grid as it arrives, without noise, and the true response.

        Args:
            grid: complex64 ``(n_tx, n_symb, n_sc)``.
            start_s: time in seconds at which the block begins; ``n * 1e-3`` for subframe n.

        Returns:
            complex64 ``(n_rx, n_symb, n_sc)``, and the response ``(n_rx, n_tx, n_symb, n_sc)``.

        Raises:
            ValueError: a grid of another shape.
        """
        ...


@dataclass(frozen=True, slots=True)
class Name:
    """A channel's name, read.

    Attributes:
        kind: ``AWGN``, ``static``, a profile (EPA, EVA, ETU) or a train's scenario (HST, HST1, …).
        doppler_hz: maximum Doppler frequency of a fading channel.
        level: correlation of its antennas: low, medium or high.
    """

    kind: str
    doppler_hz: float = 0.0
    level: str = "low"


def parse(text: str) -> Name:
    """Read a channel's name.

    Raises:
        ValueError: there is no such channel; says what is allowed.
    """
    upper = text.upper()
    fixed = {name.upper(): name for name in (AWGN, STATIC, *train.SCENARIOS)}
    if upper in fixed:
        return Name(fixed[upper])
    match = _FADING.fullmatch(upper)
    if match and match[1] in PROFILES and (match[3] or "LOW").lower() in LEVELS:
        return Name(match[1], float(match[2]), (match[3] or "LOW").lower())
    raise ValueError(
        f"channel {text!r} is not allowed: {AWGN}, {STATIC}, one of {', '.join(PROFILES)} with its Doppler frequency in"
        f" Hz such as EPA5, and -{', -'.join(LEVELS)} for correlated antennas such as EVA70-medium,"
        f" or one of {', '.join(train.SCENARIOS)}"
    )


def check(name: str) -> None:
    """Refuse a channel that there is not.

    Raises:
        ValueError: what is allowed.
    """
    parse(name)


def tap_gains(name: str, n_tx: int, n_rx: int, seed: Seed = None, *, carrier_hz: float | None = None) -> TapGains:
    """The process of a channel's taps: the same for the same seed, whether on samples or on a grid.

    Raises:
        ValueError: an unknown channel, or antennas for which it is not defined.
    """
    what = parse(name)
    if n_tx < 1 or n_rx < 1:
        raise ValueError(f"{n_tx} transmit and {n_rx} receive antennas are not allowed: at least 1 each")
    if what.kind == AWGN:
        return FixedGains.with_phases(n_tx, n_rx, seed)
    if what.kind == STATIC:
        return FixedGains(static_matrix(n_tx, n_rx))
    if what.kind in train.SCENARIOS:
        return TrainGains(train.scenario(what.kind), n_tx, n_rx, carrier_hz=carrier_hz)
    return RayleighGains(profile(what.kind), what.doppler_hz, n_tx, n_rx, seed, level=what.level)


def open_channel(
    name: str, sample_rate: float, n_tx: int = 1, n_rx: int = 1, seed: Seed = None, *, carrier_hz: float | None = None
) -> Channel:
    """A channel on samples.

    Args:
        name: such as ``EVA70-medium``; see the module.
        sample_rate: samples per second; the occupied band must be within 0.39 of it on either side.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: seed of the realisation.
        carrier_hz: carrier from which a train's Doppler frequency follows; without it, the scenario's own.

    Raises:
        ValueError: an unknown channel, antennas for which it is not defined, or a rate that does not fit.
    """
    return TappedStream(tap_gains(name, n_tx, n_rx, seed, carrier_hz=carrier_hz), sample_rate)


def grid_channel(
    name: str,
    symbol_times_s: NDArray[np.float64] | Sequence[float],
    frequencies_hz: NDArray[np.float64],
    n_tx: int = 1,
    n_rx: int = 1,
    seed: Seed = None,
    *,
    carrier_hz: float | None = None,
) -> GridChannel:
    """The same channel on the resource elements of blocks of symbols.

    Args:
        name: such as ``EVA70-medium``; see the module.
        symbol_times_s: time of the middle of each symbol after the start of its block (a subframe).
        frequencies_hz: frequency of each subcarrier from the carrier's centre.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: seed of the realisation.
        carrier_hz: carrier from which a train's Doppler frequency follows; without it, the scenario's own.

    Raises:
        ValueError: an unknown channel, or antennas for which it is not defined.
    """
    gains = tap_gains(name, n_tx, n_rx, seed, carrier_hz=carrier_hz)
    return TappedGrid(gains, np.asarray(symbol_times_s, np.float64), np.asarray(frequencies_hz, np.float64))
