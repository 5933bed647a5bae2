"""The PGW's user plane: between tunnels and the Internet, with a check of the phones' addresses (TS 23.401 4.4.3.3)."""

import logging
from ipaddress import IPv4Address
from typing import Final

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.gtpu_endpoint import TunnelUnknown, UserEndpoint, UserPacket
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.pgw import icmp
from picocell.epc.pgw.contexts import Bearer, Contexts

logger = logging.getLogger(__name__)

_PLAIN_G_PDU: Final = bytes((0x30, gtpu.MessageType.G_PDU))
_MAX_PACKET: Final = 0xFFFF


class UserPlane:
    """Packets from phones and to them."""

    def __init__(self, address: str, contexts: Contexts, gateway: IPv4Address, *, hairpin: bool, ping: bool) -> None:
        self._address, self._contexts = address, contexts
        self._gateway = gateway.packed
        self._hairpin, self._ping = hairpin, ping
        self.outgoing: list[Message] = []
        self.sgi: list[bytes] = []
        self.endpoint = UserEndpoint(address, self._send)
        self._uplink, self._by_address = contexts.uplink, contexts.by_address
        self.spoofed = self.no_phone = self.not_ipv4 = 0

    def receive(self, message: Message, now: int) -> TunnelUnknown | None:
        """A packet from an SGW; returns what it said of a tunnel that it does not know."""
        data = message.data
        if data[:2] == _PLAIN_G_PDU and len(data) >= 28 and (data[2] << 8 | data[3]) == len(data) - 8:
            bearer = self._uplink.get(data[4:8])
            if bearer is not None:
                self._take(bearer, data[8:], now)
                return None
        match self.endpoint.receive(message):
            case UserPacket(teid, payload):
                bearer = self._uplink.get(teid.to_bytes(4, "big"))
                if bearer is None:
                    self.endpoint.refuse_tunnel(message, teid)
                else:
                    self._take(bearer, payload, now)
            case TunnelUnknown() as unknown:
                return unknown
            case _:
                pass
        return None

    def send(self, packet: bytes, now: int) -> bool:  # noqa: ARG002
        """A packet to a phone; False where no phone has its address."""
        session = self._by_address.get(packet[16:20])
        if session is None or len(packet) > _MAX_PACKET or not _is_ipv4(packet):
            self.no_phone += 1
            return False
        bearer = session.bearer_for(packet) if session.filters else session.default
        if bearer is None or bearer.sgw_address is None:
            self.no_phone += 1
            return False
        usage = bearer.usage
        usage.downlink_packets += 1
        usage.downlink_bytes += len(packet)
        data = b"".join((_PLAIN_G_PDU, len(packet).to_bytes(2, "big"), bearer.sgw_teid, packet))
        self.outgoing.append(Message(Interface.S5U, self._address, bearer.sgw_address, data))
        return True

    def set_sgw(self, bearer: Bearer, address: str | None, teid: bytes, now: int) -> None:
        """The SGW's end of a bearer has changed."""
        if address is not None:
            self.endpoint.use((Interface.S5U, address), now)
        if bearer.sgw_address is not None:
            self.endpoint.release((Interface.S5U, bearer.sgw_address))
        self._contexts.set_sgw(bearer, address, teid)

    def counters(self) -> dict[str, int]:
        """What was dropped, by name."""
        return {
            "spoofed packets": self.spoofed,
            "packets to no phone": self.no_phone,
            "packets not of IPv4": self.not_ipv4,
            **self.endpoint.counters(),
        }

    def _send(self, message: Message) -> None:
        self.outgoing.append(message)

    def _take(self, bearer: Bearer, packet: bytes, now: int) -> None:
        """A packet of a phone: it must be from the phone's address."""
        if packet[12:16] != bearer.session.packed or not _is_ipv4(packet):
            self._refuse(bearer, packet)
            return
        usage = bearer.usage
        usage.uplink_packets += 1
        usage.uplink_bytes += len(packet)
        destination = packet[16:20]
        if self._hairpin and destination in self._by_address:
            self.send(packet, now)
        elif self._ping and destination == self._gateway:
            reply = icmp.echo_reply(packet)
            if reply is not None:
                self.send(reply, now)
        else:
            self.sgi.append(packet)

    def _refuse(self, bearer: Bearer, packet: bytes) -> None:
        if not _is_ipv4(packet):
            self.not_ipv4 += 1
            return
        self.spoofed += 1
        logger.warning(
            "PGW: IMSI %s sends from %s; its address is %s",
            bearer.session.imsi,
            IPv4Address(packet[12:16]),
            bearer.session.address,
        )


def _is_ipv4(packet: bytes) -> bool:
    return len(packet) >= 20 and packet[0] >> 4 == 4
