"""A recording as the radio: what was received then is received again, what is sent is dropped or recorded."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.file import Playback, Recording, RecordingError, open_recording
from picocell.radio.file_args import FileArgs
from picocell.radio.interface import Radio, Received
from picocell.radio.key_values import key_values
from picocell.radio.recorded import RecordedRadio
from picocell.radio.short_form import expand_short

_LATEST_S: Final = 0.05


def has_ended(radio: object) -> bool:
    """Whether a radio has come to its end and gives no more samples; most have no end."""
    return bool(getattr(radio, "ended", False))


def recording_args(text: str) -> FileArgs | None:
    """Device arguments of a recording; None for those of another radio.

    Raises:
        ValueError: arguments that are not allowed.
    """
    full = expand_short(text)
    values = key_values(full)
    return FileArgs.parse(full) if (values.get("driver") or values.get("device_name")) == "file" else None


def recorded_rate(text: str) -> float | None:
    """Samples per second of the recording that device arguments name; None for those of another radio.

    Raises:
        ValueError: arguments that are not allowed.
        RecordingError: a recording that cannot be used.
    """
    args = recording_args(text)
    return None if args is None else open_recording(args.paths[0], args.rate, args.datatype).sample_rate


class FileRadio:
    """A recording as a :class:`~picocell.radio.interface.Radio`. Time follows the recording, and jumps at its gaps.

    At the end no more samples come and `ended` is true; in a loop the time goes on where the recording begins again.

    Args:
        args: device arguments (see :class:`~picocell.radio.file_args.FileArgs`), in full or in the short form.
        sample_rate: samples per second that are wanted; None takes those of the recording.
        n_tx: transmit antennas.
        n_rx: receive antennas; None takes as many as there are recordings.

    Attributes:
        args: device arguments.
        frequency: centre frequency of the recording in hertz; None where it is not known.
        sent: samples of an antenna that were sent.

    Raises:
        ValueError: arguments that are not allowed.
        RecordingError: a recording that cannot be used or has another rate, or recordings that do not fit together.
    """

    def __init__(
        self, args: str | FileArgs, sample_rate: float | None = None, *, n_tx: int = 1, n_rx: int | None = None
    ) -> None:
        self.args = FileArgs.parse(expand_short(args)) if isinstance(args, str) else args
        paths = self.args.paths
        if n_rx is not None and n_rx > len(paths):
            raise RecordingError(
                f"{paths[0]}: {n_rx} receive antennas need path0 to path{n_rx - 1}: {len(paths)} given"
            )
        found = [open_recording(path, self.args.rate, self.args.datatype) for path in paths[: n_rx or len(paths)]]
        _check_together(found)
        self._recording = found[0]
        self._rate = self._recording.sample_rate
        if sample_rate is not None and self._rate != sample_rate:
            raise RecordingError(f"{paths[0]}: has {self._rate:.12g} samples per second, not {sample_rate:.12g}")
        self._found, self._n_tx = found, n_tx
        self._play = [Playback(recording) for recording in found]
        last = self._recording.segments[-1]
        self._length = last.stream_start + last.length
        self._start, self._next = 0, 0
        self._began: float | None = None
        self._closed = False
        self.frequency = self._recording.frequency
        self.ended = False
        self.sent = 0

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self._rate

    @property
    def n_rx(self) -> int:
        """Receive antennas."""
        return len(self._found)

    @property
    def n_tx(self) -> int:
        """Transmit antennas."""
        return self._n_tx

    def receive(self, n: int) -> Received:
        """The next samples, fewer than ``n`` before a gap and none at the end.

        Raises:
            ValueError: a negative count.
            RadioError: the radio is closed.
            RecordingError: a sample that is no number.
        """
        self._check()
        parts = [play.receive(n) for play in self._play]
        if n and not parts[0].samples.shape[1]:
            if not self.args.loop:
                self.ended = True
                return Received(np.zeros((self.n_rx, 0), np.complex64), self._next)
            self._start += self._length
            self._play = [Playback(recording) for recording in self._found]
            parts = [play.receive(n) for play in self._play]
        samples = parts[0].samples if len(parts) == 1 else np.concatenate([part.samples for part in parts])
        at = self._start + parts[0].time
        self._next = at + samples.shape[1]
        if self.args.pace == "real":
            self._wait()
        return Received(samples, at)

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        """Take complex64 ``(n_tx, n)``; they are counted, and go nowhere.

        Raises:
            ValueError: samples of another shape.
            RadioError: the radio is closed.
        """
        del time
        self._check()
        if np.ndim(samples) != 2 or len(samples) != self._n_tx:
            raise ValueError(f"samples of shape {np.shape(samples)} cannot be sent: ({self._n_tx}, n) is needed")
        self.sent += samples.shape[1]

    def close(self) -> None:
        """Close the radio. A second call does nothing."""
        self._closed = True

    def _wait(self) -> None:
        """Wait until the next sample would have been there; what is late does not make the rest hurry."""
        now = time.monotonic()
        if self._began is None or now - self._began > self._next / self._rate + _LATEST_S:
            self._began = now - self._next / self._rate
        if (left := self._began + self._next / self._rate - now) > 0:
            time.sleep(left)

    def _check(self) -> None:
        if self._closed:
            raise RadioError(f"{self._recording.path}: the radio is closed")


def open_file_radio(text: str, sample_rate: float | None = None, *, n_tx: int = 1, n_rx: int | None = None) -> Radio:
    """Open what device arguments with ``driver=file`` describe; what is sent is recorded where ``tx`` is given.

    Raises:
        ValueError: arguments that are not allowed.
        RecordingError: a recording that cannot be used.
        OSError: the recording of what is sent cannot be written.
    """
    radio = FileRadio(text, sample_rate, n_tx=n_tx, n_rx=n_rx)
    return radio if radio.args.tx is None else RecordedRadio(radio, radio.args.tx, receive=False)


def _check_together(recordings: list[Recording]) -> None:
    """Refuse recordings that are not of the antennas of one receiver."""
    first = recordings[0]
    for other in recordings[1:]:
        if (other.sample_rate, other.segments) != (first.sample_rate, first.segments):
            raise RecordingError(f"{other.path}: has another rate, length or other gaps than {first.path}")


__all__ = ["FileRadio", "has_ended", "open_file_radio", "recorded_rate", "recording_args"]
