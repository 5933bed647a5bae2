"""Core, eNB and phone as real processes: what is killed or stopped comes back, and the others go on."""

import signal
import time
from collections.abc import Iterator

import pytest

from support.network_processes import NAMES, NetworkProcesses, Program
from support.waiting import LONG_S

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkProcesses]:
    """A network whose phone was served, on ports of its own, for all tests of this file."""
    with NetworkProcesses(tmp_path_factory.mktemp("network")) as found:
        found.start_all()
        yield found


@pytest.fixture
def network(processes: NetworkProcesses) -> NetworkProcesses:
    """The same with the phone served again."""
    processes.wait_for_answer(time.monotonic(), LONG_S)
    return processes


def associations(network: NetworkProcesses) -> int:
    """Associations of the core with eNBs; -1 where it has not said yet."""
    return int(network.programs["epc"].measured().get("enbs", -1))


def wait_for_s1(network: NetworkProcesses) -> None:
    """Wait until the eNB says that it has a core: what it measures is told ten times a second."""
    enb = network.programs["enb"]
    network.wait_for(lambda: enb.measured().get("s1") == "READY", LONG_S, "the eNB has no core")


def kept(program: Program) -> tuple[int, int]:
    """Descriptors and threads of a process."""
    row = program.resources()
    return row["fds"], row["threads"]


def settled(program: Program) -> tuple[int, int]:
    """The same when nothing has come or gone for a while, as after a connection."""
    before, now = (-1, -1), kept(program)
    while before != now:
        time.sleep(0.5)
        before, now = now, kept(program)
    return now


@pytest.mark.parametrize("killed", NAMES)
def test_the_phone_is_back_after_a_kill(network: NetworkProcesses, killed: str) -> None:
    others = [network.programs[name] for name in NAMES if name != killed]
    before = [settled(program) for program in others]
    network.programs[killed].kill()
    time.sleep(0.3)
    network.start(killed)
    network.wait_for_answer(time.monotonic(), LONG_S)
    for program, then in zip(others, before, strict=True):
        # what the old connection had is given back a little after the new one works

        def has_what_it_had(program: Program = program, then: tuple[int, int] = then) -> bool:
            return kept(program) == then

        network.wait_for(has_what_it_had, LONG_S, f"{program.name} does not have {then} descriptors and threads")


def test_the_core_is_lost_for_longer(network: NetworkProcesses) -> None:
    """S1 Setup is tried again and again until there is a core; then the phone attaches again by itself."""
    enb, ue = network.programs["enb"], network.programs["ue"]
    network.programs["epc"].kill()
    network.wait_for(lambda: enb.measured().get("s1", "READY") != "READY", LONG_S, "the eNB does not notice")
    start = time.monotonic()
    network.start("epc")
    network.wait_for(lambda: ue.count("Network attach successful", start) == 1, LONG_S, "no attach")
    wait_for_s1(network)
    network.wait_for_answer(time.monotonic(), LONG_S)


def test_a_camping_phone_sees_that_the_enb_is_another(network: NetworkProcesses) -> None:
    """It finds the cell again by itself, so that what it sends next is heard."""
    enb, ue = network.programs["enb"], network.programs["ue"]
    ue.send(signal.SIGUSR1)
    network.wait_for(lambda: "camped" in ue.measured().get("rrc", ""), LONG_S, "the phone does not become idle")
    enb.kill()
    enb = network.start("enb")
    network.wait_for(lambda: enb.measured().get("subframes", 0) > 3000, LONG_S, "the eNB does not go on")
    start = time.monotonic()
    ue.send(signal.SIGUSR1)
    network.wait_for_answer(start, LONG_S)
    assert ue.count("attempt=3", start) == 0, "its random access was at the wrong time"


def test_a_core_that_stands_still(network: NetworkProcesses) -> None:
    """The eNB gives the association up, and has one again as soon as the core goes on."""
    core, enb = network.programs["epc"], network.programs["enb"]
    core.send(signal.SIGSTOP)
    network.wait_for(lambda: enb.measured().get("s1", "READY") != "READY", LONG_S, "the eNB does not notice")
    core.send(signal.SIGCONT)
    network.wait_for_answer(time.monotonic(), LONG_S)
    wait_for_s1(network)


def test_an_enb_that_stands_still(network: NetworkProcesses) -> None:
    """The core gives the association up, and the phone waits for samples."""
    enb = network.programs["enb"]
    enb.send(signal.SIGSTOP)
    network.wait_for(lambda: associations(network) == 0, LONG_S, "the core does not notice")
    enb.send(signal.SIGCONT)
    network.wait_for_answer(time.monotonic(), LONG_S)
    network.wait_for(lambda: associations(network) == 1, LONG_S, "there is not one association")


def test_a_phone_that_stands_still(network: NetworkProcesses) -> None:
    ue = network.programs["ue"]
    ue.send(signal.SIGSTOP)
    time.sleep(3)
    ue.send(signal.SIGCONT)
    start = time.monotonic()
    network.wait_for_answer(start, LONG_S)
    assert ue.count("Random Access", start) == 0, "its connection stood all the time"


def test_all_end_when_they_are_told_to(network: NetworkProcesses) -> None:
    """Until then the core has forgotten the eNBs and the phones of before."""
    network.wait_for(lambda: associations(network) == 1, LONG_S, "an eNB that was killed is not forgotten")
    names = ["epc MME ues", "epc MME sessions", "epc PGW addresses", "enb RRC UEs", "enb tunnels", "ue EPS bearers"]
    network.wait_for(lambda: all(network.tables().get(name) == 1 for name in names), LONG_S, f"not 1 each: {names}")
    assert {name: network.programs[name].stop() for name in ("ue", "enb", "epc")} == dict.fromkeys(NAMES, 0)
