"""The network end of EPS mobility and session management for one phone (TS 24.301)::

    nas = MmeNas(settings, allocate_m_tmsi, rng)
    nas.receive(pdu, now, initial=True, tai=tai)
    while (event := nas.next_event()) is not None:
        ...

Sans I/O: what the MME must do comes out as events (`mme_events`), what it learnt goes in by the methods that answer
them. The table `EMM_TABLE` says which message is taken in which state.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.ies import Guti, Tai, pack_gprs_timer, unpack_gprs_timer
from picocell.rrc_nas.nas.mme_attach import CONGESTION, ESM_FAILURE, PROTOCOL_ERROR
from picocell.rrc_nas.nas.mme_base import Received, Running, logger
from picocell.rrc_nas.nas.mme_mobility import Mobility
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.mme_states import BearerState, EmmState, Procedure, State
from picocell.rrc_nas.nas.protection import COUNT_LIMIT, SecurityHeader, SplitPdu, split
from picocell.rrc_nas.security.algorithms import Direction

UNPROTECTED: Final = frozenset(
    {
        "attach request",
        "identity response",
        "authentication response",
        "authentication failure",
        "security mode reject",
        "detach request",
        "detach accept",
        "tracking area update request",
        "extended service request",
    }
)
"""Messages that may be processed though their integrity was not checked (TS 24.301 4.4.4.3)."""

IMPLICIT_DETACH_MS: Final = 4 * 60_000
MOBILE_REACHABLE_EXTRA_MS: Final = 4 * 60_000
"""The mobile reachable timer is this much longer than T3412 (TS 24.301 5.3.5)."""

COUNT_RESERVE: Final = 256
"""Messages left when a registered phone is given new keys."""

INVALID_MANDATORY: Final = 96
NOT_COMPATIBLE: Final = 98
NOT_IMPLEMENTED: Final = 97


class MmeNas(Mobility):
    """The network end of NAS of one UE context.

    Args:
        settings: of the MME.
        allocate_m_tmsi: gives an M-TMSI that no other phone has.
        rng: source of random numbers.

    Attributes:
        state: what is waited for; ``state.emm`` is the state of the standard.
        procedure: specific procedure under way.
        context: identities, security context and bearers.
        connected: there is an S1 connection.
        secure: messages on it are protected.
        counters: what was refused, ignored or expired, by name.
    """

    def __init__(self, settings: MmeNasSettings, allocate_m_tmsi: Callable[[], int], rng: random.Random) -> None:
        super().__init__(settings, allocate_m_tmsi, rng)

    @property
    def emm_state(self) -> EmmState:
        """State of the standard (5.1.3.4)."""
        return self.state.emm

    @property
    def imsi(self) -> str | None:
        """The phone's IMSI, None before it is known."""
        return self.context.imsi

    @property
    def guti(self) -> Guti | None:
        """The phone's GUTI."""
        return self.context.guti

    @property
    def registered(self) -> bool:
        """Whether the phone is registered and its bearers are kept."""
        return self.state in (State.REGISTERED, State.ACCEPTING_TAU, State.REALLOCATING_GUTI)

    # Messages

    def receive(
        self,
        pdu: bytes,
        now: int,
        *,
        initial: bool = False,
        tai: Tai | None = None,
        ecgi: Any = None,
        rrc_establishment_cause: str | None = None,
        data_waits: bool = False,
    ) -> None:
        """Take an uplink NAS PDU.

        Args:
            pdu: as the eNB forwarded it.
            now: absolute millisecond.
            initial: it is the first one of a new S1 connection.
            tai: tracking area of the phone's cell.
            ecgi: the cell, for logs.
            rrc_establishment_cause: of the connection, for logs.
            data_waits: data came for the phone while it was idle: it gets its bearers whatever it wants.
        """
        self._opened_connection = initial or not self.connected
        if self._opened_connection:
            self._data_waits = data_waits
            self._new_connection(now)
            logger.debug("%s: new connection in cell %s for %s", self.context.name, ecgi, rrc_establishment_cause)
        if tai is not None:
            self.context.tac = tai.tac
        verified = protected = False
        try:
            parts = split(pdu)
            protected = parts.header is not SecurityHeader.PLAIN
            if parts.header is SecurityHeader.SERVICE_REQUEST:
                self._service_request(pdu, now)
                return
            plain, verified = self._opened(parts, pdu)
            message = codec.decode(plain, Direction.UPLINK)
        except NasError as error:
            self._malformed(error, verified or not (protected or self.secure), now)
            return
        new = parts.header is SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT
        if new and message.name != "security mode complete":
            self._ignore(message.name, "only the answer to a security mode command names a new context")
            return
        self._dispatch(Received(message, plain, verified, new), parts.header, now)
        self._renew_keys(now)

    def _renew_keys(self, now: int) -> None:
        """Authenticate anew before a NAS COUNT wraps around (4.4.3.5)."""
        security = self.context.security
        if security is None or not self.secure or self.state is not State.REGISTERED:
            return
        if max(security.ul_count, security.dl_count) >= COUNT_LIMIT - COUNT_RESERVE:
            logger.info("%s: NAS COUNT comes to its end, new keys are taken", self.context.name)
            self.authenticate(now)

    def _opened(self, parts: SplitPdu, pdu: bytes) -> tuple[bytes, bool]:
        """The plain message and whether its MAC holds."""
        if parts.header is SecurityHeader.PLAIN:
            return parts.payload, False
        new = parts.header is SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT
        security = self.context.pending_security if new else self.context.security
        try:
            if security is None:
                raise NasError(None, "there is no security context")
            return security.unprotect(pdu, Direction.UPLINK), True
        except NasError as error:
            self._ignore("MAC", str(error))
            if parts.header.ciphered and parts.payload[:1] not in (b"\x07",):
                raise NasError(None, f"a ciphered message whose MAC does not hold: {error}") from error
            return parts.payload, False

    def _dispatch(self, received: Received, header: SecurityHeader, now: int) -> None:
        message = received.message
        if not received.verified:
            if message.name not in UNPROTECTED:
                self._ignore(message.name, "it must not be processed without integrity protection")
                return
            if self.secure and header is SecurityHeader.PLAIN:
                self._ignore(message.name, "it is not protected though the connection is secure")
                return
        elif not self.secure and self._keys_match(message):
            self.secure = True
        if message.esm:
            self._receive_esm(received, now)
            return
        handler = EMM_TABLE.get((self.state, message.name))
        if handler is not None:
            handler(self, received, now)
        elif message.name in _ANSWERS:
            self._ignore(message.name, f"nobody waits for it in {self.state.name}")
        else:
            known = any(name == message.name for _, name in EMM_TABLE)
            cause = NOT_COMPATIBLE if known else NOT_IMPLEMENTED
            self._emm_status(cause, message.name, f"in state {self.state.name}")

    def _keys_match(self, message: codec.NasMessage) -> bool:
        """Whether an initial message names the key set that it was protected with."""
        security = self.context.security
        return security is not None and message.get("nas_key_set_identifier", security.ksi) == security.ksi

    def _malformed(self, error: NasError, believed: bool, now: int) -> None:
        """Answer a message that cannot be read, as 7 says; what needs no answer is ignored."""
        what = error.message or "malformed message"
        if error.cause is None or not believed:
            self._ignore(what, str(error))
        elif error.esm:
            self._esm_status(error.cause, error.ebi, error.pti, what, str(error))
        elif what == "attach request" and self.state is State.DEREGISTERED:
            self.procedure = Procedure.ATTACH
            self._reject(error.cause, str(error), now)
        elif what == "tracking area update request":
            self._refuse_update(error.cause, str(error))
        else:
            self._emm_status(error.cause, what, str(error))

    # Progress

    def _advance(self, now: int) -> None:
        context = self.context
        if context.imsi is None:
            self._request_identity(now, "the GUTI is not known")
        elif not self._authenticated:
            self._authenticate(now)
        elif self.procedure is Procedure.DETACH:
            context.vector = None
            self._detach_now(now)
        elif context.vector is not None:
            self._start_security_mode(now)
        elif self.procedure is Procedure.ATTACH:
            self._advance_attach(now)
        elif self.procedure is Procedure.TAU:
            self._accept_tau(now)
        else:
            self.state = State.REGISTERED
            self._run_waiting(now)

    def authenticate(self, now: int) -> None:
        """Authenticate a registered, connected phone anew and take new keys into use.

        Raises:
            ValueError: it is not registered or has no secure connection.
        """
        if self.state is not State.REGISTERED or not self.secure:
            raise ValueError(f"{self.context.name} is {self.state.name}: only a connected, registered phone")
        self._authenticated = False
        self._checked_identity = self._resynchronised = self._by_guti = False
        self._authenticate(now)

    def _reject(self, cause: int, why: str, now: int, esm_cause: int | None = None) -> None:
        match self.procedure:
            case Procedure.ATTACH:
                self._log_refusal("attach", cause, why)
                esm = None
                if cause == ESM_FAILURE:
                    esm = codec.encode(
                        "PDN connectivity reject", pti=self._attach_pti, esm_cause=esm_cause or PROTOCOL_ERROR
                    )
                timer = self.settings.congested_t3346_s if cause == CONGESTION else None
                self._send("attach reject", emm_cause=cause, esm_message_container=esm, t3346_value=timer)
            case Procedure.TAU:
                self._log_refusal("tracking area update", cause, why)
                timer = self.settings.congested_t3346_s if cause == CONGESTION else None
                self._send("tracking area update reject", emm_cause=cause, t3346_value=timer)
                if cause in (CONGESTION, INVALID_MANDATORY):
                    self._interrupt(now)
                    self._release("normal-release")
                    return
            case _:
                self._log_refusal("common procedure", cause, why)
        if not self._fall_back():
            self._deregister(why)
        self._release("normal-release")

    def _reject_authentication(self, why: str, _now: int) -> None:
        self._log_refusal("authentication", 3, why)
        self._send("authentication reject")
        if not self._fall_back():
            self.context.security = None
            self._deregister(why)
        self.secure = False
        self._release("authentication-failure")

    def _abort(self, why: str, now: int) -> None:
        logger.warning("%s: procedure aborted in %s: %s", self.context.name, self.state.name, why)
        self.counters["aborted"] += 1
        self._interrupt(now)
        self._release("unspecified")

    def _interrupt(self, _now: int) -> None:
        """End what is under way without an answer; what was registered before stays so."""
        attaching = self.procedure is Procedure.ATTACH
        if self._fall_back():
            return
        if attaching:
            self._deregister("the attach was aborted")
        elif self.state is not State.DEREGISTERED:
            bearer_timers = {key: one for key, one in self._timers.items() if key[0] in _BEARER_TIMERS}
            detaching = self.state is State.DETACHING
            self._end_procedure()
            self._timers.update(bearer_timers)
            self.state = State.REGISTERED
            if detaching:
                self._deregister(self._detach_reason)
        else:
            self._end_procedure()

    def _run_waiting(self, now: int) -> None:
        waiting, self._when_connected = self._when_connected, []
        for action in waiting:
            action(now)

    # The connection

    def _new_connection(self, now: int) -> None:
        if self.connected:
            self._lower_layer_failed(now)
        self.connected, self.secure, self._setting_up = True, False, False
        self._stop("mobile reachable")
        self._stop("implicit detach")

    def s1_released(self, now: int) -> None:
        """The S1 connection is gone: what was under way ends, a registered phone is idle."""
        if not self.connected:
            return
        self._lower_layer_failed(now)
        self.connected = self.secure = self._setting_up = False
        if self.state is State.REGISTERED and self.settings.t3412_s:
            # What the phone was told is rounded up to what the element can say.
            told = unpack_gprs_timer(pack_gprs_timer(self.settings.t3412_s))
            end = now + 1000 * told + MOBILE_REACHABLE_EXTRA_MS
            self._timers["mobile reachable", 0] = Running(end, 0, 0, None, self._unreachable)

    def _lower_layer_failed(self, now: int) -> None:
        self._interrupt(now)
        for bearer in list(self.context.bearers.values()):
            for timer in _BEARER_TIMERS:
                self._stop(timer, bearer.ebi)
            if bearer.ebi not in self.context.bearers:
                continue
            if bearer.state in (BearerState.ACTIVE_PENDING, BearerState.INACTIVE_PENDING, BearerState.CREATING):
                self._close(bearer)
            elif bearer.state is BearerState.MODIFY_PENDING:
                self._modified(bearer, now)

    def _unreachable(self, now: int) -> None:
        end = now + IMPLICIT_DETACH_MS
        self._timers["implicit detach", 0] = Running(end, 0, 0, None, lambda _: self._deregister("implicitly detached"))

    def s1_context_ready(self, now: int, erabs: Sequence[int] = (), failed: Sequence[int] = ()) -> None:
        """The eNB's answer to `InitialContextSetup`: bearers set up and not."""
        self._setting_up = False
        self.erabs_set_up(erabs, failed, now)
        if self.state is State.REGISTERED:
            self._run_waiting(now)

    def s1_context_failed(self, now: int) -> None:
        """The eNB could not set up the access stratum."""
        self._setting_up = False
        self._abort("no access stratum", now)

    def session_deleted(self, ebi: int, now: int) -> None:
        """Answer to `DeleteSession`."""
        self.context.deleting.discard(ebi)
        if self.state is State.DELETING_SESSIONS and not self.context.deleting:
            self._advance(now)


