"""Paging occasions against the formulae of TS 36.304 7.1, 7.2, looked for frame by frame."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.enb import system_information
from picocell.phy.lte.cell import Duplex
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.paging_occasion import CYCLES_RF, PagingCycle, ue_identity_index

N_B = [Fraction(4), Fraction(2)] + [Fraction(1, 2**n) for n in range(6)]
NAMES = ["fourT", "twoT", "oneT", "halfT", "quarterT", "oneEighthT", "oneSixteenthT", "oneThirtySecondT"]
FDD = {(1, 0): 9, (2, 0): 4, (2, 1): 9, (4, 0): 0, (4, 1): 4, (4, 2): 5, (4, 3): 9}  # by N_s and i_s
TDD = {(1, 0): 0, (2, 0): 0, (2, 1): 5, (4, 0): 0, (4, 1): 1, (4, 2): 5, (4, 3): 6}


def paged(t: int, n_b: Fraction, ue_id: int, sfn: int, subframe: int, table: dict[tuple[int, int], int]) -> bool:
    """The clause, with N and N_s as fractions: whether a subframe is the UE's paging occasion."""
    n_b_frames = t * n_b
    n = min(Fraction(t), n_b_frames)
    n_s = max(Fraction(1), n_b_frames / t)
    if sfn % t != (t / n) * (ue_id % n):
        return False
    i_s = ue_id // n % n_s
    return table[int(n_s), int(i_s)] == subframe


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(CYCLES_RF),
    st.sampled_from(N_B),
    st.integers(0, 1023),
    st.integers(0, 50_000_000),
    st.sampled_from(Duplex),
)
def test_next_occasion_is_the_first_one_of_the_clause(
    t: int, n_b: Fraction, ue_id: int, now: int, duplex: Duplex
) -> None:
    table = FDD if duplex is Duplex.FDD else TDD
    cycle = PagingCycle(t, n_b, duplex)
    tti = now
    while not paged(t, n_b, ue_id, tti // 10 % 1024, tti % 10, table):
        tti += 1
    assert cycle.next_occasion(ue_id, now) == tti
    assert cycle.is_occasion(ue_id, tti)
    assert cycle.is_occasion(ue_id, now) == (tti == now)
    assert cycle.next_occasion(ue_id, tti + 1) == tti + 10 * t


@pytest.mark.parametrize("t", CYCLES_RF)
@pytest.mark.parametrize("n_b", N_B)
def test_ues_spread_evenly_over_the_occasions(t: int, n_b: Fraction) -> None:
    cycle = PagingCycle(t, n_b)
    load = Counter(cycle.occasion(ue_id) for ue_id in range(1024))
    assert len(load) == min(t * n_b, 1024)
    assert len(set(load.values())) == 1


@pytest.mark.parametrize(("name", "n_b"), list(zip(NAMES, N_B, strict=True)))
def test_cycle_of_a_cell(name: str, n_b: Fraction) -> None:
    sib2: dict[str, Any] = system_information.sib2(6)
    sib2["radioResourceConfigCommon"]["pcch-Config"] = {"defaultPagingCycle": "rf128", "nB": name}
    assert PagingCycle.from_sib2(sib2) == PagingCycle(128, n_b)
    assert PagingCycle.from_sib2(sib2, 64) == PagingCycle(64, n_b)
    assert PagingCycle.from_sib2(sib2, 256) == PagingCycle(128, n_b)


def test_an_occasion_by_hand() -> None:
    """T = 32, nB = T / 4: N = 8, frames 4 apart; UE_ID 780 mod 8 = 4, so frame 16, subframe 9."""
    assert ue_identity_index("001010123456780") == 1010123456780 % 1024
    assert PagingCycle(32, Fraction(1, 4)).occasion(780) == (16, 9)


@pytest.mark.parametrize(
    ("cycle", "n_b"), [(33, Fraction(1)), (0, Fraction(1)), (32, Fraction(8)), (32, Fraction(1, 64))]
)
def test_a_value_that_the_standard_does_not_have(cycle: int, n_b: Fraction) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        PagingCycle(cycle, n_b)


def test_bad_identity_and_bad_sib2() -> None:
    for imsi in ("", "12345", "1" * 16, "00101012345678x"):
        with pytest.raises(ValueError, match="6 to 15 digits"):
            ue_identity_index(imsi)
    with pytest.raises(Asn1Error):
        PagingCycle.from_sib2({})
