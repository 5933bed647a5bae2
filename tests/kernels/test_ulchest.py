"""Uplink channel estimation kernel, each call against plain NumPy."""

import pickle

import numpy as np
import pytest

from picocell.kernels import ulchest

CASES = [(1, 12), (2, 24), (3, 36), (1, 60), (2, 72), (1, 108), (4, 300), (1, 1200), (1, 1296)]


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


@pytest.mark.parametrize(("n_rx", "m"), CASES)
def test_pilots(n_rx: int, m: int) -> None:
    rng = np.random.default_rng(m)
    grid, r = noise(rng, n_rx, 14, m + 24), noise(rng, 2, m)
    found, power = ulchest.pilots(grid, r, (3, 10), (12, 24))
    wanted = np.stack([grid[:, 3, 12 : 12 + m] * r[0].conj(), grid[:, 10, 24 : 24 + m] * r[1].conj()])
    assert np.allclose(found, wanted, atol=1e-5)
    assert power == pytest.approx(np.mean(np.abs(wanted) ** 2), rel=1e-5)


@pytest.mark.parametrize("length", [12, 24])
@pytest.mark.parametrize(("n_rx", "m"), CASES[1:])
def test_covariance(n_rx: int, m: int, length: int) -> None:
    x = noise(np.random.default_rng(m), 2, n_rx, m)
    found, count = ulchest.covariance(x, length)
    starts = [min(s, m - length) for s in range(0, m, length)]
    blocks = np.concatenate([x[..., s : s + length].reshape(-1, length) for s in starts])
    square = blocks.T @ blocks.conj() / len(blocks)
    assert count == len(blocks)
    for d in range(length):
        assert np.allclose(found[d, : length - d], np.diagonal(square, -d), atol=1e-5)
        assert not found[d, length - d :].any()


def by_lag(matrix: np.ndarray) -> np.ndarray:
    table = np.zeros_like(matrix)
    n = matrix.shape[-1]
    for d in range(n):
        for j in range(n - d):
            table[..., d, j] = matrix[..., j + d, j] * (2 if d else 1)
    return table


def random_models(rng: np.random.Generator, length: int) -> tuple[dict[str, object], np.ndarray, np.ndarray]:
    root = rng.normal(size=(3, 2, length, length))
    inverse = root @ root.transpose(0, 1, 3, 2) / length + np.eye(length)
    quiet = rng.normal(size=(2, length, length))
    quiet = quiet @ quiet.transpose(0, 2, 1)
    tables: dict[str, object] = {
        "inverse": by_lag(inverse),
        "log_det": rng.normal(size=(3, 2)),
        "prior": rng.normal(size=(2, 21)),
        "silence": by_lag(np.eye(length) * 0.1 / length),
        "quiet": by_lag(quiet),
        "snr_db": (0, 5, 10),
        "offsets": np.linspace(-1, 1, 21),
        "turn": 0.2,
    }
    return tables, inverse, quiet


@pytest.mark.parametrize("length", [12, 24])
def test_fit_finds_the_highest_score(length: int) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tables, inverse, quiet = random_models(rng, length)
        x = noise(rng, 3, length)
        covariance, count = ulchest.covariance(x, length)
        square = x.T @ x.conj() / 3
        models = ulchest.DelayModels(**tables)  # type: ignore[arg-type]
        total = np.trace(square).real / length
        for known in (None, 0.2 * total):
            width, offset, noise_var, power = models.fit(covariance, count, known)
            level = 0.1 * total if known is None else known
            snr = round(np.clip((10 * np.log10((total - level) / level)) / 5, 0, 2))
            scores = np.empty((2, 21))
            for w in range(2):
                for t, trial in enumerate(np.linspace(-1, 1, 21)):
                    q = np.exp(0.2j * trial * np.arange(length))
                    turned = np.outer(q, q.conj()) * square
                    quadratic = np.trace(inverse[snr, w] @ turned).real / level
                    score = -count * (quadratic + tables["log_det"][snr, w])  # type: ignore[index]
                    scores[w, t] = score + tables["prior"][w, t]  # type: ignore[index]
            best = np.unravel_index(scores.argmax(), scores.shape)
            assert power == pytest.approx(total, rel=1e-4)
            if np.sort(scores.max(axis=1))[1] - scores.max(axis=1).min() > 0.02 * np.ptp(scores):
                assert width == best[0]
                assert abs(offset - (-1 + 0.1 * best[1])) <= 0.1 + 1e-6
            q = np.exp(0.2j * offset * np.arange(length))
            wanted = np.trace(quiet[width] @ (np.outer(q, q.conj()) * square)).real if known is None else known
            assert noise_var == pytest.approx(max(wanted, 1e-6 * total), rel=1e-3)


