"""The air of a network: links change while time passes."""

import pytest

from picocell import Cell, Network
from picocell.network import GATEWAY


def test_a_link_is_changed_while_it_runs() -> None:
    with Network(Cell(n_prb=6), snr_db=25) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        before = phone.ue.radio.snr_db, phone.ue.radio.rsrp_dbm
        net.air.link("ue1", "cell1").loss_db += 10
        net.run(200)
        assert phone.ue.radio.snr_db == pytest.approx(before[0] - 10, abs=1.5)
        assert phone.ue.radio.rsrp_dbm == pytest.approx(before[1] - 10, abs=0.5)
        net.air.set("ue1.cell1.loss_db", 80)
        net.air.set("*.cell1.channel", "EVA70")
        assert phone.channel == "EVA70"
        net.air.set("ue1.cell1.channel", "AWGN")
        net.run(200)
        assert phone.ue.radio.snr_db == pytest.approx(before[0], abs=1.5)


def test_a_scenario_in_virtual_time() -> None:
    with Network(Cell(n_prb=6), snr_db=25) as net:
        phone = net.phone()
        phone.attach()
        link = net.air.link("ue1", "cell1")
        start = net.now
        net.play(
            [
                {"at": 0.1, "set": {"ue1.cell1.loss_db": 85}},
                {"at": 0.2, "over": 0.1, "ramp": {"ue1.cell1.loss_db": 95}},
            ]
        )
        seen = {}
        for ms in (50, 150, 250, 400):
            net.run(start + ms - net.now)
            seen[ms] = link.loss_db
        assert seen == {50: 80, 150: 85, 250: pytest.approx(90, abs=1), 400: 95}
        with pytest.raises(ValueError, match="there is no member 'ue2'"):
            net.play([{"at": 0, "set": {"ue2.cell1.loss_db": 1}}])


def test_phones_of_their_own_channel_and_ratio() -> None:
    with Network(Cell(n_prb=6), snr_db=25) as net:
        phones = [
            net.phone(f"00101012345678{i}", channel=channel, snr_db=snr)
            for i, (channel, snr) in enumerate([("EVA70", 12.0), ("AWGN", 5.0), ("AWGN", 25.0)])
        ]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 20_000)
        assert [phone.link.links[0].channel for phone in phones] == ["EVA70", "AWGN", "AWGN"]
        net.run(300)
        for phone, snr in zip(phones[1:], (5.0, 25.0), strict=True):
            assert phone.ue.radio.snr_db == pytest.approx(snr, abs=2)
        assert phones[1].ping(GATEWAY, count=1).received == 1


def test_a_cell_hears_what_comes_while_it_begins_to_listen() -> None:
    """A PUSCH of a far phone arrives whole, though its first samples were sent while the cell did not listen."""
    with Network(Cell(n_prb=25, range_m=14_000, inactivity_ms=None), snr_db=15) as net:
        phone = net.phone(distance_m=13_500)
        phone.attach()
        net.run(200)
        assert phone.ping(GATEWAY, count=5).received == 5
        assert phone.metrics.ul_bler < 0.1
