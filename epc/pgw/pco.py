"""Protocol configuration options: what a phone asks of the network beside its address (TS 24.008 10.5.6.3)."""

import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Final

_IPCP: Final = 0x8021
_PAP: Final = 0xC023
_CHAP: Final = 0xC223
_SELECTED_BEARER_CONTROL: Final = 0x0005
_DNS_IPV4: Final = 0x000D
_LINK_MTU: Final = 0x0010

_PPP: Final = 0x80
"""First octet: configuration protocol PPP, with the extension bit."""

_CONFIGURE_REQUEST, _CONFIGURE_ACK, _CONFIGURE_NAK, _CONFIGURE_REJECT = 1, 2, 3, 4
_DNS_OPTIONS: Final = {129: 0, 131: 1}
"""IPCP options primary and secondary DNS (RFC 1877)."""

_MS_AND_NETWORK: Final = 2


def answer(request: bytes, dns: Sequence[IPv4Address], mtu: int) -> bytes:
    """Octets 3 and on of the network's options; what is malformed or unknown in the request gets no answer."""
    out = bytearray((_PPP,))
    for kind, content in _containers(request):
        match kind:
            case 0x8021:
                out += _container(_IPCP, _ipcp(content, dns))
            case 0xC023 if len(content) >= 4 and content[0] == 1:  # Authenticate-Ack without text
                out += _container(_PAP, bytes((2, content[1], 0, 5, 0)))
            case 0xC223 if len(content) >= 4 and content[0] == 2:  # CHAP Success
                out += _container(_CHAP, bytes((3, content[1], 0, 4)))
            case 0x000D:
                for server in dns:
                    out += _container(_DNS_IPV4, server.packed)
            case 0x0010:
                out += _container(_LINK_MTU, struct.pack(">H", mtu))
            case 0x0005:
                out += _container(_SELECTED_BEARER_CONTROL, bytes((_MS_AND_NETWORK,)))
            case _:
                pass
    return bytes(out)


def _containers(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Identifiers and contents, up to the first that runs past the end."""
    if not data or data[0] & 0x87 != _PPP:
        return
    position = 1
    while position + 3 <= len(data):
        kind, size = data[position] << 8 | data[position + 1], data[position + 2]
        content = data[position + 3 : position + 3 + size]
        if len(content) < size:
            return
        yield kind, content
        position += 3 + size


def _container(kind: int, content: bytes) -> bytes:
    return struct.pack(">HB", kind, len(content)) + content if content else b""


def _ipcp(packet: bytes, dns: Sequence[IPv4Address]) -> bytes:
    """Answer to an IPCP Configure-Request (RFC 1661 5): DNS servers by Nak; options other than these are rejected."""
    if len(packet) < 4 or packet[0] != _CONFIGURE_REQUEST:
        return b""
    options = _ipcp_options(packet[4 : int.from_bytes(packet[2:4], "big")])
    if options is None:
        return b""
    rejected = [(kind, value) for kind, value in options if not _has_server(kind, dns) or len(value) != 4]
    if rejected:
        return _ppp(_CONFIGURE_REJECT, packet[1], rejected)
    wanted = [(kind, dns[_DNS_OPTIONS[kind]].packed) for kind, _ in options]
    if wanted == options:
        return _ppp(_CONFIGURE_ACK, packet[1], options)
    return _ppp(_CONFIGURE_NAK, packet[1], wanted)


def _has_server(kind: int, dns: Sequence[IPv4Address]) -> bool:
    return kind in _DNS_OPTIONS and _DNS_OPTIONS[kind] < len(dns)


def _ipcp_options(data: bytes) -> list[tuple[int, bytes]] | None:
    found, position = [], 0
    while position < len(data):
        if position + 2 > len(data) or data[position + 1] < 2 or position + data[position + 1] > len(data):
            return None
        found.append((data[position], bytes(data[position + 2 : position + data[position + 1]])))
        position += data[position + 1]
    return found


def _ppp(code: int, identifier: int, options: list[tuple[int, bytes]]) -> bytes:
    content = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in options)
    return struct.pack(">BBH", code, identifier, 4 + len(content)) + content
