"""Transport blocks after a CQI, as published curves of the CQIs are made (TS 36.213 7.2.3)."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final

from picocell.kernels.turbo import SIZES

_TABLE: Final = "36213_7.2.3-1_cqi.csv"
_CRC_BITS: Final = 24


@cache
def _rows() -> dict[int, tuple[int, float]]:
    """Bits a symbol and efficiency by CQI, those out of range left out."""
    text = files(__package__).joinpath("data", _TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {int(r["cqi"]): (int(r["Q_m"]), float(r["efficiency"])) for r in csv.DictReader(lines) if r["Q_m"]}


def block(cqi: int, n_re: int) -> tuple[int, int]:
    """Bits a symbol and transport block size after a CQI.

    One code block of the turbo size K nearest to efficiency times resource elements, which holds the block's CRC.

    Args:
        cqi: 1..15.
        n_re: resource elements of the PDSCH.

    Returns:
        Q_m and the transport block size in bits.

    Raises:
        ValueError: another CQI, or more bits than one code block holds.
    """
    if cqi not in _rows():
        raise ValueError(f"CQI {cqi} is outside {min(_rows())}..{max(_rows())}")
    q_m, efficiency = _rows()[cqi]
    bits = efficiency * n_re
    if bits > SIZES[-1]:
        raise ValueError(f"CQI {cqi} on {n_re} resource elements is {bits:.0f} bits: one code block has {SIZES[-1]}")
    return q_m, min(SIZES, key=lambda size: abs(size - bits)) - _CRC_BITS
