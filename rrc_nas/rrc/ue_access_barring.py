"""Access class barring: T302, T303, T305 (TS 36.331 5.3.3.2, 5.3.3.7, 5.3.3.11)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from picocell.rrc_nas.rrc.fields import Value, number, reading
from picocell.rrc_nas.rrc.ue_context import Timer, UeContext
from picocell.rrc_nas.rrc.ue_events import BarringAlleviated

_MS_PER_S: Final = 1000
_FACTOR_STEPS: Final = 100


class Access(StrEnum):
    """What a connection is for, as upper layers say (TS 24.301 D.1)."""

    EMERGENCY = "emergency calls"
    TERMINATING = "mobile terminating"
    CALLS = "originating calls"
    SIGNALLING = "originating signalling"


ACCESS_OF_CAUSE: Final = {
    "emergency": Access.EMERGENCY,
    "highPriorityAccess": Access.CALLS,
    "mt-Access": Access.TERMINATING,
    "mo-Signalling": Access.SIGNALLING,
    "mo-Data": Access.CALLS,
    "delayTolerantAccess-v1020": Access.SIGNALLING,
}
_TIMERS: Final = {Access.CALLS: Timer.T303, Access.SIGNALLING: Timer.T305}
_FIELDS: Final = {Access.CALLS: "ac-BarringForMO-Data", Access.SIGNALLING: "ac-BarringForMO-Signalling"}
_ALLEVIATED: Final = {
    Timer.T302: (Access.TERMINATING, Access.CALLS, Access.SIGNALLING),
    Timer.T303: (Access.CALLS,),
    Timer.T305: (Access.SIGNALLING,),
}
BARRING_TIMERS: Final = tuple(_ALLEVIATED)


@dataclass(frozen=True, slots=True)
class Barred:
    """Access is barred.

    Attributes:
        reason: in plain words.
        wait_s: for how long; None where that is not known.
    """

    reason: str
    wait_s: float | None


class AccessBarring:
    """Decides whether a UE may ask for a connection.

    Args:
        context: of the UE.
    """

    def __init__(self, context: UeContext) -> None:
        self._context = context

    def check(self, access: Access, sib2: Value, now: int) -> Barred | None:
        """Whether access is barred now; starts the timer of what it bars.

        Raises:
            Asn1Error: a value that is no SIB2.
        """
        with reading("SIB2"):
            info = sib2.get("ac-BarringInfo")
            if access is Access.EMERGENCY:
                return self._emergency(info)
            waiting = self._waiting(Timer.T302, "the network asked to wait (T302)", now)
            if waiting is not None or access is Access.TERMINATING:
                return waiting
            return self._originating(access, info, now)

    def expired(self, timer: Timer) -> None:
        """A timer of `BARRING_TIMERS` has run out; what another one bars stays barred (5.3.3.7)."""
        context = self._context
        freed = [
            access
            for access in _ALLEVIATED[timer]
            if not context.running(Timer.T302) and not (access in _TIMERS and context.running(_TIMERS[access]))
        ]
        if freed:
            context.emit(BarringAlleviated(tuple(access.value for access in freed)))

    def stop(self, *, alleviate: bool) -> None:
        """Stop the timers: a connection was established, or another cell is selected (5.3.3.4, 5.3.3.5)."""
        stopped = [timer for timer in BARRING_TIMERS if self._context.running(timer)]
        self._context.stop(*stopped)
        if stopped and alleviate:
            freed = dict.fromkeys(access.value for timer in stopped for access in _ALLEVIATED[timer])
            self._context.emit(BarringAlleviated(tuple(freed)))

    def _emergency(self, info: Value | None) -> Barred | None:
        if info is None or not info["ac-BarringForEmergency"]:
            return None
        special = self._context.identity.special_classes
        data = info.get("ac-BarringForMO-Data")
        if special and (data is None or self._is_exempt(data)):
            return None
        return Barred("the cell bars emergency calls", None)

    def _originating(self, access: Access, info: Value | None, now: int) -> Barred | None:
        timer = _TIMERS[access]
        waiting = self._waiting(timer, f"access class barring of {access.value} ({timer.value})", now)
        if waiting is not None:
            return waiting
        config = None if info is None else info.get(_FIELDS[access])
        if config is None or self._is_exempt(config):
            return None
        if self._context.rng.random() < _factor(config["ac-BarringFactor"]):
            return None
        wait_s = (0.7 + 0.6 * self._context.rng.random()) * number(config["ac-BarringTime"])
        self._context.start(timer, round(_MS_PER_S * wait_s), now)
        return Barred(f"access class barring of {access.value}", wait_s)

    def _is_exempt(self, config: Value) -> bool:
        """Whether one of the UE's access classes 11..15 is not barred; its bit is 0 then, class 11 the leftmost."""
        bits, _ = config["ac-BarringForSpecialAC"]
        return any(not bits >> (15 - ac) & 1 for ac in self._context.identity.special_classes)

    def _waiting(self, timer: Timer, reason: str, now: int) -> Barred | None:
        deadline = self._context.timers.get(timer)
        return None if deadline is None else Barred(reason, (deadline - now) / _MS_PER_S)


def _factor(name: str) -> float:
    """ac-BarringFactor: 0.05 of ``p05``."""
    return number(name) / _FACTOR_STEPS
