"""Channel numbers and frequencies."""

import pytest

from picocell.phy.lte.bands import band_of, bands, downlink_frequency, uplink_frequency


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
