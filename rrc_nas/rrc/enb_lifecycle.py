"""How a UE's connection ends in a base station: release, radio link failure, timers that run out, removal."""

from typing import Any, Final

from picocell.rrc_nas.rrc import enb_messages
from picocell.rrc_nas.rrc.enb_context import (
    ContextSetup,
    EnbRrcBase,
    ErabRelease,
    ErabSetup,
    NasTransfer,
    UeContext,
    UeState,
    log,
)
from picocell.rrc_nas.rrc.enb_events import (
    Cause,
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupFailed,
    NasNotDelivered,
    ReleaseRequest,
    UeGone,
)
from picocell.rrc_nas.rrc.events import ReleaseRadio, SendSrb

USER_INACTIVITY: Final[Cause] = ("radioNetwork", "user-inactivity")
LINK_LOST: Final[Cause] = ("radioNetwork", "radio-connection-with-ue-lost")
PROCEDURE_FAILED: Final[Cause] = ("radioNetwork", "failure-in-radio-interface-procedure")
INTERACTION: Final[Cause] = ("radioNetwork", "interaction-with-other-procedure")
NO_ALGORITHMS: Final[Cause] = ("radioNetwork", "encryption-and-or-integrity-protection-algorithms-not-supported")

_RELEASE_CAUSES: Final = {"load-balancing-tau-required": "loadBalancingTAUrequired"}
"""releaseCause where it is not ``other``, by S1AP's cause."""


def enter(rrc: EnbRrcBase, ue: UeContext, state: UeState, now: int) -> None:
    """Change a UE's state, and start the timers that belong to it."""
    ue.state = state
    limit = _guards(rrc).get(state)
    ue.guard = None if limit is None else now + limit
    if ue.at_rest:
        ue.release_requested = False
        touch(rrc, ue, now)


def _guards(rrc: EnbRrcBase) -> dict[UeState, int]:
    settings = rrc.settings
    return {
        UeState.REJECTED: settings.reject_ms,
        UeState.SETUP: settings.setup_ms,
        UeState.SECURITY: settings.procedure_ms,
        UeState.CAPABILITY: settings.procedure_ms,
        UeState.RECONFIGURATION: settings.procedure_ms,
        UeState.REESTABLISHMENT: settings.procedure_ms,
        UeState.LOST: rrc.lost_ms,
        UeState.RELEASING: settings.release_ms,
    }


def touch(rrc: EnbRrcBase, ue: UeContext, now: int) -> None:
    """Start the inactivity timer anew."""
    ue.inactive = None if rrc.settings.inactivity_ms is None else now + rrc.settings.inactivity_ms


def send_nas(rrc: EnbRrcBase, ue: UeContext, nas: bytes) -> None:
    """DLInformationTransfer, on SRB2 where there is one (TS 36.331 5.6.1)."""
    message = enb_messages.dl_information_transfer(ue.next_transaction(), nas)
    rrc.radio(ue, SendSrb(2 if ue.has_srb2() else 1, message))


def release(rrc: EnbRrcBase, ue: UeContext, cause: Cause, now: int) -> None:
    """S1AP orders the release: NAS messages that wait go first, then RRCConnectionRelease (TS 36.331 5.3.8)."""
    ue.ordered, ue.cause, ue.procedure = True, cause, None
    if ue.state in (UeState.SETUP, UeState.LOST, UeState.REESTABLISHMENT):
        remove(rrc, ue)
        return
    for request in tuple(ue.requests):
        if isinstance(request, NasTransfer):
            send_nas(rrc, ue, request.nas)
    ue.requests.clear()
    why = _RELEASE_CAUSES.get(cause[1], "other")
    rrc.radio(ue, SendSrb(1, enb_messages.rrc_connection_release(ue.next_transaction(), why)))
    log.info("%s: released, %s", ue, " ".join(cause))
    enter(rrc, ue, UeState.RELEASING, now)


def release_again(rrc: EnbRrcBase, ue: UeContext, cause: Cause, now: int) -> None:  # noqa: ARG001 (as `release`)
    """The order comes while the UE is on its way out: it is answered when it is gone."""
    ue.ordered, ue.cause = True, cause


