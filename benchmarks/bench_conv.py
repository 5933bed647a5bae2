"""Convolutional code: a batch of words, one word, and what a PDCCH search of a subframe costs."""

import numpy as np

from benchmarks.measure import Case
from picocell.kernels import conv

N_WORDS = 96
K = 44
REFERENCE_MBPS = {"16": 12.6, "8": 21.5}
"""Decoders of another open stack with soft bits of 16 and of 8 bits, one word at a time."""


def cases() -> list[Case]:
    """The cases; bits are those decoded."""
    rng = np.random.default_rng(0)
    region = rng.normal(0, 60, 20 * 72).astype(np.int16)
    common = [(4 * i, 4) for i in range(4)] + [(8 * i, 8) for i in range(2)]
    specific = [(i, 1) for i in range(6)] + [(2 * i, 2) for i in range(6)] + [(4, 4), (8, 4), (0, 8), (8, 8)]
    places = [(first, level, k) for first, level in common + specific for k in (37, 43)]
    units, levels, ks = (np.array(column, np.int32) for column in zip(*places, strict=True))
    starts, lengths = 72 * units, 72 * levels
    candidates = conv.Candidates(units, levels, ks, 72)
    awake = np.zeros(20, np.uint8)
    word = rng.integers(0, 2, K, dtype=np.uint8)
    code = conv.encode(word)
    burst = rng.normal(0, 60, 1920).astype(np.int16)
    single = rng.normal(0, 60, (3, 40)).astype(np.int16)
    batch = rng.normal(0, 60, (N_WORDS, 3, K)).astype(np.int16)
    long = rng.normal(0, 60, (8, 3, 1000)).astype(np.int16)
    batch_us = {soft: N_WORDS * K / rate for soft, rate in REFERENCE_MBPS.items()}
    return [
        Case(f"conv find, {len(ks)} PDCCH candidates for one RNTI", lambda: candidates.find(region, awake, 0x46)),
        Case(f"conv search, {len(ks)} PDCCH candidates", lambda: conv.search(region, starts, lengths, ks)),
        Case(f"conv decode, {N_WORDS} words of {K} bits", lambda: conv.decode_batch(batch), batch_us["8"], N_WORDS * K),
        Case(
            f"conv decode, {N_WORDS} words of {K} bits, to 16-bit reference",
            lambda: conv.decode_batch(batch),
            batch_us["16"],
            N_WORDS * K,
        ),
        Case("conv decode, 8 words of 1000 bits", lambda: conv.decode_batch(long), None, 8000),
        Case("conv decode, a word of 40 bits", lambda: conv.decode(single), 3.2, 40),
        Case("conv recover and decode, PBCH", lambda: conv.decode(conv.rate_recover(burst, 40)), None, 40),
        Case("conv encode and rate match, 576 bits", lambda: conv.rate_match(conv.encode(word), 576)),
        Case("conv rate match, 576 bits", lambda: conv.rate_match(code, 576)),
    ]
