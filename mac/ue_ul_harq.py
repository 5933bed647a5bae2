"""Uplink HARQ of a UE: eight synchronous processes (TS 36.321 5.4.2)."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from picocell.phy.lte import phich
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.srs_config import is_srs_subframe
from picocell.phy.lte.ul_grant import PuschGrant, from_dci0, retransmission
from picocell.phy.lte.uplink_config import UplinkConfig

N_PROCESSES: Final = 8

PHICH_DELAY: Final = 4
"""Subframes from a PUSCH to its PHICH (FDD, TS 36.213 9.1.2)."""

_LAST_NEW_MCS: Final = 28
_MOST_KNOWN: Final = 4096

_phich_resource = lru_cache(maxsize=1024)(phich.resource)


@dataclass(slots=True)
class UlProcess:
    """One process.

    Attributes:
        payload: the HARQ buffer; empty where flushed.
        grant: of the last transmission, without control information.
        number: CURRENT_TX_NB.
        ack: HARQ_FEEDBACK.
        message_3: the buffer holds message 3.
        sent_at: subframe of the last transmission.
    """

    payload: bytes = b""
    grant: PuschGrant | None = None
    number: int = 0
    ack: bool = False
    message_3: bool = False
    sent_at: int = -1

    def flush(self) -> None:
        """Empty the buffer."""
        self.payload, self.grant, self.message_3 = b"", None, False


class Adapted(NamedTuple):
    """What a grant on the PDCCH means for the process of its subframe.

    Attributes:
        grant: what to send, without control information.
        new: a new transport block; else a retransmission of ``payload``.
    """

    grant: PuschGrant
    new: bool


class UlHarq:
    """The UE's uplink HARQ entity.

    Args:
        cell: the cell.
        ul: its uplink.
        ue_64qam: whether the UE can send 64QAM.

    Attributes:
        max_tx: maxHARQ-Tx.
        max_message_3_tx: maxHARQ-Msg3Tx.
    """

    def __init__(self, cell: Cell, ul: UplinkConfig, *, max_message_3_tx: int, ue_64qam: bool) -> None:
        self._cell, self._ul, self._ue_64qam = cell, ul, ue_64qam
        self._processes = [UlProcess() for _ in range(N_PROCESSES)]
        self._srs = [is_srs_subframe(ul, subframe, cell.duplex) for subframe in range(10)]
        self.max_tx, self.max_message_3_tx = 5, max_message_3_tx
        self._known: dict[tuple[int, int, int, int, int, int, bool], Adapted] = {}

    def process(self, now: int) -> UlProcess:
        """Process of uplink subframe ``now``."""
        return self._processes[now % N_PROCESSES]

    def srs_symbol(self, now: int) -> bool:
        """Whether a PUSCH leaves its last symbol to sounding."""
        return self._srs[now % 10]

    def is_new(self, dci: Dci0, now: int) -> bool:
        """Whether a grant of the C-RNTI for uplink subframe ``now`` is for a new block (5.4.2.1)."""
        process = self.process(now)
        return process.grant is None or process.message_3 or process.grant.ndi != dci.ndi

    def adapt(self, dci: Dci0, rnti: int, now: int, *, temporary: bool) -> Adapted | None:
        """Read a grant of the PDCCH for uplink subframe ``now``; None where it is not legal or is for nothing.

        A TC-RNTI's grant retransmits message 3 whatever its NDI. A retransmission of another size means that a grant
        which toggled the NDI was missed: the block is new.
        """
        process = self.process(now)
        if temporary:
            if process.grant is None or not process.message_3:
                return None
            adapted = self._read(dci, rnti, now, replace(process.grant, ndi=dci.ndi), process.number + 1)
            return adapted if adapted is not None and not adapted.new else None
        if self.is_new(dci, now):
            return self._read(dci, rnti, now, None, 0)
        adapted = self._read(dci, rnti, now, process.grant, process.number + 1)
        return self._read(dci, rnti, now, None, 0) if adapted is not None and adapted.new else adapted

    def _read(self, dci: Dci0, rnti: int, now: int, previous: PuschGrant | None, number: int) -> Adapted | None:
        if previous is not None or dci.hopping or dci.mcs > _LAST_NEW_MCS:
            return self._made(dci, rnti, now, previous, number)
        # the frame does not matter to the grant of a new block; under load the same ones come again
        key = (rnti, dci.riv, dci.mcs, dci.ndi, dci.cyclic_shift, now % N_PROCESSES, self._srs[now % 10])
        found = self._known.get(key)
        if found is None:
            found = self._made(dci, rnti, now, None, number)
            if found is not None:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = found
        return found

    def _made(self, dci: Dci0, rnti: int, now: int, previous: PuschGrant | None, number: int) -> Adapted | None:
        try:
            grant = from_dci0(
                self._cell,
                self._ul,
                now % TTI_MODULO,
                rnti,
                dci,
                ue_64qam=self._ue_64qam,
                previous=previous,
                transmission=number,
                srs_symbol=self._srs[now % 10],
            )
        except ValueError:
            return None
        return Adapted(grant, previous is None or grant.tbs != previous.tbs)

    def start(self, grant: PuschGrant, payload: bytes, now: int, *, message_3: bool = False) -> None:
        """A new block goes out."""
        process = self.process(now)
        process.payload, process.grant, process.number, process.message_3 = payload, grant, 0, message_3
        self._sent(process, now)

    def again(self, grant: PuschGrant, now: int) -> bytes:
        """An adaptive retransmission goes out; the block."""
        process = self.process(now)
        payload, process.grant = process.payload, grant
        process.number += 1
        self._sent(process, now)
        return payload

    def non_adaptive(self, now: int) -> tuple[PuschGrant, bytes, bool] | None:
        """What the process of a subframe without grant sends: grant, block, whether it is message 3 (5.4.2.2)."""
        process = self.process(now)
        if process.grant is None:
            return None
        process.number += 1
        found = None
        if not process.ack:
            try:
                grant = retransmission(
                    self._cell,
                    self._ul,
                    now % TTI_MODULO,
                    process.grant,
                    process.number,
                    srs_symbol=self._srs[now % 10],
                )
            except ValueError:
                process.flush()
                return None
            found = (grant, process.payload, process.message_3)
            process.grant = grant
            process.sent_at = now
        self._exhausted(process)
        return found

    def phich_due(self, now: int) -> tuple[int, int] | None:
        """Group and sequence of the PHICH of downlink subframe ``now``; None where none answers this UE."""
        process = self.process(now - PHICH_DELAY)
        if process.grant is None or process.sent_at != now - PHICH_DELAY:
            return None
        return _phich_resource(self._cell, process.grant.prb_start[0], process.grant.cyclic_shift)

    def feedback(self, ack: bool, now: int) -> None:
        """The PHICH of downlink subframe ``now`` was read."""
        process = self.process(now - PHICH_DELAY)
        if process.sent_at == now - PHICH_DELAY:
            process.ack = ack

    def flush(self) -> None:
        """Empty all buffers."""
        for process in self._processes:
            process.flush()

    def flush_message_3(self) -> None:
        """Empty the buffer that holds message 3 (5.1.5, 5.1.6)."""
        for process in self._processes:
            if process.message_3:
                process.flush()

    def _sent(self, process: UlProcess, now: int) -> None:
        process.ack, process.sent_at = False, now
        self._exhausted(process)

    def _exhausted(self, process: UlProcess) -> None:
        """The last transmission that is allowed empties the buffer."""
        if process.number >= (self.max_message_3_tx if process.message_3 else self.max_tx) - 1:
            process.flush()
