"""Detach of the UE, by itself and by the network (TS 24.301 5.5.2)."""

import logging
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import emm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.protection import SecurityHeader
from picocell.rrc_nas.nas.timers import MAX_ATTEMPTS
from picocell.rrc_nas.nas.ue_core import REGISTERED_STATES, Connection, EmmState, EmmSubstate, UeCore, UpdateStatus
from picocell.rrc_nas.nas.ue_events import Detached, ReleaseConnection
from picocell.rrc_nas.nas.ue_rejection import apply, consequence

_LOG = logging.getLogger(__name__)

EPS_DETACH: Final = 1
SWITCH_OFF: Final = 8
REATTACH_REQUIRED: Final = 1
IMSI_DETACH: Final = 3
"""Type of detach of the UE and of the network (TS 24.301 9.9.3.7)."""


class Detach:
    """The detach procedure."""

    def __init__(self, core: UeCore) -> None:
        self._core = core
        self._tries = 0

    def start(self, now: int, switch_off: bool) -> None:
        """Leave the network; switching off does not wait for its answer (TS 24.301 5.5.2.2)."""
        core = self._core
        core.attach_wanted = False
        core.timers.stop("T3402", "T3411", "T3412", "T3410", "T3417", "T3430", "T3346", "barred")
        was = core.state
        if was in (EmmState.REGISTERED, *REGISTERED_STATES) and core.connection is not Connection.CONNECTING:
            self._tries = 0
            self._send(now, switch_off)
            if not switch_off:
                return
            core.deregister("switched off", EmmSubstate.NORMAL_SERVICE)
        elif was is EmmState.DEREGISTERED_INITIATED and not switch_off:
            return
        else:
            self.locally("detached before the network had answered")
            if was is EmmState.REGISTERED_INITIATED:
                core.emit(Detached("the attach was broken off"))
        if switch_off:
            core.timers.stop_all()
            core.usim_valid = True
            core.enter(EmmState.NULL)

    def _send(self, now: int, switch_off: bool) -> None:
        core = self._core
        request = codec.encode(
            "detach request",
            nas_key_set_identifier=core.ksi,
            detach_type=EPS_DETACH | (SWITCH_OFF if switch_off else 0),
            eps_mobile_identity=core.identity,
        )
        core.enter(EmmState.DEREGISTERED_INITIATED)
        if not switch_off:
            core.timers.start("T3421", now)
        if core.connection is Connection.CONNECTED and core.secure:
            core.transmit(request, SecurityHeader.INTEGRITY_CIPHERED)
        else:
            core.initial(request, "mo-Signalling")

    def accept(self, message: NasMessage, now: int, protected: bool) -> None:
        """DETACH ACCEPT (TS 24.301 5.5.2.2.2)."""
        del message, now, protected
        self._core.deregister("the UE detached", EmmSubstate.NORMAL_SERVICE)

    def timed_out(self, now: int) -> None:
        """T3421 expired: again, after the fifth time locally (TS 24.301 5.5.2.2.4 c)."""
        self._tries += 1
        if self._tries < MAX_ATTEMPTS and self._core.connection is Connection.CONNECTED:
            self._send(now, False)
            return
        self.locally("the network did not answer the detach")

    def locally(self, reason: str) -> None:
        """Detach without the network."""
        core = self._core
        connected = core.connection is not Connection.IDLE
        core.deregister(reason, EmmSubstate.NORMAL_SERVICE)
        if connected:
            core.emit(ReleaseConnection(reason))

    def by_network(self, message: NasMessage, now: int, protected: bool) -> None:
        """DETACH REQUEST of the network (TS 24.301 5.5.2.3.2)."""
        core, kind, cause = self._core, message["detach_type"] & 7, message.get("emm_cause")
        if not protected:
            core.refuse(message.name, "it is not integrity protected")
            return
        core.send("detach accept")
        if kind == IMSI_DETACH:  # of non-EPS services only
            return
        reason = "the network detached the UE" + (f": {emm_cause_name(cause)}" if cause is not None else "")
        _LOG.info("IMSI %s: %s", core.usim.imsi, reason)
        core.timers.start("T3440", now)
        what = consequence(cause, registered=False) if cause is not None and kind != REATTACH_REQUIRED else None
        if what is not None and cause is not None:
            apply(core, what, cause, registered=False)
            return
        if kind != REATTACH_REQUIRED:
            core.status = UpdateStatus.EU2_NOT_UPDATED
        core.deregister(reason, EmmSubstate.NORMAL_SERVICE, reattach=kind == REATTACH_REQUIRED)
