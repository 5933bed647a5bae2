"""Power headroom reports: triggers, and the value (TS 36.321 5.4.6, TS 36.213 5.1.1.2)."""

from dataclasses import replace
from math import floor, log10

from picocell.mac.control_elements import PowerHeadroom
from picocell.mac.dedicated_config import PhrConfig
from picocell.mac.phr import PowerHeadroomReports
from support.ue_mac_script import CONFIG, UL, ScriptedEnb, grant


def _reports(**changes: int) -> PowerHeadroomReports:
    found = PowerHeadroomReports()
    found.configure(replace(PhrConfig(periodic=50, prohibit=20, path_loss_change_db=3), **changes))
    return found


def test_configuration_asks_for_a_report_and_none_ends_reporting() -> None:
    reports = _reports()
    assert reports.wanted(90.0, 0)
    reports.reported(90.0, 0)
    assert not reports.wanted(90.0, 1)
    reports.configure(None)
    assert not reports.wanted(150.0, 1000)


def test_the_periodic_timer_asks_again() -> None:
    reports = _reports()
    reports.reported(90.0, 0)
    assert not reports.wanted(90.0, 49)
    assert reports.wanted(90.0, 50)


def test_a_change_of_the_path_loss_asks_unless_prohibited() -> None:
    reports = _reports(periodic=1000)
    reports.reported(90.0, 0)
    assert not reports.wanted(99.0, 19)
    assert not reports.wanted(93.0, 20)
    assert reports.wanted(86.5, 20)


def test_without_configuration_nothing_is_reported() -> None:
    assert not PowerHeadroomReports().wanted(90.0, 0)


def test_the_report_is_the_headroom_of_its_pusch() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, cqi=None))
    enb.channels[3].waiting = 500
    enb.step(grant(1, n_prb=4, tpc=2))
    enb.run(5)
    (told,) = [e for e in enb.content(4).control_elements if isinstance(e, PowerHeadroom)]
    demand = 10 * log10(4) + UL.power.p0_nominal_pusch + UL.power.alpha * 90.0 + 1.0
    assert enb.sent[4].power_dbm == demand
    assert told.least_db == floor(23.0 - demand)


def test_a_report_comes_in_the_first_block_and_then_every_period() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, cqi=None))
    for k in range(120):
        enb.step(grant((k // 8) & 1), hi=True)
    enb.run(4)
    told = [at for at in range(4, 124) if any(isinstance(e, PowerHeadroom) for e in enb.content(at).control_elements)]
    assert told == [4, 54, 104]
