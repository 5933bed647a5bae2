"""Information elements of GTPv2-C with addresses: of nodes, of phones, and of tunnels' ends (TS 29.274 clause 8)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Self

from picocell.epc.interfaces.gtpv2c_simple_ies import (
    INVALID_LENGTH,
    GtpcError,
    PdnKind,
    check_range,
    need,
)


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An address of IPv4 or IPv6 (clause 8.9)."""

    TYPE: ClassVar[int] = 74
    address: IPv4Address | IPv6Address

    def pack(self) -> bytes:
        return self.address.packed

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        if len(data) not in (4, 16):
            raise GtpcError(f"IP address of {len(data)} bytes; an address has 4 or 16", INVALID_LENGTH)
        return cls(ip_address(bytes(data)))


@dataclass(frozen=True, slots=True)
class Paa:
    """PDN address allocation (clause 8.14).

    Attributes:
        kind: a `PdnKind`.
        ipv4: for IPV4 and IPV4V6.
        ipv6: for IPV6 and IPV4V6: prefix and interface identifier.
        prefix: length of the IPv6 prefix in bits.
    """

    TYPE: ClassVar[int] = 79
    kind: PdnKind
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    prefix: int = 64

    def __post_init__(self) -> None:
        check_range("length of an IPv6 prefix", self.prefix, 128)
        wanted = (self.kind in (PdnKind.IPV4, PdnKind.IPV4V6), self.kind in (PdnKind.IPV6, PdnKind.IPV4V6))
        if wanted != (self.ipv4 is not None, self.ipv6 is not None):
            raise GtpcError(f"PAA of {self.kind.name} with IPv4 address {self.ipv4} and IPv6 address {self.ipv6}")

    def pack(self) -> bytes:
        v6 = bytes((self.prefix,)) + self.ipv6.packed if self.ipv6 is not None else b""
        return bytes((self.kind,)) + v6 + (self.ipv4.packed if self.ipv4 is not None else b"")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("PAA", data, 1)
        if not PdnKind.IPV4 <= data[0] & 7 <= PdnKind.ETHERNET:
            raise GtpcError(f"PAA of PDN type {data[0] & 7}; allowed are 1 to 5")
        kind, position = PdnKind(data[0] & 7), 1
        ipv4, ipv6, prefix = None, None, 64
        if kind in (PdnKind.IPV6, PdnKind.IPV4V6):
            need("PAA", data, 18)
            prefix, ipv6, position = data[1], IPv6Address(bytes(data[2:18])), 18
        if kind in (PdnKind.IPV4, PdnKind.IPV4V6):
            need("PAA", data, position + 4)
            ipv4 = IPv4Address(bytes(data[position : position + 4]))
        return cls(kind, ipv4, ipv6, prefix)


class Interface(IntEnum):
    """What an F-TEID belongs to (clause 8.22)."""

    S1U_ENB = 0
    S1U_SGW = 1
    S5U_SGW = 4
    S5U_PGW = 5
    S5C_SGW = 6
    S5C_PGW = 7
    S11_MME = 10
    S11_SGW = 11
    S10_MME = 12
    DL_FORWARDING_ENB = 19
    UL_FORWARDING_ENB = 20
    DL_FORWARDING_SGW = 23
    UL_FORWARDING_SGW = 28
    S11U_MME = 38
    S11U_SGW = 39


@dataclass(frozen=True, slots=True)
class FTeid:
    """A tunnel's end: interface, TEID and its node's addresses, at least one (clause 8.22)."""

    TYPE: ClassVar[int] = 87
    interface: int
    teid: int
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None

    def __post_init__(self) -> None:
        check_range("interface type of an F-TEID", self.interface, 63)
        check_range("TEID", self.teid, 0xFFFFFFFF)
        if self.ipv4 is None and self.ipv6 is None:
            raise GtpcError("F-TEID without an address")

    def pack(self) -> bytes:
        flags = (self.ipv4 is not None) << 7 | (self.ipv6 is not None) << 6 | self.interface
        v4 = self.ipv4.packed if self.ipv4 is not None else b""
        return struct.pack(">BI", flags, self.teid) + v4 + (self.ipv6.packed if self.ipv6 is not None else b"")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        need("F-TEID", data, 5)
        flags, teid = struct.unpack_from(">BI", data)
        position, ipv4, ipv6 = 5, None, None
        if flags & 0x80:
            need("F-TEID", data, 9)
            ipv4, position = IPv4Address(bytes(data[5:9])), 9
        if flags & 0x40:
            need("F-TEID", data, position + 16)
            ipv6 = IPv6Address(bytes(data[position : position + 16]))
        return cls(flags & 0x3F, teid, ipv4, ipv6)
