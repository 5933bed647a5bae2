"""Random access of a UE (TS 36.321 5.1)."""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from picocell.mac import rar
from picocell.mac.common_config import RachConfig
from picocell.mac.rar import RandomAccessResponse, RarPdu
from picocell.mac.ue_events import RandomAccessCause, RandomAccessProblem
from picocell.phy.lte import prach
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.uplink_config import UplinkConfig

PROCESSING: Final = 4
"""Subframes from the wish for a preamble to the first opportunity (TS 36.213 6.1.1: n + 4 after a lost response)."""

ORDER_PROCESSING: Final = 6
"""Subframes from a PDCCH order to the first opportunity (TS 36.213 6.1.1)."""

WINDOW_DELAY: Final = 3
"""Subframes from the end of the preamble to the response window (TS 36.321 5.1.4)."""

_EVEN_MASK: Final = 11
_ODD_MASK: Final = 12

_log = logging.getLogger(__name__)


class RaState(StrEnum):
    """Where the procedure stands."""

    IDLE = "idle"
    PREAMBLE = "waits to send a preamble"
    RESPONSE = "waits for a response"
    MESSAGE_3 = "waits to send message 3"
    CONTENTION = "waits for contention resolution"


class RaInput(StrEnum):
    """What moves the procedure on."""

    START = "start"
    PREAMBLE_SENT = "preamble sent"
    NO_RESPONSE = "no response"
    RESPONSE = "response"
    MESSAGE_3_SENT = "message 3 sent"
    LOST = "contention lost"
    COMPLETE = "complete"
    STOP = "stop"


TRANSITIONS: Final[Mapping[tuple[RaState, RaInput], RaState]] = MappingProxyType(
    {
        (RaState.IDLE, RaInput.START): RaState.PREAMBLE,
        (RaState.PREAMBLE, RaInput.PREAMBLE_SENT): RaState.RESPONSE,
        (RaState.RESPONSE, RaInput.NO_RESPONSE): RaState.PREAMBLE,
        (RaState.RESPONSE, RaInput.RESPONSE): RaState.MESSAGE_3,
        (RaState.RESPONSE, RaInput.COMPLETE): RaState.IDLE,
        (RaState.MESSAGE_3, RaInput.MESSAGE_3_SENT): RaState.CONTENTION,
        (RaState.MESSAGE_3, RaInput.LOST): RaState.PREAMBLE,
        (RaState.CONTENTION, RaInput.LOST): RaState.PREAMBLE,
        (RaState.CONTENTION, RaInput.COMPLETE): RaState.IDLE,
        **{(state, RaInput.STOP): RaState.IDLE for state in RaState},
    }
)
"""The procedure as a table; what it lacks changes nothing."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A preamble to send now.

    Attributes:
        preamble: 0..63.
        number: PREAMBLE_TRANSMISSION_COUNTER.
        subframes: that the preamble takes.
        format: preamble format.
    """

    preamble: int
    number: int
    subframes: int
    format: int


