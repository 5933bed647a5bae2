"""Transmit diversity against the matrices of the clause, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import precoding
from picocell.phy.lte.estimation import ChannelEstimate
from support import oracle_precoding
from support.synthetic_channel import noise


@settings(max_examples=60, deadline=None)
@given(n_ports=st.sampled_from([1, 2, 4]), half=st.integers(0, 30), seed=st.integers(0, 1000))
def test_transmit_diversity_is_that_of_the_clause(n_ports: int, half: int, seed: int) -> None:
    d = noise(np.random.default_rng(seed), (2 * half,), 1.0)
    sent = precoding.transmit_diversity(d, n_ports)
    assert sent.dtype == np.complex64
    assert sent.shape == (n_ports, 2 * half)
    wanted = oracle_precoding.transmit_diversity([complex(value) for value in d], n_ports)
    np.testing.assert_allclose(sent, np.array(wanted).reshape(sent.shape), atol=1e-6)


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_power_over_all_ports_is_that_of_the_symbols(n_ports: int) -> None:
    d = noise(np.random.default_rng(3), (400,), 1.0)
    sent = precoding.transmit_diversity(d, n_ports)
    assert np.sum(np.abs(sent) ** 2) == pytest.approx(np.sum(np.abs(d) ** 2), rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    n_ports=st.sampled_from([1, 2, 4]), n_rx=st.integers(1, 4), n_pairs=st.integers(1, 200), seed=st.integers(0, 1000)
)
def test_receive_undoes_transmit_diversity(n_ports: int, n_rx: int, n_pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = np.sort(rng.permutation(14 * 72)[: 2 * n_pairs]).astype(np.int32)
    d = noise(rng, (index.size,), 1.0)
    grid = np.zeros((n_ports, 14 * 72), np.complex64)
    grid[:, index] = precoding.transmit_diversity(d, n_ports)
    h = np.empty((n_rx, n_ports, 14, 72), np.complex64)
    h[:] = noise(rng, (n_rx, n_ports, 1, 1), 1.0)
    y = np.einsum("rpn,pn->rn", h.reshape(n_rx, n_ports, -1), grid).reshape(n_rx, 14, 72)
    x, var = precoding.receive(y.astype(np.complex64), ChannelEstimate(h, 1e-9, 1.0, 1.0, 90.0), index)
    np.testing.assert_allclose(x, d, rtol=2e-3, atol=2e-3)
    assert (var > 0).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="n_ports 3"):
        precoding.transmit_diversity(np.ones(4, np.complex64), 3)
    with pytest.raises(ValueError, match="even"):
        precoding.transmit_diversity(np.ones(5, np.complex64), 2)
    with pytest.raises(ValueError, match="one-dimensional"):
        precoding.transmit_diversity(np.ones((2, 2), np.complex64), 2)
    estimate = ChannelEstimate(np.ones((1, 2, 14, 72), np.complex64), 0.1, 1.0, 1.0, 10.0)
    with pytest.raises(ValueError, match="does not fit"):
        precoding.receive(np.ones((2, 14, 72), np.complex64), estimate, np.arange(4, dtype=np.int32))
    three = ChannelEstimate(np.ones((1, 3, 14, 72), np.complex64), 0.1, 1.0, 1.0, 10.0)
    with pytest.raises(ValueError, match="3 ports"):
        precoding.receive(np.ones((1, 14, 72), np.complex64), three, np.arange(4, dtype=np.int32))
