"""Runs of the requirements that go on after an interruption, from what was measured before, and their HTML report."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from picocell import cli
from picocell.sims import conformance, conformance_records
from picocell.sims.campaign import Progress
from picocell.sims.conformance import Effort, Outcome, run
from picocell.sims.conformance_chart import chart
from picocell.sims.conformance_html import write_html
from picocell.sims.conformance_records import points_path, read_known, read_outcomes, write_json
from picocell.sims.conformance_requirements import STANDARDS, requirements, select
from picocell.sims.counts import Counts, Tally
from picocell.sims.records import RecordError

EFFORT = Effort(
    throughput=120, trials=(("pucch", 60), ("prach", 20), ("pbch", 10), ("pdcch", 50)), silence=40, points=2
)
UPLINK = requirements("36.104")
WANTED = select(UPLINK, ["pusch-1.4-EVA70-A3-2", "pucch-1a-1.4", "prach-4-AWGN-2rx"])


def _without_times(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    found = []
    for outcome in outcomes:
        tallies = {snr: tally.as_dict() for snr, tally in outcome.tallies.items()}
        for one in tallies.values():
            del one["counts"]["cpu_s"]
        found.append({"name": outcome.requirement.name, "row": outcome.row(), "tallies": tallies})
    return found


@pytest.fixture(scope="module")
def whole() -> list[Outcome]:
    return run(WANTED, effort=EFFORT)


class _Interrupted:
    """Ctrl-C after so many updates."""

    def __init__(self, after: int) -> None:
        self._left = after

    def update(self, _outcomes: Sequence[Outcome], _running: dict[str, Progress]) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


class TestResume:
    @pytest.mark.parametrize("after", [1, 4, 9])
    def test_an_interrupted_run_goes_on_to_the_same_numbers(
        self, after: int, whole: list[Outcome], tmp_path: Path
    ) -> None:
        points = tmp_path / "a.points"
        with pytest.raises(KeyboardInterrupt):
            run(WANTED, effort=EFFORT, board=_Interrupted(after), records=points)
        kept = points.read_text(encoding="utf-8").splitlines()
        if after > 8:
            assert kept
        outcomes = run(WANTED, effort=EFFORT, records=points)
        assert _without_times(outcomes) == _without_times(whole)
        assert points.read_text(encoding="utf-8").splitlines()[: len(kept)] == kept  # not done again

    def test_a_file_of_results_is_gone_on_from(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_json(path, whole, EFFORT, 1)
        known = read_known(path, WANTED, EFFORT, 1)
        assert set(known) == {one.name for one in WANTED if not one.why_not}
        again = run(WANTED, effort=EFFORT, known=known)
        assert [o.tallies for o in again] == [o.tallies for o in whole]  # times as well: nothing was simulated
        assert [o.row() for o in read_outcomes(path, UPLINK)] == [o.row() for o in whole]

    def test_other_settings_are_not_mixed_in(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_json(path, whole, EFFORT, 1)
        assert read_known(path, WANTED, EFFORT, 2) == {}
        longer = read_known(path, WANTED, replace(EFFORT, throughput=200), 1)
        assert set(longer) == {"pucch-1a-1.4", "pucch-1a-1.4-dtx"}
        assert read_known(tmp_path / "none", WANTED, EFFORT, 1) == {}

    @pytest.mark.parametrize("text", ["no JSON\n", '{"name": "pucch-1a-1.4"}\n', "[1]\n"])
    def test_another_file_is_refused(self, text: str, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RecordError, match="line 1: no result"):
            read_known(path, WANTED, EFFORT, 1)

    def test_counts_that_are_missing_are_refused(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_json(path, whole, EFFORT, 1)
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        del lines[0]["points"][0]["share"]
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        with pytest.raises(RecordError, match="counts of pusch"):
            read_known(path, WANTED, EFFORT, 1)
        with pytest.raises(RecordError, match="there is no requirement"):
            read_outcomes(path, requirements("36.101"))


class TestCommand:
    def command(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        monkeypatch.setattr(conformance, "QUICK", replace(EFFORT, points=1))
        words = ["picocell", "conformance", "36.104", "--quick", "-j", "1", "-q", "--only", "pucch-1a-1.4", *arguments]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    def test_ctrl_c_and_resume(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        path, html = tmp_path / "a.jsonl", tmp_path / "a.html"
        real = conformance._measure
        calls = []

        def interrupted(*arguments: Any) -> None:
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt
            real(*arguments)

        monkeypatch.setattr(conformance, "_measure", interrupted)
        assert self.command(monkeypatch, "--json", str(path)) == 130
        assert "--resume with the same options goes on" in capsys.readouterr().err
        assert points_path(path).exists()
        assert not path.exists()
        assert self.command(monkeypatch, "--json", str(path)) == 2
        assert "holds an interrupted run" in capsys.readouterr().err
        monkeypatch.setattr(conformance, "_measure", real)
        assert self.command(monkeypatch, "--json", str(path), "--resume", "--html", str(html)) in (0, 1)
        assert sorted(one.name for one in tmp_path.iterdir()) == ["a.html", "a.jsonl"]
        first = path.read_text(encoding="utf-8")
        assert self.command(monkeypatch, "--json", str(path), "--resume") in (0, 1)
        assert path.read_text(encoding="utf-8") == first

    def test_resume_needs_a_file(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.command(monkeypatch, "--resume") == 2
        assert "--json" in capsys.readouterr().err

    def test_a_folder_that_does_not_exist(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.command(monkeypatch, "--html", "/nowhere/x.html") == 2
        assert "/nowhere/x.html" in capsys.readouterr().err


class _Reader(HTMLParser):
    """Sees that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {str(given["id"])} if "id" in given else set()
        self.links |= {str(given["href"])} if "href" in given else set()
        self.sources += [str(given["src"])] if "src" in given else []
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A shape of a picture."""


def _tally(lost: int, of: int = 1000) -> Tally:
    tally = Tally(independent=True)
    for _ in range(10):
        tally.add(Counts(window=of // 10, sent=[of // 10], errors=[lost // 10], delivered=(of - lost) // 10))
    return tally


class TestReport:
    def test_it_is_whole_and_holds_the_numbers(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.html"
        write_html(path, "36.104", whole, EFFORT, 1)
        text = path.read_text(encoding="utf-8")
        reader = _Reader()
        reader.feed(text)
        assert reader.open == []
        measured = {outcome.requirement.name for outcome in whole if outcome.tallies}
        assert reader.ids == measured
        assert reader.links == {f"#{name}" for name in measured}
        assert not reader.sources
        for outcome in whole:
            if outcome.measured is not None:
                assert f"{outcome.requirement.snr_db:g}" in text
        assert "prach-4-AWGN-2rx" in text
        assert "seed 1" in text
        assert "base station" in text

    def test_nothing_measured(self, tmp_path: Path) -> None:
        path = tmp_path / "a.html"
        write_html(path, "36.104", [Outcome(one) for one in WANTED if one.why_not], EFFORT, 1)
        assert "0 passed, 0 failed, 1 not run" in path.read_text(encoding="utf-8")

    def test_points_lie_where_they_were_measured(self) -> None:
        requirement = next(one for one in UPLINK if one.name == "pusch-10-EPA5-A4-6-70")  # 70 % at 10.8 dB
        picture = chart(Outcome(requirement, {10.8: _tally(100), 9.3: _tally(500)}))
        places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="2.5" class="point"/>', picture)
        (x1, y1), (x2, y2) = ((float(x), float(y)) for x, y in places)
        limit = float(re.findall(r'y1="([\d.]+)" x2="330" y2="\1" class="limit"', picture)[0])
        assert x1 < x2
        assert y1 > limit > y2  # 50 % below the line of 70 %, 90 % above
        bottom, top = 174.0, 12.0
        assert y2 == pytest.approx(bottom + 0.9 * (top - bottom), abs=0.1)
        assert 'class="met"' in picture

    def test_a_rate_of_nothing_is_an_arrow(self) -> None:
        requirement = next(one for one in UPLINK if one.name == "pucch-1a-10")
        picture = chart(Outcome(requirement, {-5.4: _tally(0), -6.9: _tally(50)}))
        assert picture.count("<path") == 1
        assert picture.count('class="point"') == 1

    def test_every_standard_has_a_title(self, tmp_path: Path) -> None:
        for standard in STANDARDS:
            write_html(tmp_path / "a.html", standard, [], EFFORT, 1)
            assert standard in (tmp_path / "a.html").read_text(encoding="utf-8")

    def test_records_stand_beside_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        points_path(path).write_text("", encoding="utf-8")
        with pytest.raises(RecordError, match="interrupted run"):
            conformance_records.check_new(path)
        conformance_records.finish(path)
        conformance_records.check_new(path)


class TestMarkdown:
    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        tool = Path(__file__).parents[2] / "tools" / "conformance_tables.py"
        return subprocess.run([sys.executable, str(tool), *arguments], capture_output=True, text=True, check=False)

    def test_a_row_a_requirement(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_json(path, whole, EFFORT, 1)
        done = self.tool("36.104", str(path))
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        measured = [outcome for outcome in whole if outcome.tallies]
        assert len(lines) == 2 + len(measured)
        assert "margin (dB)" in lines[0]
        for line, outcome in zip(lines[2:], measured, strict=True):
            assert line.startswith(f"| {outcome.requirement.name} |")
            assert outcome.verdict in line
        assert len({line.count("|") for line in lines}) == 1
        assert "1 not run" in done.stderr

    def test_another_standards_file_is_refused(self, whole: list[Outcome], tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_json(path, whole, EFFORT, 1)
        done = self.tool("36.101", str(path))
        assert done.returncode == 2
        assert "there is no requirement" in done.stderr
