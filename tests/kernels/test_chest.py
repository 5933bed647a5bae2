"""The channel estimation kernel against dense linear algebra."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.chest import Chest, Filter
from picocell.phy.lte import crs, estimation, wiener
from picocell.phy.lte.cell import Cell
from support import oracle_chest
from support.synthetic_channel import channel, noise, pilots, received

TIME_GAIN = 2.5


class Setup:
    """A cell's pilots, laid out for the kernel."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.rows = [(port, i) for port in range(cell.n_ports) for i in range(len(crs.positions(cell, port)[0]))]
        self.index = np.stack([crs.flat_index(cell, port)[i] for port, i in self.rows])
        self.reference = np.stack([crs.sequence(cell, 0, port)[i] for port, i in self.rows])
        v_shift = crs.v_shift(cell) % 3
        self.offsets = (v_shift, v_shift + 3)
        self.row_filter = [self.offsets.index(crs.positions(cell, port)[1][i]) for port, i in self.rows]
        self.times = estimation.symbol_times(cell)
        self.symbols = [list(crs.positions(cell, port)[0]) for port in (0, 2) if port < cell.n_ports]
        pilot_times = [tuple(self.times[l] for l in symbols) for symbols in self.symbols]
        self.delay = wiener.delay_models(2 * cell.n_prb)
        self.doppler = wiener.doppler_models(pilot_times[0])
        self.filters = [wiener.doppler_filters(mine, self.times) for mine in pilot_times]
        self.ports = [min(cell.n_ports, 2), cell.n_ports - 2][: len(self.symbols)]

    def arguments(self) -> dict[str, Any]:
        return {
            "n_symb": self.cell.n_symb,
            "n_sc": self.cell.n_sc,
            "index": self.index,
            "row_filter": self.row_filter,
            "first_pilot": self.offsets,
            "ports": self.ports,
            "symbols": self.symbols,
            "times": self.times,
            "delay": self.delay,
            "time_gain": TIME_GAIN,
            "doppler": self.doppler,
            "filters": self.filters,
        }


CELLS = st.builds(
    Cell, pci=st.integers(0, 503), n_prb=st.sampled_from([6, 15, 25, 50]), n_ports=st.sampled_from([1, 2, 4])
)


@settings(max_examples=30, deadline=None)
@given(
    cell=CELLS,
    n_rx=st.integers(1, 3),
    name=st.sampled_from(["AWGN", "EPA", "EVA", "ETU"]),
    snr_db=st.floats(-5, 30),
    seed=st.integers(0, 1000),
)
def test_observe_agrees_with_the_oracle(cell: Cell, n_rx: int, name: str, snr_db: float, seed: int) -> None:
    rng, setup = np.random.default_rng(seed), Setup(cell)
    h = channel(rng, cell, name, 50.0, n_rx=n_rx, delay_s=float(rng.uniform(-1e-6, 1e-6)))
    grid = received(rng, pilots(cell, 0), h, 10 ** (-snr_db / 10))
    found = Chest(**setup.arguments()).observe(grid, setup.reference)
    z, power, first, rssi, noise_power, apart, slope, width = found
    wanted = oracle_chest.observe(grid, setup.index, setup.reference, setup.symbols[0], setup.delay, TIME_GAIN)
    np.testing.assert_allclose(z, wanted.z, atol=1e-5)
    assert (power, first, rssi) == pytest.approx((wanted.power, wanted.first, wanted.rssi), rel=1e-5)
    assert width == wanted.width
    assert slope == pytest.approx(wanted.slope, abs=2e-3)
    assert noise_power == pytest.approx(wanted.noise, rel=1e-2, abs=1e-5)
    assert apart == pytest.approx(wanted.apart, rel=1e-2, abs=1e-5)


