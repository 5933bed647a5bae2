"""Campaign files: what they mean, what is refused in which words, and the command that runs them."""

import csv
import json
import re
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from picocell.campaign_cli import app
from picocell.config import ConfigError, load
from picocell.sims import campaign_run
from picocell.sims.campaign_file import CampaignFile
from picocell.sims.campaign_run import RunOptions
from picocell.sims.counts import Counts
from picocell.sims.records import PART, RecordError, read
from picocell.sims.registry import kinds
from picocell.sims.report import Finished
from picocell.sims.workers import InProcess, Task

ROOT = Path(__file__).parents[2]

TWO = """
title: Two sweeps
seed: 5
subframes: 40
errors: 30
sweeps:
  - name: awgn
    kind: downlink
    parameters: {mcs: "2,4-5", snr_db: {first: -3, last: -1}, rounds: 2}
  - name: turbo
    kind: coding
    title: Turbo & code
    parameters: {k: 256, eb_n0_db: [0, 1.5]}
    subframes: 200
    seed: 6
"""


def read_text(tmp_path: Path, text: str) -> CampaignFile:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return load(CampaignFile, file)


def sweep(tmp_path: Path, parameters: str, kind: str = "downlink") -> CampaignFile:
    return read_text(tmp_path, f"sweeps:\n  - name: a\n    kind: {kind}\n    parameters:\n      {parameters}\n")


def options(out: Path, **changes: Any) -> RunOptions:
    return RunOptions(**{"out": out, "open_backend": InProcess, "quiet": True, "say": lambda _: None, **changes})


def test_sweeps_become_points_rules_and_seeds(tmp_path: Path) -> None:
    file = read_text(tmp_path, TWO)
    awgn, turbo = (file.campaign(one) for one in file.sweeps)
    found = [(p.as_dict()["mcs"], p.snr_db) for p in awgn.points]
    assert found == [(mcs, snr) for mcs in (2, 4, 5) for snr in (-3.0, -2.0, -1.0)]
    assert {p.as_dict()["rounds"] for p in awgn.points} == {2}
    assert (awgn.seed, awgn.rule.max_subframes, awgn.rule.max_errors) == (5, 40, 30)
    assert (turbo.seed, turbo.rule.max_subframes, turbo.rule.max_errors) == (6, 200, 30)
    offset = turbo.conversions[0].eb_n0_db(0.0)
    assert [p.snr_db + offset for p in turbo.points] == pytest.approx([0.0, 1.5], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("snr_db: 1e-1", "snr_db", [0.1]),
        ("snr_db: {first: 0, last: 0.3, step: 0.1}", "snr_db", [0.0, 0.1, 0.2, 0.3]),
        ("{snr_db: 0, mcs: [1, 3-4, {first: 8, last: 10, step: 2}]}", "mcs", [1, 3, 4, 8, 10]),
        ("{snr_db: 0, channel: 'E, EVA70'}", "channel", ["EPA5", "EVA70"]),
        ("{snr_db: 0, rounds: 4, rv_sequence: [0, 2]}", "rv_sequence", [[0, 2]]),
        ("{snr_db: 0, rounds: 4, rv_sequence: [[0], [0, 2]]}", "rv_sequence", [[0], [0, 2]]),
        ("{snr-db: 0, n-prb: 25}", "n_prb", [25]),
    ],
)
def test_values_as_people_write_them(tmp_path: Path, text: str, name: str, values: list[Any]) -> None:
    (one,) = sweep(tmp_path, text).sweeps
    assert list(dict.fromkeys(map(repr, (p.as_dict()[name] for p in one.points())))) == list(map(repr, values))


def test_switches_are_read(tmp_path: Path) -> None:
    (one,) = sweep(tmp_path, "{snr_db: 0, silent: [true, no]}", "prach").sweeps
    assert [p.as_dict()["silent"] for p in one.points()] == [True, False]


