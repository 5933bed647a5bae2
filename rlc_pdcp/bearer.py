"""One radio bearer: PDCP over RLC, which the MAC sees as a logical channel and the layers above as a pipe for SDUs."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from picocell.rlc_pdcp import pdcp, rlc

RlcEntity = rlc.AmEntity | rlc.UmEntity | rlc.TmEntity
PdcpEntity = pdcp.SrbEntity | pdcp.UmEntity | pdcp.AmEntity

_NOTHING: Final = rlc.BufferStatus(0)
_NEVER: Final = 1 << 62


SduReceived = pdcp.SduReceived
"""An SDU for the layers above, an RRC message or a user's packet: what PDCP says of it passes as it is."""


@dataclass(frozen=True, slots=True)
class IntegrityFailure:
    """PDCP discarded a PDU with a wrong MAC-I."""

    count: int


@dataclass(frozen=True, slots=True)
class MaxRetxReached:
    """RLC gave up: a radio link failure (TS 36.331 5.3.11.3)."""


@dataclass(frozen=True, slots=True)
class CountExhausted:
    """A COUNT of the bearer nears its end: new keys are needed, or the bearer's end (TS 33.401 7.2.9)."""

    count: int


Event = SduReceived | IntegrityFailure | MaxRetxReached | CountExhausted


class RadioBearer:
    """A bearer's path both ways.

    SDUs wait in PDCP until the MAC has room for them, so that what is discarded or re-established there is not in RLC
    yet; only as many PDUs as the next grant takes are handed down.

    Args:
        rlc_entity: its RLC entity.
        pdcp_entity: its PDCP entity; None for SRB0, whose messages pass as they are.

    Attributes:
        rlc: the RLC entity.
        pdcp: the PDCP entity.
        suspended: nothing is sent, and nothing asks for a grant (TS 36.331 5.3.7.2).
        events: what happened and was not fetched, oldest first.
    """

    def __init__(self, rlc_entity: RlcEntity, pdcp_entity: PdcpEntity | None = None) -> None:
        self.rlc = rlc_entity
        self.pdcp = pdcp_entity
        self.suspended = False
        self.events: deque[Event] = deque()
        # nearly every ms nothing has changed: until then the buffer status holds, and no timer is due
        self._quiet_until = 0
        self._status = _NOTHING

    # the layers above

    def write_sdu(self, sdu: bytes, now: int) -> None:
        """Take an SDU to transmit.

        Raises:
            ValueError: one that is empty or too long.
        """
        self._quiet_until = 0
        if self.pdcp is None:
            self.rlc.write_sdu(sdu, now)
        else:
            self.pdcp.write_sdu(sdu, now)

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self.events.popleft() if self.events else None

    # the MAC below

    def buffer_status(self, now: int) -> rlc.BufferStatus:
        """Data available for transmission of both layers (TS 36.321 5.4.5, TS 36.322 4.5, TS 36.323 4.5)."""
        if self.suspended:
            return _NOTHING
        if now < self._quiet_until:
            return self._status
        status = self.rlc.buffer_status(now)
        if self.pdcp is not None and (waiting := self.pdcp.data_volume()):
            status = rlc.BufferStatus(status.n_bytes + waiting, status.n_status_bytes, status.n_retx_bytes)
        due = self.next_timer()
        self._quiet_until = _NEVER if due is None else due
        self._status = status
        return status

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next RLC PDU, at most ``grant_bytes`` long; empty where nothing waits or fits."""
        if self.suspended or (now < self._quiet_until and not self._status.n_bytes):
            return b""
        self._quiet_until = 0
        self._fill(grant_bytes, now)
        return self.rlc.build_pdu(grant_bytes, now)

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take an RLC PDU from the MAC."""
        self._quiet_until = 0
        self.rlc.receive_pdu(pdu, now)
        self._drain_rlc(now)

    # time

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None for never."""
        first = self.rlc.next_timer()
        second = self.pdcp.next_timer() if self.pdcp is not None else None
        if first is None or second is None:
            return second if first is None else first
        return min(first, second)

    def handle_due_timers(self, now: int) -> None:
        """`handle_timers` where one is due; quick where none is."""
        if now >= self._quiet_until:
            due = self.next_timer()
            if due is not None and due <= now:
                self.handle_timers(now)

    def handle_timers(self, now: int) -> None:
        """Expiry of the timers of both layers."""
        self._quiet_until = 0
        self.rlc.handle_timers(now)
        if self.pdcp is not None:
            self.pdcp.handle_timers(now)
        self._drain_rlc(now)

    # security and re-establishment

    def reestablish(
        self, now: int, *, cipher: pdcp.CipherLike | None, integrity: pdcp.IntegrityLike | None = None
    ) -> None:
        """Re-establish RLC, then PDCP with its new keys (TS 36.331 5.3.7.5, TS 36.322 5.4, TS 36.323 5.2).

        An SRB discards what RLC still hands over; a DRB takes it, and sends again what was not confirmed.
        """
        self._quiet_until = 0
        self.rlc.reestablish(now)
        entity = self.pdcp
        self._drain_rlc(now, reestablishment=True)
        if isinstance(entity, pdcp.SrbEntity):
            entity.reestablish(now, cipher=cipher, integrity=integrity)
        elif entity is not None:
            entity.reestablish(now, cipher=cipher)
        self._drain_pdcp()

    # inside

    def _fill(self, grant_bytes: int, now: int) -> None:
        """Hand PDUs down until RLC has as much as the grant takes."""
        if self.pdcp is None:
            return
        waiting = self.rlc.buffer_status(now).n_bytes
        next_pdu, write_sdu = self.pdcp.next_pdu, self.rlc.write_sdu
        while waiting < grant_bytes:
            pdu = next_pdu()
            if pdu is None:
                break
            write_sdu(pdu[0], now, pdu[1])
            waiting += len(pdu[0])
        self._drain_pdcp()

    def _drain_rlc(self, now: int, *, reestablishment: bool = False) -> None:
        entity = self.pdcp
        next_event = self.rlc.next_event
        while (event := next_event()) is not None:
            if isinstance(event, rlc.SduReceived):
                if entity is None:
                    self.events.append(SduReceived(event.sdu))
                elif not reestablishment:
                    entity.receive_pdu(event.sdu, now)
                elif isinstance(entity, pdcp.AmEntity):
                    entity.receive_pdu(event.sdu, now, reestablishment=True)
                elif isinstance(entity, pdcp.UmEntity):
                    entity.receive_pdu(event.sdu, now)
            elif isinstance(event, rlc.SduDelivered):
                if entity is not None:
                    entity.delivered(event.sdu_id)
            else:
                self.events.append(MaxRetxReached())
        self._drain_pdcp()

    def _drain_pdcp(self) -> None:
        if self.pdcp is None:
            return
        while (event := self.pdcp.next_event()) is not None:
            match event:
                case pdcp.SduReceived():
                    self.events.append(event)
                case pdcp.IntegrityFailure(count):
                    self.events.append(IntegrityFailure(count))
                case pdcp.CountWrap(_, count):
                    self.events.append(CountExhausted(count))
                case pdcp.DiscardSdu(sdu_id):
                    self.rlc.discard_sdu(sdu_id)
