"""Mapping and soft demapping of 15000 symbols with scrambling; demapping takes one noise power a symbol."""

from collections.abc import Callable
from functools import partial

import numpy as np

from picocell.kernels import gold, modem

N_SYMBOLS = 15000
NAMES = {1: "BPSK", 2: "QPSK", 4: "16QAM", 6: "64QAM", 8: "256QAM"}


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    rng = np.random.default_rng(1)
    noise_var = rng.uniform(0.01, 0.1, N_SYMBOLS).astype(np.float32)
    for q_m, name in NAMES.items():
        bits = rng.integers(0, 2, N_SYMBOLS * q_m).astype(np.uint8)
        words = gold.packed(77, len(bits))
        clean = modem.modulate(bits, q_m, words)
        symbols = (clean + 0.1 * rng.normal(size=(N_SYMBOLS, 2)) @ [1, 1j]).astype(np.complex64)
        out = np.empty(len(bits), np.int16)
        found += [
            (f"modem modulate {name}", partial(modem.modulate, bits, q_m, words), None),
            (
                f"modem demodulate {name}",
                partial(modem.demodulate, symbols, noise_var, q_m, words, out=out),
                None,
            ),
        ]
    return found
