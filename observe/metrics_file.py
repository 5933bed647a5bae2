"""Measured values as lines of a file: CSV or JSON lines, by its name."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class MetricsFile:
    """A file that rows are appended to.

    Args:
        path: ends in ``.csv``, or in anything else for a JSON object a line.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._is_csv = path.suffix == ".csv"
        self._empty = not path.exists() or path.stat().st_size == 0
        self._file = path.open("a", encoding="utf-8", newline="")

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; in CSV what is no number or text becomes JSON, and the first row's keys head the columns."""
        if not self._is_csv:
            self._file.write(json.dumps(row) + "\n")
        else:
            flat = {key: json.dumps(v) if isinstance(v, list | dict) else v for key, v in row.items()}
            writer = csv.DictWriter(self._file, list(flat))
            if self._empty:
                writer.writeheader()
                self._empty = False
            writer.writerow(flat)
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()
