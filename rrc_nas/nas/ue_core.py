"""State that every procedure of the UE's NAS shares (TS 24.301 5.1.3.2, 5.1.3.3, 4.4.2)."""

import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.ies import Guti, MobileIdentity, PdnType, Plmn, Tai, UeNetworkCapability
from picocell.rrc_nas.nas.protection import NO_KSI, CountExhausted, NasSecurityContext, SecurityHeader
from picocell.rrc_nas.nas.session_ies import ApnAmbr, EpsQos, ProtocolConfiguration
from picocell.rrc_nas.nas.tft import PacketFilter
from picocell.rrc_nas.nas.timers import Timers
from picocell.rrc_nas.nas.ue_events import (
    BearerDeactivated,
    Connect,
    Detached,
    Event,
    IdentityChanged,
    KeysReady,
    ReleaseConnection,
    SendNas,
)
from picocell.rrc_nas.security.algorithms import Direction
from picocell.rrc_nas.security.usim import Usim

_LOG = logging.getLogger(__name__)


class EmmState(Enum):
    """EMM main states of the UE (TS 24.301 5.1.3.2.2)."""

    NULL = auto()
    DEREGISTERED = auto()
    REGISTERED_INITIATED = auto()
    REGISTERED = auto()
    DEREGISTERED_INITIATED = auto()
    TRACKING_AREA_UPDATING_INITIATED = auto()
    SERVICE_REQUEST_INITIATED = auto()


class EmmSubstate(Enum):
    """Substates of EMM-DEREGISTERED and EMM-REGISTERED (TS 24.301 5.1.3.2.3, 5.1.3.2.4)."""

    NORMAL_SERVICE = auto()
    LIMITED_SERVICE = auto()
    ATTEMPTING_TO_ATTACH = auto()
    ATTEMPTING_TO_UPDATE = auto()
    PLMN_SEARCH = auto()
    NO_IMSI = auto()
    ATTACH_NEEDED = auto()
    UPDATE_NEEDED = auto()
    NO_CELL_AVAILABLE = auto()


class UpdateStatus(Enum):
    """EPS update status (TS 24.301 5.1.3.3)."""

    EU1_UPDATED = auto()
    EU2_NOT_UPDATED = auto()
    EU3_ROAMING_NOT_ALLOWED = auto()


class Connection(Enum):
    """EMM-IDLE, EMM-CONNECTED (TS 24.301 3.1) and the time between."""

    IDLE = auto()
    CONNECTING = auto()
    CONNECTED = auto()


REGISTERED_STATES = frozenset(
    {EmmState.REGISTERED, EmmState.TRACKING_AREA_UPDATING_INITIATED, EmmState.SERVICE_REQUEST_INITIATED}
)
"""States in which the UE has an EMM context and bearers."""


@dataclass(frozen=True, slots=True)
class UeNasSettings:
    """What does not change while the UE lives.

    Attributes:
        imeisv: 16 digits.
        capability: UE network capability.
        apn: access point name to ask for, None for the network's default; it is sent ciphered only.
        pdn_type: a value of `PdnType`.
        pco: protocol configuration options to ask for, None for none.
        combined: ask for a combined EPS/IMSI attach.
        drx_parameter: DRX parameter, two octets, None to leave it out.
        ms_network_capability: octets of it, None to leave it out.
        emergency: the UE attaches for emergency bearer services, where EIA0 is allowed.
    """

    imeisv: str
    capability: UeNetworkCapability
    apn: str | None = None
    pdn_type: int = PdnType.IPV4
    pco: ProtocolConfiguration | None = None
    combined: bool = False
    drx_parameter: bytes | None = None
    ms_network_capability: bytes | None = None
    emergency: bool = False


