"""An eNB's user plane: packets between the tunnels of S1-U and the radio bearers (TS 29.281)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.gtpu_endpoint import EndMarkerReceived, TunnelUnknown, UserEndpoint, UserPacket
from picocell.epc.interfaces.teids import TeidAllocator
from picocell.epc.interfaces.transport import Interface, Message

_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Tunnel:
    """One bearer's tunnel.

    Attributes:
        rnti: the UE.
        erab_id: its bearer.
        teid: of our end.
        peer: address of the SGW.
        peer_teid: of its end.
        wrap: puts a packet into the tunnel.
    """

    rnti: int
    erab_id: int
    teid: int
    peer: str
    peer_teid: int
    wrap: Callable[[bytes], bytes]


class UserPlane:
    """The tunnels of an eNB.

    Args:
        address: of our end.
        send: takes messages to send.

    Attributes:
        tunnels: by UE and E-RAB.
    """

    def __init__(self, address: str, send: Callable[[Message], None]) -> None:
        self._address, self._send = address, send
        self.endpoint = UserEndpoint(address, send)
        self.tunnels: dict[tuple[int, int], Tunnel] = {}
        self._by_teid: dict[int, Tunnel] = {}
        self._teids = TeidAllocator()

    def open(self, rnti: int, erab_id: int, peer: str, teid: int, now: int) -> Tunnel:
        """A tunnel for a bearer; ``teid`` is the peer's."""
        self.close(rnti, erab_id)
        tunnel = Tunnel(rnti, erab_id, self._teids.allocate(), peer, teid, gtpu.tunnel(teid))
        self.tunnels[rnti, erab_id] = self._by_teid[tunnel.teid] = tunnel
        self.endpoint.use((Interface.S1U, peer), now)
        return tunnel

    def close(self, rnti: int, erab_id: int | None = None) -> None:
        """Close one tunnel of a UE, or all of them."""
        for key in [k for k in self.tunnels if k[0] == rnti and erab_id in (None, k[1])]:
            tunnel = self.tunnels.pop(key)
            del self._by_teid[tunnel.teid]
            self._teids.release(tunnel.teid)
            self.endpoint.release((Interface.S1U, tunnel.peer))

    def rename(self, old: int, new: int) -> None:
        """A UE goes by another RNTI."""
        for key in [k for k in self.tunnels if k[0] == old]:
            tunnel = self.tunnels.pop(key)
            tunnel.rnti = new
            self.tunnels[new, tunnel.erab_id] = tunnel

    def send(self, rnti: int, erab_id: int, packet: bytes) -> bool:
        """Send a UE's packet; whether its bearer has a tunnel."""
        tunnel = self.tunnels.get((rnti, erab_id))
        if tunnel is None:
            return False
        self._send(Message(Interface.S1U, self._address, tunnel.peer, tunnel.wrap(packet)))
        return True

    def unknown_to_peer(self, said: TunnelUnknown) -> list[Tunnel]:
        """Tunnels of which the SGW says that it does not know them (TS 29.281 7.3.1)."""
        _, address = said.peer
        return [t for t in self.tunnels.values() if (t.peer, t.peer_teid) == (address, said.teid)]

    def receive(self, message: Message) -> tuple[Tunnel, bytes] | TunnelUnknown | None:
        """A packet and whose it is, or what the peer says of a tunnel that it does not know; None for all else."""
        found = gtpu.split(message.data)
        if found is None:
            other = self.endpoint.receive(message)
            match other:
                case UserPacket(teid, payload):
                    found = teid, payload
                case TunnelUnknown():
                    return other
                case EndMarkerReceived() | None:
                    return None
        assert found is not None
        tunnel = self._by_teid.get(found[0])
        if tunnel is None:
            self.endpoint.refuse_tunnel(message, found[0])
            return None
        return tunnel, found[1]
