"""The air: path loss and delay against arithmetic, silence against zeros, and a stream in blocks against one piece."""

import numpy as np
import pytest

from picocell.radio.air import SPEED_OF_LIGHT, Path
from picocell.radio.channel.models import open_channel

RATE = 1.92e6


def noise(n_tx: int, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n_tx, n)) + 1j * rng.standard_normal((n_tx, n))).astype(np.complex64)


def test_path_loss_and_delay() -> None:
    path = Path(RATE, path_loss_db=80.0, distance_m=3 * SPEED_OF_LIGHT / RATE)
    x = noise(1, 1000)
    y = path.apply(x, 1000)
    assert y is not None
    np.testing.assert_allclose(y[0, 3:], 1e-4 * x[0, :-3], rtol=1e-5)
    assert not y[0, :3].any()


def test_path_loss_changes_while_samples_pass() -> None:
    path, x = Path(RATE), noise(1, 100)
    path.path_loss_db = 20.0
    y = path.apply(x, 100)
    assert y is not None
    np.testing.assert_allclose(y, 0.1 * x, rtol=1e-5)


@pytest.mark.parametrize("channel", ["AWGN", "EPA5", "ETU70"])
@pytest.mark.parametrize("n_tx", [1, 2])
def test_blocks_and_silence_make_no_difference(channel: str, n_tx: int) -> None:
    blocks = [noise(n_tx, 300, seed) if seed % 5 < 2 else None for seed in range(15)]
    whole = np.concatenate([b if b is not None else np.zeros((n_tx, 300), np.complex64) for b in blocks], axis=1)
    in_blocks, at_once = (Path(RATE, n_tx, 1, channel=channel, distance_m=2000, seed=7) for _ in range(2))
    pieces = [in_blocks.apply(b, 300) for b in blocks]
    assert any(piece is None for piece in pieces)
    joined = np.concatenate([p if p is not None else np.zeros((1, 300), np.complex64) for p in pieces], axis=1)
    expected = at_once.apply(whole, whole.shape[1])
    assert expected is not None
    np.testing.assert_allclose(joined, expected, atol=1e-4)


def test_seed_makes_the_realisation() -> None:
    x = noise(1, 200)
    same, again, other = (Path(RATE, channel="EPA5", seed=s).apply(x, 200) for s in (1, 1, 2))
    assert np.array_equal(same, again)
    assert not np.allclose(same, other)


@pytest.mark.parametrize("channel", ["EPA", "XYZ5", ""])
def test_unknown_channel_is_named(channel: str) -> None:
    with pytest.raises(ValueError, match=r"AWGN"):
        Path(RATE, channel=channel)


def test_negative_distance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"distance -1"):
        Path(RATE, distance_m=-1.0)


@pytest.mark.parametrize("name", ["EVA70-medium", "HST1", "static"])
def test_every_named_channel_is_a_path(name: str) -> None:
    rng = np.random.default_rng(1)
    samples = np.asarray(rng.standard_normal((2, 7680)) + 1j * rng.standard_normal((2, 7680)), np.complex64)
    path = Path(7.68e6, 2, 2, channel=name, path_loss_db=20.0, seed=3)
    arrived = path.apply(samples, 7680)
    assert arrived is not None
    wanted = open_channel(name, 7.68e6, 2, 2, np.random.SeedSequence(3).spawn(1)[0]).apply(samples) * np.float32(0.1)
    np.testing.assert_allclose(arrived, wanted, atol=1e-6)


def test_a_channel_that_there_is_not_is_refused_and_nothing_changes() -> None:
    path = Path(1.92e6, channel="EPA5")
    with pytest.raises(ValueError, match=r"EPX5.*EPA, EVA, ETU"):
        path.set_channel("EPX5")
    assert path.channel == "EPA5"
