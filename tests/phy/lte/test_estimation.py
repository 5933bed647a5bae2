"""Channel estimation on channels whose response is known at every resource element."""

import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import crs, estimation
from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from picocell.phy.lte.estimation import Estimator
from support.synthetic_channel import channel, noise, pilots, received

AWGN, EPA5, EVA70, ETU300 = ("AWGN", 0.0), ("EPA", 5.0), ("EVA", 70.0), ("ETU", 300.0)


def db(value: float) -> float:
    return float(10 * np.log10(value))


@cache
def measure(
    cell: Cell,
    name: str,
    doppler: float,
    snr_db: float,
    method: estimation.Method = "wiener",
    delay_s: float = 0.0,
    cfo_hz: float = 0.0,
    n_trials: int = 100,
) -> tuple[float, float]:
    """Gain of the estimate over least squares in dB (noise power over mean squared error), mean error of snr_db."""
    rng = np.random.default_rng(17)
    noise_power = 10 ** (-snr_db / 10)
    estimator, sent = Estimator(cell, method), pilots(cell, 2)
    errors, snr_errors = [], []
    for _ in range(n_trials):
        h = channel(rng, cell, name, doppler, delay_s=delay_s, cfo_hz=cfo_hz)
        found = estimator.estimate(2, received(rng, sent, h, noise_power))
        errors.append(np.mean(np.abs(found.h - h) ** 2))
        snr_errors.append(found.snr_db - snr_db - db(np.mean(np.abs(h[:, 0].astype(complex)) ** 2)))
    return db(noise_power / np.mean(errors)), float(np.mean(snr_errors))


@pytest.mark.parametrize(
    ("n_prb", "fading", "least"),
    [
        # least gain in dB at SNR 0, 10, 20 dB; least squares at the pilots has 0 dB
        (6, AWGN, (11, 11, 11)),
        (6, EPA5, (10, 10, 9)),
        (6, EVA70, (7, 5, 3.5)),
        (6, ETU300, (5, 2, 0.5)),
        (50, AWGN, (16, 15, 14)),
        (50, EPA5, (16, 14, 11)),
        (50, EVA70, (9, 6.5, 6)),
        (50, ETU300, (6.5, 3.5, 2)),
    ],
)
def test_estimate_is_better_than_least_squares(
    n_prb: int, fading: tuple[str, float], least: tuple[float, float, float]
) -> None:
    gains = [measure(Cell(77, n_prb), *fading, snr)[0] for snr in (0, 10, 20)]
    print(f"{n_prb} PRB {fading}: gain over least squares {np.round(gains, 1)} dB at 0, 10, 20 dB")
    assert (np.array(gains) >= least).all()


@pytest.mark.parametrize("n_prb", [6, 50])
@pytest.mark.parametrize("fading", [AWGN, EPA5, EVA70, ETU300])
def test_snr_is_right_within_one_db(n_prb: int, fading: tuple[str, float]) -> None:
    errors = [measure(Cell(77, n_prb), *fading, snr)[1] for snr in (0, 5, 10, 15, 20, 25)]
    print(f"{n_prb} PRB {fading}: mean error of the SNR {np.round(errors, 2)} dB at 0, 5, ... 25 dB")
    assert (np.abs(errors) <= 1).all()


def test_low_snr_approaches_full_averaging() -> None:
    """48 pilots averaged would give 16.8 dB; delay and frequency offset are estimated too."""
    gain, _ = measure(Cell(77), *AWGN, -4.3)
    print(f"gain at -4.3 dB: {gain:.1f} dB")
    assert gain >= 11


@pytest.mark.parametrize("delay_s", [-1.6e-6, 1.6e-6])
@pytest.mark.parametrize(("n_prb", "least"), [(6, 11), (50, 15)])
def test_timing_offset_of_three_samples_does_not_hurt(n_prb: int, least: float, delay_s: float) -> None:
    assert measure(Cell(77, n_prb), *AWGN, 10, delay_s=delay_s)[0] >= least


@pytest.mark.parametrize(("n_prb", "least"), [(6, 10), (50, 14)])
def test_residual_frequency_offset_is_followed(n_prb: int, least: float) -> None:
    assert measure(Cell(77, n_prb), *AWGN, 10, cfo_hz=100)[0] >= least


