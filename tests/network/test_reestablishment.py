"""A connection that breaks for a moment and is re-established: an acknowledged bearer loses and repeats nothing."""

import pytest

from picocell import Cell, Network, Phone
from picocell.network import GATEWAY
from picocell.rlc_pdcp.pdcp import AmEntity, Direction
from picocell.rrc_nas.rrc import ue_events


def _kinds(phone: Phone, since: int) -> list[str]:
    return [type(event).__name__ for at, event in phone.events if at >= since]


def _listen_for_reports(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Which ends get PDCP status reports; filled as they come."""
    found: set[str] = set()
    receive = AmEntity.receive_pdu

    def listen(self: AmEntity, pdu: bytes, now: int, *, reestablishment: bool = False) -> None:
        if not pdu[0] & 0x80:
            found.add("UE" if self._transmit == int(Direction.UPLINK) else "eNB")
        receive(self, pdu, now, reestablishment=reestablishment)

    monkeypatch.setattr(AmEntity, "receive_pdu", listen)
    return found


@pytest.mark.parametrize("dip_ms", [300, 600])
def test_datagrams_of_a_dip_arrive_once_and_in_order(dip_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with Network(Cell(n_prb=6)) as net:
        reports = _listen_for_reports(monkeypatch)
        phone = net.phone()
        phone.attach()
        net.run(100)
        ours, theirs = phone.udp_socket(4000), net.udp_socket(5000)
        rnti, start, n = phone.c_rnti, net.now, 0
        assert phone.ip is not None
        while net.now < start + dip_ms + 900:
            phone.snr_db = -20 if start + 50 <= net.now < start + 50 + dip_ms else 30
            if net.now % 20 == 0:
                ours.sendto(n.to_bytes(2, "big") * 50, GATEWAY, 5000)
                theirs.sendto(n.to_bytes(2, "big") * 50, phone.ip, 4000)
                n += 1
            net.step()
        net.run_until(lambda: len(ours) >= n and len(theirs) >= n, 2000)
        net.run(200)
        assert phone.c_rnti not in (None, rnti)
        kinds = _kinds(phone, start)
        assert kinds.index("RadioLinkFailure") < kinds.index("ReestablishBearers")
        assert "ConnectionReleased" not in kinds
        expected = [number.to_bytes(2, "big") * 50 for number in range(n)]
        assert [each.data for each in iter(ours.recvfrom, None)] == expected
        assert [each.data for each in iter(theirs.recvfrom, None)] == expected
        # both ends told what they had received (TS 36.323 5.3.1)
        assert reports == {"UE", "eNB"}
        # the next release and the next connection are as ever
        phone.detach()
        net.run(300)
        assert net.enb.tables()["MAC UEs"] == net.enb.tables()["tunnels"] == 0


def test_tcp_goes_on_over_two_breaks() -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        phone.attach()
        listener = net.tcp_listen(5001)
        socket = phone.tcp_connect(GATEWAY, 5001)
        served = listener.accept()
        data = bytes(range(256)) * 400
        for _ in range(2):
            served.connection.send(data, net.now)
            net.run(100)
            start = net.now
            phone.snr_db = -20
            phone.wait_for(ue_events.RadioLinkFailure, 1500, since=start)
            phone.snr_db = 30
            got = b""
            while len(got) < len(data):
                got += socket.recv(1 << 16)
            assert got == data
        assert "ConnectionReleased" not in _kinds(phone, 0)
