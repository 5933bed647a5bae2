"""What the MME keeps about associations, S1 connections and phones (TS 23.401 5.7.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address

from picocell.epc.interfaces.gtpv2c_messages import CreateBearerRequest, DeleteBearerRequest
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived
from picocell.epc.interfaces.s1ap_values import CellGlobalId, ErabEnd, TaIdentity
from picocell.epc.mme.nas_port import NasEnd
from picocell.rrc_nas.nas.mme_events import CreateSession


@dataclass(slots=True)
class Association:
    """An eNB that is served.

    Attributes:
        address: its address.
        name, enb_id: as it told them.
        tais: what its cells broadcast.
        paging_drx: its default cycle in radio frames.
    """

    address: str
    name: str
    enb_id: int
    tais: tuple[TaIdentity, ...]
    paging_drx: int


class ConnectionState(Enum):
    """Where an S1 connection is."""

    CONNECTED = "without a context"
    SETTING_UP = "context setup sent"
    ACTIVE = "context set up"
    RELEASING = "release sent"


class Guard(Enum):
    """What a connection's guard waits for."""

    PROGRESS = "any message of a connection without a context"
    CONTEXT = "the answer to the context setup"
    ERABS = "the answer to an E-RAB procedure"
    RELEASE = "the answer to the release"


@dataclass(slots=True, eq=False)
class S1Connection:
    """A UE-associated logical S1 connection.

    Attributes:
        mme_id, enb_id: its identities.
        enb: address of the association.
        ue: the phone; None once it has a newer connection.
        tai, ecgi: where the phone is.
        wanted_erabs, releasing_erabs: of the E-RAB procedure under way.
        guards: absolute ms.
    """

    mme_id: int
    enb_id: int
    enb: str
    ue: "UeContext | None"
    tai: TaIdentity
    ecgi: CellGlobalId
    state: ConnectionState = ConnectionState.CONNECTED
    wanted_erabs: tuple[int, ...] = ()
    releasing_erabs: tuple[int, ...] = ()
    guards: dict[Guard, int] = field(default_factory=dict)
    release_wanted: tuple[str, str] | None = None


@dataclass(slots=True)
class BearerPath:
    """A bearer's tunnel: the SGW's end, and the eNB's while the phone is connected."""

    ebi: int
    linked_ebi: int
    sgw_address: IPv4Address
    sgw_teid: int
    enb: ErabEnd | None = None


@dataclass(slots=True)
class PdnSession:
    """A PDN connection of S11.

    Attributes:
        ebi: its default bearer.
        wanted: what NAS asked for.
        created: the SGW has answered.
        deleting: Delete Session is wanted or under way.
    """

    ebi: int
    wanted: CreateSession
    created: bool = False
    deleting: bool = False


@dataclass(slots=True)
class NetworkBearer:
    """A request of the PGW about a bearer, which the phone is to answer; ``accepted``: it has."""

    received: RequestReceived
    wanted: CreateBearerRequest | DeleteBearerRequest
    accepted: bool = False


@dataclass(slots=True)
class Page:
    """Paging of one phone."""

    attempt: int
    at: int
    for_data: bool


@dataclass(slots=True, eq=False)
class UeContext:
    """A phone.

    Attributes:
        key: local number of the context; its S11 TEID as well.
        nas: the network end of its NAS.
        imsi: once known.
        m_tmsis: M-TMSIs by which it is found.
        connection: its S1 connection, None while it is idle.
        sgw_teid: the SGW's end of S11, None without a session.
        sessions: PDN connections by default bearer.
        bearers: tunnels by EPS bearer identity.
        radio_capability: UE radio capability as the eNB told it.
        tai, ecgi, last_enb: where it was last.
        registered: EMM-REGISTERED.
        located: the HSS knows that it is here.
        page: paging under way.
        network_bearers: requests of the PGW that the phone is to answer, by EPS bearer identity.
        postponed: what came while its connection was being released, and waits for the end of that.
        expiry: when the context of a phone that is gone is dropped.
        removed: it is in no table any more.
    """

    key: int
    nas: NasEnd
    imsi: str | None = None
    m_tmsis: set[int] = field(default_factory=set)
    connection: S1Connection | None = None
    sgw_teid: int | None = None
    sessions: dict[int, PdnSession] = field(default_factory=dict)
    bearers: dict[int, BearerPath] = field(default_factory=dict)
    radio_capability: bytes | None = None
    tai: TaIdentity | None = None
    ecgi: CellGlobalId | None = None
    last_enb: str | None = None
    registered: bool = False
    located: bool = False
    page: Page | None = None
    network_bearers: dict[int, NetworkBearer] = field(default_factory=dict)
    postponed: list[Callable[[int], None]] = field(default_factory=list)
    expiry: int | None = None
    pumping: bool = False
    removed: bool = False

    @property
    def leaving(self) -> bool:
        """Whether its connection is being released: what wants it has to wait, and to page it then."""
        connection = self.connection
        return connection is not None and (
            connection.release_wanted is not None or connection.state is ConnectionState.RELEASING
        )

    @property
    def name(self) -> str:
        """How log lines call the phone."""
        return f"IMSI {self.imsi}" if self.imsi is not None else f"unknown phone {self.key}"
