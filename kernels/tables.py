"""The tables of TS 36.212 that the coding kernels are built on, read from ``data/`` beside this file."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of ``data/<name>.csv`` as dictionaries from column to text.

    Raises:
        FileNotFoundError: no such table.
    """
    text = files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(csv.DictReader(lines))


@cache
def qpp() -> NDArray[np.int32]:
    """Turbo internal interleaver: rows (K, f1, f2), K ascending (TS 36.212 Table 5.1.3-3), shape (188, 3)."""
    table = rows("36212_5.1.3-3_qpp_interleaver")
    return np.array([[int(row[column]) for column in ("K", "f1", "f2")] for row in table], np.int32)


@cache
def turbo_columns() -> NDArray[np.int32]:
    """Inter-column permutation P(0..31) of the turbo sub-block interleaver (TS 36.212 Table 5.1.4-1)."""
    return np.array([int(row["P_turbo_5.1.4-1"]) for row in rows("36212_5.1.4_subblock_permutations")], np.int32)


BLOCK_SIZES: Final[tuple[int, ...]] = tuple(int(k) for k in qpp()[:, 0])
"""The 188 code block sizes K of the turbo code."""
