"""Campaigns: many points, whose blocks of work are handed to workers; results do not depend on how many these are.

A point is cut into numbered blocks of work. Each has its own seed, so its numbers are the same wherever it is done.
They are counted in the order of their numbers, and after each it is decided whether the point is done: what other
workers have done beyond that is dropped.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from picocell.sims.counts import Counts, Tally
from picocell.sims.hooks import Hooks
from picocell.sims.point import Point
from picocell.sims.records import Records
from picocell.sims.registry import kind, open_link, point_class
from picocell.sims.results import PointResult, ResultTable, Setting
from picocell.sims.snr import Conversion
from picocell.sims.stats import StoppingRule
from picocell.sims.workers import Backend, Task, open_backend

_LOOK_S: Final = 1.0
"""Seconds without a result after which the backend is asked to look after its workers."""


@dataclass(slots=True)
class Progress:
    """A point while a campaign runs.

    Attributes:
        point: its parameters.
        conversion: of SNR to Eb/N0.
        tally: what has been counted.
        n_blocks: blocks of work that it takes at most.
        stopped: why it is done; empty while it is not.
    """

    point: Point
    conversion: Conversion
    tally: Tally
    n_blocks: int
    stopped: str = ""
    _submitted: int = 0
    _waiting: dict[int, Counts] = field(default_factory=dict)

    def share_done(self, rule: StoppingRule) -> float:
        """How much of the work has been done, 0..1, as far as can be told."""
        if self.stopped:
            return 1.0
        share = self.tally.blocks / self.n_blocks
        if rule.max_errors:
            share = max(share, min(self.tally.first.hits / rule.max_errors, 1.0))
        return share

    def blocks_left(self, rule: StoppingRule) -> float:
        """Blocks of work that are left, as far as can be told."""
        left = float(self.n_blocks - self.tally.blocks)
        hits = self.tally.first.hits
        if rule.max_errors and self.tally.independent and hits:
            left = min(left, max(rule.max_errors - hits, 1) * self.tally.blocks / hits)
        return left


class Watcher(Protocol):
    """Is told how a campaign goes on."""

    def update(self, points: Sequence[Progress]) -> None:
        """Something was counted."""
        ...


def expand(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of parameters of which some are lists, ranges or arrays; the SNR runs fastest.

    A ``rv_sequence`` is one value unless its entries are sequences.

    Raises:
        ValueError: an empty list.
    """
    choices: dict[str, list[Any]] = {}
    for name, value in parameters.items():
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
        if several and name == "rv_sequence":
            value = [tuple(one) for one in value] if value and isinstance(value[0], Sequence) else [tuple(value)]
        choices[name] = list(value) if several else [value]
        if not choices[name]:
            raise ValueError(f"{name} is an empty list")
    names = sorted(choices, key=lambda name: name == "snr_db")
    values = itertools.product(*(choices[name] for name in names))
    return [{n: _plain(v) for n, v in zip(names, combination, strict=True)} for combination in values]


def _plain(value: Any) -> Any:
    """A NumPy number as Python's."""
    return value.item() if hasattr(value, "item") and not isinstance(value, tuple) else value


def make_points(kind_name: str, parameters: Mapping[str, Any]) -> list[Point]:
    """Points of a kind by parameters, of which some may be lists.

    Raises:
        ValueError: parameters that do not exist or are not allowed.
    """
    cls = point_class(kind_name)
    return [cls.from_dict(values) for values in expand(parameters)]


