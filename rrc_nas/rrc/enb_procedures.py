"""What a base station does for S1AP's requests: security, capability, bearers, NAS (TS 36.331 5.3.4, 5.3.5, 5.6)."""

from collections.abc import Iterable
from typing import Any, Final

from picocell.mac.dedicated_config import BearerKind
from picocell.rrc_nas.rrc import dedicated_update, enb_defaults, enb_messages, enb_resources, enb_security
from picocell.rrc_nas.rrc.bearer_config import bearers
from picocell.rrc_nas.rrc.enb_context import (
    ContextSetup,
    EnbRrcBase,
    ErabRelease,
    ErabSetup,
    NasTransfer,
    Request,
    UeContext,
    UeState,
    log,
)
from picocell.rrc_nas.rrc.enb_events import (
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupDone,
    InitialContextSetupFailed,
    NasNotDelivered,
    UeCapability,
)
from picocell.rrc_nas.rrc.enb_lifecycle import (
    INTERACTION,
    NO_ALGORITHMS,
    enter,
    fail_procedure,
    send_nas,
)
from picocell.rrc_nas.rrc.events import ActivateSecurity, ConfigureRadio, SendSrb
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.states import SecurityKeys

MAX_NAS: Final = 4000
"""Longest NAS message that is accepted, so that two fit a PDCP SDU of 8188 bytes (TS 36.323 4.3.1)."""


def request(rrc: EnbRrcBase, ue: UeContext, wanted: Request, now: int) -> None:
    """Take a request of S1AP; it waits while a procedure is under way."""
    if isinstance(wanted, NasTransfer) and not _is_nas_accepted(rrc, ue, wanted.nas):
        return
    ue.requests.append(wanted)
    advance(rrc, ue, now)


def _is_nas_accepted(rrc: EnbRrcBase, ue: UeContext, nas: bytes) -> bool:
    """Whether a NAS message can be sent; S1AP is told where it cannot."""
    if 0 < len(nas) <= MAX_NAS:
        return True
    rrc.refuse(ue, "NAS message", f"it has {len(nas)} bytes; 1 to {MAX_NAS} are allowed")
    rrc.emit(NasNotDelivered(ue.rnti, nas))
    return False


def advance(rrc: EnbRrcBase, ue: UeContext, now: int) -> None:
    """Carry out what waits, until a procedure has to wait for the UE."""
    while ue.at_rest and ue.requests:
        wanted = ue.requests.popleft()
        match wanted:
            case NasTransfer(nas):
                send_nas(rrc, ue, nas)
            case ContextSetup():
                _start_context(rrc, ue, wanted, now)
            case ErabSetup():
                _start_erab_setup(rrc, ue, wanted, now)
            case ErabRelease():
                _start_erab_release(rrc, ue, wanted, now)


def _start_context(rrc: EnbRrcBase, ue: UeContext, wanted: ContextSetup, now: int) -> None:
    """SecurityModeCommand: integrity protected with the new keys, not ciphered (TS 36.331 5.3.4.2)."""
    context = wanted.context
    if ue.keys is not None:
        rrc.refuse(ue, "initial context setup", "it has a context already")
        rrc.emit(InitialContextSetupFailed(ue.rnti, INTERACTION))
        return
    algorithms = enb_security.choose_algorithms(context.eea, context.eia, rrc.settings.eea, rrc.settings.eia)
    if algorithms is None or len(context.k_enb) != 32:
        rrc.refuse(ue, "initial context setup", f"no algorithm in common (EIA bitmap {context.eia:04x}), or no K_eNB")
        rrc.emit(InitialContextSetupFailed(ue.rnti, NO_ALGORITHMS))
        return
    eea, eia = algorithms
    ue.procedure, ue.k_enb, ue.ncc = wanted, context.k_enb, 0
    ue.keys = SecurityKeys.derive(context.k_enb, eea, eia)
    log.info("%s: security with %s and %s", ue, eea.name, eia.name)
    message = enb_messages.security_mode_command(ue.next_transaction(), eea, eia)
    activation = ActivateSecurity(ue.keys, integrity_rx=rrc.verify_last is None, ciphering_tx=False, ciphering_rx=False)
    rrc.radio(ue, activation, SendSrb(1, message))
    enter(rrc, ue, UeState.SECURITY, now)


