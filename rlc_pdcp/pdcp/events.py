"""What a PDCP entity tells its surroundings: ``next_event()`` returns these."""

from dataclasses import dataclass


@dataclass(slots=True)
class SduReceived:
    """An SDU for the upper layers."""

    sdu: bytes


@dataclass(slots=True)
class IntegrityFailure:
    """A PDU whose MAC-I is wrong has been discarded (TS 36.323 5.7); RRC decides what follows (TS 36.331 5.3.7.2).

    Attributes:
        count: COUNT that it was verified with.
    """

    count: int


@dataclass(slots=True)
class DiscardSdu:
    """RLC shall discard an SDU that it has not begun to transmit (TS 36.323 5.4, TS 36.322 5.3).

    Attributes:
        sdu_id: as `next_pdu` gave it.
    """

    sdu_id: int


@dataclass(slots=True)
class CountWrap:
    """A COUNT nears its end: RRC has to change the keys or release the bearer before (TS 33.401 7.2.9.1, 7.2.9.2).

    Attributes:
        transmitting: the COUNT of the transmitting side, else that of the receiving side.
        count: where it stands.
    """

    transmitting: bool
    count: int


Event = SduReceived | IntegrityFailure | DiscardSdu | CountWrap


@dataclass(slots=True)
class PdcpCounters:
    """What an entity has thrown away.

    Attributes:
        malformed_pdus: received PDUs that could not be read, or of a kind that is not supported.
        duplicate_pdus: received PDUs that had been received before, or are too old.
        integrity_failures: received PDUs with a wrong MAC-I.
        count_exhausted: received PDUs whose COUNT would be outside 0..2^32 - 1.
        dropped_sdus: SDUs for which the transmit queue had no room.
        discarded_sdus: SDUs whose discardTimer expired.
    """

    malformed_pdus: int = 0
    duplicate_pdus: int = 0
    integrity_failures: int = 0
    count_exhausted: int = 0
    dropped_sdus: int = 0
    discarded_sdus: int = 0
