"""The standard's requirements: the tables as they are read, the search for the margin, and the command."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from picocell import cli
from picocell.phy.lte import pdsch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.tbs import tbs
from picocell.sims import conformance, conformance_report, conformance_requirements
from picocell.sims.conformance import Effort, Outcome, exit_code, run
from picocell.sims.conformance_requirements import STANDARDS, Requirement, requirements, select, table
from picocell.sims.counts import Counts, Tally
from picocell.sims.registry import open_link

TINY = Effort(throughput=60, trials=(("pbch", 10), ("pdcch", 20), ("pucch", 50), ("prach", 10)), silence=20, points=1)

EVERY = {r.name: r for standard in STANDARDS for r in requirements(standard)}


def _tally(good: int, of: int = 1000, blocks: int = 10) -> Tally:
    """Counts of which a share was received at once, evenly over the blocks."""
    tally = Tally(independent=True)
    for _ in range(blocks):
        sent, received = of // blocks, good // blocks
        tally.add(Counts(window=sent, sent=[sent], errors=[sent - received], delivered=received))
    return tally


def _command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["picocell", "conformance", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick run that is quicker still."""
    monkeypatch.setattr(conformance, "QUICK", TINY)


class TestTables:
    def test_no_row_is_left_out(self) -> None:
        rows = sum(map(len, (table("36101_8.2_pdsch_requirements"), table("36101_8_control_requirements"))))
        assert len(requirements("36.101")) == rows == 28
        pucch = 2 * 6 * len(table("36104_8.3_pucch_requirements"))
        prach = len(table("36104_8.4.2.1-1_prach_requirements")) * 5 + 2 * 5
        assert len(requirements("36.104")) == len(table("36104_8.2.1.1_pusch_requirements")) + pucch + prach

    def test_names_differ(self) -> None:
        assert len(EVERY) == sum(len(requirements(standard)) for standard in STANDARDS)

    @pytest.mark.parametrize("standard", STANDARDS)
    def test_every_row_can_be_run_or_says_why(self, standard: str) -> None:
        for requirement in requirements(standard):
            if requirement.why_not:
                assert not requirement.parameters
                with pytest.raises(ValueError, match="cannot be run"):
                    requirement.point()
            else:
                point = requirement.point()
                assert (point.kind, point.snr_db) == (requirement.kind, requirement.snr_db)
                open_link(point)

    def test_what_is_not_run(self) -> None:
        assert sorted(name for name, r in EVERY.items() if r.why_not) == [
            *(f"prach-4-{channel}-{n}rx" for channel in ("AWGN", "ETU70", "noise") for n in (2, 4)),
        ]

    def test_a_row_becomes_its_point(self) -> None:
        found = EVERY["pdsch-8.2.1.1.1-8"]
        assert (found.snr_db, found.limit) == (9.4, 0.7)
        assert found.target == pytest.approx(0.3)
        expected = {"channel": "ETU300-HIGH", "n_prb": 50, "cfi": 2, "tbs": 14112, "modulation": "16qam", "tm": 1}
        assert expected.items() <= found.point().as_dict().items()
        expected = {"n_prb": 100, "n_prb_alloc": 1, "tbs": 712, "modulation": "64qam", "rounds": 4, "n_rx": 2}
        assert expected.items() <= EVERY["pusch-20-EVA5-A5-1-70"].point().as_dict().items()
        assert EVERY["pdsch-8.2.1.1.1-5"].point().as_dict()["cfi"] == 3

    def test_spatial_multiplexing_has_its_layers_and_feedback(self) -> None:
        points = {
            name: r.point().as_dict()
            for name, r in EVERY.items()
            if name.startswith(("pdsch-8.2.1.3", "pdsch-8.2.1.4"))
        }
        assert {name[len("pdsch-8.2.1.") :]: (p["tm"], p["layers"], p["codewords"]) for name, p in points.items()} == {
            "3.1-1": (3, 2, 2),
            "4.1-1": (4, 1, 1),
            "4.1-2": (4, 1, 1),
            "4.2-1": (4, 2, 2),
            "4.2-2": (4, 2, 2),
        }
        closed = {name: p for name, p in points.items() if p["tm"] == 4}
        assert {p["pmi_delay"] for p in closed.values()} == {8}
        assert {p["pmi"] for p in closed.values()} == {-1}
        assert [p["pmi_prb"] for p in closed.values()] == [6, 0, 0, 0]

    def test_payloads_of_two_ports_are_those_nearest_the_rate(self) -> None:
        """R.35's payload stands in no list: the rule that gives it gives the others too."""
        reference = {row["channel"]: row for row in table("36101_A.3_frc")}
        cell = Cell(0, 50, n_ports=2)
        n_re = pdsch.n_re(cell, 1, (tuple(range(50)),) * 2, conformance_requirements.cfi(50))
        for name, q_m, rate in (("R.10 FDD", 2, 1 / 3), ("R.11 FDD", 4, 1 / 2), ("R.35 FDD", 6, 1 / 2)):
            sizes = [tbs(i, 50) for i in range(27)]
            nearest = min(sizes, key=lambda size: abs((size + 24) / (n_re * q_m) - rate))
            assert int(reference[name]["payload_bits"]) == nearest

    def test_payloads_are_transport_block_sizes(self) -> None:
        """TS 36.213 7.1.7.2.1 has each payload for its number of resource blocks."""
        for name, size in (("36101_A.3_frc", "payload_bits"), ("36104_A.3_A.5_frc", "payload_bits")):
            for row in table(name):
                assert int(row[size]) in {tbs(i, int(row["N_RB"])) for i in range(27)}, row

    def test_unknown_standard(self) -> None:
        with pytest.raises(ValueError, match=r"36\.101 or 36\.104"):
            requirements("36.521")

    def test_select(self) -> None:
        every = requirements("36.101")
        assert select(every, []) == every
        assert [r.name for r in select(every, ["PBCH", "*2.1.2*-1"])] == [
            "pdsch-8.2.1.2.1-1",
            "pbch-8.6.1.1-1",
            "pbch-8.6.1.2.1-1",
        ]
        with pytest.raises(ValueError, match="'pxsch'"):
            select(every, ["pbch", "pxsch"])


