"""Messages between MME and HSS (TS 29.272): one dataclass each, to and from Diameter packets.

    data = s6a.encode(s6a.Packet(request, hop_by_hop=1, end_to_end=1))
    s6a.decode(data).message

A packet that cannot be read raises `DiameterError`; `error_answer` makes the answer to it. The dataclasses are in
`s6a_messages`, the subscription in `s6a_subscription`, the AVPs in `s6a_avps`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from picocell.epc.interfaces import diameter
from picocell.epc.interfaces import s6a_avps as avps
from picocell.epc.interfaces.diameter import Avp, DiameterError, Header, Reader, ResultCode
from picocell.epc.interfaces.s6a_messages import (
    SUCCESS,
    Answer,
    AuthenticationInformationAnswer,
    AuthenticationInformationRequest,
    CancellationType,
    CancelLocationAnswer,
    CancelLocationRequest,
    ErrorCode,
    ErrorDiagnostic,
    EutranVector,
    Message,
    PurgeUeAnswer,
    PurgeUeRequest,
    RatType,
    Request,
    Result,
    UlrFlag,
    UpdateLocationAnswer,
    UpdateLocationRequest,
    failure,
)
from picocell.epc.interfaces.s6a_subscription import (
    KNOWN,
    TGPP,
    AccessRestriction,
    ApnConfiguration,
    NetworkAccessMode,
    PdnType,
    SubscriberStatus,
    Subscription,
)

__all__ = [
    "SUCCESS",
    "AccessRestriction",
    "Answer",
    "ApnConfiguration",
    "AuthenticationInformationAnswer",
    "AuthenticationInformationRequest",
    "CancelLocationAnswer",
    "CancelLocationRequest",
    "CancellationType",
    "DiameterError",
    "ErrorCode",
    "ErrorDiagnostic",
    "EutranVector",
    "Message",
    "NetworkAccessMode",
    "Packet",
    "PdnType",
    "PurgeUeAnswer",
    "PurgeUeRequest",
    "RatType",
    "Request",
    "Result",
    "ResultCode",
    "SubscriberStatus",
    "Subscription",
    "UlrFlag",
    "UpdateLocationAnswer",
    "UpdateLocationRequest",
    "decode",
    "encode",
    "error_answer",
    "failure",
]

APPLICATION: Final = 16777251
"""Application identifier of S6a (clause 7.1.8)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A message with what its Diameter header holds: an answer repeats the identifiers of its request."""

    message: Message
    hop_by_hop: int
    end_to_end: int
    retransmitted: bool = False


def encode(packet: Packet) -> bytes:
    """Bytes of a packet.

    Raises:
        DiameterError: a value that its AVP cannot hold.
    """
    message, is_request = packet.message, isinstance(packet.message, Request)
    header = Header(
        message.COMMAND,
        APPLICATION,
        packet.hop_by_hop,
        packet.end_to_end,
        is_request,
        error=isinstance(message, Answer) and not message.result.experimental and 3000 <= message.result.code < 4000,
        retransmitted=packet.retransmitted,
    )
    start = [avps.SESSION_ID.avp(message.session_id), avps.APPLICATION_ID.avp((TGPP, APPLICATION))]
    if isinstance(message, Answer):
        start += _result_avps(message.result)
        start += [*avps.ERROR_MESSAGE.optional(message.error_message), *avps.FAILED_AVP.optional(message.failed)]
        start += avps.ERROR_DIAGNOSTIC.optional(message.error_diagnostic)
    start += [avps.AUTH_SESSION_STATE.avp(avps.NO_STATE_MAINTAINED)]
    start += [avps.ORIGIN_HOST.avp(message.origin_host), avps.ORIGIN_REALM.avp(message.origin_realm)]
    if isinstance(message, Request):
        start += [
            *avps.DESTINATION_HOST.optional(message.destination_host),
            avps.DESTINATION_REALM.avp(message.destination_realm),
            avps.USER_NAME.avp(message.imsi),
        ]
    return diameter.encode(diameter.Packet(header, (*start, *_WRITERS[type(message)](message))))


def decode(data: bytes) -> Packet:
    """Read a packet.

    Raises:
        DiameterError: malformed, of another application, or of a command that is not known; see `error_answer`.
    """
    packet = diameter.decode(data)
    header = packet.header
    session_ids = [avp.data.decode("utf-8", "replace") for avp in packet.avps if (avp.vendor, avp.code) == (0, 263)]
    try:
        if header.application != APPLICATION:
            text = f"application {header.application}; S6a is {APPLICATION}"
            raise DiameterError(text, ResultCode.APPLICATION_UNSUPPORTED)
        if (header.command, header.request) not in _READERS:
            raise DiameterError(f"command {header.command} is not supported", ResultCode.COMMAND_UNSUPPORTED)
        reader = Reader(packet.avps, KNOWN)
        common = _read_request(reader) if header.request else _read_answer(reader)
        message = _READERS[header.command, header.request](reader, common)
        reader.finish()
    except DiameterError as error:
        error.header, error.session_id = header, session_ids[0] if session_ids else None
        raise
    return Packet(message, header.hop_by_hop, header.end_to_end, header.retransmitted)


def error_answer(error: DiameterError, origin_host: str, origin_realm: str) -> bytes | None:
    """Answer to a request that could not be read (RFC 6733 6.2, 7.2); None where there is nothing to answer."""
    header = error.header
    if header is None or not header.request:
        return None
    is_protocol_error = 3000 <= error.result < 4000
    content = [
        *avps.SESSION_ID.optional(error.session_id or None),
        avps.RESULT_CODE.avp(error.result),
        avps.ORIGIN_HOST.avp(origin_host),
        avps.ORIGIN_REALM.avp(origin_realm),
        avps.ERROR_MESSAGE.avp(str(error)),
        *avps.FAILED_AVP.optional(error.failed),
    ]
    answer = Header(
        header.command,
        header.application,
        header.hop_by_hop,
        header.end_to_end,
        False,
        header.proxiable,
        error=is_protocol_error,
    )
    return diameter.encode(diameter.Packet(answer, tuple(content)))


def _result_avps(result: Result) -> list[Avp]:
    return [(avps.EXPERIMENTAL_RESULT if result.experimental else avps.RESULT_CODE).avp(result.code)]


def _read_common(reader: Reader) -> dict[str, Any]:
    reader.optional(avps.APPLICATION_ID)
    return {
        "session_id": reader.one(avps.SESSION_ID),
        "origin_host": reader.one(avps.ORIGIN_HOST),
        "origin_realm": reader.one(avps.ORIGIN_REALM),
    }


def _read_request(reader: Reader) -> dict[str, Any]:
    reader.one(avps.AUTH_SESSION_STATE)
    imsi = reader.one(avps.USER_NAME)
    if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
        text = f"User-Name {imsi!r} is no IMSI; allowed are 6 to 15 digits"
        raise DiameterError(text, ResultCode.INVALID_AVP_VALUE, avps.USER_NAME.avp(imsi))
    return _read_common(reader) | {
        "destination_host": reader.optional(avps.DESTINATION_HOST),
        "destination_realm": reader.one(avps.DESTINATION_REALM),
        "imsi": imsi,
    }


def _read_answer(reader: Reader) -> dict[str, Any]:
    """What answers share; an answer to a protocol error has no more than the base protocol's AVPs."""
    plain, experimental = reader.optional(avps.RESULT_CODE), reader.optional(avps.EXPERIMENTAL_RESULT)
    if plain is not None:
        result = Result(plain)
    elif experimental is not None:
        result = Result(experimental, True)
    else:
        missing = Avp(avps.RESULT_CODE.code, b"")
        raise DiameterError("an answer without Result-Code and Experimental-Result", ResultCode.MISSING_AVP, missing)
    reader.optional(avps.AUTH_SESSION_STATE)
    return _read_common(reader) | {
        "result": result,
        "error_message": reader.optional(avps.ERROR_MESSAGE),
        "failed": reader.optional(avps.FAILED_AVP),
        "error_diagnostic": reader.optional(avps.ERROR_DIAGNOSTIC),
    }


