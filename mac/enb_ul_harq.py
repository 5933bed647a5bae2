"""HARQ of the uplink at the receiving end: synchronous, PHICH and format 0 (TS 36.321 5.4.2, TS 36.213 8)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from picocell.kernels.sch import SoftBuffer
from picocell.phy.lte.ul_grant import PuschGrant

N_PROCESSES: Final = 8

RETRANSMISSION_MCS: Final = {1: 29, 2: 30, 3: 31}
"""I_MCS that asks for a redundancy version without telling the size (TS 36.213 Table 8.6.1-1)."""


class UlState(Enum):
    """State of a process."""

    IDLE = "idle"
    DUE = "its PUSCH is under way, or its result not yet in"
    FAILED = "to be sent again"


class Retransmission(Enum):
    """How a UE is asked to send again."""

    NON_ADAPTIVE = "NACK on the PHICH"
    ADAPTIVE = "format 0, next redundancy version"
    REPEAT_GRANT = "format 0 as for the first transmission, which the UE has missed"


@dataclass(slots=True)
class EnbUlProcess:
    """One process.

    Attributes:
        number: UL subframe modulo 8.
        state: what it waits for.
        ndi: new data indicator of the last grant.
        mcs: I_MCS of the first transmission.
        grant: of the last transmission; None before the first.
        transmissions: how often the UE was asked to send the block.
        heard: a transmission of the block was detected.
        msg3: message 3, granted by a random access response.
        soft: soft buffer.
        fresh: the soft buffer holds another block.
        first_at: subframe of the block's first transmission.
        at_limit: the outer loop chose its rate.
    """

    number: int
    state: UlState = UlState.IDLE
    ndi: int = 0
    mcs: int = 0
    grant: PuschGrant | None = None
    transmissions: int = 0
    heard: bool = False
    msg3: bool = False
    soft: SoftBuffer | None = None
    fresh: bool = True
    first_at: int = 0
    at_limit: bool = False

    def started(self, grant: PuschGrant, mcs: int, at_limit: bool, now: int, msg3: bool = False) -> None:
        """A new block is granted."""
        self.grant, self.ndi, self.mcs, self.at_limit, self.msg3 = grant, grant.ndi, mcs, at_limit, msg3
        self.state, self.transmissions, self.heard, self.fresh = UlState.DUE, 1, False, True
        self.first_at = now

    def again(self, grant: PuschGrant) -> None:
        """The block is to be sent once more."""
        self.grant, self.state = grant, UlState.DUE
        self.transmissions += 1
        self.fresh = self.fresh or not self.heard

    def received(self, ok: bool, detected: bool) -> None:
        """The result of the last transmission is in."""
        self.heard = self.heard or detected
        self.state = UlState.IDLE if ok else UlState.FAILED

    def retransmission(self, max_tx: int, detected: bool) -> Retransmission | None:
        """How to ask for a block that failed; None where it is given up.

        A UE that sent nothing has missed its grant, and must be given it anew; but message 3 is known to a UE that
        read the response, and for others nobody is there.
        """
        if self.transmissions >= max_tx:
            self.state = UlState.IDLE
            return None
        if detected or self.msg3:
            return Retransmission.NON_ADAPTIVE
        return Retransmission.ADAPTIVE if self.heard else Retransmission.REPEAT_GRANT

    def soft_buffer(self, tbs: int) -> SoftBuffer:
        """Soft buffer for the transmission being received, cleared where the block is new."""
        if self.soft is None or self.soft.tbs != tbs:
            self.soft = SoftBuffer(tbs)
        elif self.fresh:
            self.soft.clear()
        self.fresh = False
        return self.soft


@dataclass(slots=True)
class EnbUlHarq:
    """The processes of one UE."""

    processes: list[EnbUlProcess] = field(default_factory=lambda: [EnbUlProcess(i) for i in range(N_PROCESSES)])

    def at(self, ul_subframe: int) -> EnbUlProcess:
        """Process of an uplink subframe."""
        return self.processes[ul_subframe % N_PROCESSES]
