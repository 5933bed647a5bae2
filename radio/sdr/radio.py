"""A software-defined radio with timed bursts: receives ahead in a thread, and sends at its time what comes in time."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from picocell.radio.durations import Durations
from picocell.radio.errors import RadioError
from picocell.radio.interface import Received
from picocell.radio.sdr.ahead import AheadBuffer
from picocell.radio.sdr.args import Burst
from picocell.radio.sdr.device import Read, SdrDevice
from picocell.radio.sdr.realtime import go_before

AHEAD_S: Final = 0.05
"""Seconds of samples that may wait to be used, beside those in the device."""
LEAD_S: Final = 0.02
"""From the first sample that a device gives to sample 0: until then the first subframes can be composed."""
_READ_S: Final = 0.1
_WRITE_S: Final = 0.01
_FIRST_S: Final = 5.0
_REOPEN_S: Final = 0.2
_STEP_S: Final = 0.001
_STATUS_EVERY: Final = 8
"""Reads from one look at what the transmitter tells to the next: it is only counted."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SdrCounters:
    """What went otherwise than it should, since the radio was opened.

    Attributes:
        late: blocks that were to leave at a time that had passed; here or in the device.
        underflow: times that a burst ran out before its end.
        overflow: times that received samples were lost, because nobody took them in time.
        dropped: samples of an antenna that were not sent.
        lost: samples of an antenna that were not received.
        waiting: receptions that timed out.
        silences: times that the device gave nothing for 0.1 s.
        reopened: times that the device was lost and came back.
    """

    late: int = 0
    underflow: int = 0
    overflow: int = 0
    dropped: int = 0
    lost: int = 0
    waiting: int = 0
    silences: int = 0
    reopened: int = 0

    def totals(self) -> str:
        """A line for people."""
        return (
            f"{self.late} late, {self.underflow} underflows, {self.overflow} overflows, "
            f"{self.lost} samples lost, {self.dropped} not sent, device lost {self.reopened} times"
        )


