"""Information elements of GTPv2-C, one dataclass each (TS 29.274 clause 8).

A class packs and unpacks the content of its element; type, length and instance are written and read by `gtpv2c_codec`.
Bytes after the known part of a content are extensions of a later release and are not looked at (clause 5.6.1).
"""

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from picocell.epc.interfaces.gtpv2c_address_ies import FTeid, Interface, IpAddress, Paa
from picocell.epc.interfaces.gtpv2c_location_ies import Ecgi, ServingNetwork, Tai, UeTimeZone, Uli
from picocell.epc.interfaces.gtpv2c_simple_ies import (
    INVALID_LENGTH,
    ApnRestriction,
    BearerFlags,
    BearerTft,
    DelayValue,
    Ebi,
    Element,
    GtpcError,
    Header,
    Imsi,
    Mei,
    Msisdn,
    NodeFeatures,
    NodeType,
    Pco,
    PdnKind,
    PdnType,
    Pti,
    Rat,
    RatType,
    Recovery,
    SelectionMode,
    check_range,
    need,
    pack_plmn,
    unpack_plmn,
)

__all__ = [
    "INVALID_LENGTH",
    "Ambr",
    "Apn",
    "ApnRestriction",
    "Arp",
    "BearerFlags",
    "BearerQos",
    "BearerTft",
    "Cause",
    "ChargingCharacteristics",
    "ChargingId",
    "DelayValue",
    "Ebi",
    "Ecgi",
    "Element",
    "FTeid",
    "GtpcError",
    "Header",
    "Imsi",
    "Indication",
    "IndicationFlag",
    "Interface",
    "IpAddress",
    "Mei",
    "Msisdn",
    "NodeFeatures",
    "NodeType",
    "Paa",
    "Pco",
    "PdnKind",
    "PdnType",
    "Pti",
    "Rat",
    "RatType",
    "Recovery",
    "SelectionMode",
    "ServingNetwork",
    "Tai",
    "UeTimeZone",
    "Uli",
    "check_range",
    "need",
    "pack_plmn",
    "unpack_plmn",
]


@dataclass(frozen=True, slots=True)
class Cause:
    """Result of a request or reason of an action (clause 8.4).

    Attributes:
        value: see `cause_name`.
        pce, bce: the element at fault is one of the PDN connection, of the bearer context.
        from_remote: the cause came from a node behind the sender (CS).
        offending: type and instance of the element at fault.
    """

    TYPE: ClassVar[int] = 2
    value: int
    pce: bool = False
    bce: bool = False
    from_remote: bool = False
    offending: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_range("Cause", self.value, 0xFF)
        check_range("type of the offending element", (self.offending or (0, 0))[0], 0xFF)
        check_range("instance of the offending element", (self.offending or (0, 0))[1], 0xF)

    @property
    def accepted(self) -> bool:
        """Whether a request was carried out, at least in part: values 16 to 63 (Table 8.4-1)."""
        return 16 <= self.value < 64

    def pack(self) -> bytes:
        flags = self.pce << 2 | self.bce << 1 | self.from_remote
        fault = struct.pack(">BHB", self.offending[0], 0, self.offending[1]) if self.offending else b""
        return bytes((self.value, flags)) + fault

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Cause", data, 2)
        flags = data[1]
        offending = (data[2], data[5] & 0xF) if len(data) >= 6 else None
        return cls(data[0], bool(flags & 4), bool(flags & 2), bool(flags & 1), offending)


@dataclass(frozen=True, slots=True)
class Apn:
    """Access point name, written with dots (clause 8.6, labels as in TS 23.003 9.1)."""

    TYPE: ClassVar[int] = 71
    name: str

    def __post_init__(self) -> None:
        labels = self.name.split(".")
        if not self.name.isascii() or not all(0 < len(label) < 64 for label in labels) or len(self.name) > 99:
            raise GtpcError(f"APN {self.name!r}: allowed are labels of 1 to 63 ASCII characters, 99 in all")

    def pack(self) -> bytes:
        return b"".join(bytes((len(label),)) + label.encode() for label in self.name.split("."))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        labels, position = [], 0
        while position < len(data):
            end = position + 1 + data[position]
            need("label of an APN", data, end)
            labels.append(bytes(data[position + 1 : end]))
            position = end
        text = b".".join(labels)
        if not text.isascii() or text.count(b".") != len(labels) - 1:
            raise GtpcError(f"APN {text!r} is not of ASCII labels without dots")
        return cls(text.decode())


@dataclass(frozen=True, slots=True)
class Ambr:
    """Aggregate maximum bit rates in kbit/s (clause 8.7)."""

    TYPE: ClassVar[int] = 72
    uplink: int
    downlink: int

    def __post_init__(self) -> None:
        check_range("uplink AMBR", self.uplink, 0xFFFFFFFF)
        check_range("downlink AMBR", self.downlink, 0xFFFFFFFF)

    def pack(self) -> bytes:
        return struct.pack(">II", self.uplink, self.downlink)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("AMBR", data, 8)
        return cls(*struct.unpack_from(">II", data))


