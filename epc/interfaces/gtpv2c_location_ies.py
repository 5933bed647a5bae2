"""Information elements of GTPv2-C that say where a phone is (TS 29.274 clauses 8.18, 8.21, 8.44)."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from picocell.epc.interfaces.gtpv2c_simple_ies import GtpcError, check_range, need, pack_plmn, unpack_plmn

_ULI_TAI: Final = 3
_ULI_ECGI: Final = 4


@dataclass(frozen=True, slots=True)
class ServingNetwork:
    """PLMN of the serving network (clause 8.18): MCC and MNC as digits."""

    TYPE: ClassVar[int] = 83
    mcc: str
    mnc: str

    def __post_init__(self) -> None:
        pack_plmn(self.mcc, self.mnc)

    def pack(self) -> bytes:
        return pack_plmn(self.mcc, self.mnc)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Serving Network", data, 3)
        return cls(*unpack_plmn(data))


@dataclass(frozen=True, slots=True)
class Tai:
    """Tracking area identity."""

    mcc: str
    mnc: str
    tac: int

    def __post_init__(self) -> None:
        pack_plmn(self.mcc, self.mnc)
        check_range("TAC", self.tac, 0xFFFF)


@dataclass(frozen=True, slots=True)
class Ecgi:
    """E-UTRAN cell global identity; ``eci`` has 28 bits: eNB identity and cell."""

    mcc: str
    mnc: str
    eci: int

    def __post_init__(self) -> None:
        pack_plmn(self.mcc, self.mnc)
        check_range("E-UTRAN cell identity", self.eci, (1 << 28) - 1)


@dataclass(frozen=True, slots=True)
class Uli:
    """User location information (clause 8.21).

    Attributes:
        tai, ecgi: the location in E-UTRAN.
        others: bytes of the identities that E-UTRAN does not use, by the bit of their flag: 0 CGI, 1 SAI, 2 RAI, 5 LAI,
            6 macro eNB, 7 extended macro eNB.
    """

    TYPE: ClassVar[int] = 86
    SIZES: ClassVar[tuple[int, ...]] = (7, 7, 7, 5, 7, 5, 6, 6)
    tai: Tai | None = None
    ecgi: Ecgi | None = None
    others: tuple[tuple[int, bytes], ...] = ()

    def __post_init__(self) -> None:
        bits = [bit for bit, _ in self.others]
        if bits != sorted(set(bits)) or any(bit not in (0, 1, 2, 5, 6, 7) for bit in bits):
            raise GtpcError(f"other identities of a ULI have the bits {bits}; allowed are 0, 1, 2, 5, 6, 7 in order")
        if any(len(data) != self.SIZES[bit] for bit, data in self.others):
            raise GtpcError(f"identities of a ULI have {self.SIZES} bytes, by bit")

    def pack(self) -> bytes:
        parts = dict(self.others)
        if self.tai is not None:
            parts[_ULI_TAI] = pack_plmn(self.tai.mcc, self.tai.mnc) + self.tai.tac.to_bytes(2, "big")
        if self.ecgi is not None:
            parts[_ULI_ECGI] = pack_plmn(self.ecgi.mcc, self.ecgi.mnc) + self.ecgi.eci.to_bytes(4, "big")
        flags = sum(1 << bit for bit in parts)
        return bytes((flags,)) + b"".join(parts[bit] for bit in sorted(parts))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("ULI", data, 1)
        parts, position = {}, 1
        for bit, size in enumerate(cls.SIZES):
            if data[0] >> bit & 1:
                need("ULI", data, position + size)
                parts[bit] = bytes(data[position : position + size])
                position += size
        tai, ecgi = parts.pop(_ULI_TAI, None), parts.pop(_ULI_ECGI, None)
        return cls(
            None if tai is None else Tai(*unpack_plmn(tai), int.from_bytes(tai[3:], "big")),
            None if ecgi is None else Ecgi(*unpack_plmn(ecgi), int.from_bytes(ecgi[3:], "big") & 0xFFFFFFF),
            tuple(parts.items()),
        )


@dataclass(frozen=True, slots=True)
class UeTimeZone:
    """Time zone octet of TS 24.008 10.5.3.8 and daylight saving in hours, 0 to 2 (clause 8.44)."""

    TYPE: ClassVar[int] = 114
    zone: int
    daylight_saving: int = 0

    def __post_init__(self) -> None:
        check_range("time zone", self.zone, 0xFF)
        check_range("daylight saving time", self.daylight_saving, 3)

    def pack(self) -> bytes:
        return bytes((self.zone, self.daylight_saving))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("UE Time Zone", data, 2)
        return cls(data[0], data[1] & 3)
