"""Which process made what in the kernel, so that what a dead one left is found and removed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path("/run/picocell")


def claim(kind: str, name: str, note: str = "") -> None:
    """Write down that this process makes something.

    Raises:
        OSError: the directory cannot be written.
    """
    DIRECTORY.mkdir(mode=0o755, exist_ok=True)
    _record(kind, name).write_text(f"{os.getpid()} {_start(os.getpid())} {note}")


def release(kind: str, name: str) -> None:
    """Forget it, when it has been removed."""
    _record(kind, name).unlink(missing_ok=True)


def orphans(kind: str) -> Iterator[tuple[str, str]]:
    """Names and notes of what dead processes made."""
    for path in sorted(DIRECTORY.glob(f"{kind}@*")):
        try:
            pid, start, *note = path.read_text().split(maxsplit=2)
            dead = _start(int(pid)) != start
        except (OSError, ValueError):
            continue
        if dead:
            yield path.name.partition("@")[2], note[0] if note else ""


def _record(kind: str, name: str) -> Path:
    return DIRECTORY / f"{kind}@{name}"


def _start(pid: int) -> str | None:
    """When a process started, which tells it from a later one of the same number; None where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
