"""What RRC has configured for one UE, and what the UE therefore sends on the PUCCH (TS 36.331 6.3.2, TS 36.213 7.2.2).

The defaults of the classes are those of TS 36.331 9.2: what holds where RRC has said nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from picocell.phy.lte.ul_periodicity import (
    SubbandParts,
    aperiodic_subbands,
    cqi_subframe,
    ri_subframe,
    sr_subframe,
    srs_subframe,
    subband_instance,
    subband_parts,
)

_WIDEBAND_CQI_BITS: Final = 4
_SPATIAL_DIFFERENTIAL_BITS: Final = 3

_PMI_MODES: Final = (4, 5, 6)
"""Transmission modes whose periodic reports carry a precoding matrix indicator (TS 36.213 7.2.2)."""

_RANK_MODES: Final = (3, 4, 8)
"""Transmission modes in which the UE may choose the rank (TS 36.213 7.2)."""


class RlcMode(StrEnum):
    """Alternatives of RLC-Config."""

    AM = "am"
    UM = "um"
    UM_UPLINK = "um-uplink"
    UM_DOWNLINK = "um-downlink"


class BearerKind(StrEnum):
    """Signalling or data radio bearer."""

    SRB = "SRB"
    DRB = "DRB"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A radio bearer.

    Attributes:
        kind: signalling or data.
        identity: srb-Identity 1..2 or drb-Identity 1..32.
        lcid: logicalChannelIdentity.
        rlc: mode of its RLC entity.
        rlc_sn_bits_ul: RLC sequence number bits of the uplink.
        rlc_sn_bits_dl: RLC sequence number bits of the downlink.
        pdcp_sn_bits: PDCP sequence number bits.
        eps_bearer: eps-BearerIdentity; None for an SRB.
        priority: of the uplink logical channel, 1 the highest; None where not configured.
        lcg: logicalChannelGroup of its buffer status; None where not configured.
        prioritised_bit_rate: prioritisedBitRate in bytes/s; None for infinity.
        bucket_size_duration: bucketSizeDuration in ms.
    """

    kind: BearerKind
    identity: int
    lcid: int
    rlc: RlcMode = RlcMode.AM
    rlc_sn_bits_ul: int = 10
    rlc_sn_bits_dl: int = 10
    pdcp_sn_bits: int = 12
    eps_bearer: int | None = None
    priority: int | None = None
    lcg: int | None = None
    prioritised_bit_rate: int | None = None
    bucket_size_duration: int = 50

    @property
    def name(self) -> str:
        """``SRB1``, ``DRB3``."""
        return f"{self.kind.value}{self.identity}"


@dataclass(frozen=True, slots=True)
class AckNackRepetition:
    """Repetition of HARQ-ACK: how often, and n1PUCCH-AN-Rep of the repeats (TS 36.213 10.2)."""

    factor: int
    n1_pucch: int


@dataclass(frozen=True, slots=True)
class BetaOffsets:
    """Offset indices of control information on the PUSCH, 0..15 (TS 36.213 8.6.3)."""

    ack: int = 10
    ri: int = 12
    cqi: int = 15


@dataclass(frozen=True, slots=True)
class UePowerConfig:
    """uplinkPowerControlDedicated (TS 36.213 5.1).

    Attributes:
        p0_ue_pusch: P_O_UE_PUSCH in dB, -8..7.
        delta_mcs: deltaMCS-Enabled: K_s = 1.25 where true, 0 where not.
        accumulation: accumulationEnabled: power commands of the PUSCH add up.
        p0_ue_pucch: P_O_UE_PUCCH in dB, -8..7.
        p_srs_offset: pSRS-Offset 0..15.
        filter_coefficient: k of the path loss filter (TS 36.331 5.5.3.2).
    """

    p0_ue_pusch: int = 0
    delta_mcs: bool = False
    accumulation: bool = True
    p0_ue_pucch: int = 0
    p_srs_offset: int = 7
    filter_coefficient: int = 4


@dataclass(frozen=True, slots=True)
class TpcPdcch:
    """Group power commands: TPC-RNTI, and which of the group's commands (from 1) of format 3 or, one bit each, 3A."""

    rnti: int
    index: int
    one_bit: bool


@dataclass(frozen=True, slots=True)
class PeriodicCqi:
    """cqi-ReportPeriodic.

    Attributes:
        n2_pucch: cqi-PUCCH-ResourceIndex, resource of PUCCH formats 2.
        config_index: cqi-pmi-ConfigIndex.
        subband_k: K of sub-band reports; None for wideband reports.
        ri_config_index: ri-ConfigIndex; None without rank indications.
        simultaneous_ack_nack: HARQ-ACK may go with the report; otherwise the report is dropped.
    """

    n2_pucch: int
    config_index: int
    subband_k: int | None = None
    ri_config_index: int | None = None
    simultaneous_ack_nack: bool = False


