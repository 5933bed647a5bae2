"""Tracking area updating of the UE (TS 24.301 5.5.3) and GUTI reallocation (5.4.1)."""

import logging
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import emm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.ies import DEACTIVATED
from picocell.rrc_nas.nas.timers import MAX_ATTEMPTS
from picocell.rrc_nas.nas.ue_attach import CONGESTION, NATIVE_GUTI, start_back_off, start_t3402, take_timers
from picocell.rrc_nas.nas.ue_core import Connection, EmmState, EmmSubstate, UeCore, UpdateStatus
from picocell.rrc_nas.nas.ue_events import ReleaseConnection, TrackingAreaUpdated, TrackingAreaUpdateRejected
from picocell.rrc_nas.nas.ue_rejection import INTEGRITY_ONLY, apply, consequence

_LOG = logging.getLogger(__name__)

TA_UPDATING: Final = 0
PERIODIC: Final = 3
ACTIVE_FLAG: Final = 8
"""EPS update type (TS 24.301 9.9.3.14)."""


class TrackingAreaUpdate:
    """The tracking area updating procedure."""

    def __init__(self, core: UeCore) -> None:
        self._core = core
        self._periodic = False
        self._active = False
        self._opened = False

    def start(self, now: int, active: bool = False, *, periodic: bool = False) -> None:
        """Update as soon as the UE may; ``active``: user data wait."""
        core = self._core
        self._periodic, self._active = periodic, active
        if core.state is not EmmState.REGISTERED or core.guti is None:
            core.refuse("tracking area updating", f"the state is {core.state.name}, or there is no GUTI")
        elif core.tai is None:
            core.enter(EmmState.REGISTERED, EmmSubstate.NO_CELL_AVAILABLE)
        elif core.forbidden:
            core.enter(EmmState.REGISTERED, EmmSubstate.LIMITED_SERVICE)
        elif "T3346" in core.timers or "barred" in core.timers:
            core.enter(EmmState.REGISTERED, EmmSubstate.ATTEMPTING_TO_UPDATE)
        elif core.connection is Connection.CONNECTING:
            core.enter(EmmState.REGISTERED, EmmSubstate.UPDATE_NEEDED)
        else:
            self._send(now)

    def _send(self, now: int) -> None:
        core, settings = self._core, self._core.settings
        core.timers.stop("T3402", "T3411", "T3412")
        kind = PERIODIC if self._periodic else TA_UPDATING
        request = codec.encode(
            "tracking area update request",
            nas_key_set_identifier=core.ksi,
            eps_update_type=kind | (ACTIVE_FLAG if self._active else 0),
            old_guti=core.identity,
            ue_network_capability=None if self._periodic else settings.capability,
            last_visited_registered_tai=core.last_tai,
            drx_parameter=settings.drx_parameter,
            eps_bearer_context_status=tuple(core.bearers),
            ms_network_capability=settings.ms_network_capability,
            old_guti_type=NATIVE_GUTI,
        )
        self._opened = core.connection is not Connection.CONNECTED
        core.enter(EmmState.TRACKING_AREA_UPDATING_INITIATED)
        core.timers.start("T3430", now)
        core.initial(request, "mo-Signalling")

    def accept(self, message: NasMessage, now: int, protected: bool) -> None:
        """TRACKING AREA UPDATE ACCEPT (TS 24.301 5.5.3.2.4)."""
        core = self._core
        if not protected:
            core.refuse(message.name, "it is not integrity protected")
            return
        core.timers.stop("T3430")
        core.attempts = 0
        core.status = UpdateStatus.EU1_UPDATED
        take_timers(core, message)
        core.tai_list = message.get("tai_list", core.tai_list)
        core.last_tai = core.tai
        core.equivalent_plmns = message.get("equivalent_plmns", ())
        core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)
        if message.get("guti") is not None:
            core.set_guti(message["guti"])
            core.send("tracking area update complete")
        status = message.get("eps_bearer_context_status")
        for ebi in list(core.bearers) if status is not None else ():
            if ebi not in status:
                core.drop_bearer(ebi)
        if not core.bearers:
            core.deregister("the network knows no EPS bearer", EmmSubstate.NORMAL_SERVICE, reattach=True)
            return
        if self._opened and not self._active:  # the network is to release the connection now (5.3.1.2.1 c)
            core.timers.start("T3440", now)
        core.emit(TrackingAreaUpdated(core.guti))

    def reject(self, message: NasMessage, now: int, protected: bool) -> None:
        """TRACKING AREA UPDATE REJECT (TS 24.301 5.5.3.2.5)."""
        core, cause = self._core, message["emm_cause"]
        if cause in INTEGRITY_ONLY and not protected:
            core.refuse(message.name, f"{emm_cause_name(cause)} without integrity protection")
            return
        core.timers.stop("T3430")
        _LOG.info("IMSI %s: tracking area update rejected: %s", core.usim.imsi, emm_cause_name(cause))
        core.emit(TrackingAreaUpdateRejected(cause, emm_cause_name(cause)))
        core.timers.start("T3440", now)
        back_off = message.get("t3346_value")
        what = consequence(cause, registered=True)
        if what is not None:
            apply(core, what, cause, registered=True)
        elif cause == CONGESTION and back_off not in (None, 0, DEACTIVATED):
            core.attempts = 0
            start_back_off(core, back_off, now, protected)
            core.enter(EmmState.REGISTERED, EmmSubstate.ATTEMPTING_TO_UPDATE)
        else:
            self._failed(now)

    def timed_out(self, now: int) -> None:
        """T3430 expired (TS 24.301 5.5.3.2.6 c)."""
        core = self._core
        core.refuse("tracking area updating", "the network did not answer within T3430")
        if core.connection is not Connection.IDLE:
            core.emit(ReleaseConnection("tracking area updating was abandoned"))
        self._failed(now)

    def connection_failed(self, now: int, wait_s: int | None) -> None:
        """The lower layers failed or were barred (TS 24.301 5.5.3.2.6 a, b)."""
        core = self._core
        core.timers.stop("T3430")
        if wait_s is None:
            self._failed(now)
            return
        core.timers.start("barred", now, 1000 * wait_s)
        core.enter(EmmState.REGISTERED, EmmSubstate.ATTEMPTING_TO_UPDATE)

    def _failed(self, now: int) -> None:
        """One attempt more has failed: T3411, or T3402 after the fifth."""
        core = self._core
        core.attempts += 1
        core.status = UpdateStatus.EU2_NOT_UPDATED
        core.enter(EmmState.REGISTERED, EmmSubstate.ATTEMPTING_TO_UPDATE)
        if core.attempts < MAX_ATTEMPTS:
            core.timers.start("T3411", now)
            return
        core.attempts = 0
        core.equivalent_plmns = ()
        start_t3402(core, now)

    def retry(self, now: int) -> None:
        """Again what failed."""
        self.start(now, self._active, periodic=self._periodic)

    def guti_reallocation(self, message: NasMessage, now: int, protected: bool) -> None:
        """GUTI REALLOCATION COMMAND (TS 24.301 5.4.1.3)."""
        del now
        core = self._core
        if not protected:
            core.refuse(message.name, "it is not integrity protected")
            return
        core.set_guti(message["guti"])
        core.tai_list = message.get("tai_list", core.tai_list)
        core.status = UpdateStatus.EU1_UPDATED
        core.send("GUTI reallocation complete")
