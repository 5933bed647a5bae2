"""TCP of an IP host to another in the same process: one megabyte over segments of 1400 bytes, both ends counted."""

from collections.abc import Callable

from picocell.inet import IpHost, TcpConnection, packets
from picocell.inet.packets import TcpSegment, UdpDatagram

Case = tuple[str, Callable[[], object], float | None]

MTU = 1440
MEGABYTE = bytes(1_000_000)


def cases() -> list[Case]:
    """Names and calls; there is no reference."""
    data = packets.build_tcp("10.0.0.1", "10.0.0.2", TcpSegment(1, 2, 3, 4, 16, 5, bytes(1400)))
    udp = packets.build_udp("10.0.0.1", "10.0.0.2", UdpDatagram(1, 2, bytes(1400)))
    segment = packets.parse_tcp(packets.parse_ipv4(data))
    return [
        ("inet: TCP, 1 MB from host to host", Transfer(), None),
        ("inet: build a TCP packet of 1400 B", lambda: packets.build_tcp("10.0.0.1", "10.0.0.2", segment), None),
        ("inet: read a TCP packet of 1400 B", lambda: packets.parse_tcp(packets.parse_ipv4(data)), None),
        ("inet: read a UDP packet of 1400 B", lambda: packets.parse_udp(packets.parse_ipv4(udp)), None),
        ("inet: checksum of 1440 B", lambda: packets.checksum(data), None),
    ]


class Transfer:
    """A connection between two hosts that stays open from call to call."""

    def __init__(self) -> None:
        self.a, self.b = IpHost("10.0.0.1", mtu=MTU), IpHost("10.0.0.2", mtu=MTU)
        self.now = 0
        self.b.listen(1)
        self.sender = self.a.connect("10.0.0.2", 1, 0)
        self._step()
        self.receiver = self._accepted()

    def __call__(self) -> None:
        """Send a megabyte, and read it."""
        sent = got = 0
        while got < len(MEGABYTE):
            sent += self.sender.send(MEGABYTE[sent : sent + 65_536], self.now)
            self._step()
            got += len(self.receiver.recv(1 << 20, self.now))

    def _step(self) -> None:
        self.now += 1
        for _ in range(2):
            for packet in self.a.packets_to_send():
                self.b.receive(packet, self.now)
            for packet in self.b.packets_to_send():
                self.a.receive(packet, self.now)

    def _accepted(self) -> TcpConnection:
        connection = self.b.accept(1)
        if connection is None:
            raise RuntimeError("the connection did not come up")
        return connection
