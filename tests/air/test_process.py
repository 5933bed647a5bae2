"""The process around an air: its pace, its table and its metrics."""

import io
import time

from rich.console import Console

from picocell.air import Air
from picocell.air.process import _Pace, _Reading, _row, table


def small() -> Air:
    air = Air(1.92e6)
    air.cell("cell1", carrier=3350)
    air.phone("ue1", carrier=3350)
    air.phone("ue2", carrier=3400)
    return air


def test_real_time_is_kept_and_not_caught_up_with() -> None:
    pace = _Pace()
    pace.wait(1000)
    start = time.monotonic()
    for now in range(1001, 1101):
        pace.wait(now)
    assert time.monotonic() - start >= 0.099
    time.sleep(0.3)
    start = time.monotonic()
    pace.wait(1101)  # far too late: goes on from here
    for now in range(1102, 1152):
        pace.wait(now)
    assert time.monotonic() - start >= 0.045


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
