"""Information elements of session management that have rules of their own: options, quality of service, names."""

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self


class PcoId(IntEnum):
    """Identifiers of protocols and containers (TS 24.008 10.5.6.3)."""

    IPCP = 0x8021
    PAP = 0xC023
    CHAP = 0xC223
    P_CSCF_IPV6 = 0x0001
    DNS_SERVER_IPV6 = 0x0003
    IP_ADDRESS_VIA_NAS = 0x000A
    P_CSCF_IPV4 = 0x000C
    DNS_SERVER_IPV4 = 0x000D
    IPV4_LINK_MTU = 0x0010


_IPCP_REQUEST: Final = 1
_IPCP_ACK: Final = 2
_IPCP_NAK: Final = 3
_IPCP_PRIMARY_DNS: Final = 129
_IPCP_SECONDARY_DNS: Final = 131


@dataclass(frozen=True, slots=True)
class ProtocolConfiguration:
    """Protocol configuration options for IP (TS 24.008 10.5.6.3): identifiers and contents, in order."""

    options: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def request(cls, *, ipcp: bool = True, dns: bool = True, mtu: bool = True) -> Self:
        """What a UE asks for."""
        options: list[tuple[int, bytes]] = []
        if ipcp:
            zero = bytes(4)
            body = bytes([_IPCP_PRIMARY_DNS, 6]) + zero + bytes([_IPCP_SECONDARY_DNS, 6]) + zero
            options.append((PcoId.IPCP, bytes([_IPCP_REQUEST, 0, 0, 4 + len(body)]) + body))
        if dns:
            options.append((PcoId.DNS_SERVER_IPV4, b""))
        if mtu:
            options.append((PcoId.IPV4_LINK_MTU, b""))
        return cls(tuple(options))

    @classmethod
    def answer(cls, request: "ProtocolConfiguration | None", dns: tuple[str, ...], mtu: int | None) -> Self:
        """What a network gives to a request: name servers and the link's MTU, only what was asked for."""
        options: list[tuple[int, bytes]] = []
        servers = [ipaddress.IPv4Address(server).packed for server in dns]
        for identifier, content in request.options if request else ():
            if identifier == PcoId.IPCP and content[:1] == bytes([_IPCP_REQUEST]) and servers:
                options.append((PcoId.IPCP, _ipcp_nak(content, servers)))
            elif identifier == PcoId.DNS_SERVER_IPV4:
                options += [(PcoId.DNS_SERVER_IPV4, server) for server in servers]
            elif identifier == PcoId.IPV4_LINK_MTU and mtu is not None:
                options.append((PcoId.IPV4_LINK_MTU, mtu.to_bytes(2, "big")))
        return cls(tuple(options))

    @property
    def dns(self) -> tuple[str, ...]:
        """Name servers in an answer, from containers and from IPCP, each once."""
        found = [content for identifier, content in self.options if identifier == PcoId.DNS_SERVER_IPV4]
        for identifier, content in self.options:
            if identifier == PcoId.IPCP and content[:1] in (bytes([_IPCP_ACK]), bytes([_IPCP_NAK])):
                options = _ipcp_options(content)
                found += [options[kind] for kind in (_IPCP_PRIMARY_DNS, _IPCP_SECONDARY_DNS) if kind in options]
        servers = [str(ipaddress.IPv4Address(part)) for part in found if len(part) == 4 and any(part)]
        return tuple(dict.fromkeys(servers))

    @property
    def mtu(self) -> int | None:
        """MTU of the link in an answer, octets."""
        for identifier, content in self.options:
            if identifier == PcoId.IPV4_LINK_MTU and len(content) == 2:
                return int.from_bytes(content, "big")
        return None

    def pack(self) -> bytes:
        """The element's value."""
        parts = (
            identifier.to_bytes(2, "big") + bytes([len(content)]) + content for identifier, content in self.options
        )
        return b"\x80" + b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The options in some octets; a last one that is cut short is left out."""
        if not data:
            raise ValueError("protocol configuration options without an octet")
        options, position = [], 1
        while position + 3 <= len(data):
            length = data[position + 2]
            content = data[position + 3 : position + 3 + length]
            if len(content) < length:
                break
            options.append((int.from_bytes(data[position : position + 2], "big"), content))
            position += 3 + length
        return cls(tuple(options))


def _ipcp_options(content: bytes) -> dict[int, bytes]:
    """Configuration options of an IPCP packet (RFC 1661 6)."""
    options: dict[int, bytes] = {}
    position = 4
    while position + 2 <= len(content) and content[position + 1] >= 2:
        options[content[position]] = content[position + 2 : position + content[position + 1]]
        position += content[position + 1]
    return options


def _ipcp_nak(request: bytes, servers: list[bytes]) -> bytes:
    """Configure-Nak with the addresses that the request asked for (RFC 1877 1)."""
    body = b""
    for kind, server in zip((_IPCP_PRIMARY_DNS, _IPCP_SECONDARY_DNS), (servers * 2)[:2], strict=True):
        if kind in _ipcp_options(request):
            body += bytes([kind, 6]) + server
    return bytes([_IPCP_NAK, request[1] if len(request) > 1 else 0, 0, 4 + len(body)]) + body


_RATE_RANGES: Final = ((1, 63, 1, 0), (64, 127, 8, 64), (128, 254, 64, 576))
"""First and last octet, kbit/s a step, kbit/s of the first (TS 24.301 9.9.4.3); the first range counts from zero."""

_EXTENDED_RANGES: Final = ((1, 74, 100, 8700), (75, 186, 1000, 17_000), (187, 250, 2000, 130_000))
"""As above, of the extended octet."""


def _rate_octets(kbps: int) -> tuple[int, int]:
    """Octet and extended octet of a bit rate, the next lower one that can be written."""
    if kbps < 1:
        return 0xFF, 0
    if kbps > 8640:
        for first, last, unit, base in reversed(_EXTENDED_RANGES):
            if kbps >= base:
                return 0xFE, min(last, first + (kbps - base) // unit)
        return 0xFE, 0
    for first, last, unit, base in reversed(_RATE_RANGES):
        if kbps >= max(base, 1):
            return min(last, first + (kbps - max(base, 1)) // unit), 0
    raise AssertionError(kbps)


def _rate(octet: int, extended: int) -> int:
    """kbit/s of an octet and its extension; 0 is the subscribed rate, which is given as 0."""
    for first, last, unit, base in _EXTENDED_RANGES if extended else ():
        if first <= extended <= last:
            return base + (extended - first) * unit
    if octet in (0, 0xFF):
        return 0
    first, _, unit, base = next(row for row in _RATE_RANGES if row[0] <= octet <= row[1])
    return max(base, 1) + (octet - first) * unit


@dataclass(frozen=True, slots=True)
class EpsQos:
    """EPS quality of service (TS 24.301 9.9.4.3): QCI, and rates in kbit/s of a bearer that guarantees them."""

    qci: int
    mbr_ul: int = 0
    mbr_dl: int = 0
    gbr_ul: int = 0
    gbr_dl: int = 0

    def pack(self) -> bytes:
        """1, 5 or 9 octets."""
        rates = (self.mbr_ul, self.mbr_dl, self.gbr_ul, self.gbr_dl)
        if not any(rates):
            return bytes([self.qci])
        octets = [_rate_octets(rate) for rate in rates]
        out = bytes([self.qci, *(octet for octet, _ in octets)])
        return out + bytes(extended for _, extended in octets) if any(extended for _, extended in octets) else out

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The quality of service in 1 octet or more."""
        if not data:
            raise ValueError("EPS quality of service without an octet")
        octets, extended = data[1:5], data[5:9].ljust(4, b"\0")
        if len(octets) < 4:
            return cls(data[0])
        return cls(data[0], *(_rate(octets[i], extended[i]) for i in range(4)))


