"""Recording what a radio receives, for a time."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.file_radio import has_ended
from picocell.radio.interface import Received, SampleSource
from picocell.radio.recorder import Recorder
from picocell.radio.stream_recorder import antenna_paths

_BLOCK_S: Final = 0.01
_REPORT_S: Final = 0.25
_SYNC_S: Final = 1.0
FULL_SCALE: Final = 1.0


@dataclass(slots=True)
class Level:
    """How strong samples were.

    Attributes:
        n: samples, of all antennas.
        energy: sum of their squared magnitudes.
        peak: largest magnitude of a component.
        clipped: samples with a component at full scale, 1, or beyond.
    """

    n: int = 0
    energy: float = 0.0
    peak: float = 0.0
    clipped: int = 0

    def add(self, samples: NDArray[np.complex64]) -> None:
        """Take samples of any shape into account."""
        parts = np.abs(np.ascontiguousarray(samples).view(np.float32).reshape(-1, 2))
        self.n += len(parts)
        self.energy += float(np.square(parts, dtype=np.float64).sum())
        self.peak = max(self.peak, float(parts.max(initial=0.0)))
        self.clipped += int(np.count_nonzero((parts >= FULL_SCALE).any(axis=1)))

    @property
    def rms_dbfs(self) -> float:
        """Power in dB relative to a sample of magnitude 1; minus infinity for silence."""
        return 10 * math.log10(self.energy / self.n) if self.energy > 0 else -math.inf

    @property
    def peak_dbfs(self) -> float:
        """Largest component in dB relative to full scale; minus infinity for silence."""
        return 20 * math.log10(self.peak) if self.peak > 0 else -math.inf


@dataclass(slots=True)
class Captured:
    """What was recorded.

    Attributes:
        paths: metadata files, one an antenna.
        n_samples: samples of an antenna.
        gaps: places where samples are missing.
        lost: samples of an antenna that are missing.
        level: of everything.
        waiting: no samples came when they were last asked for.
    """

    paths: list[Path]
    n_samples: int
    gaps: int
    lost: int
    level: Level
    waiting: bool


def capture(
    source: SampleSource,
    path: Path,
    *,
    n_samples: int | None = None,
    frequency: float | None = None,
    gain_db: float = 0.0,
    datatype: str = "cf32_le",
    description: str = "",
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[Captured, Level], None] | None = None,
) -> Captured:
    """Record what a radio receives until there is enough, the radio ends, or it is stopped.

    The metadata are brought up to date once a second, so that a recording that is cut off can be read.

    Args:
        source: the radio.
        path: name of the recording; with several antennas their numbers are appended.
        n_samples: of each antenna; None for no limit.
        frequency: centre frequency in hertz.
        gain_db: amplification of the samples.
        datatype: ``cf32_le`` or ``ci16_le``.
        description: free text.
        stopped: asked between blocks.
        progress: told a few times a second of everything, and of the level since it was last told.

    Returns:
        What was recorded.

    Raises:
        ValueError: a data type or a count that is not possible.
        OSError: a file cannot be written.
        RadioError: the radio fails; what was recorded until then is valid.
    """
    if n_samples is not None and n_samples < 1:
        raise ValueError(f"{n_samples} samples cannot be recorded: at least 1")
    block = max(round(_BLOCK_S * source.sample_rate), 1)
    gain = np.float32(10 ** (gain_db / 20))
    recorders: list[Recorder] = []
    try:
        for name in antenna_paths(path, source.n_rx):
            recorders.append(Recorder(name, source.sample_rate, frequency, datatype, description))
        found = Captured([recorder.path for recorder in recorders], 0, 0, 0, Level(), False)
        since, next_report, next_sync = Level(), 0.0, time.monotonic() + _SYNC_S
        while not (stopped() or has_ended(source) or found.n_samples == n_samples):
            received = source.receive(block if n_samples is None else min(block, n_samples - found.n_samples))
            samples = received.samples if gain == 1 else received.samples * gain
            found.waiting = not samples.shape[1]
            if samples.shape[1]:
                _write(recorders, Received(samples, received.time), found)
                since.add(samples)
                found.level.add(samples)
            elif not hasattr(source, "stalled"):
                break  # a source that does not wait has nothing any more
            now = time.monotonic()
            if now >= next_sync:
                for recorder in recorders:
                    recorder.sync()
                next_sync = now + _SYNC_S
            if progress is not None and now >= next_report:
                progress(found, since)
                since, next_report = Level(), now + _REPORT_S
        return found
    finally:
        for recorder in recorders:
            recorder.close()


def _write(recorders: list[Recorder], received: Received, found: Captured) -> None:
    """Append samples, behind a gap where some are missing."""
    missing = received.time - recorders[0].time
    if missing and found.n_samples:
        found.gaps += 1
        found.lost += max(missing, 0)
    for recorder, row in zip(recorders, received.samples, strict=True):
        if missing > 0:
            recorder.jump(received.time, "gap", f"{missing} samples are missing: the radio lost them")
        elif missing < 0:
            recorder.annotate(recorder.n_samples, 1, "jump", f"the radio's time jumped back by {-missing} samples")
        recorder.write(row, clean=True)
    found.n_samples += received.samples.shape[1]
