"""Runs the standard's demodulation requirements over the link simulator, and judges what comes out.

Every requirement is measured at its SNR. A full run then goes down from there while the requirement is met, or up while
it is not, takes a point between the last two, and interpolates the SNR at which the requirement is just met: the
difference is the margin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

from picocell.sims.campaign import Campaign, Progress
from picocell.sims.conformance_requirements import FALSE, THROUGHPUT, Requirement
from picocell.sims.counts import Tally
from picocell.sims.point import Point
from picocell.sims.stats import Interval, StoppingRule, crossing
from picocell.sims.workers import Backend, open_backend

STEP_DB: Final = 1.5
"""Between the points of the search."""
RESOLUTION_DB: Final = 0.75
"""The search ends where two points, of which one is met, are not further from each other."""

_BLOCKS: Final = {"pucch": 10}
"""Subframes in a block of work by kind where not the kind's own: EPA5 hardly changes in 50 ms, and a block that begins
with a new realisation is worth more than a long one."""

_TRAIN: Final = "HST"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated.

    Attributes:
        throughput: subframes of a throughput.
        trials: trials of an error rate by kind of link.
        silence: trials with nothing sent.
        train: subframes of a throughput on a high-speed train, in one piece: it passes the mast after 1.8 s (TS 36.101
            B.3), which is 1,440 subframes that carry a block.
        points: SNRs at most, that of the requirement counted; 1 for no search.
    """

    throughput: int = 5000
    trials: tuple[tuple[str, int], ...] = (("pbch", 3000), ("pdcch", 6000), ("pucch", 10_000), ("prach", 2000))
    silence: int = 20_000
    train: int = 5760
    points: int = 4

    def subframes(self, requirement: Requirement) -> int:
        """Subframes or trials at each SNR."""
        if requirement.metric == THROUGHPUT:
            return self.train if _on_train(requirement) else self.throughput
        return self.silence if requirement.metric == FALSE else dict(self.trials)[requirement.kind]


FULL: Final = Effort()
QUICK: Final = Effort(2000, (("pbch", 1000), ("pdcch", 3000), ("pucch", 5000), ("prach", 1000)), 10_000, 2400, 1)


def _on_train(requirement: Requirement) -> bool:
    return requirement.channel.startswith(_TRAIN)


