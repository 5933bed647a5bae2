"""The kernel's TCP, UDP and ICMP as the judge of ours: a TUN in a namespace here, a host in this process there."""

import heapq
import itertools
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from picocell.inet import IpHost, TcpConnection, TcpState, packets
from picocell.tun import NetworkNamespace, TunDevice
from picocell.tun.host import monotonic_ms
from support.waiting import LONG_S

KERNEL, OURS, PORT = "10.9.0.1", "10.9.0.2", 5001
MEGABYTES_2 = 2_000_000

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK), reason="needs root and /dev/net/tun"
)


class Wire:
    """The kernel behind a TUN, our host, and a path between them that may lose and reorder packets."""

    def __init__(self, tun: TunDevice) -> None:
        self.tun, self.host = tun, IpHost(OURS, mtu=1400, rng=random.Random(1))
        self.rng = random.Random(2)
        self.loss = self.late = 0.0
        self.lost = self.delayed = 0
        self.errors: list[BaseException] = []
        self._air: list[tuple[int, int, bool, bytes]] = []
        self._order = itertools.count()

    @property
    def now(self) -> int:
        """ms."""
        return monotonic_ms()

    def socket(self, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        """A kernel's socket."""
        place = self.tun.place
        assert isinstance(place, NetworkNamespace)
        made = place.run(lambda: socket.socket(socket.AF_INET, kind, protocol))
        made.settimeout(LONG_S)
        return made

    def run(self, until: Callable[[], bool], seconds: float = LONG_S) -> None:
        """Carry packets until something is true."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "time is over"
            self.step()

    def step(self) -> None:
        """Carry what waits; wait a millisecond where nothing does."""
        select.select([self.tun], [], [], 0.001)
        now = self.now
        for packet in self.tun.read():
            self._carry(True, packet, now)
        self.host.handle_timers(now)
        for packet in self.host.packets_to_send():
            self._carry(False, packet, now)
        while self._air and self._air[0][0] <= now:
            _, _, up, packet = heapq.heappop(self._air)
            self._deliver(up, packet, now)

    def _carry(self, up: bool, packet: bytes, now: int) -> None:
        if self.rng.random() < self.loss:
            self.lost += 1
        elif self.rng.random() < self.late:
            self.delayed += 1
            heapq.heappush(self._air, (now + self.rng.randint(1, 5), next(self._order), up, packet))
        else:
            self._deliver(up, packet, now)

    def _deliver(self, up: bool, packet: bytes, now: int) -> None:
        if up:
            self.host.receive(packet, now)
        else:
            self.tun.write(packet)

    def background(self, work: Callable[[], None]) -> threading.Thread:
        """The kernel's side in a thread; its errors are looked at in the end."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def accepted(self) -> TcpConnection:
        """The connection that the kernel opens next."""
        found: list[TcpConnection] = []

        def done() -> bool:
            if (connection := self.host.accept(PORT)) is not None:
                found.append(connection)
            return bool(found)

        self.run(done)
        return found[0]

    def exchange(self, ours: TcpConnection, data: bytes, expected: int) -> bytes:
        """Send all of the data, and read until as much has come as is expected."""
        got, sent = bytearray(), 0

        def pump() -> bool:
            nonlocal sent
            if sent < len(data):
                sent += ours.send(data[sent : sent + 65536], self.now)
            got.extend(ours.recv(1 << 20, self.now))
            return len(got) >= expected and sent == len(data)

        self.run(pump)
        return bytes(got)


@pytest.fixture
def wire() -> Iterator[Wire]:
    tun = TunDevice("tun_k", netns="pico-{pid}-tcp")
    try:
        tun.configure(KERNEL, 24, 1400)
        made = Wire(tun)
        yield made
        assert made.errors == []
        assert made.host.discarded["malformed"] == 0
    finally:
        tun.close()


def kernel_exchange(connection: socket.socket, data: bytes, expected: int, got: bytearray) -> None:
    """Both directions at once by the kernel, then a clean end."""
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    while len(got) < expected:
        piece = connection.recv(65536)
        if not piece:
            break
        got += piece
    sender.join()
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    connection.close()


def both_ways(wire: Wire, ours_calls: bool) -> None:
    rng = random.Random(3)
    up, down = rng.randbytes(MEGABYTES_2), rng.randbytes(MEGABYTES_2)
    got = bytearray()
    kernel = wire.socket()
    if ours_calls:
        kernel.bind((KERNEL, PORT))
        kernel.listen()
        thread = wire.background(lambda: kernel_exchange(kernel.accept()[0], up, len(down), got))
        ours = wire.host.connect(KERNEL, PORT, wire.now)
        wire.run(lambda: ours.established)
    else:

        def call() -> None:
            kernel.connect((OURS, PORT))
            kernel_exchange(kernel, up, len(down), got)

        wire.host.listen(PORT)
        thread = wire.background(call)
        ours = wire.accepted()
    assert wire.exchange(ours, down, len(up)) == up
    ours.close(wire.now)
    wire.run(lambda: ours.state is TcpState.CLOSED and not thread.is_alive())
    kernel.close()
    assert got == down
    assert ours.error is None
    wire.run(lambda: wire.host.connections == ())  # what a segment that came late has begun ends by itself


@pytest.mark.parametrize("ours_calls", [True, False], ids=["we call", "the kernel calls"])
def test_two_megabytes_both_ways_and_a_clean_end(wire: Wire, ours_calls: bool) -> None:
    both_ways(wire, ours_calls)


@pytest.mark.parametrize("ours_calls", [True, False], ids=["we call", "the kernel calls"])
def test_two_megabytes_both_ways_over_a_path_that_loses_and_reorders(wire: Wire, ours_calls: bool) -> None:
    wire.loss, wire.late = 0.02, 0.02
    both_ways(wire, ours_calls)
    assert wire.lost > 20
    assert wire.delayed > 20


def connect_kernel(wire: Wire) -> tuple[socket.socket, TcpConnection]:
    """The kernel calls us."""
    kernel = wire.socket()
    wire.host.unlisten(PORT)
    wire.host.listen(PORT)
    thread = wire.background(lambda: kernel.connect((OURS, PORT)))
    ours = wire.accepted()
    wire.run(lambda: not thread.is_alive())
    return kernel, ours


def test_a_kernels_reader_that_stops_closes_the_window_and_opens_it_again(wire: Wire) -> None:
    kernel, ours = connect_kernel(wire)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    data = random.Random(4).randbytes(3 * MEGABYTES_2 // 2)
    sent = 0

    def fill() -> bool:
        nonlocal sent
        sent += ours.send(data[sent : sent + 65536], wire.now)
        return False

    end = time.monotonic() + 1.5
    wire.run(lambda: fill() or time.monotonic() > end)
    assert not ours.all_acknowledged
    stopped_at = sent
    assert stopped_at < len(data)
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(kernel.recv(65536))

    thread = wire.background(read)
    wire.exchange(ours, data[sent:], 0)
    wire.run(lambda: not thread.is_alive())
    kernel.close()
    assert got == data


def test_a_reader_of_ours_that_stops_holds_the_kernel_up_and_lets_it_go(wire: Wire) -> None:
    kernel, ours = connect_kernel(wire)
    data = random.Random(5).randbytes(2 * MEGABYTES_2)
    thread = wire.background(lambda: kernel.sendall(data))
    wire.run(lambda: ours.readable > 500_000)
    end = time.monotonic() + 1
    wire.run(lambda: time.monotonic() > end)
    assert 500_000 < ours.readable <= 1 << 20
    assert wire.exchange(ours, b"", len(data)) == data
    wire.run(lambda: not thread.is_alive())
    kernel.close()


def test_resets_are_understood_both_ways(wire: Wire) -> None:
    kernel, ours = connect_kernel(wire)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    kernel.close()
    wire.run(lambda: ours.state is TcpState.CLOSED)
    assert ours.error == "connection reset by the peer"
    kernel, ours = connect_kernel(wire)
    ours.abort(wire.now)
    raised: list[type[BaseException]] = []

    def read() -> None:
        try:
            kernel.recv(1)
        except OSError as error:
            raised.append(type(error))

    thread = wire.background(read)
    wire.run(lambda: not thread.is_alive())
    kernel.close()
    assert raised == [ConnectionResetError]


def test_refusals_are_understood_both_ways(wire: Wire) -> None:
    ours = wire.host.connect(KERNEL, 9, wire.now)
    wire.run(lambda: ours.state is TcpState.CLOSED)
    assert ours.error == "connection refused"
    kernel = wire.socket()
    raised: list[type[BaseException]] = []

    def call() -> None:
        try:
            kernel.connect((OURS, 9))
        except OSError as error:
            raised.append(type(error))

    thread = wire.background(call)
    wire.run(lambda: not thread.is_alive())
    kernel.close()
    assert raised == [ConnectionRefusedError]


def test_either_may_close_first_while_the_other_still_sends(wire: Wire) -> None:
    kernel, ours = connect_kernel(wire)
    kernel.shutdown(socket.SHUT_WR)
    wire.run(lambda: ours.at_end)
    data = random.Random(6).randbytes(300_000)
    got = bytearray()

    def read() -> None:
        while piece := kernel.recv(65536):
            got.extend(piece)

    thread = wire.background(read)
    wire.exchange(ours, data, 0)
    ours.close(wire.now)
    wire.run(lambda: not thread.is_alive() and ours.state is TcpState.CLOSED)
    kernel.close()
    assert got == data
    kernel, ours = connect_kernel(wire)
    ours.close(wire.now)
    wire.run(lambda: ours.state is TcpState.FIN_WAIT_2)
    thread = wire.background(lambda: kernel.sendall(data))
    assert wire.exchange(ours, b"", len(data)) == data
    wire.run(lambda: not thread.is_alive())
    kernel.close()
    wire.run(lambda: ours.state is TcpState.CLOSED)
    assert ours.error is None


def test_datagrams_both_ways_and_unreachable_ports(wire: Wire) -> None:
    with wire.socket(socket.SOCK_DGRAM) as kernel:
        kernel.bind((KERNEL, 7))
        ours = wire.host.udp_socket(8)
        ours.sendto(b"odd", KERNEL, 7)
        wire.run(lambda: bool(select.select([kernel], [], [], 0)[0]))
        assert kernel.recvfrom(100) == (b"odd", (OURS, 8))
        kernel.sendto(bytes(1372), (OURS, 8))
        wire.run(lambda: len(ours) == 1)
        assert ours.recvfrom() == (bytes(1372), KERNEL, 7)
        kernel.connect((OURS, 9))
        kernel.send(b"nobody")
        wire.run(lambda: bool(select.select([kernel], [], [], 0)[0]))
        with pytest.raises(ConnectionRefusedError):
            kernel.recv(10)


def test_pings_both_ways(wire: Wire) -> None:
    wire.host.ping(KERNEL, 3, 9, b"odd")
    wire.run(lambda: len(wire.host.echo_replies) == 1)
    assert wire.host.echo_replies[0].payload == b"odd"
    with wire.socket(socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        message = packets.IcmpMessage(packets.IcmpType.ECHO_REQUEST, 0, 3, 10, bytes(1300))
        raw.sendto(packets.build_icmp(message), (OURS, 0))
        wire.run(lambda: bool(select.select([raw], [], [], 0)[0]))
        answer = packets.parse_icmp(packets.parse_ipv4(raw.recv(2000)).payload)
    assert (answer.type, answer.sequence, answer.payload) == (packets.IcmpType.ECHO_REPLY, 10, bytes(1300))
