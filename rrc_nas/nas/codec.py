"""NAS messages between octets and plain values (TS 24.301 8, 9; TS 24.007 11.2).

A message is its name, as TS 24.301 8 writes it, and its information elements by name, in lower case with underscores:
``encode("identity request", identity_type=1)``. Elements that need no more than a number or octets are ``int`` (half
octets, causes, timers in seconds) or ``bytes``; the others are values of `ies` and `session_ies`. Messages of session
management have ``ebi`` and ``pti`` besides. A security header is `protection`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

from picocell.rrc_nas.nas import ies, session_ies
from picocell.rrc_nas.nas.causes import PROTOCOL_ERROR, NasError
from picocell.rrc_nas.nas.tables import rows
from picocell.rrc_nas.security.algorithms import Direction

EMM_DISCRIMINATOR: Final = 7
ESM_DISCRIMINATOR: Final = 2
"""Protocol discriminators (TS 24.007 11.2.3.1.1)."""

INVALID_MANDATORY: Final = 96
UNKNOWN_TYPE: Final = 97
CONDITIONAL_ERROR: Final = 100


@dataclass(slots=True)
class NasMessage:
    """A message.

    Attributes:
        name: as in TS 24.301 8, e.g. ``"attach accept"``.
        fields: information elements by name, absent ones are not in it.
    """

    name: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An element, or ``default`` where the message has none."""
        return self.fields.get(name, default)

    @property
    def esm(self) -> bool:
        """Whether it is of session management."""
        return _by_name()[self.name][0].esm


class Element(NamedTuple):
    """One information element of a message (TS 24.007 11.2.1.1)."""

    name: str
    iei: int | None
    form: str
    length: float


@dataclass(frozen=True, slots=True)
class Layout:
    """What a message consists of after its type."""

    name: str
    esm: bool
    value: int
    direction: Direction | None
    mandatory: tuple[Element, ...]
    optional: dict[int, Element]


