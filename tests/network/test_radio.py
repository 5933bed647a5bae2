"""Channels, antennas and distances between the cell and its phones."""

import pytest

from picocell import Cell, Network
from picocell.network import GATEWAY


def test_harq_repairs_a_fading_channel() -> None:
    with Network(Cell(n_prb=25), channel="EPA5", snr_db=15, seed=3) as net:
        phone = net.phone()
        phone.attach()
        assert phone.ping(GATEWAY, 20, interval_ms=40).received == 20
        metrics = phone.metrics
        # first transmissions fail one time in ten, by the outer loops; more at their start
        assert metrics.dl_retx + metrics.ul_retx >= 3
        assert metrics.dl_bler + metrics.ul_bler > 0
        ue = net.enb.mac.ue(phone.c_rnti or 0).metrics
        assert ue.dl_nok + ue.ul_nok >= ue.dl_dropped + ue.ul_dropped
        assert metrics.dl_bytes <= metrics.dl_granted
        assert net.enb.mac.counters.get("unknown", 0) == 0


@pytest.mark.parametrize(
    ("n_ports", "n_rx", "channel"), [(2, 2, "AWGN"), (2, 2, "EPA5"), (2, 1, "EVA5"), (4, 2, "AWGN")]
)
def test_antennas(n_ports: int, n_rx: int, channel: str) -> None:
    with Network(Cell(n_prb=15, n_ports=n_ports, n_rx=n_rx), channel=channel, snr_db=15) as net:
        phone = net.phone(n_rx=n_rx)
        phone.attach()
        assert phone.ping(GATEWAY, 3).received == 3
        assert phone.ue.phy.cell is not None
        assert phone.ue.phy.cell.n_ports == n_ports


@pytest.mark.parametrize("distance_m", [0.0, 3000.0, 10_000.0])
def test_distance_becomes_timing_advance(distance_m: float) -> None:
    with Network(Cell(n_prb=15, range_m=max(distance_m, 3000.0))) as net:
        phone = net.phone(distance_m=distance_m)
        phone.attach()
        assert phone.ping(GATEWAY, 2).received == 2
        step_m = 16 / 30.72e6 * 299_792_458 / 2
        assert phone.metrics.timing_advance == pytest.approx(distance_m / step_m, abs=2)
        mac = phone.ue.radio.mac
        assert mac is not None


def test_a_weak_phone_attaches() -> None:
    with Network(Cell(n_prb=15), snr_db=3) as net:
        phone = net.phone()
        phone.attach()
        assert phone.ping(GATEWAY, 3).received == 3
        assert phone.metrics.snr_db == pytest.approx(3, abs=2)
        assert (phone.metrics.cqi or 15) < 10


def test_phones_of_different_quality_share_a_cell() -> None:
    with Network(Cell(n_prb=15), snr_db=25) as net:
        near, far = net.phone(), net.phone("001010123456781", snr_db=6, channel="EPA5")
        near.attach()
        far.attach()
        assert near.ping(GATEWAY, 3).received == far.ping(GATEWAY, 3).received == 3
        net.run(200)
        assert (near.metrics.cqi or 0) > (far.metrics.cqi or 0) > 0
        near.snr_db = 8
        net.run(400)
        assert near.metrics.snr_db == pytest.approx(8, abs=2)
        near.channel = "EPA5"
        assert near.ping(GATEWAY, 3).received == 3


def test_what_there_is_not() -> None:
    with pytest.raises(ValueError, match="EPX"):
        Network(channel="EPX5")
    with pytest.raises(ValueError, match="range_m"):
        Network(Cell(range_m=50_000))
    with Network(Cell(n_prb=6)) as net:
        net.phone()
        with pytest.raises(ValueError, match="already"):
            net.phone()
