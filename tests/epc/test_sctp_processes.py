"""SCTP between processes: messages whole and in order, and what becomes of associations whose peer goes away."""

import ast
import asyncio
import contextlib
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from picocell.epc.interfaces import sctp
from picocell.epc.interfaces.sctp import AssociationDown, AssociationUp, SctpEndpoint, SctpEvent, SctpMessage
from picocell.epc.interfaces.sctp import kernel as kernel_sctp

PORT = 36412
LONG_S = 120.0
"""What takes so long does not come any more."""

# Addresses of this process alone, so that tests may run beside one another; its children are told theirs.
NET = f"127.{64 + os.getpid() // 256 % 128}.{os.getpid() % 256}"
CLIENT, SERVER, ATTACKER, FIRST_OF_MANY = f"{NET}.1", f"{NET}.200", f"{NET}.201", 10


@dataclass(frozen=True)
class Way:
    """A mode, and where the two processes are."""

    name: str
    server: dict[str, Any]
    client: dict[str, Any]


def _way(name: str, mode: str, server: str, client: str, server_udp: int = 0, client_udp: int = 0) -> Way:
    def arguments(address: str, own_udp: int, peer_udp: int) -> dict[str, Any]:
        ports = {"udp_port": own_udp, "peer_udp_port": peer_udp} if own_udp else {}
        return {"mode": mode, "local_address": address, **ports}

    return Way(name, arguments(server, server_udp, client_udp), arguments(client, client_udp, server_udp))


KERNEL = _way("kernel", "kernel", SERVER, CLIENT)
IP = _way("ip", "usrsctp", SERVER, CLIENT)
IP_SAME_ADDRESS = _way("ip-same-address", "usrsctp", CLIENT, CLIENT)
UDP = _way("udp", "usrsctp-udp", SERVER, CLIENT)
UDP_SAME_ADDRESS = _way("udp-same-address", "usrsctp-udp", CLIENT, CLIENT, 9901, 9902)
ALL_WAYS = [KERNEL, IP, IP_SAME_ADDRESS, UDP, UDP_SAME_ADDRESS]
all_ways = pytest.mark.parametrize("way", ALL_WAYS, indirect=True, ids=[w.name for w in ALL_WAYS])


def _why_not(way: Way) -> str:
    """Why a way does not work on this machine, empty if it does."""
    if way.name == "kernel" and not kernel_sctp.available():
        return "this kernel has no SCTP"
    try:
        sctp.open_endpoint(**way.client).close()
    except sctp.SctpError as exc:
        if exc.errno in (errno.ENOENT, errno.EPERM, errno.EACCES, errno.ENOSYS):
            return str(exc.strerror)
        raise
    return ""


