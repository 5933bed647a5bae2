"""How a UE's radio resources follow from the messages that it is sent (TS 36.331 5.3.10, 6.3.2).

An optional field that is absent keeps its value (Need ON) or is released (Need OR), and a setup/release choice sets or
takes away.
"""

from dataclasses import replace
from typing import Final

from picocell.mac.dedicated_config import (
    AckNackRepetition,
    Bearer,
    BearerKind,
    BetaOffsets,
    DedicatedConfig,
    PeriodicCqi,
    PhrConfig,
    RlcMode,
    SchedulingRequest,
    SrsDedicated,
    TpcPdcch,
    UePowerConfig,
    UlSchConfig,
)
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.fields import Value, decibels, number, reading, setup

_SRB_PRIORITIES: Final = {1: 1, 2: 3}
"""Priority of SRB1's and SRB2's logical channel by default (TS 36.331 9.2.1)."""

_RLC_MODES: Final = {
    "am": RlcMode.AM,
    "um-Bi-Directional": RlcMode.UM,
    "um-Uni-Directional-UL": RlcMode.UM_UPLINK,
    "um-Uni-Directional-DL": RlcMode.UM_DOWNLINK,
}


def apply(config: DedicatedConfig | None, message: Value, *, n_ports: int = 1) -> DedicatedConfig:
    """A UE's configuration after a message.

    RRCConnectionSetup and a full configuration (TS 36.331 5.3.5.8) start from the defaults;
    RRCConnectionReestablishment does so but for the bearers (5.3.7.2); RRCConnectionReconfiguration changes what it
    names. Fields of release 10 and later are not read, and an IE that they replace keeps its value.

    Args:
        config: the configuration before; None for the default one.
        message: one of the three messages as `asn1.decode` gives it.
        n_ports: antenna ports of the cell, for the default transmission mode.

    Raises:
        Asn1Error: another message, one of a later release, or a value that is no message.
    """
    with reading("RRC message"):
        kind, named = message["message"]
        name, content = named if kind == "c1" else (kind, {})
        default = DedicatedConfig.default(n_ports)
        match name:
            case "rrcConnectionSetup":
                base = default
            case "rrcConnectionReestablishment":
                base = replace(default, bearers=config.bearers if config is not None else ())
            case "rrcConnectionReconfiguration":
                base = default if config is None else config
            case _:
                raise Asn1Error(f"message {name} configures no radio resources")
        body = _release_8(name, content)
        if _is_full_configuration(body):
            base = replace(default, bearers=tuple(b for b in base.bearers if b.kind is BearerKind.SRB))
        return _resources(base, body.get("radioResourceConfigDedicated", {}), default)


def _release_8(name: str, content: Value) -> Value:
    """Body of a message's release 8 version."""
    kind, choice = content["criticalExtensions"]
    if kind != "c1" or choice[0] != f"{name}-r8":
        raise Asn1Error(f"{name} of a later release is not known")
    body: Value = choice[1]
    return body


def _is_full_configuration(body: Value) -> bool:
    v920 = body.get("nonCriticalExtension", {}).get("nonCriticalExtension", {})
    return "fullConfig-r9" in v920


def _resources(config: DedicatedConfig, value: Value, default: DedicatedConfig) -> DedicatedConfig:
    """radioResourceConfigDedicated."""
    bearers = {bearer.name: bearer for bearer in config.bearers}
    for entry in value.get("srb-ToAddModList", []):
        srb = _srb(bearers.get(f"SRB{entry['srb-Identity']}"), entry)
        bearers[srb.name] = srb
    for identity in value.get("drb-ToReleaseList", []):
        bearers.pop(f"DRB{identity}", None)
    for entry in value.get("drb-ToAddModList", []):
        drb = _drb(bearers.get(f"DRB{entry['drb-Identity']}"), entry)
        bearers[drb.name] = drb
    config = replace(config, bearers=tuple(sorted(bearers.values(), key=lambda bearer: bearer.lcid)))
    if "mac-MainConfig" in value:
        config = _mac_main(config, value["mac-MainConfig"])
    return _physical(config, value.get("physicalConfigDedicated", {}), default)


def _srb(old: Bearer | None, value: Value) -> Bearer:
    identity = value["srb-Identity"]
    if old is None:
        old = Bearer(BearerKind.SRB, identity, identity, pdcp_sn_bits=5, priority=_SRB_PRIORITIES[identity], lcg=0)
    kind, channel = value.get("logicalChannelConfig", ("", None))
    if kind == "defaultValue":
        return replace(old, priority=_SRB_PRIORITIES[identity], lcg=0)
    return _logical_channel(old, channel or {})


