"""The PGW behind an SGW: addresses, options, dedicated bearers, checks of packets; and any sequence over bad wires."""

import random
import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.epc.interfaces import gtpu, gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_ies import Ambr, BearerTft, Cause, Ebi, FTeid
from picocell.epc.interfaces.gtpv2c_ies import Interface as End
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.pgw import events, icmp, pco
from picocell.epc.pgw.pgw import Pgw, PgwSettings
from picocell.epc.pgw.pool import AddressInUseError, AddressPool, PoolEmptyError
from picocell.rrc_nas.nas import tft
from support import tshark
from support.core_sessions import ENB, PGW, SERVER, Core, Phone, create_request, ip_packet

IMSI = "001010123456780"
OTHER = "001010123456781"
VOICE = tft.PacketFilter(identifier=1, precedence=10, protocol=tft.UDP, remote_ports=(5060, 5061))


def udp(source: str, destination: str, ports: tuple[int, int]) -> bytes:
    return ip_packet(source, destination, struct.pack(">HHHH", *ports, 8, 0))


def test_the_pool_gives_the_lowest_address_that_has_rested() -> None:
    pool = AddressPool("10.0.0.0/29", reserved=["10.0.0.4"], rest_ms=100)
    first, second = pool.allocate(0), pool.allocate(0)
    assert [str(first), str(second)] == ["10.0.0.2", "10.0.0.3"]
    pool.release(first, 10)
    assert str(pool.allocate(20)) == "10.0.0.5"
    assert str(pool.allocate(110)) == "10.0.0.2"
    pool.release(second, 120)
    assert [str(pool.allocate(121)), str(pool.allocate(121))] == ["10.0.0.6", "10.0.0.3"]
    with pytest.raises(PoolEmptyError):
        pool.allocate(10**9)
    pool.claim(IPv4Address("10.0.0.4"))
    with pytest.raises(AddressInUseError):
        pool.claim(IPv4Address("10.0.0.4"))
    with pytest.raises(ValueError, match="/30"):
        AddressPool("10.0.0.0/31")


def test_answers_to_what_phones_ask() -> None:
    core = Core(pgw=Pgw(PGW, mtu=1420, settings=PgwSettings(max_ambr=Ambr(500, 9000))))
    answer = core.ask(create_request(IMSI, apn="Internet.mnc001.mcc001.gprs", pdn_type=3), 0)
    assert answer.cause.value == 18
    assert answer.paa.ipv4 is not None
    assert answer.paa.ipv6 is None
    assert answer.ambr == Ambr(500, 2000)
    assert core.ask(create_request(OTHER, pdn_type=2), 0).cause.value == 83
    assert core.ask(create_request(OTHER, apn="none"), 0).cause.value == 78


def test_static_addresses_and_an_exhausted_pool() -> None:
    core = Core(pgw=Pgw(PGW, "172.16.0.0/30"))
    assert core.attach(IMSI).address == "172.16.0.2"
    assert core.ask(create_request(OTHER), 0).cause.value == 84
    assert core.ask(create_request(OTHER, address="172.16.0.2"), 0).cause.value == 94
    assert core.attach(OTHER, address="192.168.7.7").address == "192.168.7.7"


def test_protocol_configuration_options() -> None:
    dns = (IPv4Address("8.8.8.8"),)
    ask = bytes.fromhex("808021 0a 01 05 000a 81 06 00000000000d 000010 00000a 00")
    assert pco.answer(ask, dns, 1400) == bytes.fromhex(
        "808021 0a 03 05 000a 81 06 08080808000d 04 080808080010 02 0578"
    )
    reject = bytes.fromhex("808021 10 01 00 0010 81 06 00000000 83 06 00000000")
    assert pco.answer(reject, dns, 1400) == bytes.fromhex("808021 0a 04 00 000a 83 06 00000000")
    for cut in range(len(ask)):
        pco.answer(ask[:cut], dns, 1400)


def test_traffic_flow_templates() -> None:
    full = tft.PacketFilter(
        identifier=2,
        precedence=3,
        direction=tft.Direction.DOWNLINK,
        remote=IPv4Network("192.0.2.0/24"),
        protocol=17,
        local_ports=(1, 2),
        remote_ports=(53, 53),
        type_of_service=(0xB8, 0xFC),
    )
    assert tft.unpack(tft.pack([VOICE, full])) == (VOICE, full)
    for cut in range(len(tft.pack([full]))):
        with pytest.raises(ValueError):
            tft.unpack(tft.pack([full])[:cut])
    assert VOICE.matches(tft.downlink_flow(udp(SERVER, "10.0.0.1", (5060, 9))))
    assert not VOICE.matches(tft.downlink_flow(udp(SERVER, "10.0.0.1", (9, 5060))))
    with pytest.raises(ValueError, match="same identifier"):
        tft.pack([VOICE, VOICE])


