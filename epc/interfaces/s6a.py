"""Messages between MME and HSS (TS 29.272): one dataclass each, to and from Diameter packets.

    data = s6a.encode(s6a.Packet(request, hop_by_hop=1, end_to_end=1))
    s6a.decode(data).message

A packet that cannot be read raises `DiameterError`; `error_answer` makes the answer to it. The subscription is in
`s6a_subscription`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar, Final

from picocell.epc.interfaces import diameter, s6a_subscription
from picocell.epc.interfaces.diameter import Avp, DiameterError, Header, Reader, ResultCode
from picocell.epc.interfaces.gtpv2c_simple_ies import pack_plmn, unpack_plmn
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
    "AccessRestriction",
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
    "NetworkAccessMode",
    "Packet",
    "PdnType",
    "PurgeUeAnswer",
    "PurgeUeRequest",
    "RatType",
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
]

APPLICATION: Final = 16777251
"""Application identifier of S6a (clause 7.1.8)."""


class ErrorCode(IntEnum):
    """Values of Experimental-Result-Code (clause 7.4)."""

    AUTHENTICATION_DATA_UNAVAILABLE = 4181
    CAMEL_SUBSCRIPTION_PRESENT = 4182
    USER_UNKNOWN = 5001
    ROAMING_NOT_ALLOWED = 5004
    UNKNOWN_EPS_SUBSCRIPTION = 5420
    RAT_NOT_ALLOWED = 5421
    EQUIPMENT_UNKNOWN = 5422
    UNKNOWN_SERVING_NODE = 5423


class RatType(IntEnum):
    """Values of RAT-Type (TS 29.212 5.3.31)."""

    WLAN = 0
    UTRAN = 1000
    GERAN = 1001
    HSPA_EVOLUTION = 1003
    EUTRAN = 1004
    EUTRAN_NB_IOT = 1005
    LTE_M = 1006


class UlrFlag(IntFlag):
    """Flags of an Update Location Request (clause 7.3.7)."""

    SINGLE_REGISTRATION = 1
    S6A = 2
    SKIP_SUBSCRIBER_DATA = 4
    GPRS_SUBSCRIPTION_DATA = 8
    NODE_TYPE_SGSN_MME = 16
    INITIAL_ATTACH = 32


class CancellationType(IntEnum):
    """Why an MME is to forget a phone (clause 7.3.24)."""

    MME_UPDATE_PROCEDURE = 0
    SGSN_UPDATE_PROCEDURE = 1
    SUBSCRIPTION_WITHDRAWAL = 2
    UPDATE_PROCEDURE_IWF = 3
    INITIAL_ATTACH_PROCEDURE = 4


class ErrorDiagnostic(IntEnum):
    """Why an error was answered (clause 7.3.128)."""

    GPRS_DATA_SUBSCRIBED = 0
    NO_GPRS_DATA_SUBSCRIBED = 1
    ODB_ALL_APN = 2
    ODB_HPLMN_APN = 3
    ODB_VPLMN_APN = 4


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a request: a `ResultCode`, or with ``experimental`` an `ErrorCode` (clause 7.4)."""

    code: int
    experimental: bool = False

    @property
    def success(self) -> bool:
        """Whether the request was carried out."""
        return not self.experimental and 2000 <= self.code < 3000

    @property
    def name(self) -> str:
        """Name of the code with its number, for people."""
        kind: type[IntEnum] = ErrorCode if self.experimental else ResultCode
        return f"{kind(self.code).name} ({self.code})" if self.code in list(kind) else f"result {self.code}"


SUCCESS: Final = Result(ResultCode.SUCCESS)


def failure(code: ErrorCode) -> Result:
    """The result of an error of S6a."""
    return Result(code, experimental=True)


