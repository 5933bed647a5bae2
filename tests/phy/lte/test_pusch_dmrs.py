"""Reference signal of the PUSCH against loops written from TS 36.211 5.5.2.1, and against a recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import pusch_dmrs
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from support import oracle_ul_sequences as oracle
from support.captures import capture
from support.ground_truth import phy_rows


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 503),
    st.integers(0, 9),
    st.sampled_from([1, 2, 3, 5, 6, 25, 100]),
    st.integers(0, 7),
    st.builds(
        PuschConfig,
        group_hopping=st.booleans(),
        sequence_hopping=st.booleans(),
        group_assignment=st.integers(0, 29),
        cyclic_shift=st.integers(0, 7),
    ),
    st.sampled_from(CyclicPrefix),
)
def test_is_the_clause(pci: int, subframe: int, n_prb: int, field: int, pusch: PuschConfig, cp: CyclicPrefix) -> None:
    ul = UplinkConfig(n_prb=100, cp=cp, pusch=pusch)
    r = pusch_dmrs.sequence(Cell(pci), ul, subframe, n_prb, field)
    assert r.shape == (2, 12 * n_prb)
    for slot in range(2):
        wanted = oracle.pusch_dmrs(
            pci,
            2 * subframe + slot,
            n_prb,
            field,
            cyclic_shift=pusch.cyclic_shift,
            delta_ss=pusch.group_assignment,
            group_hopping=pusch.group_hopping,
            sequence_hopping=pusch.sequence_hopping,
            n_symb_slot=ul.n_symb_slot,
        )
        assert np.abs(r[slot] - wanted).max() < 2e-5


def test_positions() -> None:
    normal, extended = UplinkConfig(), UplinkConfig(cp=CyclicPrefix.EXTENDED)
    assert pusch_dmrs.symbols(normal) == (3, 10)
    assert pusch_dmrs.symbols(extended) == (2, 8)
    assert pusch_dmrs.data_symbols(normal) == (0, 1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13)
    assert pusch_dmrs.data_symbols(extended, srs_symbol=True) == (0, 1, 3, 4, 5, 6, 7, 9, 10)


def test_orthogonal_sequence_by_field() -> None:
    cell, ul = Cell(7), UplinkConfig()
    for field, sign in enumerate((1, -1, -1, 1, 1, -1, -1, 1)):  # TS 36.211 Table 5.5.2.1.1-1
        plain = pusch_dmrs.sequence(cell, ul, 4, 3, field)
        covered = pusch_dmrs.sequence(cell, ul, 4, 3, field, occ=True)
        assert np.array_equal(covered[0], plain[0])
        assert np.array_equal(covered[1], sign * plain[1])


def test_map_writes_both_slots_and_nothing_else() -> None:
    cell, ul = Cell(30), UplinkConfig(n_prb=15)
    grid = np.zeros((14, 180), np.complex64)
    pusch_dmrs.map(cell, ul, 2, grid, (1, 9), 4, 5, amplitude=0.5)
    r = pusch_dmrs.sequence(cell, ul, 2, 4, 5)
    assert np.allclose(grid[3, 12:60], 0.5 * r[0])
    assert np.allclose(grid[10, 108:156], 0.5 * r[1])
    assert np.count_nonzero(grid) == 96


def test_different_cyclic_shifts_are_orthogonal() -> None:
    every = [pusch_dmrs.sequence(Cell(1), UplinkConfig(), 0, 1, field)[0] for field in range(8)]
    product = np.abs(np.array(every) @ np.array(every).conj().T)
    assert np.allclose(product, 12 * np.eye(8), atol=1e-4)


def test_bad_arguments_are_refused() -> None:
    cell, ul = Cell(1), UplinkConfig()
    for subframe, n_prb, field in ((10, 1, 0), (-1, 1, 0), (0, 0, 0), (0, 111, 0), (0, 1, 8), (0, 1, -1)):
        with pytest.raises(ValueError, match="outside"):
            pusch_dmrs.sequence(cell, ul, subframe, n_prb, field)
    with pytest.raises(ValueError, match="do not fit"):
        pusch_dmrs.map(cell, ul, 0, np.zeros((14, 72), np.complex64), (4, 4), 3)


def test_recorded_ue_sends_it() -> None:
    samples = np.fromfile(capture("lte6_ul.sigmf-data"), np.int16).astype(np.float64).view(np.complex128)
    cell, ul = Cell(1), UplinkConfig(pusch=PuschConfig(hopping_offset=2))
    sent = [row for row in phy_rows(capture("lte6_phy.csv")) if row.channel == "PUSCH"]
    assert len(sent) == 16
    half_shift = np.exp(-1j * np.pi * np.arange(128) / 128)
    for row in sent:
        first, n_prb = (int(x) for x in row.fields["rb"].strip("()").split(","))
        begin = 1920 * (row.tti + 4)
        for slot, r in enumerate(pusch_dmrs.sequence(cell, ul, row.tti % 10, n_prb)):
            at = begin + 960 * slot + 10 + 3 * 9 + 3 * 128  # fourth symbol of the slot, after its prefix
            bins = np.fft.fftshift(np.fft.fft(samples[at : at + 128] * half_shift))[28 + 12 * first :][: 12 * n_prb]
            h = bins * r.conj()
            assert abs(h.sum()) ** 2 > 0.9999 * len(h) * np.vdot(h, h).real
