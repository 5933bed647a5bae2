"""Encoding and rate matching in one call, which transposes instead of following tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import turbo
from support import oracle_turbo


@pytest.mark.parametrize("rv", range(4))
def test_every_size_equals_encoding_then_matching(rv):
    rng = np.random.default_rng(rv)
    for k in turbo.SIZES:
        bits = rng.integers(0, 2, k, dtype=np.uint8)
        e = (3 * k + 12, 5 * k, k + 7, 1)[rv]
        assert np.array_equal(turbo.encode_match(bits, e, rv), turbo.rate_match(turbo.encode(bits), e, rv)), k


@settings(deadline=None, max_examples=60)
@given(k=st.sampled_from(turbo.SIZES), seed=st.integers(0, 2**32 - 1), rv=st.integers(0, 3), data=st.data())
def test_encoding_and_matching_equal_the_clauses(k, seed, rv, data):
    filler = data.draw(st.sampled_from([0, 0, 8, 24]).filter(lambda f: f < k - 24), "filler")
    e = data.draw(st.integers(1, 4 * k), "e")
    n_cb = data.draw(st.none() | st.integers(k, 4 * k), "n_cb")
    bits = np.random.default_rng(seed).integers(0, 2, k, dtype=np.uint8)
    bits[:filler] = 0
    block = [None] * filler + bits[filler:].tolist()
    wanted = oracle_turbo.rate_match(oracle_turbo.encode(block), e, rv, n_cb)
    assert turbo.encode_match(bits, e, rv, n_cb, filler).tolist() == wanted


def test_refuses_what_cannot_be_sent():
    with pytest.raises(ValueError, match="41 bits"):
        turbo.encode_match(np.zeros(41, np.uint8), 100)
    with pytest.raises(ValueError, match="-1 bits"):
        turbo.encode_match(np.zeros(40, np.uint8), -1)
    with pytest.raises(ValueError, match="N_cb=0"):
        turbo.encode_match(np.zeros(40, np.uint8), 100, 0, 0)
    assert turbo.encode_match(np.zeros(40, np.uint8), 0).size == 0
