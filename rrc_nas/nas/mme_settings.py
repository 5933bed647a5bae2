"""What an operator sets about the network end of NAS."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from picocell.rrc_nas.security.algorithms import Eea, Eia

MAX_TIMER_S: Final = 31 * 360
"""Longest time that a GPRS timer can say (TS 24.008 10.5.7.3)."""


@dataclass(frozen=True, slots=True)
class MmeNasSettings:
    """Settings of one MME; those of every phone's `MmeNas`.

    Attributes:
        mcc, mnc: PLMN of the MME.
        mme_group_id, mme_code: of the GUTIs that it allocates.
        tacs: tracking area codes of the cells it serves, the list that a phone is registered in; empty: that of the
            cell where the phone came.
        t3412_s: periodic tracking area update timer, 0 deactivates it; the nearest value that the IE can say is used.
        t3402_s: told in the attach accept where it is not None.
        full_name, short_name: network name in EMM INFORMATION, which is not sent where both are empty.
        network_time: UTC at ``now`` = 0, told in EMM INFORMATION where set.
        time_zone_quarters: offset of local time in quarters of an hour.
        eea, eia: allowed algorithms, best first (EIA0 stands for no integrity and is not allowed here).
        ask_imeisv: ask for the IMEISV in the security mode command.
        new_guti: allocate a new GUTI at every attach and update (else where there is none).
        authenticate_known: authenticate also a phone whose message carries a valid MAC.
        ksi_differs: allocate another eKSI than the one that the phone offers (5.4.2.2).
        dns, mtu: told in the protocol configuration options where the gateway sent none.
        send_ambr: tell the APN-AMBR in the bearer activation.
        lai: LAC told with a TMSI (the M-TMSI) in the attach accept, as an MME with CS fallback does.
        ims_voice, emergency: EPS network feature support; the IE is sent where one is True.
        combined_cause: EMM cause told where a combined attach or update is answered with EPS only.
        allowed_tacs: phones in other tracking areas are refused with ``area_cause``; None allows all.
        timers_s: own values of the timers by name (T3460, ...), of the table else.
        congested_t3346_s: attaches are refused with cause 22 and this back-off timer while it is not None.
    """

    mcc: str = "001"
    mnc: str = "01"
    mme_group_id: int = 1
    mme_code: int = 1
    tacs: tuple[int, ...] = ()
    t3412_s: int = 3240
    t3402_s: int | None = None
    full_name: str = "picocell"
    short_name: str = "picocell"
    network_time: datetime | None = None
    time_zone_quarters: int = 0
    eea: tuple[Eea, ...] = (Eea.EEA2, Eea.EEA1, Eea.EEA3, Eea.EEA0)
    eia: tuple[Eia, ...] = (Eia.EIA2, Eia.EIA1, Eia.EIA3)
    ask_imeisv: bool = True
    new_guti: bool = True
    authenticate_known: bool = False
    ksi_differs: bool = True
    dns: tuple[str, ...] = ()
    mtu: int | None = None
    send_ambr: bool = True
    lai: int | None = None
    ims_voice: bool = False
    emergency: bool = False
    combined_cause: int = 18
    allowed_tacs: frozenset[int] | None = None
    area_cause: int = 15
    congested_t3346_s: int | None = None
    timers_s: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (len(self.mcc) == 3 and len(self.mnc) in (2, 3) and (self.mcc + self.mnc).isdigit()):
            raise ValueError(f"PLMN {self.mcc!r}/{self.mnc!r}: MCC has three digits, MNC two or three")
        if not 0 <= self.mme_group_id < 1 << 16:
            raise ValueError(f"MME group identity {self.mme_group_id} is outside 0..65535")
        if not 0 <= self.mme_code < 1 << 8:
            raise ValueError(f"MME code {self.mme_code} is outside 0..255")
        if not self.eea or not self.eia or Eia.EIA0 in self.eia:
            raise ValueError("at least one ciphering and one integrity algorithm, and EIA0 is none")
        for name in ("t3412_s", "t3402_s", "congested_t3346_s"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= MAX_TIMER_S:
                raise ValueError(f"{name} {value} is outside 0..{MAX_TIMER_S}")
        if len(self.tacs) > 16:
            raise ValueError(f"{len(self.tacs)} tracking area codes: a list holds at most 16")
