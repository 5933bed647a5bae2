"""A ZeroMQ radio in tests: its arguments, what it sends, and all that it receives."""

import time

import numpy as np
from numpy.typing import NDArray

from picocell.radio.zmq import ZmqRadio
from support.waiting import LONG_S

RATE = 1.92e6
SUBFRAME = 1920


def noise(n: int, seed: int = 1, channels: int | None = None) -> NDArray[np.complex64]:
    shape = (n, 2) if channels is None else (channels, n, 2)
    values = 3000 * np.random.default_rng(seed).standard_normal(shape, np.float32)
    return values.view(np.complex64)[..., 0]


def arguments(own: int, other: int, base: float = RATE, **more: object) -> str:
    extra = "".join(f",{key}={value}" for key, value in more.items())
    return f"tx_port=tcp://127.0.0.1:{own},rx_port=tcp://127.0.0.1:{other},base_srate={base:g}{extra}"


def receive_all(radio: ZmqRadio, n: int, timeout: float = LONG_S) -> NDArray[np.complex64]:
    """The next ``n`` samples whatever the stalls."""
    end = time.monotonic() + timeout
    while not (got := radio.receive(n, 0.2)).samples.shape[1]:
        assert time.monotonic() < end, "no samples"
    return got.samples
