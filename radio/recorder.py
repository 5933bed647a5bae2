"""Writing recordings: SigMF, in one piece or as the samples come.

The metadata are on disk from the first moment and are replaced as a whole when they change, and never say more than the
data hold, so that a program that dies leaves recordings that can be read.
"""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from picocell.radio.file import DATA_SUFFIX, META_SUFFIX

_SIGMF_VERSION: Final = "1.2.0"
_COMPONENTS: Final[dict[str, np.dtype[Any]]] = {"ci16_le": np.dtype("<i2"), "cf32_le": np.dtype("<f4")}


def base_path(path: str | Path) -> Path:
    """The common name of a recording's two files, which may be given with a SigMF suffix."""
    given = Path(path)
    return given.with_suffix("") if given.suffix in (META_SUFFIX, DATA_SUFFIX) else given


class _Entries:
    """Entries of a list in the metadata, in order of the sample where they start.

    Those that will not change any more are kept as text, so that the metadata of a long recording cost little.
    """

    _OPEN: Final = 4

    def __init__(self) -> None:
        self._sealed: list[str] = []
        self._open: list[dict[str, Any]] = []

    def append(self, entry: dict[str, Any]) -> None:
        self._open.append(entry)

    @property
    def last(self) -> dict[str, Any] | None:
        return self._open[-1] if self._open else None

    def text(self, end: int) -> str:
        """JSON of what starts before sample ``end``, shortened to what is there by then."""
        for entry in self._open:
            if "core:sample_count" in entry:
                entry["core:sample_count"] = min(entry["core:sample_count"], max(end - entry["core:sample_start"], 0))
        while len(self._open) > self._OPEN and self._open[0]["core:sample_start"] < end:
            self._sealed.append(json.dumps(self._open.pop(0)))
        there = [json.dumps(entry) for entry in self._open if entry["core:sample_start"] < max(end, 1)]
        joined = ",\n  ".join([*self._sealed, *there])
        return f"[\n  {joined}\n ]" if joined else "[]"


