"""Files of a run of the requirements: JSON lines and CSV of what came out, and what an interrupted run goes on from."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from picocell.sims.conformance import Effort, Outcome
from picocell.sims.conformance_requirements import Requirement
from picocell.sims.counts import Counts, Tally
from picocell.sims.records import PART, RecordError
from picocell.sims.results import package_version

POINTS: Final = ".points"
"""Added to the name of the JSON file while a run is not done: its points, with blocks of work beside them."""

_TALLY: Final = ("independent", "first", "share", "blocks")


def points_path(path: Path) -> Path:
    """File of the points of a run whose results go to `path`."""
    return path.with_name(path.name + POINTS)


def _working(path: Path) -> tuple[Path, Path]:
    points = points_path(path)
    return points, points.with_name(points.name + PART)


def check_new(path: Path) -> None:
    """Refuse to begin anew beside an interrupted run.

    Raises:
        RecordError: there is one.
    """
    for file in _working(path):
        if file.exists():
            raise RecordError(f"{file} holds an interrupted run: go on with --resume, or remove the file")


def finish(path: Path) -> None:
    """All is done and written: the points are no longer needed."""
    for file in _working(path):
        file.unlink(missing_ok=True)


def _setting(requirement: Requirement, effort: Effort, seed: int) -> dict[str, Any]:
    """What the numbers of a requirement depend on."""
    return {
        "parameters": dict(requirement.parameters),
        "subframes": effort.subframes(requirement),
        "seed": seed,
        "version": package_version(),
    }


def write_json(path: Path, outcomes: Sequence[Outcome], effort: Effort, seed: int) -> None:
    """Write JSON lines, a requirement each, with every SNR that was simulated."""
    with path.open("w", encoding="utf-8") as file:
        for outcome in outcomes:
            points = []
            for snr in sorted(outcome.tallies):
                tally = outcome.tallies[snr].as_dict()
                points.append({"snr_db": snr, **tally["counts"], **{name: tally[name] for name in _TALLY}})
            setting = _setting(outcome.requirement, effort, seed)
            print(json.dumps({**outcome.row(), **setting, "points": points}), file=file)


def write_csv(path: Path, outcomes: Sequence[Outcome], seed: int) -> None:
    """Write a row a requirement."""
    rows = [{**outcome.row(), "seed": seed, "version": package_version()} for outcome in outcomes]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            found.append({**record, "name": str(record["name"]), "points": list(record["points"])})
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path}, line {number}: no result of a requirement") from error
    return found


def _tallies(record: dict[str, Any]) -> dict[float, Tally]:
    """Counts by SNR.

    Raises:
        RecordError: counts that are missing.
    """
    try:
        found = {}
        for point in record["points"]:
            values = {name: value for name, value in point.items() if name not in (*_TALLY, "snr_db")}
            tally = {"counts": Counts(**values).as_dict(), **{name: point[name] for name in _TALLY}}
            found[float(point["snr_db"])] = Tally.from_dict(tally)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"counts of {record['name']} cannot be read: {error!r}") from error
    return found


def read_known(path: Path, wanted: Sequence[Requirement], effort: Effort, seed: int) -> dict[str, dict[float, Tally]]:
    """What a file of results has of some requirements with the same effort, seed and version.

    Args:
        path: JSON lines; where there is no such file, nothing is known.
        wanted: the requirements.
        effort: how much is to be simulated.
        seed: of everything random.

    Returns:
        Counts by name and SNR.

    Raises:
        RecordError: a file that holds something else.
    """
    if not path.exists():
        return {}
    settings = {one.name: json.loads(json.dumps(_setting(one, effort, seed))) for one in wanted}
    known = {}
    for record in _lines(path):
        setting = settings.get(record["name"])
        if record["points"] and setting is not None and setting == {name: record.get(name) for name in setting}:
            known[record["name"]] = _tallies(record)
    return known


def read_outcomes(path: Path, every: Sequence[Requirement]) -> list[Outcome]:
    """Outcomes of a file of results, whatever its effort and seed.

    Args:
        path: JSON lines.
        every: the requirements among which those of the file are.

    Raises:
        RecordError: a file that holds something else.
        OSError: a file that cannot be read.
    """
    by_name = {requirement.name: requirement for requirement in every}
    outcomes = []
    for record in _lines(path):
        if record["name"] not in by_name:
            raise RecordError(f"{path}: there is no requirement {record['name']!r}")
        outcomes.append(Outcome(by_name[record["name"]], _tallies(record)))
    return outcomes