class Campaign:
    """Points to be simulated.

    Args:
        points: the points, which may be of several kinds.
        hooks: a user's own parts.
        seed: of everything random.
        rule: when a point is done.
        block: subframes in a block of work; that of the kind of link when 0.

    Raises:
        ValueError: no points, or points that cannot be simulated.
    """

    def __init__(
        self,
        points: Sequence[Point],
        *,
        hooks: Hooks = Hooks(),
        seed: int = 1,
        rule: StoppingRule = StoppingRule(),
        block: int = 0,
    ) -> None:
        if not points:
            raise ValueError("there is no point to simulate")
        if seed < 0 or block < 0:
            raise ValueError(f"seed {seed} or block {block} is negative")
        self.points = list(dict.fromkeys(points))
        self.hooks, self.seed, self.rule = hooks, seed, rule
        self.block = block or kind(points[0].kind).block
        conversions: dict[Point, Conversion] = {}
        for point in self.points:  # what cannot be simulated is refused before anything is
            alike = replace(point, snr_db=0.0)
            if alike not in conversions:
                conversions[alike] = open_link(alike, hooks).conversion
        self.conversions = [conversions[replace(point, snr_db=0.0)] for point in self.points]

    @property
    def setting(self) -> Setting:
        """What the numbers depend on beside the points."""
        return Setting(self.seed, self.rule, self.block, tuple(sorted(self.hooks.names().items())))

    def run(
        self,
        *,
        jobs: int = 1,
        json: Path | str | None = None,
        csv: Path | str | None = None,
        resume: bool = False,
        watcher: Watcher | None = None,
        backend: Backend | None = None,
    ) -> ResultTable:
        """Simulate every point.

        Args:
            jobs: worker processes; 1 works in this process, 0 takes every processor.
            json: file of JSON lines, a point each; with the blocks of unfinished points beside it (``.part``).
            csv: file of the same as CSV.
            resume: go on from what the file of JSON lines holds.
            watcher: is told how it goes on.
            backend: does the work instead of `jobs`; it is closed.

        Returns:
            The results in the order of the points: the same on any number of workers, but for measured times.

        Raises:
            ValueError: a number of jobs or files that cannot be used.
            KeyboardInterrupt: Ctrl-C, after workers have ended and files are whole.
        """
        if backend is None and jobs != 1:
            self.hooks.check_pickles()
        records = Records(self.setting, _path(json), _path(csv), resume=resume)
        with records:
            runner = _Runner(self, records, watcher)
            results = runner.run(backend or open_backend(jobs))
            records.finish()
        return ResultTable(results)


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)


