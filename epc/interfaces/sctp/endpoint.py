"""An SCTP endpoint of a process: what the kernel's SCTP and usrsctp have in common.

One thread of the endpoint moves messages between the stack and two queues, so that a caller never waits: `send` leaves
what the stack does not take at once in the association's queue, and what comes in waits for `next_event`, which an
event loop calls when `fileno` is readable.
"""

import atexit
import contextlib
import errno
import logging
import os
import selectors
import socket
import struct
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from picocell.epc.interfaces.sctp.events import (
    AssociationDown,
    AssociationUp,
    Change,
    SctpError,
    SctpEvent,
    SctpMessage,
    reason_of,
)
from picocell.epc.interfaces.sockets import checked_address, checked_port

logger = logging.getLogger(__name__)

S1AP_PPID: Final = 18
"""Payload protocol identifier of S1AP (TS 36.412 7)."""
STREAMS: Final = 16
"""Streams asked for and allowed in each direction; at least two are needed (TS 36.412 7)."""
MAX_MESSAGE: Final = 1 << 18
"""Longest message, in bytes, that is sent or put together; a peer that sends a longer one is aborted."""
MAX_UNSENT: Final = 1 << 24
"""Bytes of an association that may wait for the stack before `send` refuses more."""
MAX_EVENTS: Final = 4096
MAX_EVENT_BYTES: Final = 1 << 24
"""Events and bytes that wait for `next_event` before the endpoint stops reading, so that the peers' windows close."""

# With these a peer that vanished is noticed in some 5 s if data is under way, in some 10 s if not.
RTO_INITIAL_MS: Final = 500
RTO_MIN_MS: Final = 200
RTO_MAX_MS: Final = 2000
HEARTBEAT_MS: Final = 1000
MAX_RETRANSMISSIONS: Final = 4
INIT_ATTEMPTS: Final = 4
SACK_DELAY_MS: Final = 20
BUFFER_BYTES: Final = 1 << 20

SHUTDOWN_SECONDS: Final = 3.0
"""How long `close` waits for the peers' SHUTDOWN ACK."""


ASSOCIATION_CHANGE: Final = struct.Struct("=HHIHHHHi")
"""sctp_assoc_change: type, flags, length, state, error, streams out, streams in, association."""


@dataclass(slots=True)
class Association:
    """What the endpoint keeps of one association; ``handle`` is the stack's number of it, if known yet."""

    number: int
    peer: tuple[str, int]
    handle: int | None = None
    up: bool = False
    closing: bool = False
    ended: bool = False
    streams_out: int = 0
    parts: dict[int, bytearray] = field(default_factory=dict)
    unsent: deque[tuple[bytes, int, int]] = field(default_factory=deque)
    unsent_bytes: int = 0


class Signal:
    """A file descriptor that is readable while something is to be done."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._reader.fileno()

    def set(self) -> None:
        """Make it readable."""
        # It may be full, and so readable, or closed.
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Make it not readable."""
        with contextlib.suppress(OSError):
            while len(self._reader.recv(4096)) == 4096:
                pass

    def close(self) -> None:
        """Free both ends."""
        self._reader.close()
        self._writer.close()


