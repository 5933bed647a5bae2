"""Phones and cells as real processes on one air: four phones at once, a walk out of a cell, a walk to another one."""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from picocell.air import Air
from picocell.air.config import AirConfig
from picocell.air.scenario import read
from picocell.config import load
from picocell.enb.config import EnbConfig
from picocell.epc.config import EpcConfig
from picocell.ue.config import UeConfig
from support.air_processes import AirProcesses

pytestmark = pytest.mark.slow

OUT_DB = 60
"""A phone whose link has 30 dB without attenuation hears nothing there."""


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirProcesses]:
    """One cell and four phones."""
    with AirProcesses(tmp_path_factory.mktemp("field"), n_phones=4, channel="EPA5") as found:
        found.start()
        found.wait_for_answers(*found.phones)
        yield found


def test_four_phones_move_tcp_at_once(field: AirProcesses) -> None:
    assert len({field.ip(name) for name in field.phones}) == 4
    field.signal(signal.SIGUSR2, *field.phones)
    field.wait_for(lambda: all(field.moved(name) for name in field.phones), "TCP does not begin")
    before = {name: field.moved(name) for name in field.phones}

    def least() -> int:
        """Bytes that the slowest phone has moved both ways since then."""
        return min(field.moved(name) - then for name, then in before.items())

    field.wait_for(lambda: least() > 20_000, "TCP does not go on in all phones")
    field.wait_for_answers(*field.phones)
    field.signal(signal.SIGUSR2, *field.phones)


def test_a_phone_walks_out_of_the_cell_and_back(field: AirProcesses) -> None:
    start = time.monotonic()
    field.ramp(0.5, ue1_cell1=OUT_DB)
    failed = field.wait_for_line("ue1", "Radio link failure", start)
    field.wait_for_line("ue1", "Searching a cell", start)
    field.wait_for_answers("ue2", "ue3", "ue4")
    assert not field.answers("ue1", failed)
    back = time.monotonic()
    field.ramp(0.5, ue1_cell1=0)
    field.wait_for_line("ue1", "Random Access Complete", back)
    field.wait_for_answers(*field.phones, since=back)
    field.wait_for(lambda: field.programs["ue1"].measured().get("emm") == "REGISTERED", "ue1 is not registered")
    assert [field.count(name, "Radio link failure", start) for name in field.phones] == [1, 0, 0, 0]


def test_all_end_when_they_are_told_to(field: AirProcesses) -> None:
    assert set(field.stop().values()) == {0}


@pytest.fixture(scope="module")
def two_cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirProcesses]:
    """Two cells of one carrier; the second phone stays in the first one, and pings the first phone."""
    links = ["{phone: ue1, cell: cell2, loss_db: 50}", "{phone: ue2, cell: cell2, loss_db: 80}"]
    with AirProcesses(tmp_path_factory.mktemp("two_cells"), n_cells=2, n_phones=2, links=links) as found:
        found.start(phones=["ue1"])
        found.wait_for_answers("ue1")
        found.start_phone("ue2", found.ip("ue1"))
        found.wait_for_answers("ue2")
        yield found


def test_path_losses_cross(two_cells: AirProcesses) -> None:
    """After it has lost the first cell a phone is served, and can be reached, in the second one."""
    assert two_cells.count("ue1", "Found Cell: PCI=1") == 1
    start = time.monotonic()
    two_cells.ramp(1.0, ue1_cell1=OUT_DB, ue1_cell2=0)
    two_cells.wait_for_line("ue1", "Radio link failure", start)
    found = two_cells.wait_for_line("ue1", "Found Cell: PCI=2", start)
    two_cells.wait_for(
        lambda: (
            two_cells.count("ue1", "Tracking area updated", found) + two_cells.count("ue1", "Network attach", found) > 0
        ),
        "neither tracking area update nor attach",
    )
    served = time.monotonic()
    two_cells.wait_for_answers("ue1", since=served)  # its own pings
    two_cells.wait_for_answers("ue2", since=served)  # those that come from the core
    two_cells.wait_for(
        lambda: two_cells.programs["enb2"].measured().get("tables", {}).get("RRC UEs") == 1, "it is not the only one"
    )


def test_it_is_paged_in_the_second_cell(two_cells: AirProcesses) -> None:
    """Nobody sends for a while; then somebody else speaks first."""
    two_cells.signal(signal.SIGUSR1, "ue1", "ue2")
    two_cells.wait_for(
        lambda: "camped" in two_cells.programs["ue1"].measured().get("rrc", ""), "it does not become idle"
    )
    paged = time.monotonic()
    two_cells.signal(signal.SIGUSR1, "ue2")
    two_cells.wait_for_answers("ue2", since=paged)
    assert two_cells.count("ue1", "RRC Connected", paged) == 1
    assert two_cells.count("ue1", "Found Cell", paged) == 0, "it has been in the second cell all the time"


def test_the_example_of_two_cells_fits_together() -> None:
    """Its files are what a reader starts by hand: each radio has its peer on the air, each eNB its core."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "two_cells"
    core = load(EpcConfig, folder / "epc.yaml", [])
    enbs = [load(EnbConfig, folder / f"enb{i}.yaml", []) for i in (1, 2)]
    ue = load(UeConfig, folder / "ue.yaml", [])
    air = load(AirConfig, folder / "air.yaml", [])

    def ports(args: str) -> list[str]:
        return re.findall(r":(\d+)", args)

    wires = [*(config.radio.args for config in enbs), ue.radio.args]
    for member, wire in zip([*air.cells, *air.phones], wires, strict=True):
        assert ports(member.radio) == ports(wire)[::-1]
        assert f"base_srate={air.air.sample_rate / 1e6:g}e6" in wire
    assert len({config.enb.pci for config in enbs}) == len({config.enb.cell_id >> 8 for config in enbs}) == 2
    assert len({config.gtpu.address for config in enbs}) == 2
    assert {config.mme.address for config in enbs} == {core.mme.address}
    assert ue.usim.imsi in [one.imsi for one in core.hss.subscribers]
    with Air(air.air.sample_rate) as found:
        for cell in air.cells:
            found.cell(cell.name)
        for phone in air.phones:
            found.phone(phone.name)
        read(folder / "walk.yaml").check(found)
