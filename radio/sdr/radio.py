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

from picocell.kernels.rxqueue import RxQueue
from picocell.radio.durations import Durations
from picocell.radio.errors import RadioError
from picocell.radio.interface import Received
from picocell.radio.sdr.args import Burst
from picocell.radio.sdr.device import FillingDevice, Read, SdrDevice
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
_LETTERS: Final = {"late": "L", "underflow": "U", "overflow": "O"}
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
        self._told = dict.fromkeys(_LETTERS, 0)
        self.margins = Durations()
        self._changed = threading.Lock()
        self._sending = threading.Lock()  # a device is not closed while it is sent to
        step = round(self._rate * _STEP_S)
        self._queue = RxQueue(n_rx, max(round(ahead_s * self._rate), 2 * step), step)
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
        counts = self._queue.counts
        with self._changed:
            own = self._counters
            return replace(own, **{name: getattr(own, name) + n for name, n in counts.items()})

    @property
    def waiting(self) -> int:
        """Samples that were received and not used yet."""
        return self._queue.waiting

    def letters(self) -> str:
        """What happened since the last call, as the field shows it: a letter each, L late, U underflow, O overflow."""
        counts = self._queue.counts
        with self._changed:
            letters, self._letters = self._letters, ""
            for name, letter in _LETTERS.items():
                letters += letter * (counts[name] - self._told[name])
                self._told[name] = counts[name]
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
        self._begin()
        samples = np.empty((self._n_rx, min(n, self._queue.capacity)), np.complex64)
        got, index = self._queue.take(samples, self.timeout if timeout is None else timeout)
        self._check()
        self.stalled = got is None
        if got is None:
            with self._changed:
                self._counters.waiting += 1
        return Received(samples if got == samples.shape[1] else samples[:, : got or 0].copy(), index)

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
        self._begin()
        ahead = time - self._advance - self._queue.newest
        with self._changed:
            if self._away:
                self._counters.dropped += block.shape[1]
                return
            self.margins.add(ahead / self._rate)
            if ahead < 0:
                self._note("late", block.shape[1])
                return
            device, at = self._device, self._queue.origin + time - self._advance
        end = self._mode == "burst"
        try:
            with self._sending:
                if self._away or self._closed or device is not self._device:  # since then
                    return
                done = self._write(device, block, at, end)
        except RadioError:
            return  # the receiving thread finds the device lost as well, and deals with it
        if done < block.shape[1]:
            with self._changed:
                self._counters.dropped += block.shape[1] - done

    def too_late(self, n: int, time: int) -> bool:
        """Whether ``n`` samples for index ``time`` need not be made any more; if so they count as given and late."""
        ahead = time - self._advance - self._queue.newest
        if ahead >= 0 or self._away or not self._queue.begun:
            return False
        with self._changed:
            self.margins.add(ahead / self._rate)
            self._note("late", n)
        return True

    def close(self) -> None:
        """Stop, and give the device back. Calls that wait end with RadioError. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
        self._queue.stop()
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
        if self._queue.begun:
            return
        known = self._queue.wait_known(_FIRST_S)
        self._check()
        if not known:
            raise RadioError(f"{self._device.name}: no samples within {_FIRST_S:g} s")
        with self._changed:
            if not self._queue.begun:
                self._queue.begin(round(LEAD_S * self._rate))

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

    def _note(self, what: str, dropped: int = 0) -> None:
        setattr(self._counters, what, getattr(self._counters, what) + 1)
        self._counters.dropped += dropped
        self._letters += what[0].upper()

    # inside, of the thread

    def _run(self) -> None:
        """Take samples from the device as they come, and look for it where it is lost."""
        go_before()
        while not self._closed:
            try:
                if not (isinstance(self._device, FillingDevice) and self._device.fill(self._queue, _READ_S)):
                    self._fill()
            except RadioError as error:
                if not self._return(error):
                    return

    def _fill(self) -> None:
        """Take them from a device that does not do it by itself.

        Raises:
            RadioError: the device is lost.
        """
        queue, reads = self._queue, 0
        memory = np.empty(self._n_rx * queue.step, np.complex64)
        while not self._closed:
            wanted = queue.wanted  # up to the sample that somebody waits for
            block = memory[: self._n_rx * wanted].reshape(self._n_rx, wanted)
            read = self._device.read(block, _READ_S)
            queue.put(block, read.n, read.time, read.overflow)
            reads += 1
            while reads % _STATUS_EVERY == 0 and (kind := self._device.status(0.0)) is not None:
                with self._changed:
                    self._note(kind)

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
        self._queue.wake(True)
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
            self._device = device
            self._queue.resume(read.time, self._rate)
            self._away = False
            self._counters.reopened += 1
        _log.warning("%s is back", device.name)
