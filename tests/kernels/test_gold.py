"""Gold sequences against the two shift registers of TS 36.211 7.2, one bit at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import gold


def shift_registers(c_init: int, n: int) -> NDArray[np.uint8]:
    """c(i) = x1(i + 1600) + x2(i + 1600), each register 31 bits long."""
    x1 = [1] + 30 * [0]
    x2 = [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n - 31):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return np.array([x1[i] ^ x2[i] for i in range(1600, 1600 + n)], np.uint8)


initial_values = st.integers(0, 2**31 - 1)


@settings(max_examples=40, deadline=None)
@given(c_init=initial_values, n=st.integers(0, 700))
def test_sequence_is_that_of_the_shift_registers(c_init: int, n: int) -> None:
    assert np.array_equal(gold.sequence(c_init, n), shift_registers(c_init, n))


@settings(max_examples=40, deadline=None)
@given(c_init=initial_values, n=st.integers(0, 700))
def test_packed_words_hold_the_sequence_least_significant_bit_first(c_init: int, n: int) -> None:
    words = gold.packed(c_init, n)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    assert words.shape == ((n + 63) // 64,)
    assert np.array_equal(bits[:n], gold.sequence(c_init, n))
    assert not bits[n:].any()


@settings(max_examples=20, deadline=None)
@given(c_inits=st.lists(initial_values, max_size=5), n=st.integers(0, 200))
def test_sequences_are_rows_of_single_ones(c_inits: list[int], n: int) -> None:
    rows = gold.sequences(c_inits, n)
    assert rows.shape == (len(c_inits), n)
    for row, c_init in zip(rows, c_inits, strict=True):
        assert np.array_equal(row, gold.sequence(c_init, n))


@pytest.mark.parametrize("n", [4095, 4096, 4097, 30000])
def test_long_sequences_leave_the_small_buffer(n: int) -> None:
    assert np.array_equal(gold.sequence(0x5A5A5A5, n), shift_registers(0x5A5A5A5, n))


def test_sum_of_two_sequences_depends_on_the_sum_of_their_seeds() -> None:
    a, b, both = (gold.sequence(c, 500) for c in (0x1234567, 0x7654321, 0x1234567 ^ 0x7654321))
    assert np.array_equal(a ^ b, both ^ gold.sequence(0, 500))


@pytest.mark.parametrize("function", [gold.sequence, gold.packed])
@pytest.mark.parametrize(("c_init", "n"), [(-1, 10), (2**31, 10), (1, -1)])
def test_bad_arguments_are_refused(function: object, c_init: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"outside|negative"):
        function(c_init, n)  # type: ignore[operator]


def test_bad_seed_among_many_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        gold.sequences([1, 2**31], 10)


@pytest.mark.parametrize("c_init", [np.array([1, -5]), np.array([3, 1 << 31]), np.array([1 << 32])])
def test_many_starts_out_of_range(c_init: np.ndarray) -> None:
    with pytest.raises(ValueError, match="outside"):
        gold.sequences(c_init, 10)
