"""The state machine of a UE's connection in a base station: what happens in which state (TS 36.331 5.3, 5.6).

`TRANSITIONS` is all of it; what it does not list is refused.
"""

from collections.abc import Callable
from typing import Any, Final

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import enb_lifecycle, enb_procedures
from picocell.rrc_nas.rrc.enb_context import EnbRrcBase, UeContext, UeInput, UeState
from picocell.rrc_nas.rrc.enb_events import InitialUeMessage, MeasurementReport, UplinkNas
from picocell.rrc_nas.rrc.enb_lifecycle import enter
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.states import RegisteredMme, STmsi

Action = Callable[[EnbRrcBase, UeContext, Any, int], None]
"""What is done: with the message's body, the message, the request or the reason, as the input has it; and the time."""

ANSWERS: Final = frozenset(
    {
        UeInput.SETUP_COMPLETE,
        UeInput.SECURITY_COMPLETE,
        UeInput.SECURITY_FAILURE,
        UeInput.CAPABILITY_INFORMATION,
        UeInput.RECONFIGURATION_COMPLETE,
        UeInput.REESTABLISHMENT_COMPLETE,
    }
)
"""Messages that repeat the transaction identifier of the one that they answer."""


def setup_complete(rrc: EnbRrcBase, ue: UeContext, body: Value, now: int) -> None:
    """RRCConnectionSetupComplete: the UE is connected, and S1AP gets its NAS message (TS 36.331 5.3.3.4)."""
    nas, plmn = body["dedicatedInfoNAS"], body["selectedPLMN-Identity"]
    mme = _registered_mme(body.get("registeredMME"))
    kind, value = ue.identity
    s_tmsi = STmsi(value["mmec"][0], value["m-TMSI"][0]) if kind == "s-TMSI" else None
    ue.known = True
    enter(rrc, ue, UeState.CONNECTED, now)
    rrc.emit(InitialUeMessage(ue.rnti, nas, ue.establishment_cause, s_tmsi, mme, plmn))
    enb_procedures.advance(rrc, ue, now)


def _registered_mme(value: Value | None) -> RegisteredMme | None:
    if value is None:
        return None
    plmn = value.get("plmn-Identity")
    network = None
    if plmn is not None and "mcc" in plmn:
        network = "".join(map(str, plmn["mcc"])), "".join(map(str, plmn["mnc"]))
    return RegisteredMme(value["mmegi"][0], value["mmec"][0], network)


def uplink_nas(rrc: EnbRrcBase, ue: UeContext, body: Value, now: int) -> None:  # noqa: ARG001 (as all actions)
    """ULInformationTransfer (TS 36.331 5.6.2)."""
    kind, nas = body["dedicatedInfoType"]
    if kind != "dedicatedInfoNAS":
        raise Asn1Error(f"{kind} is for another network")
    rrc.emit(UplinkNas(ue.rnti, nas))


def measurement(rrc: EnbRrcBase, ue: UeContext, body: Value, now: int) -> None:  # noqa: ARG001 (as all actions)
    """MeasurementReport: RSRP and RSRQ of the serving cell (TS 36.331 5.5.5, TS 36.133 9.1.4, 9.1.7)."""
    results = body["measResults"]
    serving = results["measResultPCell"]
    rsrp, rsrq = serving["rsrpResult"] - 141, (serving["rsrqResult"] - 40) / 2
    rrc.emit(MeasurementReport(ue.rnti, results["measId"], rsrp, rsrq))


def stay(rrc: EnbRrcBase, ue: UeContext, _: Any, now: int) -> None:
    """Nothing changes but the inactivity timer, where it runs."""
    if ue.inactive is not None:
        enb_lifecycle.touch(rrc, ue, now)


_S, _I = UeState, UeInput

