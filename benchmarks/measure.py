"""Cases of the benchmarks and the time that a call of each takes."""

import importlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from picocell.kernels import isa


class Case(NamedTuple):
    """Something to measure; ``cases()`` of a ``bench_*.py`` may also return plain tuples of the first three or all.

    Attributes:
        name: what it is, with the sizes that matter.
        call: runs it once.
        reference_us: µs a call that another open stack in C or C++ took on this kind of machine.
        bits: information bits a call: the table then shows Mb/s.
    """

    name: str
    call: Callable[[], object]
    reference_us: float | None = None
    bits: int | None = None


@dataclass(slots=True)
class Row:
    """One measured case.

    Attributes:
        kernel: the ``bench_*.py`` it stands in.
        case: its name.
        isa: instruction set of the kernels.
        unit: of the value and the spread: "us" (CPU time a call) or "instructions" (a call).
        value: median over the batches.
        best: the fastest batch; where a machine is busy, the better estimate of an idle one.
        spread: distance between the quartiles.
        reference: time of another open stack, in µs.
        ratio: reference over value: above 1 is ahead of it.
        bits: information bits a call.
    """

    kernel: str
    case: str
    isa: str
    unit: str
    value: float
    best: float
    spread: float
    reference: float | None = None
    ratio: float | None = None
    bits: int | None = None


def timed(call: Callable[[], object], batches: int, batch_s: float) -> list[float]:
    """CPU time of a call in µs, one value a batch, after a warm-up."""
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
    return values


def measure(kernel: str, case: Case, batches: int, batch_s: float) -> Row:
    """A case's row. CPU time of this process counts, so that a busy machine disturbs little."""
    values = timed(case.call, batches, batch_s)
    quarter = quantiles(values, n=4) if len(values) > 1 else [0.0, 0.0, 0.0]
    value = median(values)
    ratio = case.reference_us / value if case.reference_us else None
    level = isa.LEVELS[isa.chosen()]
    spread = quarter[2] - quarter[0]
    return Row(kernel, case.name, level, "us", value, min(values), spread, case.reference_us, ratio, case.bits)


def kernels() -> list[str]:
    """Names of the ``bench_*.py``."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def chosen(cases: Iterable[tuple[Any, ...]], filters: list[str]) -> Iterator[Case]:
    """The cases whose name holds one of the filters, or all where there is no filter."""
    for case in cases:
        whole = Case(*case)
        if not filters or any(f.lower() in whole.name.lower() for f in filters):
            yield whole


def all_cases(wanted: list[str], filters: list[str]) -> Iterator[tuple[str, Case]]:
    """Kernel and case of everything asked for.

    Args:
        wanted: kernels; all where it is empty. The others are not even imported.
        filters: parts of the cases' names.
    """
    for kernel in wanted or kernels():
        module = importlib.import_module(f"benchmarks.bench_{kernel}")
        for case in chosen(module.cases(), filters):
            yield kernel, case
