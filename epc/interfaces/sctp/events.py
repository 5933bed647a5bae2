"""What an SCTP endpoint reports and raises."""

from dataclasses import dataclass
from enum import IntEnum

from picocell.epc.interfaces.sockets import TransportError


class SctpError(TransportError):
    """What the transport cannot do, in words."""


@dataclass(frozen=True, slots=True)
class SctpMessage:
    """One message as its sender gave it."""

    association: int
    stream: int
    ppid: int
    data: bytes


@dataclass(frozen=True, slots=True)
class AssociationUp:
    """An association is established, by either side; ``peer`` is IPv4 address and SCTP port."""

    association: int
    peer: tuple[str, int]
    streams_out: int
    streams_in: int


@dataclass(frozen=True, slots=True)
class AssociationDown:
    """An association has ended, or could not be established; its number is not used again."""

    association: int
    reason: str


SctpEvent = SctpMessage | AssociationUp | AssociationDown


class Change(IntEnum):
    """State of an association in a notification (RFC 6458 6.1.1); Linux counts from 0, usrsctp from 1."""

    UP = 0
    LOST = 1
    RESTART = 2
    SHUTDOWN_COMPLETE = 3
    CANNOT_START = 4


def reason_of(change: Change, abort_chunk: bytes) -> str:
    """Why an association ended, in words; the chunk is empty if there was none."""
    if change is Change.SHUTDOWN_COMPLETE:
        return "shut down"
    if abort_chunk:
        return "aborted by the peer" if change is Change.LOST else "refused by the peer"
    if change is Change.CANNOT_START:
        return "no answer: the peer is not there, or something drops SCTP on the way"
    return "the peer does not answer any more"
