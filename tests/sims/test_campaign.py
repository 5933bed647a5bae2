"""Campaigns: the same numbers on any number of workers, stopping, resuming, dead workers."""

import csv
import json
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from picocell.sims import Campaign, Hooks, ResultTable, StoppingRule, downlink
from picocell.sims.campaign import Progress, make_points
from picocell.sims.coding_link import CodingPoint
from picocell.sims.counts import Counts
from picocell.sims.records import PART, RecordError, Records, read
from picocell.sims.workers import InProcess, Processes, Task, open_backend, work

POINTS = make_points("downlink", {"mcs": [2, 9], "snr_db": [-3.0, 1.0], "rounds": 2})
RULE = StoppingRule(max_subframes=70, max_errors=30)


def campaign(points: Sequence[Any] = POINTS, **changes: Any) -> Campaign:
    return Campaign(points, **{"rule": RULE, "block": 20, "seed": 3, **changes})


def rows(table: ResultTable) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "cpu_us"} for row in table.rows()]


@pytest.fixture(scope="module")
def alone() -> list[dict[str, Any]]:
    return rows(campaign().run())


def test_two_workers_give_the_same_numbers_as_none(alone: list[dict[str, Any]]) -> None:
    assert rows(campaign().run(jobs=2)) == alone


def test_another_seed_gives_other_numbers(alone: list[dict[str, Any]]) -> None:
    assert rows(campaign(seed=4).run()) != alone


def test_points_stop_at_budget_or_end(alone: list[dict[str, Any]]) -> None:
    for row in alone:
        if row["stopped"] == "errors":
            assert row["block_errors"] >= RULE.max_errors
        else:
            assert row["subframes"] >= RULE.max_subframes
    assert {row["stopped"] for row in alone} == {"errors", "subframes"}


class Shuffled:
    """Does tasks when waited for, the last submitted first, as workers of different speed might."""

    workers = 3
    ahead = 2
    task_s = 0.15

    def __init__(self) -> None:
        self.done: list[Task] = []
        self._open: list[tuple[Task, Future[list[Counts]]]] = []

    def submit(self, task: Task) -> "Future[list[Counts]]":
        future: Future[list[Counts]] = Future()
        self._open.append((task, future))
        if len(self._open) >= self.workers:
            for one, promise in reversed(self._open):
                self.done.append(one)
                promise.set_result(work(one))
            self._open.clear()
        return future

    def look(self) -> None:
        """Nothing to look after."""

    def revive(self) -> bool:
        return False

    def close(self) -> None:
        pass


def test_blocks_that_come_out_of_order_are_counted_in_order() -> None:
    point = CodingPoint(snr_db=-2.4, k=256)
    rule = StoppingRule(max_subframes=10_000, max_errors=60)
    table = Campaign([point], rule=rule, block=20).run()
    backend = Shuffled()
    again = Campaign([point], rule=rule, block=20).run(backend=backend)
    assert rows(again) == rows(table)
    assert [task.first for task in backend.done] != sorted(task.first for task in backend.done)
    assert sum(len(task.sizes) for task in backend.done) > table[0].tally.blocks  # what was beyond the end was dropped


class Slow(Shuffled):
    """A backend to which handing out a task is dear."""

    workers = 2
    task_s = 60.0


def test_tasks_are_as_long_as_the_backend_wants_and_no_longer_than_is_needed(alone: list[dict[str, Any]]) -> None:
    short, long = Shuffled(), Slow()
    assert rows(campaign().run(backend=short)) == rows(campaign().run(backend=long)) == alone
    assert len(long.done) < len(short.done) or max(len(task.sizes) for task in long.done) > 1
    blocks = sum(len(task.sizes) for task in long.done)
    counted = sum(result.tally.blocks for result in campaign().run())
    assert blocks <= 1.5 * counted  # little is done in vain


def test_interrupted_campaign_goes_on(tmp_path: Path, alone: list[dict[str, Any]]) -> None:
    file = tmp_path / "out.jsonl"

    class Interrupting(InProcess):
        left = 5

        def submit(self, task: Task) -> "Future[list[Counts]]":
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            return super().submit(task)

    with pytest.raises(KeyboardInterrupt):
        campaign().run(json=file, backend=Interrupting())
    part = Path(f"{file}{PART}")
    kept = len(part.read_text().splitlines())
    assert kept == 5
    with part.open("a") as broken:
        broken.write('{"point": "torn')  # the last line of a run that was killed

    class Counting(InProcess):
        tasks = 0

        def submit(self, task: Task) -> "Future[list[Counts]]":
            self.tasks += 1
            return super().submit(task)

    backend, fresh = Counting(), Counting()
    assert rows(campaign().run(json=file, resume=True, backend=backend)) == alone
    assert not part.exists()
    campaign().run(backend=fresh)
    assert backend.tasks == fresh.tasks - kept
    # all is done now: nothing is simulated again, and the file stays
    assert rows(campaign().run(json=file, resume=True, backend=(idle := Counting()))) == alone
    assert idle.tasks == 0
    assert [json.loads(line)["record"] for line in file.read_text().splitlines()] == ["point"] * len(POINTS)
    assert [result.row() for result in read(file)] == campaign().run(json=file, resume=True).rows()


