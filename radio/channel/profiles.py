"""Delay profiles: EPA, EVA and ETU (TS 36.101 B.2.1)."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

PROFILES: Final = ("EPA", "EVA", "ETU")

_TABLE: Final = "36101_B.2_lte_profiles.csv"


@dataclass(frozen=True, slots=True)
class Profile:
    """A tapped delay line.

    Attributes:
        name: its name.
        delays_s: excess delay of each tap in seconds.
        powers: mean power of each tap; their sum is 1.
    """

    name: str
    delays_s: tuple[float, ...]
    powers: tuple[float, ...]


def rows(table: str) -> list[dict[str, str]]:
    """Rows of a table of this folder's data, whose first line is a remark."""
    text = files(__package__).joinpath("data", table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()[1:]))


@cache
def profile(name: str) -> Profile:
    """A delay profile by its name (TS 36.101 Tables B.2.1-2 to B.2.1-4).

    Raises:
        ValueError: none of :data:`PROFILES`.
    """
    if name not in PROFILES:
        raise ValueError(f"channel profile {name!r} is unknown: use one of {', '.join(PROFILES)}")
    taps = [row for row in rows(_TABLE) if row["profile"] == name]
    powers = np.array([10 ** (float(row["power_dB"]) / 10) for row in taps])
    delays = tuple(float(row["delay_ns"]) * 1e-9 for row in taps)
    return Profile(name, delays, tuple((powers / powers.sum()).tolist()))
