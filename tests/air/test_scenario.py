"""Scenarios: what happens when, and what is wrong with a file."""

from pathlib import Path
from typing import Any

import pytest

from picocell.air import Air
from picocell.air.scenario import STEP_MS, Scenario, advance_all, parse, read


def small() -> Air:
    air = Air(1.92e6)
    air.cell("cell1")
    air.phone("ue1")
    air.phone("ue2")
    return air


def played(air: Air, scenario: Scenario, ms: int, key: str = "ue1.cell1.loss_db") -> list[Any]:
    """The parameter at the start of every millisecond."""
    found = []
    for _ in range(ms):
        scenario.advance(air)
        found.append(air.get(key))
        air.step()
    return found


def test_values_at_their_times() -> None:
    air = small()
    scenario = parse([{"at": 0.05, "set": {"ue1.cell1.loss_db": 7}}, {"at": 0, "set": {"*.cell1.loss_db": 3}}])
    assert played(air, scenario, 60) == [3.0] * 50 + [7.0] * 10
    assert air.get("ue2.cell1.loss_db") == 3
    assert scenario.done


def test_a_ramp_goes_from_what_there_is() -> None:
    air = small()
    air.link("ue1", "cell1").loss_db = 10
    losses = played(air, parse([{"at": 0.02, "over": 0.1, "ramp": {"ue1.cell1.loss_db": 30}}]), 130)
    assert losses[:20] == [10.0] * 20
    for k in range(20, 120):
        assert losses[k] == pytest.approx(10 + 20 * ((k - 20) // STEP_MS * STEP_MS) / 100)
    assert losses[120:] == [30.0] * 10


def test_a_ramp_between_two_values_and_one_that_takes_over() -> None:
    air = small()
    entries = [
        {"at": 0, "over": 0.1, "ramp": {"ue*.cell1.loss_db": [50, 0]}},
        {"at": 0.05, "set": {"ue1.cell1.loss_db": 80}},
    ]
    losses = played(air, parse(entries), 110)
    assert losses[0] == 50
    assert losses[50:] == [80.0] * 60
    assert air.get("ue2.cell1.loss_db") == 0


def test_times_count_from_the_start_that_is_given() -> None:
    air = small()
    air.run(100)
    scenario = parse([{"at": 0.01, "set": {"ue1.cell1.loss_db": 7}}])
    scenario.start = air.now
    assert played(air, scenario, 20) == [0.0] * 10 + [7.0] * 10


def test_a_parameter_that_is_not_there_is_found_before_the_start() -> None:
    with pytest.raises(ValueError, match="no member 'ue9'"):
        parse([{"at": 5, "set": {"ue9.cell1.loss_db": 7}}]).check(small())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("at: 5", "a list"),
        ("- at: 5", "entry 1: an entry has"),
        ("- {at: -1, set: {a.b.loss_db: 1}}", "entry 1: at: allowed are seconds"),
        ("- {set: {a.b.loss_db: 1}}", "entry 1: at: allowed"),
        ("- {at: 1, set: 5}", "entry 1: set: allowed"),
        ("- {at: 1, ramp: {a.b.loss_db: 1}}", "over: SECONDS is missing"),
        ("- {at: 1, over: 2, ramp: {a.b.loss_db: x}}", "a.b.loss_db: allowed is a number"),
        ("- {at: 1, over: .inf, ramp: {a.b.loss_db: 1}}", "over: allowed"),
        ("- {at: 1, set: {a: 1}, further: 1}", "entry 1: an entry has"),
        ("- {at: 1, set: {}}\n- [", ":2: not YAML"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "walk.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"walk\.yaml") as raised:
        read(file)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_documented_scenario_can_be_read() -> None:
    from picocell.air import scenario

    assert scenario.__doc__ is not None
    text = "\n".join(line for line in scenario.__doc__.splitlines() if line.startswith("- "))
    import yaml

    assert len(parse(yaml.safe_load(text)).entries) == 3


@pytest.mark.parametrize("second", ["set", "ramp", "call"])
def test_who_sets_a_value_later_ends_a_ramp_of_another_scenario(second: str) -> None:
    air, key = small(), "ue1.cell1.loss_db"
    scenarios = [parse([{"at": 0, "over": 1.0, "ramp": {key: 60}}])]
    for ms in range(200):
        if ms == 50 and second == "call":
            air.set(key, 5)
        elif ms == 50:
            change = {"at": 0, "set": {key: 5}} if second == "set" else {"at": 0, "over": 0.1, "ramp": {key: 5}}
            scenarios.append(parse([change]))
            scenarios[-1].start = air.now
        advance_all(scenarios, air)
        air.step()
    assert air.get(key) == 5
    assert not scenarios
