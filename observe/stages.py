"""Where the time of a subframe goes: a histogram for each stage of the work."""

from collections.abc import Sequence
from time import perf_counter
from typing import Final

from picocell.radio.durations import Durations

WHOLE: Final = "whole"
_SHOWN: Final = (0.5, 0.99, 0.999)


class Stages:
    """Times of the stages of each subframe. What a stage does in several goes counts as one duration.

    stages = Stages("radio", "decode")
    stages.begin()
    ...; stages.lap("radio"); ...; stages.lap("decode")
    stages.end()

    Args:
        names: of the stages; `WHOLE` is theirs together.

    Attributes:
        histograms: by name.
    """

    def __init__(self, *names: str) -> None:
        self.histograms = {name: Durations() for name in (*names, WHOLE)}
        self._sums = dict.fromkeys(names, 0.0)
        self._began = self._last = perf_counter()

    def begin(self) -> None:
        """The work on a subframe begins; what was done since the last one ended belongs to none."""
        for name in self._sums:
            self._sums[name] = 0.0
        self._began = self._last = perf_counter()

    def lap(self, name: str) -> None:
        """What was done since the last call belongs to a stage."""
        now = perf_counter()
        self._sums[name] += now - self._last
        self._last = now

    def end(self) -> float:
        """The subframe is done; seconds that it took."""
        sums, histograms = self._sums, self.histograms
        for name, seconds in sums.items():
            if seconds:
                histograms[name].add(seconds)
        took = perf_counter() - self._began
        histograms[WHOLE].add(took)
        return took


def stage_table(histograms: Sequence[tuple[str, Durations]]) -> str:
    """Histograms as a table for people, microseconds."""
    lines = [
        f"{'us':>10} {'times':>9} {'mean':>8} " + " ".join(f"{f'{100 * q:g} %':>8}" for q in _SHOWN) + f" {'most':>8}"
    ]
    for name, found in histograms:
        mean = found.total_s / max(found.n, 1)
        columns = [mean, *(found.quantile(q) for q in _SHOWN), found.max_s]
        lines.append(f"{name:>10} {found.n:>9} " + " ".join(f"{1e6 * value:>8.0f}" for value in columns))
    return "\n".join(lines)
