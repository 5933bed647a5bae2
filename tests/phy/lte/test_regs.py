"""Resource-element groups of the control region against the clause in plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import crs, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex, PhichDuration, PhichResource
from support import oracle_control as oracle
from support.oracle_control import region

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
    phich_duration=st.sampled_from(PhichDuration),
    phich_resource=st.sampled_from(PhichResource),
)


def flat(elements: list[oracle.Element], cell: Cell) -> list[int]:
    return [l * cell.n_sc + k for k, l in elements]


@given(CELLS, st.sampled_from([1, 2, 3]))
@settings(max_examples=60, deadline=None)
def test_regs_of_each_symbol(cell: Cell, cfi: int) -> None:
    groups = oracle.regs(region(cell, cfi))
    for symbol in range(regs.n_control_symbols(cell, cfi)):
        first, elements = regs.symbol_regs(cell, symbol)
        expected = sorted(k for k, l in groups if l == symbol)
        assert first.tolist() == expected
        assert elements.tolist() == [flat(groups[k, symbol], cell) for k in expected]


@given(CELLS)
@settings(max_examples=60, deadline=None)
def test_pcfich_positions(cell: Cell) -> None:
    r = region(cell, 1)
    groups = oracle.regs(r)
    assert regs.pcfich_re_index(cell).tolist() == [i for reg in oracle.pcfich_regs(r) for i in flat(groups[reg], cell)]


@given(CELLS, st.sampled_from([0, 1, 2]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_phich_positions(cell: Cell, mi: int, two_symbols: bool) -> None:
    r = region(cell, 3, mi, two_symbols)
    groups = oracle.regs(r)
    expected = [[i for reg in unit for i in flat(groups[reg], cell)] for unit in oracle.phich_units(r)]
    assert regs.n_phich_groups(cell, mi) == oracle.n_groups(r)
    assert regs.phich_re_index(cell, mi, two_symbols=two_symbols).tolist() == expected


@given(CELLS, st.data(), st.sampled_from([0, 1, 2]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_pdcch_order(cell: Cell, data: st.DataObject, mi: int, two_symbols: bool) -> None:
    cfi = data.draw(st.sampled_from(regs.legal_cfis(cell, two_symbols=two_symbols)))
    expected = flat(oracle.pdcch_elements(region(cell, cfi, mi, two_symbols)), cell)
    index = regs.pdcch_re_index(cell, cfi, mi, two_symbols=two_symbols)
    assert index.dtype == np.int32
    assert len(index) == 36 * regs.n_cce(cell, cfi, mi, two_symbols=two_symbols) == len(expected) // 36 * 36
    assert index.tolist() == expected[: len(index)]


@given(CELLS, st.data())
@settings(max_examples=60, deadline=None)
def test_channels_share_the_region_without_overlap(cell: Cell, data: st.DataObject) -> None:
    cfi = data.draw(st.sampled_from(regs.legal_cfis(cell)))
    parts = [regs.pcfich_re_index(cell), regs.phich_re_index(cell).ravel(), regs.pdcch_regs(cell, cfi).ravel()]
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)
    assert not crs.occupied(cell).reshape(-1)[together].any()
    assert together.max() < regs.n_control_symbols(cell, cfi) * cell.n_sc


@pytest.mark.parametrize(
    ("n_prb", "n_ports", "expected"),
    [(6, 1, (2, 4, 6)), (25, 2, (3, 12, 20)), (50, 2, (8, 25, 41)), (100, 2, (17, 50, 84)), (100, 4, (17, 39, 73))],
)
def test_number_of_cces(n_prb: int, n_ports: int, expected: tuple[int, ...]) -> None:
    """Counted by hand: (REGs of the symbols - 4 of the PCFICH - 3 a PHICH group) / 9, rounded down, N_g = 1."""
    cell = Cell(pci=7, n_prb=n_prb, n_ports=n_ports)
    assert tuple(regs.n_cce(cell, cfi) for cfi in (1, 2, 3)) == expected


def test_region_is_a_symbol_longer_in_narrow_cells() -> None:
    assert [regs.n_control_symbols(Cell(0, n_prb=6), cfi) for cfi in (1, 2, 3)] == [2, 3, 4]
    assert [regs.n_control_symbols(Cell(0, n_prb=15), cfi) for cfi in (1, 2, 3)] == [1, 2, 3]


def test_extended_phich_rules_out_short_regions() -> None:
    wide, narrow = (Cell(0, n_prb=n, phich_duration=PhichDuration.EXTENDED) for n in (25, 6))
    assert regs.legal_cfis(wide) == (3,)
    assert regs.legal_cfis(wide, two_symbols=True) == (2, 3)
    assert regs.legal_cfis(narrow) == (2, 3)
    with pytest.raises(ValueError, match="PHICH takes 3"):
        regs.pdcch_re_index(wide, 2)


def test_tdd_factor_of_phich_groups() -> None:
    cell = Cell(0, duplex=Duplex.TDD, tdd_config=0)
    assert [regs.phich_mi(cell, n) for n in range(10)] == [2, 1, 0, 0, 0, 2, 1, 0, 0, 0]
    assert regs.phich_mi(Cell(0), 3) == 1


def test_interleaver_is_a_permutation() -> None:
    for n in (1, 9, 31, 32, 33, 100, 756):
        assert regs.interleaver(n).tolist() == oracle.interleave(list(range(n)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: regs.n_control_symbols(Cell(0), 4),
        lambda: regs.pdcch_re_index(Cell(0), 0),
        lambda: regs.symbol_regs(Cell(0), 4),
        lambda: regs.n_phich_groups(Cell(0), 3),
    ],
)
def test_bad_input(call: object) -> None:
    with pytest.raises(ValueError, match=r"allowed|use"):
        call()  # type: ignore[operator]


def test_tables_are_shared_and_read_only() -> None:
    cell = Cell(3, n_prb=25)
    assert regs.pdcch_re_index(cell, 2) is regs.pdcch_re_index(Cell(3, n_prb=25), 2)
    assert not regs.pdcch_re_index(cell, 2).flags.writeable
