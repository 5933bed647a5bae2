"""What the UE does with a message from the network: protection, state, and who takes it (TS 24.301 4.4.4, 7)."""

import logging
from collections.abc import Callable
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError, emm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.protection import IntegrityFailure, SecurityHeader, split
from picocell.rrc_nas.nas.ue_attach import Attach
from picocell.rrc_nas.nas.ue_authentication import Authentication, may_authenticate
from picocell.rrc_nas.nas.ue_core import REGISTERED_STATES, Connection, EmmState, UeCore
from picocell.rrc_nas.nas.ue_detach import Detach
from picocell.rrc_nas.nas.ue_esm import Esm
from picocell.rrc_nas.nas.ue_events import EmmInformation
from picocell.rrc_nas.nas.ue_security import SecurityMode
from picocell.rrc_nas.nas.ue_service import ServiceRequest
from picocell.rrc_nas.nas.ue_tau import TrackingAreaUpdate
from picocell.rrc_nas.security.algorithms import Direction

_LOG = logging.getLogger(__name__)

Handler = Callable[[NasMessage, int, bool], None]
"""What takes a message, the time, and whether it was protected."""

UNPROTECTED: Final = frozenset(
    {
        "identity request",
        "authentication request",
        "authentication reject",
        "attach reject",
        "detach accept",
        "tracking area update reject",
        "service reject",
    }
)
"""Messages that are taken without integrity protection before secure exchange is established (TS 24.301 4.4.4.2)."""

_INCOMPATIBLE: Final = 98


