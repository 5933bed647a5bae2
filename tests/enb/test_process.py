"""One step of an eNB's process: in which order radio and core are served, and what the radio is handed."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.enb.core_link import CoreLink, CoreUp
from picocell.enb.enb import Enb
from picocell.enb.process import AHEAD, EnbProcess
from picocell.enb.settings import EnbSettings
from picocell.epc.interfaces.transport import Message
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import sample_rate
from picocell.radio.interface import Radio, Received

N_PRB = 6
RATE = sample_rate(N_PRB)
SUBFRAME = RATE // 1000


class SilentRadio:
    """Nothing is heard; what is sent is kept."""

    sample_rate = float(RATE)
    n_rx = n_tx = 1

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self.sent: list[NDArray[np.complex64]] = []
        self.received = 0
        self.stalled = False

    def receive(self, n: int) -> Received:
        self._log.append("receive")
        start = self.received
        if self.stalled:
            return Received(np.zeros((1, 0), np.complex64), start)
        self.received += n
        return Received(np.zeros((1, n), np.complex64), start)

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        assert time == len(self.sent) * SUBFRAME
        self._log.append("transmit")
        self.sent.append(samples)


class QuietLink:
    """A core that is there and says nothing."""

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self.events: list[Message | CoreUp] = [CoreUp()]

    def poll(self) -> Iterator[Message | CoreUp]:
        self._log.append("poll")
        events, self.events = self.events, []
        yield from events

    def send(self, message: Message) -> None:
        del message
        self._log.append("send")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def process(log: list[str]) -> EnbProcess:
    enb = Enb(EnbSettings(Cell(pci=1, n_prb=N_PRB)), address="127.0.1.1", mme_address="127.0.1.100")
    return EnbProcess(enb, cast(Radio, SilentRadio(log)), cast(CoreLink, QuietLink(log)))


def test_what_is_for_the_core_goes_out_after_the_samples(process: EnbProcess, log: list[str]) -> None:
    process.start()
    assert log == ["transmit"] * AHEAD
    log.clear()
    assert process.step()  # the core is there: S1 Setup is to go out
    assert log == ["receive", "poll", "transmit", "send"]
    log.clear()
    assert process.step()
    assert log == ["receive", "poll", "transmit"]
    assert (process.now, process.lateness.subframes) == (2, 2)


def test_the_core_is_served_while_no_samples_come(process: EnbProcess, log: list[str]) -> None:
    process.start()
    log.clear()
    cast(SilentRadio, process.radio).stalled = True
    assert not process.step()
    assert log == ["receive", "poll", "send"]
    assert process.lateness.subframes == 0


def test_the_radio_may_keep_what_it_is_handed(process: EnbProcess) -> None:
    """The samples are read-only, and those of a subframe do not change when the next ones are made."""
    process.start()
    radio = cast(SilentRadio, process.radio)
    for _ in range(2):
        process.step()
    before = [samples.copy() for samples in radio.sent]
    for _ in range(20):
        process.step()
    assert not any(samples.flags.writeable for samples in radio.sent)
    for kept, copy in zip(radio.sent, before, strict=False):
        np.testing.assert_array_equal(kept, copy)


def test_an_empty_subframe_is_the_same_each_time_and_nobody_can_change_it(process: EnbProcess) -> None:
    sender = DownlinkTransmitter(process.enb.cell)
    subframes = [process.enb.downlink(now) for now in range(30)]
    silent = [s for s in subframes if not (s.config.bch or s.config.dlsch or s.config.dci)]
    assert len(silent) > 10
    for subframe in silent:
        first = sender.subframe(subframe.config, subframe.tx, subframe.hi_dci0)
        again = sender.subframe(subframe.config, subframe.tx, subframe.hi_dci0)
        np.testing.assert_array_equal(first, again)
        with pytest.raises(ValueError, match="read-only"):
            first[0, 0] = 1


def test_what_is_late_is_not_composed_and_what_waits_is_caught_up_with(log: list[str]) -> None:
    enb = Enb(EnbSettings(Cell(pci=1, n_prb=N_PRB)), address="127.0.1.1", mme_address="127.0.1.100")
    waiting, asked = [0], []
    heard: list[int] = []
    radio = SilentRadio(log)

    def too_late(n: int, time: int) -> bool:
        asked.append((n, time))
        return waiting[0] > 0

    process = EnbProcess(
        enb,
        cast(Radio, radio),
        cast(CoreLink, QuietLink(log)),
        waiting=lambda: waiting[0],
        too_late=too_late,
        heard=lambda _, at: heard.append(at),
    )
    not_sent: list[int] = []
    not_heard: list[int] = []
    enb.not_sent = not_sent.append  # type: ignore[method-assign]
    enb.not_heard = not_heard.append  # type: ignore[method-assign]
    process.start()
    for _ in range(20):
        assert process.step()
    assert (not_sent, not_heard) == ([], [])
    looked_at, sent = len(heard), len(radio.sent)
    assert looked_at  # of random access opportunities at least
    assert sent == 20 + AHEAD
    assert process.lateness.passed_over == 0
    waiting[0] = 3 * SUBFRAME
    for _ in range(20):
        assert process.step()
    assert (len(heard), len(radio.sent)) == (looked_at, sent)
    assert process.lateness.passed_over == 20
    assert process.now == 40  # time goes on
    assert asked[-1] == (SUBFRAME, (39 + AHEAD) * SUBFRAME)
    assert not_sent == [at + AHEAD for at in range(20, 40)]  # else their grants would be waited for
    assert not_heard == list(range(20, 40))


def test_an_enb_that_is_behind_makes_subframes_without_new_data(log: list[str]) -> None:
    enb = Enb(EnbSettings(Cell(pci=1, n_prb=N_PRB)), address="127.0.1.1", mme_address="127.0.1.100")
    waiting, asked = [0], []
    made = enb.downlink

    def downlink(now: int, *, new_data: bool = True) -> DownlinkSubframe:
        asked.append(new_data)
        return made(now, new_data=new_data)

    enb.downlink = downlink  # type: ignore[method-assign]
    process = EnbProcess(enb, cast(Radio, SilentRadio(log)), cast(CoreLink, QuietLink(log)), waiting=lambda: waiting[0])
    process.start()
    asked.clear()
    for waiting[0] in (0, SUBFRAME - 1, SUBFRAME, 2 * SUBFRAME, SUBFRAME, 0):
        assert process.step()
    assert asked == [True, True, False, False, False, True]
    assert process.lateness.hurried == 3


def test_an_enb_that_is_behind_catches_up_wholly(log: list[str]) -> None:
    enb = Enb(EnbSettings(Cell(pci=1, n_prb=N_PRB)), address="127.0.1.1", mme_address="127.0.1.100")
    waiting = [0]
    process = EnbProcess(enb, cast(Radio, SilentRadio(log)), cast(CoreLink, QuietLink(log)), waiting=lambda: waiting[0])
    process.start()
    passed = []
    for waiting[0] in (0, SUBFRAME, 2 * SUBFRAME - 1, 2 * SUBFRAME, SUBFRAME, SUBFRAME, SUBFRAME - 1, SUBFRAME, 0):
        before = process.lateness.passed_over
        assert process.step()
        passed.append(process.lateness.passed_over - before)
    assert passed == [0, 0, 0, 1, 1, 1, 0, 0, 0]