_BEARER_TIMERS: Final = ("T3485", "T3486", "T3495")

_Handler = Callable[[MmeNas, Received, int], None]

_ALWAYS: Final = tuple(State)

_ENTRIES: Final[tuple[tuple[str, tuple[State, ...], _Handler], ...]] = (
    ("attach request", _ALWAYS, MmeNas._attach_request),
    ("detach request", _ALWAYS, MmeNas._detach_request),
    ("tracking area update request", _ALWAYS, MmeNas._tau_request),
    ("extended service request", _ALWAYS, MmeNas._extended_service_request),
    ("EMM status", _ALWAYS, MmeNas._emm_status_received),
    ("identity response", (State.IDENTIFYING,), MmeNas._identity_response),
    ("authentication response", (State.AUTHENTICATING,), MmeNas._authentication_response),
    ("authentication failure", (State.AUTHENTICATING,), MmeNas._authentication_failure),
    ("security mode complete", (State.SECURING,), MmeNas._security_mode_complete),
    ("security mode reject", (State.SECURING,), MmeNas._security_mode_reject),
    ("attach complete", (State.ACCEPTING_ATTACH,), MmeNas._attach_complete),
    ("tracking area update complete", (State.ACCEPTING_TAU,), MmeNas._tau_complete),
    ("GUTI reallocation complete", (State.REALLOCATING_GUTI,), MmeNas._guti_complete),
    ("detach accept", (State.DETACHING,), MmeNas._detach_accept),
)

EMM_TABLE: Final[dict[tuple[State, str], _Handler]] = {
    (state, name): handler for name, states, handler in _ENTRIES for state in states
}
"""What a message does in a state (7.4); others are answered by EMM STATUS, but for answers that nobody waits for."""

_ANSWERS: Final = frozenset(name for name, states, _ in _ENTRIES if states is not _ALWAYS)
