"""Core, eNB and phone as real processes: what is killed or stopped comes back, and the others go on."""

import signal
import time
from collections.abc import Iterator

import pytest

from support.network_processes import NAMES, NetworkProcesses

pytestmark = pytest.mark.slow

BACK_S = 60.0
"""How long the phone's return is waited for: four times what it may take on a machine that does nothing else."""
NOTICED_S = 80.0
"""The same for the loss of an association to be noticed."""


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkProcesses]:
    """A network whose phone was served, on ports of its own, for all tests of this file."""
    with NetworkProcesses(tmp_path_factory.mktemp("network")) as found:
        found.start_all()
        yield found


@pytest.fixture
def network(processes: NetworkProcesses) -> NetworkProcesses:
    """The same with the phone served again."""
    processes.wait_for_answer(time.monotonic(), BACK_S)
    return processes


def associations(network: NetworkProcesses) -> int:
    """Associations of the core with eNBs."""
    return int(network.programs["epc"].measured()["enbs"])


@pytest.mark.parametrize("killed", NAMES)
def test_the_phone_is_back_after_a_kill(network: NetworkProcesses, killed: str) -> None:
    others = [network.programs[name] for name in NAMES if name != killed]
    before = [program.resources() for program in others]
    network.programs[killed].kill()
    time.sleep(0.3)
    network.start(killed)
    network.wait_for_answer(time.monotonic(), BACK_S)
    after = [program.resources() for program in others]
    for name in ("fds", "threads"):
        assert [row[name] for row in after] == [row[name] for row in before], "the others have what they had"


def test_the_core_is_lost_for_longer(network: NetworkProcesses) -> None:
    """S1 Setup is tried again and again until there is a core; then the phone attaches again by itself."""
    enb, ue = network.programs["enb"], network.programs["ue"]
    network.programs["epc"].kill()
    network.wait_for(lambda: enb.measured()["s1"] != "READY", NOTICED_S, "the eNB does not notice")
    start = time.monotonic()
    network.start("epc")
    network.wait_for(lambda: ue.count("Network attach successful", start) == 1, BACK_S, "no attach")
    assert enb.measured()["s1"] == "READY"
    network.wait_for_answer(time.monotonic(), BACK_S)


def test_a_camping_phone_sees_that_the_enb_is_another(network: NetworkProcesses) -> None:
    """It finds the cell again by itself, so that what it sends next is heard."""
    enb, ue = network.programs["enb"], network.programs["ue"]
    ue.send(signal.SIGUSR1)
    network.wait_for(lambda: "camped" in ue.measured()["rrc"], BACK_S, "the phone does not become idle")
    enb.kill()
    enb = network.start("enb")
    network.wait_for(lambda: enb.measured().get("subframes", 0) > 3000, BACK_S, "the eNB does not go on")
    start = time.monotonic()
    ue.send(signal.SIGUSR1)
    network.wait_for_answer(start, BACK_S)
    assert ue.count("attempt=3", start) == 0, "its random access was at the wrong time"


def test_a_core_that_stands_still(network: NetworkProcesses) -> None:
    """The eNB gives the association up, and has one again as soon as the core goes on."""
    core, enb = network.programs["epc"], network.programs["enb"]
    core.send(signal.SIGSTOP)
    network.wait_for(lambda: enb.measured()["s1"] != "READY", NOTICED_S, "the eNB does not notice")
    core.send(signal.SIGCONT)
    network.wait_for_answer(time.monotonic(), BACK_S)
    assert enb.measured()["s1"] == "READY"


def test_an_enb_that_stands_still(network: NetworkProcesses) -> None:
    """The core gives the association up, and the phone waits for samples."""
    enb = network.programs["enb"]
    enb.send(signal.SIGSTOP)
    network.wait_for(lambda: associations(network) == 0, NOTICED_S, "the core does not notice")
    enb.send(signal.SIGCONT)
    network.wait_for_answer(time.monotonic(), BACK_S)
    assert associations(network) == 1


def test_a_phone_that_stands_still(network: NetworkProcesses) -> None:
    ue = network.programs["ue"]
    ue.send(signal.SIGSTOP)
    time.sleep(3)
    ue.send(signal.SIGCONT)
    start = time.monotonic()
    network.wait_for_answer(start, BACK_S)
    assert ue.count("Random Access", start) == 0, "its connection stood all the time"


def test_all_end_when_they_are_told_to(network: NetworkProcesses) -> None:
    """Until then the core has forgotten the eNBs and the phones of before."""
    network.wait_for(lambda: associations(network) == 1, NOTICED_S, "an eNB that was killed is not forgotten")
    tables = network.tables()
    assert tables["epc MME ues"] == tables["epc MME sessions"] == tables["epc PGW addresses"] == 1
    assert tables["enb RRC UEs"] == tables["enb tunnels"] == tables["ue EPS bearers"] == 1
    assert {name: network.programs[name].stop() for name in ("ue", "enb", "epc")} == dict.fromkeys(NAMES, 0)
