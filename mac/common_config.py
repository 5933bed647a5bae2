"""What SIB2 tells a MAC about a cell: random access and downlink powers (TS 36.331 6.3.2)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreambleGroupA:
    """preamblesGroupAConfig (TS 36.321 5.1.2).

    Attributes:
        n_preambles: sizeOfRA-PreamblesGroupA.
        message_bits: messageSizeGroupA: a larger message 3 asks for group B.
        power_offset_db: messagePowerOffsetGroupB; None for minus infinity.
    """

    n_preambles: int
    message_bits: int
    power_offset_db: int | None


@dataclass(frozen=True, slots=True)
class RachConfig:
    """rach-ConfigCommon (TS 36.321 5.1).

    Attributes:
        n_preambles: numberOfRA-Preambles for contention: preambles 0..n_preambles - 1.
        group_a: group A where there is a group B too; None for one group.
        power_ramping_step_db: powerRampingStep.
        target_power_dbm: preambleInitialReceivedTargetPower.
        preamble_trans_max: preambleTransMax.
        response_window: ra-ResponseWindowSize in subframes.
        contention_timer: mac-ContentionResolutionTimer in subframes.
        max_harq_msg3_tx: maxHARQ-Msg3Tx.
    """

    n_preambles: int
    power_ramping_step_db: int
    target_power_dbm: int
    preamble_trans_max: int
    response_window: int
    contention_timer: int
    max_harq_msg3_tx: int
    group_a: PreambleGroupA | None = None


@dataclass(frozen=True, slots=True)
class PdschCommon:
    """pdsch-ConfigCommon: power of a CRS element in dBm, and p-b, index of rho_B / rho_A (TS 36.213 5.2)."""

    reference_signal_power_dbm: int
    p_b: int
