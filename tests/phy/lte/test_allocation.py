"""Resource allocation against the clauses, and against itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import allocation
from picocell.phy.lte.cell import BANDWIDTHS
from support.oracle_pdsch import N_GAP, RBG_SIZE, dvrb_to_prb, type1_addressable

GAPS = [(n_prb, which) for n_prb in BANDWIDTHS for which in range(len(N_GAP[n_prb]))]


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_rbg_size_and_gap(n_prb: int) -> None:
    assert allocation.rbg_size(n_prb) == RBG_SIZE[n_prb]
    assert allocation.gap(n_prb) == N_GAP[n_prb][0]
    assert sum(len(allocation.rbg(n_prb, g)) for g in range(allocation.n_rbg(n_prb))) == n_prb


@pytest.mark.parametrize(
    ("n_prb", "bitmap", "prbs"),
    [
        (6, 0x20, (0,)),
        (6, 0x3C, (0, 1, 2, 3)),
        (25, 1, (24,)),
        (25, 1 << 12 | 2, (0, 1, 22, 23)),
        (50, 1, (48, 49)),
        (100, 1 << 24, (0, 1, 2, 3)),
    ],
)
def test_type0_examples(n_prb: int, bitmap: int, prbs: tuple[int, ...]) -> None:
    assert allocation.type0(n_prb, bitmap) == prbs
    assert allocation.type0_encode(n_prb, prbs) == bitmap


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(BANDWIDTHS), st.data())
def test_type0_round_trip(n_prb: int, data: st.DataObject) -> None:
    bitmap = data.draw(st.integers(1, (1 << allocation.n_rbg(n_prb)) - 1))
    assert allocation.type0_encode(n_prb, allocation.type0(n_prb, bitmap)) == bitmap


@pytest.mark.parametrize("n_prb", [n for n in BANDWIDTHS if n > 10])
def test_type1_bits_address_the_subset(n_prb: int) -> None:
    subset_bits, n_bits = allocation.type1_bits(n_prb)
    reachable = set()
    for subset in range(RBG_SIZE[n_prb]):
        for shift in (0, 1):
            blocks = type1_addressable(n_prb, subset, shift)
            assert len(blocks) == n_bits
            head = (subset << 1 | shift) << n_bits
            singles = [allocation.type1(n_prb, head | 1 << (n_bits - 1 - i)) for i in range(n_bits)]
            assert singles == [(block,) for block in blocks]
            assert allocation.type1(n_prb, head | ((1 << n_bits) - 1)) == tuple(blocks)
            reachable |= set(blocks)
    assert reachable == set(range(n_prb))
    assert subset_bits + 1 + n_bits == allocation.n_rbg(n_prb)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([n for n in BANDWIDTHS if n > 10]), st.data())
def test_type1_round_trip(n_prb: int, data: st.DataObject) -> None:
    subset = data.draw(st.integers(0, RBG_SIZE[n_prb] - 1))
    blocks = type1_addressable(n_prb, subset, data.draw(st.integers(0, 1)))
    wanted = data.draw(st.sets(st.sampled_from(blocks), min_size=1))
    assert allocation.type1(n_prb, allocation.type1_encode(n_prb, wanted)) == tuple(sorted(wanted))


@pytest.mark.parametrize(("n_prb", "which"), GAPS)
def test_distributed_blocks_follow_the_interleaver(n_prb: int, which: int) -> None:
    even, odd = allocation.dvrb_map(n_prb, bool(which))
    assert (list(even), list(odd)) == dvrb_to_prb(n_prb, which)
    assert sorted(even) == sorted(odd) == sorted(set(even))
    assert max(even) < n_prb
    assert {abs(a - b) for a, b in zip(even, odd, strict=True)} == {N_GAP[n_prb][which]}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(GAPS), st.data())
def test_distributed_ranges(case: tuple[int, int], data: st.DataObject) -> None:
    n_prb, which = case
    n_vrb = allocation.n_dvrb(n_prb, bool(which))
    start = data.draw(st.integers(0, n_vrb - 1))
    length = data.draw(st.integers(1, n_vrb - start))
    for slot, mapped in zip(
        allocation.distributed(n_prb, start, length, bool(which)), dvrb_to_prb(n_prb, which), strict=True
    ):
        assert list(slot) == sorted(mapped[start : start + length])


def test_localised_is_the_same_in_both_slots() -> None:
    assert allocation.localised(15, 3, 4) == ((3, 4, 5, 6), (3, 4, 5, 6))


def test_step_of_format_1c() -> None:
    assert [allocation.step_1c(n_prb) for n_prb in BANDWIDTHS] == [2, 2, 2, 4, 4, 4]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: allocation.rbg_size(7), "no LTE bandwidth"),
        (lambda: allocation.step_1c(7), "no LTE bandwidth"),
        (lambda: allocation.type0(6, 0), "no resource block"),
        (lambda: allocation.type0(6, 64), "outside"),
        (lambda: allocation.type0_encode(25, [0]), "whole groups"),
        (lambda: allocation.type0_encode(25, []), "no resource block"),
        (lambda: allocation.type0_encode(25, [25]), "outside"),
        (lambda: allocation.type1(6, 1), "does not exist"),
        (lambda: allocation.type1(50, 3 << 15 | 1), "subset"),
        (lambda: allocation.type1(50, 0), "no resource block"),
        (lambda: allocation.type1_encode(25, [0, 2]), "no type 1 subset"),
        (lambda: allocation.localised(6, 4, 3), "do not fit"),
        (lambda: allocation.localised(6, 0, 0), "do not fit"),
        (lambda: allocation.distributed(15, 10, 5), "do not fit"),
        (lambda: allocation.distributed(25, 0, 1, True), "does not exist"),
    ],
)
def test_bad_allocations(call: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call()  # type: ignore[operator]
