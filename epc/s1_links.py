"""SCTP associations of an MME: each has a name, by which the MME knows its eNB (TS 36.412)."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from picocell.epc.interfaces.s1ap import PPID
from picocell.epc.interfaces.sctp import AssociationDown, AssociationUp, SctpEndpoint, SctpMessage
from picocell.epc.interfaces.transport import Interface, Message

logger = logging.getLogger(__name__)

BATCH: Final = 256
"""Events that one call of `S1Links.events` gives at most, so that user packets are not kept waiting."""


@dataclass(frozen=True, slots=True)
class EnbUp:
    """There is an association with an eNB."""

    enb: str


@dataclass(frozen=True, slots=True)
class EnbDown:
    """The association with an eNB is gone."""

    enb: str
    reason: str


class S1Links:
    """Associations by the names of eNBs: address and SCTP port, so that two eNBs on one address are kept apart.

    Args:
        sctp: listens from now on.
        mme: the MME's address in messages.

    Attributes:
        dropped: messages that were for no association, or not of S1AP.

    Raises:
        OSError: the endpoint cannot listen.
    """

    def __init__(self, sctp: SctpEndpoint, mme: str) -> None:
        self._sctp, self._mme = sctp, mme
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._streams: dict[int, int] = {}
        self.dropped = 0
        sctp.listen()

    def __len__(self) -> int:
        return len(self._names)

    def fileno(self) -> int:
        """Descriptor that is readable while there are events."""
        return self._sctp.fileno()

    def events(self) -> Iterator[Message | EnbUp | EnbDown]:
        """What has happened, at most `BATCH` things; the descriptor stays readable while there is more."""
        for _ in range(BATCH):
            match self._sctp.next_event():
                case None:
                    return
                case AssociationUp(number, peer, streams_out, _):
                    yield EnbUp(self._add(number, peer, streams_out))
                case AssociationDown(number, reason):
                    name = self._names.pop(number, None)
                    if name is not None:
                        del self._numbers[name], self._streams[number]
                        yield EnbDown(name, reason)
                case SctpMessage(number, stream, ppid, data):
                    message = self._message(number, stream, ppid, data)
                    if message is not None:
                        yield message

    def send(self, message: Message) -> None:
        """Send to the eNB that a message names; what cannot go out is lost, as on the wire."""
        number = self._numbers.get(message.destination)
        if number is None:
            self.dropped += 1
            logger.info(
                "S1AP: a message for eNB %s, which has no association any more, is dropped", message.destination
            )
            return
        stream = min(message.stream, self._streams[number] - 1)
        try:
            self._sctp.send(number, message.data, stream=stream, ppid=PPID)
        except (OSError, ValueError) as error:
            self.dropped += 1
            logger.warning("S1AP to eNB %s: %s", message.destination, error)

    def close(self) -> None:
        """End all associations."""
        self._sctp.close()

    def _add(self, number: int, peer: tuple[str, int], streams_out: int) -> str:
        name = f"{peer[0]}:{peer[1]}"
        if name in self._numbers:  # one over UDP from the same SCTP port, behind another UDP port
            name = f"{name}#{number}"
        self._names[number], self._numbers[name], self._streams[number] = name, number, max(1, streams_out)
        return name

    def _message(self, number: int, stream: int, ppid: int, data: bytes) -> Message | None:
        name = self._names.get(number)
        if name is None or ppid != PPID:
            self.dropped += 1
            logger.warning("S1AP: %d bytes of PPID %d from %s are dropped; allowed is %d", len(data), ppid, name, PPID)
            return None
        return Message(Interface.S1AP, name, self._mme, data, stream)
