"""Resource blocks of one downlink subframe: who has which, and how a DCI tells it (TS 36.213 7.1.6)."""

from dataclasses import dataclass
from functools import cache, lru_cache

from picocell.phy.lte import pdsch
from picocell.phy.lte.allocation import n_rbg, rbg
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1, Dci1A, riv_encode


@cache
def re_per_prb(cell: Cell, subframe: int, cfi: int) -> tuple[int, ...]:
    """Resource elements of the PDSCH in each resource block (TS 36.211 6.3.5)."""
    return tuple(pdsch.n_re(cell, subframe, ((prb,), (prb,)), cfi) for prb in range(cell.n_prb))


@lru_cache(maxsize=4096)
def n_re(cell: Cell, subframe: int, cfi: int, mask: int) -> int:
    """Resource elements of the PDSCH in a set of resource blocks, one bit each."""
    table = re_per_prb(cell, subframe if subframe in (0, 5) else 9, cfi)
    return sum(table[prb] for prb in range(cell.n_prb) if mask >> prb & 1)


def mask_of(prbs: tuple[int, ...]) -> int:
    """A bit for each resource block."""
    return sum(1 << prb for prb in prbs)


def runs(free: int) -> list[tuple[int, int]]:
    """``(start, length)`` of the contiguous bits of a mask, ascending."""
    found = []
    start = 0
    while free:
        skip = (free & -free).bit_length() - 1
        free >>= skip
        start += skip
        length = (~free & (free + 1)).bit_length() - 1
        found.append((start, length))
        free >>= length
        start += length
    return found


@cache
def _groups(n_prb: int) -> tuple[tuple[int, int, int], ...]:
    """``(bit in the type 0 bitmap, mask, size)`` of each resource block group."""
    count = n_rbg(n_prb)
    return tuple((1 << (count - 1 - g), mask_of(tuple(rbg(n_prb, g))), len(rbg(n_prb, g))) for g in range(count))


@dataclass(frozen=True, slots=True)
class DlBlocks:
    """Resource blocks of one PDSCH.

    Attributes:
        mask: a bit for each.
        n_prb: how many.
        riv: resource indication value of format 1A; None where they are not contiguous.
        bitmap: type 0 bitmap of format 1 where they are not.
    """

    mask: int
    n_prb: int
    riv: int | None
    bitmap: int = 0

    def dci(self, mcs: int, harq_process: int, ndi: int, rv: int, tpc: int) -> Dci1 | Dci1A:
        """The DCI for a C-RNTI: the compact format where it can tell the blocks."""
        if self.riv is not None:
            return _dci1a(self.riv, mcs, harq_process, ndi, rv, tpc)
        return Dci1(resource_block_assignment=self.bitmap, mcs=mcs, harq_process=harq_process, ndi=ndi, rv=rv, tpc=tpc)


@lru_cache(maxsize=8192)
def _dci1a(riv: int, mcs: int, harq_process: int, ndi: int, rv: int, tpc: int) -> Dci1A:
    return Dci1A(riv=riv, mcs=mcs, harq_process=harq_process, ndi=ndi, rv=rv, tpc=tpc)


@cache
def _contiguous(n_prb: int, start: int, length: int) -> DlBlocks:
    """Contiguous blocks of a bandwidth."""
    return DlBlocks(((1 << length) - 1) << start, length, riv_encode(n_prb, start, length))


class DlPrbs:
    """The free resource blocks of a subframe."""

    def __init__(self, n_prb: int) -> None:
        self._n_prb = n_prb
        self.free = (1 << n_prb) - 1

    @property
    def n_free(self) -> int:
        """How many are free."""
        return self.free.bit_count()

    def take(self, mask: int) -> bool:
        """Take some; False, and nothing taken, where one of them is not free."""
        if mask & ~self.free:
            return False
        self.free &= ~mask
        return True

    def give_back(self, mask: int) -> None:
        """Some are free again."""
        self.free |= mask

    def allocate(self, n_prb: int, exact: bool = False, contiguous: bool = False) -> DlBlocks | None:
        """Take resource blocks: contiguous ones if there are as many, else whole groups.

        Args:
            n_prb: how many.
            exact: so many or none; otherwise as many as there are, up to a group more than ``n_prb``.
            contiguous: format 1A only.

        Returns:
            None where there are none, or not exactly as many.
        """
        found = runs(self.free)
        if not found or n_prb < 1:
            return None
        fitting = [run for run in found if run[1] >= n_prb]
        if fitting:
            start, _ = min(fitting, key=lambda run: run[1])
            return self._contiguous(start, n_prb)
        start, length = max(found, key=lambda run: run[1])
        blocks = None if contiguous else self._grouped(n_prb, exact)
        if blocks is None or (not exact and blocks.n_prb < length):
            return None if exact else self._contiguous(start, length)
        self.free &= ~blocks.mask
        return blocks

    def _contiguous(self, start: int, length: int) -> DlBlocks:
        blocks = _contiguous(self._n_prb, start, length)
        self.free &= ~blocks.mask
        return blocks

    def _grouped(self, n_prb: int, exact: bool) -> DlBlocks | None:
        bitmap = mask = taken = 0
        for bit, blocks, size in _groups(self._n_prb):
            if blocks & ~self.free or (exact and taken + size > n_prb):
                continue
            bitmap, mask, taken = bitmap | bit, mask | blocks, taken + size
            if taken >= n_prb:
                break
        if not taken or (exact and taken != n_prb):
            return None
        return DlBlocks(mask, taken, None, bitmap)
