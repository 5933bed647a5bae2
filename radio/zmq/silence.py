"""Saying that nothing moves, from which port, and what is known of the peer."""

import logging
import math
from collections.abc import Sequence
from typing import Final

from picocell.radio.errors import RadioError
from picocell.radio.zmq.args import ZmqArgs
from picocell.radio.zmq.ports import RxPort, TxPort

_SILENCE_S: Final = 1.0  # until a line says that nothing comes
_REMIND_S: Final = 10.0  # between further such lines

_log = logging.getLogger(__name__)


class Silence:
    """Time without samples while a caller waits."""

    def __init__(self, args: ZmqArgs) -> None:
        self._args = args
        self._since: float | None = None
        self._next_line = 0.0

    def end(self) -> None:
        """Samples came."""
        self._since = None

    def watch(self, now: float, tx: Sequence[TxPort], rx: Sequence[RxPort], *, receiving: bool) -> float:
        """Say that nothing moves, when it is time to; seconds until there may be something to say.

        Raises:
            RadioError: with ``fail_on_disconnect``, a peer that had sent samples stays away.
        """
        if self._since is None:
            self._since = now
            self._next_line = now + _SILENCE_S
        seconds = now - self._since
        if now >= self._next_line:
            self._next_line = now + _REMIND_S
            _log.warning("%s: %s; waiting", self._args.id, _why(tx, rx, receiving, seconds))
        fail_in = math.inf
        if self._args.fail_on_disconnect and receiving and any(port.last_frame for port in rx):
            fail_in = self._args.fail_after - seconds
            if fail_in <= 0:
                raise RadioError(f"{self._args.id}: {_why(tx, rx, receiving, seconds)} (fail_on_disconnect)")
        return min(self._next_line - now, fail_in)


def _why(tx: Sequence[TxPort], rx: Sequence[RxPort], receiving: bool, seconds: float) -> str:
    """What is awaited, from which port, and what is known of the peer."""
    if not receiving:
        slowest = min(tx, key=lambda port: port.stream.delivered)
        return f"nobody takes samples from tx_port={slowest.endpoint} for {seconds:.1f} s"
    emptiest = min(rx, key=lambda port: port.stream.available)
    state = "the peer is connected but sends nothing" if emptiest.connected else "nobody answers there yet"
    if emptiest.refused:
        state = "what listens there is no ZeroMQ REP socket"
    return f"no samples from rx_port={emptiest.endpoint} for {seconds:.1f} s: {state}"
