"""Metrics as lines of CSV and JSON, read back by the standard library."""

import csv
import json
from pathlib import Path

from picocell.observe.metrics_file import MetricsFile

ROWS = [{"time": 1.5, "subframes": 10, "ues": [{"rnti": 70}]}, {"time": 2.5, "subframes": 20, "ues": []}]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.json"
    file = MetricsFile(path)
    for row in ROWS:
        file.write(row)
    file.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS


def test_csv_with_one_header_over_two_runs(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    for row in ROWS:
        file = MetricsFile(path)
        file.write(row)
        file.close()
    with path.open() as text:
        found = list(csv.DictReader(text))
    assert [row["subframes"] for row in found] == ["10", "20"]
    assert json.loads(found[0]["ues"]) == [{"rnti": 70}]
