"""Members over shared memory, beside some over ZeroMQ and of this process: they come, stop, vanish and return."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.air import Air, LocalEndpoint, ShmEndpoint
from picocell.air.config import AirConfig
from picocell.config import ConfigError, load
from picocell.radio.shm import ShmRadio
from picocell.radio.shm.segment import DIRECTORY
from picocell.radio.zmq import ZmqRadio
from support.ports import free_ports
from support.waiting import until

RATE = 1.92e6
N = 1920
STALL_S = 3.0
"""No thread that has something to do waits so long for its turn."""


@pytest.fixture
def name() -> Iterator[str]:
    """A name that nobody has, of which nothing stays."""
    found = f"air-{os.getpid()}-{time.monotonic_ns()}"
    yield found
    left = [path.name for path in DIRECTORY.glob(f"picocell.{found}*")]
    for each in left:
        (DIRECTORY / each).unlink()
    assert left == []


def ends(name: str, base: float = RATE) -> tuple[str, str]:
    """Device arguments of the air's end and of the member's."""
    rate = f"base_srate={base:g}"
    return f"tx_shm={name}.in,rx_shm={name}.out,{rate}", f"tx_shm={name}.out,rx_shm={name}.in,{rate}"


@contextmanager
def moving(air: Air) -> Iterator[None]:
    """The air moves beside the test."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            air.step(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


class OwnMember:
    """A radio of ours, in a thread, which sends its count of milliseconds two ahead, and keeps what it hears."""

    def __init__(self, radio: ShmRadio | ZmqRadio, kind: float) -> None:
        self._radio, self.kind = radio, kind
        self.heard: list[NDArray[np.complex64]] = []
        self.pause = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for k in range(2):
            self._radio.transmit(self._numbers(k), k * N)
        while not self._stop.is_set():
            if self.pause.is_set():
                time.sleep(0.005)
                continue
            got = self._radio.receive(N)
            if got.samples.shape[1]:
                self.heard.append(got.samples[0])
                self._radio.transmit(self._numbers(len(self.heard) + 1), (len(self.heard) + 1) * N)

    def _numbers(self, k: int) -> NDArray[np.complex64]:
        return np.full((1, N), self.kind + 1j * (k + 1), np.complex64)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            self._radio.close()


def values(member: OwnMember, part: str, n: int | None = None) -> NDArray[np.float32]:
    """The number of each of the first ``n`` milliseconds that it heard, the same in all samples of each."""
    rows = np.array(list(member.heard)[:n])
    assert np.ptp(rows.real, axis=1).max() < 0.01
    assert np.ptp(rows.imag, axis=1).max() < 0.01
    return np.asarray(np.round(getattr(rows[:, 0], part)), np.float32)


@contextmanager
def cell_and_phones(name: str) -> Iterator[tuple[Air, OwnMember, OwnMember, OwnMember]]:
    """A cell of kind 0 and a phone of kind 1 over shared memory, another of kind 100 over ZeroMQ."""
    own, other = free_ports(2)
    with ExitStack() as stack:
        air = stack.enter_context(Air(RATE, snr_db=300, stall_s=STALL_S, start_wait_s=60))
        pairs = [ends(f"{name}-{i}") for i in range(2)]
        air.cell("cell1", pairs[0][0])
        air.phone("ue1", pairs[1][0])
        air.phone("ue2", f"tx_port=tcp://127.0.0.1:{own},rx_port=tcp://127.0.0.1:{other},base_srate={RATE:g}")
        stack.enter_context(moving(air))
        zmq = f"tx_port=tcp://127.0.0.1:{other},rx_port=tcp://127.0.0.1:{own},base_srate={RATE:g}"
        members = [OwnMember(ShmRadio(pair[1], RATE, timeout=0.05), kind) for kind, pair in enumerate(pairs)]
        members.append(OwnMember(ZmqRadio(zmq, RATE, timeout=0.05), 100.0))
        for member in members:
            stack.callback(member.stop)
        yield air, members[0], members[1], members[2]


def test_all_begin_together_and_nothing_is_lost(name: str) -> None:
    with cell_and_phones(name) as (air, cell, *phones):
        until(lambda: min(len(member.heard) for member in (cell, *phones)) > 100)
        assert isinstance(air.members["ue1"].endpoint, ShmEndpoint)
        for phone in phones:
            np.testing.assert_array_equal(values(phone, "imag", 90), np.arange(1, 91))
        np.testing.assert_array_equal(values(cell, "real", 90), np.full(90, 101))
        np.testing.assert_array_equal(values(cell, "imag", 90), 2 * np.arange(1, 91))


