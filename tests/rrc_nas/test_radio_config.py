"""From SIB2 to configurations: recorded cells, every field, malformed values."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.radio_config import PreambleGroupA, RachConfig, pdsch_config, rach_config, uplink_config
from picocell.rrc_nas.rrc.system_information import decode_system_information

OPEN_STACK = "00800ce1bf788800ca01e00100000801829945ab9c30c6a6cc01c21462d84ea5a4"
COMMERCIAL = "00800c61bc8ca883d601ba01000408019739dcb2d5425c700308518b613a9690"
Value = dict[str, Any]


def sib2(text: str) -> Value:
    return decode_system_information(bytes.fromhex(text))[2]


def test_uplink_of_the_recorded_open_stack() -> None:
    assert uplink_config(sib2(OPEN_STACK), 6) == UplinkConfig(pusch=PuschConfig(hopping_offset=2), power=open_power())


def open_power() -> UplinkPowerConfig:
    return UplinkPowerConfig(delta_preamble_msg3=12)  # deltaPreambleMsg3 6 stands for 12 dB


def test_uplink_of_the_recorded_commercial_cell() -> None:
    want = UplinkConfig(
        n_prb=6,
        cp=CyclicPrefix.NORMAL,
        prach=PrachConfig(15, 648, 11, False, 0),
        pusch=PuschConfig(hopping_offset=2),
        pucch=PucchConfig(delta_shift=2, n_rb_2=1, n_cs_1=0, n1_pucch_an=12),
        srs=SrsCellConfig(bandwidth_config=7, subframe_config=3, ack_nack_simultaneous=True),
        power=UplinkPowerConfig(-67, 0.7, -105, (("1", 0), ("1b", 3), ("2", 1), ("2a", 2), ("2b", 2)), 8),
    )
    assert uplink_config(sib2(COMMERCIAL), 6) == want


def test_uplink_bandwidth_is_the_downlinks_where_sib2_names_none() -> None:
    assert "ul-Bandwidth" not in sib2(COMMERCIAL)["freqInfo"]
    assert uplink_config(sib2(COMMERCIAL), 50).n_prb == 50
    assert uplink_config(sib2(OPEN_STACK), 50).n_prb == 6


def test_every_uplink_field_is_read_from_its_own_place() -> None:
    value = sib2(OPEN_STACK)
    common = value["radioResourceConfigCommon"]
    value["freqInfo"]["ul-Bandwidth"] = "n75"
    common["ul-CyclicPrefixLength"] = "len2"
    common["prach-Config"]["prach-ConfigInfo"] |= {"highSpeedFlag": True, "prach-FreqOffset": 94}
    common["pusch-ConfigCommon"]["pusch-ConfigBasic"] |= {
        "n-SB": 4,
        "hoppingMode": "intraAndInterSubFrame",
        "pusch-HoppingOffset": 98,
        "enable64QAM": True,
    }
    common["pusch-ConfigCommon"]["ul-ReferenceSignalsPUSCH"] = {
        "groupHoppingEnabled": True,
        "groupAssignmentPUSCH": 29,
        "sequenceHoppingEnabled": True,
        "cyclicShift": 7,
    }
    common["pucch-ConfigCommon"] = {"deltaPUCCH-Shift": "ds3", "nRB-CQI": 98, "nCS-AN": 7, "n1PUCCH-AN": 2047}
    common["uplinkPowerControlCommon"] |= {"alpha": "al1", "deltaPreambleMsg3": -1}
    common["uplinkPowerControlCommon"]["deltaFList-PUCCH"]["deltaF-PUCCH-Format2a"] = "deltaF-2"
    found = uplink_config(value, 100)
    assert (found.n_prb, found.cp) == (75, CyclicPrefix.EXTENDED)
    assert found.prach == PrachConfig(3, 128, 5, True, 94)
    assert found.pusch == PuschConfig(4, HoppingMode.INTRA_AND_INTER_SUBFRAME, 98, True, True, True, 29, 7)
    assert found.pucch == PucchConfig(3, 98, 7, 2047)
    assert (found.power.alpha, found.power.delta_preamble_msg3) == (1.0, -2)
    assert dict(found.power.delta_f_pucch)["2a"] == -2


@pytest.mark.parametrize(("name", "alpha"), [("al0", 0.0), ("al04", 0.4), ("al05", 0.5), ("al09", 0.9), ("al1", 1.0)])
def test_alpha(name: str, alpha: float) -> None:
    value = sib2(OPEN_STACK)
    value["radioResourceConfigCommon"]["uplinkPowerControlCommon"]["alpha"] = name
    assert uplink_config(value, 6).power.alpha == alpha


def test_random_access_and_downlink_powers_of_the_recorded_cells() -> None:
    assert rach_config(sib2(OPEN_STACK)) == RachConfig(52, 6, -104, 10, 10, 64, 4)
    assert rach_config(sib2(COMMERCIAL)) == RachConfig(52, 2, -104, 10, 10, 40, 5)
    found = pdsch_config(sib2(COMMERCIAL))
    assert (found.reference_signal_power_dbm, found.p_b) == (-5, 1)


@pytest.mark.parametrize(("name", "offset"), [("minusinfinity", None), ("dB0", 0), ("dB18", 18)])
def test_preambles_of_two_groups(name: str, offset: int | None) -> None:
    value = sib2(OPEN_STACK)
    value["radioResourceConfigCommon"]["rach-ConfigCommon"]["preambleInfo"]["preamblesGroupAConfig"] = {
        "sizeOfRA-PreamblesGroupA": "n28",
        "messageSizeGroupA": "b144",
        "messagePowerOffsetGroupB": name,
    }
    assert rach_config(value).group_a == PreambleGroupA(28, 144, offset)


@pytest.mark.parametrize("value", [{}, {"radioResourceConfigCommon": {}, "freqInfo": {}}, {"freqInfo": None}])
def test_a_value_that_is_no_sib2_is_an_error(value: Value) -> None:
    for read in (lambda sib: uplink_config(sib, 6), rach_config, pdsch_config):
        with pytest.raises(Asn1Error, match="SIB2 does not have the expected shape"):
            read(value)


def test_a_value_that_the_standard_does_not_have_is_an_error() -> None:
    with pytest.raises(Asn1Error, match="n_prb 7"):
        uplink_config(sib2(COMMERCIAL), 7)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_values_are_read_or_refused(data: st.DataObject) -> None:
    value = sib2(COMMERCIAL)
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
        uplink_config(value, 6)
        rach_config(value)
        pdsch_config(value)
    except ValueError:
        return
