"""The air between the ends of a link: channel and noise on resource elements, or on samples with OFDM around them."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import Noise
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import symbol_times
from picocell.phy.lte.frame import SUBCARRIER_SPACING, TTI_MODULO
from picocell.radio.channel.models import tap_gains
from picocell.sims.point import children

C64 = NDArray[np.complex64]
F64 = NDArray[np.float64]

_SINGLE_THREAD: Final = 60_000
"""Products a matrix multiplication may take in one thread."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a grid's resource elements lie in time and frequency.

    Attributes:
        times_s: middle of each symbol's useful part after the start of the subframe.
        frequencies_hz: each subcarrier from the carrier's centre.
    """

    times_s: F64
    frequencies_hz: F64


def layout(cell: Cell, *, uplink: bool) -> Layout:
    """Layout of a cell's subframes: the downlink leaves out 0 Hz, the uplink is half a subcarrier up."""
    k = np.arange(cell.n_sc) - cell.n_sc // 2
    steps = k + 0.5 if uplink else k + (k >= 0)
    times = np.array(symbol_times(cell)) + 0.5 / SUBCARRIER_SPACING
    return Layout(times, SUBCARRIER_SPACING * steps.astype(np.float64))


@dataclass(slots=True)
class Arrival:
    """A subframe as it arrives.

    Attributes:
        tti: 10 SFN + subframe, modulo 10240.
        grid: complex64 ``(n_rx, n_symb, n_sc)`` with noise.
        h: true channel, complex64 ``(n_rx, n_tx, n_symb, n_sc)``.
    """

    tti: int
    grid: C64
    h: C64


class Air(Protocol):
    """Carries grids: a subframe may be received once the next has been sent."""

    def send(self, tti: int, grid: C64 | None) -> None:
        """Send a subframe, complex64 ``(n_tx, n_symb, n_sc)``, or silence; `tti` only grows."""
        ...

    def receive(self) -> Arrival | None:
        """The oldest subframe that has not been received; None if it was silent."""
        ...


def noise_source(seed: np.random.SeedSequence) -> Noise:
    """White noise of a seed."""
    return Noise(seed.generate_state(4).tolist())


class GridResponse:
    """True response of every resource element of a subframe, by the channel's taps.

    Args:
        channel: its name.
        where: layout of the grid.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        seed: of the realisation.
    """

    def __init__(self, channel: str, where: Layout, n_tx: int, n_rx: int, seed: np.random.SeedSequence) -> None:
        self._taps = tap_gains(channel, n_tx, n_rx, seed)
        self._times = where.times_s
        turns = np.multiply.outer(np.array(self._taps.delays_s), where.frequencies_hz) % 1.0
        self._turns = np.exp(-2j * np.pi * turns).astype(np.complex64)
        # matrix products above a size start threads, which a worker must not
        self._rows = max(_SINGLE_THREAD // self._turns.size, 1)
        self._still = self._at(0.0) if self._taps.doppler_hz == 0 else None

    def at(self, start_s: float) -> C64:
        """Response of a subframe that begins at `start_s`: complex64 ``(n_rx, n_tx, n_symb, n_sc)``, read-only."""
        return self._at(start_s) if self._still is None else self._still

    def _at(self, start_s: float) -> C64:
        gains = self._taps.gains(start_s + self._times).swapaxes(-1, -2)
        out = np.empty((*gains.shape[:-1], self._turns.shape[1]), np.complex64)
        for first in range(0, gains.shape[2], self._rows):
            part = slice(first, first + self._rows)
            np.matmul(gains[:, :, part], self._turns, out=out[:, :, part])
        out.flags.writeable = False
        return out


class GridAir:
    """Channel and noise on resource elements: the cyclic prefix covers all delays and nothing moves within a symbol.

    Args:
        channel: its name (:mod:`picocell.radio.channel.models`).
        where: layout of the grid.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        noise_power: noise power of a resource element and receive antenna.
        seed: of the realisation and of the noise.
    """

    def __init__(
        self, channel: str, where: Layout, n_tx: int, n_rx: int, noise_power: float, seed: np.random.SeedSequence
    ) -> None:
        of_channel, of_noise = children(seed, 2)
        self._response = GridResponse(channel, where, n_tx, n_rx, of_channel)
        self._noise = noise_source(of_noise)
        self._noise_power = noise_power
        self._sent: list[tuple[int, C64 | None]] = []

    def send(self, tti: int, grid: C64 | None) -> None:
        """Send a subframe."""
        self._sent.append((tti, grid))

    def receive(self) -> Arrival | None:
        """The oldest subframe."""
        tti, grid = self._sent.pop(0)
        if grid is None:
            return None
        h = self._response.at(tti * 1e-3)
        received = h[:, 0] * grid[0]
        for port in range(1, len(grid)):
            received += h[:, port] * grid[port]
        self._noise.add(received, self._noise_power)
        return Arrival(tti % TTI_MODULO, received, h)
