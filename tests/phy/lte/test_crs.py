"""Cell-specific reference signals against the clause in plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import crs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex
from support.oracle_crs import reference_signals

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
)


@settings(max_examples=25, deadline=None)
@given(cell=CELLS, subframe=st.integers(0, 9))
def test_map_writes_what_the_clause_says_and_nothing_else(cell: Cell, subframe: int) -> None:
    grid = np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)
    crs.map(cell, subframe, grid)
    for port in range(cell.n_ports):
        wanted = np.zeros(grid.shape[1:], complex)
        for place, value in reference_signals(
            cell.pci, cell.n_prb, cell.cp is CyclicPrefix.EXTENDED, subframe, port
        ).items():
            wanted[place] = value
        np.testing.assert_allclose(grid[port], wanted, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(cell=CELLS)
def test_occupied_is_the_union_of_the_ports_which_never_share_an_element(cell: Cell) -> None:
    index = np.concatenate([crs.flat_index(cell, port).ravel() for port in range(cell.n_ports)])
    assert len(np.unique(index)) == len(index)
    wanted = np.zeros(cell.n_symb * cell.n_sc, bool)
    wanted[index] = True
    np.testing.assert_array_equal(crs.occupied(cell).ravel(), wanted)


@settings(max_examples=25, deadline=None)
@given(cell=CELLS, subframe=st.integers(0, 9))
def test_positions_and_sequence_agree_with_flat_index(cell: Cell, subframe: int) -> None:
    for port in range(cell.n_ports):
        symbols, first = crs.positions(cell, port)
        index = crs.flat_index(cell, port)
        np.testing.assert_array_equal(index // cell.n_sc, np.array(symbols)[:, None] * np.ones(2 * cell.n_prb, int))
        np.testing.assert_array_equal(index[:, 0] % cell.n_sc, first)
        sequence = crs.sequence(cell, subframe, port)
        assert sequence.shape == index.shape == (4 if port < 2 else 2, 2 * cell.n_prb)
        assert sequence.dtype == np.complex64
        np.testing.assert_allclose(np.abs(sequence), 1, rtol=1e-6)


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_central_blocks_look_the_same_at_every_bandwidth(n_prb: int) -> None:
    narrow, wide = Cell(301, 6), Cell(301, n_prb)
    middle = n_prb - 6
    np.testing.assert_array_equal(crs.sequence(wide, 4, 0)[:, middle : middle + 12], crs.sequence(narrow, 4, 0))


def test_special_subframe_carries_reference_signals_in_dwpts_only() -> None:
    cell = Cell(9, 6, 2, duplex=Duplex.TDD, tdd_config=1, special_subframe=0)
    grid = np.zeros((2, 14, 72), np.complex64)
    crs.map(cell, 1, grid)
    assert sorted(set(np.nonzero(grid)[1])) == [0]
    grid[:] = 0
    crs.map(cell, 2, grid)
    assert not grid.any()


def test_cached_arrays_are_read_only() -> None:
    cell = Cell(0)
    for array in (crs.flat_index(cell, 0), crs.sequence(cell, 0, 0), crs.occupied(cell)):
        assert not array.flags.writeable


def test_bad_input_is_refused() -> None:
    cell = Cell(3, 6, 2)
    with pytest.raises(ValueError, match="port 2"):
        crs.positions(cell, 2)
    with pytest.raises(ValueError, match="subframe 10"):
        crs.sequence(cell, 10, 0)
    with pytest.raises(ValueError, match="grid of shape"):
        crs.map(cell, 0, np.zeros((1, 14, 72), np.complex64))
    with pytest.raises(ValueError, match="contiguous"):
        crs.map(cell, 0, np.zeros((2, 72, 14), np.complex64).transpose(0, 2, 1))
    never = Cell(3, cp=CyclicPrefix.EXTENDED, duplex=Duplex.TDD, special_subframe=9)
    with pytest.raises(ValueError, match="special subframe configuration 9"):
        crs.n_downlink_symbols(never, 1)
