"""TCP's two ends against each other over a path that loses, repeats and reorders packets."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.inet import ConnectionFailedError, IpHost, TcpConnection, TcpState, packets
from picocell.inet.host import BACKLOG

A, B, PORT = "10.0.0.1", "10.0.0.2", 5001


class Net:
    """Two hosts and a path with a delay, which may lose packets."""

    def __init__(self, seed: int = 0, delay: int = 10, spread: int = 0, lost: Callable[[], bool] | None = None) -> None:
        self.rng = random.Random(seed)
        self.a, self.b = IpHost(A, rng=random.Random(seed)), IpHost(B, rng=random.Random(seed + 1))
        self.now, self.delay, self.spread = 0, delay, spread
        self.lost = lost or (lambda: False)
        self.air: list[tuple[int, int, IpHost, bytes]] = []
        self.sent = 0

    def run(self, until: Callable[[], bool], limit: int = 30_000) -> None:
        while not until():
            assert self.now < limit, "time is over"
            self.step()

    def step(self) -> None:
        for host, peer in ((self.a, self.b), (self.b, self.a)):
            host.handle_timers(self.now)
            for packet in host.packets_to_send():
                self.sent += 1
                if not self.lost():
                    at = self.now + self.delay + self.rng.randrange(self.spread + 1)
                    self.air.append((at, self.sent, peer, packet))
        for item in sorted(entry for entry in self.air if entry[0] <= self.now):
            item[2].receive(item[3], self.now)
        self.air = [item for item in self.air if item[0] > self.now]
        self.now += 1

    def connected(self) -> tuple[TcpConnection, TcpConnection]:
        self.b.listen(PORT)
        call = self.a.connect(B, PORT, self.now)
        accepted: list[TcpConnection] = []

        def done() -> bool:
            if (found := self.b.accept(PORT)) is not None:
                accepted.append(found)
            return bool(accepted) and call.established

        self.run(done)
        return call, accepted[0]

    def transfer(self, sender: TcpConnection, receiver: TcpConnection, data: bytes) -> bytes:
        got, sent = bytearray(), 0

        def pump() -> bool:
            nonlocal sent
            if sent < len(data):
                sent += sender.send(data[sent : sent + 65536], self.now)
            got.extend(receiver.recv(1 << 20, self.now))
            return len(got) >= len(data)

        self.run(pump)
        return bytes(got)


def test_data_both_ways_and_a_clean_end() -> None:
    net = Net()
    a, b = net.connected()
    data = random.Random(1).randbytes(300_000)
    assert net.transfer(a, b, data) == data
    assert net.transfer(b, a, data[::-1]) == data[::-1]
    a.close(net.now)
    net.run(lambda: b.at_end)
    b.close(net.now)
    net.run(lambda: a.state is TcpState.CLOSED and b.state is TcpState.CLOSED)
    assert a.error is None
    assert b.error is None
    net.step()
    assert net.a.connections == net.b.connections == ()


@pytest.mark.parametrize("seed", range(4))
def test_loss_and_reordering_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    net = Net(seed, spread=15, lost=lambda: rng.random() < 0.03)
    a, b = net.connected()
    data = rng.randbytes(200_000)
    assert net.transfer(a, b, data) == data
    assert a.retransmissions > 0


@given(st.integers(0, 1 << 20), st.floats(0, 0.1))
def test_every_byte_once_and_in_order(seed: int, loss: float) -> None:
    rng = random.Random(seed)
    net = Net(seed, spread=rng.randrange(20), lost=lambda: rng.random() < loss)
    a, b = net.connected()
    data = rng.randbytes(rng.randrange(1, 20_000))
    assert net.transfer(a, b, data) == data
    b.close(net.now)
    a.close(net.now)
    net.run(lambda: a.state is TcpState.CLOSED and b.state is TcpState.CLOSED, limit=1 << 22)


def test_window_of_a_reader_that_does_not_read_closes_and_opens() -> None:
    net = Net()
    a, b = net.connected()
    data = bytes(3_000_000)
    sent = 0
    for _ in range(3000):
        sent += a.send(data[sent : sent + 65536], net.now)
        net.step()
    assert b.readable <= 1 << 20
    got = 0

    def pump() -> bool:
        nonlocal got, sent
        sent += a.send(data[sent : sent + 65536], net.now) if sent < len(data) else 0
        got += len(b.recv(1 << 20, net.now))
        return got == len(data)

    net.run(pump)


def test_slow_start_fills_a_long_path() -> None:
    net = Net(delay=50)
    a, b = net.connected()
    start = net.now
    net.transfer(a, b, bytes(500_000))
    # windows of 10, 20, 40, ... segments: 6 round trips of 100 ms for 342 segments, and some to open
    assert net.now - start < 900
    assert a.srtt == pytest.approx(100, abs=45)


def test_refused_reset_and_timed_out() -> None:
    net = Net()
    refused = net.a.connect(B, 9, 0)
    net.run(lambda: refused.state is TcpState.CLOSED)
    assert refused.error == "connection refused"
    a, b = net.connected()
    b.abort(net.now)
    net.run(lambda: a.state is TcpState.CLOSED)
    assert a.error == "connection reset by the peer"
    with pytest.raises(ConnectionFailedError, match="reset"):
        a.send(b"x", net.now)
    c, _ = net.a.connect(B, PORT, net.now), None
    net.lost = lambda: True
    net.run(lambda: c.state is TcpState.CLOSED, limit=1 << 22)
    assert c.error == "connection timed out"


@given(st.binary(max_size=80), st.integers(0, 3))
def test_mutated_packets_never_crash(noise: bytes, where: int) -> None:
    net = Net()
    a, _ = net.connected()
    a.send(b"hello", net.now)
    packet = bytearray(net.a.packets_to_send()[0])
    at = [0, 9, 20, 33][where]
    packet[at : at + len(noise)] = noise
    net.b.receive(bytes(packet), net.now)
    net.b.receive(noise, net.now)
    net.step()


def test_a_flood_of_calls_that_nobody_accepts_is_bounded() -> None:
    host = IpHost(A)
    host.listen(PORT)
    for n in range(1100):
        syn = packets.TcpSegment(1 + n, PORT, n, 0, packets.TcpFlag.SYN, 1000)
        host.receive(packets.build_tcp(B, A, syn), 0)
    assert len(host.connections) == BACKLOG
    assert host.discarded["backlog full"] == 1100 - BACKLOG
    for n in range(10):
        reset = packets.TcpSegment(1 + n, PORT, n + 1, 0, packets.TcpFlag.RST, 0)
        host.receive(packets.build_tcp(B, A, reset), 1)
    host.packets_to_send()
    host.receive(packets.build_tcp(B, A, packets.TcpSegment(9999, PORT, 0, 0, packets.TcpFlag.SYN, 1000)), 2)
    assert len(host.connections) == BACKLOG - 9
