"""HARQ processes with two code words over a transport whose outcomes are scripted."""

from collections.abc import Sequence

import numpy as np
import pytest

from picocell.sims import harq
from picocell.sims.counts import Counts, Tally
from picocell.sims.harq import Outcome, TransportBlock
from picocell.sims.snr import Conversion

SIZES = [(80, None), (240, None)]


class Script:
    """Fails the blocks of each code word until a round of its own; keeps what was sent."""

    def __init__(self, *good_from: int) -> None:
        self.good_from = good_from
        self.sent: list[tuple[int, list[tuple[int, int, bytes]]]] = []
        self._queue: list[Sequence[tuple[int, TransportBlock]] | None] = []

    def send(self, slot: int, blocks: Sequence[TransportBlock] | None) -> None:
        if blocks is not None:
            self.sent.append((slot, [(b.process, b.round, b.payload) for b in blocks]))
        self._queue.append(None if blocks is None else [(block.round, block) for block in blocks])

    def receive(self) -> Sequence[Outcome] | None:
        blocks = self._queue.pop(0)
        if blocks is None:
            return None
        good = [round_ >= least for (round_, _), least in zip(blocks, self.good_from, strict=True)]
        return [Outcome(block.payload if ok else b"", ok, 2.0) for (_, block), ok in zip(blocks, good, strict=True)]


def run(script: Script, n: int, rounds: int) -> Counts:
    return harq.run_codewords(script, n, rounds, SIZES, np.random.SeedSequence(1))


def test_all_good_blocks_are_sent_once() -> None:
    counts = run(Script(0, 0), 20, 4)
    assert counts.sent == [40, 0, 0, 0]
    assert [word.sent for word in counts.codewords] == [[20, 0, 0, 0]] * 2
    assert counts.bits == 20 * (80 + 240)
    assert (counts.window, counts.subframes, counts.delivered) == (40, 20, 40)


def test_each_code_word_has_rounds_of_its_own() -> None:
    script = Script(0, 2)
    counts = run(script, 24, 4)
    first, second = counts.codewords
    assert first.sent == [24, 0, 0, 0]
    assert second.sent == [8, 8, 8, 0]
    assert second.errors == [8, 8, 0, 0]
    assert (first.delivered, second.delivered) == (24, 8)
    for slot, blocks in script.sent:  # both blocks of a subframe belong to one process
        assert [process for process, *_ in blocks] == [slot % harq.PROCESSES] * 2
    again = [blocks[1] for slot, blocks in script.sent if slot % 8 == 3]
    assert [round_ for _, round_, _ in again] == [0, 1, 2]
    assert len({payload for *_, payload in again}) == 1
    assert len({blocks[0][2] for slot, blocks in script.sent if slot % 8 == 3}) == 3


def test_after_the_window_the_other_code_word_is_filled_and_not_counted() -> None:
    script = Script(0, 1)
    counts = run(script, 8, 2)
    first, second = counts.codewords
    assert first.sent == [8, 0]
    assert second.sent == [8, 8]
    assert len(script.sent) == 16
    assert all(len(blocks) == 2 for _, blocks in script.sent)
    assert counts.transmissions == 24
    assert counts.subframes == 16


def test_blocks_that_never_arrive_are_given_up() -> None:
    counts = run(Script(9, 9), 8, 3)
    assert [word.errors for word in counts.codewords] == [[8, 8, 8]] * 2
    assert counts.delivered == 0


def test_one_code_word_counts_as_without_code_words() -> None:
    script = Script(1)
    counts = harq.run_codewords(script, 10, 4, SIZES[:1], np.random.SeedSequence(1))
    assert counts.sent == [8, 8, 0, 0]
    assert counts.codewords == []
    assert counts.subframes == 16


def test_code_words_of_different_sizes_weigh_by_their_bits() -> None:
    tally = Tally(independent=True)
    counts = run(Script(9, 0), 16, 1)  # of 320 bits a subframe, 240 arrive
    tally.add(counts)
    metrics = tally.metrics(Conversion(80 + 240, 100, 2, 2))
    assert metrics["throughput_percent"] == pytest.approx(75)
    assert metrics["throughput_mbps"] == pytest.approx(0.24)
    assert metrics["subframes"] == 16
    assert (metrics["codeword_1_bler_1"], metrics["codeword_2_bler_1"]) == (1.0, 0.0)
    assert (metrics["codeword_1_throughput_percent"], metrics["codeword_2_throughput_percent"]) == (0.0, 100.0)
    assert Tally.from_dict(tally.as_dict()) == tally


def test_counts_of_blocks_of_work_add_up_by_code_word() -> None:
    total = Counts()
    for _ in range(3):
        total.add(run(Script(0, 1), 8, 2))
    assert [word.sent for word in total.codewords] == [[24, 0], [24, 24]]
    assert total.sent == [48, 24]
