"""Equalisers against a receiver built by probing the transmitter of the clause."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import equalise
from support.oracle_precoding import equalise as oracle

RUN = {2: equalise.sfbc2, 4: equalise.sfbc4}


def normal(rng: np.random.Generator, *shape: int) -> NDArray[np.complex64]:
    return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)


@settings(max_examples=30, deadline=None)
@given(n_rx=st.integers(1, 4), n_re=st.integers(0, 700), seed=st.integers(0, 1000))
def test_siso_is_maximum_ratio_combining(n_rx: int, n_re: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, h = normal(rng, n_rx, 800), normal(rng, n_rx, 800)
    index = rng.integers(0, 800, n_re).astype(np.int32)
    x, var = equalise.siso(y, h, index, 0.1)
    gain = np.sum(np.abs(h.astype(complex)) ** 2, axis=0)[index]
    np.testing.assert_allclose(x, np.sum(np.conj(h.astype(complex)) * y, axis=0)[index] / gain, rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(var, 0.1 / gain, rtol=1e-4)
    assert x.dtype == np.complex64
    assert var.dtype == np.float32


@settings(max_examples=30, deadline=None)
@given(
    n_ports=st.sampled_from([2, 4]),
    n_rx=st.integers(1, 3),
    n_pairs=st.integers(1, 20),
    noise_db=st.floats(-20, 10),
    seed=st.integers(0, 1000),
)
def test_diversity_is_the_unbiased_mmse_receiver(
    n_ports: int, n_rx: int, n_pairs: int, noise_db: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    noise_var = 10 ** (noise_db / 10)
    y, h = normal(rng, n_rx, 90), normal(rng, n_rx, n_ports, 90)
    index = rng.permutation(90)[: 2 * n_pairs].astype(np.int32)
    x, var = RUN[n_ports](y, h, index, noise_var)
    wanted, wanted_var = oracle(y[:, index].astype(complex), h[:, :, index].astype(complex), noise_var)
    np.testing.assert_allclose(x, wanted, rtol=2e-3, atol=2e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(var, wanted_var, rtol=2e-3)


@pytest.mark.parametrize("n_ports", [2, 4])
def test_long_input_agrees_with_its_parts(n_ports: int) -> None:
    rng = np.random.default_rng(5)
    y, h = normal(rng, 2, 4000), normal(rng, 2, n_ports, 4000)
    index = rng.permutation(4000)[:3998].astype(np.int32)
    x, var = RUN[n_ports](y, h, index, 0.05)
    for start in range(0, 3998, 100):
        part, part_var = RUN[n_ports](y, h, index[start : start + 100], 0.05)
        np.testing.assert_allclose(x[start : start + 100], part, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(var[start : start + 100], part_var, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    n_ports=st.sampled_from([1, 2, 4]),
    n_rx=st.integers(1, 3),
    gap=st.sampled_from([0, 3, 6, 17]),
    n_grid=st.integers(8, 400),
    seed=st.integers(0, 1000),
)
def test_gaps_in_the_index_change_nothing(n_ports: int, n_rx: int, gap: int, n_grid: int, seed: int) -> None:
    """Elements in order with reference signals left out, up to the last of the grid, against a few a call."""
    rng = np.random.default_rng(seed)
    y, h = normal(rng, n_rx, n_grid), normal(rng, n_rx, n_ports, n_grid)
    every = np.arange(n_grid)
    index = every[every % gap != seed % gap] if gap else every
    index = index[index.size % n_ports :].astype(np.int32)
    run = RUN[n_ports] if n_ports > 1 else equalise.siso
    h = h if n_ports > 1 else h[:, 0]
    x, var = run(y, h, index, 0.05)
    parts = [run(y, h, part, 0.05) for part in index.reshape(-1, n_ports)]
    np.testing.assert_allclose(x, np.concatenate([part for part, _ in parts]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(var, np.concatenate([part for _, part in parts]), rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_result_does_not_depend_on_the_level(n_ports: int, scale: float) -> None:
    rng = np.random.default_rng(8)
    y = normal(rng, 2, 64)
    h = normal(rng, 2, 64) if n_ports == 1 else normal(rng, 2, n_ports, 64)
    index = np.arange(64, dtype=np.int32)
    run = RUN.get(n_ports, equalise.siso)
    s = np.float32(scale)
    for got, wanted in zip(run(y * s, h * s, index, 0.1 * scale**2), run(y, h, index, 0.1), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_dead_channel_gives_finite_symbols_of_no_weight(n_ports: int) -> None:
    y = np.ones((1, 16), np.complex64)
    h = np.zeros((1, 16) if n_ports == 1 else (1, n_ports, 16), np.complex64)
    x, var = RUN.get(n_ports, equalise.siso)(y, h, np.arange(16, dtype=np.int32), 0.5)
    np.testing.assert_array_equal(x, 0)
    assert np.isfinite(var).all()
    assert (var > 1e6).all()


def test_noise_power_is_what_is_announced() -> None:
    rng = np.random.default_rng(11)
    n = 40000
    for n_ports in (2, 4):
        h = np.repeat(normal(rng, 1, n_ports, n // 4), 4, axis=-1)
        sent = normal(rng, n)
        pairs = sent.reshape(-1, 2)
        first, second = pairs / np.sqrt(2), np.stack([-pairs[:, 1].conj(), pairs[:, 0].conj()], axis=1) / np.sqrt(2)
        y = np.empty((n // 2, 2), complex)
        half = n_ports // 2
        for turn in range(half):
            rows = h[0].reshape(n_ports, -1, 2)
            y[turn::half] = (
                rows[turn, turn::half] * first[turn::half] + rows[turn + half, turn::half] * second[turn::half]
            )
        received = y.reshape(1, -1) + np.sqrt(0.2) * normal(rng, 1, n)
        x, var = RUN[n_ports](received, h, np.arange(n, dtype=np.int32), 0.2)
        assert np.mean(np.abs(x - sent) ** 2 / var) == pytest.approx(1, abs=0.03)


def test_input_of_any_layout_and_type_is_taken() -> None:
    rng = np.random.default_rng(2)
    y, h = normal(rng, 40, 2), normal(rng, 40, 2)
    x, _ = equalise.siso(y.T.astype(np.complex128), h.T, list(range(40)), 0.1)
    wanted, _ = equalise.siso(np.ascontiguousarray(y.T), np.ascontiguousarray(h.T), np.arange(40, dtype=np.int32), 0.1)
    np.testing.assert_array_equal(x, wanted)


def test_bad_input_is_refused() -> None:
    y, h = np.ones((1, 8), np.complex64), np.ones((1, 2, 8), np.complex64)
    index = np.arange(8, dtype=np.int32)
    for bad in (8, -1):
        with pytest.raises(ValueError, match="outside"):
            equalise.siso(y, y, [bad], 0.1)
    with pytest.raises(ValueError, match="even"):
        equalise.sfbc2(y, h, index[:7], 0.1)
    with pytest.raises(ValueError, match="n_rx, 4"):
        equalise.sfbc4(y, h, index, 0.1)
    with pytest.raises(ValueError, match="n_grid"):
        equalise.siso(y, np.ones((1, 7), np.complex64), index, 0.1)
    for bad_noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="noise_var"):
            equalise.siso(y, y, index, bad_noise)
