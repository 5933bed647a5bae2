"""The shared memory radio: two ends in one process and in two, restarts, deaths, silence."""

import fcntl
import logging
import multiprocessing
import os
import re
import signal
import stat
import struct
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.interface import Radio
from picocell.radio.open import open_radio
from picocell.radio.shm import ShmArgs, ShmRadio
from picocell.radio.shm.segment import DIRECTORY, path_of
from support.waiting import LONG_S, until

RATE = 1.92e6
N = 1920
ECHO = 2 * N
_CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture
def name() -> Iterator[str]:
    """A name that nobody has, of which nothing stays."""
    found = f"test-{os.getpid()}-{time.monotonic_ns()}"
    yield found
    left = [path.name for path in DIRECTORY.glob(f"picocell.{found}*")]
    for each in left:
        (DIRECTORY / each).unlink()
    assert left == []


def cell(name: str, more: str = "", **settings: int) -> ShmRadio:
    return ShmRadio(f"tx_shm={name}.dl,rx_shm={name}.ul,base_srate={RATE:g}{more}", RATE, timeout=LONG_S, **settings)


def phone(name: str, more: str = "", **settings: int) -> ShmRadio:
    return ShmRadio(f"tx_shm={name}.ul,rx_shm={name}.dl,base_srate={RATE:g}{more}", RATE, timeout=LONG_S, **settings)


def ramp(start: int, n: int, rows: int = 1) -> NDArray[np.complex64]:
    """Samples that say which they are."""
    line = np.arange(start, start + n)
    return np.stack([line + 1j * row for row in range(rows)]).astype(np.complex64)


def both(one: ShmRadio, other: ShmRadio, n: int) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Both receive at once; who has done so lets out what found no room before, until the other has done so too."""
    found: dict[ShmRadio, NDArray[np.complex64]] = {}

    def receive(radio: ShmRadio) -> None:
        found[radio] = radio.receive(n).samples

        def both_have() -> bool:
            radio.zeros_until(0)
            return len(found) == 2

        until(both_have)

    thread = threading.Thread(target=receive, args=(other,))
    thread.start()
    receive(one)
    thread.join()
    return found[one], found[other]


def follow(name: str, blocks: int, length: int) -> None:
    """A phone that checks the cell's ramp, and sends back what it heard 2 ms later."""
    with phone(name) as radio:
        for _ in range(blocks):
            got = radio.receive(length)
            if got.samples.shape[1] != length:
                os._exit(3)
            if not np.array_equal(got.samples, ramp(got.time, length)):
                os._exit(4)
            radio.transmit(2 * got.samples, got.time + ECHO)


def start(name: str, blocks: int = 10**9, length: int = N) -> BaseProcess:
    process = _CONTEXT.Process(target=follow, args=(name, blocks, length), daemon=True)
    process.start()
    return process


def _page(version: int) -> bytes:
    """A segment whose ring is not of the size that it says."""
    return struct.pack("<8sIIIIQdQ", b"PICOSHM\0", version, 1, 1, 7, 8, 1e6, 1).ljust(8192, b"\0")


class Cell:
    """Sends a ramp 3 ms ahead of what it hears, which never waits, a millisecond at a time."""

    def __init__(self, radio: ShmRadio) -> None:
        self.radio = radio
        self.sent = 0
        self.heard: list[NDArray[np.complex64]] = []

    def step(self, timeout: float | None = None) -> bool:
        while self.sent < self.radio.time + 3 * N:
            self.radio.transmit(ramp(self.sent, N), self.sent)
            self.sent += N
        got = self.radio.receive(N, timeout)
        if not got.samples.shape[1]:
            return False
        assert got.time == N * len(self.heard)
        self.heard.append(got.samples)
        return True


def test_it_is_a_radio(name: str) -> None:
    with cell(name) as one:
        assert isinstance(one, Radio)
        assert (one.sample_rate, one.n_tx, one.n_rx, one.time) == (RATE, 1, 1, 0)
    opened = open_radio(f"tx_shm={name}.dl,rx_shm={name}.ul,base_srate=1.92e6", RATE)
    assert isinstance(opened, ShmRadio)
    opened.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.integers(1, 2), st.integers(1, 3))
def test_samples_arrive_where_they_belong_whatever_the_lengths(lengths: list[int], rows: int, factor: int) -> None:
    """Against the stream as it would be without a ring; the wire may be faster than the radio."""
    stem = f"prop-{os.getpid()}-{time.monotonic_ns()}"
    args = [f"tx_shm={stem}.{a},rx_shm={stem}.{b},base_srate={factor * RATE:g}" for a, b in ("du", "ud")]
    with (
        ShmRadio(args[0], RATE, n_tx=rows, timeout=LONG_S) as one,
        ShmRadio(args[1], RATE, n_rx=rows, timeout=LONG_S) as other,
    ):
        sent = 0
        for n in lengths:
            take = min(n, 4 * N)
            one.transmit(ramp(sent, take, rows), sent)
            heard, got = both(one, other, take)
            np.testing.assert_array_equal(got, ramp(sent, take, rows))
            assert not heard.any()
            sent += take
        assert one.counters.late == other.counters.late == 0


