"""Resource blocks of one uplink subframe: PUCCH and PRACH kept free, PUSCHs contiguous (TS 36.213 8.1, TS 36.211 5)."""

from bisect import bisect_right
from functools import cache
from typing import Final

from picocell.mac.dl_allocation import runs
from picocell.phy.lte import prach, pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.frame import SFN_MODULO
from picocell.phy.lte.pucch import PucchFormat
from picocell.phy.lte.scfdma import allowed_n_prb
from picocell.phy.lte.uplink_config import UplinkConfig

_CQI_PER_BLOCK: Final = 12
_PRACH_PERIOD: Final = 20


@cache
def _sizes() -> tuple[int, ...]:
    return tuple(sorted(allowed_n_prb()))


def largest_n_prb(limit: int) -> int:
    """Largest 2^a 3^b 5^c not above a limit; 0 where there is none (TS 36.211 5.3.3)."""
    at = bisect_right(_sizes(), limit)
    return _sizes()[at - 1] if at else 0


def smallest_n_prb(least: int) -> int:
    """Smallest 2^a 3^b 5^c not below a number."""
    return next(size for size in _sizes() if size >= least)


@cache
def sizes_upto(limit: int) -> tuple[int, ...]:
    """All 2^a 3^b 5^c up to a limit, ascending."""
    return _sizes()[: bisect_right(_sizes(), limit)]


class UplinkRegions:
    """Which resource blocks of an uplink are not for PUSCH.

    Args:
        cell: the cell.
        ul: its uplink.
        n_cce: control channel elements of its downlink subframes at most.

    Attributes:
        n1: mask of the resource blocks of each resource n_PUCCH^(1).
        n2: mask of those of each resource n_PUCCH^(2).
        pucch: all that PUCCHs may take.
    """

    def __init__(self, cell: Cell, ul: UplinkConfig, n_cce: int) -> None:
        n_1, n_2 = pucch.n_resources(ul)
        self.n1 = self._masks(cell, ul, PucchFormat.F1A, min(n_1, ul.pucch.n1_pucch_an + n_cce))
        self.n2 = self._masks(cell, ul, PucchFormat.F2, min(n_2, _CQI_PER_BLOCK * max(ul.pucch.n_rb_2, 1)))
        self.pucch = 0
        for mask in (*self.n1, *self.n2):
            self.pucch |= mask
        self._prach_mask = ((1 << prach.N_PRB) - 1) << prach.first_prb(ul)
        self._prach_subframes = prach.preamble_format(ul).subframes
        self._ul = ul
        # whether preambles may begin depends on the subframe and on whether the frame's number is odd
        begins = [prach.is_opportunity(ul, at // 10, at % 10) for at in range(_PRACH_PERIOD)]
        self._prach = [
            self._prach_mask if any(begins[at - i] for i in range(self._prach_subframes)) else 0
            for at in range(_PRACH_PERIOD)
        ]

    @staticmethod
    def _masks(cell: Cell, ul: UplinkConfig, fmt: PucchFormat, count: int) -> tuple[int, ...]:
        pairs = [pucch.resource_blocks(cell, ul, fmt, n) for n in range(count)]
        return tuple(1 << first | 1 << second for first, second in pairs)

    def is_prach(self, now: int) -> bool:
        """Whether preambles may begin in a subframe."""
        return prach.is_opportunity(self._ul, now // 10 % SFN_MODULO, now % 10)

    def prach(self, now: int) -> int:
        """Mask of the resource blocks in which a preamble may be under way in a subframe."""
        return self._prach[now % _PRACH_PERIOD]

    @property
    def prach_subframes(self) -> int:
        """Subframes that a preamble lasts."""
        return self._prach_subframes


class UlPrbs:
    """The free resource blocks of an uplink subframe.

    Args:
        n_prb: uplink bandwidth.
        taken: mask of those that are not for PUSCH.
        edge: mask of those that a PUCCH may need when the block is sent again, so that they are taken last.
    """

    def __init__(self, n_prb: int, taken: int = 0, edge: int = 0) -> None:
        self.free = ((1 << n_prb) - 1) & ~taken
        self._edge = edge

    def take(self, start: int, n_prb: int) -> bool:
        """Take some; False, and nothing taken, where one of them is not free."""
        mask = ((1 << n_prb) - 1) << start
        if mask & ~self.free:
            return False
        self.free &= ~mask
        return True

    @property
    def n_free(self) -> int:
        """How many are free."""
        return self.free.bit_count()

    def find(self, n_prb: int, exact: bool = False) -> tuple[int, int] | None:
        """``(start, size)`` of a PUSCH of at most so many blocks, in the smallest gap that holds it; takes nothing.

        Args:
            n_prb: how many at most.
            exact: so many or none.
        """
        found = runs(self.free)
        if not found or n_prb < 1:
            return None
        fitting = [run for run in runs(self.free & ~self._edge) if run[1] >= n_prb]
        fitting = fitting or [run for run in found if run[1] >= n_prb]
        if fitting:
            start, _ = min(fitting, key=lambda run: run[1])
            return start, largest_n_prb(n_prb)
        if exact:
            return None
        start, length = max(found, key=lambda run: run[1])
        return start, largest_n_prb(length)
