"""Recordings: SigMF, and raw samples whose rate the caller knows.

A recording is mapped into memory and converted as it is read, so its length does not matter.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import Received
from picocell.radio.sigmf_metadata import (
    RecordingError,
    annotated_end,
    capture_starts,
    frequency_of,
    read_metadata,
    shown,
)

__all__ = ["DATATYPES", "Playback", "Recording", "RecordingError", "open_recording"]

META_SUFFIX: Final = ".sigmf-meta"
DATA_SUFFIX: Final = ".sigmf-data"

_SIGMF_VERSION: Final = "1.2.0"
_LARGEST: Final = 1e15


class Segment(NamedTuple):
    """Samples without a gap: where they lie in the file, where in the stream that was recorded, how many."""

    file_start: int
    stream_start: int
    length: int


class _Format(NamedTuple):
    """A data type: of one component, what its zero is and what its full scale is (None for floats)."""

    component: np.dtype[Any]
    zero: float
    full_scale: float | None


_FORMATS: Final = {
    "ci8": _Format(np.dtype("i1"), 0.0, 128.0),
    "cu8": _Format(np.dtype("u1"), 127.5, 128.0),
    "ci16_le": _Format(np.dtype("<i2"), 0.0, 32768.0),
    "ci16_be": _Format(np.dtype(">i2"), 0.0, 32768.0),
    "cf32_le": _Format(np.dtype("<f4"), 0.0, None),
    "cf32_be": _Format(np.dtype(">f4"), 0.0, None),
}
DATATYPES: Final = tuple(_FORMATS)
"""Data types that can be read, by their SigMF names."""


class Recording:
    """Samples in a file.

    Made by :func:`open_recording`.

    Attributes:
        path: the file that holds the samples.
        sample_rate: samples per second.
        frequency: centre frequency in hertz of the first segment, or None if it is not known.
        datatype: SigMF name of the data type.
        segments: the stretches without a gap, in order of the file; contiguous ones are joined.
        n_samples: samples in the file.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: float,
        datatype: str,
        frequency: float | None,
        starts: list[tuple[int, int]] | None = None,
    ) -> None:
        self.path = path
        self.sample_rate = _checked_rate(path, sample_rate)
        self.datatype = datatype
        self.frequency = frequency
        self._format = _format(path, datatype)
        self._data = _mapped(path, datatype, self._format.component)
        self.n_samples = len(self._data)
        self.segments = _segments(path, starts or [(0, 0)], self.n_samples)
        self._read = 0
        self._clipped = 0
        self._largest = 0.0

    @property
    def duration(self) -> float:
        """Seconds of samples in the file."""
        return self.n_samples / self.sample_rate

    @property
    def clipped_samples(self) -> int:
        """Samples at full scale among those read so far; of floats, those at their largest value, if it is repeated."""
        return self._clipped if self._clipped > 1 else 0

    @property
    def clipped_fraction(self) -> float:
        """Share of the samples read so far that are at full scale."""
        return self.clipped_samples / self._read if self._read else 0.0

    def read(self, start: int = 0, n: int | None = None) -> NDArray[np.complex64]:
        """Samples of the file, integers scaled so that full scale is 1.

        Args:
            start: first sample, an index of the file.
            n: how many; to the end if None.

        Returns:
            complex64 ``(n,)``.

        Raises:
            ValueError: samples outside the file.
            RecordingError: a sample that is not finite; the message names the first.
        """
        n = self.n_samples - start if n is None else n
        if start < 0 or n < 0 or start + n > self.n_samples:
            raise ValueError(f"samples {start} to {start + n} are outside the recording: it holds {self.n_samples}")
        raw = self._data[start : start + n]
        self._read += n
        if self._format.full_scale is None:
            values = np.ascontiguousarray(raw, np.float32)
            self._check_usable(values, start)
            self._count_largest(values)
        else:
            limits = np.iinfo(self._format.component)
            self._clipped += int(np.count_nonzero(((raw == limits.min) | (raw == limits.max)).any(axis=1)))
            values = (raw - np.float32(self._format.zero)) * np.float32(1 / self._format.full_scale)
        return np.ascontiguousarray(values, np.float32).view(np.complex64)[:, 0]

    def blocks(self, length: int) -> Iterator[tuple[int, NDArray[np.complex64]]]:
        """Stream position and samples of consecutive blocks of at most ``length``; none spans a gap.

        Raises:
            ValueError: a length below 1.
        """
        if length < 1:
            raise ValueError(f"block length {length} is not allowed: at least 1")
        for segment in self.segments:
            for offset in range(0, segment.length, length):
                n = min(length, segment.length - offset)
                yield segment.stream_start + offset, self.read(segment.file_start + offset, n)

    def _count_largest(self, values: NDArray[np.float32]) -> None:
        """Count the samples at the largest value so far: floats that were clipped share it."""
        size = np.abs(values).max(axis=1, initial=0.0)
        largest = float(size.max(initial=0.0))
        if largest > self._largest:
            self._largest, self._clipped = largest, 0
        if largest == self._largest > 0:
            self._clipped += int(np.count_nonzero(size == largest))

    def _check_usable(self, values: NDArray[np.float32], start: int) -> None:
        """Raise on the first sample with a NaN, an infinity, or a value whose power no float32 holds."""
        usable = (np.abs(values) < _LARGEST).all(axis=1)
        if not usable.all():
            bad = int(np.argmin(usable))
            what = "too large" if np.isfinite(values[bad]).all() else "not finite"
            raise RecordingError(f"{self.path}: sample {start + bad} is {what} ({values[bad, 0]}, {values[bad, 1]})")


