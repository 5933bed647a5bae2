"""Both directions of a shared memory radio: the own segment, which the peer reads, and the peer's, which is read here.

Sample i of the one belongs to sample i of the other, as this end counts. A peer that went and came back counts from the
sample at which it began to read: its stream is put where that belongs.
"""

import contextlib
import logging
import time
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.shmring import ROOM, SAMPLES
from picocell.radio.errors import RadioError
from picocell.radio.shm.args import ShmArgs
from picocell.radio.shm.segment import Bell, Rope, Segment

RING_SUBFRAMES: Final = 8
"""Milliseconds that a ring holds: those that may wait for the peer, one that is being written, and some to spare."""

LOOK_S: Final = 0.05
"""Between two looks for a peer that is not there."""

_log = logging.getLogger(__name__)


class Duplex:
    """Both directions.

    Args:
        args: names and rate.
        n_tx: transmit channels.
        n_rx: receive channels.

    Attributes:
        connected: the peer reads and is read: samples pass.
        taken: samples of the receive stream that were taken.
        last_pid: process of the last peer; 0 before the first.
        losses: times that a peer went away.
        malformed: samples that were not finite.
        trouble: why a peer that is there cannot be worked with; empty where it can.

    Raises:
        RadioError: the name is in use, or there is no shared memory.
    """

    def __init__(self, args: ShmArgs, n_tx: int, n_rx: int) -> None:
        self.args = args
        self._n_tx, self._n_rx = n_tx, n_rx
        self._subframe = max(round(args.base_srate / 1000), 1)
        self.connected = False
        self.last_pid = self.losses = self.malformed = 0
        self.trouble = ""
        self._peer: Segment | None = None
        self._rope: Rope | None = None
        self._stored: deque[NDArray[np.complex64]] = deque()
        self._n_stored = self._discard = 0
        self._next_look = 0.0
        self.taken = 0
        self._open()

    def _open(self) -> None:
        self._zeros = 0  # that found no room in the ring yet
        self._own = Segment.make(self.args.tx_shm, self._n_tx, RING_SUBFRAMES * self._subframe, self.args.base_srate)
        try:
            self._bell = Bell(self.args.tx_shm, self._own.contents.epoch)
        except OSError as error:
            self._own.remove(self.args.tx_shm)
            self._own.close()
            raise RadioError(f"tx_shm={self.args.tx_shm} cannot be made: {error.strerror}") from None

    @property
    def fd(self) -> int:
        """Readable when the peer did what was slept for, or is gone."""
        return self._bell.fd

    # sending

    @property
    def end(self) -> int:
        """Samples of the transmit stream so far."""
        return self._own.ring.written + self._zeros

    @property
    def zeros_wait(self) -> bool:
        """Whether zeros have found no room in the ring yet."""
        return self._zeros > 0

    @property
    def delivered(self) -> int:
        """Samples that the peer took."""
        return self._own.ring.read

    def fill(self, until: int) -> int:
        """Zeros up to there, now or as soon as there is room; how many."""
        n = max(until - self.end, 0)
        self._zeros += n
        self.flush()
        return n

    def append(self, samples: NDArray[np.complex64]) -> None:
        """Samples at the end, complex64 (n_tx, n), for which there is room.

        Raises:
            ValueError: there is none.
        """
        self.flush()
        if self._zeros:
            raise ValueError("no room for samples behind zeros that wait")
        self._own.ring.write(samples)
        self._wake(SAMPLES)

    def flush(self) -> None:
        """Write zeros for which there is room now."""
        if not self._zeros:
            return
        ring = self._own.ring
        n = min(self._zeros, ring.capacity - (ring.written - ring.read))
        if n:
            ring.write_zeros(n)
            self._zeros -= n
            self._wake(SAMPLES)

    # receiving

    @property
    def available(self) -> int:
        """Samples that can be taken."""
        if not self.connected or self._peer is None:
            return self._n_stored
        ring = self._peer.ring
        return self._n_stored + max(ring.written - ring.read - self._discard, 0)

    def take(self, n: int) -> NDArray[np.complex64]:
        """The next samples, complex64 (n_rx, n), which are there."""
        out = np.empty((self._n_rx, n), np.complex64)
        self.taken += n
        done = 0
        while done < n and self._stored:
            part = self._stored.popleft()
            k = min(part.shape[1], n - done)
            out[:, done : done + k] = part[:, :k]
            if k < part.shape[1]:
                self._stored.appendleft(part[:, k:])
            done += k
        self._n_stored -= done
        if done == 0:
            self._take(out)
        elif done < n:
            rest = np.empty((self._n_rx, n - done), np.complex64)
            self._take(rest)
            out[:, done:] = rest
        return out

    def store(self) -> None:
        """Take what the ring holds out of it, for a reception that is longer than the ring."""
        if self._peer is None or not self.connected:
            return
        ring = self._peer.ring
        skip = min(self._discard, ring.written - ring.read)
        if skip:
            ring.skip(skip)
            self._discard -= skip
        n = ring.written - ring.read
        if n:
            part = np.empty((self._n_rx, n), np.complex64)
            self._take(part)
            self._put(part)
        if n or skip:
            self._wake(ROOM)

    def _take(self, out: NDArray[np.complex64]) -> None:
        assert self._peer is not None
        ring = self._peer.ring
        if self._discard:
            ring.skip(self._discard)
            self._discard = 0
        bad = ring.take(out)
        if bad:
            self.malformed += bad
            _log.error("rx_shm=%s: %d samples that are not finite were made zero", self.args.rx_shm, bad)
        self._wake(ROOM)

    def _put(self, part: NDArray[np.complex64]) -> None:
        self._stored.append(part)
        self._n_stored += part.shape[1]

    # the peer

    def sleep_for(self, what: int) -> None:
        """Have the peer ring when it has done this; what is true already has to be looked at afterwards."""
        self._own.ring.sleep_for(what)

    def listen(self) -> None:
        """See why it rang: something can be done, or somebody came or went."""
        if self._bell.listen():
            self._next_look = 0.0
            self.look()
        elif not self.connected:
            self._next_look = 0.0

    def look(self) -> None:
        """See, now and then, whether a peer is there, and whether it still is.

        Raises:
            RadioError: what is there cannot be read; with the next look it may.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        if self._peer is not None and self._peer.is_left():
            self._lose()
        if self._peer is None:
            self._attach()
        if self._peer is not None and not self.connected:
            self._join()

    def why(self) -> str:
        """What is known of the peer, in words."""
        if self.trouble:
            return self.trouble
        if self._peer is None:
            return f"process {self.last_pid} is gone" if self.last_pid else "nobody writes there yet"
        pid = self._peer.contents.pid
        if not self.connected:
            return f"process {pid} writes there and does not read tx_shm={self.args.tx_shm}"
        return f"process {pid} is there but does nothing"

    def restart(self) -> None:
        """Begin both streams anew; the peer sees this end go and come."""
        self._let_go()
        self._stored.clear()
        self._n_stored = self._discard = self.taken = 0
        self._close_own()
        self._open()
        self._next_look = 0.0

    def close(self) -> None:
        """Remove the own segment, and let go of the peer's, which goes too where the peer is dead."""
        if self._peer is not None:
            self._peer.clean_up(self.args.rx_shm)
        self._let_go()
        self._close_own()

    def _close_own(self) -> None:
        self._own.remove(self.args.tx_shm)
        self._bell.close()
        self._own.close()

    def _attach(self) -> None:
        """Take the peer's segment, where there is one."""
        name = self.args.rx_shm
        self.trouble = ""
        try:
            found = Segment.open(name)
        except RadioError as error:
            self.trouble = str(error)
            raise
        if found is None:
            return
        try:
            self._check(found)
            rope = Rope(name, found)
        except OSError:  # it is just coming or going
            found.close()
            return
        except RadioError as error:
            found.close()
            self.trouble = str(error)
            raise
        self._peer, self._rope = found, rope
        found.reader = (found.ring.read, self._own.contents.pid, self._own.contents.epoch)
        rope.ring()

    def _check(self, found: Segment) -> None:
        """Refuse a peer of another kind.

        Raises:
            RadioError: what differs.
        """
        contents, name = found.contents, self.args.rx_shm
        if contents.rate != self.args.base_srate:
            raise RadioError(
                f"rx_shm={name}: process {contents.pid} writes {contents.rate:.12g} samples per second:"
                f" base_srate={self.args.base_srate:.12g} here"
            )
        if contents.channels != self._n_rx:
            raise RadioError(
                f"rx_shm={name}: process {contents.pid} writes {contents.channels} channels: not {self._n_rx}"
            )

    def _join(self) -> None:
        """Line the peer's stream up with what it took of the own one, as soon as it began to."""
        assert self._peer is not None
        assert self._rope is not None
        start, _, epoch = self._own.reader
        if epoch != self._peer.contents.epoch:
            return
        gap = start - (self.taken + self._n_stored)
        if gap > 0:
            self._put(np.zeros((self._n_rx, gap), np.complex64))
        self._discard = max(-gap, 0)
        self.connected, self.last_pid = True, self._peer.contents.pid
        _log.info("rx_shm=%s: process %d is there", self.args.rx_shm, self.last_pid)
        self.flush()
        self._rope.ring()

    def _lose(self) -> None:
        """The peer is gone: what it had written stays, and what it left behind is removed."""
        assert self._peer is not None
        if self.connected:
            self.store()
            self.losses += 1
            pid = self._peer.contents.pid
            _log.warning("rx_shm=%s: process %d is gone; waiting for it to return", self.args.rx_shm, pid)
        self._peer.clean_up(self.args.rx_shm)
        self._let_go()

    def _let_go(self) -> None:
        self.connected = False
        self._discard = 0
        if self._rope is not None:
            self._rope.close()
            self._rope = None
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def _wake(self, what: int) -> None:
        """Ring, where the peer sleeps for this."""
        if self._peer is not None and self._rope is not None and self._peer.ring.wakes(what):
            with contextlib.suppress(OSError):
                self._rope.ring()
