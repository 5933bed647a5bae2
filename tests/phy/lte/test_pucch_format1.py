"""PUCCH formats 1, 1a, 1b against the clause, and the ways in which their resources are orthogonal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import pucch, pucch_format1
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.pucch import PucchFormat
from picocell.phy.lte.srs_config import is_srs_subframe, srs_subframes
from picocell.phy.lte.uplink_config import PucchConfig, SrsCellConfig, UplinkConfig
from support import oracle_pucch as oracle
from support.oracle_pucch import SHARES, uplinks

NORMAL, EXTENDED = CyclicPrefix.NORMAL, CyclicPrefix.EXTENDED
ACKS = {PucchFormat.F1: [()], PucchFormat.F1A: [(0,), (1,)], PucchFormat.F1B: [(0, 0), (0, 1), (1, 0), (1, 1)]}


@given(uplinks(), st.integers(0, 503), st.integers(0, 9), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_grid_is_that_of_the_clause(ul: UplinkConfig, pci: int, subframe: int, shortened: bool, data: st.DataObject):
    cell = Cell(pci, n_prb=ul.n_prb, cp=EXTENDED)
    n1 = data.draw(st.integers(0, len(pucch_format1.table(ul).m) - 1))
    fmt = data.draw(st.sampled_from(list(ACKS)))
    ack = data.draw(st.sampled_from(ACKS[fmt]))
    grid = np.zeros((ul.n_symb, ul.n_sc), np.complex64)
    pucch.encode(cell, ul, subframe, 1, fmt, n1, ack, grid, shortened)
    np.testing.assert_allclose(grid, oracle.format1(cell, ul, subframe, n1, ack, shortened), atol=2e-6)


@pytest.mark.parametrize("cp", [NORMAL, EXTENDED])
@pytest.mark.parametrize("shortened", [False, True])
@pytest.mark.parametrize(("delta", "n_cs_1"), SHARES)
def test_resources_of_a_block_are_orthogonal(cp, shortened, delta, n_cs_1):
    ul = UplinkConfig(cp=cp, pucch=PucchConfig(delta_shift=delta, n_rb_2=1, n_cs_1=n_cs_1))
    table = pucch_format1.table(ul, shortened)
    slope = np.exp(2j * np.pi / 12 * table.shift[:, :, None] * np.arange(12))
    for m in np.unique(table.m)[:3]:
        for part in range(2):
            wave = (table.codes[:, :, part, :, None] * slope[:, :, None])[table.m == m]
            for slot in range(2):
                flat = wave[:, slot].reshape(len(wave), -1)
                gram = np.abs(flat.conj() @ flat.T)
                np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-4)


def test_numbers_of_resources():
    # 36 of a block with delta 1, 18 with 2, 12 with 3; 6 blocks less one of formats 2
    for delta, count in ((1, 36), (2, 18), (3, 12)):
        ul = UplinkConfig(pucch=PucchConfig(delta_shift=delta))
        assert len(pucch_format1.table(ul).m) == 5 * count
    shared = UplinkConfig(pucch=PucchConfig(delta_shift=2, n_cs_1=4))
    assert len(pucch_format1.table(shared).m) == 3 * 4 // 2 + 4 * 18
    assert np.unique(pucch_format1.table(shared).shift[:6]).tolist() == [0, 1, 2, 3]


def test_slots_of_a_frame_differ_and_a_frame_repeats():
    ul, cell = UplinkConfig(), Cell(3)
    grids = []
    for subframe in range(10):
        grid = np.zeros((14, 72), np.complex64)
        pucch.encode(cell, ul, subframe, 1, "1", 5, (), grid)
        grids.append(grid)
    assert len({grid.tobytes() for grid in grids}) == 10


def test_blocks_hop_between_the_edges():
    ul = UplinkConfig(n_prb=25)
    assert pucch.resource_blocks(Cell(1), ul, "2", 0) == (0, 24)
    assert pucch.resource_blocks(Cell(1), ul, "1", 0) == (24, 0)
    assert pucch.resource_blocks(Cell(1), ul, "1a", 36) == (1, 23)


def test_shift_that_no_delta_divides_is_refused():
    with pytest.raises(ValueError, match="multiple of delta_shift 2"):
        pucch_format1.table(UplinkConfig(pucch=PucchConfig(delta_shift=2, n_cs_1=5)))


def test_sounding_subframes():
    assert srs_subframes(0) == frozenset(range(10))
    assert srs_subframes(7) == {0, 1, 5, 6}
    assert srs_subframes(9) == {0}
    assert srs_subframes(15) == frozenset()
    ul = UplinkConfig(srs=SrsCellConfig(subframe_config=3))
    assert [k for k in range(10) if is_srs_subframe(ul, k)] == [0, 5]
    assert not is_srs_subframe(UplinkConfig(), 0)
    with pytest.raises(ValueError, match=r"outside 0\.\.9"):
        is_srs_subframe(ul, 10)
    with pytest.raises(ValueError, match=r"outside 0\.\.15"):
        srs_subframes(16)


def test_shortened_where_the_cell_sounds():
    cell = Cell(1)
    grid = np.zeros((14, 72), np.complex64)
    ul = UplinkConfig(srs=SrsCellConfig(subframe_config=3, ack_nack_simultaneous=True))
    for subframe, empty in ((0, True), (1, False)):
        grid[:] = 0
        pucch.encode(cell, ul, subframe, 1, "1a", 7, (1,), grid)
        assert (not grid[13].any()) == empty
    grid[:] = 0
    pucch.encode(cell, UplinkConfig(srs=SrsCellConfig(subframe_config=3)), 0, 1, "1a", 7, (1,), grid)
    assert grid[13].any()
