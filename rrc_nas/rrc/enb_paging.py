"""Paging in a base station: which UEs are called in which subframe, and notice of changed system information.

TS 36.331 5.3.2, 5.2.1.3; TS 36.304 7.1.
"""

import logging
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Final

from picocell.phy.lte.cell import Duplex
from picocell.rrc_nas.rrc import enb_messages
from picocell.rrc_nas.rrc.enb_settings import Paging
from picocell.rrc_nas.rrc.fields import Value, number, reading
from picocell.rrc_nas.rrc.paging_occasion import CYCLES_RF, PagingCycle

log: Final = logging.getLogger(__name__)


def modification_period(sib2: Value) -> int:
    """Modification period of system information in radio frames (TS 36.331 5.2.1.3).

    modificationPeriodCoeff times defaultPagingCycle; it starts in frames with SFN mod m = 0.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        common = sib2["radioResourceConfigCommon"]
        coefficient = number(common["bcch-Config"]["modificationPeriodCoeff"])
        return coefficient * number(common["pcch-Config"]["defaultPagingCycle"])


class PagingScheduler:
    """Queues pages until the UE's next paging occasion; each is sent once.

    Args:
        sib2: SIB2 as broadcast.
        duplex: frame structure.
        capacity: pages that may wait; what comes on top is dropped and counted.

    Raises:
        Asn1Error: a value that is no SIB2.
    """

    def __init__(self, sib2: Value, *, duplex: Duplex = Duplex.FDD, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._period = 10 * modification_period(sib2)
        self._cycles = {cycle: PagingCycle.from_sib2(sib2, cycle, duplex) for cycle in (None, *CYCLES_RF)}
        self._queues: dict[tuple[int, int, int], deque[Paging]] = {}
        """By cycle in subframes, and place within it: frame and subframe of the occasion."""
        self._change_until: int | None = None
        self._change_from = 0
        self.dropped = 0

    def page(self, paging: Paging) -> None:
        """Queue a page; one for the same UE that waits already takes no second place."""
        if paging.drx is not None and paging.drx not in CYCLES_RF:
            log.warning("page for UE %s refused: no DRX cycle has %s frames", paging.identity, paging.drx)
            self.dropped += 1
            return
        if len(self) >= self._capacity:
            log.warning("page for UE %s dropped: %d wait already", paging.identity, self._capacity)
            self.dropped += 1
            return
        cycle = self._cycles[paging.drx]
        frame, subframe = cycle.occasion(paging.ue_identity_index % 1024)
        queue = self._queues.setdefault((10 * cycle.cycle_rf, frame, subframe), deque())
        if not any(waiting.identity == paging.identity for waiting in queue):
            queue.append(paging)

    def system_information_changes(self, now: int) -> int:
        """Announce a change: systemInfoModification goes out throughout the next whole modification period.

        Returns:
            When the changed information is to be broadcast: the beginning of the period after, absolute subframe.
        """
        begin = now + -now % self._period
        self._change_from, self._change_until = begin, begin + self._period
        return self._change_until

    def message(self, now: int) -> bytes | None:
        """PCCH message for subframe ``now``, None where there is none to send."""
        if not self._queues and self._change_until is None:
            return None
        records = [
            enb_messages.paging_record(paging.identity, paging.cn_domain)
            for paging in self._due(now, enb_messages.MAX_PAGING_RECORDS)
        ]
        changes = self._announces(now)
        return enb_messages.paging(records, si_modification=changes) if records or changes else None

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def _due(self, now: int, limit: int) -> Iterator[Paging]:
        """Take pages of the occasions that subframe ``now`` is; what exceeds a message waits for the next cycle."""
        for key in list(self._queues):
            period, frame, subframe = key
            if (now - 10 * frame - subframe) % period:
                continue
            queue = self._queues[key]
            while queue and limit:
                limit -= 1
                yield queue.popleft()
            if not queue:
                del self._queues[key]

    def _announces(self, now: int) -> bool:
        if self._change_until is None:
            return False
        if now >= self._change_until:
            self._change_until = None
            return False
        return now >= self._change_from and self._is_any_occasion(now)

    def _is_any_occasion(self, now: int) -> bool:
        """Whether some UE, of any cycle in use, may listen in subframe ``now``."""
        frame, subframe = divmod(now, 10)
        return any((frame % cycle.cycle_rf, subframe) in _occasions(cycle) for cycle in self._cycles.values())


@cache
def _occasions(cycle: PagingCycle) -> frozenset[tuple[int, int]]:
    """Paging frames and subframes of all UEs of a cycle."""
    return frozenset(cycle.occasion(ue_id) for ue_id in range(1024))
