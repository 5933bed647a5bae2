"""Subframes that an eNB has to make quickly: nothing new is sent or granted, and nothing is forgotten."""

from picocell.mac.enb_common_channels import DownlinkSubframe
from picocell.mac.enb_mac import EnbMac, EnbMacSettings
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi_uplink import UlIndication
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from support.enb_mac_harness import RACH, Ue, add_ue, channel

START = 100
QUIET = UplinkConfig(25, prach=PrachConfig(config_index=0))  # preambles in subframe 1 of even frames only


class Loaded:
    """A cell with one UE that has more to send and to receive than fits into the test."""

    def __init__(self, **kwargs: object) -> None:
        settings = EnbMacSettings(ul_target_snr_db=None, pucch_target_snr_db=None)
        self.mac = EnbMac(Cell(1, 25), QUIET, RACH, settings=settings)
        resources = UciResources(self.mac.state.cell, QUIET)
        self.ue: Ue = add_ue(self.mac, resources, 500, START, backlog=1_000_000, **kwargs)
        channel(self.mac, 500).waiting = 1_000_000
        self.mac.ue(500).wants_grant = 1000
        self.mac.state.ul_active[500] = None

    def step(self, now: int, *, new_data: bool = True) -> DownlinkSubframe:
        sub = self.mac.downlink(now, new_data=new_data)
        result = UlIndication(now % 10240)
        self.ue.downlink(now, sub)
        self.ue.uplink(now, self.mac.uplink(now), result)
        self.mac.receive(result, now)
        return sub


def test_nothing_new_is_sent_or_granted_and_both_go_on_behind() -> None:
    cell = Loaded()
    for now in range(START, START + 40):
        cell.step(now)
    hurried = [cell.step(now, new_data=False) for now in range(START + 40, START + 60)]
    assert not any(sub.config.dci or sub.config.dlsch or sub.hi_dci0.dci for sub in hurried)
    assert [len(sub.hi_dci0.hi) for sub in hurried] == [1] * 8 + [0] * 12  # what was granted is answered all the same
    assert all(hi.hi_value for sub in hurried for hi in sub.hi_dci0.hi)
    before = cell.mac.ue(500).metrics.dl_ok, cell.mac.ue(500).metrics.ul_ok
    after = [cell.step(now) for now in range(START + 60, START + 80)]
    assert all(sub.config.dlsch and sub.hi_dci0.dci for sub in after)
    metrics = cell.mac.ue(500).metrics
    assert metrics.dl_ok > before[0]
    assert metrics.ul_ok > before[1]
    assert (metrics.dl_nok, metrics.dl_dtx, metrics.dl_dropped) == (0, 0, 0)
    assert (metrics.ul_nok, metrics.ul_dropped) == (0, 0)


def test_what_failed_is_asked_for_and_sent_again() -> None:
    """A retransmission that had to wait would keep a HARQ process busy, and in the uplink come 8 ms later."""
    lost = range(START + 20, START + 24)
    cell = Loaded(
        decodes=lambda now, _tbs: now not in lost,
        received_ok=lambda now, _tbs: now not in lost,
    )
    for now in range(START, START + 24):
        cell.step(now)
    hurried = [cell.step(now, new_data=False) for now in range(START + 24, START + 48)]
    again = [dci for sub in hurried for dci in sub.config.dci]
    assert [dci.dci.rv for dci in again] == [2] * 4  # type: ignore[union-attr]
    assert sum(not hi.hi_value for sub in hurried for hi in sub.hi_dci0.hi) == 4
    metrics = cell.mac.ue(500).metrics
    assert (metrics.dl_nok, metrics.ul_nok) == (4, 4)
    assert not cell.mac.ue(500).dl_harq.busy
