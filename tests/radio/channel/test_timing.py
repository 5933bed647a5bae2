"""A delay that drifts: tones, whose delayed values are known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.radio.channel.impairments import SampleRateOffset
from picocell.radio.channel.timing import DriftingDelay


def tones(positions: np.ndarray) -> np.ndarray:
    frequencies = np.array([-0.39, -0.1, 0.02, 0.28])
    return np.asarray(np.exp(2j * np.pi * np.outer(positions, frequencies)).sum(axis=1) / 2)


@pytest.mark.parametrize(("delay", "ppm"), [(0.0, 0.0), (3.25, 0.0), (100.7, 40.0), (500.0, -40.0), (0.0, 1e4)])
def test_values_are_those_of_the_delayed_signal(delay: float, ppm: float) -> None:
    n = np.arange(20_000)
    stream = DriftingDelay(delay, ppm)
    x = tones(n).astype(np.complex64)
    out = np.concatenate([stream.apply(x[None, a : a + 1000])[0] for a in range(0, len(n), 1000)])
    at = n - stream.latency - delay - ppm * 1e-6 * n
    settled = at > 30
    np.testing.assert_allclose(out[settled], tones(at[settled]), atol=2e-3)
    assert not out[at < -20].any()
    assert stream.delay_samples == pytest.approx(delay + ppm * 1e-6 * len(n))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=8), st.floats(0, 300), st.floats(0, 5e4))
def test_blocks_join(lengths: list[int], delay: float, ppm: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, sum(lengths), 2)).astype(np.float32).view(np.complex64)[..., 0]
    stream = DriftingDelay(delay, ppm, 2)
    parts = [stream.apply(part) for part in np.split(x, np.cumsum(lengths)[:-1], axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), DriftingDelay(delay, ppm, 2).apply(x), atol=1e-4)


def test_delay_that_shrinks_stops_at_none() -> None:
    stream, x = DriftingDelay(1.0, -1000.0), np.ones((1, 5000), np.complex64)
    stream.apply(x)
    assert stream.delay_samples == 0
    np.testing.assert_allclose(stream.apply(x), 1, atol=1e-3)


def test_skip_is_silence() -> None:
    first, second = DriftingDelay(10.0, 100.0), DriftingDelay(10.0, 100.0)
    x, zeros = np.exp(0.3j * np.arange(200)).astype(np.complex64)[None], np.zeros((1, 9000), np.complex64)
    first.apply(zeros)
    second.skip(zeros.shape[1])
    np.testing.assert_allclose(first.apply(x), second.apply(x), atol=1e-6)


def test_bad_arguments() -> None:
    for wrong, message in (((-1.0,), "delay"), ((0.0, 2e5), "ppm"), ((0.0, 0.0, 0), "channels")):
        with pytest.raises(ValueError, match=message):
            DriftingDelay(*wrong)
    with pytest.raises(ValueError, match="do not fit"):
        DriftingDelay(0.0, 0.0, 2).apply(np.zeros((1, 10), np.complex64))


@pytest.mark.parametrize("ppm", [-20.0, 7.0])
def test_sample_rate_offset_holds_over_a_long_stream(ppm: float) -> None:
    """Two million samples in odd blocks: the phase of a tone, and the number of samples, do not slip."""
    stream, done, n = SampleRateOffset(ppm), 0, 0
    for block in range(200):
        length = 9_973 + block % 7
        out = stream.apply(np.exp(2j * np.pi * ((0.31 * np.arange(n, n + length)) % 1)).astype(np.complex64))
        at = np.arange(done, done + len(out)) / (1 + ppm * 1e-6)
        settled = at > 20
        np.testing.assert_allclose(out[settled], np.exp(2j * np.pi * ((0.31 * at[settled]) % 1)), atol=1e-3)
        done, n = done + len(out), n + length
    assert done == pytest.approx((n - 12) * (1 + ppm * 1e-6), abs=2)
