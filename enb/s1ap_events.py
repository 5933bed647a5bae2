"""What the eNB's end of S1AP tells its owner."""

from dataclasses import dataclass

from picocell.epc.interfaces.s1ap_values import CauseValue, ErabToSetup, Gummei, STmsi, TaIdentity


@dataclass(frozen=True, slots=True)
class S1SetupDone:
    """The MME serves this eNB from now on."""

    mme_name: str
    gummeis: tuple[Gummei, ...]
    relative_capacity: int


@dataclass(frozen=True, slots=True)
class S1SetupFailed:
    """The MME refused the eNB, or did not answer; `text` says who and why, `retry_at` when it is tried again (ms)."""

    text: str
    cause: CauseValue | None
    retry_at: int | None


@dataclass(frozen=True, slots=True)
class DownlinkNas:
    """A NAS message for a UE."""

    rnti: int
    nas: bytes


@dataclass(frozen=True, slots=True)
class InitialContextSetupRequest:
    """A UE's context is to be set up (TS 36.413 9.1.4.1).

    Attributes:
        rnti: the UE.
        k_enb: 32 bytes.
        eea, eia: UE security capabilities, 16 bits each: bit 15 is EEA1 and EIA1, bit 14 EEA2 and EIA2, …
        ambr_ul, ambr_dl: UE aggregate maximum bit rates, bit/s.
        erabs: bearers; each may carry a NAS message.
        ue_radio_capability: what the MME has stored, None where the eNB is to ask the UE.
    """

    rnti: int
    k_enb: bytes
    eea: int
    eia: int
    ambr_ul: int
    ambr_dl: int
    erabs: tuple[ErabToSetup, ...]
    ue_radio_capability: bytes | None = None


@dataclass(frozen=True, slots=True)
class ContextModified:
    """The MME changed a UE's context; None is for what stays. It has been answered."""

    rnti: int
    k_enb: bytes | None = None
    eea: int | None = None
    eia: int | None = None
    ambr_ul: int | None = None
    ambr_dl: int | None = None


@dataclass(frozen=True, slots=True)
class ErabSetupRequest:
    """Bearers are to be added; answered by `EnbS1ap.erab_setup_response`."""

    rnti: int
    erabs: tuple[ErabToSetup, ...]
    ambr_ul: int | None = None
    ambr_dl: int | None = None


@dataclass(frozen=True, slots=True)
class ErabReleaseCommand:
    """Bearers are to be released; answered by `EnbS1ap.erab_release_response`."""

    rnti: int
    erab_ids: tuple[int, ...]
    nas: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReleaseCommand:
    """A UE is to be released; answered by `EnbS1ap.release_complete`.

    ``local`` says that the MME did not order it and knows nothing of it: the procedure's guard has run out, or an Error
    Indication ended the connection. The context is gone then, and an answer does no harm.
    """

    rnti: int
    cause: CauseValue
    local: bool = False


@dataclass(frozen=True, slots=True)
class PagingRequest:
    """A UE is to be paged (TS 36.413 9.1.6).

    Attributes:
        ue_identity_index: IMSI modulo 1024.
        s_tmsi, imsi: its identity, one of them.
        drx: its paging cycle in radio frames, None for the cell's.
        cn_domain: ``ps`` or ``cs``.
        tais: where.
    """

    ue_identity_index: int
    s_tmsi: STmsi | None
    imsi: str | None
    drx: int | None
    cn_domain: str
    tais: tuple[TaIdentity, ...]


@dataclass(frozen=True, slots=True)
class OverloadStarted:
    """The MME wants less signalling (TS 36.413 8.7.6): which connections to reject, and what share in percent."""

    action: str
    reduction: int | None = None


@dataclass(frozen=True, slots=True)
class OverloadStopped:
    """The MME takes everything again."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The S1 connections of these UEs are gone, all of the eNB's where ``whole``: their radio resources go, too."""

    rntis: tuple[int, ...]
    whole: bool
    cause: CauseValue


@dataclass(frozen=True, slots=True)
class ErrorIndicated:
    """The MME reported an error; ``rnti`` is None where it names no UE of ours."""

    rnti: int | None
    cause: CauseValue


Event = (
    S1SetupDone
    | S1SetupFailed
    | DownlinkNas
    | InitialContextSetupRequest
    | ContextModified
    | ErabSetupRequest
    | ErabReleaseCommand
    | ReleaseCommand
    | PagingRequest
    | OverloadStarted
    | OverloadStopped
    | Reset
    | ErrorIndicated
)
