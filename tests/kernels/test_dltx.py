"""Downlink transmission in one call, against the same steps one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import conv, crc, dltx, gold, modem
from picocell.phy.lte.precoding import transmit_diversity

N_SYMB, N_SC = 14, 180
PORTS = (1, 2, 4)


def _grid(n_ports: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(rng.normal(size=(n_ports, N_SYMB, N_SC, 2)) @ np.array([1, 1j]), np.complex64)


def _places(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(N_SYMB * N_SC)[:n].astype(np.int32)


def _mapped(grid: np.ndarray, index: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    expected = grid.copy()
    expected.reshape(len(grid), -1)[:, index] = transmit_diversity(symbols, len(grid))
    return expected


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PORTS), st.sampled_from((1, 2, 4, 6, 8)), st.integers(1, 500), st.booleans(), st.integers(0, 99))
def test_shared_is_scrambling_mapper_precoding_and_mapping(
    n_ports: int, q_m: int, half: int, scaled: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * half
    grid, index = _grid(n_ports, rng), _places(n, rng)
    bits, words = rng.integers(0, 2, n * q_m, np.uint8), gold.packed(seed + 5, n * q_m)
    amplitude = rng.uniform(0.2, 2, n).astype(np.float32) if scaled else None
    symbols = modem.modulate(bits, q_m, words)
    expected = _mapped(grid, index, symbols if amplitude is None else symbols * amplitude)
    dltx.shared(bits, q_m, words, index, grid, amplitude)
    np.testing.assert_allclose(grid, expected, rtol=1e-6, atol=1e-7)


def _packed(bits: np.ndarray) -> np.ndarray:
    """Words of 64 bits, the first lowest."""
    padded = np.concatenate([bits, np.zeros(-bits.size % 64, np.uint8)])
    return np.packbits(padded, bitorder="little").view(np.uint64)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PORTS), st.sampled_from((1, 2, 4, 6, 8)), st.integers(1, 500), st.booleans(), st.integers(0, 99))
def test_packed_bits_give_what_bytes_give(n_ports: int, q_m: int, n: int, in_runs: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n += n % 2 if n_ports > 1 else 0
    grid = _grid(n_ports, rng)
    index = np.delete(np.arange(600), [13, 14, 100]).astype(np.int32)[:n] if in_runs else _places(n, rng)
    bits, words = rng.integers(0, 2, n * q_m, np.uint8), gold.packed(seed + 5, n * q_m)
    amplitude = rng.uniform(0.2, 2, n).astype(np.float32) if seed % 2 else None
    expected = grid.copy()
    dltx.shared(bits, q_m, words, index, expected, amplitude)
    dltx.shared_packed(_packed(bits), q_m, words, index, grid, amplitude)
    np.testing.assert_array_equal(grid, expected)


def test_one_port_takes_an_odd_number_of_symbols() -> None:
    rng = np.random.default_rng(1)
    grid, index, words = _grid(1, rng), _places(7, rng), gold.packed(3, 14)
    bits = rng.integers(0, 2, 14, np.uint8)
    expected = _mapped(grid, index, modem.modulate(bits, 2, words))
    dltx.shared(bits, 2, words, index, grid)
    np.testing.assert_array_equal(grid, expected)


@pytest.mark.parametrize("n_ports", PORTS)
@pytest.mark.parametrize("sizes", [(), (21,), (27, 44, 8), (6, 256)])
def test_control_is_crc_code_rate_matching_and_mapping(n_ports: int, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(sizes))
    n_cce = 17
    grid, index = _grid(n_ports, rng), _places(36 * n_cce, rng)
    words = gold.packed(77, 72 * n_cce)
    stream, power = np.zeros(72 * n_cce, np.uint8), np.zeros(36 * n_cce, np.float32)
    messages = []
    for i, (size, level) in enumerate(zip(sizes, (2, 8, 4), strict=False)):
        bits, mask, first = rng.integers(0, 2, size, np.uint8), int(rng.integers(0, 65536)), (0, 8, 4)[i]
        parity = crc.crc_bits(bits, "16") ^ mask
        with_crc = np.concatenate([bits, np.unpackbits(np.frombuffer(parity.to_bytes(2, "big"), np.uint8))])
        stream[72 * first : 72 * (first + level)] = conv.rate_match(conv.encode(with_crc), 72 * level)
        amplitude = 0.5 + i
        power[36 * first : 36 * (first + level)] = amplitude
        messages.append((bits, mask, first, level, amplitude))
    expected = _mapped(grid, index, modem.modulate(stream, 2, words) * power)
    dltx.control(messages, words, index, grid)
    np.testing.assert_allclose(grid, expected, rtol=1e-6, atol=1e-7)


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    grid, index, words = _grid(2, rng), _places(72, rng), gold.packed(1, 144)
    bits = np.zeros(144, np.uint8)
    outside = index.copy()
    outside[5] = N_SYMB * N_SC
    below = index.copy()
    below[5] = -1
    for wrong in (outside, below):
        with pytest.raises(ValueError, match="leaves the grid"):
            dltx.shared(bits, 2, words, wrong, grid)
        with pytest.raises(ValueError, match="leaves the grid"):
            dltx.control([], words, wrong, grid)
    with pytest.raises(ValueError, match="q_m 3"):
        dltx.shared(bits, 3, words, index, grid)
    with pytest.raises(ValueError, match="do not fit"):
        dltx.shared(bits[:-2], 2, words, index, grid)
    with pytest.raises(ValueError, match="do not fit"):
        dltx.shared(bits, 2, words[:1], index, grid)
    for packed, n in ((_packed(bits)[:1], 72), (_packed(bits), 10)):
        with pytest.raises(ValueError, match="do not fit"):
            dltx.shared_packed(packed, 2, words, index[:n], grid)
    with pytest.raises(ValueError, match="words of bits"):
        dltx.shared_packed(_packed(bits), 2, words[:1], index, grid)
    with pytest.raises(ValueError, match="q_m 5"):
        dltx.shared_packed(_packed(bits), 5, words, index, grid)
    with pytest.raises(ValueError, match="leaves the grid"):
        dltx.shared_packed(_packed(bits), 2, words, outside, grid)
    with pytest.raises(ValueError, match="amplitudes"):
        dltx.shared(bits, 2, words, index, grid, np.ones(3, np.float32))
    with pytest.raises(ValueError, match="even"):
        dltx.shared(bits[:142], 2, words, index[:71], grid)
    with pytest.raises(ValueError, match="3 ports"):
        dltx.shared(bits, 2, words, index, np.zeros((3, N_SYMB, N_SC), np.complex64))
    with pytest.raises(ValueError, match="not allowed"):
        dltx.control([], words, index[:70], grid)
    for message in ((bits[:20], 0, 1, 2, 1.0), (bits[:20], 1 << 16, 0, 1, 1.0), (bits[:20], 0, -1, 1, 1.0)):
        with pytest.raises(ValueError, match="do not fit"):
            dltx.control([message], words, index, grid)
    with pytest.raises(ValueError, match="message of 3 bits"):
        dltx.control([(bits[:3], 0, 0, 1, 1.0)], words, index, grid)
    with pytest.raises(ValueError, match="more than"):
        dltx.control([(bits[:20], 0, 0, 1, 1.0)] * 129, words, index, grid)


def test_an_index_within_the_grid_is_refused() -> None:
    grid = np.zeros((1, N_SYMB, N_SC), np.complex64)
    index, words = grid.reshape(-1).view(np.int32)[:72], gold.packed(1, 144)
    for call in (
        lambda: dltx.shared(np.zeros(144, np.uint8), 2, words, index, grid),
        lambda: dltx.shared_packed(words[:3], 2, words, index, grid),
        lambda: dltx.control([], words, index, grid),
        lambda: dltx.indicators([], index.reshape(6, 12), grid),
    ):
        with pytest.raises(ValueError, match="same memory"):
            call()


@pytest.mark.parametrize("n_ports", PORTS)
def test_indicators_add_up_on_silent_units(n_ports: int) -> None:
    rng = np.random.default_rng(n_ports)
    grid, index = _grid(n_ports, rng), _places(60, rng).reshape(5, 12)
    values = [np.asarray(rng.normal(size=(n_ports, 12, 2)) @ np.array([1, 1j]), np.complex64) for _ in range(3)]
    expected = grid.copy()
    flat = expected.reshape(n_ports, -1)
    flat[:, index] = 0
    flat[:, index[4]] = values[0] - 2 * values[1]
    flat[:, index[1]] = 0.5 * values[2]
    dltx.indicators([(4, values[0], 1.0), (4, values[1], -2.0), (1, values[2], 0.5)], index, grid)
    np.testing.assert_allclose(grid, expected, rtol=1e-6, atol=1e-6)
    for unit, part in ((5, values[0]), (-1, values[0]), (0, values[0][:, :11].copy())):
        with pytest.raises(ValueError, match="not allowed"):
            dltx.indicators([(unit, part, 1.0)], index, grid)
    index[2, 3] = N_SYMB * N_SC
    with pytest.raises(ValueError, match="leaves the grid"):
        dltx.indicators([], index, grid)
