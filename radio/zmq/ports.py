"""The sockets of one channel: the one that answers requests for samples, the one that asks for them.

Neither waits: ``pump`` does what can be done now. On the wire they are REP and REQ. The answering end is a ROUTER,
which to a REQ is the same and tells when the peer that asked is gone, so that its samples stay for the next.
"""

import contextlib
import errno
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import zmq
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.zmq.streams import SAMPLE_BYTES, RxStream, TxStream

LARGEST_FRAME: Final = 3_072_000
"""Samples of the largest reply."""

_REQUEST: Final = b"\xff"
_PAUSE_S: Final = 0.01  # before the next request to a peer that sends rubbish
_REPORT_S: Final = 1.0  # between two lines about rubbish
_RECONNECT_MS: Final = 50
_RETRY_S: Final = 0.5  # after a listener that hung up
_FAREWELL_MS: Final = 100  # for replies under way when the radio is closed
_POLLIN: Final = int(zmq.POLLIN)  # plain numbers: operations on enumerations take a microsecond
_NOBLOCK: Final = int(zmq.NOBLOCK)

_log = logging.getLogger(__name__)

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


def _readable(socket: Socket) -> bool:
    """A message is there; this also clears the file descriptor."""
    return bool(int(socket.getsockopt(zmq.EVENTS)) & _POLLIN)


