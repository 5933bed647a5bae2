"""The command ``picocell doctor``."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from picocell.doctor.model import Result

app = typer.Typer()

_COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "bold red"}


@app.command()
def doctor(
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", metavar="FILE", help="Configuration of epc, enb, ue or air; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all results.")] = False,
) -> None:
    """Check this machine, and whether configurations agree; say what to do. Nothing is changed.

    Exit code 0: nothing failed; 1: something did; 2: a configuration cannot be read.
    """
    from picocell.config import ConfigError
    from picocell.doctor.checks import CHECKS
    from picocell.doctor.configurations import Given
    from picocell.doctor.machine import Machine
    from picocell.doctor.model import Context, Status, examine

    try:
        given = Given.read(config or [])
    except ConfigError as error:
        for line in error.lines:
            print(f"picocell: {line}", file=sys.stderr)
        raise typer.Exit(2) from None
    results = examine(Context(Machine(), given), CHECKS)
    counts = Counter(str(result.status) for result in results)
    if as_json:
        said = {"results": [asdict(result) for result in results], "counts": {s.value: counts[s] for s in Status}}
        print(json.dumps(said, indent=1))
    else:
        _print(results)
        print(", ".join(f"{counts[status]} {status}" for status in Status))
        if not config:
            print("No configuration was given: whether they agree was not looked at (--config FILE, repeated).")
    raise typer.Exit(1 if counts[Status.FAILED] else 0)


def _print(results: "list[Result]") -> None:
    """A table, a line a finding, with what to do below it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "check", "found, and what to do"):
        table.add_column(name, overflow="fold")
    last = ("", "")
    for one in results:
        text = Text(one.text)
        if one.advice:
            text.append(f"\n→ {one.advice}", style="cyan")
        name = "" if (one.group, one.check) == last else f"{one.group}: {one.check}"
        table.add_row(Text(one.status.value, style=_COLOURS[one.status.value]), name, text)
        last = (one.group, one.check)
    console.print(table)
