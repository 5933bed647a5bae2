"""What the uplink of a cell is configured to: SIB2 as the physical layer sees it (TS 36.331 6.3.2, TS 36.211 5)."""

from dataclasses import dataclass, field
from enum import StrEnum

from picocell.phy.lte.cell import BANDWIDTHS, CyclicPrefix


class HoppingMode(StrEnum):
    """Where PUSCH frequency hopping happens (TS 36.211 5.3.4)."""

    INTER_SUBFRAME = "inter-subframe"
    INTRA_AND_INTER_SUBFRAME = "intra-and-inter-subframe"


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is outside {low}..{high}")


@dataclass(frozen=True, slots=True)
class PrachConfig:
    """Random access channel (TS 36.211 5.7).

    Attributes:
        config_index: prach-ConfigIndex 0..63: preamble format and subframes (Table 5.7.1-2).
        root_sequence_index: rootSequenceIndex, logical, 0..837.
        zero_correlation_zone: zeroCorrelationZoneConfig 0..15 (Table 5.7.2-2).
        high_speed: highSpeedFlag: restricted sets.
        freq_offset: prach-FreqOffset n_PRBoffset^RA, 0..94.
    """

    config_index: int = 3
    root_sequence_index: int = 128
    zero_correlation_zone: int = 5
    high_speed: bool = False
    freq_offset: int = 0

    def __post_init__(self) -> None:
        _check("config_index", self.config_index, 0, 63)
        _check("root_sequence_index", self.root_sequence_index, 0, 837)
        _check("zero_correlation_zone", self.zero_correlation_zone, 0, 15)
        _check("freq_offset", self.freq_offset, 0, 94)


@dataclass(frozen=True, slots=True)
class PuschConfig:
    """Shared channel, the cell's part (TS 36.211 5.3, 5.5).

    Attributes:
        n_sb: sub-bands N_sb of type 2 hopping, 1..4.
        hopping_mode: where hopping happens.
        hopping_offset: pusch-HoppingOffset N_RB^HO, 0..98.
        enable_64qam: whether 64QAM is allowed; without it I_MCS 21..28 is sent as 16QAM (TS 36.213 8.6.1).
        group_hopping: groupHoppingEnabled.
        sequence_hopping: sequenceHoppingEnabled.
        group_assignment: groupAssignmentPUSCH Delta_ss, 0..29.
        cyclic_shift: cyclicShift of the cell, 0..7 (TS 36.211 Table 5.5.2.1.1-2).
    """

    n_sb: int = 1
    hopping_mode: HoppingMode = HoppingMode.INTER_SUBFRAME
    hopping_offset: int = 0
    enable_64qam: bool = False
    group_hopping: bool = False
    sequence_hopping: bool = False
    group_assignment: int = 0
    cyclic_shift: int = 0

    def __post_init__(self) -> None:
        _check("n_sb", self.n_sb, 1, 4)
        _check("hopping_offset", self.hopping_offset, 0, 98)
        _check("group_assignment", self.group_assignment, 0, 29)
        _check("cyclic_shift", self.cyclic_shift, 0, 7)


@dataclass(frozen=True, slots=True)
class PucchConfig:
    """Control channel, the cell's part (TS 36.211 5.4).

    Attributes:
        delta_shift: Delta_shift^PUCCH 1..3.
        n_rb_2: nRB-CQI N_RB^(2): resource blocks of formats 2, 2a, 2b, 0..98.
        n_cs_1: nCS-AN N_cs^(1): cyclic shifts of formats 1 in a mixed resource block, 0..7.
        n1_pucch_an: N_PUCCH^(1), first dynamic ACK resource, 0..2047.
    """

    delta_shift: int = 1
    n_rb_2: int = 1
    n_cs_1: int = 0
    n1_pucch_an: int = 12

    def __post_init__(self) -> None:
        _check("delta_shift", self.delta_shift, 1, 3)
        _check("n_rb_2", self.n_rb_2, 0, 98)
        _check("n_cs_1", self.n_cs_1, 0, 7)
        _check("n1_pucch_an", self.n1_pucch_an, 0, 2047)


@dataclass(frozen=True, slots=True)
class SrsCellConfig:
    """Sounding, the cell's part (TS 36.211 5.5.3).

    Attributes:
        bandwidth_config: C_SRS 0..7.
        subframe_config: srs-SubframeConfig 0..15 (Table 5.5.3.3-1).
        ack_nack_simultaneous: ackNackSRS-SimultaneousTransmission: shortened PUCCH formats in those subframes.
    """

    bandwidth_config: int = 0
    subframe_config: int = 15
    ack_nack_simultaneous: bool = False

    def __post_init__(self) -> None:
        _check("bandwidth_config", self.bandwidth_config, 0, 7)
        _check("subframe_config", self.subframe_config, 0, 15)


@dataclass(frozen=True, slots=True)
class UplinkPowerConfig:
    """Power control, the cell's part (TS 36.213 5.1).

    Attributes:
        p0_nominal_pusch: dBm.
        alpha: path loss compensation factor 0, 0.4..1.
        p0_nominal_pucch: dBm.
        delta_f_pucch: Delta_F_PUCCH in dB by format name ``1``, ``1b``, ``2``, ``2a``, ``2b``.
        delta_preamble_msg3: dB (twice the signalled number).
    """

    p0_nominal_pusch: int = -85
    alpha: float = 0.7
    p0_nominal_pucch: int = -107
    delta_f_pucch: tuple[tuple[str, int], ...] = (("1", 0), ("1b", 3), ("2", 1), ("2a", 2), ("2b", 2))
    delta_preamble_msg3: int = 12


@dataclass(frozen=True, slots=True)
class UplinkConfig:
    """Uplink of a cell.

    Attributes:
        n_prb: uplink bandwidth N_RB^UL.
        cp: uplink cyclic prefix.
        prach: random access.
        pusch: shared channel.
        pucch: control channel.
        srs: sounding; None where the cell has none.
        power: power control.

    Raises:
        ValueError: a value that the standard does not have.
    """

    n_prb: int = 6
    cp: CyclicPrefix = CyclicPrefix.NORMAL
    prach: PrachConfig = field(default_factory=PrachConfig)
    pusch: PuschConfig = field(default_factory=PuschConfig)
    pucch: PucchConfig = field(default_factory=PucchConfig)
    srs: SrsCellConfig | None = None
    power: UplinkPowerConfig = field(default_factory=UplinkPowerConfig)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.n_prb not in BANDWIDTHS:
            raise ValueError(f"n_prb {self.n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
        # kept, since tables are looked up by it many times a subframe; of numbers only, so that a pickle may carry it
        object.__setattr__(self, "_hash", hash((self.n_prb, self.prach, self.pucch)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def n_sc(self) -> int:
        """Subcarriers, 12 N_RB^UL."""
        return 12 * self.n_prb

    @property
    def n_symb_slot(self) -> int:
        """SC-FDMA symbols of a slot N_symb^UL: 7 or 6."""
        return 7 if self.cp is CyclicPrefix.NORMAL else 6

    @property
    def n_symb(self) -> int:
        """SC-FDMA symbols of a subframe: 14 or 12."""
        return 2 * self.n_symb_slot
