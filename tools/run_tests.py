"""The tests: all of them on the machine's best instruction set, then the kernels' under each of the others."""

import os
import subprocess
import sys

from picocell.kernels import isa


def run(arguments: list[str], level: str) -> int:
    """Run pytest with the kernels at one instruction set; returns its exit code."""
    print(f"== kernels: {level} ==", flush=True)
    environment = {**os.environ, "PICOCELL_ISA": level, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-n", str(os.cpu_count() or 1), *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Exit code 0 when every run passed."""
    extra = sys.argv[1:]
    codes = [run(["tests/kernels", *extra], level) for level in isa.AVAILABLE[:-1]]
    codes.append(run(["tests", *extra], isa.AVAILABLE[-1]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
