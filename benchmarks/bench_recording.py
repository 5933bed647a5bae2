"""Recording a radio: what it costs the radio's own thread, a subframe in each direction."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from picocell.radio.sample_ring import SampleRing
from picocell.radio.stream_recorder import StreamRecorder

RATES = ((6, 1.92e6), (25, 5.76e6), (100, 23.04e6))


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = [
        (f"recording, subframe both ways into the queue, {n_prb} PRB", Queued(rate), None) for n_prb, rate in RATES
    ]
    found += [
        (f"recording, subframe written, {n_prb} PRB (the other thread)", Written(rate), None) for n_prb, rate in RATES
    ]
    return found


class Queued:
    """One subframe each way into the queues a call; they are emptied without being written."""

    def __init__(self, rate: float) -> None:
        self._n = round(rate / 1000)
        self._rings = [SampleRing(1, 100 * self._n) for _ in range(2)]
        self._block: NDArray[np.complex64] = np.ones((1, self._n), np.complex64)
        self._time = 0

    def __call__(self) -> None:
        for ring in self._rings:
            if not ring.put(self._block, self._time):
                for _ in ring.drain():
                    pass
        self._time += self._n


class Written:
    """One subframe through the queue into a file a call; the file begins anew now and then."""

    def __init__(self, rate: float) -> None:
        self._rate, self._n = rate, round(rate / 1000)
        self._block: NDArray[np.complex64] = np.ones((1, self._n), np.complex64)
        self._folder = tempfile.TemporaryDirectory(prefix="picocell-bench-")
        self._recorder: StreamRecorder | None = None
        self._time = 0

    def __call__(self) -> None:
        if self._recorder is None or self._time >= self._rate:
            if self._recorder is not None:
                self._recorder.close()
            path = Path(self._folder.name) / "r"
            self._recorder, self._time = StreamRecorder(path, 1, self._rate, None, bursts=True), 0
        self._recorder.put(self._block, self._time)
        self._recorder.work()
        self._time += self._n
