"""The other end of a ZeroMQ radio, in bare sockets and from the description of the wire alone."""

import itertools
import threading
from collections.abc import Iterable

import numpy as np
import zmq
from numpy.typing import NDArray

from picocell.radio.zmq import ZmqRadio
from support.waiting import LONG_S


def echo(args: str, rate: float, n_subframes: int) -> None:
    """A radio that sends back what comes, four subframes later."""
    n = round(rate / 1000)
    with ZmqRadio(args, rate, timeout=LONG_S) as radio:
        for _ in range(n_subframes):
            got = radio.receive(n)
            radio.transmit(got.samples, got.time + 4 * n)
        radio.receive(n, 0.3)  # lets the last leave


class Peer:
    """Reads as far ahead as it is given samples, and answers requests from what it was fed, in odd lengths.

    Args:
        own: port to answer at.
        other: port to ask at.
        lengths: samples of the replies, repeated for ever.
    """

    def __init__(self, own: int, other: int, lengths: Iterable[int] = (333, 1000, 1, 5760)) -> None:
        self._own, self._other = own, other
        self._lengths = itertools.cycle(lengths)
        self._fed: list[bytes] = []
        self._taken: list[bytes] = []
        self._changed = threading.Condition()
        self._stopped = False
        self.largest = 0
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._ask, self._answer)]
        for thread in self._threads:
            thread.start()

    def feed(self, samples: NDArray[np.complex64]) -> None:
        """Samples to answer with."""
        n = 0
        while n < len(samples):
            length = next(self._lengths)
            self.feed_raw(samples[n : n + length].astype("<c8").tobytes())
            n += length

    def feed_raw(self, *frames: bytes) -> None:
        """Whole replies."""
        with self._changed:
            self._fed += frames
            self._changed.notify_all()

    def taken(self, n: int, timeout: float = LONG_S) -> NDArray[np.complex64]:
        """All samples taken, once there are at least ``n``."""
        with self._changed:
            if not self._changed.wait_for(lambda: sum(map(len, self._taken)) >= 8 * n, timeout):
                raise TimeoutError(f"{sum(map(len, self._taken)) // 8} of {n} samples came")
            return np.frombuffer(b"".join(self._taken), "<c8")

    def stop(self) -> None:
        """Vanish."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ask(self) -> None:
        with zmq.Context() as context, context.socket(zmq.REQ) as asking:
            asking.linger = 0
            asking.connect(f"tcp://127.0.0.1:{self._other}")
            while not self._stopped:
                asking.send(b"\xff")
                while not asking.poll(20):
                    if self._stopped:
                        return
                frame = asking.recv()
                with self._changed:
                    self._taken.append(frame)
                    self.largest = max(self.largest, len(frame) // 8)
                    self._changed.notify_all()

    def _answer(self) -> None:
        with zmq.Context() as context, context.socket(zmq.REP) as answering:
            answering.linger = 0
            answering.bind(f"tcp://127.0.0.1:{self._own}")
            while not self._stopped:
                if not answering.poll(20):
                    continue
                answering.recv()
                with self._changed:
                    self._changed.wait_for(lambda: self._fed or self._stopped)
                    if self._stopped:
                        return
                    frame = self._fed.pop(0)
                answering.send(frame)
