"""Turns between reference symbols against sums written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels.pilots import Pilots


@settings(max_examples=40, deadline=None)
@given(n_rx=st.integers(1, 3), n_pilots=st.integers(2, 70), gap=st.integers(0, 70), seed=st.integers(0, 10**6))
def test_sums_are_those_of_numpy(n_rx: int, n_pilots: int, gap: int, seed: int) -> None:
    gap = min(gap, n_pilots)
    rng = np.random.default_rng(seed)
    n_sc = 6 * n_pilots
    symbols, first = (0, 4, 7, 11), (1, 4, 1, 4)
    index = np.array([l * n_sc + k + 6 * np.arange(n_pilots) for l, k in zip(symbols, first, strict=True)])
    grid = (rng.normal(size=(n_rx, 14, n_sc)) + 1j * rng.normal(size=(n_rx, 14, n_sc))).astype(np.complex64)
    reference = np.exp(1j * rng.uniform(0, 6, index.shape)).astype(np.complex64)
    kernel = Pilots(14, n_sc, index, gap)
    assert kernel.partners == (2, 3, -1, -1)
    p = grid.reshape(n_rx, -1)[:, index].astype(complex) * reference.conj()
    pairs = [m for m in range(n_pilots - 1) if m + 1 != gap]
    turn = sum(np.vdot(p[:, :, m], p[:, :, m + 1]) for m in pairs)
    power = sum(0.5 * (abs(p[:, :, m : m + 2]) ** 2).sum() for m in pairs)
    later = np.vdot(p[:, :2], p[:, 2:])
    scale = (abs(p) ** 2).sum()
    found = kernel.turns(grid, reference)
    np.testing.assert_allclose(found, [turn, power, later], atol=1e-5 * scale)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="entry outside"):
        Pilots(2, 12, [[0, 24]])
    with pytest.raises(ValueError, match="gap 3 is outside"):
        Pilots(2, 12, [[0, 6]], 3)
    with pytest.raises(ValueError, match="index of shape"):
        Pilots(2, 12, [0, 6])
    kernel = Pilots(2, 12, [[0, 6]])
    with pytest.raises(ValueError, match="grid of shape"):
        kernel.turns(np.zeros((1, 2, 11), np.complex64), np.ones((1, 2), np.complex64))
    with pytest.raises(ValueError, match="reference of shape"):
        kernel.turns(np.zeros((1, 2, 12), np.complex64), np.ones((1, 3), np.complex64))
