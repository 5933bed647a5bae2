"""The kernels' tests and calls with hostile arguments, under AddressSanitizer and UndefinedBehaviorSanitizer.

The kernels are built once more into build/sanitize, and a package of links beside them takes the place of the
installed one. The tests then run at every instruction set that the machine has, each file in a process of its own, so
that a crash is one file's. What the sanitizers and pytest say is collected in build/sanitize/results; any finding, like
a test that fails, makes the exit code 1. It takes minutes, so it has a command of its own: ``make test-sanitize``.
"""

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import kernel_tests
from kernel_overlay import ROOT, cached_compiler, kernel_names, make_overlay

from picocell.kernels import isa

BUILD = ROOT / "build" / "sanitize"
RESULTS = BUILD / "results"


def build(names: list[str]) -> None:
    """Builds the kernels with the sanitizers; those that are up to date stay.

    Raises:
        subprocess.CalledProcessError: the build failed.
    """
    started = time.monotonic()
    print(f"building {len(names)} kernels with the sanitizers into {BUILD} …", flush=True)
    environment = {
        **os.environ,
        **cached_compiler(os.environ.get("CC", "gcc"), os.environ.get("CXX", "g++")),
        "PICOCELL_SANITIZE": "1",
        "PICOCELL_CYTHON_DIR": str(BUILD / "cython"),
        "PICOCELL_KERNELS": ",".join(names),
    }
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(BUILD / "lib")]
    command += ["--build-temp", str(BUILD / "temp")]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    print(f"built in {time.monotonic() - started:.0f} s", flush=True)


def _library(name: str) -> str:
    """Path of one of the compiler's libraries."""
    compiler = (os.environ.get("CC") or "gcc").split()[0]
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def environment(overlay: Path, job: kernel_tests.Job, rounds: int) -> dict[str, str]:
    """Variables of a run: the sanitizers' libraries come first."""
    # Memory that Python keeps to its end is no leak; an allocation beyond 512 MB is refused as malloc refuses it.
    address = "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=512:halt_on_error=0"
    return {
        "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')} {_library('libstdc++.so')}",
        "ASAN_OPTIONS": address,
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": str(overlay),
        "PYTHONMALLOC": "malloc",
        "PICOCELL_ISA": job.level,
        "PICOCELL_HOSTILE_ROUNDS": str(rounds),
        "PICOCELL_HOSTILE_LOG": str(job.path(".last-call")),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def findings() -> dict[str, int]:
    """What the sanitizers found, and how often: the place and the kind, without addresses."""
    found: dict[str, int] = {}
    for path in sorted(RESULTS.glob("*.err")):
        for line in path.read_text(errors="replace").splitlines():
            if "runtime error:" in line or "ERROR: AddressSanitizer" in line or line.startswith("SUMMARY:"):
                text = re.sub(r"0x[0-9a-f]+|==\d+==", "…", line.strip())
                found[text] = found.get(text, 0) + 1
    return found


def main() -> int:
    """Command line: which kernels, which instruction sets, how many hostile calls of each function."""
    parser = argparse.ArgumentParser(description="The kernels' tests under the sanitizers.")
    parser.add_argument("tests", nargs="*", default=["tests/kernels"], help="what pytest runs")
    parser.add_argument("--isa", default=",".join(isa.AVAILABLE), help="instruction sets, by comma")
    parser.add_argument("--rounds", type=int, default=1000, help="hostile calls of each function")
    parser.add_argument("--kernels", default="", help="only these with the sanitizers, by comma")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files at a time")
    parser.add_argument("--no-build", action="store_true", help="use what was built before")
    parser.add_argument("-k", default="", help="as for pytest")
    arguments = parser.parse_args()
    names = [name for name in arguments.kernels.split(",") if name] or kernel_names()
    try:
        if not arguments.no_build:
            build(names)
        overlay = make_overlay(BUILD / "overlay", BUILD / "lib", sysconfig.get_config_var("EXT_SUFFIX"), only=names)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    kernel_tests.clear(RESULTS)
    # -s: what the sanitizers write to the standard error stream is wanted in the file, not in pytest's hands
    python = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"]
    python += ["-k", arguments.k] if arguments.k else []
    work = [j for level in arguments.isa.split(",") for j in kernel_tests.jobs(level, arguments.tests, RESULTS)]
    rounds = arguments.rounds
    well = kernel_tests.run(work, python, lambda job: environment(overlay, job, rounds), arguments.jobs)
    found = findings()
    for text, times in sorted(found.items(), key=lambda item: -item[1]):
        print(f"{times:7d}  {text}")
    print(f"{len(found)} findings of the sanitizers{f', see {RESULTS}' if found else ''}")
    return 0 if well and not found else 1


if __name__ == "__main__":
    sys.exit(main())
