"""Bands and channel numbers (TS 36.101 5.7.3)."""

from functools import cache
from typing import Final, NamedTuple

from picocell.phy.lte.tables import rows

RASTER_HZ: Final = 100_000
"""Carriers lie at whole multiples of it from the bands' lowest frequencies."""
CHANNEL_BANDWIDTHS: Final = {6: 1.4e6, 15: 3e6, 25: 5e6, 50: 10e6, 75: 15e6, 100: 20e6}
"""Hertz by resource blocks (TS 36.101 Table 5.6-1)."""


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

    @property
    def downlink_end(self) -> float:
        """Highest frequency of the downlink."""
        return self.downlink + RASTER_HZ * len(self.downlink_earfcns)

    @property
    def uplink_end(self) -> float | None:
        """Highest frequency of the uplink; None without one."""
        return None if self.uplink is None else self.uplink + RASTER_HZ * len(self.uplink_earfcns)

    def usable(self, n_prb: int) -> range:
        """Downlink channel numbers whose carrier lies within the band; empty where the band is narrower.

        Args:
            n_prb: resource blocks.

        Raises:
            ValueError: another bandwidth than 6, 15, 25, 50, 75 or 100.
        """
        if n_prb not in CHANNEL_BANDWIDTHS:
            raise ValueError(f"{n_prb} PRB is not a bandwidth: {', '.join(map(str, CHANNEL_BANDWIDTHS))} are")
        half = round(CHANNEL_BANDWIDTHS[n_prb] / 2 / RASTER_HZ)
        all_of_them = self.downlink_earfcns
        return range(all_of_them.start + half, max(all_of_them.stop - half + 1, all_of_them.start + half))


@cache
def bands() -> tuple[Band, ...]:
    """The table."""
    return tuple(_band(row) for row in rows("36101_5.7.3-1_earfcn"))


def band_of(earfcn: int) -> Band | None:
    """The band that a downlink channel number is of; None where there is none."""
    return next((band for band in bands() if earfcn in band.downlink_earfcns), None)


def band_of_uplink(earfcn: int) -> Band | None:
    """The band that an uplink channel number is of; None where there is none."""
    return next((band for band in bands() if earfcn in band.uplink_earfcns), None)


def downlink_frequency(earfcn: int) -> float | None:
    """Carrier frequency of a downlink channel number in hertz; None where no band has it."""
    band = band_of(earfcn)
    return None if band is None else _frequency(band.downlink, earfcn - band.downlink_earfcns.start)


def uplink_earfcn(earfcn: int) -> int | None:
    """Uplink channel number at the band's own distance from a downlink channel number; None without one.

    Where a band's uplink is narrower than its downlink, the upper downlink channels have none.
    """
    band = band_of(earfcn)
    if band is None:
        return None
    offset = earfcn - band.downlink_earfcns.start
    return band.uplink_earfcns[offset] if offset < len(band.uplink_earfcns) else None


def uplink_frequency(earfcn: int) -> float | None:
    """Frequency of the uplink at the band's own distance from a downlink channel number; None without one."""
    uplink = uplink_earfcn(earfcn)
    return None if uplink is None else frequency_of_uplink(uplink)


def frequency_of_uplink(earfcn: int) -> float | None:
    """Carrier frequency of an uplink channel number in hertz; None where no band has it."""
    band = band_of_uplink(earfcn)
    if band is None or band.uplink is None:
        return None
    return _frequency(band.uplink, earfcn - band.uplink_earfcns.start)


def downlink_earfcns(frequency: float) -> tuple[int, ...]:
    """Downlink channel numbers of a carrier frequency in hertz, of each band that has it; empty where none has.

    A frequency counts as a channel's within half a hertz.
    """
    return tuple(
        band.downlink_earfcns[channel]
        for band in bands()
        if (channel := _channel(frequency, band.downlink, len(band.downlink_earfcns))) is not None
    )


def uplink_earfcns(frequency: float) -> tuple[int, ...]:
    """Uplink channel numbers of a carrier frequency in hertz, of each band that has it; empty where none has.

    A frequency counts as a channel's within half a hertz.
    """
    return tuple(
        band.uplink_earfcns[channel]
        for band in bands()
        if band.uplink is not None
        and (channel := _channel(frequency, band.uplink, len(band.uplink_earfcns))) is not None
    )


def _frequency(low: float, channel: int) -> float:
    return low + RASTER_HZ * channel


def _channel(frequency: float, low: float, count: int) -> int | None:
    """Which of ``count`` channels from ``low`` on a frequency is; None where it is none of them."""
    if not low - 1 < frequency < low + RASTER_HZ * count:  # also where it is no number
        return None
    channel = round((frequency - low) / RASTER_HZ)
    return channel if 0 <= channel < count and abs(frequency - _frequency(low, channel)) <= 0.5 else None


def _band(row: dict[str, str]) -> Band:
    first, last = int(row["N_DL_first"]), int(row["N_DL_last"])
    # a band's first channel may lie above its lowest frequency
    low = 1e6 * float(row["F_DL_low"]) + RASTER_HZ * (first - int(row["N_Offs_DL"]))
    uplink, uplinks = None, range(0)
    if row["F_UL_low"]:
        first_ul = int(row["N_UL_first"])
        uplinks = range(first_ul, int(row["N_UL_last"]) + 1)
        uplink = float(round(1e6 * float(row["F_UL_low"]) + RASTER_HZ * (first_ul - int(row["N_Offs_UL"]))))
    return Band(int(row["band"]), row["duplex"], float(round(low)), range(first, last + 1), uplink, uplinks)
