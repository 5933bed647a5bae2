"""SIB1, SIB2 and SIB3 as an eNB fills them by default (TS 36.331 6.2.2, 6.3.1)."""

from dataclasses import dataclass
from typing import Any

from picocell.rrc_nas import asn1


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


def sib1(identity: Identity, si_periodicity_rf: int = 16, si_window_ms: int = 20) -> bytes:
    """SIB1 of a cell with one SI message, which holds SIB2 and SIB3.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    plmn = {"mcc": [int(digit) for digit in identity.mcc], "mnc": [int(digit) for digit in identity.mnc]}
    value = {
        "cellAccessRelatedInfo": {
            "plmn-IdentityList": [{"plmn-Identity": plmn, "cellReservedForOperatorUse": "notReserved"}],
            "trackingAreaCode": (identity.tac, 16),
            "cellIdentity": (identity.cell_identity, 28),
            "cellBarred": "notBarred",
            "intraFreqReselection": "allowed",
            "csg-Indication": False,
        },
        "cellSelectionInfo": {"q-RxLevMin": -65},
        "freqBandIndicator": identity.band,
        "schedulingInfoList": [{"si-Periodicity": f"rf{si_periodicity_rf}", "sib-MappingInfo": ["sibType3"]}],
        "si-WindowLength": f"ms{si_window_ms}",
        "systemInfoValueTag": 0,
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


def sib2(n_prb: int) -> dict[str, Any]:
    """SIB2: common radio resources, timers, uplink bandwidth."""
    return {
        "radioResourceConfigCommon": {
            "rach-ConfigCommon": _rach(),
            "bcch-Config": {"modificationPeriodCoeff": "n16"},
            "pcch-Config": {"defaultPagingCycle": "rf32", "nB": "oneT"},
            "prach-Config": _prach(),
            "pdsch-ConfigCommon": {"referenceSignalPower": 0, "p-b": 0},
            "pusch-ConfigCommon": _pusch(),
            "pucch-ConfigCommon": {"deltaPUCCH-Shift": "ds1", "nRB-CQI": 1, "nCS-AN": 0, "n1PUCCH-AN": 12},
            "soundingRS-UL-ConfigCommon": ("release", None),
            "uplinkPowerControlCommon": _power(),
            "ul-CyclicPrefixLength": "len1",
        },
        "ue-TimersAndConstants": {
            "t300": "ms2000",
            "t301": "ms100",
            "t310": "ms200",
            "n310": "n1",
            "t311": "ms10000",
            "n311": "n1",
        },
        "freqInfo": {"ul-Bandwidth": f"n{n_prb}", "additionalSpectrumEmission": 1},
        "timeAlignmentTimerCommon": "infinity",
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


def _prach() -> dict[str, Any]:
    info = {
        "prach-ConfigIndex": 3,
        "highSpeedFlag": False,
        "zeroCorrelationZoneConfig": 5,
        "prach-FreqOffset": 0,
    }
    return {"rootSequenceIndex": 128, "prach-ConfigInfo": info}


def _pusch() -> dict[str, Any]:
    return {
        "pusch-ConfigBasic": {
            "n-SB": 1,
            "hoppingMode": "interSubFrame",
            "pusch-HoppingOffset": 2,
            "enable64QAM": False,
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
