"""Samples in memory as a source."""

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import Received


class MemorySource:
    """An array as a :class:`~picocell.radio.interface.SampleSource`.

    Args:
        samples: complex64 ``(n_rx, n)``, or ``(n,)`` of one antenna.
        sample_rate: samples per second.

    Raises:
        ValueError: another shape, a rate that is not positive, or samples that are not finite.
    """

    def __init__(self, samples: NDArray[np.complex64], sample_rate: float) -> None:
        if samples.ndim not in (1, 2):
            raise ValueError(f"samples have shape {samples.shape}, not (n,) or (n_rx, n)")
        if not sample_rate > 0:
            raise ValueError(f"sample rate {sample_rate} is not positive")
        if not np.isfinite(samples).all():
            raise ValueError("samples are not all finite")
        self._samples = np.ascontiguousarray(np.atleast_2d(samples), np.complex64)
        self._rate = float(sample_rate)
        self._next = 0

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return self._rate

    @property
    def n_rx(self) -> int:
        """Receive antennas."""
        return len(self._samples)

    def receive(self, n: int) -> Received:
        """The next samples; none at the end.

        Raises:
            ValueError: a negative count.
        """
        if n < 0:
            raise ValueError(f"{n} samples cannot be received: the count is negative")
        time = self._next
        samples = self._samples[:, time : time + n]
        self._next += samples.shape[1]
        return Received(samples, time)
