"""UDP sockets of GTP: batches, addresses, and what is refused."""

import os
import select

import pytest

from picocell.epc.interfaces.sockets import TransportError
from picocell.epc.interfaces.udp_transport import BATCH, Datagram, UdpTransport
from support.waiting import LONG_S

NET = f"127.{64 + os.getpid() // 256 % 128}.{os.getpid() % 256}"
HERE, THERE = f"{NET}.4", f"{NET}.5"
PORT = 2152


def test_batches_arrive_in_order_with_the_senders_address() -> None:
    with UdpTransport(HERE, PORT) as here, UdpTransport(THERE, PORT) as there:
        data = [i.to_bytes(2, "big") * (1 + i * 7) for i in range(3 * BATCH)]
        assert here.send((d, THERE, PORT) for d in data) == len(data)
        seen: list[Datagram] = []
        while len(seen) < len(data):
            assert select.select([there], [], [], LONG_S)[0]
            batch = there.receive()
            assert 0 < len(batch) <= BATCH
            seen += batch
        assert seen == [Datagram(d, HERE, PORT) for d in data]
        assert there.receive() == []
        there.send([(b"answer", seen[0].address, seen[0].port)])
        assert select.select([here], [], [], LONG_S)[0]
        assert here.receive() == [Datagram(b"answer", THERE, PORT)]


def test_an_answer_goes_to_any_port() -> None:
    with UdpTransport(HERE, 0) as here, UdpTransport(THERE, PORT) as there:
        assert here.port not in (0, PORT)
        here.send([(b"", THERE, PORT)])
        assert select.select([there], [], [], LONG_S)[0]
        assert there.receive() == [Datagram(b"", HERE, here.port)]


def test_what_the_system_does_not_take_is_counted() -> None:
    with UdpTransport(HERE, 0) as here:
        assert here.send([(bytes(70_000), THERE, PORT), (b"nobody is there", THERE, PORT)]) == 1
        assert here.dropped == 1
        assert here.receive() == []


def test_a_place_that_cannot_be_had_is_named() -> None:
    with UdpTransport(HERE, PORT), pytest.raises(TransportError, match=f"UDP port 2152 of {HERE} is in use"):
        UdpTransport(HERE, PORT)
    with pytest.raises(TransportError, match=r"198\.51\.100\.1 is no address of this machine"):
        UdpTransport("198.51.100.1", PORT)
    with pytest.raises(ValueError, match="no IPv4 address"):
        UdpTransport("::1", PORT)
    with pytest.raises(ValueError, match="0 to 65535, not -1"):
        UdpTransport(HERE, -1)
