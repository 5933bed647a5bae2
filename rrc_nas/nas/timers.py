"""Timers of NAS (TS 24.301 10.2) in milliseconds of virtual time."""

import re
from functools import cache
from typing import Final

from picocell.rrc_nas.nas.tables import rows

MAX_ATTEMPTS: Final = 5
"""Attempts of attach and of tracking area updating before T3402, retransmissions of the network (TS 24.301 10.2)."""

_UNITS: Final = {"s": 1000, "min": 60_000}


@cache
def default_ms(name: str) -> int:
    """Default value of a timer, e.g. ``"T3410"``.

    Raises:
        ValueError: no such timer, or one whose value is not the standard's to say.
    """
    for row in rows("24301_10.2_timers"):
        if row["timer"] == name:
            found = re.match(r"(\d+) (s|min)\b", row["value"])
            if found:
                return int(found[1]) * _UNITS[found[2]]
            raise ValueError(f"timer {name} has no value in the standard: {row['value']}")
    raise ValueError(f"timer {name} is not in TS 24.301 10.2")


class Timers:
    """Running timers by name: when each ends."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ends

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def running(self) -> dict[str, int]:
        """Ends of the running timers by name, a copy."""
        return dict(self._ends)

    def start(self, name: str, now: int, duration_ms: int | None = None) -> None:
        """(Re)start a timer, with its default duration where none is given."""
        self._ends[name] = now + (default_ms(name) if duration_ms is None else duration_ms)

    def stop(self, *names: str) -> None:
        """Stop timers; those that do not run stay so."""
        for name in names:
            self._ends.pop(name, None)

    def stop_all(self) -> None:
        """Stop every timer."""
        self._ends.clear()

    def next_end(self) -> int | None:
        """When the first one ends, None if none runs."""
        return min(self._ends.values(), default=None)

    def pop_expired(self, now: int) -> str | None:
        """Name of the timer that ended first, which no longer runs; None if none has ended."""
        name = min(self._ends, key=lambda key: self._ends[key], default=None)
        if name is None or self._ends[name] > now:
            return None
        del self._ends[name]
        return name
