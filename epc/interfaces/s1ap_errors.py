"""What is answered to S1AP PDUs that cannot be read, are unknown or incomplete (TS 36.413 10)."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.s1ap import Criticality, Diagnostics, Kind, S1apPdu
from picocell.epc.interfaces.s1ap_values import CauseValue

MME_ID: Final[str] = "MME-UE-S1AP-ID"
ENB_ID: Final[str] = "eNB-UE-S1AP-ID"

NOT_COMPATIBLE: Final = ("protocol", "message-not-compatible-with-receiver-state")
SEMANTIC_ERROR: Final = ("protocol", "semantic-error")

_FAILURES: Final = {
    "S1SetupRequest": "S1SetupFailure",
    "InitialContextSetupRequest": "InitialContextSetupFailure",
    "UEContextModificationRequest": "UEContextModificationFailure",
    "ENBConfigurationUpdate": "ENBConfigurationUpdateFailure",
    "MMEConfigurationUpdate": "MMEConfigurationUpdateFailure",
}
"""The unsuccessful outcome that answers a message; all others are answered by an Error Indication."""

_ANSWERED: Final = frozenset(
    {*_FAILURES, "E-RABSetupRequest", "E-RABReleaseCommand", "UEContextReleaseCommand", "Reset"}
)
"""Messages whose answer carries the Criticality Diagnostics (clause 10.3.5)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of received bytes.

    Attributes:
        pdu: the message to carry out, None for one that is refused or ignored.
        answer: what goes back at once.
        report: Criticality Diagnostics that the answer of the procedure is to carry.
        reason: why ``pdu`` is None, in plain words.
    """

    pdu: S1apPdu | None
    answer: S1apPdu | None = None
    report: dict[str, Any] | None = None
    reason: str = ""


def judge(data: bytes, supported: Container[str]) -> Verdict:
    """Read bytes and decide by the criticality of what is not understood (clauses 10.2, 10.3).

    Args:
        data: what came.
        supported: names of the messages that the receiver carries out.
    """
    try:
        pdu = s1ap.decode(data)
    except s1ap.TransferSyntaxError as error:
        return Verdict(None, error_indication(error.CAUSE), reason=str(error))
    found = pdu.diagnostics()
    if pdu.message is None or pdu.message not in supported:
        return _unknown(pdu)
    if found is None:
        return Verdict(pdu)
    if found.action is Criticality.REJECT:
        reason = f"{pdu.message} with errors: {found.cause[1]}, {found.faults}"
        if pdu.message == "ErrorIndication":  # never answered by its like
            return Verdict(None, reason=reason)
        return Verdict(None, refusal(pdu, found.cause, found), reason=reason)
    if found.action is Criticality.NOTIFY and pdu.message != "ErrorIndication":
        if pdu.message in _ANSWERED:
            return Verdict(pdu, report=diagnostics_value(found))
        return Verdict(pdu, refusal(pdu, found.cause, found))
    return Verdict(pdu)


def refusal(pdu: S1apPdu, cause: CauseValue, diagnostics: Diagnostics | None = None) -> S1apPdu:
    """The unsuccessful outcome of a message, or an Error Indication where it has none or its identities are missing."""
    ids = {name: pdu.ies[name] for name in (MME_ID, ENB_ID) if name in pdu.ies}
    content: dict[str, Any] = {"Cause": cause}
    if diagnostics is not None:
        content["CriticalityDiagnostics"] = diagnostics_value(diagnostics)
    failure = _FAILURES.get(pdu.message or "")
    if failure is not None and pdu.kind is Kind.INITIATING_MESSAGE and _rejected(diagnostics):
        try:
            about_ue = failure in ("InitialContextSetupFailure", "UEContextModificationFailure")
            return s1ap.build(failure, {**(ids if about_ue else {}), **content})
        except s1ap.S1apError:  # an identity is missing
            pass
    return s1ap.build("ErrorIndication", {**ids, **content})


def error_indication(
    cause: CauseValue, mme_id: int | None = None, enb_id: int | None = None, diagnostics: dict[str, Any] | None = None
) -> S1apPdu:
    """An Error Indication (clause 9.1.8.3)."""
    found = {MME_ID: mme_id, ENB_ID: enb_id, "CriticalityDiagnostics": diagnostics}
    return s1ap.build("ErrorIndication", {"Cause": cause, **{k: v for k, v in found.items() if v is not None}})


def diagnostics_value(diagnostics: Diagnostics) -> dict[str, Any]:
    """Value of the CriticalityDiagnostics IE, in the spelling of the ASN.1 (clause 9.3.4)."""
    value = diagnostics.ie()
    if diagnostics.kind is Kind.UNSUCCESSFUL_OUTCOME:
        value["triggeringMessage"] = "unsuccessfull-outcome"
    return value


def _rejected(diagnostics: Diagnostics | None) -> bool:
    return diagnostics is None or diagnostics.action is Criticality.REJECT


def _unknown(pdu: S1apPdu) -> Verdict:
    """A procedure that is not known or not carried out here (clause 10.3.4.1)."""
    found = Diagnostics(pdu.kind, pdu.procedure_code, pdu.criticality, unknown_procedure=True)
    reason = f"{pdu.message or f'procedure {pdu.procedure_code}'} is not supported (criticality {pdu.criticality})"
    if pdu.criticality is Criticality.IGNORE or pdu.message == "ErrorIndication":
        return Verdict(None, reason=reason)
    return Verdict(None, error_indication(found.cause, diagnostics=diagnostics_value(found)), reason=reason)
