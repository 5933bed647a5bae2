"""Batches of code blocks, and LLRs that no receiver should give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import crc, turbo
from support import oracle_turbo

SIZES = st.sampled_from(turbo.SIZES)
SEEDS = st.integers(0, 2**32 - 1)


def blocks(k, n, seed, filler=0):
    """n blocks with CRC24B at their ends."""
    bits = np.random.default_rng(seed).integers(0, 2, (n, k), dtype=np.uint8)
    bits[:, :filler] = 0
    for block in bits:
        value = crc.crc_bits(block[:-24], "24B")
        block[-24:] = [(value >> (23 - i)) & 1 for i in range(24)]
    return bits


def received(bits, rng, deviation, levels=100):
    """int16 LLRs of all coded bits in white noise."""
    sent = 1 - 2.0 * np.stack([turbo.encode(block) for block in bits])
    noisy = sent + deviation * rng.normal(size=sent.shape)
    return np.clip(np.rint(levels * noisy), -32767, 32767).astype(np.int16)


def test_batches_of_every_size_decode():
    """Enough blocks that each way of sharing the lanes comes up, from noise that takes some iterations."""
    rng = np.random.default_rng(1)
    decoder = turbo.TurboDecoder(12)
    for i, k in enumerate(turbo.SIZES):
        n = (1, 2, 5, 13, 70)[i % 5] if k < 512 else (1, 3, 5)[i % 3]
        bits = blocks(k, n, k)
        found, iterations, ok = decoder.decode_many(received(bits, rng, 0.6), "24B")
        assert ok.all(), k
        assert np.array_equal(found, bits), k
        assert ((iterations >= 1) & (iterations <= 12)).all()


@settings(deadline=None, max_examples=25)
@given(k=SIZES, seed=SEEDS, n=st.integers(1, 9), filler=st.integers(0, 15))
def test_blocks_of_a_batch_stop_by_themselves(k, seed, n, filler):
    """One block of the batch is lost: the others do not wait for it, nor does it pass."""
    rng = np.random.default_rng(seed)
    bits = blocks(k, n, seed, filler)
    soft = received(bits, rng, 0.3)
    soft[0] = received(rng.integers(0, 2, (1, k), dtype=np.uint8), rng, 3.0)[0]
    found, iterations, ok = turbo.TurboDecoder(4).decode_many(soft, "24B", filler)
    assert not ok[0] or crc.crc_bits(found[0], "24B") == 0
    assert ok[1:].all()
    assert np.array_equal(found[1:], bits[1:])
    assert (iterations[1:] <= 2).all()


@settings(deadline=None, max_examples=40)
@given(k=SIZES, seed=SEEDS, n=st.integers(1, 5), kind=st.sampled_from(["extremes", "uniform", "zeros", "narrow"]))
def test_hostile_batches_are_survived(k, seed, n, kind):
    rng = np.random.default_rng(seed)
    shape = (n, 3, k + 4)
    soft = {
        "extremes": lambda: rng.choice(np.array([-32768, 32767], np.int16), shape),
        "uniform": lambda: rng.integers(-32768, 32768, shape).astype(np.int16),
        "zeros": lambda: np.zeros(shape, np.int16),
        "narrow": lambda: rng.choice(np.array([-128, 127], np.int16), shape),
    }[kind]()
    found, iterations, ok = turbo.TurboDecoder(2).decode_many(soft, "24A")
    assert found.shape == (n, k)
    assert found.max(initial=0) <= 1
    assert (iterations <= 2).all()
    assert all(crc.crc_bits(block, "24A") == 0 for block in found[ok])
    assert kind != "zeros" or not ok.any()


@pytest.mark.parametrize("k", [40, 528, 1056, 2112, 6144])
@pytest.mark.parametrize("level", [100, 32767])
def test_saturated_code_words_are_decoded_as_sent(k, level):
    """All LLRs at full scale: sums of metrics reach their bounds and must not wrap, for zeros, ones and random bits."""
    rng = np.random.default_rng(k)
    bits = np.stack([np.zeros(k, np.uint8), np.ones(k, np.uint8), rng.integers(0, 2, k, dtype=np.uint8)])
    soft = received(bits, rng, 0.0, level)
    for rate in (3 * k, 3 * k // 2):
        for block, llr in zip(bits, soft, strict=True):
            sent = turbo.rate_match((llr < 0).astype(np.uint8), rate)
            again = turbo.rate_recover((level * (1 - 2 * sent.astype(np.int32))).astype(np.int16), k)
            assert np.array_equal(turbo.TurboDecoder(8).decode(again)[0], block)


@settings(deadline=None, max_examples=30)
@given(k=SIZES, seed=SEEDS, share=st.floats(0, 0.1), scale=st.sampled_from([1e-9, 0.02, 1.0, 1e9]))
def test_floats_of_any_scale_and_nan(k, seed, share, scale):
    """NaN is a bit that was not received; infinity is as sure as can be."""
    rng = np.random.default_rng(seed)
    bits = blocks(k, 2, seed)
    soft = received(bits, rng, 0.2).astype(np.float64) * scale
    soft[rng.random(soft.shape) < share] = np.nan
    soft[0, 0, 0] = np.inf * np.sign(1 - 2.0 * bits[0, 0])
    found, _, ok = turbo.TurboDecoder(8).decode_many(soft.astype(np.float32), "24B")
    assert ok.all()
    assert np.array_equal(found, bits)


def test_floats_that_say_nothing():
    for value in (np.nan, np.inf, -np.inf, 0.0):
        found, _, ok = turbo.TurboDecoder().decode(np.full((3, 44), value), "24A")
        assert found.shape == (40,)
        assert ok == (value == np.inf)  # certainly all zeros, of which the checksum is zero


def test_a_batch_loses_no_more_than_floating_point():
    """Half an iteration's schedule, the scale and the training are those of the speed figures."""
    k, n, rate, ebn0_db = 1024, 240, 1 / 3, 0.75
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, (n, k), dtype=np.uint8)
    variance = 1 / (2 * rate * 10 ** (ebn0_db / 10))
    sent = 1 - 2.0 * np.stack([turbo.encode(block) for block in bits])
    llr = 2 * (sent + np.sqrt(variance) * rng.normal(size=sent.shape)) / variance
    ours = (turbo.TurboDecoder(5).decode_many(np.rint(16 * llr).astype(np.int16))[0] != bits).any(1).sum()
    theirs = (oracle_turbo.decode(llr, 5) != bits).any(1).sum()
    assert 8 < theirs < n / 2
    assert ours <= 1.5 * theirs + 4


def test_refuses_what_is_no_batch():
    decoder = turbo.TurboDecoder()
    with pytest.raises(ValueError, match="shape"):
        decoder.decode_many(np.zeros((3, 44), np.int16))
    with pytest.raises(ValueError, match="41 bits"):
        decoder.decode_many(np.zeros((2, 3, 45), np.int16))
    with pytest.raises(ValueError, match="no checksum"):
        decoder.decode_many(np.zeros((2, 3, 44), np.int16), "16")
    with pytest.raises(ValueError, match="filler"):
        decoder.decode_many(np.zeros((2, 3, 44), np.int16), None, 40)
    found, iterations, ok = decoder.decode_many(np.zeros((0, 3, 44), np.int16))
    assert found.shape == (0, 40)
    assert iterations.shape == ok.shape == (0,)