class RandomAccess:
    """The procedure: which preamble when, the response window, backoff, and the contention resolution timer.

    Args:
        ul: the cell's uplink.
        rach: its random access.
        rng: chooses preambles and backoff.

    Attributes:
        state: where the procedure stands.
        cause: why it runs.
        counter: PREAMBLE_TRANSMISSION_COUNTER.
        temporary_rnti: TC-RNTI; None without.
    """

    def __init__(self, ul: UplinkConfig, rach: RachConfig, rng: random.Random) -> None:
        self._ul, self._rach, self._rng = ul, rach, rng
        self._format = prach.preamble_format(ul)
        self._opportunities = [
            [subframe for subframe in range(10) if prach.is_opportunity(ul, sfn, subframe)] for sfn in range(2)
        ]
        self.state = RaState.IDLE
        self.cause = RandomAccessCause.CCCH
        self.counter = 0
        self.temporary_rnti: int | None = None
        self._explicit: int | None = None
        self._mask = 0
        self._group_b = False
        self._had_message_3 = False
        self._backoff_ms = 0
        self._earliest = 0
        self._preamble = 0
        self._ra_rnti = 0
        self._window = range(0)
        self._message_3_at = 0
        self._timer_from = 0

    @property
    def active(self) -> bool:
        """Whether the procedure runs."""
        return self.state is not RaState.IDLE

    @property
    def explicit(self) -> bool:
        """Whether the network chose the preamble, so that there is no contention."""
        return self._explicit is not None

    @property
    def ramp_up_db(self) -> float:
        """Power ramp-up from the first preamble to the last one."""
        return float(max(self.counter - 1, 0) * self._rach.power_ramping_step_db)

    def start(self, cause: RandomAccessCause, earliest: int, *, preamble: int | None = None, mask: int = 0) -> bool:
        """Begin (5.1.1); False where the procedure runs already.

        Args:
            cause: why.
            earliest: first subframe that may carry the preamble.
            preamble: ra-PreambleIndex that the network signalled; None for one of the UE's choice.
            mask: ra-PRACH-MaskIndex with it.
        """
        if not self._go(RaInput.START):
            return False
        self.cause, self.counter, self._earliest = cause, 1, earliest
        self._explicit, self._mask = preamble, mask
        self._had_message_3, self._backoff_ms, self.temporary_rnti = False, 0, None
        return True

    def stop(self) -> None:
        """End without result (5.9)."""
        self._go(RaInput.STOP)
        self.temporary_rnti = self._explicit = None

    def attempt(self, now: int, *, message_bits: int, group_b_power: bool) -> Attempt | None:
        """The preamble of uplink subframe ``now``; None where none is due (5.1.2, 5.1.3).

        Args:
            now: subframe.
            message_bits: potential size of message 3 with its header and control elements.
            group_b_power: the path loss lets group B be used.
        """
        if self.state is not RaState.PREAMBLE or now < self._earliest or not self._is_opportunity(now):
            return None
        self._preamble = self._explicit if self._explicit is not None else self._choose(message_bits, group_b_power)
        end = now + self._format.subframes - 1
        first = end + WINDOW_DELAY
        self._window = range(first, first + self._rach.response_window)
        self._ra_rnti = rar.ra_rnti(now % 10)
        self._go(RaInput.PREAMBLE_SENT)
        return Attempt(self._preamble, self.counter, self._format.subframes, self._format.number)

    def response_rnti(self, now: int) -> int | None:
        """RA-RNTI to look for in downlink subframe ``now``; None outside the window."""
        return self._ra_rnti if self.state is RaState.RESPONSE and now in self._window else None

    def response(self, pdu: RarPdu) -> RandomAccessResponse | None:
        """The response to this UE's preamble in a PDU for its RA-RNTI; the backoff holds for everyone (5.1.4)."""
        self._backoff_ms = rar.backoff_ms(pdu.backoff) if pdu.backoff is not None else 0
        return next((answer for answer in pdu.responses if answer.rapid == self._preamble), None)

    def accept(self, answer: RandomAccessResponse, due: int) -> None:
        """Take a response: with a preamble of the network's choice the procedure is complete, else message 3 is due."""
        if self.explicit:
            self.complete()
        elif self._go(RaInput.RESPONSE):
            self.temporary_rnti, self._message_3_at = answer.tc_rnti, due

    def message_3_sent(self, now: int) -> None:
        """Message 3 goes out, perhaps again: the contention resolution timer starts (5.1.5)."""
        if self.state is not RaState.CONTENTION:
            self._go(RaInput.MESSAGE_3_SENT)
        self._had_message_3 = True
        self._timer_from = now

    def complete(self) -> None:
        """Successfully completed (5.1.6)."""
        self._go(RaInput.COMPLETE)
        self.temporary_rnti = self._explicit = None

    def expired(self, now: int) -> RaState | None:
        """The state that ran out of time in downlink subframe ``now``: of the response or of contention resolution."""
        if self.state is RaState.RESPONSE and now >= self._window.stop - 1:
            return RaState.RESPONSE
        if self.state is RaState.MESSAGE_3 and now > self._message_3_at:
            return RaState.CONTENTION  # message 3 could not be sent
        if self.state is RaState.CONTENTION and now - self._timer_from >= self._rach.contention_timer:
            return RaState.CONTENTION
        return None

    def failed(self, now: int) -> RandomAccessProblem | None:
        """This attempt failed: the next follows, after a backoff where the UE chooses preambles (5.1.4, 5.1.5)."""
        self._go(RaInput.NO_RESPONSE if self.state is RaState.RESPONSE else RaInput.LOST)
        self.temporary_rnti = None
        self.counter += 1
        wait = 0 if self.explicit else self._rng.randint(0, self._backoff_ms)
        self._earliest = now + max(wait, PROCESSING)
        if self.counter == self._rach.preamble_trans_max + 1:
            return RandomAccessProblem(self._rach.preamble_trans_max)
        return None

    def _go(self, happened: RaInput) -> bool:
        following = TRANSITIONS.get((self.state, happened))
        if following is None:
            _log.debug("random access that %s: %s changes nothing", self.state, happened)
            return False
        self.state = following
        return True

    def _choose(self, message_bits: int, group_b_power: bool) -> int:
        """A preamble of group A or B; a new attempt keeps the group of the first message 3 (5.1.2)."""
        group = self._rach.group_a
        if group is None or group.n_preambles >= self._rach.n_preambles:
            return self._rng.randrange(self._rach.n_preambles)
        if not self._had_message_3:
            self._group_b = message_bits > group.message_bits and group_b_power
        if self._group_b:
            return self._rng.randrange(group.n_preambles, self._rach.n_preambles)
        return self._rng.randrange(group.n_preambles)

    def _is_opportunity(self, now: int) -> bool:
        sfn, subframe = now % TTI_MODULO // 10, now % 10
        allowed = self._opportunities[sfn % 2]
        return subframe in allowed and (self._explicit is None or self._mask_allows(sfn, subframe))

    def _mask_allows(self, sfn: int, subframe: int) -> bool:
        """Whether ra-PRACH-MaskIndex lets an opportunity be used (TS 36.321 7.3); one that allows none does not bind.

        The PRACH resource index of FDD is the number of the opportunity in its frame.
        """
        both = self._opportunities
        if 1 <= self._mask <= 10:
            index = self._mask - 1
            return not any(index < len(frame) for frame in both) or both[sfn % 2][index : index + 1] == [subframe]
        if self._mask in (_EVEN_MASK, _ODD_MASK):
            number = (len(both[0]) if sfn % 2 else 0) + both[sfn % 2].index(subframe)
            return number % 2 == (self._mask == _ODD_MASK) or len(both[0]) + len(both[1]) < 2
        return True
