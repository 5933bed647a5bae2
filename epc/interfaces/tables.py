"""Names of protocol values, kept as CSV files in ``data/``, each naming its table in its first line."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@cache
def names(name: str) -> Mapping[int, str]:
    """Name by value of ``data/<name>.csv``.

    Raises:
        FileNotFoundError: no such table.
    """
    text = files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return MappingProxyType({int(row["value"]): row["name"] for row in csv.DictReader(lines)})
