"""Where the time of a subframe goes, by a clock that the test sets."""

import pytest

from picocell.observe import stages
from picocell.observe.stages import WHOLE, Stages, stage_table


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(stages, "perf_counter", found)
    return found


def test_goes_of_a_stage_are_one_duration(clock: Clock) -> None:
    found = Stages("mac", "decode", "never")
    found.begin()
    for name, seconds in (("mac", 0.001), ("decode", 0.002), ("mac", 0.003)):
        clock.now += seconds
        found.lap(name)
    clock.now += 0.004  # of no stage
    assert found.end() == pytest.approx(0.010)
    histograms = found.histograms
    assert [histograms[name].n for name in ("mac", "decode", "never", WHOLE)] == [1, 1, 0, 1]
    assert histograms["mac"].max_s == pytest.approx(0.004)
    assert histograms["decode"].max_s == pytest.approx(0.002)
    assert histograms[WHOLE].max_s == pytest.approx(0.010)


def test_subframes_do_not_mix(clock: Clock) -> None:
    found = Stages("mac")
    for seconds in (0.001, 0.002):
        clock.now += 5  # waiting for samples
        found.begin()
        clock.now += seconds
        found.lap("mac")
        found.end()
    assert found.histograms["mac"].total_s == pytest.approx(0.003)
    assert found.histograms["mac"].n == 2


def test_what_is_done_between_subframes_is_no_part_of_the_next(clock: Clock) -> None:
    found = Stages("core", "mac")
    found.lap("mac")  # before the first one
    clock.now += 7
    found.lap("core")
    found.begin()  # nothing came: the core was asked, and no subframe ends
    clock.now += 3
    found.lap("core")
    found.begin()
    clock.now += 0.001
    found.lap("mac")
    found.end()
    assert found.histograms["core"].n == 0
    assert found.histograms["mac"].max_s == pytest.approx(0.001)


def test_table(clock: Clock) -> None:
    found = Stages("mac")
    found.begin()
    clock.now += 0.0015
    found.lap("mac")
    found.end()
    title, mac, whole = stage_table(list(found.histograms.items())).splitlines()
    assert title.split() == ["us", "times", "mean", "50", "%", "99", "%", "99.9", "%", "most"]
    assert mac.split() == ["mac", "1", "1500", "1500", "1500", "1500", "1500"]
    assert whole.split()[0] == WHOLE
