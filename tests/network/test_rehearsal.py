"""The visit of a phone that a process with a device goes through before it goes on the air."""

import logging

import pytest

from picocell import Cell, rehearsal
from picocell.metrics import PhoneMetrics
from picocell.network import Network
from picocell.phone import Phone
from picocell.rehearsal import rehearse, widest
from picocell.rrc_nas.nas.ue_events import Attached


def test_a_phone_comes_leaves_and_comes_back(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Network] = []

    class Seen(Network):
        def __init__(self, cell: Cell) -> None:
            super().__init__(cell)
            seen.append(self)

    metrics: list[PhoneMetrics] = []
    detach = Phone.detach

    def leave(phone: Phone) -> None:
        metrics.append(phone.metrics)
        detach(phone)

    monkeypatch.setattr(Phone, "detach", leave)
    monkeypatch.setattr(rehearsal, "Network", Seen)
    rehearse(Cell(n_prb=6, pci=77))
    (net,) = seen
    (phone,) = net.phones
    assert sum(isinstance(event, Attached) for _, event in phone.events) == 2
    assert net.cell.pci == 77
    assert min(metrics[0].dl_bytes, metrics[0].ul_bytes) > 100_000
    assert not caplog.records
    assert logging.root.manager.disable == 0


def test_what_goes_wrong_is_told_and_no_more(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def deaf(*_: object, **__: object) -> None:
        raise TimeoutError("the phone did not hear anything")

    monkeypatch.setattr("picocell.phone.Phone.attach", deaf)
    rehearse(Cell(n_prb=6))
    assert [record.getMessage() for record in caplog.records] == [
        "the rehearsal ended early: the phone did not hear anything"
    ]


@pytest.mark.parametrize(("rate", "n_prb"), [(1.92e6, 6), (5.76e6, 25), (7.68e6, 25), (11.52e6, 50), (23.04e6, 100)])
def test_the_widest_cell_of_a_sample_rate(rate: float, n_prb: int) -> None:
    assert widest(rate) == n_prb
