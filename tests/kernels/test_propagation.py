"""Noise against the normal distribution, and the moving filter against its definition written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from picocell.kernels.propagation import Noise, add_moving_fir


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


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 0.01))
def test_moving_filter_is_its_definition(n: int, length: int, seed: int, start: float, step: float) -> None:
    rng = np.random.default_rng(seed)
    x, taps, slope, out = (
        (rng.standard_normal(k) + 1j * rng.standard_normal(k)).astype(np.complex64)
        for k in (n + length - 1, length, length, n)
    )
    expected = out.astype(complex)
    for i in range(n):
        weight = taps.astype(complex) + (start + i * step) * slope
        expected[i] += np.dot(weight, x[i : i + length][::-1])
    add_moving_fir(x, taps, slope, start, step, out)
    np.testing.assert_allclose(out, expected, atol=2e-4 * length)


def test_moving_filter_refuses_what_does_not_fit() -> None:
    x, taps, out = np.zeros(10, np.complex64), np.zeros(4, np.complex64), np.zeros(7, np.complex64)
    add_moving_fir(x, taps, taps, 0.0, 0.0, out)
    with pytest.raises(ValueError, match="9 samples do not fit 7 outputs of 4 taps"):
        add_moving_fir(x[:9], taps, taps, 0.0, 0.0, out)
    with pytest.raises(ValueError, match="4 taps and 3 slopes"):
        add_moving_fir(x, taps, taps[:3], 0.0, 0.0, out)
    with pytest.raises(ValueError, match="complex64"):
        add_moving_fir(x, taps, taps, 0.0, 0.0, np.zeros(7, np.complex128))
