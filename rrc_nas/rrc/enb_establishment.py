"""What comes on the CCCH of a base station: connections and re-establishments (TS 36.331 5.3.3, 5.3.7)."""

from typing import Final

from picocell.rrc_nas.rrc import dedicated_update, enb_messages, enb_resources
from picocell.rrc_nas.rrc.bearer_config import bearers
from picocell.rrc_nas.rrc.enb_context import EnbRrcBase, UeContext, UeState, log
from picocell.rrc_nas.rrc.enb_events import UeRenamed
from picocell.rrc_nas.rrc.enb_lifecycle import LINK_LOST, enter, lose, remove
from picocell.rrc_nas.rrc.enb_security import is_short_mac_right
from picocell.rrc_nas.rrc.enb_settings import UciAllocationLike
from picocell.rrc_nas.rrc.events import ConfigureRadio, ReestablishBearers, SendSrb
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.security import keys

OVERLOAD_ACTIONS: Final[dict[str, frozenset[str]]] = {
    "reject-non-emergency-mo-dt": frozenset({"mo-Data", "delayTolerantAccess-v1020"}),
    "reject-rrc-cr-signalling": frozenset({"mo-Data", "mo-Signalling", "delayTolerantAccess-v1020"}),
    "permit-emergency-sessions-and-mobile-terminated-services-only": frozenset(
        {"mo-Data", "mo-Signalling", "highPriorityAccess", "delayTolerantAccess-v1020", "mo-VoiceCall-v1280"}
    ),
    "permit-high-priority-sessions-and-mobile-terminated-services-only": frozenset(
        {"mo-Data", "mo-Signalling", "emergency", "delayTolerantAccess-v1020", "mo-VoiceCall-v1280"}
    ),
    "reject-delay-tolerant-access": frozenset({"delayTolerantAccess-v1020"}),
    "permit-high-priority-sessions-and-exception-reporting-and-mobile-terminated-services-only": frozenset(
        {"mo-Data", "mo-Signalling", "emergency", "delayTolerantAccess-v1020", "mo-VoiceCall-v1280"}
    ),
    "not-accept-mo-data-or-delay-tolerant-access-from-CP-CIoT": frozenset({"delayTolerantAccess-v1020"}),
}
"""Establishment causes that are rejected, by S1AP's Overload Action (TS 36.413 9.2.3.20)."""


def connection_request(rrc: EnbRrcBase, rnti: int, body: Value, now: int, why_not: str | None) -> None:
    """RRCConnectionRequest: answered by RRCConnectionSetup, or by RRCConnectionReject.

    Args:
        rrc: the cell's RRC.
        rnti: the UE.
        body: the message's body.
        now: ms.
        why_not: why no connection is accepted; None where one is.
    """
    cause = body["establishmentCause"]
    ue = UeContext(rnti, body["ue-Identity"], establishment_cause=cause)
    _forget_first_attempt(rrc, ue)
    rrc.ues[rnti] = ue
    allocation = None
    if why_not is None:
        try:
            allocation = rrc.resources.allocate(rnti)
        except ValueError as error:
            why_not = f"no uplink control resources: {error}"
    if allocation is None:
        _reject(rrc, ue, str(why_not), now)
        return
    message = enb_messages.critical_value(
        "rrcConnectionSetup",
        ue.next_transaction(),
        {"radioResourceConfigDedicated": dedicated_resources(rrc, allocation)},
    )
    _configure(rrc, ue, message)
    rrc.radio(ue, SendSrb(0, enb_messages.encode_ccch(message)))
    log.info("%s: connection for %s", ue, cause)
    enter(rrc, ue, UeState.SETUP, now)


def _forget_first_attempt(rrc: EnbRrcBase, ue: UeContext) -> None:
    """A UE that asks again has given its first attempt up."""
    for other in tuple(rrc.ues.values()):
        if other.state is UeState.SETUP and other.identity == ue.identity:
            other.cause = LINK_LOST
            remove(rrc, other)


def _reject(rrc: EnbRrcBase, ue: UeContext, why: str, now: int) -> None:
    # an MME that is lost may be back at any time, and until then there is nothing that requests could overload
    wait_s = rrc.settings.wait_time_s if rrc.accepting else rrc.settings.no_mme_wait_s
    rrc.refuse(ue, "connection", f"{why} (cause {ue.establishment_cause}, wait {wait_s} s)")
    ue.cause = enb_resources.NO_RESOURCES
    rrc.radio(ue, SendSrb(0, enb_messages.rrc_connection_reject(wait_s)))
    enter(rrc, ue, UeState.REJECTED, now)


