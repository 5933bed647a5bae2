"""Mapper and soft demapper against brute force over the constellations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import gold, modem
from support.oracle_modem import constellation, map_bits, max_log

ORDERS = (1, 2, 4, 6, 8)
LIMIT = 8191


def noisy(rng: np.random.Generator, n: int, q_m: int, noise_var: float) -> NDArray[np.complex64]:
    points = constellation(q_m)[1]
    noise = rng.normal(scale=np.sqrt(noise_var / 2), size=(n, 2)) @ [1, 1j]
    return np.asarray(rng.choice(points, n) + noise, np.complex64)


def assert_llr(got: NDArray[np.int16], exact: NDArray[np.float64]) -> None:
    """Rounded to the nearest integer, but for the single precision of large values."""
    clipped = np.clip(exact.ravel() * modem.LLR_SCALE, -LIMIT, LIMIT)
    np.testing.assert_array_less(np.abs(got - clipped), 0.501 + 4e-7 * np.abs(clipped))


@pytest.mark.parametrize("q_m", ORDERS)
def test_maps_as_the_standard(q_m: int) -> None:
    patterns, points = constellation(q_m)
    np.testing.assert_allclose(modem.modulate(patterns.ravel(), q_m), points, atol=2e-7)
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1)


def test_known_points() -> None:
    """Rows of TS 36.211 Tables 7.1.1-1 to 7.1.4-1."""
    assert modem.modulate([1], 1)[0] == pytest.approx((-1 - 1j) / 2**0.5)
    assert modem.modulate([0, 1], 2)[0] == pytest.approx((1 - 1j) / 2**0.5)
    assert modem.modulate([1, 0, 1, 1], 4)[0] == pytest.approx((-3 + 3j) / 10**0.5)
    assert modem.modulate([0, 0, 0, 0, 0, 0], 6)[0] == pytest.approx((3 + 3j) / 42**0.5)
    assert modem.modulate([0, 1, 1, 1, 1, 1], 6)[0] == pytest.approx((7 - 7j) / 42**0.5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ORDERS), st.integers(0, 300), st.integers(0, 2**31 - 1), st.booleans())
def test_maps_any_length_scrambled(q_m: int, n: int, seed: int, scrambled: bool) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, n * q_m).astype(np.uint8)
    words = gold.packed(seed, n * q_m) if scrambled else None
    mask = gold.sequence(seed, n * q_m) if scrambled else np.uint8(0)
    np.testing.assert_allclose(modem.modulate(bits, q_m, words), map_bits(bits ^ mask, q_m), atol=2e-7)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ORDERS), st.integers(0, 300), st.floats(1e-4, 10), st.integers(0, 2**31 - 1), st.booleans())
def test_max_log_is_exact(q_m: int, n: int, noise_var: float, seed: int, per_symbol: bool) -> None:
    rng = np.random.default_rng(seed)
    symbols = noisy(rng, n, q_m, noise_var)
    noise = rng.uniform(0.5, 2, n).astype(np.float32) * np.float32(noise_var) if per_symbol else np.float32(noise_var)
    assert_llr(modem.demodulate(symbols, noise, q_m), max_log(symbols, np.float64(noise), q_m))


@pytest.mark.parametrize("q_m", ORDERS)
def test_max_log_on_a_fine_grid(q_m: int) -> None:
    """All pieces of the piecewise-linear forms, well past the outermost points, and the kinks themselves."""
    kinks = [np.arange(-20, 21) / np.sqrt(power) for power in (2, 10, 42, 170)]
    line = np.concatenate([np.linspace(-2.5, 2.5, 2003), *kinks])
    symbols = (line + 1j * line[::-1]).astype(np.complex64)
    assert_llr(modem.demodulate(symbols, 0.05, q_m), max_log(symbols, np.float64(np.float32(0.05)), q_m))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ORDERS), st.integers(1, 300), st.integers(0, 2**31 - 1))
def test_round_trip_descrambles(q_m: int, n: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, n * q_m).astype(np.uint8)
    words = gold.packed(seed, n * q_m)
    llr = modem.demodulate(modem.modulate(bits, q_m, words), 0.01, q_m, words)
    np.testing.assert_array_equal(llr < 0, bits == 1)
    assert np.all(llr != 0)


@pytest.mark.parametrize("q_m", ORDERS)
def test_scrambling_only_turns_signs(q_m: int) -> None:
    n = 333
    symbols = noisy(np.random.default_rng(q_m), n, q_m, 0.1)
    plain = modem.demodulate(symbols, 0.1, q_m)
    turned = modem.demodulate(symbols, 0.1, q_m, gold.packed(99, n * q_m))
    np.testing.assert_array_equal(turned, plain * (1 - 2 * gold.sequence(99, n * q_m).astype(np.int16)))


@pytest.mark.parametrize("q_m", ORDERS)
def test_clips(q_m: int) -> None:
    llr = modem.demodulate(np.array([1e6 + 1e6j, -1e6 - 1e6j], np.complex64), 1e-3, q_m)
    assert set(np.abs(llr).tolist()) == {LIMIT}
    assert llr[0] == LIMIT
    assert llr[q_m] == -LIMIT


@pytest.mark.parametrize("q_m", ORDERS)
def test_nothing_is_known_of_a_symbol_that_is_no_number(q_m: int) -> None:
    n = 40
    symbols = noisy(np.random.default_rng(1), n, q_m, 0.1)
    clean = modem.demodulate(symbols, 0.1, q_m).reshape(n, q_m)
    for i, bad in enumerate((np.nan, np.inf, -np.inf, complex(np.nan, np.nan), complex(np.inf, -np.inf))):
        symbols[7 * i] = bad + 1j * bad
    llr = modem.demodulate(symbols, 0.1, q_m).reshape(n, q_m)
    hit = np.isin(np.arange(n), 7 * np.arange(5))
    assert np.all(llr[hit] == 0)
    np.testing.assert_array_equal(llr[~hit], clean[~hit])


@pytest.mark.parametrize("q_m", ORDERS)
@pytest.mark.parametrize("scrambled", [False, True])
def test_an_unknown_symbol_leaves_its_neighbours_alone(q_m: int, scrambled: bool) -> None:
    n = 70
    rng = np.random.default_rng(q_m)
    symbols, noise = noisy(rng, n, q_m, 0.1), rng.uniform(0.05, 0.2, n).astype(np.float32)
    words = gold.packed(5, n * q_m) if scrambled else None
    for variance in (np.float32(0.1), noise):
        clean = modem.demodulate(symbols, variance, q_m, words).reshape(n, q_m)
        for i in range(n):
            spoilt = symbols.copy()
            spoilt[i] = complex(np.nan, np.inf)
            llr = modem.demodulate(spoilt, variance, q_m, words).reshape(n, q_m)
            assert not llr[i].any()
            np.testing.assert_array_equal(np.delete(llr, i, 0), np.delete(clean, i, 0))


@pytest.mark.parametrize("q_m", ORDERS)
@pytest.mark.parametrize("per_symbol", [False, True])
def test_large_symbols_saturate_unless_nothing_is_known_of_them(q_m: int, per_symbol: bool) -> None:
    symbols = np.array([(1 + 1j) * 10.0**k for k in range(1, 26)], np.complex64)
    n = len(symbols)

    def llrs(noise: float) -> NDArray[np.int16]:
        return modem.demodulate(symbols, np.full(n, noise, np.float32) if per_symbol else noise, q_m).reshape(n, q_m)

    assert (llrs(1e-3)[2:, :2] == LIMIT).all()
    assert (llrs(1e-3)[2:, 2:4] == -LIMIT).all()
    assert not llrs(np.inf).any()


@pytest.mark.parametrize("q_m", ORDERS)
@pytest.mark.parametrize("per_symbol", [False, True])
def test_degenerate_noise(q_m: int, per_symbol: bool) -> None:
    """Zero and negative noise count as very little, unknown or infinite noise gives LLRs of zero."""
    symbols = noisy(np.random.default_rng(2), 21, q_m, 0.05)
    sign = np.sign(modem.demodulate(symbols, 1e-6, q_m))
    for noise in (0.0, -1.0, 1e-30):
        llr = modem.demodulate(symbols, np.full(21, noise) if per_symbol else noise, q_m)
        np.testing.assert_array_equal(llr, LIMIT * sign)
    for noise in (np.nan, np.inf):
        assert not modem.demodulate(symbols, np.full(21, noise) if per_symbol else noise, q_m).any()


def test_only_the_lowest_bit_of_a_byte_counts() -> None:
    bits = np.random.default_rng(3).integers(0, 256, 600).astype(np.uint8)
    np.testing.assert_array_equal(modem.modulate(bits, 6), modem.modulate(bits & 1, 6))


def test_out_is_filled_and_strided_input_accepted() -> None:
    symbols = noisy(np.random.default_rng(4), 50, 4, 0.1)
    out = np.empty(100, np.int16)
    assert modem.demodulate(symbols[::2], 0.1, 4, out=out) is out
    np.testing.assert_array_equal(out, modem.demodulate(symbols[::2].copy(), 0.1, 4))


def test_refuses_bad_input() -> None:
    x = np.zeros(10, np.complex64)
    with pytest.raises(ValueError, match="q_m 3"):
        modem.modulate(np.zeros(3, np.uint8), 3)
    with pytest.raises(ValueError, match="q_m 5"):
        modem.demodulate(x, 0.1, 5)
    with pytest.raises(ValueError, match="whole number"):
        modem.modulate(np.zeros(7, np.uint8), 2)
    with pytest.raises(ValueError, match="dimensions"):
        modem.modulate(np.zeros((2, 2), np.uint8), 2)
    with pytest.raises(ValueError, match="scrambling has 0 bits"):
        modem.demodulate(x, 0.1, 8, np.zeros(0, np.uint64))
    with pytest.raises(ValueError, match="scrambling has 64 bits, 80"):
        modem.demodulate(x, 0.1, 8, np.zeros(1, np.uint64))
    with pytest.raises(ValueError, match="noise_var"):
        modem.demodulate(x, np.ones(9, np.float32), 2)
    for out in (np.empty(20, np.int32), np.empty(19, np.int16), np.empty(40, np.int16)[::2]):
        with pytest.raises(ValueError, match="out must be"):
            modem.demodulate(x, 0.1, 2, out=out)  # type: ignore[arg-type]
