"""A small reader and writer of PCAP files, and a reader of the SCTP DATA chunks in them (RFC 4960 3.3.1)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_RAW_IPV4 = 228
_ETHERNET = 1
_RAW_IP = 101
_LINUX_SLL = 113
_LINUX_SLL2 = 276
_NULL = 0
_IP_OFFSETS = {_ETHERNET: 14, _RAW_IP: 0, _RAW_IPV4: 0, _LINUX_SLL: 16, _LINUX_SLL2: 20, _NULL: 4}
_SCTP = 132
_UDP = 17


def packets(path: Path) -> tuple[int, list[bytes]]:
    """Link type and the frames of a PCAP file of either byte order and either resolution of time."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link_type = struct.unpack_from(f"{order}I", data, 20)[0]
    frames, position = [], 24
    while position + 16 <= len(data):
        length = struct.unpack_from(f"{order}I", data, position + 8)[0]
        frames.append(data[position + 16 : position + 16 + length])
        position += 16 + length
    return link_type, frames


def sctp_user_messages(path: Path, ppid: int) -> Iterator[bytes]:
    """User messages of unfragmented SCTP DATA chunks with this payload protocol identifier, over IPv4."""
    link_type, frames = packets(path)
    for frame in frames:
        ip = frame[_IP_OFFSETS[link_type] :]
        if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != _SCTP:
            continue
        position, end = 4 * (ip[0] & 15) + 12, int.from_bytes(ip[2:4], "big")
        while position + 4 <= end:
            kind, flags, length = struct.unpack_from(">BBH", ip, position)
            if kind == 0 and flags & 3 == 3 and struct.unpack_from(">I", ip, position + 12)[0] == ppid:
                yield ip[position + 16 : position + length]
            position += max(4, (length + 3) & ~3)


def write_udp(path: Path, port: int, payloads: Sequence[bytes]) -> None:
    """A PCAP file of UDP datagrams over IPv4 between two hosts, with ``port`` at both ends."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IPV4))
    for index, payload in enumerate(payloads):
        udp = struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload
        header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), index + 1, 0, 64, _UDP, 0)
        addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
        total = sum(struct.unpack(">10H", header + addresses))
        total = (total & 0xFFFF) + (total >> 16)
        checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        frame = header[:10] + checksum.to_bytes(2, "big") + addresses + udp
        out += struct.pack("<IIII", index, 0, len(frame), len(frame)) + frame
    path.write_bytes(bytes(out))


@dataclass(frozen=True, slots=True)
class FramedPdu:
    """A PDU in the framing of Wireshark's mac-lte-framed dissector."""

    downlink: bool
    rnti_type: int
    tti: int
    payload: bytes


def mac_pdus(path: Path) -> list[FramedPdu]:
    """PDUs of a file of exported PDUs whose dissector is mac-lte-framed, read by the framing's own definition."""
    return [_framed(_exported(packet)) for packet in packets(path)[1]]


def _exported(packet: bytes) -> bytes:
    """What follows the tags: 16-bit type and length each, up to a tag of type 0."""
    at = 0
    while True:
        tag, length = struct.unpack_from(">HH", packet, at)
        at += 4 + length
        if tag == 0:
            return packet[at:]


def _framed(data: bytes) -> FramedPdu:
    sizes = {0x02: 2, 0x03: 2, 0x04: 2, 0x06: 1, 0x07: 1}
    at, tti = 3, -1
    while data[at] != 0x01:
        tag, size = data[at], sizes[data[at]]
        if tag == 0x04:
            sfn, subframe = divmod(int.from_bytes(data[at + 1 : at + 3], "big"), 16)
            tti = 10 * sfn + subframe
        at += 1 + size
    return FramedPdu(data[1] == 1, data[2], tti, data[at + 1 :])
