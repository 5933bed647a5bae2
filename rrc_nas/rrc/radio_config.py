"""Radio resources of a cell out of SIB2: uplink, random access, downlink powers (TS 36.331 6.3.1, 6.3.2)."""

from typing import Final

from picocell.mac.common_config import PdschCommon, PreambleGroupA, RachConfig
from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.uplink_config import (
    HoppingMode,
    PrachConfig,
    PucchConfig,
    PuschConfig,
    SrsCellConfig,
    UplinkConfig,
    UplinkPowerConfig,
)
from picocell.rrc_nas.rrc.fields import Value, number, reading, setup

_HOPPING_MODES: Final = {
    "interSubFrame": HoppingMode.INTER_SUBFRAME,
    "intraAndInterSubFrame": HoppingMode.INTRA_AND_INTER_SUBFRAME,
}
_ALPHAS: Final = {"al0": 0.0, "al1": 1.0} | {f"al0{tenths}": tenths / 10 for tenths in range(4, 10)}
_PUCCH_FORMATS: Final = ("1", "1b", "2", "2a", "2b")


def uplink_config(sib2: Value, n_prb: int) -> UplinkConfig:
    """Uplink of a cell.

    Args:
        sib2: SIB2 as `asn1.decode` gives it.
        n_prb: downlink bandwidth, which is the uplink's where SIB2 names none.

    Raises:
        Asn1Error: a value that is no SIB2, or that the standard does not have.
    """
    with reading("SIB2"):
        common = sib2["radioResourceConfigCommon"]
        bandwidth = sib2["freqInfo"].get("ul-Bandwidth")
        return UplinkConfig(
            n_prb=n_prb if bandwidth is None else number(bandwidth),
            cp=CyclicPrefix.NORMAL if common["ul-CyclicPrefixLength"] == "len1" else CyclicPrefix.EXTENDED,
            prach=_prach(common["prach-Config"]),
            pusch=_pusch(common["pusch-ConfigCommon"]),
            pucch=_pucch(common["pucch-ConfigCommon"]),
            srs=_srs_cell(common["soundingRS-UL-ConfigCommon"]),
            power=_power(common["uplinkPowerControlCommon"]),
        )


def rach_config(sib2: Value) -> RachConfig:
    """Random access of a cell.

    Args:
        sib2: SIB2 as `asn1.decode` gives it.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        rach = sib2["radioResourceConfigCommon"]["rach-ConfigCommon"]
        preambles, supervision = rach["preambleInfo"], rach["ra-SupervisionInfo"]
        return RachConfig(
            n_preambles=number(preambles["numberOfRA-Preambles"]),
            power_ramping_step_db=number(rach["powerRampingParameters"]["powerRampingStep"]),
            target_power_dbm=number(rach["powerRampingParameters"]["preambleInitialReceivedTargetPower"]),
            preamble_trans_max=number(supervision["preambleTransMax"]),
            response_window=number(supervision["ra-ResponseWindowSize"]),
            contention_timer=number(supervision["mac-ContentionResolutionTimer"]),
            max_harq_msg3_tx=rach["maxHARQ-Msg3Tx"],
            group_a=_group_a(preambles.get("preamblesGroupAConfig")),
        )


def pdsch_config(sib2: Value) -> PdschCommon:
    """Downlink powers of a cell.

    Args:
        sib2: SIB2 as `asn1.decode` gives it.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        pdsch = sib2["radioResourceConfigCommon"]["pdsch-ConfigCommon"]
        return PdschCommon(pdsch["referenceSignalPower"], pdsch["p-b"])


def _prach(value: Value) -> PrachConfig:
    info = value["prach-ConfigInfo"]
    return PrachConfig(
        config_index=info["prach-ConfigIndex"],
        root_sequence_index=value["rootSequenceIndex"],
        zero_correlation_zone=info["zeroCorrelationZoneConfig"],
        high_speed=info["highSpeedFlag"],
        freq_offset=info["prach-FreqOffset"],
    )


def _pusch(value: Value) -> PuschConfig:
    basic, reference = value["pusch-ConfigBasic"], value["ul-ReferenceSignalsPUSCH"]
    return PuschConfig(
        n_sb=basic["n-SB"],
        hopping_mode=_HOPPING_MODES[basic["hoppingMode"]],
        hopping_offset=basic["pusch-HoppingOffset"],
        enable_64qam=basic["enable64QAM"],
        group_hopping=reference["groupHoppingEnabled"],
        sequence_hopping=reference["sequenceHoppingEnabled"],
        group_assignment=reference["groupAssignmentPUSCH"],
        cyclic_shift=reference["cyclicShift"],
    )


def _pucch(value: Value) -> PucchConfig:
    return PucchConfig(
        delta_shift=number(value["deltaPUCCH-Shift"]),
        n_rb_2=value["nRB-CQI"],
        n_cs_1=value["nCS-AN"],
        n1_pucch_an=value["n1PUCCH-AN"],
    )


def _srs_cell(choice: tuple[str, Value | None]) -> SrsCellConfig | None:
    value = setup(choice)
    if value is None:
        return None
    return SrsCellConfig(
        bandwidth_config=number(value["srs-BandwidthConfig"]),
        subframe_config=number(value["srs-SubframeConfig"]),
        ack_nack_simultaneous=value["ackNackSRS-SimultaneousTransmission"],
    )


def _power(value: Value) -> UplinkPowerConfig:
    deltas = value["deltaFList-PUCCH"]
    return UplinkPowerConfig(
        p0_nominal_pusch=value["p0-NominalPUSCH"],
        alpha=_ALPHAS[value["alpha"]],
        p0_nominal_pucch=value["p0-NominalPUCCH"],
        delta_f_pucch=tuple((name, number(deltas[f"deltaF-PUCCH-Format{name}"])) for name in _PUCCH_FORMATS),
        delta_preamble_msg3=2 * value["deltaPreambleMsg3"],
    )


def _group_a(value: Value | None) -> PreambleGroupA | None:
    if value is None:
        return None
    offset = value["messagePowerOffsetGroupB"]
    return PreambleGroupA(
        n_preambles=number(value["sizeOfRA-PreamblesGroupA"]),
        message_bits=number(value["messageSizeGroupA"]),
        power_offset_db=None if offset == "minusinfinity" else number(offset),
    )
