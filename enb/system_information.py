"""SIB1, SIB2 and SIB3 as an eNB fills them by default (TS 36.331 6.2.2, 6.3.1)."""

from dataclasses import dataclass
from typing import Any, Final

from picocell.rrc_nas import asn1

VALUE_TAGS: Final = 32
"""systemInfoValueTag is 0..31 (TS 36.331 6.2.2)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the cell is.

    Attributes:
        mcc: mobile country code, three digits.
        mnc: mobile network code, two or three digits.
        tac: tracking area code, 16 bits.
        cell_identity: 28 bits; the upper 20 are the eNB's.
        band: frequency band.
    """

    mcc: str = "001"
    mnc: str = "01"
    tac: int = 7
    cell_identity: int = 0x19B01
    band: int = 7


@dataclass(frozen=True, slots=True)
class UeTimers:
    """ue-TimersAndConstants: timers in ms, and how many indications start and stop T310 (TS 36.331 7.3, 7.4)."""

    t300: int = 2000
    t301: int = 100
    t310: int = 200
    n310: int = 1
    t311: int = 10000
    n311: int = 1

    def value(self) -> dict[str, str]:
        """The ASN.1 value."""
        timers = {name: f"ms{getattr(self, name)}" for name in ("t300", "t301", "t310", "t311")}
        return timers | {"n310": f"n{self.n310}", "n311": f"n{self.n311}"}


@dataclass(frozen=True, slots=True)
class PagingConfig:
    """When UEs look for paging, and how long system information does not change (TS 36.331 5.2.1.3, 6.3.2).

    Attributes:
        cycle_rf: defaultPagingCycle in radio frames.
        n_b: nB, such as ``oneT`` or ``quarterT``.
        modification_coefficient: modificationPeriodCoeff: the modification period is so many cycles.
    """

    cycle_rf: int = 32
    n_b: str = "oneT"
    modification_coefficient: int = 16

    @property
    def modification_period_rf(self) -> int:
        """Modification period in radio frames."""
        return self.modification_coefficient * self.cycle_rf


def next_value_tag(value_tag: int) -> int:
    """systemInfoValueTag after a change."""
    return (value_tag + 1) % VALUE_TAGS


def sib1(
    identity: Identity,
    si_periodicity_rf: int = 16,
    si_window_ms: int = 20,
    *,
    value_tag: int = 0,
    barred: bool = False,
    q_rx_lev_min_dbm: int = -130,
) -> bytes:
    """SIB1 of a cell with one SI message, which holds SIB2 and SIB3.

    Args:
        identity: who the cell is.
        si_periodicity_rf: si-Periodicity in radio frames.
        si_window_ms: si-WindowLength.
        value_tag: systemInfoValueTag, 0..31, another one after each change.
        barred: cellBarred.
        q_rx_lev_min_dbm: q-RxLevMin, an even number of dBm.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    plmn = {"mcc": [int(digit) for digit in identity.mcc], "mnc": [int(digit) for digit in identity.mnc]}
    value = {
        "cellAccessRelatedInfo": {
            "plmn-IdentityList": [{"plmn-Identity": plmn, "cellReservedForOperatorUse": "notReserved"}],
            "trackingAreaCode": (identity.tac, 16),
            "cellIdentity": (identity.cell_identity, 28),
            "cellBarred": "barred" if barred else "notBarred",
            "intraFreqReselection": "allowed",
            "csg-Indication": False,
        },
        "cellSelectionInfo": {"q-RxLevMin": q_rx_lev_min_dbm // 2},
        "freqBandIndicator": identity.band,
        "schedulingInfoList": [{"si-Periodicity": f"rf{si_periodicity_rf}", "sib-MappingInfo": ["sibType3"]}],
        "si-WindowLength": f"ms{si_window_ms}",
        "systemInfoValueTag": value_tag,
    }
    return asn1.encode("BCCH-DL-SCH", {"message": ("c1", ("systemInformationBlockType1", value))})


def system_information(sibs: dict[int, dict[str, Any]]) -> bytes:
    """An SI message with the blocks of these numbers.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    blocks = [(f"sib{number}", value) for number, value in sorted(sibs.items())]
    release = ("systemInformation-r8", {"sib-TypeAndInfo": blocks})
    return asn1.encode("BCCH-DL-SCH", {"message": ("c1", ("systemInformation", {"criticalExtensions": release}))})