@dataclass(frozen=True, slots=True)
class ApnAmbr:
    """APN aggregate maximum bit rate in kbit/s (TS 24.301 9.9.4.2)."""

    downlink: int
    uplink: int

    def pack(self) -> bytes:
        """2, 4 or 6 octets."""
        out, extended, more = b"", b"", b""
        for rate in (self.downlink, self.uplink):
            steps, rest = divmod(rate, _AMBR_STEP) if rate > _EXTENDED_LIMIT else (0, rate)
            octet, extension = _rate_octets(rest)
            out, extended, more = out + bytes([octet]), extended + bytes([extension]), more + bytes([min(steps, 255)])
        return out + (extended if any(extended + more) else b"") + (more if any(more) else b"")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The rates in 2 octets or more."""
        if len(data) < 2:
            raise ValueError(f"APN-AMBR has {len(data)} octets, at least 2 are wanted")
        extended, more = data[2:4].ljust(2, b"\0"), data[4:6].ljust(2, b"\0")
        rates = [_rate(data[i], extended[i]) + more[i] * _AMBR_STEP for i in range(2)]
        return cls(*rates)


_AMBR_STEP: Final = 256_000
_EXTENDED_LIMIT: Final = 256_000


_GSM: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 7 bit default alphabet (TS 23.038 6.2.1)."""


@dataclass(frozen=True, slots=True)
class NetworkName:
    """Network name (TS 24.008 10.5.3.5a), in the 7 bit alphabet where it can be, else in UCS2."""

    text: str
    add_country_initials: bool = False

    def pack(self) -> bytes:
        """The element's value."""
        initials = 8 if self.add_country_initials else 0
        if not all(character in _GSM for character in self.text):
            return bytes([0x90 | initials]) + self.text.encode("utf-16-be")
        bits = sum(_GSM.index(character) << 7 * i for i, character in enumerate(self.text))
        length = -(-7 * len(self.text) // 8)
        return bytes([0x80 | initials | 8 * length - 7 * len(self.text)]) + bits.to_bytes(length, "little")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The name in some octets."""
        if not data:
            raise ValueError("a network name without an octet")
        initials = bool(data[0] & 8)
        if data[0] >> 4 & 7 == 1:
            return cls(data[1:].decode("utf-16-be", "replace"), initials)
        n = max(0, 8 * (len(data) - 1) - (data[0] & 7)) // 7
        bits = int.from_bytes(data[1:], "little")
        return cls("".join(_GSM[bits >> 7 * i & 127] for i in range(n)), initials)