class Receiver:
    """Messages of the network to one UE."""

    def __init__(
        self,
        core: UeCore,
        *,
        attach: Attach,
        authentication: Authentication,
        detach: Detach,
        esm: Esm,
        security: SecurityMode,
        service: ServiceRequest,
        tau: TrackingAreaUpdate,
    ) -> None:
        self._core = core
        self._esm = esm
        self._security = security
        self._service = service
        self._handlers = self._table(attach, authentication, detach, service, tau)

    @property
    def handled(self) -> frozenset[tuple[EmmState, str]]:
        """Every (state, message) that has an action."""
        return frozenset(self._handlers)

    def _table(
        self,
        attach: Attach,
        authentication: Authentication,
        detach: Detach,
        service: ServiceRequest,
        tau: TrackingAreaUpdate,
    ) -> dict[tuple[EmmState, str], Handler]:
        """What is done on a message in a state; what is not here is refused."""
        table: dict[tuple[EmmState, str], Handler] = {}
        for state in EmmState:
            table[state, "EMM status"] = self._status
            if may_authenticate(state):
                table[state, "identity request"] = authentication.identity_request
                table[state, "authentication request"] = authentication.request
                table[state, "authentication reject"] = authentication.reject
        for state in REGISTERED_STATES:
            table[state, "GUTI reallocation command"] = tau.guti_reallocation
            table[state, "EMM information"] = self._information
            table[state, "detach request"] = detach.by_network
            table[state, "downlink NAS transport"] = self._ignored
            table[state, "downlink generic NAS transport"] = self._ignored
            table[state, "CS service notification"] = self._ignored
        table[EmmState.REGISTERED_INITIATED, "EMM information"] = self._information
        table[EmmState.REGISTERED_INITIATED, "attach accept"] = attach.accept
        table[EmmState.REGISTERED_INITIATED, "attach reject"] = attach.reject
        table[EmmState.TRACKING_AREA_UPDATING_INITIATED, "tracking area update accept"] = tau.accept
        table[EmmState.TRACKING_AREA_UPDATING_INITIATED, "tracking area update reject"] = tau.reject
        table[EmmState.SERVICE_REQUEST_INITIATED, "service reject"] = service.reject
        table[EmmState.SERVICE_REQUEST_INITIATED, "service accept"] = self._service_accepted
        table[EmmState.DEREGISTERED_INITIATED, "detach accept"] = detach.accept
        table[EmmState.DEREGISTERED_INITIATED, "detach request"] = detach.by_network
        return table

    def receive(self, pdu: bytes, now: int) -> None:
        """A message from the network. One that cannot be taken is counted, logged and answered, never raised."""
        core = self._core
        if core.connection is not Connection.CONNECTED:
            core.refuse("NAS message", "there is no signalling connection")
            return
        try:
            parts = split(pdu)
            if parts.header is SecurityHeader.INTEGRITY_NEW_CONTEXT:
                self._security_mode(pdu, parts.payload, now)
                return
            protected = parts.header is not SecurityHeader.PLAIN
            payload = self._checked(pdu) if protected else parts.payload
        except NasError as error:
            core.refuse("NAS message", str(error))
            return
        try:
            message = codec.decode(payload, Direction.DOWNLINK)
        except NasError as error:
            self._malformed(error, protected)
            return
        self._deliver(message, now, protected)

    def _security_mode(self, pdu: bytes, payload: bytes, now: int) -> None:
        if not may_authenticate(self._core.state):
            self._core.refuse("security mode command", f"the state is {self._core.state.name}")
            return
        self._security.command(pdu, payload, now)

    def _checked(self, pdu: bytes) -> bytes:
        """The plain message of a protected PDU; the first that holds establishes secure exchange (4.4.2.3)."""
        core = self._core
        if core.security is None:
            raise IntegrityFailure("a protected message, but there is no security context")
        payload = core.security.unprotect(pdu, Direction.DOWNLINK)
        core.secure = True
        return payload

    def _malformed(self, error: NasError, protected: bool) -> None:
        core = self._core
        if error.esm:
            if protected:
                self._esm.malformed(error)
            else:
                core.refuse("ESM message", "it is not integrity protected")
            return
        core.refuse(error.message or "EMM message", str(error))
        if error.cause is not None and (protected or (not core.secure and error.message in UNPROTECTED)):
            core.send("EMM status", emm_cause=error.cause)

    def _deliver(self, message: NasMessage, now: int, protected: bool) -> None:
        core = self._core
        if not protected and (core.secure or message.name not in UNPROTECTED):
            core.refuse(message.name, "it is not integrity protected")
            return
        if message.esm:
            if core.state in REGISTERED_STATES or core.state is EmmState.REGISTERED_INITIATED:
                self._esm.receive(message)
            else:
                core.refuse(message.name, f"the state is {core.state.name}")
            return
        handler = self._handlers.get((core.state, message.name))
        if handler is None:
            core.refuse(message.name, f"the state is {core.state.name}")
            core.send("EMM status", emm_cause=_INCOMPATIBLE)
            return
        if core.state is EmmState.SERVICE_REQUEST_INITIATED and protected and message.name not in UNPROTECTED:
            self._service.done()
        handler(message, now, protected)

    def _status(self, message: NasMessage, now: int, protected: bool) -> None:
        del now, protected
        _LOG.info("IMSI %s: EMM STATUS: %s", self._core.usim.imsi, emm_cause_name(message["emm_cause"]))

    def _service_accepted(self, message: NasMessage, now: int, protected: bool) -> None:
        """SERVICE ACCEPT (TS 24.301 5.6.1.4); bearers that the network does not have go."""
        del now, protected
        self._service.done()
        status = message.get("eps_bearer_context_status")
        for ebi in list(self._core.bearers) if status is not None else ():
            if ebi not in status:
                self._core.drop_bearer(ebi)

    def _information(self, message: NasMessage, now: int, protected: bool) -> None:
        """EMM INFORMATION (TS 24.301 5.4.5)."""
        del now, protected
        full, short = message.get("full_name_for_network"), message.get("short_name_for_network")
        self._core.emit(EmmInformation(full.text if full else "", short.text if short else ""))

    def _ignored(self, message: NasMessage, now: int, protected: bool) -> None:
        del now, protected
        self._core.refuse(message.name, "there is no SMS, voice or location service above")
