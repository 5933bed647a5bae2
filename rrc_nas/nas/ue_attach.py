"""Attach of the UE (TS 24.301 5.5.1)."""

import logging
from typing import TYPE_CHECKING, Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError, emm_cause_name
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.ies import DEACTIVATED
from picocell.rrc_nas.nas.protection import SecurityHeader
from picocell.rrc_nas.nas.timers import MAX_ATTEMPTS, default_ms
from picocell.rrc_nas.nas.ue_core import Connection, EmmState, EmmSubstate, UeCore, UpdateStatus
from picocell.rrc_nas.nas.ue_events import Attached, AttachRejected, ReleaseConnection
from picocell.rrc_nas.nas.ue_rejection import INTEGRITY_ONLY, apply, consequence
from picocell.rrc_nas.security.algorithms import Direction

if TYPE_CHECKING:
    from picocell.rrc_nas.nas.ue_esm import Esm

_LOG = logging.getLogger(__name__)

EPS_ATTACH: Final = 1
COMBINED_ATTACH: Final = 2
"""EPS attach type (TS 24.301 9.9.3.11)."""

EPS_ONLY: Final = 1
"""EPS attach result (TS 24.301 9.9.3.10)."""

NATIVE_GUTI: Final = 0
"""GUTI type (TS 24.301 9.9.3.45)."""

CONGESTION: Final = 22
ESM_FAILURE: Final = 19
_FINAL_CAUSES: Final = frozenset({95, 96, 97, 99, 111})
"""Causes after which the attempt counter is set to its limit (TS 24.301 5.5.1.2.6 d)."""

DEFAULT_T3346_MS: Final = 15 * 60_000
"""Lower end of the range that an unprotected back-off time is drawn from (TS 24.301 5.5.1.2.5)."""