class SdrRadio:
    """A :class:`~picocell.radio.interface.Radio` over a device with timestamps. A context manager.

    Sample 0 is received 20 ms after the first sample that the device gives, so that what leaves at sample 0 can be made
    before. The time goes on with the device's, whatever is lost: a reception ends before a gap, the next begins behind
    it. What comes too late to be sent is dropped and counted. A device that is lost is looked for again; where it is
    found the time goes on by the clock of this machine.

    Args:
        open_device: opens the device.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        tx_advance: samples by which all is sent earlier.
        mode: ``continuous``: blocks that follow on one another are one burst; ``burst``: each is one.
        timeout: seconds that a reception waits.
        ahead_s: seconds of samples that may wait to be used, 2 ms or more; what comes then waits in the device.
        reopen_s: seconds for which a device that is lost is looked for.

    Attributes:
        stalled: the last reception timed out.
        margins: from the device's time, when a block was given to be sent, to the time at which it is to leave.

    Raises:
        RadioError: a device that cannot be opened, or gives no samples.
    """

    def __init__(
        self,
        open_device: Callable[[], SdrDevice],
        *,
        n_tx: int = 1,
        n_rx: int = 1,
        tx_advance: int = 0,
        mode: Burst = "continuous",
        timeout: float = 2.0,
        ahead_s: float = AHEAD_S,
        reopen_s: float = 10.0,
    ) -> None:
        self._open_device, self._n_tx, self._n_rx = open_device, n_tx, n_rx
        self._advance, self._mode, self._reopen_s = tx_advance, mode, reopen_s
        self.timeout, self.stalled = timeout, False
        self._device = open_device()
        self._rate = self._device.sample_rate
        self._counters, self._letters = SdrCounters(), ""
        self.margins = Durations()
        self._changed = threading.Condition(threading.Lock())
        self._sending = threading.Lock()  # a device is not closed while it is sent to
        self._ahead = AheadBuffer(n_rx, max(round(max(ahead_s, 2 * _STEP_S) * self._rate), 2))
        self._origin: int | None = None  # the device's time of sample 0
        self._begun = False
        self._phase = 0  # index at which reads end, or whole steps from it
        self._head = 0  # index behind the last sample that the device gave
        self._head_at = 0.0  # when it did, by this machine's clock
        self._failure: RadioError | None = None
        self._away = self._closed = False
        try:
            self._device.start()
        except RadioError:
            self._device.close()
            raise
        self._thread = threading.Thread(target=self._run, name="sdr-radio", daemon=True)
        self._thread.start()

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self._rate

    @property
    def n_rx(self) -> int:
        """Receive antennas."""
        return self._n_rx

    @property
    def n_tx(self) -> int:
        """Transmit antennas."""
        return self._n_tx

    @property
    def counters(self) -> SdrCounters:
        """What went otherwise than it should; a copy."""
        with self._changed:
            return replace(self._counters)

    @property
    def waiting(self) -> int:
        """Samples that were received and not used yet."""
        with self._changed:
            return self._ahead.waiting

    def letters(self) -> str:
        """What happened since the last call, as the field shows it: a letter each, L late, U underflow, O overflow."""
        with self._changed:
            letters, self._letters = self._letters, ""
        return letters

    def receive(self, n: int, timeout: float | None = None) -> Received:
        """The next ``n`` samples of each antenna; fewer before a gap.

        Returns:
            None at all where they did not come within ``timeout`` seconds (the radio's own when None), which sets
            ``stalled``.

        Raises:
            ValueError: a negative count.
            RadioError: the radio is closed, or the device is lost.
        """
        if n < 0:
            raise ValueError(f"{n} samples cannot be received: the count is negative")
        with self._changed:
            self._begin()
            n = min(n, self._ahead.capacity)
            if self._ahead.at_hand < n:
                self._phase = self._head - self._ahead.waiting + n
            came = self._changed.wait_for(
                lambda: self._failure or self._closed or self._ahead.at_hand >= n or self._ahead.has_gap,
                self.timeout if timeout is None else timeout,
            )
            self._check()
            self.stalled = not came
            if self.stalled or not n:
                self._counters.waiting += self.stalled
                return Received(np.zeros((self._n_rx, 0), np.complex64), self._head - self._ahead.waiting)
            received = self._ahead.take(n)
            self._changed.notify_all()
            return received

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        """Send complex64 ``(n_tx, n)`` so that the first sample leaves at index ``time``.

        What is late is dropped and counted, in whole blocks: the rest of one is of no use to a receiver.

        Raises:
            ValueError: samples of another shape.
            RadioError: the radio is closed, or the device is lost.
        """
        block = np.ascontiguousarray(samples, np.complex64)
        if block.ndim != 2 or len(block) != self._n_tx:
            raise ValueError(f"samples of shape {np.shape(samples)} cannot be sent: ({self._n_tx}, n) is needed")
        if not block.shape[1]:
            return
        with self._changed:
            self._begin()
            if self._away:
                self._counters.dropped += block.shape[1]
                return
            if time - self._advance < self._head:
                self._drop_late(block.shape[1], time)
                return
            self.margins.add((time - self._advance - self._head) / self._rate)
            device, at = self._device, (self._origin or 0) + time - self._advance
        end = self._mode == "burst"
        try:
            with self._sending:
                if self._away or self._closed or device is not self._device:  # since then
                    return
                done = self._write(device, block, at, end)
        except RadioError:
            return  # the receiving thread finds the device lost as well, and deals with it
        with self._changed:
            self._counters.dropped += block.shape[1] - done

    def too_late(self, n: int, time: int) -> bool:
        """Whether ``n`` samples for index ``time`` need not be made any more; if so they count as given and late."""
        with self._changed:
            late = self._begun and not self._away and time - self._advance < self._head
            if late:
                self._drop_late(n, time)
            return late

    def close(self) -> None:
        """Stop, and give the device back. Calls that wait end with RadioError. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        with self._sending:
            self._device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # inside, of the callers

    def _begin(self) -> None:
        """Set the time of sample 0, when samples are wanted or given for the first time."""
        self._check()
        if self._begun:
            return
        if not self._changed.wait_for(lambda: self._failure or self._closed or self._origin is not None, _FIRST_S):
            raise RadioError(f"{self._device.name}: no samples within {_FIRST_S:g} s")
        self._check()
        shift = self._head + round(LEAD_S * self._rate)
        self._ahead.clear()
        self._origin = (self._origin or 0) + shift
        self._head -= shift
        self._begun = True

    def _check(self) -> None:
        if self._closed:
            raise RadioError(f"{self._device.name}: the radio is closed")
        if self._failure is not None:
            raise self._failure

    @staticmethod
    def _write(device: SdrDevice, block: NDArray[np.complex64], at: int, end: bool) -> int:
        """Have the device take a block; how much of it did it take in time.

        Each block has its time, also within a burst: a device that dropped one, and tells so later or never, would
        send all that follow too early.
        """
        done, n = 0, block.shape[1]
        until = time.monotonic() + _WRITE_S
        while done < n:
            rest = block if not done else np.ascontiguousarray(block[:, done:])
            taken = device.write(rest, at + done, end=end, timeout=_WRITE_S)
            done += taken
            if not taken and time.monotonic() >= until:
                break
        return done

    def _drop_late(self, n: int, time: int) -> None:
        self.margins.add((time - self._advance - self._head) / self._rate)
        self._note("late", n)

    def _note(self, what: str, dropped: int = 0) -> None:
        setattr(self._counters, what, getattr(self._counters, what) + 1)
        self._counters.dropped += dropped
        self._letters += what[0].upper()

    # inside, of the thread

    def _run(self) -> None:
        """Take samples from the device as they come."""
        go_before()
        step, reads = round(self._rate * _STEP_S), 0
        memory = np.empty(self._n_rx * step, np.complex64)
        while not self._closed:
            wanted = step - (self._head - self._phase) % step  # up to the sample that somebody waits for
            block = memory[: self._n_rx * wanted].reshape(self._n_rx, wanted)
            try:
                read = self._device.read(block, _READ_S)
                self._take(block, read, step)
                reads += 1
                while reads % _STATUS_EVERY == 0 and (kind := self._device.status(0.0)) is not None:
                    with self._changed:
                        self._note(kind)
            except RadioError as error:
                if not self._return(error):
                    return

    def _take(self, block: NDArray[np.complex64], read: Read, most: int) -> None:
        """Put what was read behind what waits, and wait until there is room for ``most`` more."""
        with self._changed:
            if read.overflow:
                self._note("overflow")
            if not read.n:
                self._counters.silences += not read.overflow
                return
            if self._origin is None:
                self._origin = read.time or 0
            index = self._head if read.time is None else read.time - self._origin
            if index < self._head:  # the device's count began anew
                self._origin += index - self._head
                index = self._head
            self._counters.lost += max(index, 0) - max(self._head, 0) if self._begun else 0
            self._head, self._head_at = index + read.n, time.monotonic()
            if self._begun and self._head > 0:
                skip = max(-index, 0)
                self._ahead.put(block[:, skip : read.n], index + skip)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._ahead.room >= most)

    def _return(self, error: RadioError) -> bool:
        """The device is lost: say so, and look for it; whether it is back."""
        if self._closed:
            return False
        if self._reopen_s:
            _log.error("%s; looking for the device for %g s", error, self._reopen_s)
        with self._changed:
            self._away = True
        with self._sending:
            self._device.close()
        until = time.monotonic() + self._reopen_s
        while not self._closed and time.monotonic() < until:
            time.sleep(_REOPEN_S)
            device = None
            try:
                device = self._open_device()
                device.start()
                self._resume(device)
            except (RadioError, ValueError) as again:
                error = RadioError(str(again))
                if device is not None:
                    device.close()
                continue
            return True
        with self._changed:
            self._failure = RadioError(f"{self._device.name}: the device is lost: {error}")
            self._changed.notify_all()
        return False

    def _resume(self, device: SdrDevice) -> None:
        """Go on with a device that is back: as much time has passed as this machine's clock says.

        Raises:
            RadioError: it gives no samples.
        """
        block = np.empty((self._n_rx, round(self._rate * _STEP_S)), np.complex64)
        read = Read(0)
        until = time.monotonic() + _FIRST_S
        while not read.n and time.monotonic() < until and not self._closed:
            read = device.read(block, _READ_S)
        if not read.n:
            raise RadioError(f"{device.name}: no samples within {_FIRST_S:g} s")
        with self._changed:
            index = self._head + round((time.monotonic() - self._head_at) * self._rate)
            self._device = device
            self._origin = (read.time or 0) - index
            self._away = False
            self._counters.reopened += 1
        _log.warning("%s is back", device.name)
