"""The air on samples: OFDM modulation, the channel's stream, errors of time and frequency, noise, OFDM demodulation."""

from collections.abc import Callable
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm, mix
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.frame import SUBCARRIER_SPACING, TTI_MODULO, cp_lengths, fft_size
from picocell.phy.lte.tracking import Tracker
from picocell.radio.channel.models import open_channel
from picocell.sims.air import Arrival, Layout, noise_source
from picocell.sims.point import children

C64 = NDArray[np.complex64]

CFO_HZ: Final = 100.0
"""Practical synchronisation begins with a carrier offset of at most this either way."""

TIMING_SHARE: Final = 0.125
"""Practical synchronisation begins at most this share of a cyclic prefix early or late."""

WARM_UP: Final = 40
"""Subframes that a downlink tracking loop hears before the first that counts; whole frames."""

_MARGIN: Final = 64
"""Samples kept from before a subframe, for a window that moves to earlier."""


class SampleAir:
    """An air on samples.

    Perfect synchronisation places the FFT window where the first path's prefix ends, and there is no carrier offset.
    With practical synchronisation the signal comes at another time and frequency: a downlink receiver follows it with
    the product's tracking loop, as cell search would have left it; an uplink receiver has only its channel estimator.

    Args:
        channel: its name.
        cell: the cell.
        where: layout of its grids.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        noise_power: noise power of a resource element, and so of a sample.
        seed: of realisation, noise and errors.
        uplink: SC-FDMA.
        practical: practical synchronisation.
        filler: what is sent in a subframe that carries no block; None for silence.
    """

    def __init__(
        self,
        channel: str,
        cell: Cell,
        where: Layout,
        n_tx: int,
        n_rx: int,
        noise_power: float,
        seed: np.random.SeedSequence,
        *,
        uplink: bool,
        practical: bool,
        filler: Callable[[int], C64] | None = None,
    ) -> None:
        of_channel, of_noise, of_errors = children(seed, 3)
        fft = fft_size(cell.n_prb)
        self._rate = float(fft * SUBCARRIER_SPACING)
        self._ofdm = Ofdm(cell.n_prb, fft, cell.cp is CyclicPrefix.EXTENDED, half_shift=uplink)
        self._length = self._ofdm.samples_per_subframe
        self._channel = open_channel(channel, self._rate, n_tx, n_rx, of_channel)
        self._noise, self._noise_power = noise_source(of_noise), noise_power
        self._where, self._n_tx, self._n_rx, self._filler = where, n_tx, n_rx, filler
        rng = np.random.default_rng(of_errors)
        prefix = cp_lengths(fft, cell.cp)[-1]
        most = int(TIMING_SHARE * prefix)
        self._late = int(rng.integers(-most, most + 1)) if practical else 0
        self._cfo = float(rng.uniform(-CFO_HZ, CFO_HZ)) / self._rate if practical else 0.0
        self._advance = prefix // 4 if practical else 0
        self._tracker: Tracker | None = None
        if practical and not uplink:
            self._tracker = Tracker(cell, self._rate, self._channel.latency - self._late)
        self._begun = False
        self._skipped = 0
        self._start_tti = self._next_tti = 0
        self._sent: list[tuple[int, _Kind]] = []
        self._buffer = np.zeros((n_rx, _MARGIN), np.complex64)
        self._origin = -_MARGIN  # stream index of the buffer's first sample

    def send(self, tti: int, grid: C64 | None) -> None:
        """Send a subframe; those since the last one carry no block."""
        if not self._begun:
            self._begun = True
            self._start_tti = self._next_tti = tti - (WARM_UP if self._tracker is not None else 0)
            self._skipped = max(self._start_tti, 0) * self._length  # as on a grid, the channel's time begins at TTI 0
            self._channel.skip(self._skipped)
        while self._next_tti < tti:
            self._transmit(self._filler(self._next_tti % TTI_MODULO) if self._filler is not None else None)
            self._sent.append((self._next_tti - 1, _Kind.FILLER))
        if grid is None and self._filler is not None:
            self._transmit(self._filler(tti % TTI_MODULO))
        else:
            self._transmit(grid)
        self._sent.append((tti, _Kind.SILENT if grid is None else _Kind.BLOCK))

    def receive(self) -> Arrival | None:
        """The oldest subframe that is no filler; None if it had no block."""
        while True:
            tti, kind = self._sent.pop(0)
            arrival = self._demodulate(tti, kind)
            if kind is not _Kind.FILLER:
                return arrival

    def _transmit(self, grid: C64 | None) -> None:
        """The next subframe of the stream, received into the buffer."""
        if grid is None:
            samples = np.zeros((self._n_tx, self._length), np.complex64)
        else:
            samples = self._ofdm.modulate(grid)
        out = np.ascontiguousarray(self._channel.apply(samples))
        if self._cfo:
            at = self._origin + self._buffer.shape[1]
            out = mix(out, self._cfo, self._cfo * at % 1.0)
        self._noise.add(out, self._noise_power)
        self._buffer = np.concatenate([self._buffer, out], axis=1)
        self._next_tti += 1

    def _demodulate(self, tti: int, kind: "_Kind") -> Arrival | None:
        """Grid of a subframe of which, and of the next one, the samples are there."""
        begin = (tti - self._start_tti) * self._length
        tracker = self._tracker
        if tracker is None:
            start, cfo, phase = begin + self._channel.latency - self._late, 0.0, 0.0
        else:
            start, cfo, phase = tracker.next_start, tracker.cfo, tracker.phase
        arrival = None
        if kind is _Kind.BLOCK or tracker is not None:
            first = max(start - self._origin, 0)
            window = np.ascontiguousarray(self._buffer[:, first : first + self._length])
            grid = self._ofdm.demodulate(window, cfo=cfo, phase=phase, window_advance=self._advance)
            if kind is _Kind.BLOCK:
                late = begin + self._channel.latency - start
                arrival = Arrival(tti % TTI_MODULO, grid, self._truth(begin, late))
            if tracker is not None:
                tracker.update_grid(tti % 10, grid)
        done = max(begin + self._length - _MARGIN - self._origin, 0)
        self._buffer, self._origin = self._buffer[:, done:], self._origin + done
        return arrival

    def _truth(self, begin: int, late: int) -> C64:
        """True channel of a subframe's resource elements; a carrier offset is not in it."""
        times = (self._skipped + begin) / self._rate + self._where.times_s
        frequencies = self._where.frequencies_hz
        h = np.stack([self._channel.frequency_response(float(t), frequencies) for t in times], axis=2)
        if late:
            h *= np.exp((-2j * np.pi * late / self._rate) * frequencies)
        return np.asarray(h, np.complex64)


class _Kind(Enum):
    """What a subframe is there for."""

    BLOCK = "block"
    SILENT = "silent"
    FILLER = "filler"
