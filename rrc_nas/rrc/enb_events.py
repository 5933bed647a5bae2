"""What a base station's RRC reports: to S1AP, and to the owner of the UEs' layers."""

from dataclasses import dataclass, field

from picocell.rrc_nas.rrc.events import UeEvent
from picocell.rrc_nas.rrc.states import RegisteredMme, STmsi

Cause = tuple[str, str]
"""Group and name of S1AP's Cause (TS 36.413 9.2.1.3), such as ``("radioNetwork", "user-inactivity")``."""


@dataclass(frozen=True, slots=True)
class InitialUeMessage:
    """A UE is connected; its first NAS message.

    Attributes:
        rnti: the UE.
        nas: the message.
        establishment_cause: as in RRCConnectionRequest, such as ``mo-Signalling``.
        s_tmsi: where the UE gave one.
        registered_mme: where the UE gave one.
        selected_plmn: selectedPLMN-Identity, place in SIB1's list, from 1.
    """

    rnti: int
    nas: bytes
    establishment_cause: str
    s_tmsi: STmsi | None = None
    registered_mme: RegisteredMme | None = None
    selected_plmn: int = 1


@dataclass(frozen=True, slots=True)
class UplinkNas:
    """A NAS message from a UE."""

    rnti: int
    nas: bytes


@dataclass(frozen=True, slots=True)
class NasNotDelivered:
    """A NAS message for a UE that was released before it could be sent."""

    rnti: int
    nas: bytes


@dataclass(frozen=True, slots=True)
class InitialContextSetupDone:
    """Security is on and bearers are set up: those E-RABs, and causes of those that are not."""

    rnti: int
    erabs: tuple[int, ...]
    failed: dict[int, Cause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InitialContextSetupFailed:
    """The context could not be set up; S1AP is to answer with the cause and the MME will release the UE."""

    rnti: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class ErabSetupDone:
    """E-RABs that were added, and causes of those that were not."""

    rnti: int
    erabs: tuple[int, ...]
    failed: dict[int, Cause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErabReleaseDone:
    """E-RABs that were released, and causes of those that were not."""

    rnti: int
    erabs: tuple[int, ...]
    failed: dict[int, Cause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UeCapability:
    """UERadioAccessCapabilityInformation of a UE (TS 36.331 10.2.2), the container that S1AP carries."""

    rnti: int
    container: bytes


@dataclass(frozen=True, slots=True)
class MeasurementReport:
    """measResults of a UE's report: RSRP in dBm and RSRQ in dB at the lower end of the reported ranges."""

    rnti: int
    meas_id: int
    rsrp_dbm: int
    rsrq_db: float


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """The MME should release a UE."""

    rnti: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class UeRenamed:
    """A UE was re-established under another C-RNTI: all its contexts move from one to the other."""

    old_rnti: int
    new_rnti: int


@dataclass(frozen=True, slots=True)
class UeGone:
    """A UE's context is removed, after its `ReleaseRadio`.

    Attributes:
        rnti: the UE.
        cause: why.
        known: `InitialUeMessage` had been reported, so that S1AP has a connection.
        ordered: S1AP had asked for it, and waits for this.
    """

    rnti: int
    cause: Cause
    known: bool = True
    ordered: bool = False


EnbRrcEvent = (
    UeEvent
    | InitialUeMessage
    | UplinkNas
    | NasNotDelivered
    | InitialContextSetupDone
    | InitialContextSetupFailed
    | ErabSetupDone
    | ErabReleaseDone
    | UeCapability
    | MeasurementReport
    | ReleaseRequest
    | UeRenamed
    | UeGone
)
