"""The ZeroMQ radio: timed samples to and from a peer over REQ and REP sockets."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
import zmq
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.interface import Received
from picocell.radio.zmq.args import ZmqArgs
from picocell.radio.zmq.loop import Loop
from picocell.radio.zmq.ports import RxPort, TxPort
from picocell.radio.zmq.silence import Silence
from picocell.radio.zmq.streams import average, hold, whole_ratio

AHEAD_SUBFRAMES: Final = 4
"""Subframes (ms) that may wait for the peer before a transmission waits."""

_POLL_S: Final = 0.2
_PAUSED_POLL_S: Final = 0.01

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counters:
    """What went otherwise than it should, since the radio was opened.

    Attributes:
        late: transmissions whose time had passed, wholly or in part.
        dropped: samples of an antenna that were not sent: late ones, and those that found no room.
        underflow: times that the transmit stream ran out behind samples and went on with zeros.
        overflow: transmissions that found no room within the timeout.
        waiting: receptions that timed out.
        malformed: frames that were no samples or no request.
        reconnects: times that a peer went away.
    """

    late: int = 0
    dropped: int = 0
    underflow: int = 0
    overflow: int = 0
    waiting: int = 0
    malformed: int = 0
    reconnects: int = 0


class ZmqRadio:
    """A :class:`~picocell.radio.interface.Radio` whose air is a pair of ZeroMQ sockets a channel. A context manager.

    The count of samples is the clock: transmit and receive streams both start at sample 0. A reception first fills the
    transmit stream with zeros up to the end of what it asks for. A thread answers the peer meanwhile.

    Args:
        args: device arguments (see :class:`~picocell.radio.zmq.args.ZmqArgs`).
        sample_rate: own samples per second; the rate on the wire is a whole multiple.
        n_tx: transmit antennas. Further ``tx_port`` send zeros.
        n_rx: receive antennas. Further ``rx_port`` are received and dropped.
        timeout: seconds that a call waits for the peer at most, where the call does not say.

    Attributes:
        stalled: the last reception timed out.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: a port cannot be bound.
    """

    def __init__(
        self, args: str | ZmqArgs, sample_rate: float, *, n_tx: int = 1, n_rx: int = 1, timeout: float = 2.0
    ) -> None:
        self.args = ZmqArgs.parse(args) if isinstance(args, str) else args
        self.args.check_channels(n_tx, n_rx)
        self._n_tx, self._n_rx, self.timeout = n_tx, n_rx, timeout
        self._rate = float(sample_rate)
        self._factor = whole_ratio(self.args.base_srate, sample_rate)
        self._subframe = max(round(self.args.base_srate / 1000), 1)
        self.stalled = False
        self._counters = Counters()
        self._taken = 0  # samples of the wire received so far
        self._silence = Silence(self.args)
        self._n_waiting = 0  # callers that wait and do not lead
        self._after_samples = False  # the transmit stream ends in samples, not in zeros
        self._failure: Exception | None = None
        self._closed = False  # no call is taken any more
        self._ended = False  # the thread is to end
        self._changed = threading.Condition(threading.Lock())
        self._context = zmq.Context()
        self._tx: list[TxPort] = []
        self._rx: list[RxPort] = []
        self._loop = Loop()
        try:
            self._open()
        except BaseException:
            self._close_sockets()
            self._loop.close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"zmq-radio-{self.args.id}", daemon=True)
        self._thread.start()

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
            found.malformed = sum(tx.malformed for tx in self._tx) + sum(rx.malformed for rx in self._rx)
            found.reconnects = max((rx.reconnects for rx in self._rx), default=0)
        return found

    @property
    def tx_endpoints(self) -> tuple[str, ...]:
        """Where the transmit channels are bound."""
        return tuple(port.endpoint for port in self._tx)

    @property
    def buffered(self) -> int:
        """Own samples that wait for the peer."""
        with self._changed:
            return max(port.stream.waiting for port in self._tx) // self._factor

    @property
    def time(self) -> int:
        """Index of the next sample to be received."""
        return -(-self._taken // self._factor)

    def set_sample_rate(self, sample_rate: float) -> None:
        """Change the own rate; indices then count samples of the new rate from the same start: seconds stay the same.

        Raises:
            ValueError: the rate on the wire is no whole multiple of it.
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
            RadioError: the radio is closed or failed; with ``fail_on_disconnect``, the peer stays away.
        """
        if n < 0:
            raise ValueError(f"{n} samples cannot be received: the count is negative")
        with self._changed:
            self._check()
            factor, start = self._factor, self.time
            end = (start + n) * factor
            needed = end - self._taken  # a change of rate may have left a part of an own sample before it
            self._fill(end)
            for port in self._rx:
                port.wanted = max(needed, self._subframe)
            self._answer()
            if any(port.stream.available < needed for port in self._rx):
                self._pump({port.fd for port in self._rx})
            arrived = self._wait(lambda: all(p.stream.available >= needed for p in self._rx), timeout, receiving=True)
            self.stalled = not arrived
            if not arrived:
                self._counters.waiting += 1
                return Received(np.zeros((self._n_rx, 0), np.complex64), start)
            for port in self._rx:
                port.stream.take(needed - n * factor)
            pieces = [port.stream.take(n * factor) for port in self._rx]
            self._taken = end
            for port in self._rx:
                port.ask()  # for the next, while these are worked on
        samples = np.empty((self._n_rx, n), np.complex64)
        for row, parts in zip(samples, pieces, strict=False):
            average(parts, factor, row)
        return Received(samples, start)

    def transmit(self, samples: NDArray[np.complex64], time: int, timeout: float | None = None) -> None:
        """Send complex64 ``(n_tx, n)`` so that the first sample leaves at index ``time``; zeros fill the gap before it.

        What lies before the end of the transmit stream is late, dropped and counted. While more than
        :data:`AHEAD_SUBFRAMES` lie between what the peer took and ``time`` the call waits; what finds no room within
        ``timeout`` seconds (the radio's own when None) is dropped and counted.

        Raises:
            ValueError: samples of another shape.
            RadioError: the radio is closed or failed.
        """
        block = np.asarray(samples, np.complex64)
        if block.ndim != 2 or len(block) != self._n_tx:
            raise ValueError(f"samples of shape {np.shape(samples)} cannot be sent: ({self._n_tx}, n) is needed")
        with self._changed:
            self._check()
            block, time = self._without_late(block, time)
            step = max(self._subframe // self._factor, 1)
            while block.shape[1]:
                start = time * self._factor
                most = start - AHEAD_SUBFRAMES * self._subframe
                if not self._wait(lambda most=most: all(p.stream.delivered >= most for p in self._tx), timeout):  # type: ignore[misc]
                    self._counters.overflow += 1
                    self._counters.dropped += block.shape[1]
                    return
                if start < self._tx[0].stream.end:  # filled by a reception while this waited
                    block, time = self._without_late(block, time)
                    continue
                self._append(block[:, :step], start)
                block, time = block[:, step:], time + step

    def zeros_until(self, time: int) -> None:
        """Fill the transmit stream with zeros up to index ``time``, where nothing was sent; it does not wait.

        Raises:
            RadioError: the radio is closed or failed.
        """
        with self._changed:
            self._check()
            self._fill(time * self._factor)
            self._answer()

    def close(self) -> None:
        """Release the ports. Calls that wait end with RadioError. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            self._loop.wake_leader()
            self._changed.wait_for(lambda: not (self._n_waiting or self._loop.leading))
            self._ended = True
            self._loop.wake_thread()
        self._thread.join()
        self._close_sockets()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        """Bind and connect."""
        for endpoint in self.args.tx_ports:
            self._tx.append(TxPort(self._context, endpoint, AHEAD_SUBFRAMES * self._subframe, self._notice_losses))
        for channel, endpoint in enumerate(self.args.rx_ports):
            partner = self._tx[min(channel, len(self._tx) - 1)]
            self._rx.append(RxPort(self._context, endpoint, partner))
        self._watch_sockets()

    def _watch_sockets(self) -> None:
        """Have the loop watch the sockets as they are now."""
        data = [tx.fd for tx in self._tx] + [rx.fd for rx in self._rx]
        self._loop.watch(data, [rx.monitor_fd for rx in self._rx])
        self._fresh = True

    def _close_sockets(self) -> None:
        for tx in self._tx:
            tx.close()
        for rx in self._rx:
            rx.close()
        self._context.term()

    def _check(self) -> None:
        """Refuse to go on with a radio that is not running."""
        if self._closed:
            raise RadioError(f"{self.args.id}: the radio is closed")
        if self._failure is not None:
            raise RadioError(f"{self.args.id}: the radio failed: {self._failure}") from self._failure

    def _without_late(self, block: NDArray[np.complex64], time: int) -> tuple[NDArray[np.complex64], int]:
        """What of a block can still be sent, and its time; the rest is counted."""
        late = self._tx[0].stream.end - time * self._factor
        if late <= 0 or not block.shape[1]:
            return block, time
        n = min(-(-late // self._factor), block.shape[1])
        self._counters.late += 1
        self._counters.dropped += n
        return block[:, n:], time + n

    def _append(self, block: NDArray[np.complex64], start: int) -> None:
        """Put samples into the transmit streams at ``start``, and send them at once where the peer asked."""
        self._fill(start)
        for channel, port in enumerate(self._tx):
            if channel < self._n_tx:
                row = np.ascontiguousarray(block[channel])
                port.stream.append(hold(row, self._factor), borrowed=self._factor == 1)
        self._after_samples = True
        for port in self._tx[self._n_tx :]:
            port.stream.fill(self._tx[0].stream.end)
        self._answer()
        for port in self._tx:
            port.stream.keep()

    def _fill(self, until: int) -> None:
        """Zeros in all transmit streams up to there."""
        for port in self._tx:
            if port.stream.fill(until) and self._after_samples:
                self._counters.underflow += 1
                self._after_samples = False

    def _answer(self) -> None:
        """Send what was appended to peers that asked for it."""
        sent = False
        for port in self._tx:
            sent = port.answer() or sent
        if sent:
            self._tell()

    def _pump(self, fds: set[int] | None, *, leading: bool = False) -> None:
        """Do what the data sockets of these descriptors (all when None) allow, and tell who waits."""
        moved = False
        for tx in self._tx:
            if fds is None or tx.fd in fds:
                moved = tx.pump() or moved
        for rx in self._rx:
            if (fds is None or rx.fd in fds) and rx.pump():
                moved = True
                self._silence.end()
        if moved:
            self._tell(leading=leading)

    def _tell(self, *, leading: bool = False) -> None:
        """Wake who waits, but for the caller that leads if that is the one who tells."""
        if self._n_waiting:
            self._changed.notify_all()
        if not leading:
            self._loop.wake_leader()

    def _wait(self, done: Callable[[], bool], timeout: float | None, *, receiving: bool = False) -> bool:
        """Wait for the peer until ``done``; whether it came to that in time. Silence is logged."""
        self._check()
        if done():
            return True
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        leading = self._loop.lead()
        self._n_waiting += not leading
        try:
            while True:
                now = time.monotonic()
                line_in = self._silence.watch(now, self._tx, self._rx, receiving=receiving)
                if now >= until:
                    return False
                self._sleep(leading, min(until - now, line_in))
                self._check()
                if done():
                    return True
        finally:
            if leading:
                self._loop.follow()  # who waits as well relies on the thread now
            else:
                self._n_waiting -= 1
            if self._closed:
                self._changed.notify_all()

    def _sleep(self, leading: bool, seconds: float) -> None:
        """Wait for something to happen: at the sockets, for one caller at a time, or for whom looks after them."""
        if not leading:
            self._changed.wait(seconds)
            return
        self._changed.release()
        try:
            fds = self._loop.sleep(seconds)
        finally:
            self._changed.acquire()
        self._pump(fds, leading=True)

    def _run(self) -> None:
        """The thread that answers the peer and takes what it sends."""
        try:
            while not self._turn():
                pass
        except Exception as error:
            _log.exception("%s: the radio failed", self.args.id)
            with self._changed:
                self._failure = error
                self._changed.notify_all()
                self._loop.wake_leader()

    def _turn(self) -> bool:
        """Sleep until something happens and handle it; whether the radio was closed."""
        events: set[int] = set()  # none means that all are to be looked at, as new sockets have to be
        if not self._fresh:
            events = self._loop.wait(_PAUSED_POLL_S if any(rx.pausing for rx in self._rx) else _POLL_S)
        with self._changed:
            if self._ended:
                return True
            self._fresh = False
            if not events or any(rx.lost or rx.monitor_fd in events for rx in self._rx):
                self._notice_losses()
                self._renew_lost()
            self._pump(None if self._fresh or not events else events)
        return False

    def _notice_losses(self) -> None:
        """See which peers are gone, before the next one is answered."""
        if any([not rx.lost and rx.watch() for rx in self._rx]):  # noqa: C419 - all of them are to be asked
            self._align()
            self._loop.wake_thread()

    def _renew_lost(self) -> None:
        """New sockets for those whose peer is gone; by the thread alone, which sleeps on them."""
        lost = [rx for rx in self._rx if rx.lost]
        for rx in lost:
            rx.renew()
        if lost:
            self._watch_sockets()
            self._tell()

    def _align(self) -> None:
        """Go on at the same sample on all channels for the next peer."""
        front = max(port.stream.delivered for port in self._tx)
        for port in self._tx:
            port.stream.advance(front - port.stream.delivered)
        end = max(port.stream.end for port in self._tx)
        for port in self._tx:
            port.stream.fill(end)
