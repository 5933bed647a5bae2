"""The SGW with a PGW behind it: sessions, relay, idle phones, lost peers (TS 29.274, TS 23.401, TS 23.007)."""

from ipaddress import IPv4Address

import pytest

from picocell.epc.interfaces import gtpu, gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_ies import Cause, Ebi, Recovery
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.sgw.downlink_buffer import DownlinkBuffer
from picocell.epc.sgw.sgw import Sgw, SgwSettings
from support.core_sessions import ENB, MME, PGW, SERVER, SGW, Core, create_request, ip_packet

IMSI = "001010123456780"


def packet_to(address: str, number: int = 0) -> bytes:
    return ip_packet(SERVER, address, bytes((number,)))


def test_packets_pass_both_ways_and_all_tables_are_empty_at_the_end() -> None:
    core = Core()
    phone = core.attach(IMSI)
    assert phone.address == "172.16.0.2"
    up, down = ip_packet(phone.address, SERVER, b"up"), ip_packet(SERVER, phone.address, b"down")
    assert phone.uplink(up) == [up]
    assert phone.downlink(down) == [gtpu.tunnel(phone.enb_teid)(down)]
    assert phone.detach().cause.value == 16
    core.wait(60_000)
    assert core.tables() == {}
    assert phone.detach().cause.value == 64


def test_idle_data_waits_for_one_notification_and_goes_out_in_order() -> None:
    core = Core()
    phone = core.attach(IMSI)
    assert phone.release().cause.value == 16
    for number in range(3):
        assert phone.downlink(packet_to(phone.address, number)) == []
    (request,) = core.requests
    assert isinstance(request.packet.message, m.DownlinkDataNotification)
    assert request.packet.message.ebis == (Ebi(5),)
    phone.answer(request, m.DownlinkDataNotificationAcknowledge(cause=Cause(16)))
    phone.downlink(packet_to(phone.address, 3))
    assert len(core.requests) == 1
    phone.connect(0x88)
    assert core.to_enb == [gtpu.tunnel(0x88)(packet_to(phone.address, number)) for number in range(4)]
    phone.release()
    phone.downlink(packet_to(phone.address))
    assert len(core.requests) == 2


@pytest.mark.parametrize("how", ["failure indication", "refused", "no answer"])
def test_after_a_failure_the_next_packet_notifies_again(how: str) -> None:
    core = Core()
    phone = core.attach(IMSI)
    phone.release()
    phone.downlink(packet_to(phone.address, 1))
    request = core.requests[0]
    if how == "refused":
        phone.answer(request, m.DownlinkDataNotificationAcknowledge(cause=Cause(90)))
    elif how == "failure indication":
        phone.answer(request, m.DownlinkDataNotificationAcknowledge(cause=Cause(16)))
        core.send(m.DownlinkDataNotificationFailureIndication(cause=Cause(90)), phone.sgw_teid)
    else:
        core.wait(9000)
    phone.downlink(packet_to(phone.address, 2))
    assert len(core.requests) == 2
    phone.connect()
    assert core.to_enb == [gtpu.tunnel(phone.enb_teid)(packet_to(phone.address, 2))]
    assert core.sgw.counters()["dropped packets"] == 1


def test_the_buffer_is_bounded_in_packets_and_bytes() -> None:
    core = Core(Sgw(SGW, settings=SgwSettings(buffer_packets=2)))
    phone = core.attach(IMSI)
    phone.release()
    for number in range(5):
        phone.downlink(packet_to(phone.address, number))
    assert core.sgw.counters()["dropped packets"] == 3
    buffer = DownlinkBuffer(10, 100)
    assert [buffer.add("b", bytes(60)), buffer.add("b", bytes(41)), buffer.add("b", bytes(40))] == [True, False, True]
    with pytest.raises(ValueError, match="1 and more"):
        DownlinkBuffer(0)


def test_the_former_enb_gets_an_end_marker() -> None:
    core = Core()
    phone = core.attach(IMSI, enb_teid=0x10)
    phone.connect(0x11, "10.0.0.10")
    sent = [message for message in core.seen if message.interface is Interface.S1U]
    assert sent == [Message(Interface.S1U, SGW, ENB, gtpu.encode(gtpu.EndMarker(0x10).packet()))]
    phone.connect(0x11, "10.0.0.10")
    assert len([message for message in core.seen if message.interface is Interface.S1U]) == 1


def test_an_unknown_tunnel_is_answered_by_an_error_indication() -> None:
    core = Core()
    core.sgw.receive(Message(Interface.S1U, ENB, SGW, gtpu.tunnel(0xBAD)(packet_to("1.2.3.4"))), 0)
    (message,) = core.sgw.messages_to_send()
    assert message.destination == ENB
    answer = gtpu.message(gtpu.decode(message.data))
    assert answer == gtpu.ErrorIndication(0xBAD, IPv4Address(SGW))


def test_an_error_indication_of_the_enb_makes_the_phone_idle() -> None:
    core = Core()
    phone = core.attach(IMSI)
    indication = gtpu.encode(gtpu.ErrorIndication(phone.enb_teid, IPv4Address(ENB)).packet())
    core.sgw.receive(Message(Interface.S1U, ENB, SGW, indication), 0)
    core.run()
    assert core.requests[0].packet.message.cause == Cause(6)  # type: ignore[attr-defined]
    assert phone.downlink(packet_to(phone.address)) == []
    phone.connect(0x99)
    assert core.to_enb == [gtpu.tunnel(0x99)(packet_to(phone.address))]


