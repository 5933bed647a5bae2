"""Downlink HARQ of a UE: which transmissions combine, and which blocks are new (TS 36.321 5.3.2)."""

from dataclasses import dataclass
from typing import Final

from picocell.kernels.sch import SoftBuffer
from picocell.phy.lte.grant import PdschGrant

N_PROCESSES: Final = 8


@dataclass(slots=True)
class DlProcess:
    """One process.

    Attributes:
        rnti: of the last grant; None where the next transmission is the first.
        ndi: new data indicator of the last grant.
        tbs: transport block size of the last grant in bits.
        received: the block has been received.
        grant: the last grant that was taken account of.
        soft: the soft buffer; None where no receiver has asked for it.
    """

    rnti: int | None = None
    ndi: int = 0
    tbs: int = 0
    received: bool = False
    grant: PdschGrant | None = None
    soft: SoftBuffer | None = None

    def take(self, grant: PdschGrant) -> None:
        """Take account of a grant, once however often it is named: a toggled NDI or another size is a new block."""
        if self.grant is grant:
            return
        if self.rnti is None or self.rnti != grant.rnti or self.ndi != grant.ndi or self.tbs != grant.tbs:
            self.received = False
            if self.soft is not None:
                if self.tbs == grant.tbs:
                    self.soft.clear()
                else:
                    self.soft = None
        self.rnti, self.ndi, self.tbs, self.grant = grant.rnti, grant.ndi, grant.tbs, grant

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer:
        """Soft buffer of a grant that was taken account of."""
        if self.soft is None:
            self.soft = SoftBuffer(grant.tbs, grant.n_ir)
        return self.soft

    def decoded(self, crc_ok: bool) -> bool:
        """Outcome of the last grant; whether its block goes up: a block that was received before does not again."""
        fresh = crc_ok and not self.received
        self.received |= crc_ok
        return fresh


class DlHarq:
    """The eight processes of the one RNTI that the UE has; TC-RNTI and C-RNTI share them."""

    def __init__(self) -> None:
        self._processes = [DlProcess() for _ in range(N_PROCESSES)]

    def process(self, number: int) -> DlProcess | None:
        """A process; None for a number that FDD does not have."""
        return self._processes[number] if 0 <= number < N_PROCESSES else None

    def previous_tbs(self, rnti: int, number: int) -> int | None:
        """Transport block size of a process's last grant for an RNTI in bits; None before the first."""
        process = self.process(number)
        return process.tbs or None if process is not None and process.rnti == rnti else None

    def forget(self, rnti: int) -> None:
        """An RNTI is given anew: its next transmission on each process is the first (5.3.1)."""
        for process in self._processes:
            if process.rnti == rnti:
                process.rnti = None

    def flush(self) -> None:
        """Empty the soft buffers: the next transmission of each process is its first (5.9)."""
        for process in self._processes:
            process.rnti = process.grant = process.soft = None
            process.tbs, process.received = 0, False
