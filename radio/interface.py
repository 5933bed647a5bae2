"""What everything that delivers or takes samples has in common."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Received(NamedTuple):
    """Consecutive samples of all receive antennas.

    Attributes:
        samples: complex64 ``(n_rx, n)``; fewer than asked for before a gap, none at the end of the stream.
        time: index of the first sample in the stream; it jumps where samples were lost.
    """

    samples: NDArray[np.complex64]
    time: int


@runtime_checkable
class SampleSource(Protocol):
    """Delivers samples in order."""

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        ...

    @property
    def n_rx(self) -> int:
        """Receive antennas."""
        ...

    def receive(self, n: int) -> Received:
        """The next samples, at most ``n`` of each antenna."""
        ...


@runtime_checkable
class Radio(SampleSource, Protocol):
    """Delivers samples and takes samples to send."""

    @property
    def n_tx(self) -> int:
        """Transmit antennas."""
        ...

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        """Send complex64 ``(n_tx, n)`` so that the first sample leaves at index ``time`` of the stream."""
        ...

    def close(self) -> None:
        """Stop and release what was opened."""
        ...
