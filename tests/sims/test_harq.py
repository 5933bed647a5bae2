"""HARQ processes over a transport whose outcomes are scripted."""

import numpy as np
import pytest

from picocell.sims import harq
from picocell.sims.counts import Counts, Tally
from picocell.sims.harq import Outcome, TransportBlock
from picocell.sims.snr import Conversion

TBS = 80


class Script:
    """Fails every block until a given round; keeps what was sent."""

    def __init__(self, good_from: int, *, lie: bool = False) -> None:
        self.good_from, self.lie = good_from, lie
        self.sent: list[tuple[int, int, int, bytes]] = []
        self._queue: list[TransportBlock | None] = []

    def send(self, slot: int, block: TransportBlock | None) -> None:
        if block is not None:
            self.sent.append((slot, block.process, block.round, block.payload))
        self._queue.append(block)

    def receive(self) -> Outcome | None:
        block = self._queue.pop(0)
        if block is None:
            return None
        good = block.round >= self.good_from
        payload = b"wrong" if self.lie else block.payload
        return Outcome(payload if good else b"", good, 2.0, 5.0)


def run(script: Script, n: int, rounds: int) -> Counts:
    return harq.run(script, n, rounds, TBS, None, np.random.SeedSequence(1))


def test_all_good_blocks_are_sent_once() -> None:
    script = Script(0)
    counts = run(script, 20, 4)
    assert counts.sent == [20, 0, 0, 0]
    assert counts.errors == [0, 0, 0, 0]
    assert counts.delivered == 20
    assert counts.bits == 20 * TBS
    assert len({payload for *_, payload in script.sent}) == 20


def test_retransmissions_follow_eight_subframes_later_and_all_blocks_end() -> None:
    script = Script(1)
    counts = run(script, 10, 4)
    assert counts.sent == [8, 8, 0, 0]
    assert counts.errors == [8, 0, 0, 0]
    first = {process: slot for slot, process, round_, _ in script.sent if round_ == 0}
    again = {process: slot for slot, process, round_, _ in script.sent if round_ == 1}
    assert all(again[process] == slot + harq.PROCESSES for process, slot in first.items())
    payloads = {(process, payload) for _, process, _, payload in script.sent}
    assert len(payloads) == 8


def test_blocks_are_given_up_after_the_last_round() -> None:
    counts = run(Script(9), 8, 3)
    assert counts.sent == [8, 8, 8]
    assert counts.errors == [8, 8, 8]
    assert counts.delivered == 0


def test_matching_crc_with_wrong_bits_is_an_error_and_is_counted() -> None:
    counts = run(Script(0, lie=True), 5, 1)
    assert counts.errors == [5]
    assert counts.false_ok == 5


def test_throughput_is_blocks_delivered_over_subframes_used() -> None:
    tally = Tally(independent=True)
    tally.add(run(Script(1), 16, 2))
    metrics = tally.metrics(Conversion(TBS, 100, 2))
    assert metrics["throughput_percent"] == pytest.approx(50)
    assert metrics["throughput_mbps"] == pytest.approx(0.5 * TBS / 1000)
    assert metrics["bler_1"] == 1.0
    assert metrics["bler_2"] == 0.0
    assert metrics["residual_bler"] == 0.0
    assert metrics["iterations"] == 2.0
    assert metrics["estimated_snr_db"] == 5.0
    assert Tally.from_dict(tally.as_dict()) == tally


def test_stretches_of_fading_weigh_by_their_windows() -> None:
    # half of the time blocks get through at once, half of the time in their second transmission: 3/4
    tally = Tally(independent=False)
    for good_from in (0, 1) * 6:
        tally.add(run(Script(good_from), 20, 4))
    assert tally.share.rate == pytest.approx(0.75)
    assert tally.counts.delivered / tally.counts.transmissions < 0.74
