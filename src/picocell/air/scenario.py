"""What happens on the air and when: a list of times, values and ramps.

- {at: 5.0, set: {ue1.cell1.loss_db: 20}}
- {at: 8.0, over: 4.0, ramp: {ue1.cell1.loss_db: 60}}
- {at: 20.0, over: 4.0, ramp: {ue1.cell1.loss_db: [60, 0], ue1.cell2.loss_db: [0, 60]}}

Times are seconds of the air. A ramp goes from the value that there is to the one given, or between two.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from picocell.air.model import Air

_log = logging.getLogger(__name__)

STEP_MS: Final = 10
"""Milliseconds between two values of a ramp."""

_ENTRY: Final = "an entry has at: SECONDS, set: {KEY: VALUE}, or ramp: {KEY: VALUE} with over: SECONDS"


@dataclass(slots=True)
class Entry:
    """One entry.

    Attributes:
        at: seconds.
        values: what is set at once.
        ramps: what moves: first value (None for the present one) and last one.
        over: seconds that it takes.
    """

    at: float
    values: dict[str, Any]
    ramps: dict[str, tuple[float | None, float]]
    over: float = 0.0


@dataclass(slots=True)
class _Ramp:
    """A value on its way."""

    key: str
    first: float
    last: float
    start: int
    end: int
    times_set: int


@dataclass(slots=True)
class Scenario:
    """Entries in order of time.

    Attributes:
        entries: all of them.
        start: air time in ms that the times are from.
        next: the entry that is due next.
    """

    entries: list[Entry]
    start: int = 0
    next: int = 0
    _ramps: list[_Ramp] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether all has happened."""
        return self.next == len(self.entries) and not self._ramps

    def advance(self, air: Air) -> None:
        """Do what is due at the present time of the air.

        Raises:
            ValueError: a parameter or value that is not allowed.
        """
        while self.next < len(self.entries) and air.now >= self.start + round(1000 * self.entries[self.next].at):
            self._begin(air, self.entries[self.next])
            self.next += 1
        if not self._ramps:
            return
        # whoever sets a value after the ramp began ends the ramp, be it another scenario or the user
        self._ramps = [ramp for ramp in self._ramps if ramp.times_set == air.times_set(ramp.key)]
        for ramp in self._ramps:
            if air.now < ramp.end and (air.now - ramp.start) % STEP_MS:
                continue
            share = min((air.now - ramp.start) / max(ramp.end - ramp.start, 1), 1.0) if air.now < ramp.end else 1.0
            air.set(ramp.key, ramp.first + share * (ramp.last - ramp.first))
            ramp.times_set = air.times_set(ramp.key)
        self._ramps = [ramp for ramp in self._ramps if air.now < ramp.end]

    def check(self, air: Air) -> None:
        """See that the air has all parameters.

        Raises:
            ValueError: it does not.
        """
        for entry in self.entries:
            for key in (*entry.values, *entry.ramps):
                air.matching(key)

    def _begin(self, air: Air, entry: Entry) -> None:
        for key, value in entry.values.items():
            air.set(key, value)
        for pattern, (first, last) in entry.ramps.items():
            for key in air.matching(pattern):
                start = float(air.get(key)) if first is None else first
                if not math.isfinite(start):
                    raise ValueError(f"{key} is {start:g}: a ramp from there needs a first value, [FIRST, LAST]")
                air.set(key, start)
                end = air.now + round(1000 * entry.over)
                self._ramps.append(_Ramp(key, start, last, air.now, end, air.times_set(key)))


def advance_all(scenarios: list[Scenario], air: Air) -> None:
    """Do what is due in each, and drop those that are done; one that fails is logged and ends."""
    for scenario in list(scenarios):
        try:
            scenario.advance(air)
        except ValueError as error:
            _log.error("scenario: %s", error)
            scenarios.remove(scenario)
            continue
        if scenario.done:
            scenarios.remove(scenario)


def scenario_of(value: Scenario | Sequence[dict[str, Any]] | str | Path) -> Scenario:
    """A scenario as it is, of its entries, or of a file.

    Raises:
        ValueError: what is wrong with it, in a line.
        OSError: the file cannot be read.
    """
    if isinstance(value, Scenario):
        return value
    return read(Path(value)) if isinstance(value, str | Path) else parse(list(value))


def read(file: Path) -> Scenario:
    """A scenario of a file.

    Raises:
        ValueError: what is wrong with it, in a line.
        OSError: it cannot be read.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        raise ValueError(f"{file}{where}: not YAML: {getattr(error, 'problem', None) or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file}: not UTF-8 text") from None
    return parse(found, str(file))


def parse(found: Any, name: str = "scenario") -> Scenario:
    """A scenario of what YAML gives.

    Raises:
        ValueError: what is wrong with it, in a line.
    """
    if not isinstance(found, list):
        raise ValueError(f"{name}: allowed is a list; {_ENTRY}")  # noqa: TRY004 - what a file holds
    entries = []
    for number, one in enumerate(found, 1):
        try:
            entries.append(_entry(one))
        except ValueError as error:
            raise ValueError(f"{name}: entry {number}: {error}") from None
    return Scenario(sorted(entries, key=lambda entry: entry.at))


def _entry(one: Any) -> Entry:
    if not isinstance(one, dict) or not set(one) <= {"at", "set", "ramp", "over"} or not {"set", "ramp"} & set(one):
        raise ValueError(_ENTRY)
    values, ramps = one.get("set", {}), one.get("ramp", {})
    for name, part in (("set", values), ("ramp", ramps)):
        if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
            raise ValueError(f"{name}: allowed is {{KEY: VALUE}} such as {{ue1.cell1.loss_db: 40}}")
    at, over = _seconds("at", one.get("at")), _seconds("over", one.get("over", 0))
    if ramps and not over:
        raise ValueError("ramp: over: SECONDS is missing, the time that it takes")
    return Entry(at, dict(values), {key: _ramp(key, value) for key, value in ramps.items()}, over)


def _ramp(key: str, value: Any) -> tuple[float | None, float]:
    pair = value if isinstance(value, list) and len(value) == 2 else [None, value]
    if any(one is not None and not _is_number(one) for one in pair) or pair[1] is None:
        raise ValueError(f"ramp: {key}: allowed is a number, or [FIRST, LAST]")
    return (None if pair[0] is None else float(pair[0])), float(pair[1])


def _seconds(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 1e7:
        raise ValueError(f"{name}: allowed are seconds, at least 0")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