class TestJudgement:
    def throughput(self) -> Requirement:
        return EVERY["pusch-10-EPA5-A4-6-70"]  # 70 % at 10.8 dB

    def test_nothing_is_measured_yet(self) -> None:
        outcome = Outcome(self.throughput())
        assert (outcome.measured, outcome.interval, outcome.margin_db, outcome.verdict) == (None, None, None, "not run")
        assert outcome.next_snr_db(4) == 10.8

    def test_goes_down_while_met_and_interpolates(self) -> None:
        outcome = Outcome(self.throughput(), {10.8: _tally(900)})
        assert (outcome.verdict, outcome.measured, outcome.margin_db) == ("pass", 0.9, None)
        assert outcome.next_snr_db(1) is None
        assert outcome.next_snr_db(4) == pytest.approx(9.3)
        outcome.tallies[9.3] = _tally(100)
        assert outcome.next_snr_db(4) == pytest.approx(10.05)
        assert outcome.next_snr_db(2) is None
        # Losses of 0.9 and 0.1: 0.3 = 0.9 / 3 lies half way in the logarithm.
        assert outcome.met_at_db == pytest.approx(10.05)
        assert outcome.margin_db == pytest.approx(0.75)
        assert not outcome.bounded
        outcome.tallies[10.05] = _tally(500)
        assert outcome.next_snr_db(4) is None
        assert outcome.margin_db is not None
        assert 0 < outcome.margin_db < 0.75

    def test_goes_up_while_missed(self) -> None:
        outcome = Outcome(self.throughput(), {10.8: _tally(100)})
        assert outcome.verdict == "fail"
        assert outcome.next_snr_db(4) == pytest.approx(12.3)
        outcome.tallies[12.3] = _tally(900)
        assert outcome.margin_db == pytest.approx(-0.75)

    def test_a_margin_beyond_the_search_is_a_bound(self) -> None:
        outcome = Outcome(self.throughput(), {10.8: _tally(1000), 9.3: _tally(990), 7.8: _tally(900)})
        assert outcome.next_snr_db(3) is None
        assert outcome.bounded
        assert outcome.margin_db == pytest.approx(3.0)
        assert conformance_report.margin_text(outcome) == "> 3.00"
        assert conformance_report.met_text(outcome) == "< 7.8"

    def test_an_error_rate_is_a_limit_from_above(self) -> None:
        requirement = EVERY["pdcch-8.4.1.1-1"]
        assert Outcome(requirement, {-1.7: _tally(990)}).verdict == "pass"
        assert Outcome(requirement, {-1.7: _tally(980)}).verdict == "fail"
        assert Outcome(requirement, {-1.7: _tally(990)}).close
        assert not Outcome(requirement, {-1.7: _tally(500)}).close

    def test_silence_is_not_searched(self) -> None:
        outcome = Outcome(EVERY["pucch-1a-10-dtx"], {-5.4: _tally(1000)})
        assert outcome.next_snr_db(4) is None

    def test_exit_code(self) -> None:
        good = Outcome(self.throughput(), {10.8: _tally(900)})
        bad = Outcome(self.throughput(), {10.8: _tally(100)})
        nothing = Outcome(EVERY["prach-4-AWGN-2rx"])
        assert exit_code([good, nothing]) == 0
        assert exit_code([good, bad]) == 1
        assert exit_code([nothing]) == 1


