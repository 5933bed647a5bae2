"""CRC, turbo code of one block, and whole transport blocks of 20 MHz at MCS 28."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import crc, sch, turbo


def _llr(bits: NDArray[np.uint8], snr_db: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """LLRs of BPSK over white noise, 16 a unit."""
    variance = 10 ** (-snr_db / 10)
    received = 1 - 2.0 * bits + np.sqrt(variance) * rng.normal(size=bits.shape)
    llr: NDArray[np.int16] = np.clip(np.rint(32 * received / variance), -8191, 8191).astype(np.int16)
    return llr


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Name, call, and reference in µs (one core, another open stack's 16 bit decoder) of each case."""
    rng = np.random.default_rng(1)
    found: list[tuple[str, Callable[[], object], float | None]] = []
    data = rng.bytes(9425)
    found.append(("crc24a 9425 bytes", lambda: crc.crc24a(data), None))
    for k, reference in ((40, 40 / 7), (1024, 1024 / 66), (6144, 6144 / 80)):
        bits = rng.integers(0, 2, k, dtype=np.uint8)
        received = _llr(turbo.encode(bits), 0.0, rng)
        decoder = turbo.TurboDecoder(5)
        found.append((f"turbo encode K={k}", lambda bits=bits: turbo.encode(bits), None))  # type: ignore[misc]
        found.append(
            (f"turbo decode K={k}, 5 iterations", lambda d=decoder, r=received: d.decode(r), reference)  # type: ignore[misc]
        )
    tbs, g, q_m = 75376, 90000, 6
    payload = rng.bytes(tbs // 8)
    coded = sch.encode(payload, g, q_m)
    decoder_sch = sch.SchDecoder()
    found.append(("sch encode 75376 bits, G=90000", lambda: sch.encode(payload, g, q_m), None))
    for name, snr_db in (("high SNR", 30.0), ("6.5 dB", 6.5)):
        received = _llr(coded, snr_db, rng)
        found.append(
            (
                f"sch decode 75376 bits, G=90000, {name}",
                lambda r=received: decoder_sch.decode(r, tbs, q_m),  # type: ignore[misc]
                None,
            )
        )
    return found
