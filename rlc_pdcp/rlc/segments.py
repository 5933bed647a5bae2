"""An AMD PDU that is received in segments (TS 36.322 5.1.3.2.2)."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from picocell.rlc_pdcp.rlc.pdu import MAX_SO, AmdPdu

Run = tuple[bool, list[bytes], bool]
"""Consecutive bytes of a Data field: whether an SDU begins with them, elements, whether an SDU ends with them."""


class SegmentedPdu:
    """The bytes of one AMD PDU's Data field that have been received so far."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, bytes]] = []
        """Bytes by their offset: ascending, disjoint."""
        self._borders: set[int] = set()
        """Offsets at which an SDU begins or ends."""
        self._size: int | None = None
        """Size of the Data field, once its end has been received."""
        self._taken = 0
        """Bytes at the beginning that have gone to reassembly."""

    def is_complete(self) -> bool:
        """Whether no byte is missing."""
        return self._size is not None and next(self.missing(), None) is None

    def add(self, pdu: AmdPdu) -> str:
        """Add an AMD PDU or a segment; else why it is refused: nothing new in it, or it contradicts what is known."""
        bounds = list(accumulate(map(len, pdu.elements), initial=pdu.offset))
        start, end = bounds[0], bounds[-1]
        if self._contradicts(end, pdu.last):
            return "segment_conflict"
        data = b"".join(pdu.elements)
        new = [(a, data[a - start : b - start]) for a, b in self._gaps(start, end)]
        if not new and (self._size is not None or not pdu.last):
            return "duplicate"
        self._pieces = sorted(self._pieces + new)
        self._borders.update(bounds[1:-1])
        if pdu.begins:
            self._borders.add(start)
        if pdu.ends:
            self._borders.add(end)
        if pdu.last:
            self._size = end
        return ""

    def missing(self) -> Iterator[tuple[int, int]]:
        """SOstart and SOend of each stretch of missing bytes (6.2.2.17, 6.2.2.18)."""
        position = 0
        for offset, data in self._pieces:
            if offset > position:
                yield position, offset - 1
            position = offset + len(data)
        if self._size is None:
            yield position, MAX_SO

    def take(self) -> Run | None:
        """The bytes that follow in sequence those taken before; None while they are missing."""
        for start, data in self._runs():
            return self._cut(start, data) if start == self._taken else None
        return None

    def take_rest(self) -> Iterator[Run]:
        """All that has not been taken; something is missing in front of each run but one that follows in sequence."""
        for start, data in self._runs():
            yield self._cut(start, data)

    def _contradicts(self, end: int, last: bool) -> bool:
        """Whether a segment's end disagrees with the size of the Data field, later bytes, or the range of SO."""
        if not last and end > MAX_SO:
            return True
        if self._size is not None:
            return end != self._size if last else end > self._size
        return last and bool(self._pieces) and end < self._pieces[-1][0] + len(self._pieces[-1][1])

    def _gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What has not been received of the bytes from ``start`` to before ``end``."""
        for offset, data in self._pieces:
            if offset >= end:
                break
            if offset > start:
                yield start, offset
            start = max(start, offset + len(data))
        if start < end:
            yield start, end

    def _runs(self) -> Iterator[tuple[int, bytes]]:
        """Offset and bytes of the stretches without gaps behind those taken."""
        run: list[bytes] = []
        start = position = self._taken
        for offset, data in self._pieces:
            if offset < self._taken:
                continue
            if offset != position and run:
                yield start, b"".join(run)
                run = []
            if not run:
                start = offset
            run.append(data)
            position = offset + len(data)
        if run:
            yield start, b"".join(run)

    def _cut(self, start: int, data: bytes) -> Run:
        end = start + len(data)
        self._taken = end
        places = sorted({start, end} | {border for border in self._borders if start < border < end})
        elements = [data[a - start : b - start] for a, b in pairwise(places)]
        return start in self._borders, elements, end in self._borders
