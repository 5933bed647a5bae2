"""Run the benchmarks: ``python -m benchmarks [FILTER ...] [--json FILE] [--compare OLD.json] [--markdown]``.

Every ``bench_*.py`` has a function ``cases()`` that returns ``(name, callable, reference in µs or None)``. A case is
warmed up, then run in batches; CPU time of this process counts, so that a busy machine disturbs little. The value is
the median over the batches, the spread the distance between the quartiles. A reference is what another open stack in C
or C++ took on this kind of machine; a ratio above 1 is ahead of it.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

from picocell.kernels import isa

Case = tuple[str, Callable[[], object], float | None]


@dataclass(slots=True)
class Row:
    """One measured case; times in µs of CPU time a call."""

    case: str
    isa: str
    value_us: float
    spread_us: float
    reference_us: float | None
    ratio: float | None


def measure(call: Callable[[], object], batches: int, batch_s: float) -> tuple[float, float]:
    """Median and interquartile range of the CPU time of a call, in µs."""
    for _ in range(3):
        call()
    start = time.process_time()
    call()
    once = max(time.process_time() - start, 1e-7)
    count = max(1, int(batch_s / once))
    values = []
    for _ in range(batches):
        start = time.process_time()
        for _ in range(count):
            call()
        values.append((time.process_time() - start) / count * 1e6)
    quarter = quantiles(values, n=4)
    return median(values), quarter[2] - quarter[0]


def all_cases(filters: list[str]) -> list[Case]:
    """Cases of every bench_*.py whose name holds one of the filters (all of them where there is no filter)."""
    found: list[Case] = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        found += [case for case in module.cases() if not filters or any(f.lower() in case[0].lower() for f in filters)]
    return found


def run(filters: list[str], batches: int, batch_s: float) -> list[Row]:
    """Measure the cases, with progress on stderr."""
    level = isa.LEVELS[isa.chosen()]
    rows = []
    for name, call, reference in all_cases(filters):
        print(f"  {name} …", file=sys.stderr, flush=True)
        value, spread = measure(call, batches, batch_s)
        rows.append(Row(name, level, value, spread, reference, reference / value if reference else None))
    return rows


def table(rows: list[Row], old: dict[tuple[str, str], float]) -> str:
    """The rows as a Markdown table, with the change against an older run where there is one."""
    lines = ["| case | ISA | µs | spread | reference µs | ratio |" + (" old µs | change |" if old else "")]
    lines.append("|---|---|---:|---:|---:|---:|" + ("---:|---:|" if old else ""))
    for row in rows:
        reference = f"{row.reference_us:g}" if row.reference_us else "–"
        ratio = f"{row.ratio:.2f}" if row.ratio else "–"
        line = f"| {row.case} | {row.isa} | {row.value_us:.1f} | {row.spread_us:.1f} | {reference} | {ratio} |"
        before = old.get((row.case, row.isa))
        if before:
            line += f" {before:.1f} | {100 * (row.value_us / before - 1):+.0f} % |"
        elif old:
            line += " – | – |"
        lines.append(line)
    return "\n".join(lines)


def main() -> int:
    """Command line of the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed of kernels and channels.")
    parser.add_argument("filters", nargs="*", help="run only cases whose name holds one of these")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    parser.add_argument("--compare", metavar="OLD.json", help="show the change against rows written earlier")
    parser.add_argument("--batches", type=int, default=11)
    parser.add_argument("--batch-s", type=float, default=0.05, help="CPU seconds a batch")
    arguments = parser.parse_args()
    old = {}
    if arguments.compare:
        try:
            old = {(r["case"], r["isa"]): r["value_us"] for r in json.loads(Path(arguments.compare).read_text())}
        except (OSError, ValueError, KeyError, TypeError) as error:
            parser.error(f"--compare {arguments.compare}: {error}")
    rows = run(arguments.filters, arguments.batches, arguments.batch_s)
    if not rows:
        parser.error(f"no case holds {' or '.join(arguments.filters)}")
    print(table(rows, old))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