class _Form(NamedTuple):
    """How one element's value becomes octets and back."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


def _octets(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"octets are wanted, not {value!r}")
    return bytes(value)


def _packed(value: Any) -> bytes:
    data: bytes = value.pack()
    return data


def _class(cls: Any) -> _Form:
    return _Form(_packed, cls.unpack)


_OCTETS: Final = _Form(_octets, bytes)
_OCTET: Final = _Form(lambda value: bytes([value]), lambda data: data[0])
_TIMER: Final = _Form(ies.pack_gprs_timer, ies.unpack_gprs_timer)
_EPS_IDENTITY: Final = _Form(ies.MobileIdentity.pack_eps, ies.MobileIdentity.unpack_eps)
_GUTI: Final = _Form(lambda guti: b"\xf6" + guti.pack(), lambda data: ies.Guti.unpack(data[1:]))
_IDENTITY: Final = _class(ies.MobileIdentity)
_CAPABILITY: Final = _class(ies.UeNetworkCapability)
_QOS: Final = _class(session_ies.EpsQos)
_PCO: Final = _class(session_ies.ProtocolConfiguration)
_NAME: Final = _class(session_ies.NetworkName)

_FORMS: Final[dict[str, _Form]] = {
    "eps_mobile_identity": _EPS_IDENTITY,
    "old_guti": _EPS_IDENTITY,
    "guti": _GUTI,
    "additional_guti": _GUTI,
    "mobile_identity": _IDENTITY,
    "imeisv": _IDENTITY,
    "ms_identity": _IDENTITY,
    "ue_network_capability": _CAPABILITY,
    "replayed_ue_security_capabilities": _class(ies.UeSecurityCapability),
    "selected_nas_security_algorithms": _class(ies.NasSecurityAlgorithms),
    "last_visited_registered_tai": _class(ies.Tai),
    "tai_list": _Form(ies.pack_tai_list, ies.unpack_tai_list),
    "equivalent_plmns": _Form(ies.pack_plmns, ies.unpack_plmns),
    "eps_bearer_context_status": _Form(ies.pack_bearer_status, ies.unpack_bearer_status),
    "access_point_name": _Form(ies.pack_apn, ies.unpack_apn),
    "pdn_address": _class(ies.PdnAddress),
    "eps_qos": _QOS,
    "required_traffic_flow_qos": _QOS,
    "apn_ambr": _class(session_ies.ApnAmbr),
    "protocol_configuration_options": _PCO,
    "full_name_for_network": _NAME,
    "short_name_for_network": _NAME,
    "emm_cause": _OCTET,
    "esm_cause": _OCTET,
    "t3412_value": _TIMER,
    "t3402_value": _TIMER,
    "t3423_value": _TIMER,
    "t3442_value": _TIMER,
    "t3346_value": _TIMER,
}
"""Elements that are not plain octets; the rest of those with one octet of value are numbers, see `_form`."""


def _form(element: Element) -> _Form:
    return _FORMS.get(element.name) or (_OCTET if element.form in ("V", "TV") and element.length == 1 else _OCTETS)


@cache
def _by_name() -> dict[str, tuple[Layout, ...]]:
    """Layouts of every message; a name with one layout a direction has two."""
    values = {row["message"]: int(row["value"]) for row in rows("24301_9.8_nas_message_types")}
    elements: dict[tuple[str, str, str], list[Element]] = {}
    for row in rows("24301_8_message_contents"):
        parts = elements.setdefault((row["message"], row["direction"], row["protocol"]), [])
        if row["ie"]:
            iei = int(row["iei"].rstrip("-"), 16) if row["iei"] else None
            parts.append(Element(row["ie"], iei, row["format"], float(row["length"] or 0)))
    layouts: dict[str, tuple[Layout, ...]] = {}
    for (name, direction, protocol), parts in elements.items():
        layout = Layout(
            name,
            protocol == "ESM",
            values[name],
            Direction[direction.upper()] if direction else None,
            tuple(part for part in parts if part.iei is None),
            {part.iei: part for part in parts if part.iei is not None},
        )
        layouts[name] = (*layouts.get(name, ()), layout)
    return layouts


@cache
def _by_type() -> dict[tuple[bool, int, Direction], Layout]:
    both = (Direction.UPLINK, Direction.DOWNLINK)
    return {
        (layout.esm, layout.value, direction): layout
        for layouts in _by_name().values()
        for layout in layouts
        for direction in (both if layout.direction is None else (layout.direction,))
    }


MESSAGES: Final = tuple(_by_name())
"""Names of every message."""


def layouts(name: str) -> tuple[Layout, ...]:
    """Contents of a message: one layout, or one for each direction.

    Raises:
        ValueError: no such message.
    """
    if name not in _by_name():
        raise ValueError(f"NAS has no message {name!r}")
    return _by_name()[name]


def decode(data: bytes, direction: Direction) -> NasMessage:
    """A plain message, that is without security header.

    Unknown optional elements are skipped, optional ones with a value that cannot be are treated as absent, a repeated
    one is taken at its first occurrence (TS 24.301 7.6, 7.7).

    Args:
        data: the message from the protocol discriminator on.
        direction: which way it went; two messages of one type differ by that.

    Raises:
        NasError: no such message, a mandatory element missing or malformed, an unknown element that must be understood.
    """
    if len(data) < 2:
        raise NasError(None, f"NAS message of {len(data)} octets is too short")
    discriminator = data[0] & 15
    if discriminator == ESM_DISCRIMINATOR:
        if len(data) < 3:
            raise NasError(None, f"ESM message of {len(data)} octets is too short", esm=True)
        return _decode(data, 3, data[2], direction, {"ebi": data[0] >> 4, "pti": data[1]})
    if discriminator != EMM_DISCRIMINATOR:
        raise NasError(None, f"protocol discriminator {discriminator} is neither of EMM nor of ESM")
    if data[0] >> 4:
        raise NasError(PROTOCOL_ERROR, f"security header type {data[0] >> 4} where a plain message is wanted")
    return _decode(data, 2, data[1], direction, {})


def _decode(data: bytes, position: int, value: int, direction: Direction, fields: dict[str, Any]) -> NasMessage:
    esm = "ebi" in fields
    context: dict[str, Any] = {"esm": esm, "ebi": fields.get("ebi", 0), "pti": fields.get("pti", 0)}
    layout = _by_type().get((esm, value, direction))
    if layout is None:
        raise NasError(UNKNOWN_TYPE, f"{'ESM' if esm else 'EMM'} message type {value} is not known", **context)
    context["message"] = layout.name
    try:
        position = _mandatory(layout, data, position, fields)
    except (ValueError, IndexError) as error:
        raise NasError(INVALID_MANDATORY, f"{layout.name}: {error}", **context) from error
    try:
        _optional(layout, data, position, fields)
    except _Incomprehensible as error:
        raise NasError(INVALID_MANDATORY, f"{layout.name}: {error}", **context) from error
    return NasMessage(layout.name, fields)


class _Incomprehensible(ValueError):
    """An unknown element of comprehension required."""


def _mandatory(layout: Layout, data: bytes, position: int, fields: dict[str, Any]) -> int:
    """Elements without identifier; two half octets fill an octet, the first named in bits 8 to 5."""
    high = True
    for element in layout.mandatory:
        if element.length == 0.5:
            octet = data[position]
            if element.name != "spare":
                fields[element.name] = octet >> 4 if high else octet & 15
            position += not high
            high = not high
            continue
        value, position = _value(element, data, position)
        try:
            fields[element.name] = _form(element).unpack(value)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{element.name}: {error}") from error
    return position


def _optional(layout: Layout, data: bytes, position: int, fields: dict[str, Any]) -> None:
    while position < len(data):
        iei = data[position]
        key = iei >> 4 if iei & 0x80 else iei
        element = layout.optional.get(key)
        if element is None:
            if not iei & 0xF0:
                raise _Incomprehensible(f"element {iei:#04x} is not known and must be understood")
            position += 1 if iei & 0x80 else 2 + (data[position + 1] if position + 1 < len(data) else 0)
            continue
        if element.length == 0.5:
            fields.setdefault(element.name, iei & 15)
            position += 1
            continue
        try:
            value, position = _value(element, data, position + 1)
        except ValueError:  # the rest cannot be delimited
            return
        try:
            fields.setdefault(element.name, _form(element).unpack(value))
        except (ValueError, IndexError):  # as if it were absent
            continue


def _value(element: Element, data: bytes, position: int) -> tuple[bytes, int]:
    """Value part and the position after it."""
    if element.form.endswith("LV-E"):
        length = int.from_bytes(data[position : position + 2], "big")
        position += 2
    elif element.form.endswith("LV"):
        length = data[position] if position < len(data) else 0
        position += 1
    else:
        length = int(element.length)
    if position + length > len(data):
        raise ValueError(f"{element.name} of {length} octets ends after the message")
    return bytes(data[position : position + length]), position + length


def encode(name: str, **fields: Any) -> bytes:
    """Octets of a plain message; of one with a layout for each direction, the one whose mandatory elements are given.

    Args:
        name: of the message.
        fields: its elements; those that are None are left out. Session management also takes ``ebi`` and ``pti``
            (default 0).

    Raises:
        ValueError: no such message or element, a mandatory element missing, a value that it cannot have.
    """
    given = {key: value for key, value in fields.items() if value is not None}
    layout = _layout_for(name, given)
    out = bytearray([EMM_DISCRIMINATOR, layout.value])
    if layout.esm:
        ebi, pti = given.pop("ebi", 0), given.pop("pti", 0)
        if not (0 <= ebi < 16 and 0 <= pti < 256):
            raise ValueError(f"{name}: EPS bearer identity {ebi} or transaction identity {pti} is out of its range")
        out = bytearray([ebi << 4 | ESM_DISCRIMINATOR, pti, layout.value])
    high: int | None = None
    for element in layout.mandatory:
        if element.length != 0.5:
            out += _sent(name, element, given.pop(element.name))
            continue
        nibble = _nibble(name, element, 0 if element.name == "spare" else given.pop(element.name))
        if high is not None:
            out.append(high << 4 | nibble)
        high = nibble if high is None else None
    for iei, element in layout.optional.items():
        if element.name in given:
            value = given.pop(element.name)
            half = element.length == 0.5
            out += bytes([iei << 4 | _nibble(name, element, value)]) if half else bytes([iei])
            out += b"" if half else _sent(name, element, value)
    if given:
        raise ValueError(f"{name} has no element {', '.join(given)}")
    return bytes(out)


def _layout_for(name: str, given: dict[str, Any]) -> Layout:
    missing: list[str] = []
    for layout in layouts(name):
        wanted = {element.name for element in layout.mandatory} - {"spare"}
        known = wanted | {element.name for element in layout.optional.values()} | {"ebi", "pti"}
        missing = sorted(wanted - given.keys())
        if not missing and (len(layouts(name)) == 1 or given.keys() <= known):
            return layout
    raise ValueError(f"{name} wants {', '.join(missing) or 'other elements than ' + ', '.join(given)}")


def _nibble(name: str, element: Element, value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 16:
        raise ValueError(f"{name}: {element.name} {value!r} is outside 0..15")
    return int(value)


def _sent(name: str, element: Element, value: Any) -> bytes:
    """Length, where the element has one, and value."""
    try:
        data = _form(element).pack(value)
    except (ValueError, AttributeError, TypeError, OverflowError) as error:
        raise ValueError(f"{name}: {element.name}: {error}") from error
    if element.form.endswith("LV-E"):
        if len(data) > 0xFFFF:
            raise ValueError(f"{name}: {element.name} has {len(data)} octets, at most 65535 are allowed")
        return len(data).to_bytes(2, "big") + data
    if element.form.endswith("LV"):
        if len(data) > 0xFF:
            raise ValueError(f"{name}: {element.name} has {len(data)} octets, at most 255 are allowed")
        return bytes([len(data)]) + data
    if len(data) != element.length:
        raise ValueError(f"{name}: {element.name} has {len(data)} octets, {int(element.length)} are wanted")
    return data
