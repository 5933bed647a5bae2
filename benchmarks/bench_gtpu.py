"""GTP-U: user packets into a tunnel and out of it."""

from collections.abc import Callable

from picocell.epc.interfaces import gtpu


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Name, call, and microseconds to compare with."""
    packet = bytes(1400)
    wrap = gtpu.tunnel(0x12345678)
    wrapped = wrap(packet)
    packets, received = [packet] * 1000, [wrapped] * 1000
    extension = gtpu.ExtensionHeader(gtpu.ExtensionType.PDCP_PDU_NUMBER, b"\x00\x01")
    full = gtpu.Packet(gtpu.MessageType.G_PDU, 1, packet, sequence=7, extensions=(extension,))
    full_bytes = gtpu.encode(full)

    def wrap_all() -> None:
        for user_packet in packets:
            wrap(user_packet)

    def split_all() -> None:
        for datagram in received:
            gtpu.split(datagram)

    return [
        ("gtpu 1000 packets of 1400 bytes into a tunnel", wrap_all, None),
        ("gtpu 1000 packets of 1400 bytes out of a tunnel", split_all, None),
        ("gtpu encode, sequence number and extension", lambda: gtpu.encode(full), None),
        ("gtpu decode, sequence number and extension", lambda: gtpu.decode(full_bytes), None),
    ]
