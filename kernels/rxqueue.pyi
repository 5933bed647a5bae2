"""Timed samples between a thread that takes them from a device as they come and one that works on them.

Neither needs the interpreter's lock while it waits or copies. With a device that has SoapySDR's C interface the thread
that receives does not need it at all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_CHANNELS: Final[int]

class RxQueue:
    """Samples of one device, whose times are counts of samples since sample 0, which `begin` sets.

    Args:
        channels: 1 to 16.
        capacity: samples of each channel that wait at most, up to 2^30.
        step: samples of a read; no more than the capacity.

    Attributes:
        wanted: samples to read next: up to the one that somebody waits for, or whole steps from it.
        newest: index behind the last sample that the device gave.
        waiting: samples that wait to be taken.
        origin: the device's time of sample 0.
        begun: whether sample 0 is settled.
        stopped: whether `stop` was called.
        counts: overflows, silences (reads that brought nothing), lost samples, and what the transmitter told.

    Raises:
        ValueError: sizes that are not allowed.
    """

    channels: int
    capacity: int
    step: int
    def __init__(self, channels: int, capacity: int, step: int) -> None: ...
    @property
    def wanted(self) -> int: ...
    @property
    def newest(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def origin(self) -> int: ...
    @property
    def begun(self) -> bool: ...
    @property
    def stopped(self) -> bool: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def put(self, samples: NDArray[np.complex64], n: int, time: int | None = None, overflow: bool = False) -> None:
        """Put the first ``n`` of complex64 ``(channels, m)``, and wait until there is room for the ``wanted`` next.

        More than there is room for, of a caller who reads more than is wanted, is lost.

        Args:
            samples: what was read.
            n: 0 where nothing came.
            time: the device's count at the first; None from a device without: they follow on the last.
            overflow: the device lost samples before them.
        """

    def run(self, read: int, status: int, device: int, rx: int, tx: int, rate: float, timeout_us: int) -> int:
        """Read from a device until `stop` (0), or until it is lost: its code.

        Args:
            read: address of ``SoapySDRDevice_readStream``.
            status: address of ``SoapySDRDevice_readStreamStatus``.
            device: address of the device.
            rx: of its receiving stream, of complex64.
            tx: of its sending stream; 0 for none.
            rate: samples per second.
            timeout_us: that a read waits.
        """

    def begin(self, lead: int) -> None:
        """Sample 0 is ``lead`` samples behind the newest; what came before it is let go."""

    def resume(self, time: int | None, rate: float) -> None:
        """A device that was lost is back, now at the sample of ``time``; the index goes on by the computer's clock."""

    def take(self, out: NDArray[np.complex64], timeout: float) -> tuple[int | None, int]:
        """Fill complex64 ``(channels, n)`` from its beginning; waits for ``timeout`` seconds at most.

        Returns:
            How many came, fewer before a gap, and their index. None where they did not come in time; 0 where one was
            stopped or woken.
        """

    def wait_known(self, timeout: float) -> bool:
        """Wait for the device's first samples; whether they came."""

    def stop(self) -> None:
        """Have whoever waits here or reads go away, for good."""

    def wake(self, woken: bool) -> None:
        """Have who waits to take look up, and nobody wait until it is taken back."""

def write(
    write_stream: int,
    device: int,
    stream: int,
    samples: NDArray[np.complex64],
    time: int | None,
    rate: float,
    end: bool,
    timeout_us: int,
) -> int:
    """Send complex64 ``(channels, n)``; how many samples the device took, or its code.

    Args:
        write_stream: address of ``SoapySDRDevice_writeStream``.
        device: address of the device.
        stream: of its sending stream, of complex64.
        samples: up to 16 channels.
        time: the device's count at the first; None for at once.
        rate: samples per second.
        end: nothing follows on the last.
        timeout_us: that it waits for room.
    """
