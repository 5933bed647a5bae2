"""What a phone's messages and events are called."""

from typing import Any, Final

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error, MessageType
from picocell.rrc_nas.nas import codec, ue_events
from picocell.rrc_nas.nas.causes import esm_cause_name
from picocell.rrc_nas.nas.protection import SecurityHeader, split
from picocell.rrc_nas.security.algorithms import Direction

_CHANNELS: Final[dict[tuple[str, bool], MessageType]] = {
    ("uplink", True): "UL-CCCH",
    ("uplink", False): "UL-DCCH",
    ("downlink", True): "DL-CCCH",
    ("downlink", False): "DL-DCCH",
}


def refusal(event: Any) -> str | None:
    """Why an event means that the network does not want the phone."""
    match event:
        case ue_events.AttachRejected(cause, name, esm_cause):
            del cause  # it is in the name
            return name if esm_cause is None else f"{name}: {esm_cause_name(esm_cause)}"
        case ue_events.AuthenticationRejected():
            return "authentication rejected"
    return None


def nas_name(message: bytes, direction: str) -> str:
    """Name of a NAS message; ``ciphered`` where it cannot be read."""
    way = Direction.UPLINK if direction == "uplink" else Direction.DOWNLINK
    try:
        parts = split(message)
        if parts.header is SecurityHeader.SERVICE_REQUEST:
            return "service request"
        return codec.decode(parts.payload, way).name
    except ValueError:
        return "ciphered"


def rrc_name(message: bytes, direction: str, *, common: bool) -> str:
    """Name of an RRC message of the CCCH (``common``) or the DCCH; ``malformed`` where it cannot be read."""
    try:
        kind, content = asn1.decode(_CHANNELS[direction, common], message)["message"]
        return str(content[0]) if kind == "c1" else str(kind)
    except (Asn1Error, LookupError, TypeError):
        return "malformed"
