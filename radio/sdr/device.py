"""What a driver of a software-defined radio gives to :class:`~picocell.radio.sdr.radio.SdrRadio`."""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.rxqueue import RxQueue

TxKind = Literal["late", "underflow"]


class Read(NamedTuple):
    """What one call of the receiver brought.

    Attributes:
        n: samples written into the buffer; 0 where none came in time.
        time: the device's count of samples at the first; None from a device without timestamps.
        overflow: the device lost samples before them, because nobody took them.
    """

    n: int
    time: int | None = None
    overflow: bool = False


class SdrDevice(Protocol):
    """A device with timed samples. Times are counts of samples of its own clock at its sample rate.

    Every call may raise :class:`~picocell.radio.errors.RadioError`: the device is lost.
    """

    @property
    def name(self) -> str:
        """The device, in a log line."""
        ...

    @property
    def sample_rate(self) -> float:
        """Samples per second that were set."""
        ...

    def start(self) -> None:
        """Have the streams run."""
        ...

    def read(self, out: NDArray[np.complex64], timeout: float) -> Read:
        """Receive into complex64 ``(n_rx, n)``, of contiguous rows; waits for ``timeout`` seconds at most."""
        ...

    def write(self, samples: NDArray[np.complex64], time: int, *, end: bool, timeout: float) -> int:
        """Send complex64 ``(n_tx, n)``, of contiguous rows.

        Args:
            samples: what to send.
            time: when the first sample leaves; within a burst behind the samples of the last call.
            end: nothing follows on the last sample.
            timeout: seconds to wait for room.

        Returns:
            How many samples the device took.
        """
        ...

    def status(self, timeout: float) -> TxKind | None:
        """What the transmitter told; None where it told nothing in time."""
        ...

    def close(self) -> None:
        """Stop the streams, and give the device back. A second call does nothing."""
        ...


@runtime_checkable
class FillingDevice(SdrDevice, Protocol):
    """A device that can receive without the interpreter, and count what its transmitter tells meanwhile."""

    def fill(self, queue: RxQueue, timeout: float) -> bool:
        """Take samples as they come, until the queue is stopped; whether that was possible.

        Args:
            queue: of as many channels.
            timeout: seconds that a read waits.
        """
        ...
