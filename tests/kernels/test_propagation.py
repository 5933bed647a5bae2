"""Noise against the normal distribution, and filters, sinusoids and grids against their definitions written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from picocell.kernels.propagation import (
    DelayLine,
    Interpolator,
    Noise,
    grid_response,
    sum_of_sinusoids,
)


def test_noise_is_normal_and_white() -> None:
    x = Noise(5).draw(1 << 20)
    for part in (x.real, x.imag):
        scaled = part * np.sqrt(2)
        assert abs(scaled.mean()) < 0.005
        assert scaled.var() == pytest.approx(1, abs=0.01)
        assert abs(stats.kurtosis(scaled)) < 0.02
        assert stats.kstest(scaled[:200_000], "norm").pvalue > 1e-3
        assert 4.2 < np.abs(scaled).max() < 6.8
    assert stats.kstest(np.angle(x[:200_000]) / (2 * np.pi) % 1, "uniform").pvalue > 1e-3
    assert abs(np.mean(x.real * x.imag)) < 0.003
    for lag in (1, 2, 15, 16, 17, 32):
        assert abs(np.vdot(x[:-lag], x[lag:])) / len(x) < 0.004


def test_tails_are_those_of_the_normal_distribution() -> None:
    x = Noise(1).draw(4_000_000)
    power = np.abs(x) ** 2
    for level in (4.0, 8.0, 11.0):
        expected = len(x) * np.exp(-level)
        assert abs(np.count_nonzero(power > level) - expected) < 5 * np.sqrt(expected)


def test_seed_makes_the_stream() -> None:
    assert np.array_equal(Noise(3).draw(100), Noise(3).draw(100))
    assert not np.array_equal(Noise(3).draw(100), Noise(4).draw(100))
    assert not np.array_equal(Noise([3, 1]).draw(100), Noise([3, 2]).draw(100))
    source = Noise(3)
    assert not np.array_equal(source.draw(100), source.draw(100))


@given(st.integers(0, 70), st.floats(0, 10))
def test_noise_is_added_in_place(n: int, power: float) -> None:
    x = np.ones((2, n), np.complex64)
    Noise(1).add(x, power)
    np.testing.assert_allclose(x, 1 + np.sqrt(power) * Noise(1).draw((2, n)), atol=1e-5)


def test_bad_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noise power -1"):
        Noise().draw(4, -1.0)
    with pytest.raises(ValueError, match="complex64"):
        Noise().add(np.zeros(4, np.complex128), 1.0)
    with pytest.raises(ValueError, match="contiguous"):
        Noise().add(np.zeros((4, 4), np.complex64)[:, ::2], 1.0)


def complex_normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(0, 150), st.integers(1, 70), st.integers(0, 1000))
def test_delay_line_is_its_definition(data: st.DataObject, n_tx: int, n_rx: int, n: int, step: int, seed: int) -> None:
    starts = data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=7))
    lengths = [data.draw(st.integers(1, 24)) for _ in starts]
    offset = data.draw(st.integers(0, step - 1))
    rng = np.random.default_rng(seed)
    filters = [rng.standard_normal(length).astype(np.float32) for length in lengths]
    line = DelayLine(starts, filters)
    assert line.memory == max(a + b - 1 for a, b in zip(starts, lengths, strict=True))
    x = complex_normal(rng, n_tx, line.memory + n)
    points = complex_normal(rng, n_rx, n_tx, len(starts), (offset + max(n, 1) - 1) // step + 2)
    # oracle: each tap's convolution, and its gains interpolated at every sample
    at = (offset + np.arange(n)) / step
    low = np.floor(at).astype(int)
    gains = points[..., low] * (1 - (at - low)) + points[..., low + 1] * (at - low)
    expected = np.zeros((n_rx, n), complex)
    for k, (start, taps) in enumerate(zip(starts, filters, strict=True)):
        for tx in range(n_tx):
            late = np.convolve(x[tx], taps)[line.memory - start :][:n] if n else 0
            expected += gains[:, tx, k] * late
    out = line.run(x, points, offset, step)
    assert out.shape == (n_rx, n)
    np.testing.assert_allclose(out, expected, atol=3e-4 * n_tx * len(starts))


def test_delay_line_refuses_what_does_not_fit() -> None:
    line = DelayLine([0, 2], [np.ones(3), np.ones(1)])
    x, gains = np.zeros((1, 12), np.complex64), np.zeros((1, 1, 2, 2), np.complex64)
    assert line.run(x, gains, 0, 10).shape == (1, 10)
    with pytest.raises(ValueError, match="3 are needed"):
        line.run(x, gains, 1, 10)
    with pytest.raises(ValueError, match="0 <= offset < step"):
        line.run(x, gains, 10, 10)
    with pytest.raises(ValueError, match=r"\(n_rx, 1, 2, n_points\)"):
        line.run(x, gains[:, :, :1], 0, 10)
    with pytest.raises(ValueError, match="2 or more"):
        line.run(x[:, :1], gains, 0, 10)
    with pytest.raises(ValueError, match="1 delays and 2 filters"):
        DelayLine([0], [np.ones(3), np.ones(1)])
    with pytest.raises(ValueError, match="-1 samples"):
        DelayLine([-1], [np.ones(3)])


@given(st.integers(0, 5), st.integers(0, 70), st.integers(0, 20), st.floats(0, 1e4), st.integers(0, 1000))
def test_sinusoids_are_their_definition(processes: int, waves: int, n: int, late: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates, phases = rng.uniform(-3000, 3000, (processes, waves)), rng.random((processes, waves))
    amplitudes, times = rng.random(processes).astype(np.float32), late + rng.random(n)
    turns = np.exp(2j * np.pi * ((rates[..., None] * times + phases[..., None]) % 1))
    expected = amplitudes[:, None] * turns.sum(axis=1)
    np.testing.assert_allclose(sum_of_sinusoids(rates, phases, amplitudes, times), expected, atol=1e-6 * (waves + 1))


def test_sinusoids_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="differ"):
        sum_of_sinusoids(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(2, np.float32), np.zeros(1))
    with pytest.raises(ValueError, match="differ"):
        sum_of_sinusoids(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3, np.float32), np.zeros(1))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), st.integers(0, 14), st.integers(0, 75))
def test_grid_response_is_its_definition(n_rx: int, n_tx: int, taps: int, symbols: int, n_sc: int) -> None:
    rng = np.random.default_rng(n_sc)
    gains, sent = complex_normal(rng, n_rx, n_tx, taps, symbols), complex_normal(rng, n_tx, symbols, n_sc)
    turns = rng.standard_normal((2, taps, n_sc)).astype(np.float32)
    expected = np.einsum("rtpl,pk->rtlk", gains, turns[0] + 1j * turns[1])
    received, response = grid_response(gains, turns, sent)
    np.testing.assert_allclose(response, expected, atol=1e-4)
    np.testing.assert_allclose(received, np.einsum("rtlk,tlk->rlk", expected, sent), atol=3e-4)
    alone, again = grid_response(gains, turns)
    assert alone is None
    np.testing.assert_array_equal(again, response)


def test_grid_response_refuses_what_does_not_fit() -> None:
    gains, turns = np.zeros((1, 2, 3, 4), np.complex64), np.zeros((2, 3, 5), np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        grid_response(gains[:, :, :2], turns)
    with pytest.raises(ValueError, match=r"\(2, 4, 5\) is needed"):
        grid_response(gains, turns, np.zeros((2, 4, 4), np.complex64))


@given(st.integers(0, 60), st.floats(11, 30), st.floats(0.5, 2.0), st.integers(0, 1000))
def test_interpolator_is_its_definition(n: int, first: float, step: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((9, 24)).astype(np.float32)
    x = complex_normal(rng, 2, 175)
    expected = np.zeros((2, n), complex)
    for i in range(n):
        whole, fraction = divmod(first + i * step, 1.0)
        row, part = divmod(8 * fraction, 1.0)
        taps = table[int(row)] * (1 - part) + table[int(row) + 1] * part
        expected[:, i] = x[:, int(whole) - 11 : int(whole) + 13] @ taps
    np.testing.assert_allclose(Interpolator(table).run(x, first, step, n), expected, atol=3e-4)


def test_interpolator_stays_within_its_samples() -> None:
    table, x = np.ones((2, 24), np.float32), np.ones((1, 30), np.complex64)
    assert Interpolator(table).run(x, 11.0, 1.0, 7).shape == (1, 7)
    for first, step, count in ((10.9, 1.0, 1), (11.0, 1.0, 8), (17.5, 0.5, 2), (11.0, 0.0, 1), (11.0, -1.0, 1)):
        with pytest.raises(ValueError, match="positions"):
            Interpolator(table).run(x, first, step, count)
    with pytest.raises(ValueError, match="table"):
        Interpolator(np.ones((2, 23), np.float32))
    with pytest.raises(ValueError, match="n_signals"):
        Interpolator(table).run(x[0], 11.0, 1.0, 1)
