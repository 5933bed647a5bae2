"""Holding a found cell: time, carrier frequency and sample rate from the reference signals of each subframe.

Time is read from the turn of the channel between neighbouring pilots of a symbol, the carrier offset from its turn
between two symbols that carry pilots on the same subcarriers. The loops start with the gains of a growing least-squares
fit and settle at fixed ones, so they converge fast and then stay quiet.
"""

from cmath import phase
from functools import lru_cache
from math import pi
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.pilots import Pilots
from picocell.phy.lte import crs, frame
from picocell.phy.lte.cell import Cell

_TIME_GAIN: Final = 0.06
_FREQUENCY_GAIN: Final = 0.04
_DRIFT_GAIN: Final = _TIME_GAIN**2 / (2 - _TIME_GAIN)
_QUALITY_GAIN: Final = 0.2
_ACQUIRING: Final = 5
_LOCK_AT: Final = 0.2
_LOSE_AT: Final = 0.12
_STEP_AT: Final = 0.75


class Measurement(NamedTuple):
    """What one subframe's pilots say.

    Attributes:
        delay: samples by which the signal comes later than assumed.
        cfo_hz: carrier offset that is left.
        quality: coherence of neighbouring pilots, complex: of magnitude S / (S + N) for a flat channel.
    """

    delay: float
    cfo_hz: float
    quality: complex


