"""What the network end of NAS tells the MME, and what it is told in return (TS 24.301, TS 23.401 5.3)."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from picocell.rrc_nas.nas.ies import Guti, PdnAddress


class AuthVector(Protocol):
    """An EPS authentication vector as the home network hands it out (TS 33.401 6.1.2)."""

    @property
    def rand(self) -> bytes:
        """RAND, 16 bytes."""

    @property
    def xres(self) -> bytes:
        """XRES, 4 to 16 bytes."""

    @property
    def autn(self) -> bytes:
        """AUTN, 16 bytes."""

    @property
    def k_asme(self) -> bytes:
        """K_ASME, 32 bytes."""


@dataclass(frozen=True, slots=True)
class EpsVector:
    """The plain `AuthVector`."""

    rand: bytes
    xres: bytes
    autn: bytes
    k_asme: bytes


@dataclass(frozen=True, slots=True)
class Arp:
    """Allocation and retention priority (TS 23.203 6.1.7.3)."""

    priority: int = 15
    may_preempt: bool = False
    preemptable: bool = False


@dataclass(frozen=True, slots=True)
class Ambr:
    """Aggregate maximum bit rates in bit/s."""

    downlink: int
    uplink: int


@dataclass(frozen=True, slots=True)
class ApnSubscription:
    """One packet data network that a subscriber may use (TS 29.272 7.3.35); ``ipv4``: its static address."""

    apn: str
    pdn_type: str = "ipv4"
    qci: int = 9
    arp: Arp = Arp()
    ambr: Ambr | None = None
    ipv4: bytes | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Subscription data from the HSS (TS 29.272 7.3.2); the first of ``apns`` is the default one."""

    apns: tuple[ApnSubscription, ...]
    ambr: Ambr = Ambr(1_000_000_000, 1_000_000_000)
    msisdn: str | None = None

    def find(self, apn: str | None) -> ApnSubscription | None:
        """The subscription of an APN, of the default one where None is asked for; "*" stands for every APN."""
        if apn is None:
            return self.apns[0] if self.apns else None
        # The operator identifier after the network identifier is not what the subscription is kept under.
        name = apn.lower().partition(".mnc")[0]
        return next((one for one in self.apns if one.apn.lower() in (name, "*")), None)


@dataclass(frozen=True, slots=True)
class Session:
    """A PDN connection's default bearer as the gateways made it (TS 29.274 7.2.2).

    Attributes:
        pdn_type: "ipv4", "ipv6" or "ipv4v6", what was granted.
        ipv4: address in four bytes; None for IPv6 only.
        ipv6: interface identifier in eight bytes; None for IPv4 only.
        qci, arp: of the default bearer.
        ambr: APN-AMBR, None where it is not told to the phone.
        pco: value of the protocol configuration options IE; None: made of the settings' DNS servers and MTU.
        s1u_address, s1u_teid: of the S-GW for uplink packets; handed back in `Erab`.
    """

    pdn_type: str = "ipv4"
    ipv4: bytes | None = None
    ipv6: bytes | None = None
    qci: int = 9
    arp: Arp = Arp()
    ambr: Ambr | None = None
    pco: bytes | None = None
    s1u_address: str = ""
    s1u_teid: int = 0

    @property
    def address(self) -> PdnAddress:
        """What the phone gets, without the part that was not granted."""
        ipv4 = str(IPv4Address(self.ipv4)) if self.ipv4 is not None and self.pdn_type != "ipv6" else None
        return PdnAddress(ipv4, self.ipv6 if self.pdn_type != "ipv4" else None)


@dataclass(frozen=True, slots=True)
class BearerQos:
    """Quality of service of a dedicated bearer, bit rates in bit/s for GBR bearers (TS 24.301 9.9.4.3)."""

    qci: int
    arp: Arp = Arp()
    mbr: Ambr | None = None
    gbr: Ambr | None = None


@dataclass(frozen=True, slots=True)
class Erab:
    """A radio access bearer to set up (TS 36.413 9.1.4.1)."""

    erab_id: int
    qci: int
    arp: Arp
    s1u_address: str
    s1u_teid: int
    nas: bytes | None = None
    mbr: Ambr | None = None
    gbr: Ambr | None = None


