"""Random access at the eNB: preambles heard, and their responses (TS 36.321 5.1, TS 36.213 6.1.1)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from picocell.mac import rar
from picocell.mac.enb_state import EnbState
from picocell.phy.lte import timing_advance
from picocell.phy.lte.dci_sizes import riv_encode
from picocell.phy.lte.prach_detect import DetectedPreamble

_log = logging.getLogger(__name__)

WINDOW_START: Final = 3
"""Subframes from the end of a preamble to the start of the response window (TS 36.321 5.1.4)."""

MSG3_DELAY: Final = 6
"""Subframes from a response to message 3 (TS 36.213 6.1.1)."""

FIRST_RNTI: Final = 0x46
LAST_RNTI: Final = 0xFFF3
_ORDER_LIFETIME: Final = 200
_N_PREAMBLES: Final = 64
_MOST_RESPONSES: Final = 8
_TPC_0_DB: Final = 3


@dataclass(frozen=True, slots=True)
class Pending:
    """A preamble that waits for its response.

    Attributes:
        preamble: its number.
        t_a: timing advance command.
        heard_at: subframe in which it began.
        ra_rnti: RNTI of the response.
        start, end: first and last subframe of the response window.
        rnti: the UE that was ordered to send it; None where anybody might have.
    """

    preamble: int
    t_a: int
    heard_at: int
    ra_rnti: int
    start: int
    end: int
    rnti: int | None


@dataclass(frozen=True, slots=True)
class Response:
    """A response that goes out, and where its message 3 comes.

    Attributes:
        pending: what it answers.
        rnti: temporary C-RNTI, or the UE's own where it was ordered.
        grant: of message 3.
        subframe: of message 3.
    """

    pending: Pending
    rnti: int
    grant: rar.RarGrant
    subframe: int


class EnbRandomAccess:
    """Preambles and their responses.

    Args:
        state: the MAC's state.
    """

    def __init__(self, state: EnbState) -> None:
        self._state = state
        self._next_rnti = FIRST_RNTI
        self.pending: list[Pending] = []
        self.ordered: dict[int, tuple[int, int]] = {}

    def order(self, rnti: int, now: int) -> int:
        """Preamble for a UE that is ordered to send one: one of its own, or 0 for one of its choice."""
        for preamble in [p for p, (_, until) in self.ordered.items() if until < now]:
            del self.ordered[preamble]
        for preamble in range(self._state.rach.n_preambles, _N_PREAMBLES):
            if preamble not in self.ordered:
                self.ordered[preamble] = (rnti, now + _ORDER_LIFETIME)
                return preamble
        return 0

    def forget(self, rnti: int) -> None:
        """A UE is gone."""
        self.ordered = {p: entry for p, entry in self.ordered.items() if entry[0] != rnti}
        self.pending = [p for p in self.pending if p.rnti != rnti]

    def heard(self, preambles: Sequence[DetectedPreamble], subframe: int) -> None:
        """Preambles that began in a subframe."""
        start = subframe + self._state.regions.prach_subframes - 1 + WINDOW_START
        end = start + self._state.rach.response_window - 1
        for found in preambles:
            owner = self.ordered.pop(found.preamble, None)
            if owner is None and found.preamble >= self._state.rach.n_preambles:
                self._state.count("preamble that is nobody's")
                _log.warning("preamble %d is neither for contention nor ordered; ignored", found.preamble)
                continue
            t_a = timing_advance.rar_command(found.timing_advance_s)
            ra_rnti = rar.ra_rnti(subframe % 10)
            rnti = owner[0] if owner is not None else None
            self.pending.append(Pending(found.preamble, t_a, subframe, ra_rnti, start, end, rnti))

    def expire(self, now: int) -> None:
        """Drop preambles whose window is over."""
        if self.pending and any(p.end < now for p in self.pending):
            for late in (p for p in self.pending if p.end < now):
                self._state.count("preamble without a response")
                _log.warning("no response to preamble %d of subframe %d in time", late.preamble, late.heard_at)
            self.pending = [p for p in self.pending if p.end >= now]

    def due(self, now: int) -> list[list[Pending]]:
        """Preambles to answer, by RA-RNTI and opportunity, those whose window ends first before others."""
        groups: dict[int, list[Pending]] = {}
        for pending in self.pending:
            if pending.start <= now:
                groups.setdefault(pending.heard_at, []).append(pending)
        return [groups[heard_at][:_MOST_RESPONSES] for heard_at in sorted(groups)]

    def respond(
        self, group: Sequence[Pending], now: int, reserve: Callable[[int, int], int | None]
    ) -> tuple[list[Response], list[Pending]]:
        """Responses to preambles of one opportunity.

        Args:
            group: the preambles.
            now: subframe of the response.
            reserve: takes so many resource blocks of an uplink subframe for message 3 and gives the first one, or None.

        Returns:
            Responses, and preambles that cannot be served at all: there is no RNTI for them.
        """
        made: list[Response] = []
        refused: list[Pending] = []
        for pending in group:
            rnti = pending.rnti if pending.rnti is not None else self._new_rnti({r.rnti for r in made})
            if rnti is None:
                refused.append(pending)
                continue
            response = self._response(pending, rnti, now, reserve)
            if response is None:
                break
            made.append(response)
        return made, refused

    def answered(self, done: Sequence[Pending]) -> None:
        """Responses have gone out."""
        self.pending = [p for p in self.pending if p not in done]

    def _response(
        self, pending: Pending, rnti: int, now: int, reserve: Callable[[int, int], int | None]
    ) -> Response | None:
        settings, ul = self._state.settings, self._state.ul
        for later in (False, True):
            subframe = now + MSG3_DELAY + later
            start = reserve(subframe, settings.msg3_n_prb)
            if start is not None:
                mcs = settings.msg3_group_b_mcs if self._in_group_b(pending.preamble) else settings.msg3_mcs
                riv = riv_encode(ul.n_prb, start, settings.msg3_n_prb)
                return Response(pending, rnti, rar.RarGrant(False, riv, mcs, _TPC_0_DB, later), subframe)
        return None

    def _in_group_b(self, preamble: int) -> bool:
        group_a = self._state.rach.group_a
        return group_a is not None and group_a.n_preambles <= preamble < self._state.rach.n_preambles

    def _new_rnti(self, also_taken: set[int]) -> int | None:
        if len(self._state.ues) + len(also_taken) >= self._state.settings.max_ues:
            return None
        while self._next_rnti in self._state.ues or self._next_rnti in also_taken:
            self._advance()
        rnti = self._next_rnti
        self._advance()
        return rnti

    def _advance(self) -> None:
        self._next_rnti = FIRST_RNTI if self._next_rnti >= LAST_RNTI else self._next_rnti + 1


def payload(responses: Sequence[Response], backoff: int | None, size: int) -> bytes:
    """The response PDU, padded to a size in bytes."""
    answers = tuple(rar.RandomAccessResponse(r.pending.preamble, r.pending.t_a, r.grant, r.rnti) for r in responses)
    pdu = rar.build(rar.RarPdu(answers, backoff))
    return pdu.ljust(size, b"\0")


def packed_size(n_responses: int, backoff: bool) -> int:
    """Bytes of a response PDU."""
    return n_responses * (1 + rar.RESPONSE_BYTES) + backoff
