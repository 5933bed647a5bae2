"""NR polar code: a DCI of 40 bits and checksum (K=64, E=432), one block a call and 64; a large UCI block."""

from collections.abc import Callable

import numpy as np

from picocell.kernels import polar

BATCH = 64
ES_N0_DB = -5.0  # BLER of a list of eight: 7 %

DECODERS = (("SC", 1, 7.2), ("CRC-aided SCL-8", 8, None), ("CRC-aided SCL-16", 16, None))  # list, reference µs
ENCODER_US = 1.4


def _noisy(sent: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    y = 1 - 2.0 * sent + 10 ** (-snr_db / 20) * rng.normal(size=sent.shape)
    return np.clip(np.rint(20 * y), -127, 127).astype(np.int8)


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Name, call, and reference in µs (one core, another open stack) of each case."""
    rng = np.random.default_rng(1)
    dci, uci = polar.Code(64, 432, n_max=9, i_il=True), polar.Code(523, 1000, n_max=10, i_bil=True)
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for code, what, snr_db, crc, timed in (
        (dci, "DCI K=64 E=432", ES_N0_DB, "24C", True),
        (uci, "UCI K=523 E=1000", 0.7, "11", False),
    ):
        bits = rng.integers(0, 2, (BATCH, code.k), dtype=np.uint8)
        payload = bits[:, : code.k - polar.CRC_LENGTHS[crc]]
        llr = _noisy(code.encode(payload, crc), snr_db, rng)  # type: ignore[arg-type]
        one, first = bits[0].copy(), llr[0].copy()
        encoder_us = ENCODER_US if timed else None
        found.append(
            (f"polar encode {what}", lambda code=code, one=one: code.encode(one), encoder_us)  # type: ignore[misc]
        )
        found.append(
            (
                f"polar encode {what}, batch {BATCH}",
                lambda code=code, bits=bits: code.encode(bits),  # type: ignore[misc]
                encoder_us and encoder_us * BATCH,
            )
        )
        for name, size, reference in DECODERS:
            us = reference if timed else None
            found.append(
                (
                    f"polar {name} {what}",
                    lambda code=code, llr=first, n=size, crc=crc: code.decode(llr, n, crc),  # type: ignore[misc]
                    us,
                )
            )
            found.append(
                (
                    f"polar {name} {what}, batch {BATCH}",
                    lambda code=code, llr=llr, n=size, crc=crc: code.decode(llr, n, crc),  # type: ignore[misc]
                    us and us * BATCH,
                )
            )
    return found
