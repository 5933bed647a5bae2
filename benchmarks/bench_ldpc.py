"""NR LDPC code: six layered iterations without early stop, and encoding, of batches of code blocks."""

from functools import partial

import numpy as np

from benchmarks.measure import Case
from picocell.kernels import isa, ldpc

ITERATIONS = 6

DECODE = (  # base graph, Z, columns sent, Es/N0 in dB, batch, reference Mb/s with AVX-512, with AVX2
    (1, 384, 24, 7.1, 16, 184, 155),
    (1, 384, 66, -0.5, 16, 38, 32),
    (2, 384, 12, 5.9, 16, 167, 139),
    (2, 384, 50, -2.9, 16, 25, 21),
    (1, 8, 24, 7.7, 64, 10, None),
    (1, 32, 24, 7.4, 32, 40, None),
    (1, 64, 24, 7.2, 32, 81, None),
    (1, 128, 24, 7.2, 16, 127, None),
    (1, 208, 24, 7.1, 16, 136, None),
)

ENCODE = ((384, 8, 6840), (64, 64, 1590), (32, 64, 730))  # Z, batch, reference Mb/s


def _reference_us(bits: int, rate: float | None) -> float | None:
    """Time of the references for this many information bits."""
    return round(bits / rate, 1) if rate else None


def cases() -> list[Case]:
    """Calls on a whole batch; bits are information bits, references those of one core of another open stack."""
    rng = np.random.default_rng(1)
    found: list[Case] = []
    wide = isa.chosen() == 2
    for bg, z, columns, snr_db, batch, avx512, avx2 in DECODE:
        code = ldpc.Code(bg, z)
        coded = code.encode(rng.integers(0, 2, (batch, code.k), dtype=np.uint8))[:, : columns * z]
        variance = 10 ** (-snr_db / 10)
        llr = code.quantise(1 - 2.0 * coded + np.sqrt(variance) * rng.normal(size=coded.shape))
        name = f"ldpc decode BG{bg} Z={z} R={code.k / z / columns:.3f}, {ITERATIONS} iterations, batch {batch}"
        reference = _reference_us(batch * code.k, avx512 if wide or avx2 is None else avx2)
        found.append(Case(name, partial(code.decode, llr, ITERATIONS, early_stop=False), reference, batch * code.k))
    for z, batch, rate in ENCODE:
        code = ldpc.Code(1, z)
        bits = rng.integers(0, 2, (batch, code.k), dtype=np.uint8)
        name = f"ldpc encode BG1 Z={z}, batch {batch}"
        found.append(Case(name, partial(code.encode, bits), _reference_us(bits.size, rate), bits.size))
    return found
