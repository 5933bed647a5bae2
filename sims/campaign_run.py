"""Runs the sweeps of a campaign file one after the other: files of each, merged results, and the report."""

import csv
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from picocell.sims.campaign import Campaign
from picocell.sims.campaign_file import CampaignFile, Sweep, metrics
from picocell.sims.plot import check_output
from picocell.sims.progress import LiveTable
from picocell.sims.records import PART, RecordError
from picocell.sims.report import Finished, Picture, write_report
from picocell.sims.results import ResultTable
from picocell.sims.workers import Backend

MERGED: Final = "results"
REPORT: Final = "report.html"

OpenBackend = Callable[[], Backend]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a campaign is run.

    Attributes:
        out: folder of the files.
        open_backend: gives what does the work of a sweep.
        resume: go on from what the folder holds.
        quiet: no live table.
        say: takes lines about how it goes on.
        source: text of the campaign file, for the report.
    """

    out: Path
    open_backend: OpenBackend
    resume: bool = False
    quiet: bool = False
    say: Callable[[str], None] = print
    source: str = ""


def run(file: CampaignFile, options: RunOptions) -> list[Finished]:
    """Run every sweep. Merged results and report are written after each, of those that are done.

    Args:
        file: the campaign.
        options: how.

    Returns:
        What came out, in the order of the file.

    Raises:
        ValueError: points that cannot be simulated, or files that cannot be used; nothing has been simulated then.
        ImportError: matplotlib is not installed.
        OSError: a file that cannot be written.
        KeyboardInterrupt: Ctrl-C, after files are whole.
    """
    campaigns = [file.campaign(one) for one in file.sweeps]
    options.out.mkdir(parents=True, exist_ok=True)
    check_output(options.out / "any.png")
    if not options.resume:
        _check_new(file, options.out)
    done: list[Finished] = []
    for number, (one, campaign) in enumerate(zip(file.sweeps, campaigns, strict=True), 1):
        options.say(f"sweep {number} of {len(campaigns)}, {one.name}: {len(campaign.points)} points")
        table = _simulate(one, campaign, options)
        done.append(Finished(one, table, campaign.setting, _draw(one, table, options.out)))
        merge(done, options.out)
        write_report(options.out / REPORT, file, done, options.source)
    return done


def _check_new(file: CampaignFile, out: Path) -> None:
    """Refuse a folder with an interrupted campaign before any sweep is run."""
    for one in file.sweeps:
        part = out / f"{one.name}.jsonl{PART}"
        if part.exists():
            raise RecordError(f"{part} holds an interrupted sweep: go on with --resume, or remove the file")


def _simulate(one: Sweep, campaign: Campaign, options: RunOptions) -> ResultTable:
    stem = options.out / one.name
    with nullcontext() if options.quiet else LiveTable(campaign.rule) as live:
        return campaign.run(
            json=stem.with_suffix(".jsonl"),
            csv=stem.with_suffix(".csv"),
            resume=options.resume,
            watcher=live,
            backend=options.open_backend(),
        )


def _draw(one: Sweep, table: ResultTable, out: Path) -> list[Picture]:
    """Pictures of a sweep: the first has its name, others the figure's name as well."""
    rounds = max(len(result.tally.counts.sent) for result in table)
    pictures = []
    for i, metric in enumerate(metrics(one, rounds)):
        path = out / (f"{one.name}_{metric}.png" if i else f"{one.name}.png")
        table.plot(path, metric)
        pictures.append(Picture(path, metric))
    return pictures


def merge(done: Sequence[Finished], out: Path) -> None:
    """Write the results of all sweeps into one file of JSON lines and one of CSV, with the sweep's name in front."""
    rows: list[dict[str, Any]] = []
    with (out / f"{MERGED}.jsonl").open("w", encoding="utf-8") as lines:
        for one in done:
            for result in one.table:
                lines.write(json.dumps({"sweep": one.sweep.name, **result.record()}) + "\n")
                rows.append({"sweep": one.sweep.name, **result.row()})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (out / f"{MERGED}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: " ".join(map(str, v)) if isinstance(v, list) else v for k, v in row.items()})
