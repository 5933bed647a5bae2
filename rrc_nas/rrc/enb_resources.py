"""Values of radioResourceConfigDedicated that a base station sends: physical channels, SRBs, DRBs (TS 36.331 6.3.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from picocell.mac.dedicated_config import Bearer, BearerKind, PeriodicCqi, SchedulingRequest
from picocell.rrc_nas.rrc.enb_defaults import SRB_DEFAULT
from picocell.rrc_nas.rrc.enb_events import Cause
from picocell.rrc_nas.rrc.enb_settings import ErabLike
from picocell.rrc_nas.rrc.fields import Value

DRB_LCIDS: Final = range(3, 11)
"""Logical channel identities of DRBs (TS 36.321 Table 6.2.1-1, TS 36.331 6.3.2)."""

ERAB_IDS: Final = range(5, 16)
"""EPS bearer identities (TS 24.007 11.2.3.1.5)."""

NO_RESOURCES: Final[Cause] = ("radioNetwork", "radio-resources-not-available")
UNKNOWN_QCI: Final[Cause] = ("radioNetwork", "not-supported-QCI-value")
KNOWN_ERAB: Final[Cause] = ("radioNetwork", "multiple-E-RAB-ID-instances")
UNKNOWN_ERAB: Final[Cause] = ("radioNetwork", "unknown-E-RAB-ID")


def physical(common: Mapping[str, Any], sr: SchedulingRequest, cqi: PeriodicCqi, n_ports: int) -> Value:
    """physicalConfigDedicated of a UE.

    Args:
        common: what all UEs have in common; of cqi-ReportConfig the aperiodic reports, if there are any.
        sr: its scheduling requests.
        cqi: its periodic wideband reports.
        n_ports: antenna ports of the cell: transmission mode 1 on one, transmit diversity on more.
    """
    report = {
        "cqi-PUCCH-ResourceIndex": cqi.n2_pucch,
        "cqi-pmi-ConfigIndex": cqi.config_index,
        "cqi-FormatIndicatorPeriodic": _cqi_format(cqi),
        "simultaneousAckNackAndCQI": cqi.simultaneous_ack_nack,
    }
    if cqi.ri_config_index is not None:
        report["ri-ConfigIndex"] = cqi.ri_config_index
    antenna = {
        "transmissionMode": "tm1" if n_ports == 1 else "tm2",
        "ue-TransmitAntennaSelection": ("release", None),
    }
    request = {
        "sr-PUCCH-ResourceIndex": sr.n1_pucch,
        "sr-ConfigIndex": sr.config_index,
        "dsr-TransMax": f"n{sr.dsr_trans_max}",
    }
    reports = {"nomPDSCH-RS-EPRE-Offset": 0} | dict(common.get("cqi-ReportConfig", {}))
    return dict(common) | {
        "cqi-ReportConfig": reports | {"cqi-ReportPeriodic": ("setup", report)},
        "antennaInfo": ("explicitValue", antenna),
        "schedulingRequestConfig": ("setup", request),
    }


def _cqi_format(cqi: PeriodicCqi) -> tuple[str, Any]:
    return ("widebandCQI", None) if cqi.subband_k is None else ("subbandCQI", {"k": cqi.subband_k})


def srb(identity: int) -> Value:
    """SRB-ToAddMod in the default configuration (TS 36.331 9.2.1)."""
    return {"srb-Identity": identity} | SRB_DEFAULT


def srb1() -> Value:
    """radioResourceConfigDedicated of SRB1 alone."""
    return {"srb-ToAddModList": [srb(1)]}


@dataclass(frozen=True, slots=True)
class DrbPlan:
    """DRBs for E-RABs that are to be added.

    Attributes:
        entries: DRB-ToAddModList.
        erabs: E-RABs that get a DRB.
        failed: causes of the others.
        nas: NAS messages of the E-RABs that get one, in their order.
    """

    entries: list[Value] = field(default_factory=list)
    erabs: list[int] = field(default_factory=list)
    failed: dict[int, Cause] = field(default_factory=dict)
    nas: list[bytes] = field(default_factory=list)


def plan_drbs(erabs: Iterable[ErabLike], known: Iterable[Bearer], by_qci: Mapping[int, Value]) -> DrbPlan:
    """Choose identities and configurations of DRBs.

    Args:
        erabs: E-RABs to be added.
        known: the UE's bearers.
        by_qci: what the DRBs of a QCI have in common.
    """
    drbs = [bearer for bearer in known if bearer.kind is BearerKind.DRB]
    identities, lcids = {drb.identity for drb in drbs}, {drb.lcid for drb in drbs}
    taken = {drb.eps_bearer for drb in drbs}
    plan = DrbPlan()
    for erab in erabs:
        cause = _refusal(erab, taken, by_qci, lcids)
        if cause is not None:
            plan.failed[erab.erab_id] = cause
            continue
        lcid = next(lcid for lcid in DRB_LCIDS if lcid not in lcids)
        identity = next(identity for identity in range(1, 33) if identity not in identities)
        lcids.add(lcid)
        identities.add(identity)
        taken.add(erab.erab_id)
        plan.entries.append(drb(identity, lcid, erab.erab_id, by_qci[erab.qci]))
        plan.erabs.append(erab.erab_id)
        if erab.nas is not None:
            plan.nas.append(erab.nas)
    return plan


def drb(identity: int, lcid: int, eps_bearer: int, common: Value) -> Value:
    """DRB-ToAddMod."""
    return {"eps-BearerIdentity": eps_bearer, "drb-Identity": identity, "logicalChannelIdentity": lcid} | common


def _refusal(erab: ErabLike, taken: set[int | None], by_qci: Mapping[int, Value], lcids: set[int]) -> Cause | None:
    """Why an E-RAB gets no DRB."""
    if erab.erab_id in taken:
        return KNOWN_ERAB
    if erab.erab_id not in ERAB_IDS:
        return UNKNOWN_ERAB
    if erab.qci not in by_qci:
        return UNKNOWN_QCI
    return NO_RESOURCES if len(lcids) == len(DRB_LCIDS) else None
