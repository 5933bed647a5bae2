"""GTPv2-C's information elements between bytes and the fields of dataclasses (TS 29.274 clauses 6.1.3, 7.7, 8.2).

A message, or an element that holds elements, is a dataclass. The type of a field says what it carries:

- ``Cause``: one element, mandatory where the field has no default;
- ``Recovery | None``: one element, optional;
- ``tuple[BearerContext, ...]``: any number of elements of one instance, at least one where the field has no default;
- ``dict[int, FTeid]``: elements by their instance.

``Annotated[..., Instance(1)]`` gives an instance other than 0. The fields' order is the order on the wire.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from picocell.epc.interfaces.gtpv2c_ies import INVALID_LENGTH, Element, GtpcError, check_range

MANDATORY_IE_INCORRECT: Final = 69
MANDATORY_IE_MISSING: Final = 70

_OTHERS: Final = "others"
_Holder = TypeVar("_Holder")


@dataclass(frozen=True, slots=True)
class Instance:
    """Instance of a field's element, for use in ``Annotated``."""

    value: int


@dataclass(frozen=True, slots=True)
class RawIe:
    """An information element as it came: type, instance, and content."""

    type: int
    instance: int
    data: bytes

    def __post_init__(self) -> None:
        check_range("type of an information element", self.type, 0xFF)
        check_range("instance of an information element", self.instance, 0xF)
        check_range("length of an information element", len(self.data), 0xFFFF)

    def pack(self) -> bytes:
        """Type, length, instance and content (clause 8.2.1)."""
        return bytes((self.type, *len(self.data).to_bytes(2, "big"), self.instance)) + self.data


@dataclass(frozen=True, slots=True)
class _Slot:
    """Place of a field's elements; ``instance`` is None for a field that takes all instances."""

    field: str
    kind: type[Element]
    instance: int | None
    mandatory: bool
    many: bool


def pack_elements(holder: Any) -> bytes:
    """Elements of a dataclass's fields, those of its field ``others`` at the end.

    Raises:
        GtpcError: a mandatory field is empty, or an element is too long.
    """
    out, kind = bytearray(), cast(Any, type(holder))
    for slot in _slots(kind):
        value = getattr(holder, slot.field)
        if slot.mandatory and (value is None or value == ()):
            raise GtpcError(f"{kind.__name__} without its mandatory {slot.field}")
        if slot.instance is None:
            pairs = sorted(value.items())
        elif slot.many:
            pairs = [(slot.instance, element) for element in value]
        else:
            pairs = [] if value is None else [(slot.instance, value)]
        for instance, element in pairs:
            out += RawIe(slot.kind.TYPE, instance, element.pack()).pack()
    for raw in getattr(holder, _OTHERS):
        out += raw.pack()
    return bytes(out)


def unpack_elements(holder: type[_Holder], data: bytes, **known: Any) -> _Holder:
    """A dataclass from the elements in ``data``, the inverse of `pack_elements`.

    Unknown elements, repetitions (clause 7.7.10) and malformed optional ones (clauses 7.7.4, 7.7.6) are kept unread in
    the field ``others``.

    Args:
        holder: the dataclass.
        data: elements one after the other.
        known: values of fields that are no elements.

    Raises:
        GtpcError: malformed data, or a mandatory element is missing or malformed.
    """
    slots = {(slot.kind.TYPE, slot.instance): slot for slot in _slots(cast(Any, holder))}
    values: dict[str, Any] = {}
    others: list[RawIe] = []
    for raw in read_elements(data):
        slot = slots.get((raw.type, raw.instance)) or slots.get((raw.type, None))
        if slot is None or not _store(slot, raw, values):
            others.append(raw)
    for slot in slots.values():
        if slot.mandatory and slot.field not in values:
            offending = (slot.kind.TYPE, slot.instance or 0)
            raise GtpcError(f"{holder.__name__} without its mandatory {slot.field}", MANDATORY_IE_MISSING, offending)
    for field, value in values.items():
        values[field] = tuple(value) if isinstance(value, list) else value
    return holder(**values, **known, **{_OTHERS: tuple(others)})


def read_elements(data: bytes) -> Iterator[RawIe]:
    """Elements one after the other (clause 8.2.1).

    Raises:
        GtpcError: an element runs past the end.
    """
    position = 0
    while position < len(data):
        left = len(data) - position
        if left < 4:
            raise GtpcError(f"{left} bytes after the last information element", INVALID_LENGTH)
        kind, size, instance = data[position], data[position + 1] << 8 | data[position + 2], data[position + 3] & 0xF
        if 4 + size > left:
            text = f"information element {kind} of {size} bytes; {left - 4} are left"
            raise GtpcError(text, INVALID_LENGTH, (kind, instance))
        yield RawIe(kind, instance, bytes(data[position + 4 : position + 4 + size]))
        position += 4 + size


def _store(slot: _Slot, raw: RawIe, values: dict[str, Any]) -> bool:
    """Read an element into its field; False where it is not for use."""
    if not slot.many and slot.instance is not None and slot.field in values:
        return False
    try:
        element = slot.kind.unpack(raw.data)
    except GtpcError as error:
        if slot.mandatory:
            offending = error.offending or (raw.type, raw.instance)
            raise GtpcError(str(error), error.cause or MANDATORY_IE_INCORRECT, offending) from error
        return False
    if slot.instance is None:
        by_instance = values.setdefault(slot.field, {})
        if raw.instance in by_instance:
            return False
        by_instance[raw.instance] = element
    elif slot.many:
        values.setdefault(slot.field, []).append(element)
    else:
        values[slot.field] = element
    return True


@cache
def _slots(holder: Any) -> tuple[_Slot, ...]:
    """Places of the elements of a dataclass, from the types of its fields."""
    hints = get_type_hints(holder, include_extras=True)
    found = []
    for field in fields(holder):
        hint, instance = hints[field.name], 0
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            instance = next(extra.value for extra in extras if isinstance(extra, Instance))
        origin, parameters = get_origin(hint), get_args(hint)
        kind = hint if origin is None else parameters[1 if origin is dict else 0]
        if field.name == _OTHERS or not hasattr(kind, "unpack"):
            continue
        if origin not in (None, UnionType, tuple, dict):
            raise TypeError(f"field {field.name} of {holder.__name__} is of no kind that holds elements: {hint}")
        mandatory = field.default is MISSING and field.default_factory is MISSING
        found.append(_Slot(field.name, kind, None if origin is dict else instance, mandatory, origin is tuple))
    return tuple(found)