def link_failure(rrc: EnbRrcBase, ue: UeContext, reason: str, now: int) -> None:
    """The radio link failed: a UE with security and without an open procedure may come back (TS 36.331 5.3.7)."""
    log.warning("%s: radio link failed in state %s: %s", ue, ue.state.name, reason)
    resumable = ue.procedure is None and ue.state in (UeState.CONNECTED, UeState.SECURED, UeState.RECONFIGURATION)
    lose(rrc, ue, now, LINK_LOST, resumable=resumable and not ue.release_requested)


def lose(rrc: EnbRrcBase, ue: UeContext, now: int, cause: Cause, *, resumable: bool = False) -> None:
    """Wait for a UE to come back, or for S1AP to release it; an open procedure has failed."""
    fail_procedure(rrc, ue, cause)
    ue.cause, ue.resumable, ue.lost_from = cause, resumable, ue.state
    enter(rrc, ue, UeState.LOST, now)
    if not resumable:
        request_release(rrc, ue, cause, now)


def request_release(rrc: EnbRrcBase, ue: UeContext, cause: Cause, now: int) -> None:
    """Ask S1AP to release a UE, once; without an answer it is removed."""
    ue.guard = now + rrc.settings.s1_release_ms
    if not ue.release_requested:
        ue.release_requested, ue.cause = True, cause
        log.info("%s: release requested, %s", ue, " ".join(cause))
        rrc.emit(ReleaseRequest(ue.rnti, cause))


def lost_too_long(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """A lost UE did not come back, or the MME did not release it."""
    if ue.release_requested:
        remove(rrc, ue)
    else:
        ue.resumable = False
        request_release(rrc, ue, ue.cause, now)


def rest_too_long(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """The MME did not release a UE that it was asked to: the UE is released all the same."""
    release(rrc, ue, ue.cause, now)
    ue.ordered = False


def inactive(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """No traffic for long: the MME is asked to release the UE."""
    ue.inactive = None
    request_release(rrc, ue, USER_INACTIVITY, now)


def expire(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:  # noqa: ARG001 (as all actions)
    """The UE's time is over."""
    if ue.state is UeState.SETUP:
        ue.cause = PROCEDURE_FAILED
        log.warning("%s: no RRCConnectionSetupComplete within %d ms", ue, rrc.settings.setup_ms)
    remove(rrc, ue)


def procedure_expired(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """The UE did not answer."""
    log.warning("%s: no answer within %d ms (%s)", ue, rrc.settings.procedure_ms, ue.state)
    lose(rrc, ue, now, PROCEDURE_FAILED)


def fail_procedure(rrc: EnbRrcBase, ue: UeContext, cause: Cause) -> None:
    """Tell S1AP that what is being carried out has failed."""
    request, ue.procedure = ue.procedure, None
    failed = ue.failed | dict.fromkeys(ue.erabs, cause)
    match request:
        case ContextSetup():
            rrc.emit(InitialContextSetupFailed(ue.rnti, cause))
        case ErabSetup():
            rrc.emit(ErabSetupDone(ue.rnti, (), failed))
        case ErabRelease():
            rrc.emit(ErabReleaseDone(ue.rnti, ue.erabs, ue.failed))  # the bearers are gone at this end
    ue.erabs, ue.failed = (), {}


def remove(rrc: EnbRrcBase, ue: UeContext) -> None:
    """Give up all that a UE has."""
    for request in ue.requests:
        if isinstance(request, NasTransfer):
            rrc.emit(NasNotDelivered(ue.rnti, request.nas))
    ue.requests.clear()
    if ue.config is not None:
        rrc.resources.release(ue.rnti)
    del rrc.ues[ue.rnti]
    rrc.radio(ue, ReleaseRadio(" ".join(ue.cause)))
    rrc.emit(UeGone(ue.rnti, ue.cause, ue.known, ue.ordered))
    log.info("%s: gone, %s", ue, " ".join(ue.cause))