TRANSITIONS: Final[dict[tuple[UeState, UeInput], Action]] = {
    (_S.REJECTED, _I.GUARD): enb_lifecycle.expire,
    (_S.REJECTED, _I.LINK_FAILURE): enb_lifecycle.expire,
    (_S.SETUP, _I.SETUP_COMPLETE): setup_complete,
    (_S.SETUP, _I.GUARD): enb_lifecycle.expire,
    (_S.SETUP, _I.LINK_FAILURE): enb_lifecycle.expire,
    (_S.SETUP, _I.RELEASE): enb_lifecycle.release,
    (_S.CONNECTED, _I.GUARD): enb_lifecycle.rest_too_long,
    (_S.SECURED, _I.GUARD): enb_lifecycle.rest_too_long,
    (_S.CONNECTED, _I.INACTIVITY): enb_lifecycle.inactive,
    (_S.SECURED, _I.INACTIVITY): enb_lifecycle.inactive,
    (_S.SECURITY, _I.SECURITY_COMPLETE): enb_procedures.security_complete,
    (_S.SECURITY, _I.SECURITY_FAILURE): enb_procedures.security_failure,
    (_S.CAPABILITY, _I.CAPABILITY_INFORMATION): enb_procedures.capability_information,
    (_S.RECONFIGURATION, _I.RECONFIGURATION_COMPLETE): enb_procedures.reconfiguration_complete,
    (_S.REESTABLISHMENT, _I.REESTABLISHMENT_COMPLETE): enb_procedures.resume,
    (_S.LOST, _I.RETURN): enb_procedures.returned,
    (_S.LOST, _I.REQUEST): enb_procedures.request,
    (_S.LOST, _I.RELEASE): enb_lifecycle.release,
    (_S.LOST, _I.GUARD): enb_lifecycle.lost_too_long,
    (_S.LOST, _I.LINK_FAILURE): stay,
    (_S.RELEASING, _I.GUARD): enb_lifecycle.expire,
    (_S.RELEASING, _I.LINK_FAILURE): enb_lifecycle.expire,
    (_S.RELEASING, _I.RELEASE): enb_lifecycle.release_again,
    (_S.RELEASING, _I.UPLINK_NAS): uplink_nas,
}
for _state in (_S.CONNECTED, _S.SECURITY, _S.CAPABILITY, _S.RECONFIGURATION, _S.SECURED, _S.REESTABLISHMENT):
    TRANSITIONS[_state, _I.UPLINK_NAS] = uplink_nas
    TRANSITIONS[_state, _I.REQUEST] = enb_procedures.request
    TRANSITIONS[_state, _I.RELEASE] = enb_lifecycle.release
    TRANSITIONS[_state, _I.LINK_FAILURE] = enb_lifecycle.link_failure
    TRANSITIONS[_state, _I.RETURN] = stay
for _state in (_S.CAPABILITY, _S.RECONFIGURATION, _S.SECURED):
    TRANSITIONS[_state, _I.MEASUREMENT] = measurement
for _state in (_S.SECURITY, _S.CAPABILITY, _S.RECONFIGURATION, _S.REESTABLISHMENT):
    TRANSITIONS[_state, _I.GUARD] = enb_lifecycle.procedure_expired


def feed(rrc: EnbRrcBase, ue: UeContext, what: UeInput, argument: Any, now: int) -> bool:
    """Do what the state machine says.

    Returns:
        Whether the input has an entry in the UE's state; otherwise it is logged and counted.
    """
    action = TRANSITIONS.get((ue.state, what))
    if action is None:
        rrc.refuse(ue, str(what), f"out of place in state {ue.state.name} ({ue.state})")
        return False
    action(rrc, ue, argument, now)
    return True


def receive_dcch(rrc: EnbRrcBase, ue: UeContext, message: bytes, now: int) -> None:
    """Take a UL-DCCH message; one that cannot be read, or is out of place, is refused."""
    try:
        kind, choice = asn1.decode("UL-DCCH", message)["message"]
        name, content = choice if kind == "c1" else (kind, {})
        if name not in _MESSAGES:
            rrc.refuse(ue, "message", f"{name} is not known here")
            return
        what = UeInput(name)
        if what in ANSWERS and not _answers(rrc, ue, what, content):
            return
        argument = message if what is UeInput.CAPABILITY_INFORMATION else _body(name, content)
        feed(rrc, ue, what, argument, now)
    except Asn1Error as error:
        rrc.refuse(ue, "malformed message", str(error))


_MESSAGES: Final = frozenset(str(what) for what in (*ANSWERS, UeInput.UPLINK_NAS, UeInput.MEASUREMENT))


def _answers(rrc: EnbRrcBase, ue: UeContext, what: UeInput, content: Value) -> bool:
    """Whether a message answers the one that was sent last."""
    transaction = content["rrc-TransactionIdentifier"]
    if transaction == ue.transaction or (ue.state, what) not in TRANSITIONS:
        return True
    rrc.refuse(ue, str(what), f"it answers transaction {transaction}, not {ue.transaction}")
    return False


def _body(name: str, content: Value) -> Value:
    """Body of a message's release 8 version."""
    kind, choice = content["criticalExtensions"]
    if kind == "c1":
        kind, choice = choice
    if kind != f"{name}-r8":
        raise Asn1Error(f"{name} of a later release is not known")
    body: Value = choice
    return body
