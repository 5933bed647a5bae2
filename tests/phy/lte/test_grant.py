"""DCIs to grants: every format, every reason to refuse."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import allocation, tbs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex
from picocell.phy.lte.dci import (
    P_RNTI,
    SI_RNTI,
    Dci,
    Dci0,
    Dci1,
    Dci1A,
    Dci1C,
    Dci2,
    Dci2A,
    DciFormat,
    pack,
    riv_encode,
    size,
    unpack,
)
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme, from_dci

C_RNTI = 0x46
GRANT = PdschGrant(C_RNTI, ((0,), (0,)), 2, 56, 0, 1, TransmissionScheme.PORT0)


def test_format_1() -> None:
    dci = Dci1(resource_block_assignment=0x3C, mcs=7, harq_process=1, ndi=1, rv=2)
    grant = from_dci(Cell(1), 4, 2, C_RNTI, dci)
    assert grant.prbs == ((0, 1, 2, 3), (0, 1, 2, 3))
    assert (grant.q_m, grant.tbs, grant.rv, grant.cfi) == (2, 59 * 8, 2, 2)
    assert (grant.harq_process, grant.ndi, grant.n_prb) == (1, 1, 4)
    assert grant.scheme is TransmissionScheme.PORT0


def test_format_1_with_type_1() -> None:
    field = allocation.type1_encode(50, (6, 7))
    grant = from_dci(
        Cell(1, 50), 4, 2, C_RNTI, Dci1(resource_allocation_type=1, resource_block_assignment=field, mcs=10)
    )
    assert grant.prbs == ((6, 7), (6, 7))
    assert (grant.q_m, grant.tbs) == (4, tbs.tbs(9, 2))


@pytest.mark.parametrize(("n_ports", "n_l"), [(1, 1), (2, 2), (4, 2)])
def test_scheme_follows_the_ports(n_ports: int, n_l: int) -> None:
    grant = from_dci(Cell(1, n_ports=n_ports), 4, 2, C_RNTI, Dci1A(riv=0, mcs=4))
    assert (grant.scheme is TransmissionScheme.PORT0) is (n_ports == 1)
    assert grant.n_l == n_l


@pytest.mark.parametrize("rnti", [SI_RNTI, P_RNTI, 2])
def test_format_1a_of_common_rntis(rnti: int) -> None:
    """The block's size does not depend on the allocation, and 16QAM indices are still QPSK."""
    for tpc, n_prb in ((0, 2), (1, 3), (2, 2), (3, 3)):
        grant = from_dci(Cell(1), 5, 3, rnti, Dci1A(riv=11, mcs=20, rv=3, tpc=tpc))
        assert (grant.q_m, grant.tbs, grant.rv) == (2, tbs.tbs(20, n_prb), 3)
        assert grant.n_prb == 6


