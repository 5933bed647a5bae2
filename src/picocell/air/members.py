"""Where the air's samples come from and go to: arrays of the own process, and ZeroMQ ports of another one.

Over shared memory: `picocell.air.shm_member`.

No end waits. The air looks whether a millisecond is there, takes it, and gives one back; sample i that a member sends
and sample i that it hears belong together, and stay together when it was away.
"""

import contextlib
import logging
import select
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import zmq
from numpy.typing import NDArray

from picocell.radio.zmq.args import ZmqArgs
from picocell.radio.zmq.ports import Context, RxPort, TxPort
from picocell.radio.zmq.radio import AHEAD_SUBFRAMES
from picocell.radio.zmq.streams import average, hold, whole_ratio

_LOOK_S: Final = 0.1  # between two looks at all connections
_READ_AHEAD: Final = 2

_log = logging.getLogger(__name__)


class Endpoint(Protocol):
    """A member's samples, as the air sees them."""

    @property
    def listening(self) -> bool:
        """Whether the member takes what it would hear now."""
        ...

    def ready(self, n: int) -> bool:
        """Whether ``n`` samples are there, and room for as many."""
        ...

    def gone(self) -> bool:
        """Whether the connection broke since the last call."""
        ...

    def take(self, n: int) -> NDArray[np.complex64] | None:
        """The next samples that the member sends, complex64 (n_tx, n); None for silence."""
        ...

    def give(self, samples: NDArray[np.complex64]) -> None:
        """The next samples that it hears, complex64 (n_rx, n), which are its own from now on."""
        ...

    def close(self) -> None:
        """Release what was opened."""
        ...


class LocalEndpoint:
    """A member in this process. It is always ready.

    Attributes:
        sent: what it sends in the next millisecond, complex64 (n_tx, n); None for silence. The air takes it away.
        heard: what it heard in the last one, complex64 (n_rx, n); None before the first.
        listening: false where nobody takes what it would hear: then nothing is computed.
        present: false while it is switched off.
    """

    def __init__(self) -> None:
        self.sent: NDArray[np.complex64] | None = None
        self.heard: NDArray[np.complex64] | None = None
        self.listening = True
        self.present = True

    def ready(self, n: int) -> bool:
        """Whether it is switched on."""
        del n
        return self.present

    def gone(self) -> bool:
        """Whether it is switched off."""
        return not self.present

    def take(self, n: int) -> NDArray[np.complex64] | None:
        """What it sends.

        Raises:
            ValueError: another number of samples than of a millisecond.
        """
        sent, self.sent = self.sent, None
        if sent is not None and sent.shape[-1] != n:
            raise ValueError(f"{sent.shape[-1]} samples do not fit: a millisecond has {n}")
        return sent

    def give(self, samples: NDArray[np.complex64]) -> None:
        """What it hears."""
        self.heard = samples

    def close(self) -> None:
        """Nothing was opened."""


class RemoteEndpoint(Protocol):
    """An endpoint whose member is another process, as the hub sees it."""

    @property
    def fds(self) -> list[int]:
        """File descriptors that are readable when something happened."""
        ...

    def arm(self) -> bool:
        """Make sure that what is waited for wakes the hub; whether it has just happened."""
        ...

    def pump(self) -> None:
        """Do what can be done."""
        ...

    def renew(self) -> bool:
        """Look after the connection; whether there are other descriptors."""
        ...