def test_an_error_indication_of_the_pgw_deletes_the_connection() -> None:
    core = Core()
    phone = core.attach(IMSI)
    core.pgw = type(core.pgw)(PGW)  # it has forgotten all
    phone.uplink(ip_packet(phone.address, SERVER))
    request = core.requests[0]
    assert request.packet.message.linked_ebi == Ebi(5)  # type: ignore[attr-defined]
    phone.answer(request, m.DeleteBearerResponse(cause=Cause(16), linked_ebi=Ebi(5)))
    assert core.tables() == {}


def test_extension_headers_and_echo() -> None:
    core = Core()
    phone = core.attach(IMSI)
    data = ip_packet(phone.address, SERVER)

    def sent(packet: gtpu.Packet) -> list[gtpu.Packet]:
        core.sgw.receive(Message(Interface.S1U, ENB, SGW, gtpu.encode(packet)), 0)
        return [gtpu.decode(message.data) for message in core.sgw.messages_to_send()]

    known = gtpu.Packet(255, phone.uplink_teid, data, sequence=7)
    assert [packet.payload for packet in sent(known)] == [data]
    must = gtpu.Packet(255, phone.uplink_teid, data, extensions=(gtpu.ExtensionHeader(0xC0, bytes(2)),))
    assert [packet.type for packet in sent(must)] == [31]
    may = gtpu.Packet(255, phone.uplink_teid, data, extensions=(gtpu.ExtensionHeader(0x40, bytes(2)),))
    assert [packet.payload for packet in sent(may)] == [data]
    assert sent(gtpu.EchoRequest(9).packet()) == [gtpu.EchoResponse(9).packet()]


def test_refusals_reach_the_mme() -> None:
    core = Core()
    answer = core.ask(create_request(IMSI, apn="nowhere"), 0)
    assert (answer.cause.value, answer.cause.from_remote) == (78, True)
    assert core.tables() == {}
    core.pass_ = lambda message: int(message.destination != PGW)
    core.send(create_request(IMSI), 0)
    core.wait(5999)
    assert core.answers == []
    core.wait(1)
    assert core.answers.pop().cause.value == 100
    assert core.tables() == {}
    assert core.ask(m.ModifyBearerRequest(), 0x1234).cause.value == 64
    assert core.ask(m.ReleaseAccessBearersRequest(), 0x1234).cause.value == 64


def test_a_phone_that_attaches_again_loses_its_old_session() -> None:
    core = Core()
    first = core.attach(IMSI)
    second = core.attach(IMSI)
    assert first.address != second.address
    assert core.sgw.tables()["PDN connections"] == core.pgw.tables()["sessions by TEID"] == 1
    second.detach()
    assert core.tables() == {}


def test_two_connections_of_one_phone() -> None:
    core = Core()
    phone = core.attach(IMSI)
    second = core.ask(create_request(IMSI, ebi=6), phone.sgw_teid)
    assert second.sender.teid == phone.sgw_teid
    assert str(second.paa.ipv4) != phone.address
    again = core.ask(create_request(IMSI, ebi=6), phone.sgw_teid)
    assert again.cause.accepted
    assert core.pgw.tables()["sessions by TEID"] == core.sgw.tables()["PDN connections"] == 2
    assert phone.detach().cause.accepted
    assert core.sgw.tables()["phones by IMSI"] == 1
    assert core.ask(m.DeleteSessionRequest(linked_ebi=Ebi(6)), phone.sgw_teid).cause.accepted
    assert core.tables() == {}


def test_a_restarted_mme_loses_its_sessions() -> None:
    core = Core()
    core.attach(IMSI)
    for recovery in (3, 4):
        echo = gtpv2c.encode(gtpv2c.Packet(m.EchoRequest(recovery=Recovery(recovery)), recovery))
        core.sgw.receive(Message(Interface.S11, MME, SGW, echo), 0)
        core.run()
    assert core.tables() == {}


def test_a_restarted_pgw_and_a_dead_enb() -> None:
    core = Core()
    phone = core.attach(IMSI)
    core.wait(61_000)
    echo = next(gtpu.decode(data) for data in core.to_enb if data[1] == 1)
    answer = gtpu.encode(gtpu.EchoResponse(echo.sequence or 0).packet())
    core.sgw.receive(Message(Interface.S1U, ENB, SGW, answer), core.now)
    core.wait(75_000)
    assert phone.downlink(packet_to(phone.address)) == []
    assert [type(request.packet.message) for request in core.requests] == [m.DownlinkDataNotification]
    restart = gtpv2c.encode(gtpv2c.Packet(m.EchoRequest(recovery=Recovery(1)), 1))
    core.sgw.receive(Message(Interface.S5C, PGW, SGW, restart), core.now)
    core.run()
    assert core.sgw.tables()["PDN connections"] == 0
    assert isinstance(core.requests[-1].packet.message, m.DeleteBearerRequest)


def test_malformed_messages_never_raise() -> None:
    core = Core()
    phone = core.attach(IMSI)
    good = [message for message in core.seen if message.destination in (SGW, PGW)]
    good.append(Message(Interface.S1U, ENB, SGW, gtpu.tunnel(phone.uplink_teid)(packet_to("1.2.3.4"))))
    for message in good:
        node = core.sgw if message.destination == SGW else core.pgw
        for position in range(len(message.data)):
            for value in (0, 1, 0x55, 0xFF):
                data = message.data[:position] + bytes((value,)) + message.data[position + 1 :]
                node.receive(Message(message.interface, message.source, message.destination, data), 0)
                node.receive(Message(message.interface, message.source, message.destination, data[:position]), 0)
        node.messages_to_send()