class SctpEndpoint(ABC):
    """An SCTP socket with any number of associations; safe to use from several threads.

    ``lock`` guards the stack and the table of associations.
    """

    messages_come_from_descriptor = True
    """Whether the thread need not wait for the descriptor while nobody takes messages."""

    def __init__(self, address: str, port: int, lock: "threading.RLock | None" = None) -> None:
        self.address = address
        self.port = port
        self.process = os.getpid()
        self._lock = threading.RLock() if lock is None else lock
        self._associations: dict[int, Association] = {}
        self._by_handle: dict[int, Association] = {}
        self._last_number = 0
        self._busy: dict[int, Association] = {}
        self._events: deque[SctpEvent] = deque()
        self._event_bytes = 0
        self._events_lock = threading.Lock()
        self._ready = Signal()
        self._wake = Signal()
        self._closed = False
        self._idle = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._run, name=f"sctp {address}:{port}", daemon=True)

    @property
    @abstractmethod
    def mode(self) -> str:
        """In words, what carries the associations."""

    @abstractmethod
    def _listen(self) -> None:
        """Let peers establish associations."""

    @abstractmethod
    def _connect(self, peer: tuple[str, int]) -> int | None:
        """Begin an association; its handle, or None if only a notification will tell it."""

    @abstractmethod
    def _try_send(self, handle: int, data: bytes, stream: int, ppid: int) -> bool:
        """Give a message to the stack; False if it has no room now. OSError if the association is gone."""

    @abstractmethod
    def _end(self, handle: int, abort: bool) -> bool:
        """Begin to end an association; False if there is no room for that now."""

    @abstractmethod
    def _descriptor(self) -> int:
        """What the thread waits for besides its wake-up."""

    @abstractmethod
    def _wait_seconds(self) -> float | None:
        """How long the thread may sleep."""

    @abstractmethod
    def _work(self, reading: bool) -> None:
        """Take in what has come, unless ``reading`` is false, and run timers; the lock is held."""

    @abstractmethod
    def _close(self) -> None:
        """Free the stack's part; the thread has ended, the lock is held."""

    # What applications use.

    def listen(self) -> None:
        """Accept associations from now on; each is reported by `AssociationUp`.

        Raises:
            SctpError: the endpoint is closed, or nobody could reach it.
        """
        with self._lock:
            self._check_open()
            self._listen()

    def connect(self, address: str, port: int) -> int:
        """Begin an association and return its number; `AssociationUp` or `AssociationDown` follows.

        Raises:
            ValueError: not an IPv4 address or port.
            SctpError: an association with that peer exists already, or the system refuses.
        """
        peer = (checked_address(address), checked_port(port, lowest=1))
        with self._lock:
            self._check_open()
            if any(a.peer == peer and not a.closing for a in self._associations.values()):
                raise SctpError(errno.EISCONN, f"there is an association with {peer[0]}:{peer[1]} already")
            association = self._add(peer, None)
            try:
                association.handle = self._connect(peer)
            except OSError:
                del self._associations[association.number]
                raise
            if association.handle is not None:
                self._by_handle[association.handle] = association
            self._wake.set()
            return association.number

    def send(self, association: int, data: bytes, *, stream: int, ppid: int = S1AP_PPID) -> None:
        """Send one message, in order within its stream; never waits.

        Raises:
            ValueError: an empty or too long message, or a stream that the association does not have.
            SctpError: the association is not (or no longer) established, or `MAX_UNSENT` bytes wait already.
        """
        if not 0 < len(data) <= MAX_MESSAGE:
            raise ValueError(f"a message has 1 to {MAX_MESSAGE} bytes, not {len(data)}")
        with self._lock:
            known = self._associations.get(association)
            if known is None or not known.up or known.closing or known.handle is None:
                raise SctpError(errno.ENOTCONN, f"association {association} is not established")
            if not 0 <= stream < known.streams_out:
                raise ValueError(f"association {association} has streams 0 to {known.streams_out - 1}, not {stream}")
            if not known.unsent and self._give(known, data, stream, ppid):
                return
            if known.unsent_bytes + len(data) > MAX_UNSENT:
                raise SctpError(
                    errno.ENOBUFS, f"{known.unsent_bytes} bytes wait for {known.peer[0]} already: it does not read"
                )
            known.unsent.append((bytes(data), stream, ppid))
            known.unsent_bytes += len(data)
            self._busy[association] = known
            self._wake.set()

    def disconnect(self, association: int, *, abort: bool = False) -> None:
        """End one association, by SHUTDOWN or ABORT; `AssociationDown` follows. An unknown number is ignored."""
        with self._lock:
            known = self._associations.get(association)
            if known is None or (known.closing and not abort):
                return
            known.closing = True
            self._busy[association] = known
            if known.handle is not None and (abort or not known.up):
                self._abort(known, "aborted by this side" if known.up else "given up by this side")
            self._wake.set()

    def next_event(self) -> SctpEvent | None:
        """The next event, None if there is none now."""
        if not self._events:  # as nearly always where it is asked every millisecond
            return None
        with self._events_lock:
            was_full = self._full()
            event = self._events.popleft() if self._events else None
            if isinstance(event, SctpMessage):
                self._event_bytes -= len(event.data)
            if not self._events:
                self._ready.clear()
            resume = was_full and not self._full()
        if resume:
            self._wake.set()
        return event

    def fileno(self) -> int:
        """Descriptor that is readable while there are events."""
        return self._ready.fileno()

    def close(self, abort: bool = False) -> None:
        """End all associations, waiting up to `SHUTDOWN_SECONDS` unless ``abort``, and free everything."""
        with self._lock:
            if self._closed:
                return
            for association in list(self._associations.values()):
                self.disconnect(association.number, abort=abort)
            if threading.current_thread() is not self._thread and self._thread.is_alive():
                self._idle.wait_for(lambda: not self._associations, SHUTDOWN_SECONDS)
            for association in list(self._associations.values()):
                self._abort(association, "aborted by this side")
            self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._close()
        self._wake.close()
        self._ready.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(abort=kind is not None)

    # What the stacks use.

    def _start(self) -> None:
        _open.add(self)
        self._thread.start()

    def _check_open(self) -> None:
        if self._closed:
            raise SctpError(errno.EBADF, "the SCTP endpoint is closed")

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(self._descriptor(), selectors.EVENT_READ)
            waiting = True
            while True:
                reading = not self._full()
                if waiting != (reading or not self.messages_come_from_descriptor):
                    waiting = not waiting
                    if waiting:
                        selector.register(self._descriptor(), selectors.EVENT_READ)
                    else:
                        selector.unregister(self._descriptor())
                ready = selector.select(self._wait_seconds())
                if any(key.fileobj is self._wake for key, _ in ready):
                    self._wake.clear()
                with self._lock:
                    if self._closed:
                        return
                    try:
                        self._work(reading)
                        self._flush()
                    except OSError as exc:
                        logger.warning("SCTP of %s:%d: %s", self.address, self.port, exc)

    def _full(self) -> bool:
        return len(self._events) >= MAX_EVENTS or self._event_bytes >= MAX_EVENT_BYTES

    def _flush(self) -> None:
        """Give the stack what waited for it."""
        for association in list(self._busy.values()):
            while association.unsent and self._give(association, *association.unsent[0]):
                association.unsent_bytes -= len(association.unsent.popleft()[0])
            if association.unsent or (association.closing and association.handle is None):
                continue
            if association.closing and not association.ended and association.handle is not None:
                association.ended = self._end(association.handle, abort=False)
                if not association.ended:
                    continue
            del self._busy[association.number]

    def _abort(self, association: Association, reason: str) -> None:
        if association.handle is not None:
            self._end(association.handle, abort=True)
        self._down(association, reason)

    def _give(self, association: Association, data: bytes, stream: int, ppid: int) -> bool:
        if association.handle is None:
            return False
        try:
            return self._try_send(association.handle, data, stream, ppid)
        except OSError as exc:
            # The notification that says so is on its way: what is sent in between is lost as it would be in flight.
            logger.debug("SCTP to %s:%d: %s", *association.peer, exc)
            return True

    def _add(self, peer: tuple[str, int], handle: int | None) -> Association:
        self._last_number += 1
        association = Association(self._last_number, peer, handle)
        self._associations[association.number] = association
        if handle is not None:
            self._by_handle[handle] = association
        return association

    def _emit(self, event: SctpEvent) -> None:
        with self._events_lock:
            self._events.append(event)
            if isinstance(event, SctpMessage):
                self._event_bytes += len(event.data)
            if len(self._events) == 1:
                self._ready.set()

    def _down(self, association: Association, reason: str) -> None:
        if self._associations.pop(association.number, None) is None:
            return
        self._busy.pop(association.number, None)
        if association.handle is not None:
            self._by_handle.pop(association.handle, None)
        self._emit(AssociationDown(association.number, reason))
        self._idle.notify_all()

    def _changed(self, notification: bytes, peer: tuple[str, int], first_state: int) -> None:
        """Act on an sctp_assoc_change; ``first_state`` is the stack's number of COMM_UP."""
        if len(notification) < ASSOCIATION_CHANGE.size:
            return
        _, _, _, state, _, streams_out, streams_in, handle = ASSOCIATION_CHANGE.unpack_from(notification)
        abort_chunk = notification[ASSOCIATION_CHANGE.size :]
        change = Change(state - first_state)
        is_up = change in (Change.UP, Change.RESTART)
        known = self._by_handle.get(handle)
        if known is None and (is_up or change is Change.CANNOT_START):
            known = next((a for a in self._associations.values() if a.handle is None and a.peer == peer), None)
            if known is not None:
                known.handle = handle
                self._by_handle[handle] = known
        if known is not None and not is_up:
            self._down(known, reason_of(change, abort_chunk))
        elif known is not None and known.closing:
            self._abort(known, "given up by this side")
        elif is_up:
            if known is not None and known.up:
                self._down(known, "restarted by the peer")
                known = None
            association = known or self._add(peer, handle)
            association.up = True
            association.streams_out = streams_out
            self._emit(AssociationUp(association.number, peer, streams_out, streams_in))

    def _received(self, handle: int, data: bytes, stream: int, ppid: int, complete: bool) -> None:
        """Put together what the stack delivered, which may be a part of a message."""
        association = self._by_handle.get(handle)
        if association is None:
            return
        parts = association.parts.pop(stream, None)
        if parts is None and complete:
            self._emit(SctpMessage(association.number, stream, ppid, data))
            return
        parts = bytearray() if parts is None else parts
        parts += data
        if len(parts) > MAX_MESSAGE:
            self._abort(association, f"aborted by this side: a message of more than {MAX_MESSAGE} bytes")
        elif complete:
            self._emit(SctpMessage(association.number, stream, ppid, bytes(parts)))
        else:
            association.parts[stream] = parts


_open: "weakref.WeakSet[SctpEndpoint]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Tell the peers of a program that ends without `close`."""
    for endpoint in list(_open):
        # What a forked child inherits is its parent's.
        if endpoint.process == os.getpid():
            endpoint.close(abort=True)
