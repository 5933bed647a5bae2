"""Several cells with one core: a phone that loses the one selects the other, on the same carrier or on another."""

from collections import Counter

import pytest

from picocell import Cell, Network, Phone
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events as nas_events
from picocell.rrc_nas.rrc import ue_events

CROSSING = [
    {"at": 0.2, "over": 1.5, "ramp": {"ue1.cell1.loss_db": [80, 120], "ue1.cell2.loss_db": [115, 80]}},
]


def two(**second: int | str) -> Network:
    """Two cells of 6 PRB; a phone hears the second one 35 dB weaker, if at all."""
    cells = [Cell(n_prb=6, inactivity_ms=3000), Cell(n_prb=6, pci=2, inactivity_ms=1000, **second)]  # type: ignore[arg-type]
    return Network(cells=cells, snr_db=25)


def serving(phone: Phone) -> str | None:
    site = phone.serving
    return None if site is None else site.member.name


def kinds(phone: Phone) -> Counter[str]:
    return Counter(type(event).__name__ for _, event in phone.events)


def test_path_losses_cross_while_connected() -> None:
    """After a radio link failure the second cell is selected; it does not know the phone, which updates its area."""
    with two() as net:
        phone = net.phone()
        net.air.link("ue1", "cell2").loss_db = 115
        phone.attach()
        ip = phone.ip
        assert serving(phone) == "cell1"
        assert (len(net.enbs[0].mac.rntis), len(net.enbs[1].mac.rntis)) == (1, 0)
        net.play(CROSSING)
        failure = phone.wait_for(ue_events.RadioLinkFailure, 4000)
        assert "T310" in failure.cause
        phone.wait_for(nas_events.TrackingAreaUpdated, 3000)
        assert serving(phone) == "cell2"
        assert phone.attached
        assert phone.ip == ip
        phone.wait_idle()
        assert net.ping(str(ip), count=2).received == 2  # paged in both, answered from the second
        assert phone.ping(GATEWAY, count=2).received == 2
        assert (len(net.enbs[0].mac.rntis), len(net.enbs[1].mac.rntis)) == (0, 1)
        assert phone.metrics.rnti == phone.c_rnti is not None
        assert net.tables()["MME ues"] == 1
        phone.detach()
        net.run(500)
        tables = net.tables()
        assert {tables[f"{enb} MAC UEs"] for enb in ("eNB", "eNB 2")} == {0}
        assert tables["MME ues"] == 0


def test_a_camping_phone_walks_into_another_tracking_area_and_back() -> None:
    with two(tac=8) as net:
        phone = net.phone()
        net.air.link("ue1", "cell2").loss_db = 115
        phone.attach()
        phone.wait_idle()
        net.play(CROSSING)
        camped = phone.wait_for(ue_events.Camped, 5000)
        assert (camped.pci, camped.tac) == (2, 8)
        phone.wait_for(nas_events.TrackingAreaUpdated, 2000)
        # while the connection is there for the update alone: a service request follows it
        assert phone.ping(GATEWAY, count=1).received == 1
        phone.wait_idle()
        assert net.ping(str(phone.ip), count=1).received == 1
        back = net.now
        net.play([{"at": 0, "over": 1.0, "ramp": {"ue1.cell1.loss_db": 80, "ue1.cell2.loss_db": 120}}])
        phone.wait_for(nas_events.TrackingAreaUpdated, 20_000, since=back)
        assert serving(phone) == "cell1"
        assert phone.ping(GATEWAY, count=1).received == 1
        assert kinds(phone)["Detached"] == 0


def test_a_phone_that_is_tuned_to_another_carrier_finds_its_cell() -> None:
    with two(carrier=3400) as net:
        first, second = net.phone(), net.phone("001010123456781", carrier=3400)
        first.attach(wait=False)
        second.attach()
        net.run_until(lambda: first.attached)
        assert [serving(phone) for phone in (first, second)] == ["cell1", "cell2"]
        # carriers do not disturb each other: all see the SNR that they have alone
        assert min(phone.ue.radio.snr_db for phone in (first, second)) > 22
        assert net.ping(str(second.ip), count=1).received == 1
        net.air.set("ue1.carrier", 3400)
        first.wait_for(ue_events.RadioLinkFailure, 4000)
        first.wait_for(nas_events.TrackingAreaUpdated, 5000)
        assert first.ping(GATEWAY, count=2).received == 2
        assert serving(first) == "cell2"


def test_another_cell_on_the_carrier_disturbs() -> None:
    """Its power is noise, where it sends."""
    with two() as net:
        phone = net.phone()
        net.air.link("ue1", "cell2").loss_db = 200
        phone.attach()
        net.run(200)
        alone = phone.ue.radio.snr_db
        net.air.link("ue1", "cell2").loss_db = 90
        net.run(300)
        assert phone.ue.radio.snr_db < alone - 3


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> list[str]:
        with two() as net:
            phone = net.phone(channel="EPA5")
            net.air.link("ue1", "cell2").loss_db = 115
            phone.attach()
            net.play(CROSSING)
            net.run(1500)
            return [f"{at} {who} {event}" for at, who, event in net.events]

    assert run() == run()


def test_cells_of_different_bandwidths() -> None:
    with Network(cells=[Cell(n_prb=6), Cell(n_prb=15, pci=4, carrier="b")], snr_db=25) as net:
        assert net.air.sample_rate == 3.84e6
        phones = [net.phone(), net.phone("001010123456781", carrier="b")]
        for phone in phones:
            phone.attach()
            assert phone.ping(GATEWAY, count=1).received == 1
        assert [phone.ue.phy.cell.n_prb for phone in phones if phone.ue.phy.cell] == [6, 15]


def test_cells_that_cannot_be_told_apart() -> None:
    with pytest.raises(ValueError, match="two cells of PCI 1 on carrier 0"):
        Network(cells=[Cell(n_prb=6), Cell(n_prb=6)])
    with pytest.raises(ValueError, match="two cells of eNB 0x19b"):
        Network(cells=[Cell(n_prb=6), Cell(n_prb=6, pci=2, cell_identity=0x19BFF)])
    with pytest.raises(ValueError, match="give one of them"):
        Network(Cell(n_prb=6), cells=[Cell(n_prb=6)])
    identities = [cell.cell_identity for cell in two().cells]
    assert identities == [0x19B01, 0x19C01]
