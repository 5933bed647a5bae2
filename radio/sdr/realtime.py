"""Deadlines of a process with a device: real-time priority where it is permitted, and short turns between threads."""

import os
import sys
from typing import Final

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter while the one that receives waits for it; 5 ms else."""


def begin(priority: int | None) -> str | None:
    """Give this thread, and those that it starts from now on, real-time priority (SCHED_FIFO).

    Args:
        priority: 1 to 99; None asks for none.

    Returns:
        Why there is none; None where it was granted or not asked for.
    """
    sys.setswitchinterval(SWITCH_S)
    if priority is None:
        return None
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return f"no real-time priority: {why} (root, or a limit for rtprio, may have it)"
    return None
