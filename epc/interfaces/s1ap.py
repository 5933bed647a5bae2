"""S1AP PDUs between bytes and Python values (TS 36.413, aligned PER).

    pdu = s1ap.build("UEContextReleaseCommand", {"UE-S1AP-IDs": ("mME-UE-S1AP-ID", 1), "Cause": ("nas", "detach")})
    data = s1ap.encode(pdu)
    s1ap.decode(data).ies["Cause"]

Values are plain: sequences are dictionaries by ASN.1 field name, choices ``(name, value)``, bit strings ``(integer,
length)``, octet strings ``bytes``, enumerations ``str``, NULL None, lists of items lists of the items' values.

The ASN.1 codec's objects are shared by the process with those of RRC, so every call holds the one lock of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from picocell.epc.interfaces import s1ap_definitions as definitions
from picocell.rrc_nas import asn1

PORT: Final = 36412
PPID: Final = 18
"""Payload protocol identifier of SCTP (TS 36.412 7)."""


class S1apError(ValueError):
    """A PDU that cannot be read or built."""


class TransferSyntaxError(S1apError):
    """Bytes that are no S1AP PDU; answered by an Error Indication with the cause `CAUSE` (clause 10.2)."""

    CAUSE: Final = ("protocol", "transfer-syntax-error")


class Kind(StrEnum):
    """Choice of the S1AP-PDU; also the Triggering Message of Criticality Diagnostics, as `trigger`."""

    INITIATING_MESSAGE = "initiatingMessage"
    SUCCESSFUL_OUTCOME = "successfulOutcome"
    UNSUCCESSFUL_OUTCOME = "unsuccessfulOutcome"

    @property
    def trigger(self) -> str:
        """Name in TriggeringMessage, in the spelling of the ASN.1 (clauses 9.2.1.21, 9.3.4)."""
        return {"i": "initiating-message", "s": "successful-outcome", "u": "unsuccessfull-outcome"}[self.value[0]]


class Criticality(StrEnum):
    """What to do about something that is not understood (clause 10.3.2)."""

    REJECT = "reject"
    IGNORE = "ignore"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Ie:
    """An information element of a message; of one that is not ``known`` the value is the bytes of its encoding."""

    id: int
    criticality: Criticality
    value: Any
    known: bool = True

    @property
    def name(self) -> str:
        """Name of the identity, such as ``eNB-UE-S1AP-ID``."""
        with asn1.LOCK:
            return definitions.ie_names().get(self.id, str(self.id))


class Fault(StrEnum):
    """Type Of Error of Criticality Diagnostics (clause 9.2.1.21)."""

    NOT_UNDERSTOOD = "not-understood"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class IeFault:
    """An information element at fault."""

    id: int
    criticality: Criticality
    fault: Fault


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Abstract syntax errors of one PDU (clause 10.3).

    Attributes:
        kind, procedure_code, procedure_criticality: of the PDU.
        unknown_procedure: the procedure code, or this kind of message for it, is not known (clause 10.3.4.1).
        faults: elements that are not understood or missing, also those inside other elements.
        misordered: elements came in a wrong order or too often (clause 10.3.6).
    """

    kind: Kind
    procedure_code: int
    procedure_criticality: Criticality
    unknown_procedure: bool = False
    faults: tuple[IeFault, ...] = ()
    misordered: bool = False

    @property
    def action(self) -> Criticality:
        """The strictest thing to do: reject the procedure, ignore the elements and notify, or only ignore them."""
        criticalities = {fault.criticality for fault in self.faults}
        criticalities |= {self.procedure_criticality} if self.unknown_procedure else set()
        if self.misordered or Criticality.REJECT in criticalities:
            return Criticality.REJECT
        return Criticality.NOTIFY if Criticality.NOTIFY in criticalities else Criticality.IGNORE

    @property
    def cause(self) -> tuple[str, str]:
        """Value of the Cause IE that reports the errors."""
        if self.misordered:
            return "protocol", "abstract-syntax-error-falsely-constructed-message"
        rejected = self.action is Criticality.REJECT
        return "protocol", f"abstract-syntax-error-{'reject' if rejected else 'ignore-and-notify'}"

    def ie(self) -> dict[str, Any]:
        """Value of the CriticalityDiagnostics IE; elements to be ignored are not in it (clause 9.2.1.21)."""
        value: dict[str, Any] = {
            "procedureCode": self.procedure_code,
            "triggeringMessage": self.kind.trigger,
            "procedureCriticality": str(self.procedure_criticality),
        }
        reported = [
            {"iECriticality": str(fault.criticality), "iE-ID": fault.id, "typeOfError": str(fault.fault)}
            for fault in self.faults
            if fault.criticality is not Criticality.IGNORE
        ]
        if reported:
            value["iEsCriticalityDiagnostics"] = reported[:_MAX_FAULTS]
        return value