class _Runner:
    """One run of a campaign."""

    def __init__(self, campaign: Campaign, records: Records, watcher: Watcher | None) -> None:
        self._campaign, self._records, self._watcher = campaign, records, watcher
        self._results: list[PointResult] = []
        n_blocks = campaign.rule.n_blocks(campaign.block)
        self._states = []
        for point, conversion in zip(campaign.points, campaign.conversions, strict=True):
            state = Progress(point, conversion, Tally(point.independent), n_blocks)
            if (known := records.done.get(point.key)) is not None:
                state.tally, state.stopped = known.tally, known.stopped
            else:
                state._waiting = dict(records.blocks.get(point.key, {}))
            self._states.append(state)
        self._tasks: dict[Future[list[Counts]], tuple[Progress, Task]] = {}

    def run(self, backend: Backend) -> list[PointResult]:
        """Do all that is not done."""
        try:
            for state in self._states:
                self._count(state)
            self._deliver()
            while len(self._results) < len(self._states):
                self._submit(backend)
                if not self._tasks:
                    raise RuntimeError("points are not done, and nothing is left to do")
                done, _ = wait(self._tasks, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                if not done:
                    self._look(backend)
                if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                    self._revive(backend)
                else:
                    for future in done:
                        self._receive(future)
                self._deliver()
        finally:
            backend.close()
        return self._results

    def _submit(self, backend: Backend) -> None:
        """Keep the workers busy: what is surely needed first, then what may be."""
        depth = backend.workers + backend.ahead
        for sure in (True, False):
            limit = depth if sure else backend.workers
            for index in range(len(self._results), len(self._states)):
                while len(self._tasks) < limit and self._wants_more(self._states[index], sure):
                    self._submit_next(backend, index)
                if len(self._tasks) >= limit:
                    break

    def _wants_more(self, state: Progress, sure: bool) -> bool:
        """Whether a point has a block to be done, and needs it as far as can be told."""
        while state._submitted in state._waiting:
            state._submitted += 1
        state._submitted = max(state._submitted, state.tally.blocks)
        if state.stopped or state._submitted >= state.n_blocks:
            return False
        ahead = state._submitted - state.tally.blocks
        return not sure or ahead < max(state.blocks_left(self._campaign.rule), 1)

    def _submit_next(self, backend: Backend, index: int) -> None:
        campaign, state = self._campaign, self._states[index]
        first = state._submitted
        last = first + 1
        end = min(first + self._group(index, backend), state.n_blocks)
        while last < end and last not in state._waiting:
            last += 1
        sizes = tuple(campaign.rule.size_of(number, campaign.block) for number in range(first, last))
        task = Task(state.point, first, sizes, campaign.seed, campaign.hooks)
        state._submitted = last
        self._tasks[backend.submit(task)] = state, task

    def _group(self, index: int, backend: Backend) -> int:
        """Blocks in a task: so many that handing it out costs little, but no worker waits for another at the end."""
        state, rule = self._states[index], self._campaign.rule
        took = self._block_s(index)
        if not backend.task_s or not took:
            return 1
        wanted = state.blocks_left(rule) if state.tally.blocks else self._least()
        mine = wanted - (state._submitted - state.tally.blocks)
        group = min(backend.task_s / took, mine)
        left = max(mine, 0.0)  # of this point and those after it, as far as that matters
        for other in itertools.islice(self._states, index + 1, None):
            if left >= 2 * backend.workers * group:
                break
            left += 0.0 if other.stopped else other.blocks_left(rule)
        return max(int(min(group, left / (2 * backend.workers))), 1)

    def _block_s(self, index: int) -> float:
        """CPU time of a block of work, of the point or else of one before it; 0 where nothing is known."""
        for state in self._states[index::-1]:
            if state.tally.blocks:
                return state.tally.counts.cpu_s / state.tally.blocks
        return 0.0

    def _least(self) -> float:
        """Blocks of work that a point takes at least: one may be done as soon as all that it had were errors."""
        rule = self._campaign.rule
        if rule.width:
            return 1.0
        needed = max(rule.max_errors, rule.min_subframes) if rule.max_errors else rule.max_subframes
        return float(-(-min(needed, rule.max_subframes) // self._campaign.block))

    def _look(self, backend: Backend) -> None:
        """Nothing has ended for a while."""
        backend.look()
        if self._watcher is not None:
            self._watcher.update(self._states)

    def _receive(self, future: "Future[list[Counts]]") -> None:
        state, task = self._tasks.pop(future)
        done = future.result()
        if state.stopped:
            return
        for number, counts in enumerate(done, task.first):
            state._waiting[number] = counts
            self._records.add_block(state.point.key, number, counts)
        self._count(state)

    def _count(self, state: Progress) -> None:
        """Count the blocks that are next in order, until the point is done."""
        while not state.stopped and (counts := state._waiting.pop(state.tally.blocks, None)) is not None:
            state.tally.add(counts)
            state.stopped = state.tally.done(self._campaign.rule, self._campaign.block)
        if state.stopped:
            state._waiting.clear()
        if self._watcher is not None:
            self._watcher.update(self._states)

    def _deliver(self) -> None:
        """Write results out in the order of the points."""
        while len(self._results) < len(self._states) and (state := self._states[len(self._results)]).stopped:
            result = PointResult(state.point, self._campaign.setting, state.conversion, state.tally, state.stopped)
            self._records.add(result)
            self._results.append(result)

    def _revive(self, backend: Backend) -> None:
        """A worker died: what it and the others were at is done again."""
        lost = list(self._tasks.items())
        self._tasks.clear()
        failure: BaseException | None = None
        for future, (state, task) in lost:
            error = future.exception() if future.done() else None
            if future.done() and error is None:
                self._tasks[future] = state, task
                self._receive(future)
            else:
                failure = error or failure
                state._submitted = min(state._submitted, task.first)
        if not backend.revive():
            raise RuntimeError("worker processes die again and again: is there enough memory?") from failure