@dataclass(frozen=True, slots=True)
class EutranVector:
    """Authentication vector of EPS (clause 7.3.18): RAND, XRES, AUTN, K_ASME."""

    rand: bytes
    xres: bytes
    autn: bytes
    k_asme: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What all requests share; ``imsi`` is the User-Name."""

    COMMAND: ClassVar[int]
    session_id: str
    origin_host: str
    origin_realm: str
    destination_realm: str
    destination_host: str | None = None
    imsi: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What all answers share.

    Attributes:
        failed: the AVP at fault in the request.
        error_message: what was wrong, for people.
        error_diagnostic: more on an `ErrorCode`.
    """

    COMMAND: ClassVar[int]
    session_id: str
    origin_host: str
    origin_realm: str
    result: Result
    error_message: str | None = None
    failed: Avp | None = None
    error_diagnostic: ErrorDiagnostic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationInformationRequest(Request):
    """Vectors are wanted (clause 7.2.5).

    Attributes:
        mcc, mnc: visited PLMN; K_ASME is bound to it.
        resync: RAND and AUTS of a USIM that refused the sequence number.
    """

    COMMAND = 318
    mcc: str
    mnc: str
    n_vectors: int = 1
    immediate: bool = True
    resync: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationInformationAnswer(Answer):
    """The vectors (clause 7.2.6)."""

    COMMAND = 318
    vectors: tuple[EutranVector, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLocationRequest(Request):
    """The phone is at this MME now; its subscription is wanted (clause 7.2.3)."""

    COMMAND = 316
    mcc: str
    mnc: str
    rat_type: RatType = RatType.EUTRAN
    flags: UlrFlag = UlrFlag.S6A | UlrFlag.SINGLE_REGISTRATION | UlrFlag.INITIAL_ATTACH


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLocationAnswer(Answer):
    """The subscription (clause 7.2.4), None where it was not wanted or the request failed."""

    COMMAND = 316
    flags: int | None = None
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeUeRequest(Request):
    """The MME has forgotten a phone (clause 7.2.13)."""

    COMMAND = 321


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeUeAnswer(Answer):
    """Answer to a Purge UE Request (clause 7.2.14)."""

    COMMAND = 321
    freeze_m_tmsi: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelLocationRequest(Request):
    """From the HSS: forget this phone (clause 7.2.7)."""

    COMMAND = 317
    cancellation_type: CancellationType
    flags: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelLocationAnswer(Answer):
    """Answer to a Cancel Location Request (clause 7.2.8)."""

    COMMAND = 317


Message = Request | Answer


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
    start = [_SESSION_ID.avp(message.session_id), _APPLICATION_ID.avp((TGPP, APPLICATION))]
    if isinstance(message, Answer):
        start += _result_avps(message.result)
        start += [*_ERROR_MESSAGE.optional(message.error_message), *_FAILED_AVP.optional(message.failed)]
        start += _ERROR_DIAGNOSTIC.optional(message.error_diagnostic)
    start += [_AUTH_SESSION_STATE.avp(_NO_STATE_MAINTAINED)]
    start += [_ORIGIN_HOST.avp(message.origin_host), _ORIGIN_REALM.avp(message.origin_realm)]
    if isinstance(message, Request):
        start += [
            *_DESTINATION_HOST.optional(message.destination_host),
            _DESTINATION_REALM.avp(message.destination_realm),
            _USER_NAME.avp(message.imsi),
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
    avps = [
        *_SESSION_ID.optional(error.session_id or None),
        _RESULT_CODE.avp(error.result),
        _ORIGIN_HOST.avp(origin_host),
        _ORIGIN_REALM.avp(origin_realm),
        _ERROR_MESSAGE.avp(str(error)),
        *_FAILED_AVP.optional(error.failed),
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
    return diameter.encode(diameter.Packet(answer, tuple(avps)))


_NO_STATE_MAINTAINED: Final = 1

_USER_NAME: Final = diameter.text("User-Name", 1)
_SESSION_ID: Final = diameter.text("Session-Id", 263)
_ORIGIN_HOST: Final = diameter.text("Origin-Host", 264)
_ORIGIN_REALM: Final = diameter.text("Origin-Realm", 296)
_DESTINATION_HOST: Final = diameter.text("Destination-Host", 293)
_DESTINATION_REALM: Final = diameter.text("Destination-Realm", 283)
_RESULT_CODE: Final = diameter.unsigned("Result-Code", 268)
_ERROR_MESSAGE: Final = diameter.text("Error-Message", 281, m=False)
_AUTH_SESSION_STATE: Final = diameter.unsigned("Auth-Session-State", 277)
_VENDOR_ID: Final = diameter.unsigned("Vendor-Id", 266)
_AUTH_APPLICATION_ID: Final = diameter.unsigned("Auth-Application-Id", 258)
_EXPERIMENTAL_RESULT_CODE: Final = diameter.unsigned("Experimental-Result-Code", 298)


def _first_avp(data: bytes) -> Avp:
    """The AVP within Failed-AVP."""
    avps = diameter.decode_avps(data)
    if not avps:
        raise DiameterError("Failed-AVP is empty", ResultCode.INVALID_AVP_VALUE)
    return avps[0]


_FAILED_AVP: Final = diameter.AvpType("Failed-AVP", 279, 0, True, lambda avp: diameter.encode_avps([avp]), _first_avp)
_APPLICATION_ID: Final = diameter.grouped(
    "Vendor-Specific-Application-Id",
    260,
    0,
    lambda pair: [_VENDOR_ID.avp(pair[0]), _AUTH_APPLICATION_ID.avp(pair[1])],
    lambda reader: (reader.one(_VENDOR_ID), reader.one(_AUTH_APPLICATION_ID)),
    KNOWN,
)
_EXPERIMENTAL_RESULT: Final = diameter.grouped(
    "Experimental-Result",
    297,
    0,
    lambda code: [_VENDOR_ID.avp(TGPP), _EXPERIMENTAL_RESULT_CODE.avp(code)],
    lambda reader: (reader.one(_VENDOR_ID), reader.one(_EXPERIMENTAL_RESULT_CODE))[1],
    KNOWN,
)
_VISITED_PLMN: Final = diameter.AvpType(
    "Visited-PLMN-Id", 1407, TGPP, True, lambda plmn: pack_plmn(*plmn), lambda data: _plmn(data)
)
_N_VECTORS: Final = diameter.unsigned("Number-Of-Requested-Vectors", 1410, TGPP)
_IMMEDIATE: Final = diameter.unsigned("Immediate-Response-Preferred", 1412, TGPP)
_RESYNC: Final = diameter.octets("Re-Synchronization-Info", 1411, TGPP, sizes=range(30, 31))
_ITEM_NUMBER: Final = diameter.unsigned("Item-Number", 1419, TGPP)
_RAND: Final = diameter.octets("RAND", 1447, TGPP, sizes=range(16, 17))
_XRES: Final = diameter.octets("XRES", 1448, TGPP, sizes=range(4, 17))
_AUTN: Final = diameter.octets("AUTN", 1449, TGPP, sizes=range(16, 17))
_K_ASME: Final = diameter.octets("KASME", 1450, TGPP, sizes=range(32, 33))
_ULR_FLAGS: Final = diameter.unsigned("ULR-Flags", 1405, TGPP)
_ULA_FLAGS: Final = diameter.unsigned("ULA-Flags", 1406, TGPP)
_RAT_TYPE: Final = diameter.enumerated("RAT-Type", 1032, RatType, TGPP)
_CANCELLATION_TYPE: Final = diameter.enumerated("Cancellation-Type", 1420, CancellationType, TGPP)
_CLR_FLAGS: Final = diameter.unsigned("CLR-Flags", 1638, TGPP, m=False)
_ERROR_DIAGNOSTIC: Final = diameter.enumerated("Error-Diagnostic", 1614, ErrorDiagnostic, TGPP, m=False)
_PUA_FLAGS: Final = diameter.unsigned("PUA-Flags", 1442, TGPP)
_SUBSCRIPTION: Final = s6a_subscription.SUBSCRIPTION_DATA
_VECTOR: Final = diameter.grouped(
    "E-UTRAN-Vector",
    1414,
    TGPP,
    lambda pair: [
        _ITEM_NUMBER.avp(pair[0]),
        _RAND.avp(pair[1].rand),
        _XRES.avp(pair[1].xres),
        _AUTN.avp(pair[1].autn),
        _K_ASME.avp(pair[1].k_asme),
    ],
    lambda r: (
        r.optional(_ITEM_NUMBER) or 0,
        EutranVector(r.one(_RAND), r.one(_XRES), r.one(_AUTN), r.one(_K_ASME)),
    ),
    KNOWN,
)
_VECTORS: Final = diameter.grouped(
    "Authentication-Info",
    1413,
    TGPP,
    lambda vectors: [_VECTOR.avp((number, vector)) for number, vector in enumerate(vectors, 1)],
    lambda reader: tuple(vector for _, vector in sorted(reader.many(_VECTOR), key=lambda pair: pair[0])),
    KNOWN,
)


def _plmn(data: bytes) -> tuple[str, str]:
    if len(data) != 3:
        raise DiameterError(f"Visited-PLMN-Id has {len(data)} bytes; allowed are 3", ResultCode.INVALID_AVP_LENGTH)
    return unpack_plmn(data)


_REQUESTED_VECTORS: Final = diameter.grouped(
    "Requested-EUTRAN-Authentication-Info",
    1408,
    TGPP,
    lambda wanted: [
        _N_VECTORS.avp(wanted[0]),
        *((_IMMEDIATE.avp(0),) if wanted[1] else ()),
        *_RESYNC.optional(wanted[2]),
    ],
    lambda r: (_n_vectors(r.optional(_N_VECTORS)), r.optional(_IMMEDIATE) is not None, r.optional(_RESYNC)),
    KNOWN,
)


def _n_vectors(value: int | None) -> int:
    return 1 if value is None else value


def _result_avps(result: Result) -> list[Avp]:
    return [(_EXPERIMENTAL_RESULT if result.experimental else _RESULT_CODE).avp(result.code)]


def _read_common(reader: Reader) -> dict[str, Any]:
    reader.optional(_APPLICATION_ID)
    return {
        "session_id": reader.one(_SESSION_ID),
        "origin_host": reader.one(_ORIGIN_HOST),
        "origin_realm": reader.one(_ORIGIN_REALM),
    }


def _read_request(reader: Reader) -> dict[str, Any]:
    reader.one(_AUTH_SESSION_STATE)
    imsi = reader.one(_USER_NAME)
    if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
        text = f"User-Name {imsi!r} is no IMSI; allowed are 6 to 15 digits"
        raise DiameterError(text, ResultCode.INVALID_AVP_VALUE, _USER_NAME.avp(imsi))
    return _read_common(reader) | {
        "destination_host": reader.optional(_DESTINATION_HOST),
        "destination_realm": reader.one(_DESTINATION_REALM),
        "imsi": imsi,
    }


def _read_answer(reader: Reader) -> dict[str, Any]:
    """What answers share; an answer to a protocol error has no more than the base protocol's AVPs."""
    plain, experimental = reader.optional(_RESULT_CODE), reader.optional(_EXPERIMENTAL_RESULT)
    if plain is not None:
        result = Result(plain)
    elif experimental is not None:
        result = Result(experimental, True)
    else:
        missing = Avp(_RESULT_CODE.code, b"")
        raise DiameterError("an answer without Result-Code and Experimental-Result", ResultCode.MISSING_AVP, missing)
    reader.optional(_AUTH_SESSION_STATE)
    return _read_common(reader) | {
        "result": result,
        "error_message": reader.optional(_ERROR_MESSAGE),
        "failed": reader.optional(_FAILED_AVP),
        "error_diagnostic": reader.optional(_ERROR_DIAGNOSTIC),
    }


def _write_air(message: AuthenticationInformationRequest) -> list[Avp]:
    resync = None if message.resync is None else b"".join(message.resync)
    wanted = (message.n_vectors, message.immediate, resync)
    return [_REQUESTED_VECTORS.avp(wanted), _VISITED_PLMN.avp((message.mcc, message.mnc))]


def _read_air(reader: Reader, common: dict[str, Any]) -> Message:
    wanted, immediate, resync = reader.one(_REQUESTED_VECTORS)
    mcc, mnc = reader.one(_VISITED_PLMN)
    return AuthenticationInformationRequest(
        **common,
        mcc=mcc,
        mnc=mnc,
        n_vectors=wanted,
        immediate=immediate,
        resync=None if resync is None else (resync[:16], resync[16:]),
    )


def _write_aia(message: AuthenticationInformationAnswer) -> list[Avp]:
    return [_VECTORS.avp(message.vectors)] if message.vectors else []


def _read_aia(reader: Reader, common: dict[str, Any]) -> Message:
    return AuthenticationInformationAnswer(**common, vectors=reader.optional(_VECTORS) or ())


def _write_ulr(message: UpdateLocationRequest) -> list[Avp]:
    return [
        _RAT_TYPE.avp(message.rat_type),
        _ULR_FLAGS.avp(message.flags),
        _VISITED_PLMN.avp((message.mcc, message.mnc)),
    ]


def _read_ulr(reader: Reader, common: dict[str, Any]) -> Message:
    mcc, mnc = reader.one(_VISITED_PLMN)
    rat_type, flags = reader.one(_RAT_TYPE), UlrFlag(reader.one(_ULR_FLAGS))
    return UpdateLocationRequest(**common, mcc=mcc, mnc=mnc, rat_type=rat_type, flags=flags)


def _write_ula(message: UpdateLocationAnswer) -> list[Avp]:
    return [*_ULA_FLAGS.optional(message.flags), *_SUBSCRIPTION.optional(message.subscription)]


def _read_ula(reader: Reader, common: dict[str, Any]) -> Message:
    flags, subscription = reader.optional(_ULA_FLAGS), reader.optional(_SUBSCRIPTION)
    return UpdateLocationAnswer(**common, flags=flags, subscription=subscription)


def _write_pua(message: PurgeUeAnswer) -> list[Avp]:
    return [_PUA_FLAGS.avp(1)] if message.freeze_m_tmsi else []


def _read_pua(reader: Reader, common: dict[str, Any]) -> Message:
    return PurgeUeAnswer(**common, freeze_m_tmsi=bool((reader.optional(_PUA_FLAGS) or 0) & 1))


def _write_clr(message: CancelLocationRequest) -> list[Avp]:
    return [_CANCELLATION_TYPE.avp(message.cancellation_type), *_CLR_FLAGS.optional(message.flags)]


def _read_clr(reader: Reader, common: dict[str, Any]) -> Message:
    kind, flags = reader.one(_CANCELLATION_TYPE), reader.optional(_CLR_FLAGS)
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
