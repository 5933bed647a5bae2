"""What an eNB's MAC knows of one UE."""

from dataclasses import dataclass, field
from enum import Enum

from picocell.mac.channel import LogicalChannel
from picocell.mac.control_elements import LongBsr, ShortBsr, bsr_bytes
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.mac.enb_dl_harq import EnbDlHarq
from picocell.mac.enb_settings import EnbMacSettings
from picocell.mac.enb_ul_harq import EnbUlHarq
from picocell.mac.link_adaptation import OuterLoop, cqi_snr_db

_LARGEST_BSR: int = 300_000
"""What the last index of the buffer status table, more than 150000 bytes, is taken for."""

_N_LCG = 4
_SIGNALLING_LCID = 2
_AVERAGE = 0.2


class UePhase(Enum):
    """How far a UE has come."""

    MSG3 = "message 3 is awaited"
    MSG4 = "the contention is to be resolved"
    CONNECTED = "connected"


@dataclass(slots=True)
class UeMetrics:
    """Counters and last values for people to look at.

    Attributes:
        dl_ok, dl_nok: downlink transmissions by their answer; DTX counts as not received.
        ul_ok, ul_nok: uplink transmissions by their CRC.
        dl_bytes, ul_bytes: transport blocks received.
        dl_granted, ul_granted: bytes of the transport blocks granted, each counted at its first transmission.
        dl_retx, ul_retx: retransmissions.
        dl_mcs, ul_mcs: last MCS of a first transmission.
        pucch_snr_db: last of the PUCCH.
        dl_dtx: downlink transmissions without an answer.
        dl_dropped, ul_dropped: transport blocks given up.
    """

    dl_ok: int = 0
    dl_nok: int = 0
    ul_ok: int = 0
    ul_nok: int = 0
    dl_bytes: int = 0
    ul_bytes: int = 0
    dl_mcs: int = 0
    ul_mcs: int = 0
    pucch_snr_db: float | None = None
    dl_dtx: int = 0
    dl_dropped: int = 0
    ul_dropped: int = 0
    dl_granted: int = 0
    ul_granted: int = 0
    dl_retx: int = 0
    ul_retx: int = 0


@dataclass(slots=True)
class PowerLoop:
    """Power commands of one channel: steps towards a target SNR, at most one a period.

    Attributes:
        next_at: when the next command may go out.
        snr_db: last measurement since the last command; None where there was none.
    """

    next_at: int = 0
    snr_db: float | None = None

    def command(self, target: float | None, now: int, period: int, headroom: bool = True) -> int:
        """TPC field: 0 for -1 dB, 1 for nothing, 2 for +1 dB, 3 for +3 dB (TS 36.213 5.1.1.1, 5.1.2.1)."""
        if target is None or self.snr_db is None or now < self.next_at:
            return 1
        missing = target - self.snr_db
        if abs(missing) < 2 or (missing > 0 and not headroom):
            return 1
        self.next_at, self.snr_db = now + period, None
        return 3 if missing >= 4 else 2 if missing > 0 else 0


