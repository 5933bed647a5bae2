"""Checks and what they find."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picocell.doctor.configurations import Given
    from picocell.doctor.machine import Machine


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        status: how it is.
        text: what was found.
        advice: what to do; empty where there is nothing to do.
    """

    status: Status
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with the check that it is of."""

    group: str
    check: str
    status: Status
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class Context:
    """What checks look at.

    Attributes:
        machine: this computer.
        given: configurations.
    """

    machine: "Machine"
    given: "Given"


@dataclass(frozen=True, slots=True)
class Check:
    """A check: it changes nothing.

    Attributes:
        group: what it is about.
        name: of the check.
        look: finds; nothing where there was nothing to look at.
    """

    group: str
    name: str
    look: Callable[[Context], Iterable[Finding]] = field(compare=False)


CHECKS: Final[list[Check]] = []
"""All checks, in the order in which they are shown."""


def check(
    group: str, name: str
) -> Callable[[Callable[[Context], Iterable[Finding]]], Callable[[Context], Iterable[Finding]]]:
    """Register a function as a check."""

    def register(look: Callable[[Context], Iterable[Finding]]) -> Callable[[Context], Iterable[Finding]]:
        CHECKS.append(Check(group, name, look))
        return look

    return register


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(Status.OK, text)


def warning(text: str, advice: str = "") -> Finding:
    """It will run, though not as well as it could, or not in every case."""
    return Finding(Status.WARNING, text, advice)


def failed(text: str, advice: str = "") -> Finding:
    """It will not run."""
    return Finding(Status.FAILED, text, advice)


def examine(context: Context, checks: Sequence[Check]) -> list[Result]:
    """Results of checks, in order."""
    return [
        Result(one.group, one.name, found.status, found.text, found.advice)
        for one in checks
        for found in one.look(context)
    ]
