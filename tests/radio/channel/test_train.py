"""High-speed train: the equations of TS 36.101 B.3 written out, and what arrives through the channel."""

import numpy as np
import pytest

from picocell.radio.channel.models import open_channel
from picocell.radio.channel.train import SCENARIOS, SPEED_OF_LIGHT, Train, scenario


def standard_cosine(train: Train, t: float) -> float:
    """Equations B.3.2 to B.3.4, one case after the other."""
    ds, dmin, v = train.spacing_m, train.distance_m, train.speed_mps
    if t > 2 * ds / v:
        return standard_cosine(train, t % (2 * ds / v))
    along = ds / 2 - v * t if t <= ds / v else -1.5 * ds + v * t
    return float(along / np.sqrt(dmin**2 + along**2))


@pytest.mark.parametrize("name", SCENARIOS)
def test_doppler_is_the_standard_s(name: str) -> None:
    train = scenario(name)
    times = np.linspace(0, 5 * train.spacing_m / train.speed_mps, 1000)
    expected = [train.doppler_hz * standard_cosine(train, t) for t in times]
    np.testing.assert_allclose(train.doppler(times), expected, atol=1e-6)
    assert np.abs(expected).max() == pytest.approx(train.doppler_hz, rel=0.01)


def test_scenarios_are_the_table_s() -> None:
    assert SCENARIOS == ("HST", "HST1", "HST3", "HST1-500a", "HST3-500a", "HST1-500b", "HST3-500b")
    first, third = scenario("HST1"), scenario("HST3")
    assert (first.spacing_m, first.distance_m, first.doppler_hz) == (1000.0, 50.0, 1340.0)
    assert (third.spacing_m, third.distance_m, third.doppler_hz) == (300.0, 2.0, 1150.0)
    assert first.speed_mps == pytest.approx(350 / 3.6)
    with pytest.raises(ValueError, match="HST1, HST3"):
        scenario("HST2")


@pytest.mark.parametrize("name", SCENARIOS)
def test_phase_is_the_integral_of_the_doppler(name: str) -> None:
    train = scenario(name)
    period = 2 * train.spacing_m / train.speed_mps
    times = np.linspace(0, 1.3 * period, 400_000)
    shift = train.doppler(times)
    integral = np.concatenate([[0], np.cumsum((shift[1:] + shift[:-1]) / 2) * (times[1] - times[0])])
    np.testing.assert_allclose(train.cycles(times), integral, atol=0.02)
    assert train.cycles(np.array([0.0, period])) == pytest.approx([0, 0], abs=1e-6)


def test_doppler_on_a_carrier() -> None:
    train = scenario("HST1").at_carrier(2.14e9)
    assert train.doppler_hz == pytest.approx(350 / 3.6 * 2.14e9 / SPEED_OF_LIGHT)
    assert train.speed_mps == scenario("HST1").speed_mps
    with pytest.raises(ValueError, match="carrier"):
        scenario("HST1").at_carrier(0.0)


def test_samples_turn_with_the_doppler() -> None:
    """The trajectory of TS 36.101 B.3 as the phase of what arrives, around where the train passes the antenna."""
    rate, train = 1.92e6, scenario("HST")
    channel = open_channel("HST", rate, 1, 2)
    assert channel.latency == channel.memory == 0
    start, n = round((train.spacing_m / 2 / train.speed_mps - 0.05) * rate), 192_000
    channel.skip(start)
    out = np.concatenate([channel.apply(np.ones((1, 1920), np.complex64)) for _ in range(n // 1920)], axis=1)
    np.testing.assert_array_equal(out[0], out[1])
    np.testing.assert_allclose(np.abs(out), 1, atol=6e-4)
    turned = np.angle(out[0, 480:] * out[0, :-480].conj()) / (2 * np.pi) * rate / 480
    middle = (start + 240 + np.arange(n - 480)) / rate
    np.testing.assert_allclose(turned, [train.doppler_hz * standard_cosine(train, t) for t in middle], atol=2.0)
    assert turned[0] > 600
    assert turned[-1] < -600


def test_two_antennas_have_the_phases_of_the_standard() -> None:
    channel = open_channel("HST3", 1.92e6, 2, 2)
    h = channel.frequency_response(0.0, np.array([0.0, 1e5]))
    np.testing.assert_allclose(h, np.repeat(np.array([[1, 1j], [1, -1j]])[..., None], 2, axis=2), atol=1e-6)
    with pytest.raises(ValueError, match="from 2 to 4 antennas"):
        open_channel("HST3", 1.92e6, 2, 4)
