"""Members over ZeroMQ: ours, some of foreign habits, and some that stop, vanish and return."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.air import Air, LocalEndpoint
from picocell.radio.errors import RadioError
from picocell.radio.zmq import ZmqRadio
from support.ports import free_ports
from support.waiting import until
from support.zmq_peer import Peer

RATE = 1.92e6
N = 1920
STALL_S = 3.0
"""No thread that has something to do waits so long for its turn."""


def args(own: int, other: int, base: float = RATE) -> str:
    return f"tx_port=tcp://127.0.0.1:{own},rx_port=tcp://127.0.0.1:{other},base_srate={base:g}"


def numbers(k: int, kind: float) -> NDArray[np.complex64]:
    """A millisecond that tells its number."""
    return np.full((1, N), kind + 1j * (k + 1), np.complex64)


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
    """A radio of ours, in a thread, which sends its count of milliseconds four ahead, and keeps what it hears."""

    def __init__(self, own: int, other: int, kind: float) -> None:
        self._radio = ZmqRadio(args(own, other), RATE, timeout=0.05)
        self.kind = kind
        self.heard: list[NDArray[np.complex64]] = []
        self.pause = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for k in range(4):
            self._radio.transmit(numbers(k, self.kind), k * N)
        while not self._stop.is_set():
            if self.pause.is_set():
                time.sleep(0.005)
                continue
            got = self._radio.receive(N)
            if got.samples.shape[1]:
                self.heard.append(got.samples[0])
                self._radio.transmit(numbers(len(self.heard) + 3, self.kind), (len(self.heard) + 3) * N)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            self._radio.close()


def last(air: Air, name: str) -> int:
    """When something happened to a member last."""
    return next(event.now for event in reversed(list(air.events)) if event.name == name)


def values(member: OwnMember, part: str, n: int | None = None) -> NDArray[np.float32]:
    """The number of each of the first ``n`` milliseconds that it heard, the same in all samples of each."""
    rows = np.array(list(member.heard)[:n])
    assert np.ptp(rows.real, axis=1).max() < 0.01
    assert np.ptp(rows.imag, axis=1).max() < 0.01
    return np.asarray(np.round(getattr(rows[:, 0], part)), np.float32)


@pytest.fixture
def three() -> Iterator[tuple[Air, OwnMember, OwnMember, OwnMember]]:
    """A cell of kind 0 and phones of kinds 1 and 100, all of ours."""
    ports = free_ports(6)
    with ExitStack() as stack:
        air = stack.enter_context(Air(RATE, snr_db=300, stall_s=STALL_S, start_wait_s=60))
        air.cell("cell1", args(ports[0], ports[1]))
        air.phone("ue1", args(ports[2], ports[3]))
        air.phone("ue2", args(ports[4], ports[5]))
        stack.enter_context(moving(air))
        members = [OwnMember(ports[2 * i + 1], ports[2 * i], kind) for i, kind in enumerate((0.0, 1.0, 100.0))]
        for member in members:
            stack.callback(member.stop)
        yield air, members[0], members[1], members[2]


def test_all_begin_together_and_nothing_is_lost(three: tuple[Air, OwnMember, OwnMember, OwnMember]) -> None:
    _, cell, *phones = three
    until(lambda: min(len(member.heard) for member in (cell, *phones)) > 100)
    for phone in phones:
        np.testing.assert_array_equal(values(phone, "imag")[:90], np.arange(1, 91))
    np.testing.assert_array_equal(values(cell, "real")[:90], np.full(90, 101))
    np.testing.assert_array_equal(values(cell, "imag")[:90], 2 * np.arange(1, 91))


def test_a_member_that_stops_answering_is_named_and_comes_back_aligned(
    three: tuple[Air, OwnMember, OwnMember, OwnMember],
) -> None:
    air, cell, one, other = three
    until(lambda: air.now > 50)
    one.pause.set()
    until(lambda: any("has not answered" in event.text for event in list(air.events)))
    assert [event.name for event in list(air.events) if "has not answered" in event.text] == ["ue1"]
    before = air.now
    until(lambda: air.now > before + 100)
    one.pause.clear()
    until(lambda: air.members["ue1"].state == "active")
    until(lambda: air.now > last(air, "ue1") + 30)
    missed = air.members["ue1"].missed
    assert missed % 10 == 0
    assert missed >= 100
    # the cell goes on hearing the other one; the first one's count is behind by what it missed
    n = len(cell.heard)
    real, imag = values(cell, "real", n), values(cell, "imag", n)
    assert set(real) == {100, 101}
    count = np.arange(1, len(real) + 1)
    alone, late = real == 100, (real == 101) & (count > count[real == 100].max())
    np.testing.assert_array_equal(imag[alone], count[alone])
    np.testing.assert_array_equal(imag[late], 2 * count[late] - missed)
    # what it hears has the same place: its stream and the cell's are shifted by as much
    heard = values(one, "imag")
    jump = int(np.argmax(np.diff(heard) != 1))
    assert np.diff(heard)[jump] == missed + 1
    until(lambda: len(other.heard) >= n)
    np.testing.assert_array_equal(values(other, "imag", n), np.arange(1, n + 1))


def test_a_member_that_vanishes_returns_as_a_new_one(three: tuple[Air, OwnMember, OwnMember, OwnMember]) -> None:
    air, cell, one, other = three
    until(lambda: air.now > 50)
    one.stop()
    until(lambda: air.members["ue1"].state == "absent")
    assert any(event.name == "ue1" and "gone" in event.text for event in list(air.events))
    before = air.now
    until(lambda: air.now > before + 50)
    own, peer = (int(port.split(":")[-1]) for port in (one._radio.args.tx_ports[0], one._radio.args.rx_ports[0]))
    again = OwnMember(own, peer, 1.0)
    try:
        until(lambda: air.members["ue1"].state == "active")
        until(lambda: air.now > last(air, "ue1") + 30)
        back = last(air, "ue1")
        n = len(cell.heard)
        real, imag = values(cell, "real", n), values(cell, "imag", n)
        assert real[back + 10] == 101
        assert imag[back + 10] - (back + 11) == 11  # its own count began anew, at the sample that it heard first
        assert values(again, "imag")[0] == back + 1
        until(lambda: len(other.heard) >= n)
        np.testing.assert_array_equal(values(other, "imag", n), np.arange(1, n + 1))
    finally:
        again.stop()


def test_the_cell_stops_and_the_phones_hear_silence(three: tuple[Air, OwnMember, OwnMember, OwnMember]) -> None:
    air, cell, one, other = three
    until(lambda: air.now > 50)
    cell.pause.set()
    until(lambda: air.members["cell1"].state == "stalled")
    before = air.now
    until(lambda: air.now > before + 30)
    cell.pause.clear()
    until(lambda: air.members["cell1"].state == "active")
    until(lambda: air.now > last(air, "cell1") + 30)
    missed = air.members["cell1"].missed
    for phone in (one, other):
        heard = values(phone, "imag")
        assert np.count_nonzero(heard == 0) == missed
        assert missed % 10 == 0
        np.testing.assert_array_equal(heard[heard > 0], np.arange(1, np.count_nonzero(heard) + 1))


def test_foreign_habits() -> None:
    """A late peer of odd message lengths, at three times the rate and of another gain, beside ours."""
    *ports, own, peer = free_ports(4)
    with Air(RATE, snr_db=300, stall_s=STALL_S) as mixed:
        mixed.cell("ours", args(ports[0], ports[1]))
        mixed.phone("foreign", args(own, peer, 3 * RATE)).tx_gain_db = -20
        base = OwnMember(ports[1], ports[0], 0.0)
        try:
            with moving(mixed):
                until(lambda: mixed.now > 20)
                assert mixed.members["foreign"].state == "absent"
                with Peer(peer, own, (333, 1000, 1, 5760, 77)) as foreign:
                    sent = np.repeat(np.arange(1, 41, dtype=np.float32) * 10, 3 * N).astype(np.complex64)
                    foreign.feed(sent)
                    until(lambda: any(event.name == "foreign" for event in list(mixed.events)))
                    start = next(event.now for event in list(mixed.events) if event.name == "foreign")
                    taken = foreign.taken(30 * 3 * N)
                    until(lambda: mixed.members["foreign"].state != "active")
                    until(lambda: len(base.heard) > start + 45)
            heard = values(base, "real")[start : start + 40]
            np.testing.assert_array_equal(heard, np.arange(1, 41))
            rows = taken[: 30 * 3 * N].reshape(30, 3 * N)
            np.testing.assert_allclose(rows[:, 0].imag, np.arange(start + 1, start + 31), atol=0.01)
            assert np.ptp(rows.imag, axis=1).max() < 0.01
        finally:
            base.stop()


def test_two_antenna_ports_and_a_phone_of_this_process() -> None:
    a, b, c, _ = free_ports(4)
    with (
        Air(RATE, snr_db=300, stall_s=60) as air,
        ZmqRadio(f"{args(a, c)},tx_port1=tcp://127.0.0.1:{b}", RATE, n_tx=2) as radio,
    ):
        air.cell("cell1", f"{args(c, a)},rx_port1=tcp://127.0.0.1:{b}", n_ports=2)
        phone = air.phone("ue1").endpoint
        assert isinstance(phone, LocalEndpoint)
        phone.present = False  # else time would pass without the cell
        for k in range(2):
            radio.transmit(np.repeat(np.eye(2, dtype=np.complex64)[k], N).reshape(2, N), k * N)
        until(lambda: air.step(0.01))
        phone.present = True
        until(lambda: air.step(0.0))
        assert phone.heard is not None
        np.testing.assert_allclose(np.abs(phone.heard), 1, atol=1e-5)  # the second port, of some phase
        assert np.ptp(phone.heard.real) < 1e-5


def test_a_port_that_is_taken_is_named() -> None:
    ports = free_ports(4)
    with Air(RATE) as air:
        air.cell("a", args(ports[0], ports[1]))
        with pytest.raises(RadioError, match="cannot be bound"):
            air.phone("b", args(ports[0], ports[2]))
        assert list(air.members) == ["a"]
