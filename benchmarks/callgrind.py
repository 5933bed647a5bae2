"""Instructions a call, counted by valgrind's callgrind: the same on a busy machine as on an idle one.

The cases run in a process of their own under valgrind, which counts only between two marks round a call. Marks are
"client requests", sequences of instructions that valgrind knows: a few lines of C, compiled when they are needed.
Valgrind knows no AVX-512.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, all_cases
from picocell.kernels import isa

ROOT = Path(__file__).resolve().parents[1]
LEVELS = ("base", "avx2")
_MARKS = """
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); CALLGRIND_STOP_INSTRUMENTATION; }
"""


class CallgrindError(RuntimeError):
    """Valgrind or a C compiler is missing, or the run under valgrind failed."""


def _compiled(directory: Path) -> Path:
    """The marks as a shared library.

    Raises:
        CallgrindError: no compiler, or no header of valgrind.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or not shutil.which("valgrind"):
        raise CallgrindError("valgrind and a C compiler are needed: apt-get install valgrind gcc")
    library = directory / "marks.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(library)]
    done = subprocess.run(command, input=_MARKS, text=True, capture_output=True, check=False)
    if done.returncode:
        raise CallgrindError(f"cannot compile the marks for valgrind: {done.stderr.strip()[-300:]}")
    return library


def _totals(directory: Path) -> dict[str, int]:
    """Instructions between the marks, by name."""
    found = {}
    for path in directory.glob("out*"):
        text = path.read_text(errors="replace")
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
        if name and total:
            found[name[1].strip()] = int(total[1])
    return found


def count(wanted: list[str], filters: list[str], level: str) -> list[Row]:
    """Instructions of a call of each case, at an instruction set that valgrind knows.

    Raises:
        CallgrindError: something that is needed is missing, or the run failed.
    """
    if level not in LEVELS:
        raise CallgrindError(f"valgrind does not know {level}: use one of {', '.join(LEVELS)}")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        library = _compiled(directory)
        command = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={directory}/out"]
        command += [sys.executable, "-m", "benchmarks.callgrind", str(library), json.dumps([wanted, filters])]
        environment = {**os.environ, "PICOCELL_ISA": level, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["OPENBLAS_NUM_THREADS"] = "1"
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise CallgrindError(f"the run under valgrind ended with exit code {done.returncode}")
        totals = _totals(directory)
        cases = json.loads(done.stdout)
    nothing = totals.get("nothing", 0)
    rows = []
    for i, (kernel, case, bits) in enumerate(cases):
        value = float(max(totals[f"case {i}"] - nothing, 0))
        rows.append(Row(kernel, case, level, "instructions", value, value, 0.0, bits=bits))
    return rows


class _Marks:
    """The marks, looked up once so that no call pays for it."""

    def __init__(self, library: str) -> None:
        marks = ctypes.CDLL(library)
        self._begin, self._end = marks.begin, marks.end

    def around(self, name: str, call: Callable[[], object]) -> None:
        """A call between the marks, after two that warm caches and scratch up."""
        begin, end, text = self._begin, self._end, name.encode()
        call()
        call()
        begin()
        call()
        end(text)


def main() -> None:
    """What runs under valgrind: the cases, and their names on standard output."""
    marks = _Marks(sys.argv[1])
    wanted, filters = json.loads(sys.argv[2])
    found = []
    for name in ("warm-up", "nothing"):
        marks.around(name, lambda: None)
    for i, (kernel, case) in enumerate(all_cases(wanted, filters)):
        print(f"  {case.name} [{isa.LEVELS[isa.chosen()]}, valgrind] …", file=sys.stderr, flush=True)
        marks.around(f"case {i}", case.call)
        found.append((kernel, case.name, case.bits))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
