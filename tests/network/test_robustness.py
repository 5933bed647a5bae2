"""Robustness of the whole network: cycles, kills at steps of the attach, messages lost, repeated, late and spoilt."""

from collections.abc import Iterator

import pytest

from picocell.network import Network
from picocell.rrc_nas.rrc.ue import RrcState
from support.robust_network import (
    Bench,
    answers,
    disturbed,
    kill_at,
    leave,
    leftovers,
    prepare,
    prepare_fault,
    quick_network,
    short_timers,
    storm,
    wait_until_empty,
)


@pytest.fixture(scope="module")
def timers() -> Iterator[None]:
    with short_timers():
        yield


@pytest.fixture(scope="module")
def bench(timers: None) -> Iterator[Bench]:
    """One network for all faults: what a case leaves behind would show in those that follow."""
    del timers
    made = Bench.make()
    with made.net:
        yield made


def test_cycles_leave_nothing(bench: Bench) -> None:
    for _ in range(5):
        bench.phone.attach(5000)
        bench.phone.detach(5000)
    leave(bench)


@pytest.mark.parametrize("step", [3, 20, 39])
def test_kill_and_come_back(bench: Bench, step: int) -> None:
    assert kill_at(bench, step)


def test_network_finds_out_by_itself_that_a_phone_is_gone(timers: None) -> None:
    del timers
    bench = Bench.make(t3412_s=2)
    with bench.net:
        for step in (4, 44):
            assert kill_at(bench, step, again=False)


FAULTS = [
    ("attach", "drop", "nas.downlink.authentication request"),
    ("attach", "drop", "s11.CreateSessionResponse"),
    ("attach", "drop", "rrc.uplink.rrcConnectionReconfigurationComplete"),
    ("attach", "repeat", "s1ap.InitialUEMessage"),
    ("service request", "drop", "s1ap.InitialContextSetupRequest"),
    ("tracking area update", "drop", "rrc.downlink.rrcConnectionRelease"),
    ("detach", "drop", "s11.DeleteSessionRequest"),
]
"""A selection; all messages and faults are in ``campaigns/robustness_campaign.py``."""


@pytest.mark.parametrize(("procedure", "action", "kind"), FAULTS)
def test_network_comes_to_rest_after_a_fault(bench: Bench, procedure: str, action: str, kind: str) -> None:
    prepare(bench, procedure)
    fault = prepare_fault(bench, action, kind)
    disturbed(bench, procedure)
    assert fault.hits, f"there was no {kind}"


# nodes and associations


def test_detach_in_the_delay_before_a_release_acts_reaches_the_network(bench: Bench) -> None:
    net, phone = bench.net, bench.phone
    phone.attach()
    net.run_until(lambda: phone.ue.rrc.state is RrcState.RELEASING, 5000)
    phone.detach()
    leave(bench)


@pytest.mark.parametrize("node", ["s6a", "s5c"])
def test_silent_node_comes_back(bench: Bench, node: str) -> None:
    net, phone = bench.net, bench.phone
    net.faults.drop(f"{node}.*", count=None)
    phone.attach(wait=False)
    net.run(3000)
    assert not phone.attached
    net.faults.clear()
    net.run_until(lambda: phone.attached, 40_000)
    leave(bench)


def _attached(net: Network, n: int) -> None:
    for i in range(n):
        net.phone(f"00101000000{i:04d}").attach(10_000)


def test_enb_that_loses_its_association_comes_back(timers: None) -> None:
    del timers
    with quick_network() as net:
        _attached(net, 2)
        net.enb.connection_lost(net.now)
        net.epc.mme.connection_lost(net.enb.address, net.now)
        net.run(500)
        found = leftovers(net)
        assert not any(name.startswith("eNB") for name in found), found
        assert not found.get("MME s1_connections")
        net.enb.connect(net.now)
        for phone in net.phones:
            assert answers(Bench(net, phone), 8000), phone.state
            phone.detach(10_000)
        wait_until_empty(net)


@pytest.mark.parametrize("who", ["eNB", "MME"])
def test_reset_of_the_interface(timers: None, who: str) -> None:
    del timers
    with quick_network() as net:
        _attached(net, 2)
        if who == "eNB":
            net.enb.s1ap.reset(net.now)
        else:
            net.epc.mme.reset(net.enb.address, net.now)
        net.run(500)
        for phone in net.phones:
            assert answers(Bench(net, phone), 8000), phone.state
            phone.detach(10_000)
        wait_until_empty(net)


def test_kill_storms(timers: None) -> None:
    del timers
    with quick_network() as net:
        storm(net, [net.phone(f"00101000000{i:04d}") for i in range(5)])
