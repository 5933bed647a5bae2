"""NAS's tables, kept as CSV files in ``rrc_nas/data/``, each naming its clause in its first line."""

import csv
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of ``rrc_nas/data/<name>.csv`` as dictionaries from column to text.

    Raises:
        FileNotFoundError: no such table.
    """
    text = files("picocell.rrc_nas").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))