class AbstractSyntaxError(S1apError):
    """A PDU whose errors make its procedure fail; `diagnostics` says what they are."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        faults = ", ".join(f"IE {fault.id} {fault.fault}" for fault in diagnostics.faults)
        super().__init__(
            f"procedure {diagnostics.procedure_code} {diagnostics.kind}: {diagnostics.cause[1]} ({faults})"
        )
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class S1apPdu:
    """An S1AP PDU.

    Attributes:
        kind: which message of the procedure.
        procedure_code: see `procedure`.
        criticality: of the procedure.
        raw: the information elements in their order.
        opaque: type name and value of a message that is no list of elements: a Private Message, or, as bytes, one of
            an unknown procedure.
        nested_faults: elements inside other elements that were not understood.
    """

    kind: Kind
    procedure_code: int
    criticality: Criticality
    raw: tuple[Ie, ...] = ()
    opaque: tuple[str, Any] | None = None
    nested_faults: tuple[IeFault, ...] = ()

    @property
    def procedure(self) -> str:
        """Name of the procedure, such as ``InitialContextSetup``; its number where it is not known."""
        with asn1.LOCK:
            return definitions.procedure_names().get(self.procedure_code, str(self.procedure_code))

    @property
    def message(self) -> str | None:
        """Name of the message, such as ``InitialContextSetupRequest``; None where it is not known."""
        found = self._type()
        return None if found is None else found.name

    @property
    def ies(self) -> dict[str, Any]:
        """Values of the known information elements by name; of repeated ones the first."""
        values: dict[str, Any] = {}
        for ie in self.raw:
            if ie.known:
                values.setdefault(ie.name, ie.value)
        return values

    def diagnostics(self) -> Diagnostics | None:
        """Abstract syntax errors, None where there are none."""
        found = self._type()
        if found is None:
            return Diagnostics(self.kind, self.procedure_code, self.criticality, unknown_procedure=True)
        faults = [IeFault(ie.id, ie.criticality, Fault.NOT_UNDERSTOOD) for ie in self.raw if not ie.known]
        present = {ie.id for ie in self.raw}
        faults += [
            IeFault(row.id, Criticality(row.criticality), Fault.MISSING)
            for row in found.ies.values()
            if row.presence == "mandatory" and row.id not in present
        ]
        places = {identity: place for place, identity in enumerate(found.ies)}
        order = [places[ie.id] for ie in self.raw if ie.id in places]
        misordered = any(later <= earlier for earlier, later in pairwise(order))
        faults += self.nested_faults
        if not faults and not misordered:
            return None
        return Diagnostics(self.kind, self.procedure_code, self.criticality, False, tuple(faults), misordered)

    def check(self) -> None:
        """Raise where the procedure must be rejected.

        Raises:
            AbstractSyntaxError: an error of criticality reject, or elements in a wrong order.
        """
        found = self.diagnostics()
        if found is not None and found.action is Criticality.REJECT:
            raise AbstractSyntaxError(found)

    def _type(self) -> definitions.MessageType | None:
        with asn1.LOCK:
            kinds = definitions.messages().values()
        wanted = (self.kind, self.procedure_code)
        return next((kind for kind in kinds if (kind.kind, kind.procedure_code) == wanted), None)


def decode(data: bytes) -> S1apPdu:
    """Read a PDU. Unknown procedures and elements are kept; `S1apPdu.diagnostics` reports them.

    Raises:
        TransferSyntaxError: malformed or truncated data.
    """
    with asn1.LOCK:
        codec = definitions.pdu()
        try:
            codec.from_aper(bytes(data))
            kind, body = codec.get_val()
            return _pdu(kind, body)
        except Exception as error:  # the codec lets IndexError, AssertionError and its own kinds through
            raise TransferSyntaxError(f"no S1AP PDU in {asn1.excerpt(data)}: {asn1.reason(error)}") from error


def encode(pdu: S1apPdu) -> bytes:
    """Bytes of a PDU, the inverse of `decode`.

    Raises:
        S1apError: a value that its definition does not allow.
    """
    with asn1.LOCK:
        codec = definitions.pdu()
        try:
            head = {"procedureCode": pdu.procedure_code, "criticality": str(pdu.criticality)}
            codec.set_val((str(pdu.kind), {**head, "value": _body(pdu)}))
            data = codec.to_aper()
        except Exception as error:  # as in decode
            raise S1apError(f"not an S1AP PDU of procedure {pdu.procedure_code}: {asn1.reason(error)}") from error
    if data is None:
        raise S1apError(f"not an S1AP PDU of procedure {pdu.procedure_code}: the value is None")
    return bytes(data)


def build(message: str, ies: Mapping[str, Any]) -> S1apPdu:
    """A PDU from the name of its message and the values of its information elements by name.

    The elements take the order and the criticality of the message's table.

    Raises:
        S1apError: no such message, an element that it does not have, or a mandatory one is missing.
    """
    with asn1.LOCK:
        found = definitions.messages().get(message)
        names = definitions.ie_names()
    if found is None:
        raise S1apError(f"S1AP has no message {message!r}")
    rows = {names[row.id]: row for row in found.ies.values()}
    strange = sorted(set(ies) - set(rows))
    if strange:
        raise S1apError(f"{message} has no element {', '.join(strange)}; it has {', '.join(rows)}")
    missing = [name for name, row in rows.items() if row.presence == "mandatory" and name not in ies]
    if missing:
        raise S1apError(f"{message} without its mandatory {', '.join(missing)}")
    raw = tuple(Ie(row.id, Criticality(row.criticality), ies[name]) for name, row in rows.items() if name in ies)
    return S1apPdu(Kind(found.kind), found.procedure_code, Criticality(found.criticality), raw)


_MAX_FAULTS: Final = 256
"""maxnoofErrors (clause 9.3.6)."""


def _pdu(kind: str, body: dict[str, Any]) -> S1apPdu:
    """A PDU from the codec's value."""
    name, content = body["value"]
    head = Kind(kind), body["procedureCode"], Criticality(body["criticality"])
    found = definitions.messages().get(name)
    if found is None or "protocolIEs" not in content:
        return S1apPdu(*head, opaque=(name, definitions.read(None, content, [])))
    unknown: list[definitions.Unknown] = []
    raw = []
    for field in content["protocolIEs"]:
        type_name, value = field["value"]
        row = found.ies.get(field["id"])
        known = row is not None and type_name != definitions.UNKNOWN
        plain = definitions.read(row.definition if row is not None else None, value, unknown)
        raw.append(Ie(field["id"], Criticality(field["criticality"]), plain, known))
    nested = tuple(IeFault(ie.id, Criticality(ie.criticality), Fault.NOT_UNDERSTOOD) for ie in unknown)
    return S1apPdu(*head, raw=tuple(raw), nested_faults=nested)


def _body(pdu: S1apPdu) -> tuple[str, Any]:
    """The codec's value of a PDU's message."""
    if pdu.opaque is not None:
        return pdu.opaque
    found = pdu._type()
    if found is None:
        raise S1apError(f"S1AP has no {pdu.kind} of procedure {pdu.procedure_code}")
    fields = []
    for ie in pdu.raw:
        row = found.ies.get(ie.id)
        if not ie.known or row is None:
            value = (definitions.UNKNOWN, ie.value)
        else:
            value = (row.type_name, definitions.write(row.definition, ie.value))
        fields.append({"id": ie.id, "criticality": str(ie.criticality), "value": value})
    return found.name, {"protocolIEs": fields}
