"""Rows of the benchmarks: as a table, as JSON, and against those of an older run."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.measure import Row

Key = tuple[str, str, str]  # case, instruction set, unit


def key(row: Row) -> Key:
    """What names a case in other runs."""
    return row.case, row.isa, row.unit


def write_rows(path: Path, rows: list[Row]) -> None:
    """Writes rows as a JSON list of objects, under the names of `Row`."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def read_rows(path: Path) -> list[Row]:
    """Rows that `write_rows` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    names = {field.name for field in fields(Row)}
    try:
        return [
            Row(**{name: value for name, value in row.items() if name in names}) for row in json.loads(path.read_text())
        ]
    except (TypeError, AttributeError) as error:
        raise ValueError(f"these are no rows of the benchmarks: {error}") from error


def change(row: Row, old: dict[Key, Row]) -> float | None:
    """By how many percent a case takes longer than in the older run; None: it was not in it."""
    before = old.get(key(row))
    return 100 * (row.value / before.value - 1) if before and before.value else None


def regressions(rows: Iterable[Row], old: dict[Key, Row], above: float) -> list[Row]:
    """Rows that are slower by more than `above` percent, and by more than the batches of both runs differ."""
    found = []
    for row in rows:
        percent = change(row, old)
        if percent is not None and percent > above:
            before = old[key(row)]
            if row.value - before.value > (row.spread + before.spread) / 2:
                found.append(row)
    return found


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _cells(row: Row) -> list[str]:
    name = [row.kernel, row.case, row.isa]
    if row.unit == "instructions":
        return [*name, f"{row.value:,.0f}"]
    rate = row.bits / row.value if row.bits else None
    reference = f"{row.reference:g}" if row.reference else "–"
    return [
        *name,
        _number(row.value),
        _number(row.best),
        _number(row.spread),
        _number(rate),
        reference,
        _number(row.ratio, 2),
    ]


def table(rows: list[Row], old: dict[Key, Row] | None = None, threshold: float = 10.0) -> str:
    """The rows as a Markdown table.

    Args:
        rows: of one unit.
        old: rows of an older run, for two more columns.
        threshold: percent above which a slower case is marked.
    """
    if not rows:
        return ""
    head = ["kernel", "case", "ISA"]
    if rows[0].unit == "instructions":
        head += ["instructions"]
    else:
        head += ["µs", "best", "spread", "Mb/s", "reference µs", "ratio"]
    if old is not None:
        head += ["old", "change"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * 3 + "---:|" * (len(head) - 3)]
    slower = {key(row) for row in regressions(rows, old or {}, threshold)}
    for row in rows:
        cells = _cells(row)
        if old is not None:
            percent, before = change(row, old), old.get(key(row))
            mark = " **slower**" if key(row) in slower else ""
            cells += [_number(before.value if before else None)]
            cells += ["–" if percent is None else f"{percent:+.0f} %{mark}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
