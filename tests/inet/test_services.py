"""The simple services against what their RFCs say."""

import random

import pytest

from picocell.inet import IpHost, PortInUseError, TcpConnection, TcpState
from picocell.inet.services import CHARGEN, DISCARD, ECHO, SimpleServices

A, B = "10.0.0.1", "10.0.0.2"


class Net:
    """A client, a host with the services, and a wire."""

    def __init__(self) -> None:
        self.client, self.server = IpHost(A, rng=random.Random(1)), IpHost(B, rng=random.Random(2))
        self.services = SimpleServices(self.server)
        self.now = 0

    def run(self, ms: int) -> None:
        for _ in range(ms):
            for host, peer in ((self.client, self.server), (self.server, self.client)):
                host.handle_timers(self.now)
                for packet in host.packets_to_send():
                    peer.receive(packet, self.now)
            self.services.serve(self.now)
            self.now += 1

    def call(self, port: int) -> TcpConnection:
        connection = self.client.connect(B, port, self.now)
        self.run(10)
        assert connection.established
        return connection


def test_echo_gives_everything_back() -> None:
    net = Net()
    connection = net.call(ECHO)
    connection.send(b"back to me", net.now)
    net.run(20)
    assert connection.recv(100, net.now) == b"back to me"


def test_discard_takes_everything() -> None:
    net = Net()
    connection = net.call(DISCARD)
    connection.send(bytes(100_000), net.now)
    net.run(100)
    assert net.services.discarded == 100_000
    assert connection.all_acknowledged


def test_character_generator_fills_the_path_until_the_reader_goes() -> None:
    net = Net()
    connection = net.call(CHARGEN)
    got = 0
    for _ in range(50):
        net.run(2)
        data = connection.recv(1 << 20, net.now)
        assert all(0x20 <= byte < 0x7F for byte in data)
        got += len(data)
    assert got > 500_000
    connection.abort(net.now)
    net.run(5)
    assert net.services.connections == 0


def test_connections_end_with_the_client() -> None:
    net = Net()
    connection = net.call(ECHO)
    assert net.services.connections == 1
    connection.close(net.now)
    net.run(3000)
    assert connection.state is TcpState.CLOSED
    assert net.services.connections == 0


def test_a_taken_port_is_refused() -> None:
    host = IpHost(A)
    host.listen(ECHO)
    with pytest.raises(PortInUseError, match="port 7"):
        SimpleServices(host)
