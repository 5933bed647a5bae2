"""What an operator sets about the MME."""

from dataclasses import dataclass, field
from typing import Literal

from picocell.epc.interfaces import s1ap_values as values
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings

PagingPolicy = Literal["tracking_areas", "last_enb_first"]


@dataclass(frozen=True, slots=True)
class MmeSettings:
    """Settings of one MME.

    Attributes:
        nas: PLMN, MME group and code, tracking area codes (empty: every one is served) and what phones are told.
        name: MME name, told to eNBs.
        relative_capacity: 0 to 255, its share of the phones.
        time_to_wait_s: told to an eNB that is refused, None: nothing.
        guard_ms: how long an answer of an eNB is waited for.
        attempts: times that a procedure of a whole S1 interface is sent.
        connected_guard_ms: an S1 connection without a context and without a message for so long is released.
        t3413_ms: wait for the answer to paging (TS 24.301 10.2).
        paging_attempts: times that a phone is paged.
        paging_policy: where it is paged first: in all its tracking areas, or at the last eNB.
        paging_drx: default paging cycle in radio frames told for a phone, None: the cell's.
        s6a_timeout_ms: wait for an answer of the HSS.
        gtp_t3_ms, gtp_n3: T3-RESPONSE and N3-REQUESTS of S11.
        keep_ms: how long the context of a phone that is deregistered is kept, 0: not at all.
        restart_counter: of GTPv2-C's Recovery.
        realm: Diameter realm, None: made of the PLMN (TS 23.003 19.2).
    """

    nas: MmeNasSettings = field(default_factory=MmeNasSettings)
    name: str = "picocell-mme"
    relative_capacity: int = 255
    time_to_wait_s: int | None = 10
    guard_ms: int = 10_000
    attempts: int = 3
    connected_guard_ms: int = 60_000
    t3413_ms: int = 6_000
    paging_attempts: int = 3
    paging_policy: PagingPolicy = "tracking_areas"
    paging_drx: int | None = None
    s6a_timeout_ms: int = 10_000
    gtp_t3_ms: int = 3_000
    gtp_n3: int = 3
    keep_ms: int = 0
    restart_counter: int = 0
    realm: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.relative_capacity <= 255:
            raise ValueError(f"relative capacity {self.relative_capacity} is outside 0..255")
        if self.time_to_wait_s is not None and self.time_to_wait_s not in values.TIMES_TO_WAIT_S:
            raise ValueError(f"time to wait {self.time_to_wait_s} s; allowed are {values.TIMES_TO_WAIT_S}")
        if self.paging_drx is not None and self.paging_drx not in values.PAGING_DRX:
            raise ValueError(f"paging cycle of {self.paging_drx} frames; allowed are {values.PAGING_DRX}")
        if not 0 < len(self.name) <= 150:
            raise ValueError(f"MME name of {len(self.name)} characters; allowed are 1 to 150")
        if self.paging_policy not in ("tracking_areas", "last_enb_first"):
            raise ValueError(f"paging policy {self.paging_policy!r}; allowed are tracking_areas and last_enb_first")

    @property
    def diameter_realm(self) -> str:
        """Realm of the MME and of the HSS (TS 23.003 19.2)."""
        own = f"epc.mnc{self.nas.mnc:0>3}.mcc{self.nas.mcc}.3gppnetwork.org"
        return own if self.realm is None else self.realm

    @property
    def diameter_host(self) -> str:
        """Origin-Host of the MME (TS 23.003 19.4.2.4)."""
        return f"mmec{self.nas.mme_code:02x}.mmegi{self.nas.mme_group_id:04x}.mme.{self.diameter_realm}"
