"""Ends of the ZeroMQ wire with other programs' habits, in bare sockets and from the description of the wire alone."""

import itertools
import threading
import time
from collections.abc import Iterable
from typing import Final, Self

import numpy as np
import zmq
from numpy.typing import NDArray

from support.waiting import LONG_S

RING: Final = 3_072_000
"""Samples that such an end reads ahead, where there are so many."""

_IDLE_MS: Final = 20


class _Wire:
    """A thread with a REQ socket to one peer and a REP socket for the other, or the same; a context manager.

    Args:
        asks: port at which samples are asked for.
        answers: port at which samples are given.
        lengths: samples of the answers, repeated for ever; what there is of it.
    """

    def __init__(self, asks: int, answers: int, lengths: Iterable[int]) -> None:
        self._ports = asks, answers
        self._lengths = itertools.cycle(lengths)
        self._out: list[NDArray[np.complex64]] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.taken = 0
        self.given = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def waiting(self) -> int:
        """Samples that were taken and are not given yet; counted at one moment."""
        with self._lock:
            return self.taken - self.given

    def stop(self) -> None:
        """Vanish."""
        self._stopped.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # of the kind of end

    def _took(self, samples: NDArray[np.complex64]) -> None:
        """Samples came."""
        raise NotImplementedError

    def _has_room(self) -> bool:
        """Whether more are asked for."""
        return True

    def _speaks(self) -> bool:
        """Whether requests are answered."""
        return True

    # the wire

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.REQ) as asking, context.socket(zmq.REP) as answering:
            poller = zmq.Poller()
            for one in (asking, answering):
                one.linger = 0
                poller.register(one, zmq.POLLIN)
            asking.connect(f"tcp://127.0.0.1:{self._ports[0]}")
            answering.bind(f"tcp://127.0.0.1:{self._ports[1]}")
            has_asked = is_asked = False
            while not self._stopped.is_set():
                if not has_asked and self._has_room():
                    asking.send(b"\xff")
                    has_asked = True
                if is_asked and self._speaks() and (frame := self._next_frame()):
                    answering.send(frame)
                    is_asked = False
                ready = dict(poller.poll(_IDLE_MS))
                if asking in ready:
                    found = np.frombuffer(asking.recv(), "<c8")
                    with self._lock:
                        self.taken += len(found)
                    self._took(found)
                    has_asked = False
                if answering in ready:
                    answering.recv()
                    is_asked = True

    def _next_frame(self) -> bytes:
        with self._lock:
            if not self._out:
                return b""
            length = next(self._lengths)
            parts: list[NDArray[np.complex64]] = []
            while self._out and length:
                part = self._out[0][:length]
                self._out[0] = self._out[0][length:]
                if not len(self._out[0]):
                    self._out.pop(0)
                parts.append(part)
                length -= len(part)
            samples = np.concatenate(parts)
            self.given += len(samples)
        return samples.astype("<c8").tobytes()


class Relay(_Wire):
    """One direction between two programs: reads ahead, answers in other lengths, and multiplies by a gain.

    Args:
        asks: port of the program that gives samples.
        answers: own port, where the other one takes them.
        lengths: samples of the answers, repeated for ever.
        gain: amplitude.
    """

    def __init__(self, asks: int, answers: int, lengths: Iterable[int] = (333, 1000), gain: float = 1.0) -> None:
        self._gain = np.float32(gain)
        self.peak = 0.0
        super().__init__(asks, answers, lengths)

    def _took(self, samples: NDArray[np.complex64]) -> None:
        amplified = samples * self._gain
        self.peak = max(self.peak, float(np.abs(amplified).max(initial=0)))
        with self._lock:
            self._out.append(amplified)

    def _has_room(self) -> bool:
        return self.taken - self.given < RING


class ForeignPhone(_Wire):
    """A phone of foreign habits: it hears all that there is at once, and shouts at random.

    Args:
        asks: the air's port.
        answers: its own.
        n: its samples a millisecond.
        peak: the largest amplitude that it sends.
        lengths: samples of the answers, repeated for ever.

    Attributes:
        quiet: it hears, and answers nobody.
    """

    AHEAD: Final = 4
    KEPT_MS: Final = 400

    def __init__(
        self, asks: int, answers: int, n: int, *, peak: float = 3000.0, lengths: Iterable[int] = (333, 1000)
    ) -> None:
        self._n = n
        rng = np.random.default_rng(1)
        noise = peak * rng.uniform(0.6, 1, n) * np.exp(2j * np.pi * rng.uniform(0, 1, n))
        self._noise = noise.astype(np.complex64)
        self._heard: list[NDArray[np.complex64]] = []
        self._sent = 0
        self.quiet = threading.Event()
        super().__init__(asks, answers, lengths)
        self._send(self.AHEAD * n)

    def skip(self) -> None:
        """Waiting took too long: it goes on with the millisecond that follows, and has sent nothing in this one."""
        self._append(np.zeros(self._n, np.complex64))

    def heard(self, n: int, timeout: float = LONG_S) -> NDArray[np.complex64]:
        """The last samples that it heard, once there were so many."""
        end = time.monotonic() + timeout
        while self.taken < n:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.taken} of {n} samples came")
            time.sleep(0.01)
        with self._lock:
            return np.concatenate(self._heard)[-n:]

    def _took(self, samples: NDArray[np.complex64]) -> None:
        with self._lock:
            self._heard.append(samples)
            while len(self._heard) > 1 and sum(map(len, self._heard[1:])) > self.KEPT_MS * self._n:
                self._heard.pop(0)
        # what is sent follows what is heard, a millisecond at a time
        missing = self.taken + self.AHEAD * self._n - self._sent
        if missing >= self._n:
            self._send(missing // self._n * self._n)

    def _speaks(self) -> bool:
        return not self.quiet.is_set()

    def _send(self, n: int) -> None:
        self._sent += n
        self._append(np.tile(self._noise, n // self._n))

    def _append(self, samples: NDArray[np.complex64]) -> None:
        with self._lock:
            self._out.append(samples)
