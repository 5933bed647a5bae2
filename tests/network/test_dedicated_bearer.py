"""A dedicated bearer through the whole network: from the gateway over S5, S11, S1AP, NAS and RRC to its own DRB."""

from picocell import Cell, Network, Phone
from picocell.epc.pgw.contexts import Usage
from picocell.mac.dedicated_config import RlcMode
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.tft import ICMP, UDP, Direction, PacketFilter
from picocell.rrc_nas.rrc.enb_defaults import defaults

VOICE = 7000
CONVERSATION, DEFAULT = 1, 9
FILTERS = [
    PacketFilter(identifier=1, precedence=10, protocol=UDP, remote_ports=(VOICE, VOICE)),
    PacketFilter(identifier=2, precedence=20, direction=Direction.DOWNLINK, protocol=ICMP),
]


def _passed(net: Network) -> dict[int, tuple[int, int]]:
    """Uplink and downlink packets by QCI."""
    usage: dict[int, Usage] = net.epc.pgw.usage()
    return {qci: (use.uplink_packets, use.downlink_packets) for qci, use in usage.items()}


def _open(net: Network, phone: Phone) -> int:
    assert phone.ip is not None
    net.epc.pgw.create_dedicated_bearer(phone.ip, CONVERSATION, FILTERS, net.now)
    start = net.now
    told = phone.wait_for(ue_events.BearerActivated, since=start)
    assert (told.qos.qci, told.linked_ebi) == (CONVERSATION, 5)
    net.run_until(lambda: phone.ue.bearers.drb_of(told.ebi) is not None, 1000)
    net.run(50)
    return told.ebi


def _talk(net: Network, phone: Phone) -> None:
    """Three datagrams each way between the phone and port ``VOICE`` of the host."""
    ours, theirs = phone.udp_socket(), net.udp_socket(VOICE)
    for number in range(3):
        ours.sendto(bytes([number]), GATEWAY, VOICE)
    net.run_until(lambda: len(theirs) == 3, 1000)
    assert phone.ip is not None
    for number in range(3):
        theirs.sendto(bytes([number]), phone.ip, ours.port)
    net.run_until(lambda: len(ours) == 3, 1000)
    ours.close()
    theirs.close()


def test_packets_take_the_bearer_of_their_filter_both_ways() -> None:
    with Network(Cell(n_prb=6, inactivity_ms=300)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        ebi = _open(net, phone)
        assert net.enb.tables()["tunnels"] == 2
        drb = next(s.bearer for s in phone.ue.bearers.setups.values() if s.bearer.eps_bearer == ebi)
        assert drb.rlc is RlcMode.UM
        before = _passed(net)
        _talk(net, phone)
        voice, rest = _passed(net)[CONVERSATION], _passed(net)[DEFAULT]
        assert voice == (3, 3)
        assert rest == before[DEFAULT]
        # pings match the second filter, which is for the downlink only
        assert phone.ping(GATEWAY, 2).received == 2
        assert _passed(net)[CONVERSATION] == (3, 5)
        assert _passed(net)[DEFAULT] == (rest[0] + 2, rest[1])
        # both bearers rest with the connection, and come back with it
        phone.wait_idle()
        assert len(phone.ue.nas.bearers) == 2
        _talk(net, phone)
        assert _passed(net)[CONVERSATION] == (6, 8)
        # the gateway ends it; what was its own takes the default bearer again
        net.epc.pgw.delete_dedicated_bearer(str(phone.ip), ebi, net.now)
        phone.wait_for(ue_events.BearerDeactivated, since=net.now)
        net.run(50)
        assert net.enb.tables()["tunnels"] == 1
        assert phone.ue.bearers.drb_of(ebi) is None
        before = _passed(net)
        _talk(net, phone)
        assert _passed(net)[DEFAULT] == (before[DEFAULT][0] + 3, before[DEFAULT][1] + 3)


def test_an_idle_phone_is_paged_for_a_bearer() -> None:
    with Network(Cell(n_prb=6, inactivity_ms=300)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        phone.wait_idle()
        _open(net, phone)
        _talk(net, phone)
        assert _passed(net)[CONVERSATION] == (3, 3)
        phone.detach()
        net.run(300)
        sizes = {name: size for name, size in net.tables().items() if size}
        assert not {name for name in sizes if "bearer" in name or "tunnel" in name or "session" in name}, sizes


def test_a_bearer_with_short_sequence_numbers() -> None:
    """PDCP of 7 bits over RLC UM of 5 bits on the dedicated bearer, of 12 bits over RLC AM on the default one."""
    radio = defaults()
    rows = radio["drb"][CONVERSATION]
    rows["pdcp-Config"]["rlc-UM"]["pdcp-SN-Size"] = "len7bits"
    for way in ("ul-UM-RLC", "dl-UM-RLC"):
        rows["rlc-Config"][1][way]["sn-FieldLength"] = "size5"
    with Network(Cell(n_prb=6, radio=radio)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        ebi = _open(net, phone)
        bits = {one.bearer.eps_bearer: one.bearer.pdcp_sn_bits for one in phone.ue.bearers.setups.values()}
        assert (bits[5], bits[ebi]) == (12, 7)
        for _ in range(50):  # 150 packets: more than the sequence numbers of either layer
            _talk(net, phone)
        assert _passed(net)[CONVERSATION] == (150, 150)