@dataclass(slots=True, eq=False)
class Outcome:
    """What was measured of a requirement.

    Attributes:
        requirement: that.
        tallies: counts by SNR in dB; empty while nothing has been measured.
    """

    requirement: Requirement
    tallies: dict[float, Tally] = field(default_factory=dict)

    @property
    def measured(self) -> float | None:
        """Share of throughput, or error rate, at the SNR of the requirement."""
        return self.at(self.requirement.snr_db)[0] if self.requirement.snr_db in self.tallies else None

    @property
    def interval(self) -> Interval | None:
        """Its interval, 95 %."""
        return self.at(self.requirement.snr_db)[1] if self.requirement.snr_db in self.tallies else None

    def at(self, snr_db: float) -> tuple[float, Interval]:
        """Share of throughput, or error rate, at an SNR that was simulated, and its interval."""
        tally = self.tallies[snr_db]
        if self.requirement.metric != THROUGHPUT:
            return tally.bler() or 0.0, tally.bler_interval()
        # A train's way is the same every time: nothing but the noise is random.
        return tally.share.rate, tally.share.interval(independent=tally.independent or _on_train(self.requirement))

    @property
    def verdict(self) -> str:
        """ "pass", "fail", or "not run"."""
        if self.requirement.snr_db not in self.tallies:
            return "not run"
        return "pass" if self._lost(self.requirement.snr_db) <= self.requirement.target else "fail"

    @property
    def close(self) -> bool:
        """Whether the limit lies within the interval: more subframes might turn the verdict."""
        found = self.interval
        return found is not None and found.low < self.requirement.limit < found.high

    @property
    def met_at_db(self) -> float | None:
        """SNR at which the requirement is just met; None where the points do not show it."""
        snrs = sorted(self.tallies)
        return crossing(snrs, [self._lost(snr) for snr in snrs], self.requirement.target)

    @property
    def margin_db(self) -> float | None:
        """By how much the SNR may be lower; a lower bound where :attr:`bounded`; None where nothing is known."""
        if (met := self.met_at_db) is not None:
            return self.requirement.snr_db - met
        return self.requirement.snr_db - min(self.tallies) if self.bounded else None

    @property
    def bounded(self) -> bool:
        """Whether the requirement was still met at the lowest SNR of a search, so that the margin is above that."""
        return len(self.tallies) > 1 and self.met_at_db is None and self._meets(min(self.tallies))

    def next_snr_db(self, points: int) -> float | None:
        """The next SNR of the search; None where it has ended.

        Args:
            points: SNRs at most.
        """
        requirement = self.requirement
        if requirement.why_not or len(self.tallies) >= points:
            return None
        if not self.tallies:
            return requirement.snr_db
        if requirement.metric == FALSE:
            return None
        met = [snr for snr in self.tallies if self._meets(snr)]
        missed = [snr for snr in self.tallies if not self._meets(snr)]
        if not missed:
            return min(met) - STEP_DB
        if not met:
            return max(missed) + STEP_DB
        # Retransmissions make steps in a throughput: between them a line is not enough.
        below, above = self._bracket()
        return (below + above) / 2 if above - below > RESOLUTION_DB else None

    def _bracket(self) -> tuple[float, float]:
        """Neighbouring SNRs, the first that is met and the one before it."""
        snrs = sorted(self.tallies)
        index = next(i for i, (low, high) in enumerate(pairwise(snrs)) if not self._meets(low) and self._meets(high))
        return snrs[index], snrs[index + 1]

    def _meets(self, snr_db: float) -> bool:
        return self._lost(snr_db) <= self.requirement.target

    def _lost(self, snr_db: float) -> float:
        """Share of the throughput that is lost, or error rate."""
        tally = self.tallies[snr_db]
        return 1 - tally.share.rate if self.requirement.metric == THROUGHPUT else tally.bler() or 0.0

    def row(self) -> dict[str, Any]:
        """Everything by name, flat, as JSON and CSV take it; rates in per cent."""
        requirement, interval, tally = self.requirement, self.interval, self.tallies.get(self.requirement.snr_db)
        return {
            "name": requirement.name,
            "standard": requirement.standard,
            "clause": requirement.clause,
            "what": requirement.what,
            "channel": requirement.channel,
            "antennas": requirement.antennas,
            "metric": requirement.metric,
            "limit_percent": 100 * requirement.limit,
            "required_snr_db": requirement.snr_db,
            "measured_percent": None if self.measured is None else 100 * self.measured,
            "measured_percent_low": None if interval is None else 100 * interval.low,
            "measured_percent_high": None if interval is None else 100 * interval.high,
            "transmissions": None if tally is None else tally.counts.transmissions,
            "met_at_snr_db": self.met_at_db,
            "margin_db": self.margin_db,
            "margin_is_lower_bound": self.bounded,
            "verdict": self.verdict,
            "close": self.close,
            "why_not": requirement.why_not,
        }


class Board(Protocol):
    """Is told how a run goes on."""

    def update(self, outcomes: Sequence[Outcome], running: dict[str, Progress]) -> None:
        """Something was counted; `running` has what is at work by the requirement's name."""
        ...


class _Kept:
    """A backend that outlives the campaigns which it serves.

    Args:
        backend: what does the work.
    """

    def __init__(self, backend: Backend) -> None:
        self.workers, self.ahead, self.task_s = backend.workers, backend.ahead, backend.task_s
        self.submit, self.look, self.revive = backend.submit, backend.look, backend.revive

    def close(self) -> None:
        """Nothing: the next campaign needs the workers again."""


