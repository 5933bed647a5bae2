"""The kernels for aarch64: cross-compiled, and their tests under qemu.

Debian's cross compiler builds all kernels into build/aarch64, warnings counting as errors. There is one instruction set
on this architecture, "base": vectors of 16 bytes, which are NEON's. For the tests a Python for aarch64 and its packages
are unpacked beside it (Debian's packages and wheels; nothing is installed on the machine), and pytest runs under
qemu-aarch64 with a package of links in place of the installed one, file by file.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

import kernel_tests
from kernel_overlay import ROOT, cached_compiler, make_overlay

BUILD = ROOT / "build" / "aarch64"
SYSTEM = BUILD / "root"
SITE = BUILD / "site"
RESULTS = BUILD / "results"
VERSION = "3.11"
SUFFIX = ".cpython-311-aarch64-linux-gnu.so"
COMPILER = "aarch64-linux-gnu-g++"
QEMU = "qemu-aarch64-static"
DEBIAN = ("python3.11-minimal", "libpython3.11-stdlib", "libpython3.11-dev", "libstdc++6")
WHEELS = ("numpy", "scipy", "pytest", "hypothesis")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")


class MissingError(RuntimeError):
    """Something that this needs is not on the machine and cannot be had."""


def _run(command: list[str], **more: object) -> None:
    """A command; its output only where it fails.

    Raises:
        MissingError: it failed.
    """
    done = subprocess.run(command, text=True, capture_output=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode:
        raise MissingError(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")


def need_tools() -> None:
    """Installs compiler and emulator where this may be done.

    Raises:
        MissingError: they are not there and cannot be installed.
    """
    if shutil.which(COMPILER) and shutil.which(QEMU):
        return
    packages = ["g++-aarch64-linux-gnu", "qemu-user-static"]
    if os.geteuid() or not shutil.which("apt-get"):
        raise MissingError(f"missing: install them with sudo apt-get install {' '.join(packages)}")
    print(f"installing Debian packages: {' '.join(packages)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], env=quiet)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=quiet)


def fetch_system() -> None:
    """Python for aarch64 with its headers, unpacked into build/aarch64/root.

    Apt works with lists and a state of its own, so that the machine learns nothing of the other architecture.
    """
    if (SYSTEM / "usr" / "bin" / f"python{VERSION}").exists():
        return
    print("fetching Python for aarch64 …", flush=True)
    apt = BUILD / "apt"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text("")
    (apt / "conf").write_text(
        'APT::Architecture "arm64";\nAPT::Architectures { "arm64"; };\nAPT::Install-Recommends "false";\n'
        f'Debug::NoLocking "true";\nDir::State "{apt}/state";\nDir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(apt / "conf")}
    _run(["apt-get", "-qq", "update"], env=environment)
    _run(["apt-get", "install", "-y", "-qq", "--download-only", *DEBIAN], env=environment)
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(SYSTEM)])


def fetch_packages() -> None:
    """NumPy, SciPy, pytest and hypothesis for aarch64, in this environment's versions, unpacked into build/aarch64."""
    if (SITE / "numpy").exists():
        return
    print("fetching packages for aarch64 …", flush=True)
    from importlib.metadata import version

    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--python-version", VERSION, "--target", str(SITE)]
    command += [word for name in PLATFORMS for word in ("--platform", name)]
    _run([*command, *(f"{name}=={version(name)}" for name in WHEELS)])


def compile_kernels() -> int:
    """Builds all kernels; returns the number of warnings in the project's own C++."""
    print("compiling the kernels for aarch64 …", flush=True)
    headers = f"-I{SYSTEM}/usr/include/python{VERSION} -idirafter {SYSTEM}/usr/include"
    environment = {
        **os.environ,
        **cached_compiler(f"aarch64-linux-gnu-gcc {headers}", f"{COMPILER} {headers}"),
        "SETUPTOOLS_EXT_SUFFIX": SUFFIX,
        "PICOCELL_CYTHON_DIR": str(BUILD / "cython"),
        "PICOCELL_CFLAGS": "-O2 -g0",
    }
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(BUILD / "lib")]
    command += ["--build-temp", str(BUILD / "temp")]
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE, check=False)
    (BUILD / "compiler.txt").write_text(done.stderr)
    if done.returncode:
        raise MissingError(f"the build failed:\n{done.stderr[-3000:]}")
    warnings = re.findall(r"^kernels/csrc/\S+: warning: .*$", done.stderr, re.MULTILINE)
    print(*warnings, sep="\n" if warnings else "")
    return len(warnings)


def run_tests(tests: list[str], more: list[str], at_a_time: int) -> bool:
    """The kernels' tests on an emulated processor; returns whether all passed."""
    overlay = make_overlay(BUILD / "overlay", BUILD / "lib", SUFFIX)
    # A test that starts Python again finds the emulator in its way: sys.executable is a script that goes through it.
    python = SYSTEM / "usr" / "bin" / "python3"
    python.unlink(missing_ok=True)
    inner = SYSTEM / "usr" / "bin" / f"python{VERSION}"
    python.write_text(f'#!/bin/sh\nexec {shutil.which(QEMU)} -L {SYSTEM} -0 {python} {inner} "$@"\n')
    python.chmod(0o755)
    environment = {
        "PYTHONPATH": f"{overlay}:{SITE}:{ROOT / 'tools'}",
        "PICOCELL_ISA": "base",
        "PICOCELL_HOSTILE_ROUNDS": "20",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis"),
    }
    kernel_tests.clear(RESULTS)
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "-p", "pytest_budget", *more]
    return kernel_tests.run(kernel_tests.jobs("aarch64", tests, RESULTS), command, lambda _: environment, at_a_time)


def main() -> int:
    """Exit code 0: everything compiles without a warning, and the tests pass."""
    parser = argparse.ArgumentParser(description="The kernels for aarch64, and their tests under qemu.")
    parser.add_argument("--no-build", action="store_true", help="use what was built before")
    parser.add_argument("--no-tests", action="store_true", help="only compile")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files of tests at a time")
    parser.add_argument("--budget", type=float, default=90, help="seconds for the tests of a file, 0: for all of them")
    parser.add_argument("tests", nargs="*", help="what pytest runs; tests/kernels by default")
    arguments, more = parser.parse_known_args()
    try:
        need_tools()
        fetch_system()
        warnings = 0 if arguments.no_build else compile_kernels()
        if arguments.no_tests:
            return 1 if warnings else 0
        fetch_packages()
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    passed = run_tests(arguments.tests, [f"--budget={arguments.budget}", *more], arguments.jobs)
    if warnings:
        print(f"{warnings} warnings of the compiler")
    return 0 if passed and not warnings else 1


if __name__ == "__main__":
    sys.exit(main())
