"""System information that changes while phones are camped: paging, modification period, value tag."""

from copy import deepcopy

import pytest

from picocell import Cell, Network, Phone, TimeoutInNetwork
from picocell.enb.settings import default_sib2
from picocell.network import GATEWAY
from picocell.phy.lte.cell import Cell as PhyCell
from picocell.rrc_nas.rrc import ue_events

PERIOD = 640
"""Modification period in ms: two paging cycles of 32 frames."""


def _cell() -> Cell:
    sib2 = default_sib2(PhyCell(pci=1, n_prb=6))
    common = sib2["radioResourceConfigCommon"]
    common["bcch-Config"]["modificationPeriodCoeff"] = "n2"
    common["pcch-Config"]["defaultPagingCycle"] = "rf32"
    return Cell(n_prb=6, inactivity_ms=200, sib2=sib2)


def _value_tag(phone: Phone) -> int:
    assert phone.ue.rrc.sib1 is not None
    return phone.ue.rrc.sib1.value_tag


def test_a_change_is_announced_for_a_whole_period_and_read_in_the_next() -> None:
    """The cell bars mobile-originated calls, and then no longer: an idle phone follows."""
    with Network(_cell()) as net:
        phone = net.phone()
        phone.attach()
        phone.wait_idle()
        assert _value_tag(phone) == 0
        free = net.enb.settings.sibs()[2]
        barring = {"ac-BarringFactor": "p00", "ac-BarringTime": "s4", "ac-BarringForSpecialAC": (0, 5)}
        barred = deepcopy(free) | {"ac-BarringInfo": {"ac-BarringForEmergency": False, "ac-BarringForMO-Data": barring}}
        at = net.enb.change_system_information(net.now, sib2=barred)
        assert at % PERIOD == 0
        assert PERIOD <= at - net.now <= 2 * PERIOD
        with pytest.raises(ValueError, match="changes at"):
            net.enb.change_system_information(net.now, sib2=free)
        net.run_until(lambda: net.now == at, 2 * PERIOD)
        assert _value_tag(phone) == 0
        net.run(400)
        assert _value_tag(phone) == 1
        assert net.enb.broadcast.value_tag == 1
        assert phone.host is not None
        phone.host.ping(GATEWAY, 7, 0)
        with pytest.raises(TimeoutInNetwork):
            net.run_until(lambda: phone.connected, 600)
        net.enb.change_system_information(net.now, sib2=free)
        net.run_until(lambda: phone.connected, 10_000)
        assert _value_tag(phone) == 2
        assert phone.ping(GATEWAY, 1).received == 1


def test_a_cell_that_becomes_barred_is_left() -> None:
    with Network(_cell()) as net:
        phone = net.phone()
        phone.attach()
        phone.wait_idle()
        start = net.now
        net.enb.change_system_information(net.now, barred=True)
        phone.wait_for(ue_events.CellBarred, 4 * PERIOD, since=start)
        assert not phone.ue.rrc.camped


def test_common_radio_resources_do_not_change() -> None:
    with Network(_cell()) as net:
        other = deepcopy(net.enb.settings.sibs()[2])
        other["radioResourceConfigCommon"]["rach-ConfigCommon"]["maxHARQ-Msg3Tx"] = 2
        with pytest.raises(ValueError, match="rach-ConfigCommon"):
            net.enb.change_system_information(net.now, sib2=other)
