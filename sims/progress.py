"""The live table of a campaign, and the table of its results."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from picocell.sims.campaign import Progress
from picocell.sims.plot import heading
from picocell.sims.results import ResultTable
from picocell.sims.stats import StoppingRule

_REFRESH_S: Final = 0.25
_SHOWN: Final = 24
_ENDLESS: Final = 10_000
_SHARED: Final = ("downlink", "uplink", "coding")


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
                _snr(point.point.snr_db),
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
                    f"{_label(point, names)} SNR {_snr(point.point.snr_db)} dB: BLER {_percent(point.tally.bler())} %, "
                    f"throughput {100 * point.tally.share.rate:.1f} %, "
                    f"{point.tally.counts.transmissions} subframes ({point.stopped})",
                    highlight=False,
                    soft_wrap=True,
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


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the results.

    Attributes:
        name: its heading.
        text: of a row.
        needs: what a row must have for the column to be shown at all; empty for always.
        extra: left out where the table is narrow.
    """

    name: str
    text: Callable[[dict[str, Any]], str]
    needs: str = ""
    extra: bool = False


def _columns(kind: str, rounds: int) -> list[_Column]:
    """Figures of a kind of link: those without HARQ have an error rate only."""
    shared = kind in _SHARED
    rate = "BLER %" if shared else "errors %"
    later = [_Column(f"BLER {i} %", partial(_rate_text, name=f"bler_{i}")) for i in range(2, rounds + 1)]
    throughput = [
        _Column("thr. %", lambda row: f"{row['throughput_percent']:.1f}"),
        _Column("Mb/s", lambda row: f"{row['throughput_mbps']:.3f}"),
    ]
    return [
        _Column("SNR dB", lambda row: _snr(row["snr_db"])),
        _Column("Eb/N0", lambda row: f"{row['eb_n0_db']:.2f}", extra=True),
        _Column("subframes" if shared and kind != "coding" else "trials", lambda row: str(row["subframes"])),
        _Column(rate, partial(_rate_text, name="bler_1")),
        _Column("interval", lambda row: f"{_percent(row['bler_1_low'])}..{_percent(row['bler_1_high'])}"),
        *later,
        *(throughput if shared else ()),
        _Column("it.", partial(_number_text, name="iterations", form=".2f"), "iterations", extra=True),
        _Column("est. SNR", partial(_number_text, name="estimated_snr_db", form=".2f"), "estimated_snr_db", extra=True),
        _Column("EVM %", partial(_number_text, name="evm_percent", form=".1f"), "evm_percent", extra=True),
        _Column("CPU µs", partial(_number_text, name="cpu_us", form=".0f"), extra=True),
    ]


def _rate_text(row: dict[str, Any], name: str) -> str:
    return _percent(row.get(name))


def _number_text(row: dict[str, Any], name: str, form: str) -> str:
    return _number(row[name], form)


def _snr(value: float) -> str:
    return f"{round(value, 3):g}"


def result_table(results: ResultTable, *, wide: bool = True) -> Table:
    """A row a point with its figures.

    Args:
        results: the points.
        wide: whether there is room for all columns.
    """
    names = results.varying()
    rounds = max((len(result.tally.counts.sent) for result in results), default=1)
    rows = results.rows()
    columns = [
        column
        for column in _columns(results[0].point.kind, rounds)
        if (wide or not column.extra) and (not column.needs or any(row[column.needs] is not None for row in rows))
    ]
    table = Table(title=heading(results), title_justify="left", title_style="")
    for name in names:
        table.add_column(name)
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
    for result, row in zip(results, rows, strict=True):
        values = result.point.as_dict()
        table.add_row(*(_text(values.get(name, "")) for name in names), *(column.text(row) for column in columns))
    return table


def print_results(results: ResultTable, console: Console | None = None) -> None:
    """Print the table, wide where standard output is no terminal."""
    out = console or Console(width=None if sys.stdout.isatty() else 160)
    table = result_table(results)
    if Console(width=_ENDLESS).measure(table).maximum > out.width:
        table = result_table(results, wide=False)
    out.print(table)
