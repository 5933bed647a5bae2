"""The live table: columns under their names, and rates, percentages and gaps as people read them."""

import pytest

from picocell.observe.ue_table import UeRow, header, line, table


def row(**changes: object) -> UeRow:
    values: dict[str, object] = {
        "rat": "lte",
        "pci": 1,
        "rnti": 0x46,
        "cqi": 15,
        "ri": 1,
        "dl_mcs": 27,
        "dl_bps": 9.87e6,
        "dl_ok": 950,
        "dl_nok": 50,
        "pusch_snr_db": 21.4,
        "pucch_snr_db": None,
        "phr_db": 40,
        "ul_mcs": 20,
        "ul_bps": 128e3,
        "ul_ok": 3,
        "ul_nok": 0,
        "bsr": 12_345,
    }
    return UeRow(**(values | changes))  # type: ignore[arg-type]


def test_a_row_as_it_is_shown() -> None:
    shown = " ".join(line(row()).split())
    assert shown == "lte 1 46 15 1 27 9.87M 950 50 5% | 21.4 n/a 40 20 128.0k 3 0 0% 12.3k"


def test_rows_are_as_wide_as_the_header() -> None:
    names = header().splitlines()[1]
    assert abs(len(line(row())) - len(names)) <= 1
    assert line(row()).index("|") == names.index("|")
    assert line(row(cqi=None, dl_bps=0.0, dl_ok=0, dl_nok=0)).index("|") == names.index("|")


@pytest.mark.parametrize(
    ("bps", "text"), [(0, "0"), (999, "999"), (1500, "1.50k"), (15_000, "15.0k"), (1.2e6, "1.20M"), (2.5e9, "2.50G")]
)
def test_rates_have_units(bps: float, text: str) -> None:
    assert f" {text} " in line(row(dl_bps=bps))


def test_header_is_shown_where_it_is_wanted() -> None:
    assert table([row()], with_header=True).startswith(header())
    assert table([row(), row(rnti=0x47)], with_header=False).count("\n") == 1
    assert row().as_dict()["rnti"] == 0x46