def accept_bearer(core: Core, phone: Phone, ebi: int, enb_teid: int) -> None:
    request = core.requests.pop()
    asked = request.packet.message
    assert isinstance(asked, m.CreateBearerRequest)
    (context,) = asked.bearer_contexts
    sgw = context.f_teid(End.S1U_SGW)
    assert sgw is not None
    ends = {0: FTeid(End.S1U_ENB, enb_teid, IPv4Address(ENB)), 1: sgw}
    answered = m.BearerContext(ebi=Ebi(ebi), cause=Cause(16), f_teids=ends)
    phone.answer(request, m.CreateBearerResponse(cause=Cause(16), bearer_contexts=(answered,)))


def test_a_dedicated_bearer_takes_its_packets() -> None:
    core = Core()
    phone = core.attach(IMSI)
    core.pgw.create_dedicated_bearer(phone.address, 1, [VOICE], core.now)
    core.run()
    accept_bearer(core, phone, 6, 0x66)
    found = []
    while (event := core.pgw.next_event()) is not None:
        found.append(event)
    assert found[-1] == events.DedicatedBearerCreated(IMSI, 5, 6, 1)
    voice, rest = udp(SERVER, phone.address, (5060, 9)), udp(SERVER, phone.address, (80, 9))
    assert phone.downlink(voice) == [gtpu.tunnel(0x66)(voice)]
    assert phone.downlink(rest) == [gtpu.tunnel(phone.enb_teid)(rest)]
    assert core.pgw.usage()[1].downlink_packets == 1
    core.pgw.delete_dedicated_bearer(phone.address, 6, core.now)
    core.run()
    request = core.requests.pop()
    assert request.packet.message.ebis == (Ebi(6),)  # type: ignore[attr-defined]
    phone.answer(request, m.DeleteBearerResponse(cause=Cause(16)))
    assert phone.downlink(voice) == [gtpu.tunnel(phone.enb_teid)(voice)]
    phone.detach()
    assert core.tables() == {}


@pytest.mark.parametrize("silent", [False, True])
def test_a_refused_dedicated_bearer_leaves_nothing(silent: bool) -> None:
    core = Core()
    phone = core.attach(IMSI)
    core.pgw.create_dedicated_bearer(phone.address, 1, [VOICE], core.now)
    core.run()
    if silent:
        core.wait(10_000)
    else:
        refused = m.BearerContext(ebi=Ebi(0), cause=Cause(88))
        phone.answer(core.requests.pop(), m.CreateBearerResponse(cause=Cause(88), bearer_contexts=(refused,)))
    core.pgw.next_event()
    event = core.pgw.next_event()
    assert isinstance(event, events.DedicatedBearerFailed)
    assert event.cause == (100 if silent else 88)
    phone.detach()
    assert core.tables() == {}


def test_the_pgw_ends_a_connection() -> None:
    core = Core()
    phone = core.attach(IMSI)
    core.pgw.disconnect(phone.address, core.now)
    core.run()
    phone.answer(core.requests.pop(), m.DeleteBearerResponse(cause=Cause(16), linked_ebi=Ebi(5)))
    assert core.tables() == {}


def test_a_phone_cannot_send_from_anothers_address() -> None:
    core = Core()
    phone, other = core.attach(IMSI), core.attach(OTHER)
    assert phone.uplink(ip_packet(other.address, SERVER)) == []
    assert phone.uplink(ip_packet(other.address, SERVER)[:19]) == []
    assert core.pgw.counters()["spoofed packets"] == 1
    direct = ip_packet(phone.address, other.address)
    core.to_enb.clear()
    assert phone.uplink(direct) == []
    assert core.to_enb == [gtpu.tunnel(other.enb_teid)(direct)]
    assert not core.pgw.send_sgi(ip_packet(SERVER, "172.16.0.99"), 0)
    assert not core.pgw.send_sgi(b"", 0)


def test_the_gateway_answers_pings() -> None:
    core = Core()
    phone = core.attach(IMSI)
    body = struct.pack(">BBHHH", 8, 0, 0, 7, 1) + b"odd"
    body = body[:2] + icmp.checksum(body).to_bytes(2, "big") + body[4:]
    core.to_enb.clear()
    assert phone.uplink(ip_packet(phone.address, "172.16.0.1", body, 1)) == []
    (data,) = core.to_enb
    reply = data[8:]
    assert (reply[20], icmp.checksum(reply[20:]), icmp.checksum(reply[:20])) == (0, 0, 0)
    assert reply[24:] == body[4:]