def _drb(old: Bearer | None, value: Value) -> Bearer:
    if old is None:
        old = Bearer(BearerKind.DRB, value["drb-Identity"], value["logicalChannelIdentity"])
    bearer = replace(old, eps_bearer=value.get("eps-BearerIdentity", old.eps_bearer))
    if "rlc-Config" in value:
        mode, rlc = value["rlc-Config"]
        sn = {key: number(rlc[key]["sn-FieldLength"]) for key in ("ul-UM-RLC", "dl-UM-RLC") if key in rlc}
        bearer = replace(
            bearer,
            rlc=_RLC_MODES[mode],
            rlc_sn_bits_ul=sn.get("ul-UM-RLC", 10),
            rlc_sn_bits_dl=sn.get("dl-UM-RLC", 10),
        )
    if "pdcp-Config" in value:
        um = value["pdcp-Config"].get("rlc-UM")
        bearer = replace(bearer, pdcp_sn_bits=12 if um is None else number(um["pdcp-SN-Size"]))
    return _logical_channel(bearer, value.get("logicalChannelConfig", {}))


def _logical_channel(bearer: Bearer, value: Value) -> Bearer:
    parameters = value.get("ul-SpecificParameters")
    if parameters is None:
        return bearer
    rate = _or_infinity(parameters["prioritisedBitRate"])
    return replace(
        bearer,
        priority=parameters["priority"],
        lcg=parameters.get("logicalChannelGroup"),
        prioritised_bit_rate=None if rate is None else 1000 * rate,
        bucket_size_duration=number(parameters["bucketSizeDuration"]),
    )


def _mac_main(config: DedicatedConfig, choice: tuple[str, Value | None]) -> DedicatedConfig:
    """mac-MainConfig: ul-SCH-Config and phr-Config are Need ON, the time alignment timer is always there."""
    kind, mac = choice
    if kind != "explicitValue" or mac is None:
        return replace(config, ul_sch=UlSchConfig(), phr=None, time_alignment_timer=None)
    phr = _phr(mac["phr-Config"]) if "phr-Config" in mac else config.phr
    timer = _or_infinity(mac["timeAlignmentTimerDedicated"])
    return replace(config, ul_sch=_ul_sch(config.ul_sch, mac), phr=phr, time_alignment_timer=timer)


def _phr(choice: tuple[str, Value | None]) -> PhrConfig | None:
    value = setup(choice)
    return value and PhrConfig(
        _or_infinity(value["periodicPHR-Timer"]),
        number(value["prohibitPHR-Timer"]),
        _or_infinity(value["dl-PathlossChange"]),
    )


def _or_infinity(name: str) -> int | None:
    """Number in an enumeration's name; None for infinity."""
    return None if name == "infinity" else number(name)


def _ul_sch(old: UlSchConfig, mac: Value) -> UlSchConfig:
    value = mac.get("ul-SCH-Config")
    if value is None:
        return old
    periodic = old.periodic_bsr
    if "periodicBSR-Timer" in value:
        periodic = _or_infinity(value["periodicBSR-Timer"])
    return UlSchConfig(
        max_harq_tx=number(value["maxHARQ-Tx"]) if "maxHARQ-Tx" in value else old.max_harq_tx,
        periodic_bsr=periodic,
        retx_bsr=number(value["retxBSR-Timer"]),
        tti_bundling=value["ttiBundling"],
    )


