"""Transparent mode: SDUs pass as they are (TS 36.322 5.1.1)."""

from collections import Counter, deque

from picocell.rlc_pdcp.rlc.events import BufferStatus, Event, SduReceived


class TmEntity:
    """Both sides of a TM entity.

    Attributes:
        discarded: PDUs that were ignored, by reason.
    """

    def __init__(self) -> None:
        self.discarded: Counter[str] = Counter()
        self._queue: deque[tuple[int | None, bytes]] = deque()
        self._events: deque[Event] = deque()

    def write_sdu(self, sdu: bytes, now: int, sdu_id: int | None = None) -> None:  # noqa: ARG002
        """Queue an SDU.

        Raises:
            ValueError: an empty SDU.
        """
        if not sdu:
            raise ValueError("an SDU has at least one byte")
        self._queue.append((sdu_id, bytes(sdu)))

    def buffer_status(self, now: int) -> BufferStatus:  # noqa: ARG002
        """Bytes that wait."""
        return BufferStatus(sum(len(sdu) for _, sdu in self._queue))

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:  # noqa: ARG002
        """The next SDU if it fits whole; it is never segmented."""
        if not self._queue or len(self._queue[0][1]) > grant_bytes:
            return b""
        return self._queue.popleft()[1]

    def discard_sdu(self, sdu_id: int) -> bool:
        """Drop an SDU that waits; whether there was one."""
        for entry in self._queue:
            if entry[0] == sdu_id:
                self._queue.remove(entry)
                return True
        return False

    def receive_pdu(self, pdu: bytes, now: int) -> None:  # noqa: ARG002
        """Pass a PDU upward."""
        if pdu:
            self._events.append(SduReceived(bytes(pdu)))
        else:
            self.discarded["short"] += 1

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """There is no timer."""
        return None

    def handle_timers(self, now: int) -> None:
        """There is no timer."""

    def reestablish(self, now: int) -> None:  # noqa: ARG002
        """Discard all SDUs (5.4)."""
        self._queue.clear()
