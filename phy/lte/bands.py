"""Bands and channel numbers (TS 36.101 5.7.3)."""

from functools import cache
from typing import NamedTuple

from picocell.phy.lte.tables import rows


class Band(NamedTuple):
    """A row of TS 36.101 Table 5.7.3-1; frequencies in hertz.

    Attributes:
        number: of the band.
        duplex: ``FDD``, ``TDD`` or ``SDL`` (downlink only).
        downlink: lowest frequency.
        downlink_earfcns: channel numbers.
        uplink: lowest frequency; None without an uplink.
        uplink_earfcns: channel numbers; empty without an uplink.
    """

    number: int
    duplex: str
    downlink: float
    downlink_earfcns: range
    uplink: float | None
    uplink_earfcns: range


@cache
def bands() -> tuple[Band, ...]:
    """The table."""
    return tuple(_band(row) for row in rows("36101_5.7.3-1_earfcn"))


def band_of(earfcn: int) -> Band | None:
    """The band that a downlink channel number is of; None where there is none."""
    return next((band for band in bands() if earfcn in band.downlink_earfcns), None)


def downlink_frequency(earfcn: int) -> float | None:
    """Carrier frequency of a downlink channel number in hertz; None where no band has it."""
    band = band_of(earfcn)
    return None if band is None else band.downlink + 1e5 * (earfcn - band.downlink_earfcns.start)


def uplink_frequency(earfcn: int) -> float | None:
    """Frequency of the uplink at the band's own distance from a downlink channel number; None without one."""
    band = band_of(earfcn)
    if band is None or band.uplink is None:
        return None
    return band.uplink + 1e5 * (earfcn - band.downlink_earfcns.start)


def _band(row: dict[str, str]) -> Band:
    first, last = int(row["N_DL_first"]), int(row["N_DL_last"])
    # a band's first channel may lie above its lowest frequency
    low = 1e6 * float(row["F_DL_low"]) + 1e5 * (first - int(row["N_Offs_DL"]))
    uplink, uplinks = None, range(0)
    if row["F_UL_low"]:
        first_ul = int(row["N_UL_first"])
        uplinks = range(first_ul, int(row["N_UL_last"]) + 1)
        uplink = float(round(1e6 * float(row["F_UL_low"]) + 1e5 * (first_ul - int(row["N_Offs_UL"]))))
    return Band(int(row["band"]), row["duplex"], float(round(low)), range(first, last + 1), uplink, uplinks)
