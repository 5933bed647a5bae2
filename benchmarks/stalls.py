"""When the machine had no time: threads that only sleep, before all others, write down when they woke too late.

python -m benchmarks.stalls --cpu 0 FILE

On a virtual machine it is the host that gave its processors to others; no priority inside helps against that.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

PERIOD_S: Final = 0.002
LATE_S: Final = 0.001
_PRIORITY: Final = 90


class Stalls:
    """Watches every processor from now on, until `stop`.

    Args:
        folder: for what is written down.
    """

    def __init__(self, folder: Path) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        self._files = [folder / f"stalls{cpu}.txt" for cpu in cpus]
        words = [[sys.executable, "-m", "benchmarks.stalls", "--cpu", str(cpu)] for cpu in cpus]
        self._watchers = [subprocess.Popen([*each, str(file)]) for each, file in zip(words, self._files, strict=True)]

    def stop(self) -> list[tuple[float, float]]:
        """End it: the times, of `time.time`, at which a thread woke, and by how many seconds too late."""
        for watcher in self._watchers:
            watcher.terminate()
            watcher.wait()
        rows = [line.split() for file in self._files if file.exists() for line in file.read_text().splitlines()]
        return sorted((float(at), float(late)) for at, late in rows)


def watch(cpu: int, file: Path) -> None:
    """Until it is ended.

    Raises:
        PermissionError: no right to such a priority.
    """
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    with file.open("w", buffering=1) as out:
        due = time.monotonic()
        while True:
            due += PERIOD_S
            time.sleep(max(due - time.monotonic(), 0))
            late = time.monotonic() - due
            if late >= LATE_S:
                out.write(f"{time.time():.6f} {late:.6f}\n")
                due = time.monotonic()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    watch(options.cpu, options.file)


if __name__ == "__main__":
    main()
