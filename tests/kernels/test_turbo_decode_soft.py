"""How the decoder takes LLRs that spread more, or stand elsewhere, than those of one amplitude in white noise."""

import numpy as np
import pytest

from picocell.kernels import modem, turbo
from support import oracle_turbo


def place_of(e, k):
    """Which of the 3 (K + 4) coded bits each of the e transmitted ones is."""
    number = np.arange(3 * (k + 4))
    found = np.zeros(e, np.int64)
    for bit in range(15):
        plane = ((number >> bit) & 1).astype(np.uint8).reshape(3, -1)
        found |= turbo.rate_match(plane, e).astype(np.int64) << bit
    return found


def blocks_over(q_m, k, e, n, snr_db, rng, fading=False):
    """n blocks and their LLRs (n, 3, K + 4) from the demapper; fading: 48 amplitudes, each for a run of symbols."""
    bits = rng.integers(0, 2, (n, k), dtype=np.uint8)
    soft = np.zeros((n, 3 * (k + 4)), np.int16)
    place = place_of(e, k)
    for block, llr in zip(bits, soft, strict=True):
        sent = modem.modulate(turbo.encode_match(block, e), q_m)
        gain = np.ones(sent.size)
        if fading:
            gain = np.sqrt(rng.standard_exponential(48))[np.arange(sent.size) * 48 // sent.size]
        variance = 10 ** (-snr_db / 10) / gain**2
        noise = np.sqrt(variance / 2) * (rng.normal(size=sent.size) + 1j * rng.normal(size=sent.size))
        llr[place] = modem.demodulate((sent + noise).astype(np.complex64), variance.astype(np.float32), q_m)
    return bits, soft.reshape(n, 3, k + 4)


@pytest.mark.parametrize(
    ("q_m", "e", "snr_db", "fading"),
    [(6, 1104, 19.8, False), (6, 2046, 11.2, False), (6, 1368, 20.2, True)],
    ids=["64QAM R=0.93", "64QAM R=0.5", "64QAM R=0.75, fading"],
)
def test_bits_of_unequal_strength_lose_little(q_m, e, snr_db, fading):
    """The weak bits of a symbol, and those of faded symbols, decide: the strong ones must not cost them their steps."""
    k, n = 1024, 160
    bits, soft = blocks_over(q_m, k, e, n, snr_db, np.random.default_rng(4), fading)
    ours = (turbo.TurboDecoder(5).decode_many(soft)[0] != bits).any(1).sum()
    theirs = (oracle_turbo.decode(soft / 16.0, 5) != bits).any(1).sum()
    assert 8 < theirs < n / 2
    assert ours <= 1.4 * theirs + 3


@pytest.mark.parametrize("phase", range(4))
def test_llrs_where_the_level_is_not_measured(phase):
    """Of long streams the level comes from one run of 32 in four: the others count all the same."""
    k = 6144
    here = np.arange(k + 4) // 32 % 4 == phase
    zeros_sent = np.where(here, 77, 0) * np.ones((3, 1))
    assert not turbo.TurboDecoder(8).decode(zeros_sent.astype(np.int16))[0].any()


@pytest.mark.parametrize("strong", [100, 32767])
def test_a_level_measured_far_too_low_is_survived(strong):
    k = 6144
    bits = np.random.default_rng(2).integers(0, 2, k, dtype=np.uint8)
    measured = np.arange(k + 4) // 32 % 4 == 0
    soft = (1 - 2 * turbo.encode(bits).astype(np.int16)) * np.where(measured, 1, strong)
    assert np.array_equal(turbo.TurboDecoder(8).decode(soft.astype(np.int16))[0], bits)


def test_a_lone_block_loses_no_more_than_one_of_a_batch():
    """Alone, a short block is cut into as many windows as there are lanes."""
    k, n = 1024, 240
    bits, soft = blocks_over(2, k, 3072, n, -0.95, np.random.default_rng(6))
    decoder = turbo.TurboDecoder(5)
    alone = sum((decoder.decode(block)[0] != sent).any() for block, sent in zip(soft, bits, strict=True))
    together = (decoder.decode_many(soft)[0] != bits).any(1).sum()
    assert 8 < together < n / 2
    assert alone <= 1.4 * together + 3
