"""The live table of a campaign, and the table of its results."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from picocell.sims.campaign import Progress
from picocell.sims.results import ResultTable
from picocell.sims.stats import StoppingRule

_REFRESH_S: Final = 0.25
_SHOWN: Final = 24


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3g}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


class LiveTable:
    """Shows a campaign while it runs: on a terminal a table that is drawn again, elsewhere a line a finished point.

    Args:
        rule: when a point is done, for the remaining time.
        console: where to; standard error when None.
        clock: seconds that only grow.

    Use it as a context manager.
    """

    def __init__(
        self, rule: StoppingRule, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rule, self._clock = rule, clock
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._started = self._drawn = clock()
        self._already: float | None = None
        self._points: Sequence[Progress] = ()
        self._reported: set[int] = set()

    def __enter__(self) -> "LiveTable":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._report(self._points)

    def update(self, points: Sequence[Progress]) -> None:
        """Draw it again, if that is due."""
        self._points = points
        if self._already is None:
            self._already = sum(point.share_done(self._rule) for point in points)
        now = self._clock()
        if now - self._drawn < _REFRESH_S:
            return
        self._drawn = now
        if self._console.is_terminal:
            self._live.update(self.table(points), refresh=True)
        else:
            self._report(points)

    def remaining_s(self, points: Sequence[Progress]) -> float | None:
        """Seconds that are left, from the pace so far; None before anything is done."""
        done = sum(point.share_done(self._rule) for point in points)
        made = done - (self._already or 0.0)
        return None if made <= 0 else (self._clock() - self._started) * (len(points) - done) / made

    def table(self, points: Sequence[Progress]) -> Table:
        """The table as it stands: the points at work, and some around them."""
        left = self.remaining_s(points)
        done = sum(bool(point.stopped) for point in points)
        title = f"{done} of {len(points)} points" + ("" if left is None else f", {left:.0f} s left")
        table = Table(title=title)
        for name in ("point", "SNR dB", "subframes", "BLER %", "interval", "throughput %", "Mb/s", "state"):
            table.add_column(name, justify="left" if name in ("point", "state") else "right")
        first = next((i for i, point in enumerate(points) if not point.stopped), len(points))
        begin = max(min(first - _SHOWN // 2, len(points) - _SHOWN), 0)
        names = _varying(points)
        for point in points[begin : begin + _SHOWN]:
            low, high = point.tally.bler_interval(0, self._rule.confidence)
            started = point.tally.blocks > 0
            table.add_row(
                _label(point, names),
                f"{point.point.snr_db:g}",
                str(point.tally.counts.transmissions),
                _percent(point.tally.bler()),
                f"{_percent(low)}..{_percent(high)}" if started else "",
                f"{100 * point.tally.share.rate:.1f}" if started else "",
                f"{point.tally.share.rate * point.conversion.info_bits / 1e3:.3f}" if started else "",
                f"done: {point.stopped}" if point.stopped else f"{100 * point.share_done(self._rule):.0f} %",
            )
        return table

    def _report(self, points: Sequence[Progress]) -> None:
        """A line for each point that has been done since the last time."""
        names = _varying(points) if points else []
        for i, point in enumerate(points):
            if point.stopped and i not in self._reported:
                self._reported.add(i)
                self._console.print(
                    f"{_label(point, names)} SNR {point.point.snr_db:g} dB: BLER {_percent(point.tally.bler())} %, "
                    f"throughput {100 * point.tally.share.rate:.1f} %, "
                    f"{point.tally.counts.transmissions} subframes ({point.stopped})",
                    highlight=False,
                )


def _varying(points: Sequence[Progress]) -> list[str]:
    dicts = [point.point.as_dict() for point in points]
    names = [name for name in dicts[0] if name != "snr_db"]
    return [name for name in names if len({repr(d.get(name)) for d in dicts}) > 1]


def _label(point: Progress, names: Sequence[str]) -> str:
    values = point.point.as_dict()
    return " ".join(f"{name} {_text(values[name])}" for name in names if name in values) or point.point.kind


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def result_table(results: ResultTable) -> Table:
    """A row a point with its figures."""
    names = results.varying()
    rounds = max((len(result.tally.counts.sent) for result in results), default=1)
    later = [f"BLER {i + 1} %" for i in range(1, rounds)]
    table = Table()
    for name in names:
        table.add_column(name)
    figures = [
        "Eb/N0",
        "subframes",
        "BLER %",
        "interval",
        *later,
        "thr. %",
        "Mb/s",
        "it.",
        "est. SNR",
        "EVM %",
        "CPU µs",
    ]
    for name in ("SNR dB", *figures):
        table.add_column(name, justify="right")
    for result in results:
        row, values = result.row(), result.point.as_dict()
        table.add_row(
            *(_text(values.get(name, "")) for name in names),
            f"{result.point.snr_db:g}",
            f"{row['eb_n0_db']:.2f}",
            str(row["subframes"]),
            _percent(row["bler_1"]),
            f"{_percent(row['bler_1_low'])}..{_percent(row['bler_1_high'])}",
            *(_percent(row.get(f"bler_{i + 1}")) for i in range(1, rounds)),
            f"{row['throughput_percent']:.1f}",
            f"{row['throughput_mbps']:.3f}",
            _number(row["iterations"], ".2f"),
            _number(row["estimated_snr_db"], ".2f"),
            _number(row["evm_percent"], ".1f"),
            _number(row["cpu_us"], ".0f"),
        )
    return table


def print_results(results: ResultTable, console: Console | None = None) -> None:
    """Print the table, wide where standard output is no terminal."""
    out = console or Console(width=None if sys.stdout.isatty() else 160)
    out.print(result_table(results))