def _write_air(message: AuthenticationInformationRequest) -> list[Avp]:
    resync = None if message.resync is None else b"".join(message.resync)
    wanted = (message.n_vectors, message.immediate, resync)
    return [avps.REQUESTED_VECTORS.avp(wanted), avps.VISITED_PLMN.avp((message.mcc, message.mnc))]


def _read_air(reader: Reader, common: dict[str, Any]) -> Message:
    wanted, immediate, resync = reader.one(avps.REQUESTED_VECTORS)
    mcc, mnc = reader.one(avps.VISITED_PLMN)
    return AuthenticationInformationRequest(
        **common,
        mcc=mcc,
        mnc=mnc,
        n_vectors=wanted,
        immediate=immediate,
        resync=None if resync is None else (resync[:16], resync[16:]),
    )


def _write_aia(message: AuthenticationInformationAnswer) -> list[Avp]:
    return [avps.VECTORS.avp(message.vectors)] if message.vectors else []


def _read_aia(reader: Reader, common: dict[str, Any]) -> Message:
    return AuthenticationInformationAnswer(**common, vectors=reader.optional(avps.VECTORS) or ())


def _write_ulr(message: UpdateLocationRequest) -> list[Avp]:
    return [
        avps.RAT_TYPE.avp(message.rat_type),
        avps.ULR_FLAGS.avp(message.flags),
        avps.VISITED_PLMN.avp((message.mcc, message.mnc)),
    ]