class Tracker:
    """Follows the downlink of one cell, a subframe at a time.

    Demodulate the subframe at `next_start` with `cfo` and `phase`, give its grid to `update_grid`, and so on::

        grid = ofdm.demodulate(samples[:, t.next_start : t.next_start + n], cfo=t.cfo, phase=t.phase)
        t.update_grid(subframe, grid)

    The carrier offset must be known to 1 kHz (half of the inverse of the 0.5 ms between pilots of a subcarrier) and the
    time to a twelfth of a symbol; cell search gives both.

    Args:
        cell: its bandwidth and cyclic prefix are used.
        sample_rate: samples per second, a multiple of 1.92 Msps.
        start: sample at which the first subframe starts; may be fractional.
        cfo_hz: carrier offset in hertz.

    Attributes:
        next_start: first sample of the next subframe.
        cfo: carrier offset in cycles per sample.
        phase: phase in cycles that the carrier offset has reached at `next_start`.
        quality: smoothed coherence of the pilots, 0..1.
        locked: whether the cell is heard.

    Raises:
        ValueError: a sample rate at which symbols are no whole numbers of samples.
    """

    def __init__(self, cell: Cell, sample_rate: float, start: float, cfo_hz: float = 0.0) -> None:
        fft, rest = divmod(sample_rate, frame.SUBCARRIER_SPACING)
        if rest or fft % 128 or fft < cell.n_sc:
            raise ValueError(f"sample rate {sample_rate:.12g} does not fit {cell.n_prb} PRB: a multiple of 1.92e6")
        self.cell = cell
        self.sample_rate = float(sample_rate)
        self.fft_size = int(fft)
        starts = frame.symbol_starts(self.fft_size, cell.cp)
        prefixes = frame.cp_lengths(self.fft_size, cell.cp)
        self.samples_per_subframe = starts[-1]
        self._useful = [s + prefixes[i % len(prefixes)] for i, s in enumerate(starts[:-1])]
        pilots, (first, second) = _pilots(cell)
        self._pilots = pilots, self._useful[second] - self._useful[first]
        self._references: dict[int, NDArray[np.complex64]] = {}
        self.reset(start, cfo_hz)

    def reset(self, start: float, cfo_hz: float = 0.0) -> None:
        """Start again from another place, as after a gap."""
        self.next_start = round(start)
        self.cfo = cfo_hz / self.sample_rate
        self.phase = 0.0
        self.quality = 0.0
        self.locked = False
        self._position = float(start)
        self._drift = 0.0
        self._coherence = 0j
        self._updates = 0

    @property
    def cfo_hz(self) -> float:
        """Carrier offset in hertz."""
        return self.cfo * self.sample_rate

    @property
    def fraction(self) -> float:
        """Samples by which the next subframe starts later than `next_start`."""
        return self._position - self.next_start

    @property
    def rate_offset_ppm(self) -> float:
        """How much longer than nominal the subframes are, in parts per million: the receiver's clock is that fast."""
        return self._drift / self.samples_per_subframe * 1e6

    def update(
        self,
        pilots: NDArray[np.complex64],
        symbols: NDArray[np.integer] | tuple[int, ...],
        subcarriers: NDArray[np.integer],
    ) -> Measurement:
        """Learn from the pilots of the subframe at `next_start`, and step to the one after it.

        Args:
            pilots: received over sent pilots of one antenna port, complex64 ``(n_rx, n_symbols, n_pilots)``.
            symbols: OFDM symbol of the subframe of each, ``(n_symbols,)``, ascending.
            subcarriers: subcarriers 0..n_sc-1, ascending, ``(n_symbols, n_pilots)``.

        Returns:
            What was measured, relative to the state before.

        Raises:
            ValueError: shapes that do not fit.
        """
        symbol_at, k = np.asarray(symbols), np.asarray(subcarriers)
        if pilots.ndim != 3 or k.shape != pilots.shape[1:] or symbol_at.shape != k.shape[:1]:
            raise ValueError(
                f"pilots {pilots.shape}, symbols {symbol_at.shape} and subcarriers {k.shape} do not fit:"
                " (n_rx, n_symbols, n_pilots), (n_symbols,) and (n_symbols, n_pilots) are needed"
            )
        return self._learn(self._measure(pilots, symbol_at, k))

    def update_grid(self, subframe: int, grid: NDArray[np.complex64]) -> Measurement:
        """As `update`, with the reference signals of port 0 in a whole subframe's grid.

        Args:
            subframe: 0..9.
            grid: complex64 ``(n_rx, n_symb, n_sc)``, C-contiguous.

        Raises:
            ValueError: a grid of another shape or not contiguous, or a subframe outside 0..9.
        """
        pilots, lag = self._pilots
        turn, total, later = pilots.turns(grid, self._reference(subframe))
        return self._learn(
            Measurement(
                -phase(turn) / (2 * pi) * self.fft_size / crs.SPACING,
                phase(later) / (2 * pi) * self.sample_rate / lag,
                turn / total if total > 0 else 0j,
            )
        )

    def _reference(self, subframe: int) -> NDArray[np.complex64]:
        """Port 0's reference signal, looked up once."""
        found = self._references.get(subframe)
        if found is None:
            found = self._references[subframe] = crs.sequence(self.cell, subframe, 0)
        return found

    def _learn(self, measured: Measurement) -> Measurement:
        """Let the loops learn from a measurement, and step to the next subframe."""
        self._coherence += _QUALITY_GAIN * (measured.quality - self._coherence)
        # while the average is young it is divided by the weight that it holds
        weight = 1 - (1 - _QUALITY_GAIN) ** (self._updates + 1)
        self.quality = abs(self._coherence) / weight
        self.locked = self.quality > (_LOSE_AT if self.locked else _LOCK_AT)
        self._updates += 1
        if self.locked or self._updates <= _ACQUIRING:
            self._correct(measured)
        self._step()
        return measured

    def coast(self) -> None:
        """Step over a subframe that has no pilots, such as an uplink subframe, on what is known."""
        self._step()

    def _measure(
        self, pilots: NDArray[np.complex64], symbols: NDArray[np.integer], k: NDArray[np.integer]
    ) -> Measurement:
        """Delay, carrier offset and quality of one subframe's pilots."""
        half = self.cell.n_sc // 2
        # DC lies between the halves, so a pair across it is one subcarrier further apart: it is left out
        same_side = (k[:, 1:] < half) == (k[:, :-1] < half)
        across = np.where(same_side, np.conj(pilots[..., :-1]) * pilots[..., 1:], 0)
        power = 0.5 * (np.abs(pilots[..., :-1]) ** 2 + np.abs(pilots[..., 1:]) ** 2) * same_side
        total = float(power.sum())
        spacing = float(np.mean((k[:, 1:] - k[:, :-1])[same_side])) if same_side.any() else 1.0
        turn = complex(across.sum())
        delay = -phase(turn) / (2 * pi) * self.fft_size / spacing
        return Measurement(delay, self._residual_cfo(pilots, symbols, k), turn / total if total > 0 else 0j)

    def _residual_cfo(
        self, pilots: NDArray[np.complex64], symbols: NDArray[np.integer], k: NDArray[np.integer]
    ) -> float:
        """Carrier offset from the next symbol with pilots on the same subcarriers; 0 if there is none."""
        turn, lag = 0j, 1
        for i in range(len(symbols) - 1):
            for j in range(i + 1, len(symbols)):
                if np.array_equal(k[i], k[j]):
                    turn += complex(np.vdot(pilots[:, i], pilots[:, j]))
                    lag = self._useful[symbols[j]] - self._useful[symbols[i]]
                    break
        return phase(turn) / (2 * pi) * self.sample_rate / lag

    def _correct(self, measured: Measurement) -> None:
        """Move the estimates towards the measurement."""
        n = self._updates
        time_gain = max(2 * (2 * n - 1) / (n * (n + 1)), _TIME_GAIN)
        drift_gain = max(6 / (n * (n + 1)), _DRIFT_GAIN) if n > 1 else 0.0
        error = self.next_start + measured.delay - self._position
        self._position += min(time_gain, 1.0) * error
        self._drift += drift_gain * error
        # no crystal is worse than 100 ppm: noise at the start must not throw the loop
        limit = 1e-4 * self.samples_per_subframe
        self._drift = min(max(self._drift, -limit), limit)
        self.cfo += max(1 / n, _FREQUENCY_GAIN) * measured.cfo_hz / self.sample_rate

    def _step(self) -> None:
        """Go to the next subframe."""
        self._position += self.samples_per_subframe + self._drift
        start = self.next_start + self.samples_per_subframe
        # a step only when well past the middle, so that noise does not make it go to and fro
        if abs(self._position - start) > _STEP_AT:
            start = round(self._position)
        self.phase = (self.phase + self.cfo * (start - self.next_start)) % 1.0
        self.next_start = start


@lru_cache(maxsize=64)
def _pilots(cell: Cell) -> tuple[Pilots, tuple[int, int]]:
    """Pilots of port 0, and two symbols that have them on the same subcarriers; all such pairs are as far apart."""
    symbols = crs.positions(cell, 0)[0]
    # DC lies between the halves, so a pair across it is one subcarrier further apart: it is left out
    pilots = Pilots(cell.n_symb, cell.n_sc, crs.flat_index(cell, 0), cell.n_prb)
    first, second = next((i, j) for i, j in enumerate(pilots.partners) if j >= 0)
    return pilots, (symbols[first], symbols[second])
