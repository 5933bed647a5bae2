"""Session management of the UE (TS 24.301 6)."""

import logging
from collections.abc import Callable
from typing import Any, Final

from picocell.rrc_nas.nas import codec, tft
from picocell.rrc_nas.nas.causes import NasError, esm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.session_ies import ProtocolConfiguration
from picocell.rrc_nas.nas.ue_core import BearerContext, UeCore
from picocell.rrc_nas.nas.ue_events import BearerActivated, BearerModified
from picocell.rrc_nas.security.algorithms import Direction

_LOG = logging.getLogger(__name__)

FIRST_EBI: Final = 5
INITIAL_REQUEST: Final = 1
EMERGENCY_REQUEST: Final = 4
"""Request type (TS 24.008 10.5.6.17)."""

INVALID_EBI: Final = 43
PTI_MISMATCH: Final = 47
SYNTACTICAL_TFT: Final = 42
SEMANTIC_ERROR: Final = 95
NOT_COMPATIBLE: Final = 98
_LAST_PTI: Final = 254
_IPV4_HEADER: Final = 20


class Esm:
    """Sessions of one UE."""

    def __init__(self, core: UeCore, local_detach: Callable[[str], None]) -> None:
        self._core = core
        self._local_detach = local_detach
        self._next_pti = 1
        self.pti: int | None = None
        """Transaction of the PDN connectivity request under way."""
        self._handlers: dict[str, Callable[[NasMessage], None]] = {
            "ESM information request": self._information_request,
            "activate dedicated EPS bearer context request": self._activate_dedicated,
            "modify EPS bearer context request": self._modify,
            "deactivate EPS bearer context request": self._deactivate,
            "activate default EPS bearer context request": self._second_default,
            "PDN connectivity reject": self._connectivity_rejected,
            "ESM status": self._status,
            "notification": self._notification,
        }

    @property
    def messages(self) -> tuple[str, ...]:
        """Names of the messages that are taken."""
        return tuple(self._handlers)

    def attach_request(self) -> bytes:
        """PDN CONNECTIVITY REQUEST for an attach; APN and options are sent ciphered later (TS 24.301 6.5.1.2)."""
        settings = self._core.settings
        self.pti = self._next_pti
        self._next_pti = 1 if self.pti == _LAST_PTI else self.pti + 1
        return codec.encode(
            "PDN connectivity request",
            pti=self.pti,
            pdn_type=settings.pdn_type,
            request_type=EMERGENCY_REQUEST if settings.emergency else INITIAL_REQUEST,
            esm_information_transfer_flag=1 if settings.apn is not None else None,
            protocol_configuration_options=settings.pco if settings.apn is None else None,
        )

    def default_in_attach(self, message: NasMessage) -> tuple[bytes, BearerContext]:
        """Answer to the ESM message in ATTACH ACCEPT, and the context that it makes.

        Raises:
            NasError: another message, or one that does not belong to the request.
        """
        if message.name != "activate default EPS bearer context request":
            raise NasError(NOT_COMPATIBLE, f"{message.name} where a default bearer is wanted", esm=True)
        if message["ebi"] < FIRST_EBI:
            raise NasError(INVALID_EBI, f"EPS bearer identity {message['ebi']} is reserved", esm=True)
        if message["pti"] != self.pti:
            raise NasError(PTI_MISMATCH, f"transaction {message['pti']}, {self.pti} is wanted", esm=True)
        self.pti = None
        pco = message.get("protocol_configuration_options", ProtocolConfiguration())
        address = message["pdn_address"]
        context = BearerContext(
            message["ebi"],
            message["eps_qos"],
            apn=message["access_point_name"],
            ip=address.ipv4,
            interface_id=address.interface_id,
            dns=pco.dns,
            mtu=pco.mtu,
            ambr=message.get("apn_ambr"),
        )
        if message.get("esm_cause") is not None:
            _LOG.info("IMSI %s: %s", self._core.usim.imsi, esm_cause_name(message["esm_cause"]))
        return codec.encode("activate default EPS bearer context accept", ebi=context.ebi), context

    def activate(self, context: BearerContext) -> None:
        """Make a context active."""
        self._core.bearers[context.ebi] = context
        self._core.emit(BearerActivated(context.ebi, context.qos, context.linked_ebi, context.ip, context.tft))

    def attach_rejected(self, container: bytes | None) -> int | None:
        """ESM cause of the PDN CONNECTIVITY REJECT in an ATTACH REJECT; the transaction ends."""
        self.pti = None
        try:
            message = codec.decode(container or b"", Direction.DOWNLINK)
        except NasError:
            return None
        return message["esm_cause"] if message.name == "PDN connectivity reject" else None

    def bearer_for(self, packet: bytes) -> int | None:
        """EPS bearer of an IPv4 packet to be sent: of the first filter that matches, else the default (23.060 15.3).

        None where there is no default bearer with an address.
        """
        contexts = self._core.bearers.values()
        if any(context.filters for context in contexts) and len(packet) >= _IPV4_HEADER:
            flow = tft.uplink_flow(packet)
            found = [
                (each.precedence, context.ebi)
                for context in contexts
                for each in context.filters
                if each.direction is not tft.Direction.DOWNLINK and each.matches(flow)
            ]
            if found:
                return min(found)[1]
        return next((one.ebi for one in contexts if one.linked_ebi is None and one.ip is not None), None)

    def receive(self, message: NasMessage) -> None:
        """A message of session management that came protected."""
        handler = self._handlers.get(message.name)
        if handler is None:
            self.status(NOT_COMPATIBLE, message, f"{message.name} is not for a UE")
            return
        handler(message)

    def status(self, cause: int, message: NasMessage, why: str) -> None:
        """Refuse a message with ESM STATUS (TS 24.301 7)."""
        self._core.refuse(message.name, why)
        if message.name != "ESM status":
            self._core.send("ESM status", ebi=message["ebi"], pti=message["pti"], esm_cause=cause)

    def malformed(self, error: NasError) -> None:
        """Answer a message that could not be decoded: the procedure's reject, or ESM STATUS (TS 24.301 7.5)."""
        core = self._core
        core.refuse(error.message or "ESM message", str(error))
        if error.cause is None:
            return
        reject = _REJECTS.get(error.message, "ESM status")
        core.send(reject, ebi=error.ebi, pti=error.pti if reject == "ESM status" else 0, esm_cause=error.cause)

    def _answer(self, name: str, message: NasMessage, **fields: Any) -> None:
        self._core.send(name, ebi=message["ebi"], pti=0, **fields)

    def _information_request(self, message: NasMessage) -> None:
        """Send what was held back until it could be ciphered (TS 24.301 6.6.1.2.3)."""
        core = self._core
        if self.pti is None or message["pti"] != self.pti:
            self.status(PTI_MISMATCH, message, f"transaction {message['pti']} is not under way")
            return
        core.send(
            "ESM information response",
            pti=message["pti"],
            access_point_name=core.settings.apn,
            protocol_configuration_options=core.settings.pco,
        )

    def _activate_dedicated(self, message: NasMessage) -> None:
        """ACTIVATE DEDICATED EPS BEARER CONTEXT REQUEST (TS 24.301 6.4.2.3, 6.4.2.5)."""
        core, ebi, linked = self._core, message["ebi"], message["linked_eps_bearer_identity"]
        reject = "activate dedicated EPS bearer context reject"
        default = core.bearers.get(linked)
        existing = core.bearers.get(ebi)
        if default is None or default.linked_ebi is not None or ebi < FIRST_EBI or ebi == linked:
            core.refuse(message.name, f"EPS bearer {ebi} linked to {linked}, which is no default bearer")
            self._answer(reject, message, esm_cause=INVALID_EBI)
            return
        try:
            filters = tft.unpack(message["tft"])
        except ValueError as error:
            core.refuse(message.name, f"its traffic flow template: {error}")
            self._answer(reject, message, esm_cause=SYNTACTICAL_TFT)
            return
        if existing is not None:  # the network has lost it, the new one replaces it (TS 24.301 6.4.2.6)
            core.drop_bearer(ebi)
        self._answer("activate dedicated EPS bearer context accept", message)
        context = BearerContext(ebi, message["eps_qos"], linked, default.apn, default.ip, tft=message["tft"])
        context.filters = filters
        self.activate(context)

    def _modify(self, message: NasMessage) -> None:
        """MODIFY EPS BEARER CONTEXT REQUEST (TS 24.301 6.4.3.3)."""
        core = self._core
        context = core.bearers.get(message["ebi"])
        if context is None:
            core.refuse(message.name, f"EPS bearer {message['ebi']} is not active")
            self._answer("modify EPS bearer context reject", message, esm_cause=INVALID_EBI)
            return
        try:
            template = message.get("tft")
            filters = context.filters if template is None else tft.apply(context.filters, template)
        except ValueError as error:
            core.refuse(message.name, f"its traffic flow template: {error}")
            self._answer("modify EPS bearer context reject", message, esm_cause=SYNTACTICAL_TFT)
            return
        context.filters = filters
        context.qos = message.get("eps_qos", context.qos)
        context.tft = message.get("tft", context.tft)
        context.ambr = message.get("apn_ambr", context.ambr)
        self._answer("modify EPS bearer context accept", message)
        core.emit(BearerModified(context.ebi, context.qos, context.tft))

    def _deactivate(self, message: NasMessage) -> None:
        """DEACTIVATE EPS BEARER CONTEXT REQUEST, answered also where there is none (TS 24.301 6.4.4.3, 6.4.4.6)."""
        core, cause = self._core, message["esm_cause"]
        _LOG.info("IMSI %s: EPS bearer %d is deactivated: %s", core.usim.imsi, message["ebi"], esm_cause_name(cause))
        self._answer("deactivate EPS bearer context accept", message)
        core.drop_bearer(message["ebi"], cause)
        if not core.bearers:
            self._local_detach("the last EPS bearer was deactivated")

    def _second_default(self, message: NasMessage) -> None:
        """A default bearer that was not asked for (TS 24.301 7.3.1)."""
        self._core.refuse(message.name, "no PDN connectivity procedure is under way")
        self._answer("activate default EPS bearer context reject", message, esm_cause=PTI_MISMATCH)

    def _connectivity_rejected(self, message: NasMessage) -> None:
        self.status(PTI_MISMATCH, message, "no PDN connectivity procedure is under way")

    def _status(self, message: NasMessage) -> None:
        """ESM STATUS; an unknown bearer identity or transaction ends what it names (TS 24.301 6.7)."""
        _LOG.info("IMSI %s: ESM STATUS: %s", self._core.usim.imsi, esm_cause_name(message["esm_cause"]))
        if message["esm_cause"] == INVALID_EBI:
            self._core.drop_bearer(message["ebi"], INVALID_EBI)
            if not self._core.bearers:
                self._local_detach("the network knows no EPS bearer")

    def _notification(self, message: NasMessage) -> None:
        _LOG.debug("IMSI %s: NOTIFICATION %s", self._core.usim.imsi, message["notification_indicator"].hex())


_REJECTS: Final = {
    "activate default EPS bearer context request": "activate default EPS bearer context reject",
    "activate dedicated EPS bearer context request": "activate dedicated EPS bearer context reject",
    "modify EPS bearer context request": "modify EPS bearer context reject",
}