def run(
    wanted: Sequence[Requirement],
    *,
    effort: Effort = FULL,
    jobs: int = 1,
    seed: int = 1,
    board: Board | None = None,
    known: Mapping[str, Mapping[float, Tally]] | None = None,
    records: Path | None = None,
) -> list[Outcome]:
    """Measure requirements.

    Args:
        wanted: the requirements; those that cannot be run are in the results as such.
        effort: how much is simulated.
        jobs: worker processes; 1 works in this process, 0 takes every processor.
        seed: of everything random.
        board: is told how it goes on.
        known: what has been measured before with the same effort and seed, by name and SNR.
        records: file of JSON lines, a point each, from which a run that was interrupted goes on; with the blocks of
            unfinished points beside it (``.part``).

    Returns:
        Outcomes in the order of the requirements: the same on any number of workers.

    Raises:
        ValueError: an effort or a number of jobs that is not allowed.
        KeyboardInterrupt: Ctrl-C, after workers have ended.
    """
    if effort.points < 1:
        raise ValueError(f"{effort.points} points are not allowed: at least 1")
    outcomes = [Outcome(requirement, dict((known or {}).get(requirement.name, {}))) for requirement in wanted]
    backend = open_backend(jobs)
    try:
        while due := [(o, snr) for o in outcomes if (snr := o.next_snr_db(effort.points)) is not None]:
            for group in _groups(due, effort):
                _measure(group, outcomes, effort, seed, _Kept(backend), board, records)
    finally:
        backend.close()
    return outcomes


def _groups(due: list[tuple[Outcome, float]], effort: Effort) -> list[list[tuple[Outcome, float]]]:
    """What may be one campaign: the same kind of link and number of subframes."""
    groups: dict[tuple[str, int, bool], list[tuple[Outcome, float]]] = {}
    for outcome, snr in due:
        requirement = outcome.requirement
        key = requirement.kind, effort.subframes(requirement), _on_train(requirement)
        groups.setdefault(key, []).append((outcome, snr))
    return list(groups.values())


class _Follower:
    """Hands a campaign's progress on by the names of requirements."""

    def __init__(self, names: dict[Point, list[str]], outcomes: Sequence[Outcome], board: Board) -> None:
        self._names, self._outcomes, self._board = names, outcomes, board

    def update(self, points: Sequence[Progress]) -> None:
        """Something was counted."""
        running = {name: progress for progress in points for name in self._names[progress.point]}
        self._board.update(self._outcomes, running)


def _measure(
    group: list[tuple[Outcome, float]],
    outcomes: Sequence[Outcome],
    effort: Effort,
    seed: int,
    backend: Backend,
    board: Board | None,
    records: Path | None,
) -> None:
    """Simulate a point of each of some requirements, and note the counts."""
    points = [outcome.requirement.point(snr) for outcome, snr in group]
    names: dict[Point, list[str]] = {}
    for (outcome, _), point in zip(group, points, strict=True):
        names.setdefault(point, []).append(outcome.requirement.name)
    first = group[0][0].requirement
    rule = StoppingRule(effort.subframes(first), max_errors=0)
    block = rule.max_subframes if _on_train(first) else _BLOCKS.get(first.kind, 0)
    campaign = Campaign(points, seed=seed, rule=rule, block=block)
    watcher = None if board is None else _Follower(names, outcomes, board)
    table = campaign.run(backend=backend, watcher=watcher, json=records, resume=records is not None)
    tallies = {result.point: result.tally for result in table}
    for (outcome, snr), point in zip(group, points, strict=True):
        outcome.tallies[snr] = tallies[point]
    if board is not None:
        board.update(outcomes, {})


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 where something was run and all of it passed, else 1."""
    verdicts = {outcome.verdict for outcome in outcomes}
    return 0 if "pass" in verdicts and "fail" not in verdicts else 1
