"""The tracking loops against a downlink whose every sample is computed at its exact instant."""

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.phy.lte import crs, frame
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.tracking import Tracker

RATE = 1.92e6
RNG_PILOTS = np.random.default_rng(99)


class Air:
    """A 6 PRB cell heard with a delay, a carrier offset and a clock error, one subframe at a time.

    Sample m is taken at time m / (rate (1 + ppm)); the subcarriers are summed as exponentials at that instant, so there
    is no interpolation. Symbols 0, 4, 7, 11 (normal prefix) carry pilots on every sixth subcarrier.
    """

    def __init__(self, cell: Cell, delay: float, cfo_hz: float, ppm: float, snr_db: float, seed: int) -> None:
        self.cell, self.delay, self.cfo_hz, self.ppm = cell, delay, cfo_hz, ppm
        self.rng = np.random.default_rng(seed)
        self.sigma = 10 ** (-snr_db / 20)
        per_slot = cell.n_symb_slot
        self.symbols = (0, per_slot - 3, per_slot, 2 * per_slot - 3)
        self.k = np.array([first + 6 * np.arange(12) for first in (1, 4, 1, 4)])
        self.starts = np.array(frame.symbol_starts(128, cell.cp))
        self.useful = self.starts[:-1] + np.array(2 * frame.cp_lengths(128, cell.cp))
        self.grids: dict[int, NDArray[np.complex128]] = {}
        self.on = True

    def grid(self, subframe: int) -> NDArray[np.complex128]:
        if subframe not in self.grids:
            shape = (self.cell.n_symb, 72)
            self.grids[subframe] = np.exp(0.5j * np.pi * (self.rng.integers(0, 4, shape) + 0.5))
        return self.grids[subframe]

    def samples(self, start: int, n: int) -> NDArray[np.complex128]:
        m = np.arange(start, start + n)
        time = m / (1 + self.ppm * 1e-6) - self.delay
        subframe, within = np.floor_divide(time, 1920).astype(int), np.mod(time, 1920)
        symbol = np.searchsorted(self.starts, within, side="right") - 1
        tones = np.r_[-36:0, 1:37]
        values = np.array([self.grid(s) for s in range(subframe.min(), subframe.max() + 1)])
        values = values[subframe - subframe.min(), symbol]
        turns = np.exp(2j * np.pi / 128 * (within - self.useful[symbol])[:, None] * tones)
        signal = (values * turns).sum(axis=1) / np.sqrt(128) * self.on
        noise = self.sigma / np.sqrt(2) * (self.rng.standard_normal(n) + 1j * self.rng.standard_normal(n))
        return signal * np.exp(2j * np.pi * self.cfo_hz / RATE * m) + noise

    def true_start(self, subframe: int) -> float:
        return (subframe * 1920 + self.delay) * (1 + self.ppm * 1e-6)

    def pilots(self, tracker: Tracker, subframe: int) -> NDArray[np.complex64]:
        x = self.samples(tracker.next_start, 1920)
        x = x * np.exp(-2j * np.pi * (tracker.cfo * np.arange(1920) + tracker.phase))
        out = []
        for symbol, k in zip(self.symbols, self.k, strict=True):
            # three samples before the end of the prefix, and the turn of that taken out
            at = self.useful[symbol] - 3
            bins = np.fft.fft(x[at : at + 128]) / np.sqrt(128)
            tone = k - 36 + (k >= 36)
            out.append(bins[tone] * np.exp(2j * np.pi * 3 * tone / 128) / self.grid(subframe)[symbol, k])
        return np.array(out, np.complex64)[np.newaxis]

    def run(self, tracker: Tracker, first: int, n: int) -> list[tuple[float, float]]:
        """Timing error in samples and carrier offset error in hertz after each subframe."""
        errors = []
        for subframe in range(first, first + n):
            tracker.update(self.pilots(tracker, subframe), self.symbols, self.k)
            position = tracker.next_start + tracker.fraction
            errors.append((position - self.true_start(subframe + 1), tracker.cfo_hz - self.cfo_hz))
            self.grids.pop(subframe - 2, None)
        return errors


@pytest.mark.parametrize("ppm", [-5.0, 0.0, 5.0, 20.0])
@pytest.mark.parametrize("cp", list(CyclicPrefix))
def test_converges_within_20_ms_and_holds(ppm: float, cp: CyclicPrefix) -> None:
    air = Air(Cell(1, cp=cp), delay=500.3, cfo_hz=3000.0, ppm=ppm, snr_db=14.0, seed=1)
    tracker = Tracker(air.cell, RATE, 502.0, 2600.0)
    errors = np.array(air.run(tracker, 0, 150))
    assert tracker.locked
    assert np.abs(errors[20:, 0]).max() < 0.3
    assert np.abs(errors[20:, 1]).max() < 25
    assert tracker.rate_offset_ppm == pytest.approx(ppm, abs=4.0)
    assert tracker.next_start == pytest.approx(air.true_start(150), abs=1.1)


@pytest.mark.parametrize("seed", range(4))
def test_holds_at_minus_3_db(seed: int) -> None:
    air = Air(Cell(1), delay=100.0, cfo_hz=3000.0, ppm=5.0, snr_db=-3.0, seed=seed)
    tracker = Tracker(air.cell, RATE, 101.0, 2850.0)
    errors = np.array(air.run(tracker, 0, 200))
    assert tracker.locked
    assert np.abs(errors[40:, 0]).max() < 2.0
    assert np.abs(errors[40:, 1]).max() < 150
    assert np.sqrt(np.mean(errors[40:, 1] ** 2)) < 50


