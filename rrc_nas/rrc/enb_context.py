"""What a base station's RRC holds about a UE, and what the procedures of all UEs share."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from picocell.mac.dedicated_config import DedicatedConfig
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas.rrc.bearer_config import BearerSetup
from picocell.rrc_nas.rrc.enb_events import EnbRrcEvent
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings, ErabLike, InitialContextLike, UciResourcesLike
from picocell.rrc_nas.rrc.events import RadioEvent, UeEvent
from picocell.rrc_nas.rrc.states import SecurityKeys

log: Final = logging.getLogger("picocell.rrc_nas.rrc.enb")

TRANSACTIONS: Final = 4
"""RRC-TransactionIdentifier is 0..3."""


class UeState(StrEnum):
    """States of a UE's connection, as the base station sees it."""

    REJECTED = "rejected"
    SETUP = "RRCConnectionSetup sent"
    CONNECTED = "connected, without security"
    SECURITY = "SecurityModeCommand sent"
    CAPABILITY = "UECapabilityEnquiry sent"
    RECONFIGURATION = "RRCConnectionReconfiguration sent"
    SECURED = "connected, with security"
    REESTABLISHMENT = "RRCConnectionReestablishment sent"
    LOST = "radio link failed"
    RELEASING = "RRCConnectionRelease sent"


class UeInput(StrEnum):
    """What can happen to a UE's connection: messages by their ASN.1 names, requests, indications, timers."""

    SETUP_COMPLETE = "rrcConnectionSetupComplete"
    SECURITY_COMPLETE = "securityModeComplete"
    SECURITY_FAILURE = "securityModeFailure"
    CAPABILITY_INFORMATION = "ueCapabilityInformation"
    RECONFIGURATION_COMPLETE = "rrcConnectionReconfigurationComplete"
    REESTABLISHMENT_COMPLETE = "rrcConnectionReestablishmentComplete"
    UPLINK_NAS = "ulInformationTransfer"
    MEASUREMENT = "measurementReport"
    REQUEST = "request of the MME"
    RELEASE = "release by the MME"
    LINK_FAILURE = "radio link failure"
    RETURN = "return by random access"
    GUARD = "guard timer"
    INACTIVITY = "inactivity timer"


@dataclass(frozen=True, slots=True)
class NasTransfer:
    """A NAS message to be sent."""

    nas: bytes


@dataclass(frozen=True, slots=True)
class ContextSetup:
    """S1AP's INITIAL CONTEXT SETUP REQUEST."""

    context: InitialContextLike


@dataclass(frozen=True, slots=True)
class ErabSetup:
    """S1AP's E-RAB SETUP REQUEST."""

    erabs: Sequence[ErabLike]
    nas: bytes | None = None


@dataclass(frozen=True, slots=True)
class ErabRelease:
    """S1AP's E-RAB RELEASE COMMAND."""

    erab_ids: Sequence[int]
    nas: bytes | None = None


Request = NasTransfer | ContextSetup | ErabSetup | ErabRelease
"""What S1AP asks for; one at a time is carried out, the others wait."""


@dataclass(slots=True, eq=False)
class UeContext:
    """A UE.

    Attributes:
        rnti: its C-RNTI.
        identity: of RRCConnectionRequest: ``("s-TMSI", …)`` or ``("randomValue", …)``.
        state: of the connection.
        establishment_cause: of RRCConnectionRequest.
        config: radio configuration that it has been given.
        bearers: radio bearers, as the base station sees them.
        transaction: rrc-TransactionIdentifier of the message sent last.
        k_enb: K_eNB in use; None without security.
        ncc: next hop chaining count that it belongs to (TS 33.401 7.2.8).
        keys: keys in use; None without security.
        requests: what waits.
        procedure: the request that is being carried out.
        erabs: E-RABs that it sets up or releases.
        failed: causes of E-RABs that it does not set up or release.
        known: S1AP has heard of the UE.
        resumable: a UE whose radio link failed may come back.
        lost_from: state in which its radio link failed.
        release_requested: S1AP has been asked to release it.
        ordered: S1AP has ordered the release.
        cause: why the UE is going.
        guard: when the present state has lasted too long.
        inactive: when the UE has been without traffic for too long.
    """

    rnti: int
    identity: tuple[str, Any]
    state: UeState = UeState.SETUP
    establishment_cause: str = ""
    config: DedicatedConfig | None = None
    bearers: tuple[BearerSetup, ...] = ()
    transaction: int = TRANSACTIONS - 1
    k_enb: bytes | None = field(default=None, repr=False)
    ncc: int = 0
    keys: SecurityKeys | None = None
    requests: deque[Request] = field(default_factory=deque)
    procedure: Request | None = None
    erabs: tuple[int, ...] = ()
    failed: dict[int, tuple[str, str]] = field(default_factory=dict)
    known: bool = False
    resumable: bool = False
    lost_from: UeState = UeState.CONNECTED
    release_requested: bool = False
    ordered: bool = False
    cause: tuple[str, str] = ("radioNetwork", "unspecified")
    guard: int | None = None
    inactive: int | None = None

    def __str__(self) -> str:
        kind, value = self.identity
        if kind == "s-TMSI":
            return f"UE {self.rnti:#06x} (S-TMSI {value['mmec'][0]:02x}-{value['m-TMSI'][0]:08x})"
        return f"UE {self.rnti:#06x}"

    @property
    def at_rest(self) -> bool:
        """No procedure is under way, so that one can start."""
        return self.state in (UeState.CONNECTED, UeState.SECURED)

    def has_srb2(self) -> bool:
        """SRB2 is configured."""
        return any(setup.lcid == 2 for setup in self.bearers)

    def next_transaction(self) -> int:
        """A new rrc-TransactionIdentifier."""
        self.transaction = (self.transaction + 1) % TRANSACTIONS
        return self.transaction


class EnbRrcBase:
    """What the procedures of all UEs share: settings, events, counters, the table of UEs.

    Args:
        cell: the cell.
        defaults: see `enb_defaults.defaults`.
        resources: hands out uplink control resources.
        settings: settings.
        lost_ms: how long a UE whose radio link failed may come back.
    """

    def __init__(
        self,
        cell: Cell,
        defaults: dict[str, Any],
        resources: UciResourcesLike,
        settings: EnbRrcSettings,
        lost_ms: int,
    ) -> None:
        self.cell = cell
        self.defaults = defaults
        self.resources = resources
        self.settings = settings
        self.lost_ms = lost_ms
        self.ues: dict[int, UeContext] = {}
        self.accepting = True
        self.verify_last: Callable[[int, SecurityKeys], bool] | None = None
        self.counters: Counter[str] = Counter()
        self._events: deque[EnbRrcEvent] = deque()

    def emit(self, event: EnbRrcEvent) -> None:
        """Queue an event."""
        self._events.append(event)

    def radio(self, ue: UeContext, *events: RadioEvent) -> None:
        """Queue events for a UE's layers."""
        self._events.extend(UeEvent(ue.rnti, event) for event in events)

    def next_event(self) -> EnbRrcEvent | None:
        """The oldest event; None where there is none."""
        return self._events.popleft() if self._events else None

    def events(self) -> Iterator[EnbRrcEvent]:
        """All events that wait."""
        while self._events:
            yield self._events.popleft()

    def refuse(self, who: UeContext | str, what: str, why: str) -> None:
        """Log and count something that is not done."""
        self.counters[what] += 1
        log.warning("%s: %s refused: %s", who, what, why)
