"""The queue between a thread that receives and one that works, against a list of samples with their indices."""

import copy
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.rxqueue import MOST_CHANNELS, RxQueue
from support.waiting import LONG_S, until

NOTHING = {"overflow": 0, "silences": 0, "lost": 0, "late": 0, "underflow": 0}


def ramp(start: int, n: int, channels: int = 1) -> NDArray[np.complex64]:
    """Samples that tell their number and channel."""
    line = np.arange(start, start + n)
    return np.stack([line + 1j * row for row in range(channels)]).astype(np.complex64)


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def joined(thread: threading.Thread) -> bool:
    thread.join(LONG_S)
    return not thread.is_alive()


def reached(queue: RxQueue, index: int) -> None:
    """Wait until the queue has been given all up to an index."""
    until(lambda: queue.newest == index)


def begun(channels: int = 1, capacity: int = 64, step: int = 8) -> RxQueue:
    """A queue whose next sample is sample 0, at the device's time 1000."""
    queue = RxQueue(channels, capacity, step)
    queue.put(ramp(0, 1, channels), 1, 999)
    queue.begin(0)
    return queue


class Oracle:
    """What waits, as a list of (index, number of the sample); all else as the stub file says it."""

    def __init__(self, capacity: int, step: int) -> None:
        self.capacity, self.step = capacity, step
        self.items: list[tuple[int, int]] = []
        self.known = self.begun = False
        self.origin = self.newest = self.phase = 0
        self.counts = dict(NOTHING)

    @property
    def wanted(self) -> int:
        """Up to the next index that is whole steps from the phase."""
        return next(n for n in range(1, self.step + 1) if (self.newest + n - self.phase) % self.step == 0)

    @property
    def room(self) -> int:
        return self.capacity - len(self.items)

    def put(self, first: int, n: int, time: int | None, overflow: bool) -> None:
        self.counts["overflow"] += overflow
        if not n:
            self.counts["silences"] += not overflow
            return
        if not self.known:
            self.known, self.origin = True, time or 0
        index = self.newest if time is None else time - self.origin
        if index < self.newest:
            self.origin, index = self.origin + index - self.newest, self.newest
        if self.begun:
            self.counts["lost"] += len([i for i in range(self.newest, index) if i >= 0])
            self.items += [(index + i, first + i) for i in range(n) if index + i >= 0]
        self.newest = index + n

    def take(self, n: int) -> tuple[int | None, int, list[int]]:
        run = 0
        while run < len(self.items) and self.items[run][0] == self.items[0][0] + run:
            run += 1
        index = self.items[0][0] if self.items else max(self.newest, 0)
        if run < n and run == len(self.items):
            self.phase = index + n
            return None, index, []
        taken, self.items = self.items[: min(n, run)], self.items[min(n, run) :]
        return len(taken), index, [number for _, number in taken]

    def begin(self, lead: int) -> None:
        self.items = []
        self.origin, self.newest, self.begun = self.origin + self.newest + lead, -lead, True


def would_wait(oracle: Oracle, n: int, at: int | None) -> bool:
    """Whether there would be no room afterwards for what is wanted then."""
    after = copy.deepcopy(oracle)
    after.put(0, n, at, False)
    return n > 0 and after.room < after.wanted


STEP = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 12), st.one_of(st.none(), st.just(0), st.integers(-40, 40))),
    st.tuples(st.just("overflow"), st.integers(0, 12), st.one_of(st.none(), st.integers(-40, 40))),
    st.tuples(st.just("take"), st.integers(0, 40), st.none()),
    st.tuples(st.just("begin"), st.integers(-10, 30), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60), st.integers(1, 3), st.integers(1, 37), st.data())
