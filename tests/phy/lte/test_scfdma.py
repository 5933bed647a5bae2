"""Transform precoding against the sum of TS 36.211 5.3.3."""

import cmath
import math

import numpy as np
import pytest

from picocell.phy.lte import scfdma


def test_allowed_numbers_of_resource_blocks() -> None:
    wanted = sorted(
        2**a * 3**b * 5**c for a in range(7) for b in range(5) for c in range(3) if 2**a * 3**b * 5**c <= 110
    )
    assert scfdma.allowed_n_prb() == tuple(wanted)
    assert scfdma.allowed_n_prb(6) == (1, 2, 3, 4, 5, 6)
    assert 7 not in scfdma.allowed_n_prb(100)


@pytest.mark.parametrize("m_sc", [12, 36, 60])
def test_is_the_sum_of_the_clause(m_sc: int) -> None:
    rng = np.random.default_rng(m_sc)
    d = (rng.normal(size=(3, m_sc)) + 1j * rng.normal(size=(3, m_sc))).astype(np.complex64)
    z = scfdma.transform_precode(d)
    for l in range(3):
        for k in range(0, m_sc, 5):
            total = sum(d[l, i] * cmath.exp(-2j * math.pi * i * k / m_sc) for i in range(m_sc))
            assert abs(z[l, k] - total / math.sqrt(m_sc)) < 2e-6
    assert np.allclose(scfdma.inverse(z), d, atol=2e-6)
    assert scfdma.inverse(z, z) is z


def test_other_sizes_are_refused() -> None:
    for bad in (np.zeros((1, 84), np.complex64), np.zeros((1, 10), np.complex64), np.zeros((), np.complex64)):
        with pytest.raises(ValueError, match="subcarriers are not allowed"):
            scfdma.transform_precode(bad)
        with pytest.raises(ValueError, match="subcarriers are not allowed"):
            scfdma.inverse(bad)
