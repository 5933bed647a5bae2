"""SCTP endpoints in one process: what is refused and why, queues' limits, and what the packets say."""

import contextlib
import ctypes
import errno
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from picocell.epc.interfaces import s1ap, sctp
from picocell.epc.interfaces.sctp import (
    AssociationDown,
    AssociationUp,
    SctpEndpoint,
    SctpMessage,
    endpoint,
    kernel,
    library,
    usrsctp,
)
from support.sctp_events import PORT, await_event

NET = f"127.{64 + os.getpid() // 256 % 128}.{os.getpid() % 256}"
SERVER, CLIENT = f"{NET}.2", f"{NET}.3"
SCTP_LINK_TYPE = 248


def _why_no_library() -> str:
    try:
        library.load()
    except sctp.SctpError as exc:
        return str(exc.strerror)
    return ""


@pytest.fixture
def library_is_there() -> None:
    """Skips where libusrsctp is not installed."""
    if reason := _why_no_library():
        pytest.skip(reason)


needs_library = pytest.mark.usefixtures("library_is_there")


@pytest.fixture
def pair() -> Iterator[tuple[SctpEndpoint, SctpEndpoint, int]]:
    """Server, client and the client's number of their association, over UDP as that needs no permission."""
    if reason := _why_no_library():
        pytest.skip(reason)
    with associated() as both:
        yield both


@contextlib.contextmanager
def associated() -> Iterator[tuple[SctpEndpoint, SctpEndpoint, int]]:
    with (
        sctp.open_endpoint("usrsctp-udp", SERVER, PORT) as server,
        sctp.open_endpoint("usrsctp-udp", CLIENT) as client,
    ):
        server.listen()
        number = client.connect(SERVER, PORT)
        assert await_event(client).association == number
        assert await_event(server).peer == (CLIENT, client.port)
        yield server, client, number


def test_what_is_no_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="one of auto, kernel, usrsctp, usrsctp-udp"):
        sctp.open_endpoint("tcp")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'localhost' is no IPv4 address"):
        sctp.open_endpoint(local_address="localhost")
    with pytest.raises(ValueError, match="0 to 65535, not 65536"):
        sctp.open_endpoint(port=65536)
    with pytest.raises(ValueError, match="UDP ports are for the mode usrsctp-udp"):
        sctp.open_endpoint("usrsctp", udp_port=9899)


@needs_library
@pytest.mark.parametrize("mode", ["usrsctp", "usrsctp-udp"])
def test_an_address_of_another_machine_is_refused(mode: sctp.Mode) -> None:
    if mode == "usrsctp":
        _need_raw()
    with pytest.raises(sctp.SctpError, match=r"198\.51\.100\.1 is no address of this machine"):
        sctp.open_endpoint(mode, "198.51.100.1")


@needs_library
def test_a_port_is_used_once_in_a_process() -> None:
    with (
        sctp.open_endpoint("usrsctp-udp", SERVER, PORT),
        pytest.raises(sctp.SctpError, match="36412 is in use by another endpoint of this process"),
    ):
        sctp.open_endpoint("usrsctp-udp", CLIENT, PORT)


@needs_library
@pytest.mark.parametrize("mode", ["usrsctp", "usrsctp-udp"])
def test_a_port_is_used_once_at_an_address(mode: sctp.Mode) -> None:
    if mode == "usrsctp":
        _need_raw()
    udp = ", udp_port=9899" if mode == "usrsctp-udp" else ""
    script = f"from picocell.epc.interfaces import sctp; sctp.open_endpoint({mode!r}, {SERVER!r}, {PORT}{udp})"
    with sctp.open_endpoint(mode, SERVER, PORT):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    what = "SCTP port 36412" if mode == "usrsctp" else "UDP port 9899"
    assert f"{what} of {SERVER} is in use by another program" in done.stderr
    with sctp.open_endpoint(mode, SERVER, PORT) as again:
        again.listen()


@needs_library
def test_without_a_udp_port_one_connects_but_does_not_listen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((CLIENT, 9899))
        with (
            sctp.open_endpoint("usrsctp-udp", SERVER, PORT) as server,
            sctp.open_endpoint("usrsctp-udp", CLIENT) as client,
        ):
            server.listen()
            client.connect(SERVER, PORT)
            assert isinstance(await_event(client), AssociationUp)
            with pytest.raises(sctp.SctpError, match=r"UDP port 9899 .* choose another"):
                client.listen()