def test_one_that_stops_is_named_and_goes_on_at_its_place(name: str) -> None:
    with cell_and_phones(name) as (air, _, one, other):
        until(lambda: len(one.heard) > 20)
        one.pause.set()
        until(lambda: air.members["ue1"].state == "stalled")
        before = len(other.heard)
        until(lambda: len(other.heard) > before + 50)
        one.pause.clear()
        until(lambda: air.members["ue1"].state == "active")
        heard = len(one.heard)
        until(lambda: len(one.heard) > heard + 20)
        missed = air.members["ue1"].missed
        assert missed > 0
        assert missed % 10 == 0
        # uplink and downlink still fit: it counts what it heard, the cell hears that count so much later
        steps = np.diff(values(one, "imag"))
        assert sorted(set(steps)) == [1, missed + 1]


def test_one_that_is_gone_may_return(name: str) -> None:
    with cell_and_phones(name) as (air, cell, one, other):
        until(lambda: len(one.heard) > 20)
        one.stop()
        until(lambda: air.members["ue1"].state == "absent")
        before = len(other.heard)
        until(lambda: len(other.heard) > before + 20)
        again = OwnMember(ShmRadio(ends(f"{name}-1")[1], RATE, timeout=0.05), 7.0)
        until(lambda: air.members["ue1"].state == "active" and len(again.heard) > 30)
        first = values(again, "imag", 25)
        np.testing.assert_array_equal(np.diff(first), np.ones(24))
        # its first millisecond goes with the first one that it heard
        index = next(k for k, row in enumerate(cell.heard) if round(row[0].real) == 107)
        cell_time = round(cell.heard[index][0].imag) - 1 - (index + 1)
        assert cell_time == 0
        assert any("is gone" in event.text for event in list(air.events))
        again.stop()


def test_a_wire_of_twice_the_rate(name: str) -> None:
    far, near = ends(name, 2 * RATE)
    with Air(RATE, snr_db=300, stall_s=60, start_wait_s=60) as air:
        cell = air.cell("cell1").endpoint
        assert isinstance(cell, LocalEndpoint)
        air.phone("ue1", far)
        phone = OwnMember(ShmRadio(near, RATE, timeout=0.05), 3.0)
        until(lambda: air.step(0.02))
        for k in range(20):
            cell.sent = np.full((1, N), k, np.complex64)
            until(lambda: air.step(0.02))
            assert cell.heard is not None
            np.testing.assert_allclose(cell.heard, 3 + 1j * (k + 2), atol=1e-5)
        until(lambda: len(phone.heard) >= 20)
        np.testing.assert_array_equal(values(phone, "real", 20), [0, *range(19)])
        phone.stop()


def test_two_channels(name: str) -> None:
    far, near = ends(name)
    with Air(RATE, snr_db=300, stall_s=60, start_wait_s=60) as air:
        phone = air.phone("ue1").endpoint
        assert isinstance(phone, LocalEndpoint)
        air.cell("cell1", far, n_ports=2)
        with ShmRadio(near, RATE, n_tx=2, timeout=5) as radio:
            radio.transmit(np.stack([np.full(N, 1), np.full(N, 2)]).astype(np.complex64), 0)

            def step() -> bool:
                radio.zeros_until(2 * N)  # a radio looks for its peer when it is called
                return air.step(0.02)

            until(step)
            assert phone.heard is not None
            turn = phone.heard[0, 0] - 1  # each antenna has a phase of its own
            np.testing.assert_allclose(phone.heard, 1 + turn, atol=1e-5)
            assert abs(abs(turn) - 2) < 1e-4


def test_configuration() -> None:
    def config(cell: str, phone: str) -> AirConfig:
        words = ["--cells", f"[{{name: c, radio: '{cell}'}}]", "--phones", f"[{{name: u, radio: '{phone}'}}]"]
        return load(AirConfig, None, words)

    one, other = "tx_shm=c.ul,rx_shm=c.dl,base_srate=5.76e6", "driver=shm,tx_shm=u.dl,rx_shm=u.ul,base_srate=11.52e6"
    assert config(one, other).phones[0].radio == other
    for cell, phone, text in [
        (one, one, "tx_shm=c.ul is that of c too"),
        (one, "tx_shm=u.dl,base_srate=5.76e6", "rx_shm is missing"),
        (one, "tx_shm=u.dl,rx_shm=u.ul,base_srate=1.92e6", "no whole fraction"),
    ]:
        with pytest.raises(ConfigError, match=text):
            config(cell, phone)