def dedicated_resources(rrc: EnbRrcBase, allocation: UciAllocationLike) -> Value:
    """radioResourceConfigDedicated of a UE at the beginning of its connection: SRB1, MAC, physical channels."""
    common = rrc.defaults["physicalConfigDedicated"]
    return enb_resources.srb1() | {
        "mac-MainConfig": ("explicitValue", rrc.defaults["mac-MainConfig"]),
        "physicalConfigDedicated": enb_resources.physical(common, allocation.sr, allocation.cqi, rrc.cell.n_ports),
    }


def _configure(rrc: EnbRrcBase, ue: UeContext, message: Value) -> None:
    """Take the configuration of a message into use."""
    changes = bearers(message, "enb", ue.bearers)
    ue.config = dedicated_update.apply(ue.config, message, n_ports=rrc.cell.n_ports)
    ue.bearers = changes.applied(ue.bearers)
    rrc.radio(ue, ConfigureRadio(ue.config, changes))


def reestablishment_request(rrc: EnbRrcBase, rnti: int, body: Value, now: int) -> None:
    """RRCConnectionReestablishmentRequest: the UE goes on under the C-RNTI of its random access, or is rejected."""
    identity = body["ue-Identity"]
    old_rnti, pci = identity["c-RNTI"][0], identity["physCellId"]
    ue = rrc.ues.get(old_rnti)
    if ue is None or pci != rrc.cell.pci or ue.keys is None:
        _reject_reestablishment(rrc, rnti, now, f"C-RNTI {old_rnti:#06x} of cell {pci} is not known here")
        return
    given = identity["shortMAC-I"][0]
    if not is_short_mac_right(ue.keys, rrc.settings.cell_identity, pci, old_rnti, given):
        _reject_reestablishment(rrc, rnti, now, f"ShortMAC-I {given:#06x} of C-RNTI {old_rnti:#06x} is wrong")
        return
    if not _may_resume(ue):
        why = f"C-RNTI {old_rnti:#06x} is in state {ue.state.name}"
        if ue.state not in (UeState.LOST, UeState.RELEASING):
            lose(rrc, ue, now, LINK_LOST)
        _reject_reestablishment(rrc, rnti, now, why)
        return
    log.info("%s: re-established as %#06x (%s)", ue, rnti, body["reestablishmentCause"])
    _reestablish(rrc, ue, rnti, now)


def _may_resume(ue: UeContext) -> bool:
    if ue.procedure is not None or ue.k_enb is None:
        return False
    if ue.state is UeState.LOST:
        return ue.resumable
    return ue.state in (UeState.SECURED, UeState.REESTABLISHMENT, UeState.RECONFIGURATION)


def _reestablish(rrc: EnbRrcBase, ue: UeContext, rnti: int, now: int) -> None:
    """Move the UE to its new C-RNTI, with new keys, and answer (TS 36.331 5.3.7.5, TS 33.401 7.2.9.2)."""
    if ue.k_enb is None or ue.keys is None:
        return
    old_rnti = ue.rnti
    rrc.resources.release(old_rnti)
    allocation = rrc.resources.allocate(rnti)
    del rrc.ues[old_rnti]
    ue.rnti, ue.resumable = rnti, False
    rrc.ues[rnti] = ue
    ue.k_enb = keys.k_enb_star(ue.k_enb, rrc.cell.pci, rrc.settings.earfcn_dl)
    ue.keys = SecurityKeys.derive(ue.k_enb, ue.keys.eea, ue.keys.eia)
    body = {"radioResourceConfigDedicated": dedicated_resources(rrc, allocation), "nextHopChainingCount": ue.ncc}
    message = enb_messages.critical_value("rrcConnectionReestablishment", ue.next_transaction(), body)
    rrc.emit(UeRenamed(old_rnti, rnti))
    _configure(rrc, ue, message)
    rrc.radio(ue, ReestablishBearers(ue.keys), SendSrb(0, enb_messages.encode_ccch(message)))
    enter(rrc, ue, UeState.REESTABLISHMENT, now)


def _reject_reestablishment(rrc: EnbRrcBase, rnti: int, now: int, why: str) -> None:
    ue = rrc.ues[rnti] = UeContext(rnti, ("none", None), cause=enb_resources.NO_RESOURCES)
    rrc.refuse(ue, "re-establishment", why)
    rrc.radio(ue, SendSrb(0, enb_messages.rrc_connection_reestablishment_reject()))
    enter(rrc, ue, UeState.REJECTED, now)
