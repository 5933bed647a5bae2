"""The UE's end of NAS: EPS mobility management and session management (TS 24.301).

A `UeNas` does no input or output of its own: it is given messages and the time in milliseconds, and gives events.
"""

import logging
import random
from collections.abc import Iterable
from typing import Final

from picocell.rrc_nas.nas.ies import Guti, PdnType, Plmn, Tai, UeNetworkCapability
from picocell.rrc_nas.nas.protection import NasSecurityContext
from picocell.rrc_nas.nas.session_ies import ProtocolConfiguration
from picocell.rrc_nas.nas.ue_attach import Attach
from picocell.rrc_nas.nas.ue_authentication import Authentication
from picocell.rrc_nas.nas.ue_core import (
    REGISTERED_STATES,
    BearerContext,
    Connection,
    EmmState,
    EmmSubstate,
    UeCore,
    UeNasSettings,
    UpdateStatus,
)
from picocell.rrc_nas.nas.ue_detach import Detach
from picocell.rrc_nas.nas.ue_esm import Esm
from picocell.rrc_nas.nas.ue_events import Event, ReleaseConnection
from picocell.rrc_nas.nas.ue_receive import Receiver
from picocell.rrc_nas.nas.ue_security import SecurityMode
from picocell.rrc_nas.nas.ue_service import MOBILE_ORIGINATED, ServiceRequest
from picocell.rrc_nas.nas.ue_tau import TrackingAreaUpdate
from picocell.rrc_nas.security.algorithms import Eea, Eia
from picocell.rrc_nas.security.usim import Usim

_LOG = logging.getLogger(__name__)

Capabilities = tuple[Iterable[Eea], Iterable[Eia]]

DEFAULT_CAPABILITIES: Final[Capabilities] = (tuple(Eea), (Eia.EIA1, Eia.EIA2, Eia.EIA3))
DEFAULT_PCO: Final = ProtocolConfiguration.request()


