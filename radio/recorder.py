"""Writing recordings: SigMF, in one piece or as the samples come."""

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from picocell.radio.file import DATA_SUFFIX, META_SUFFIX

_SIGMF_VERSION: Final = "1.2.0"
_COMPONENTS: Final[dict[str, np.dtype[Any]]] = {"ci16_le": np.dtype("<i2"), "cf32_le": np.dtype("<f4")}


class Recorder:
    """Writes one antenna's samples to ``<path>.sigmf-data`` and, at the end, ``<path>.sigmf-meta``. A context manager.

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
        given = Path(path)
        base = given.with_suffix("") if given.suffix in (META_SUFFIX, DATA_SUFFIX) else given
        self.path = base.with_name(base.name + META_SUFFIX)
        self.n_samples = 0
        self.clipped = 0
        self._datatype = datatype
        self._header: dict[str, Any] = {
            "core:datatype": datatype,
            "core:sample_rate": float(sample_rate),
            "core:version": _SIGMF_VERSION,
        }
        if description:
            self._header["core:description"] = description
        self._capture: dict[str, Any] = {"core:sample_start": 0}
        if frequency is not None:
            self._capture["core:frequency"] = float(frequency)
        self._data = base.with_name(base.name + DATA_SUFFIX).open("wb")

    def write(self, samples: NDArray[np.complex64]) -> None:
        """Append samples ``(n,)``; for integers a component of 1 is full scale, and what exceeds it is clipped.

        Raises:
            ValueError: samples of another shape, or not finite.
            OSError: the file cannot be written.
        """
        array = np.ascontiguousarray(samples, np.complex64)
        if array.ndim != 1:
            raise ValueError(f"samples of shape {array.shape} cannot be written: (n,) is needed")
        if not np.isfinite(array).all():
            raise ValueError("samples are not finite")
        values: NDArray[Any] = array.view(np.float32)
        if self._datatype == "ci16_le":
            scaled = np.rint(values * 32768)
            values = np.clip(scaled, -32768, 32767)
            self.clipped += int(np.count_nonzero((values != scaled).reshape(-1, 2).any(axis=1)))
        values.astype(_COMPONENTS[self._datatype]).tofile(self._data)
        self.n_samples += array.size

    def close(self) -> None:
        """End the recording: write its metadata. A second call does nothing."""
        if self._data.closed:
            return
        self._data.close()
        document = {"global": self._header, "captures": [self._capture], "annotations": []}
        self.path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
