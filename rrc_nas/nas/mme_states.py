"""States of the network end of NAS (TS 24.301 5.1.3.4, 6.1.3.3)."""

from enum import Enum, auto


class EmmState(Enum):
    """Main states of EMM in the network (clause 5.1.3.4)."""

    DEREGISTERED = auto()
    COMMON_PROCEDURE_INITIATED = auto()
    REGISTERED = auto()
    DEREGISTERED_INITIATED = auto()


class State(Enum):
    """What the network end waits for; each lies in one `EmmState`."""

    DEREGISTERED = auto()
    IDENTIFYING = auto()
    FETCHING_VECTORS = auto()
    AUTHENTICATING = auto()
    SECURING = auto()
    ASKING_ESM = auto()
    UPDATING_LOCATION = auto()
    DELETING_SESSIONS = auto()
    CREATING_SESSION = auto()
    ACCEPTING_ATTACH = auto()
    REGISTERED = auto()
    ACCEPTING_TAU = auto()
    REALLOCATING_GUTI = auto()
    DETACHING = auto()

    @property
    def emm(self) -> EmmState:
        """The state of the standard that this one lies in."""
        match self:
            case State.DEREGISTERED:
                return EmmState.DEREGISTERED
            case State.REGISTERED:
                return EmmState.REGISTERED
            case State.DETACHING:
                return EmmState.DEREGISTERED_INITIATED
            case _:
                return EmmState.COMMON_PROCEDURE_INITIATED


class Procedure(Enum):
    """The specific procedure that the common ones serve (clause 5.1.2)."""

    NONE = auto()
    ATTACH = auto()
    TAU = auto()
    DETACH = auto()


class BearerState(Enum):
    """States of an EPS bearer context in the network (clause 6.1.3.3)."""

    CREATING = auto()
    ACTIVE_PENDING = auto()
    ACTIVE = auto()
    MODIFY_PENDING = auto()
    DELETING = auto()
    INACTIVE_PENDING = auto()
