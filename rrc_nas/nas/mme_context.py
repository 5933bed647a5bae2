"""What the MME keeps about one phone (TS 23.401 5.7.2)."""

from dataclasses import dataclass, field

from picocell.rrc_nas.nas.ies import Guti, MobileIdentity, UeNetworkCapability
from picocell.rrc_nas.nas.mme_events import ApnSubscription, AuthVector, BearerQos, Session, Subscription
from picocell.rrc_nas.nas.mme_states import BearerState
from picocell.rrc_nas.nas.protection import NasSecurityContext
from picocell.rrc_nas.nas.session_ies import ProtocolConfiguration


@dataclass(slots=True)
class Bearer:
    """An EPS bearer context.

    Attributes:
        ebi: its identity, 5 to 15.
        linked_ebi: default bearer of its PDN connection; its own for a default bearer.
        state: of the context.
        pti: procedure transaction of the request that it answers, 0 without one.
        apn: subscription of the PDN connection; apn_name: its name, which a wildcard does not have.
        pdn_type: what the phone asked for.
        pco: options that the phone asked for.
        session: what the gateways granted, of a default bearer.
        qos: of a dedicated bearer, with its traffic flow template.
        before: quality of service and template that a refused change goes back to.
        esm: the message about it that the phone has not answered yet, plain, for retransmission.
    """

    ebi: int
    linked_ebi: int
    state: BearerState
    pti: int = 0
    apn: ApnSubscription | None = None
    apn_name: str = ""
    pdn_type: str = "ipv4"
    pco: ProtocolConfiguration | None = None
    session: Session | None = None
    qos: BearerQos | None = None
    tft: bytes = b""
    before: tuple[BearerQos | None, bytes] | None = None
    s1u_address: str = ""
    s1u_teid: int = 0
    esm: bytes = b""

    @property
    def is_default(self) -> bool:
        """Whether it is the default bearer of its PDN connection."""
        return self.ebi == self.linked_ebi


@dataclass(slots=True)
class PdnRequest:
    """A PDN connectivity request under way (clause 6.5.1)."""

    pti: int
    pdn_type: str
    request_type: int
    apn: str | None = None
    pco: ProtocolConfiguration | None = None
    wants_transfer: bool = False


@dataclass(slots=True)
class UeContext:
    """Identities, security and bearers of one phone.

    Attributes:
        imsi, imeisv: as told by the phone.
        guti: valid now; old_guti: valid until the phone has confirmed ``guti``.
        offered: identity in the phone's last initial message.
        capability: what the phone can do.
        ms_capability: value of the MS network capability IE, None where the phone sent none.
        security: current EPS security context.
        pending_security: a context whose security mode command is not answered yet.
        vectors: unused authentication vectors; vector: the one in use.
        ksi: eKSI of the authentication under way.
        offered_ksi: what the phone said in its last initial message, 7 for none.
        tai_tac: tracking area code of the cell where the phone is.
        bearers: by EPS bearer identity.
        pdn_requests: by procedure transaction identity.
        deleting: default bearers whose sessions are being deleted.
    """

    imsi: str | None = None
    imeisv: str | None = None
    guti: Guti | None = None
    old_guti: Guti | None = None
    offered: MobileIdentity | None = None
    capability: UeNetworkCapability | None = None
    ms_capability: bytes | None = None
    security: NasSecurityContext | None = None
    pending_security: NasSecurityContext | None = None
    vectors: list[AuthVector] = field(default_factory=list)
    vector: AuthVector | None = None
    ksi: int = 7
    offered_ksi: int = 7
    tac: int = 0
    subscription: Subscription | None = None
    bearers: dict[int, Bearer] = field(default_factory=dict)
    pdn_requests: dict[int, PdnRequest] = field(default_factory=dict)
    deleting: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """How log lines call the phone."""
        if self.imsi is not None:
            return f"IMSI {self.imsi}"
        guti = self.offered.guti if self.offered is not None else self.guti
        if guti is not None:
            return f"S-TMSI {guti.mme_code:02x}-{guti.m_tmsi:08x}"
        return "unknown phone" if self.offered is None else f"unknown phone ({self.offered})"
