"""Precoders against the clauses' own matrices, and what every one of them must be."""

import numpy as np
import pytest

from picocell.phy.lte.codebook import closed_loop_entries, codebook, large_delay_cdd
from support import oracle_spatial as oracle

SIZES = [(2, 1), (2, 2), (4, 1), (4, 2), (4, 3), (4, 4)]
CYCLIC = [(2, 2), (4, 2), (4, 3), (4, 4)]


@pytest.mark.parametrize(("n_ports", "n_layers"), SIZES)
def test_columns_are_orthogonal_and_share_the_power_of_one_symbol(n_ports: int, n_layers: int) -> None:
    entries = codebook(n_ports, n_layers)
    assert entries.shape == ({(2, 1): 4, (2, 2): 3}.get((n_ports, n_layers), 16), n_ports, n_layers)
    cyclic = large_delay_cdd(n_ports, n_layers) if n_layers > 1 else entries
    for w in (*entries, *cyclic):
        np.testing.assert_allclose(w.conj().T @ w, np.eye(n_layers) / n_layers, atol=1e-6)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_two_ports_are_the_table(n_layers: int) -> None:
    for entry, rows in zip(codebook(2, n_layers), oracle.TWO_PORTS[n_layers], strict=True):
        w = np.array(rows, complex)
        np.testing.assert_allclose(entry, w / np.linalg.norm(w), atol=1e-6)


def test_four_ports_precode_with_equal_power_and_phases_of_the_alphabet() -> None:
    """Every element of a precoder has the same size, and a phase that is a multiple of 45 degrees."""
    for n_layers in (1, 2, 3, 4):
        w = codebook(4, n_layers).astype(complex)
        np.testing.assert_allclose(np.abs(w), 0.5 / np.sqrt(n_layers), atol=1e-6)
        np.testing.assert_allclose((w * 2 * np.sqrt(n_layers)) ** 8, 1, atol=1e-4)


def test_four_ports_have_sixteen_beams_and_nested_columns() -> None:
    beams = codebook(4, 1)[:, :, 0]
    likeness = np.abs(beams.conj() @ beams.T) - np.eye(16)
    assert likeness.max() < 0.95  # no two are the same but for a phase
    for n_layers in (2, 3, 4):
        for wide, beam in zip(codebook(4, n_layers), beams, strict=True):
            scaled = wide * np.sqrt(n_layers)
            assert np.min(np.linalg.norm(scaled - beam[:, None], axis=0)) < 1e-6  # the beam is one of its columns
    # eight of the beams are those of a uniform line array (TS 36.211 6.3.4.2.3: a DFT codebook is within)
    dft = np.exp(2j * np.pi * np.outer(np.arange(8), np.arange(4)) / 8) / 2
    assert np.all(np.max(np.abs(dft.conj() @ beams.T), axis=1) > 1 - 1e-6)


@pytest.mark.parametrize(("n_ports", "n_layers"), CYCLIC)
def test_delay_diversity_is_the_clause(n_ports: int, n_layers: int) -> None:
    made = large_delay_cdd(n_ports, n_layers)
    for i in range(50):
        wanted = oracle.delay_diversity(i, n_ports, n_layers)
        np.testing.assert_allclose(made[i % len(made)], wanted, atol=1e-6)


@pytest.mark.parametrize(("n_ports", "n_layers"), CYCLIC)
def test_delay_diversity_sends_each_layer_through_all_directions(n_ports: int, n_layers: int) -> None:
    """Over a period every layer has the same covariance over the ports, so that none has the worse channel."""
    made = large_delay_cdd(n_ports, n_layers).astype(complex)
    covariance = np.einsum("ipl,iql->lpq", made, made.conj()) / len(made)
    np.testing.assert_allclose(covariance, np.broadcast_to(covariance[0], covariance.shape), atol=1e-6)
    if n_ports == 2:
        np.testing.assert_allclose(covariance[0], np.eye(2) / 4, atol=1e-6)


def test_closed_loop_leaves_the_identity_out() -> None:
    assert closed_loop_entries(2, 2) == (1, 2)
    assert closed_loop_entries(2, 1) == (0, 1, 2, 3)
    assert closed_loop_entries(4, 3) == tuple(range(16))


@pytest.mark.parametrize(("n_ports", "n_layers"), [(1, 1), (3, 1), (2, 3), (4, 5), (4, 0)])
def test_what_has_no_codebook_is_refused(n_ports: int, n_layers: int) -> None:
    with pytest.raises(ValueError, match=r"n_ports|layers"):
        codebook(n_ports, n_layers)
    with pytest.raises(ValueError, match=r"n_ports|layers"):
        large_delay_cdd(n_ports, n_layers)


def test_one_layer_has_no_delay_diversity() -> None:
    with pytest.raises(ValueError, match="transmit diversity"):
        large_delay_cdd(4, 1)
