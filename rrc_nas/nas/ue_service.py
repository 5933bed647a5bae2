"""Service request and paging of the UE (TS 24.301 5.6.1, 5.6.2)."""

import logging
from typing import Final

from picocell.rrc_nas.nas.causes import emm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.ies import DEACTIVATED
from picocell.rrc_nas.nas.protection import CountExhausted
from picocell.rrc_nas.nas.ue_attach import CONGESTION, start_back_off
from picocell.rrc_nas.nas.ue_core import Connection, EmmState, EmmSubstate, UeCore, UpdateStatus
from picocell.rrc_nas.nas.ue_events import ReleaseConnection, ServiceRejected
from picocell.rrc_nas.nas.ue_rejection import INTEGRITY_ONLY, apply, consequence

_LOG = logging.getLogger(__name__)

MOBILE_ORIGINATED: Final = "mo-Data"
MOBILE_TERMINATED: Final = "mt-Access"


class ServiceRequest:
    """The service request procedure."""

    def __init__(self, core: UeCore) -> None:
        self._core = core

    def start(self, now: int, cause: str) -> None:
        """Bring the bearers up; where the tracking area is not in the list, update it with the active flag instead."""
        core = self._core
        if core.state is not EmmState.REGISTERED or core.connection is not Connection.IDLE:
            core.refuse("service request", f"the state is {core.state.name}, the connection {core.connection.name}")
        elif cause == MOBILE_ORIGINATED and ("barred" in core.timers or "T3346" in core.timers):
            core.refuse("service request", "the network asked for patience")
        elif core.tai is None or core.forbidden or core.substate is EmmSubstate.LIMITED_SERVICE:
            core.refuse("service request", "there is no suitable cell")
        elif core.tai not in core.tai_list or core.status is not UpdateStatus.EU1_UPDATED or core.security is None:
            core.start_tau(now, True)
        else:
            self._send(now, cause)

    def _send(self, now: int, cause: str) -> None:
        core = self._core
        if core.security is None:
            return
        try:
            pdu = core.security.service_request()
        except CountExhausted as error:
            core.count_exhausted(str(error))
            core.start_tau(now, True)
            return
        core.timers.stop("T3412")
        core.enter(EmmState.SERVICE_REQUEST_INITIATED)
        core.timers.start("T3417", now)
        core.connect(pdu, cause)

    def done(self) -> None:
        """User plane is up: the network has taken the request (TS 24.301 5.6.1.4)."""
        core = self._core
        if core.state is EmmState.SERVICE_REQUEST_INITIATED:
            core.timers.stop("T3417")
            core.attempts = 0
            core.secure = core.security is not None
            core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)

    def reject(self, message: NasMessage, now: int, protected: bool) -> None:
        """SERVICE REJECT (TS 24.301 5.6.1.5)."""
        core, cause = self._core, message["emm_cause"]
        if cause in INTEGRITY_ONLY and not protected:
            core.refuse(message.name, f"{emm_cause_name(cause)} without integrity protection")
            return
        core.timers.stop("T3417")
        _LOG.info("IMSI %s: service rejected: %s", core.usim.imsi, emm_cause_name(cause))
        core.emit(ServiceRejected(cause, emm_cause_name(cause)))
        core.timers.start("T3440", now)
        back_off = message.get("t3346_value")
        what = consequence(cause, registered=True)
        if what is not None:
            apply(core, what, cause, registered=True)
            return
        if cause == CONGESTION and back_off not in (None, 0, DEACTIVATED):
            start_back_off(core, back_off, now, protected)
        core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)

    def timed_out(self, now: int) -> None:
        """T3417 expired: the procedure is aborted (TS 24.301 5.6.1.6 c)."""
        del now
        core = self._core
        core.refuse("service request", "the network did not answer within T3417")
        core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)
        if core.connection is not Connection.IDLE:
            core.emit(ReleaseConnection("the service request was abandoned"))

    def connection_failed(self, now: int, wait_s: int | None) -> None:
        """The lower layers failed or were barred (TS 24.301 5.6.1.6 a, b)."""
        core = self._core
        core.timers.stop("T3417")
        core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)
        if wait_s is not None:
            core.timers.start("barred", now, 1000 * wait_s)

    def paged(self, now: int, by_imsi: bool) -> None:
        """Paging: a service request, or with the IMSI a new attach (TS 24.301 5.6.2.2)."""
        core = self._core
        if core.state is not EmmState.REGISTERED or core.connection is not Connection.IDLE:
            core.refuse("paging", f"the state is {core.state.name}, the connection {core.connection.name}")
            return
        if not by_imsi:
            core.timers.stop("T3346")
            self.start(now, MOBILE_TERMINATED)
            return
        core.delete_identity()
        core.status = UpdateStatus.EU2_NOT_UPDATED
        core.deregister("paged with the IMSI: the network has lost the UE", EmmSubstate.NORMAL_SERVICE, reattach=True)
        core.start_attach(now)
