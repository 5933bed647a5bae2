"""Whole networks: phones attach, talk, rest, are called, come back and leave; every sample passes through the PHY."""

from picocell import Cell, Network
from picocell.epc.epc import EpcSettings
from picocell.epc.mme.settings import MmeSettings
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.rrc import ue_events as rrc_events

LASTING = {"MME associations": 1}
"""What a network keeps when all phones are gone."""


def left_over(net: Network) -> dict[str, int]:
    """Table entries that somebody left behind; each phone keeps the channel of SRB0."""
    forgotten = {"HSS answered"}  # answers kept for repeated requests, for a while
    sizes = {name: size for name, size in net.tables().items() if size and name not in forgotten}
    return {name: size for name, size in sizes.items() if not name.endswith(" channels")}


def test_ten_phones() -> None:
    with Network(Cell(n_prb=25, inactivity_ms=300)) as net:
        phones = [net.phone(f"00101012345678{i}") for i in range(10)]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 5000)
        assert len({phone.ip for phone in phones}) == 10
        assert [phone.ping(GATEWAY, 1).received for phone in phones] == [1] * 10
        listener = net.tcp_listen(5001)
        for phone in phones[:3]:
            socket = phone.tcp_connect(GATEWAY, 5001)
            served = listener.accept()
            socket.send(b"up" * 5000)
            assert _read(served, 10_000) == b"up" * 5000
            served.send(b"down" * 5000)
            assert _read(socket, 20_000) == b"down" * 5000
        net.run_until(lambda: not any(phone.connected for phone in phones), 5000)
        for phone in phones:
            assert phone.ip is not None
            net.host.ping(phone.ip, 77, 0)
        start = net.now
        came = [phone.wait_for(rrc_events.Paged, 3000, since=start) for phone in phones]
        assert [paged.identity for paged in came] == ["s_tmsi"] * 10
        net.run_until(lambda: len({r.source for r in net.host.echo_replies}) == 10, 5000)
        net.run_until(lambda: all(phone.ue.nas.state.name == "REGISTERED" for phone in phones), 1000)
        for phone in phones:
            phone.detach(wait=False)
        net.run_until(lambda: not any(phone.attached or phone.connected for phone in phones), 5000)
        net.run(300)
        assert left_over(net) == LASTING


def test_a_phone_comes_back_with_its_guti_and_leaves_nothing() -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        for _ in range(2):
            phone.attach()
            assert phone.ping(GATEWAY, 1).received == 1
            guti = phone.ue.nas.guti
            assert guti is not None
            phone.detach()
            net.run(300)
            assert left_over(net) == LASTING
        first_messages = [e for _, e in phone.events if isinstance(e, ue_events.Connect)]
        # the second attach is protected with the context of the first one and carries its GUTI
        assert [message.nas[0] >> 4 for message in first_messages] == [0, 1]
        phone.attach()
        phone.detach(switch_off=True)
        assert "off" in repr(phone)
        net.run(300)
        assert left_over(net) == LASTING


def test_periodic_update_and_service_request() -> None:
    nas = MmeNasSettings(t3412_s=2, full_name="Pico Cell", short_name="pico")
    with Network(Cell(n_prb=6, inactivity_ms=200), epc=EpcSettings(mme=MmeSettings(nas=nas))) as net:
        phone = net.phone()
        phone.attach()
        told = phone.wait_for(ue_events.EmmInformation, since=0)
        assert (told.full_name, told.short_name) == ("Pico Cell", "pico")
        phone.wait_idle()
        assert "T3412" in phone.timers
        idle = net.now
        phone.wait_for(ue_events.TrackingAreaUpdated, 3000)
        assert 1500 < net.now - idle < 2500
        phone.wait_idle()
        # data from the phone: service request; data from the network: paging first
        assert phone.ping(GATEWAY, 2).received == 2
        phone.wait_idle()
        paged = len([e for _, e in phone.events if isinstance(e, rrc_events.Paged)])
        assert phone.ip is not None
        assert net.ping(phone.ip, 2).received == 2
        assert len([e for _, e in phone.events if isinstance(e, rrc_events.Paged)]) == paged + 1


def test_data_that_arrives_during_a_release_is_not_lost() -> None:
    """The phone is idle before the core has heard so: the notification of data waits for the end of the release."""
    with Network(Cell(n_prb=6, inactivity_ms=200)) as net:
        phone = net.phone()
        phone.attach()
        for extra in (0, 1, 40, 120):
            phone.wait_idle()
            net.run(extra)
            phone.page(2000)
        phone.detach()
        net.run(300)
        assert left_over(net) == LASTING


def _read(socket, n: int) -> bytes:  # type: ignore[no-untyped-def]
    data = b""
    while len(data) < n:
        data += socket.recv(1 << 16)
    return data
