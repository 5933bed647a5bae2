"""Traffic of the demo through the kernel's IP, in a network namespace: a server, pings, and TCP each way.

python -m picocell.demo_traffic serve --netns sgi --address 172.16.0.1 [--mbps 2]
python -m picocell.demo_traffic run --netns ue --address 172.16.0.1 --seconds 3 [--mbps 2]
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from statistics import fmean
from typing import Any, Final

from picocell.inet.packets import IcmpMessage, IcmpType, PacketError, build_icmp, parse_icmp, parse_ipv4
from picocell.inet.services import CHARGEN, DISCARD

_CHUNK: Final = bytes(1 << 16)
_PING_S: Final = 3.0
_INTERVAL_S: Final = 0.2
_SO_MAX_PACING_RATE: Final = 47
"""Of asm-generic/socket.h; Python's socket module does not name it."""


def serve(address: str, mbps: float | None = None) -> None:
    """Discard and character generator, which sends so much a second at most, until the process is ended."""

    def generate(connection: socket.socket) -> None:
        _pace(connection, mbps)
        _generate(connection)

    sockets = []
    for port, work in ((DISCARD, _discard), (CHARGEN, generate)):
        listener = socket.create_server((address, port))
        threading.Thread(target=_accept, args=(listener, work), daemon=True).start()
        sockets.append(listener)
    print("serving", flush=True)
    threading.Event().wait()


def run(address: str, seconds: float, count: int, mbps: float | None = None) -> dict[str, Any]:
    """Ping, TCP up, with so much a second at most, and TCP down; the figures."""
    rtt = _ping(address, count)
    ul_mbps, ul_bytes = _upload(address, seconds, mbps)
    dl_mbps, dl_bytes = _download(address, seconds)
    return {
        "ping_sent": count,
        "ping_received": len(rtt),
        "rtt_ms": round(fmean(rtt), 3) if rtt else None,
        "ul_mbps": ul_mbps,
        "ul_bytes": ul_bytes,
        "dl_mbps": dl_mbps,
        "dl_bytes": dl_bytes,
    }


def enter(netns: str | None) -> None:
    """Move this thread, and what it starts, into a network namespace."""
    if netns is None:
        return
    from pyroute2 import netns as namespaces

    namespaces.setns(netns)


def _ping(address: str, count: int) -> list[float]:
    """Round-trip times of the pings that were answered, ms."""
    found = []
    for sequence in range(count):
        sent = time.monotonic()
        answered = ping_once(address, sequence)
        if answered is not None:
            found.append(answered)
        time.sleep(max(sent + _INTERVAL_S - time.monotonic(), 0))
    return found


def ping_once(address: str, sequence: int, timeout: float = _PING_S) -> float | None:
    """Round-trip time of a ping in ms; None where it was not answered in time, or cannot be sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
        request = IcmpMessage(IcmpType.ECHO_REQUEST, 0, os.getpid() & 0xFFFF, sequence, bytes(56))
        sent = time.monotonic()
        try:
            icmp.sendto(build_icmp(request), (address, 0))
        except OSError:  # no route: the phone has no address at present
            return None
        while (left := sent + timeout - time.monotonic()) > 0:
            icmp.settimeout(left)
            try:
                answer = parse_icmp(parse_ipv4(icmp.recv(2048)).payload)
            except TimeoutError:
                break
            except PacketError:
                continue
            wanted = (IcmpType.ECHO_REPLY, request.identifier, sequence)
            if (answer.type, answer.identifier, answer.sequence) == wanted:
                return 1000 * (time.monotonic() - sent)
    return None


def _pace(connection: socket.socket, mbps: float | None) -> None:
    """Have the kernel send at most so much."""
    if mbps is not None:
        connection.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, round(125_000 * mbps))


def _upload(address: str, seconds: float, mbps: float | None) -> tuple[float, int]:
    """Mb/s, and bytes, that the receiver's kernel has acknowledged."""
    with socket.create_connection((address, DISCARD), timeout=30) as connection:
        connection.settimeout(30)
        _pace(connection, mbps)
        start, sent = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            sent += connection.send(_CHUNK)
        moved = sent - _unacknowledged(connection)
        return round(8e-6 * moved / (time.monotonic() - start), 3), moved


def _download(address: str, seconds: float) -> tuple[float, int]:
    """The same of what came."""
    with socket.create_connection((address, CHARGEN), timeout=30) as connection:
        connection.settimeout(30)
        start, got = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            got += len(connection.recv(1 << 16))
        return round(8e-6 * got / (time.monotonic() - start), 3), got


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that wait in the kernel for their acknowledgement."""
    import array
    import fcntl
    import termios

    size = array.array("i", [0])
    fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, size)
    return size[0]


def _accept(listener: socket.socket, work: Any) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=work, args=(connection,), daemon=True).start()


def _discard(connection: socket.socket) -> None:
    with connection:
        while connection.recv(1 << 16):
            pass


def _generate(connection: socket.socket) -> None:
    with connection:
        try:
            while True:
                connection.sendall(_CHUNK)
        except OSError:
            return


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("serve", "run"))
    parser.add_argument("--netns")
    parser.add_argument("--address", required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--mbps", type=float)
    options = parser.parse_args()
    enter(options.netns)
    if options.what == "serve":
        serve(options.address, options.mbps)
        return
    print(json.dumps(run(options.address, options.seconds, options.count, options.mbps)), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the kernel keeps the connections' threads from nothing


if __name__ == "__main__":
    main()
