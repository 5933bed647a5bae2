"""A device of a software-defined radio that does what a test wrote down."""

import queue
import threading

import numpy as np
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.sdr.device import Read, TxKind

RATE = 1e6
N = 1000


class ScriptedDevice:
    """Gives what is put into it, and keeps what it is to send; samples tell their device time."""

    name, sample_rate = "scripted", RATE

    def __init__(self) -> None:
        self.script: queue.Queue[Read | Exception] = queue.Queue()
        self.sent: list[tuple[int, bool, NDArray[np.complex64]]] = []
        self.told: queue.Queue[TxKind] = queue.Queue()
        self.room = 1 << 30
        self.ends: list[int] = []  # the device's time behind each read
        self.started = self.closed = 0
        self.idle = threading.Event()
        self._rest: Read | None = None

    def give(self, *times: int, n: int = N, overflow: bool = False) -> None:
        """Blocks of samples from these times on."""
        for time in times:
            self.script.put(Read(n, time, overflow))

    def start(self) -> None:
        self.started += 1

    def read(self, out: NDArray[np.complex64], timeout: float) -> Read:
        del timeout
        try:
            got = self._rest or self.script.get(timeout=0.01)
        except queue.Empty:
            self.idle.set()
            return Read(0)
        self._rest = None
        if isinstance(got, Exception):
            raise got
        if got.n > out.shape[1]:
            n, time = out.shape[1], got.time
            self._rest = Read(got.n - n, None if time is None else time + n)
            got = Read(n, time, got.overflow)
        if got.n and got.time is not None:
            out[:, : got.n] = np.arange(got.time, got.time + got.n)
            self.ends.append(got.time + got.n)
        return got

    def write(self, samples: NDArray[np.complex64], time: int, *, end: bool, timeout: float) -> int:
        del timeout
        if self.closed:
            raise RadioError("scripted: closed")
        n = min(samples.shape[1], self.room)
        self.sent.append((time, end, samples[:, :n].copy()))
        self.room -= n
        return n

    def status(self, timeout: float) -> TxKind | None:
        del timeout
        try:
            return self.told.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        self.closed += 1
