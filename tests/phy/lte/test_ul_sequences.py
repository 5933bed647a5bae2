"""Uplink reference sequences against loops written from TS 36.211 5.4 and 5.5.1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import ul_sequences
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from support import oracle_ul_sequences as oracle

LENGTHS = [12, 24, 36, 48, 60, 72, 96, 300, 600, 1200, 1296]


@pytest.mark.parametrize("m_sc", LENGTHS)
def test_base_sequences(m_sc: int) -> None:
    for u in range(0, 30, 1 if m_sc <= 72 else 7):
        for v in range(2 if m_sc >= 72 else 1):
            r = ul_sequences.base_sequence(u, v, m_sc)
            assert r.dtype == np.complex64
            assert np.allclose(r, oracle.base_sequence(u, v, m_sc), atol=1e-6)


@pytest.mark.parametrize("m_sc", LENGTHS)
def test_base_sequences_are_nearly_orthogonal_and_white(m_sc: int) -> None:
    every = np.array([ul_sequences.base_sequence(u, 0, m_sc) for u in range(30)])
    cross = np.abs(every @ every.conj().T) / m_sc - np.eye(30)
    assert cross.max() < (0.85 if m_sc < 36 else 0.7 if m_sc < 100 else 0.45)
    assert np.allclose(np.abs(every), 1, atol=1e-6)
    if m_sc >= 36:  # the periodic part of a Zadoff-Chu sequence has an ideal autocorrelation
        x = every[:, : ul_sequences.zadoff_chu_length(m_sc)]
        spectrum = np.abs(np.fft.fft(x, axis=1)) / np.sqrt(x.shape[1])
        assert np.allclose(spectrum, 1, atol=1e-4)


@given(st.integers(0, 29), st.sampled_from(LENGTHS), st.floats(-7, 7))
def test_cyclic_shift(u: int, m_sc: int, alpha: float) -> None:
    r = ul_sequences.reference_sequence(u, 0, alpha, m_sc)
    wanted = np.array(oracle.base_sequence(u, 0, m_sc)) * np.exp(1j * alpha * np.arange(m_sc))
    assert np.abs(r - wanted).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 503), st.integers(0, 29), st.booleans(), st.booleans(), st.sampled_from(CyclicPrefix))
def test_hopping(pci: int, delta_ss: int, groups: bool, sequences: bool, cp: CyclicPrefix) -> None:
    cell = Cell(pci)
    pusch = PuschConfig(group_assignment=delta_ss, group_hopping=groups, sequence_hopping=sequences)
    ul = UplinkConfig(cp=cp, pusch=pusch)
    cs, pn = ul_sequences.n_cs_cell(cell, ul), ul_sequences.n_pn(cell, ul)
    assert cs.shape == (20, ul.n_symb_slot)
    assert pn.shape == (20,)
    for n_s in range(20):
        assert ul_sequences.group_hopping(cell, ul, n_s) == oracle.group(pci, delta_ss, groups, n_s)
        assert ul_sequences.group_hopping(cell, ul, n_s, "pucch") == oracle.group(pci, 0, groups, n_s)
        for m_sc in (60, 72, 1200):
            wanted = oracle.sequence_number(pci, delta_ss, groups, sequences, n_s, m_sc)
            assert ul_sequences.sequence_hopping(cell, ul, n_s, m_sc) == wanted
        assert pn[n_s] == oracle.n_pn(pci, delta_ss, ul.n_symb_slot, n_s)
        for l in range(ul.n_symb_slot):
            assert cs[n_s, l] == oracle.n_cs_cell(pci, ul.n_symb_slot, n_s, l)


def test_tables_are_shared_and_read_only() -> None:
    r = ul_sequences.base_sequence(3, 0, 36)
    assert ul_sequences.base_sequence(3, 0, 36) is r
    for table in (r, ul_sequences.n_cs_cell(Cell(1), UplinkConfig()), ul_sequences.n_pn(Cell(1), UplinkConfig())):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_bad_arguments_are_refused() -> None:
    cell, ul = Cell(1), UplinkConfig()
    for u, v, m_sc in ((30, 0, 12), (-1, 0, 12), (0, 1, 60), (0, 2, 72), (0, 0, 13), (0, 0, 0), (0, 0, 1332)):
        with pytest.raises(ValueError):
            ul_sequences.base_sequence(u, v, m_sc)
    for n_s in (-1, 20):
        with pytest.raises(ValueError, match="slot"):
            ul_sequences.group_hopping(cell, ul, n_s)
        with pytest.raises(ValueError, match="slot"):
            ul_sequences.sequence_hopping(cell, ul, n_s, 72)
    with pytest.raises(ValueError, match="channel"):
        ul_sequences.group_hopping(cell, ul, 0, "srs")  # type: ignore[arg-type]
