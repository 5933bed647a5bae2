"""Checks of the computer itself: processors, limits, kernels, packages."""

import re
import resource
from collections.abc import Iterator
from typing import Final

from picocell.doctor.model import Context, Finding, check, failed, ok, warning

_LOCKED: Final = 256 << 20
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)$")


@check("computer", "CPU governor")
def governor(context: Context) -> Iterator[Finding]:
    """Processors that slow down when they have little to do are late when they have much."""
    machine = context.machine
    folder = machine.root / "sys/devices/system/cpu"
    found = {file.read_text().strip() for file in folder.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if not found:
        yield ok("no frequency scaling is shown (a virtual machine or container)")
    elif found == {"performance"}:
        yield ok("performance")
    else:
        yield warning(", ".join(sorted(found)), "sudo cpupower frequency-set -g performance")


@check("computer", "cores")
def cores(context: Context) -> Iterator[Finding]:
    """eNB and UE take a core each."""
    n = context.machine.cores
    if n < 2:
        yield warning(f"{n} core: eNB and UE run slower than real time on it", "use more cores, or 6 PRB")
    else:
        yield ok(f"{n} cores")


@check("computer", "real-time priority")
def real_time_priority(context: Context) -> Iterator[Finding]:
    """A radio's thread needs it under load."""
    limit = context.machine.limit(resource.RLIMIT_RTPRIO)
    if context.machine.uid == 0:
        yield ok("root may have any")
    elif limit == 0:
        yield warning(
            "RLIMIT_RTPRIO is 0: none may be taken",
            "add '@realtime - rtprio 99' to /etc/security/limits.conf and the user to the group realtime; log in anew",
        )
    else:
        yield ok(f"up to {'any' if limit < 0 else limit}")


@check("computer", "memory lock")
def memory_lock(context: Context) -> Iterator[Finding]:
    """What is paged out is late."""
    limit = context.machine.limit(resource.RLIMIT_MEMLOCK)
    if 0 <= limit < _LOCKED and context.machine.uid != 0:
        yield warning(
            f"RLIMIT_MEMLOCK is {limit >> 20} MiB", "add '@realtime - memlock unlimited' to /etc/security/limits.conf"
        )
    else:
        yield ok("as much as is needed")


@check("computer", "instruction set")
def instruction_set(context: Context) -> Iterator[Finding]:
    """What the kernels run on."""
    used, available = context.machine.instruction_sets()
    if used != available[-1]:
        yield warning(f"{used} is used where {available[-1]} could be", "unset PICOCELL_ISA")
    elif used == "base":
        yield warning("base: no AVX2, so that 50 PRB and more are slow", "use a processor with AVX2")
    else:
        yield ok(used)


@check("computer", "versions")
def versions(context: Context) -> Iterator[Finding]:
    """Python packages that picocell needs."""
    wrong = False
    for text in context.machine.requirements():
        match = _REQUIREMENT.match(text.partition(";")[0].strip())
        if match is None or "extra ==" in text:
            continue
        name, least = match.groups()
        there = context.machine.installed(name)
        if there is None or _numbers(there) < _numbers(least):
            wrong = True
            yield failed(f"{name} {there or 'is missing'}, {least} is needed", f"pip install '{name}>={least}'")
    if not wrong:
        yield ok("every package is there and new enough")


def _numbers(text: str) -> list[int]:
    """A version for comparing; what is not a number ends it."""
    found = []
    for part in text.split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        found.append(int(digits[0]))
    return found