class Attach:
    """The attach procedure."""

    def __init__(self, core: UeCore, esm: "Esm") -> None:
        self._core = core
        self._esm = esm

    def start(self, now: int) -> None:
        """Attach as soon as the UE may: with a valid USIM, in a cell that is not forbidden, not backed off."""
        core = self._core
        if core.state not in (EmmState.DEREGISTERED, EmmState.NULL):
            core.refuse("attach", f"the state is {core.state.name}")
            return
        core.attach_wanted = True
        if not core.usim_valid:
            core.refuse("attach", "the USIM is invalid until the UE is switched off")
            core.enter(EmmState.DEREGISTERED, EmmSubstate.NO_IMSI)
        elif core.tai is None:
            core.enter(EmmState.DEREGISTERED, EmmSubstate.NO_CELL_AVAILABLE)
        elif core.forbidden:
            core.refuse("attach", f"PLMN {core.tai.plmn} TAC {core.tai.tac} is forbidden")
            if core.substate is not EmmSubstate.PLMN_SEARCH:
                core.enter(EmmState.DEREGISTERED, EmmSubstate.LIMITED_SERVICE)
        elif "T3346" in core.timers or "barred" in core.timers:
            core.enter(EmmState.DEREGISTERED, EmmSubstate.ATTEMPTING_TO_ATTACH)
        elif core.connection is Connection.CONNECTED or core.connection is Connection.CONNECTING:
            core.enter(EmmState.DEREGISTERED, EmmSubstate.ATTACH_NEEDED)
        else:
            self._send(now)

    def _send(self, now: int) -> None:
        core, settings = self._core, self._core.settings
        core.attach_wanted = False
        core.timers.stop("T3402", "T3411")
        request = codec.encode(
            "attach request",
            nas_key_set_identifier=core.ksi,
            eps_attach_type=COMBINED_ATTACH if settings.combined else EPS_ATTACH,
            eps_mobile_identity=core.identity,
            ue_network_capability=settings.capability,
            esm_message_container=self._esm.attach_request(),
            last_visited_registered_tai=core.last_tai,
            drx_parameter=settings.drx_parameter,
            ms_network_capability=settings.ms_network_capability,
            old_guti_type=None if core.guti is None else NATIVE_GUTI,
        )
        core.enter(EmmState.REGISTERED_INITIATED)
        core.timers.start("T3410", now)
        core.initial(request, "emergency" if settings.emergency else "mo-Signalling")

    def accept(self, message: NasMessage, now: int, protected: bool) -> None:
        """ATTACH ACCEPT (TS 24.301 5.5.1.2.4)."""
        core = self._core
        if not protected:
            core.refuse(message.name, "it is not integrity protected")
            return
        try:
            inner = codec.decode(message["esm_message_container"], Direction.DOWNLINK)
            answer, context = self._esm.default_in_attach(inner)
        except NasError as error:
            core.refuse(message.name, f"its ESM message: {error}")
            self._abandon(now, final=False)
            return
        core.timers.stop("T3410")
        core.attempts = 0
        core.status = UpdateStatus.EU1_UPDATED
        core.tai_list = message["tai_list"]
        core.last_tai = core.tai
        take_timers(core, message)
        if message.get("guti") is not None:
            core.set_guti(message["guti"])
        core.equivalent_plmns = message.get("equivalent_plmns", ())
        if core.tai is not None:
            core.forbidden_plmns.discard(core.tai.plmn)
            core.forbidden_tais.discard(core.tai)
        core.enter(EmmState.REGISTERED, EmmSubstate.NORMAL_SERVICE)
        complete = codec.encode("attach complete", esm_message_container=answer)
        core.transmit(complete, SecurityHeader.INTEGRITY_CIPHERED)
        self._esm.activate(context)
        cause = message.get("emm_cause") if core.settings.combined else None
        if cause is not None and message["eps_attach_result"] == EPS_ONLY:
            _LOG.info("IMSI %s: attached for EPS services only: %s", core.usim.imsi, emm_cause_name(cause))
        core.emit(
            Attached(
                context.ip,
                context.dns,
                context.mtu,
                context.apn,
                core.guti,
                context.ebi,
                context.interface_id,
                cause,
                inner.get("esm_cause"),
            )
        )

    def reject(self, message: NasMessage, now: int, protected: bool) -> None:
        """ATTACH REJECT (TS 24.301 5.5.1.2.5)."""
        core = self._core
        cause: int = message["emm_cause"]
        if cause in INTEGRITY_ONLY and not protected:
            core.refuse(message.name, f"{emm_cause_name(cause)} without integrity protection")
            return
        esm_cause = self._esm.attach_rejected(message.get("esm_message_container"))
        core.timers.stop("T3410")
        _LOG.info("IMSI %s: attach rejected: %s", core.usim.imsi, emm_cause_name(cause))
        core.emit(AttachRejected(cause, emm_cause_name(cause), esm_cause))
        core.timers.start("T3440", now)
        back_off = message.get("t3346_value")
        what = consequence(cause, registered=False)
        if what is not None:
            apply(core, what, cause, registered=False)
        elif cause == CONGESTION and back_off not in (None, 0, DEACTIVATED):
            core.attempts = 0
            core.status = UpdateStatus.EU2_NOT_UPDATED
            start_back_off(core, back_off, now, protected)
            core.enter(EmmState.DEREGISTERED, EmmSubstate.ATTEMPTING_TO_ATTACH)
            core.attach_wanted = True
        else:
            self._failed(now, final=cause in _FINAL_CAUSES)

    def timed_out(self, now: int) -> None:
        """T3410 expired: the procedure is aborted and the connection released (TS 24.301 5.5.1.2.6 c)."""
        core = self._core
        core.refuse("attach", "the network did not answer within T3410")
        self._abandon(now, final=False)

    def connection_failed(self, now: int, wait_s: int | None) -> None:
        """The lower layers failed or were barred (TS 24.301 5.5.1.2.6 a, b)."""
        core = self._core
        core.timers.stop("T3410")
        if wait_s is None:
            self._failed(now, final=False)
            return
        core.timers.start("barred", now, 1000 * wait_s)
        core.enter(EmmState.DEREGISTERED, EmmSubstate.ATTEMPTING_TO_ATTACH)
        core.attach_wanted = True

    def _abandon(self, now: int, *, final: bool) -> None:
        self._core.timers.stop("T3410")
        if self._core.connection is not Connection.IDLE:
            self._core.emit(ReleaseConnection("attach was abandoned"))
        self._failed(now, final=final)

    def _failed(self, now: int, *, final: bool) -> None:
        """One attempt more has failed: T3411, or T3402 after the fifth (TS 24.301 5.5.1.2.6)."""
        core = self._core
        core.attempts = MAX_ATTEMPTS if final else core.attempts + 1
        core.enter(EmmState.DEREGISTERED, EmmSubstate.ATTEMPTING_TO_ATTACH)
        core.attach_wanted = True
        if core.attempts < MAX_ATTEMPTS:
            core.timers.start("T3411", now)
            return
        core.delete_identity()
        core.equivalent_plmns = ()
        core.status = UpdateStatus.EU2_NOT_UPDATED
        core.attempts = 0
        start_t3402(core, now)


def take_timers(core: UeCore, message: NasMessage) -> None:
    """Values of T3412 and T3402 in an accept message; a deactivated T3412 is None."""
    if "t3412_value" in message.fields:
        seconds = message["t3412_value"]
        core.t3412_ms = None if seconds in (0, DEACTIVATED) else 1000 * seconds
    seconds = message.get("t3402_value")
    core.t3402_ms = None if seconds in (None, 0, DEACTIVATED) else 1000 * seconds


def start_t3402(core: UeCore, now: int) -> None:
    """T3402 with the network's value, or its default."""
    core.timers.start("T3402", now, core.t3402_ms or default_ms("T3402"))


def start_back_off(core: UeCore, seconds: int, now: int, protected: bool) -> None:
    """T3346: the network's value, or a random one where it came unprotected (TS 24.301 5.5.1.2.5)."""
    milliseconds = 1000 * seconds if protected else core.rng.randint(DEFAULT_T3346_MS, 2 * DEFAULT_T3346_MS)
    core.timers.start("T3346", now, milliseconds)
