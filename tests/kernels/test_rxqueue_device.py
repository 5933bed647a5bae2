"""A device is read from and sent to by the addresses of functions in C, which here are Python's."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.kernels.rxqueue import MOST_CHANNELS, RxQueue, write
from support.waiting import LONG_S, until

POINTER = ctypes.c_void_p
ROWS, FLAGS, TIME = ctypes.POINTER(POINTER), ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_longlong)
READ = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ROWS, ctypes.c_size_t, FLAGS, TIME, ctypes.c_long)
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ROWS, ctypes.c_size_t, FLAGS, ctypes.c_longlong, ctypes.c_long)
STATUS = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ctypes.POINTER(ctypes.c_size_t), FLAGS, TIME, ctypes.c_long)

# of SoapySDR's Constants.h and Errors.h
END_BURST, HAS_TIME = 1 << 1, 1 << 2
TIMEOUT, STREAM_ERROR, CORRUPTION, OVERFLOW, NOT_SUPPORTED, TIME_ERROR, UNDERFLOW = range(-1, -8, -1)
DEVICE, RX, TX = 0x1000, 0x2000, 0x3000
RATES = [
    1.92e6,
    3.84e6,
    5.76e6,
    7.68e6,
    11.52e6,
    15.36e6,
    23.04e6,
    30.72e6,
    1.92e6 * (1 + 1.3e-7),
    30.72e6 / 7,
    1e6 / 3,
]


def rows(pointers: Any, channels: int, n: int) -> NDArray[np.complex64]:
    """Memory of all channels, which lies at the distance of the first two."""
    at = [pointers[c] or 0 for c in range(channels)]
    stride = at[1] - at[0] if channels > 1 else 8 * n
    assert [place - at[0] for place in at] == [stride * c for c in range(channels)]
    memory = np.ctypeslib.as_array((ctypes.c_float * ((stride * (channels - 1) + 8 * n) // 4)).from_address(at[0]))
    return np.lib.stride_tricks.as_strided(memory.view(np.complex64), (channels, n), (stride, 8))


@dataclass
class Device:
    """Does what is written down, one entry a read: a code, or how many samples and their time in ns; then is lost.

    A sample's value is its number modulo 2^20, and the channel.
    """

    script: list[int | tuple[int, int | None]]
    channels: int = 1
    told: list[int] = field(default_factory=list)
    then: Callable[[], int] = lambda: STREAM_ERROR
    asked: list[int] = field(default_factory=list)
    heard: int = 0
    given: int = 0

    def __post_init__(self) -> None:
        self._read, self._status = READ(self.read), STATUS(self.status)  # they live as long as this

    def run(self, queue: RxQueue, rate: float = 1e9, tx: int = TX) -> int:
        read, status = (ctypes.cast(f, POINTER).value or 0 for f in (self._read, self._status))
        return queue.run(read, status, DEVICE, RX, tx, rate, 12345)

    def read(self, device: int, stream: int, out: Any, n: int, flags: Any, ns: Any, us: int) -> int:
        if (device, stream, us) != (DEVICE, RX, 12345):
            return CORRUPTION
        self.asked.append(n)
        if not self.script:
            return self.then()
        now = self.script.pop(0)
        if isinstance(now, int):
            return now
        got, at = now
        numbers = np.arange(self.given, self.given + min(got, n)) % 2**20
        rows(out, self.channels, n)[:, : min(got, n)] = numbers + 1j * np.arange(self.channels)[:, None]
        self.given += min(got, n)
        if at is not None:
            flags[0], ns[0] = HAS_TIME, at
        return got

    def status(self, device: int, stream: int, mask: Any, flags: Any, ns: Any, us: int) -> int:
        del mask, flags, ns
        self.heard += 1
        return self.told.pop(0) if (device, stream, us) == (DEVICE, TX, 0) and self.told else TIMEOUT


def test_samples_have_the_times_of_the_device() -> None:
    queue = RxQueue(1, 64, 8)
    assert Device([(8, 1000), (3, 1008)]).run(queue) == STREAM_ERROR
    assert (queue.origin, queue.newest) == (1000, 11)
    queue.begin(0)
    device = Device([(5, 1011), TIMEOUT, 0, OVERFLOW, (2, 1020), (5, None), (1, 1030)])
    assert device.run(queue) == STREAM_ERROR
    assert queue.counts == {"overflow": 1, "silences": 2, "lost": 7, "late": 0, "underflow": 0}
    out = np.zeros((1, 20), np.complex64)
    assert queue.take(out, 0.0) == (5, 0)
    assert queue.take(out, 0.0) == (7, 9)
    assert queue.take(out, 0.0) == (None, 19)
    assert queue.take(out[:, :1].copy(), 0.0) == (1, 19)


@pytest.mark.parametrize("code", [STREAM_ERROR, CORRUPTION, NOT_SUPPORTED, TIME_ERROR, UNDERFLOW, -99, -(2**31)])
def test_a_device_that_is_lost_ends_it_with_its_code(code: int) -> None:
    queue = RxQueue(1, 64, 8)
    assert Device([(8, 0), code, (8, 8)]).run(queue) == code
    assert queue.newest == 8


def test_stopping_ends_it() -> None:
    queue = RxQueue(1, 64, 8)

    def stop() -> int:
        queue.stop()
        return 0

    device = Device([(8, 0)], then=stop)
    assert device.run(queue) == 0
    assert len(device.asked) == 2
    assert device.run(queue) == 0
    assert len(device.asked) == 2


def test_stopping_ends_it_while_it_waits_for_room() -> None:
    queue, codes = RxQueue(1, 16, 8), list[int]()
    queue.begin(0)
    thread = threading.Thread(target=lambda: codes.append(Device([(8, None)] * 9).run(queue)), daemon=True)
    thread.start()
    until(lambda: queue.waiting == 16)
    queue.stop()
    thread.join(LONG_S)
    assert codes == [0]


@pytest.mark.parametrize("channels", [1, 2, 3, MOST_CHANNELS])
def test_channels_have_rows_of_their_own(channels: int) -> None:
    queue = RxQueue(channels, 40, 8)
    queue.begin(0)
    assert Device([(3, 0), (5, 3), (8, 8), (4, 16)], channels).run(queue) == STREAM_ERROR
    out = np.zeros((channels, 20), np.complex64)
    assert queue.take(out, 0.0) == (20, 0)
    np.testing.assert_array_equal(out, np.arange(20) + 1j * np.arange(channels)[:, None])


def test_reads_end_at_the_sample_that_is_waited_for() -> None:
    queue = RxQueue(1, 100, 10)
    queue.begin(0)
    assert queue.take(np.zeros((1, 27), np.complex64), 0.0) == (None, 0)
    device = Device([(7, 0), (4, 7), (6, 11), (10, 17), TIMEOUT, (3, 27)])
    device.run(queue)
    assert device.asked == [7, 10, 6, 10, 10, 10, 7]


def test_no_more_is_believed_than_was_asked_for() -> None:
    queue = RxQueue(2, 32, 8)
    assert Device([(2**31 - 1, 0), (9, 8)], 2).run(queue) == STREAM_ERROR
    assert queue.newest == 16


def test_what_the_transmitter_tells_is_counted() -> None:
    """It is asked at every eighth read, until it has nothing more to tell."""
    told = [TIME_ERROR, UNDERFLOW, UNDERFLOW, TIMEOUT, 0, NOT_SUPPORTED, UNDERFLOW]
    queue, device = RxQueue(1, 64, 8), Device([TIMEOUT] * 31, told=told)
    assert device.run(queue) == STREAM_ERROR
    assert (queue.counts["late"], queue.counts["underflow"], queue.counts["silences"]) == (1, 2, 31)
    assert device.heard == 4 + 1 + 1
    assert device.told == [UNDERFLOW]


def test_a_transmitter_that_never_stops_telling_does_not_keep_from_receiving() -> None:
    queue, device = RxQueue(1, 64, 8), Device([TIMEOUT] * 8 + [(8, 0)], told=[TIME_ERROR] * 1000)
    device.run(queue)
    assert queue.newest == 8
    assert 1 <= queue.counts["late"] < 1000


def test_without_a_transmitter_nobody_asks() -> None:
    queue, device = RxQueue(1, 64, 8), Device([TIMEOUT] * 20, told=[TIME_ERROR])
    assert device.run(queue, tx=0) == STREAM_ERROR
    assert (device.heard, queue.counts["late"]) == (0, 0)


def _instants(rate: float) -> list[int]:
    """Counts of samples from a second before the device's zero to a week after it."""
    rng = np.random.default_rng(5)
    week = int(7 * 86400 * rate)
    return [0, 1, -1, -int(rate), week, *map(int, rng.integers(0, week, 60)), *map(int, rng.integers(0, 1000, 10))]


