"""Authentication and identification of the UE (TS 24.301 5.4.2, 5.4.4)."""

import logging
from typing import Final

from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.ies import IDENTITY_TYPES, MobileIdentity
from picocell.rrc_nas.nas.protection import NO_KSI
from picocell.rrc_nas.nas.ue_core import EmmState, EmmSubstate, NewKeys, UeCore, UpdateStatus
from picocell.rrc_nas.nas.ue_events import AuthenticationRejected, ReleaseConnection
from picocell.rrc_nas.security.usim import AuthResult, MacFailure, SyncFailure, separation_bit

_LOG = logging.getLogger(__name__)

MAC_FAILURE: Final = 20
SYNCH_FAILURE: Final = 21
NON_EPS_AUTHENTICATION: Final = 26

_PROCEDURE_TIMERS: Final = {
    "T3410": EmmState.REGISTERED_INITIATED,
    "T3417": EmmState.SERVICE_REQUEST_INITIATED,
    "T3421": EmmState.DEREGISTERED_INITIATED,
    "T3430": EmmState.TRACKING_AREA_UPDATING_INITIATED,
}
"""Stopped while the UE doubts the network's genuineness (TS 24.301 5.4.2.7)."""

_MAX_FAILURES: Final = 3


class Authentication:
    """The UE's part in authentication and identification."""

    def __init__(self, core: UeCore) -> None:
        self._core = core
        self._answered: tuple[bytes, bytes] | None = None
        self._failures = 0
        self._suspended: tuple[str, ...] = ()

    @property
    def answered(self) -> tuple[bytes, bytes] | None:
        """RAND and RES of the latest challenge while T3416 runs."""
        return self._answered

    def request(self, message: NasMessage, now: int, protected: bool) -> None:
        """AUTHENTICATION REQUEST (TS 24.301 5.4.2.3, 5.4.2.6)."""
        del protected
        core = self._core
        rand, autn = message["authentication_parameter_rand"], message["authentication_parameter_autn"]
        ksi = message["nas_key_set_identifier"]
        self._resume(now)
        if ksi >= NO_KSI or len(autn) != 16:
            core.refuse(message.name, f"key set identifier {ksi} or AUTN of {len(autn)} octets cannot be")
            core.send("EMM status", emm_cause=96)
            return
        if self._answered is not None and self._answered[0] == rand:
            core.send("authentication response", authentication_response_parameter=self._answered[1])
            return
        if not separation_bit(autn):
            self._failed(NON_EPS_AUTHENTICATION, None, "T3418", now)
            return
        match core.usim.authenticate(rand, autn):
            case MacFailure():
                self._failed(MAC_FAILURE, None, "T3418", now)
            case SyncFailure(auts):
                self._failed(SYNCH_FAILURE, auts, "T3420", now)
            case AuthResult() as result:
                self._accepted(result, rand, ksi, now)

    def _accepted(self, result: AuthResult, rand: bytes, ksi: int, now: int) -> None:
        core = self._core
        if core.tai is None:
            core.refuse("authentication request", "no PLMN is selected")
            return
        self._failures = 0
        core.timers.stop("T3418", "T3420")
        core.new_keys = NewKeys(ksi, result.k_asme(core.tai.plmn.mcc, core.tai.plmn.mnc))
        self._answered = (rand, result.res)
        core.timers.start("T3416", now)
        core.send("authentication response", authentication_response_parameter=result.res)

    def _failed(self, cause: int, auts: bytes | None, timer: str, now: int) -> None:
        """Tell the network; a third failure in a row makes it a false one (TS 24.301 5.4.2.7)."""
        core = self._core
        core.refuse("authentication request", f"cause {cause}")
        self._forget()
        self._failures += 1
        core.send("authentication failure", emm_cause=cause, authentication_failure_parameter=auts)
        if self._failures >= _MAX_FAILURES:
            self.network_is_false(now)
            return
        core.timers.stop("T3418", "T3420")
        self._suspended = tuple(name for name in _PROCEDURE_TIMERS if name in core.timers)
        core.timers.stop(*self._suspended)
        core.timers.start(timer, now)

    def _resume(self, now: int) -> None:
        for name in self._suspended:
            if self._core.state is _PROCEDURE_TIMERS[name]:
                self._core.timers.start(name, now)
        self._suspended = ()
        self._core.timers.stop("T3418", "T3420")

    def network_is_false(self, now: int) -> None:
        """The network failed the check, or did not come back within T3418 or T3420 (TS 24.301 5.4.2.7)."""
        self._failures = 0
        self._resume(now)
        _LOG.warning("IMSI %s: the network did not pass authentication, its cell is barred", self._core.usim.imsi)
        self._core.emit(ReleaseConnection("the network did not pass authentication", bar_cell=True))

    def reject(self, message: NasMessage, now: int, protected: bool) -> None:
        """AUTHENTICATION REJECT: the USIM is invalid (TS 24.301 5.4.2.5)."""
        del message, now, protected
        core = self._core
        _LOG.warning("IMSI %s: authentication rejected", core.usim.imsi)
        self.reset()
        core.status = UpdateStatus.EU3_ROAMING_NOT_ALLOWED
        core.delete_identity()
        core.usim_valid = False
        core.timers.stop_all()
        core.emit(AuthenticationRejected())
        core.deregister("authentication was rejected", EmmSubstate.NO_IMSI)

    def timed_out(self) -> None:
        """T3416 expired: RAND and RES are forgotten (TS 24.301 5.4.2.3)."""
        self._forget()

    def _forget(self) -> None:
        self._answered = None
        self._core.timers.stop("T3416")

    def reset(self) -> None:
        """The connection is gone, or security is in use."""
        self._forget()
        self._failures = 0
        self._suspended = ()
        self._core.timers.stop("T3418", "T3420")

    def identity_request(self, message: NasMessage, now: int, protected: bool) -> None:
        """IDENTITY REQUEST; without protection only the IMSI is told (TS 24.301 4.4.4.2, 5.4.4.3)."""
        del now
        core = self._core
        kind = message["identity_type"] & 7
        if not protected and kind != IDENTITY_TYPES["imsi"]:
            core.refuse(message.name, f"identity type {kind} is not told without integrity protection")
            return
        core.send("identity response", mobile_identity=self._identity(kind))

    def _identity(self, kind: int) -> MobileIdentity:
        core = self._core
        if kind == IDENTITY_TYPES["imsi"]:
            return MobileIdentity.imsi(core.usim.imsi)
        if kind == IDENTITY_TYPES["imei"]:
            return MobileIdentity("imei", core.settings.imeisv[:14] + check_digit(core.settings.imeisv[:14]))
        if kind == IDENTITY_TYPES["imeisv"]:
            return MobileIdentity("imeisv", core.settings.imeisv)
        if kind == IDENTITY_TYPES["tmsi"] and core.guti is not None:
            return MobileIdentity("tmsi", tmsi=core.guti.m_tmsi)
        return MobileIdentity("none")


def check_digit(digits: str) -> str:
    """Luhn check digit of the first 14 digits of an IMEI (TS 23.003 6.2.1)."""
    total = 0
    for index, digit in enumerate(digits):
        value = int(digit) * (1 + index % 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def may_authenticate(state: EmmState) -> bool:
    """Whether the network may authenticate or identify the UE in a state."""
    return state not in (EmmState.NULL, EmmState.DEREGISTERED)
