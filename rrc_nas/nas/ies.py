"""Information elements of NAS as plain values (TS 24.301 9.9, TS 24.008 10.5).

Every class has ``pack``, the value part's octets, and ``unpack``, which raises ValueError for octets that are none.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from picocell.rrc_nas.nas.identities import (
    IDENTITY_TYPES,
    Guti,
    IdentityKind,
    MobileIdentity,
    Plmn,
    Tai,
    pack_plmns,
    pack_tai_list,
    unpack_plmns,
    unpack_tai_list,
)
from picocell.rrc_nas.security.algorithms import Eea, Eia

__all__ = [
    "DEACTIVATED",
    "IDENTITY_TYPES",
    "Guti",
    "IdentityKind",
    "MobileIdentity",
    "NasSecurityAlgorithms",
    "PdnAddress",
    "PdnType",
    "Plmn",
    "Tai",
    "UeNetworkCapability",
    "UeSecurityCapability",
    "pack_apn",
    "pack_bearer_status",
    "pack_gprs_timer",
    "pack_plmns",
    "pack_tai_list",
    "unpack_apn",
    "unpack_bearer_status",
    "unpack_gprs_timer",
    "unpack_plmns",
    "unpack_tai_list",
]


def _mask(algorithms: Iterable[int]) -> int:
    """Bit 8 for algorithm 0, bit 7 for algorithm 1, ..."""
    mask = 0
    for algorithm in algorithms:
        mask |= 0x80 >> algorithm
    return mask


@dataclass(frozen=True, slots=True)
class UeNetworkCapability:
    """UE network capability (TS 24.301 9.9.3.34).

    Attributes:
        eea: octet of the ciphering algorithms, EEA0 in bit 8.
        eia: octet of the integrity algorithms.
        uea: octet of UMTS ciphering algorithms; None where the element ends before.
        uia: octet of UCS2 support and UMTS integrity algorithms, as ``uea``.
        more: octets after these.
    """

    eea: int
    eia: int
    uea: int | None = None
    uia: int | None = None
    more: bytes = b""

    @classmethod
    def of(cls, eea: Iterable[int], eia: Iterable[int]) -> Self:
        """Capability of a UE with these EPS algorithms and nothing else."""
        return cls(_mask(eea), _mask(eia))

    def supports(self, eea: Eea, eia: Eia) -> bool:
        """Whether both algorithms are supported."""
        return bool(self.eea & 0x80 >> eea and self.eia & 0x80 >> eia)

    def security(self, gea: int | None = None) -> "UeSecurityCapability":
        """Its part that the network replays."""
        uia = None if self.uia is None else self.uia & 0x7F
        return UeSecurityCapability(self.eea, self.eia, self.uea, uia, gea)

    def pack(self) -> bytes:
        """Two octets or more."""
        return bytes([self.eea, self.eia]) + _optional(self.uea, self.uia) + self.more

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The capability in two octets or more."""
        if len(data) < 2:
            raise ValueError(f"UE network capability has {len(data)} octets, at least 2 are wanted")
        uea, uia = (data[i] if len(data) > i else None for i in (2, 3))
        return cls(data[0], data[1], uea, uia, data[4:])


@dataclass(frozen=True, slots=True)
class UeSecurityCapability:
    """UE security capability, which SECURITY MODE COMMAND replays (TS 24.301 9.9.3.36); octets as in the capability."""

    eea: int
    eia: int
    uea: int | None = None
    uia: int | None = None
    gea: int | None = None

    def pack(self) -> bytes:
        """Two to five octets."""
        uea, uia = self.uea, self.uia
        if self.gea is not None:
            uea, uia = uea or 0, uia or 0
        return bytes([self.eea, self.eia]) + _optional(uea, uia) + _optional(self.gea)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The capability in two to five octets."""
        if len(data) < 2:
            raise ValueError(f"UE security capability has {len(data)} octets, at least 2 are wanted")
        uea, uia, gea = (data[i] if len(data) > i else None for i in (2, 3, 4))
        return cls(data[0], data[1], uea, uia, gea)


def _optional(*octets: int | None) -> bytes:
    """Octets up to the first that is not there."""
    out = bytearray()
    for octet in octets:
        if octet is None:
            break
        out.append(octet)
    return bytes(out)


@dataclass(frozen=True, slots=True)
class NasSecurityAlgorithms:
    """NAS security algorithms (TS 24.301 9.9.3.23)."""

    eea: Eea
    eia: Eia

    def pack(self) -> bytes:
        """One octet."""
        return bytes([self.eea << 4 | self.eia])

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The algorithms in one octet; ValueError for one that is not EEA0 to EEA3, EIA0 to EIA3."""
        return cls(Eea(data[0] >> 4 & 7), Eia(data[0] & 7))


