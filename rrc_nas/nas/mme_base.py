"""What every procedure of the network end of NAS stands on: events, timers, sending, refusing."""

import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from picocell.rrc_nas.nas import codec, timers
from picocell.rrc_nas.nas.causes import emm_cause_name, esm_cause_name
from picocell.rrc_nas.nas.ies import Guti, Plmn, Tai
from picocell.rrc_nas.nas.mme_context import UeContext
from picocell.rrc_nas.nas.mme_events import DeleteSession, Deregistered, Event, Refused, ReleaseConnection, SendNas
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.mme_states import Procedure, State
from picocell.rrc_nas.nas.protection import CountExhausted, NasSecurityContext, SecurityHeader
from picocell.rrc_nas.security.algorithms import Direction

logger = logging.getLogger(__name__)

RETRANSMISSIONS = 4
"""Resends before the fifth expiry gives up (TS 24.301 5.4.2.7 b, 5.5.1.2.7 c, 6.4.1.6 a)."""


@dataclass(frozen=True, slots=True)
class Received:
    """An uplink message.

    Attributes:
        message: decoded.
        plain: without its security header.
        verified: its MAC holds under the current (or the pending) security context.
        new_context: its header names the pending one.
    """

    message: codec.NasMessage
    plain: bytes
    verified: bool
    new_context: bool = False


TimerKey = tuple[str, int]
"""Name of a timer and what it belongs to: 0, an EPS bearer identity or a procedure transaction identity."""


@dataclass(slots=True)
class Running:
    """A running timer: at its end, ``resend`` while any are left, else ``give_up``."""

    end: int
    period: int
    left: int
    resend: Callable[[int], None] | None
    give_up: Callable[[int], None]