def _physical(config: DedicatedConfig, value: Value, default: DedicatedConfig) -> DedicatedConfig:
    """physicalConfigDedicated: every field of it is Need ON."""
    changes: Value = {}
    if "pdsch-ConfigDedicated" in value:
        changes["p_a_db"] = decibels(value["pdsch-ConfigDedicated"]["p-a"])
    if "pucch-ConfigDedicated" in value:
        changes["ack_nack_repetition"] = _repetition(value["pucch-ConfigDedicated"]["ackNackRepetition"])
    if "pusch-ConfigDedicated" in value:
        beta = value["pusch-ConfigDedicated"]
        changes["beta"] = BetaOffsets(*(beta[f"betaOffset-{name}-Index"] for name in ("ACK", "RI", "CQI")))
    if "uplinkPowerControlDedicated" in value:
        changes["power"] = _ue_power(value["uplinkPowerControlDedicated"])
    if "tpc-PDCCH-ConfigPUCCH" in value:
        changes["tpc_pucch"] = _tpc(value["tpc-PDCCH-ConfigPUCCH"])
    if "tpc-PDCCH-ConfigPUSCH" in value:
        changes["tpc_pusch"] = _tpc(value["tpc-PDCCH-ConfigPUSCH"])
    if "cqi-ReportConfig" in value:
        changes |= _cqi_report(value["cqi-ReportConfig"])
    if "cqi-ReportConfig-v920" in value:
        changes["pmi_ri_report"] = "pmi-RI-Report-r9" in value["cqi-ReportConfig-v920"]
    if "soundingRS-UL-ConfigDedicated" in value:
        changes["srs"] = _srs_dedicated(value["soundingRS-UL-ConfigDedicated"])
    if "antennaInfo" in value:
        changes |= _antenna(value["antennaInfo"], default)
    if "schedulingRequestConfig" in value:
        changes["sr"] = _scheduling_request(value["schedulingRequestConfig"])
    return replace(config, **changes)


def _repetition(choice: tuple[str, Value | None]) -> AckNackRepetition | None:
    value = setup(choice)
    return value and AckNackRepetition(number(value["repetitionFactor"]), value["n1PUCCH-AN-Rep"])


def _ue_power(value: Value) -> UePowerConfig:
    return UePowerConfig(
        p0_ue_pusch=value["p0-UE-PUSCH"],
        delta_mcs=value["deltaMCS-Enabled"] == "en1",
        accumulation=value["accumulationEnabled"],
        p0_ue_pucch=value["p0-UE-PUCCH"],
        p_srs_offset=value["pSRS-Offset"],
        filter_coefficient=number(value.get("filterCoefficient", "fc4")),
    )


def _tpc(choice: tuple[str, Value | None]) -> TpcPdcch | None:
    value = setup(choice)
    if value is None:
        return None
    kind, index = value["tpc-Index"]
    return TpcPdcch(value["tpc-RNTI"][0], index, one_bit=kind == "indexOfFormat3A")


def _cqi_report(value: Value) -> Value:
    """Changes that cqi-ReportConfig makes: the aperiodic mode is Need OR, the periodic report Need ON."""
    mode = value.get("cqi-ReportModeAperiodic")
    changes: Value = {
        "aperiodic_cqi_mode": None if mode is None else "-".join(str(number(mode))),
        "nom_pdsch_rs_epre_offset_db": 2 * value["nomPDSCH-RS-EPRE-Offset"],
    }
    if "cqi-ReportPeriodic" in value:
        changes["cqi"] = _periodic_cqi(value["cqi-ReportPeriodic"])
    return changes


def _periodic_cqi(choice: tuple[str, Value | None]) -> PeriodicCqi | None:
    value = setup(choice)
    if value is None:
        return None
    kind, subband = value["cqi-FormatIndicatorPeriodic"]
    return PeriodicCqi(
        n2_pucch=value["cqi-PUCCH-ResourceIndex"],
        config_index=value["cqi-pmi-ConfigIndex"],
        subband_k=subband["k"] if kind == "subbandCQI" else None,
        ri_config_index=value.get("ri-ConfigIndex"),
        simultaneous_ack_nack=value["simultaneousAckNackAndCQI"],
    )


def _srs_dedicated(choice: tuple[str, Value | None]) -> SrsDedicated | None:
    value = setup(choice)
    if value is None:
        return None
    return SrsDedicated(
        bandwidth=number(value["srs-Bandwidth"]),
        hopping_bandwidth=number(value["srs-HoppingBandwidth"]),
        freq_domain_position=value["freqDomainPosition"],
        indefinite=value["duration"],
        config_index=value["srs-ConfigIndex"],
        transmission_comb=value["transmissionComb"],
        cyclic_shift=number(value["cyclicShift"]),
    )


def _antenna(choice: tuple[str, Value | None], default: DedicatedConfig) -> Value:
    kind, value = choice
    if kind == "defaultValue" or value is None:
        return {"transmission_mode": default.transmission_mode, "antenna_selection": None}
    return {
        "transmission_mode": number(value["transmissionMode"]),
        "antenna_selection": setup(value["ue-TransmitAntennaSelection"]),
    }


def _scheduling_request(choice: tuple[str, Value | None]) -> SchedulingRequest | None:
    value = setup(choice)
    return value and SchedulingRequest(
        value["sr-PUCCH-ResourceIndex"], value["sr-ConfigIndex"], number(value["dsr-TransMax"])
    )
