"""What the UE's NAS tells the application (frozen values, drained by `UeNas.next_event`)."""

from dataclasses import dataclass

from picocell.rrc_nas.nas.ies import Guti, Plmn
from picocell.rrc_nas.nas.session_ies import EpsQos


@dataclass(frozen=True, slots=True)
class Connect:
    """Establish a signalling connection that carries this initial message (TS 24.301 5.3.1.1).

    Attributes:
        nas: the initial message.
        establishment_cause: name in TS 36.331, e.g. ``"mo-Signalling"``.
        s_tmsi: MME code and M-TMSI where the tracking area is in the list the GUTI came with, else None.
        registered_mme: PLMN, MME group identity and MME code where there is a GUTI of elsewhere, else None.
    """

    nas: bytes
    establishment_cause: str
    s_tmsi: tuple[int, int] | None
    registered_mme: tuple[Plmn, int, int] | None


@dataclass(frozen=True, slots=True)
class SendNas:
    """Send a message on the signalling connection."""

    pdu: bytes


@dataclass(frozen=True, slots=True)
class KeysReady:
    """K_eNB for the access stratum's next security activation."""

    k_enb: bytes


@dataclass(frozen=True, slots=True)
class Attached:
    """Registered, with a default bearer.

    Attributes:
        ip: IPv4 address, None where the connection has none.
        dns: name servers.
        mtu: of the link, octets, None where the network did not say.
        apn: access point name that the network chose.
        guti: the temporary identity, None where the network gave none.
        ebi: EPS bearer identity of the default bearer.
        interface_id: IPv6 interface identifier, None where the connection has none.
        emm_cause: why only part of what was asked for was granted, e.g. 18 after a combined attach; None otherwise.
        esm_cause: the same of the PDN connection, e.g. 50 where IPv4v6 was asked for and IPv4 given.
    """

    ip: str | None
    dns: tuple[str, ...]
    mtu: int | None
    apn: str
    guti: Guti | None
    ebi: int
    interface_id: bytes | None = None
    emm_cause: int | None = None
    esm_cause: int | None = None


@dataclass(frozen=True, slots=True)
class AttachRejected:
    """The network refused; ``name`` is the cause in words and ``esm_cause`` session management's, if it said."""

    cause: int
    name: str
    esm_cause: int | None = None


@dataclass(frozen=True, slots=True)
class BearerActivated:
    """An EPS bearer exists, the default one (``linked_ebi`` None) or a dedicated one."""

    ebi: int
    qos: EpsQos
    linked_ebi: int | None = None
    ip: str | None = None
    tft: bytes | None = None


@dataclass(frozen=True, slots=True)
class BearerModified:
    """An EPS bearer's quality of service or traffic flow template changed."""

    ebi: int
    qos: EpsQos
    tft: bytes | None


@dataclass(frozen=True, slots=True)
class BearerDeactivated:
    """An EPS bearer is gone; ``cause`` is the network's, None where it was given up locally."""

    ebi: int
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class Detached:
    """No longer registered, with the reason in words; ``reattach``: the UE attaches again by itself."""

    reason: str
    reattach: bool = False


@dataclass(frozen=True, slots=True)
class ServiceRejected:
    """A service request was refused."""

    cause: int
    name: str


@dataclass(frozen=True, slots=True)
class TrackingAreaUpdated:
    """Tracking area updating succeeded."""

    guti: Guti | None


@dataclass(frozen=True, slots=True)
class TrackingAreaUpdateRejected:
    """Tracking area updating was refused."""

    cause: int
    name: str


@dataclass(frozen=True, slots=True)
class ReleaseConnection:
    """Release the signalling connection locally, or stop establishing it, and tell so by `connection_released`.

    ``bar_cell``: the cell belongs to a false network.
    """

    reason: str
    bar_cell: bool = False


@dataclass(frozen=True, slots=True)
class AuthenticationRejected:
    """The network does not accept the USIM, which is invalid until the UE is switched off."""


@dataclass(frozen=True, slots=True)
class IdentityChanged:
    """The UE has another GUTI, or none: paging and later connections use it."""

    guti: Guti | None


@dataclass(frozen=True, slots=True)
class EmmInformation:
    """What EMM INFORMATION said; empty where it did not."""

    full_name: str
    short_name: str


Event = (
    Connect
    | SendNas
    | KeysReady
    | Attached
    | AttachRejected
    | BearerActivated
    | BearerModified
    | BearerDeactivated
    | Detached
    | ServiceRejected
    | TrackingAreaUpdated
    | TrackingAreaUpdateRejected
    | ReleaseConnection
    | AuthenticationRejected
    | IdentityChanged
    | EmmInformation
)
