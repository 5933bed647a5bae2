"""Spatial multiplexing: precoding, linear and joint detection against receivers written out element by element."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import gold, mimo, modem
from support import oracle_spatial as oracle

C64 = NDArray[np.complex64]
MOST = modem.LLR_LIMIT


def normal(rng: np.random.Generator, *shape: int) -> C64:
    return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)


def seen(h: C64, index: NDArray[np.int32], precoders: C64, which: NDArray[np.int32] | None) -> NDArray[np.complex128]:
    """Channel with precoding of each element, (n, n_rx, n_layers)."""
    place = np.arange(len(index)) % len(precoders) if which is None else which
    return np.asarray(np.einsum("rpn,npl->nrl", h[:, :, index].astype(complex), precoders[place].astype(complex)))


@settings(max_examples=40, deadline=None)
@given(
    n_rx=st.integers(1, 5),
    n_ports=st.integers(1, 4),
    n_layers=st.integers(1, 4),
    n_precoders=st.integers(1, 16),
    n_re=st.integers(0, 40),
    noise_db=st.floats(-20, 15),
    chosen=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_mmse_is_the_unbiased_linear_receiver(
    n_rx: int,
    n_ports: int,
    n_layers: int,
    n_precoders: int,
    n_re: int,
    noise_db: float,
    chosen: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    y, h, w = normal(rng, n_rx, 50), normal(rng, n_rx, n_ports, 50), normal(rng, n_precoders, n_ports, n_layers)
    index = rng.permutation(50)[:n_re].astype(np.int32)
    which = rng.integers(0, n_precoders, n_re).astype(np.int32) if chosen else None
    noise_var = 10 ** (noise_db / 10)
    x, var = mimo.mmse(y, h, index, w, noise_var, which)
    assert x.shape == var.shape == (n_layers, n_re)
    assert (x.dtype, var.dtype) == (np.dtype(np.complex64), np.dtype(np.float32))
    wanted, wanted_var = oracle.mmse(y[:, index].astype(complex), seen(h, index, w, which), noise_var)
    # the SINR of a layer that hardly stands out of the others is a small difference of large numbers
    np.testing.assert_allclose(1 / var, 1 / wanted_var, rtol=5e-3, atol=2e-5)
    clear = wanted_var < 300
    np.testing.assert_allclose(x[clear], wanted[clear], rtol=5e-3, atol=5e-3)


@settings(max_examples=25, deadline=None)
@given(
    q_m=st.tuples(st.sampled_from([2, 4, 6]), st.sampled_from([2, 4, 6])),
    n_rx=st.integers(1, 4),
    noise_db=st.floats(-25, 10),
    seed=st.integers(0, 1000),
)
def test_joint_detection_is_max_log_over_all_pairs(q_m: tuple[int, int], n_rx: int, noise_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, noise_var = 21, 10 ** (noise_db / 10)
    y, h, w = normal(rng, n_rx, n), normal(rng, n_rx, 2, n), normal(rng, 3, 2, 2)
    index = rng.permutation(n).astype(np.int32)
    found = mimo.joint(y, h, index, w, noise_var, q_m)
    wanted = oracle.joint_llrs(y[:, index].astype(complex), seen(h, index, w, None), noise_var, q_m)
    for llr, exact, q in zip(found, wanted, q_m, strict=True):
        assert llr.dtype == np.int16
        limited = np.clip(exact.reshape(-1) * modem.LLR_SCALE, -MOST, MOST)
        np.testing.assert_allclose(llr, limited, atol=0.6 + 2e-6 / noise_var * modem.LLR_SCALE, rtol=1e-4)
        assert llr.size == n * q


@pytest.mark.parametrize("q_m", [2, 4, 6])
def test_two_layers_without_crosstalk_are_two_demappers(q_m: int) -> None:
    rng = np.random.default_rng(3)
    n = 500
    y, noise_var = normal(rng, 2, n), 0.07
    h = np.ascontiguousarray(np.broadcast_to(np.eye(2, dtype=np.complex64)[:, :, None], (2, 2, n)))
    words = [gold.packed(seed, n * q_m) for seed in (5, 6)]
    found = mimo.joint(y, h, np.arange(n), np.eye(2)[None], noise_var, (q_m, q_m), None, words)
    for of_layer, llr, scrambling in zip(y, found, words, strict=True):
        exact = modem.demodulate(of_layer, noise_var, q_m, scrambling)
        assert np.max(np.abs(llr.astype(int) - exact)) <= 1


@pytest.mark.parametrize(("n_ports", "n_layers", "q_m"), [(2, 2, 6), (4, 2, 4), (4, 3, 4), (4, 4, 2)])
def test_what_is_precoded_is_found_again(n_ports: int, n_layers: int, q_m: int) -> None:
    rng = np.random.default_rng(7)
    n, n_grid = 900, 1000
    bits = rng.integers(0, 2, (n_layers, n * q_m)).astype(np.uint8)
    x = np.stack([modem.modulate(row, q_m) for row in bits])
    w = np.linalg.qr(normal(rng, 12, n_ports, n_ports))[0][:, :, :n_layers].astype(np.complex64)
    which = rng.integers(0, 12, n).astype(np.int32)
    index = rng.permutation(n_grid)[:n].astype(np.int32)
    grid = np.full((n_ports, n_grid), 7j, np.complex64)
    mimo.precode(x, w, index, grid, which)
    h = normal(rng, 4, n_ports, n_grid)
    y = np.asarray((h * grid).sum(axis=1) + 0.003 * normal(rng, 4, n_grid), np.complex64)
    back, var = mimo.mmse(y, h, index, w, 1e-5, which)
    for row, symbols, noise in zip(bits, back, var, strict=True):
        llr = modem.demodulate(symbols, noise, q_m)
        assert np.mean((llr < 0) != row) < 1e-3
    if n_layers == 2:
        for row, llr in zip(bits, mimo.joint(y, h, index, w, 1e-5, (q_m, q_m), which), strict=True):
            assert np.mean((llr < 0) != row) < 1e-3


def test_precoding_writes_the_elements_and_no_others() -> None:
    rng = np.random.default_rng(1)
    x, w, index = normal(rng, 3, 40), normal(rng, 5, 4, 3), rng.permutation(60)[:40].astype(np.int32)
    grid = np.full((4, 5, 12), 7j, np.complex64)
    mimo.precode(x, w, index, grid)
    flat = grid.reshape(4, 60)
    wanted = oracle.precode([list(row) for row in x.astype(complex)], lambda i: w[i % 5].astype(complex))
    np.testing.assert_allclose(flat[:, index], wanted, rtol=1e-4, atol=1e-5)
    others = np.setdiff1d(np.arange(60), index)
    np.testing.assert_array_equal(flat[:, others], 7j)


def test_layers_of_one_code_word_take_turns() -> None:
    rng = np.random.default_rng(4)
    y, h, w = normal(rng, 2, 70), normal(rng, 2, 4, 70), normal(rng, 8, 4, 2)
    scrambling = gold.packed(9, 2 * 70 * 4)
    (merged,) = mimo.joint(y, h, np.arange(70), w, 0.1, (4, 4), merged=True)
    apart = mimo.joint(y, h, np.arange(70), w, 0.1, (4, 4))
    np.testing.assert_array_equal(merged.reshape(70, 2, 4), np.stack([a.reshape(70, 4) for a in apart], axis=1))
    (turned,) = mimo.joint(y, h, np.arange(70), w, 0.1, (4, 4), None, [scrambling], True)
    set_bits = np.unpackbits(scrambling.view(np.uint8), bitorder="little")[: merged.size].astype(bool)
    np.testing.assert_array_equal(turned, np.where(set_bits, -merged, merged))


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_long_input_agrees_with_its_parts(n_layers: int) -> None:
    """Chunks, their ends, and precoders whose period fits a chunk or does not."""
    rng = np.random.default_rng(5)
    n = 1003
    for n_precoders in (16, 7):
        y, h, w = normal(rng, 4, n), normal(rng, 4, 4, n), normal(rng, n_precoders, 4, n_layers)
        index = rng.permutation(n).astype(np.int32)
        x, var = mimo.mmse(y, h, index, w, 0.05)
        which = (np.arange(n) % n_precoders).astype(np.int32)
        for start in range(0, n, 100):
            part = slice(start, start + 100)
            some, noise = mimo.mmse(y, h, index[part], w, 0.05, which[part])
            np.testing.assert_allclose(x[:, part], some, rtol=2e-3, atol=2e-4)
            np.testing.assert_allclose(var[:, part], noise, rtol=2e-3)


def test_noise_power_is_what_is_announced() -> None:
    rng = np.random.default_rng(11)
    n = 30_000
    for n_layers, n_rx in ((2, 2), (3, 4), (4, 4)):
        h, sent = normal(rng, n_rx, n_layers, n), normal(rng, n_layers, n)
        y = np.asarray((h * sent).sum(axis=1) + np.sqrt(0.2) * normal(rng, n_rx, n), np.complex64)
        x, var = mimo.mmse(y, h, np.arange(n), np.eye(n_layers)[None], 0.2)
        assert np.mean(np.abs(x - sent) ** 2 / var) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_result_does_not_depend_on_the_level(n_layers: int, scale: float) -> None:
    rng = np.random.default_rng(8)
    y, h, w = normal(rng, 4, 64), normal(rng, 4, 4, 64), normal(rng, 1, 4, n_layers)
    index, s = np.arange(64), np.float32(scale)
    for got, wanted in zip(
        mimo.mmse(y * s, h * s, index, w, 0.1 * scale**2), mimo.mmse(y, h, index, w, 0.1), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_dead_channel_gives_finite_symbols_of_no_weight(n_layers: int) -> None:
    y, h, w = np.ones((2, 16), np.complex64), np.zeros((2, 4, 16), np.complex64), np.ones((1, 4, n_layers))
    x, var = mimo.mmse(y, h, np.arange(16), w, 0.5)
    np.testing.assert_array_equal(x, 0)
    assert np.isfinite(var).all()
    assert (var > 1e5).all()
    if n_layers == 2:
        for llr in mimo.joint(y, h, np.arange(16), w, 0.5, (2, 6)):
            np.testing.assert_array_equal(llr, 0)


@pytest.mark.parametrize("n_layers", [2, 3, 4])
def test_layers_that_cannot_be_told_apart_stay_finite(n_layers: int) -> None:
    """Columns that are alike, and no noise to speak of."""
    rng = np.random.default_rng(6)
    y, h = normal(rng, 4, 64), normal(rng, 4, 4, 64)
    w = np.repeat(normal(rng, 1, 4, 1), n_layers, axis=2)
    for noise_var in (0.0, 1e-12):
        x, var = mimo.mmse(y, h, np.arange(64), w, noise_var)
        assert np.isfinite(x).all()
        assert np.isfinite(var).all()
        assert (var > 0).all()


def test_bad_input_is_refused() -> None:
    y, h, w, index = np.ones((2, 8)), np.ones((2, 2, 8)), np.ones((1, 2, 2)), np.arange(8)
    for bad in (8, -1):
        with pytest.raises(ValueError, match="index has an entry outside"):
            mimo.mmse(y, h, [bad], w, 0.1)
        with pytest.raises(ValueError, match="which has an entry outside"):
            mimo.mmse(y, h, [0], w, 0.1, [bad])
    for arguments, complaint in (
        ((y, h[:, :1], index, w, 0.1), "1 ports, the precoders 2"),
        ((y, h[0], index, w, 0.1), "n_grid"),
        ((y, h, index, np.ones((1, 2, 5)), 0.1), "at most 4"),
        ((y, h, index, np.ones((2, 2)), 0.1), "n_layers"),
        ((y, h, index[None], w, 0.1), "n_re"),
        ((y, h, index, w, 0.1, index[:3]), "which of shape"),
        ((y[:0], h[:0], index, w, 0.1), "empty"),
    ):
        with pytest.raises(ValueError, match=complaint):
            mimo.mmse(*arguments)
    for bad_noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="noise_var"):
            mimo.mmse(y, h, index, w, bad_noise)
    with pytest.raises(ValueError, match="q_m 8"):
        mimo.joint(y, h, index, w, 0.1, (2, 8))
    with pytest.raises(ValueError, match="3 layers"):
        mimo.joint(y, h, index, np.ones((1, 2, 3)), 0.1, (2, 2))
    with pytest.raises(ValueError, match="one modulation"):
        mimo.joint(y, h, index, w, 0.1, (2, 4), merged=True)
    with pytest.raises(ValueError, match="scrambling"):
        mimo.joint(y, h, index, w, 0.1, (6, 6), None, [np.zeros(0, np.uint64)] * 2)
    with pytest.raises(ValueError, match="1 scrambling"):
        mimo.joint(y, h, index, w, 0.1, (2, 2), None, [gold.packed(1, 16)])
    grid = np.zeros((2, 8), np.complex64)
    for x, to, complaint in (
        (np.ones((1, 8)), grid, r"x of shape \(1, 8\)"),
        (np.ones((2, 8)), grid.T, "C-contiguous"),
        (np.ones((2, 8)), np.zeros((3, 8), np.complex64), "3 ports"),
    ):
        with pytest.raises(ValueError, match=complaint):
            mimo.precode(x, w, index, to)
