"""One direction of a radio, written to recordings as it comes: one recording an antenna."""

import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.recorder import Recorder, base_path
from picocell.radio.sample_ring import Mark, SampleRing

_LOG: Final = logging.getLogger(__name__)

LOST: Final = "lost"
"""Kind of a mark: samples for which there was no room on their way to the file."""
LATE: Final = "late"
"""Kind of a mark: samples that were to be sent when their time had passed."""
UNSENT: Final = "dropped"
"""Kind of a mark: samples that the radio had no room for."""

_SAYS: Final = {LATE: "were late and not sent", UNSENT: "were not sent: the radio had no room for them"}

MAX_BURSTS: Final = 20_000
"""Bursts that are annotated in a recording: metadata of any length help nobody."""

_LONGEST_SILENCE_S: Final = 60.0


def antenna_paths(path: Path, n: int) -> list[Path]:
    """Names of the recordings of ``n`` antennas: one has no number."""
    base = base_path(path)
    return [base] if n == 1 else [base.with_name(f"{base.name}{antenna}") for antenna in range(n)]


class StreamRecorder:
    """Takes samples of all antennas from a thread that must not wait; `work` writes them, in another.

    Args:
        path: name of the recording; with several antennas their numbers are appended.
        n_channels: antennas.
        sample_rate: samples per second.
        frequency: centre frequency in hertz.
        datatype: ``cf32_le`` or ``ci16_le``.
        description: free text.
        bursts: what lies between the samples is silence, and what is not is annotated; else it is a gap.
        buffer_s: seconds of samples that may wait for the disk.

    Attributes:
        dropped: samples of an antenna for which there was no room, or no file any more.
        unsent: samples of an antenna that the radio did not send.
        failure: why nothing is written any more; None as long as it is.

    Raises:
        ValueError: a data type or rate that is not possible.
        OSError: a file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        n_channels: int,
        sample_rate: float,
        frequency: float | None,
        *,
        datatype: str = "cf32_le",
        description: str = "",
        bursts: bool = False,
        buffer_s: float = 1.0,
    ) -> None:
        self.dropped = self.unsent = 0
        self.failure: OSError | None = None
        self._rate = sample_rate
        self._ring = SampleRing(n_channels, max(round(buffer_s * sample_rate), 1))
        self._recorders: list[Recorder] = []
        try:
            for name in antenna_paths(path, n_channels):
                self._recorders.append(Recorder(name, sample_rate, frequency, datatype, description))
        except BaseException:
            self.close()
            raise
        self._bursts = bursts
        self._n_bursts = 0
        self._burst: list[dict[str, Any]] = []  # annotations of the one that goes on
        self._burst_start = 0
        self._pending = 0  # dropped samples that no mark speaks of yet
        self._lost = 0  # samples of which a mark said that they are missing
        self._back = 0  # by how much the time of the radio jumped back
        self._begun = False

    @property
    def time(self) -> int:
        """Index of the sample after the last that was written."""
        return self._recorders[0].time

    # for the thread that must not wait

    def put(self, samples: NDArray[np.complex64], time: int) -> None:
        """Take samples ``(n_channels, n)`` whose first is at index ``time``."""
        if self._pending:
            self._ring.mark(LOST, time, self._pending)
            self._pending = 0
        if self.failure is not None or not self._ring.put(samples, time):
            self._pending += samples.shape[1]
            self.dropped += samples.shape[1]

    def not_sent(self, kind: str, time: int, n: int) -> None:
        """Take note of ``n`` samples for index ``time`` that were not sent: they were `LATE`, or `UNSENT`."""
        self.unsent += n
        if self.failure is None:
            self._ring.mark(kind, time, n)

    # for the other

    def work(self) -> bool:
        """Write what has come; whether anything had."""
        some = False
        for item in self._ring.drain():
            some = True
            try:
                if self.failure is None:
                    self._take(item) if isinstance(item, Mark) else self._write(*item)
            except OSError as error:
                self._fail(error)
        return some

    def sync(self) -> None:
        """Bring metadata up to date."""
        if self.failure is not None:
            return
        try:
            for recorder in self._recorders:
                recorder.sync()
        except OSError as error:
            self._fail(error)

    def silence_until(self, time: int) -> None:
        """Go on with silence up to index ``time``, before which nothing comes any more."""
        missing = time + self._back - self.time
        if self.failure is None and 0 < missing < _LONGEST_SILENCE_S * self._rate:
            self._skip(missing)

    def begin(self, time: int) -> None:
        """Let the recording start at index ``time``."""
        if not self._begun:
            self._begun = True
            for recorder in self._recorders:
                recorder.jump(time)

    def close(self) -> None:
        """Write what is left and end the recordings. A second call does nothing."""
        if self._recorders:
            self.work()
        for recorder in self._recorders:
            try:
                recorder.close()
            except OSError as error:
                self._fail(error)
        self._recorders = []

    # inside

    def _write(self, time: int, samples: NDArray[np.complex64]) -> None:
        self.begin(time)
        self._move_to(time + self._back)
        first = self._recorders[0].n_samples
        for recorder, row in zip(self._recorders, samples, strict=True):
            recorder.write(row, clean=True)
        if self._bursts:
            self._extend_burst(first)

    def _move_to(self, time: int) -> None:
        """Let the next sample be that of index ``time``."""
        missing = time - self._recorders[0].time
        if missing < 0:
            self._back -= missing
            self._note("jump", f"the radio's time jumped back by {-missing} samples; they are counted on here")
        elif missing and (self._lost or not self._bursts or missing > _LONGEST_SILENCE_S * self._rate):
            self._burst = []
            comment = f"{missing} samples are missing"
            if self._lost:
                comment += f": {self._lost} of them were dropped by the recorder, for which the disk was too slow"
            elif not self._bursts:
                comment += ": the radio lost them"
            else:
                comment = f"{missing} samples of silence left out"
            for recorder in self._recorders:
                recorder.jump(time, "gap", comment)
        elif missing:
            self._skip(missing)
        self._lost = 0

    def _skip(self, n: int) -> None:
        self._burst = []
        for recorder in self._recorders:
            recorder.silence(n)

    def _take(self, mark: Mark) -> None:
        if mark.kind == LOST:
            self._lost += mark.n
        else:
            self._note(mark.kind, f"{mark.n} samples for index {mark.time} {_SAYS[mark.kind]}")

    def _note(self, label: str, comment: str) -> None:
        """Annotate the last sample that was written: another may never come."""
        self._burst = []
        for recorder in self._recorders:
            recorder.annotate(max(recorder.n_samples - 1, 0), 1, label, comment)

    def _extend_burst(self, first: int) -> None:
        """Annotate what was written from index ``first`` of the file: as a burst, or as more of one."""
        if not self._burst:
            if self._n_bursts >= MAX_BURSTS:
                return
            self._n_bursts += 1
            self._burst_start = first
            self._burst = [r.annotate(self._burst_start, 1, "burst") for r in self._recorders]
        for note, recorder in zip(self._burst, self._recorders, strict=True):
            note["core:sample_count"] = recorder.n_samples - self._burst_start

    def _fail(self, error: OSError) -> None:
        if self.failure is None:
            self.failure = error
            name = self._recorders[0].path if self._recorders else "recording"
            _LOG.error("%s: nothing more is recorded: %s", name, error.strerror or error)
