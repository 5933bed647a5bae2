"""How long something took, over many times: a histogram whose classes are an eighth of an octave wide."""

from collections.abc import Sequence
from math import log2
from typing import Any, Final

_PER_OCTAVE: Final = 8
_FIRST_US: Final = 1.0
_CLASSES: Final = 24 * _PER_OCTAVE
"""From 1 us to 16 s; what is shorter or longer is in the first or the last."""

QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 0.9999)


class Durations:
    """Counts of durations by class.

    Attributes:
        n: how many there were.
        total_s: their sum, seconds.
        max_s: the longest, seconds.
        min_s: the shortest, seconds; infinite where there was none.
    """

    __slots__ = ("_counts", "max_s", "min_s", "n", "total_s")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._counts = [0] * _CLASSES
        self.n, self.total_s, self.max_s, self.min_s = 0, 0.0, 0.0, float("inf")

    def add(self, seconds: float) -> None:
        """Count one; below zero counts as the shortest class."""
        us = seconds * 1e6
        at = int(_PER_OCTAVE * log2(us)) if us > _FIRST_US else 0
        self._counts[min(at, _CLASSES - 1)] += 1
        self.n += 1
        self.total_s += seconds
        if seconds > self.max_s:
            self.max_s = seconds
        if seconds < self.min_s:
            self.min_s = seconds

    def quantile(self, q: float) -> float:
        """Seconds that a share ``q`` (0 to 1) of the durations does not exceed: the upper edge of its class; 0 of none.

        Raises:
            ValueError: a share outside 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"quantile {q:g} is not allowed: 0 to 1")
        return self._quantiles([q])[0]

    def _quantiles(self, shares: Sequence[float]) -> list[float]:
        """Quantiles of ascending shares, in one pass."""
        found: list[float] = []
        below, wanted = 0, [q * self.n for q in shares]
        for at, count in enumerate(self._counts):
            if not count:
                continue
            below += count
            while len(found) < len(wanted) and below >= wanted[len(found)]:
                found.append(self._edge(at))
        return found or [0.0] * len(shares)

    def _edge(self, at: int) -> float:
        """Upper edge of a class, seconds."""
        return min(_FIRST_US * 2 ** ((at + 1) / _PER_OCTAVE) * 1e-6, self.max_s)

    def classes(self) -> list[tuple[float, int]]:
        """Lower edge in microseconds and count of each class that has any."""
        return [(_FIRST_US * 2 ** (at / _PER_OCTAVE), count) for at, count in enumerate(self._counts) if count]

    def as_dict(self) -> dict[str, Any]:
        """Count, mean, quantiles and extremes in microseconds, for a file."""
        found: dict[str, Any] = {"n": self.n, "mean_us": round(1e6 * self.total_s / max(self.n, 1), 1)}
        found |= {
            f"p{100 * q:g}_us": round(1e6 * value, 1)
            for q, value in zip(QUANTILES, self._quantiles(QUANTILES), strict=True)
        }
        found["min_us"] = round(1e6 * self.min_s, 1) if self.n else 0.0
        found["max_us"] = round(1e6 * self.max_s, 1)
        return found
