"""What the ASN.1 of S1AP says about messages and information elements, and copies of values by it (TS 36.413 9.3).

Only `picocell.epc.interfaces.s1ap` calls these, under its lock: the codec's objects are shared by the process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

UNKNOWN: Final = "_unk_004"
"""The codec's name for the type of an open value that no table lists."""

KINDS: Final = {
    "InitiatingMessage": "initiatingMessage",
    "SuccessfulOutcome": "successfulOutcome",
    "UnsuccessfulOutcome": "unsuccessfulOutcome",
}
"""Choice of the PDU by the name of the message's place in an elementary procedure."""


@dataclass(frozen=True, slots=True)
class IeType:
    """One row of a message's table of information elements."""

    id: int
    criticality: str
    presence: str
    definition: Any

    @property
    def type_name(self) -> str:
        """Name of the ASN.1 type, which the codec wants beside a value."""
        return _type_name(self.definition)


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message: its procedure, and its information elements by identity in the order of the table."""

    name: str
    kind: str
    procedure_code: int
    criticality: str
    ies: Mapping[int, IeType]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An element inside another one whose identity its table does not list."""

    id: int
    criticality: str


@cache
def pdu() -> Any:
    """The codec's object for an S1AP-PDU; importing the definitions takes about half a second."""
    from pycrate_asn1dir import S1AP

    return S1AP.S1AP_PDU_Descriptions.S1AP_PDU


@cache
def messages() -> dict[str, MessageType]:
    """Messages by name."""
    from pycrate_asn1dir import S1AP

    found = {}
    for procedure in _rows(S1AP.S1AP_PDU_Descriptions.S1AP_ELEMENTARY_PROCEDURES):
        for place, kind in KINDS.items():
            if place in procedure:
                definition = procedure[place]
                name = _type_name(definition)
                code, criticality = procedure["procedureCode"], procedure["criticality"]
                found[name] = MessageType(name, kind, code, criticality, _message_ies(definition))
    return found


@cache
def ie_names() -> dict[int, str]:
    """Name of an information element's identity, without ``id-``: ``eNB-UE-S1AP-ID`` for 8."""
    return _constants("ProtocolIE-ID")


@cache
def procedure_names() -> dict[int, str]:
    """Name of a procedure code, without ``id-``: ``S1Setup`` for 17."""
    return _constants("ProcedureCode")


def read(definition: Any, value: Any, unknown: list[Unknown]) -> Any:
    """A plain copy of a value that the codec returned.

    NULL becomes None. The only element of a container that can hold but one type is its value alone (an item of a list
    of E-RABs), unless its identity or criticality is not the table's.

    Args:
        definition: the codec's object of the value's type, None where it has none.
        value: the value.
        unknown: takes the elements that are not known.
    """
    match value:
        case dict() if _is_field(definition):
            return _read_field(definition, value, unknown)
        case dict():
            return {str(name): read(_part(definition, name), part, unknown) for name, part in value.items()}
        case list():
            return [read(_item(definition), part, unknown) for part in value]
        case (str(name), content):
            return name, read(_part(definition, name), content, unknown)
        case bytearray():
            return bytes(value)
        case _:
            return None if _is_null(definition) else value


def write(definition: Any, value: Any) -> Any:
    """A copy of a plain value as the codec wants it, the inverse of `read`."""
    if _is_field(definition):
        return _write_field(definition, value)
    match value:
        case Mapping():
            return {name: write(_part(definition, name), part) for name, part in value.items()}
        case list() | tuple() if getattr(definition, "TYPE", None) in ("SEQUENCE OF", "SET OF"):
            return [write(_item(definition), part) for part in value]
        case (str(name), content):
            return name, write(_part(definition, name), content)
        case list():
            return [write(None, part) for part in value]
        case _:
            return 0 if value is None and _is_null(definition) else value


def _read_field(definition: Any, value: dict[str, Any], unknown: list[Unknown]) -> Any:
    """An element of a container within a value."""
    place = _place(definition)
    identity, criticality = value["id"], value["criticality"]
    type_name, content = value[place]
    rows = _ies_of(_part(definition, place))
    row = rows.get(identity)
    if row is None or type_name == UNKNOWN:
        unknown.append(Unknown(identity, criticality))
        return {"id": identity, "criticality": criticality, place: (type_name, read(None, content, unknown))}
    plain = read(row.definition, content, unknown)
    if place == "value" and len(rows) == 1 and criticality == row.criticality:
        return plain
    return {"id": identity, "criticality": criticality, place: (type_name, plain)}


def _write_field(definition: Any, value: Any) -> dict[str, Any]:
    place = _place(definition)
    rows = _ies_of(_part(definition, place))
    if isinstance(value, Mapping) and set(value) == {"id", "criticality", place}:
        type_name, content = value[place]
        row = rows.get(value["id"])
        written = write(row.definition if row is not None else None, content)
        return {"id": value["id"], "criticality": value["criticality"], place: (type_name, written)}
    if len(rows) != 1:
        raise ValueError(f"an element of a container with {len(rows)} types needs id, criticality and {place}")
    (row,) = rows.values()
    return {"id": row.id, "criticality": row.criticality, place: (row.type_name, write(row.definition, value))}


def _message_ies(definition: Any) -> Mapping[int, IeType]:
    container = _part(definition, "protocolIEs")  # a Private Message has none
    return {} if container is None else _ies_of(_part(_item(container), "value"))


_TABLES: Final[dict[int, dict[int, IeType]]] = {}


def _ies_of(open_type: Any) -> dict[int, IeType]:
    """Rows of the table that governs an open value, by identity."""
    table = getattr(open_type, "_const_tab", None)
    if table is None:
        return {}
    if id(table) not in _TABLES:
        _TABLES[id(table)] = {
            row["id"]: IeType(row["id"], row["criticality"], row["presence"], row.get("Value", row.get("Extension")))
            for row in _rows(table)
        }
    return _TABLES[id(table)]


def _rows(table: Any) -> list[dict[str, Any]]:
    values = table.get_val()
    return [] if values is None else [*values.root, *(values.ext or [])]


def _constants(type_name: str) -> dict[int, str]:
    from pycrate_asn1dir import S1AP

    found = {}
    for constant in S1AP.S1AP_Constants._all_:
        if constant._typeref is not None and constant._typeref.called[1] == type_name:
            found[constant.get_val()] = constant._name.removeprefix("id-")
    return found


def _type_name(definition: Any) -> str:
    reference = definition._typeref
    return str(definition.TYPE if reference is None else reference.called[1])


def _part(definition: Any, name: str) -> Any:
    """Definition of a sequence's or choice's member, None where there is none."""
    kind = getattr(definition, "TYPE", None)
    return definition._cont[name] if kind in ("SEQUENCE", "SET", "CHOICE") and name in definition._cont else None


def _item(definition: Any) -> Any:
    return definition._cont if getattr(definition, "TYPE", None) in ("SEQUENCE OF", "SET OF") else None


def _is_field(definition: Any) -> bool:
    """Whether a type is an element of a container: identity, criticality, open value."""
    if getattr(definition, "TYPE", None) != "SEQUENCE" or len(definition._cont) != 3:
        return False
    names = set(definition._cont)
    return names in ({"id", "criticality", "value"}, {"id", "criticality", "extensionValue"})


def _place(definition: Any) -> str:
    """Name of the open value of an element of a container."""
    return "value" if "value" in definition._cont else "extensionValue"


def _is_null(definition: Any) -> bool:
    return getattr(definition, "TYPE", None) == "NULL"
