"""HARQ of the downlink at the receiving end: which transmissions combine (TS 36.321 5.3.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from picocell.kernels.sch import SoftBuffer
from picocell.phy.lte.grant import PdschGrant


@dataclass(slots=True)
class DlHarqProcess:
    """One process: what its soft buffer holds.

    Attributes:
        ndi: new data indicator of the last grant, or None before the first.
        tbs: transport block size in bits of the soft buffer's block.
        soft: the soft buffer, or None before the first grant.
        acked: whether the block in the buffer has already been received.
        transmissions: how many transmissions the buffer has seen.
    """

    ndi: int | None = None
    tbs: int = 0
    soft: SoftBuffer | None = None
    acked: bool = False
    transmissions: int = 0

    def received_grant(self, ndi: int, tbs: int) -> SoftBuffer:
        """Soft buffer for a grant: cleared for a new transmission, kept for a retransmission (5.3.2.2).

        A transmission is new when the NDI has been toggled, when it is the first of the process, or when its size
        differs from the buffer's (then the toggling grant was missed).
        """
        if self.soft is None or self.ndi != ndi or self.tbs != tbs:
            if self.soft is None or self.tbs != tbs:
                self.soft = SoftBuffer(tbs)
            else:
                self.soft.clear()
            self.acked = False
            self.transmissions = 0
        self.ndi, self.tbs = ndi, tbs
        self.transmissions += 1
        return self.soft

    def restart(self) -> None:
        """The last transmission was of a new block after all: the grant that toggled the NDI was missed."""
        if self.soft is not None:
            self.soft.clear()
        self.acked = False
        self.transmissions = 1


class DlHarqEntity:
    """The HARQ processes of one UE: 8 for FDD (TS 36.213 7), up to 15 for TDD."""

    def __init__(self, n_processes: int = 8) -> None:
        self.processes = [DlHarqProcess() for _ in range(n_processes)]

    def process(self, number: int) -> DlHarqProcess:
        """The process of a grant.

        Raises:
            ValueError: no such process.
        """
        if not 0 <= number < len(self.processes):
            raise ValueError(f"HARQ process {number} is outside 0..{len(self.processes) - 1}")
        return self.processes[number]


class DlHarqEntities:
    """The downlink HARQ entities of many RNTIs, made when first used."""

    def __init__(self) -> None:
        self._entities: dict[int, DlHarqEntity] = {}

    def previous_tbs(self, rnti: int, harq_process: int) -> int | None:
        """Transport block size of a process's last grant in bits; None before the first."""
        entity = self._entities.get(rnti)
        return (entity.process(harq_process).tbs or None) if entity is not None else None

    def received_grant(self, grant: PdschGrant) -> DlHarqProcess:
        """The process of a grant, told of the transmission."""
        process = self._entities.setdefault(grant.rnti, DlHarqEntity()).process(grant.harq_process)
        process.received_grant(grant.ndi, grant.tbs)
        return process

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer | None:
        """Soft buffer of a grant's process, cleared where the transmission is new."""
        return self.received_grant(grant).soft

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Forget every RNTI that is not wanted any more."""
        self._entities = {rnti: entity for rnti, entity in self._entities.items() if wanted(rnti)}


class BroadcastHarq:
    """Soft combining of system information (TS 36.321 5.3.2.2): per message, within its period.

    SIB1 combines over its 80 ms period; an SI message over its window. The caller names the block by a key that changes
    when a new block may begin.
    """

    def __init__(self) -> None:
        self._process = DlHarqProcess()
        self._key: object = None

    def received_grant(self, key: object, tbs: int) -> DlHarqProcess:
        """The process, cleared when ``key`` or the size differs from the last grant's."""
        ndi = self._process.ndi or 0
        if key != self._key:
            ndi ^= 1
            self._key = key
        self._process.received_grant(ndi, tbs)
        return self._process


class UlHarqTracker:
    """Where an observer of the downlink expects a PHICH: 4 subframes after each PUSCH (TS 36.213 9.1.2, FDD).

    A PUSCH follows its grant by 4 subframes; after a NACK without a new grant it is sent again 8 subframes later on the
    same PRBs (non-adaptive retransmission), at most ``max_transmissions`` times in all.
    """

    def __init__(self, max_transmissions: int = 5) -> None:
        self._max = max_transmissions
        self._due: dict[int, list[PhichExpectation]] = {}

    def pusch_sent(self, tti: int, rnti: int, prb_start: int, n_dmrs: int, transmission: int = 1) -> None:
        """A PUSCH goes out at ``tti``: a PHICH is due 4 subframes later. A new grant replaces a retransmission."""
        due = (tti + 4) % 10240
        entries = [e for e in self._due.get(due, []) if e.rnti != rnti]
        entries.append(PhichExpectation(rnti, prb_start, n_dmrs, transmission))
        self._due[due] = entries

    def due(self, tti: int) -> list["PhichExpectation"]:
        """What the PHICH of this subframe may carry; asked once a subframe."""
        return self._due.pop(tti, [])

    def received(self, tti: int, expectation: "PhichExpectation", ack: bool) -> None:
        """A PHICH was read: a NACK makes the UE send again 4 subframes later, unless it has tried enough."""
        if not ack and expectation.transmission < self._max:
            again = (tti + 4) % 10240
            self.pusch_sent(
                again, expectation.rnti, expectation.prb_start, expectation.n_dmrs, expectation.transmission + 1
            )

    def clear(self) -> None:
        """Forget everything (the stream had a gap)."""
        self._due.clear()


@dataclass(frozen=True, slots=True)
class PhichExpectation:
    """A HARQ indicator that is due: for whom, and the lowest PRB and cyclic shift of its PUSCH."""

    rnti: int
    prb_start: int
    n_dmrs: int
    transmission: int
