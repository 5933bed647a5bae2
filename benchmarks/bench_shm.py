"""The shared memory radio beside the ZeroMQ one: a subframe sent and one received, the peer in another process.

Times are CPU time of all threads of this process; the peer takes about as much.
"""

import atexit
import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from picocell.radio.interface import Radio
from picocell.radio.open import open_radio

RATES: Final = ((6, 1.92e6), (25, 5.76e6), (50, 11.52e6), (100, 23.04e6))
AHEAD: Final = 3


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names and calls; no other stack has the like to compare with."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for n_prb, rate in RATES:
        for kind in ("shm", "zmq"):
            found.append((f"{kind} between two radios, subframe both ways, {n_prb} PRB", Exchange(kind, rate), None))
    return found


class Exchange:
    """One subframe both ways a call; radio and peer start with the first."""

    def __init__(self, kind: str, rate: float) -> None:
        self._kind, self._rate = kind, rate
        self._n = round(rate / 1000)
        self._radio: Radio | None = None

    def __call__(self) -> None:
        if self._radio is None:
            self._radio = self._start()
        radio = self._radio
        radio.transmit(self._block, self._time + AHEAD * self._n)
        if radio.receive(self._n).samples.shape[1] != self._n:
            raise RuntimeError("the peer sends nothing")
        self._time += self._n

    def _start(self) -> Radio:
        own, other = _names(self._kind)
        self._block, self._time = np.ones((1, self._n), np.complex64), 0
        peer = multiprocessing.get_context("spawn").Process(target=serve, args=(other, self._rate), daemon=True)
        peer.start()
        radio = _open(own, self._rate)
        # the peer first: this end then removes what is left of it
        atexit.register(radio.close)
        atexit.register(peer.join, 10)
        atexit.register(peer.terminate)
        return radio


def serve(args: str, rate: float) -> None:
    """A peer that sends as much as it hears."""
    n = round(rate / 1000)
    radio, block, time = _open(args, rate), np.ones((1, n), np.complex64), 0
    while radio.receive(n).samples.shape[1] == n:
        time += n
        radio.transmit(block, time)


def _open(args: str, rate: float) -> Radio:
    radio = open_radio(f"{args},base_srate={rate:g}", rate)
    assert isinstance(radio, Radio)
    radio.timeout = 30.0  # type: ignore[attr-defined]
    return radio


def _names(kind: str) -> tuple[str, str]:
    """Device arguments of both ends."""
    if kind == "shm":
        one, other = (f"bench-{os.getpid()}-{np.random.default_rng().integers(1 << 30)}.{way}" for way in ("dl", "ul"))
        return f"tx_shm={one},rx_shm={other}", f"tx_shm={other},rx_shm={one}"
    one, other = (str(_free_port()) for _ in range(2))
    return (
        f"tx_port=tcp://127.0.0.1:{one},rx_port=tcp://127.0.0.1:{other}",
        f"tx_port=tcp://127.0.0.1:{other},rx_port=tcp://127.0.0.1:{one}",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
