"""Uplink grants: tables, hopping against the clauses in plain loops, random access response, retransmissions."""

from dataclasses import dataclass, replace
from math import ceil, log2

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex
from picocell.phy.lte.dci import Dci0, riv_encode
from picocell.phy.lte.tables import rows
from picocell.phy.lte.tbs import tbs
from picocell.phy.lte.ul_grant import (
    PuschGrant,
    PuschUci,
    beta_offset,
    from_dci0,
    from_rar,
    mcs,
    n_data_symbols,
    retransmission,
)
from picocell.phy.lte.ul_hopping import Assignment, Hopping, assignment, assignment_field, prb_start
from picocell.phy.lte.uplink_config import HoppingMode, PuschConfig, UplinkConfig
from support import oracle_ulsch as oracle

CELL, UL = Cell(1), UplinkConfig()
RNTI = 0x46


@dataclass(frozen=True)
class Rar:
    """Fields of a random access response grant."""

    hopping: bool
    rb_assignment: int
    mcs: int


def legal(n: int) -> bool:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_every_allocation_of_a_legal_size_and_no_other(n_prb: int) -> None:
    ul = UplinkConfig(n_prb=n_prb)
    for count in range(1, n_prb + 1):
        for start in {0, (n_prb - count) // 2, n_prb - count}:
            riv = riv_encode(n_prb, start, count)
            if legal(count):
                assert assignment(ul, riv, False) == Assignment(start, count)
                assert assignment_field(ul, Assignment(start, count)) == riv
            else:
                with pytest.raises(ValueError, match="2\\^a 3\\^b 5\\^c"):
                    assignment(ul, riv, False)


def test_modulation_without_and_with_64qam() -> None:
    for row in rows("36213_8.6.1-1_pusch_mcs")[:29]:
        i, q_m, i_tbs = int(row["I_MCS"]), int(row["Q_m"]), int(row["I_TBS"])
        assert mcs(i, True) == (q_m, i_tbs)
        assert mcs(i, False) == (min(q_m, 4), i_tbs)
    with pytest.raises(ValueError, match="I_MCS 29"):
        mcs(29)


@pytest.mark.parametrize(("cell_allows", "ue_can", "q_m"), [(True, True, 6), (True, False, 4), (False, True, 4)])
def test_64qam_needs_both_ends(cell_allows: bool, ue_can: bool, q_m: int) -> None:
    ul = UplinkConfig(pusch=PuschConfig(enable_64qam=cell_allows))
    grant = from_dci0(CELL, ul, 8, RNTI, Dci0(riv=19, mcs=23), ue_64qam=ue_can)
    assert (grant.q_m, grant.tbs, grant.n_prb, grant.prb_start) == (q_m, tbs(21, 4), 4, (1, 1))


def test_fields_of_a_grant() -> None:
    uci = PuschUci(n_ack=1)
    dci = Dci0(riv=riv_encode(6, 2, 3), mcs=5, ndi=1, cyclic_shift=6)
    grant = from_dci0(CELL, UL, 1234, RNTI, dci, uci=uci, srs_symbol=True)
    assert grant == PuschGrant(RNTI, (2, 2), 3, 2, tbs(5, 3), 0, 6, uci, 1234 % 8, 1, True, 3, 11, Assignment(2, 3))
    tdd = Cell(1, duplex=Duplex.TDD)
    assert from_dci0(tdd, UL, 1234, RNTI, dci, harq_process=3).harq_process == 3


def test_retransmission_by_grant_keeps_block_and_initial_size() -> None:
    first = from_dci0(CELL, UL, 4, RNTI, Dci0(riv=riv_encode(6, 0, 5), mcs=12, ndi=1))
    for index, rv in ((29, 1), (30, 2), (31, 3)):
        again = from_dci0(CELL, UL, 12, RNTI, Dci0(riv=riv_encode(6, 1, 2), mcs=index, ndi=1), previous=first)
        assert (again.q_m, again.tbs, again.rv, again.n_prb) == (first.q_m, first.tbs, rv, 2)
        assert (again.initial_n_prb, again.initial_n_symb) == (5, 12)
    new = from_dci0(CELL, UL, 12, RNTI, Dci0(riv=riv_encode(6, 1, 2), mcs=12, ndi=0), previous=first)
    assert (new.rv, new.initial_n_prb) == (0, 2)
    with pytest.raises(ValueError, match="no earlier grant"):
        from_dci0(CELL, UL, 12, RNTI, Dci0(riv=1, mcs=30))


def test_report_alone() -> None:
    dci = Dci0(riv=riv_encode(6, 0, 4), mcs=29, cqi_request=1)
    grant = from_dci0(CELL, UL, 4, RNTI, dci, uci=PuschUci(n_cqi=20))
    assert (grant.q_m, grant.tbs) == (2, 0)
    with pytest.raises(ValueError, match="no earlier grant"):
        from_dci0(CELL, UL, 4, RNTI, replace(dci, riv=riv_encode(6, 0, 5)))
    with pytest.raises(ValueError, match="not retransmitted"):
        retransmission(CELL, UL, 12, grant, 1)


def test_redundancy_versions_without_grants() -> None:
    grant = from_dci0(CELL, UL, 4, RNTI, Dci0(riv=riv_encode(6, 0, 5), mcs=12), srs_symbol=True)
    versions = [grant.rv]
    for number in range(1, 5):
        grant = retransmission(CELL, UL, 4 + 8 * number, grant, number)
        versions.append(grant.rv)
    assert versions == [0, 2, 3, 1, 0]
    assert (grant.initial_n_prb, grant.initial_n_symb, grant.srs_symbol) == (5, 11, False)


def test_recorded_random_access_response() -> None:
    grant = from_rar(CELL, UplinkConfig(pusch=PuschConfig(hopping_offset=2)), 352, RNTI, Rar(False, 13, 0))
    assert (grant.prb_start, grant.n_prb, grant.q_m, grant.tbs) == ((1, 1), 3, 2, 56)


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
@pytest.mark.parametrize("hopping", [False, True])
def test_random_access_response_assignment(n_prb: int, hopping: bool) -> None:
    cell, ul = Cell(1, n_prb), UplinkConfig(n_prb=n_prb)
    width = ceil(log2(n_prb * (n_prb + 1) / 2))
    riv = riv_encode(n_prb, 1, 2)
    n_hop = 0 if not hopping else 1 if n_prb < 50 else 2
    field = f"{riv:0{width - n_hop}b}"
    if hopping:
        field = ("0" if n_hop == 1 else "10") + field
    if n_prb > 44:
        dropped = field[n_hop : n_hop + width - 10]
        assert set(dropped) <= {"0"}
        field = field[:n_hop] + field[n_hop + width - 10 :]
    grant = from_rar(cell, ul, 6, RNTI, Rar(hopping, int(field, 2), 4))
    assert grant.assignment == Assignment(1, 2, Hopping.HALF if hopping else Hopping.NONE)
    assert grant.tbs == tbs(4, 2)


@settings(max_examples=150, deadline=None)
@given(
    n_prb=st.sampled_from(BANDWIDTHS),
    offset=st.integers(0, 5),
    kind=st.sampled_from([Hopping.HALF, Hopping.QUARTER, Hopping.MINUS_QUARTER]),
    start=st.integers(0, 99),
    count=st.sampled_from([1, 2, 3, 4]),
    transmission=st.integers(0, 3),
    mode=st.sampled_from(list(HoppingMode)),
)
def test_type_1_hopping(
    n_prb: int, offset: int, kind: Hopping, start: int, count: int, transmission: int, mode: HoppingMode
) -> None:
    assume(start + count <= n_prb and (n_prb >= 50 or kind is Hopping.HALF) and offset + offset % 2 < n_prb - 1)
    ul = UplinkConfig(n_prb=n_prb, pusch=PuschConfig(hopping_offset=offset, hopping_mode=mode))
    bits = "0" if n_prb < 50 else {Hopping.QUARTER: "00", Hopping.MINUS_QUARTER: "01", Hopping.HALF: "10"}[kind]
    second = oracle.type_1_second_slot(n_prb, offset, bits, start)
    wanted = {
        HoppingMode.INTRA_AND_INTER_SUBFRAME: (start, second),
        HoppingMode.INTER_SUBFRAME: (second, second) if transmission % 2 else (start, start),
    }[mode]
    assume(max(wanted) + count <= n_prb)
    assert prb_start(Cell(3, n_prb), ul, 17, Assignment(start, count, kind), transmission) == wanted


@settings(max_examples=200, deadline=None)
@given(
    n_prb=st.sampled_from(BANDWIDTHS),
    n_sb=st.integers(1, 4),
    offset=st.integers(0, 5),
    start=st.integers(0, 99),
    count=st.sampled_from([1, 2, 3, 4, 5, 8]),
    transmission=st.integers(0, 3),
    mode=st.sampled_from(list(HoppingMode)),
    tti=st.integers(0, 10239),
    duplex=st.sampled_from(list(Duplex)),
)
def test_type_2_hopping(
    n_prb: int,
    n_sb: int,
    offset: int,
    start: int,
    count: int,
    transmission: int,
    mode: HoppingMode,
    tti: int,
    duplex: Duplex,
) -> None:
    cell = Cell(77, n_prb, duplex=duplex)
    ul = UplinkConfig(n_prb=n_prb, pusch=PuschConfig(n_sb=n_sb, hopping_offset=offset, hopping_mode=mode))
    shift = 0 if n_sb == 1 else ceil(offset / 2)
    size = n_prb if n_sb == 1 else (n_prb - offset - offset % 2) // n_sb
    assume(size >= count and start >= shift and (start - shift) % size + count <= size)
    assume(start - shift + count <= size * n_sb)
    c_init = cell.pci if duplex is Duplex.FDD else 2**9 * (tti // 10 % 4) + cell.pci
    starts = prb_start(cell, ul, tti, Assignment(start, count, Hopping.TYPE_2), transmission)
    for slot in range(2):
        n_s = 2 * (tti % 10) + slot
        both = mode is HoppingMode.INTRA_AND_INTER_SUBFRAME
        vrbs = list(range(start, start + count))
        blocks = oracle.type_2_blocks(n_prb, n_sb, offset, c_init, vrbs, n_s, both, transmission)
        assert sorted(blocks) == list(range(starts[slot], starts[slot] + count))


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_hopping_fields_come_back(n_prb: int) -> None:
    ul = UplinkConfig(n_prb=n_prb)
    kinds = [Hopping.HALF, Hopping.TYPE_2] if n_prb < 50 else list(Hopping)[1:]
    for kind in kinds:
        wanted = Assignment(1, 2, kind)
        field = assignment_field(ul, wanted)
        assert assignment(ul, field, True) == wanted
        grant = from_dci0(Cell(1, n_prb), ul, 4, RNTI, Dci0(hopping=1, riv=field, mcs=3))
        assert grant.assignment == wanted
    if n_prb < 50:
        with pytest.raises(ValueError, match="two hopping bits"):
            assignment_field(ul, Assignment(0, 1, Hopping.QUARTER))


def test_non_adaptive_retransmission_hops_between_subframes() -> None:
    field = assignment_field(UL, Assignment(0, 1, Hopping.HALF))
    first = from_dci0(CELL, UL, 4, RNTI, Dci0(hopping=1, riv=field, mcs=3))
    second = retransmission(CELL, UL, 12, first, 1)
    assert (first.prb_start, second.prb_start) == ((0, 0), (3, 3))


def test_data_symbols() -> None:
    extended = UplinkConfig(cp=CyclicPrefix.EXTENDED)
    assert [n_data_symbols(ul, srs) for ul in (UL, extended) for srs in (False, True)] == [12, 11, 10, 9]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PuschGrant(RNTI, (0, 0), 7, 2, 16), "7 resource blocks"),
        (lambda: PuschGrant(RNTI, (0, 0), 1, 8, 16), "q_m 8"),
        (lambda: PuschGrant(RNTI, (0, 0), 1, 2, 15), "tbs 15"),
        (lambda: PuschGrant(RNTI, (-1, 0), 1, 2, 16), "negative"),
        (lambda: PuschGrant(RNTI, (0, 0), 1, 2, 16, rv=4), "rv 4"),
        (lambda: PuschGrant(RNTI, (0, 0), 1, 2, 16, cyclic_shift=8), "cyclic_shift 8"),
        (lambda: PuschGrant(1 << 16, (0, 0), 1, 2, 16), "rnti"),
        (lambda: PuschUci(n_ack=12), "n_ack 12"),
        (lambda: PuschUci(n_cqi=-1), "negative"),
        (lambda: beta_offset("cqi", 1), "reserved"),
        (lambda: assignment(UL, 31, False), "riv 31"),
        (lambda: assignment(UL, 64, True), "riv 64"),
        (lambda: from_dci0(CELL, UL, 4, RNTI, Dci0(riv=0, mcs=32)), "I_MCS 32"),
        (lambda: from_rar(CELL, UL, 4, RNTI, Rar(False, 1024, 0)), "10 bits"),
        (lambda: from_rar(CELL, UL, 4, RNTI, Rar(False, 0, 16)), "MCS 16"),
        (lambda: prb_start(CELL, UL, 4, Assignment(5, 2)), "do not fit"),
        (
            lambda: prb_start(
                Cell(1, 25),
                UplinkConfig(n_prb=25, pusch=PuschConfig(n_sb=2)),
                0,
                Assignment(10, 5, Hopping.TYPE_2),
            ),
            "border",
        ),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
