"""RRC messages between bytes and Python values (TS 36.331, unaligned PER).

pycrate's message objects are module-level singletons whose state a call changes, so every call here holds one lock and
copies what it hands out. The message definitions are imported at the first call, which takes about a third of a second.
"""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal, get_args

MessageType = Literal["BCCH-BCH", "BCCH-DL-SCH", "PCCH", "DL-CCCH", "DL-DCCH", "UL-CCCH", "UL-DCCH"]
"""A logical channel's message set (TS 36.331 6.2.1)."""

MESSAGE_TYPES: Final[tuple[str, ...]] = get_args(MessageType)

LOCK: Final = threading.RLock()
"""Held by every call into pycrate, of whatever protocol: state and alignment sit on its codec classes."""


class Asn1Error(ValueError):
    """Bytes that are no such message, or a value that the message's definition does not allow."""


def decode(message_type: MessageType, data: bytes) -> dict[str, Any]:
    """Value of an RRC message.

    Sequences become dictionaries by ASN.1 field name, choices ``(name, value)``, bit strings ``(integer, length)``,
    octet strings ``bytes``, enumerations ``str``, NULL None. A string that contains a known type is ``(type, value)``.
    Bytes after the end of the message are padding and are not looked at (TS 36.331 8.5).

    Args:
        message_type: the logical channel that carried it.
        data: the message, most significant bit first.

    Raises:
        Asn1Error: malformed or truncated data.
        ValueError: no such message type.
    """
    with LOCK:
        message = _message(message_type)
        try:
            message.from_uper(bytes(data))
            value: dict[str, Any] = _copy(message, message.get_val(), _from_codec)
        except Exception as error:  # the codec lets IndexError, AssertionError and its own kinds through
            raise Asn1Error(f"no {message_type} message in {excerpt(data)}: {reason(error)}") from error
    return value


def encode(message_type: MessageType, value: dict[str, Any]) -> bytes:
    """Bytes of an RRC message, the inverse of `decode`.

    Raises:
        Asn1Error: a value that the definition does not allow.
        ValueError: no such message type.
    """
    with LOCK:
        message = _message(message_type)
        try:
            message.set_val(_copy(message, value, _to_codec))
            data = message.to_uper()
        except Exception as error:  # as in decode
            raise Asn1Error(f"not a {message_type} message: {reason(error)}") from error
    if data is None:
        raise Asn1Error(f"not a {message_type} message: the value is None")
    return bytes(data)


def to_json(message_type: MessageType, data: bytes) -> dict[str, Any]:
    """An RRC message as a tree that `json.dumps` accepts, in the ASN.1 field names.

    Choices become ``{name: value}``, bit strings their binary digits, octet strings hexadecimal digits, NULL ``None``.

    Raises:
        Asn1Error: malformed or truncated data.
        ValueError: no such message type.
    """
    tree: dict[str, Any] = plain(decode(message_type, data))
    return tree


def plain(value: Any) -> Any:
    """A decoded value, or part of one, as a tree that `json.dumps` accepts (see `to_json`)."""
    match value:
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list():
            return [plain(part) for part in value]
        case (str(name), content):
            return {name: plain(content)}
        case (int(bits), int(length)):
            return f"{bits:0{length}b}" if length else ""
        case bytes():
            return value.hex()
        case _:
            return value


def load() -> None:
    """Load the definitions of all messages, which takes a third of a second, before that time is missing."""
    _messages()


@cache
def _messages() -> dict[str, Any]:
    """pycrate's message objects by name."""
    from pycrate_asn1dir import RRCLTE

    definitions = RRCLTE.EUTRA_RRC_Definitions
    return {name: getattr(definitions, f"{name.replace('-', '_')}_Message") for name in MESSAGE_TYPES}


def _message(message_type: str) -> Any:
    if message_type not in MESSAGE_TYPES:
        raise ValueError(f"message type {message_type!r} is not known: use one of {', '.join(MESSAGE_TYPES)}")
    return _messages()[message_type]


def _copy(definition: Any, value: Any, leaf: Callable[[Any, Any], Any]) -> Any:
    """A copy that shares nothing with the original.

    Args:
        definition: the codec's type object, None where it has none (unknown extensions).
        value: a value of that type.
        leaf: makes the copy of a value that has no parts, from its definition and itself.
    """
    match value:
        case dict():
            return {str(name): _copy(_part(definition, name), part, leaf) for name, part in value.items()}
        case list():
            part_type = getattr(definition, "_cont", None)
            return [_copy(part_type, part, leaf) for part in value]
        case (str(name), content):
            inner = getattr(definition, "_const_cont", None)  # of a string that contains another type
            return name, _copy(inner if inner is not None else _part(definition, name), content, leaf)
        case bytearray():
            return bytes(value)
        case _:
            return leaf(definition, value)


def _from_codec(definition: Any, value: Any) -> Any:
    """The codec writes NULL as the number 0, which an INTEGER may be too."""
    return None if _is_null(definition) else value


def _to_codec(definition: Any, value: Any) -> Any:
    return 0 if value is None and _is_null(definition) else value


def _is_null(definition: Any) -> bool:
    return getattr(definition, "TYPE", None) == "NULL"


def _part(definition: Any, name: str) -> Any:
    """Definition of a sequence's or choice's member, None where there is none."""
    members = getattr(definition, "_cont", None)
    return members[name] if members is not None and name in members else None


def excerpt(data: bytes) -> str:
    """The beginning of some bytes for an error message."""
    text = bytes(data[:32]).hex()
    return f"{len(data)} bytes {text}{'…' if len(data) > 32 else ''}"


def reason(error: Exception) -> str:
    """What a codec's exception says, or its name where it says nothing."""
    return str(error) or type(error).__name__
