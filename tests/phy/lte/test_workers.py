"""Threads that share jobs: every job once, results in order, errors told, nothing left behind."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.workers import MAX_WORKERS, Workers

LONG_S = 20.0
"""How long a thread that should come is waited for."""


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    with Workers(request.param, name=f"test-{request.param}") as made:
        yield made


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(), max_size=40))
def test_every_job_is_done_once_and_results_keep_their_order(workers: Workers, values: list[int]) -> None:
    done: list[int] = []

    def job(i: int) -> int:
        done.append(i)
        return values[i]

    assert workers.run([partial(job, i) for i in range(len(values))]) == values
    assert sorted(done) == list(range(len(values)))


@settings(max_examples=50, deadline=None)
@given(fails=st.lists(st.booleans(), min_size=1, max_size=20))
def test_the_first_failure_is_raised_after_all_jobs_have_ended(workers: Workers, fails: list[bool]) -> None:
    ended = []

    def job(i: int) -> int:
        ended.append(i)
        if fails[i]:
            raise KeyError(i)
        return i

    jobs = [partial(job, i) for i in range(len(fails))]
    if any(fails):
        with pytest.raises(KeyError) as caught:
            workers.run(jobs)
        assert caught.value.args == (fails.index(True),)
    else:
        assert workers.run(jobs) == list(range(len(fails)))
    assert sorted(ended) == list(range(len(fails)))


def test_an_error_that_was_dealt_with_holds_nothing(workers: Workers) -> None:
    """A process that meets deadlines has no garbage collector that would find errors which hold themselves."""

    class Failure(Exception):
        pass

    def fail() -> None:
        raise Failure

    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            with contextlib.suppress(Failure):
                workers.run([fail] * 3)
        workers.run([lambda: None] * 3)
        assert not [held for held in gc.get_objects() if isinstance(held, Failure)]
    finally:
        gc.enable()


def test_an_exception_that_is_no_error_is_passed_on_too(workers: Workers) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        workers.run([leave] * 5)
    assert workers.run([lambda: 1, lambda: 2]) == [1, 2]


def test_all_threads_take_part_and_the_calling_one_too(workers: Workers) -> None:
    """Jobs that wait for each other, as many as threads: they end only if each thread has one."""
    together = threading.Barrier(workers.n + 1)

    def job() -> int:
        together.wait(LONG_S)
        return threading.get_ident()

    for _ in range(20):
        idents = workers.run([job] * (workers.n + 1))
        assert len(set(idents)) == workers.n + 1
        assert threading.get_ident() in idents


def test_more_threads_than_jobs() -> None:
    with Workers(3) as many:
        assert many.run([]) == []
        assert many.run([threading.get_ident]) == [threading.get_ident()], "one job is the caller's"
        assert many.run([lambda: 1, lambda: 2]) == [1, 2]


def test_jobs_may_not_use_the_workers(workers: Workers) -> None:
    refused: list[Callable[[], Any]] = [lambda: workers.run([int]), lambda: workers.apart(int), workers.close]
    for misuse in refused:
        with pytest.raises(RuntimeError, match="in use"):
            workers.run([lambda: None, misuse, lambda: None])
    assert workers.run([int] * 3) == [0] * 3


def test_two_threads_may_not_use_them_at_once(workers: Workers) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return go_on.wait(LONG_S)

    other = threading.Thread(target=workers.run, args=([slow, slow],))
    other.start()
    assert begun.wait(LONG_S)
    with pytest.raises(RuntimeError, match="in use"):
        workers.run([int])
    go_on.set()
    other.join(LONG_S)
    assert workers.run([int]) == [0]


def test_a_job_apart_is_done_in_a_thread_of_theirs(workers: Workers) -> None:
    thread = workers.apart(threading.current_thread)
    assert thread in (_named(f"test-{workers.n}") or [threading.current_thread()])
    with pytest.raises(ZeroDivisionError):
        workers.apart(lambda: 1 // 0)


def test_closed_workers_do_nothing_and_leave_no_threads(workers: Workers) -> None:
    name = f"closing-{workers.n}"
    made = Workers(workers.n, name=name)
    assert made.run([int] * 4) == [0] * 4
    assert len(_named(name)) == workers.n
    made.close()
    made.close()
    assert not _named(name)
    for use in (lambda: made.run([int]), lambda: made.apart(int)):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def _named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{name}-")]


def test_each_thread_is_prepared_before_it_works() -> None:
    seen: dict[int, int] = {}

    def prepare(number: int) -> None:
        seen[number] = threading.get_ident()

    with Workers(3, on_start=prepare, name="prepared") as three:
        assert seen.keys() == {0, 1, 2}
        assert {thread.ident for thread in _named("prepared")} == set(seen.values())
        assert three.apart(threading.get_ident) == seen[0]


def test_a_thread_that_cannot_be_prepared_is_an_error_and_none_is_left() -> None:
    def prepare(number: int) -> None:
        if number == 1:
            raise PermissionError("no priority")

    with pytest.raises(PermissionError, match="no priority"):
        Workers(3, on_start=prepare, name="unprepared")
    assert not _named("unprepared")


@pytest.mark.parametrize("n", [-1, MAX_WORKERS + 1])
def test_numbers_that_are_not_allowed(n: int) -> None:
    with pytest.raises(ValueError, match=rf"{n} workers are outside 0\.\.64"):
        Workers(n)


def _count(done: list[int], number: int, i: int) -> tuple[int, int]:
    done[i] += 1
    return number, i


@pytest.mark.parametrize("switch_s", [1e-6, 5e-3])
def test_thousands_of_short_jobs(workers: Workers, switch_s: float) -> None:
    """However the threads take turns, each job of each round is done once, and before the round is over."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch_s)
    try:
        for number in range(2000):
            n_jobs = number % 7
            done = [0] * n_jobs

            results = workers.run([partial(_count, done, number, i) for i in range(n_jobs)])
            assert done == [1] * n_jobs
            assert results == [(number, i) for i in range(n_jobs)]
    finally:
        sys.setswitchinterval(before)


def test_a_fork_has_no_threads_and_works_alone(workers: Workers) -> None:
    child = os.fork()
    if not child:
        ok = False
        try:
            ok = workers.run([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
            workers.close()
        finally:
            os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_signal_ends_the_wait_and_the_workers_go_on_working() -> None:
    """Ctrl-C while a worker is at its job: the caller need not wait for it, and may go on once it likes."""
    together, go_on = threading.Barrier(2), threading.Event()
    main = threading.get_ident()

    def job() -> None:
        together.wait(LONG_S)
        if threading.get_ident() != main:
            time.sleep(0.2)  # the caller has nothing left to do by then, and waits
            os.kill(os.getpid(), signal.SIGUSR1)
            go_on.wait(LONG_S)

    def handler(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with Workers(1) as one:
            with pytest.raises(InterruptedError):
                one.run([job, job])
            assert one.run([threading.get_ident] * 3) == [main] * 3, "the worker is still at its job"
            go_on.set()
            assert one.apart(threading.get_ident) != main
    finally:
        signal.signal(signal.SIGUSR1, before)
