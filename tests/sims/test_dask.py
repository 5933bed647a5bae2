"""A Dask cluster: the same numbers as one process, workers that die, clusters that cannot be used."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from picocell.sims import Campaign, ResultTable, StoppingRule
from picocell.sims import dask_backend as backend_module
from picocell.sims.campaign import Progress, make_points
from picocell.sims.dask_backend import ClusterError, DaskBackend, identity, work_alike
from picocell.sims.workers import Task, work
from support.waiting import LONG_S, until

POINTS = make_points("downlink", {"mcs": [2, 9], "snr_db": [-3.0, 1.0], "rounds": 2, "channel": "EVA5", "n_rx": 2})
RULE = StoppingRule(max_subframes=160, max_errors=0)


def campaign() -> Campaign:
    return Campaign(POINTS, rule=RULE, block=20, seed=3)


def counts(table: ResultTable) -> list[dict[str, Any]]:
    """Everything that was counted, but times."""
    dicts = [result.tally.as_dict() for result in table]
    for one in dicts:
        del one["counts"]["cpu_s"]
    return dicts


@pytest.fixture(scope="module")
def alone() -> list[dict[str, Any]]:
    return counts(campaign().run())


def test_scheduler_without_workers_is_told_in_a_line() -> None:
    distributed: Any = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as empty,
        pytest.raises(ClusterError, match="the scheduler has no worker"),
    ):
        DaskBackend(empty.scheduler_address, connect_s=LONG_S, workers_s=0.5)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed: Any = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs="CRITICAL"
    ) as local:
        yield local


def pids(cluster: Any) -> set[int]:
    distributed: Any = pytest.importorskip("distributed")
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=LONG_S)
        return set(client.run(os.getpid).values())


def test_two_workers_give_the_numbers_of_one_process(cluster: Any, alone: list[dict[str, Any]]) -> None:
    pids(cluster)  # both are there
    backend = DaskBackend(cluster.scheduler_address, connect_s=LONG_S)
    assert backend.workers == 2
    assert counts(campaign().run(backend=backend)) == alone


def test_workers_are_told_and_those_that_leave() -> None:
    distributed: Any = pytest.importorskip("distributed")
    told: list[str] = []
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1", protocol="tcp://", processes=False
    ) as local:
        backend = DaskBackend(local.scheduler_address, say=told.append)
        try:
            assert told == [f"cluster {local.scheduler_address}: 1 worker"]
            local.scale(0)
            deadline = time.monotonic() + 300
            while len(told) == 1 and time.monotonic() < deadline:
                time.sleep(0.2)
                backend.look()
        finally:
            backend.close()
    assert told[1:] == [f"cluster {local.scheduler_address}: no worker is left, waiting for one"]
    assert backend.workers == 1


def test_killed_worker_loses_nothing(cluster: Any, alone: list[dict[str, Any]]) -> None:
    before = pids(cluster)

    class Killing:
        """Kills a worker when a third of the work has been done: tasks are always under way then."""

        killed = 0

        def update(self, points: Sequence[Progress]) -> None:
            done = sum(point.share_done(RULE) for point in points)
            if not self.killed and done > len(points) / 3:
                assert done < len(points)
                self.killed = min(before)
                os.kill(self.killed, signal.SIGKILL)

    watcher = Killing()
    assert (
        counts(campaign().run(backend=DaskBackend(cluster.scheduler_address, connect_s=LONG_S), watcher=watcher))
        == alone
    )
    assert watcher.killed
    until(lambda: watcher.killed not in pids(cluster), "the scheduler keeps a dead worker")
    assert pids(cluster) & before  # the other one went on


def test_an_error_of_a_task_is_told(cluster: Any) -> None:
    backend = DaskBackend(cluster.scheduler_address, connect_s=LONG_S)
    try:
        broken = Task(POINTS[0], 0, (5,), -1, campaign().hooks)
        with pytest.raises(ValueError, match="non-negative"):
            backend.submit(broken).result(timeout=LONG_S)
    finally:
        backend.close()


def test_workers_that_would_round_otherwise_are_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_module, "identity", lambda: "picocell 0.0.0 with PICOCELL_ISA=abacus")
    with pytest.raises(ClusterError, match=r"has picocell .* but picocell 0\.0\.0 with PICOCELL_ISA=abacus is wanted"):
        campaign().run(backend=DaskBackend(cluster.scheduler_address, connect_s=LONG_S))


def test_a_task_of_the_same_identity_is_done_here_too() -> None:
    task = Task(POINTS[0], 0, (5,), 1, campaign().hooks)
    (one,) = work_alike(task, identity())
    assert one.sent[0] == 5


def test_threads_of_a_worker_take_turns() -> None:
    tasks = [Task(POINTS[0], first, (20,), 3, campaign().hooks) for first in range(6)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda task: work_alike(task, identity())[0], tasks))
    one_by_one = [work(task)[0] for task in tasks]
    assert [replace(one, cpu_s=0.0) for one in together] == [replace(one, cpu_s=0.0) for one in one_by_one]


def test_no_scheduler_is_told_in_a_line() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match="no scheduler answers"):
        DaskBackend("tcp://127.0.0.1:9", connect_s=1)


@pytest.mark.parametrize("address", ["nonsense://x", "localhost", "tcp://localhost", "http://x:1", "", "x:y"])
def test_what_is_no_address_is_told_at_once(address: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match=r"not an address such as tcp://10\.0\.0\.1:8786"):
        DaskBackend(address)


def test_missing_dask_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install picocell\[cluster\]"):
        DaskBackend("tcp://127.0.0.1:8786")
