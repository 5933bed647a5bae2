"""Packets that wait at the SGW for an idle phone (TS 23.401 5.3.4.3)."""

from collections import deque
from collections.abc import Callable, Hashable


class DownlinkBuffer:
    """Packets of one phone in the order of their arrival, bounded in number and bytes; what is too much is dropped."""

    def __init__(self, max_packets: int = 256, max_bytes: int = 512 * 1024) -> None:
        """Start empty.

        Raises:
            ValueError: a bound below 1.
        """
        if max_packets < 1 or max_bytes < 1:
            raise ValueError(f"{max_packets} packets, {max_bytes} bytes; allowed are 1 and more")
        self._max_packets, self._max_bytes = max_packets, max_bytes
        self._packets: deque[tuple[Hashable, bytes]] = deque()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, bearer: Hashable, packet: bytes) -> bool:
        """Keep a packet; False where there is no room for it."""
        if len(self._packets) >= self._max_packets or self.n_bytes + len(packet) > self._max_bytes:
            return False
        self._packets.append((bearer, packet))
        self.n_bytes += len(packet)
        return True

    def take(self, wanted: Callable[[Hashable], bool]) -> list[tuple[Hashable, bytes]]:
        """Remove and return the packets of the wanted bearers, in their order."""
        out = [pair for pair in self._packets if wanted(pair[0])]
        if out:
            self._packets = deque(pair for pair in self._packets if not wanted(pair[0]))
            self.n_bytes = sum(len(packet) for _, packet in self._packets)
        return out

    def clear(self) -> int:
        """Drop all; returns how many there were."""
        dropped = len(self._packets)
        self._packets.clear()
        self.n_bytes = 0
        return dropped
