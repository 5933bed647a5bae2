"""Tunnel endpoint identifiers of one node."""

import random
from typing import Final

_LAST: Final = 0xFFFFFFFF


class TeidAllocator:
    """Hands out TEIDs from 1 to 2^32 - 1, the one after the last each time, so that none comes back soon."""

    def __init__(self, rng: random.Random | None = None) -> None:
        """Start at a number from ``rng``, which others cannot guess, or at 1."""
        self._next = 1 if rng is None else rng.randrange(1, _LAST)
        self._used: set[int] = set()

    def allocate(self) -> int:
        """A TEID that is not in use."""
        while self._next in self._used:
            self._next = self._next % _LAST + 1
        teid = self._next
        self._used.add(teid)
        self._next = teid % _LAST + 1
        return teid

    def release(self, teid: int) -> None:
        """Give one back."""
        self._used.discard(teid)

    def __len__(self) -> int:
        return len(self._used)