def test_a_reception_longer_than_the_ring(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        first, second = both(one, other, 50 * N)
        assert first.shape == second.shape == (1, 50 * N)


def test_two_processes_with_odd_lengths(name: str) -> None:
    process = start(name, 135, 2841)
    with cell(name) as radio:
        one = Cell(radio)
        for _ in range(195):
            assert one.step()
        echo = np.concatenate(one.heard, axis=1)
        assert not echo[:, :ECHO].any()
        np.testing.assert_array_equal(echo[:, ECHO:], 2 * ramp(0, echo.shape[1] - ECHO))
        while process.is_alive():  # which needs a little more
            one.step(timeout=0.1)
        process.join(LONG_S)
        assert process.exitcode == 0


def test_late_samples_are_dropped_and_counted(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        both(one, other, N)
        one.transmit(ramp(0, N), N - 100)
        assert (one.counters.late, one.counters.dropped) == (1, 100)
        one.transmit(ramp(0, 10), 0)
        assert (one.counters.late, one.counters.dropped) == (2, 110)
        _, got = both(one, other, N)
        np.testing.assert_array_equal(got[0, : N - 100], ramp(100, N - 100)[0])


def test_at_most_four_milliseconds_wait(name: str) -> None:
    with cell(name) as one:
        for k in range(5):
            one.transmit(ramp(k * N, N), k * N)
        one.transmit(ramp(5 * N, N), 5 * N, timeout=0.05)
        assert (one.counters.overflow, one.counters.dropped, one.buffered) == (1, N, 5 * N)


def test_zeros_wait_without_a_limit(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        one.zeros_until(30 * N)
        assert one.buffered == 30 * N
        _, got = both(one, other, 30 * N)
        assert got.shape == (1, 30 * N)
        assert not got.any()


def test_samples_that_are_not_finite_become_zero(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        block = ramp(1, N)
        block[0, 7], block[0, 1900] = np.nan, 1j * np.inf
        one.transmit(block, 0)
        _, got = both(one, other, N)
        block[0, [7, 1900]] = 0
        np.testing.assert_array_equal(got, block)
        assert other.counters.malformed == 2


def test_a_reception_times_out_and_loses_nothing(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        assert one.receive(N, timeout=0.05).samples.shape == (1, 0)
        assert one.stalled
        assert one.counters.waiting == 1
        first, second = both(one, other, N)
        assert first.shape == second.shape == (1, N)
        assert one.time == N


def test_silence_is_named_within_two_seconds(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with cell(name, ",id=cell1") as one, caplog.at_level(logging.WARNING):
        one.receive(N, timeout=1.5)
    assert re.search(
        rf"cell1: no samples from rx_shm={name}\.ul for [1-9]\d*\.\d s: nobody writes there yet", caplog.text
    )


def test_a_killed_peer_is_named_and_its_segment_goes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    process = start(name)
    with cell(name) as radio, caplog.at_level(logging.WARNING):
        one = Cell(radio)
        for _ in range(50):
            assert one.step()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        said = f"rx_shm={name}.ul: process {process.pid} is gone"
        until(lambda: not one.step(timeout=0.2) and said in caplog.text)
        assert not path_of(f"{name}.ul").exists()
        assert radio.counters.reconnects == 1
        process.join()


def test_a_peer_that_is_started_anew_is_lined_up(name: str) -> None:
    """It counts from the sample that it first takes; the survivor goes on counting."""
    first = start(name)
    with cell(name) as radio:
        one = Cell(radio)
        for _ in range(20):
            assert one.step()
        first.kill()
        first.join()
        until(lambda: not one.step(timeout=0.1) and radio.counters.reconnects == 1)
        before = len(one.heard)
        taken = one.sent - radio.buffered
        other = _CONTEXT.Process(target=_echo_count, args=(name, 100), daemon=True)
        other.start()
        for _ in range(40):
            assert one.step()
        again = np.concatenate(one.heard[before:], axis=1)[0]
        start_at = int(np.argmax(again != 0))
        # what it says is its own count, from where it began: that of the survivor less a constant
        index = before * N + start_at
        assert again[start_at].real == index - taken
        assert radio.counters.late == 0
        other.kill()
        other.join()


def _echo_count(name: str, blocks: int) -> None:
    """A phone that sends its own count."""
    with phone(name) as radio:
        for k in range(blocks):
            radio.receive(N)
            radio.transmit(ramp(k * N + ECHO, N), k * N + ECHO)


def test_a_stopped_peer_is_waited_for(name: str, caplog: pytest.LogCaptureFixture) -> None:
    process = start(name)
    with cell(name) as radio, caplog.at_level(logging.WARNING):
        one = Cell(radio)
        for _ in range(20):
            assert one.step()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        while one.step(timeout=1.3):
            pass
        assert f"process {process.pid} is there but does nothing" in caplog.text
        os.kill(process.pid, signal.SIGCONT)
        for _ in range(50):
            assert one.step()
        echo = np.concatenate(one.heard, axis=1)
        np.testing.assert_array_equal(echo[:, ECHO:], 2 * ramp(0, echo.shape[1] - ECHO))
        assert radio.counters.reconnects == 0
        process.kill()
        process.join()


def test_fail_on_disconnect(name: str) -> None:
    with cell(name, ",fail_on_disconnect=true,trx_timeout_ms=300") as one:
        other = phone(name)
        both(one, other, N)
        other.close()
        with pytest.raises(RadioError, match=r"is gone \(fail_on_disconnect\)"):
            one.receive(2 * N)


def test_closing_ends_calls_that_wait(name: str) -> None:
    one = cell(name)
    thread = threading.Timer(0.1, one.close)
    thread.start()
    with pytest.raises(RadioError, match="closed"):
        one.receive(N)
    thread.join()
    with pytest.raises(RadioError, match="closed"):
        one.transmit(ramp(0, N), 0)
    one.close()


def test_one_thread_sends_while_another_waits(name: str) -> None:
    with cell(name) as one, phone(name) as other:
        got: list[NDArray[np.complex64]] = []
        thread = threading.Thread(target=lambda: got.extend(one.receive(N).samples for _ in range(50)))
        thread.start()
        heard = []

        def send() -> None:
            for k in range(40):
                one.transmit(ramp(k * N, N), (k + 4) * N)

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(50):
            heard.append(other.receive(N).samples)
        thread.join()
        sender.join()
        found = np.concatenate(heard, axis=1)[0]
        assert np.isin(found[found != 0], ramp(0, 40 * N)[0]).all()
        assert len(got) == 50


def test_only_the_owner_may_look(name: str) -> None:
    with cell(name):
        made = list(DIRECTORY.glob(f"picocell.{name}*"))
        assert len(made) == 2
        assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_a_name_is_one_radios(name: str) -> None:
    text = rf"tx_shm={name}.dl is in use by another process \({os.getpid()}\)"
    with cell(name), pytest.raises(RadioError, match=text):
        cell(name)


def test_a_segment_has_one_reader(name: str) -> None:
    other = f"tx_shm={name}.other,rx_shm={name}.dl,base_srate={RATE:g}"
    with cell(name) as one, phone(name) as two, ShmRadio(other, RATE, timeout=LONG_S) as three:
        both(one, two, N)
        with pytest.raises(RadioError, match="is read by another process"):
            three.receive(N)


def test_what_a_dead_process_left_is_replaced(name: str) -> None:
    """A segment that nobody holds a lock on, with its bell."""
    for left in (path_of(f"{name}.dl"), path_of(f"{name}.dl~0000000000000001")):
        left.write_bytes(bytes(8192))
    with cell(name) as one, phone(name) as other:
        both(one, other, N)
        assert not path_of(f"{name}.dl~0000000000000001").exists()


@pytest.mark.parametrize(
    ("more", "n_rx", "text"),
    [
        ("base_srate=3.84e6", 1, "writes 1920000 samples per second: base_srate=3840000 here"),
        ("base_srate=1.92e6", 2, "writes 1 channels: not 2"),
    ],
)
def test_a_peer_of_another_kind_is_refused(name: str, more: str, n_rx: int, text: str) -> None:
    args = f"tx_shm={name}.ul,rx_shm={name}.dl,{more}"
    with cell(name), ShmRadio(args, RATE, n_rx=n_rx, timeout=LONG_S) as other, pytest.raises(RadioError, match=text):
        other.receive(N)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (b"something else".ljust(8192), "is no segment of samples"),
        (_page(version=2), "process 7 writes version 2"),
        (_page(version=1), "8192 bytes are not 1 channels of 8 samples"),
    ],
)
def test_a_file_of_another_kind_is_refused(name: str, page: bytes, text: str) -> None:
    path: Path = path_of(f"{name}.ul")
    path.write_bytes(page)
    with path.open("r+b") as file, cell(name) as one:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RadioError, match=text):
            one.receive(N)
        path.unlink()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("tx_shm=a", "rx_shm is missing"),
        ("tx_shm=a,rx_shm=a", "both a"),
        ("tx_shm=/a,rx_shm=b", "is no name"),
        ("tx_shm=a,rx_shm=b,base_srate=x", "is no number"),
        ("tx_shm=a,rx_shm=b,base_srate=1", "1e3 to 1e10"),
        ("tx_shm=a,rx_shm=b,tx_port=c", "is not known"),
        ("tx_shm=a,rx_shm=b,fail_on_disconnect=maybe", "true or false"),
        ("tx_shm=a,rx_shm=b,trx_timeout_ms=0", "a positive number"),
    ],
)
def test_arguments_that_are_not_allowed(args: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ShmArgs.parse(args)


def test_channels_that_do_not_fit(name: str) -> None:
    with pytest.raises(ValueError, match="n_tx=0"):
        cell(name, n_tx=0)
    with cell(name) as one, pytest.raises(ValueError, match=r"\(1, n\) is needed"):
        one.transmit(np.zeros(4, np.complex64), 0)
    with pytest.raises(ValueError, match="no whole fraction"):
        ShmRadio(f"tx_shm={name}.a,rx_shm={name}.b,base_srate=2e6", RATE)