def test_format_1a_distributed() -> None:
    cell = Cell(1, 50)
    grant = from_dci(cell, 5, 3, C_RNTI, Dci1A(distributed=1, gap=1, riv=riv_encode(50, 3, 5), mcs=4))
    assert grant.prbs == allocation.distributed(50, 3, 5, True)
    assert grant.prbs[0] != grant.prbs[1]
    with pytest.raises(ValueError, match="at most 16"):
        from_dci(cell, 5, 3, C_RNTI, Dci1A(distributed=1, riv=riv_encode(50, 0, 17), mcs=4))
    assert from_dci(cell, 5, 3, SI_RNTI, Dci1A(distributed=1, riv=riv_encode(50, 0, 17), mcs=4)).n_prb == 17


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_format_1c(n_prb: int) -> None:
    cell, step = Cell(1, n_prb), 2 if n_prb < 50 else 4
    riv = riv_encode(allocation.n_dvrb(n_prb) // step * step, step, step, step)
    grant = from_dci(cell, 5, 2, SI_RNTI, Dci1C(riv=riv, mcs=31), rv=2)
    assert grant.prbs == allocation.distributed(n_prb, step, step)
    assert (grant.q_m, grant.tbs, grant.rv) == (2, 1736, 2)


def test_retransmission() -> None:
    dci = Dci1A(riv=0, mcs=30, rv=1)
    grant = from_dci(Cell(1), 4, 2, C_RNTI, dci, previous_tbs=504)
    assert (grant.q_m, grant.tbs, grant.rv) == (4, 504, 1)
    with pytest.raises(ValueError, match="no earlier grant"):
        from_dci(Cell(1), 4, 2, C_RNTI, dci)


@pytest.mark.parametrize(("config", "cp", "n_prb"), [(1, "normal", 18), (9, "normal", 9), (7, "extended", 9)])
def test_dwpts_has_smaller_blocks(config: int, cp: str, n_prb: int) -> None:
    cell = Cell(1, 25, cp=CyclicPrefix(cp), duplex=Duplex.TDD, special_subframe=config)
    dci = Dci1A(riv=riv_encode(25, 0, 25 if config == 1 else 24), mcs=4)
    assert from_dci(cell, 1, 2, C_RNTI, dci).tbs == tbs.tbs(4, n_prb)
    assert from_dci(cell, 0, 2, C_RNTI, dci).tbs > tbs.tbs(4, n_prb)


TDD = Cell(1, duplex=Duplex.TDD, special_subframe=1)


@pytest.mark.parametrize(
    ("cell", "subframe", "cfi", "rnti", "dci", "reason"),
    [
        (Cell(1), 4, 2, C_RNTI, Dci1A(riv=31, mcs=4), "riv"),
        (Cell(1), 4, 2, C_RNTI, Dci1(resource_block_assignment=0, mcs=4), "no resource block"),
        (Cell(1, 15), 4, 2, C_RNTI, Dci1A(distributed=1, riv=14, mcs=4), "do not fit"),
        (Cell(1), 4, 2, C_RNTI, Dci1A(distributed=1, gap=1, riv=0, mcs=4), "N_gap,2"),
        (Cell(1), 4, 2, SI_RNTI, Dci1A(riv=0, mcs=27), "I_MCS"),
        (Cell(1), 4, 2, SI_RNTI, Dci1(resource_block_assignment=1, mcs=4), "common RNTI"),
        (Cell(1), 4, 2, C_RNTI, Dci1C(riv=0, mcs=4), "not sent to RNTI"),
        (Cell(1), 4, 2, SI_RNTI, Dci1C(riv=6, mcs=4), "riv"),
        (Cell(1), 4, 2, C_RNTI, Dci0(riv=0, mcs=4), "does not grant"),
        (Cell(1), 4, 2, C_RNTI, Dci2(resource_block_assignment=1, mcs1=4, mcs2=4), "not supported yet"),
        (Cell(1), 4, 2, C_RNTI, Dci2A(resource_block_assignment=1, mcs1=4, mcs2=4), "not supported yet"),
        (Cell(1), 4, 0, C_RNTI, Dci1A(riv=0, mcs=4), "cfi"),
        (Cell(1), 4, 4, C_RNTI, Dci1A(riv=0, mcs=4), "cfi"),
        (TDD, 1, 2, C_RNTI, Dci1A(riv=0, mcs=4), "cfi"),
        (TDD, 2, 2, C_RNTI, Dci1A(riv=0, mcs=4), "no downlink"),
        (replace(TDD, special_subframe=5), 1, 1, C_RNTI, Dci1A(riv=0, mcs=4), "no PDSCH"),
        (replace(TDD, special_subframe=9, cp=CyclicPrefix.EXTENDED), 1, 1, C_RNTI, Dci1A(riv=0, mcs=4), "extended"),
    ],
)
def test_refusals(cell: Cell, subframe: int, cfi: int, rnti: int, dci: Dci, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_dci(cell, subframe, cfi, rnti, dci)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rnti": 65536}, "rnti"),
        ({"q_m": 3}, "q_m"),
        ({"tbs": 0}, "tbs"),
        ({"tbs": 57}, "tbs"),
        ({"rv": 4}, "rv"),
        ({"cfi": 4}, "cfi"),
        ({"prbs": ((), ())}, "resource block"),
    ],
)
def test_impossible_grants(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(GRANT, **change)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from(BANDWIDTHS),
    st.sampled_from(["1", "1A", "1C", "2", "2A"]),
    st.sampled_from([C_RNTI, SI_RNTI, P_RNTI, 5]),
    st.integers(0, 9),
    st.integers(1, 3),
    st.data(),
)
def test_random_bits_are_a_grant_or_a_refusal(
    n_prb: int, name: str, rnti: int, subframe: int, cfi: int, data: st.DataObject
) -> None:
    """A false alarm of the blind search never gets further than ValueError."""
    cell, fmt = Cell(7, n_prb, n_ports=2), DciFormat(name)
    word = data.draw(st.integers(0, (1 << size(cell, fmt)) - 1))
    bits = [word >> i & 1 for i in range(size(cell, fmt))]
    try:
        dci = unpack(cell, fmt, bits, rnti)
        grant = from_dci(cell, subframe, cfi, rnti, dci, previous_tbs=1000)
    except ValueError:
        return
    assert pack(cell, dci, rnti).tolist() == bits
    assert all(0 <= prb < n_prb for slot in grant.prbs for prb in slot)
    assert len(grant.prbs[0]) == len(grant.prbs[1]) == len(set(grant.prbs[1]))
    assert grant.tbs > 0
