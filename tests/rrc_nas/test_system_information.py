"""MIB, SIB1 and SI messages of recorded cells; windows and redundancy versions."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte.cell import BANDWIDTHS, PhichDuration, PhichResource
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.system_information import (
    SI_PERIODS_RF,
    SI_WINDOWS_MS,
    Plmn,
    Sib1,
    SiSchedule,
    decode_system_information,
    si_rv,
    si_window,
    sib1_rv,
)
from support.captures import capture

COMMERCIAL_SIB1 = bytes.fromhex("6040040300011a2d4018028180420c800000")


def test_mib_of_a_recorded_cell() -> None:
    assert Mib.decode(bytes.fromhex("681c00")) == Mib(50, PhichDuration.NORMAL, PhichResource.ONE, 7)


@given(st.sampled_from(BANDWIDTHS), st.sampled_from(PhichDuration), st.sampled_from(PhichResource), st.integers(0, 255))
def test_mib_agrees_with_its_asn1_definition(
    n_prb: int, duration: PhichDuration, resource: PhichResource, sfn_high: int
) -> None:
    mib = Mib(n_prb, duration, resource, sfn_high)
    message = asn1.decode("BCCH-BCH", mib.encode())["message"]
    assert message["dl-Bandwidth"] == f"n{n_prb}"
    assert message["phich-Config"]["phich-Duration"] == duration.value
    names = {"1/6": "oneSixth", "1/2": "half", "1": "one", "2": "two"}
    assert message["phich-Config"]["phich-Resource"] == names[resource.value]
    assert message["systemFrameNumber"] == (sfn_high, 8)
    assert Mib.decode(mib.encode()) == mib


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\0", b"\xc0\0\0", b"\xe0\0\0"])
def test_no_mib(data: bytes) -> None:
    with pytest.raises(ValueError, match="MIB"):
        Mib.decode(data)


@given(st.binary(min_size=3, max_size=3))
def test_any_mib_is_rebuilt(data: bytes) -> None:
    if data[0] >> 5 < len(BANDWIDTHS):
        assert Mib.decode(data).encode() == data


def test_sib1_of_a_commercial_base_station() -> None:
    sib1 = Sib1.decode(COMMERCIAL_SIB1)
    assert sib1.plmns == (Plmn("001", "01"),)
    assert str(sib1.plmns[0]) == "001-01"
    assert (sib1.tac, sib1.cell_identity, sib1.band) == (1, 0x1A2D401, 7)
    assert (sib1.q_rx_lev_min_dbm, sib1.p_max_dbm, sib1.tdd) == (-140, 10, None)
    assert (sib1.barred, sib1.intra_freq_reselection, sib1.csg) == (False, True, False)
    assert (sib1.si_window_ms, sib1.value_tag) == (40, 8)
    assert sib1.scheduling == (SiSchedule(16, (2, 3)),)


def test_plmn_without_mcc_has_that_of_the_one_before() -> None:
    value = asn1.decode("BCCH-DL-SCH", COMMERCIAL_SIB1)
    access = value["message"][1][1]["cellAccessRelatedInfo"]
    extra = {"plmn-Identity": {"mnc": [4, 1, 0]}, "cellReservedForOperatorUse": "reserved"}
    access["plmn-IdentityList"].append(extra)
    sib1 = Sib1.decode(asn1.encode("BCCH-DL-SCH", value))
    assert sib1.plmns == (Plmn("001", "01"), Plmn("001", "410", reserved=True))


def test_tdd_configuration() -> None:
    value = asn1.decode("BCCH-DL-SCH", COMMERCIAL_SIB1)
    value["message"][1][1]["tdd-Config"] = {"subframeAssignment": "sa2", "specialSubframePatterns": "ssp7"}
    assert Sib1.decode(asn1.encode("BCCH-DL-SCH", value)).tdd == (2, 7)


def test_recorded_system_information_has_the_sibs_that_sib1_announces() -> None:
    with capture("lte6_mac.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["rnti_type"] == "SI_RNTI"]
    first, second = (bytes.fromhex(row["mac_pdu_hex"]) for row in rows)
    sib1 = Sib1.decode(first)
    assert (sib1.tac, str(sib1.plmns[0]), sib1.si_window_ms) == (7, "001-01", 20)
    sibs = decode_system_information(second)
    assert tuple(sibs) == sib1.scheduling[0].sibs
    assert sibs[2]["radioResourceConfigCommon"]["prach-Config"]["rootSequenceIndex"] == 128
    assert sib1.window(1).position(int(rows[1]["sfn"]), int(rows[1]["subframe"])) == 9
    assert tuple(decode_system_information(first)) == (1,)
    with pytest.raises(Asn1Error, match="not systemInformationBlockType1"):
        Sib1.decode(second)
    with pytest.raises(ValueError, match=r"1\.\.1"):
        sib1.window(2)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_sibs_or_raise_asn1_error(data: bytes) -> None:
    for read in (decode_system_information, Sib1.decode):
        try:
            read(data)
        except Asn1Error:
            continue


def test_commercial_si_message_was_sent_with_rv_3_in_subframe_2_of_its_window() -> None:
    position = Sib1.decode(COMMERCIAL_SIB1).window(1).position(sfn=0, subframe=2)
    assert position is not None
    assert si_rv(position) == 3


def test_redundancy_versions_run_0_2_3_1() -> None:
    assert [si_rv(i) for i in range(8)] == [0, 2, 3, 1, 0, 2, 3, 1]
    assert [sib1_rv(sfn) for sfn in range(8)] == [0, None, 2, None, 3, None, 1, None]


@given(st.integers(1, 8), st.sampled_from(SI_PERIODS_RF), st.sampled_from(SI_WINDOWS_MS))
def test_window_is_where_the_clause_puts_it(n: int, period: int, length: int) -> None:
    window = si_window(n, period, length)
    x = (n - 1) * length
    tti = next(t for t in range(10 * 1024) if t // 10 % period == x // 10 % period and t % 10 == x % 10)
    inside = [window.position(t // 10 % 1024, t % 10) for t in range(tti, tti + length)]
    if length <= 10 * period:
        assert inside == list(range(length))
    if length < 10 * period:
        assert window.position((tti + length) // 10, (tti + length) % 10) is None


@pytest.mark.parametrize("arguments", [(0, 16, 10), (1, 10, 10), (1, 16, 3)])
def test_window_of_an_impossible_schedule(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"outside|allowed"):
        si_window(*arguments)
