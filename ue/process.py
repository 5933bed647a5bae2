"""A UE as a process: one thread takes samples from the radio, a millisecond at a time, and gives its own back."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from picocell.radio.interface import Radio
from picocell.rrc_nas.nas.ue_events import Attached, Detached
from picocell.ue.ue import Ue, UeEvent

_LOG: Final = logging.getLogger(__name__)

_FILL_MS: Final = 20
"""Lost samples of up to so many ms are taken for silence."""
_BRIDGE_MS: Final = 1000
"""After up to so many the cell is still where it was by its clock; after more it is searched again."""

_BEHIND_MS: Final = 3
"""As many that wait are passed over once there is a cell: answers to the first of them would be late, and to those that
follow as well, for as long as it takes to catch up."""
_MOVES: Final = 8
"""Samples by which the cell's timing may have moved from one subframe to the next."""


class PacketDevice(Protocol):
    """Where a UE's IP packets come from and go to."""

    def read(self) -> list[bytes]:
        """Packets to be sent."""

    def write(self, packet: bytes) -> None:
        """Take a packet that came."""


@dataclass(slots=True)
class Work:
    """What a UE did.

    Attributes:
        subframes: milliseconds of samples that were taken.
        lost_samples: samples that the radio lost.
        passed_over: samples that came, and were not looked at, to catch up.
        busy_s: time spent with work.
        started: in `time.monotonic` seconds.
    """

    subframes: int = 0
    lost_samples: int = 0
    passed_over: int = 0
    busy_s: float = 0.0
    started: float = field(default_factory=time.monotonic)


class UeProcess:
    """Radio, UE and IP device, driven by `step`.

    Args:
        ue: the UE, whose stream starts with the radio's sample 0.
        radio: gives and takes samples at the UE's rate.
        device: IP packets; None for none.
        tx_gain: amplitude by which samples are multiplied.
        waiting: samples that have come and wait; None where time waits for the phone.
        on_attached: called with address and MTU.
        on_detached: called when the address is gone.
        on_event: sees every event.

    Attributes:
        work: counters.
    """

    def __init__(
        self,
        ue: Ue,
        radio: Radio,
        device: PacketDevice | None,
        *,
        tx_gain: float = 1.0,
        waiting: Callable[[], int] | None = None,
        on_attached: Callable[[str, int], None] | None = None,
        on_detached: Callable[[], None] | None = None,
        on_event: Callable[[UeEvent], None] | None = None,
    ) -> None:
        self.ue, self.radio, self.device = ue, radio, device
        self._n = round(radio.sample_rate / 1000)
        self._gain = np.float32(tx_gain)
        self._on_attached, self._on_detached, self._on_event = on_attached, on_detached, on_event
        self._waiting = waiting
        self._position = 0
        self.work = Work()

    def step(self) -> bool:
        """Take samples of about a millisecond, and do what follows; whether any came."""
        if self._waiting is not None and self.ue.phy.cell is not None:
            self._catch_up(self._waiting())
        received = self.radio.receive(self._wanted())
        samples = received.samples
        if samples.shape[1] == 0:
            return False
        stages = self.ue.stages
        stages.begin()
        if received.time != self._position:
            self._gap(received.time - self._position)
        self._position = received.time + samples.shape[1]
        self._send_packets()
        stages.lap("device")
        self.ue.push(samples)
        stages.lap("mac")
        for burst in self.ue.bursts():
            out = burst.samples if self._gain == 1 else burst.samples * self._gain
            self.radio.transmit(out[None, :], burst.start)
        stages.lap("radio")
        self._take_events()
        self._take_packets()
        stages.lap("device")
        self.work.subframes += 1
        self.work.busy_s += stages.end()
        return True

    # inside

    def _wanted(self) -> int:
        """Samples: to the end of a subframe where time does not wait, to answer it at once; else a millisecond."""
        missing = None if self._waiting is None else self.ue.phy.missing
        return missing if missing is not None and 0 < missing <= self._n + _MOVES else self._n

    def _catch_up(self, behind: int) -> None:
        """Pass over what has waited for too long, as after a search."""
        if behind < _BEHIND_MS * self._n:
            return
        received = self.radio.receive(behind)
        passed = received.time + received.samples.shape[1] - self._position
        self._position += passed
        self.work.passed_over += passed
        if passed <= _BRIDGE_MS * self._n:
            self.ue.miss(passed)
        else:
            self.ue.lose_cell(passed)

    def _gap(self, n: int) -> None:
        """Samples were lost."""
        self.work.lost_samples += max(n, 0)
        _LOG.warning("%d samples were lost", n)
        if 0 < n <= _FILL_MS * self._n:
            self.ue.push(np.zeros((self.radio.n_rx, n), np.complex64))
        elif 0 < n <= _BRIDGE_MS * self._n:
            self.ue.miss(n)
        else:
            self.ue.lose_cell(n)

    def _send_packets(self) -> None:
        if self.device is None:
            return
        for packet in self.device.read():
            self.ue.send_ip(packet)

    def _take_packets(self) -> None:
        for packet in self.ue.ip_packets():
            if self.device is not None:
                self.device.write(packet)

    def _take_events(self) -> None:
        while (event := self.ue.next_event()) is not None:
            if isinstance(event, Attached) and event.ip is not None and self._on_attached is not None:
                self._on_attached(event.ip, event.mtu or 1500)
            elif isinstance(event, Detached) and self._on_detached is not None:
                self._on_detached()
            if self._on_event is not None:
                self._on_event(event)
