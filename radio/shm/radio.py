"""The shared memory radio: timed samples to and from a peer on the same host."""

import logging
import math
import os
import select
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.shmring import ROOM, SAMPLES
from picocell.radio.errors import RadioError
from picocell.radio.interface import Received
from picocell.radio.shm.args import ShmArgs
from picocell.radio.shm.duplex import LOOK_S, Duplex
from picocell.radio.zmq.radio import AHEAD_SUBFRAMES, Counters
from picocell.radio.zmq.streams import average, hold, whole_ratio

_LOOK_AGAIN_S: Final = 0.5  # at a peer that is there, in case that nothing woke this end up
_SILENCE_S: Final = 1.0  # until a line says that nothing comes
_REMIND_S: Final = 10.0  # between further such lines

_log = logging.getLogger(__name__)


class ShmRadio:
    """A :class:`~picocell.radio.interface.Radio` whose air is a segment of shared memory each way. A context manager.

    The count of samples is the clock: transmit and receive streams both start at sample 0. A reception first fills the
    transmit stream with zeros up to the end of what it asks for. There is no thread: the peer takes from the ring what
    was written, be this end at work or asleep.

    Args:
        args: device arguments (see :class:`~picocell.radio.shm.args.ShmArgs`).
        sample_rate: own samples per second; the rate in the segments is a whole multiple.
        n_tx: transmit antennas, the channels of the own segment.
        n_rx: receive antennas, the channels that the peer's has.
        timeout: seconds that a call waits for the peer at most, where the call does not say.

    Attributes:
        stalled: the last reception timed out.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: the segment cannot be made.
    """

    def __init__(
        self, args: str | ShmArgs, sample_rate: float, *, n_tx: int = 1, n_rx: int = 1, timeout: float = 2.0
    ) -> None:
        self.args = ShmArgs.parse(args) if isinstance(args, str) else args
        for what, n in (("n_tx", n_tx), ("n_rx", n_rx)):
            if not 1 <= n <= 16:
                raise ValueError(f"{what}={n} is not allowed: 1 to 16")
        self._n_tx, self._n_rx, self.timeout = n_tx, n_rx, timeout
        self._rate = float(sample_rate)
        self._factor = whole_ratio(self.args.base_srate, sample_rate)
        self._subframe = max(round(self.args.base_srate / 1000), 1)
        self.stalled = False
        self._counters = Counters()
        self._after_samples = False  # the transmit stream ends in samples, not in zeros
        self._silent_since: float | None = None
        self._next_line = 0.0
        self._changed = threading.Condition(threading.Lock())
        self._leading = self._closed = False
        self._n_inside = 0  # callers that wait
        self._duplex = Duplex(self.args, n_tx, n_rx)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def sample_rate(self) -> float:
        """Own samples per second."""
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
    def counters(self) -> Counters:
        """What went otherwise than it should; a copy."""
        with self._changed:
            found = Counters(**{name: getattr(self._counters, name) for name in Counters.__slots__})
            found.malformed, found.reconnects = self._duplex.malformed, self._duplex.losses
        return found

    @property
    def buffered(self) -> int:
        """Own samples that wait for the peer."""
        with self._changed:
            return (self._duplex.end - self._duplex.delivered) // self._factor

    @property
    def time(self) -> int:
        """Index of the next sample to be received."""
        return -(-self._duplex.taken // self._factor)

    def set_sample_rate(self, sample_rate: float) -> None:
        """Change the own rate; indices then count samples of the new rate from the same start: seconds stay the same.

        Raises:
            ValueError: the rate in the segments is no whole multiple of it.
        """
        factor = whole_ratio(self.args.base_srate, sample_rate)
        with self._changed:
            self._rate, self._factor = float(sample_rate), factor

    def receive(self, n: int, timeout: float | None = None) -> Received:
        """The next ``n`` samples of each antenna.

        Args:
            n: how many.
            timeout: seconds to wait for them; the radio's own when None.

        Returns:
            All of them; none where they did not come in time, which sets ``stalled``: those that came stay for the
            next call.

        Raises:
            ValueError: a negative count.
            RadioError: the radio is closed, or the peer's segment cannot be read; with ``fail_on_disconnect``, the
                peer stays away.
        """
        if n < 0:
            raise ValueError(f"{n} samples cannot be received: the count is negative")
        with self._changed:
            self._check()
            duplex, factor, start = self._duplex, self._factor, self.time
            end = (start + n) * factor
            needed = end - duplex.taken  # a change of rate may have left a part of an own sample before it
            most = AHEAD_SUBFRAMES * self._subframe
            self._fill(min(end, duplex.taken + most))

            def arrived() -> bool:
                if needed > most:  # neither ring may hold as much: part by part
                    duplex.store()
                    self._fill(min(end, duplex.taken + duplex.available + most))
                return duplex.available >= needed

            self.stalled = not self._wait(arrived, timeout, SAMPLES)
            if self.stalled:
                self._counters.waiting += 1
                return Received(np.zeros((self._n_rx, 0), np.complex64), start)
            self._fill(end)
            if needed > n * factor:
                duplex.take(needed - n * factor)
            wire = duplex.take(n * factor)
        if factor == 1:
            return Received(wire, start)
        samples = np.empty((self._n_rx, n), np.complex64)
        for row, piece in zip(samples, wire, strict=True):
            average([piece], factor, row)
        return Received(samples, start)

    def transmit(self, samples: NDArray[np.complex64], time: int, timeout: float | None = None) -> None:
        """Send complex64 ``(n_tx, n)`` so that the first sample leaves at index ``time``; zeros fill the gap before it.

        What lies before the end of the transmit stream is late, dropped and counted. While more than 4 ms lie between
        what the peer took and ``time`` the call waits; what finds no room within ``timeout`` seconds (the radio's own
        when None) is dropped and counted.

        Raises:
            ValueError: samples of another shape.
            RadioError: the radio is closed.
        """
        block = np.asarray(samples, np.complex64)
        if block.ndim != 2 or len(block) != self._n_tx:
            raise ValueError(f"samples of shape {np.shape(samples)} cannot be sent: ({self._n_tx}, n) is needed")
        with self._changed:
            self._check()
            block, time = self._without_late(block, time)
            duplex, step = self._duplex, max(self._subframe // self._factor, 1)
            while block.shape[1]:
                start = time * self._factor
                most = start - AHEAD_SUBFRAMES * self._subframe
                if not self._wait(lambda most=most: duplex.delivered >= most, timeout, ROOM):  # type: ignore[misc]
                    self._counters.overflow += 1
                    self._counters.dropped += block.shape[1]
                    return
                if start < duplex.end:  # filled by a reception while this waited
                    block, time = self._without_late(block, time)
                    continue
                self._fill(start)
                duplex.append(np.ascontiguousarray(hold_all(block[:, :step], self._factor)))
                self._after_samples = True
                block, time = block[:, step:], time + step

    def zeros_until(self, time: int) -> None:
        """Fill the transmit stream with zeros up to index ``time``, where nothing was sent; it does not wait.

        Raises:
            RadioError: the radio is closed.
        """
        with self._changed:
            self._check()
            self._fill(time * self._factor)

    def close(self) -> None:
        """Remove the segment. Calls that wait end with RadioError. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            os.eventfd_write(self._wake, 1)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._n_inside)
            self._duplex.close()
            os.close(self._wake)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # inside

    def _check(self) -> None:
        """Refuse to go on with a closed radio; look for the peer, where it is not there."""
        if self._closed:
            raise RadioError(f"{self.args.id}: the radio is closed")
        if not self._duplex.connected:
            self._duplex.look()

    def _without_late(self, block: NDArray[np.complex64], time: int) -> tuple[NDArray[np.complex64], int]:
        """What of a block can still be sent, and its time; the rest is counted."""
        late = self._duplex.end - time * self._factor
        if late <= 0 or not block.shape[1]:
            return block, time
        n = min(-(-late // self._factor), block.shape[1])
        self._counters.late += 1
        self._counters.dropped += n
        return block[:, n:], time + n

    def _fill(self, until: int) -> None:
        """Zeros in the transmit stream up to there."""
        if self._duplex.fill(until) and self._after_samples:
            self._counters.underflow += 1
            self._after_samples = False

    def _wait(self, done: Callable[[], bool], timeout: float | None, what: int) -> bool:
        """Wait for the peer until ``done``; whether it came to that in time. Silence is logged."""
        if done():
            self._silent_since = None
            return True
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        self._n_inside += 1
        try:
            while True:
                self._duplex.look()
                # more than one caller, and zeros that have found no room yet, wait for other things too
                alone = self._n_inside == 1 and not self._duplex.zeros_wait
                self._duplex.sleep_for(what if alone else SAMPLES | ROOM)
                self._duplex.flush()
                if done():
                    self._silent_since = None
                    return True
                now = time.monotonic()
                line_in = self._watch(now, receiving=what == SAMPLES)
                if now >= until:
                    return False
                look_in = _LOOK_AGAIN_S if self._duplex.connected else LOOK_S
                self._sleep(min(until - now, line_in, look_in))
                self._check()
                if done():
                    self._silent_since = None
                    return True
        finally:
            self._n_inside -= 1
            if self._n_inside or self._closed:
                self._changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        """Wait for the bell, or for another caller who does."""
        if self._leading:
            self._changed.wait(seconds)
            return
        self._leading = True
        poll = select.poll()
        poll.register(self._duplex.fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        self._changed.release()
        try:
            rung = poll.poll(1000 * seconds)
        finally:
            self._changed.acquire()
            self._leading = False
        if rung and not self._closed:
            self._duplex.listen()
        if self._n_inside > 1:
            self._changed.notify_all()

    def _watch(self, now: float, *, receiving: bool) -> float:
        """Say that nothing moves, when it is time to; seconds until there may be something to say.

        Raises:
            RadioError: with ``fail_on_disconnect``, a peer that had sent samples stays away.
        """
        if self._silent_since is None:
            self._silent_since, self._next_line = now, now + _SILENCE_S
        seconds = now - self._silent_since
        if now >= self._next_line:
            self._next_line = now + _REMIND_S
            _log.warning("%s; waiting", self._why(seconds, receiving=receiving))
        fail_in = math.inf
        if self.args.fail_on_disconnect and receiving and self._duplex.last_pid:
            fail_in = self.args.fail_after - seconds
            if fail_in <= 0:
                raise RadioError(f"{self._why(seconds, receiving=True)} (fail_on_disconnect)")
        return min(self._next_line - now, fail_in)

    def _why(self, seconds: float, *, receiving: bool) -> str:
        """What is awaited, from which segment, and what is known of the peer."""
        who, peer = self.args.id, self._duplex.why()
        if receiving:
            return f"{who}: no samples from rx_shm={self.args.rx_shm} for {seconds:.1f} s: {peer}"
        return f"{who}: nobody takes samples from tx_shm={self.args.tx_shm} for {seconds:.1f} s: {peer}"


def hold_all(block: NDArray[np.complex64], factor: int) -> NDArray[np.complex64]:
    """Each sample ``factor`` times, complex64 (n_tx, factor n)."""
    return block if factor == 1 else np.stack([hold(row, factor) for row in block])