def random_filter(
    rng: np.random.Generator, n_sc: int, n_pilots: int, length: int, even: bool
) -> tuple[Filter, NDArray[Any]]:
    """A filter of any taps and the same as a matrix; its windows move on evenly, or by fits and starts."""
    start = np.sort(rng.integers(0, n_pilots - length + 1, n_sc))
    taps = rng.normal(size=(n_sc, length)).astype(np.float32)
    if even:
        middle = np.rint((np.arange(n_sc) - rng.integers(0, 6)) / 6).astype(int)
        start = np.clip(middle - length // 2, 0, n_pilots - length)
        taps[:-12] = np.tile(taps[:12], (n_sc // 12, 1))[:-12]
    return Filter(start, taps, 0.3, 0.2, n_pilots), oracle_chest.dense(start, taps, n_pilots)


@settings(max_examples=30, deadline=None)
@given(
    cell=CELLS,
    n_rx=st.integers(1, 3),
    length=st.integers(1, 12),
    snr=st.integers(0, 15),
    slope=st.floats(-3, 3),
    seed=st.integers(0, 1000),
    even=st.booleans(),
)
def test_interpolate_agrees_with_the_oracle(
    cell: Cell, n_rx: int, length: int, snr: int, slope: float, seed: int, even: bool
) -> None:
    rng, setup = np.random.default_rng(seed), Setup(cell)
    n_pilots, n_sc = 2 * cell.n_prb, cell.n_sc
    z = noise(rng, (n_rx, len(setup.rows), n_pilots), 0.3)
    z += noise(rng, (n_rx, 1, 1), 1.0)
    made = [random_filter(rng, n_sc, n_pilots, length, even) for _ in range(2)]
    h, residual, cfo, doppler = Chest(**setup.arguments()).interpolate(z, made[0][0], made[1][0], snr, slope, 2.5, 3.0)

    turn = oracle_chest.tilt(slope, n_sc)
    g = np.empty((n_rx, len(setup.rows), n_sc), complex)
    for row, which in enumerate(setup.row_filter):
        at = setup.offsets[which] + 6 * np.arange(n_pilots)
        g[:, row] = (z[:, row] * turn[at].conj()) @ made[which][1].T * turn
    times = np.array(setup.times)
    mine = np.concatenate([g[:, port * 4 : port * 4 + 4] for port in range(setup.ports[0])])
    wanted_doppler, wanted_cfo = oracle_chest.choose_doppler(mine, times[setup.symbols[0]], setup.doppler, snr, 3.0)
    assert doppler == wanted_doppler
    assert cfo == pytest.approx(wanted_cfo, abs=0.5)
    energy, left = 0.0, 0.0
    for (port, i), row in zip(setup.rows, range(len(setup.rows)), strict=True):
        group = port // 2
        first_row = row - i
        symbols = setup.symbols[group]
        weights = setup.filters[group][snr, doppler] * np.exp(
            2j * np.pi * cfo * np.subtract.outer(times, times[symbols])
        )
        wanted = np.einsum("ls,rsk->rlk", weights, g[:, first_row : first_row + len(symbols)])
        np.testing.assert_allclose(h[:, port], 2.5 * wanted, atol=2e-4 * np.abs(wanted).max())
        fit = wanted.reshape(n_rx, -1)[:, setup.index[row]]
        energy += np.sum(np.abs(z[:, row] - fit) ** 2)
        own = 0.3 * float(setup.filters[group][snr, doppler][symbols[i], i])
        left += n_rx * n_pilots * max(1 - own, 1e-3)
    assert residual == pytest.approx(energy / left, rel=1e-3)


def test_window_of_no_pilots_is_the_mean() -> None:
    setup = Setup(Cell(7, 15))
    z = noise(np.random.default_rng(1), (1, 4, 30), 1.0)
    mean = wiener.mean_filter(15)
    h, *_ = Chest(**setup.arguments()).interpolate(z, mean, mean, 15, 0.0, 1.0, 1.0)
    np.testing.assert_allclose(h, np.broadcast_to(h[..., :1], h.shape), rtol=1e-5)
    same = np.broadcast_to(z.mean(axis=2, keepdims=True), z.shape)
    np.testing.assert_allclose(
        h, Chest(**setup.arguments()).interpolate(same, mean, mean, 15, 0.0, 1.0, 1.0)[0], rtol=1e-4, atol=1e-5
    )


def test_silence_is_reported_by_its_power() -> None:
    setup = Setup(Cell(7, 15))
    _, power, first, rssi, *_ = Chest(**setup.arguments()).observe(
        np.zeros((1, 14, 180), np.complex64), setup.reference
    )
    assert power == first == rssi == 0


def test_power_in_some_pilots_only_does_no_harm() -> None:
    setup = Setup(Cell(0, 50))
    grid = np.zeros((1, 14, 600), np.complex64)
    grid[0, 0, 6 * 49] = 1.0
    chest = Chest(**setup.arguments())
    z, power, *rest = chest.observe(grid, setup.reference)
    assert power > 0
    assert np.isfinite(z).all()
    assert np.isfinite(rest).all()


def test_bad_input_is_refused() -> None:
    setup = Setup(Cell(7, 15))
    good = setup.arguments()
    chest = Chest(**good)
    grid = np.ones((1, 14, 180), np.complex64)
    for bad in (grid[0], grid[:, :13], grid[:0]):
        with pytest.raises(ValueError, match="grid of shape"):
            chest.observe(bad, setup.reference)
    with pytest.raises(ValueError, match="reference"):
        chest.observe(grid, setup.reference[:3])
    grid[0, 0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        chest.observe(grid, setup.reference)
    z = np.ones((1, 4, 30), np.complex64)
    mean, other = wiener.mean_filter(15), wiener.mean_filter(6)
    with pytest.raises(ValueError, match="z of shape"):
        chest.interpolate(z[:, :3], mean, mean, 0, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="another arrangement"):
        chest.interpolate(z, mean, other, 0, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="snr 16"):
        chest.interpolate(z, mean, mean, 16, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="scale"):
        chest.interpolate(z, mean, mean, 0, 0.0, 0.0, 1.0)
    for change in (
        {"index": setup.index + 14 * 180},
        {"row_filter": [0, 1, 2, 1]},
        {"row_filter": [0, 1]},
        {"first_pilot": (0, 9)},
        {"ports": [2]},
        {"ports": [1, 1]},
        {"symbols": [[0, 4, 7]]},
        {"symbols": [[0, 4, 7, 14]]},
        {"times": [0.0]},
        {"filters": [setup.filters[0][:3]]},
    ):
        with pytest.raises(ValueError):
            Chest(**(good | change))
    with pytest.raises(ValueError, match="window"):
        Filter(np.zeros(180), np.zeros((180, 31)), 0.1, 0.1, 30)
    with pytest.raises(ValueError, match="start"):
        Filter(np.full(180, 7), np.zeros((180, 24)), 0.1, 0.1, 30)
