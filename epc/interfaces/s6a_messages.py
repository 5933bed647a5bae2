"""Messages of S6a as dataclasses, and the values in them (TS 29.272 7); `s6a` makes Diameter packets of them."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, Final

from picocell.epc.interfaces.diameter import Avp, ResultCode
from picocell.epc.interfaces.s6a_subscription import Subscription


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
