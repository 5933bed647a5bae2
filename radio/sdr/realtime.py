"""Deadlines of a process with a device: real-time priority where it is permitted, CPUs, and short turns of threads."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from picocell.radio.errors import RadioArgumentError

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter while the one that receives waits for it; 5 ms else."""


def begin(priority: int | None, cpus: Sequence[int] | None = None) -> str | None:
    """Give the threads of this process, and those to come, their CPUs and real-time priority (SCHED_FIFO).

    This thread has the priority, those that there are already one less: who of them holds the interpreter's lock must
    not have to wait for another process, for this thread waits for the lock.

    Args:
        priority: 1 to 99; None asks for none.
        cpus: numbers of the CPUs; None for all that the process has.

    Returns:
        Why there is no priority; None where it was granted or not asked for.

    Raises:
        RadioArgumentError: a CPU that the process does not have.
    """
    sys.setswitchinterval(SWITCH_S)
    if cpus is not None:
        _check(cpus)
        settle(cpus)
        for thread in _others():
            with suppress(OSError):
                os.sched_setaffinity(thread, cpus)
    if priority is None:
        return None
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        for thread in _others():
            with suppress(OSError):  # it ended
                os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(max(priority - 1, 1)))
    except (OSError, AttributeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return f"no real-time priority: {why} (root, or a limit for rtprio, may have it)"
    return None


def go_before() -> None:
    """Give this thread, which only passes samples on, a little more priority than those have that work on them."""
    if not hasattr(os, "SCHED_FIFO") or os.sched_getscheduler(0) != os.SCHED_FIFO:
        return
    with suppress(OSError):  # a limit that is reached: it goes on with what it has
        priority = min(os.sched_getparam(0).sched_priority + 1, os.sched_get_priority_max(os.SCHED_FIFO))
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def settle(cpus: Sequence[int] | None, *, first: int = 0, last: int | None = None) -> None:
    """Have this thread run on some of a process's CPUs only, ``cpus[first:last]``, where that leaves any."""
    some = cpus[first:last] if cpus is not None else ()
    if some:
        os.sched_setaffinity(0, some)


def _others() -> list[int]:
    """Threads of this process but for this one, where the system tells."""
    tasks = Path("/proc/self/task")
    own = threading.get_native_id()
    return [int(task.name) for task in tasks.iterdir() if int(task.name) != own] if tasks.is_dir() else []


def _check(cpus: Sequence[int]) -> None:
    """See that the process has them."""
    allowed = os.sched_getaffinity(0)
    for cpu in cpus:
        if cpu not in allowed:
            known = ", ".join(map(str, sorted(allowed)))
            raise RadioArgumentError(f"radio.cpus: {cpu} is not allowed: this process has {known}")
