"""Measured values as lines of a file: CSV or JSON lines, by its name."""

import csv
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_LOG: Final = logging.getLogger(__name__)


class MetricsFile:
    """A file that rows are appended to; rows that a full disk does not take are lost, and the log says so once.

    Args:
        path: ends in ``.csv``, or in anything else for a JSON object a line.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._is_broken = path, False
        self._is_csv = path.suffix == ".csv"
        self._empty = not path.exists() or path.stat().st_size == 0
        self._file = path.open("a", encoding="utf-8", newline="")

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; in CSV what is no number or text becomes JSON, and the first row's keys head the columns."""
        try:
            self._write(row)
            self._is_broken = False
        except OSError as error:
            if not self._is_broken:
                _LOG.warning("metrics.file %s: %s; rows are lost", self._path, error.strerror)
            self._is_broken = True

    def close(self) -> None:
        """End the file."""
        with suppress(OSError):  # it was said when the row was written
            self._file.close()

    def _write(self, row: Mapping[str, Any]) -> None:
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
