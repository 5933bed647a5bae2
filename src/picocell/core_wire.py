"""The messages between eNBs and core, and between the core's nodes, on their way."""

from collections import deque
from collections.abc import Callable, Sequence

from picocell.enb.enb import Enb
from picocell.epc.epc import Epc
from picocell.epc.interfaces.transport import Message

Pass = Callable[[Message], list[tuple[int, Message]]]
"""What becomes of a message: delays in ms, and messages."""


class CoreWire:
    """Carries messages, each in a time of its own.

    Args:
        epc: the core.
        enbs: the eNBs.
        latency_ms: how long a message takes.
        on_message: sees each, and says what becomes of it.
    """

    def __init__(self, epc: Epc, enbs: Sequence[Enb], latency_ms: int, on_message: Pass) -> None:
        self._epc, self._enbs, self._latency, self._pass = epc, enbs, latency_ms, on_message
        self._enb_at = {enb.address: enb for enb in enbs}
        self._under_way: deque[tuple[int, Message]] = deque()

    def settle(self, now: int) -> None:
        """Deliver messages that are due, and those that follow from them where they take no time."""
        self.collect(now)
        while self._under_way and self._under_way[0][0] <= now:
            _, message = self._under_way.popleft()
            enb = self._enb_at.get(message.destination)
            if enb is not None:
                enb.receive(message, now)
                self._send(enb.messages_to_send(), now)
            else:
                self._epc.receive(message, now)
                self._send(self._epc.messages_to_send(message.destination), now)

    def collect(self, now: int) -> None:
        """Put what the nodes have to say on its way."""
        self._send(self._epc.messages_to_send(), now)
        for enb in self._enbs:
            self._send(enb.messages_to_send(), now)

    def _send(self, messages: list[Message], now: int) -> None:
        for message in messages:
            for delay, changed in self._pass(message):
                self._under_way.append((now + self._latency + delay, changed))
                if delay:
                    self._under_way = deque(sorted(self._under_way, key=lambda item: item[0]))