@dataclass(slots=True)
class BearerContext:
    """An active EPS bearer context; ``linked_ebi`` is None of a default bearer, ``tft`` is the last template's IE."""

    ebi: int
    qos: EpsQos
    linked_ebi: int | None = None
    apn: str = ""
    ip: str | None = None
    interface_id: bytes | None = None
    dns: tuple[str, ...] = ()
    mtu: int | None = None
    ambr: ApnAmbr | None = None
    tft: bytes | None = None
    filters: tuple[PacketFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class NewKeys:
    """K_ASME of an authentication that SECURITY MODE COMMAND has not taken into use yet."""

    ksi: int
    k_asme: bytes


def _not_wired(*_: Any) -> None:
    raise RuntimeError("the procedure is not wired")


class UeCore:
    """Shared state, and the few actions on it that more than one procedure takes."""

    def __init__(self, usim: Usim, settings: UeNasSettings, rng: random.Random) -> None:
        self.usim = usim
        self.settings = settings
        self.rng = rng
        self.state = EmmState.NULL
        self.substate: EmmSubstate | None = None
        self.status = UpdateStatus.EU2_NOT_UPDATED
        self.connection = Connection.IDLE
        self.timers = Timers()
        self.events: deque[Event] = deque()
        self.refused: Counter[str] = Counter()
        self.bearers: dict[int, BearerContext] = {}
        self.tai: Tai | None = None
        self.guti: Guti | None = None
        self.tai_list: tuple[Tai, ...] = ()
        self.last_tai: Tai | None = None
        self.equivalent_plmns: tuple[Plmn, ...] = ()
        self.forbidden_plmns: set[Plmn] = set()
        self.forbidden_tais: set[Tai] = set()
        self.usim_valid = True
        self.security: NasSecurityContext | None = None
        self.new_keys: NewKeys | None = None
        self.secure = False
        self.attempts = 0
        self.t3402_ms: int | None = None
        self.t3412_ms: int | None = None
        self.attach_wanted = False
        self.start_attach: Callable[[int], None] = _not_wired
        self.start_tau: Callable[[int, bool], None] = _not_wired

    def emit(self, event: Event) -> None:
        """Queue an event."""
        self.events.append(event)

    def enter(self, state: EmmState, substate: EmmSubstate | None = None) -> None:
        """Change state."""
        if (state, substate) != (self.state, self.substate):
            _LOG.debug("IMSI %s: %s.%s", self.usim.imsi, state.name, substate.name if substate else "-")
        if state is not self.state:  # a doubt about the network belongs to the procedure it came up in
            self.timers.stop("T3418", "T3420")
        self.state, self.substate = state, substate

    def refuse(self, what: str, why: str) -> None:
        """Count and log something that is not taken."""
        self.refused[what] += 1
        _LOG.info("IMSI %s refuses %s: %s", self.usim.imsi, what, why)

    @property
    def ksi(self) -> int:
        """Key set identifier of the current security context, `NO_KSI` without one."""
        return NO_KSI if self.security is None else self.security.ksi

    @property
    def identity(self) -> MobileIdentity:
        """EPS mobile identity: the GUTI where there is one, else the IMSI."""
        return MobileIdentity.of_guti(self.guti) if self.guti else MobileIdentity.imsi(self.usim.imsi)

    @property
    def forbidden(self) -> bool:
        """Whether the current cell's PLMN or tracking area is in a forbidden list."""
        return self.tai is not None and (self.tai.plmn in self.forbidden_plmns or self.tai in self.forbidden_tais)

    def send(self, name: str, **fields: Any) -> None:
        """Send a message, protected once secure exchange is established (TS 24.301 4.4.4.3, 4.4.5)."""
        header = SecurityHeader.INTEGRITY_CIPHERED if self.secure else SecurityHeader.PLAIN
        self.transmit(codec.encode(name, **fields), header)

    def transmit(self, message: bytes, header: SecurityHeader) -> bool:
        """Send a plain message under a security header; False where it could not be."""
        if self.connection is not Connection.CONNECTED:
            self.refuse("sending", "there is no signalling connection")
            return False
        pdu = self._protected(message, header)
        if pdu is None:
            return False
        self.emit(SendNas(pdu))
        return True

    def initial(self, message: bytes, cause: str) -> bool:
        """Send a message that begins a connection, integrity protected where there are keys (TS 24.301 4.4.5)."""
        pdu = message
        if self.security is not None:
            protected = self._protected(message, SecurityHeader.INTEGRITY)
            pdu = message if protected is None else protected
        if self.connection is Connection.CONNECTED:
            self.emit(SendNas(pdu))
            return True
        self.connect(pdu, cause)
        return True

    def connect(self, pdu: bytes, cause: str) -> None:
        """Ask for a signalling connection with an initial message (TS 24.301 5.3.1.1)."""
        s_tmsi = registered = None
        if self.guti is not None:
            if self.tai in self.tai_list:
                s_tmsi = self.guti.s_tmsi
            else:
                registered = (self.guti.plmn, self.guti.mme_group_id, self.guti.mme_code)
        self.connection = Connection.CONNECTING
        self.secure = False
        self.emit(Connect(pdu, cause, s_tmsi, registered))
        if self.security is not None:
            self.emit(KeysReady(self.security.k_enb()))

    def _protected(self, message: bytes, header: SecurityHeader) -> bytes | None:
        if header is SecurityHeader.PLAIN or self.security is None:
            return message
        try:
            return self.security.protect(message, header, Direction.UPLINK)
        except CountExhausted as error:
            self.count_exhausted(str(error))
            return None

    def count_exhausted(self, why: str) -> None:
        """Give up a context whose COUNT is used up; the next connection starts without one (TS 24.301 4.4.3.5)."""
        self.refuse("security context", why)
        self.security = None
        self.secure = False
        if self.connection is Connection.CONNECTED:
            self.emit(ReleaseConnection(why))

    def set_guti(self, guti: Guti | None) -> None:
        """Take a GUTI, or give it up."""
        if guti != self.guti:
            self.guti = guti
            self.emit(IdentityChanged(guti))

    def delete_identity(self) -> None:
        """Delete GUTI, last visited registered TAI, TAI list and eKSI (TS 24.301 5.5.1.2.5)."""
        self.set_guti(None)
        self.last_tai = None
        self.tai_list = ()
        self.security = None
        self.new_keys = None
        self.secure = False

    def drop_bearer(self, ebi: int, cause: int | None = None) -> None:
        """Deactivate an EPS bearer context, and those linked to it."""
        if self.bearers.pop(ebi, None) is None:
            return
        for linked in [context.ebi for context in self.bearers.values() if context.linked_ebi == ebi]:
            self.drop_bearer(linked, cause)
        self.emit(BearerDeactivated(ebi, cause))

    def deregister(self, reason: str, substate: EmmSubstate, *, reattach: bool = False) -> None:
        """EMM-DEREGISTERED: bearers go, timers of the registered states stop."""
        was_registered = self.state in REGISTERED_STATES or self.state is EmmState.DEREGISTERED_INITIATED
        for ebi in list(self.bearers):
            self.drop_bearer(ebi)
        self.timers.stop("T3412", "T3417", "T3421", "T3430", "T3410")
        self.enter(EmmState.DEREGISTERED, substate)
        self.attach_wanted = reattach
        if was_registered:
            _LOG.info("IMSI %s is detached: %s", self.usim.imsi, reason)
            self.emit(Detached(reason, reattach))
