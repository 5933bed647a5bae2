"""Files of a campaign: JSON lines, CSV, and the blocks of work done of points that are not."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Self, TextIO

from picocell.sims.counts import Counts, Tally
from picocell.sims.registry import make_point
from picocell.sims.results import PointResult, Setting
from picocell.sims.snr import Conversion
from picocell.sims.stats import StoppingRule

PART: Final = ".part"
"""Added to the name of a file of JSON lines: blocks of work of points that are not done."""


class RecordError(ValueError):
    """A file of results that cannot be used."""


def _lines(path: Path) -> list[dict[str, Any]]:
    """JSON objects of a file, but for a last line that an interruption cut short."""
    found = []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise RecordError(f"{path}, line {number}: no JSON: {error.msg}") from error
        if not isinstance(value, dict):
            raise RecordError(f"{path}, line {number}: not an object")
        found.append(value)
    return found


def _append_to(path: Path) -> TextIO:
    """A file to be gone on with, a last line that was cut short taken off."""
    content = path.read_bytes() if path.exists() else b""
    file = path.open("a", encoding="utf-8")
    file.truncate(content.rfind(b"\n") + 1)
    return file


class Records:
    """Writes results as they come, and knows those of an earlier run.

    Args:
        setting: seed, stopping rule, size of blocks, functions.
        json_path: JSON lines, a point each; None for none.
        csv_path: the same as CSV; None for none.
        resume: go on from what the JSON lines and the blocks beside them hold, and leave those of other settings
            where they are; otherwise the file is written anew.

    Attributes:
        done: results of an earlier run by key of the point.
        blocks: blocks of work of an earlier run by key of the point and number.

    Raises:
        RecordError: a file that is no record of results, or nothing to resume from.
        OSError: a file that cannot be read or written.
    """

    def __init__(
        self, setting: Setting, json_path: Path | None = None, csv_path: Path | None = None, *, resume: bool = False
    ) -> None:
        if resume and json_path is None:
            raise RecordError("to resume, name the file of JSON lines of the interrupted run")
        if csv_path is not None and (csv_path.is_dir() or not csv_path.absolute().parent.is_dir()):
            raise RecordError(f"{csv_path}: a file in a folder that exists is needed")
        self._setting = setting
        self._made: dict[str, Any] = json.loads(json.dumps(setting.as_dict()))  # as a file has it
        self.done: dict[str, PointResult] = {}
        self.blocks: dict[str, dict[int, Counts]] = {}
        self._foreign: list[dict[str, Any]] = []
        self._json: TextIO | None = None
        self._part: TextIO | None = None
        self._csv_path, self._rows = csv_path, list[dict[str, Any]]()
        self._part_path = json_path.with_name(json_path.name + PART) if json_path is not None else None
        if json_path is None or self._part_path is None:
            return
        if resume:
            self._read(json_path, self._part_path)
        elif self._part_path.exists():
            raise RecordError(f"{self._part_path} holds an interrupted run: resume it, or remove the file")
        self._json = _append_to(json_path) if resume else json_path.open("w", encoding="utf-8")
        self._part = _append_to(self._part_path)

    def _read(self, json_path: Path, part_path: Path) -> None:
        if json_path.exists():
            for record in _lines(json_path):
                if record.get("record") == "point" and record.get("setting") == self._made:
                    result = _result(record, self._setting)
                    self.done[result.point.key] = result
        if part_path.exists():
            for line in _lines(part_path):
                if line.get("setting") != self._made:
                    self._foreign.append(line)
                elif line["point"] not in self.done:
                    self.blocks.setdefault(line["point"], {})[int(line["block"])] = Counts(**line["counts"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _write(file: TextIO, value: dict[str, Any]) -> None:
        file.write(json.dumps(value) + "\n")
        file.flush()

    def add_block(self, key: str, number: int, counts: Counts) -> None:
        """Keep a block of work of a point that is not done."""
        if self._part is not None:
            line = {"point": key, "block": number, "counts": asdict(counts), "setting": self._made}
            self._write(self._part, line)

    def add(self, result: PointResult) -> None:
        """Keep a result, in the order in which the files have them."""
        if self._json is not None and result.point.key not in self.done:
            self._write(self._json, result.record())
        self._rows.append(result.row())
        if self._csv_path is not None:
            self._write_csv(self._csv_path)

    def _write_csv(self, path: Path) -> None:
        """All rows so far: columns may grow with the HARQ rounds."""
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            for row in self._rows:
                writer.writerow({k: " ".join(map(str, v)) if isinstance(v, list) else v for k, v in row.items()})

    def finish(self) -> None:
        """Every point is done: its blocks are no longer needed, only those of runs with other settings."""
        self.close()
        if self._part_path is None:
            return
        if not self._foreign:
            self._part_path.unlink(missing_ok=True)
            return
        with self._part_path.open("w", encoding="utf-8") as file:
            for line in self._foreign:
                self._write(file, line)

    def close(self) -> None:
        """Close the files."""
        for file in (self._json, self._part):
            if file is not None:
                file.close()


def _result(record: dict[str, Any], setting: Setting) -> PointResult:
    """A result from its record.

    Raises:
        RecordError: fields that are missing or do not fit.
    """
    try:
        point = make_point(record["parameters"])
        return PointResult(
            point, setting, Conversion(**record["conversion"]), Tally.from_dict(record["tally"]), str(record["stopped"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"a record of point {record.get('point')} cannot be read: {error}") from error


def read(path: Path | str) -> list[PointResult]:
    """Results of a file of JSON lines.

    Raises:
        RecordError: a file that is no record of results.
        OSError: a file that cannot be read.
    """
    results = []
    for record in _lines(Path(path)):
        if record.get("record") == "point":
            made = record["setting"]
            hooks = tuple(sorted(made["hooks"].items()))
            setting = Setting(made["seed"], StoppingRule(**made["rule"]), made["block"], hooks)
            results.append(_result(record, setting))
    return results
