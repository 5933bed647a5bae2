"""What phones do with their addresses."""

import pytest

from picocell import Cell, Network, PhoneError
from picocell.inet import ConnectionFailedError
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events


def test_udp_both_ways_and_no_port() -> None:
    with Network(Cell(n_prb=15)) as net:
        phone = net.phone()
        with pytest.raises(PhoneError, match="no IP address"):
            phone.udp_socket()
        phone.attach()
        here, there = net.udp_socket(9000), phone.udp_socket(9001)
        for n in (1, 100, 1400):
            there.sendto(bytes(n), GATEWAY, 9000)
            net.run_until(lambda: len(here) > 0, 500)
            got = here.recvfrom()
            assert got is not None
            assert (got.data, got.address, got.port) == (bytes(n), phone.ip, 9001)
            here.sendto(bytes(n) + b"!", got.address, got.port)
            net.run_until(lambda: len(there) > 0, 500)
            back = there.recvfrom()
            assert back is not None
            assert (back.data, back.address) == (bytes(n) + b"!", GATEWAY)
        with pytest.raises(ConnectionFailedError):
            phone.tcp_connect(GATEWAY, 4444)


def test_two_phones_talk_to_each_other() -> None:
    with Network(Cell(n_prb=15, inactivity_ms=300)) as net:
        first, second = net.phone(), net.phone("001010123456781")
        first.attach()
        second.attach()
        assert first.ip is not None
        assert second.ip is not None
        assert first.ping(second.ip, 3).received == 3
        assert second.ping(first.ip, 3).received == 3
        second.wait_idle()
        # the other one is paged
        assert first.ping(second.ip, 2).received == 2
        listener = second.tcp_listen(80)
        socket = first.tcp_connect(second.ip, 80)
        served = listener.accept()
        socket.send(b"hello" * 1000)
        data = b""
        while len(data) < 5000:
            data += served.recv(10_000)
        assert data == b"hello" * 1000
        assert net.ping("172.16.0.200", 1, timeout_ms=100).lost == 1


def test_what_the_network_does_not_give() -> None:
    """IPv4v6 becomes IPv4 (cause 50), a combined attach EPS only (cause 18)."""
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone(pdn_type="ipv4v6", combined=True)
        phone.attach()
        attached = phone.wait_for(ue_events.Attached, since=0)
        assert attached.ip == phone.ip
        assert attached.interface_id is None
        assert (attached.emm_cause, attached.esm_cause) == (18, 50)
        assert attached.dns == ("8.8.8.8", "8.8.4.4")
        assert attached.mtu == 1500
        plain = net.phone("001010123456781")
        plain.attach()
        attached = plain.wait_for(ue_events.Attached, since=0)
        assert (attached.emm_cause, attached.esm_cause) == (None, None)


def test_an_unknown_access_point_is_refused() -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone(apn="nowhere")
        with pytest.raises(PhoneError, match=r"#19.*#33"):
            phone.attach()
