"""A radio that is recorded while it runs."""

import logging
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import Radio, Received
from picocell.radio.recorder import base_path
from picocell.radio.stream_recorder import LATE, UNSENT, StreamRecorder

_LOG: Final = logging.getLogger(__name__)

_TURN_S: Final = 0.02
_SYNC_S: Final = 1.0


class RecordedRadio:
    """A :class:`~picocell.radio.interface.Radio` around another whose samples go to recordings too.

    ``<path>_rx`` holds what was received and ``<path>_tx`` what was sent, with zeros where nothing was; with several
    antennas there is one recording each, ``<path>_rx0`` and so on. Both start at the same sample. A thread writes them:
    the radio's own is held for a copy in memory. What is not of `Radio` is the other radio's.

    Args:
        radio: the radio.
        path: name of the recordings, with or without a SigMF suffix.
        rx_frequency: centre frequency of what is received in hertz.
        tx_frequency: of what is sent.
        datatype: ``cf32_le``, or ``ci16_le`` where a component of 1 is full scale.
        description: free text.
        receive: also record what is received; else only ``<path>`` is written, with what is sent.
        buffer_s: seconds of samples that may wait for the disk before they are dropped.

    Attributes:
        radio: the other radio.
        rx, tx: the directions, with what was dropped; ``rx`` is None where it is not recorded.

    Raises:
        ValueError: a data type that is not possible.
        OSError: a file cannot be written.
    """

    def __init__(
        self,
        radio: Radio,
        path: str | Path,
        *,
        rx_frequency: float | None = None,
        tx_frequency: float | None = None,
        datatype: str = "cf32_le",
        description: str = "",
        receive: bool = True,
        buffer_s: float = 1.0,
    ) -> None:
        self.radio = radio
        base = base_path(path)
        base.parent.mkdir(parents=True, exist_ok=True)
        rx_name, tx_name = (base.with_name(f"{base.name}_{way}") if receive else base for way in ("rx", "tx"))
        kind: dict[str, Any] = {"datatype": datatype, "buffer_s": buffer_s}
        text = f"{description}, " if description else ""
        rate = radio.sample_rate
        self.tx = StreamRecorder(
            tx_name, radio.n_tx, rate, tx_frequency, description=f"{text}sent", bursts=True, **kind
        )
        self.rx: StreamRecorder | None = None
        if receive:
            try:
                self.rx = StreamRecorder(rx_name, radio.n_rx, rate, rx_frequency, description=f"{text}received", **kind)
            except BaseException:
                self.tx.close()
                raise
        self._ways = [self.tx] if self.rx is None else [self.rx, self.tx]
        counters = getattr(radio, "counters", None)
        self._counted = hasattr(counters, "dropped") and hasattr(counters, "overflow")
        self._origin: int | None = None
        self._passed = 0  # what is sent before this index is late
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["radio"], name)

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self.radio.sample_rate

    @property
    def n_rx(self) -> int:
        """Receive antennas."""
        return self.radio.n_rx

    @property
    def n_tx(self) -> int:
        """Transmit antennas."""
        return self.radio.n_tx

    def receive(self, n: int) -> Received:
        """The next samples of the radio, at most ``n`` of each antenna."""
        received = self.radio.receive(n)
        length = received.samples.shape[1]
        if length:
            if self._origin is None:
                self._origin = received.time
            if self.rx is not None:
                self.rx.put(received.samples, received.time)
        # a radio that waits in vain has asked for the samples up to there, and sends zeros meanwhile
        self._passed = max(self._passed, received.time + (length or n))
        return received

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        """Send complex64 ``(n_tx, n)`` so that the first sample leaves at index ``time`` of the stream."""
        before = self._dropped() if self._counted else (0, 0)
        self.radio.transmit(samples, time)
        if self._origin is None:
            self._origin = self._passed = time
        late, unsent = min(max(self._passed - time, 0), samples.shape[1]), 0
        if self._counted:
            dropped, overflows = (now - then for now, then in zip(self._dropped(), before, strict=True))
            late = min(late, dropped) if overflows else dropped
            unsent = dropped - late
        for mark, at, n in ((LATE, time, late), (UNSENT, time + samples.shape[1] - unsent, unsent)):
            if n:
                self.tx.not_sent(mark, at, n)
        samples, time = samples[:, late : samples.shape[1] - unsent], time + late
        if samples.shape[1]:
            self.tx.put(samples, time)
            self._passed = time + samples.shape[1]

    def _dropped(self) -> tuple[int, int]:
        """Samples that the radio did not send so far, and how often it had no room for some."""
        counters = self.radio.counters  # type: ignore[attr-defined]
        return counters.dropped, counters.overflow

    def close(self) -> None:
        """Close the radio and end the recordings. A second call does nothing."""
        self.radio.close()
        if self._end.is_set():
            return
        self._end.set()
        self._thread.join()
        dropped = sum(way.dropped for way in self._ways)
        if dropped:
            _LOG.warning("recording: %d samples were dropped: the disk was too slow", dropped)

    def _run(self) -> None:
        """The thread that writes."""
        next_sync = time.monotonic() + _SYNC_S
        changed = False
        try:
            while not self._end.wait(_TURN_S):
                changed = self._work() or changed
                if changed and time.monotonic() >= next_sync:
                    self._sync()
                    changed, next_sync = False, time.monotonic() + _SYNC_S
            self._sync()
        finally:
            for way in self._ways:
                way.close()

    def _sync(self) -> None:
        """Bring both recordings to the same sample, and their metadata up to date."""
        passed = self._passed  # read before the samples: what is sent up to there has been put, or is late
        self._work()
        if self._origin is not None:
            self.tx.silence_until(passed)
        for way in self._ways:
            way.sync()

    def _work(self) -> bool:
        if self._origin is None:
            return False
        found = False
        for way in self._ways:
            way.begin(self._origin)
            found = way.work() or found
        return found