def test_it_is_a_queue(
    steps: list[tuple[str, int, int | None]], channels: int, capacity: int, data: st.DataObject
) -> None:
    step = data.draw(st.integers(1, capacity), "step")
    queue, oracle, first = RxQueue(channels, capacity, step), Oracle(capacity, step), 1
    for what, n, jump in steps:
        if what == "begin":
            queue.begin(n)
            oracle.begin(n)
        elif what == "take":
            out = np.full((channels, min(n, capacity)), np.nan, np.complex64)
            got, index, numbers = oracle.take(out.shape[1])
            assert queue.take(out, 0.0) == (got, index)
            taken = np.array([[number + 1j * c for number in numbers] for c in range(channels)], np.complex64)
            np.testing.assert_array_equal(out[:, : len(numbers)], taken.reshape(channels, len(numbers)))
            assert np.isnan(out[:, len(numbers) :]).all()
        else:
            at = None if jump is None else oracle.origin + oracle.newest + jump
            n = next((m for m in (n, oracle.wanted) if not would_wait(oracle, m, at)), 0)
            queue.put(ramp(first, n + 2, channels), n, at, what == "overflow")
            oracle.put(first, n, at, what == "overflow")
            first += n
        assert (queue.newest, queue.waiting, queue.begun) == (oracle.newest, len(oracle.items), oracle.begun)
        assert (queue.origin, queue.counts) == (oracle.origin, oracle.counts)
        assert queue.wanted == oracle.wanted
    assert not queue.stopped


def test_samples_before_sample_0_are_dropped() -> None:
    queue = RxQueue(2, 64, 8)
    assert not queue.wait_known(0.0)
    queue.put(ramp(0, 8, 2), 8, 5000)
    assert queue.wait_known(0.0)
    queue.begin(20)
    assert (queue.origin, queue.newest) == (5028, -20)
    queue.put(ramp(8, 23, 2), 23, 5008)
    out = np.zeros((2, 3), np.complex64)
    assert (queue.waiting, queue.take(out, 0.0)) == (3, (3, 0))
    np.testing.assert_array_equal(out, ramp(28, 3, 2))
    assert queue.counts == NOTHING


def test_reads_end_where_somebody_waits_though_sample_0_is_no_whole_number_of_steps_away() -> None:
    queue = RxQueue(1, 1000, 100)
    queue.put(ramp(0, 1), 1, 0)
    queue.begin(1234)
    out = np.zeros((1, 30), np.complex64)
    assert queue.take(out, 0.0) == (None, 0)
    assert (queue.newest + queue.wanted - 30) % 100 == 0
    queue.put(ramp(0, 1234), 1234)
    assert queue.wanted == 30


def test_who_does_not_wait_does_not_move_the_reads() -> None:
    """A reception that ends at a gap that is there already says nothing of where the next will end."""
    queue = begun(capacity=64, step=8)
    queue.put(ramp(0, 3), 3, 1000)
    queue.put(ramp(3, 5), 5, 1019)
    assert (queue.newest, queue.wanted) == (24, 8)
    assert queue.take(np.zeros((1, 6), np.complex64), 0.0) == (3, 0)
    assert queue.wanted == 8
    assert queue.take(np.zeros((1, 0), np.complex64), 0.0) == (0, 19)  # what comes next, behind the gap


def test_more_than_there_is_room_for_is_lost_and_leaves_a_gap() -> None:
    queue = begun(capacity=16, step=8)
    putting = in_thread(lambda: queue.put(ramp(0, 40), 40))
    out = np.zeros((1, 16), np.complex64)
    assert queue.take(out, LONG_S) == (16, 0)
    np.testing.assert_array_equal(out, ramp(0, 16))
    assert joined(putting)
    assert (queue.newest, queue.counts["lost"]) == (40, 24)
    queue.put(ramp(40, 2), 2)
    assert queue.take(out[:, :2].copy(), 0.0) == (2, 40)


def test_a_taker_learns_of_a_loss_at_once() -> None:
    queue = begun(capacity=16, step=8)
    queue.put(ramp(0, 10), 6)
    putting = in_thread(lambda: queue.put(ramp(6, 30), 30))
    reached(queue, 36)
    assert queue.take(np.zeros((1, 15), np.complex64), LONG_S) == (15, 0)
    assert queue.take(np.zeros((1, 15), np.complex64), LONG_S) == (1, 15)
    assert joined(putting)