def test_phase_is_continuous() -> None:
    air = Air(Cell(1), delay=10.0, cfo_hz=3000.0, ppm=20.0, snr_db=60.0, seed=2)
    tracker = Tracker(air.cell, RATE, 10.0, 3000.0)
    air.run(tracker, 0, 30)
    phases = []
    for subframe in range(30, 60):
        pilots = air.pilots(tracker, subframe)
        phases.append(np.angle(pilots[0, 0, 5:7].sum() * np.exp(2j * np.pi * 0.0)))
        tracker.update(pilots, air.symbols, air.k)
    steps = np.angle(np.exp(1j * np.diff(phases)))
    assert np.abs(steps).max() < 0.2


def test_a_lost_signal_is_noticed_and_found_again_by_reset() -> None:
    air = Air(Cell(1), delay=50.0, cfo_hz=0.0, ppm=0.0, snr_db=10.0, seed=3)
    tracker = Tracker(air.cell, RATE, 50.0, 0.0)
    air.run(tracker, 0, 30)
    assert tracker.locked
    air.on = False
    air.run(tracker, 30, 15)
    assert not tracker.locked
    assert abs(tracker.next_start - air.true_start(45)) < 10
    air.run(tracker, 45, 100)
    assert not tracker.locked
    air.on = True
    tracker.reset(air.true_start(145), 0.0)
    assert tracker.quality == 0
    air.run(tracker, 145, 3)
    assert tracker.locked


def test_silence_is_no_lock() -> None:
    air = Air(Cell(1), delay=0.0, cfo_hz=0.0, ppm=0.0, snr_db=0.0, seed=4)
    tracker = Tracker(air.cell, RATE, 0.0)
    for _ in range(5):
        measured = tracker.update(np.zeros((2, 4, 12), np.complex64), air.symbols, air.k)
    assert measured.quality == 0
    assert not tracker.locked
    assert tracker.next_start == 5 * 1920


@pytest.mark.parametrize("delay", [-8.0, -0.5, 0.25, 3.0, 8.0])
@pytest.mark.parametrize("cfo", [-900.0, 10.0, 900.0])
def test_measures_what_the_pilots_hold(delay: float, cfo: float) -> None:
    air = Air(Cell(1), 0.0, 0.0, 0.0, 0.0, 0)
    tracker = Tracker(air.cell, RATE, 0.0)
    tone = air.k - 36 + (air.k >= 36)
    time = air.useful[list(air.symbols)] / RATE
    pilots = np.exp(2j * np.pi * (cfo * time[:, None] - tone * delay / 128)).astype(np.complex64)
    measured = tracker.update(np.stack([pilots, 0.1j * pilots]), air.symbols, air.k)
    assert measured.delay == pytest.approx(delay, abs=1e-3)
    assert measured.cfo_hz == pytest.approx(cfo, abs=0.1)
    assert abs(measured.quality) == pytest.approx(1.0, abs=1e-4)


def test_coasting_keeps_phase_and_drift() -> None:
    air = Air(Cell(1), delay=0.0, cfo_hz=1000.0, ppm=20.0, snr_db=40.0, seed=5)
    tracker = Tracker(air.cell, RATE, 0.0, 1000.0)
    air.run(tracker, 0, 100)
    for _ in range(100):
        tracker.coast()
    assert tracker.next_start == pytest.approx(air.true_start(200), abs=1.1)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="sample rate"):
        Tracker(Cell(1), 2e6, 0.0)
    with pytest.raises(ValueError, match="sample rate"):
        Tracker(Cell(1, n_prb=25), 1.92e6, 0.0)
    with pytest.raises(ValueError, match="do not fit"):
        Tracker(Cell(1), RATE, 0.0).update(np.zeros((1, 4, 12), np.complex64), (0, 4), np.zeros((4, 12), int))


@pytest.mark.parametrize("cp", CyclicPrefix)
def test_grid_says_what_its_pilots_say(cp: CyclicPrefix) -> None:
    cell = Cell(5, 15, cp=cp)
    rng = np.random.default_rng(4)
    one, other = (Tracker(cell, 3.84e6, 100.25, 200.0) for _ in range(2))
    index = crs.flat_index(cell, 0)
    symbols, subcarriers = np.divmod(index, cell.n_sc)
    for subframe in range(10):
        grid = rng.normal(size=(2, cell.n_symb, cell.n_sc, 2)) @ [0.1, 0.1j]
        grid.reshape(2, -1)[:, index] += crs.sequence(cell, subframe, 0) * np.exp(
            1j * (symbols / 40 + subcarriers / 90)
        )
        grid = np.asarray(grid, np.complex64)
        pilots = grid.reshape(2, -1)[:, index] * crs.sequence(cell, subframe, 0).conj()
        expected = other.update(pilots, symbols[:, 0], subcarriers)
        found = one.update_grid(subframe, grid)
        assert found.delay == pytest.approx(expected.delay, abs=1e-4)
        assert found.cfo_hz == pytest.approx(expected.cfo_hz, abs=1e-2)
        assert found.quality == pytest.approx(expected.quality, abs=1e-5)
    assert (one.locked, one.next_start) == (other.locked, other.next_start)
    assert one.fraction == pytest.approx(other.fraction, abs=1e-3)