@dataclass(frozen=True, slots=True)
class SrsDedicated:
    """soundingRS-UL-ConfigDedicated (TS 36.211 5.5.3).

    Attributes:
        bandwidth: B_SRS 0..3.
        hopping_bandwidth: b_hop 0..3.
        freq_domain_position: n_RRC 0..23.
        indefinite: duration: until released; otherwise once.
        config_index: srs-ConfigIndex I_SRS.
        transmission_comb: 0 or 1.
        cyclic_shift: n_SRS^cs 0..7.
    """

    bandwidth: int
    hopping_bandwidth: int
    freq_domain_position: int
    indefinite: bool
    config_index: int
    transmission_comb: int
    cyclic_shift: int


@dataclass(frozen=True, slots=True)
class SchedulingRequest:
    """schedulingRequestConfig: sr-PUCCH-ResourceIndex, sr-ConfigIndex, dsr-TransMax."""

    n1_pucch: int
    config_index: int
    dsr_trans_max: int


@dataclass(frozen=True, slots=True)
class UlSchConfig:
    """ul-SCH-Config of mac-MainConfig.

    Attributes:
        max_harq_tx: maxHARQ-Tx.
        periodic_bsr: periodicBSR-Timer in subframes; None for infinity.
        retx_bsr: retxBSR-Timer in subframes.
        tti_bundling: ttiBundling.
    """

    max_harq_tx: int = 5
    periodic_bsr: int | None = None
    retx_bsr: int = 2560
    tti_bundling: bool = False


@dataclass(frozen=True, slots=True)
class PhrConfig:
    """phr-Config of mac-MainConfig (TS 36.321 5.4.6).

    Attributes:
        periodic: periodicPHR-Timer in subframes; None for infinity.
        prohibit: prohibitPHR-Timer in subframes.
        path_loss_change_db: dl-PathlossChange in dB; None for infinity.
    """

    periodic: int | None
    prohibit: int
    path_loss_change_db: int | None


@dataclass(frozen=True, slots=True)
class DedicatedConfig:
    """Radio resources of one UE, the fields of release 8 and pmi-RI-Report.

    Attributes:
        p_a_db: p-a, power of PDSCH elements relative to the CRS, dB (TS 36.213 5.2).
        ack_nack_repetition: None where HARQ-ACK is not repeated.
        beta: offset indices of control information on the PUSCH.
        power: power control.
        tpc_pucch: group power commands of the PUCCH; None without.
        tpc_pusch: group power commands of the PUSCH; None without.
        aperiodic_cqi_mode: reporting mode of a requested report, such as ``3-0`` (TS 36.213 7.2.1); None without.
        nom_pdsch_rs_epre_offset_db: PDSCH power that the UE assumes for its reports, dB (TS 36.213 7.2.3).
        cqi: periodic reports; None without.
        pmi_ri_report: transmission mode 8 reports PMI and RI.
        srs: sounding; None without.
        transmission_mode: 1..8 (TS 36.213 7.1).
        antenna_selection: uplink antenna selection ``closedLoop`` or ``openLoop``; None without.
        sr: scheduling requests; None without, where the UE uses random access instead.
        ul_sch: HARQ and buffer status of the uplink.
        phr: power headroom reports; None without.
        time_alignment_timer: timeAlignmentTimerDedicated in subframes; None for infinity. Without mac-MainConfig the
            timer of SIB2 holds instead.
        bearers: radio bearers in ascending order of their LCID.
    """

    p_a_db: float = 0.0
    ack_nack_repetition: AckNackRepetition | None = None
    beta: BetaOffsets = field(default_factory=BetaOffsets)
    power: UePowerConfig = field(default_factory=UePowerConfig)
    tpc_pucch: TpcPdcch | None = None
    tpc_pusch: TpcPdcch | None = None
    aperiodic_cqi_mode: str | None = None
    nom_pdsch_rs_epre_offset_db: int = 0
    cqi: PeriodicCqi | None = None
    pmi_ri_report: bool = False
    srs: SrsDedicated | None = None
    transmission_mode: int = 1
    antenna_selection: str | None = None
    sr: SchedulingRequest | None = None
    ul_sch: UlSchConfig = field(default_factory=UlSchConfig)
    phr: PhrConfig | None = None
    time_alignment_timer: int | None = None
    bearers: tuple[Bearer, ...] = ()

    @classmethod
    def default(cls, n_ports: int = 1) -> Self:
        """Default configuration in a cell with so many antenna ports: transmission mode 1 or 2 (TS 36.331 9.2.4)."""
        return cls(transmission_mode=1 if n_ports == 1 else 2)

    def bearer(self, lcid: int) -> Bearer | None:
        """Bearer of a logical channel, None if there is none."""
        return next((bearer for bearer in self.bearers if bearer.lcid == lcid), None)


@dataclass(frozen=True, slots=True)
class UlControlDue:
    """What a UE may send by itself in a subframe; on the PUSCH instead where it has a grant there.

    Attributes:
        sr_n_pucch: n_PUCCH^(1) of a scheduling request; None where it is not the UE's turn.
        cqi_n_pucch: n_PUCCH^(2) of a report (CQI/PMI or rank); None where none is due.
        n_cqi: bits of the CQI/PMI report, 0 where none is due or a rank indication takes its place.
        n_ri: bits of the rank indication, 0 where none is due.
        subband: the report is of one sub-band.
        srs: the UE sounds the channel.
    """

    sr_n_pucch: int | None = None
    cqi_n_pucch: int | None = None
    n_cqi: int = 0
    n_ri: int = 0
    subband: bool = False
    srs: bool = False


