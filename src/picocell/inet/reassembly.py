"""What has come of a connection's data: in order for the reader, ahead of a gap for later."""


class Reassembly:
    """Received data.

    Args:
        size: bytes that may wait for the reader.

    Attributes:
        next: sequence number that is expected next.
    """

    def __init__(self, size: int) -> None:
        self.next = 0
        self._size = size
        self._ready = bytearray()
        self._ahead: dict[int, bytes] = {}
        self._fin: int | None = None

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def room(self) -> int:
        """Bytes of the receive window."""
        return self._size - len(self._ready)

    def read(self, n: int) -> bytes:
        """At most ``n`` bytes."""
        data = bytes(self._ready[:n])
        del self._ready[:n]
        return data

    def fin_at(self, end: int) -> None:
        """The peer's data ends before a sequence number."""
        self._fin = end

    def take_fin(self) -> bool:
        """Whether the peer's end is what is next; it is taken then."""
        if self._fin != self.next:
            return False
        self.next += 1
        self._fin = None
        return True

    def take(self, seq: int, data: bytes) -> bool:
        """Take a segment's data; whether it was in order and no gap was open (RFC 5681 4.2)."""
        if not data:
            return True
        if seq > self.next:
            self._ahead.setdefault(seq, data)
            return False
        in_order = not self._ahead
        self._deliver(seq, data)
        while (found := self._joining()) is not None:
            self._deliver(found, self._ahead.pop(found))
        return in_order

    def forget_gaps(self) -> None:
        """Nothing more comes: drop what was ahead of a gap."""
        self._ahead.clear()

    def _deliver(self, seq: int, data: bytes) -> None:
        fresh = data[self.next - seq :] if seq != self.next else data
        self._ready += fresh
        self.next += len(fresh)

    def _joining(self) -> int | None:
        """A piece that has come early and now joins; what is old is dropped."""
        if not self._ahead:
            return None
        for seq in [s for s, data in self._ahead.items() if s + len(data) <= self.next]:
            del self._ahead[seq]
        return next((seq for seq in self._ahead if seq <= self.next), None)