def test_wireshark_reads_what_goes_between_the_nodes(tmp_path: Path) -> None:
    core = Core()
    ask = bytes.fromhex("808021 10 01 00 0010 81 06 00000000 83 06 00000000000d 000010 000005 01 01")
    phone = core.attach(IMSI, pco=ask)
    core.pgw.create_dedicated_bearer(phone.address, 1, [VOICE], core.now)
    core.run()
    accept_bearer(core, phone, 6, 0x66)
    phone.connect(0x12, "10.0.0.10")
    phone.release()
    phone.downlink(udp(SERVER, phone.address, (80, 9)))
    phone.uplink(udp(phone.address, SERVER, (9, 80)))
    phone.detach()
    for port, wanted in ((gtpv2c.PORT, (Interface.S11, Interface.S5C)), (gtpu.PORT, (Interface.S1U, Interface.S5U))):
        sent = [message.data for message in core.seen if message.interface in wanted]
        for fields in tshark.dissect(tmp_path, port, sent):
            complaints = [text for text in tshark.complaints(fields) if "checksum" not in text[1].lower()]
            assert complaints == []
    template = BearerTft(tft.pack([VOICE])).data
    assert template.hex() == "21310a0730115113c413c5"


STEP = st.sampled_from(["attach", "detach", "release", "connect", "down", "up", "bearer", "time"])


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.lists(st.tuples(STEP, st.integers(0, 2)), max_size=25), st.integers(0, 2**32))
def test_any_sequence_over_bad_wires_leaves_empty_tables(steps: list[tuple[str, int]], seed: int) -> None:
    """Messages of control are lost, doubled and repeated late; in the end every phone detaches over good wires."""
    rng = random.Random(seed)
    core = Core()
    late: list[Message] = []

    def bad(message: Message) -> int:
        if message.interface not in (Interface.S11, Interface.S5C):
            return 1
        if rng.random() < 0.3:
            late.append(message)
        return rng.choices((0, 1, 2), (0.25, 0.6, 0.15))[0]

    core.pass_ = bad
    phones: dict[int, Phone] = {}
    for step, number in steps:
        imsi = f"00101012345678{number}"
        phone = phones.get(number)
        if step == "attach":
            core.answers.clear()
            core.send(create_request(imsi), 0)
            core.wait(8000)
            good = [a for a in core.answers if isinstance(a, m.CreateSessionResponse) and a.cause.accepted]
            if good:
                end = good[-1].bearer_contexts[0].f_teid(End.S1U_SGW)
                assert end is not None
                assert good[-1].sender is not None
                assert good[-1].paa is not None
                address = str(good[-1].paa.ipv4)
                phones[number] = Phone(core, imsi, 5, good[-1].sender.teid, end.teid, address, 0x100 + number)
        elif phone is None:
            continue
        elif step == "detach":
            core.send(m.DeleteSessionRequest(linked_ebi=Ebi(5)), phone.sgw_teid)
        elif step == "release":
            core.send(m.ReleaseAccessBearersRequest(), phone.sgw_teid)
        elif step == "connect":
            ends = {0: FTeid(End.S1U_ENB, phone.enb_teid, IPv4Address(ENB))}
            context = m.BearerContext(ebi=Ebi(5), f_teids=ends)
            core.send(m.ModifyBearerRequest(bearer_contexts=(context,)), phone.sgw_teid)
        elif step == "down":
            phone.downlink(ip_packet(SERVER, phone.address))
        elif step == "up":
            phone.uplink(ip_packet(phone.address, SERVER))
        elif step == "bearer" and core.pgw.address_of(imsi) is not None:
            address = str(core.pgw.address_of(imsi))
            core.pgw.create_dedicated_bearer(address, 1, [VOICE], core.now)
            core.run()
        else:
            core.wait(3000)
        for message in late[:]:
            late.remove(message)
            core._deliver(message)
        core.run()
    core.pass_ = lambda _: 1
    core.wait(30_000)
    # nothing is half done: every bearer has its identity and both its ends
    assert all(bearer.ebi and bearer.pgw is not None for bearer in core.sgw._contexts.uplink.values())
    assert all(bearer.ebi and bearer.sgw_address is not None for bearer in core.pgw._contexts.uplink.values())
    for number in range(3):  # a phone that attaches replaces whatever is left of it
        core.attach(f"00101012345678{number}").detach()
    core.wait(30_000)
    assert core.tables() == {}
    assert core.sgw.tables()["TEIDs"] == core.pgw.tables()["TEIDs"] == 0
