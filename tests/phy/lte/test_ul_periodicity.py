"""Turns of scheduling requests, channel reports and sounding: tables, and what their clauses say of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.phy.lte import ul_periodicity
from picocell.phy.lte.ul_periodicity import (
    Periodicity,
    cqi_periodicity,
    cqi_subframe,
    ri_periodicity,
    ri_subframe,
    sr_periodicity,
    sr_subframe,
    srs_subframe,
    subband_instance,
    subband_parts,
)

HYPERFRAME = 10240


@pytest.mark.parametrize(
    ("i_sr", "want"),
    [(0, (5, 0)), (14, (10, 9)), (15, (20, 0)), (74, (40, 39)), (75, (80, 0)), (156, (2, 1)), (157, (1, 0))],
)
def test_period_and_offset_of_scheduling_requests(i_sr: int, want: tuple[int, int]) -> None:
    assert sr_periodicity(i_sr) == Periodicity(*want)


@pytest.mark.parametrize(
    ("index", "want"),
    [(0, (2, 0)), (6, (5, 4)), (38, (40, 1)), (316, (160, 159)), (318, (32, 0)), (413, (64, 63)), (541, (128, 127))],
)
def test_period_and_offset_of_channel_reports(index: int, want: tuple[int, int]) -> None:
    assert cqi_periodicity(index) == Periodicity(*want)


@pytest.mark.parametrize(("i_ri", "want"), [(0, (1, 0)), (160, (1, -160)), (161, (2, 0)), (805, (32, 0))])
def test_period_and_offset_of_rank_indications(i_ri: int, want: tuple[int, int]) -> None:
    assert ri_periodicity(i_ri) == Periodicity(*want)


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (sr_subframe, 158),
        (sr_subframe, -1),
        (cqi_subframe, 317),
        (cqi_subframe, 542),
        (srs_subframe, 637),
    ],
)
def test_reserved_index_is_refused(call: object, index: int) -> None:
    with pytest.raises(ValueError, match=rf"Index {index} is not in TS 36\.213 Table"):
        call(index, 0)  # type: ignore[operator]


def test_reserved_rank_index_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ri-ConfigIndex 966 .* 805\.\.965"):
        ri_subframe(966, 38, 0)


def test_offsets_stay_inside_their_period() -> None:
    indices = [i for i in range(542) if i != 317]
    for found in [sr_periodicity(i) for i in range(158)] + [cqi_periodicity(i) for i in indices]:
        assert 0 <= found.offset < found.period


def test_every_period_shares_the_subframes_out_once() -> None:
    """The indices of one period are its offsets: each subframe belongs to exactly one of them."""
    for tti in range(0, HYPERFRAME, 37):
        assert sum(sr_subframe(i, tti) for i in range(15, 35)) == 1
        assert sum(cqi_subframe(i, tti) for i in range(77, 157)) == 1
        assert sum(srs_subframe(i, tti) for i in range(317, 637)) == 1


@given(st.integers(0, 157), st.integers(0, 1023), st.integers(0, 9))
def test_scheduling_request_as_the_clause_states_it(i_sr: int, sfn: int, subframe: int) -> None:
    found = sr_periodicity(i_sr)
    for n_s in (2 * subframe, 2 * subframe + 1):
        turn = (10 * sfn + n_s // 2 - found.offset) % found.period == 0
        assert turn == sr_subframe(i_sr, 10 * sfn + subframe)


def test_rank_indication_comes_before_every_second_report_with_an_offset_of_one() -> None:
    i_ri, i_cqi = 162, 38  # M_RI 2, offset -1; N_pd 40, offset 1
    assert [tti for tti in range(400) if ri_subframe(i_ri, i_cqi, tti)] == [0, 80, 160, 240, 320]


def test_subband_cycle_counts_from_its_wideband_report() -> None:
    cycle, i_cqi = 5, 7 + 3  # period 10, offset 3
    reports = [tti for tti in range(200) if cqi_subframe(i_cqi, tti)]
    assert [subband_instance(i_cqi, tti, cycle) for tti in reports] == [0, 1, 2, 3, 4] * 4
    wideband = [tti for tti in reports if subband_instance(i_cqi, tti, cycle) == 0]
    assert wideband == [tti for tti in range(200) if (tti - 3) % (cycle * 10) == 0]


@pytest.mark.parametrize(
    ("n_prb", "want"), [(6, None), (15, (4, 2, 1)), (25, (4, 2, 2)), (50, (6, 3, 2)), (75, (8, 4, 2)), (100, (8, 4, 2))]
)
def test_bandwidth_parts(n_prb: int, want: tuple[int, int, int] | None) -> None:
    assert subband_parts(n_prb) == (want and ul_periodicity.SubbandParts(*want))