class Recorder:
    """Writes one antenna's samples to ``<path>.sigmf-data`` and ``<path>.sigmf-meta``. A context manager.

    Args:
        path: name of the two files, with or without a SigMF suffix.
        sample_rate: samples per second.
        frequency: centre frequency in hertz.
        datatype: ``ci16_le`` or ``cf32_le``.
        description: free text.

    Attributes:
        path: the metadata file.
        n_samples: samples written.
        clipped: integer samples that were beyond full scale.

    Raises:
        ValueError: another data type, or a rate that is not positive.
        OSError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: float,
        frequency: float | None = None,
        datatype: str = "ci16_le",
        description: str = "",
    ) -> None:
        if datatype not in _COMPONENTS:
            raise ValueError(f"datatype {datatype!r} cannot be written: use {' or '.join(_COMPONENTS)}")
        if not 0 < sample_rate < math.inf:
            raise ValueError(f"sample rate {sample_rate} is not usable: it must be positive")
        base = base_path(path)
        self.path = base.with_name(base.name + META_SUFFIX)
        self.n_samples = 0
        self.clipped = 0
        self._datatype = datatype
        self._header: dict[str, Any] = {
            "core:datatype": datatype,
            "core:sample_rate": float(sample_rate),
            "core:version": _SIGMF_VERSION,
            "core:recorder": "picocell",
        }
        if description:
            self._header["core:description"] = description
        self._frequency = None if frequency is None else float(frequency)
        self._captures, self._annotations = _Entries(), _Entries()
        self._ahead = 0  # stream index of a sample less its index in the file
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._open_capture(0, {"core:datetime": now})
        self._data = base.with_name(base.name + DATA_SUFFIX).open("wb")
        try:
            self.sync()
        except BaseException:
            self._data.close()
            raise

    @property
    def time(self) -> int:
        """Stream index of the next sample."""
        return self.n_samples + self._ahead

    def write(self, samples: NDArray[np.complex64], *, clean: bool = False) -> None:
        """Append samples ``(n,)``; for integers a component of 1 is full scale, and what exceeds it is clipped.

        Args:
            samples: complex64.
            clean: write zeros in place of samples that are not finite, which no reader takes.

        Raises:
            ValueError: samples of another shape, or not finite.
            OSError: the file cannot be written.
        """
        array = np.ascontiguousarray(samples, np.complex64)
        if array.ndim != 1:
            raise ValueError(f"samples of shape {array.shape} cannot be written: (n,) is needed")
        if not (finite := np.isfinite(array)).all():
            if not clean:
                raise ValueError("samples are not finite")
            array = np.where(finite, array, np.complex64(0))
        values: NDArray[Any] = array.view(np.float32)
        if self._datatype == "ci16_le":
            scaled = np.rint(values * 32768)
            values = np.clip(scaled, -32768, 32767)
            self.clipped += int(np.count_nonzero((values != scaled).reshape(-1, 2).any(axis=1)))
        self._data.write(values.astype(_COMPONENTS[self._datatype], copy=False).data)
        self.n_samples += array.size

    def silence(self, n: int) -> None:
        """Append ``n`` zeros; as a hole, which takes no room on most file systems.

        Raises:
            ValueError: a negative count.
            OSError: the file cannot be written.
        """
        if n < 0:
            raise ValueError(f"{n} zeros cannot be written: the count is negative")
        self._data.seek(2 * n * _COMPONENTS[self._datatype].itemsize, os.SEEK_CUR)
        self.n_samples += n

    def jump(self, time: int, label: str = "gap", comment: str = "") -> None:
        """Go on at another index of the stream: a new capture, and an annotation at its first sample.

        Raises:
            ValueError: an index in the past.
        """
        if time < self.time:
            raise ValueError(f"stream index {time} is in the past: the next one is {self.time}")
        if self.n_samples:
            self.annotate(self.n_samples, 1, label, comment)
        self._ahead = time - self.n_samples
        last = self._captures.last
        if last is not None and last["core:sample_start"] == self.n_samples:
            last["core:global_index"] = time
        else:
            self._open_capture(time)

    def annotate(self, start: int, count: int, label: str, comment: str = "") -> dict[str, Any]:
        """Describe ``count`` samples from index ``start`` of the file; they may be still to come.

        Returns:
            The annotation, whose ``core:sample_count`` may be changed as long as it is the last one.

        Raises:
            ValueError: it starts before the one before it.
        """
        last = self._annotations.last
        if last is not None and start < last["core:sample_start"]:
            raise ValueError(f"an annotation at sample {start} comes after one at {last['core:sample_start']}")
        note: dict[str, Any] = {"core:sample_start": start, "core:sample_count": count, "core:label": label}
        if comment:
            note["core:comment"] = comment
        self._annotations.append(note)
        return note

    def sync(self) -> None:
        """Bring to disk what was written, and the metadata of it.

        Raises:
            OSError: a file cannot be written.
        """
        self._data.flush()
        self._data.truncate()  # zeros at the end, which were not written
        captures, annotations = self._captures.text(self.n_samples), self._annotations.text(self.n_samples)
        header = json.dumps(self._header, indent=1).replace("\n", "\n ")
        new = self.path.with_name(self.path.name + ".new")
        text = f'{{\n "global": {header},\n "captures": {captures},\n "annotations": {annotations}\n}}\n'
        new.write_text(text, encoding="utf-8")
        new.replace(self.path)

    def close(self) -> None:
        """End the recording: write its metadata. A second call does nothing."""
        if self._data.closed:
            return
        try:
            self.sync()
        finally:
            self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_capture(self, time: int, further: dict[str, Any] | None = None) -> None:
        capture: dict[str, Any] = {"core:sample_start": self.n_samples, **(further or {})}
        if time != self.n_samples:
            capture["core:global_index"] = time
        if self._frequency is not None:
            capture["core:frequency"] = self._frequency
        self._captures.append(capture)


def write_recording(
    path: str | Path,
    samples: NDArray[np.complex64],
    sample_rate: float,
    frequency: float | None = None,
    datatype: str = "ci16_le",
    description: str = "",
) -> Path:
    """Write samples ``(n,)`` as a SigMF recording; see :class:`Recorder`.

    Returns:
        Path of the metadata.

    Raises:
        ValueError: samples of another shape, none, or not finite; another data type; a rate that is not usable.
        OSError: the files cannot be written.
    """
    array = np.asarray(samples)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"samples of shape {array.shape} cannot be written: (n,) with n > 0 is needed")
    if not np.isfinite(array).all():
        raise ValueError("samples are not finite")
    with Recorder(path, sample_rate, frequency, datatype, description) as recorder:
        recorder.write(array)
    return recorder.path
