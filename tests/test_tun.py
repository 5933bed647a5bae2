"""TUN devices of the real kernel, in network namespaces that the tests make themselves."""

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from picocell.inet import IpHost, packets
from picocell.inet.packets import IcmpMessage, IcmpType, Protocol
from picocell.ip_device import IpDevice, IpDeviceError, IpDeviceUnavailableError
from picocell.tun import HostDevice, Masquerade, NetworkNamespace, TunDevice, UserNamespace, links, open_device, owners
from support.waiting import LONG_S, until

A, B = "10.9.0.1", "10.9.0.2"
NETNS = Path("/run/netns")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK), reason="needs root and /dev/net/tun"
)


@pytest.fixture
def pair() -> Iterator[tuple[TunDevice, TunDevice]]:
    """Two TUNs, each alone in a namespace."""
    with contextlib.ExitStack() as stack:
        devices = []
        for name, address in (("tun_a", A), ("tun_b", B)):
            device = TunDevice(name, netns=f"pico-{{pid}}-{name}")
            stack.callback(device.close)
            device.configure(address, 24, 1500)
            devices.append(device)
        yield devices[0], devices[1]


def open_socket(device: TunDevice, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A kernel's socket in the namespace of a device."""
    place = device.place
    assert isinstance(place, NetworkNamespace)
    made = place.run(lambda: socket.socket(family, kind, protocol))
    made.settimeout(LONG_S)
    return made


@contextlib.contextmanager
def shuttle(a: IpDevice, b: IpDevice) -> Iterator[None]:
    """Carry packets between two devices until the end of the block."""
    stop = threading.Event()

    def run() -> None:
        fds = [fd for device in (a, b) if (fd := device.fileno()) is not None]
        while not stop.is_set():
            select.select(fds, [], [], 0.01)
            for source, sink in ((a, b), (b, a)):
                for packet in source.read():
                    sink.write(packet)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def kernel_ping(device: TunDevice, destination: str, payload: bytes) -> bytes:
    """Ping by a kernel's raw socket; the payload of the answer."""
    with open_socket(device, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.sendto(packets.build_icmp(IcmpMessage(IcmpType.ECHO_REQUEST, 0, 7, 1, payload)), (destination, 0))
        while True:
            answer = packets.parse_icmp(packets.parse_ipv4(raw.recv(65535)).payload)
            if answer.type == IcmpType.ECHO_REPLY:
                return answer.payload


def test_kernels_ping_each_other_through_two_tuns(pair: tuple[TunDevice, TunDevice]) -> None:
    with shuttle(*pair):
        assert kernel_ping(pair[0], B, b"there and back") == b"there and back"
        assert kernel_ping(pair[1], A, bytes(1400)) == bytes(1400)


def test_kernel_pings_the_host_of_this_process(pair: tuple[TunDevice, TunDevice]) -> None:
    host = HostDevice()
    host.configure(B, 24, 1500)
    with shuttle(pair[0], host):
        assert kernel_ping(pair[0], B, b"x") == b"x"
        host.host.ping(A, 1, 1, b"from the process")
        until(lambda: len(host.host.echo_replies) == 1)
    assert host.host.echo_replies[0].payload == b"from the process"


def test_a_device_sends_nothing_unasked(pair: tuple[TunDevice, TunDevice]) -> None:
    time.sleep(0.3)
    assert pair[0].read() == []


def test_mtu_is_the_longest_packet(pair: tuple[TunDevice, TunDevice]) -> None:
    device = pair[0]
    device.configure(A, 24, 1300)
    with open_socket(device, socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER = IP_PMTUDISC_DO
        udp.sendto(bytes(1300 - 28), (B, 9))
        with pytest.raises(OSError) as refused:
            udp.sendto(bytes(1300 - 27), (B, 9))
        assert refused.value.errno == errno.EMSGSIZE
    assert [len(packet) for packet in device.read()] == [1300]


def test_default_route_leads_into_the_network_and_another_address_replaces_the_first(
    pair: tuple[TunDevice, TunDevice],
) -> None:
    device = pair[0]
    device.configure("10.9.0.77", 32, 1400, peer="10.9.0.1")
    with open_socket(device, socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"x", ("198.51.100.1", 9))
        udp.sendto(b"x", ("10.9.0.1", 9))
    got = [packets.parse_ipv4(packet) for packet in device.read()]
    assert [(ip.source, ip.destination) for ip in got] == [("10.9.0.77", "198.51.100.1"), ("10.9.0.77", "10.9.0.1")]


def test_without_an_address_nothing_goes_and_what_comes_is_counted(pair: tuple[TunDevice, TunDevice]) -> None:
    device = pair[0]
    device.unconfigure()
    device.write(packets.build_udp(B, A, packets.UdpDatagram(1, 2, b"x")))
    assert device.dropped == {"down": 1}
    with open_socket(device, socket.AF_INET, socket.SOCK_DGRAM) as udp, pytest.raises(OSError):
        udp.sendto(b"x", (B, 9))
    device.configure(A, 24, 1500)
    device.write(bytes(40))
    assert sum(device.dropped.values()) == 2


def test_twenty_thousand_packets_a_second_of_cpu(pair: tuple[TunDevice, TunDevice]) -> None:
    a, b = pair
    n = 20_000
    with (
        open_socket(a, socket.AF_INET, socket.SOCK_DGRAM) as client,
        open_socket(b, socket.AF_INET, socket.SOCK_DGRAM) as server,
    ):
        server.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
        server.bind((B, 9))
        client.connect((B, 9))
        spent, moved, data = [], 0, bytes(1000)
        for _ in range(n // 100):
            for _ in range(100):
                client.send(data)
            start = time.thread_time()
            for packet in a.read():
                b.write(packet)
                moved += 1
            spent.append(time.thread_time() - start)
        received = sum(len(server.recv(2000)) for _ in range(moved))
    assert received == 1000 * n
    assert 100 / min(spent) > 20_000  # while nothing comes between, on a machine that has other things to do, too


def test_close_leaves_no_device_and_no_namespace() -> None:
    def own() -> list[str]:
        """Other processes make and remove theirs meanwhile."""
        return [path.name for path in NETNS.glob(f"pico-{os.getpid()}-*")]

    before = own()
    device = TunDevice("tun_x", netns="pico-{pid}-x")
    place = device.place
    assert isinstance(place, NetworkNamespace)
    assert sorted(own()) == sorted([*before, f"pico-{os.getpid()}-x"])
    device.close()
    device.close()
    assert own() == before
    assert not list(owners.DIRECTORY.glob(f"netns@pico-{os.getpid()}-*"))


def test_a_namespace_that_was_there_stays_without_the_device() -> None:
    outer = NetworkNamespace("pico-{pid}-mine")
    try:
        TunDevice("tun_x", netns="pico-{pid}-mine").close()
        assert (NETNS / outer.name).exists()
        assert outer.run(lambda: [name for _, name in socket.if_nameindex()]) == ["lo"]
    finally:
        outer.close()
    assert not (NETNS / outer.name).exists()


def test_the_process_stays_where_it_is(pair: tuple[TunDevice, TunDevice]) -> None:
    place = pair[0].place
    assert isinstance(place, NetworkNamespace)
    inside = place.run(lambda: os.readlink("/proc/thread-self/ns/net"))
    assert inside != os.readlink("/proc/thread-self/ns/net") == os.readlink("/proc/self/ns/net")


def test_what_a_killed_process_left_is_removed() -> None:
    code = (
        "from picocell.tun import TunDevice; import time\n"
        "device = TunDevice('tun_k', netns='pico-{pid}-k'); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        left = NETNS / f"pico-{child.pid}-k"
        assert left.exists()
        NetworkNamespace("pico-{pid}-living").close()
        assert left.exists()
        child.send_signal(signal.SIGKILL)
    NetworkNamespace("pico-{pid}-next").close()
    assert not left.exists()


def test_a_taken_name_is_named(pair: tuple[TunDevice, TunDevice]) -> None:
    with pytest.raises(IpDeviceError, match="tun_a: the name is taken"):
        TunDevice("tun_a", place=Borrowed(pair[0]))
    with pytest.raises(IpDeviceError, match="lo: the name is taken"):
        TunDevice("lo", place=Borrowed(pair[0]))


class Borrowed:
    """The place of another device, which is not closed."""

    description, own = "", True

    def __init__(self, device: TunDevice) -> None:
        self.call = device.place.call

    def close(self) -> None:
        """It is another's."""


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 16, ".."])
def test_a_bad_name_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 15 characters"):
        TunDevice(name, netns="pico-{pid}-bad")
    assert not (NETNS / f"pico-{os.getpid()}-bad").exists()


def test_a_bad_namespace_name_is_named() -> None:
    with pytest.raises(ValueError, match=r"network namespace '\.\./x'"):
        NetworkNamespace("../x")


@pytest.mark.parametrize("device", [HostDevice()])
def test_bad_settings_are_named_by_the_host(device: HostDevice) -> None:
    check_bad_settings(device)
    with pytest.raises(ValueError, match="IPv4 only"):
        device.configure("2001:db8::1", 64, 1500)
    with pytest.raises(IpDeviceError, match="no address yet"):
        _ = device.host


def test_bad_settings_are_named_by_the_kernels_device(pair: tuple[TunDevice, TunDevice]) -> None:
    check_bad_settings(pair[0])
    with pytest.raises(ValueError, match="same IP version"):
        pair[0].configure(A, 24, 1500, peer="2001:db8::1")


def check_bad_settings(device: IpDevice) -> None:
    """What each device refuses before it does anything."""
    for address in ("10.9.0", "host", "127.0.0.1", "0.0.0.0", "224.0.0.1"):
        with pytest.raises(ValueError, match="address"):
            device.configure(address, 24, 1500)
    with pytest.raises(ValueError, match="prefix /33"):
        device.configure(A, 33, 1500)
    with pytest.raises(ValueError, match="MTU 100"):
        device.configure(A, 24, 100)
    with pytest.raises(ValueError, match=r"route '10\.0\.0\.1/8'"):
        device.configure(A, 24, 1500, routes=["10.0.0.1/8"])


def test_no_driver_and_no_right_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CLONE_DEVICE", "/dev/net/none")
    with pytest.raises(IpDeviceUnavailableError, match="there is no /dev/net/none"):
        open_device("tun")
    device = open_device("host")
    assert device.description == "a host in this process"
    with pytest.raises(ValueError, match="one of tun, user-namespace, host, auto"):
        open_device("tap")


def test_who_is_not_root_gets_another_device() -> None:
    code = (
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "from picocell.tun import open_device\n"
        "device = open_device(netns='pico-{pid}-n'); print(device.description); device.close()\n"
        "try: open_device('tun')\n"
        "except OSError as error: print(error)\n"
    )
    # the interpreter may lie in a directory of root's alone, so it imports first
    code = "import picocell.tun, pyroute2\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "a host in this process" or "in a user namespace" in first
    assert "tun_pico" in second


def test_user_namespace() -> None:
    try:
        device = TunDevice("tun_u", place=UserNamespace())
    except IpDeviceUnavailableError as error:
        pytest.skip(str(error))
    place = device.place
    assert isinstance(place, UserNamespace)
    host = HostDevice()
    try:
        assert f"nsenter -t {place.pid}" in device.description
        device.configure(A, 24, 1500)
        host.configure(B, 24, 1500)
        with shuttle(device, host):
            host.host.ping(A, 3, 4, b"to the kernel")
            until(lambda: len(host.host.echo_replies) == 1)
        with pytest.raises(IpDeviceError, match="tun_u: the name is taken"):
            place.call("open_tun", "tun_u")
    finally:
        device.close()
    with pytest.raises(ProcessLookupError):
        os.kill(place.pid, 0)


def test_the_user_namespace_of_a_killed_process_goes_with_it() -> None:
    code = (
        "from picocell.tun import UserNamespace; import time\n"
        "place = UserNamespace(); print(place.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    if not line:
        pytest.skip("no user namespaces here")
    stat = Path(f"/proc/{int(line)}/stat")
    until(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_auto_takes_the_kernels_device_where_there_is_one() -> None:
    device = open_device(name="tun_auto", netns="pico-{pid}-auto")
    try:
        assert device.description == f"TUN tun_auto in network namespace pico-{os.getpid()}-auto"
        assert device.fileno() is not None
    finally:
        device.close()


def test_nat_hides_the_subnet_and_is_undone(pair: tuple[TunDevice, TunDevice]) -> None:
    """A packet of 172.16.0.2 goes in at a second TUN of a's namespace and leaves with a's address."""
    outside = pair[0]
    place = outside.place
    assert isinstance(place, NetworkNamespace)
    inside = TunDevice("tun_in", place=Borrowed(outside))
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    try:
        inside.configure("172.16.0.1", 24, 1500, routes=())
        before = place.run(forwarding.read_text)
        try:
            nat = place.run(lambda: Masquerade("172.16.0.0/24", "tun_in"))
        except IpDeviceUnavailableError as error:
            pytest.skip(str(error))
        phone = IpHost("172.16.0.2")
        phone.ping(B, 5, 6, b"out")
        for packet in phone.packets_to_send():
            inside.write(packet)
        (left,) = [packets.parse_ipv4(packet) for packet in outside.read()]
        assert (left.source, left.destination) == (A, B)
        request = packets.parse_icmp(left.payload)
        answer = IcmpMessage(IcmpType.ECHO_REPLY, 0, request.identifier, request.sequence, request.payload)
        outside.write(packets.build_ipv4(packets.Ipv4Packet(B, A, Protocol.ICMP, packets.build_icmp(answer))))
        for packet in inside.read():
            phone.receive(packet, 1)
        assert phone.echo_replies[0].payload == b"out"
        place.run(nat.close)
        assert place.run(forwarding.read_text) == before
        phone.ping(B, 5, 7)
        for packet in phone.packets_to_send():
            inside.write(packet)
        assert outside.read() == []
        with pytest.raises(IpDeviceError, match="own network namespace"):
            inside.nat()
    finally:
        inside.close()


def test_nat_of_what_is_no_ipv4_is_refused() -> None:
    with pytest.raises(ValueError, match="IPv4 only"):
        Masquerade("2001:db8::/64")