@pytest.mark.parametrize("rate", RATES)
def test_nanoseconds_become_counts_of_samples_exactly(rate: float) -> None:
    for tick in _instants(rate):
        queue = RxQueue(1, 8, 8)
        Device([(1, round(Fraction(tick) * 10**9 / Fraction(rate)))]).run(queue, rate)
        assert queue.origin == tick


@pytest.mark.parametrize("ns", [2**63 - 1, -(2**63)])
def test_nonsense_in_place_of_time_is_survived(ns: int) -> None:
    queue = RxQueue(1, 1000, 8)
    queue.begin(0)
    Device([(8, ns if k % 2 else ~ns) for k in range(100)]).run(queue, 1e12)
    assert 0 < queue.newest < 1 << 61
    assert queue.waiting == 800


class Sent:
    """Takes what is sent, and answers what it was told to."""

    def __init__(self, answer: int, channels: int) -> None:
        self.answer, self.channels = answer, channels
        self.calls: list[tuple[int, ...]] = []
        self.blocks: list[NDArray[np.complex64]] = []
        self._function = WRITE(self._write)
        self.address = ctypes.cast(self._function, POINTER).value or 0

    def _write(self, device: int, stream: int, sent: Any, n: int, flags: Any, ns: int, us: int) -> int:
        self.calls.append((device, stream, n, flags[0], ns, us))
        self.blocks.append(rows(sent, self.channels, n).copy())
        return self.answer


