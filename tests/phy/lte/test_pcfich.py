"""PCFICH against the clause, and through noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import pcfich, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, PhichDuration
from support import oracle_control as oracle
from support.oracle_control import region, through_channel

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
)


def empty(cell: Cell) -> np.ndarray:
    return np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)


@given(CELLS, st.integers(0, 9), st.sampled_from([1, 2, 3]))
@settings(max_examples=60, deadline=None)
def test_encoder_against_the_clause(cell: Cell, subframe: int, cfi: int) -> None:
    grid = empty(cell)
    pcfich.encode(cell, subframe, cfi, grid)
    assert np.allclose(grid, oracle.pcfich(region(cell, cfi), subframe), atol=1e-6)


@given(CELLS, st.integers(0, 9), st.sampled_from([1, 2, 3]), st.sampled_from([1, 2]), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_round_trip(cell: Cell, subframe: int, cfi: int, n_rx: int, seed: int) -> None:
    sent = oracle.pcfich(region(cell, cfi), subframe)
    grid, channel = through_channel(sent, np.random.default_rng(seed), n_rx, noise_var=0.01)
    decided, quality = pcfich.decode(cell, subframe, grid, channel)
    assert decided == cfi
    assert quality > 0.99


def test_error_rate_at_low_snr() -> None:
    """Code words differ in 21 bits or more: at -3 dB a pair is mistaken with Q(sqrt(21 * 0.5)) = 0.0006."""
    cell, rng, wrong = Cell(pci=42, n_prb=25), np.random.default_rng(5), 0
    for trial in range(600):
        cfi = trial % 3 + 1
        sent = empty(cell)
        pcfich.encode(cell, trial % 10, cfi, sent)
        grid, channel = through_channel(sent, rng, noise_var=2.0, fading=False)
        wrong += pcfich.decode(cell, trial % 10, grid, channel)[0] != cfi
    assert wrong <= 4


def test_quality_of_noise_alone_is_low() -> None:
    cell, rng = Cell(pci=9, n_prb=50, n_ports=2), np.random.default_rng(2)
    values = []
    for subframe in range(10):
        grid, channel = through_channel(empty(cell), rng, 1, noise_var=0.5)
        values.append(pcfich.decode(cell, subframe, grid, channel)[1])
    assert 0.5 < np.mean(values) < 0.68


def test_cfi_shorter_than_the_phich_is_never_decided() -> None:
    cell, rng = Cell(pci=9, n_prb=25, phich_duration=PhichDuration.EXTENDED), np.random.default_rng(2)
    grid, channel = through_channel(oracle.pcfich(region(cell, 1), 0), rng, 1, noise_var=0.01)
    decided, quality = pcfich.decode(cell, 0, grid, channel)
    assert decided == 3
    assert quality < 0.5
    assert regs.legal_cfis(cell) == (3,)


@pytest.mark.parametrize(
    ("subframe", "cfi", "shape", "message"),
    [(0, 4, (1, 14, 72), "CFI 4"), (10, 1, (1, 14, 72), "subframe 10"), (0, 1, (2, 14, 72), "grid of shape")],
)
def test_bad_input(subframe: int, cfi: int, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pcfich.encode(Cell(0), subframe, cfi, np.zeros(shape, np.complex64))
