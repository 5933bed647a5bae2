"""What passes between the nodes of the network: one message of one interface, from one address to another."""

from dataclasses import dataclass
from enum import StrEnum


class Interface(StrEnum):
    """Reference points (TS 23.401 4.2)."""

    S1AP = "s1ap"
    S6A = "s6a"
    S11 = "s11"
    S5C = "s5c"
    S1U = "s1u"
    S5U = "s5u"


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way.

    Attributes:
        interface: which reference point; it names the protocol, too.
        source: IPv4 address of the sender.
        destination: IPv4 address of the receiver.
        data: the message's bytes.
        stream: of the SCTP association; 0 for what concerns no UE (TS 36.412 7).
    """

    interface: Interface
    source: str
    destination: str
    data: bytes
    stream: int = 0
