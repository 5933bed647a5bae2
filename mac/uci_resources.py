"""Which UE may send what by itself on the PUCCH, and when; no two share a resource (TS 36.213 10.1.5, 7.2.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from picocell.mac.dedicated_config import DedicatedConfig, PeriodicCqi, SchedulingRequest
from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.ul_periodicity import Periodicity, cqi_periodicity, sr_periodicity
from picocell.phy.lte.uplink_config import UplinkConfig

_SR_INDICES: Final = range(158)
_CQI_INDICES: Final = range(317)
_CYCLIC_SHIFTS: Final = 12


@dataclass(frozen=True, slots=True)
class UciAllocation:
    """What a UE is given: scheduling requests and periodic channel reports."""

    sr: SchedulingRequest
    cqi: PeriodicCqi


@cache
def _index(kind: str, period: int) -> dict[int, int]:
    """Configuration index of each offset of a period."""
    lookup, indices = (sr_periodicity, _SR_INDICES) if kind == "sr" else (cqi_periodicity, _CQI_INDICES)
    found: dict[int, int] = {}
    for index in indices:
        entry = lookup(index)
        if entry.period == period:
            found[entry.offset] = index
    if not found:
        raise ValueError(f"a period of {period} ms is not one of {kind} configurations")
    return found


def _spread(n: int) -> list[int]:
    """0..n-1 in an order in which neighbours come late: they leak into each other."""
    return sorted(range(n), key=lambda i: (i % 2, i % 4, i))


class UciResources:
    """Allots resources of PUCCH formats 1 (requests) and 2 (reports).

    Args:
        cell: the cell.
        ul: its uplink.
        sr_period: ms between opportunities to request.
        cqi_period: ms between reports.
        dsr_trans_max: dsr-TransMax.
        simultaneous_ack_nack: HARQ-ACK may go with a report.

    Raises:
        ValueError: a period that the standard does not have.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        *,
        sr_period: int = 20,
        cqi_period: int = 40,
        dsr_trans_max: int = 64,
        simultaneous_ack_nack: bool = True,
    ) -> None:
        del cell
        n_1, n_2 = pucch.n_resources(ul)
        self._dsr_trans_max, self._simultaneous = dsr_trans_max, simultaneous_ack_nack
        self._sr_index, self._cqi_index = _index("sr", sr_period), _index("cqi", cqi_period)
        self._sr_resources = _spread(min(n_1, ul.pucch.n1_pucch_an))
        self._cqi_resources = _spread(min(n_2, _CYCLIC_SHIFTS * ul.pucch.n_rb_2))
        self._sr_taken: dict[int, dict[int, int]] = {offset: {} for offset in self._sr_index}
        self._cqi_taken: dict[int, dict[int, int]] = {offset: {} for offset in self._cqi_index}
        self._owners: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {}
        self.sr_period, self.cqi_period = sr_period, cqi_period

    @property
    def rntis(self) -> tuple[int, ...]:
        """UEs with resources."""
        return tuple(self._owners)

    @property
    def capacity(self) -> int:
        """UEs for which there are resources."""
        return min(
            len(self._sr_resources) * len(self._sr_taken),
            len(self._cqi_resources) * len(self._cqi_taken),
        )

    def allocate(self, rnti: int) -> UciAllocation:
        """Resources for a UE; the same ones where it has some already.

        Raises:
            ValueError: none are left.
        """
        if rnti not in self._owners:
            sr = self._pick("scheduling request", self._sr_taken, self._sr_resources, set())
            # a report in the subframe of a request would be dropped whenever there is one (TS 36.213 7.2)
            clash = {
                offset for offset in self._cqi_taken if (offset - sr[0]) % min(self.sr_period, self.cqi_period) == 0
            }
            cqi = self._pick("channel report", self._cqi_taken, self._cqi_resources, clash)
            self._sr_taken[sr[0]][sr[1]] = rnti
            self._cqi_taken[cqi[0]][cqi[1]] = rnti
            self._owners[rnti] = (sr, cqi)
        (sr_offset, n1), (cqi_offset, n2) = self._owners[rnti]
        return UciAllocation(
            SchedulingRequest(n1, self._sr_index[sr_offset], self._dsr_trans_max),
            PeriodicCqi(n2, self._cqi_index[cqi_offset], simultaneous_ack_nack=self._simultaneous),
        )

    def release(self, rnti: int) -> None:
        """Take a UE's resources back, if it has any."""
        owned = self._owners.pop(rnti, None)
        if owned is not None:
            (sr_offset, n1), (cqi_offset, n2) = owned
            del self._sr_taken[sr_offset][n1]
            del self._cqi_taken[cqi_offset][n2]

    @staticmethod
    def _pick(what: str, taken: dict[int, dict[int, int]], resources: list[int], avoid: set[int]) -> tuple[int, int]:
        """``(offset, resource)`` in the subframe that has most left, one of those to avoid last."""
        free = [offset for offset in taken if len(taken[offset]) < len(resources)]
        if not free:
            raise ValueError(
                f"no PUCCH resource is left for another {what}: all {len(resources)} x {len(taken)} are taken"
            )
        offset = min(free, key=lambda offset: (offset in avoid, len(taken[offset]), offset))
        return offset, next(resource for resource in resources if resource not in taken[offset])


class UciSchedule:
    """Which UEs may send a request or a report in a subframe, found without looking at every UE."""

    def __init__(self) -> None:
        self._turns: dict[int, dict[int, dict[int, None]]] = {}
        self._of: dict[int, list[Periodicity]] = {}

    @property
    def rntis(self) -> tuple[int, ...]:
        """UEs in the schedule."""
        return tuple(self._of)

    def set(self, rnti: int, config: DedicatedConfig) -> None:
        """Put a UE's configuration in the place of its last one. Reserved indices mean that nothing is due."""
        self.remove(rnti)
        turns: list[Periodicity] = []
        try:
            if config.sr is not None:
                turns.append(sr_periodicity(config.sr.config_index))
            if config.cqi is not None:
                turns.append(cqi_periodicity(config.cqi.config_index))
                if config.cqi.ri_config_index is not None:
                    turns.append(Periodicity(1, 0))
        except ValueError:
            pass
        if turns:
            self._of[rnti] = turns
        for turn in turns:
            self._turns.setdefault(turn.period, {}).setdefault(turn.offset % turn.period, {})[rnti] = None

    def remove(self, rnti: int) -> None:
        """Forget a UE."""
        for turn in self._of.pop(rnti, ()):
            offsets = self._turns.get(turn.period, {})
            holders = offsets.get(turn.offset % turn.period, {})
            holders.pop(rnti, None)
            if not holders:
                offsets.pop(turn.offset % turn.period, None)
            if not offsets:
                self._turns.pop(turn.period, None)

    def due(self, now: int) -> Iterable[int]:
        """UEs whose turn it may be; all periods divide 10240, so that an absolute subframe number does."""
        found: dict[int, None] = {}
        for period, offsets in self._turns.items():
            found.update(offsets.get(now % period, ()))
        return found