@needs_library
def test_without_permission_udp_is_chosen_and_said() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give permissions up")
    if kernel.available():
        pytest.skip("the kernel's SCTP needs no permission")
    script = (
        "import os\nfrom picocell.epc.interfaces import sctp\nos.setuid(65534)\n"
        f"print(sctp.open_endpoint(local_address={SERVER!r}).mode)\n"
        f"sctp.open_endpoint('usrsctp', {SERVER!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert "SCTP over UDP port 9899 (RFC 6951) through usrsctp" in done.stdout
    assert "SCTP over IP needs root or CAP_NET_RAW" in done.stdout
    assert "no permission for SCTP over IP" in done.stderr


def test_a_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "NAMES", ("libnone.so.2",))
    monkeypatch.setattr(kernel, "available", lambda: False)
    library.load.cache_clear()
    try:
        with pytest.raises(sctp.SctpError, match=r"kernel has no SCTP, and .*apt-get install libusrsctp2"):
            sctp.open_endpoint()
    finally:
        monkeypatch.undo()


def test_what_cannot_be_sent_is_refused(pair: tuple[SctpEndpoint, SctpEndpoint, int]) -> None:
    _, client, number = pair
    with pytest.raises(ValueError, match="streams 0 to 15, not 16"):
        client.send(number, b"x", stream=16)
    with pytest.raises(ValueError, match="1 to 262144 bytes, not 0"):
        client.send(number, b"", stream=0)
    with pytest.raises(sctp.SctpError, match="association 99 is not established"):
        client.send(99, b"x", stream=0)
    with pytest.raises(sctp.SctpError, match="already"):
        client.connect(SERVER, PORT)
    client.close()
    with pytest.raises(sctp.SctpError, match="closed"):
        client.connect(SERVER, PORT)


@needs_library
def test_a_port_without_a_listener_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "INIT_ATTEMPTS", 1)
    with sctp.open_endpoint("usrsctp-udp", SERVER, PORT), sctp.open_endpoint("usrsctp-udp", CLIENT) as client:
        number = client.connect(SERVER, PORT)
        down = await_event(client)
        assert down.association == number
        assert "refused" in down.reason or "no answer" in down.reason


def test_the_end_of_an_association_has_a_reason_at_both_sides(pair: tuple[SctpEndpoint, SctpEndpoint, int]) -> None:
    server, client, number = pair
    client.send(number, b"last words", stream=0)
    client.disconnect(number)
    assert await_event(client) == AssociationDown(number, "shut down")
    assert await_event(server) == SctpMessage(1, 0, 18, b"last words")
    assert await_event(server) == AssociationDown(1, "shut down")
    number = client.connect(SERVER, PORT)
    await_event(client)
    await_event(server)
    client.disconnect(number, abort=True)
    assert await_event(client) == AssociationDown(number, "aborted by this side")
    assert await_event(server) == AssociationDown(2, "aborted by the peer")