class Hub:
    """Waits for all members in other processes at once, in the thread that moves the air."""

    def __init__(self) -> None:
        self.context: Context = zmq.Context()
        self._pumps: dict[int, Callable[[], None]] = {}
        self._members: list[RemoteEndpoint] = []
        self._poll = select.poll()
        self._next_look = 0.0

    def add(self, member: RemoteEndpoint) -> None:
        """Look after a member from now on."""
        self._members.append(member)
        self.watch()

    def watch(self) -> None:
        """Watch the sockets as they are now."""
        self._poll, self._pumps = select.poll(), {}
        for member in self._members:
            for fd in member.fds:
                self._poll.register(fd, select.POLLIN)
                self._pumps[fd] = member.pump
        self._next_look = 0.0

    def wait(self, seconds: float) -> None:
        """Do what can be done now, or wait until something can be."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_S
            self._look()
            seconds = 0.0
        if any([member.arm() for member in self._members]):  # noqa: C419 - all of them
            seconds = 0.0
        # what has to be done is the same for all sockets of a member
        for pump in {self._pumps[fd] for fd, _ in self._poll.poll(1000 * min(seconds, _LOOK_S))}:
            pump()

    def close(self) -> None:
        """Release the context; the members are closed before."""
        self.context.term()

    def _look(self) -> None:
        """At every member, in case that nothing woke this up."""
        if any([member.renew() for member in self._members]):  # noqa: C419 - all of them
            self.watch()
        for member in self._members:
            member.pump()


class ZmqEndpoint:
    """The peer of a ZeroMQ radio: ours, or another program's that speaks the same.

    Args:
        hub: who waits for it.
        args: device arguments of this end: ``tx_port`` is asked by the member, ``rx_port`` is asked here.
        sample_rate: of the air; the rate on the wire, ``base_srate``, is a whole multiple.
        n_tx: transmit antennas of the member: as many ``rx_port``.
        n_rx: receive antennas of it: as many ``tx_port``.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: a port cannot be bound.
    """

    listening: Final = True

    def __init__(
        self, hub: Hub, args: str | ZmqArgs, sample_rate: float, n_tx: int, n_rx: int, name: str = "zmq"
    ) -> None:
        self.args = ZmqArgs.parse(args) if isinstance(args, str) else args
        self.args.check_channels(n_rx, n_tx)
        self._hub, self._n_tx, self._n_rx, self.name = hub, n_tx, n_rx, name
        self._factor = whole_ratio(self.args.base_srate, sample_rate)
        self._subframe = max(round(self.args.base_srate / 1000), 1)
        self._gone = False
        self._tx: list[TxPort] = []
        self._rx: list[RxPort] = []
        try:
            for endpoint in self.args.tx_ports:
                self._tx.append(TxPort(hub.context, endpoint, AHEAD_SUBFRAMES * self._subframe, self._see_new_peer))
            for channel, endpoint in enumerate(self.args.rx_ports):
                self._rx.append(RxPort(hub.context, endpoint, self._tx[min(channel, len(self._tx) - 1)]))
        except BaseException:
            self.close()
            raise
        for rx in self._rx:
            rx.wanted = _READ_AHEAD * self._subframe
        hub.add(self)

    @property
    def fds(self) -> list[int]:
        """File descriptors of its sockets."""
        return [tx.fd for tx in self._tx] + [fd for rx in self._rx for fd in (rx.fd, rx.monitor_fd)]

    def ready(self, n: int) -> bool:
        """Whether samples are there, and the member has taken nearly all that it was given."""
        most = AHEAD_SUBFRAMES * self._subframe
        return (
            all(rx.connected and rx.stream.available >= n * self._factor for rx in self._rx)
            and all(tx.stream.waiting <= most for tx in self._tx)
        )  # fmt: skip

    def gone(self) -> bool:
        """Whether the connection broke since the last call."""
        gone, self._gone = self._gone, False
        return gone

    def take(self, n: int) -> NDArray[np.complex64] | None:
        """The next samples; None where all are zero."""
        samples = np.empty((self._n_tx, n), np.complex64)
        for i, rx in enumerate(self._rx):
            pieces = rx.stream.take(n * self._factor)
            if i < self._n_tx:
                average(pieces, self._factor, samples[i])
            rx.ask()  # for the next, while these are worked on
        return samples if samples.view(np.uint64).any() else None

    def give(self, samples: NDArray[np.complex64]) -> None:
        """The next samples; they go out at once where they are asked for."""
        for row, tx in zip(samples, self._tx, strict=False):
            tx.stream.append(hold(row, self._factor), borrowed=False)
        for tx in self._tx:
            tx.stream.fill(self._tx[0].stream.end)
            tx.answer()

    def arm(self) -> bool:
        """Sockets wake the hub by themselves."""
        return False

    def pump(self) -> None:
        """Do what the sockets allow."""
        if self.renew():
            self._hub.watch()
        for tx in self._tx:
            tx.pump()
        for rx in self._rx:
            rx.pump()

    def renew(self) -> bool:
        """New sockets for connections that broke; whether there are any."""
        self._see_losses()
        lost = [rx for rx in self._rx if rx.lost]
        for rx in lost:
            rx.renew()
        return bool(lost)

    def close(self) -> None:
        """Release the ports."""
        for tx in self._tx:
            tx.close()
        for rx in self._rx:
            with contextlib.suppress(zmq.ZMQError):
                rx.close()
        self._tx, self._rx = [], []

    def _see_new_peer(self) -> None:
        """Somebody else asks than before, and is about to be answered with what waits."""
        self._see_losses(keep=True)

    def _see_losses(self, *, keep: bool = False) -> None:
        """See which connections broke; what was left of them is dropped, the same on both sides and all channels."""
        was_connected = any(rx.connected for rx in self._rx)
        if not any([not rx.lost and rx.watch() for rx in self._rx]) or not was_connected:  # noqa: C419 - all of them
            return
        self._gone = True
        left = max(rx.stream.available for rx in self._rx)
        for rx in self._rx:
            rx.stream.put(np.zeros(left - rx.stream.available, np.complex64))
            rx.stream.take(left)
        end = max(tx.stream.end for tx in self._tx) + left
        for tx in self._tx:
            tx.stream.fill(end)
        front = max(tx.stream.delivered for tx in self._tx) if keep else end
        for tx in self._tx:
            tx.stream.advance(front - tx.stream.delivered)
