"""Synchronisation signals against the clauses, and their place in the grid."""

import numpy as np
import pytest

from picocell.phy.lte import sync
from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from support import oracle_sync


@pytest.mark.parametrize("n_id_2", range(3))
def test_pss_is_the_clause_s(n_id_2: int) -> None:
    np.testing.assert_allclose(sync.pss(n_id_2), oracle_sync.pss(n_id_2), atol=1e-6)


@pytest.mark.parametrize("subframe", [0, 5])
def test_sss_is_the_clause_s_for_every_identity(subframe: int) -> None:
    for pci in range(0, 504, 7):
        assert sync.sss(pci, subframe).tolist() == oracle_sync.sss(pci, subframe)


def test_every_sss_is_unique() -> None:
    signals = np.array([sync.sss(pci, subframe) for pci in range(504) for subframe in (0, 5)])
    correlation = signals @ signals.T - 62 * np.eye(len(signals))
    assert np.abs(correlation).max() < 62


def test_signals_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(ValueError):
        sync.pss(0)[0] = 0
    with pytest.raises(ValueError):
        sync.sss(0, 0)[0] = 0


# (duplex, cp) -> symbol of the PSS in its subframe, symbol of the SSS in its subframe (TS 36.211 6.11.1.2, 6.11.2.2)
PLACES = {
    (Duplex.FDD, CyclicPrefix.NORMAL): (6, 5),
    (Duplex.FDD, CyclicPrefix.EXTENDED): (5, 4),
    (Duplex.TDD, CyclicPrefix.NORMAL): (2, 13),
    (Duplex.TDD, CyclicPrefix.EXTENDED): (2, 11),
}


@pytest.mark.parametrize(("duplex", "cp"), PLACES)
@pytest.mark.parametrize("n_prb", [6, 15, 100])
def test_place_in_the_grid(duplex: Duplex, cp: CyclicPrefix, n_prb: int) -> None:
    cell = Cell(pci=301, n_prb=n_prb, n_ports=2, cp=cp, duplex=duplex)
    pss_symbol, sss_symbol = PLACES[duplex, cp]
    first = 12 * n_prb // 2 - 31
    for subframe in range(10):
        grid = np.full((2, cell.n_symb, cell.n_sc), 7, np.complex64)
        expected = grid.copy()
        if subframe % 5 == (0 if duplex is Duplex.FDD else 1):
            expected[:, pss_symbol, first - 5 : first + 67] = 0
            expected[0, pss_symbol, first : first + 62] = oracle_sync.pss(1)
        if subframe % 5 == 0:
            expected[:, sss_symbol, first - 5 : first + 67] = 0
            expected[0, sss_symbol, first : first + 62] = oracle_sync.sss(301, subframe)
        sync.map(cell, subframe, grid)
        np.testing.assert_allclose(grid, expected, atol=1e-6)


@pytest.mark.parametrize("n_id_2", [-1, 3])
def test_pss_identity_out_of_range(n_id_2: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.2"):
        sync.pss(n_id_2)


@pytest.mark.parametrize(("pci", "subframe"), [(504, 0), (-1, 0), (0, 1)])
def test_sss_that_does_not_exist(pci: int, subframe: int) -> None:
    with pytest.raises(ValueError):
        sync.sss(pci, subframe)


def test_grid_of_another_shape() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        sync.map(Cell(0), 0, np.zeros((1, 12, 72), np.complex64))