def test_results_of_other_settings_are_not_taken_for_these(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    first = campaign().run(json=file)
    other = campaign(seed=9).run(json=file, resume=True)
    assert rows(other) != rows(first)
    assert [result.setting.seed for result in read(file)] == [3] * len(POINTS) + [9] * len(POINTS)


def test_files_hold_every_parameter_seed_and_version(tmp_path: Path) -> None:
    table = campaign().run(json=tmp_path / "a.jsonl", csv=tmp_path / "a.csv")
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert first["parameters"] == POINTS[0].as_dict()
    assert first["seed"] == 3
    assert first["setting"]["rule"]["max_errors"] == 30
    assert first["version"]
    with (tmp_path / "a.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["bler_1"]) for line in lines] == [row["bler_1"] for row in table.rows()]
    assert {"mcs", "channel", "seed", "version", "bler_1_low", "throughput_mbps"} <= set(lines[0])


def test_files_that_are_no_records_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("no json\n{}\n")
    with pytest.raises(RecordError, match="line 1"):
        campaign().run(json=file, resume=True)
    with pytest.raises(RecordError, match="name the file"):
        Records(campaign().setting, resume=True)
    file.write_text('{"record": "point", "point": "x", "setting": {"hooks": {}, "seed": 1, "rule": {}, "block": 1}}\n')
    with pytest.raises(RecordError, match="point x"):
        read(file)


def die_once(task: Task) -> list[Counts]:
    """Kill this worker at block 1, the first time."""
    marker = os.environ["PICOCELL_TEST_MARKER"]
    if task.first == 1 and not os.path.exists(marker):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return work(task)


class Mortal(Processes):
    """Workers of which one dies."""

    def submit(self, task: Task) -> "Future[list[Counts]]":
        return self._pool.submit(die_once, task)


def test_killed_worker_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: list[dict[str, Any]]
) -> None:
    monkeypatch.setenv("PICOCELL_TEST_MARKER", str(tmp_path / "died"))
    monkeypatch.setattr("picocell.sims.workers._context", lambda: __import__("multiprocessing").get_context("fork"))
    assert rows(campaign().run(backend=Mortal(2))) == alone
    assert (tmp_path / "died").exists()


def test_watcher_sees_every_point_to_its_end() -> None:
    seen: list[tuple[int, float]] = []

    class Watcher:
        def update(self, points: Sequence[Progress]) -> None:
            seen.append((sum(bool(p.stopped) for p in points), sum(p.share_done(RULE) for p in points)))

    campaign().run(watcher=Watcher())
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[-1] == len(POINTS)
    assert seen[-1][0] == len(POINTS)


def test_what_cannot_be_simulated_is_refused_before_anything_is() -> None:
    with pytest.raises(ValueError, match="no point"):
        Campaign([])
    with pytest.raises(ValueError, match="CCEs"):
        downlink(pdcch=8, snr_db=[0, 1])
    with pytest.raises(ValueError, match="negative"):
        campaign(seed=-1)
    with pytest.raises(ValueError, match="-1 jobs"):
        open_backend(-1)
    with pytest.raises(ValueError, match="no place"):
        Campaign([CodingPoint(snr_db=0.0)], hooks=Hooks(decoder=lambda *_: None))  # type: ignore[arg-type]


def test_functions_that_workers_cannot_take_are_refused() -> None:
    local = downlink(snr_db=0, estimator_function=lambda seen: (seen.h, seen.noise_var))
    with pytest.raises(ValueError, match="functions of a module"):
        local.run(jobs=2)


def test_interrupted_run_is_not_overwritten_unasked(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    Path(f"{file}{PART}").touch()
    with pytest.raises(RecordError, match="interrupted run"):
        campaign().run(json=file)


def test_blocks_of_other_settings_stay(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    part = Path(f"{file}{PART}")
    with Records(campaign(seed=9).setting, file) as records:
        records.add_block(POINTS[0].key, 0, Counts.of_rounds(2))
    before = part.read_text()
    campaign().run(json=file, resume=True)
    assert part.read_text() == before


def test_same_point_twice_is_simulated_once() -> None:
    assert len(campaign([POINTS[0], POINTS[0]]).points) == 1


def test_table_finds_crossings_and_curves() -> None:
    table = downlink(mcs=[0, 4], estimator="perfect", snr_db=[-8, -6, -4, -2, 0], n_subframes=60).run()
    assert table.varying() == ["mcs"]
    low, high = (curve.snr_at_bler(0.1) for curve in table.curves())
    assert low is not None
    assert high is not None
    assert low < high - 2
    half = table.curves()[0].snr_at_throughput(50)
    assert half is not None
    assert half < low
    assert isinstance(table[1:3], ResultTable)
    assert table[0].point.snr_db == -8.0


def test_table_becomes_a_data_frame_where_pandas_is() -> None:
    pandas = pytest.importorskip("pandas")
    frame = campaign().run().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == len(POINTS)


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    table = campaign().run()
    for metric in ("bler_1", "throughput_percent"):
        table.plot(tmp_path / f"{metric}.png", metric)
        assert (tmp_path / f"{metric}.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="cannot be drawn"):
        table.plot(tmp_path / "x.png", "nothing")
    with pytest.raises(ValueError, match="ends in"):
        table.plot(tmp_path / "x.gif")
