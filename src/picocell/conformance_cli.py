"""``picocell conformance``: the standard's demodulation requirements, run over the link simulator.

picocell conformance 36.101 --quick
picocell conformance 36.104 --only pusch-10- --csv pusch.csv
picocell conformance 36.104 --json full.jsonl --html full.html --resume
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from picocell.quick_start import one_thread_for_blas

app = typer.Typer()


@app.command()
def conformance(
    standard: Annotated[str, typer.Argument(metavar="STANDARD", help="36.101 (phone) or 36.104 (base station).")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer subframes, and only at the SNR asked for: no margins.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Requirements whose name holds this, or fits it with * and ?."),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="Show the requirements, and run none.")] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="JSON lines, a requirement each.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="The same as CSV.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Report: one page with margins and curves.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what --json's file holds.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Worker processes; 0: one a processor.", min=0)] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.", min=0)] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the table of results.")] = False,
) -> None:
    """Measure the standard's demodulation requirements: required SNR, what comes out there, margin, pass or fail.

    Exit code 0: all that can be run passed; 1: something failed, or nothing could be run; 2: wrong use. After Ctrl-C,
    --resume goes on if there was --json.
    """
    one_thread_for_blas()
    from picocell.sims import conformance as runs
    from picocell.sims import conformance_records as records
    from picocell.sims import conformance_report as report
    from picocell.sims import conformance_requirements as data

    with _refusing():
        wanted = data.select(data.requirements(standard), only or [])
        for option, path in (("--json", json), ("--csv", csv), ("--html", html)):
            if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
                raise ValueError(f"{option} {path}: a file in a folder that exists is needed")
        if resume and json is None:
            raise ValueError("--resume: name the file of the interrupted run with --json")
    if names:
        report.print_requirements(wanted)
        return
    effort = runs.QUICK if quick else runs.FULL
    with _refusing(), _told_how_to_go_on(json):
        if json is not None and not resume:
            records.check_new(json)
        known = records.read_known(json, wanted, effort, seed) if json is not None and resume else {}
        points = None if json is None else records.points_path(json)
        with nullcontext() if quiet else report.LiveBoard(effort) as board:
            outcomes = runs.run(wanted, effort=effort, jobs=jobs, seed=seed, board=board, known=known, records=points)
    report.print_outcomes(outcomes)
    if json is not None:
        records.write_json(json, outcomes, effort, seed)
        records.finish(json)
    if csv is not None:
        records.write_csv(csv, outcomes, seed)
    if html is not None:
        from picocell.sims.conformance_html import write_html

        write_html(html, standard, outcomes, effort, seed)
    raise typer.Exit(runs.exit_code(outcomes))


@contextmanager
def _refusing() -> Iterator[None]:
    """Wrong use is refused in a line."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _told_how_to_go_on(json: Path | None) -> Iterator[None]:
    """After Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        if json is not None:
            print(f"picocell: interrupted: --resume with the same options goes on from {json}", file=sys.stderr)
        raise


if __name__ == "__main__":
    app()
