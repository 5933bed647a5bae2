"""The ZeroMQ radio: a subframe sent and one received, the peer in another process; CPU time of all threads here."""

import atexit
import multiprocessing
import socket
from collections.abc import Callable

import numpy as np
import zmq

from picocell.radio.zmq import ZmqArgs, ZmqRadio

RATES = ((6, 1.92e6), (25, 5.76e6), (25, 7.68e6), (50, 11.52e6), (100, 23.04e6), (100, 30.72e6))


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = [
        (f"zmq radio, subframe both ways, {n_prb} PRB, {rate / 1e6:g} Msps", Exchange(rate, rate), None)
        for n_prb, rate in RATES
    ]
    found.append(("zmq radio, subframe both ways, 1.92 on 23.04 Msps", Exchange(1.92e6, 23.04e6), None))
    return found


class Exchange:
    """One subframe both ways a call; radio and peer start with the first."""

    def __init__(self, rate: float, base_srate: float) -> None:
        self._rate, self._base = rate, base_srate
        self._n = round(rate / 1000)
        self._radio: ZmqRadio | None = None

    def __call__(self) -> None:
        if self._radio is None:
            self._start()
        radio = self._radio
        assert radio is not None
        radio.transmit(self._block, radio.time + 4 * self._n)
        if radio.receive(self._n).samples.shape[1] != self._n:
            raise RuntimeError("the peer sends nothing")

    def _start(self) -> None:
        ours, theirs = _free_port(), _free_port()
        peer = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, ours, round(self._base / 1000)), daemon=True
        )
        peer.start()
        atexit.register(peer.terminate)
        args = ZmqArgs((f"tcp://127.0.0.1:{ours}",), (f"tcp://127.0.0.1:{theirs}",), self._base)
        self._radio = ZmqRadio(args, self._rate, timeout=30.0)
        atexit.register(self._radio.close)
        self._block = np.ones((1, self._n), np.complex64)


def serve(own: int, other: int, n: int) -> None:
    """A peer that answers each subframe that it takes with one of its own; its first is in advance."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    answering, asking = context.socket(zmq.REP), context.socket(zmq.REQ)
    answering.bind(f"tcp://127.0.0.1:{own}")
    asking.connect(f"tcp://127.0.0.1:{other}")
    block = np.ones(n, np.complex64).tobytes()
    poller = zmq.Poller()
    for each in (answering, asking):
        poller.register(each, zmq.POLLIN)
    credit, asked = n, False
    asking.send(b"\xff")
    while True:
        for each, _ in poller.poll():
            if each is asking:
                credit += len(asking.recv()) // 8
                asking.send(b"\xff")
            else:
                answering.recv()
                asked = True
                poller.unregister(answering)
        if asked and credit >= n:
            answering.send(block)
            poller.register(answering, zmq.POLLIN)
            credit, asked = credit - n, False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
