"""Messages of GTPv2-C on S11 and S5/S8 (TS 29.274 clause 7), one dataclass each; fields are read by `gtpv2c_codec`.

Elements that a class does not name are in its field ``others``.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Self

from picocell.epc.interfaces.gtpv2c_codec import Instance, RawIe, pack_elements, unpack_elements
from picocell.epc.interfaces.gtpv2c_ies import (
    Ambr,
    Apn,
    ApnRestriction,
    Arp,
    BearerFlags,
    BearerQos,
    BearerTft,
    Cause,
    ChargingCharacteristics,
    ChargingId,
    DelayValue,
    Ebi,
    FTeid,
    Imsi,
    Indication,
    Mei,
    Msisdn,
    NodeFeatures,
    NodeType,
    Paa,
    Pco,
    PdnType,
    Pti,
    RatType,
    Recovery,
    SelectionMode,
    ServingNetwork,
    UeTimeZone,
    Uli,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerContext:
    """A bearer in a message: an element that holds elements (clause 8.28).

    Attributes:
        ebi: the bearer.
        f_teids: its tunnels' ends by instance. An instance means another interface in each message (clause 7.2);
            `f_teid` finds one by the interface that it names itself.
    """

    TYPE: ClassVar[int] = 93
    ebi: Ebi
    cause: Cause | None = None
    tft: BearerTft | None = None
    f_teids: dict[int, FTeid] = field(default_factory=dict)
    qos: BearerQos | None = None
    charging_id: ChargingId | None = None
    flags: BearerFlags | None = None
    others: tuple[RawIe, ...] = ()

    def f_teid(self, interface: int) -> FTeid | None:
        """The tunnel's end of an interface, None where there is none."""
        return next((end for end in self.f_teids.values() if end.interface == interface), None)

    def pack(self) -> bytes:
        """Content of the element."""
        return pack_elements(self)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The element from its content.

        Raises:
            GtpcError: malformed, or without the bearer's identity.
        """
        return unpack_elements(cls, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What all messages share.

    Attributes:
        TYPE: message type (Table 6.1-1).
        RESPONSE: type of the message that answers it, None where none does.
        HAS_TEID: the header holds a TEID.
        others: elements that the class does not name, repeated ones, and optional ones that could not be read.
    """

    TYPE: ClassVar[int]
    RESPONSE: ClassVar[int | None] = None
    HAS_TEID: ClassVar[bool] = True
    others: tuple[RawIe, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMessage(Message):
    """A message of a type that has no class here."""

    TYPE = 0
    type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoRequest(Message):
    """Is the peer there (clause 7.1.1)?"""

    TYPE, RESPONSE, HAS_TEID = 1, 2, False
    recovery: Recovery
    features: NodeFeatures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoResponse(Message):
    """Answer to an Echo Request (clause 7.1.2)."""

    TYPE, HAS_TEID = 2, False
    recovery: Recovery
    features: NodeFeatures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionNotSupportedIndication(Message):
    """Answer to a message of another version of GTP (clause 7.1.3)."""

    TYPE, HAS_TEID = 3, False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSessionRequest(Message):
    """A PDN connection is wanted (clause 7.2.1).

    F-TEIDs of a bearer context: 0 S1-U eNodeB, 2 S5/S8-U SGW, 3 S5/S8-U PGW.
    """

    TYPE, RESPONSE = 32, 33
    imsi: Imsi | None = None
    msisdn: Msisdn | None = None
    mei: Mei | None = None
    uli: Uli | None = None
    serving_network: ServingNetwork | None = None
    rat_type: RatType
    indication: Indication | None = None
    sender: FTeid
    pgw: Annotated[FTeid | None, Instance(1)] = None
    apn: Apn
    selection_mode: SelectionMode | None = None
    pdn_type: PdnType | None = None
    paa: Paa | None = None
    max_apn_restriction: ApnRestriction | None = None
    ambr: Ambr | None = None
    linked_ebi: Ebi | None = None
    pco: Pco | None = None
    bearer_contexts: tuple[BearerContext, ...]
    to_remove: Annotated[tuple[BearerContext, ...], Instance(1)] = ()
    recovery: Recovery | None = None
    time_zone: UeTimeZone | None = None
    charging_characteristics: ChargingCharacteristics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSessionResponse(Message):
    """Answer to a Create Session Request (clause 7.2.2).

    F-TEIDs of a bearer context: 0 S1-U SGW, 2 S5/S8-U PGW.
    """

    TYPE = 33
    cause: Cause
    sender: FTeid | None = None
    pgw: Annotated[FTeid | None, Instance(1)] = None
    paa: Paa | None = None
    apn_restriction: ApnRestriction | None = None
    ambr: Ambr | None = None
    linked_ebi: Ebi | None = None
    pco: Pco | None = None
    bearer_contexts: tuple[BearerContext, ...] = ()
    for_removal: Annotated[tuple[BearerContext, ...], Instance(1)] = ()
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyBearerRequest(Message):
    """The eNodeB's ends of bearers, or the phone's place, have changed (clause 7.2.7).

    F-TEIDs of a bearer context: 0 S1-U eNodeB, 1 S5/S8-U SGW.
    """

    TYPE, RESPONSE = 34, 35
    mei: Mei | None = None
    uli: Uli | None = None
    serving_network: ServingNetwork | None = None
    rat_type: RatType | None = None
    indication: Indication | None = None
    sender: FTeid | None = None
    ambr: Ambr | None = None
    delay_downlink: DelayValue | None = None
    bearer_contexts: tuple[BearerContext, ...] = ()
    to_remove: Annotated[tuple[BearerContext, ...], Instance(1)] = ()
    recovery: Recovery | None = None
    time_zone: UeTimeZone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyBearerResponse(Message):
    """Answer to a Modify Bearer Request (clause 7.2.8). F-TEID of a bearer context: 0 S1-U SGW."""

    TYPE = 35
    cause: Cause
    msisdn: Msisdn | None = None
    linked_ebi: Ebi | None = None
    apn_restriction: ApnRestriction | None = None
    pco: Pco | None = None
    bearer_contexts: tuple[BearerContext, ...] = ()
    for_removal: Annotated[tuple[BearerContext, ...], Instance(1)] = ()
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSessionRequest(Message):
    """A PDN connection is to end (clause 7.2.9.1)."""

    TYPE, RESPONSE = 36, 37
    cause: Cause | None = None
    linked_ebi: Ebi | None = None
    uli: Uli | None = None
    indication: Indication | None = None
    pco: Pco | None = None
    originating_node: NodeType | None = None
    sender: FTeid | None = None
    time_zone: UeTimeZone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSessionResponse(Message):
    """Answer to a Delete Session Request (clause 7.2.10.1)."""

    TYPE = 37
    cause: Cause
    recovery: Recovery | None = None
    pco: Pco | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownlinkDataNotificationFailureIndication(Message):
    """The phone could not be paged (clause 7.2.11.3)."""

    TYPE = 70
    cause: Cause
    originating_node: NodeType | None = None
    imsi: Imsi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBearerRequest(Message):
    """The PGW starts dedicated bearers (clause 7.2.3). F-TEIDs of a bearer context: 0 S1-U SGW, 1 S5/S8-U PGW."""

    TYPE, RESPONSE = 95, 96
    pti: Pti | None = None
    linked_ebi: Ebi
    pco: Pco | None = None
    bearer_contexts: tuple[BearerContext, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBearerResponse(Message):
    """Answer to a Create Bearer Request (clause 7.2.4).

    F-TEIDs of a bearer context: 0 S1-U eNodeB, 1 S1-U SGW, 2 S5/S8-U SGW, 3 S5/S8-U PGW.
    """

    TYPE = 96
    cause: Cause
    bearer_contexts: tuple[BearerContext, ...]
    recovery: Recovery | None = None
    uli: Uli | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBearerRequest(Message):
    """Bearers end: a whole PDN connection by its linked EBI, or dedicated bearers by theirs (clause 7.2.9.2)."""

    TYPE, RESPONSE = 99, 100
    linked_ebi: Ebi | None = None
    ebis: Annotated[tuple[Ebi, ...], Instance(1)] = ()
    failed: tuple[BearerContext, ...] = ()
    pti: Pti | None = None
    pco: Pco | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBearerResponse(Message):
    """Answer to a Delete Bearer Request (clause 7.2.10.2)."""

    TYPE = 100
    cause: Cause
    linked_ebi: Ebi | None = None
    bearer_contexts: tuple[BearerContext, ...] = ()
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAccessBearersRequest(Message):
    """The phone goes idle: the SGW forgets the eNodeB's ends (clause 7.2.21)."""

    TYPE, RESPONSE = 170, 171
    ebis: tuple[Ebi, ...] = ()
    originating_node: NodeType | None = None
    indication: Indication | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAccessBearersResponse(Message):
    """Answer to a Release Access Bearers Request (clause 7.2.22)."""

    TYPE = 171
    cause: Cause
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownlinkDataNotification(Message):
    """Data for an idle phone wait at the SGW: page it (clause 7.2.11.1)."""

    TYPE, RESPONSE = 176, 177
    cause: Cause | None = None
    ebis: tuple[Ebi, ...] = ()
    arp: Arp | None = None
    imsi: Imsi | None = None
    sender: FTeid | None = None
    indication: Indication | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownlinkDataNotificationAcknowledge(Message):
    """Answer to a Downlink Data Notification (clause 7.2.11.2); ``delay`` holds back the next ones."""

    TYPE = 177
    cause: Cause
    delay: DelayValue | None = None
    recovery: Recovery | None = None
    imsi: Imsi | None = None


MESSAGES: Final[dict[int, type[Message]]] = {
    kind.TYPE: kind
    for kind in (
        EchoRequest,
        EchoResponse,
        VersionNotSupportedIndication,
        CreateSessionRequest,
        CreateSessionResponse,
        ModifyBearerRequest,
        ModifyBearerResponse,
        DeleteSessionRequest,
        DeleteSessionResponse,
        DownlinkDataNotificationFailureIndication,
        CreateBearerRequest,
        CreateBearerResponse,
        DeleteBearerRequest,
        DeleteBearerResponse,
        ReleaseAccessBearersRequest,
        ReleaseAccessBearersResponse,
        DownlinkDataNotification,
        DownlinkDataNotificationAcknowledge,
    )
}
