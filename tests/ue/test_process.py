"""A phone whose device has not waited for it: what happens to samples that have waited too long."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.radio.interface import Radio, Received
from picocell.ue.phy import UePhy
from picocell.ue.process import UeProcess
from picocell.ue.settings import UeSettings
from picocell.ue.ue import Ue

RATE = 1.92e6
N = 1920


@dataclass
class WaitingRadio:
    """Silence, of which as much waits as a test says."""

    sample_rate: float = RATE
    n_rx: int = 1
    n_tx: int = 1
    time: int = 0
    asked: list[int] = field(default_factory=list)

    def receive(self, n: int) -> Received:
        self.asked.append(n)
        self.time += n
        return Received(np.zeros((1, n), np.complex64), self.time - n)

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        raise AssertionError(f"there is nothing to send, not {samples.shape} at {time}")


def process(waiting: list[int]) -> tuple[UeProcess, WaitingRadio]:
    radio = WaitingRadio()
    found = UeProcess(Ue(UeSettings(opc=bytes(16)), RATE), cast(Radio, radio), None, waiting=lambda: waiting[0])
    found.ue.switch_on()
    return found, radio


def test_a_search_gets_all_samples_however_many_wait() -> None:
    waiting = [100 * N]
    ue, radio = process(waiting)
    for _ in range(5):
        assert ue.step()
    assert radio.asked == [N] * 5
    assert ue.ue.phy.end == 5 * N


def test_with_a_cell_what_has_waited_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UePhy, "missing", N)
    waiting = [0]
    ue, radio = process(waiting)
    ue.ue.phy.cell, missed = cast(object, "a cell"), []  # type: ignore[assignment]
    ue.ue.miss = missed.append  # type: ignore[method-assign]
    ue.ue.push = lambda _: None  # type: ignore[method-assign]
    ue.step()
    waiting[0] = 3 * N - 1
    ue.step()
    assert (radio.asked, missed) == ([N, N], [])
    waiting[0] = 3 * N
    ue.step()
    assert (radio.asked, missed) == ([N, N, 3 * N, N], [3 * N])
    assert ue.work.passed_over == 3 * N
    assert ue.work.lost_samples == 0


@pytest.mark.parametrize(("missing", "asked"), [(700, 700), (N + 1, N + 1), (0, N), (-5, N), (2 * N, N), (None, N)])
def test_samples_are_taken_to_the_end_of_a_subframe(
    missing: int | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UePhy, "missing", missing)
    ue, radio = process([0])
    ue.step()
    assert radio.asked == [asked]
