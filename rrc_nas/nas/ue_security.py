"""NAS security mode control of the UE (TS 24.301 5.4.3)."""

import logging
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.ies import MobileIdentity, NasSecurityAlgorithms, UeSecurityCapability
from picocell.rrc_nas.nas.protection import IntegrityFailure, NasSecurityContext, SecurityHeader
from picocell.rrc_nas.nas.ue_authentication import Authentication
from picocell.rrc_nas.nas.ue_core import UeCore
from picocell.rrc_nas.nas.ue_events import KeysReady
from picocell.rrc_nas.security.algorithms import Direction, Eia

_LOG = logging.getLogger(__name__)

CAPABILITIES_MISMATCH: Final = 23
UNSPECIFIED: Final = 24
_MAPPED: Final = 8
"""Type of security context flag in the key set identifier."""


class SecurityMode:
    """The UE's part in security mode control."""

    def __init__(self, core: UeCore, authentication: Authentication) -> None:
        self._core = core
        self._authentication = authentication

    def command(self, pdu: bytes, payload: bytes, now: int) -> None:
        """SECURITY MODE COMMAND under the security header of a new context."""
        del now
        core = self._core
        try:
            message = codec.decode(payload, Direction.DOWNLINK)
        except NasError as error:
            core.refuse("security mode command", str(error))
            return
        if message.name != "security mode command":
            core.refuse(message.name, "it came with the security header of SECURITY MODE COMMAND")
            return
        try:
            context = self._context(message)
            context.unprotect(pdu, Direction.DOWNLINK)
        except IntegrityFailure as error:
            self._reject(UNSPECIFIED, str(error))
            return
        except _Refused as refusal:
            self._reject(refusal.cause, str(refusal))
            return
        self._take(context, message)

    def _context(self, message: NasMessage) -> NasSecurityContext:
        """The context that the command takes into use, after the checks of TS 24.301 5.4.3.3 but the MAC's."""
        core = self._core
        algorithms: NasSecurityAlgorithms = message["selected_nas_security_algorithms"]
        ksi = message["nas_key_set_identifier"]
        if algorithms.eia is Eia.EIA0 and not core.settings.emergency:
            raise _Refused(UNSPECIFIED, "EIA0 is for emergency calls only")
        if not core.settings.capability.supports(algorithms.eea, algorithms.eia):
            raise _Refused(UNSPECIFIED, f"{algorithms.eea.name} or {algorithms.eia.name} is not supported")
        if not self._matches(message["replayed_ue_security_capabilities"]):
            raise _Refused(CAPABILITIES_MISMATCH, "the replayed capabilities are not those that were sent")
        if core.new_keys is not None and core.new_keys.ksi == ksi:
            return NasSecurityContext(ksi, core.new_keys.k_asme, 0, 0, algorithms.eea, algorithms.eia)
        if core.security is not None and core.security.ksi == ksi:
            old = core.security
            return NasSecurityContext(ksi, old.k_asme, old.ul_count, old.dl_count, algorithms.eea, algorithms.eia)
        mapped = "mapped " if ksi & _MAPPED else ""
        raise _Refused(UNSPECIFIED, f"there are no keys for {mapped}key set identifier {ksi & 7}")

    def _matches(self, replayed: UeSecurityCapability) -> bool:
        """Whether the replayed capabilities are the UE's own; octets that neither sent count as zero."""
        settings = self._core.settings
        own = settings.capability.security()
        if (replayed.eea, replayed.eia) != (own.eea, own.eia):
            return False
        if ((replayed.uea or 0), (replayed.uia or 0) & 0x7F) != ((own.uea or 0), (own.uia or 0)):
            return False
        return settings.ms_network_capability is not None or not (replayed.gea or 0) & 0x7F

    def _take(self, context: NasSecurityContext, message: NasMessage) -> None:
        core = self._core
        core.security = context
        core.new_keys = None
        core.secure = True
        self._authentication.reset()
        imeisv = MobileIdentity("imeisv", core.settings.imeisv) if message.get("imeisv_request", 0) & 7 == 1 else None
        complete = codec.encode("security mode complete", imeisv=imeisv)
        if core.transmit(complete, SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT):
            _LOG.debug("IMSI %s: NAS security %s, %s", core.usim.imsi, context.eea.name, context.eia.name)
            core.emit(KeysReady(context.k_enb()))

    def _reject(self, cause: int, why: str) -> None:
        core = self._core
        core.refuse("security mode command", why)
        self._authentication.timed_out()
        core.send("security mode reject", emm_cause=cause)


class _Refused(ValueError):
    """A command that is refused with an EMM cause."""

    def __init__(self, cause: int, text: str) -> None:
        super().__init__(text)
        self.cause = cause
