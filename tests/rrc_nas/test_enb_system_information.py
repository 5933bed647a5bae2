"""System information that a base station fills: parameters, value tag, change of what is broadcast."""

import pytest

from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.system_information import (
    Identity,
    PagingConfig,
    UeTimers,
    next_value_tag,
    sib1,
    sib2,
    sib3,
    system_information,
)
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas.rrc.enb_paging import modification_period
from picocell.rrc_nas.rrc.radio_config import uplink_config
from picocell.rrc_nas.rrc.system_information import Sib1, decode_system_information


def test_parameters_arrive() -> None:
    timers = UeTimers(t300=400, t301=600, t310=1000, n310=10, t311=3000, n311=5)
    value = sib2(
        25,
        timers=timers,
        paging=PagingConfig(64, "halfT", 4),
        prach_freq_offset=4,
        enable_64qam=True,
        time_alignment_timer="sf1920",
    )
    found = decode_system_information(system_information({2: value, 3: sib3()}))[2]
    assert found["ue-TimersAndConstants"] == {
        "t300": "ms400",
        "t301": "ms600",
        "t310": "ms1000",
        "n310": "n10",
        "t311": "ms3000",
        "n311": "n5",
    }
    assert found["timeAlignmentTimerCommon"] == "sf1920"
    assert found["radioResourceConfigCommon"]["pcch-Config"] == {"defaultPagingCycle": "rf64", "nB": "halfT"}
    assert modification_period(found) == 256
    uplink = uplink_config(found, 25)
    assert (uplink.prach.freq_offset, uplink.pusch.enable_64qam) == (4, True)


def test_sib1_parameters_arrive() -> None:
    found = Sib1.decode(sib1(Identity(), value_tag=31, barred=True, q_rx_lev_min_dbm=-120))
    assert (found.value_tag, found.barred, found.q_rx_lev_min_dbm) == (31, True, -120)
    found = Sib1.decode(sib1(Identity()))
    assert (found.value_tag, found.barred, found.q_rx_lev_min_dbm) == (0, False, -130)


def test_value_tag_wraps() -> None:
    assert [next_value_tag(tag) for tag in (0, 30, 31)] == [1, 31, 0]


def test_change_of_what_is_broadcast() -> None:
    cell = Cell(1, 6)
    si = system_information({2: sib2(6), 3: sib3()})
    scheduler = BroadcastScheduler(cell, sib1(Identity()), [si])
    assert scheduler.value_tag == 0
    with pytest.raises(ValueError, match="0 SI messages"):
        scheduler.change(sib1(Identity(), value_tag=1), [])
    assert scheduler.value_tag == 0
    other = system_information({2: sib2(6, timers=UeTimers(t300=100)), 3: sib3()})
    scheduler.change(sib1(Identity(), value_tag=1), [other])
    assert scheduler.value_tag == 1
    (payload,) = scheduler.subframe(5).payloads.values()
    assert Sib1.decode(payload).value_tag == 1
    sent = [p for tti in range(320) if tti % 10 == 9 for p in scheduler.subframe(tti).payloads.values()]
    assert sent
    assert all(p.startswith(other) for p in sent)