@pytest.mark.parametrize("channels", [1, 2, MOST_CHANNELS])
def test_rows_are_sent(channels: int) -> None:
    sent = Sent(5, channels)
    block = (np.arange(7) + 1j * np.arange(channels)[:, None]).astype(np.complex64)
    for time, end in ((None, False), (None, True), (1920, False), (-1920, True)):
        assert write(sent.address, DEVICE, TX, block, time, 1.92e6, end, 99) == 5
    flags = [0, END_BURST, HAS_TIME, HAS_TIME | END_BURST]
    times = [0, 0, 10**6, -(10**6)]
    assert sent.calls == [(DEVICE, TX, 7, flag, ns, 99) for flag, ns in zip(flags, times, strict=True)]
    for got in sent.blocks:
        np.testing.assert_array_equal(got, block)


@pytest.mark.parametrize("answer", [0, 3, TIMEOUT, STREAM_ERROR, NOT_SUPPORTED])
def test_what_the_device_answers_comes_back(answer: int) -> None:
    sent = Sent(answer, 1)
    assert write(sent.address, DEVICE, TX, np.zeros((1, 4), np.complex64), None, 1e6, False, 0) == answer
    assert write(sent.address, DEVICE, TX, np.zeros((1, 0), np.complex64), None, 1e6, True, 0) == 0
    assert len(sent.calls) == 1


@pytest.mark.parametrize("rate", RATES)
def test_times_are_sent_in_the_nearest_nanosecond(rate: float) -> None:
    sent, block, ticks = Sent(1, 1), np.zeros((1, 1), np.complex64), _instants(rate)
    for tick in ticks:
        write(sent.address, DEVICE, TX, block, tick, rate, False, 0)
    errors = [
        abs(call[4] - Fraction(tick) * 10**9 / Fraction(rate)) for call, tick in zip(sent.calls, ticks, strict=True)
    ]
    assert max(errors) <= Fraction(1, 2) + Fraction(1, 10**6)


