"""The process around an air: its pace, its table and its metrics."""

import io

import pytest
from rich.console import Console

from picocell.air import Air
from picocell.air.process import _Pace, _Reading, _row, table


def small() -> Air:
    air = Air(1.92e6)
    air.cell("cell1", carrier=3350)
    air.phone("ue1", carrier=3350)
    air.phone("ue2", carrier=3400)
    return air


class Clock:
    """Time that passes when it is slept for, or said so."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_real_time_is_kept_and_not_caught_up_with() -> None:
    clock = Clock()
    pace = _Pace(lambda: clock.now, clock.sleep)
    pace.wait(1000)
    start = clock.now
    for now in range(1001, 1101):
        clock.now += 0.0004  # what has to be done in a millisecond
        pace.wait(now)
        assert clock.now == pytest.approx(start + (now - 1000) / 1000)
    clock.now += 0.05
    pace.wait(1101)  # late: catches up
    assert clock.now == pytest.approx(start + 0.15)
    pace.wait(1201)
    assert clock.now == pytest.approx(start + 0.201)
    clock.now += 0.3
    start = clock.now
    pace.wait(1202)  # far too late: goes on from here
    assert clock.now == start
    for now in range(1203, 1252):
        pace.wait(now)
        assert clock.now == pytest.approx(start + (now - 1202) / 1000)


def test_table_and_metrics() -> None:
    air = small()
    since = _Reading(air)
    air.run(20)
    air.link("ue1", "cell1").loss_db = 12.5
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(air, since))
    text = console.export_text()
    assert "cell1 AWGN -12.5 dB" in text
    assert text.count("active") == 3
    row = _row(air, since)
    assert row["now_ms"] == 20
    assert {member["name"]: member["samples"] for member in row["members"]} == dict.fromkeys(air.members, 20 * 1920)
    assert [member["carrier"] for member in row["members"]] == [3350, 3350, 3400]
    assert row["cpu_us_per_subframe"] > 0
    assert all(member["samples_per_s"] > 0 for member in row["members"])
