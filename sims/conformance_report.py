"""Shows a run of the requirements while it goes on, and what came out."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from picocell.sims.campaign import Progress
from picocell.sims.conformance import Effort, Outcome
from picocell.sims.conformance_requirements import THROUGHPUT, Requirement
from picocell.sims.stats import StoppingRule

_REFRESH_S: Final = 0.25
_SHOWN: Final = 24
_FRAME: Final = 7
"""Lines of a table that are not rows, and one to spare."""
_WIDE: Final = 130
_STYLES: Final = {"pass": "green", "fail": "bold red", "not run": "dim"}
_NO_BUDGET: Final = StoppingRule(max_errors=0)


def limit_text(requirement: Requirement) -> str:
    """The limit in words: at least so much, or at most."""
    sign = "≥" if requirement.metric == THROUGHPUT else "≤"
    return f"{sign} {100 * requirement.limit:g}"


def measured_text(outcome: Outcome) -> str:
    """What was measured, in per cent, with its interval."""
    if outcome.measured is None or outcome.interval is None:
        return "-"
    form = ".1f" if outcome.requirement.metric == THROUGHPUT else ".2f"
    low, high = (format(100 * value, form) for value in outcome.interval)
    return f"{100 * outcome.measured:{form}} ({low} to {high})"


def met_text(outcome: Outcome) -> str:
    """SNR at which the requirement is just met."""
    if outcome.met_at_db is not None:
        return f"{outcome.met_at_db:.2f}"
    if outcome.bounded:
        return f"< {min(outcome.tallies):g}"
    return f"> {max(outcome.tallies):g}" if len(outcome.tallies) > 1 else "-"


def margin_text(outcome: Outcome) -> str:
    """The margin in dB."""
    if outcome.margin_db is None:
        return "-"
    return f"{'> ' if outcome.bounded else ''}{outcome.margin_db:.2f}"


def verdict_text(outcome: Outcome) -> str:
    """The verdict; "close" where more subframes might turn it."""
    return f"{outcome.verdict}, close" if outcome.close else outcome.verdict


def table(
    outcomes: Sequence[Outcome],
    running: dict[str, Progress] | None = None,
    title: str | None = None,
    *,
    width: int = _WIDE,
) -> Table:
    """A row a requirement.

    Args:
        outcomes: to be shown.
        running: what is at work by the requirement's name.
        title: above the table.
        width: characters of a line: where it is narrow, what the names tell already is left out.
    """
    searched = any(len(outcome.tallies) > 1 for outcome in outcomes)
    wide = width >= _WIDE
    found = Table(title=title)
    found.add_column("name", no_wrap=True)
    for name in ("what", "channel", "antennas") if wide else ():
        found.add_column(name)
    for name in ("SNR dB", "limit %", "measured %", *(("met at dB", "margin dB") if searched else ())):
        found.add_column(name, justify="right", no_wrap=wide)
    found.add_column("verdict", no_wrap=wide)
    for outcome in outcomes:
        requirement = outcome.requirement
        state, style = verdict_text(outcome), _STYLES[outcome.verdict]
        if running and (progress := running.get(requirement.name)) is not None:
            share = 100 * progress.share_done(_NO_BUDGET)
            state, style = f"{progress.point.snr_db:g} dB: {share:.0f} %", "yellow"
        elif running is not None and outcome.verdict == "not run" and not requirement.why_not:
            state = "waits"
        found.add_row(
            requirement.name,
            *((requirement.what, requirement.channel, requirement.antennas) if wide else ()),
            f"{requirement.snr_db:g}",
            limit_text(requirement),
            measured_text(outcome),
            *((met_text(outcome), margin_text(outcome)) if searched else ()),
            state,
            style=style if style != "green" else None,
        )
    return found


class LiveBoard:
    """Shows the requirements while they run: on a terminal a table that is drawn again, elsewhere a line for each.

    Args:
        effort: how much is simulated.
        console: where to; standard error when None.
        refresh_s: seconds after which it is drawn again at the earliest.

    Use it as a context manager.
    """

    def __init__(self, effort: Effort, console: Console | None = None, refresh_s: float = _REFRESH_S) -> None:
        self._effort, self._refresh_s = effort, refresh_s
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._started = self._drawn = time.monotonic()
        self._told: set[str] = set()

    def __enter__(self) -> "LiveBoard":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def update(self, outcomes: Sequence[Outcome], running: dict[str, Progress]) -> None:
        """Draw it again, if that is due."""
        if not self._console.is_terminal:
            self._tell(outcomes)
            return
        now = time.monotonic()
        if now - self._drawn < self._refresh_s:
            return
        self._drawn = now
        first = next((i for i, o in enumerate(outcomes) if o.requirement.name in running and not _done(running, o)), 0)
        rows = max(min(_SHOWN, self._console.height - _FRAME), 1)
        begin = max(min(first - rows // 4, len(outcomes) - rows), 0)
        title, width = self._title(outcomes, running), self._console.width
        self._live.update(table(outcomes[begin : begin + rows], running, title, width=width), refresh=True)

    def _title(self, outcomes: Sequence[Outcome], running: dict[str, Progress]) -> str:
        able = [outcome for outcome in outcomes if not outcome.requirement.why_not]
        ended = sum(outcome.next_snr_db(self._effort.points) is None for outcome in able)
        at_work = sum(progress.share_done(_NO_BUDGET) for progress in running.values())
        return (
            f"{ended} of {len(able)} requirements done, {at_work:.0f} of {len(running)} points of this round, "
            f"{time.monotonic() - self._started:.0f} s"
        )

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """A line for each requirement that has ended since the last time."""
        for outcome in outcomes:
            name = outcome.requirement.name
            if name in self._told or not outcome.tallies or outcome.next_snr_db(self._effort.points) is not None:
                continue
            self._told.add(name)
            margin = "" if outcome.margin_db is None else f", margin {margin_text(outcome)} dB"
            text = f"{name}: {measured_text(outcome)} %, {limit_text(outcome.requirement)} % asked for{margin}"
            self._console.print(f"{text}: {verdict_text(outcome)}", highlight=False, soft_wrap=True)


def _done(running: dict[str, Progress], outcome: Outcome) -> bool:
    return bool(running[outcome.requirement.name].stopped)


def print_outcomes(outcomes: Sequence[Outcome], console: Console | None = None) -> None:
    """Print what was measured, then what was not run and why, then how many passed."""
    out = console or Console(width=None if sys.stdout.isatty() else 160)
    if shown := [outcome for outcome in outcomes if not outcome.requirement.why_not]:
        out.print(table(shown, width=out.width))
    _print_not_run(out, [outcome.requirement for outcome in outcomes])
    counted = Counter(outcome.verdict for outcome in outcomes)
    out.print(
        f"{counted['pass']} passed, {counted['fail']} failed, {counted['not run']} not run "
        f"of {len(outcomes)} requirements",
        highlight=False,
    )


def print_requirements(requirements: Sequence[Requirement], console: Console | None = None) -> None:
    """Print requirements without running them."""
    out = console or Console(width=None if sys.stdout.isatty() else 160)
    found = Table()
    for name in ("name", "clause", "what", "channel", "antennas", "SNR dB", "limit %"):
        found.add_column(name, justify="right" if name.endswith(("dB", "%")) else "left")
    able = [requirement for requirement in requirements if not requirement.why_not]
    for one in able:
        row = (one.name, one.clause, one.what, one.channel, one.antennas, f"{one.snr_db:g}", limit_text(one))
        found.add_row(*row)
    if able:
        out.print(found)
    _print_not_run(out, requirements)
    out.print(f"{len(able)} of {len(requirements)} requirements can be run", highlight=False)


def _print_not_run(out: Console, requirements: Sequence[Requirement]) -> None:
    for one in requirements:
        if one.why_not:
            out.print(f"not run: {one.name} ({one.what}): {one.why_not}", highlight=False, soft_wrap=True)