@pytest.mark.parametrize("kind", [kind.name for kind in kinds()])
def test_every_kind_of_link_may_be_swept(tmp_path: Path, kind: str) -> None:
    (one,) = sweep(tmp_path, "snr_db: 3", kind).sweeps
    assert [p.kind for p in one.points()] == [kind]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{snr_db: 0, msc: 3}", "sweeps.0.parameters.msc: downlink has no such parameter; is mcs or sync meant?"),
        ("{snr_db: 0, mcs: 3.5}", "sweeps.0.parameters.mcs = 3.5: allowed are whole numbers, lists of them,"),
        ("{snr_db: 0, mcs: 29}", "sweeps.0.parameters.mcs: mcs 29 is outside 0..28"),
        ("{snr_db: 0, mcs: []}", "sweeps.0.parameters.mcs = []: allowed is a list of one value or more"),
        ("{snr_db: 0, channel: EXA5}", "sweeps.0.parameters.channel: "),
        (
            "{snr_db: {first: 2, last: 1}}",
            "sweeps.0.parameters.snr_db = {'first': '2', 'last': '1'}: allowed are ranges",
        ),
        ("{snr_db: {from: 2}}", "allowed are values, lists, or for numbers {first: -4, last: 12, step: 0.5}"),
        ("{snr_db: 0, rv_sequence: [0, b]}", "allowed are lists of whole numbers such as [0, 2, 3, 1]"),
        ("{snr_db: 0, mcs: }", "sweeps.0.parameters.mcs = None: allowed are a value or a list of values"),
        ("{mcs: 3}", "sweeps.0.parameters: one of snr_db and eb_n0_db is needed"),
        ("{snr_db: 3, eb_n0_db: 3}", "sweeps.0.parameters: one of snr_db and eb_n0_db is needed"),
    ],
)
def test_wrong_parameters_are_told_with_line_key_and_what_is_allowed(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sweep(tmp_path, text)
    assert len(caught.value.lines) == 1
    place = 5 if "sweeps.0.parameters." in caught.value.lines[0] else 4
    assert caught.value.lines[0].startswith(f"{tmp_path / 'c.yaml'}:{place}: sweeps.0.parameters")
    assert line in caught.value.lines[0]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("seed: 5", "sead: 5", "c.yaml:3: sead is no key; is seed meant?"),
        ("errors: 30", "errors: -1", "c.yaml:5: errors = -1: allowed are whole numbers from 0"),
        ("kind: coding", "kind: codes", "c.yaml:11: sweeps.1.kind = codes: allowed are downlink, uplink, pbch,"),
        ("name: turbo", "name: ../x", "c.yaml:10: sweeps.1.name = ../x: allowed are names of files"),
        (TWO[TWO.index("sweeps:") :], "sweeps: []", "sweeps is empty: a campaign has one or more"),
        ("name: turbo", "name: results", "allowed are names of files"),
        ("name: turbo", "name: awgn", "two sweeps are named awgn"),
        ("title: Turbo & code", "plots: [bler]", "sweeps.1.plots.0 = bler: allowed are bler_1, residual_bler,"),
        ("title: Turbo & code", "titel: x", "c.yaml:12: sweeps.1.titel is no key; is title meant?"),
    ],
)
def test_wrong_keys_are_told_with_line_key_and_what_is_allowed(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in TWO
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path, TWO.replace(old, new))
    assert line in str(caught.value)


def test_some_of_the_sweeps(tmp_path: Path) -> None:
    file = read_text(tmp_path, TWO)
    assert [one.name for one in file.only(["turbo"]).sweeps] == ["turbo"]
    with pytest.raises(ValueError, match="no sweep 'x': use awgn, turbo"):
        file.only(["x"])


def test_files_of_each_sweep_and_merged(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = campaign_run.run(read_text(tmp_path, TWO), options(out))
    names = {path.name for path in out.iterdir()}
    sweeps = {f"{name}.{end}" for name in ("awgn", "turbo") for end in ("jsonl", "csv", "png")}
    assert names == sweeps | {"awgn_bler_1.png", "results.jsonl", "results.csv", "report.html"}
    with (out / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["sweep"] for row in rows] == ["awgn"] * 9 + ["turbo"] * 2
    assert [float(row["bler_1"]) for row in rows] == [row["bler_1"] for one in done for row in one.table.rows()]
    records = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(one["sweep"], one["parameters"]["kind"]) for one in records[8:10]] == [
        ("awgn", "downlink"),
        ("turbo", "coding"),
    ]
    assert [one.point for one in read(out / "results.jsonl")] == [one.point for part in done for one in part.table]


