"""Buffer status reports: triggers, timers, formats (TS 36.321 5.4.5)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac.bsr import BsrTrigger, BufferStatusReports, ChannelData, is_long, padding_report, report
from picocell.mac.control_elements import LongBsr, ShortBsr, TruncatedBsr, bsr_bytes, bsr_index
from picocell.mac.dedicated_config import UlSchConfig
from support.ue_mac_script import CONFIG, ScriptedEnb, grant

NO_REPORTS = replace(CONFIG, cqi=None, phr=None)


def _data(first: int = 0, second: int = 0, third: int = 0) -> list[ChannelData]:
    return [ChannelData(1, 1, 0, first), ChannelData(2, 3, 0, second), ChannelData(3, 13, 2, third)]


@pytest.fixture
def reports() -> BufferStatusReports:
    found = BufferStatusReports()
    found.configure(UlSchConfig(periodic_bsr=20, retx_bsr=320))
    found.update(_data(), 0)
    return found


def test_data_in_empty_buffers_triggers_a_regular_report(reports: BufferStatusReports) -> None:
    assert reports.pending is None
    reports.update(_data(third=5), 1)
    assert reports.pending is BsrTrigger.REGULAR


def test_only_data_of_higher_priority_triggers_beside_data_that_waits(reports: BufferStatusReports) -> None:
    reports.update(_data(second=5), 1)
    reports.reported(ShortBsr(0, 1), 1)
    reports.update(_data(second=5, third=5), 2)
    assert reports.pending is None
    reports.update(_data(first=1, second=5, third=5), 3)
    assert reports.pending is BsrTrigger.REGULAR


def test_data_that_went_out_lets_the_next_count_as_new(reports: BufferStatusReports) -> None:
    reports.update(_data(third=5), 1)
    reports.reported(ShortBsr(2, 0), 1)
    reports.sent(_data())
    reports.update(_data(third=9), 2)
    assert reports.pending is BsrTrigger.REGULAR


def test_the_retx_timer_triggers_while_data_waits(reports: BufferStatusReports) -> None:
    reports.update(_data(third=5), 1)
    reports.reported(TruncatedBsr(2, 1), 1)
    for now in range(2, 321):
        reports.update(_data(third=5), now)
    assert reports.pending is None
    reports.update(_data(third=5), 321)
    assert reports.pending is BsrTrigger.REGULAR


def test_a_grant_restarts_the_retx_timer(reports: BufferStatusReports) -> None:
    reports.update(_data(third=5), 1)
    reports.reported(TruncatedBsr(2, 1), 1)
    reports.granted(300)
    reports.update(_data(third=5), 330)
    assert reports.pending is None


def test_the_periodic_timer_follows_reports_that_are_not_truncated(reports: BufferStatusReports) -> None:
    reports.reported(TruncatedBsr(2, 1), 0)
    reports.update(_data(), 30)
    assert reports.pending is None
    reports.reported(ShortBsr(2, 1), 30)
    reports.update(_data(), 49)
    assert reports.pending is None
    reports.update(_data(), 50)
    assert reports.pending is BsrTrigger.PERIODIC


def test_channels_without_group_are_not_reported() -> None:
    reports = BufferStatusReports()
    reports.update([ChannelData(4, 9, None, 100)], 0)
    assert reports.pending is None
    assert report([ChannelData(4, 9, None, 100)], long=True) == LongBsr((0, 0, 0, 0))


def test_formats() -> None:
    assert not is_long(_data(first=3, second=3))
    assert is_long(_data(first=3, third=3))
    assert report(_data(third=300), long=False) == ShortBsr(2, bsr_index(300))
    assert report(_data(10, 20, 300), long=True) == LongBsr((bsr_index(30), 0, bsr_index(300), 0))
    assert report(_data(), long=False) == ShortBsr(0, 0)


def test_padding_holds_the_longest_report_that_fits() -> None:
    assert padding_report(_data(5, 0, 5), 1) is None
    assert padding_report(_data(5, 0, 5), 3) == TruncatedBsr(0, bsr_index(5))
    assert padding_report(_data(0, 0, 5), 2) == ShortBsr(2, bsr_index(5))
    assert isinstance(padding_report(_data(), 4), LongBsr)


@given(st.integers(0, 200000))
@settings(max_examples=100, derandomize=True)
def test_the_reported_index_covers_the_data(n_bytes: int) -> None:
    found = report(_data(third=n_bytes), long=False)
    assert isinstance(found, ShortBsr)
    upper = bsr_bytes(found.index)
    assert upper is None or upper >= n_bytes
    assert found.index == 0 or (bsr_bytes(found.index - 1) or 0) < n_bytes


def _connected() -> ScriptedEnb:
    enb = ScriptedEnb()
    enb.connect(config=NO_REPORTS)
    return enb


def test_a_block_reports_what_is_left_after_it() -> None:
    enb = _connected()
    enb.channels[3].waiting = 3000
    enb.step(grant(1))
    enb.run(5)
    (told,) = enb.content(4).control_elements
    assert told == ShortBsr(2, bsr_index(enb.channels[3].waiting + 2))


def test_two_groups_are_reported_by_a_long_report() -> None:
    enb = _connected()
    enb.channels[1].waiting = 3000
    enb.channels[3].waiting = 500
    enb.step(grant(1))
    enb.run(5)
    (told,) = enb.content(4).control_elements
    assert told == LongBsr((bsr_index(enb.channels[1].waiting + 2), 0, bsr_index(502), 0))


def test_a_grant_that_holds_all_data_but_no_report_is_used_for_the_data() -> None:
    for size in range(60, 75):
        enb = _connected()
        enb.channels[3].waiting = size
        enb.step(grant(1, mcs=10, n_prb=4))
        enb.run(5)
        block = enb.content(4)
        assert sum(len(sdu.data) for sdu in block.sdus) > 0
        if size + 2 + 3 <= len(enb.pusch(4).payload):
            assert enb.channels[3].waiting == 0
        enb.run(60, hi=True)
        assert len([at for at in enb.sent if at > 4]) == 0 or enb.channels[3].waiting


def test_an_empty_ue_fills_a_grant_with_a_padding_report() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(5)
    assert enb.content(4).elements == (LongBsr((0, 0, 0, 0)),)
