"""Eight HARQ processes over a link: new blocks, retransmissions until they are received or given up, and the counts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from picocell.kernels.sch import SoftBuffer
from picocell.sims.counts import Counts

PROCESSES: Final = 8
"""HARQ processes of FDD (TS 36.213 7, 8): a block is sent again in its process's next turn."""


@dataclass(slots=True)
class TransportBlock:
    """A transport block in a HARQ process.

    Attributes:
        payload: its bytes.
        process: HARQ process.
        ndi: new data indicator.
        round: transmissions before this one.
        soft: soft buffer of the process, empty at round 0; None where a block is sent once only.
    """

    payload: bytes
    process: int
    ndi: int
    round: int
    soft: SoftBuffer | None


@dataclass(slots=True)
class Outcome:
    """What the receiver made of a transmission.

    Attributes:
        payload: the block as decoded.
        crc_ok: whether its CRC matched.
        iterations: turbo iterations; None where nothing was decoded.
        snr_db: estimated SNR; None where it was not estimated.
        evm2: mean error power of the equalised symbols; None where it was not measured.
        missed: the grant was not found.
        wrong_cfi: the control format indicator was read wrong.
    """

    payload: bytes
    crc_ok: bool
    iterations: float | None = None
    snr_db: float | None = None
    evm2: float | None = None
    missed: bool = False
    wrong_cfi: bool = False


class Transport(Protocol):
    """One way of sending transport blocks: a subframe may be received once the next has been sent."""

    def send(self, slot: int, block: TransportBlock | None) -> None:
        """Send the next subframe, with a block or without."""
        ...

    def receive(self) -> Outcome | None:
        """Receive the oldest subframe that has not been; None if it had no block."""
        ...


def run(
    transport: Transport, n_subframes: int, rounds: int, tbs: int, n_ir: int | None, seed: np.random.SeedSequence
) -> Counts:
    """Begin transport blocks in `n_subframes` subframes (less those taken by retransmissions), and end them all.

    Args:
        transport: what sends and receives.
        n_subframes: subframes in which new blocks may begin; the last blocks' retransmissions follow them.
        rounds: transmissions of a block at most.
        tbs: transport block size in bits.
        n_ir: soft buffer of a block in bits; None for no limit.
        seed: of the payloads.
    """
    rng = np.random.default_rng(seed)
    counts = Counts.of_rounds(rounds, n_subframes)
    buffers = [SoftBuffer(tbs, n_ir) if rounds > 1 else None for _ in range(PROCESSES)]
    blocks: list[TransportBlock | None] = [None] * PROCESSES
    ndi = [0] * PROCESSES
    before: TransportBlock | None = None
    started, slot = time.process_time(), 0
    while slot < n_subframes or any(blocks):
        process = slot % PROCESSES
        block = blocks[process]
        if block is None and slot < n_subframes:
            soft = buffers[process]
            if soft is not None:
                soft.clear()
            ndi[process] ^= 1
            block = blocks[process] = TransportBlock(rng.bytes(tbs // 8), process, ndi[process], 0, soft)
        transport.send(slot, block)
        if slot:
            _settle(counts, transport.receive(), before, blocks, rounds)
        before = block
        slot += 1
    counts.cpu_s = time.process_time() - started
    return counts


class CodewordTransport(Protocol):
    """The same for subframes that carry a transport block in each of several code words."""

    def send(self, slot: int, blocks: Sequence[TransportBlock] | None) -> None:
        """Send blocks of one HARQ process in the nth subframe that may carry some, or none."""
        ...

    def receive(self) -> Sequence[Outcome] | None:
        """Receive the oldest subframe that has not been; None if it had no blocks."""
        ...


def run_codewords(
    transport: CodewordTransport,
    n_subframes: int,
    rounds: int,
    sizes: Sequence[tuple[int, int | None]],
    seed: np.random.SeedSequence,
) -> Counts:
    """As :func:`run` with several code words: each process has a transport block of its own in each of them.

    A block is sent again, or another one begins, whatever becomes of that in the other code word. After the last
    subframe in which blocks may begin, a code word that has nothing to send again carries a block that is not counted.

    Args:
        transport: what sends and receives.
        n_subframes: subframes in which new blocks may begin.
        rounds: transmissions of a block at most.
        sizes: of each code word, transport block size and soft buffer of a block in bits (None for no limit).
        seed: of the payloads.

    Returns:
        The sums over the code words, with the counts of each.
    """
    rng = np.random.default_rng(seed)
    words = [Counts.of_rounds(rounds, n_subframes) for _ in sizes]
    buffers = [[SoftBuffer(*size) if rounds > 1 else None for _ in range(PROCESSES)] for size in sizes]
    blocks: list[list[TransportBlock | None]] = [[None] * PROCESSES for _ in sizes]
    ndi = [[0] * PROCESSES for _ in sizes]
    before: list[TransportBlock | None] = [None for _ in sizes]
    started, slot = time.process_time(), 0
    while slot < n_subframes or any(block for of_word in blocks for block in of_word):
        process = slot % PROCESSES
        for q, (size, _) in enumerate(sizes):
            if blocks[q][process] is None and slot < n_subframes:
                soft = buffers[q][process]
                if soft is not None:
                    soft.clear()
                ndi[q][process] ^= 1
                blocks[q][process] = TransportBlock(rng.bytes(size // 8), process, ndi[q][process], 0, soft)
        now = [of_word[process] for of_word in blocks]
        if any(now):
            sent = [
                block or TransportBlock(rng.bytes(size // 8), process, ndi[q][process] ^ 1, 0, None)
                for q, (block, (size, _)) in enumerate(zip(now, sizes, strict=True))
            ]
            transport.send(slot, sent)
        else:
            transport.send(slot, None)
        if slot:
            for q, outcome in enumerate(transport.receive() or ()):
                _settle(words[q], outcome, before[q], blocks[q], rounds)
        before = now
        slot += 1
    counts = Counts.of_rounds(rounds)
    for word, (size, _) in zip(words, sizes, strict=True):
        word.offered = word.transmissions * size
        counts.add(word)
    counts.cpu_s = time.process_time() - started
    counts.codewords = words if len(words) > 1 else []
    return counts


def _settle(
    counts: Counts,
    outcome: Outcome | None,
    block: TransportBlock | None,
    blocks: list[TransportBlock | None],
    rounds: int,
) -> None:
    """Count an outcome, and decide whether its block is sent again."""
    if block is None or outcome is None:
        return
    good = outcome.crc_ok and outcome.payload == block.payload
    counts.sent[block.round] += 1
    counts.errors[block.round] += not good
    counts.false_ok += outcome.crc_ok and not good
    counts.missed += outcome.missed
    counts.wrong_cfi += outcome.wrong_cfi
    if outcome.iterations is not None:
        counts.decodes += 1
        counts.iterations += outcome.iterations
    if outcome.snr_db is not None:
        counts.snr_n += 1
        counts.snr_db_sum += outcome.snr_db
    if outcome.evm2 is not None:
        counts.evm_n += 1
        counts.evm_sum += outcome.evm2
    if good:
        counts.delivered += 1
        counts.bits += 8 * len(block.payload)
    block.round += 1
    if good or block.round == rounds:
        blocks[block.process] = None