def pack_bearer_status(ebis: Iterable[int]) -> bytes:
    """EPS bearer context status: which EPS bearer identities are active (TS 24.301 9.9.2.1)."""
    mask = sum(1 << ebi for ebi in set(ebis))
    return mask.to_bytes(2, "little")


def unpack_bearer_status(data: bytes) -> tuple[int, ...]:
    """Active EPS bearer identities, ascending."""
    mask = int.from_bytes(data[:2], "little")
    return tuple(ebi for ebi in range(1, 16) if mask >> ebi & 1)


DEACTIVATED: Final = -1
"""Seconds of a timer that the network switches off."""

_GPRS_UNITS: Final = {0: 2, 1: 60, 2: 360}
"""Seconds of a unit (TS 24.008 10.5.7.3); any other is a minute, but 7, which deactivates."""


def pack_gprs_timer(seconds: int) -> bytes:
    """GPRS timer, the smallest value that is not below (TS 24.008 10.5.7.3).

    Raises:
        ValueError: more than 31 units of six minutes.
    """
    if seconds == DEACTIVATED:
        return b"\xe0"
    fits = [(unit, length) for unit, length in _GPRS_UNITS.items() if 0 <= seconds <= 31 * length]
    if not fits:
        raise ValueError(f"timer of {seconds} s: 0 to {31 * _GPRS_UNITS[2]} s are allowed")
    unit, length = next((fit for fit in fits if seconds % fit[1] == 0), fits[0])
    return bytes([unit << 5 | -(-seconds // length)])


def unpack_gprs_timer(data: bytes) -> int:
    """Seconds of a GPRS timer, `DEACTIVATED` if switched off."""
    unit, value = data[0] >> 5, data[0] & 31
    return DEACTIVATED if unit == 7 else value * _GPRS_UNITS.get(unit, 60)


class PdnType:
    """PDN type values (TS 24.301 9.9.4.10)."""

    IPV4: Final = 1
    IPV6: Final = 2
    IPV4V6: Final = 3
    NAMES: Final = {"ipv4": 1, "ipv6": 2, "ipv4v6": 3}


@dataclass(frozen=True, slots=True)
class PdnAddress:
    """PDN address (TS 24.301 9.9.4.9).

    Attributes:
        ipv4: dotted address, None where there is none.
        interface_id: eight octets of the IPv6 interface identifier, None where there is none.
    """

    ipv4: str | None = None
    interface_id: bytes | None = None

    @property
    def pdn_type(self) -> int:
        """A value of `PdnType`."""
        return (PdnType.IPV4 if self.ipv4 is not None else 0) | (PdnType.IPV6 if self.interface_id is not None else 0)

    def pack(self) -> bytes:
        """5, 9 or 13 octets."""
        if not self.pdn_type:
            raise ValueError("a PDN address without an address")
        address = b"" if self.ipv4 is None else ipaddress.IPv4Address(self.ipv4).packed
        return bytes([self.pdn_type]) + (self.interface_id or b"") + address

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The address in 5, 9 or 13 octets."""
        kind = data[0] & 7 if data else 0
        if len(data) < {1: 5, 2: 9, 3: 13}.get(kind, 99):
            raise ValueError(f"PDN address {data.hex()} is cut short or of an unknown type")
        interface = data[1:9] if kind & PdnType.IPV6 else None
        v4 = data[9:13] if kind == PdnType.IPV4V6 else data[1:5]
        return cls(str(ipaddress.IPv4Address(v4)) if kind & PdnType.IPV4 else None, interface)


def pack_apn(name: str) -> bytes:
    """Access point name as labels (TS 23.003 9.1).

    Raises:
        ValueError: a label that is empty, too long or not ASCII.
    """
    out = b""
    for label in name.split("."):
        if not (label.isascii() and 1 <= len(label) <= 63):
            raise ValueError(f"APN {name!r}: labels of 1 to 63 ASCII characters are wanted")
        out += bytes([len(label)]) + label.encode("ascii")
    if len(out) > 100:
        raise ValueError(f"APN {name!r} takes {len(out)} octets, at most 100 are allowed")
    return out


def unpack_apn(data: bytes) -> str:
    """Access point name of labels."""
    labels, position = [], 0
    while position < len(data):
        label = data[position + 1 : position + 1 + data[position]]
        if len(label) != data[position] or not label or not label.isascii():
            raise ValueError(f"APN {data.hex()} holds a label that is cut short, empty or not ASCII")
        labels.append(label.decode("ascii"))
        position += 1 + len(label)
    if not labels:
        raise ValueError("an APN without a label")
    return ".".join(labels)
