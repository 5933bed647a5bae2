"""Gather of modulation symbols' bits and soft bits against indexing of rows."""

import numpy as np
import pytest

from picocell.kernels import ulsch


@pytest.mark.parametrize("q_m", [2, 4, 6])
def test_gather_takes_groups_and_zeros(q_m: int) -> None:
    rng = np.random.default_rng(q_m)
    index = rng.integers(-1, 50, 333).astype(np.int32)
    bits = rng.integers(0, 2, (50, q_m)).astype(np.uint8)
    llr = rng.integers(-999, 999, (50, q_m)).astype(np.int16)
    there = (index >= 0)[:, None]
    assert np.array_equal(ulsch.gather_bits(bits.reshape(-1), index, q_m), (bits[index] * there).reshape(-1))
    assert np.array_equal(ulsch.gather_llr(llr.reshape(-1), index, q_m), (llr[index] * there).reshape(-1))


def test_an_empty_index_gives_nothing() -> None:
    assert ulsch.gather_llr(np.zeros(0, np.int16), np.zeros(0, np.int32), 2).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ulsch.gather_llr(np.zeros(8, np.int16), [4], 2), "reaches 4"),
        (lambda: ulsch.gather_llr(np.zeros(8, np.int16), [0], 3), "2, 4 or 6"),
        (lambda: ulsch.gather_llr(np.zeros(8, np.int32), [0], 2), "int16"),
        (lambda: ulsch.gather_bits(np.zeros(9, np.uint8), [0], 2), "uint8"),
        (lambda: ulsch.gather_bits(np.zeros(0, np.uint8), [0], 2), "empty"),
        (lambda: ulsch.gather_bits(np.zeros(4, np.uint8), [0.5], 2), "integers"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
