"""The SGW's user plane: packets go from tunnel to tunnel by one look-up, and wait where the phone is idle."""

import logging
from collections.abc import Callable
from typing import Final

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.gtpu_endpoint import EndMarkerReceived, TunnelUnknown, UserEndpoint, UserPacket
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.sgw.contexts import Bearer, Contexts, Tunnel, Ue

logger = logging.getLogger(__name__)

_PLAIN_G_PDU: Final = bytes((0x30, gtpu.MessageType.G_PDU))
"""First two octets of a G-PDU without options (TS 29.281 5.1)."""


class UserPlane:
    """Relay between S1-U and S5-U."""

    def __init__(self, address: str, contexts: Contexts, notify: Callable[[Bearer, int], None]) -> None:
        """Relay the bearers of ``contexts``; ``notify`` is told of packets for a phone that is idle."""
        self._address, self._contexts, self._notify = address, contexts, notify
        self.outgoing: list[Message] = []
        self.endpoint = UserEndpoint(address, self._send)
        self._uplink, self._downlink = contexts.uplink, contexts.downlink
        self.uplink_packets = self.uplink_bytes = self.downlink_packets = self.downlink_bytes = 0
        self.dropped = 0

    def receive_uplink(self, message: Message, now: int) -> TunnelUnknown | None:
        """A packet from an eNB; returns what it said of a tunnel that it does not know."""
        data = message.data
        bearer = self._uplink.get(data[4:8]) if _is_plain(data) else None
        if bearer is None or bearer.pgw is None:
            return self._receive_other(message, now)
        end = bearer.pgw
        self.uplink_packets += 1
        self.uplink_bytes += len(data) - 8
        relayed = b"".join((data[:4], end.teid, data[8:]))
        self.outgoing.append(Message(Interface.S5U, self._address, end.address, relayed))
        return None

    def receive_downlink(self, message: Message, now: int) -> TunnelUnknown | None:
        """A packet from a PGW; returns what it said of a tunnel that it does not know."""
        data = message.data
        bearer = self._downlink.get(data[4:8]) if _is_plain(data) else None
        if bearer is None:
            return self._receive_other(message, now)
        end = bearer.enb
        if end is None:
            self._wait(bearer, data[8:], now)
            return None
        self.downlink_packets += 1
        self.downlink_bytes += len(data) - 8
        relayed = b"".join((data[:4], end.teid, data[8:]))
        self.outgoing.append(Message(Interface.S1U, self._address, end.address, relayed))
        return None

    def set_enb(self, bearer: Bearer, end: Tunnel | None, now: int) -> None:
        """The eNB's end of a bearer has changed; an eNB that loses the bearer to another gets an end marker."""
        former = bearer.enb
        if former == end:
            return
        if end is not None:
            self.endpoint.use((Interface.S1U, end.address), now)
        if former is not None:
            if end is not None:
                marker = gtpu.encode(gtpu.EndMarker(int.from_bytes(former.teid, "big")).packet())
                self.outgoing.append(Message(Interface.S1U, self._address, former.address, marker))
            self.endpoint.release((Interface.S1U, former.address))
        self._contexts.set_enb(bearer, end)

    def set_pgw(self, bearer: Bearer, end: Tunnel | None, now: int) -> None:
        """The PGW's end of a bearer has changed."""
        if end is not None:
            self.endpoint.use((Interface.S5U, end.address), now)
        if bearer.pgw is not None:
            self.endpoint.release((Interface.S5U, bearer.pgw.address))
        self._contexts.set_pgw(bearer, end)

    def drop_bearer(self, bearer: Bearer, now: int) -> None:
        """Forget a bearer and the packets that wait for it."""
        self.dropped += len(bearer.pdn.ue.buffer.take(lambda owner: owner is bearer))
        self.set_enb(bearer, None, now)
        self.set_pgw(bearer, None, now)
        self._contexts.drop_bearer(bearer)

    def flush(self, ue: Ue) -> None:
        """Send what waits for the bearers that have an eNB now, in the order of arrival."""
        if not len(ue.buffer):
            return
        for owner, packet in ue.buffer.take(lambda owner: isinstance(owner, Bearer) and owner.enb is not None):
            if isinstance(owner, Bearer) and owner.enb is not None:
                self.downlink_packets += 1
                self.downlink_bytes += len(packet)
                data = _PLAIN_G_PDU + len(packet).to_bytes(2, "big") + owner.enb.teid + packet
                self.outgoing.append(Message(Interface.S1U, self._address, owner.enb.address, data))

    def discard(self, ue: Ue) -> None:
        """Drop what waits for a phone."""
        self.dropped += ue.buffer.clear()

    def counters(self) -> dict[str, int]:
        """What has passed and what was dropped, by name."""
        return {
            "uplink packets": self.uplink_packets,
            "uplink bytes": self.uplink_bytes,
            "downlink packets": self.downlink_packets,
            "downlink bytes": self.downlink_bytes,
            "dropped packets": self.dropped,
            **self.endpoint.counters(),
        }

    def _send(self, message: Message) -> None:
        self.outgoing.append(message)

    def _wait(self, bearer: Bearer, packet: bytes, now: int) -> None:
        if not bearer.pdn.ue.buffer.add(bearer, packet):
            self.dropped += 1
        self._notify(bearer, now)

    def _receive_other(self, message: Message, now: int) -> TunnelUnknown | None:
        """What is no plain packet of a bearer (TS 29.281 5.1, 7)."""
        match self.endpoint.receive(message):
            case UserPacket(teid, payload):
                self._relay_payload(message, teid, payload, now)
            case EndMarkerReceived(teid):
                self._relay_end_marker(message, teid)
            case TunnelUnknown() as unknown:
                return unknown
            case None:
                pass
        return None

    def _relay_payload(self, message: Message, teid: int, payload: bytes, now: int) -> None:
        key = teid.to_bytes(4, "big")
        is_uplink = message.interface is Interface.S1U
        bearer = (self._uplink if is_uplink else self._downlink).get(key)
        if bearer is None or (is_uplink and bearer.pgw is None):
            self.endpoint.refuse_tunnel(message, teid)
            return
        plain = _PLAIN_G_PDU + len(payload).to_bytes(2, "big") + key + payload
        again = Message(message.interface, message.source, message.destination, plain)
        (self.receive_uplink if is_uplink else self.receive_downlink)(again, now)

    def _relay_end_marker(self, message: Message, teid: int) -> None:
        """From a PGW, which has switched a path: the eNB is told (TS 23.401 5.5.1.1.2)."""
        bearer = self._downlink.get(teid.to_bytes(4, "big")) if message.interface is Interface.S5U else None
        if bearer is not None and bearer.enb is not None:
            marker = gtpu.encode(gtpu.EndMarker(int.from_bytes(bearer.enb.teid, "big")).packet())
            self.outgoing.append(Message(Interface.S1U, self._address, bearer.enb.address, marker))


def _is_plain(data: bytes) -> bool:
    return data[:2] == _PLAIN_G_PDU and len(data) >= 8 and (data[2] << 8 | data[3]) == len(data) - 8
