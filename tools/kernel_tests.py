"""Runs the kernels' tests with another build of the kernels: a process for each file, and a table of each kernel."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from kernel_overlay import ROOT, kernel_names

PASSED, NO_TESTS = 0, 5  # exit codes of pytest


@dataclass(frozen=True)
class Case:
    """One test as pytest reports it."""

    kernel: str
    outcome: str  # passed, skipped or failed
    seconds: float


@dataclass(frozen=True)
class Job:
    """One file of tests at one instruction set.

    Attributes:
        level: name of the instruction set.
        test: a file, or a test within a file, as pytest takes it.
        results: directory for what pytest says.
    """

    level: str
    test: str
    results: Path

    def path(self, suffix: str) -> Path:
        """A file for its results."""
        name = re.sub(r"[^A-Za-z0-9_]+", "-", self.test.removeprefix("tests/kernels/").removesuffix(".py"))
        return self.results / f"{self.level}-{name}{suffix}"


def jobs(level: str, tests: list[str], results: Path) -> list[Job]:
    """The files of tests, directories expanded; those with hostile calls first, as they take longest."""
    found: list[str] = []
    for test in tests or ["tests/kernels"]:
        here = ROOT / test
        found += sorted(str(p.relative_to(ROOT)) for p in here.rglob("test_*.py")) if here.is_dir() else [test]
    return [Job(level, test, results) for test in sorted(found, key=lambda test: "hostile" not in test)]


def clear(*directories: Path) -> None:
    """Empties directories of what earlier runs left, and makes them."""
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*"):
            path.unlink()


def run(work: list[Job], python: list[str], variables: Callable[[Job], dict[str, str]], at_a_time: int) -> bool:
    """Runs files, prints each when it ends and at last the table; returns whether all of it is well.

    Args:
        work: the files.
        python: command of the interpreter, with pytest's arguments behind it.
        variables: gives the environment of a file's process.
        at_a_time: number of processes.
    """
    with ThreadPoolExecutor(at_a_time) as pool:
        done = list(pool.map(lambda job: _one(job, python, variables(job)), work))
    cases: dict[str, list[Case]] = {}
    for job, (some, _) in zip(work, done, strict=True):
        cases.setdefault(job.level, []).extend(some)
    print(table(cases))
    return all(well for _, well in done) and any(cases.values())


def _one(job: Job, python: list[str], variables: dict[str, str]) -> tuple[list[Case], bool]:
    """Runs one file; returns its tests, and whether all is well."""
    started = time.monotonic()
    command = [*python, f"--junitxml={job.path('.xml')}", job.test]
    with job.path(".txt").open("w") as said, job.path(".err").open("w") as errors:
        environment = {**os.environ, **variables}
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=said, stderr=errors, check=False).returncode
    report = job.path(".xml")
    cases = _cases(report) if report.exists() else []
    well = code in (PASSED, NO_TESTS)
    failed = sum(case.outcome == "failed" for case in cases)
    skipped = sum(case.outcome == "skipped" for case in cases)
    how = f", {skipped} skipped" if skipped else ""
    if not well:
        how += f", {failed} failed" if failed else f", ended with code {code}"
    spent = time.monotonic() - started
    print(f"{job.level:8}{job.test:44} {len(cases) - skipped:4} tests {spent:5.0f} s{how}", flush=True)
    if not well:
        print(
            job.path(".txt").read_text(errors="replace")[-4000:], job.path(".err").read_text(errors="replace")[-2000:]
        )
    return cases, well


def _cases(report: Path) -> list[Case]:
    """The tests of a report, with the kernel that each is about: the one its parameter or its file is named after."""
    names = sorted(kernel_names(), key=len, reverse=True)
    cases = []
    for element in ElementTree.parse(report).iter("testcase"):
        file = element.get("classname", "").split(".")[-1].removeprefix("test_")
        parameter = re.search(r"\[(\w+)", element.get("name", ""))
        about = parameter[1] if file.startswith("hostile") and parameter else file
        kernel = next((name for name in names if about == name or about.startswith(f"{name}_")), about)
        kinds = {child.tag for child in element}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        cases.append(Case(kernel, outcome, float(element.get("time", "0"))))
    return cases


def table(cases: dict[str, list[Case]]) -> str:
    """Tests that passed and their seconds, of each kernel at each instruction set."""
    kernels = sorted({case.kernel for level in cases.values() for case in level})
    lines = ["kernel          " + "".join(f"{level:>22}" for level in cases)]
    for kernel in [*kernels, "all"]:
        line = f"{kernel:16}"
        for level in cases.values():
            own = [case for case in level if kernel in (case.kernel, "all")]
            passed, bad = (sum(case.outcome == kind for case in own) for kind in ("passed", "failed"))
            line += f"{passed:8} passed {sum(c.seconds for c in own):5.0f} s" + (f" {bad} FAILED" if bad else "")
        lines.append(line)
    skipped = sum(case.outcome == "skipped" for level in cases.values() for case in level)
    return "\n".join([*lines, f"{skipped} skipped"])
