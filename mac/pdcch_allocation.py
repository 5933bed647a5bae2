"""Places of the DCIs of one subframe on the PDCCH, and how long that is (TS 36.213 9.1.1, TS 36.212 5.3.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from picocell.phy.lte.search_space import candidates


@dataclass(slots=True)
class Place:
    """Where a DCI stands.

    Attributes:
        rnti: whose DCI.
        levels: aggregation levels, the one preferred first.
        common: True for the common search space, False for the UE-specific one, None for either.
        first_cce: the first control channel element.
        level: how many.
        fixed: somebody else chose the place.
    """

    rnti: int
    levels: tuple[int, ...]
    common: bool | None
    first_cce: int = 0
    level: int = 0
    fixed: bool = False

    @property
    def mask(self) -> int:
        """A bit for each CCE."""
        return ((1 << self.level) - 1) << self.first_cce


@lru_cache(maxsize=16384)
def _masks(
    n_cce: int, rnti: int, subframe: int, common: bool | None, levels: tuple[int, ...]
) -> tuple[tuple[int, int, int], ...]:
    """``(mask, first CCE, level)`` of the candidates in the order of preference."""
    spaces = (False, True) if common is None else (common,)
    found = [
        (((1 << level) - 1) << first, first, level)
        for wanted in levels
        for space in spaces
        for first, level in candidates(n_cce, rnti, subframe, space)
        if level == wanted
    ]
    return tuple(dict.fromkeys(found))


class PdcchAllocation:
    """Allocates a subframe's control channel elements; the control region grows as it needs to.

    Args:
        subframe: 0..9.
        n_cces: ``(cfi, CCEs)`` that may be used, ascending.
    """

    def __init__(self, subframe: int, n_cces: Sequence[tuple[int, int]]) -> None:
        self._subframe = subframe
        self._n_cces = n_cces
        self._size = 0
        self._used = 0
        self.places: list[Place] = []

    @property
    def cfi(self) -> int:
        """Control format indicator so far."""
        return self._n_cces[self._size][0]

    @property
    def n_cce(self) -> int:
        """Control channel elements so far."""
        return self._n_cces[self._size][1]

    @property
    def largest_cfi(self) -> int:
        """Control format indicator at most."""
        return self._n_cces[-1][0]

    def reserve(self, rnti: int, first_cce: int, level: int) -> bool:
        """Take a place that somebody else chose, before any other; False where it is outside or taken."""
        place = Place(rnti, (level,), True, first_cce, level, True)
        while first_cce + level > self.n_cce:
            if self._size + 1 == len(self._n_cces):
                return False
            self._size += 1
        if self._used & place.mask:
            return False
        self._used |= place.mask
        self.places.append(place)
        return True

    def place(self, rnti: int, levels: tuple[int, ...], common: bool | None = None, grow: bool = True) -> Place | None:
        """Place a DCI.

        Args:
            rnti: whose.
            levels: aggregation levels, the one preferred first.
            common: search space; None for either.
            grow: the control region may grow, which may move the DCIs already placed.

        Returns:
            The place, whose CCE is final when no more DCI is placed with ``grow``; None where there is no room.
        """
        wanted = Place(rnti, levels, common)
        if self._fit(wanted, self.n_cce, self._used):
            self._used |= wanted.mask
            self.places.append(wanted)
            return wanted
        for size in range(self._size + 1, len(self._n_cces) if grow else 0):
            if self._repack(size, wanted):
                return wanted
        return None

    def release(self, place: Place) -> None:
        """Give a place back."""
        self.places.remove(place)
        self._used &= ~place.mask

    def _fit(self, place: Place, n_cce: int, used: int) -> bool:
        for mask, first, level in _masks(n_cce, place.rnti, self._subframe, place.common, place.levels):
            if not mask & used:
                place.first_cce, place.level = first, level
                return True
        return False

    def _repack(self, size: int, wanted: Place) -> bool:
        """Place everything anew in a larger control region; changes nothing where that does not succeed."""
        n_cce, used = self._n_cces[size][1], 0
        before = [(place.first_cce, place.level) for place in self.places]
        for place in [*self.places, wanted]:
            if not place.fixed and not self._fit(place, n_cce, used):
                for old, (first, level) in zip(self.places, before, strict=True):
                    old.first_cce, old.level = first, level
                return False
            used |= place.mask
        self._size, self._used = size, used
        self.places.append(wanted)
        return True