def test_two_threads_lose_nothing() -> None:
    """A device with gaps and losses on one side, takers of any sizes on the other: each index has its sample."""
    rng, rate = np.random.default_rng(1), 1e9
    script: list[int | tuple[int, int | None]] = []
    starts, number, at = {}, 0, 0
    for _ in range(3000):
        n, kind = int(rng.integers(1, 40)), rng.integers(20)
        if kind < 3:
            script.append([OVERFLOW, TIMEOUT, 0][kind])
        if kind == 0:
            at += int(rng.integers(1, 1000))
        starts[at] = number
        script.append((n, at))
        at, number = at + n, number + n

    class Counting(Device):
        """Gives the pieces in as many reads as it takes."""

        def read(self, device: int, stream: int, out: Any, n: int, flags: Any, ns: Any, us: int) -> int:
            now = self.script[0] if self.script else None
            got = super().read(device, stream, out, n, flags, ns, us)
            if isinstance(now, tuple) and now[0] > n:
                self.script.insert(0, (now[0] - n, (now[1] or 0) + n))
                return n
            return got

    queue, device, codes = RxQueue(2, 100, 32), Counting(script, 2), list[int]()
    queue.begin(0)
    thread = threading.Thread(target=lambda: codes.append(device.run(queue, rate)), daemon=True)
    thread.start()
    taken = 0
    index_of = np.concatenate([np.arange(start, start + n) for start, n in _pieces(starts, number)])
    while taken < number:
        out = np.zeros((2, min(int(rng.integers(1, 101)), number - taken)), np.complex64)
        got, index = queue.take(out, LONG_S)
        assert got
        np.testing.assert_array_equal(out[:, :got], np.arange(taken, taken + got) + 1j * np.arange(2)[:, None])
        np.testing.assert_array_equal(np.arange(index, index + got), index_of[taken : taken + got])
        taken += got
    thread.join(LONG_S)
    assert codes == [STREAM_ERROR]
    assert queue.counts["lost"] == at - number


def _pieces(starts: dict[int, int], total: int) -> list[tuple[int, int]]:
    """Index of the first and number of samples of each piece."""
    numbers = [*starts.values(), total]
    return [(start, numbers[k + 1] - numbers[k]) for k, start in enumerate(starts)]


def test_addresses_and_values_that_are_not_allowed() -> None:
    queue, device, sent = RxQueue(1, 8, 8), Device([]), Sent(1, 1)
    read, block = ctypes.cast(device._read, POINTER).value or 0, np.zeros((1, 4), np.complex64)
    for f, g, to, rx, tx in ((0, 1, 1, 1, 1), (read, 1, 0, 1, 1), (read, 1, 1, 0, 1), (read, 0, 1, 1, 1)):
        with pytest.raises(ValueError, match="a device, its stream and its functions are needed"):
            queue.run(f, g, to, rx, tx, 1e6, 0)
    for function, to, stream in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="a device, its stream and its function are needed"):
            write(function, to, stream, block, None, 1e6, False, 0)
    for rate in (0.0, -1.0, np.nan, np.inf, 1e13):
        with pytest.raises(ValueError, match="samples per second are not allowed"):
            queue.run(read, 1, 1, 1, 1, rate, 0)
        with pytest.raises(ValueError, match="samples per second are not allowed"):
            write(sent.address, 1, 1, block, None, rate, False, 0)
    for channels in (0, MOST_CHANNELS + 1):
        with pytest.raises(ValueError, match=f"{channels} channels are not allowed: 1 to 16"):
            write(sent.address, 1, 1, np.zeros((channels, 4), np.complex64), None, 1e6, False, 0)
    with pytest.raises(ValueError, match=r"a count of 10+ samples is not allowed"):
        write(sent.address, 1, 1, block, 10**30, 1e6, False, 0)
    with pytest.raises(ValueError, match=r"sample -72057594037927936 at 1.0 per second is not allowed: nanoseconds"):
        write(sent.address, 1, 1, block, -(1 << 56), 1.0, False, 0)
    assert (device.asked, sent.calls) == ([], [])


@pytest.mark.parametrize("wrong", [-1, 1 << 64, None, "0"])
@pytest.mark.parametrize("place", range(5))
def test_what_is_no_address_is_not_called(place: int, wrong: Any) -> None:
    first, second, third, fourth, fifth = (wrong if k == place else 0 for k in range(5))
    with pytest.raises((OverflowError, TypeError)):
        RxQueue(1, 8, 8).run(first, second, third, fourth, fifth, 1e6, 0)
    if place < 3:
        with pytest.raises((OverflowError, TypeError)):
            write(first, second, third, np.zeros((1, 4), np.complex64), None, 1e6, False, 0)
