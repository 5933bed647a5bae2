"""Run the benchmarks: ``python -m benchmarks [FILTER ...] [--json FILE] [--compare OLD.json] [--isa LEVELS] …``.

Every ``bench_*.py`` has a function ``cases()`` that returns ``(name, callable, reference in µs or None)``, or
`benchmarks.measure.Case` with the information bits of a call too. A case is warmed up, then run in batches; CPU time of
this process counts, so that a busy machine disturbs little. The value is the median over the batches, the spread the
distance between the quartiles. A reference is what another open stack in C or C++ took on this kind of machine; a ratio
above 1 is ahead of it.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import callgrind
from benchmarks.measure import Row, all_cases, kernels, measure
from benchmarks.table import change, key, read_rows, regressions, table, write_rows
from picocell.kernels import isa


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed of kernels and channels.")
    parser.add_argument("filters", nargs="*", help="run only cases whose name holds one of these")
    parser.add_argument("--kernel", metavar="NAMES", default="", help="only these bench files, by comma: turbo,ldpc")
    parser.add_argument("--isa", metavar="LEVELS", default="", help="instruction sets, by comma: base,avx2,avx512")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    parser.add_argument("--compare", metavar="OLD.json", help="show the change against rows written earlier")
    parser.add_argument("--threshold", type=float, default=10.0, help="percent above which a slower case is marked")
    parser.add_argument(
        "--fail-above", type=float, metavar="PERCENT", help="exit code 1 where a case is slower by more"
    )
    parser.add_argument("--callgrind", action="store_true", help="count instructions with valgrind instead of time")
    parser.add_argument("--batches", type=int, default=11)
    parser.add_argument("--batch-s", type=float, default=0.05, help="CPU seconds a batch")
    found = parser.parse_args(argv)
    found.kernel = [name for name in found.kernel.split(",") if name]
    found.isa = [level for level in found.isa.split(",") if level]
    unknown = [name for name in found.kernel if name not in kernels()]
    if unknown:
        parser.error(f"no kernel {', '.join(unknown)}: use some of {', '.join(kernels())}")
    known = [level for level in isa.AVAILABLE if level in callgrind.LEVELS or not found.callgrind]
    if any(level not in known for level in found.isa):
        parser.error(f"--isa {','.join(found.isa)}: use some of {','.join(known)} here")
    if found.callgrind and not found.isa:
        found.isa = known[-1:]
    if found.fail_above is not None and not found.compare:
        parser.error("--fail-above needs --compare OLD.json")
    if found.batches < 1 or not found.batch_s > 0:
        parser.error("--batches must be at least 1, --batch-s above 0")
    found.old = None
    if found.compare:
        try:
            found.old = {key(row): row for row in read_rows(Path(found.compare))}
        except (OSError, ValueError) as error:
            parser.error(f"--compare {found.compare}: {error}")
    return found


def run(arguments: argparse.Namespace) -> list[Row]:
    """Measure the cases in this process, with progress on stderr."""
    rows = []
    for kernel, case in all_cases(arguments.kernel, arguments.filters):
        print(f"  {case.name} …", file=sys.stderr, flush=True)
        rows.append(measure(kernel, case, arguments.batches, arguments.batch_s))
    return rows


def run_at(level: str, arguments: argparse.Namespace) -> list[Row]:
    """Measure the cases at an instruction set: a process of its own, since the kernels choose at import.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", *arguments.filters, "--json", str(file)]
        command += ["--kernel", ",".join(arguments.kernel), "--batches", str(arguments.batches)]
        command += ["--batch-s", str(arguments.batch_s)]
        print(f"== {level} ==", file=sys.stderr, flush=True)
        environment = {**os.environ, "PICOCELL_ISA": level}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, cwd=callgrind.ROOT)
        return read_rows(file)


def _rows(arguments: argparse.Namespace) -> list[Row]:
    if arguments.callgrind:
        parts = [callgrind.count(arguments.kernel, arguments.filters, level) for level in arguments.isa]
    elif arguments.isa:
        parts = [run_at(level, arguments) for level in arguments.isa]
    else:
        parts = [run(arguments)]
    return [row for part in parts for row in part]


def main(argv: list[str] | None = None) -> int:
    """Command line of the benchmarks; 2 where there is nothing to measure, 1 after a regression."""
    arguments = _arguments(argv)
    logging.disable(logging.WARNING)  # radios of other cases say that nobody sends to them at present
    try:
        rows = _rows(arguments)
    except (callgrind.CallgrindError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    if not rows:
        print(f"no case holds {' or '.join(arguments.filters)}", file=sys.stderr)
        return 2
    print(table(rows, arguments.old, arguments.threshold))
    if arguments.json:
        write_rows(Path(arguments.json), rows)
    if arguments.fail_above is None:
        return 0
    slower = regressions(rows, arguments.old, arguments.fail_above)
    for row in slower:
        percent = change(row, arguments.old)
        print(f"slower by {percent:.0f} %: {row.case} ({row.isa})", file=sys.stderr)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
