"""CRC, turbo code of one block, and whole transport blocks of 20 MHz at MCS 28."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import crc, sch, turbo

ITERATIONS = 5
DECODE = (  # K, batch, reference Mb/s
    (6144, 1, 80),
    (6144, 4, 80),
    (6144, 13, 80),
    (1024, 1, 66),
    (1024, 16, 66),
    (504, 16, 40),
    (40, 1, 7),
    (40, 64, 7),
)


def _decode(decoder: turbo.TurboDecoder, received: NDArray[np.int16]) -> Callable[[], object]:
    """All iterations of one block or of a batch."""
    if len(received) > 1:
        return lambda: decoder.decode_many(received)
    return lambda: decoder.decode(received[0])


def _llr(bits: NDArray[np.uint8], snr_db: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """LLRs of BPSK over white noise, 16 a unit."""
    variance = 10 ** (-snr_db / 10)
    received = 1 - 2.0 * bits + np.sqrt(variance) * rng.normal(size=bits.shape)
    llr: NDArray[np.int16] = np.clip(np.rint(32 * received / variance), -8191, 8191).astype(np.int16)
    return llr


Found = tuple[str, Callable[[], object], float | None, int | None]


def cases() -> list[Found]:
    """Name, call, reference in µs (one core, another open stack's decoder) and information bits of each case."""
    rng = np.random.default_rng(1)
    found: list[Found] = []
    data = rng.bytes(9425)
    found.append(("crc24a 9425 bytes", lambda: crc.crc24a(data), None, None))
    for k, n, reference in DECODE:
        bits = rng.integers(0, 2, (n, k), dtype=np.uint8)
        received = np.stack([_llr(turbo.encode(block), -4.0, rng) for block in bits])
        decoder = turbo.TurboDecoder(ITERATIONS)
        found.append(
            (
                f"turbo decode K={k}, {ITERATIONS} iterations" + (f", batch {n}" if n > 1 else ""),
                _decode(decoder, received),
                round(n * k / reference, 1),
                n * k,
            )
        )
    bits = rng.integers(0, 2, 6144, dtype=np.uint8)
    punctured = turbo.rate_recover(_llr(turbo.encode_match(bits, 6827), 3.6, rng), 6144)[None]
    decode = _decode(turbo.TurboDecoder(ITERATIONS), punctured)
    found.append(("turbo decode K=6144, R=0.9, 5 iterations", decode, None, 6144))
    value = crc.crc_bits(bits[:-24], "24B")
    bits[-24:] = [(value >> (23 - i)) & 1 for i in range(24)]
    clean, early = _llr(turbo.encode(bits), 20.0, rng), turbo.TurboDecoder(ITERATIONS)
    found.append(("turbo decode K=6144, high SNR, CRC", lambda: early.decode(clean, "24B"), round(6144 / 320, 1), 6144))
    found.append(("turbo encode and match K=6144", lambda: turbo.encode_match(bits, 18444), 8.0, 6144))
    tbs, g, q_m = 75376, 90000, 6
    payload = rng.bytes(tbs // 8)
    coded = sch.encode(payload, g, q_m)
    decoder_sch = sch.SchDecoder()
    found.append(("sch encode 75376 bits, G=90000", lambda: sch.encode(payload, g, q_m), None, tbs))
    for name, snr_db in (("high SNR", 30.0), ("6.5 dB", 6.5)):
        received = _llr(coded, snr_db, rng)
        found.append(
            (
                f"sch decode 75376 bits, G=90000, {name}",
                lambda r=received: decoder_sch.decode(r, tbs, q_m),  # type: ignore[misc]
                None,
                tbs,
            )
        )
    return found
