"""Random access of a UE with what it moves: message 3, power, time alignment, events (TS 36.321 5.1)."""

import logging
import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from picocell.mac import pdu, rar
from picocell.mac.common_config import RachConfig
from picocell.mac.control_elements import ContentionResolution, MacPduError
from picocell.mac.pdu import Element, MacPdu, Sdu
from picocell.mac.ue_events import (
    ContentionLost,
    Preamble,
    RandomAccessCause,
    RandomAccessComplete,
    RandomAccessSent,
    RandomAccessStarted,
    UeMacEvent,
    UeTransmission,
)
from picocell.mac.ue_multiplexing import Block, packed
from picocell.mac.ue_random_access import RandomAccess, RaState
from picocell.mac.ue_uplink import GrantedResponse, UeUplink
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.ul_grant import PuschGrant, from_rar
from picocell.phy.lte.uplink_config import UplinkConfig

RESPONSE_DELAY: Final = 6
"""Subframes from a random access response to message 3 (TS 36.213 6.1.1)."""

_IDENTITY_BYTES: Final = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Message3:
    """The message 3 buffer: its elements, and the CCCH SDU's first six octets (empty without CCCH)."""

    elements: tuple[Element, ...]
    identity: bytes


class UeAccess:
    """A UE's random access.

    Args:
        cell: the cell.
        ul: its uplink.
        rach: its random access.
        rng: chooses preambles and backoff.
        uplink: the UE's uplink.
        events: where events go.

    Attributes:
        procedure: the procedure itself.
        c_rnti: C-RNTI; None before random access.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        rach: RachConfig,
        rng: random.Random,
        uplink: UeUplink,
        events: deque[UeMacEvent],
    ) -> None:
        self._cell, self._ul, self._rach = cell, ul, rach
        self._uplink, self._events = uplink, events
        self.procedure = RandomAccess(ul, rach, rng)
        self.c_rnti: int | None = None
        self._message_3: _Message3 | None = None
        self._aligned_by_response = False

    @property
    def temporary_rnti(self) -> int | None:
        """TC-RNTI; None without."""
        return self.procedure.temporary_rnti

    def stop(self) -> None:
        """MAC reset (5.9)."""
        self.procedure.stop()
        self._message_3 = None

    def start(self, cause: RandomAccessCause, earliest: int, preamble: int | None = None, mask: int = 0) -> None:
        """Begin, unless random access runs already: see :meth:`RandomAccess.start`."""
        if not self.procedure.start(cause, earliest, preamble=preamble, mask=mask):
            return
        self._message_3 = None
        self._uplink.requests.cancel()
        self._events.append(RandomAccessStarted(cause))

    def handle_timers(self, now: int) -> None:
        """End of the response window, and the contention resolution timer."""
        expired = self.procedure.expired(now)
        if expired is RaState.CONTENTION:
            self._lose_contention(now, expired=True)
        elif expired is RaState.RESPONSE:
            self._attempt_failed(now)

    def preamble(self, now: int) -> tuple[UeTransmission, int] | None:
        """The preamble of uplink subframe ``now`` and the subframes that it takes; None where none is due."""
        attempt = self.procedure.attempt(
            now, message_bits=self._uplink.multiplexer.message_bits(now), group_b_power=self._may_use_group_b()
        )
        if attempt is None:
            return None
        dbm = self._uplink.power.preamble(attempt.number, attempt.format)
        self._events.append(RandomAccessSent(attempt.preamble, attempt.number, dbm))
        return UeTransmission(Preamble(attempt.preamble), 0, dbm), attempt.subframes

    def response(self, payload: bytes, now: int) -> None:
        """A random access response PDU; what cannot be used counts as not received (5.1.4)."""
        try:
            answer = self.procedure.response(rar.parse(payload))
        except MacPduError as error:
            _log.warning("random access response is malformed: %s", error)
            return
        if answer is None:
            return
        contention, due = not self.procedure.explicit, now + RESPONSE_DELAY + answer.grant.ul_delay
        rnti = answer.tc_rnti if contention else self.c_rnti
        try:
            if rnti is None:
                raise ValueError("there is no C-RNTI")
            srs = self._uplink.harq.srs_symbol(due)
            grant = from_rar(self._cell, self._ul, due % TTI_MODULO, rnti, answer.grant, srs_symbol=srs)
            self._align(answer.timing_advance, contention, now)
        except ValueError as error:
            _log.warning("random access response cannot be used: %s", error)
            return
        self._uplink.power.random_access(self.procedure.ramp_up_db, answer.grant.tpc)
        self._accept(answer, grant, due, now)

    def resolve_by_c_rnti(self, new_grant: bool) -> None:
        """A PDCCH for the C-RNTI resolves contention where message 3 named it (5.1.5)."""
        procedure = self.procedure
        if procedure.state is not RaState.CONTENTION or self._message_3 is None or self._message_3.identity:
            return
        if new_grant or procedure.cause is RandomAccessCause.PDCCH_ORDER:
            procedure.complete()
            self._complete()

    def resolve_by_identity(self, content: MacPdu, now: int) -> bool:
        """A PDU for the TC-RNTI: whether its contention resolution identity is this UE's (5.1.5)."""
        if self.procedure.state is not RaState.CONTENTION or self._message_3 is None or not self._message_3.identity:
            return False
        identities = [e.identity for e in content.control_elements if isinstance(e, ContentionResolution)]
        if not identities:
            return False
        if identities[0] != self._message_3.identity.ljust(_IDENTITY_BYTES, b"\0"):
            self._lose_contention(now, expired=False)
            return False
        self.c_rnti = self.procedure.temporary_rnti
        self.procedure.complete()
        self._complete()
        return True

    def _align(self, command: int, contention: bool, now: int) -> None:
        """With a preamble of its own choice a UE that is synchronised ignores the command (5.2).

        Raises:
            ValueError: a command that is out of range.
        """
        applies = not contention or not self._uplink.alignment.running
        if applies:
            self._uplink.alignment.response(command, now)
        self._aligned_by_response = applies and contention

    def _accept(self, answer: rar.RandomAccessResponse, grant: PuschGrant, due: int, now: int) -> None:
        if self.procedure.explicit:
            self._uplink.due(due).granted = GrantedResponse(grant, None, answer.grant.csi_request)
            self.procedure.accept(answer, due)
            self._complete()
            return
        message_3 = self._message_3_block(grant, now)
        if message_3 is None:
            _log.warning("message 3 does not fit %d bytes", grant.tbs // 8)
            return
        self._uplink.due(due).granted = GrantedResponse(grant, message_3)
        self.procedure.accept(answer, due)

    def _message_3_block(self, grant: PuschGrant, now: int) -> bytes | None:
        """Message 3: made for the first response, kept for all attempts (5.1.4, 5.4.2.1)."""
        size, multiplexer = grant.tbs // 8, self._uplink.multiplexer
        if self._message_3 is not None:
            try:
                return packed(self._message_3.elements, size)
            except MacPduError:
                if self._message_3.identity:
                    return None
        block: Block | None = None
        if multiplexer.ccch_bytes(now):
            block = multiplexer.ccch_block(size, now)
        elif self.c_rnti is not None:
            block = self._uplink.block(grant, now, message_3_for=self.c_rnti)
        if block is None:
            return None
        first = block.elements[0] if block.elements else None
        identity = first.data[:_IDENTITY_BYTES] if isinstance(first, Sdu) and first.lcid == pdu.LCID_CCCH else b""
        self._message_3 = _Message3(block.elements, identity)
        return block.payload

    def _may_use_group_b(self) -> bool:
        """Whether the path loss is low enough for group B (5.1.2)."""
        group, power = self._rach.group_a, self._uplink.power
        if group is None or group.power_offset_db is None:
            return group is not None
        target = self._rach.target_power_dbm + self._ul.power.delta_preamble_msg3 + group.power_offset_db
        return power.path_loss_db < power.p_max_dbm - target

    def _complete(self) -> None:
        """Random access succeeded (5.1.6)."""
        self._uplink.harq.flush_message_3()
        self._message_3 = None
        if self.c_rnti is not None:
            self._events.append(RandomAccessComplete(self.c_rnti))

    def _lose_contention(self, now: int, *, expired: bool) -> None:
        """Contention was not resolved: the next attempt follows (5.1.5, 5.2)."""
        self._events.append(ContentionLost(self.procedure.counter, expired))
        self._uplink.harq.flush_message_3()
        if self._aligned_by_response:
            self._uplink.alignment.stop()
            self._aligned_by_response = False
        self._attempt_failed(now)

    def _attempt_failed(self, now: int) -> None:
        problem = self.procedure.failed(now)
        if problem is not None:
            self._events.append(problem)