class TestRun:
    def test_passes_and_fails(self) -> None:
        requirement = EVERY["pusch-1.4-EVA70-A3-2-70"]
        hopeless = replace(requirement, name="hopeless", snr_db=-15.0)
        dead = EVERY["prach-4-AWGN-2rx"]
        outcomes = run([requirement, hopeless, dead], effort=TINY)
        assert [outcome.verdict for outcome in outcomes] == ["pass", "fail", "not run"]
        assert exit_code(outcomes) == 1
        assert exit_code(outcomes[::2]) == 0

    def test_the_search_ends_at_the_crossing(self) -> None:
        requirement = replace(EVERY["pusch-1.4-EVA70-A3-2-70"], snr_db=1.5)
        (outcome,) = run([requirement], effort=replace(TINY, throughput=100, points=4))
        assert 2 <= len(outcome.tallies) <= 4
        assert outcome.margin_db is not None
        assert 0 < outcome.margin_db <= 4.5

    def test_numbers_do_not_depend_on_the_other_requirements(self) -> None:
        wanted = [EVERY[name] for name in ("pucch-1a-1.4", "pucch-1a-3", "pbch-8.6.1.1-1")]
        together = run(wanted, effort=TINY)
        alone = [run([one], effort=TINY)[0] for one in wanted]
        assert [o.row() for o in together] == [o.row() for o in alone]

    def test_a_train_goes_in_one_piece(self) -> None:
        (outcome,) = run([EVERY["pdsch-8.2.1.1.1-4"]], effort=replace(TINY, train=120))
        assert outcome.tallies[-2.4].blocks == 1
        assert outcome.verdict == "pass"
        assert outcome.interval is not None
        assert outcome.interval.low > 0.9

    def test_no_points(self) -> None:
        with pytest.raises(ValueError, match="0 points"):
            run([], effort=replace(TINY, points=0))


class TestDisplay:
    def test_live_table(self) -> None:
        """On a terminal every requirement is drawn: those at work, those that wait, and what cannot be run."""
        console = Console(file=io.StringIO(), force_terminal=True, width=100, height=40)
        wanted = [EVERY[name] for name in ("pucch-1a-1.4", "prach-0-AWGN-2rx", "prach-4-AWGN-2rx")]
        with conformance_report.LiveBoard(TINY, console, refresh_s=0) as board:
            outcomes = run(wanted, effort=TINY, board=board)
        drawn = console.file.getvalue()  # type: ignore[attr-defined]
        for text in ("0 of 2 requirements done", "-2.5 dB: 20 %", "waits", "not run", "1 of 1 points of this round"):
            assert text in drawn
        assert [outcome.verdict for outcome in outcomes][2] == "not run"

    @pytest.mark.parametrize("width", [80, 160])
    def test_names_are_whole(self, width: int) -> None:
        console = Console(file=io.StringIO(), width=width)
        outcomes = [Outcome(requirement) for requirement in EVERY.values()]
        conformance_report.print_outcomes(outcomes, console)
        printed = console.file.getvalue()  # type: ignore[attr-defined]
        assert all(name in printed for name in EVERY)
        assert ("1x2" in printed) == (width == 160)


@pytest.mark.usefixtures("tiny")
class TestCommand:
    def test_pass(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        files = ["--json", str(tmp_path / "out.jsonl"), "--csv", str(tmp_path / "out.csv")]
        options = ["--quick", "--jobs", "1", "--only", "prach-?-AWGN-2rx", *files]
        assert _command(monkeypatch, "36.104", *options) == 0
        shown = capsys.readouterr()
        assert "4 passed, 0 failed, 1 not run of 5 requirements" in shown.out
        assert "not run: prach-4-AWGN-2rx (preamble format 4): preamble format 4 belongs to TDD" in shown.out
        assert "prach-0-AWGN-2rx: 0.00" in shown.err
        records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [record["verdict"] for record in records] == ["pass"] * 4 + ["not run"]
        assert records[0]["points"][0]["sent"] == [10]
        with (tmp_path / "out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["required_snr_db"] for row in rows] == ["-14.2", "-14.2", "-16.4", "-16.5", "-7.2"]

    def test_impossible(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        hopeless = replace(EVERY["pdcch-8.4.1.1-1"], snr_db=-20.0)
        monkeypatch.setattr(conformance_requirements, "requirements", lambda _: [hopeless])
        assert _command(monkeypatch, "36.101", "--quick", "--jobs", "1", "--quiet") == 1
        shown = capsys.readouterr()
        assert "0 passed, 1 failed" in shown.out
        assert not shown.err

    def test_list(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        assert _command(monkeypatch, "36.101", "--list") == 0
        shown = capsys.readouterr().out
        assert "28 of 28 requirements can be run" in shown
        assert "not run" not in shown

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["36.521"], "use 36.101 or 36.104"),
            (["36.101", "--only", "nothing"], "'nothing'"),
            (["36.101", "--csv", "no/such/folder/out.csv"], "--csv no/such/folder/out.csv"),
        ],
    )
    def test_wrong_use(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        complaint: str,
    ) -> None:
        assert _command(monkeypatch, *arguments) == 2
        shown = capsys.readouterr().err
        assert complaint in shown
        assert shown.count("\n") == 1
