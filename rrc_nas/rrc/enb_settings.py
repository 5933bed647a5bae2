"""What a base station's RRC is given: settings, requests of S1AP, and the resources that it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from picocell.mac.dedicated_config import PeriodicCqi, SchedulingRequest
from picocell.rrc_nas.rrc.states import STmsi
from picocell.rrc_nas.security.algorithms import Eea, Eia


@dataclass(frozen=True, slots=True)
class EnbRrcSettings:
    """Settings of a cell's RRC.

    Attributes:
        cell_identity: cellIdentity of SIB1, 28 bits.
        earfcn_dl: downlink EARFCN, for K_eNB* and the measurement object.
        eea: ciphering algorithms, the preferred one first; EEA0 is what remains.
        eia: integrity algorithms, the preferred one first, without EIA0.
        inactivity_ms: without traffic, after which the MME is asked to release a UE; None for never.
        setup_ms: time for RRCConnectionSetupComplete.
        procedure_ms: time for the answer to a message on the DCCH.
        lost_ms: how long a UE whose radio link failed may come back; T310 and T311 of SIB2 where None.
        release_ms: between RRCConnectionRelease and the end of the radio resources, for its delivery.
        reject_ms: the same for a reject message on the CCCH.
        s1_release_ms: time for the MME to release a UE that it was asked to.
        wait_time_s: waitTime of RRCConnectionReject, 1 to 16.
        no_mme_wait_s: the same while there is no MME.
        max_ues: connections that are accepted; None for as many as there are resources for.
        measure: configure a measurement of the serving frequency.

    Raises:
        ValueError: a value out of its range, or EIA0 among the integrity algorithms.
    """

    cell_identity: int = 0x19B01
    earfcn_dl: int = 3350
    eea: tuple[Eea, ...] = (Eea.EEA0, Eea.EEA2, Eea.EEA1, Eea.EEA3)
    eia: tuple[Eia, ...] = (Eia.EIA2, Eia.EIA1, Eia.EIA3)
    inactivity_ms: int | None = 30_000
    setup_ms: int = 1000
    procedure_ms: int = 2000
    lost_ms: int | None = None
    release_ms: int = 100
    reject_ms: int = 50
    s1_release_ms: int = 5000
    wait_time_s: int = 5
    no_mme_wait_s: int = 1
    max_ues: int | None = None
    measure: bool = True

    def __post_init__(self) -> None:
        if self.cell_identity >> 28:
            raise ValueError(f"cell_identity {self.cell_identity} does not fit 28 bits")
        if not 0 <= self.earfcn_dl <= 0xFFFF:
            raise ValueError(f"earfcn_dl {self.earfcn_dl} is outside 0..65535")
        if Eia.EIA0 in self.eia or not self.eia:
            raise ValueError("eia needs algorithms other than EIA0, which is for emergency calls only")
        for name in ("wait_time_s", "no_mme_wait_s"):
            if not 1 <= getattr(self, name) <= 16:
                raise ValueError(f"{name} {getattr(self, name)} is outside 1..16")


class UciAllocationLike(Protocol):
    """Uplink control resources of one UE."""

    @property
    def sr(self) -> SchedulingRequest:
        """Scheduling requests."""

    @property
    def cqi(self) -> PeriodicCqi:
        """Periodic reports."""


class UciResourcesLike(Protocol):
    """Hands out uplink control resources."""

    def allocate(self, rnti: int) -> UciAllocationLike:
        """Resources for a UE; ValueError where there are none left."""

    def release(self, rnti: int) -> None:
        """Take a UE's resources back."""


class ErabLike(Protocol):
    """A bearer to be set up, as S1AP describes it."""

    @property
    def erab_id(self) -> int:
        """E-RAB identity, which is the EPS bearer identity: 5..15."""

    @property
    def qci(self) -> int:
        """QoS class."""

    @property
    def nas(self) -> bytes | None:
        """NAS message that goes with it."""


@dataclass(frozen=True, slots=True)
class Erab:
    """A bearer to be set up."""

    erab_id: int
    qci: int
    nas: bytes | None = None


class InitialContextLike(Protocol):
    """A context to be set up, as S1AP describes it."""

    @property
    def k_enb(self) -> bytes:
        """K_eNB, 32 bytes."""

    @property
    def eea(self) -> int:
        """Ciphering algorithms of the UE, 16 bits: bit 15 is EEA1, bit 14 EEA2, …"""

    @property
    def eia(self) -> int:
        """Integrity algorithms of the UE in the same way."""

    @property
    def erabs(self) -> Sequence[ErabLike]:
        """Bearers."""

    @property
    def ue_radio_capability(self) -> bytes | None:
        """UERadioAccessCapabilityInformation that the MME has stored; None where the UE is to be asked."""


@dataclass(frozen=True, slots=True)
class InitialContext:
    """A context to be set up (TS 36.413 9.1.4.1)."""

    k_enb: bytes
    eea: int
    eia: int
    erabs: tuple[ErabLike, ...]
    ue_radio_capability: bytes | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """A UE to be paged (TS 36.413 9.1.6).

    Attributes:
        ue_identity_index: IMSI modulo 1024.
        identity: S-TMSI, or the digits of an IMSI.
        drx: the UE's paging cycle in radio frames; None for the cell's.
        cn_domain: ``ps`` or ``cs``.
    """

    ue_identity_index: int
    identity: STmsi | tuple[int, int] | str
    drx: int | None = None
    cn_domain: str = "ps"