@pytest.mark.parametrize("times", [(-(1 << 56), 1 << 56), (1 << 56, -(1 << 56))])
def test_nonsense_in_place_of_time_does_not_wear_the_index_out(times: tuple[int, int]) -> None:
    """Each step back and forth moves the index by 2^57: after 64 of them it would not fit."""
    queue = begun(capacity=1 << 12)
    for k in range(300):
        queue.put(ramp(k, 2), 2, times[k % 2])
    assert 1 << 60 > queue.newest > 0
    assert queue.origin + queue.newest == times[1] + 2
    assert queue.waiting == 600
    before = -1
    for _ in range(300):
        got, index = queue.take(np.zeros((1, 2), np.complex64), 0.0)
        assert got == 2
        assert index > before
        before = index


def test_putting_waits_for_room() -> None:
    queue = begun(capacity=16, step=8)

    def put() -> None:
        for k in range(5):
            queue.put(ramp(8 * k, 8), 8)

    thread = in_thread(put)
    for k in range(5):
        reached(queue, 8 * min(k + 2, 5))
        assert queue.waiting == min(16, 40 - 8 * k)
        out = np.zeros((1, 8), np.complex64)
        assert queue.take(out, LONG_S) == (8, 8 * k)
        np.testing.assert_array_equal(out, ramp(8 * k, 8))
    assert joined(thread)
    assert queue.counts == NOTHING


def test_as_much_as_the_queue_holds_can_be_taken() -> None:
    """Whatever the pieces: there may be room for less than a step, and it is what the taker waits for."""
    queue = begun(capacity=20, step=8)
    pieces = np.random.default_rng(3).integers(1, 9, 2000)

    def put() -> None:
        for piece in pieces:
            n = min(int(piece), queue.wanted)
            queue.put(ramp(queue.newest, n), n)

    thread = in_thread(put)
    taken = 0
    for n in [20, 19, 13, 20, 1, 20, 15, 20, 7] * 30:
        out = np.zeros((1, n), np.complex64)
        assert queue.take(out, LONG_S) == (n, taken)
        np.testing.assert_array_equal(out, ramp(taken, n))
        taken += n
    queue.stop()
    assert joined(thread)
    assert queue.counts["overflow"] == 0


def test_stopping_wakes_everybody_for_good() -> None:
    full, empty, unknown = begun(capacity=8), begun(), RxQueue(1, 8, 8)
    found: list[object] = []
    calls: tuple[Callable[[], object], ...] = (
        lambda: full.put(ramp(0, 8), 8),
        lambda: found.append(empty.take(np.zeros((1, 5), np.complex64), 10 * LONG_S)),
        lambda: found.append(unknown.wait_known(10 * LONG_S)),
    )
    threads = [in_thread(call) for call in calls]
    until(lambda: full.waiting == 8)
    for queue in (full, empty, unknown):
        queue.stop()
        assert queue.stopped
    assert all(map(joined, threads))
    assert sorted(map(str, found)) == ["(0, 0)", "False"]
    full.put(ramp(0, 8), 8)  # there is no room, and nobody waits any more
    assert full.take(np.zeros((1, 5), np.complex64), LONG_S) == (0, 0)


def test_waking_is_of_those_who_take() -> None:
    queue = begun(capacity=8)
    found: list[tuple[int | None, int]] = []
    thread = in_thread(lambda: found.append(queue.take(np.zeros((1, 5), np.complex64), 10 * LONG_S)))
    queue.wake(True)
    assert joined(thread)
    assert found == [(0, 0)]
    putting = in_thread(lambda: queue.put(ramp(0, 8), 8))
    until(lambda: queue.waiting == 8)
    assert queue.take(np.zeros((1, 5), np.complex64), LONG_S) == (0, 0)
    assert putting.is_alive()
    queue.wake(False)
    assert queue.take(np.zeros((1, 5), np.complex64), LONG_S) == (5, 0)
    queue.wake(True)
    assert RxQueue(1, 8, 8).wait_known(0.0) is False
    queue.begin(0)  # lets go of the rest: there is room
    assert joined(putting)


