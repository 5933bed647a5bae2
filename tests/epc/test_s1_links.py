"""Associations by the names of eNBs, and the socket of GTP-U."""

import socket
from collections import deque
from typing import Any

import pytest

from picocell.epc.gtpu_socket import BATCH, GtpuSocket
from picocell.epc.interfaces.sctp import AssociationDown, AssociationUp, SctpError, SctpMessage
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.s1_links import EnbDown, EnbUp, S1Links
from support.waiting import until


class Endpoint:
    """An SCTP endpoint whose events are put into it."""

    def __init__(self, *events: object) -> None:
        self.events = deque(events)
        self.sent: list[tuple[int, bytes, int, int]] = []
        self.refuses = False

    def listen(self) -> None:
        pass

    def next_event(self) -> object | None:
        return self.events.popleft() if self.events else None

    def send(self, number: int, data: bytes, *, stream: int, ppid: int) -> None:
        if self.refuses:
            raise SctpError(107, "not established")
        self.sent.append((number, data, stream, ppid))


def up(number: int, port: int = 5000, streams: int = 16) -> AssociationUp:
    return AssociationUp(number, ("10.0.0.1", port), streams, 16)


def links(*events: object) -> tuple[S1Links, Any]:
    endpoint: Any = Endpoint(*events)
    return S1Links(endpoint, "mme"), endpoint


def to(enb: str, stream: int = 0) -> Message:
    return Message(Interface.S1AP, "mme", enb, b"data", stream)


def test_names_are_address_and_port() -> None:
    one, endpoint = links(up(1), up(2, 6000), SctpMessage(2, 3, 18, b"x"), AssociationDown(1, "why"))
    assert list(one.events()) == [
        EnbUp("10.0.0.1:5000"),
        EnbUp("10.0.0.1:6000"),
        Message(Interface.S1AP, "10.0.0.1:6000", "mme", b"x", 3),
        EnbDown("10.0.0.1:5000", "why"),
    ]
    one.send(to("10.0.0.1:6000", 1))
    assert endpoint.sent == [(2, b"data", 1, 18)]
    assert len(one) == 1


def test_same_name_twice_is_told_apart() -> None:
    one, endpoint = links(up(1), up(7), AssociationDown(1, ""))
    assert list(one.events()) == [EnbUp("10.0.0.1:5000"), EnbUp("10.0.0.1:5000#7"), EnbDown("10.0.0.1:5000", "")]
    one.send(to("10.0.0.1:5000#7"))
    assert [number for number, *_ in endpoint.sent] == [7]


def test_messages_that_cannot_go_out_are_counted() -> None:
    one, endpoint = links(up(1), AssociationDown(9, "an association that never was up"))
    assert list(one.events()) == [EnbUp("10.0.0.1:5000")]
    one.send(to("10.0.0.1:9"))
    endpoint.refuses = True
    one.send(to("10.0.0.1:5000"))
    assert (one.dropped, endpoint.sent) == (2, [])


def test_peer_with_few_streams_gets_all_on_those() -> None:
    one, endpoint = links(up(1, streams=1))
    list(one.events())
    one.send(to("10.0.0.1:5000", 1))
    assert endpoint.sent == [(1, b"data", 0, 18)]


@pytest.mark.parametrize("ppid", [0, 46, 18 << 24])
def test_other_protocols_are_dropped(ppid: int) -> None:
    one, _ = links(up(1), SctpMessage(1, 0, ppid, b"x"))
    assert list(one.events()) == [EnbUp("10.0.0.1:5000")]
    assert one.dropped == 1


def received(one: GtpuSocket, n: int) -> list[tuple[bytes, str]]:
    """At least so many datagrams."""
    found: list[tuple[bytes, str]] = []

    def have_come() -> bool:
        found.extend(one.receive())
        return len(found) >= n

    until(have_come)
    return found


def test_datagrams_come_in_batches() -> None:
    one = GtpuSocket("127.0.0.1", 0, 2152)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    batches: list[list[tuple[bytes, str]]] = []

    def a_batch_is_full() -> bool:
        """The system may take a while between a datagram's way out and in."""
        for n in range(BATCH + 10):
            peer.sendto(n.to_bytes(2), (one.address, one.port))
        batches.append(one.receive())
        found = batches[-1].copy()
        while len(found) < BATCH + 10:
            found += received(one, 1)
        assert found == [(n.to_bytes(2), "127.0.0.1") for n in range(BATCH + 10)]
        return len(batches[-1]) == BATCH

    until(a_batch_is_full)
    assert max(map(len, batches)) == BATCH
    assert one.receive() == []
    one.close()
    peer.close()


def test_datagrams_go_to_the_peers_port() -> None:
    peer = GtpuSocket("127.0.0.1", 0, 1)
    one = GtpuSocket("127.0.0.1", 0, peer.port)
    one.send(b"abc", "127.0.0.1")
    assert received(peer, 1) == [(b"abc", "127.0.0.1")]
    one.send(bytes(70_000), "127.0.0.1")
    one.send(b"", "no address")
    assert one.dropped == 2
    one.close()
    peer.close()


def test_port_that_is_taken() -> None:
    one = GtpuSocket("127.0.0.1", 0, 2152)
    with pytest.raises(OSError, match=rf"GTP-U at 127\.0\.0\.1:{one.port}: Address already in use"):
        GtpuSocket("127.0.0.1", one.port, 2152)
    one.close()
