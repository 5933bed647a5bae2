"""Tracking area update, service request, new GUTI and detach in the network (TS 24.301 5.4.1, 5.5.2 to 5.6)."""

from datetime import timedelta
from typing import Any, Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError, emm_cause_name
from picocell.rrc_nas.nas.ies import DEACTIVATED, MobileIdentity
from picocell.rrc_nas.nas.mme_attach import Attach
from picocell.rrc_nas.nas.mme_base import Received, logger
from picocell.rrc_nas.nas.mme_bearers import Bearers
from picocell.rrc_nas.nas.mme_events import Erab
from picocell.rrc_nas.nas.mme_states import BearerState, Procedure, State
from picocell.rrc_nas.nas.session_ies import NetworkName

IDENTITY_UNKNOWN: Final = 9
IMPLICITLY_DETACHED: Final = 10
CS_NOT_AVAILABLE: Final = 18
NO_BEARER: Final = 40

_SWITCH_OFF: Final = 8
_DETACH_EPS, _DETACH_IMSI, _DETACH_COMBINED = 1, 2, 3
_REATTACH, _NO_REATTACH = 1, 2
_COMBINED_UPDATES: Final = (1, 2)
_ACTIVE_FLAG: Final = 8


class Mobility(Attach, Bearers):
    """What a registered phone asks for, and how it comes to an end."""

    _update_type = 0
    _update_opened = False
    _update_active = False
    _data_waits = False
    _reported_bearers: tuple[int, ...] | None = None
    _detach_type = _DETACH_EPS
    _detach_reason = ""

    # Tracking area update (5.5.3)

    def _tau_request(self, received: Received, now: int) -> None:
        message = received.message
        identity: MobileIdentity = message["old_guti"]
        known = identity.guti is not None and self.matches(identity.guti) and self.context.imsi is not None
        security = self.context.security
        if not known or security is None or not received.verified or security.ksi != message["nas_key_set_identifier"]:
            # Nothing changes: anybody may send such a message in a registered phone's name.
            why = "the message proves nothing" if known else "the GUTI is not known"
            if not known and self.context.imsi is None:
                self.context.offered = identity
            self._refuse_update(IDENTITY_UNKNOWN, why)
            return
        self._interrupt(now)
        if self.state is not State.REGISTERED:
            self._refuse_update(IMPLICITLY_DETACHED, "the phone is not registered")
            return
        self.procedure = Procedure.TAU
        refusal = self._area_refusal()
        if refusal is not None:
            self._reject(*refusal, now)
            return
        self._identify(identity, message["nas_key_set_identifier"], received.verified)
        self._update_opened = self._opened_connection
        self._update_type = message["eps_update_type"]
        self._update_active = self._data_waits or bool(self._update_type & _ACTIVE_FLAG)
        self._reported_bearers = message.get("eps_bearer_context_status")
        capability = message.get("ue_network_capability")
        if capability is not None:
            self.context.capability = capability
        self._advance(now)

    def _refuse_update(self, cause: int, why: str) -> None:
        self._log_refusal("tracking area update", cause, why)
        self._send("tracking area update reject", emm_cause=cause)
        if self._opened_connection:
            self._release("normal-release")

    def _accept_tau(self, now: int) -> None:
        """TRACKING AREA UPDATE ACCEPT (5.5.3.2.4)."""
        self._drop_unreported()
        if not self._active_ebis():
            self._reject(NO_BEARER, "no bearer is left", now)
            return
        wants_bearers = self._update_active and self._update_opened
        guti = self._new_guti() if self.settings.new_guti else None
        combined = self._update_type & 7 in _COMBINED_UPDATES
        plain = codec.encode(
            "tracking area update accept",
            eps_update_result=0,
            t3412_value=self.settings.t3412_s or DEACTIVATED,
            guti=guti,
            tai_list=self._tais,
            eps_bearer_context_status=self._active_ebis(),
            emm_cause=self.settings.combined_cause if combined else None,
            eps_network_feature_support=self._features(),
        )
        erabs = self._erabs() if wants_bearers else ()
        if erabs:
            self._set_up_context(erabs, self._protected(plain) or None)
        else:
            self._send_plain(plain)
        if guti is None:
            self._tau_done(now)
            return
        self.state = State.ACCEPTING_TAU
        self._start("T3450", now, self._tau_unanswered, lambda _: self._send_plain(plain))

    def _drop_unreported(self) -> None:
        """Bearers that the phone does not have any more are gone (5.5.3.2.4)."""
        if self._reported_bearers is not None:
            for bearer in list(self.context.bearers.values()):
                lost = bearer.ebi not in self._reported_bearers and bearer.state is BearerState.ACTIVE
                if lost and bearer.ebi in self.context.bearers:
                    self._close(bearer)

    def _active_ebis(self) -> tuple[int, ...]:
        return tuple(ebi for ebi, one in self.context.bearers.items() if one.state is BearerState.ACTIVE)

    def _erabs(self) -> tuple[Erab, ...]:
        return tuple(self._erab(self.context.bearers[ebi]) for ebi in self._active_ebis())

    def _tau_done(self, now: int) -> None:
        wanted = self._update_active or not self._update_opened
        self._end_procedure()
        self.state = State.REGISTERED
        self._registered()
        waiting = bool(self._when_connected)
        self._run_waiting(now)
        if not wanted and not waiting:
            self._release("normal-release")

    def _tau_complete(self, _received: Received, now: int) -> None:
        self._stop("T3450")
        self.context.old_guti = None
        self._tau_done(now)

    def _tau_unanswered(self, _now: int) -> None:
        """Both GUTIs stay valid (5.5.3.2.7 c)."""
        self._end_procedure()
        self.state = State.REGISTERED

    # Service request (5.6.1)

    def _service_request(self, pdu: bytes, now: int) -> None:
        security = self.context.security
        try:
            if security is None:
                raise NasError(None, "there is no security context")
            security.verify_service_request(pdu)
        except NasError as error:
            self._reject_service(IDENTITY_UNKNOWN, str(error))
            return
        self._interrupt(now)
        if self.state is not State.REGISTERED:
            self._reject_service(IMPLICITLY_DETACHED, "the phone is not registered")
            return
        erabs = self._erabs()
        if not erabs:
            self._reject_service(NO_BEARER, "no bearer is active")
            return
        self.secure = True
        self._k_enb_count = security.last_ul_count
        self._set_up_context(erabs)

    def _reject_service(self, cause: int, why: str) -> None:
        self._log_refusal("service request", cause, why)
        self._send("service reject", emm_cause=cause)
        self._release("normal-release")

    def _extended_service_request(self, received: Received, _now: int) -> None:
        """Circuit switched fallback, which this network does not have."""
        if not received.verified or self.state is not State.REGISTERED:
            cause = IDENTITY_UNKNOWN if not received.verified else IMPLICITLY_DETACHED
            self._reject_service(cause, "extended service request")
            return
        self._reject_service(CS_NOT_AVAILABLE, "there is no circuit switched fallback")

    # GUTI reallocation (5.4.1)

    def reallocate_guti(self, now: int) -> None:
        """Give the phone a new GUTI.

        Raises:
            ValueError: it is not registered.
        """
        if self.state is not State.REGISTERED:
            raise ValueError(f"{self.context.name} is {self.state.name}: only a registered phone gets a new GUTI")
        self._reach(self._reallocate, now, "a new GUTI")

    def _reallocate(self, now: int) -> None:
        if self.state is not State.REGISTERED:
            return
        self.state = State.REALLOCATING_GUTI
        plain = self._send("GUTI reallocation command", guti=self._new_guti(), tai_list=self._tais)
        self._ask("T3450", plain, now, "no answer to the GUTI reallocation")

    def _guti_complete(self, _received: Received, _now: int) -> None:
        self._stop("T3450")
        self.context.old_guti = None
        self.state = State.REGISTERED
        self._registered()

    # Detach (5.5.2)

    def _detach_request(self, received: Received, now: int) -> None:
        message = received.message
        self._detach_type = message["detach_type"]
        mine = self._is_mine(message["eps_mobile_identity"])
        if received.verified or (self.state is not State.REGISTERED and not self.secure):
            self._detach_now(now)
        elif self._detach_type & _SWITCH_OFF or self.state is not State.REGISTERED or not mine:
            # Not proven, and a phone that is switched off proves nothing any more: the implicit detach will do.
            self._ignore("detach request", "the message proves nothing")
            if self._opened_connection:
                self._release("detach")
        else:
            # Authenticated before it is believed (4.4.4.3).
            self._interrupt(now)
            self._before = self.context.imsi
            self.procedure = Procedure.DETACH
            self._identify(message["eps_mobile_identity"], message["nas_key_set_identifier"], False)
            self._advance(now)

    def _is_mine(self, identity: MobileIdentity) -> bool:
        if identity.guti is not None:
            return self.matches(identity.guti)
        return identity.kind == "imsi" and identity.digits == self.context.imsi

    def _detach_now(self, now: int) -> None:
        switch_off, kind = self._detach_type & _SWITCH_OFF, self._detach_type & 7
        if not switch_off:
            self._send("detach accept")
        if kind == _DETACH_IMSI:
            self._interrupt(now)
            return
        self._deregister("switched off" if switch_off else "detached by the phone")
        self._release("detach")

    def detach(self, now: int, *, reattach: bool = False, cause: int | None = None) -> None:
        """Detach the phone (5.5.2.3); `Deregistered` follows when it has answered or never did.

        Args:
            now: absolute millisecond.
            reattach: ask it to attach again.
            cause: EMM cause to tell.
        """
        if self.state is not State.REGISTERED:
            self._interrupt(now)
            self._deregister("detached by the network")
            self._release("detach")
            return

        self._detach_pending = True
        self._detach_reason = "detached by the network" + (f": {emm_cause_name(cause)}" if cause else "")

        def start(at: int) -> None:
            self._end_procedure()
            self._detach_pending = False
            self.state = State.DETACHING
            kind = _REATTACH if reattach else _NO_REATTACH
            plain = self._send("detach request", detach_type=kind, emm_cause=cause)
            self._start("T3422", at, self._detach_done, lambda _: self._send_plain(plain))

        self._reach(start, now, "a detach")

    def _detach_accept(self, _received: Received, now: int) -> None:
        self._detach_done(now)

    def _detach_done(self, _now: int) -> None:
        self._deregister(self._detach_reason)
        self._release("detach")

    def paging_failed(self, now: int) -> None:
        """The phone did not answer its page: what waited for it is dropped, a bearer that it does not know of too."""
        self._when_connected.clear()
        if self._detach_pending:
            self._deregister(self._detach_reason)
            return
        for bearer in list(self.context.bearers.values()):
            if bearer.state in (BearerState.ACTIVE_PENDING, BearerState.INACTIVE_PENDING) and bearer.ebi in (
                self.context.bearers
            ):
                self._close(bearer)
            elif bearer.state is BearerState.MODIFY_PENDING:
                self._modified(bearer, now)

    # EMM information (5.4.5)

    def _send_information(self, now: int) -> None:
        settings = self.settings
        fields: dict[str, Any] = {
            "full_name_for_network": NetworkName(settings.full_name) if settings.full_name else None,
            "short_name_for_network": NetworkName(settings.short_name) if settings.short_name else None,
        }
        if settings.network_time is not None:
            moment = settings.network_time + timedelta(milliseconds=now)
            parts = (moment.year % 100, moment.month, moment.day, moment.hour, moment.minute, moment.second)
            zone = _swapped(abs(settings.time_zone_quarters)) | (8 if settings.time_zone_quarters < 0 else 0)
            fields["universal_time_and_local_time_zone"] = bytes(_swapped(part) for part in parts) + bytes([zone])
        if any(value is not None for value in fields.values()):
            self._send("EMM information", **fields)

    def _emm_status_received(self, received: Received, _now: int) -> None:
        logger.info("%s: EMM STATUS %s", self.context.name, emm_cause_name(received.message["emm_cause"]))
        self.counters["EMM status"] += 1


def _swapped(number: int) -> int:
    """Two decimal digits in semi-octets, tens in the low one (TS 24.008 10.5.3.9, TS 23.040 9.2.3.11)."""
    return number % 10 << 4 | number // 10
