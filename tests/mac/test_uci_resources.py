"""Resources for scheduling requests and reports: never two UEs on one in a subframe; all come back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac.dedicated_config import DedicatedConfig, ul_control_due
from picocell.mac.uci_resources import UciResources, UciSchedule
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig


def collisions(configs: dict[int, DedicatedConfig], span: int = 160) -> int:
    """How often two UEs share a resource in a subframe."""
    found = 0
    for tti in range(span):
        taken: set[tuple[str, int]] = set()
        for config in configs.values():
            due = ul_control_due(config, tti)
            for space, n in (("1", due.sr_n_pucch), ("2", due.cqi_n_pucch)):
                if n is not None:
                    found += (space, n) in taken
                    taken.add((space, n))
    return found


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(1, 40), max_size=120),
    st.sampled_from([5, 10, 20, 40, 80]),
    st.sampled_from([5, 20, 40, 80, 160]),
)
def test_no_two_ues_share_a_resource_in_a_subframe(calls: list[int], sr_period: int, cqi_period: int) -> None:
    """Each number allocates a UE that has nothing, and releases one that has."""
    resources = UciResources(Cell(1, 25), UplinkConfig(25), sr_period=sr_period, cqi_period=cqi_period)
    configs: dict[int, DedicatedConfig] = {}
    for rnti in calls:
        if configs.pop(rnti, None) is not None:
            resources.release(rnti)
            continue
        given_ = resources.allocate(rnti)
        assert resources.allocate(rnti) == given_
        configs[rnti] = DedicatedConfig(sr=given_.sr, cqi=given_.cqi)
    assert set(resources.rntis) == set(configs)
    assert collisions(configs) == 0
    for rnti in configs:
        resources.release(rnti)
    assert not resources.rntis


def test_sixty_ues_and_more_fit_25_prb_and_none_too_many() -> None:
    resources = UciResources(Cell(1, 25), UplinkConfig(25))
    assert resources.capacity >= 60
    configs = {}
    for rnti in range(resources.capacity):
        given_ = resources.allocate(rnti)
        assert given_.cqi.simultaneous_ack_nack
        configs[rnti] = DedicatedConfig(sr=given_.sr, cqi=given_.cqi)
    assert collisions(configs) == 0
    with pytest.raises(ValueError, match="no PUCCH resource is left"):
        resources.allocate(10**6)
    resources.release(7)
    resources.allocate(10**6)
    resources.release(12345)


def test_a_report_avoids_the_subframes_of_requests() -> None:
    resources = UciResources(Cell(1, 25), UplinkConfig(25))
    for rnti in range(60):
        given_ = resources.allocate(rnti)
        config = DedicatedConfig(sr=given_.sr, cqi=given_.cqi)
        both = [tti for tti in range(160) if None not in vars_of(config, tti)]
        assert not both


def vars_of(config: DedicatedConfig, tti: int) -> tuple[int | None, int | None]:
    due = ul_control_due(config, tti)
    return due.sr_n_pucch, due.cqi_n_pucch


def test_refuses_what_the_uplink_does_not_have() -> None:
    with pytest.raises(ValueError, match="period of 7 ms"):
        UciResources(Cell(1, 25), UplinkConfig(25), sr_period=7)
    nothing = UciResources(Cell(1, 25), UplinkConfig(25, pucch=PucchConfig(n1_pucch_an=0)))
    with pytest.raises(ValueError, match="no PUCCH resource"):
        nothing.allocate(1)


def test_the_schedule_names_exactly_those_whose_turn_it_is() -> None:
    resources, schedule = UciResources(Cell(1, 25), UplinkConfig(25)), UciSchedule()
    configs = {}
    for rnti in range(100, 140):
        given_ = resources.allocate(rnti)
        configs[rnti] = DedicatedConfig(sr=given_.sr, cqi=given_.cqi)
        schedule.set(rnti, configs[rnti])
    schedule.remove(105)
    del configs[105]
    for now in (*range(80), *range(10230, 10300), *range(10**7, 10**7 + 80)):
        expected = {rnti for rnti, config in configs.items() if vars_of(config, now % 10240) != (None, None)}
        assert set(schedule.due(now)) == expected
    for rnti in configs:
        schedule.remove(rnti)
    assert not schedule.rntis
    assert not list(schedule.due(0))