class IndicationFlag(IntFlag):
    """Flags of `Indication`: value 1 << 8 k + b is bit b + 1 of octet 5 + k (Figure 8.12-1)."""

    SGWCI, ISRAI, ISRSI, OI, DFI, HI, DTF, DAF = (1 << b for b in range(8))
    MSV, SI, PT, PS, CRSI, CFSI, UIMSI, SQCI = (1 << b for b in range(8, 16))
    CCRSI, ISRAU, MBMDT, S4AF, S6AF, SRNI, PBIC, RETLOC = (1 << b for b in range(16, 24))
    CPSR, CLII, CSFBI, PPSI, PPON_PPEI, PPOF, ARRL, CPRAI = (1 << b for b in range(24, 32))
    AOPI, AOSI, PCRI, PSCI, BDWI, DTCI, UASI, NSI = (1 << b for b in range(32, 40))
    WPMSI, UNACCSI, PNSI, S11TF, PMTSMI, CPOPCI, EPCOSI, ROAAI = (1 << b for b in range(40, 48))


@dataclass(frozen=True, slots=True)
class Indication:
    """Flags of a message (clause 8.12); bits that have no name here are kept."""

    TYPE: ClassVar[int] = 77
    flags: IndicationFlag

    def pack(self) -> bytes:
        size = max(2, (int(self.flags).bit_length() + 7) // 8)
        return int(self.flags).to_bytes(size, "little")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Indication", data, 1)
        return cls(IndicationFlag(int.from_bytes(data, "little")))


@dataclass(frozen=True, slots=True)
class BearerQos:
    """Quality of service of a bearer (clause 8.15).

    Attributes:
        qci: class identifier.
        priority: allocation and retention priority, 1 (highest) to 15.
        may_pre_empt: it may take resources of bearers of lower priority.
        pre_emptable: bearers of higher priority may take its resources.
        mbr_ul, mbr_dl, gbr_ul, gbr_dl: kbit/s, 40 bits; 0 for a bearer without guarantee.
    """

    TYPE: ClassVar[int] = 80
    qci: int
    priority: int
    may_pre_empt: bool = False
    pre_emptable: bool = False
    mbr_ul: int = 0
    mbr_dl: int = 0
    gbr_ul: int = 0
    gbr_dl: int = 0

    def __post_init__(self) -> None:
        check_range("QCI", self.qci, 0xFF)
        check_range("priority of a bearer", self.priority, 15)
        for rate in (self.mbr_ul, self.mbr_dl, self.gbr_ul, self.gbr_dl):
            check_range("bit rate of a bearer", rate, (1 << 40) - 1)

    def pack(self) -> bytes:
        # the flags PCI and PVI say what is disabled (TS 29.212 5.3.46, 5.3.47)
        arp = (not self.may_pre_empt) << 6 | self.priority << 2 | (not self.pre_emptable)
        rates = (self.mbr_ul, self.mbr_dl, self.gbr_ul, self.gbr_dl)
        return bytes((arp, self.qci)) + b"".join(rate.to_bytes(5, "big") for rate in rates)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Bearer QoS", data, 22)
        rates = [int.from_bytes(data[i : i + 5], "big") for i in range(2, 22, 5)]
        return cls(data[1], data[0] >> 2 & 15, not data[0] & 0x40, not data[0] & 1, *rates)


@dataclass(frozen=True, slots=True)
class ChargingId:
    """Identifier under which the PGW counts a bearer (clause 8.29)."""

    TYPE: ClassVar[int] = 94
    value: int

    def __post_init__(self) -> None:
        check_range("Charging ID", self.value, 0xFFFFFFFF)

    def pack(self) -> bytes:
        return self.value.to_bytes(4, "big")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Charging ID", data, 4)
        return cls(int.from_bytes(data[:4], "big"))


@dataclass(frozen=True, slots=True)
class ChargingCharacteristics:
    """Charging characteristics of TS 32.298, 16 bits (clause 8.30)."""

    TYPE: ClassVar[int] = 95
    value: int

    def __post_init__(self) -> None:
        check_range("Charging Characteristics", self.value, 0xFFFF)

    def pack(self) -> bytes:
        return self.value.to_bytes(2, "big")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("Charging Characteristics", data, 2)
        return cls(int.from_bytes(data[:2], "big"))


@dataclass(frozen=True, slots=True)
class Arp:
    """Allocation and retention priority, as in `BearerQos` (clause 8.86)."""

    TYPE: ClassVar[int] = 155
    priority: int
    may_pre_empt: bool = False
    pre_emptable: bool = False

    def __post_init__(self) -> None:
        check_range("priority of a bearer", self.priority, 15)

    def pack(self) -> bytes:
        return bytes(((not self.may_pre_empt) << 6 | self.priority << 2 | (not self.pre_emptable),))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("ARP", data, 1)
        return cls(data[0] >> 2 & 15, not data[0] & 0x40, not data[0] & 1)