class Interrupting(InProcess):
    """Ctrl-C after some tasks; counts them."""

    def __init__(self, tasks: int) -> None:
        self.left, self.tasks = tasks, 0

    def submit(self, task: Task) -> "Future[list[Counts]]":
        if self.tasks == self.left:
            raise KeyboardInterrupt
        self.tasks += 1
        return super().submit(task)


def figures(done: Sequence[Finished]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "cpu_us"} for one in done for row in one.table.rows()]


def test_interrupted_campaign_goes_on(tmp_path: Path) -> None:
    file, out = read_text(tmp_path, TWO), tmp_path / "out"
    whole = Interrupting(-1)
    expected = figures(campaign_run.run(file, options(tmp_path / "whole", open_backend=lambda: whole)))
    stopped, rest = Interrupting(whole.tasks - 1), Interrupting(-1)
    with pytest.raises(KeyboardInterrupt):
        campaign_run.run(file, options(out, open_backend=lambda: stopped))
    assert "1 of 2 sweeps are not done yet" in (out / "report.html").read_text()
    with pytest.raises(RecordError, match="--resume"):
        campaign_run.run(file, options(out))
    assert figures(campaign_run.run(file, options(out, open_backend=lambda: rest, resume=True))) == expected
    assert rest.tasks == 1
    assert not (out / f"turbo.jsonl{PART}").exists()
    assert "not done yet" not in (out / "report.html").read_text()


def test_nothing_runs_when_a_later_sweep_cannot(tmp_path: Path) -> None:
    file = read_text(tmp_path, TWO + "  - {name: bad, kind: downlink, parameters: {snr_db: 0, pdcch: 8}}\n")
    with pytest.raises(ValueError, match=r"sweep bad: .*CCEs"):
        campaign_run.run(file, options(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_command(tmp_path: Path) -> None:
    file, out = tmp_path / "two.yaml", tmp_path / "out"
    file.write_text(TWO)
    runner = CliRunner()
    done = runner.invoke(app, [str(file), "--out", str(out), "--jobs", "1", "--only", "turbo"])
    assert done.exit_code == 0
    assert done.stdout.strip().splitlines()[-1] == str(out / "report.html")
    assert "sweep 1 of 1, turbo: 2 points" in done.stderr
    assert "SNR" in done.stderr  # the progress
    assert "Turbo &amp; code" in (out / "report.html").read_text()
    again = runner.invoke(app, [str(file), "--out", str(out), "--jobs", "1", "--only", "turbo", "--resume", "--quiet"])
    assert again.exit_code == 0
    assert again.stderr == ""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--jobs", "1", "--cluster", "tcp://127.0.0.1:9"], "--cluster and --jobs"),
        (["--only", "x"], "there is no sweep 'x'"),
    ],
)
def test_wrong_use_of_the_command(tmp_path: Path, words: list[str], text: str) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    done = CliRunner().invoke(app, [str(file), "--out", str(tmp_path / "out"), *words])
    assert done.exit_code == 2
    assert text in " ".join(done.stderr.replace("│", " ").split())


def test_wrong_file_is_told_in_lines(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("sead: 1\n")
    done = CliRunner().invoke(app, [str(file)])
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        f"picocell: {file}:1: sweeps is missing",
        f"picocell: {file}:1: sead is no key; is seed meant?",
    ]


def test_the_example_is_allowed() -> None:
    file = load(CampaignFile, ROOT / "examples" / "campaign.yaml")
    assert sum(len(file.campaign(one).points) for one in file.sweeps) == 79


def test_file_and_program_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")
    (described,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = read_text(tmp_path, described)
    waterfalls, code = (file.campaign(one) for one in file.sweeps)
    assert len(waterfalls.points) == 6 * 29
    assert len(code.points) == 2 * 21
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(compile(program, "campaigns.md", "exec"), {"__name__": "documentation"})
    four, eight = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (four[0], eight[0]) == ("4", "8")
    assert 1 < float(eight[1]) < float(four[1]) < 1.6
