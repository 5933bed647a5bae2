"""An eNB's tunnels: packets by TEID both ways, what is unknown, and nothing left when they close."""

from picocell.enb.user_plane import UserPlane
from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.gtpu_endpoint import TunnelUnknown
from picocell.epc.interfaces.transport import Interface, Message

OWN, SGW = "127.0.1.1", "127.0.1.102"


def plane() -> tuple[UserPlane, list[Message]]:
    sent: list[Message] = []
    return UserPlane(OWN, sent.append), sent


def from_sgw(data: bytes) -> Message:
    return Message(Interface.S1U, SGW, OWN, data)


def test_packets_pass_both_ways() -> None:
    user, sent = plane()
    tunnel = user.open(70, 5, SGW, 0x1234, 0)
    assert user.send(70, 5, b"up")
    assert gtpu.split(sent[0].data) == (0x1234, b"up")
    assert (sent[0].source, sent[0].destination) == (OWN, SGW)
    assert user.receive(from_sgw(gtpu.tunnel(tunnel.teid)(b"down"))) == (tunnel, b"down")


def test_a_packet_with_a_sequence_number_passes_too() -> None:
    user, _ = plane()
    tunnel = user.open(70, 5, SGW, 1, 0)
    packet = gtpu.Packet(gtpu.MessageType.G_PDU, tunnel.teid, b"down", sequence=7)
    assert user.receive(from_sgw(gtpu.encode(packet))) == (tunnel, b"down")


def test_an_unknown_tunnel_is_answered() -> None:
    user, sent = plane()
    assert user.receive(from_sgw(gtpu.tunnel(99)(b"x"))) is None
    assert gtpu.decode(sent[0].data).type == gtpu.MessageType.ERROR_INDICATION
    assert not user.send(70, 5, b"x")


def test_what_the_sgw_does_not_know_is_found() -> None:
    user, _ = plane()
    tunnel = user.open(70, 5, SGW, 0x77, 0)
    user.open(71, 5, SGW, 0x78, 0)
    assert user.unknown_to_peer(TunnelUnknown((Interface.S1U, SGW), 0x77)) == [tunnel]


def test_tunnels_move_with_the_ue_and_leave_nothing() -> None:
    user, _ = plane()
    for erab in (5, 6):
        user.open(70, erab, SGW, erab, 0)
    user.rename(70, 80)
    assert set(user.tunnels) == {(80, 5), (80, 6)}
    assert user.send(80, 6, b"x")
    user.close(80, 5)
    user.close(80)
    assert not user.tunnels
    assert sum(user.endpoint.tables().values()) == 0


def test_garbage_is_counted() -> None:
    user, _ = plane()
    assert user.receive(from_sgw(b"\x30")) is None
    assert user.endpoint.malformed == 1