def security_complete(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """SecurityModeComplete: ciphering begins; the capability is asked for where the MME has none."""
    if ue.keys is None or not isinstance(ue.procedure, ContextSetup):
        return
    if rrc.verify_last is not None and not rrc.verify_last(ue.rnti, ue.keys):
        rrc.refuse(ue, "SecurityModeComplete", "its MAC-I is wrong")
        return
    rrc.radio(ue, ActivateSecurity(ue.keys))
    if ue.procedure.context.ue_radio_capability is None:
        rrc.radio(ue, SendSrb(1, enb_messages.ue_capability_enquiry(ue.next_transaction())))
        enter(rrc, ue, UeState.CAPABILITY, now)
    else:
        _set_up_bearers(rrc, ue, ue.procedure, now)


def security_failure(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """SecurityModeFailure: the connection goes on without security, until the MME releases it (TS 36.331 5.3.4.3)."""
    ue.keys = ue.k_enb = None
    log.warning("%s: refuses the security mode", ue)
    fail_procedure(rrc, ue, NO_ALGORITHMS)
    enter(rrc, ue, UeState.CONNECTED, now)
    advance(rrc, ue, now)


def capability_information(rrc: EnbRrcBase, ue: UeContext, message: bytes, now: int) -> None:
    """UECapabilityInformation, handed on to the MME."""
    rrc.emit(UeCapability(ue.rnti, enb_security.capability_container(message)))
    if isinstance(ue.procedure, ContextSetup):
        _set_up_bearers(rrc, ue, ue.procedure, now)


def _set_up_bearers(rrc: EnbRrcBase, ue: UeContext, wanted: ContextSetup, now: int) -> None:
    """RRCConnectionReconfiguration with SRB2, DRBs and their NAS messages."""
    plan = _plan(rrc, ue, wanted.context.erabs)
    resources: Value = {"srb-ToAddModList": [enb_resources.srb(2)]}
    if plan.entries:
        resources["drb-ToAddModList"] = plan.entries
    settings = rrc.settings
    measurement = enb_defaults.measurement(settings.earfcn_dl, rrc.cell.n_prb) if settings.measure else None
    ue.erabs, ue.failed = tuple(plan.erabs), plan.failed
    reconfigure(rrc, ue, resources, plan.nas, now, measurement=measurement)


def _start_erab_setup(rrc: EnbRrcBase, ue: UeContext, wanted: ErabSetup, now: int) -> None:
    plan = _plan(rrc, ue, wanted.erabs)
    nas = [*plan.nas, *([wanted.nas] if wanted.nas is not None else [])]
    if not plan.entries or ue.keys is None:
        plan.failed.update(dict.fromkeys(plan.erabs, INTERACTION))
        rrc.refuse(ue, "E-RAB setup", ", ".join(f"{erab}: {cause[1]}" for erab, cause in plan.failed.items()))
        rrc.emit(ErabSetupDone(ue.rnti, (), plan.failed))
        return
    ue.procedure, ue.erabs, ue.failed = wanted, tuple(plan.erabs), plan.failed
    reconfigure(rrc, ue, {"drb-ToAddModList": plan.entries}, nas, now)


def _start_erab_release(rrc: EnbRrcBase, ue: UeContext, wanted: ErabRelease, now: int) -> None:
    drbs = {setup.bearer.eps_bearer: setup.bearer.identity for setup in ue.bearers if setup.bearer.eps_bearer}
    erabs = tuple(erab for erab in dict.fromkeys(wanted.erab_ids) if erab in drbs)
    failed = {erab: enb_resources.UNKNOWN_ERAB for erab in wanted.erab_ids if erab not in drbs}
    nas = [wanted.nas] if wanted.nas is not None else []
    if not erabs:
        rrc.refuse(ue, "E-RAB release", f"it has no E-RAB of {list(wanted.erab_ids)}")
        for message in nas:
            send_nas(rrc, ue, message)
        rrc.emit(ErabReleaseDone(ue.rnti, (), failed))
        return
    ue.procedure, ue.erabs, ue.failed = wanted, erabs, failed
    reconfigure(rrc, ue, {"drb-ToReleaseList": [drbs[erab] for erab in erabs]}, nas, now)


def _plan(rrc: EnbRrcBase, ue: UeContext, erabs: Iterable[Any]) -> enb_resources.DrbPlan:
    return enb_resources.plan_drbs(erabs, (setup.bearer for setup in ue.bearers), rrc.defaults["drb"])


def reconfigure(
    rrc: EnbRrcBase,
    ue: UeContext,
    resources: Value,
    nas: Iterable[bytes],
    now: int,
    *,
    measurement: Value | None = None,
) -> None:
    """Send RRCConnectionReconfiguration, and take the configuration into use; NAS messages that wait go with it.

    Those that do not fit follow when the UE has answered.
    """
    messages = [message for message in nas if _is_nas_accepted(rrc, ue, message)]
    while ue.requests and isinstance(ue.requests[0], NasTransfer):
        messages.append(ue.requests[0].nas)
        ue.requests.popleft()
    taken = _as_many_as_fit(messages)
    ue.requests.extendleft(NasTransfer(message) for message in reversed(messages[taken:]))
    value = enb_messages.reconfiguration_value(
        ue.next_transaction(), resources, nas=messages[:taken], measurement=measurement
    )
    changes = bearers(value, "enb", ue.bearers)
    ue.config = dedicated_update.apply(ue.config, value, n_ports=rrc.cell.n_ports)
    ue.bearers = changes.applied(ue.bearers)
    rrc.radio(ue, ConfigureRadio(ue.config, changes), SendSrb(1, enb_messages.encode_dcch(value)))
    enter(rrc, ue, UeState.RECONFIGURATION, now)


def _as_many_as_fit(messages: list[bytes]) -> int:
    total = taken = 0
    for message in messages[: enb_messages.MAX_NAS_PER_RECONFIGURATION]:
        total += len(message)
        if taken and total > MAX_NAS:
            break
        taken += 1
    return taken


def reconfiguration_complete(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """RRCConnectionReconfigurationComplete: S1AP is told, and what waited goes on."""
    match ue.procedure:
        case ContextSetup():
            rrc.emit(InitialContextSetupDone(ue.rnti, ue.erabs, ue.failed))
        case ErabSetup():
            rrc.emit(ErabSetupDone(ue.rnti, ue.erabs, ue.failed))
        case ErabRelease():
            rrc.emit(ErabReleaseDone(ue.rnti, ue.erabs, ue.failed))
    ue.procedure, ue.erabs, ue.failed = None, (), {}
    enter(rrc, ue, UeState.SECURED, now)
    advance(rrc, ue, now)


def resume(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """RRCConnectionReestablishmentComplete: a reconfiguration resumes SRB2 and the DRBs (TS 36.331 5.3.5.3)."""
    drbs = [setup.bearer.identity for setup in ue.bearers if setup.bearer.kind is BearerKind.DRB]
    if not ue.has_srb2() and not drbs:
        enter(rrc, ue, UeState.SECURED, now)
        advance(rrc, ue, now)
        return
    resources: Value = {}
    if ue.has_srb2():
        resources["srb-ToAddModList"] = [enb_resources.srb(2)]
    if drbs:
        resources["drb-ToAddModList"] = [{"drb-Identity": identity} for identity in drbs]
    reconfigure(rrc, ue, resources, (), now)


def returned(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """A lost UE has been heard again (C-RNTI by random access): the connection goes on where it stopped."""
    if not ue.resumable:
        rrc.refuse(ue, "return", "its release has been requested")
        return
    log.info("%s: is back", ue)
    ue.resumable = False
    enter(rrc, ue, ue.lost_from, now)
    advance(rrc, ue, now)