def sib2(
    n_prb: int,
    *,
    timers: UeTimers = UeTimers(),
    paging: PagingConfig = PagingConfig(),
    prach_freq_offset: int = 0,
    enable_64qam: bool = False,
    time_alignment_timer: str = "infinity",
) -> dict[str, Any]:
    """SIB2: common radio resources, timers, uplink bandwidth.

    Args:
        n_prb: uplink bandwidth.
        timers: ue-TimersAndConstants.
        paging: pcch-Config and bcch-Config.
        prach_freq_offset: prach-FreqOffset, first resource block of the PRACH.
        enable_64qam: enable64QAM in the uplink.
        time_alignment_timer: timeAlignmentTimerCommon, such as ``sf10240``.
    """
    return {
        "radioResourceConfigCommon": {
            "rach-ConfigCommon": _rach(),
            "bcch-Config": {"modificationPeriodCoeff": f"n{paging.modification_coefficient}"},
            "pcch-Config": {"defaultPagingCycle": f"rf{paging.cycle_rf}", "nB": paging.n_b},
            "prach-Config": _prach(prach_freq_offset),
            "pdsch-ConfigCommon": {"referenceSignalPower": 0, "p-b": 0},
            "pusch-ConfigCommon": _pusch(enable_64qam),
            "pucch-ConfigCommon": {"deltaPUCCH-Shift": "ds1", "nRB-CQI": 1, "nCS-AN": 0, "n1PUCCH-AN": 12},
            "soundingRS-UL-ConfigCommon": ("release", None),
            "uplinkPowerControlCommon": _power(),
            "ul-CyclicPrefixLength": "len1",
        },
        "ue-TimersAndConstants": timers.value(),
        "freqInfo": {"ul-Bandwidth": f"n{n_prb}", "additionalSpectrumEmission": 1},
        "timeAlignmentTimerCommon": time_alignment_timer,
    }


def sib3() -> dict[str, Any]:
    """SIB3: cell reselection."""
    return {
        "cellReselectionInfoCommon": {"q-Hyst": "dB2"},
        "cellReselectionServingFreqInfo": {"s-NonIntraSearch": 3, "threshServingLow": 2, "cellReselectionPriority": 6},
        "intraFreqCellReselectionInfo": {
            "q-RxLevMin": -61,
            "p-Max": 23,
            "s-IntraSearch": 5,
            "presenceAntennaPort1": True,
            "neighCellConfig": (1, 2),
            "t-ReselectionEUTRA": 1,
        },
    }


def _rach() -> dict[str, Any]:
    return {
        "preambleInfo": {"numberOfRA-Preambles": "n52"},
        "powerRampingParameters": {"powerRampingStep": "dB6", "preambleInitialReceivedTargetPower": "dBm-104"},
        "ra-SupervisionInfo": {
            "preambleTransMax": "n10",
            "ra-ResponseWindowSize": "sf10",
            "mac-ContentionResolutionTimer": "sf64",
        },
        "maxHARQ-Msg3Tx": 4,
    }


def _prach(freq_offset: int) -> dict[str, Any]:
    info = {
        "prach-ConfigIndex": 3,
        "highSpeedFlag": False,
        "zeroCorrelationZoneConfig": 5,
        "prach-FreqOffset": freq_offset,
    }
    return {"rootSequenceIndex": 128, "prach-ConfigInfo": info}


def _pusch(enable_64qam: bool) -> dict[str, Any]:
    return {
        "pusch-ConfigBasic": {
            "n-SB": 1,
            "hoppingMode": "interSubFrame",
            "pusch-HoppingOffset": 2,
            "enable64QAM": enable_64qam,
        },
        "ul-ReferenceSignalsPUSCH": {
            "groupHoppingEnabled": False,
            "groupAssignmentPUSCH": 0,
            "sequenceHoppingEnabled": False,
            "cyclicShift": 0,
        },
    }


def _power() -> dict[str, Any]:
    return {
        "p0-NominalPUSCH": -85,
        "alpha": "al07",
        "p0-NominalPUCCH": -107,
        "deltaFList-PUCCH": {
            "deltaF-PUCCH-Format1": "deltaF0",
            "deltaF-PUCCH-Format1b": "deltaF3",
            "deltaF-PUCCH-Format2": "deltaF1",
            "deltaF-PUCCH-Format2a": "deltaF2",
            "deltaF-PUCCH-Format2b": "deltaF2",
        },
        "deltaPreambleMsg3": 6,
    }
