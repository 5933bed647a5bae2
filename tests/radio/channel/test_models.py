"""Channels by name: what is taken and what is refused, and streams in blocks of any size."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.radio.channel.fading import FadingChannel
from picocell.radio.channel.models import Channel, Name, check, grid_channel, open_channel, parse

RATE = 1.92e6
NAMES = ["AWGN", "static", "EPA5", "EVA70-medium", "ETU300-high", "ETU0", "HST1", "HST3-500b"]


def noise(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def test_names_are_read() -> None:
    assert parse("EPA5") == Name("EPA", 5.0, "low")
    assert parse("eva70-MEDIUM") == Name("EVA", 70.0, "medium")
    assert parse("ETU0.5-high") == Name("ETU", 0.5, "high")
    assert parse("awgn") == Name("AWGN")
    assert parse("Static") == Name("static")
    assert parse("hst1-500a") == Name("HST1-500a")


@pytest.mark.parametrize(
    "name",
    ["", "EPA", "EPA-5", "EPA5-", "EPA5 medium", "EPA5-strong", "XYZ5", "HST2", "HST1-low", "EPA5-low-low", "EPAx"],
)
def test_what_is_refused_is_told_what_is_allowed(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"AWGN, static, one of EPA, EVA, ETU .* EPA5, and -low, -medium, -high .* HST1"
    ):
        check(name)
    with pytest.raises(ValueError, match="not allowed"):
        open_channel(name, RATE)


def test_antennas_and_rates_are_refused_where_nothing_is_defined() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        open_channel("EPA5", RATE, 0)
    with pytest.raises(ValueError, match="static channel from 4 to 4"):
        open_channel("static", RATE, 4, 4)
    with pytest.raises(ValueError, match="outside"):
        open_channel("HST1", 1e5)


def test_static_is_the_matrix_of_the_standard() -> None:
    x = noise(4, 50)
    out = open_channel("static", RATE, 4, 2).apply(x)
    np.testing.assert_allclose(out, np.array([[1, 1, 1j, 1j], [1, 1, -1j, -1j]]) @ x, atol=1e-5)


def test_awgn_is_a_phase() -> None:
    channel = open_channel("AWGN", RATE, 2, 2, seed=3)
    h = channel.frequency_response(0.0, np.zeros(1))[..., 0]
    assert h[0, 0] == 1
    np.testing.assert_allclose(np.abs(h), 1, rtol=1e-6)
    x = noise(2, 50)
    np.testing.assert_allclose(channel.apply(x), h @ x, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_seed_makes_the_realisation(name: str) -> None:
    x = noise(2, 400)
    same, again, other = (open_channel(name, RATE, 2, 2, seed=s).apply(x) for s in (1, 1, 2))
    np.testing.assert_array_equal(same, again)
    fixed = name == "static" or name.startswith("HST")
    assert np.array_equal(same, other) == fixed


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(NAMES), st.lists(st.integers(0, 700), min_size=1, max_size=8), st.integers(0, 5000))
def test_blocks_join(name: str, lengths: list[int], late: int) -> None:
    x = noise(2, sum(lengths))
    whole, parts = (open_channel(name, RATE, 2, 2, seed=4) for _ in range(2))
    whole.skip(late)
    parts.skip(late)
    pieces = [parts.apply(piece) for piece in np.split(x, np.cumsum(lengths)[:-1], axis=1)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole.apply(x), atol=3e-5)


@pytest.mark.parametrize("name", NAMES)
def test_latency_and_memory_are_what_they_say(name: str) -> None:
    """A pulse: nothing after the memory, and its bulk not before the latency."""
    channel = open_channel(name, RATE, 1, 2, seed=5)
    x = np.zeros((1, 400), np.complex64)
    x[0, 0] = 1
    power = np.sum(np.abs(channel.apply(x)) ** 2, axis=0)
    assert not power[channel.memory + 1 :].any()
    assert power[channel.latency :].sum() > 0.9 * power.sum() > 0


def test_skip_is_silence() -> None:
    x, zeros = noise(1, 300), np.zeros((1, 5000), np.complex64)
    first, second = (open_channel("ETU300", RATE, 1, 1, seed=6) for _ in range(2))
    for channel in (first, second):
        channel.apply(x)
        channel.apply(zeros[:, : channel.memory])
    first.apply(zeros)
    second.skip(zeros.shape[1])
    np.testing.assert_allclose(first.apply(x), second.apply(x), atol=1e-5)


def test_a_copy_goes_on_alike() -> None:
    channel, x = open_channel("EVA70", RATE, 2, 2, seed=9), noise(2, 500)
    channel.apply(x)
    other = pickle.loads(pickle.dumps(channel))
    np.testing.assert_array_equal(other.apply(x), channel.apply(x))


def test_fading_channel_is_the_same_by_name() -> None:
    x = noise(2, 500)
    by_name: Channel = open_channel("EVA70-medium", RATE, 2, 2, seed=7)
    np.testing.assert_array_equal(by_name.apply(x), FadingChannel("EVA", 70, RATE, 2, 2, 7, level="medium").apply(x))


def test_gains_repeat_on_the_grid() -> None:
    """The realisation on a grid is that on samples."""
    frequencies = np.linspace(-5e5, 5e5, 7)
    for name in NAMES:
        stream = open_channel(name, RATE, 2, 2, seed=8)
        h = grid_channel(name, [0.0, 1e-3], frequencies, 2, 2, seed=8).response(0.25)
        np.testing.assert_allclose(h[:, :, 1], stream.frequency_response(0.251, frequencies), atol=1e-5)


def test_wrong_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        grid_channel("EPA5", [np.nan], np.zeros(12))
    with pytest.raises(ValueError, match=r"\(1, 2, 12\) is needed"):
        grid_channel("EPA5", [0.0, 1e-4], np.zeros(12)).apply_grid(np.zeros((1, 14, 12), np.complex64))