def ul_control_due(
    config: DedicatedConfig, tti: int, *, n_prb: int = 6, n_ports: int = 1, rank: int = 1, max_layers: int = 2
) -> UlControlDue:
    """Scheduling request, periodic report and sounding that a UE's configuration puts into a subframe.

    Reserved configuration indices mean that nothing is due. A UE has up to 15 ms to follow a message
    (TS 36.331 11.2), and gives its resources up when its time alignment ends (TS 36.321 5.2): neither is seen here.

    Args:
        config: the UE's configuration.
        tti: 10 SFN + subframe.
        n_prb: downlink bandwidth in resource blocks; read for sub-band reports.
        n_ports: antenna ports of the cell; read for PMI and rank.
        rank: the last rank that the UE reported, which the size of a PMI report depends on.
        max_layers: downlink layers of the UE's category.
    """
    sr_due = config.sr is not None and _is_due(sr_subframe, config.sr.config_index, tti)
    srs_due = config.srs is not None and _is_due(srs_subframe, config.srs.config_index, tti)
    sr_n_pucch = config.sr.n1_pucch if config.sr is not None and sr_due else None
    if config.cqi is None:
        return UlControlDue(sr_n_pucch, srs=srs_due)
    parts = subband_parts(n_prb) if config.cqi.subband_k is not None else None
    cycle = 1 if parts is None or config.cqi.subband_k is None else parts.j * config.cqi.subband_k + 1
    n_ri = _ri_bits(n_ports, max_layers) if _reports_rank(config) and _ri_due(config.cqi, tti, cycle) else 0
    if n_ri:
        # a rank indication that meets a CQI report displaces it (TS 36.213 7.2.2)
        return UlControlDue(sr_n_pucch, config.cqi.n2_pucch, n_ri=n_ri, srs=srs_due)
    if not _is_due(cqi_subframe, config.cqi.config_index, tti):
        return UlControlDue(sr_n_pucch, srs=srs_due)
    subband = cycle > 1 and subband_instance(config.cqi.config_index, tti, cycle) > 0
    n_cqi = _cqi_bits(config, parts if subband else None, n_ports, rank)
    return UlControlDue(sr_n_pucch, config.cqi.n2_pucch, n_cqi, subband=subband, srs=srs_due)


def aperiodic_report(
    config: DedicatedConfig, *, n_prb: int, n_ports: int = 1, max_layers: int = 2
) -> tuple[int, int] | None:
    """Bits of CQI and of rank indication of a report that a grant asks for; None where the mode is not supported.

    Mode 3-0 is: a wideband CQI of four bits, and two bits for each sub-band (TS 36.213 7.2.1, TS 36.212 5.2.2.6.2).
    """
    n_subbands = aperiodic_subbands(n_prb)
    if config.aperiodic_cqi_mode != "3-0" or n_subbands is None:
        return None
    return _WIDEBAND_CQI_BITS + 2 * n_subbands, _ri_bits(n_ports, max_layers) if _reports_rank(config) else 0


def _is_due(turn: Callable[[int, int], bool], index: int, tti: int) -> bool:
    try:
        return turn(index, tti)
    except ValueError:  # a reserved index
        return False


def _ri_due(cqi: PeriodicCqi, tti: int, cycle: int) -> bool:
    if cqi.ri_config_index is None:
        return False
    try:
        return ri_subframe(cqi.ri_config_index, cqi.config_index, tti, cycle)
    except ValueError:  # a reserved index
        return False


def _reports_pmi(config: DedicatedConfig) -> bool:
    """Whether periodic reports are of mode 1-1 or 2-1 rather than 1-0 or 2-0 (TS 36.213 7.2.2)."""
    return config.transmission_mode in _PMI_MODES or (config.transmission_mode == 8 and config.pmi_ri_report)


def _reports_rank(config: DedicatedConfig) -> bool:
    return config.transmission_mode in _RANK_MODES and (config.transmission_mode != 8 or config.pmi_ri_report)


def _cqi_bits(config: DedicatedConfig, subband: SubbandParts | None, n_ports: int, rank: int) -> int:
    """Bits of a CQI/PMI report on the PUCCH (TS 36.212 5.2.3.3.1, 5.2.3.3.2)."""
    if not _reports_pmi(config):
        return _WIDEBAND_CQI_BITS + (subband.label_bits if subband is not None else 0)
    layers = rank if _reports_rank(config) else 1
    bits = _WIDEBAND_CQI_BITS + (_SPATIAL_DIFFERENTIAL_BITS if layers > 1 else 0)
    if subband is not None:
        return bits + subband.label_bits
    if n_ports == 4:
        return bits + 4
    return bits + (2 if layers == 1 else 1)


def _ri_bits(n_ports: int, max_layers: int) -> int:
    """Bits of a rank indication (TS 36.212 5.2.3.3.1-3): 2 where four layers are possible."""
    return 2 if n_ports == 4 and max_layers >= 4 else 1
