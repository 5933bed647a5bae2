"""SDUs that wait for transmission: segmentation and concatenation into Data fields (TS 36.322 4.2.1, 5.3)."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from picocell.rlc_pdcp.rlc.config import MAX_SDU_BYTES
from picocell.rlc_pdcp.rlc.pdu import MAX_LI, li_bytes


@dataclass(slots=True, eq=False)
class TxSdu:
    """An SDU on its way.

    Attributes:
        data: its bytes.
        sdu_id: the upper layer's name for it, or None.
        mapped: bytes that have been mapped to RLC data PDUs.
        unacked: AMD PDUs that carry some of it and have not been acknowledged; acknowledged mode only.
        discarded: to be passed over.
    """

    data: bytes
    sdu_id: int | None
    mapped: int = 0
    unacked: int = 0
    discarded: bool = False


class DataField(NamedTuple):
    """Content of a Data field: FI, elements, and the SDUs that they are from."""

    begins: bool
    ends: bool
    elements: list[bytes]
    sdus: list[TxSdu]


class TransmissionBuffer:
    """The queue of SDUs of a transmitting UM or AM entity.

    Attributes:
        n_bytes: bytes that have not been mapped to a PDU.
    """

    def __init__(self) -> None:
        self.n_bytes = 0
        self._n_sdus = 0
        self._queue: deque[TxSdu] = deque()
        self._by_id: dict[int, TxSdu] = {}

    def write(self, sdu: bytes, sdu_id: int | None) -> None:
        """Append an SDU.

        Raises:
            ValueError: no bytes or too many, or a name that is in use.
        """
        if not 0 < len(sdu) <= MAX_SDU_BYTES:
            raise ValueError(f"an SDU has 1 to {MAX_SDU_BYTES} bytes, not {len(sdu)}")
        entry = TxSdu(bytes(sdu), sdu_id)
        if sdu_id is not None:
            if sdu_id in self._by_id:
                raise ValueError(f"sdu_id {sdu_id} is of another SDU that waits")
            self._by_id[sdu_id] = entry
        self._queue.append(entry)
        self.n_bytes += len(sdu)
        self._n_sdus += 1

    def discard(self, sdu_id: int) -> bool:
        """Drop an SDU of which nothing has been mapped (5.3); whether it was dropped."""
        entry = self._by_id.get(sdu_id)
        if entry is None or entry.mapped:
            return False
        del self._by_id[sdu_id]
        self.n_bytes -= len(entry.data)
        self._n_sdus -= 1
        entry.discarded, entry.data = True, b""
        self._drop_discarded()
        return True

    def estimate(self, header: int) -> int:
        """Bytes of one PDU that takes everything, with a fixed header of ``header`` bytes; 0 when empty."""
        n = self._n_sdus
        return header + (li_bytes(n) if n > 1 else 0) + self.n_bytes if n else 0

    def take(self, space: int) -> DataField | None:
        """Map as much as fits into ``space`` bytes of length indicators and data; None where nothing does."""
        if space <= 0 or not self._n_sdus:
            return None
        queue = self._queue
        begins, ends = not queue[0].mapped, True
        elements: list[bytes] = []
        sdus: list[TxSdu] = []
        taken = 0
        while queue:
            room = space - taken - (li_bytes(len(elements) + 1) if elements else 0)
            if room <= 0:
                break
            sdu = queue[0]
            data, start = sdu.data, sdu.mapped
            size = len(data)
            end = start + room
            sdus.append(sdu)
            if end < size:
                elements.append(data[start:end])
                sdu.mapped = end
                taken += room
                ends = False
                break
            elements.append(data[start:] if start else data)
            sdu.mapped = size
            taken += size - start
            self._pop()
            if size - start > MAX_LI:
                break
        self.n_bytes -= taken
        return DataField(begins, ends, elements, sdus)

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()
        self._by_id.clear()
        self.n_bytes = self._n_sdus = 0

    def _pop(self) -> None:
        sdu = self._queue.popleft()
        self._n_sdus -= 1
        if sdu.sdu_id is not None:
            del self._by_id[sdu.sdu_id]
        self._drop_discarded()

    def _drop_discarded(self) -> None:
        """The head of the queue is never a discarded SDU."""
        while self._queue and self._queue[0].discarded:
            self._queue.popleft()
