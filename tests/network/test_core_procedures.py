"""Procedures that the core starts, through the whole network: detach, overload, buffering, tunnels that are unknown."""

from ipaddress import IPv4Address

import pytest

from picocell import Cell, Network, Phone, TimeoutInNetwork
from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.transport import Interface, Message
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.rrc import ue_events as rrc_events


def _network(inactivity_ms: int | None = 250) -> Network:
    return Network(Cell(n_prb=6, inactivity_ms=inactivity_ms))


def _seen(phone: Phone, kind: type, since: int = 0) -> int:
    return sum(isinstance(event, kind) for at, event in phone.events if at >= since)


@pytest.mark.parametrize("idle", [False, True])
def test_the_network_detaches_a_phone_which_attaches_again(idle: bool) -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        if idle:
            phone.wait_idle()
        start = net.now
        assert net.epc.mme.detach(phone.imsi, net.now, reattach=True)
        phone.wait_for(ue_events.Detached, 4000, since=start)
        net.run_until(lambda: phone.attached, 4000)
        assert phone.ping(GATEWAY, 1).received == 1
        assert net.epc.tables()["MME ues"] == 1


def test_the_network_detaches_a_phone_for_good() -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        assert net.epc.mme.detach(phone.imsi, net.now)
        net.run_until(lambda: not phone.attached and not phone.connected, 3000)
        net.run(1000)
        assert not phone.attached
        assert phone.ip is None


def test_an_overloaded_core_has_phones_rejected_with_a_wait_time() -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        phone.wait_idle()
        net.epc.mme.start_overload("reject-rrc-cr-signalling")
        net.run(20)
        assert net.enb.s1ap.overload == "reject-rrc-cr-signalling"
        other = net.phone("001010123456781")
        start = net.now
        other.attach(wait=False)
        failed = other.wait_for(rrc_events.ConnectionFailed, 3000, since=start)
        assert failed.wait_s
        net.epc.mme.stop_overload()
        net.run_until(lambda: other.attached, 40_000)
        assert net.enb.s1ap.overload is None


def test_packets_for_an_idle_phone_wait_for_it_and_keep_their_order() -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        socket = phone.udp_socket(4000)
        phone.wait_idle()
        ours = net.udp_socket()
        start = net.now
        assert phone.ip is not None
        for number in range(40):
            ours.sendto(bytes([number]), phone.ip, 4000)
        net.run(5)
        assert net.epc.tables()["SGW buffered packets"] == 40
        net.run_until(lambda: len(socket) == 40, 5000)
        received = [datagram.data for datagram in iter(socket.recvfrom, None)]
        assert received == [bytes([number]) for number in range(40)]
        assert _seen(phone, rrc_events.Paged, start) == 1
        assert net.epc.tables()["SGW buffered packets"] == 0


def test_an_error_indication_of_the_cell_makes_the_phone_idle_and_its_data_page_it() -> None:
    """The eNB has forgotten a tunnel: the SGW hears so, and the phone comes back over paging (TS 23.007 22)."""
    with _network(inactivity_ms=2000) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        (key,) = net.enb.user_plane.tunnels
        net.enb.user_plane.close(key[0])
        net.faults.recording = True
        assert phone.ip is not None
        net.host.ping(phone.ip, 1, 0)
        phone.wait_for(rrc_events.Paged, 3000, since=net.now)
        net.run_until(lambda: phone.connected and len(net.enb.user_plane.tunnels) == 1, 2000)
        assert net.ping(phone.ip, 1).received == 1
        kinds = [kind for _, kind in net.faults.log]
        assert "s1u.other" in kinds
        assert kinds.index("s1u.other") < kinds.index("s1ap.Paging")


def test_an_error_indication_of_the_sgw_releases_the_phone() -> None:
    """The SGW does not know the tunnel of an uplink packet: the cell asks for the release of the connection."""
    with _network(inactivity_ms=5000) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        (tunnel,) = net.enb.user_plane.tunnels.values()
        said = gtpu.encode(gtpu.ErrorIndication(tunnel.peer_teid, IPv4Address(tunnel.peer)).packet())
        net.enb.receive(Message(Interface.S1U, tunnel.peer, net.enb.gtpu_address, said), net.now)
        phone.wait_idle(1000)
        net.run(100)
        assert net.enb.tables()["tunnels"] == 0
        assert phone.ping(GATEWAY, 1).received == 1


def test_an_end_marker_passes_and_changes_nothing() -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        (tunnel,) = net.enb.user_plane.tunnels.values()
        marker = gtpu.encode(gtpu.EndMarker(tunnel.teid).packet())
        net.enb.receive(Message(Interface.S1U, tunnel.peer, net.enb.gtpu_address, marker), net.now)
        assert phone.ping(GATEWAY, 1).received == 1


def test_a_combined_attach_is_answered_for_the_packet_services_alone() -> None:
    with _network() as net:
        phone = net.phone(combined=True)
        start = net.now
        phone.attach()
        accepted = phone.wait_for(ue_events.Attached, since=start)
        assert (accepted.emm_cause, accepted.esm_cause) == (18, None)


def test_ipv4v6_is_answered_by_ipv4_with_a_cause() -> None:
    with _network() as net:
        phone = net.phone(pdn_type="ipv4v6")
        phone.attach()
        assert phone.wait_for(ue_events.Attached, since=0).esm_cause == 50
        (bearer,) = phone.ue.nas.bearers.values()
        assert bearer.ip is not None
        assert bearer.interface_id is None
        assert bearer.dns == ("8.8.8.8", "8.8.4.4")
        assert bearer.mtu == 1500


def test_a_phone_that_never_answers_is_given_up_after_some_pagings() -> None:
    with _network() as net:
        phone = net.phone()
        phone.attach()
        phone.wait_idle()
        ip = phone.ip
        assert ip is not None
        phone.switch_off()
        net.host.ping(ip, 1, 0)
        net.run_until(lambda: net.epc.mme.counters["paging_failed"] == 1, 60_000)
        net.run(5)
        assert net.epc.tables()["SGW buffered packets"] == 0
        with pytest.raises(TimeoutInNetwork):
            net.run_until(lambda: bool(net.host.echo_replies), 100)