def test_who_does_not_read_stops_the_sender_and_loses_nothing(
    pair: tuple[SctpEndpoint, SctpEndpoint, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_EVENTS", 16)
    monkeypatch.setattr(endpoint, "MAX_UNSENT", 1 << 21)
    server, client, number = pair
    sent = 0

    def fill() -> None:
        nonlocal sent
        while sent < 5000:
            client.send(number, sent.to_bytes(2, "big") * 5000, stream=sent % 4)
            sent += 1
            time.sleep(0.0005)

    with pytest.raises(sctp.SctpError, match="it does not read") as refusal:
        fill()
    assert refusal.value.errno == errno.ENOBUFS
    time.sleep(0.5)
    assert len(server._events) < 100
    seen: list[list[int]] = [[], [], [], []]
    for _ in range(sent):
        message = await_event(server)
        seen[message.stream].append(int.from_bytes(message.data[:2], "big"))
    assert seen == [list(range(stream, sent, 4)) for stream in range(4)]


@needs_library
def test_packets_that_are_lost_doubled_or_late_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(4)
    output = usrsctp.UsrsctpEndpoint._output
    late: list[tuple[usrsctp.UsrsctpEndpoint, int, bytes]] = []
    is_bad = False

    def bad_way(self: usrsctp.UsrsctpEndpoint, address: int, packet: bytes) -> None:
        fate = rng.random() if is_bad else 0.5
        if fate < 0.05:
            late.append((self, address, packet))
        elif fate > 0.1:
            output(self, address, packet)
        if fate > 0.9:
            output(self, address, packet)
        if len(late) > 2:
            output(*late.pop(0))

    monkeypatch.setattr(usrsctp.UsrsctpEndpoint, "_output", bad_way)
    sent: list[list[bytes]] = [[], [], [], []]
    seen: list[list[bytes]] = [[], [], [], []]
    with associated() as (server, client, number):
        is_bad = True
        for i in range(300):
            sent[i % 4].append(rng.randbytes(rng.randrange(1, 5000)))
            client.send(number, sent[i % 4][-1], stream=i % 4)
        for _ in range(300):
            message = await_event(server)
            seen[message.stream].append(message.data)
        is_bad = False
    assert seen == sent
    assert late


def test_a_peer_that_sends_endlessly_is_aborted(
    pair: tuple[SctpEndpoint, SctpEndpoint, int],
) -> None:
    server, client, number = pair
    # The stack hands parts over at half the receive buffer, so such a message is larger than any that is sent here.
    peer = next(iter(server._by_handle))
    with server._lock:
        for _ in range(5):
            server._received(peer, bytes(60_000), 3, 18, False)
    assert "more than 262144 bytes" in await_event(server).reason
    assert await_event(client) == AssociationDown(number, "aborted by the peer")


def test_an_association_goes_over_two_heartbeat_intervals_without_data(
    pair: tuple[SctpEndpoint, SctpEndpoint, int],
) -> None:
    server, client, number = pair
    time.sleep(2.5 * endpoint.HEARTBEAT_MS / 1000)
    assert client.next_event() is None
    client.send(number, b"after a rest", stream=0)
    assert await_event(server).data == b"after a rest"


@needs_library
def test_the_packets_are_those_of_s1ap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark, the judge of packets, is not installed")
    packets: list[bytes] = []
    output = usrsctp.UsrsctpEndpoint._output

    def keep(self: usrsctp.UsrsctpEndpoint, address: int, packet: bytes) -> None:
        packets.append(packet)
        output(self, address, packet)

    monkeypatch.setattr(usrsctp.UsrsctpEndpoint, "_output", keep)
    data = s1ap.encode(
        s1ap.build("Reset", {"Cause": ("misc", "om-intervention"), "ResetType": ("s1-Interface", "reset-all")})
    )
    with sctp.open_endpoint("usrsctp-udp", SERVER, PORT) as server, sctp.open_endpoint("usrsctp-udp", CLIENT) as client:
        server.listen()
        number = client.connect(SERVER, PORT)
        assert isinstance(await_event(client), AssociationUp)
        client.send(number, data, stream=0)
        await_event(server)
        assert await_event(server).data == data
    path = tmp_path / "sctp.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, SCTP_LINK_TYPE))
        for packet in packets:
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    fields = [
        "sctp.chunk_type",
        "sctp.checksum.status",
        "sctp.data_payload_proto_id",
        "sctp.data_sid",
        "s1ap.procedureCode",
    ]
    command = [program, "-n", "-r", str(path), "-o", "sctp.checksum:CRC-32C", "-T", "json"]
    command += [part for name in fields for part in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    layers = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert all(layer["sctp.checksum.status"] == ["1"] for layer in layers)
    # any of them is repeated where its answer takes long
    kinds = dict.fromkeys(layer["sctp.chunk_type"][0] for layer in layers)
    assert list(kinds)[:4] == ["1", "2", "10", "11"]
    messages = [layer for layer in layers if "s1ap.procedureCode" in layer]
    assert messages
    for message in messages:
        assert [message[name] for name in fields[2:]] == [["18"], ["0x0000"], ["14"]]


@needs_library
def test_the_checksum_is_crc32c() -> None:
    # RFC 3720 B.4: 32 bytes of zeros.
    assert library.load().checksum(bytes(32)) == bytes.fromhex("aa36918a")


def test_rubbish_in_notifications_is_ignored(pair: tuple[SctpEndpoint, SctpEndpoint, int]) -> None:
    server, _, _ = pair
    rng = random.Random(3)
    with server._lock:
        for size in range(20):
            server._changed(rng.randbytes(size), ("127.0.0.1", 1), first_state=1)
    assert server.next_event() is None
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def _need_raw() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, 132).close()
    except OSError as exc:
        pytest.skip(f"no raw sockets: {exc}")
