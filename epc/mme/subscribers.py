"""The MME's end of S6a (TS 29.272 5.2): vectors, location, purging, and the HSS's cancellation."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from picocell.epc.interfaces import s6a
from picocell.epc.interfaces.transport import Interface
from picocell.epc.mme import nas_port
from picocell.epc.mme.core import Core
from picocell.epc.mme.ue_context import UeContext
from picocell.rrc_nas.nas.mme_events import GetAuthVectors

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    """A request without an answer; ``give`` takes the answer, or None when it is late."""

    ue: UeContext
    command: int
    deadline: int
    give: Callable[[UeContext, s6a.Answer | None, int], None]


class Subscribers:
    """Requests to the HSS and its answers."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pending: dict[int, _Pending] = {}
        self._hop_by_hop = 0
        self._sessions = 0

    def __len__(self) -> int:
        return len(self._pending)

    def get_vectors(self, ue: UeContext, wanted: GetAuthVectors, now: int) -> None:
        """Ask for authentication vectors (clause 5.2.3.1)."""
        nas = self._core.settings.nas
        request = s6a.AuthenticationInformationRequest(
            **self._head(wanted.imsi), mcc=nas.mcc, mnc=nas.mnc, resync=wanted.resync
        )
        self._request(ue, request, self._give_vectors, now)

    def update_location(self, ue: UeContext, imsi: str, now: int) -> None:
        """Say that the phone is here (clause 5.2.1.1)."""
        nas = self._core.settings.nas
        request = s6a.UpdateLocationRequest(**self._head(imsi), mcc=nas.mcc, mnc=nas.mnc)
        self._request(ue, request, self._give_subscription, now)

    def purge(self, ue: UeContext, now: int) -> None:
        """Say that the phone is forgotten (clause 5.2.1.3)."""
        if ue.located and ue.imsi is not None:
            ue.located = False
            self._request(ue, s6a.PurgeUeRequest(**self._head(ue.imsi)), _purged, now)

    def receive(self, data: bytes, now: int) -> None:
        """Take a packet of the HSS."""
        try:
            packet = s6a.decode(data)
        except s6a.DiameterError as error:
            self._core.counters["s6a_malformed"] += 1
            _log.warning("MME: packet of the HSS refused: %s", error)
            settings = self._core.settings
            answer = s6a.error_answer(error, settings.diameter_host, settings.diameter_realm)
            if answer is not None:
                self._core.send(Interface.S6A, self._core.addresses.hss, answer)
            return
        message = packet.message
        if isinstance(message, s6a.CancelLocationRequest):
            self._cancel(packet, message, now)
        elif isinstance(message, s6a.Answer):
            self._take_answer(packet.hop_by_hop, message, now)
        else:
            self._core.counters["s6a_unexpected"] += 1
            _log.warning("MME: %s is not for an MME", type(message).__name__)

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        return min((pending.deadline for pending in self._pending.values()), default=None)

    def handle_timers(self, now: int) -> None:
        """Give up on answers that are late."""
        for key, pending in list(self._pending.items()):
            if pending.deadline <= now:
                del self._pending[key]
                self._core.counters["s6a_timeout"] += 1
                _log.error("%s: HSS %s does not answer", pending.ue.name, self._core.addresses.hss)
                pending.give(pending.ue, None, now)

    def _take_answer(self, hop_by_hop: int, message: s6a.Answer, now: int) -> None:
        pending = self._pending.get(hop_by_hop)
        if pending is None or pending.command != message.COMMAND:
            self._core.counters["s6a_unexpected"] += 1
            _log.warning("MME: %s that nothing waits for", type(message).__name__)
            return
        del self._pending[hop_by_hop]
        if not message.result.success:
            _log.warning("%s: HSS refused %s: %s", pending.ue.name, type(message).__name__, message.result.name)
        pending.give(pending.ue, message, now)

    def _give_vectors(self, ue: UeContext, answer: s6a.Answer | None, now: int) -> None:
        if ue.removed:
            return
        if isinstance(answer, s6a.AuthenticationInformationAnswer) and answer.result.success and answer.vectors:
            ue.nas.auth_vectors(list(answer.vectors), now)
        else:
            ue.nas.auth_vectors(_cause(answer), now)
        self._core.nas.pump(ue, now)

    def _give_subscription(self, ue: UeContext, answer: s6a.Answer | None, now: int) -> None:
        if ue.removed:
            return
        if isinstance(answer, s6a.UpdateLocationAnswer) and answer.result.success and answer.subscription is not None:
            ue.located = True
            ue.nas.subscription(nas_port.subscription(answer.subscription), now)
        else:
            ue.nas.subscription(_cause(answer), now)
        self._core.nas.pump(ue, now)

    def _cancel(self, packet: s6a.Packet, request: s6a.CancelLocationRequest, now: int) -> None:
        """The phone is elsewhere, or its subscription is gone (clause 5.2.1.2); always a success."""
        settings = self._core.settings
        answer = s6a.CancelLocationAnswer(
            session_id=request.session_id,
            origin_host=settings.diameter_host,
            origin_realm=settings.diameter_realm,
            result=s6a.Result(s6a.ResultCode.SUCCESS),
        )
        data = s6a.encode(s6a.Packet(answer, packet.hop_by_hop, packet.end_to_end))
        self._core.send(Interface.S6A, self._core.addresses.hss, data)
        ue = self._core.by_imsi.get(request.imsi)
        if ue is None:
            _log.info("MME: the HSS cancels IMSI %s, which is not here", request.imsi)
            return
        ue.located = False
        _log.info("%s: the HSS cancels its location: %s", ue.name, request.cancellation_type.name)
        self._core.nas.cancelled(ue, request.cancellation_type, now)

    def _request(
        self, ue: UeContext, request: s6a.Request, give: Callable[[UeContext, s6a.Answer | None, int], None], now: int
    ) -> None:
        while True:
            self._hop_by_hop = (self._hop_by_hop + 1) & 0xFFFFFFFF
            if self._hop_by_hop not in self._pending:
                break
        deadline = now + self._core.settings.s6a_timeout_ms
        self._pending[self._hop_by_hop] = _Pending(ue, request.COMMAND, deadline, give)
        data = s6a.encode(s6a.Packet(request, self._hop_by_hop, self._hop_by_hop))
        self._core.send(Interface.S6A, self._core.addresses.hss, data)

    def _head(self, imsi: str) -> dict[str, Any]:
        settings = self._core.settings
        self._sessions += 1
        return {
            "session_id": f"{settings.diameter_host};{settings.restart_counter};{self._sessions}",
            "origin_host": settings.diameter_host,
            "origin_realm": settings.diameter_realm,
            "destination_realm": settings.diameter_realm,
            "imsi": imsi,
        }


def _cause(answer: s6a.Answer | None) -> int:
    return nas_port.SYSTEM_FAILURE if answer is None else nas_port.emm_cause(answer.result)


def _purged(ue: UeContext, answer: s6a.Answer | None, now: int) -> None:
    """Nothing hangs on the answer; one that fails is in the log already."""
    del ue, answer, now
