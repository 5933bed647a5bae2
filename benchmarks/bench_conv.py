"""Convolutional code: what a PDCCH search of a subframe costs."""

from collections.abc import Callable

import numpy as np

from picocell.kernels import conv


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Cases: name, callable, reference in µs a call."""
    rng = np.random.default_rng(0)
    region = rng.normal(0, 60, 20 * 72).astype(np.int16)
    common = [(4 * i, 4) for i in range(4)] + [(8 * i, 8) for i in range(2)]
    specific = [(i, 1) for i in range(6)] + [(2 * i, 2) for i in range(6)] + [(4, 4), (8, 4), (0, 8), (8, 8)]
    places = [(first, level, k) for first, level in common + specific for k in (37, 43)]
    starts, lengths, ks = (np.array(column, np.int32) for column in zip(*places, strict=True))
    starts, lengths = 72 * starts, 72 * lengths
    word = rng.integers(0, 2, 44, dtype=np.uint8)
    code = conv.encode(word)
    burst = rng.normal(0, 60, 1920).astype(np.int16)
    batch = rng.normal(0, 60, (100, 3, 44)).astype(np.int16)
    return [
        (f"conv search, {len(ks)} PDCCH candidates", lambda: conv.search(region, starts, lengths, ks), None),
        ("conv decode, 100 words of 44 bits", lambda: conv.decode_batch(batch), None),
        ("conv recover and decode, PBCH", lambda: conv.decode(conv.rate_recover(burst, 40)), None),
        ("conv encode and rate match, 576 bits", lambda: conv.rate_match(conv.encode(word), 576), None),
        ("conv rate match, 576 bits", lambda: conv.rate_match(code, 576), None),
    ]