@pytest.mark.parametrize(("n_rx", "m"), CASES)
def test_channel(n_rx: int, m: int) -> None:
    rng = np.random.default_rng(m)
    length = min(m, 60)
    pilots, mix, weights = noise(rng, 2, n_rx, m), noise(rng, 2, 2), noise(rng, 2, 14)
    taps = rng.normal(size=(2, length, length)).astype(np.float32)
    q = np.exp(0.07j * (np.arange(m) - (m - 1) / 2))
    mixed = np.einsum("is,srk,k->irk", mix, pilots, q)
    filtered = np.empty_like(mixed)
    for first in range(0, m, 12):
        start = min(max(first - length // 2 // 12 * 12, 0), m - length)
        columns = taps[:, :, first - start : first - start + 12]
        filtered[..., first : first + 12] = np.einsum("irk,ikc->irc", mixed[..., start : start + length], columns)
    wanted = np.einsum("il,irk,k->rlk", weights, filtered, q.conj())
    found = ulchest.channel(pilots, 0.07, mix, taps[0], taps[1], weights)
    assert np.abs(found - wanted).max() < 2e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(("n_rx", "m"), CASES)
def test_equalise(n_rx: int, m: int) -> None:
    rng = np.random.default_rng(m)
    grid, h = noise(rng, n_rx, 12, m + 36), noise(rng, n_rx, 12, m)
    noise_var = rng.uniform(0.1, 2, 12).astype(np.float32)
    symbols = (0, 3, 4, 9, 11)
    x, share = ulchest.equalise(grid, h, noise_var, symbols, (0, 36))
    for i, l in enumerate(symbols):
        y = grid[:, l, 36 * (l >= 6) : 36 * (l >= 6) + m]
        gain = (np.abs(h[:, l]) ** 2).sum(axis=0)
        mean = (gain / (gain + noise_var[l])).mean()
        wanted = (h[:, l].conj() * y).sum(axis=0) / (gain + noise_var[l]) / mean
        assert share[i] == pytest.approx(mean, rel=1e-5)
        assert np.allclose(x[i], wanted, atol=2e-5)


def test_dead_channel_gives_zeros() -> None:
    grid, h = np.zeros((1, 14, 12), np.complex64), np.zeros((1, 14, 12), np.complex64)
    x, share = ulchest.equalise(grid, h, np.full(14, 1e-30), (0, 1), (0, 0))
    assert not x.any()
    assert not share.any()
    assert ulchest.equalise(grid, h, np.ones(14), (), (0, 0))[0].shape == (0, 12)


def test_models_pickle() -> None:
    rng = np.random.default_rng(1)
    models = ulchest.DelayModels(**random_models(rng, 12)[0])  # type: ignore[arg-type]
    covariance, count = ulchest.covariance(noise(rng, 4, 12), 12)
    assert pickle.loads(pickle.dumps(models)).fit(covariance, count) == models.fit(covariance, count)


def test_bad_arguments_are_refused() -> None:
    rng = np.random.default_rng(1)
    grid, r = noise(rng, 1, 14, 72), noise(rng, 2, 24)
    for symbols, starts in (
        ((3, 3), (0, 0)),
        ((3,), (0, 0)),
        ((3, 14), (0, 0)),
        ((3, 10), (49, 0)),
        ((3, 10), (0, -1)),
    ):
        with pytest.raises(ValueError):
            ulchest.pilots(grid, r, symbols, starts)
    with pytest.raises(ValueError, match="reference signal"):
        ulchest.pilots(grid, r[0], (3, 10), (0, 0))
    with pytest.raises(ValueError, match="grid"):
        ulchest.pilots(grid[0], r, (3, 10), (0, 0))
    for x, length in ((r, 36), (noise(rng, 2, 12), 24), (noise(rng, 2, 30), 12)):
        with pytest.raises(ValueError):
            ulchest.covariance(x, length)
    h, even = noise(rng, 1, 14, 24), np.ones(14)
    for bad_h, power, symbols in ((h[:, :12], even, (0,)), (h, even[:3], (0,)), (h, 0 * even, (0,)), (h, even, (14,))):
        with pytest.raises(ValueError):
            ulchest.equalise(grid, bad_h, power, symbols, (0, 0))
    pilots, mix, weights, taps = noise(rng, 2, 1, 24), noise(rng, 2, 2), noise(rng, 2, 14), np.eye(24)
    for bad in (np.eye(36), np.eye(10), np.zeros((24, 12))):
        with pytest.raises(ValueError, match="taps"):
            ulchest.channel(pilots, 0.0, mix, taps, bad, weights)
    with pytest.raises(ValueError, match="finite"):
        ulchest.channel(pilots, np.nan, mix, taps, taps, weights)
    tables = random_models(rng, 12)[0]
    for name in ("inverse", "log_det", "prior", "silence", "quiet", "offsets"):
        with pytest.raises(ValueError):
            ulchest.DelayModels(**(tables | {name: np.asarray(tables[name])[:-1]}))  # type: ignore[arg-type]