class TxPort:
    """Answers requests with what its stream holds.

    Args:
        context: of the sockets.
        endpoint: where to bind.
        largest_reply: samples that a reply holds at most.
        on_new_peer: called before the first reply to a peer.

    Attributes:
        stream: what is to be sent.
        endpoint: where it is bound; a port chosen by the system is filled in.
        fd: file descriptor that tells that something happened.
        malformed: requests that were none.
        peer: counts the peers (connections) that asked.
        peer_start: the sample of the stream that the present peer's first reply began with.

    Raises:
        RadioError: the endpoint cannot be bound.
    """

    def __init__(
        self, context: Context, endpoint: str, largest_reply: int, on_new_peer: Callable[[], None] = lambda: None
    ) -> None:
        self.stream = TxStream()
        self._on_new_peer = on_new_peer
        self.malformed = 0
        self.peer = 0
        self.peer_start = 0
        self._largest = min(largest_reply, LARGEST_FRAME)
        self._identity = b""
        self._asked: list[bytes] | None = None  # envelope of a request that is not answered yet
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = _FAREWELL_MS
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close(0)
            what = "is in use by another program" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
            raise RadioError(f"tx_port={endpoint} cannot be bound: the port {what}") from error
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.fd = int(self._socket.getsockopt(zmq.FD))

    def pump(self) -> bool:
        """Take requests and answer them; whether samples went out."""
        sent = False
        readable = _readable(self._socket)  # in any case: else the file descriptor stays set
        while True:
            if self._asked is None:
                if not readable:
                    return sent
                self._take_request()
            elif not self.stream.waiting:
                return sent
            else:
                sent = self._reply() or sent
            if self._asked is None:
                readable = _readable(self._socket)

    def answer(self) -> bool:
        """Answer a request that is here already; whether samples went out."""
        if self._asked is None or not self.stream.waiting:
            return False
        sent = self._reply()
        return self.pump() or sent

    def close(self) -> None:
        """Release the endpoint."""
        self._socket.close()

    def _take_request(self) -> None:
        """Note who asks."""
        frames = self._socket.recv_multipart(_NOBLOCK)
        if b"" in frames[1:-1] and frames[-1] and len(frames) <= 8:
            self._asked = frames[: frames.index(b"", 1) + 1]
        else:
            self.malformed += 1
            _log.error("%s: a request of %d parts that is none was ignored", self.endpoint, len(frames) - 1)

    def _reply(self) -> bool:
        """Answer the request; whether somebody was there to take it."""
        envelope, self._asked = self._asked or [], None
        if envelope[0] != self._identity:
            self._on_new_peer()
        samples = self.stream.peek(self._largest)
        try:
            self._socket.send_multipart([*envelope, samples.data], _NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (errno.EHOSTUNREACH, errno.EAGAIN):
                raise
            return False  # who asked is gone
        if envelope[0] != self._identity:
            self._identity, self.peer_start = envelope[0], self.stream.delivered
            self.peer += 1
        self.stream.advance(len(samples))
        return True


class RxPort:
    """Asks a peer for samples, one request at a time, while its stream holds fewer than are wanted.

    A peer that went and came back counts its samples from the first that it took. Its stream is put where that belongs:
    zeros fill what is missing, and what there already was is discarded.

    Attributes:
        stream: what arrived.
        endpoint: whom it asks.
        fd: file descriptor that tells that something happened.
        monitor_fd: the same of the connection.
        wanted: samples that the stream should hold.
        connected: the peer's socket is there.
        lost: the peer's socket was there and is no more.
        refused: what listens there did not speak as a REP socket does.
        malformed: replies that were none.
        reconnects: times that the peer went away.
        last_frame: time (monotonic seconds) when samples last came; 0 before the first.
    """

    def __init__(self, context: Context, endpoint: str, partner: TxPort | None) -> None:
        self.stream = RxStream()
        self.endpoint = endpoint
        self.wanted = 0
        self.connected = self.lost = self.refused = False
        self.malformed = 0
        self.reconnects = 0
        self.last_frame = 0.0
        self._partner = partner
        self._context = context
        self._asked = False
        self._pause_until = 0.0
        self._retry_at = 0.0
        self._hung_up = False
        self._hang_ups = 0  # in a row
        self._next_report = 0.0
        self._discard = 0
        self._joining = True  # the next reply is the first of a connection
        self._peer_before = 0
        self._connect()

    @property
    def pausing(self) -> bool:
        """A request is held back for a moment."""
        return not self._asked and time.monotonic() < self._pause_until

    def watch(self) -> bool:
        """Follow the connection; whether the peer is lost (then :meth:`renew` is due)."""
        while not self.lost and _readable(self._monitor):
            # the event's number comes first, as the machine writes it; zmq.utils.monitor would bring asyncio along
            number, _ = self._monitor.recv_multipart()
            if int.from_bytes(number[:2], sys.byteorder) == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected, self.refused, self._hang_ups = not self._hung_up, False, 0
                self.lost = self._hung_up  # the request went to who hung up
            elif self.connected:
                self.lost = True
                self._peer_before = self._partner.peer if self._partner else 0
            elif not self._hung_up:  # during the handshake, after which ZeroMQ may try again or not: it shall not,
                # for what the next peer then gave would be lost with the socket
                with contextlib.suppress(zmq.ZMQError):
                    self._socket.disconnect(self.endpoint)
                self._hung_up = True
                self._hang_ups += 1
                self.refused = self._hang_ups > 1  # once, a program that is being ended does that, too
                self._retry_at = time.monotonic() + _RETRY_S
        if self._hung_up and time.monotonic() >= self._retry_at:
            self.lost = True
        return self.lost

    def pump(self) -> bool:
        """Take a reply and send the next request; whether samples came."""
        came = False
        # in any case: else the file descriptor stays set
        if _readable(self._socket) and self._asked:
            frames = self._socket.recv_multipart(_NOBLOCK, copy=False)
            self._asked = False
            came = self._accept(frames)
        self.ask()
        return came

    def ask(self) -> None:
        """Send a request, if samples are wanted and none is under way."""
        if self._asked or self.stream.available >= self.wanted or time.monotonic() < self._pause_until:
            return
        with contextlib.suppress(zmq.Again):
            self._socket.send(_REQUEST, _NOBLOCK)
            self._asked = True

    def close(self) -> None:
        """Stop asking."""
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def _connect(self) -> None:
        """A new socket: a REQ whose peer is gone waits for its reply for ever."""
        self._socket = self._context.socket(zmq.REQ)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        self._monitor: Socket = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self.fd = int(self._socket.getsockopt(zmq.FD))
        self.monitor_fd = int(self._monitor.getsockopt(zmq.FD))
        try:
            self._socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise RadioError(f"rx_port={self.endpoint} cannot be connected to: {error.strerror}") from error

    def renew(self) -> None:
        """Connect anew: the peer is gone, and with it the request. The file descriptors change."""
        if self.connected:
            _log.warning("%s: the peer is gone; waiting for it to return", self.endpoint)
            self.reconnects += 1
        self.close()
        self.lost, self.connected, self._asked, self._joining = False, False, False, True
        self._discard = 0
        self._hung_up = False
        self._connect()

    def _accept(self, frames: list[Any]) -> bool:
        """Put a reply into the stream; whether it was one."""
        size = len(frames[0].buffer)
        if len(frames) != 1 or size == 0 or size % SAMPLE_BYTES or size > LARGEST_FRAME * SAMPLE_BYTES:
            self._refuse(f"a reply of {len(frames)} parts" if len(frames) != 1 else f"a reply of {size} bytes")
            return False
        samples: NDArray[np.complex64] = np.frombuffer(frames[0].buffer, "<c8")
        self.last_frame = time.monotonic()
        if not np.isfinite(np.vdot(samples, samples)):
            samples = self._cleaned(samples)
        if self._joining:
            self._join()
        skip = min(self._discard, len(samples))
        self._discard -= skip
        self.stream.put(samples[skip:])
        return True

    def _refuse(self, what: str) -> None:
        """Count a reply that is none; say so at most once a second, and do not ask again at once."""
        self.malformed += 1
        now = time.monotonic()
        self._pause_until = now + _PAUSE_S
        if now >= self._next_report:
            self._next_report = now + _REPORT_S
            allowed = f"one frame of 1 to {LARGEST_FRAME} samples of {SAMPLE_BYTES} bytes"
            _log.error("%s: %s was dropped (%d so far): allowed is %s", self.endpoint, what, self.malformed, allowed)

    def _cleaned(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Zeros for samples that are not finite (a sum of squares may also be beyond float32 without any)."""
        bad = ~np.isfinite(samples)
        if not bad.any():
            return samples
        self.malformed += 1
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + _REPORT_S
            _log.error("%s: %d samples that are not finite were made zero", self.endpoint, np.count_nonzero(bad))
        return np.where(bad, np.complex64(0), samples)

    def _join(self) -> None:
        """Line the first reply of a connection up with what the peer took of the transmit stream."""
        self._joining = False
        if self._partner is None:
            return
        asked = self._partner.peer != self._peer_before
        start = self._partner.peer_start if asked else self._partner.stream.delivered
        gap = start - self.stream.end
        if gap > 0:
            self.stream.put(np.zeros(gap, np.complex64))
        self._discard = max(-gap, 0)
        if self.reconnects:
            _log.info("%s: the peer is back; its stream begins at sample %d of the wire", self.endpoint, start)
