"""Over random loads: nothing that the MAC plans overlaps, and every DCI stands where its UE looks."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.system_information import Identity, sib1, sib2, sib3, system_information
from picocell.mac.enb_events import CcchReceived
from picocell.mac.enb_mac import EnbMac, EnbMacSettings
from picocell.mac.uci_resources import UciResources
from picocell.phy.lte.cell import Cell, PhichResource
from picocell.phy.lte.uplink_config import PrachConfig, PucchConfig, UplinkConfig
from support.enb_mac_harness import RACH, Channel, Newcomer, add_ue, channel, preamble, step


def run(
    rng: random.Random, n_prb: int, n_ports: int, scheduler: str, n_ues: int, prach_index: int, resource: PhichResource
) -> None:
    """200 ms of a cell with traffic, errors, newcomers, paging and broadcast; every subframe is checked."""
    cell = Cell(rng.randrange(504), n_prb, n_ports, phich_resource=resource)
    offset = 0 if n_prb == 6 else rng.choice([0, 2, n_prb - 6])
    ul = UplinkConfig(n_prb, prach=PrachConfig(prach_index, freq_offset=offset), pucch=PucchConfig(n_rb_2=1))
    mac = EnbMac(cell, ul, RACH, scheduler=scheduler, settings=EnbMacSettings(grant_after_msg4=4))
    resources = UciResources(cell, ul)
    ues = [
        add_ue(
            mac,
            resources,
            1000 + i,
            cqi=rng.choice([1, 4, 7, 11, 15]),
            snr_db=rng.uniform(-2, 25),
            hears=lambda _now, _dci: rng.random() > 0.05,
            decodes=lambda _now, _tbs: rng.random() > 0.15,
            received_ok=lambda _now, _tbs: rng.random() > 0.15,
        )
        for i in range(n_ues)
    ]
    si = system_information({2: sib2(n_prb), 3: sib3()})
    broadcast = BroadcastScheduler(cell, sib1(Identity()), [si])
    newcomers: list[Newcomer] = []
    start = rng.randrange(10240)
    for now in range(start, start + 200):
        for ue in ues:
            if rng.random() < 0.1:
                channel(mac, ue.rnti).waiting += rng.choice([40, 200, 1500, 30000])
            if rng.random() < 0.1:
                ue.backlog += rng.choice([40, 200, 1500, 30000])
        heard = []
        if mac.state.regions.is_prach(now) and rng.random() < 0.3:
            fresh = [Newcomer(mac, number, now) for number in rng.sample(range(52), rng.randint(1, 3))]
            newcomers += fresh
            heard = [preamble(new.number, rng.uniform(0, 1e-5)) for new in fresh]
        paging = bytes(rng.randint(5, 20)) if rng.random() < 0.05 else None
        step(mac, [*ues, *newcomers], now, broadcast=broadcast.subframe(now % 10240), paging=paging, rach=heard)
        while (event := mac.next_event()) is not None:
            if isinstance(event, CcchReceived):
                mac.add_channel(event.rnti, 0, Channel(28, whole=True))
    served = [mac.ue(ue.rnti).metrics for ue in ues]
    assert sum(metrics.ul_ok > 0 for metrics in served) > 0.8 * n_ues
    if n_prb > 6 or len(newcomers) < 30:  # else answers to them need all of the PDCCH
        assert all(metrics.dl_ok for metrics in served)
    assert all(subframe > now - 8 for subframe in mac.state.plans)
    for rnti in mac.rntis:
        mac.remove(rnti)
    check_empty(mac)


def check_empty(mac: EnbMac) -> None:
    """Nothing of any UE is left."""
    state = mac.state
    assert not state.ues
    assert not state.uci.rntis
    assert not state.active
    assert not any(state.idle)
    assert not state.ul_active
    assert not state.failed
    assert not state.deadlines
    assert not state.grant_at
    assert not any(plan.acks for plan in state.plans.values())
    assert not mac._downlink.retransmit
    assert not mac._downlink.scheduler.rntis
    assert not mac._uplink.scheduler.rntis


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_prb=st.sampled_from([6, 15, 25, 50, 100]),
    n_ports=st.sampled_from([1, 2, 4]),
    scheduler=st.sampled_from(["rr", "pf"]),
    n_ues=st.integers(1, 8),
    prach_index=st.sampled_from([0, 3, 9, 19, 35]),
    resource=st.sampled_from(PhichResource),
)
def test_nothing_overlaps(
    seed: int,
    n_prb: int,
    n_ports: int,
    scheduler: str,
    n_ues: int,
    prach_index: int,
    resource: PhichResource,
) -> None:
    run(random.Random(seed), n_prb, n_ports, scheduler, n_ues, prach_index, resource)


@pytest.mark.parametrize("scheduler", ["rr", "pf"])
def test_nothing_overlaps_with_sixty_ues(scheduler: str) -> None:
    run(random.Random(1), 25, 1, scheduler, 60, 3, PhichResource.ONE)


@pytest.mark.parametrize("prach_index", [0, 9])
def test_neither_direction_crowds_out_the_other(prach_index: int) -> None:
    """In six resource blocks, where UEs at the cell's edge need all of the PDCCH for one DCI."""
    cell = Cell(5, 6)
    ul = UplinkConfig(6, prach=PrachConfig(prach_index), pucch=PucchConfig(n_rb_2=1))
    mac = EnbMac(cell, ul, RACH, scheduler="rr", settings=EnbMacSettings())
    resources = UciResources(cell, ul)
    ues = [add_ue(mac, resources, 1000 + i, cqi=1, snr_db=10) for i in range(2)]
    for now in range(500):
        for ue in ues:
            channel(mac, ue.rnti).waiting = 30_000
            ue.backlog = 30_000
        step(mac, ues, now)
    for ue in ues:
        metrics = mac.ue(ue.rnti).metrics
        assert metrics.dl_ok > 20
        assert metrics.ul_ok > 20
