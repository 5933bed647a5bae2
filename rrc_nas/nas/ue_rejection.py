"""What the UE does on an EMM cause in a reject or detach (TS 24.301 5.5.1.2.5, 5.5.3.2.5, 5.6.1.5, 5.5.2.3.2)."""

from dataclasses import dataclass
from typing import Final, Literal

from picocell.rrc_nas.nas.causes import emm_cause_name
from picocell.rrc_nas.nas.ue_core import EmmState, EmmSubstate, UeCore, UpdateStatus


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one cause has for consequence.

    Attributes:
        substate: entered.
        status: EPS update status, None keeps it.
        delete: GUTI, last visited TAI, TAI list and eKSI are deleted.
        usim: the USIM is invalid until the UE is switched off.
        forbid: list that the PLMN or the tracking area goes into.
        stays_registered: in tracking area updating and service request the UE stays registered.
        reattach: the UE attaches again.
    """

    substate: EmmSubstate
    status: UpdateStatus | None = UpdateStatus.EU3_ROAMING_NOT_ALLOWED
    delete: bool = True
    usim: bool = False
    forbid: Literal["plmn", "tai"] | None = None
    stays_registered: bool = False
    reattach: bool = False


_EU2: Final = UpdateStatus.EU2_NOT_UPDATED

CONSEQUENCES: Final[dict[int, Consequence]] = {
    3: Consequence(EmmSubstate.NO_IMSI, usim=True),
    6: Consequence(EmmSubstate.NO_IMSI, usim=True),
    7: Consequence(EmmSubstate.NO_IMSI, usim=True),
    8: Consequence(EmmSubstate.NO_IMSI, usim=True),
    11: Consequence(EmmSubstate.PLMN_SEARCH, forbid="plmn"),
    12: Consequence(EmmSubstate.LIMITED_SERVICE, forbid="tai"),
    13: Consequence(EmmSubstate.PLMN_SEARCH, forbid="tai", stays_registered=True),
    14: Consequence(EmmSubstate.PLMN_SEARCH, forbid="plmn"),
    15: Consequence(EmmSubstate.LIMITED_SERVICE, forbid="tai", stays_registered=True),
    25: Consequence(EmmSubstate.LIMITED_SERVICE, stays_registered=True),
    35: Consequence(EmmSubstate.PLMN_SEARCH, forbid="plmn"),
    42: Consequence(EmmSubstate.PLMN_SEARCH, status=_EU2),
}
"""Consequences of a cause in any procedure."""

REGISTERED_CONSEQUENCES: Final[dict[int, Consequence]] = {
    9: Consequence(EmmSubstate.NORMAL_SERVICE, status=_EU2, reattach=True),
    10: Consequence(EmmSubstate.NORMAL_SERVICE, status=None, delete=False, reattach=True),
    40: Consequence(EmmSubstate.NORMAL_SERVICE, status=None, delete=False, reattach=True),
}
"""Causes that end an existing registration, in tracking area updating and service request only."""

INTEGRITY_ONLY: Final = frozenset({25})
"""Causes that are ignored in a message without integrity protection (TS 24.301 4.4.4.2)."""


def consequence(cause: int, *, registered: bool) -> Consequence | None:
    """Consequence of a cause, None for one that is an abnormal case of the procedure."""
    if registered and cause in REGISTERED_CONSEQUENCES:
        return REGISTERED_CONSEQUENCES[cause]
    return CONSEQUENCES.get(cause)


def apply(core: UeCore, what: Consequence, cause: int, *, registered: bool) -> None:
    """Carry a consequence out; ``registered``: in tracking area updating or service request."""
    if what.status is not None:
        core.status = what.status
    if what.forbid and core.tai is not None:
        if what.forbid == "plmn":
            core.forbidden_plmns.add(core.tai.plmn)
        else:
            core.forbidden_tais.add(core.tai)
    core.attempts = 0
    if registered and what.stays_registered:
        core.tai_list = tuple(tai for tai in core.tai_list if tai != core.tai)
        core.timers.stop("T3417", "T3430")
        core.enter(EmmState.REGISTERED, what.substate)
        return
    if what.delete:
        core.delete_identity()
        core.equivalent_plmns = ()
    if what.usim:
        core.usim_valid = False
    core.deregister(emm_cause_name(cause), what.substate, reattach=what.reattach)
    if what.forbid:  # another cell may do
        core.attach_wanted = True