def _read_ulr(reader: Reader, common: dict[str, Any]) -> Message:
    mcc, mnc = reader.one(avps.VISITED_PLMN)
    rat_type, flags = reader.one(avps.RAT_TYPE), UlrFlag(reader.one(avps.ULR_FLAGS))
    return UpdateLocationRequest(**common, mcc=mcc, mnc=mnc, rat_type=rat_type, flags=flags)


def _write_ula(message: UpdateLocationAnswer) -> list[Avp]:
    return [*avps.ULA_FLAGS.optional(message.flags), *avps.SUBSCRIPTION.optional(message.subscription)]


def _read_ula(reader: Reader, common: dict[str, Any]) -> Message:
    flags, subscription = reader.optional(avps.ULA_FLAGS), reader.optional(avps.SUBSCRIPTION)
    return UpdateLocationAnswer(**common, flags=flags, subscription=subscription)


def _write_pua(message: PurgeUeAnswer) -> list[Avp]:
    return [avps.PUA_FLAGS.avp(1)] if message.freeze_m_tmsi else []


def _read_pua(reader: Reader, common: dict[str, Any]) -> Message:
    return PurgeUeAnswer(**common, freeze_m_tmsi=bool((reader.optional(avps.PUA_FLAGS) or 0) & 1))


def _write_clr(message: CancelLocationRequest) -> list[Avp]:
    return [avps.CANCELLATION_TYPE.avp(message.cancellation_type), *avps.CLR_FLAGS.optional(message.flags)]


def _read_clr(reader: Reader, common: dict[str, Any]) -> Message:
    kind, flags = reader.one(avps.CANCELLATION_TYPE), reader.optional(avps.CLR_FLAGS)
    return CancelLocationRequest(**common, cancellation_type=kind, flags=flags)


_WRITERS: Final[dict[type[Message], Callable[[Any], list[Avp]]]] = {
    AuthenticationInformationRequest: _write_air,
    AuthenticationInformationAnswer: _write_aia,
    UpdateLocationRequest: _write_ulr,
    UpdateLocationAnswer: _write_ula,
    PurgeUeRequest: lambda _: [],
    PurgeUeAnswer: _write_pua,
    CancelLocationRequest: _write_clr,
    CancelLocationAnswer: lambda _: [],
}
_READERS: Final[dict[tuple[int, bool], Callable[[Reader, dict[str, Any]], Message]]] = {
    (318, True): _read_air,
    (318, False): _read_aia,
    (316, True): _read_ulr,
    (316, False): _read_ula,
    (321, True): lambda _, common: PurgeUeRequest(**common),
    (321, False): _read_pua,
    (317, True): _read_clr,
    (317, False): lambda _, common: CancelLocationAnswer(**common),
}
