"""Our eNB and phone, and others, on an air with other programs' habits: odd lengths, gains, rates, late starts."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from picocell.phy.lte.search import CellSearch
from support.air_processes import AirProcesses
from support.foreign_peer import ForeignPhone, Relay

pytestmark = pytest.mark.slow

GAIN = 3000.0
"""By which other programs multiply what they send."""
UNDONE_DB = -20 * math.log10(GAIN)
LENGTHS = (333, 1000)


class Field:
    """One cell and one phone, both behind relays of foreign habits, and two foreign phones that may come.

    The phone has twice the rate that the cell needs, and one of the foreign phones three times that.
    """

    def __init__(self, stack: ExitStack, home: Path) -> None:
        undone = [f"tx_gain_db: {UNDONE_DB:.2f}"]
        self.net = net = AirProcesses(
            home,
            n_phones=1,
            guests=("foreign", "other"),
            rates={"ue1": 2, "foreign": 3},
            relayed=("cell1", "ue1"),
            stall_s=5.0,
            members=dict.fromkeys(("cell1", "ue1", "foreign", "other"), undone),
            # a phone that shouts all the time is far from the cell
            links=["{phone: foreign, cell: cell1, ul_loss_db: 40}", "{phone: other, cell: cell1, ul_loss_db: 40}"],
        )
        stack.enter_context(net)
        self.up, self.down = {}, {}
        for name in ("cell1", "ue1"):
            pipe = net.pipes[name]
            self.up[name] = stack.enter_context(Relay(pipe.own, pipe.up, LENGTHS, GAIN))
            self.down[name] = stack.enter_context(Relay(pipe.air, pipe.down, LENGTHS))
        net.start()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(stack, tmp_path_factory.mktemp("foreign"))


def test_a_phone_attaches_through_foreign_pipes(field: Field) -> None:
    """Answers have 333 and 1000 samples, amplitudes of thousands, and the phone's rate is twice the cell's."""
    field.net.wait_for_answers("ue1")
    assert field.net.ip("ue1") == "172.16.0.2"
    assert field.net.count("ue1", "Found Cell: PCI=1, PRB=6") == 1
    assert max(relay.peak for relay in field.up.values()) > 2000


def test_foreign_phones_come_late_stop_skip_and_vanish(field: Field) -> None:
    net, rates = field.net, {"foreign": 3, "other": 1}
    start = time.monotonic()
    with ExitStack() as stack:
        guests = {}
        for name, factor in rates.items():
            pipe, n = net.pipes[name], round(factor * net.rate / 1000)
            guests[name] = stack.enter_context(ForeignPhone(pipe.air, pipe.own, n, peak=GAIN))
        for name in rates:
            net.wait_for_line("air", f"{name} is there", start)
        net.wait_for_answers("ue1")

        # the foreign phone always searches at 1.92 Msps, and makes them of three samples each
        heard = guests["foreign"].heard(round(0.08 * 3 * net.rate))
        assert [cell.pci for cell in CellSearch().search(heard.reshape(-1, 3).mean(axis=1))] == [1]

        for guest in guests.values():
            guest.skip()
        net.wait_for_answers("ue1")

        quiet = time.monotonic()
        guests["other"].quiet.set()
        net.wait_for_line("air", "other has not answered", quiet)
        net.wait_for_answers("ue1")
        guests["other"].quiet.clear()
        net.wait_for_line("air", "other is back", quiet)
        before = guests["other"].taken
        net.wait_for(lambda: guests["other"].taken > before + 100 * net.rate / 1000, "it does not go on")
        left = time.monotonic()
    for name in rates:
        net.wait_for_line("air", f"{name} is gone", left)
    net.wait_for_answers("ue1")
    assert net.count("ue1", "Radio link failure") == 0


def test_nothing_is_left_behind(field: Field) -> None:
    """After all that the relays have given what they have taken, but for what is under way."""
    field.net.wait_for_answers("ue1")
    for name, relay in [*field.up.items(), *field.down.items()]:
        assert 0 <= relay.waiting < 10 * field.net.pipes[name].rate / 1000
        assert relay.given > 0.2 * field.net.pipes[name].rate