@pytest.mark.parametrize("method", ["wiener", "linear", "average"])
def test_every_method_reads_noise_delay_and_offset(method: estimation.Method) -> None:
    cell, rng = Cell(5, 25), np.random.default_rng(3)
    h = channel(rng, cell, *AWGN, delay_s=1.0e-6, cfo_hz=-60)
    found = Estimator(cell, method).estimate(0, received(rng, pilots(cell, 0), h, 0.01))
    assert found.noise_var == pytest.approx(0.01, rel=0.25)
    assert found.delay_s == pytest.approx(1.0e-6, abs=2e-8)
    assert found.cfo_hz == pytest.approx(-60, abs=10)
    assert db(np.mean(np.abs(found.h - h) ** 2)) < -20


def test_average_is_best_without_fading() -> None:
    cell = Cell(77)
    assert measure(cell, *AWGN, 10, "average")[0] > measure(cell, *AWGN, 10)[0] - 0.3
    assert measure(cell, *AWGN, 10)[0] > measure(cell, *AWGN, 10, "linear")[0] + 6


@settings(max_examples=40, deadline=None)
@given(
    pci=st.integers(0, 503),
    n_prb=st.sampled_from([6, 15, 25, 75]),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
    n_rx=st.integers(1, 3),
    subframe=st.integers(0, 9),
    fading=st.sampled_from([AWGN, EPA5, EVA70]),
)
def test_every_cell_without_noise(
    pci: int, n_prb: int, n_ports: int, cp: CyclicPrefix, n_rx: int, subframe: int, fading: tuple[str, float]
) -> None:
    cell, rng = Cell(pci, n_prb, n_ports, cp), np.random.default_rng(pci)
    h = channel(rng, cell, *fading, n_rx=n_rx)
    found = estimation.estimate(cell, subframe, received(rng, pilots(cell, subframe), h, 0.0))
    assert found.h.shape == h.shape
    assert found.h.dtype == np.complex64
    assert np.mean(np.abs(found.h - h) ** 2) < 10 ** (-3.5) * np.mean(np.abs(h) ** 2)
    assert 0 < found.noise_var < 1e-3 * max(found.rsrp, np.mean(np.abs(h) ** 2))


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_result_scales_with_the_input(scale: float) -> None:
    cell, rng = Cell(400, 15, 2), np.random.default_rng(1)
    y = received(rng, pilots(cell, 7), channel(rng, cell, *EPA5, n_rx=2), 0.01)
    a, b = estimation.estimate(cell, 7, y), estimation.estimate(cell, 7, (y * np.float32(scale)).astype(np.complex64))
    np.testing.assert_allclose(b.h, a.h * scale, rtol=1e-3, atol=1e-3 * scale)
    for name in ("noise_var", "rsrp", "rssi"):
        assert getattr(b, name) == pytest.approx(getattr(a, name) * scale**2, rel=1e-3)
    assert b.snr_db == pytest.approx(a.snr_db, abs=0.01)
    assert b.rsrq_db == pytest.approx(a.rsrq_db, abs=0.01)


