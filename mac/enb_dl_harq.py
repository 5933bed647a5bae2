"""HARQ of the downlink at the sending end: asynchronous, adaptive, eight processes (TS 36.321 5.3.2, TS 36.213 7)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from picocell.phy.lte.ul_grant import RV_SEQUENCE

N_PROCESSES: Final = 8


class DlState(Enum):
    """State of a process."""

    IDLE = "idle"
    WAITING = "waiting for its acknowledgement"
    RETRANSMIT = "to be sent again"


class Answer(Enum):
    """What came in the subframe of an acknowledgement."""

    ACK = "ACK"
    NACK = "NACK"
    DTX = "DTX"


@dataclass(slots=True)
class EnbDlProcess:
    """One process.

    Attributes:
        number: 0..7.
        state: what it waits for.
        ndi: new data indicator of the last block.
        payload: the block.
        tbs: its size in bits.
        mcs: I_MCS of the first transmission, which tells the size on as many resource blocks.
        q_m: its modulation order.
        n_prb: resource blocks of the first transmission.
        rv: place in the sequence of redundancy versions.
        heard: the UE has answered to this block, so that it knows its size.
        transmissions: how often it was sent.
        at_limit: the outer loop chose its rate.
        sent_at: subframe of the last transmission.
        timing_advance: the block carries a timing advance command.
        contention: the block carries the contention resolution.
    """

    number: int
    state: DlState = DlState.IDLE
    ndi: int = 0
    payload: bytes = b""
    tbs: int = 0
    mcs: int = 0
    q_m: int = 2
    n_prb: int = 0
    rv: int = 0
    heard: bool = False
    transmissions: int = 0
    at_limit: bool = False
    sent_at: int = 0
    timing_advance: bool = False
    contention: bool = False

    @property
    def redundancy_version(self) -> int:
        """rv of the next or last transmission."""
        return RV_SEQUENCE[self.rv % 4]

    def start(self, payload: bytes, now: int) -> None:
        """A new block is sent."""
        self.ndi ^= 1
        self.payload, self.rv, self.heard = payload, 0, False
        self.transmissions, self.sent_at, self.state = 1, now, DlState.WAITING
        self.timing_advance = self.contention = False

    def again(self, now: int) -> None:
        """The block is sent once more."""
        self.transmissions += 1
        self.sent_at, self.state = now, DlState.WAITING

    def answered(self, answer: Answer, max_tx: int) -> bool:
        """An acknowledgement is in, or its subframe is over.

        After DTX the same redundancy version goes out: the UE has not had it, and its MCS tells the size.

        Returns:
            Whether the block is given up.
        """
        if answer is Answer.ACK:
            self.finish()
            return False
        if self.transmissions >= max_tx:
            self.finish()
            return True
        if answer is Answer.NACK:
            self.rv += 1
            self.heard = True
        self.state = DlState.RETRANSMIT
        return False

    def finish(self) -> None:
        """Nothing is left to send."""
        self.state, self.payload = DlState.IDLE, b""


@dataclass(slots=True)
class EnbDlHarq:
    """The processes of one UE."""

    processes: list[EnbDlProcess] = field(default_factory=lambda: [EnbDlProcess(i) for i in range(N_PROCESSES)])

    def idle(self) -> EnbDlProcess | None:
        """A process that can take a new block: the one that has been idle longest."""
        found: EnbDlProcess | None = None
        for process in self.processes:
            if process.state is DlState.IDLE and (found is None or process.sent_at < found.sent_at):
                found = process
        return found

    def retransmissions(self) -> list[EnbDlProcess]:
        """Processes to be sent again, the oldest first."""
        waiting = [process for process in self.processes if process.state is DlState.RETRANSMIT]
        return sorted(waiting, key=lambda process: process.sent_at) if len(waiting) > 1 else waiting

    @property
    def busy(self) -> bool:
        """Whether any process holds a block."""
        return any(process.state is not DlState.IDLE for process in self.processes)
