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
    quick_network,
    short_timers,
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
    for _ in range(10):
        bench.phone.attach(5000)
        bench.phone.detach(5000)
    leave(bench)


@pytest.mark.parametrize("step", [2, 8, 20, 33, 39, 50])
def test_kill_and_come_back(bench: Bench, step: int) -> None:
    assert kill_at(bench, step)


def test_network_finds_out_by_itself_that_a_phone_is_gone(timers: None) -> None:
    del timers
    bench = Bench.make(t3412_s=2)
    with bench.net:
        for step in (4, 24, 44):
            assert kill_at(bench, step, again=False)


FAULTS = [
    ("attach", "drop", "rrc.downlink.rrcConnectionSetup"),
    ("attach", "drop", "nas.downlink.authentication request"),
    ("attach", "drop", "s6a.AuthenticationInformationAnswer"),
    ("attach", "drop", "s11.CreateSessionResponse"),
    ("attach", "drop", "s1ap.InitialContextSetupResponse"),
    ("attach", "drop", "rrc.uplink.rrcConnectionReconfigurationComplete"),
    ("attach", "repeat", "s1ap.*"),
    ("attach", "repeat", "nas.*"),
    ("attach", "repeat", "rrc.*"),
    ("attach", "delay", "s1ap.InitialContextSetupRequest"),
    ("attach", "mutate", "nas.downlink.security mode command"),
    ("service request", "drop", "s1ap.InitialContextSetupRequest"),
    ("service request", "repeat", "*"),
    ("paging", "drop", "s1ap.Paging"),
    ("tracking area update", "drop", "rrc.downlink.rrcConnectionRelease"),
    ("tracking area update", "drop", "nas.downlink.ciphered"),
    ("detach", "drop", "nas.downlink.ciphered"),
    ("detach", "drop", "s11.DeleteSessionRequest"),
]


@pytest.mark.parametrize(("procedure", "action", "kind"), FAULTS)
def test_network_comes_to_rest_after_a_fault(bench: Bench, procedure: str, action: str, kind: str) -> None:
    prepare(bench, procedure)
    faults = bench.net.faults
    match action:
        case "drop":
            fault = faults.drop(kind)
        case "repeat":
            fault = faults.repeat(kind, count=None)
        case "delay":
            fault = faults.delay(kind, 3000)
        case _:
            fault = faults.mutate(kind)
    disturbed(bench, procedure)
    assert fault.hits, f"there was no {kind}"


# nodes and associations


def test_detach_in_the_delay_before_a_release_acts_reaches_the_network(bench: Bench) -> None:
    net, phone = bench.net, bench.phone
    phone.attach()
    net.run_until(lambda: phone.ue.rrc.state is RrcState.RELEASING, 5000)
    phone.detach()
    leave(bench)


@pytest.mark.parametrize("node", ["s6a", "s11", "s5c"])
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
        phones = [net.phone(f"00101000000{i:04d}") for i in range(10)]
        for storm in range(2):
            for phone in phones:
                phone.attach(wait=False)
            net.run(250 + 100 * storm)
            for phone in phones[storm::2]:
                phone.switch_off()
            net.run_until(lambda: all(phone.attached for phone in phones if phone.is_on), 20_000)
            for phone in phones[storm::2]:
                phone.attach(wait=False)
            net.run_until(lambda: all(phone.attached for phone in phones), 20_000)
            for phone in phones:
                phone.detach(wait=False)
            wait_until_empty(net)
