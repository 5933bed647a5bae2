"""One phone in a cell of every bandwidth."""

import pytest

from picocell import Cell, Network
from picocell.network import GATEWAY


@pytest.mark.parametrize("n_prb", [6, 15, 25, 50, 75, 100])
def test_attach_ping_detach(n_prb: int) -> None:
    with Network(Cell(n_prb=n_prb)) as net:
        phone = net.phone()
        phone.attach()
        assert net.now < 1000
        result = phone.ping(GATEWAY, 2, interval_ms=30)
        assert result.received == 2
        assert max(result.rtt_ms) < 60
        metrics = phone.metrics
        assert metrics.rnti == phone.c_rnti
        assert metrics.dl_retx == metrics.ul_retx == 0
        assert metrics.dl_bler == metrics.ul_bler == 0
        assert metrics.snr_db == pytest.approx(30, abs=2)
        phone.detach()
        assert not phone.attached
        assert phone.metrics.rnti is None
