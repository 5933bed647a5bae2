"""The gateway's answer to a ping (RFC 792)."""

import struct
from typing import Final

_ICMP: Final = 1
_ECHO_REQUEST: Final = 8
_TTL: Final = 64


def echo_reply(packet: bytes) -> bytes | None:
    """Reply to an ICMP echo request of one IPv4 packet; None for everything else, fragments among it."""
    header = 4 * (packet[0] & 15)
    length = int.from_bytes(packet[2:4], "big")
    is_fragment = bool(packet[6] & 0x3F or packet[7])
    if packet[9] != _ICMP or is_fragment or header < 20 or not header + 8 <= length <= len(packet):
        return None
    if packet[header] != _ECHO_REQUEST or checksum(packet[header:length]):
        return None
    body = bytes(4) + packet[header + 4 : length]
    body = bytes(2) + checksum(body).to_bytes(2, "big") + body[4:]
    start = struct.pack(">BBHHHBBH", 0x45, packet[1], 20 + len(body), 0, 0, _TTL, _ICMP, 0)
    ip = start + packet[16:20] + packet[12:16]
    return ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:] + body


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071): 0 over data that holds its own."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