@dataclass(slots=True)
class EnbUe:
    """A UE context.

    Attributes:
        rnti: its C-RNTI or temporary C-RNTI.
        phase: how far it has come.
        config: its radio configuration.
        channels: its logical channels by LCID, in the order of priority.
        metrics: counters.
        cqi: last wideband CQI; None before the first.
        cqi_at: when it came, or was asked for.
        phr_db: last power headroom; None before the first.
        bsr: bytes that wait by logical channel group, by the last reports.
        ta_total: timing advance in steps of 16 T_s given so far.
        heard_at: subframe in which a block or an acknowledgement of it came last.
    """

    rnti: int
    phase: UePhase
    config: DedicatedConfig
    settings: EnbMacSettings
    created: int
    channels: dict[int, LogicalChannel] = field(default_factory=dict)
    metrics: UeMetrics = field(default_factory=UeMetrics)
    dl_harq: EnbDlHarq = field(default_factory=EnbDlHarq)
    ul_harq: EnbUlHarq = field(default_factory=EnbUlHarq)
    dl_loop: OuterLoop = field(init=False)
    ul_loop: OuterLoop = field(init=False)
    pdcch_loop: OuterLoop = field(init=False)
    pusch_power: PowerLoop = field(default_factory=PowerLoop)
    pucch_power: PowerLoop = field(default_factory=PowerLoop)
    cqi: int | None = None
    cqi_at: int = -(10**9)
    ul_snr_db: float | None = None
    phr_db: int | None = None
    phr_n_prb: int = 1
    bsr: list[int] = field(default_factory=lambda: [0] * _N_LCG)
    bsr_at: int = -1
    granted: dict[int, int] = field(default_factory=dict)
    wants_grant: int = 0
    contention_identity: bytes | None = None
    contention_since: int = 0
    ta_total: int = 0
    ta_offset_s: float = 0.0
    ta_measured: int = 0
    ta_next: int = 0
    ta_ignore: int = -1
    ta_command: int | None = None
    ta_aligned_at: int = 0
    last_data: int = 0
    dl_pending: int = 0
    missed_pusch: int = 0
    missed_dl: int = 0
    heard_at: int = field(init=False)
    lost: bool = False
    order: bool = False
    order_preamble: int | None = None
    order_at: int = 0

    def __post_init__(self) -> None:
        self.dl_loop = OuterLoop(self.settings.bler, self.settings.olla_step_db)
        self.ul_loop = OuterLoop(self.settings.bler, self.settings.olla_step_db)
        self.pdcch_loop = OuterLoop(0.01, 1.0)
        self.heard_at = self.created

    @property
    def dl_snr_db(self) -> float:
        """SNR that the UE's reports stand for, without the outer loop."""
        return cqi_snr_db(self.settings.initial_cqi if self.cqi is None else self.cqi)

    @property
    def rate_snr_db(self) -> float:
        """SNR by which the rate of the PDSCH is chosen."""
        return self.dl_snr_db + self.dl_loop.offset_db

    @property
    def pusch_snr_db(self) -> float:
        """SNR by which the rate of the PUSCH is chosen."""
        measured = self.settings.initial_ul_snr_db if self.ul_snr_db is None else self.ul_snr_db
        return measured + self.ul_loop.offset_db

    @property
    def pdcch_snr_db(self) -> float:
        """SNR by which the aggregation level is chosen."""
        return self.dl_snr_db + min(self.pdcch_loop.offset_db, 0.0)

    @property
    def bsr_total(self) -> int:
        """Bytes that wait at the UE by its last reports."""
        return sum(self.bsr)

    @property
    def signalling(self) -> bool:
        """Whether it has no data bearer yet."""
        return max(self.channels, default=0) <= _SIGNALLING_LCID

    def priority(self, lcid: int) -> int:
        """Priority of a logical channel, 1 the highest."""
        bearer = self.config.bearer(lcid)
        if lcid == 0:
            return 0
        return bearer.priority if bearer is not None and bearer.priority is not None else lcid

    def lcg(self, lcid: int) -> int:
        """Group whose buffer status counts a logical channel; 0 for signalling (TS 36.331 9.2.1)."""
        bearer = self.config.bearer(lcid)
        return bearer.lcg if bearer is not None and bearer.lcg is not None else 0

    def sort_channels(self) -> None:
        """Order the channels by priority."""
        self.channels = dict(sorted(self.channels.items(), key=lambda item: (self.priority(item[0]), item[0])))

    def measured_pusch(self, snr_db: float, delay_s: float, subframe: int) -> None:
        """A PUSCH was heard."""
        self.ul_snr_db = snr_db if self.ul_snr_db is None else self.ul_snr_db + _AVERAGE * (snr_db - self.ul_snr_db)
        self.pusch_power.snr_db = self.ul_snr_db
        self.measured_delay(delay_s, subframe)

    def measured_delay(self, delay_s: float, subframe: int) -> None:
        """A signal came late by so much, or early."""
        if subframe <= self.ta_ignore:
            return
        self.ta_offset_s += (delay_s - self.ta_offset_s) * (_AVERAGE if self.ta_measured else 1.0)
        self.ta_measured += 1

    def report(self, element: ShortBsr | LongBsr, subframe: int) -> None:
        """A buffer status report came in a PUSCH (TS 36.321 5.4.5); grants for later subframes are still to come."""
        if subframe < self.bsr_at:
            return  # a retransmission brought it, after a later one
        self.bsr_at = subframe
        indices = element.indices if isinstance(element, LongBsr) else None
        for lcg in range(_N_LCG):
            if indices is not None:
                self.bsr[lcg] = _bytes(indices[lcg])
            elif isinstance(element, ShortBsr) and lcg == element.lcg:
                self.bsr[lcg] = _bytes(element.index)

    def sdu_received(self, lcid: int, n_bytes: int, subframe: int) -> None:
        """So many bytes of a logical channel came in a block first sent in a subframe."""
        if subframe > self.bsr_at:
            lcg = self.lcg(lcid)
            self.bsr[lcg] = max(self.bsr[lcg] - n_bytes, 0)

    def ul_need(self) -> int:
        """Bytes for which grants are still to be sent."""
        waiting = sum(self.bsr)
        if waiting and self.granted:
            reported = self.bsr_at
            for subframe, n_bytes in self.granted.items():
                if subframe > reported:
                    waiting -= n_bytes
        return max(waiting, self.wants_grant)


def _bytes(index: int) -> int:
    limit = bsr_bytes(index)
    return _LARGEST_BSR if limit is None else limit
