"""The report of a campaign: one file with everything in it, in well-formed HTML that holds the numbers."""

import base64
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from picocell.sims.campaign_file import CampaignFile
from picocell.sims.report import Finished, Picture, write_report
from picocell.sims.results import package_version
from picocell.sims.snr import DEFINITION, PREAMBLE_DEFINITION

FILE = CampaignFile.model_validate(
    {
        "title": "Waterfalls <1 & 2>",
        "text": "What this is.",
        "sweeps": [
            {
                "name": "awgn",
                "kind": "downlink",
                "title": "White noise & co",
                "parameters": {"mcs": [0, 4], "snr_db": [-8, -6, -4, -2, 0], "estimator": "perfect"},
                "subframes": 60,
                "seed": 77,
            },
            {"name": "code", "kind": "coding", "parameters": {"k": 256, "snr_db": -3}, "subframes": 200},
        ],
    }
)
EMPTY = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Sees that tags are closed in order; collects tables."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.sources: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.sources += [str(given[name]) for name in ("src",) if name in given]
        self.ids |= {str(given["id"])} if "id" in given else set()
        self.links |= {str(given["href"])} if "href" in given else set()
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> list[Finished]:
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for one in FILE.sweeps:
        campaign = FILE.campaign(one)
        table = campaign.run()
        table.plot(folder / f"{one.name}.png")
        found.append(Finished(one, table, campaign.setting, [Picture(folder / f"{one.name}.png", "bler_1")]))
    return found


@pytest.fixture(scope="module")
def html(done: list[Finished], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, FILE, done, "a: <b>", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


def test_everything_is_in_the_one_file(html: str, page: Reader, done: list[Finished]) -> None:
    assert not re.search(r"https?://|<script|<link|@import|url\(", html)
    pictures = [base64.b64decode(one.removeprefix("data:image/png;base64,")) for one in page.sources]
    assert pictures == [picture.path.read_bytes() for one in done for picture in one.pictures]
    assert page.links == {"#awgn", "#code"} == {f"#{one}" for one in page.ids}


def test_tables_hold_the_numbers(page: Reader, done: list[Finished]) -> None:
    overview, curves, points, *_ = page.tables
    assert [row[1:4] for row in overview[1:]] == [["downlink", "10", "-8 to 0"], ["coding", "1", "-3 to -3"]]
    assert [row[-1] for row in overview[1:]] == ["77", "1"]
    head, *rows = curves
    for row, curve in zip(rows, done[0].table.curves(), strict=True):
        crossing = curve.snr_at_bler(0.1)
        assert crossing is not None
        values = dict(zip(head, row, strict=True))
        assert float(values["SNR at 10 % BLER (dB)"]) == pytest.approx(crossing, abs=0.006)
        expected = curve[0].conversion.eb_n0_db(crossing)
        assert float(values["Eb/N0 there (dB)"]) == pytest.approx(expected, abs=0.006)
    head, *rows = points
    for row, result in zip(rows, done[0].table.rows(), strict=True):
        values = dict(zip(head, row, strict=True))
        assert (int(values["mcs"]), float(values["SNR (dB)"])) == (result["mcs"], result["snr_db"])
        assert float(values["BLER (%)"]) == pytest.approx(100 * result["bler_1"], rel=0.01)
        assert float(values["Mb/s"]) == pytest.approx(result["throughput_mbps"], abs=0.001)
    assert all(len(row) == len(table[0]) for table in page.tables for row in table)


def test_curve_that_does_not_cross_has_a_dash(page: Reader) -> None:
    head, row = page.tables[3]
    assert dict(zip(head, row, strict=True))["SNR at 10 % BLER (dB)"] == "–"


def test_what_the_numbers_depend_on_is_there(html: str, done: list[Finished]) -> None:
    for text in ("2026-01-02 03:04 UTC", f"picocell {package_version()}", DEFINITION, "<dt>seed</dt><dd>77</dd>"):
        assert text in html
    assert "<dt>estimator</dt><dd>perfect</dd>" in html
    assert "<dt>mcs</dt><dd>0, 4</dd>" in html
    assert done[0].table[0].conversion.text() in html
    assert PREAMBLE_DEFINITION not in html
    assert "after 60 trials or after 200 errors" in html


def test_texts_of_the_user_stay_text(html: str) -> None:
    assert "<h1>Waterfalls &lt;1 &amp; 2&gt;</h1>" in html
    assert "White noise &amp; co" in html
    assert "a: &lt;b&gt;" in html


def test_report_of_a_part_says_so(done: list[Finished], tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", FILE, done[:1])
    assert "1 of 2 sweeps are not done yet" in (tmp_path / "r.html").read_text()