class Playback:
    """A recording as a :class:`~picocell.radio.interface.SampleSource`, with the gaps of its segments."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._segment = 0
        self._offset = 0

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self.recording.sample_rate

    @property
    def n_rx(self) -> int:
        """Receive antennas: one."""
        return 1

    def receive(self, n: int) -> Received:
        """The next samples, fewer than ``n`` before a gap and none at the end.

        Raises:
            ValueError: a negative count.
        """
        if n < 0:
            raise ValueError(f"{n} samples cannot be received: the count is negative")
        segments = self.recording.segments
        while self._segment < len(segments) - 1 and self._offset == segments[self._segment].length:
            self._segment, self._offset = self._segment + 1, 0
        segment = segments[self._segment]
        n = min(n, segment.length - self._offset)
        time = segment.stream_start + self._offset
        samples = self.recording.read(segment.file_start + self._offset, n)
        self._offset += n
        return Received(samples[np.newaxis], time)


def open_recording(path: str | Path, rate: float | None = None, datatype: str | None = None) -> Recording:
    """Open a SigMF recording (by its metadata, its data or their common name) or a raw one.

    Args:
        path: the file.
        rate: samples per second; needed for a raw recording, and must agree with the metadata of a SigMF one.
        datatype: one of :data:`DATATYPES`; ``cf32_le`` if not given for a raw recording.

    Returns:
        The recording; its samples are not loaded.

    Raises:
        RecordingError: missing, empty, cut short, at odds with its metadata, or no recording at all.
    """
    path = Path(path)
    meta, data = _sigmf_pair(path)
    if meta is not None:
        return _open_sigmf(meta, data, rate, datatype)
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder, not a recording")
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    if path.suffix == ".sigmf":
        raise RecordingError(f"{path}: is a SigMF archive; unpack it first")
    if rate is None:
        raise RecordingError(f"{path}: the sample rate of a raw recording must be given")
    _check_is_no_text(path)
    recording = Recording(path, rate, datatype or "cf32_le", None)
    _check_looks_like_samples(recording)
    return recording


def _sigmf_pair(path: Path) -> tuple[Path | None, Path]:
    """Metadata and data that a path means; no metadata for a raw recording."""
    if not path.name:
        return None, path  # the root or the working folder
    base = path.with_suffix("") if path.suffix in (META_SUFFIX, DATA_SUFFIX) else path
    meta, data = base.with_name(base.name + META_SUFFIX), base.with_name(base.name + DATA_SUFFIX)
    if path.suffix == META_SUFFIX or meta.is_file():
        return (None, path) if path.is_file() and path not in (meta, data) else (meta, data)
    return None, path


def _open_sigmf(meta: Path, data: Path, rate: float | None, datatype: str | None) -> Recording:
    """Open the recording that metadata describe."""
    document = read_metadata(meta)
    header, captures = document["global"], document["captures"]
    if header.get("core:num_channels", 1) != 1:
        raise RecordingError(f"{meta}: {shown(header['core:num_channels'])} channels in one file are not supported")
    if any(capture.get("core:header_bytes") for capture in captures) or header.get("core:trailing_bytes"):
        raise RecordingError(f"{meta}: header or trailing bytes between the samples are not supported")
    stated_rate, stated_type = header.get("core:sample_rate", rate), header.get("core:datatype", datatype)
    if stated_rate is None or stated_type is None:
        raise RecordingError(f"{meta}: has no core:{'sample_rate' if stated_rate is None else 'datatype'}")
    if rate is not None and rate != stated_rate:
        raise RecordingError(f"{meta}: states {shown(stated_rate)} samples per second, not {rate}")
    if datatype is not None and datatype != stated_type:
        raise RecordingError(f"{meta}: states datatype {shown(stated_type)}, not {datatype}")
    if not data.is_file():
        raise RecordingError(f"{data}: no such file, though {meta.name} describes it")
    starts = capture_starts(meta, captures, _checked_rate(meta, stated_rate))
    recording = Recording(data, stated_rate, stated_type, frequency_of(meta, captures), starts)
    end = annotated_end(meta, document)
    if end > recording.n_samples:
        raise RecordingError(f"{data}: is cut short: {recording.n_samples} samples, annotated to {end}")
    return recording


def _segments(path: Path, starts: list[tuple[int, int]], n_samples: int) -> tuple[Segment, ...]:
    """Captures as segments, those without a gap between them joined."""
    if starts[-1][0] >= n_samples:
        raise RecordingError(f"{path}: is cut short: {n_samples} samples, but a capture starts at {starts[-1][0]}")
    segments: list[Segment] = []
    for (first, stream), (end, _) in zip(starts, [*starts[1:], (n_samples, 0)], strict=True):
        if segments and stream - segments[-1].stream_start == first - segments[-1].file_start:
            segments[-1] = segments[-1]._replace(length=end - segments[-1].file_start)
        else:
            segments.append(Segment(first, stream, end - first))
    return tuple(segments)


def _checked_rate(path: Path, rate: object) -> float:
    """A sample rate that can be worked with."""
    # compared before it is made a float: JSON has whole numbers that no float holds; a NaN fails the comparison
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 1e3 <= rate <= 1e10:
        raise RecordingError(f"{path}: sample rate {shown(rate)} is not usable: samples per second, 1e3 to 1e10")
    return float(rate)


def _format(path: Path, datatype: object) -> _Format:
    """The data type of that SigMF name."""
    if not isinstance(datatype, str) or datatype not in _FORMATS:
        raise RecordingError(f"{path}: datatype {shown(datatype)} is not supported: use one of {', '.join(DATATYPES)}")
    return _FORMATS[datatype]


def _mapped(path: Path, datatype: str, component: np.dtype[Any]) -> NDArray[Any]:
    """The file mapped as ``(n, 2)`` components."""
    try:
        size = path.stat().st_size
        if size == 0:
            raise RecordingError(f"{path}: is empty")
        whole = 2 * component.itemsize
        if size % whole:
            raise RecordingError(
                f"{path}: is cut short or not {datatype}: {size} bytes are no whole number of {whole}-byte samples"
            )
        return np.memmap(path, component, "r", shape=(size // whole, 2))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def _check_is_no_text(path: Path) -> None:
    """Refuse a raw file that starts with text."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if start and all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start):
        raise RecordingError(f"{path}: is text, not a recording")


def _check_looks_like_samples(recording: Recording) -> None:
    """Refuse floats that are no plausible samples."""
    if recording._format.full_scale is not None:
        return
    # stretches from all over the file: other data read as floats have wild exponents
    starts = np.linspace(0, max(recording.n_samples - 512, 0), 8).astype(int)
    values = np.concatenate([recording._data[start : start + 512] for start in starts])
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(values.astype(np.float64))
        plausible = (magnitude == 0) | ((magnitude > 1 / _LARGEST) & (magnitude < _LARGEST))
    if plausible.mean() < 0.95:
        raise RecordingError(f"{recording.path}: does not look like complex float32: its values have absurd exponents")