@pytest.mark.parametrize("timed", [True, False])
def test_time_goes_on_by_the_clock_while_a_device_is_away(timed: bool) -> None:
    queue, rate = begun(), 1e6
    before = time.monotonic()
    queue.put(ramp(0, 8), 8, 1000 if timed else None)
    after = time.monotonic()
    time.sleep(0.02)
    least = time.monotonic() - after
    queue.resume(77 if timed else None, rate)
    most = time.monotonic() - before
    queue.put(ramp(8, 4), 4, 77 if timed else None)
    assert least * rate - 1 <= queue.newest - 4 - 8 <= most * rate + 1
    assert queue.counts["lost"] == queue.newest - 4 - 8
    out = np.zeros((1, 12), np.complex64)
    assert queue.take(out, 0.0) == (8, 0)
    assert queue.take(out, 0.0) == (None, queue.newest - 4)
    assert queue.take(out[:, :4].copy(), 0.0) == (4, queue.newest - 4)
    if timed:
        queue.put(ramp(12, 1), 1, 81)
        assert queue.take(out[:, :1].copy(), 0.0) == (1, queue.newest - 1)
        assert queue.origin + queue.newest == 82


def test_no_more_is_wanted_than_there_is_room_for() -> None:
    """Time that passed while a device was away leaves the reads anywhere in a step."""
    queue = begun(capacity=16, step=8)
    queue.put(ramp(0, 8), 8)
    queue.put(ramp(8, 5), 5)
    for _ in range(60):
        queue.resume(None, 1e9)
        assert 1 <= queue.wanted <= 3


def test_a_device_that_goes_before_its_first_samples_begins_as_new() -> None:
    queue = RxQueue(1, 8, 4)
    queue.resume(5, 1e6)
    assert (queue.origin, queue.newest, queue.begun) == (0, 0, False)
    queue.put(ramp(0, 4), 4, 123)
    assert (queue.origin, queue.newest) == (123, 4)


@pytest.mark.parametrize(
    ("channels", "capacity", "step"),
    [
        (0, 8, 8),
        (MOST_CHANNELS + 1, 8, 8),
        (-1, 8, 8),
        (1, 0, 0),
        (1, 8, 0),
        (1, 8, 9),
        (1, 8, -1),
        (1, (1 << 30) + 1, 8),
    ],
)
def test_sizes_that_are_not_allowed(channels: int, capacity: int, step: int) -> None:
    with pytest.raises(ValueError, match=f"{channels} channels, {capacity} samples and steps of {step} is not allowed"):
        RxQueue(channels, capacity, step)


def test_arguments_that_are_not_allowed() -> None:
    queue = begun(channels=2)
    samples, out = ramp(0, 5, 2), np.zeros((2, 5), np.complex64)
    for n in (-1, 6):
        with pytest.raises(ValueError, match=f"{n} of 5 samples is not allowed"):
            queue.put(samples, n)
    for call in (lambda x: queue.put(x, 1), lambda x: queue.take(x, 0.0)):
        with pytest.raises(ValueError, match="3 channels do not fit: the queue has 2"):
            call(np.zeros((3, 5), np.complex64))
        with pytest.raises(ValueError, match="contiguous"):
            call(np.zeros((2, 10), np.complex64)[:, ::2])
    with pytest.raises(ValueError, match="65 samples are more than the queue's 64"):
        queue.take(np.zeros((2, 65), np.complex64), 0.0)
    for wait in (lambda: queue.take(out, np.nan), lambda: queue.wait_known(np.nan)):
        with pytest.raises(ValueError, match="not a number"):
            wait()
    for far in (-(1 << 56) - 1, (1 << 56) + 1, 10**30):
        for count in (queue.begin, lambda x: queue.put(samples, 1, x), lambda x: queue.resume(x, 1e6)):
            with pytest.raises(ValueError, match=f"a count of {far} samples is not allowed: up to 2.56"):
                count(far)
    for rate in (0.0, -1.0, np.nan, np.inf, 1e13):
        with pytest.raises(ValueError, match="samples per second are not allowed"):
            queue.resume(0, rate)
    assert (queue.newest, queue.waiting, queue.counts) == (0, 0, NOTHING)
