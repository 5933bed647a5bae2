"""``picocell conformance``: the standard's demodulation requirements, run over the link simulator.

picocell conformance 36.101 --quick
picocell conformance 36.104 --only pusch-10- --csv pusch.csv
"""

import os
from pathlib import Path
from typing import Annotated

import typer

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
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Worker processes; 0: one a processor.", min=0)] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.", min=0)] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the table of results.")] = False,
) -> None:
    """Measure the standard's demodulation requirements: required SNR, what comes out there, margin, pass or fail.

    Exit code 0: all that can be run passed; 1: something failed, or nothing could be run; 2: wrong use.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # read when NumPy is imported: a worker a core is enough
    from picocell.sims import conformance as runs
    from picocell.sims import conformance_report as report
    from picocell.sims import conformance_requirements as data

    try:
        wanted = data.select(data.requirements(standard), only or [])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    for option, path in (("--json", json), ("--csv", csv)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise typer.BadParameter(f"{option} {path}: a file in a folder that exists is needed")
    if names:
        report.print_requirements(wanted)
        return
    effort = runs.QUICK if quick else runs.FULL
    if quiet:
        outcomes = runs.run(wanted, effort=effort, jobs=jobs, seed=seed)
    else:
        with report.LiveBoard(effort) as board:
            outcomes = runs.run(wanted, effort=effort, jobs=jobs, seed=seed, board=board)
    report.print_outcomes(outcomes)
    if json is not None:
        report.write_json(json, outcomes, effort, seed)
    if csv is not None:
        report.write_csv(csv, outcomes, seed)
    raise typer.Exit(runs.exit_code(outcomes))


if __name__ == "__main__":
    app()
