"""One radio bearer: PDCP over RLC, which the MAC sees as a logical channel and the layers above as a pipe for SDUs."""

from collections import deque
from dataclasses import dataclass

from picocell.rlc_pdcp import pdcp, rlc

RlcEntity = rlc.AmEntity | rlc.UmEntity | rlc.TmEntity
PdcpEntity = pdcp.SrbEntity | pdcp.UmEntity | pdcp.AmEntity

_NOTHING = rlc.BufferStatus(0)


@dataclass(frozen=True, slots=True)
class SduReceived:
    """An SDU for the layers above: an RRC message or a user's packet."""

    sdu: bytes


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
    """

    def __init__(self, rlc_entity: RlcEntity, pdcp_entity: PdcpEntity | None = None) -> None:
        self.rlc = rlc_entity
        self.pdcp = pdcp_entity
        self.suspended = False
        self._events: deque[Event] = deque()

    # the layers above

    def write_sdu(self, sdu: bytes, now: int) -> None:
        """Take an SDU to transmit.

        Raises:
            ValueError: one that is empty or too long.
        """
        if self.pdcp is None:
            self.rlc.write_sdu(sdu, now)
        else:
            self.pdcp.write_sdu(sdu, now)

    def next_event(self) -> Event | None:
        """The oldest event that has not been fetched."""
        return self._events.popleft() if self._events else None

    # the MAC below

    def buffer_status(self, now: int) -> rlc.BufferStatus:
        """Data available for transmission of both layers (TS 36.321 5.4.5, TS 36.322 4.5, TS 36.323 4.5)."""
        if self.suspended:
            return _NOTHING
        status = self.rlc.buffer_status(now)
        if self.pdcp is None or not (waiting := self.pdcp.data_volume()):
            return status
        return rlc.BufferStatus(status.n_bytes + waiting, status.n_status_bytes, status.n_retx_bytes)

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next RLC PDU, at most ``grant_bytes`` long; empty where nothing waits or fits."""
        if self.suspended:
            return b""
        self._fill(grant_bytes, now)
        return self.rlc.build_pdu(grant_bytes, now)

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """Take an RLC PDU from the MAC."""
        self.rlc.receive_pdu(pdu, now)
        self._drain_rlc(now)

    # time

    def next_timer(self) -> int | None:
        """When `handle_timers` has something to do, in ms; None for never."""
        times = [self.rlc.next_timer(), self.pdcp.next_timer() if self.pdcp is not None else None]
        return min((time for time in times if time is not None), default=None)

    def handle_timers(self, now: int) -> None:
        """Expiry of the timers of both layers."""
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
        while waiting < grant_bytes:
            pdu = self.pdcp.next_pdu()
            if pdu is None:
                break
            self.rlc.write_sdu(pdu[0], now, pdu[1])
            waiting += len(pdu[0])
        self._drain_pdcp()

    def _drain_rlc(self, now: int, *, reestablishment: bool = False) -> None:
        entity = self.pdcp
        while (event := self.rlc.next_event()) is not None:
            match event:
                case rlc.SduReceived(sdu):
                    if entity is None:
                        self._events.append(SduReceived(sdu))
                    elif not reestablishment:
                        entity.receive_pdu(sdu, now)
                    elif isinstance(entity, pdcp.AmEntity):
                        entity.receive_pdu(sdu, now, reestablishment=True)
                    elif isinstance(entity, pdcp.UmEntity):
                        entity.receive_pdu(sdu, now)
                case rlc.SduDelivered(sdu_id):
                    if entity is not None:
                        entity.delivered(sdu_id)
                case rlc.MaxRetxReached():
                    self._events.append(MaxRetxReached())
        self._drain_pdcp()

    def _drain_pdcp(self) -> None:
        if self.pdcp is None:
            return
        while (event := self.pdcp.next_event()) is not None:
            match event:
                case pdcp.SduReceived(sdu):
                    self._events.append(SduReceived(sdu))
                case pdcp.IntegrityFailure(count):
                    self._events.append(IntegrityFailure(count))
                case pdcp.CountWrap(_, count):
                    self._events.append(CountExhausted(count))
                case pdcp.DiscardSdu(sdu_id):
                    self.rlc.discard_sdu(sdu_id)
