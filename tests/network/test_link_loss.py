"""Phones that lose the cell and come back by themselves."""

from typing import Any

import pytest

from picocell import Cell, Network
from picocell.network import GATEWAY
from picocell.rrc_nas.nas import ue_events as nas_events
from picocell.rrc_nas.rrc import ue_events


def _kinds(phone: Any, kind: type) -> int:
    return sum(isinstance(event, kind) for _, event in phone.events)


def test_re_establishment() -> None:
    """The link is gone for longer than T310 runs, and back while T311 does."""
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        rnti = phone.c_rnti
        phone.snr_db = -20
        phone.wait_for(ue_events.RadioLinkFailure, 2000)
        assert phone.ue.rrc.state.connected
        net.run(100)
        phone.snr_db = 30
        net.run_until(lambda: phone.c_rnti not in (None, rnti), 2000)
        assert phone.ping(GATEWAY, 3).received == 3
        assert phone.ue.nas.substate is not None
        assert phone.ue.nas.substate.name == "NORMAL_SERVICE"
        assert _kinds(phone, ue_events.ConnectionReleased) == 0
        # the old context is gone in the cell
        assert net.enb.mac.rntis == (phone.c_rnti,)
        assert net.enb.tables()["tunnels"] == 1


def test_the_cell_forgets_a_phone_that_does_not_come_back() -> None:
    """It is idle in the end, comes back to the cell and is reachable."""
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        net.faults.drop("rrc.uplink.rrcConnectionReestablishmentRequest", count=None)
        phone.snr_db = -20
        phone.wait_for(ue_events.RadioLinkFailure, 2000)
        phone.snr_db = 30
        phone.wait_for(ue_events.ConnectionReleased, 15_000)
        net.faults.clear()
        net.run_until(lambda: phone.ue.nas.substate is not None and "NORMAL" in phone.ue.nas.substate.name, 15_000)
        assert phone.ping(GATEWAY, 2).received == 2
        phone.detach()
        net.run(500)
        assert net.enb.tables()["MAC UEs"] == 0
        assert net.epc.tables()["MME ues"] == 0


def test_a_camping_phone_that_hears_the_cell_no_more_searches_it_again() -> None:
    with Network(Cell(n_prb=6, inactivity_ms=100)) as net:
        phone = net.phone()
        phone.attach()
        phone.wait_idle()
        phone.snr_db = -40
        phone.wait_for(ue_events.CellSelectionNeeded, 2000)
        phone.snr_db = 30
        phone.wait_for(ue_events.Camped, 2000)
        assert phone.attached
        assert phone.ping(GATEWAY, 2).received == 2


def test_phones_of_an_enb_that_loses_its_mme_tell_the_next_one() -> None:
    """Without anything to send: they are released so that they update their tracking area (TS 24.301 5.5.3.2.2)."""
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        net.enb.connection_lost(net.now)
        net.epc.mme.connection_lost(net.enb.address, net.now)
        released = phone.wait_for(ue_events.ConnectionReleased, 1000)
        assert released.cause == "loadBalancingTAUrequired"
        net.run(1500)
        net.enb.connect(net.now)
        phone.wait_for(nas_events.TrackingAreaUpdated, 5000)
        assert phone.ping(GATEWAY, 2).received == 2


@pytest.mark.parametrize("lost_ms", [30, 300])
def test_phone_that_lost_samples_goes_on_with_its_cell_and_its_connection(
    lost_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = net.phone()
        phone.attach()
        net.run(37)
        cell, c_rnti = phone.ue.phy.cell, phone.c_rnti
        with monkeypatch.context() as patched:
            patched.setattr(phone, "act", lambda: phone.link.put_on_air(net.now))
            net.run(lost_ms)
        phone.ue.miss(lost_ms * round(phone.ue.phy.sample_rate / 1000))
        phone._heard_until = net.now
        assert phone.ping(GATEWAY, count=3).received == 3
        assert phone.ue.phy.cell is cell
        assert phone.c_rnti == c_rnti
        assert _kinds(phone, ue_events.RadioLinkFailure) == 0
