"""A member of the air over shared memory."""

import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.air.members import Hub
from picocell.kernels.shmring import ROOM, SAMPLES
from picocell.radio.errors import RadioError
from picocell.radio.shm.args import ShmArgs
from picocell.radio.shm.duplex import Duplex
from picocell.radio.zmq.radio import AHEAD_SUBFRAMES
from picocell.radio.zmq.streams import average, hold, whole_ratio

_log = logging.getLogger(__name__)


class ShmEndpoint:
    """The peer of a shared memory radio.

    Args:
        hub: who waits for it.
        args: device arguments of this end: ``tx_shm`` is read by the member, ``rx_shm`` is read here.
        sample_rate: of the air; the rate in the segments, ``base_srate``, is a whole multiple.
        n_tx: transmit antennas of the member, the channels of its segment.
        n_rx: receive antennas of it, the channels of the one that is made here.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: the segment cannot be made.
    """

    listening: Final = True

    def __init__(self, hub: Hub, args: str | ShmArgs, sample_rate: float, n_tx: int, n_rx: int) -> None:
        self.args = ShmArgs.parse(args) if isinstance(args, str) else args
        self._hub = hub
        self._factor = whole_ratio(self.args.base_srate, sample_rate)
        self._most = AHEAD_SUBFRAMES * max(round(self.args.base_srate / 1000), 1)
        self._asked = 0  # samples of the wire that the air waits for
        self._losses = 0
        self._gone = False
        self._said = ""
        self._duplex = Duplex(self.args, n_rx, n_tx)
        hub.add(self)

    @property
    def fds(self) -> list[int]:
        """File descriptors that wake the air."""
        return [self._duplex.fd]

    def ready(self, n: int) -> bool:
        """Whether samples are there, and the member has taken nearly all that it was given."""
        self._asked = n * self._factor
        duplex = self._duplex
        return duplex.connected and duplex.available >= self._asked and duplex.end - duplex.delivered <= self._most

    def arm(self) -> bool:
        """Have the member wake the air when it did what is waited for; whether it just did."""
        duplex = self._duplex
        if not self._asked or not duplex.connected:
            return False
        missing = SAMPLES * (duplex.available < self._asked) | ROOM * (duplex.end - duplex.delivered > self._most)
        if not missing:
            return False  # others are waited for
        duplex.sleep_for(missing)
        return duplex.available >= self._asked and duplex.end - duplex.delivered <= self._most

    def gone(self) -> bool:
        """Whether the member went since the last call."""
        gone, self._gone = self._gone, False
        return gone

    def take(self, n: int) -> NDArray[np.complex64] | None:
        """The next samples; None where all are zero."""
        wire = self._duplex.take(n * self._factor)
        if not wire.view(np.uint64).any():
            return None
        if self._factor == 1:
            return wire
        samples = np.empty((len(wire), n), np.complex64)
        for row, piece in zip(samples, wire, strict=True):
            average([piece], self._factor, row)
        return samples

    def give(self, samples: NDArray[np.complex64]) -> None:
        """The next samples."""
        wire = samples if self._factor == 1 else np.stack([hold(row, self._factor) for row in samples])
        self._duplex.append(np.ascontiguousarray(wire))

    def pump(self) -> None:
        """See why the member rang."""
        if self._look(rung=True):
            self._hub.watch()

    def renew(self) -> bool:
        """See whether the member came or went; whether there is another descriptor."""
        return self._look(rung=False)

    def close(self) -> None:
        """Remove the segment."""
        self._duplex.close()

    def _look(self, *, rung: bool) -> bool:
        duplex, before = self._duplex, self._duplex.fd
        try:
            if rung:
                duplex.listen()
            duplex.look()
        except RadioError as error:
            if str(error) != self._said:
                _log.error("%s", error)
            self._said = str(error)
        if duplex.losses != self._losses:
            # the next program begins with the first sample of both streams
            self._losses, self._gone = duplex.losses, True
            duplex.restart()
            return True
        return duplex.fd != before
