"""ICMP and UDP of a host, and the checksum against the sum of RFC 1071 written out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.inet import IpHost, PortInUseError, packets
from picocell.inet.packets import IcmpType, PacketError, Protocol

A, B = "10.0.0.1", "10.0.0.2"


def exchange(a: IpHost, b: IpHost, now: int = 0) -> None:
    for packet in a.packets_to_send():
        b.receive(packet, now)
    for packet in b.packets_to_send():
        a.receive(packet, now)


@given(st.binary(max_size=200))
def test_checksum_is_the_sum_of_rfc_1071(data: bytes) -> None:
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert packets.checksum(data) == total ^ 0xFFFF


def test_recorded_header_checksum() -> None:
    # an IPv4 header of a packet capture, checksum b861 (the example of RFC 1071's usual explanations)
    header = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
    assert packets.checksum(header) == 0


def test_ping_is_answered_with_its_payload() -> None:
    a, b = IpHost(A), IpHost(B)
    a.ping(B, 7, 1, b"payload")
    exchange(a, b, 5)
    reply = a.echo_replies.popleft()
    assert (reply.source, reply.identifier, reply.sequence, reply.payload, reply.time) == (B, 7, 1, b"payload", 5)


def test_datagrams_reach_their_port_and_others_are_answered_unreachable() -> None:
    a, b = IpHost(A), IpHost(B)
    client, server = a.udp_socket(), b.udp_socket(53)
    client.sendto(b"question", B, 53)
    exchange(a, b)
    got = server.recvfrom()
    assert got == (b"question", A, client.port)
    server.close()
    client.sendto(b"again", B, 53)
    for packet in a.packets_to_send():
        b.receive(packet, 0)
    answer = packets.parse_ipv4(b.packets_to_send()[0])
    assert answer.protocol == Protocol.ICMP
    assert packets.parse_icmp(answer.payload).type == IcmpType.UNREACHABLE
    with pytest.raises(ValueError, match="closed"):
        server.sendto(b"x", A, 1)


def test_limits_are_named() -> None:
    a = IpHost(A)
    a.udp_socket(5)
    with pytest.raises(PortInUseError, match=r"port 5 of 10\.0\.0\.1"):
        a.udp_socket(5)
    with pytest.raises(ValueError, match="at most 1472"):
        a.udp_socket().sendto(bytes(1473), B, 1)
    with pytest.raises(ValueError, match="MTU 500"):
        IpHost(A, mtu=500)


def test_what_is_for_others_is_counted() -> None:
    a, b = IpHost(A), IpHost("10.0.0.3")
    a.ping(B, 1, 1)
    exchange(a, b)
    assert b.discarded == {"not for this host": 1}


@given(st.binary(max_size=100))
def test_random_bytes_are_counted(data: bytes) -> None:
    host = IpHost(A)
    host.receive(data, 0)
    assert sum(host.discarded.values()) == 1


def test_a_fragment_is_refused() -> None:
    a = IpHost(A)
    a.ping(B, 1, 1)
    packet = bytearray(a.packets_to_send()[0])
    packet[6] |= 0x20
    packet[10:12] = bytes(2)
    packet[10:12] = packets.checksum(bytes(packet[:20])).to_bytes(2, "big")
    with pytest.raises(PacketError, match="fragment"):
        packets.parse_ipv4(bytes(packet))


def test_random_seed_decides_ports() -> None:
    one, two = (IpHost(A, rng=random.Random(3)) for _ in range(2))
    assert one.udp_socket().port == two.udp_socket().port