class MmeBase:
    """State of one phone's network end and the means that its procedures share.

    Args:
        settings: of the MME.
        allocate_m_tmsi: gives an M-TMSI that no other phone has.
        rng: source of random numbers.
    """

    def __init__(self, settings: MmeNasSettings, allocate_m_tmsi: Callable[[], int], rng: random.Random) -> None:
        self.settings = settings
        self.context = UeContext()
        self.state = State.DEREGISTERED
        self.procedure = Procedure.NONE
        self.connected = False
        self.secure = False
        self.counters: Counter[str] = Counter()
        self._allocate_m_tmsi = allocate_m_tmsi
        self._rng = rng
        self._events: deque[Event] = deque()
        self._timers: dict[TimerKey, Running] = {}
        self._when_connected: list[Callable[[int], None]] = []
        self._k_enb_count = 0
        self._authenticated = False
        self._by_guti = False
        self._attach_pti = 0
        self._before: str | None = None
        self._opened_connection = False
        self._detach_pending = False
        self._setting_up = False

    def _advance(self, now: int) -> None:
        """Take the next step of the procedure under way."""
        raise NotImplementedError

    def _reject(self, cause: int, why: str, now: int, esm_cause: int | None = None) -> None:
        """Refuse what the phone asked for with the procedure under way, and end it."""
        raise NotImplementedError

    def _abort(self, why: str, now: int) -> None:
        """Abort the common procedure and with it the one that it served (5.4.2.7 b, 5.4.3.7 b, 5.4.4.6 b)."""
        raise NotImplementedError

    # Time and events

    def next_event(self) -> Event | None:
        """The oldest event not taken yet."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted, None if no timer runs."""
        return min((running.end for running in self._timers.values()), default=None)

    def handle_timers(self, now: int) -> None:
        """Let the timers act that have ended by ``now``, each once."""
        for key, running in list(self._timers.items()):
            if running.end > now or self._timers.get(key) is not running:
                continue
            if running.left and running.resend is not None:
                running.left -= 1
                running.end = now + running.period
                running.resend(now)
            else:
                del self._timers[key]
                logger.info("%s: timer %s expired", self.context.name, key[0])
                self.counters[f"expired {key[0]}"] += 1
                running.give_up(now)

    @property
    def timers(self) -> tuple[TimerKey, ...]:
        """The timers that run."""
        return tuple(self._timers)

    def _emit(self, event: Event) -> None:
        self._events.append(event)

    def _seconds(self, name: str) -> float:
        own = self.settings.timers_s.get(name)
        return own if own is not None else timers.default_ms(name) / 1000

    def _start(
        self,
        name: str,
        now: int,
        give_up: Callable[[int], None],
        resend: Callable[[int], None] | None = None,
        *,
        of: int = 0,
        retransmissions: int = RETRANSMISSIONS,
    ) -> None:
        """Start a timer that resends a message until it is answered."""
        period = max(1, round(1000 * self._seconds(name)))
        self._timers[name, of] = Running(now + period, period, retransmissions, resend, give_up)

    def _stop(self, name: str, of: int = 0) -> None:
        self._timers.pop((name, of), None)

    # Sending

    def _protected(self, plain: bytes, security: NasSecurityContext | None = None, new: bool = False) -> bytes:
        """A message under the current security context, or as it is before there is one; empty if COUNT is used up."""
        security = security or self.context.security
        if not (new or self.secure) or security is None:
            return plain
        header = SecurityHeader.INTEGRITY_NEW_CONTEXT if new else SecurityHeader.INTEGRITY_CIPHERED
        try:
            return security.protect(plain, header, Direction.DOWNLINK)
        except CountExhausted:
            self._count_exhausted()
            return b""

    def _send(self, name: str, **fields: Any) -> bytes:
        """Send a message; its plain bytes are returned for retransmission."""
        plain = codec.encode(name, **fields)
        self._send_plain(plain)
        return plain

    def _send_plain(self, plain: bytes) -> None:
        pdu = self._protected(plain)
        if pdu:
            self._emit(SendNas(pdu))

    def _count_exhausted(self) -> None:
        """The context is of no use any more: the phone is authenticated anew when it comes back (4.4.3.5)."""
        logger.warning("%s: downlink NAS COUNT is exhausted, the security context is deleted", self.context.name)
        self.counters["count exhausted"] += 1
        self.context.security = None
        self.secure = False
        self._release("unspecified")

    # Refusing

    def _log_refusal(self, what: str, cause: int, why: str, *, esm: bool = False) -> None:
        name = esm_cause_name(cause) if esm else emm_cause_name(cause)
        logger.warning("%s: %s refused: %s: %s", self.context.name, what, name, why)
        self.counters[f"refused {what}"] += 1
        self._emit(Refused(what, cause, name, self.context.name))

    def _ignore(self, what: str, why: str) -> None:
        """Discard something that the standard answers with silence."""
        logger.info("%s: %s ignored: %s", self.context.name, what, why)
        self.counters[f"ignored {what}"] += 1

    def _emm_status(self, cause: int, what: str, why: str) -> None:
        self._log_refusal(what, cause, why)
        self._send("EMM status", emm_cause=cause)

    def _esm_status(self, cause: int, ebi: int, pti: int, what: str, why: str) -> None:
        self._log_refusal(what, cause, why, esm=True)
        if self.secure:  # no message of session management goes out in the clear (4.4.4.2)
            self._send("ESM status", ebi=ebi, pti=pti, esm_cause=cause)

    # What several procedures do

    def _release(self, cause: str) -> None:
        if self.connected:
            self._emit(ReleaseConnection(cause))

    def _end_procedure(self) -> None:
        """Stop every timer and forget what common procedures had open; bearers stay."""
        self._timers.clear()
        self.procedure = Procedure.NONE
        self.context.pending_security = None
        self.context.vector = None
        self.context.pdn_requests.clear()
        self._before = None

    def _deregister(self, reason: str) -> None:
        """Forget bearers and what is under way; identities and the security context stay (5.5.2.1)."""
        self._end_procedure()
        self._when_connected.clear()
        self._detach_pending = False
        self._delete_sessions()
        was = self.state
        self.state = State.DEREGISTERED
        self.context.subscription = None
        self.context.vectors.clear()
        if was is not State.DEREGISTERED:
            logger.info("%s: deregistered: %s", self.context.name, reason)
            self._emit(Deregistered(reason))

    def _fall_back(self) -> bool:
        """Stay registered after a request in the phone's name that did not prove to be its; False if it was not."""
        if self._before is None or self._authenticated:
            return False
        if self.context.imsi != self._before:
            self.context.vectors.clear()
        self.context.imsi = self._before
        self._end_procedure()
        self.state = State.REGISTERED
        return True

    def _delete_sessions(self) -> None:
        """Drop all bearers at once; their sessions are deleted behind them."""
        for bearer in self.context.bearers.values():
            if bearer.is_default:
                self._delete_session(bearer.ebi)
        self.context.bearers.clear()

    def _delete_session(self, ebi: int) -> None:
        if ebi not in self.context.deleting:
            self.context.deleting.add(ebi)
            self._emit(DeleteSession(ebi))

    @property
    def _plmn(self) -> Plmn:
        return Plmn(self.settings.mcc, self.settings.mnc)

    @property
    def _tais(self) -> tuple[Tai, ...]:
        tacs = self.settings.tacs or (self.context.tac,)
        if self.context.tac not in tacs:
            tacs = (self.context.tac, *tacs[:15])
        return tuple(Tai(self._plmn, tac) for tac in tacs)

    def _new_guti(self) -> Guti:
        """Allocate a GUTI; the one before stays valid until the phone confirms."""
        guti = Guti(self._plmn, self.settings.mme_group_id, self.settings.mme_code, self._allocate_m_tmsi())
        self.context.old_guti, self.context.guti = self.context.guti, guti
        return guti