class UeNas:
    """NAS of one UE."""

    def __init__(
        self,
        usim: Usim,
        *,
        imeisv: str,
        apn: str | None = None,
        pdn_type: str = "ipv4",
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        pco: ProtocolConfiguration | None = DEFAULT_PCO,
        combined: bool = False,
        drx_parameter: bytes | None = None,
        ms_network_capability: bytes | None = None,
        emergency: bool = False,
        guti: Guti | None = None,
        last_tai: Tai | None = None,
        tai_list: tuple[Tai, ...] = (),
        security: NasSecurityContext | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """A UE that is switched off.

        Args:
            usim: the card.
            imeisv: 16 digits.
            apn: access point name to ask for, None for the network's default.
            pdn_type: ``"ipv4"``, ``"ipv6"`` or ``"ipv4v6"``.
            capabilities: ciphering and integrity algorithms.
            pco: options to ask for, None for none.
            combined: attach for EPS and non-EPS services.
            drx_parameter: two octets (TS 24.008 10.5.5.6).
            ms_network_capability: octets (TS 24.008 10.5.5.12).
            emergency: attach for emergency bearer services.
            guti: temporary identity kept from an earlier registration.
            last_tai: tracking area that the UE was last registered in.
            tai_list: tracking areas that came with the GUTI.
            security: security context kept from an earlier registration.
            rng: source of back-off times.

        Raises:
            ValueError: an IMEISV or PDN type that is none.
        """
        if not (len(imeisv) == 16 and imeisv.isascii() and imeisv.isdigit()):
            raise ValueError(f"IMEISV {imeisv!r}: 16 digits are wanted")
        if pdn_type not in PdnType.NAMES:
            raise ValueError(f"PDN type {pdn_type!r}: use one of {', '.join(PdnType.NAMES)}")
        settings = UeNasSettings(
            imeisv,
            UeNetworkCapability.of(*capabilities),
            apn,
            PdnType.NAMES[pdn_type],
            pco,
            combined,
            drx_parameter,
            ms_network_capability,
            emergency,
        )
        self._core = UeCore(usim, settings, rng if rng is not None else random.Random(0))
        self._core.guti, self._core.last_tai, self._core.tai_list = guti, last_tai, tai_list
        self._core.security = security
        self._detach = Detach(self._core)
        self._esm = Esm(self._core, self._detach.locally)
        self._attach = Attach(self._core, self._esm)
        self._authentication = Authentication(self._core)
        self._security = SecurityMode(self._core, self._authentication)
        self._tau = TrackingAreaUpdate(self._core)
        self._service = ServiceRequest(self._core)
        self._core.start_attach = self._attach.start
        self._core.start_tau = self._tau.start
        self._receiver = Receiver(
            self._core,
            attach=self._attach,
            authentication=self._authentication,
            detach=self._detach,
            esm=self._esm,
            security=self._security,
            service=self._service,
            tau=self._tau,
        )

    # What can be seen.

    @property
    def state(self) -> EmmState:
        """EMM main state."""
        return self._core.state

    @property
    def substate(self) -> EmmSubstate | None:
        """Substate of EMM-DEREGISTERED and EMM-REGISTERED."""
        return self._core.substate

    @property
    def update_status(self) -> UpdateStatus:
        """EPS update status."""
        return self._core.status

    @property
    def connection(self) -> Connection:
        """Whether there is a signalling connection."""
        return self._core.connection

    @property
    def bearers(self) -> dict[int, BearerContext]:
        """Active EPS bearer contexts by EPS bearer identity."""
        return self._core.bearers

    @property
    def guti(self) -> Guti | None:
        """The temporary identity."""
        return self._core.guti

    @property
    def imsi(self) -> str:
        """The permanent identity."""
        return self._core.usim.imsi

    @property
    def ip(self) -> str | None:
        """IPv4 address of the first default bearer that has one."""
        return next((context.ip for context in self._core.bearers.values() if context.ip is not None), None)

    @property
    def refused(self) -> dict[str, int]:
        """How often something was refused, by message or procedure."""
        return dict(self._core.refused)

    @property
    def timers(self) -> dict[str, int]:
        """Running timers and when they end."""
        return self._core.timers.running

    @property
    def handled(self) -> frozenset[tuple[EmmState, str]]:
        """Every (state, message) of mobility management that has an action; SECURITY MODE COMMAND has its own."""
        return self._receiver.handled

    @property
    def core(self) -> UeCore:
        """The state that the procedures share."""
        return self._core

    def next_event(self) -> Event | None:
        """The oldest event that was not taken yet."""
        return self._core.events.popleft() if self._core.events else None

    # What the application says.

    def cell(self, plmn: Plmn | tuple[str, str], tac: int, cell_id: int, now: int) -> None:
        """The UE camps on a cell of this PLMN and tracking area."""
        del cell_id
        core = self._core
        core.tai = Tai(Plmn(*plmn), tac)
        if core.state is EmmState.REGISTERED:
            if core.connection is Connection.IDLE and (
                core.tai not in core.tai_list or core.substate is EmmSubstate.UPDATE_NEEDED
            ):
                self._tau.start(now)
            elif core.substate in (EmmSubstate.NO_CELL_AVAILABLE, EmmSubstate.LIMITED_SERVICE):
                core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)
        elif core.state is EmmState.DEREGISTERED and core.attach_wanted and not _retry_pending(core):
            self._attach.start(now)

    def plmn_selected(self, plmn: Plmn | tuple[str, str], now: int) -> None:
        """A PLMN was selected; nothing is done before a cell of it is found (see `cell`)."""
        del now
        if self._core.tai is not None and self._core.tai.plmn != Plmn(*plmn):
            self._core.tai = None

    def cell_lost(self, now: int) -> None:
        """No cell is in reach."""
        del now
        core = self._core
        core.tai = None
        if core.state in (EmmState.DEREGISTERED, EmmState.REGISTERED):
            core.enter(core.state, EmmSubstate.NO_CELL_AVAILABLE)

    def switch_on(self, now: int) -> None:
        """Switch on and attach as soon as a cell is found."""
        if self._core.state is EmmState.NULL:
            self._core.enter(EmmState.DEREGISTERED, EmmSubstate.NO_CELL_AVAILABLE)
        self.attach(now)

    def attach(self, now: int) -> None:
        """Attach, now or as soon as the UE may."""
        self._attach.start(now)

    def detach(self, now: int, switch_off: bool = False) -> None:
        """Leave the network."""
        if self._core.state is EmmState.NULL:
            return
        self._detach.start(now, switch_off)

    def connection_established(self, now: int) -> None:
        """The connection that `Connect` asked for stands; its initial message is on the way."""
        del now
        self._core.connection = Connection.CONNECTED
        self._core.timers.stop("T3412")

    def connection_failed(self, now: int, reason: str, wait_s: int | None = None) -> None:
        """The connection that `Connect` asked for could not be had; ``wait_s``: not before so many seconds."""
        _LOG.info("IMSI %s: no signalling connection: %s", self._core.usim.imsi, reason)
        self._lost(now, reason, wait_s)

    def barring_alleviated(self, now: int) -> None:
        """Access that was barred may be tried again: what waited for it is, but for user data."""
        self._core.timers.stop("barred")
        self._retry(now)

    def connection_released(self, now: int, cause: str = "normal") -> None:
        """The signalling connection is gone, by the network or locally."""
        self._lost(now, cause, None)

    def _lost(self, now: int, reason: str, wait_s: int | None) -> None:
        core = self._core
        core.connection = Connection.IDLE
        core.secure = False
        core.timers.stop("T3440")
        self._authentication.reset()
        match core.state:
            case EmmState.REGISTERED_INITIATED:
                self._attach.connection_failed(now, wait_s)
            case EmmState.TRACKING_AREA_UPDATING_INITIATED:
                self._tau.connection_failed(now, wait_s)
            case EmmState.SERVICE_REQUEST_INITIATED:
                self._service.connection_failed(now, wait_s)
            case EmmState.DEREGISTERED_INITIATED:
                self._detach.locally("the connection was lost during the detach")
            case EmmState.DEREGISTERED:
                if core.attach_wanted and not _retry_pending(core):
                    self._attach.start(now)
            case EmmState.REGISTERED:
                self._idle(now, reason)
        if core.state is EmmState.REGISTERED and core.t3412_ms is not None:
            core.timers.start("T3412", now, core.t3412_ms)

    def _idle(self, now: int, reason: str) -> None:
        """EMM-IDLE; an update follows where one is due (TS 24.301 5.5.3.2.2)."""
        core = self._core
        cause = reason.replace(" ", "").replace("-", "").lower()
        due = core.tai is not None and core.tai not in core.tai_list
        due = (due or core.substate is EmmSubstate.UPDATE_NEEDED) and not _retry_pending(core)
        if due or (cause == "loadbalancingtaurequired" and core.guti is not None):
            self._tau.start(now)

    def radio_link_failed(self, now: int, data_pending: bool = False) -> None:
        """The connection broke and was not re-established: an update restores it (TS 24.301 5.5.3.2.2 h)."""
        registered = self._core.state is EmmState.REGISTERED
        self._lost(now, "radio link failure", None)
        if registered and self._core.connection is Connection.IDLE and not _retry_pending(self._core):
            self._tau.start(now, data_pending)

    def paged(self, now: int, identity: str) -> None:
        """The UE was paged with its ``"s_tmsi"`` or its ``"imsi"``."""
        self._service.paged(now, identity == "imsi")

    def uplink_data_pending(self, now: int) -> None:
        """User data wait while there is no connection."""
        self._service.start(now, MOBILE_ORIGINATED)

    def bearer_for(self, packet: bytes) -> int | None:
        """EPS bearer identity for an IPv4 packet to be sent, by the traffic flow templates; None without a bearer."""
        return self._esm.bearer_for(packet)

    def drb_established(self, ebi: int, now: int) -> None:
        """The radio bearer of an EPS bearer stands."""
        del ebi, now
        if self._core.state in REGISTERED_STATES:  # the connection is of use (TS 24.301 5.3.1.2.1)
            self._core.timers.stop("T3440")
        self._service.done()

    def drb_released(self, ebi: int, now: int) -> None:
        """The radio bearer of an EPS bearer went while the connection stayed: so does the EPS bearer (6.4.4.6)."""
        del now
        core = self._core
        if core.connection is Connection.CONNECTED and core.state in REGISTERED_STATES:
            core.drop_bearer(ebi)
            if not core.bearers:
                self._detach.locally("the last EPS bearer lost its radio bearer")

    # Time.

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, None if nothing runs."""
        return self._core.timers.next_end()

    def handle_timers(self, now: int) -> None:
        """Do what timers that ended by now call for."""
        while (name := self._core.timers.pop_expired(now)) is not None:
            self._expired(name, now)

    def _expired(self, name: str, now: int) -> None:
        core = self._core
        match name:
            case "T3410":
                self._attach.timed_out(now)
            case "T3417":
                self._service.timed_out(now)
            case "T3421":
                self._detach.timed_out(now)
            case "T3430":
                self._tau.timed_out(now)
            case "T3416":
                self._authentication.timed_out()
            case "T3418" | "T3420":
                self._authentication.network_is_false(now)
            case "T3440":
                if core.connection is not Connection.IDLE:
                    core.emit(ReleaseConnection("the network did not release the connection within T3440"))
            case "T3412":
                self._tau.start(now, periodic=True)
            case "T3402" | "T3411" | "T3346" | "barred":
                self._retry(now)

    def _retry(self, now: int) -> None:
        core = self._core
        if core.state is EmmState.DEREGISTERED and core.attach_wanted:
            self._attach.start(now)
        elif core.state is EmmState.REGISTERED and core.substate is EmmSubstate.ATTEMPTING_TO_UPDATE:
            self._tau.retry(now)

    def receive(self, pdu: bytes, now: int) -> None:
        """A message from the network. One that cannot be taken is counted, logged and answered, never raised."""
        self._receiver.receive(pdu, now)


def _retry_pending(core: UeCore) -> bool:
    """Whether a timer will try again by itself."""
    return any(name in core.timers for name in ("T3402", "T3411", "T3346", "barred"))
