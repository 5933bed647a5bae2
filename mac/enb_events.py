"""What an eNB's MAC tells the layers above."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CcchReceived:
    """Message 3 carried a CCCH SDU: a UE wants a connection. Its answer goes to logical channel 0 of this RNTI.

    Attributes:
        rnti: temporary C-RNTI, which becomes the UE's C-RNTI.
        sdu: the RRC message.
    """

    rnti: int
    sdu: bytes


@dataclass(frozen=True, slots=True)
class CRntiReceived:
    """A connected UE is back by random access (C-RNTI control element, or a preamble of its own)."""

    rnti: int


@dataclass(frozen=True, slots=True)
class UeLost:
    """A UE does not answer any more; said once until it is heard again.

    Attributes:
        rnti: its C-RNTI.
        reason: in plain words.
    """

    rnti: int
    reason: str


@dataclass(frozen=True, slots=True)
class RandomAccessExpired:
    """A random access did not complete; the MAC has forgotten the RNTI."""

    rnti: int


EnbMacEvent = CcchReceived | CRntiReceived | UeLost | RandomAccessExpired
