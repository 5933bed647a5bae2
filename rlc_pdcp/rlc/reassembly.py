"""From Data field elements in sequence to SDUs (TS 36.322 4.2.1.2.3, 4.2.1.3.3)."""

from collections import Counter
from collections.abc import Sequence

from picocell.rlc_pdcp.rlc.config import MAX_SDU_BYTES


class Reassembler:
    """Joins the elements of SDUs; what cannot be joined is counted in ``discarded``."""

    def __init__(self, discarded: Counter[str]) -> None:
        self._discarded = discarded
        self._parts: list[bytes] | None = None
        """An SDU's elements so far; None while none is begun, or its beginning was lost."""
        self._size = 0

    def add(self, begins: bool, elements: Sequence[bytes], ends: bool) -> Sequence[bytes]:
        """SDUs that the next Data field completes.

        Args:
            begins: the first element is the beginning of an SDU.
            elements: Data field elements; each but the last is the end of an SDU.
            ends: so is the last.
        """
        if begins and ends and self._parts is None:
            return elements
        if begins:
            self.lost()
            self._parts, self._size = [], 0
        sdus: list[bytes] = []
        last = len(elements) - 1
        for index, element in enumerate(elements):
            self._append(element)
            if index < last or ends:
                self._finish(sdus)
            if index < last:
                self._parts, self._size = [], 0
        return sdus

    def lost(self) -> None:
        """What comes next does not follow what came last."""
        if self._parts is not None:
            self._discarded["incomplete_sdu"] += 1
            self._parts = None

    def _append(self, element: bytes) -> None:
        if self._parts is None:
            return
        self._parts.append(element)
        self._size += len(element)
        if self._size > MAX_SDU_BYTES:
            self._discarded["long_sdu"] += 1
            self._parts = None

    def _finish(self, sdus: list[bytes]) -> None:
        if self._parts is None:
            self._discarded["incomplete_sdu"] += 1
        else:
            sdus.append(b"".join(self._parts))
            self._parts = None
