"""RRC messages that a UE receives, opened as far as all of them are alike."""

from dataclasses import dataclass
from typing import Any, Final

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error, MessageType
from picocell.rrc_nas.rrc.fields import Value, reading


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the downlink.

    Attributes:
        name: such as ``rrcConnectionSetup``.
        transaction: rrc-TransactionIdentifier, 0 where the message has none.
        body: its release 8 part.
        message: the whole message as `asn1.decode` gives it.
    """

    name: str
    transaction: int
    body: Value
    message: Value


def open_message(kind: MessageType, data: bytes) -> Received:
    """Open a message.

    Raises:
        Asn1Error: malformed data, or a message or critical extension of a later release.
    """
    message = asn1.decode(kind, data)
    with reading(kind):
        group, content = message["message"]
        if group != "c1":
            raise Asn1Error(f"{kind} message of a later release ({group}) is not known")
        name, value = content
        return Received(name, value.get("rrc-TransactionIdentifier", 0), _release_8(name, value), message)


def _release_8(name: str, value: Value) -> Value:
    extension: tuple[str, Any] = value["criticalExtensions"]
    if extension[0] == "c1":
        extension = extension[1]
    if extension[0] not in _FIRST_RELEASE.get(name, (f"{name}-r8",)):
        raise Asn1Error(f"{name} of a later release ({extension[0]}) is not known")
    body: Value = extension[1]
    return body


_FIRST_RELEASE: Final = {"ueInformationRequest-r9": ("ueInformationRequest-r9",)}
"""Names of the first version of messages that came after release 8."""
