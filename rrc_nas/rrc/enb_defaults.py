"""Radio resource configuration that a base station gives its UEs, as ASN.1 values (TS 36.331 6.3.2, 6.3.5).

`defaults` makes one tree of all of it, to be changed before it is handed to the RRC.
"""

from copy import deepcopy
from typing import Any, Final

from picocell.rrc_nas.rrc.fields import Value

SRB_DEFAULT: Final[Value] = {"rlc-Config": ("defaultValue", None), "logicalChannelConfig": ("defaultValue", None)}
"""SRB-ToAddMod without its identity: TS 36.331 9.2.1."""

_MAC_MAIN: Final[Value] = {
    "ul-SCH-Config": {
        "maxHARQ-Tx": "n4",
        "periodicBSR-Timer": "sf20",
        "retxBSR-Timer": "sf320",
        "ttiBundling": False,
    },
    "timeAlignmentTimerDedicated": "infinity",
    "phr-Config": (
        "setup",
        {"periodicPHR-Timer": "sf50", "prohibitPHR-Timer": "sf0", "dl-PathlossChange": "dB3"},
    ),
}
_PHYSICAL: Final[Value] = {
    "pdsch-ConfigDedicated": {"p-a": "dB0"},
    "pucch-ConfigDedicated": {"ackNackRepetition": ("release", None)},
    "pusch-ConfigDedicated": {"betaOffset-ACK-Index": 6, "betaOffset-RI-Index": 6, "betaOffset-CQI-Index": 6},
    "uplinkPowerControlDedicated": {
        "p0-UE-PUSCH": 0,
        "deltaMCS-Enabled": "en0",
        "accumulationEnabled": True,
        "p0-UE-PUCCH": 0,
        "pSRS-Offset": 3,
    },
}
_AM: Final[Value] = {
    "ul-AM-RLC": {"t-PollRetransmit": "ms80", "pollPDU": "p64", "pollByte": "kB125", "maxRetxThreshold": "t16"},
    "dl-AM-RLC": {"t-Reordering": "ms50", "t-StatusProhibit": "ms50"},
}
_UM: Final[Value] = {
    "ul-UM-RLC": {"sn-FieldLength": "size10"},
    "dl-UM-RLC": {"sn-FieldLength": "size10", "t-Reordering": "ms45"},
}


def defaults() -> dict[str, Any]:
    """The configuration, a new copy at each call.

    Returns:
        ``mac-MainConfig`` and ``physicalConfigDedicated`` of every UE, without what is particular to one (antennaInfo,
        cqi-ReportConfig, schedulingRequestConfig), and ``drb``: by QCI what its DRBs have in common (``rlc-Config``,
        ``pdcp-Config``, ``logicalChannelConfig``).
    """
    tree = {
        "mac-MainConfig": _MAC_MAIN,
        "physicalConfigDedicated": _PHYSICAL,
        "drb": {qci: _drb(*row) for qci, row in _QCI.items()},
    }
    return deepcopy(tree)


def _drb(acknowledged: bool, priority: int, rate: str, group: int) -> Value:
    um = {"headerCompression": ("notUsed", None), "discardTimer": "ms150", "rlc-UM": {"pdcp-SN-Size": "len12bits"}}
    am = {"headerCompression": ("notUsed", None), "discardTimer": "infinity", "rlc-AM": {"statusReportRequired": True}}
    parameters = {
        "priority": priority,
        "prioritisedBitRate": rate,
        "bucketSizeDuration": "ms100",
        "logicalChannelGroup": group,
    }
    return {
        "rlc-Config": ("am", _AM) if acknowledged else ("um-Bi-Directional", _UM),
        "pdcp-Config": am if acknowledged else um,
        "logicalChannelConfig": {"ul-SpecificParameters": parameters},
    }


_QCI: Final[dict[int, tuple[bool, int, str, int]]] = {
    1: (False, 6, "kBps64", 1),
    2: (False, 8, "kBps128", 1),
    3: (True, 7, "kBps64", 1),
    4: (True, 9, "kBps128", 1),
    5: (True, 5, "infinity", 1),
    6: (True, 10, "kBps8", 2),
    7: (True, 11, "kBps8", 2),
    8: (True, 12, "kBps8", 3),
    9: (True, 13, "kBps8", 3),
}
"""By QCI: RLC AM, priority of the logical channel (4 below the SRBs, then in the order of TS 23.203 Table 6.1.7),
prioritisedBitRate, and logicalChannelGroup (0 is that of the SRBs)."""


def measurement(earfcn_dl: int, n_prb: int) -> Value:
    """measConfig with the serving frequency as measurement object, which asks for no reports."""
    serving = {
        "carrierFreq": earfcn_dl,
        "allowedMeasBandwidth": f"mbw{n_prb}",
        "presenceAntennaPort1": False,
        "neighCellConfig": (1, 2),
    }
    return {
        "measObjectToAddModList": [{"measObjectId": 1, "measObject": ("measObjectEUTRA", serving)}],
        "quantityConfig": {"quantityConfigEUTRA": {}},
    }
