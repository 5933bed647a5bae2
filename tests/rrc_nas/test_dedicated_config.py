"""A UE's configuration: recorded messages, rules for absent fields, what is due on the PUCCH, malformed values."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    UlControlDue,
    UlSchConfig,
    aperiodic_report,
    ul_control_due,
)
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.dedicated_update import apply

SETUP = "60129b2e661e82f2e0ccc860d3000099020003e0"
RECONFIGURATION = (
    "201610800000068b02801289e592ba540041d0804f8180003c440001c0075480704041c1c19cdc9cd85c1b81406b040000c9c220000341020202"
    "021402fd803c44000046a9eed8d8c4c03c44000188c17d29eed8d8d89f07d40be3a43c733cb833321834c00026408000f8"
)
SRB1 = Bearer(BearerKind.SRB, 1, 1, pdcp_sn_bits=5, priority=1, lcg=0)
SRB2 = Bearer(BearerKind.SRB, 2, 2, pdcp_sn_bits=5, priority=3, lcg=0)
DRB1 = Bearer(
    BearerKind.DRB,
    1,
    3,
    RlcMode.UM,
    eps_bearer=5,
    priority=13,
    lcg=2,
    prioritised_bit_rate=None,
    bucket_size_duration=100,
)

Value = dict[str, Any]


def setup() -> Value:
    return asn1.decode("DL-CCCH", bytes.fromhex(SETUP))


def resources(message: Value) -> Value:
    """radioResourceConfigDedicated of a message, to be changed."""
    body: Value = message["message"][1][1]["criticalExtensions"][1][1]["radioResourceConfigDedicated"]
    return body


def physical(message: Value) -> Value:
    part: Value = resources(message)["physicalConfigDedicated"]
    return part


def reconfiguration(**dedicated: Any) -> Value:
    """RRCConnectionReconfiguration with such a radioResourceConfigDedicated; it went over the wire."""
    body = {"radioResourceConfigDedicated": {name.replace("_", "-"): part for name, part in dedicated.items()}}
    choice = ("c1", ("rrcConnectionReconfiguration-r8", body))
    content = {"rrc-TransactionIdentifier": 0, "criticalExtensions": choice}
    value = {"message": ("c1", ("rrcConnectionReconfiguration", content))}
    return asn1.decode("DL-DCCH", asn1.encode("DL-DCCH", value))


def test_recorded_setup() -> None:
    want = DedicatedConfig(
        p_a_db=0.0,
        beta=BetaOffsets(6, 6, 6),
        power=UePowerConfig(p_srs_offset=3),
        cqi=PeriodicCqi(0, 38, simultaneous_ack_nack=True),
        sr=SchedulingRequest(0, 15, 64),
        ul_sch=UlSchConfig(4, 20, 320, False),
        phr=PhrConfig(periodic=50, prohibit=0, path_loss_change_db=3),
        time_alignment_timer=None,
        bearers=(SRB1,),
    )
    assert apply(None, setup()) == want


def test_recorded_reconfiguration_adds_bearers_and_keeps_the_rest() -> None:
    before = apply(None, setup())
    message = asn1.decode("DL-DCCH", bytes.fromhex(RECONFIGURATION))
    assert apply(before, message) == replace(before, bearers=(SRB1, SRB2, DRB1))


def test_absent_fields_keep_their_values() -> None:
    before = replace(apply(None, setup()), aperiodic_cqi_mode="3-0", p_a_db=3.0, bearers=(SRB1, DRB1))
    assert apply(before, reconfiguration()) == before
    assert apply(before, reconfiguration(physicalConfigDedicated={})) == before
    assert apply(before, reconfiguration(mac_MainConfig=("explicitValue", mac_main(None)))) == before


def test_absent_aperiodic_mode_is_released_and_absent_periodic_report_kept() -> None:
    before = replace(apply(None, setup()), aperiodic_cqi_mode="3-0")
    report = {"nomPDSCH-RS-EPRE-Offset": -1}
    after = apply(before, reconfiguration(physicalConfigDedicated={"cqi-ReportConfig": report}))
    assert after == replace(before, aperiodic_cqi_mode=None, nom_pdsch_rs_epre_offset_db=-2)


def test_release_takes_away() -> None:
    before = replace(
        apply(None, setup()),
        ack_nack_repetition=AckNackRepetition(2, 5),
        tpc_pucch=TpcPdcch(100, 1, False),
        tpc_pusch=TpcPdcch(101, 1, True),
        srs=SrsDedicated(0, 0, 0, True, 7, 0, 0),
    )
    released = ("release", None)
    after = apply(
        before,
        reconfiguration(
            physicalConfigDedicated={
                "pucch-ConfigDedicated": {"ackNackRepetition": released},
                "tpc-PDCCH-ConfigPUCCH": released,
                "tpc-PDCCH-ConfigPUSCH": released,
                "cqi-ReportConfig": {"nomPDSCH-RS-EPRE-Offset": 0, "cqi-ReportPeriodic": released},
                "soundingRS-UL-ConfigDedicated": released,
                "schedulingRequestConfig": released,
            }
        ),
    )
    gone = dict.fromkeys(("ack_nack_repetition", "tpc_pucch", "tpc_pusch", "srs", "cqi", "sr"))
    assert after == replace(before, **gone)  # type: ignore[arg-type]


def test_setup_of_every_physical_field() -> None:
    message = reconfiguration(
        physicalConfigDedicated={
            "pdsch-ConfigDedicated": {"p-a": "dB-4dot77"},
            "pucch-ConfigDedicated": {
                "ackNackRepetition": ("setup", {"repetitionFactor": "n4", "n1PUCCH-AN-Rep": 2047}),
            },
            "pusch-ConfigDedicated": {"betaOffset-ACK-Index": 1, "betaOffset-RI-Index": 2, "betaOffset-CQI-Index": 3},
            "uplinkPowerControlDedicated": {
                "p0-UE-PUSCH": -8,
                "deltaMCS-Enabled": "en1",
                "accumulationEnabled": False,
                "p0-UE-PUCCH": 7,
                "pSRS-Offset": 15,
                "filterCoefficient": "fc19",
            },
            "tpc-PDCCH-ConfigPUCCH": ("setup", {"tpc-RNTI": (0xABCD, 16), "tpc-Index": ("indexOfFormat3", 15)}),
            "tpc-PDCCH-ConfigPUSCH": ("setup", {"tpc-RNTI": (0x1234, 16), "tpc-Index": ("indexOfFormat3A", 31)}),
            "cqi-ReportConfig": {
                "cqi-ReportModeAperiodic": "rm30",
                "nomPDSCH-RS-EPRE-Offset": 6,
                "cqi-ReportPeriodic": (
                    "setup",
                    {
                        "cqi-PUCCH-ResourceIndex": 1185,
                        "cqi-pmi-ConfigIndex": 541,
                        "cqi-FormatIndicatorPeriodic": ("subbandCQI", {"k": 4}),
                        "ri-ConfigIndex": 965,
                        "simultaneousAckNackAndCQI": False,
                    },
                ),
            },
            "cqi-ReportConfig-v920": {"pmi-RI-Report-r9": "setup"},
            "soundingRS-UL-ConfigDedicated": (
                "setup",
                {
                    "srs-Bandwidth": "bw3",
                    "srs-HoppingBandwidth": "hbw2",
                    "freqDomainPosition": 23,
                    "duration": True,
                    "srs-ConfigIndex": 636,
                    "transmissionComb": 1,
                    "cyclicShift": "cs7",
                },
            ),
            "antennaInfo": (
                "explicitValue",
                {"transmissionMode": "tm8-v920", "ue-TransmitAntennaSelection": ("setup", "closedLoop")},
            ),
            "schedulingRequestConfig": (
                "setup",
                {"sr-PUCCH-ResourceIndex": 2047, "sr-ConfigIndex": 157, "dsr-TransMax": "n4"},
            ),
        }
    )
    assert apply(None, message) == DedicatedConfig(
        p_a_db=-4.77,
        ack_nack_repetition=AckNackRepetition(4, 2047),
        beta=BetaOffsets(1, 2, 3),
        power=UePowerConfig(-8, True, False, 7, 15, 19),
        tpc_pucch=TpcPdcch(0xABCD, 15, False),
        tpc_pusch=TpcPdcch(0x1234, 31, True),
        aperiodic_cqi_mode="3-0",
        nom_pdsch_rs_epre_offset_db=12,
        cqi=PeriodicCqi(1185, 541, 4, 965, False),
        pmi_ri_report=True,
        srs=SrsDedicated(3, 2, 23, True, 636, 1, 7),
        transmission_mode=8,
        antenna_selection="closedLoop",
        sr=SchedulingRequest(2047, 157, 4),
    )


@pytest.mark.parametrize(("n_ports", "mode"), [(1, 1), (2, 2), (4, 2)])
def test_default_antenna_depends_on_the_ports(n_ports: int, mode: int) -> None:
    before = DedicatedConfig(transmission_mode=4, antenna_selection="openLoop")
    message = reconfiguration(physicalConfigDedicated={"antennaInfo": ("defaultValue", None)})
    after = apply(before, message, n_ports=n_ports)
    assert (after.transmission_mode, after.antenna_selection) == (mode, None)
    assert DedicatedConfig.default(n_ports).transmission_mode == mode


def mac_main(ul_sch: Value | None) -> Value:
    return {"timeAlignmentTimerDedicated": "infinity"} | ({} if ul_sch is None else {"ul-SCH-Config": ul_sch})


def test_mac_defaults_and_values_that_are_kept() -> None:
    before = replace(DedicatedConfig(), ul_sch=UlSchConfig(28, 5, 320, True))
    ul_sch = {"retxBSR-Timer": "sf10240", "ttiBundling": False}
    after = apply(before, reconfiguration(mac_MainConfig=("explicitValue", mac_main(ul_sch))))
    assert after.ul_sch == UlSchConfig(28, 5, 10240, False)
    ul_sch |= {"periodicBSR-Timer": "infinity", "maxHARQ-Tx": "n1"}
    after = apply(before, reconfiguration(mac_MainConfig=("explicitValue", mac_main(ul_sch))))
    assert after.ul_sch == UlSchConfig(1, None, 10240, False)
    assert apply(before, reconfiguration(mac_MainConfig=("defaultValue", None))).ul_sch == UlSchConfig()


def test_power_headroom_and_time_alignment() -> None:
    """phr-Config is Need ON, the time alignment timer mandatory in mac-MainConfig."""
    report = {"periodicPHR-Timer": "infinity", "prohibitPHR-Timer": "sf1000", "dl-PathlossChange": "infinity"}
    timed = {"timeAlignmentTimerDedicated": "sf10240", "phr-Config": ("setup", report)}
    after = apply(DedicatedConfig(), reconfiguration(mac_MainConfig=("explicitValue", timed)))
    assert (after.phr, after.time_alignment_timer) == (PhrConfig(None, 1000, None), 10240)
    kept = apply(after, reconfiguration(mac_MainConfig=("explicitValue", mac_main(None))))
    assert (kept.phr, kept.time_alignment_timer) == (after.phr, None)
    released = apply(
        after, reconfiguration(mac_MainConfig=("explicitValue", timed | {"phr-Config": ("release", None)}))
    )
    assert (released.phr, released.time_alignment_timer) == (None, 10240)
    default = apply(after, reconfiguration(mac_MainConfig=("defaultValue", None)))
    assert default.phr is None


@pytest.mark.parametrize(("name", "rate"), [("kBps0", 0), ("kBps8", 8000), ("kBps256", 256_000), ("infinity", None)])
def test_prioritised_bit_rate_is_in_bytes_per_second(name: str, rate: int | None) -> None:
    """TS 36.331 6.3.2: kilobytes per second."""
    drb = am_drb(2, 4)
    drb["logicalChannelConfig"]["ul-SpecificParameters"]["prioritisedBitRate"] = name
    after = apply(DedicatedConfig(), reconfiguration(drb_ToAddModList=[drb]))
    assert after.bearers[0].prioritised_bit_rate == rate


def am_drb(identity: int, lcid: int) -> Value:
    rlc = {
        "ul-AM-RLC": {"t-PollRetransmit": "ms80", "pollPDU": "p16", "pollByte": "kB500", "maxRetxThreshold": "t8"},
        "dl-AM-RLC": {"t-Reordering": "ms35", "t-StatusProhibit": "ms0"},
    }
    return {
        "eps-BearerIdentity": 7,
        "drb-Identity": identity,
        "pdcp-Config": {
            "discardTimer": "infinity",
            "rlc-AM": {"statusReportRequired": True},
            "headerCompression": ("notUsed", None),
        },
        "rlc-Config": ("am", rlc),
        "logicalChannelIdentity": lcid,
        "logicalChannelConfig": {
            "ul-SpecificParameters": {
                "priority": 9,
                "prioritisedBitRate": "kBps8",
                "bucketSizeDuration": "ms50",
            }
        },
    }


def test_bearers_are_added_changed_and_released() -> None:
    before = replace(DedicatedConfig(), bearers=(SRB1, DRB1))
    added = apply(before, reconfiguration(drb_ToAddModList=[am_drb(2, 4)]))
    drb2 = Bearer(
        BearerKind.DRB,
        2,
        4,
        RlcMode.AM,
        eps_bearer=7,
        priority=9,
        prioritised_bit_rate=8000,
        bucket_size_duration=50,
    )
    assert added.bearers == (SRB1, DRB1, drb2)
    assert added.bearer(4) == drb2
    assert added.bearer(5) is None
    change = {"drb-Identity": 1, "logicalChannelConfig": am_drb(1, 3)["logicalChannelConfig"]}
    changed = apply(added, reconfiguration(drb_ToAddModList=[change]))
    drb1 = replace(DRB1, priority=9, lcg=None, prioritised_bit_rate=8000, bucket_size_duration=50)
    assert changed.bearers == (SRB1, drb1, drb2)
    released = apply(changed, reconfiguration(drb_ToReleaseList=[1, 9]))
    assert released.bearers == (SRB1, drb2)


def test_setup_forgets_and_reestablishment_keeps_the_bearers_only() -> None:
    before = replace(apply(None, setup()), bearers=(SRB1, SRB2, DRB1), aperiodic_cqi_mode="3-0", ul_sch=UlSchConfig(28))
    assert apply(before, setup()) == apply(None, setup())
    body = {"radioResourceConfigDedicated": {}, "nextHopChainingCount": 0}
    choice = ("c1", ("rrcConnectionReestablishment-r8", body))
    content = {"rrc-TransactionIdentifier": 0, "criticalExtensions": choice}
    message = {"message": ("c1", ("rrcConnectionReestablishment", content))}
    message = asn1.decode("DL-CCCH", asn1.encode("DL-CCCH", message))
    assert apply(before, message) == DedicatedConfig(bearers=(SRB1, SRB2, DRB1))


def test_full_configuration_starts_from_the_defaults_and_the_signalling_bearers() -> None:
    before = replace(apply(None, setup()), bearers=(SRB1, SRB2, DRB1))
    message = reconfiguration(drb_ToAddModList=[am_drb(2, 4)])
    body = message["message"][1][1]["criticalExtensions"][1][1]
    body["nonCriticalExtension"] = {"nonCriticalExtension": {"fullConfig-r9": "true"}}
    message = asn1.decode("DL-DCCH", asn1.encode("DL-DCCH", message))
    after = apply(before, message)
    assert [bearer.name for bearer in after.bearers] == ["SRB1", "SRB2", "DRB2"]
    assert replace(after, bearers=()) == DedicatedConfig()


def test_control_due_of_the_recorded_setup() -> None:
    config = apply(None, setup())
    assert ul_control_due(config, 400) == UlControlDue(sr_n_pucch=0)
    assert ul_control_due(config, 401) == UlControlDue(cqi_n_pucch=0, n_cqi=4)
    assert ul_control_due(config, 402) == UlControlDue()
    assert ul_control_due(DedicatedConfig(), 400) == UlControlDue()


@pytest.mark.parametrize(
    ("mode", "n_ports", "rank", "want"),
    [
        (1, 1, 1, 4),
        (2, 2, 1, 4),
        (3, 2, 2, 4),
        (4, 2, 1, 6),
        (4, 2, 2, 8),
        (4, 4, 1, 8),
        (4, 4, 3, 11),
        (5, 2, 1, 6),
        (6, 4, 1, 8),
        (7, 1, 1, 4),
    ],
)
def test_bits_of_a_wideband_report(mode: int, n_ports: int, rank: int, want: int) -> None:
    """TS 36.212 Tables 5.2.3.3.1-1 and 5.2.3.3.1-2."""
    config = DedicatedConfig(transmission_mode=mode, cqi=PeriodicCqi(9, 2))
    due = ul_control_due(config, 10, n_ports=n_ports, rank=rank)
    assert due == UlControlDue(cqi_n_pucch=9, n_cqi=want)


def test_rank_indication_displaces_a_report_only_in_modes_with_a_rank() -> None:
    config = DedicatedConfig(transmission_mode=3, cqi=PeriodicCqi(9, 2, ri_config_index=161))
    assert ul_control_due(config, 10, n_ports=2) == UlControlDue(cqi_n_pucch=9, n_ri=1)
    assert ul_control_due(config, 10, n_ports=4, max_layers=4) == UlControlDue(cqi_n_pucch=9, n_ri=2)
    assert ul_control_due(config, 15, n_ports=2) == UlControlDue(cqi_n_pucch=9, n_cqi=4)
    assert ul_control_due(replace(config, transmission_mode=2), 10, n_ports=2).n_ri == 0


def test_subband_reports_between_wideband_ones() -> None:
    config = DedicatedConfig(cqi=PeriodicCqi(9, 2, subband_k=1))  # period 5
    dues = [ul_control_due(config, tti, n_prb=25) for tti in range(0, 30, 5)]  # J = 2: H = 3
    assert [(due.n_cqi, due.subband) for due in dues] == [(4, False), (6, True), (6, True)] * 2


def test_sounding_turns() -> None:
    config = DedicatedConfig(srs=SrsDedicated(0, 0, 0, True, 7 + 3, 0, 0))
    assert [tti for tti in range(40) if ul_control_due(config, tti).srs] == [3, 13, 23, 33]


@pytest.mark.parametrize("tti", [0, 401])
def test_reserved_indices_make_nothing_due(tti: int) -> None:
    cqi = PeriodicCqi(9, 1023, ri_config_index=1023)
    srs = SrsDedicated(0, 0, 0, True, 1023, 0, 0)
    config = DedicatedConfig(transmission_mode=3, cqi=cqi, srs=srs, sr=SchedulingRequest(0, 158, 4))
    assert ul_control_due(config, tti) == UlControlDue()


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"message": None},
        {"message": ("c1", ("rrcConnectionSetup", {}))},
        {"message": ("c1", ("rrcConnectionReject", {"criticalExtensions": ("c1", ("x", {}))}))},
        {"message": ("messageClassExtension", ("c2", {}))},
        {"message": ("c1", ("rrcConnectionSetup", {"criticalExtensions": ("criticalExtensionsFuture", {})}))},
    ],
)
def test_a_message_that_configures_nothing_is_an_error(value: Value) -> None:
    with pytest.raises(Asn1Error):
        apply(None, value)


def test_spare_value_is_an_error() -> None:
    message = setup()
    physical(message)["schedulingRequestConfig"][1]["dsr-TransMax"] = "spare1"
    with pytest.raises(Asn1Error, match="'spare1' is spare"):
        apply(None, message)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_values_are_read_or_refused(data: st.DataObject) -> None:
    value = copy.deepcopy(data.draw(st.sampled_from(MESSAGES)))
    node, inside = value, True
    while inside:
        parts = [part for part in node.values() if isinstance(part, dict)]
        parts += [part[1] for part in node.values() if isinstance(part, tuple) and isinstance(part[1], dict)]
        inside = bool(parts) and data.draw(st.integers(0, 3)) > 0
        node = data.draw(st.sampled_from(parts)) if inside else node
    if node:
        key = data.draw(st.sampled_from(sorted(node)))
        node[key] = data.draw(st.sampled_from([None, -1, "spare1", "n6", {}, [], ("setup", None), [{}]]))
    try:
        apply(DedicatedConfig(), reconfigured(value))
    except ValueError:
        return


def reconfigured(dedicated: Value) -> Value:
    choice = ("c1", ("rrcConnectionReconfiguration-r8", {"radioResourceConfigDedicated": dedicated}))
    return {"message": ("c1", ("rrcConnectionReconfiguration", {"criticalExtensions": choice}))}


MESSAGES = [resources(setup()), resources(asn1.decode("DL-DCCH", bytes.fromhex(RECONFIGURATION)))]


@pytest.mark.parametrize(("n_prb", "n_subbands"), [(6, None), (15, 4), (25, 7), (50, 9), (75, 10), (100, 13)])
def test_report_that_a_grant_asks_for(n_prb: int, n_subbands: int | None) -> None:
    """Sub-bands of 4, 6 or 8 resource blocks, the last one smaller (TS 36.213 Table 7.2.1-3)."""
    config = DedicatedConfig(aperiodic_cqi_mode="3-0")
    assert aperiodic_report(config, n_prb=n_prb) == (None if n_subbands is None else (4 + 2 * n_subbands, 0))
    assert aperiodic_report(replace(config, aperiodic_cqi_mode="1-2"), n_prb=n_prb) is None
    if n_subbands is not None:
        with_rank = replace(config, transmission_mode=3)
        assert aperiodic_report(with_rank, n_prb=n_prb, n_ports=2) == (4 + 2 * n_subbands, 1)
        assert aperiodic_report(with_rank, n_prb=n_prb, n_ports=4, max_layers=4) == (4 + 2 * n_subbands, 2)
