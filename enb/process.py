"""An eNB as a process: one thread owns radio, PHY and MAC, and takes a step a subframe.

The sample count of the radio is the clock: uplink subframe n is received, downlink subframe n + 4 goes out.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.enb.core_link import CoreDown, CoreLink, CoreUp
from picocell.enb.enb import Enb, EnbEvent
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.observe.stages import Stages
from picocell.phy.fapi_uplink import UlIndication
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.uplink import UplinkReceiver
from picocell.phy.workers import Workers
from picocell.radio.interface import Radio

_LOG: Final = logging.getLogger(__name__)

AHEAD: Final = 4
"""Subframes from the one that is received to the one that is sent: what HARQ leaves (TS 36.213 8)."""
BEHIND: Final = 2
"""Subframes that wait: with a third what would follow from the one that is received is late. From here on uplink
subframes are passed over until none waits any more: who only just keeps up is late again with the next pause."""
HURRY: Final = 1
"""Subframes that wait, from which on nothing new is sent or granted: what is made and decoded for it takes most of the
time, and a subframe that goes out late is lost with all that it carries."""
_RELEASE_S: Final = 1.0


@dataclass(slots=True)
class Lateness:
    """What went by in time and what did not; counted, and shown.

    Attributes:
        subframes: that were processed.
        lost: subframes of which samples were lost.
        passed_over: uplink subframes that were not looked at, to catch up.
        hurried: downlink subframes without new data, to catch up.
        busy_s: time spent with work, without the waiting for samples.
        cpu_s: processor time of the thread.
        started: when the first subframe was processed, in `time.monotonic` seconds.
    """

    subframes: int = 0
    lost: int = 0
    passed_over: int = 0
    hurried: int = 0
    busy_s: float = 0.0
    cpu_s: float = 0.0
    started: float = field(default_factory=time.monotonic)


class EnbProcess:
    """Radio, eNB and core link, driven by `step`.

    Args:
        enb: the eNB.
        radio: gives and takes samples at the FFT's rate.
        link: the core.
        fft: FFT size.
        tx_gain: amplitude by which samples are multiplied.
        first_tti: TTI of the radio's first subframe.
        workers: threads that help the PHY; None for none.
        waiting: samples that have come behind those that were received last; None where it cannot be more than a few.
        too_late: told how many samples of a downlink subframe are to leave when, before it is composed: whether that is
            too late; None where nothing ever is.
        sent: called with each downlink subframe, for recordings.
        heard: called with what each uplink subframe brought.
        on_event: sees every event of the eNB; None for nobody.

    Attributes:
        lateness: counters.
        stages: where the time of a subframe goes: core, decode, MAC (with all above it), encode, radio.
        now: absolute number of the uplink subframe that is received next.

    Raises:
        ValueError: preambles that last longer than HARQ's timing allows to wait.
    """

    def __init__(
        self,
        enb: Enb,
        radio: Radio,
        link: CoreLink,
        *,
        fft: int | None = None,
        tx_gain: float = 1.0,
        first_tti: int = 0,
        workers: Workers | None = None,
        waiting: Callable[[], int] | None = None,
        too_late: Callable[[int, int], bool] | None = None,
        sent: Callable[[DownlinkSubframe, int], None] | None = None,
        heard: Callable[[UlIndication, int], None] | None = None,
        on_event: Callable[[EnbEvent], None] | None = None,
    ) -> None:
        self.enb, self.radio, self.link = enb, radio, link
        self._transmitter = DownlinkTransmitter(enb.cell, fft, workers=workers)
        self._receiver = UplinkReceiver(enb.cell, enb.ul, fft, workers=workers)
        self._n = self._transmitter.samples_per_subframe
        if radio.sample_rate != 1000 * self._n:
            raise ValueError(f"the radio's {radio.sample_rate:.12g} samples/s are not the cell's {1000 * self._n}")
        self._late = -(-self._receiver.prach_samples // self._n) - 1
        self._ahead = AHEAD - self._late
        if self._ahead < 1:
            raise ValueError("preambles of that format last too long")
        self._gain = np.float32(tx_gain)
        self._sent, self._heard, self._on_event = sent, heard, on_event
        self._waiting, self._too_late = waiting, too_late
        self._blocks: deque[NDArray[np.complex64]] = deque(maxlen=self._late + 1)
        self._partial: list[NDArray[np.complex64]] = []
        self._partial_n = 0
        self._catching_up = False
        self._first = self.now = self._next_downlink = first_tti
        self.lateness = Lateness()
        self.stages = Stages("core", "decode", "mac", "encode", "radio")

    def start(self) -> None:
        """Send the first subframes, which no uplink precedes."""
        while self._next_downlink < self._first + self._ahead:
            self._downlink()

    def step(self) -> bool:
        """Take the next subframe's samples and what the core has sent; whether a subframe was completed.

        What is for the core goes out last: the phones have the next samples by then, and work on them meanwhile.
        """
        samples = self._receive()
        stages, cpu = self.stages, time.thread_time()
        stages.begin()
        self._hear_core()
        stages.lap("core")
        if samples is None:
            self._tell_core()
            return False
        self._uplink(samples)
        self.enb.tick(self.now)
        self.now += 1
        self._downlink()
        self._tell_core()
        stages.lap("core")
        self._take_events()
        stages.lap("mac")
        self.lateness.subframes += 1
        self.lateness.busy_s += stages.end()
        self.lateness.cpu_s += time.thread_time() - cpu
        return True

    def release_all(self) -> None:
        """The radio is lost: have the core forget the phones, which are out of reach."""
        self.enb.s1ap.reset(self.now, cause=("misc", "hardware-failure"))
        self._tell_core()
        until = time.monotonic() + _RELEASE_S
        while not self.enb.s1ap.settled and time.monotonic() < until:
            self._hear_core()
            time.sleep(0.01)

    # inside

    def _receive(self) -> NDArray[np.complex64] | None:
        """Samples of the next subframe; None while they have not all come."""
        received = self.radio.receive(self._n - self._partial_n)
        if received.samples.shape[1] == 0:
            return None
        expected = (self.now - self._first) * self._n + self._partial_n
        if received.time != expected:
            self._gap(received.time)
        self._partial.append(received.samples)
        self._partial_n += received.samples.shape[1]
        if self._partial_n < self._n:
            return None
        joined = self._partial[0] if len(self._partial) == 1 else np.concatenate(self._partial, axis=1)
        block, rest = joined[:, : self._n], joined[:, self._n :]
        self._partial = [rest] if rest.shape[1] else []
        self._partial_n = rest.shape[1]
        return np.ascontiguousarray(block)

    def _gap(self, time_index: int) -> None:
        """Samples were lost: go on at the subframe that they are of."""
        subframe, offset = divmod(time_index, self._n)
        lost = subframe + self._first - self.now
        if lost <= 0:
            return
        _LOG.warning("samples of %d subframes were lost", lost)
        self.lateness.lost += lost
        for _ in range(lost):
            self.enb.not_heard(self.now - self._late)
            self.enb.tick(self.now)
            self.now += 1
            self._downlink(in_time=self._next_downlink > subframe + self._first)
        n_rx = self.radio.n_rx
        self._partial = [np.zeros((n_rx, offset), np.complex64)] if offset else []
        self._partial_n = offset

    def _uplink(self, samples: NDArray[np.complex64]) -> None:
        self._blocks.append(samples)
        at = self.now - self._late
        if at < self._first or len(self._blocks) <= self._late:
            return
        if self._is_behind():
            self.lateness.passed_over += 1  # else those to come would be late as well
            self.enb.not_heard(at)
            return
        request = self.enb.uplink(at)
        if not (request.ulsch or request.uci or self._receiver.is_prach_opportunity(at % TTI_MODULO)):
            return
        self.stages.lap("mac")
        joined = np.concatenate(list(self._blocks), axis=1) if self._late else samples
        indication = self._receiver.receive(request, joined, soft_buffers=self.enb.soft_buffer)
        self.stages.lap("decode")
        if self._heard is not None:
            self._heard(indication, at)
        self.enb.receive_uplink(indication, at)

    def _is_behind(self) -> bool:
        """Whether there is no time for an uplink subframe."""
        if self._waiting is not None:
            self._catching_up = self._waiting() >= (1 if self._catching_up else BEHIND) * self._n
        return self._catching_up

    def _downlink(self, *, in_time: bool = True) -> None:
        """Compose the next downlink subframe, and send it if it is in time for that."""
        at = self._next_downlink
        hurried = self._waiting is not None and self._waiting() >= HURRY * self._n
        self.lateness.hurried += hurried
        subframe = self.enb.downlink(at, new_data=not hurried)
        if self._sent is not None:
            self._sent(subframe, at)
        when = (at - self._first) * self._n
        self._next_downlink += 1
        if not in_time or (self._too_late is not None and self._too_late(self._n, when)):
            self.enb.not_sent(at)
            return
        self.stages.lap("mac")
        samples = self._transmitter.subframe(subframe.config, subframe.tx, subframe.hi_dci0)
        if self._gain != 1:
            samples = samples * self._gain
        samples.setflags(write=False)  # nobody will: the radio need not copy what waits
        self.stages.lap("encode")
        self.radio.transmit(samples, when)
        self.stages.lap("radio")

    def _take_events(self) -> None:
        """Fetch the events in any case: the eNB keeps those that nobody fetched."""
        while (event := self.enb.next_event()) is not None:
            if self._on_event is not None:
                self._on_event(event)

    def _hear_core(self) -> None:
        """Take what the core has sent."""
        for event in self.link.poll():
            match event:
                case CoreUp():
                    self.enb.connect(self.now)
                case CoreDown(reason):
                    _LOG.warning("the MME is lost: %s", reason)
                    self.enb.connection_lost(self.now)
                case message:
                    self.enb.receive(message, self.now)

    def _tell_core(self) -> None:
        """Send what the eNB has for the core."""
        for message in self.enb.messages_to_send():
            self.link.send(message)