@dataclass(frozen=True, slots=True)
class SendNas:
    """A message to the phone (DOWNLINK NAS TRANSPORT)."""

    pdu: bytes


@dataclass(frozen=True, slots=True)
class IdentityKnown:
    """The phone is this subscriber; another context of the same IMSI is out of date. Answered by nothing."""

    imsi: str
    guti: Guti | None


@dataclass(frozen=True, slots=True)
class GetAuthVectors:
    """Ask the HSS; answered by `MmeNas.auth_vectors`. ``plmn`` is the SN id, ``resync`` (RAND, AUTS)."""

    imsi: str
    plmn: bytes
    resync: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True)
class UpdateLocation:
    """Tell the HSS; answered by `MmeNas.subscription`."""

    imsi: str


@dataclass(frozen=True, slots=True)
class CreateSession:
    """Make a PDN connection; answered by `MmeNas.session_created`.

    Attributes:
        ebi: identity of its default bearer.
        apn, pdn_type, qci, arp, ambr: subscribed, or asked for and allowed.
        pco: value of the phone's protocol configuration options, None without them.
        attach: part of an attach (the S11 request says initial attach) or of a PDN connectivity request.
        ipv4: subscribed static address, four bytes; None for any.
    """

    ebi: int
    imsi: str
    apn: str
    pdn_type: str
    qci: int
    arp: Arp
    ambr: Ambr
    pco: bytes | None
    attach: bool = True
    ipv4: bytes | None = None


@dataclass(frozen=True, slots=True)
class DeleteSession:
    """Remove the PDN connection of this default bearer; answered by `MmeNas.session_deleted`."""

    ebi: int


@dataclass(frozen=True, slots=True)
class BearerActivated:
    """The phone accepted this bearer."""

    ebi: int
    linked_ebi: int


@dataclass(frozen=True, slots=True)
class BearerRejected:
    """The phone refused a bearer or its change, with an ESM cause, or never answered (cause 0)."""

    ebi: int
    cause: int


@dataclass(frozen=True, slots=True)
class BearerDeactivated:
    """This bearer is gone at both ends."""

    ebi: int


@dataclass(frozen=True, slots=True)
class InitialContextSetup:
    """Set up the access stratum; answered by `MmeNas.s1_context_ready` or `s1_context_failed`.

    Attributes:
        k_enb: 32 bytes.
        eea, eia: UE security capabilities as S1AP has them: 16 bits, the most significant is algorithm 1.
        ambr: UE-AMBR.
        erabs: default bearers and dedicated ones; the attach accept stands in the first one.
        nas: a message that belongs to no bearer.
    """

    k_enb: bytes
    eea: int
    eia: int
    ambr: Ambr
    erabs: tuple[Erab, ...]
    nas: bytes | None = None


@dataclass(frozen=True, slots=True)
class ErabSetup:
    """Set up more bearers; answered by `MmeNas.erabs_set_up`."""

    erabs: tuple[Erab, ...]


@dataclass(frozen=True, slots=True)
class ErabModify:
    """Change a bearer's quality of service; the message stands in the E-RAB."""

    erab: Erab


@dataclass(frozen=True, slots=True)
class ErabRelease:
    """Release bearers with a message to the phone."""

    ebis: tuple[int, ...]
    nas: bytes | None


@dataclass(frozen=True, slots=True)
class Page:
    """A message waits for a phone without a connection: page it; answered by its service request or `paging_failed`."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseConnection:
    """Release the S1 connection; cause is a value of S1AP's NAS causes."""

    cause: str = "normal-release"


@dataclass(frozen=True, slots=True)
class Registered:
    """Attach or tracking area update done; the phone answers to this GUTI."""

    imsi: str
    guti: Guti


@dataclass(frozen=True, slots=True)
class Deregistered:
    """Nothing of the phone is left but its identity and security context."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that the phone asked for was refused, or it was told to go (for logs and counters)."""

    what: str
    cause: int
    cause_name: str
    identity: str


Event = (
    SendNas
    | IdentityKnown
    | GetAuthVectors
    | UpdateLocation
    | CreateSession
    | DeleteSession
    | BearerActivated
    | BearerRejected
    | BearerDeactivated
    | InitialContextSetup
    | ErabSetup
    | ErabModify
    | ErabRelease
    | Page
    | ReleaseConnection
    | Registered
    | Deregistered
    | Refused
)