@pytest.fixture(params=[KERNEL, IP, UDP_SAME_ADDRESS], ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way that works on this machine."""
    chosen: Way = request.param
    if reason := _why_not(chosen):
        pytest.skip(reason)
    return chosen


@dataclass
class Server:
    """An echo server in a process of its own; it says every association that comes and goes."""

    way: Way
    port: int = PORT
    process: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, __file__, "echo", repr(self.way.server), str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line().startswith("ready"), "the server did not start"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self, how: int = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait(LONG_S)
        if how == signal.SIGKILL:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    @property
    def address(self) -> str:
        return str(self.way.server["local_address"])


@pytest.fixture
def server(way: Way) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def start() -> Server:
        started.append(Server(way))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def client(way: Way) -> Iterator[SctpEndpoint]:
    endpoint = sctp.open_endpoint(**way.client)
    yield endpoint
    endpoint.close(abort=True)


def events(endpoint: SctpEndpoint, seconds: float = LONG_S) -> Iterator[SctpEvent]:
    """What comes within a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event = endpoint.next_event()
        if event is None:
            time.sleep(0.002)
        else:
            yield event


def first(endpoint: SctpEndpoint, kind: type, seconds: float = LONG_S) -> Any:
    """The next event of a kind."""
    for event in events(endpoint, seconds):
        if isinstance(event, kind):
            return event
    pytest.fail(f"no {kind.__name__} within {seconds} s")


def connected(client: SctpEndpoint, server: Server) -> int:
    number = client.connect(server.address, PORT)
    up = first(client, AssociationUp)
    assert up.association == number
    assert up.peer == (server.address, PORT)
    assert up.streams_out >= 2
    assert up.streams_in >= 2
    return number


@all_ways
def test_a_thousand_messages_come_whole_and_in_order_of_their_stream(
    server: Callable[[], Server], client: SctpEndpoint
) -> None:
    number = connected(client, server())
    rng = random.Random(1)
    sent: dict[int, list[bytes]] = {stream: [] for stream in range(8)}
    for _ in range(1000):
        stream, data = rng.randrange(8), rng.randbytes(rng.randrange(1, 10_001))
        client.send(number, data, stream=stream)
        sent[stream].append(data)
    echoed: dict[int, list[bytes]] = {stream: [] for stream in range(8)}
    for event in events(client):
        assert isinstance(event, SctpMessage)
        assert event.ppid == 18
        echoed[event.stream].append(event.data)
        if sum(map(len, echoed.values())) == 1000:
            break
    assert echoed == sent


def test_the_longest_s1ap_messages_keep_their_borders(server: Callable[[], Server], client: SctpEndpoint) -> None:
    number = connected(client, server())
    messages = [bytes([i]) * size for i, size in enumerate((65_535, 1, 65_536, 200_000, 2))]
    for data in messages:
        client.send(number, data, stream=0, ppid=0x01020304)
    for data in messages:
        message = first(client, SctpMessage)
        assert message.data == data
        assert message.ppid == 0x01020304


def test_a_killed_server_is_noticed() -> None:
    ways = [w for w in (KERNEL, IP, UDP) if not _why_not(w)]
    if not ways:
        pytest.skip("; ".join(_why_not(w) for w in (KERNEL, IP, UDP)))
    with contextlib.ExitStack() as stack:
        pairs = []
        for way in ways:
            one = Server(way)
            stack.callback(one.kill)
            client = stack.enter_context(sctp.open_endpoint(**way.client))
            pairs.append((client, connected(client, one)))
            one.kill()
        for client, number in pairs:
            down = first(client, AssociationDown)
            assert down.association == number
            assert "not answer" in down.reason
            with pytest.raises(sctp.SctpError, match="not established"):
                client.send(number, b"too late", stream=0)


def test_a_restarted_server_can_be_connected_again(server: Callable[[], Server], client: SctpEndpoint) -> None:
    one = server()
    number = connected(client, one)
    one.kill()
    two = server()
    assert first(client, AssociationDown).association == number
    again = connected(client, two)
    assert again != number
    client.send(again, b"hello", stream=1)
    assert first(client, SctpMessage) == SctpMessage(again, 1, 18, b"hello")


@pytest.mark.parametrize(
    ("how", "reason"), [(signal.SIGTERM, "shut down"), (signal.SIGINT, "aborted by the peer")], ids=["close", "exit"]
)
def test_a_server_that_ends_says_so_at_once(
    server: Callable[[], Server], client: SctpEndpoint, how: int, reason: str
) -> None:
    one = server()
    number = connected(client, one)
    one.kill(how)
    assert first(client, AssociationDown) == AssociationDown(number, reason)


def test_a_client_that_restarts_at_its_port_is_a_new_association(way: Way, server: Callable[[], Server]) -> None:
    one = server()
    arguments = [sys.executable, __file__, "connect", repr(way.client), one.address]
    with contextlib.ExitStack() as stack:
        # both have come up before the first is killed: its association would not outlast another one's start for sure
        processes = [
            stack.enter_context(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(2)
        ]
        for process in processes:
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for number, process in enumerate(processes, 1):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            assert process.stdout.readline() == "up\n"
            if number == 2:
                assert one.line() == "down 1 restarted by the peer"
            assert one.line() == f"up {number} {way.client['local_address']} 40000"
            process.kill()
            process.wait(LONG_S)


def test_many_clients(way: Way, server: Callable[[], Server]) -> None:
    one = server()
    udp = {"udp_port": None} if "udp_port" in way.client else {}
    with contextlib.ExitStack() as stack:
        clients = []
        for i in range(30):
            place = {**way.client, "local_address": f"{NET}.{FIRST_OF_MANY + i}", **udp}
            clients.append(stack.enter_context(sctp.open_endpoint(**place)))
        numbers = [connected(c, one) for c in clients]
        for round_ in range(3):
            for i, (c, number) in enumerate(zip(clients, numbers, strict=True)):
                c.send(number, bytes([i, round_]), stream=1)
        for i, c in enumerate(clients):
            assert [first(c, SctpMessage).data for _ in range(3)] == [bytes([i, r]) for r in range(3)]


def test_rubbish_makes_no_association_and_harms_none(
    way: Way, server: Callable[[], Server], client: SctpEndpoint
) -> None:
    if way.name == "kernel":
        pytest.skip("the kernel's own business")
    one = server()
    number = connected(client, one)
    rng = random.Random(2)
    over_udp = "udp" in way.name
    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM if over_udp else socket.SOCK_RAW, 0 if over_udp else 132
    ) as attacker:
        attacker.bind((ATTACKER, 0))
        target = (one.address, way.server.get("udp_port", 9899) if over_udp else 0)
        for i in range(600):
            header = (1000 + i).to_bytes(2, "big") + PORT.to_bytes(2, "big") + rng.randbytes(8)
            chunk = bytes([rng.choice((0, 1, 2, 6, 10, 11, 14, 0xC1)), 0]) + rng.randbytes(rng.randrange(60))
            packet = header + chunk if i % 3 else rng.randbytes(rng.randrange(1, 100))
            # A right checksum lets the rest be read.
            packet = packet if len(packet) < 12 or i % 2 else packet[:8] + _crc32c(packet) + packet[12:]
            attacker.sendto(packet, target)
    client.send(number, b"still here", stream=0)
    assert first(client, SctpMessage).data == b"still here"
    assert one.line() == f"up 1 {way.client['local_address']} {client.port}"
    one.kill(signal.SIGTERM)
    assert one.line() == "down 1 shut down"


def _crc32c(packet: bytes) -> bytes:
    """Checksum of an SCTP packet (RFC 9260 6.8)."""
    crc = 0xFFFFFFFF
    for byte in packet[:8] + bytes(4) + packet[12:]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def test_an_event_loop_waits_for_the_descriptor(server: Callable[[], Server], client: SctpEndpoint) -> None:
    one = server()

    async def talk() -> list[SctpEvent]:
        seen: list[SctpEvent] = []
        done = asyncio.Event()

        def readable() -> None:
            while event := client.next_event():
                seen.append(event)
                if isinstance(event, AssociationUp):
                    client.send(event.association, b"S1 Setup", stream=0)
                elif isinstance(event, SctpMessage):
                    client.disconnect(event.association)
                else:
                    done.set()

        asyncio.get_running_loop().add_reader(client.fileno(), readable)
        client.connect(one.address, PORT)
        await asyncio.wait_for(done.wait(), LONG_S)
        asyncio.get_running_loop().remove_reader(client.fileno())
        return seen

    up, message, down = asyncio.run(talk())
    assert isinstance(up, AssociationUp)
    assert message == SctpMessage(up.association, 0, 18, b"S1 Setup")
    assert down == AssociationDown(up.association, "shut down")


def _serve(endpoint: SctpEndpoint) -> None:
    """Echo what comes until SIGTERM (close) or SIGINT (just end)."""

    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: signals.append(which))
    endpoint.listen()
    print("ready", endpoint.mode, flush=True)
    while not signals:
        _answer(endpoint)
    if signals == [signal.SIGTERM]:
        endpoint.close()
        _answer(endpoint)


def _answer(endpoint: SctpEndpoint) -> None:
    """Echo and say what has come."""
    while event := endpoint.next_event():
        match event:
            case SctpMessage(association, stream, ppid, data):
                with contextlib.suppress(sctp.SctpError):
                    endpoint.send(association, data, stream=stream, ppid=ppid)
            case AssociationUp(association, peer):
                print("up", association, *peer, flush=True)
            case AssociationDown(association, reason):
                print("down", association, reason, flush=True)
    time.sleep(0.002)


def _main(action: str, place: str, argument: str) -> None:
    arguments = ast.literal_eval(place)
    if action == "echo":
        _serve(sctp.open_endpoint(port=int(argument), **arguments))
    else:
        print("ready", flush=True)
        sys.stdin.readline()
        endpoint = sctp.open_endpoint(port=40000, **arguments)
        endpoint.connect(argument, PORT)
        first(endpoint, AssociationUp)
        print("up", flush=True)
        while os.getppid() != 1:
            time.sleep(0.1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
