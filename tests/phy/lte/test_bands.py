"""Channel numbers and frequencies."""

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import picocell.phy.lte
from picocell.phy.lte.bands import (
    CHANNEL_BANDWIDTHS,
    Band,
    band_of,
    band_of_uplink,
    bands,
    downlink_earfcns,
    downlink_frequency,
    frequency_of_uplink,
    uplink_earfcn,
    uplink_earfcns,
    uplink_frequency,
)

TABLE = Path(picocell.phy.lte.__path__[0]) / "data" / "36101_5.7.3-1_earfcn.csv"
by_number = pytest.mark.parametrize("band", bands(), ids=lambda band: str(band.number))


def written(row: dict[str, str], way: str, earfcn: int) -> float:
    """The standard's formula, in MHz as the table has it: F = F_low + 0.1 (N - N_Offs)."""
    return float(row[f"F_{way}_low"]) + 0.1 * (earfcn - int(row[f"N_Offs_{way}"]))


@pytest.mark.parametrize(
    ("earfcn", "band", "downlink_mhz", "uplink_mhz"),
    [
        (300, 1, 2140.0, 1950.0),
        (1575, 3, 1842.5, 1747.5),
        (3350, 7, 2680.0, 2560.0),
        (6300, 20, 806.0, 847.0),  # whose uplink is above its downlink
        (38000, 38, 2595.0, 2595.0),  # TDD
        (9715, 29, 722.5, None),  # downlink only
    ],
)
def test_known_channels(earfcn: int, band: int, downlink_mhz: float, uplink_mhz: float | None) -> None:
    found = band_of(earfcn)
    assert found is not None
    assert found.number == band
    assert downlink_frequency(earfcn) == pytest.approx(downlink_mhz * 1e6, abs=1)
    uplink = uplink_frequency(earfcn)
    assert uplink == (None if uplink_mhz is None else pytest.approx(uplink_mhz * 1e6, abs=1))


def test_the_table_is_whole() -> None:
    for one in bands():
        assert one.duplex in ("FDD", "TDD", "SDL")
        assert len(one.uplink_earfcns) in (0, len(one.downlink_earfcns)) or one.number in (10, 66, 70)
        assert (one.uplink is None) == (one.duplex == "SDL")
        if one.duplex == "TDD":
            assert one.uplink == one.downlink
    numbers = [earfcn for one in bands() for earfcn in one.downlink_earfcns]
    assert len(numbers) == len(set(numbers))


def test_a_number_of_no_band() -> None:
    assert band_of(65_000) is None
    assert downlink_frequency(65_000) is None
    assert uplink_frequency(65_000) is None


def test_each_row_of_the_table_by_the_formula() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [band.number for band in bands()] == [int(row["band"]) for row in rows]
    for band, row in zip(bands(), rows, strict=True):
        assert band.duplex == row["duplex"]
        first, last = int(row["N_DL_first"]), int(row["N_DL_last"])
        for earfcn in (first, (first + last) // 2, last):
            assert downlink_frequency(earfcn) == pytest.approx(1e6 * written(row, "DL", earfcn), abs=0.01)
        if row["F_UL_low"]:
            first, last = int(row["N_UL_first"]), int(row["N_UL_last"])
            for earfcn in (first, (first + last) // 2, last):
                assert frequency_of_uplink(earfcn) == pytest.approx(1e6 * written(row, "UL", earfcn), abs=0.01)


@by_number
@given(data=st.data())
def test_there_and_back(band: Band, data: st.DataObject) -> None:
    earfcn = data.draw(st.sampled_from(band.downlink_earfcns))
    frequency = downlink_frequency(earfcn)
    assert frequency is not None
    assert band_of(earfcn) == band
    assert band.downlink <= frequency < band.downlink_end
    found = downlink_earfcns(frequency)
    assert earfcn in found
    assert len({one.number for number in found if (one := band_of(number))}) == len(found)
    assert {downlink_frequency(number) for number in found} == {frequency}
    if band.uplink is not None and band.uplink_end is not None:
        uplink = data.draw(st.sampled_from(band.uplink_earfcns))
        frequency = frequency_of_uplink(uplink)
        assert frequency is not None
        assert band_of_uplink(uplink) == band
        assert band.uplink <= frequency < band.uplink_end
        assert uplink in uplink_earfcns(frequency)


@by_number
@given(data=st.data())
def test_the_pair_has_the_distance_of_the_band(band: Band, data: st.DataObject) -> None:
    earfcn = data.draw(st.sampled_from(band.downlink_earfcns))
    uplink, frequency = uplink_earfcn(earfcn), uplink_frequency(earfcn)
    if earfcn - band.downlink_earfcns.start >= len(band.uplink_earfcns):
        assert uplink is None
        assert frequency is None
        return
    assert uplink is not None
    assert band.uplink is not None
    assert uplink - band.uplink_earfcns.start == earfcn - band.downlink_earfcns.start
    assert frequency == frequency_of_uplink(uplink)
    assert (downlink_frequency(earfcn) or 0) - (frequency or 0) == band.downlink - band.uplink


@by_number
def test_beyond_the_edges(band: Band) -> None:
    for outside in (band.downlink_earfcns.start - 1, band.downlink_earfcns.stop):
        assert band_of(outside) != band
    for outside in (band.uplink_earfcns.start - 1, band.uplink_earfcns.stop) if band.uplink_earfcns else ():
        assert band_of_uplink(outside) != band
    for frequency in (band.downlink - 1e5, band.downlink_end):
        assert not set(downlink_earfcns(frequency)) & set(band.downlink_earfcns)
    assert band.downlink_earfcns[0] in downlink_earfcns(band.downlink)
    assert band.downlink_earfcns[-1] in downlink_earfcns(band.downlink_end - 1e5)


@by_number
@pytest.mark.parametrize("n_prb", CHANNEL_BANDWIDTHS)
def test_a_carrier_lies_within_its_band(band: Band, n_prb: int) -> None:
    half = CHANNEL_BANDWIDTHS[n_prb] / 2
    usable = band.usable(n_prb)
    for earfcn in band.downlink_earfcns:
        centre = downlink_frequency(earfcn) or 0
        assert (earfcn in usable) == (band.downlink <= centre - half and centre + half <= band.downlink_end)


def test_a_bandwidth_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="20 PRB is not a bandwidth: 6, 15, 25, 50, 75, 100 are"):
        bands()[0].usable(20)


@given(st.floats(-1e9, 1e11) | st.sampled_from([math.nan, math.inf, -math.inf]))
def test_any_other_frequency_is_of_no_channel(frequency: float) -> None:
    for found, back in ((downlink_earfcns, downlink_frequency), (uplink_earfcns, frequency_of_uplink)):
        for earfcn in found(frequency):
            assert abs((back(earfcn) or 0) - frequency) <= 0.5
    assert downlink_earfcns(2_680_050_000) == ()
    assert downlink_earfcns(2_680_000_000.4) == (3350, 41490)


@given(st.integers(-1000, 200_000))
def test_any_number_is_of_one_band_or_none(earfcn: int) -> None:
    assert sum(earfcn in band.downlink_earfcns for band in bands()) == (band_of(earfcn) is not None)
    assert sum(earfcn in band.uplink_earfcns for band in bands()) == (band_of_uplink(earfcn) is not None)
    assert (downlink_frequency(earfcn) is None) == (band_of(earfcn) is None)
    assert (frequency_of_uplink(earfcn) is None) == (band_of_uplink(earfcn) is None)