@pytest.mark.parametrize("method", ["wiener", "linear", "average"])
def test_silence_gives_zero_and_no_warning(method: estimation.Method) -> None:
    cell = Cell(3, 6, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimation.estimate(cell, 0, np.zeros((1, 14, 72), np.complex64), method)
    assert not found.h.any()
    assert found.noise_var > 0
    assert found.rsrp == found.rssi == 0
    assert np.isfinite(found.snr_db)
    assert np.isfinite(found.rsrq_db)


def test_pilots_alone_without_noise_have_a_noise_floor() -> None:
    cell = Cell(3, 6)
    found = estimation.estimate(cell, 0, pilots(cell, 0))
    np.testing.assert_allclose(found.h, 1, atol=1e-4)
    assert 0 < found.noise_var <= 2e-6
    assert found.snr_db > 55


def test_noise_alone_reports_a_low_snr() -> None:
    cell, rng = Cell(3, 25), np.random.default_rng(1)
    for _ in range(20):
        found = estimation.estimate(cell, 0, noise(rng, (1, 14, 300), 4.0))
        assert found.noise_var == pytest.approx(4.0, rel=0.3)
        assert found.snr_db < -3


def test_power_measurements_follow_their_definitions() -> None:
    """RSRP of port 0 alone; RSSI of whole symbols that hold port 0's pilots; RSRQ = N RSRP / RSSI."""
    cell, rng = Cell(12, 15, 2), np.random.default_rng(5)
    h = channel(rng, cell, *AWGN, n_rx=2) * np.array([3.0, 0.5])[:, None, None]
    sent = pilots(cell, 4)
    sent[0] += np.where(crs.occupied(cell), 0, noise(rng, sent.shape[1:], 2.0))
    y = received(rng, sent, h, 0.001)
    found = estimation.estimate(cell, 4, y)
    assert found.rsrp == pytest.approx(9.0, rel=0.02)
    symbols = list(crs.positions(cell, 0)[0])
    rssi = np.mean(np.sum(np.abs(y[:, symbols].astype(complex)) ** 2, axis=2))
    assert found.rssi == pytest.approx(rssi, rel=1e-4)
    assert found.rsrq_db == pytest.approx(db(15 * found.rsrp / rssi), abs=0.01)
    assert found.snr_db == pytest.approx(db(found.rsrp / found.noise_var), abs=1e-6)


def test_noise_is_averaged_over_antennas() -> None:
    cell, rng = Cell(12, 25), np.random.default_rng(5)
    h = channel(rng, cell, *EPA5, n_rx=2)
    y = received(rng, pilots(cell, 4), h, 0.0)
    y += noise(rng, y.shape, 1.0) * np.sqrt([0.02, 0.06])[:, None, None].astype(np.float32)
    assert estimation.estimate(cell, 4, y).noise_var == pytest.approx(0.04, rel=0.25)


def test_fixed_models_are_used() -> None:
    cell, rng = Cell(9, 25), np.random.default_rng(8)
    wide, narrow = (
        Estimator(cell, delay_spread_s=6e-6, doppler_hz=300),
        Estimator(cell, delay_spread_s=0.0, doppler_hz=0),
    )
    errors = []
    for _ in range(20):
        h = channel(rng, cell, *AWGN)
        y = received(rng, pilots(cell, 1), h, 0.1)
        errors.append([np.mean(np.abs(e.estimate(1, y).h - h) ** 2) for e in (wide, narrow)])
    wide_error, narrow_error = np.mean(errors, axis=0)
    assert narrow_error < 0.2 * wide_error


def test_special_subframe_uses_the_pilots_of_dwpts() -> None:
    rng = np.random.default_rng(2)
    for special, ports in ((0, 2), (1, 4), (6, 1)):
        cell = Cell(9, 25, ports, duplex=Duplex.TDD, tdd_config=1, special_subframe=special)
        h = channel(rng, cell, *AWGN)
        found = estimation.estimate(cell, 1, received(rng, pilots(cell, 1), h, 0.01))
        assert db(np.mean(np.abs(found.h[:, :, :3] - h[:, :, :3]) ** 2)) < -25
        assert found.noise_var == pytest.approx(0.01, rel=0.35)
        with pytest.raises(ValueError, match="uplink"):
            estimation.estimate(cell, 2, np.zeros((1, 14, 300), np.complex64))


def test_bad_input_is_refused() -> None:
    cell = Cell(3)
    grid = np.zeros((1, 14, 72), np.complex64)
    with pytest.raises(ValueError, match="method 'best'"):
        Estimator(cell, "best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="delay_spread_s"):
        Estimator(cell, delay_spread_s=7e-6)
    with pytest.raises(ValueError, match="doppler_hz"):
        Estimator(cell, doppler_hz=-1)
    with pytest.raises(ValueError, match="grid of shape"):
        estimation.estimate(cell, 0, grid[0])
    with pytest.raises(ValueError, match="grid of shape"):
        estimation.estimate(cell, 0, grid[:, :12])
    with pytest.raises(ValueError, match="subframe 10"):
        estimation.estimate(cell, 10, grid)
    grid[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        estimation.estimate(cell, 0, grid)
