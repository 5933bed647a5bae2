"""Mapping and soft demapping of 15000 symbols, about those of a subframe of 100 PRB, in the second-level cache.

Bits a call are what goes into the mapper and, for the demapper, the LLRs that come out (16 bits each). "Plain" has no
scrambling and one noise power, as the references have it; the others XOR the bits with a scrambling sequence, and the
demapper takes one noise power a symbol.
"""

from functools import partial

import numpy as np

from benchmarks.measure import Case
from picocell.kernels import gold, modem

N_SYMBOLS = 15000
NAMES = {1: "BPSK", 2: "QPSK", 4: "16QAM", 6: "64QAM", 8: "256QAM"}
DEMAPPER_GBPS = {6: 6.1, 8: 6.8}
"""8-bit demappers of another open stack, without scrambling."""
MAPPER_GBPS = {6: 11.5}


def cases() -> list[Case]:
    """Plain and scrambled, both ways."""
    found: list[Case] = []
    rng = np.random.default_rng(1)
    noise_var = rng.uniform(0.01, 0.1, N_SYMBOLS).astype(np.float32)
    for q_m, name in NAMES.items():
        n_bits = N_SYMBOLS * q_m
        bits = rng.integers(0, 2, n_bits).astype(np.uint8)
        words = gold.packed(77, n_bits)
        clean = modem.modulate(bits, q_m, words)
        symbols = (clean + 0.1 * rng.normal(size=(N_SYMBOLS, 2)) @ [1, 1j]).astype(np.complex64)
        out = np.empty(n_bits, np.int16)
        map_us = n_bits / MAPPER_GBPS[q_m] / 1000 if q_m in MAPPER_GBPS else None
        demap_us = n_bits / DEMAPPER_GBPS[q_m] / 1000 if q_m in DEMAPPER_GBPS else None
        plain = partial(modem.demodulate, symbols, 0.02, q_m, out=out)
        descrambled = partial(modem.demodulate, symbols, noise_var, q_m, words, out=out)
        found += [
            Case(f"modem modulate {name}, plain", partial(modem.modulate, bits, q_m), map_us, n_bits),
            Case(f"modem modulate {name}, scrambled", partial(modem.modulate, bits, q_m, words), map_us, n_bits),
            Case(f"modem demodulate {name}, plain", plain, demap_us, n_bits),
            Case(f"modem demodulate {name}, noise a symbol, scrambled", descrambled, None, n_bits),
        ]
    return found
