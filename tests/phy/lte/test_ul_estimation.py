"""Channel estimation and equalisation of the PUSCH, in simulation with known truth and on a recording."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import pusch_dmrs, ul_estimation
from picocell.phy.lte import ul_delay_models as models
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from support.captures import capture
from support.ground_truth import phy_rows

CELL = Cell(42, n_prb=100)


@dataclass
class Link:
    """One PUSCH through a channel of some taps, with noise of power one over `snr_db`."""

    n_prb: int = 4
    snr_db: float = 20.0
    delay_s: float = 0.0
    cfo_hz: float = 0.0
    n_rx: int = 1
    spread_s: float = 0.0
    doppler_hz: float = 0.0
    n_taps: int = 1
    prbs: tuple[int, int] = (2, 2)
    others: tuple[int, ...] = ()
    cp: CyclicPrefix = CyclicPrefix.NORMAL
    scale: float = 1.0
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        self.ul = UplinkConfig(n_prb=100, cp=self.cp)
        self.m_sc = 12 * self.n_prb
        self.noise_var = self.scale**2 * 10 ** (-self.snr_db / 10)
        n_symb = self.ul.n_symb
        self.data = pusch_dmrs.data_symbols(self.ul)
        bits = rng.integers(0, 2, (2, len(self.data), self.m_sc))
        self.sent = ((1 - 2 * bits[0]) + 1j * (1 - 2 * bits[1])) / np.sqrt(2)
        x = np.empty((n_symb, self.m_sc), complex)
        x[list(self.data)] = np.fft.fft(self.sent, norm="ortho")
        x[list(pusch_dmrs.symbols(self.ul))] = pusch_dmrs.sequence(CELL, self.ul, 3, self.n_prb, 0)
        self.h = self.channel()
        grid = np.zeros((self.n_rx, n_symb, 1200), complex)
        half = n_symb // 2
        for slot, at in enumerate(self.prbs):
            these = slice(slot * half, (slot + 1) * half)
            grid[:, these, 12 * at : 12 * at + self.m_sc] += self.h[:, these] * x[these]
        for other in self.others:
            r = pusch_dmrs.sequence(CELL, self.ul, 3, self.n_prb, other)
            h = self.channel()
            for slot, l in enumerate(pusch_dmrs.symbols(self.ul)):
                grid[:, l, 12 * self.prbs[slot] :][:, : self.m_sc] += h[:, l] * r[slot]
        white = rng.normal(size=(2, *grid.shape)) * np.sqrt(self.noise_var / 2)
        self.grid = (grid + white[0] + 1j * white[1]).astype(np.complex64)
        self.estimate = ul_estimation.estimate_pusch(
            CELL, self.ul, 3, self.grid, self.prbs, self.n_prb, 0, others=self.others, **self.extra
        )
        self.symbols, self.var = ul_estimation.equalise_pusch(self.grid, self.estimate, self.data)

    def channel(self) -> np.ndarray:
        """(n_rx, n_symb, m_sc)"""
        rng, n, taps = self.rng, self.ul.n_symb, self.n_taps
        cp = [160 if l % 7 == 0 else 144 for l in range(14)] if n == 14 else [512] * 12
        starts = np.concatenate([[0], np.cumsum(np.array(cp) + 2048)[:-1]])
        times = (starts + np.array(cp) + 1024) / 30.72e6
        gain = rng.normal(size=(self.n_rx, taps)) + 1j * rng.normal(size=(self.n_rx, taps))
        gain /= np.abs(gain) if taps == 1 else np.sqrt(2 * taps)
        delays = self.delay_s + self.spread_s * rng.uniform(-0.5, 0.5, taps)
        shifts = self.cfo_hz + self.doppler_hz * np.cos(rng.uniform(0, 2 * np.pi, taps))
        over_time = np.exp(2j * np.pi * np.outer(shifts, times))
        over_frequency = np.exp(-2j * np.pi * 15e3 * np.outer(delays, np.arange(self.m_sc)))
        result: np.ndarray = self.scale * np.einsum("ri,il,ik->rlk", gain, over_time, over_frequency)
        return result

    @property
    def h_error(self) -> float:
        """Mean square error of the channel over the noise power."""
        return float(np.mean(np.abs(self.estimate.h - self.h) ** 2)) / self.noise_var

    @property
    def evm(self) -> float:
        """Error power of the modulation symbols."""
        return float(np.mean(np.abs(self.symbols - self.sent) ** 2))


def mean(values: list[float]) -> float:
    return float(np.mean(values))


@pytest.mark.parametrize("n_prb", [1, 2, 3, 6, 25, 100])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 30.0])
def test_noise_is_unbiased_and_snr_right(n_prb: int, snr_db: float) -> None:
    runs = 120 if n_prb < 3 else 40 if n_prb < 25 else 6
    links = [Link(n_prb, snr_db, 0.7e-6, prbs=(0, 0), seed=s) for s in range(runs)]
    assert mean([x.estimate.noise_var / x.noise_var for x in links]) == pytest.approx(1, abs=0.1)
    assert mean([x.estimate.snr_db for x in links]) == pytest.approx(snr_db, abs=0.7)
    assert mean([x.estimate.power for x in links]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("delay_us", [-6.0, -2.3, -0.4, 0.0, 1.1, 2.0, 5.0])
@pytest.mark.parametrize(("n_prb", "snr_db", "tolerance_us"), [(1, 10.0, 0.5), (4, 5.0, 0.25), (50, 20.0, 0.01)])
def test_timing_offset(delay_us: float, n_prb: int, snr_db: float, tolerance_us: float) -> None:
    links = [Link(n_prb, snr_db, 1e-6 * delay_us, n_rx=2, seed=s) for s in range(12)]
    errors = np.array([1e6 * x.estimate.timing_offset_s - delay_us for x in links])
    assert np.sqrt(np.mean(errors**2)) < tolerance_us
    # What is removed before smoothing does not hurt the channel.
    assert mean([x.h_error for x in links]) < 0.16


@pytest.mark.parametrize("cfo_hz", [-450.0, -200.0, 60.0, 250.0, 800.0])
@pytest.mark.parametrize("cp", CyclicPrefix)
def test_frequency_offset(cfo_hz: float, cp: CyclicPrefix) -> None:
    links = [Link(6, 15.0, 1e-6, cfo_hz, cp=cp, seed=s) for s in range(20)]
    errors = np.array([x.estimate.cfo_hz - cfo_hz for x in links])
    assert np.sqrt(np.mean(errors**2)) < 15
    assert mean([x.h_error for x in links]) < 0.08
    assert mean([x.evm for x in links]) < 1.15 * links[0].noise_var


@pytest.mark.parametrize("n_rx", [1, 2, 4])
@pytest.mark.parametrize(
    ("n_prb", "snr_db", "spread_us", "doppler_hz"),
    [(1, 5.0, 0.0, 0.0), (3, 12.0, 0.5, 5.0), (25, 8.0, 5.0, 70.0), (25, 30.0, 2.5, 5.0), (100, 18.0, 5.0, 20.0)],
)
def test_soft_bits_have_the_right_scale(
    n_rx: int, n_prb: int, snr_db: float, spread_us: float, doppler_hz: float
) -> None:
    runs = 60 if n_prb < 5 else 12
    taps = 8 if spread_us else 1
    links = [
        Link(n_prb, snr_db, 1e-6, 50.0, n_rx, 1e-6 * spread_us, doppler_hz, taps, (0, 0), seed=s) for s in range(runs)
    ]
    ratio = mean([x.evm / float(x.var.mean()) for x in links])
    assert ratio == pytest.approx(1, abs=0.12)
    gains = [float(np.mean((x.symbols * x.sent.conj()).real)) for x in links]
    assert mean(gains) == pytest.approx(1, abs=0.02)


def test_antennas_add_up() -> None:
    errors = [mean([Link(10, 5.0, n_rx=n, seed=s).evm for s in range(10)]) for n in (1, 2, 4)]
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.15)
    assert errors[0] / errors[2] == pytest.approx(4, abs=0.4)


def test_long_allocation_gains_from_smoothing() -> None:
    links = [Link(50, -3.0, 1.5e-6, prbs=(0, 0), seed=s) for s in range(8)]
    assert mean([x.h_error for x in links]) < 0.02
    assert mean([x.evm for x in links]) < 1.04 * links[0].noise_var


def test_hopping_inside_the_subframe() -> None:
    links = [Link(5, 15.0, 2e-6, prbs=(3, 40), spread_s=1e-6, n_taps=4, seed=s) for s in range(20)]
    assert mean([x.h_error for x in links]) < 0.15
    assert mean([x.evm / float(x.var.mean()) for x in links]) == pytest.approx(1, abs=0.1)
    known = [Link(5, 15.0, cfo_hz=300, prbs=(3, 40), seed=s, extra={"cfo_hz": 300.0}) for s in range(10)]
    assert mean([x.h_error for x in known]) < 0.1
    assert known[0].estimate.cfo_hz == 300


@pytest.mark.parametrize(("n_prb", "others"), [(3, (1,)), (5, (2, 7)), (10, (1, 2, 7))])
def test_transmissions_on_the_same_blocks_are_separated(n_prb: int, others: tuple[int, ...]) -> None:
    links = [Link(n_prb, 15.0, 0.8e-6, n_rx=2, others=others, seed=s) for s in range(30)]
    alone = [Link(n_prb, 15.0, 0.8e-6, n_rx=2, seed=s) for s in range(30)]
    assert mean([x.h_error for x in links]) < mean([x.h_error for x in alone]) + 0.1
    assert mean([1e6 * x.estimate.timing_offset_s for x in links]) == pytest.approx(0.8, abs=0.1)
    assert mean([x.estimate.noise_var / x.noise_var for x in links]) == pytest.approx(1, abs=0.25)


def test_tables_can_be_built_beforehand() -> None:
    ul_estimation.prepare()
    built = models.smoothers.cache_info().misses
    for n_prb in (1, 2, 3, 4, 5, 25):
        Link(n_prb)
    assert models.smoothers.cache_info().misses == built


def test_scale_does_not_matter() -> None:
    plain = Link(3, 12.0, 1e-6, 100.0, n_rx=2)
    for scale in (1e-9, 1e-4, 1e5):
        link = Link(3, 12.0, 1e-6, 100.0, n_rx=2, scale=scale)
        assert link.estimate.timing_offset_s == pytest.approx(plain.estimate.timing_offset_s, abs=1e-9)
        assert link.estimate.snr_db == pytest.approx(plain.estimate.snr_db, abs=1e-3)
        assert link.estimate.noise_var / scale**2 == pytest.approx(plain.estimate.noise_var, rel=1e-3)
        assert np.allclose(link.symbols, plain.symbols, atol=1e-3)
        assert np.allclose(link.var, plain.var, rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_nothing_received(value: float) -> None:
    ul = UplinkConfig(n_prb=6)
    grid = np.full((2, 14, 72), value, np.complex64)
    estimate = ul_estimation.estimate_pusch(CELL, ul, 0, grid, (1, 1), 3)
    assert not estimate.h.any()
    assert (estimate.noise_var, estimate.power) == (0, 0)
    if value == 0:
        x, var = ul_estimation.equalise_pusch(grid, estimate, pusch_dmrs.data_symbols(ul))
        assert not x.any()
        assert (var > 1e3).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([1, 2, 3, 5, 9, 15]), st.integers(1, 4), st.integers(0, 2**31), st.floats(-40, 40))
def test_noise_alone_stays_finite(n_prb: int, n_rx: int, seed: int, level_db: float) -> None:
    ul = UplinkConfig(n_prb=15)
    rng = np.random.default_rng(seed)
    grid = (rng.normal(size=(n_rx, 14, 180)) + 1j * rng.normal(size=(n_rx, 14, 180))).astype(np.complex64)
    grid *= np.float32(10 ** (level_db / 20))
    estimate = ul_estimation.estimate_pusch(CELL, ul, 4, grid, (0, 0), n_prb, 3)
    x, var = ul_estimation.equalise_pusch(grid, estimate, pusch_dmrs.data_symbols(ul))
    assert np.isfinite(estimate.h).all()
    assert np.isfinite(x).all()
    assert np.isfinite(var).all()
    assert estimate.snr_db < 12


def test_bad_arguments_are_refused() -> None:
    ul = UplinkConfig(n_prb=6)
    grid = np.ones((1, 14, 72), np.complex64)
    for bad in (grid[0], grid[:, :12], grid[:, :, :60], grid[:0]):
        with pytest.raises(ValueError, match="grid"):
            ul_estimation.estimate_pusch(CELL, ul, 0, bad, (0, 0), 2)
    with pytest.raises(ValueError, match="do not fit"):
        ul_estimation.estimate_pusch(CELL, ul, 0, grid, (0, 5), 2)
    with pytest.raises(ValueError, match="among the others"):
        ul_estimation.estimate_pusch(CELL, ul, 0, grid, (0, 0), 2, 1, others=(1, 2))
    estimate = ul_estimation.estimate_pusch(CELL, ul, 0, grid, (0, 0), 2)
    with pytest.raises(ValueError, match="h of shape"):
        ul_estimation.equalise_pusch(np.ones((2, 14, 72), np.complex64), estimate, (0,))


def test_recorded_transmissions() -> None:
    samples = np.fromfile(capture("lte6_ul.sigmf-data"), np.int16).astype(np.float64).view(np.complex128)
    cell, ul = Cell(1), UplinkConfig(pusch=PuschConfig(hopping_offset=2))
    half_shift = np.exp(-1j * np.pi * np.arange(128) / 128)
    starts = np.array([960 * (l // 7) + 10 + 137 * (l % 7) for l in range(14)])
    for row in (row for row in phy_rows(capture("lte6_phy.csv")) if row.channel == "PUSCH"):
        first, n_prb = (int(x) for x in row.fields["rb"].strip("()").split(","))
        windows = samples[1920 * (row.tti + 4) + starts[:, None] + np.arange(128)]
        grid = np.fft.fftshift(np.fft.fft(windows * half_shift, norm="ortho"), axes=1)[None, :, 28:100]
        estimate = ul_estimation.estimate_pusch(
            cell, ul, row.tti % 10, grid.astype(np.complex64), (first, first), n_prb
        )
        assert estimate.snr_db > 35
        assert abs(estimate.timing_offset_s) < 5e-8
        assert abs(estimate.cfo_hz) < 5
        x, var = ul_estimation.equalise_pusch(grid, estimate, pusch_dmrs.data_symbols(ul))
        levels = {"2": np.array([1.0]) / 2**0.5, "4": np.array([1.0, 3.0]) / 10**0.5}[row.fields["bits_per_symbol"]]
        for part in (np.abs(x.real), np.abs(x.imag)):
            assert np.abs(part[..., None] - levels).min(axis=-1).max() < 0.05
        assert (var < 1e-3).all()
