"""Information elements of GTPv2-C of one octet, of digits, and those that pass through (TS 29.274 clause 8).

With them what all elements share: the error, the protocol of their classes, and the PLMN's digits.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Protocol, Self

INVALID_LENGTH: Final = 67
"""Cause value of an element whose length is wrong (Table 8.4-1)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an answer to a message needs of its header (clause 5.1); ``teid`` is None where the header has none."""

    type: int
    sequence: int
    teid: int | None


class GtpcError(ValueError):
    """Bytes that are no GTPv2-C message, or a value that its field cannot hold.

    Attributes:
        cause: the Cause value with which a request is to be answered (clause 7.7), None where it gets no answer.
        offending: type and instance of the element at fault, None where it is not one element.
        header: header of the message at fault, None where it could not be read.
    """

    def __init__(
        self,
        text: str,
        cause: int | None = None,
        offending: tuple[int, int] | None = None,
        header: Header | None = None,
    ) -> None:
        super().__init__(text)
        self.cause = cause
        self.offending = offending
        self.header = header


class Element(Protocol):
    """What every information element's class has."""

    TYPE: ClassVar[int]

    def pack(self) -> bytes:
        """Content of the element, without type, length and instance."""
        ...

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The element from its content.

        Raises:
            GtpcError: too short, or a value that is not allowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Octet:
    """An element of one octet."""

    TYPE: ClassVar[int]
    MAX: ClassVar[int] = 0xFF
    value: int

    def __post_init__(self) -> None:
        check_range(type(self).__name__, self.value, self.MAX)

    def pack(self) -> bytes:
        return bytes((self.value,))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need(cls.__name__, data, 1)
        return cls(data[0] & cls.MAX)


@dataclass(frozen=True, slots=True)
class _Digits:
    """An element of up to ``MAX`` decimal digits, two an octet, the first one in the lower half."""

    TYPE: ClassVar[int]
    MAX: ClassVar[int] = 15
    digits: str

    def __post_init__(self) -> None:
        if not (0 < len(self.digits) <= self.MAX and self.digits.isascii() and self.digits.isdigit()):
            raise GtpcError(f"{type(self).__name__} is {self.digits!r}; allowed are 1 to {self.MAX} decimal digits")

    def pack(self) -> bytes:
        padded = self.digits + "f" * (len(self.digits) % 2)
        return bytes.fromhex("".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2)))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        text = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in data)
        return cls(text[:-1] if text.endswith("f") else text)


@dataclass(frozen=True, slots=True)
class _Opaque:
    """An element whose content another specification defines."""

    TYPE: ClassVar[int]
    data: bytes

    def pack(self) -> bytes:
        return self.data

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(bytes(data))


class Imsi(_Digits):
    """International mobile subscriber identity (clause 8.3)."""

    TYPE = 1


class Mei(_Digits):
    """IMEI of 15 digits or IMEISV of 16 (clause 8.10)."""

    TYPE = 75
    MAX = 16


class Msisdn(_Digits):
    """The subscriber's telephone number with country code (clause 8.11)."""

    TYPE = 76


class Recovery(_Octet):
    """Restart counter of the sender (clause 8.5)."""

    TYPE = 3


class Ebi(_Octet):
    """EPS bearer identity (clause 8.8)."""

    TYPE = 73
    MAX = 15


class PdnType(_Octet):
    """PDN type, a `PdnKind` (clause 8.34)."""

    TYPE = 99
    MAX = 7


class ApnRestriction(_Octet):
    """Which APNs may be used together (clause 8.57)."""

    TYPE = 127


class SelectionMode(_Octet):
    """Where the APN came from: 0 subscription verified, 1 from the phone, 2 from the network (clause 8.58)."""

    TYPE = 128
    MAX = 3


class Pti(_Octet):
    """Procedure transaction identity of NAS (clause 8.35)."""

    TYPE = 100


class DelayValue(_Octet):
    """A delay in steps of 50 ms (clause 8.27)."""

    TYPE = 92


class NodeType(_Octet):
    """Node that started a procedure: 0 MME, 1 SGSN (clause 8.65)."""

    TYPE = 135


class BearerFlags(_Octet):
    """Flags of a bearer: bit 0 PPC, bit 1 VB, bit 2 Vind, bit 3 ASI (clause 8.32)."""

    TYPE = 97


class NodeFeatures(_Octet):
    """Features that the sender supports (clause 8.83)."""

    TYPE = 152


class RatType(_Octet):
    """Radio access technology, a `Rat` (clause 8.17)."""

    TYPE = 82


class Pco(_Opaque):
    """Protocol configuration options: octets 3 and on of TS 24.008 10.5.6.3 (clause 8.13)."""

    TYPE = 78


class BearerTft(_Opaque):
    """Traffic flow template: octets 3 and on of TS 24.008 10.5.6.12 (clause 8.19)."""

    TYPE = 84


class Rat(IntEnum):
    """Radio access technologies (Table 8.17-1)."""

    UTRAN = 1
    GERAN = 2
    WLAN = 3
    EUTRAN = 6
    EUTRAN_NB_IOT = 8
    LTE_M = 9
    NR = 10


class PdnKind(IntEnum):
    """Kinds of packet data network connection (Table 8.34-1)."""

    IPV4 = 1
    IPV6 = 2
    IPV4V6 = 3
    NON_IP = 4
    ETHERNET = 5


def pack_plmn(mcc: str, mnc: str) -> bytes:
    """MCC of three digits and MNC of two or three in three bytes (Figure 8.18-1).

    Raises:
        GtpcError: other lengths, or no digits.
    """
    text = mcc + mnc
    if len(mcc) != 3 or len(mnc) not in (2, 3) or not (text.isascii() and text.isdigit()):
        raise GtpcError(f"PLMN {mcc!r} {mnc!r}; allowed are an MCC of 3 digits and an MNC of 2 or 3")
    third = mnc[2] if len(mnc) == 3 else "f"
    return bytes.fromhex(mcc[1] + mcc[0] + third + mcc[2] + mnc[1] + mnc[0])


def unpack_plmn(data: bytes) -> tuple[str, str]:
    """MCC and MNC from the first three bytes, the inverse of `pack_plmn`.

    Raises:
        GtpcError: a digit above 9.
    """
    a, b, c = data[0], data[1], data[2]
    third = "" if b >> 4 == 15 else f"{b >> 4:x}"
    mcc, mnc = f"{a & 15:x}{a >> 4:x}{b & 15:x}", f"{c & 15:x}{c >> 4:x}{third}"
    pack_plmn(mcc, mnc)
    return mcc, mnc


def need(what: str, data: bytes, size: int) -> None:
    """Raise GtpcError with the cause Invalid length where ``data`` is shorter than ``size`` bytes."""
    if len(data) < size:
        raise GtpcError(f"{what} of {len(data)} bytes; it needs {size}", INVALID_LENGTH)


def check_range(what: str, value: int, maximum: int) -> None:
    """Raise GtpcError where ``value`` is not within 0 to ``maximum``."""
    if not 0 <= value <= maximum:
        raise GtpcError(f"{what} is {value}; allowed are 0 to {maximum}")
