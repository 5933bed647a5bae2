"""NR polar code: a DCI of 40 bits and checksum (K=64, E=432), one block a call and 64; a large UCI block."""

from functools import partial

import numpy as np

from benchmarks.measure import Case
from picocell.kernels import polar

BATCH = 64
ES_N0_DB = -5.0  # BLER of a list of eight: 7 %

DECODERS = (("SC", 1, 7.2), ("CRC-aided SCL-8", 8, None), ("CRC-aided SCL-16", 16, None))  # list, reference µs
ENCODER_US = 1.4


def _noisy(sent: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    y = 1 - 2.0 * sent + 10 ** (-snr_db / 20) * rng.normal(size=sent.shape)
    return np.clip(np.rint(20 * y), -127, 127).astype(np.int8)


def cases() -> list[Case]:
    """One block a call and a batch; bits are the K of each, references those of one core of another open stack."""
    rng = np.random.default_rng(1)
    dci, uci = polar.Code(64, 432, n_max=9, i_il=True), polar.Code(523, 1000, n_max=10, i_bil=True)
    found: list[Case] = []
    for code, what, snr_db, crc, timed in (
        (dci, "DCI K=64 E=432", ES_N0_DB, "24C", True),
        (uci, "UCI K=523 E=1000", 0.7, "11", False),
    ):
        bits = rng.integers(0, 2, (BATCH, code.k), dtype=np.uint8)
        payload = bits[:, : code.k - polar.CRC_LENGTHS[crc]]
        llr = _noisy(code.encode(payload, crc), snr_db, rng)  # type: ignore[arg-type]
        for count, blocks, soft in ((1, bits[0].copy(), llr[0].copy()), (BATCH, bits, llr)):
            suffix = what if count == 1 else f"{what}, batch {count}"
            us = ENCODER_US * count if timed else None
            found.append(Case(f"polar encode {suffix}", partial(code.encode, blocks), us, count * code.k))
            for name, size, reference in DECODERS:
                us = reference * count if timed and reference else None
                call = partial(code.decode, soft, size, crc)  # type: ignore[arg-type]
                found.append(Case(f"polar {name} {suffix}", call, us, count * code.k))
    return found
