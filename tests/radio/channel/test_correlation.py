"""Correlation between antennas: the published matrices, and what the fading channels have."""

import numpy as np
import pytest

from picocell.radio.channel.correlation import LEVELS, coefficients, end_matrix, matrix, root
from picocell.radio.channel.fading import RayleighGains
from picocell.radio.channel.profiles import Profile

SIZES = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 2), (2, 4), (4, 4), (1, 4)]


def test_coefficients_are_the_table_s() -> None:
    assert [coefficients(level) for level in LEVELS] == [(0.0, 0.0), (0.3, 0.9), (0.9, 0.9)]
    with pytest.raises(ValueError, match="low, medium, high"):
        coefficients("strong")


def test_four_antennas_have_the_standard_s_exponents() -> None:
    a = 0.9
    first = [1, a ** (1 / 9), a ** (4 / 9), a]
    np.testing.assert_allclose(end_matrix(4, a)[0], first)
    np.testing.assert_allclose(end_matrix(4, a)[1], [first[1], 1, first[1], first[2]])
    with pytest.raises(ValueError, match="3 antennas"):
        end_matrix(3, a)


def test_two_by_two_matrices_are_those_printed() -> None:
    """TS 36.101 Tables B.2.3.2-2 and -3 in four digits."""
    high = [[1, 0.9, 0.9, 0.81], [0.9, 1, 0.81, 0.9], [0.9, 0.81, 1, 0.9], [0.81, 0.9, 0.9, 1]]
    medium = [[1, 0.9, 0.3, 0.27], [0.9, 1, 0.27, 0.3], [0.3, 0.27, 1, 0.9], [0.27, 0.3, 0.9, 1]]
    np.testing.assert_allclose(matrix("high", 2, 2), high, atol=1e-12)
    np.testing.assert_allclose(matrix("medium", 2, 2), medium, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", SIZES)
def test_matrices_are_correlation_matrices(level: str, size: tuple[int, int]) -> None:
    r = matrix(level, *size)
    assert r.shape == (size[0] * size[1],) * 2
    np.testing.assert_allclose(np.diag(r), 1)
    np.testing.assert_array_equal(r, r.T)
    assert np.linalg.eigvalsh(r).min() > 0
    np.testing.assert_allclose(root(level, *size) @ root(level, *size), r, atol=1e-9)


@pytest.mark.parametrize(
    ("level", "size", "added"),
    [("high", (4, 2), 10), ("high", (2, 4), 10), ("high", (4, 4), 12), ("medium", (4, 4), 12)],
)
def test_published_scaling_is_what_rounding_needs(level: str, size: tuple[int, int], added: int) -> None:
    """B.2.3.2: rounded to four digits the matrix has no negative eigenvalue; it has with none added, or 1e-5 less."""
    whole = np.kron(end_matrix(size[0], coefficients(level)[0]), end_matrix(size[1], coefficients(level)[1]))

    def least_eigenvalue(steps: int) -> float:
        scaled = (whole + steps * 1e-5 * np.eye(len(whole))) / (1 + steps * 1e-5)
        return float(np.linalg.eigvalsh(np.round(scaled, 4)).min())

    assert least_eigenvalue(0) < 0
    assert least_eigenvalue(added - 1) < 0
    assert least_eigenvalue(added) > 0
    np.testing.assert_allclose(matrix(level, *size)[0, 1], whole[0, 1] / (1 + added * 1e-5))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 2), (2, 2), (4, 2), (4, 4)])
def test_fading_has_the_matrix(level: str, size: tuple[int, int]) -> None:
    """Over realisations: an estimate from n of them is 1 / sqrt(n) off, five of those at most."""
    flat, n = Profile("flat", (0.0,), (1.0,)), 2500
    n_tx, n_rx = size
    # after a second at 2 kHz nothing is left of the second before: as good as another realisation
    times = np.arange(25.0)
    total = np.zeros((n_tx * n_rx,) * 2, complex)
    for seed in range(n // len(times)):
        gains = RayleighGains(flat, 2000.0, n_tx, n_rx, seed, level=level).gains(times)
        vectors = gains[:, :, 0].swapaxes(0, 1).reshape(n_tx * n_rx, -1)  # transmit antenna first
        total += vectors @ vectors.conj().T
    np.testing.assert_allclose(total / n, matrix(level, *size), atol=5 / np.sqrt(n))


def test_low_correlation_is_any_number_of_antennas() -> None:
    assert RayleighGains("EPA", 5.0, 3, 5, 1).gains(np.zeros(1)).shape == (5, 3, 7, 1)
    with pytest.raises(ValueError, match="3 antennas"):
        RayleighGains("EPA", 5.0, 3, 2, 1, level="high")
