"""Fading against the formulae of Rayleigh fading with Jakes' spectrum, on samples where samples show it."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import j0

from picocell.radio.channel.fading import RayleighGains
from picocell.radio.channel.models import open_channel
from picocell.radio.channel.profiles import Profile, profile

FLAT = Profile("flat", (0.0,), (1.0,))
RATE = 1.92e6


def tracks(doppler_hz: float, times: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Gains of n independent taps of mean power 1: complex (n, len(times))."""
    return np.concatenate(
        [RayleighGains(FLAT, doppler_hz, 4, 4, [seed, k]).gains(times).reshape(16, -1) for k in range(n // 16)]
    )


def test_envelope_is_rayleigh_and_phase_uniform() -> None:
    """Kolmogorov and Smirnov, over 16000 realisations of a tap."""
    gains = tracks(70.0, np.array([0.37]), 16_000, 1)[:, 0]
    assert stats.kstest(np.abs(gains), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert stats.kstest(np.angle(gains) / (2 * np.pi) % 1, "uniform").pvalue > 0.01
    assert stats.kstest(np.abs(gains), stats.rayleigh(scale=np.sqrt(0.53)).cdf).pvalue < 1e-4  # it would show


def test_doppler_spectrum_is_jakes() -> None:
    """Share of the power below each frequency: 1/2 + asin(f / f_D) / pi; none beyond f_D."""
    doppler, rate, n = 100.0, 500.0, 4096
    gains = tracks(doppler, np.arange(n) / rate, 320, 2)
    spectrum = np.mean(np.abs(np.fft.fft(gains * np.hanning(n))) ** 2, axis=0)
    frequencies = np.fft.fftfreq(n, 1 / rate)
    order = np.argsort(frequencies)
    share = np.cumsum(spectrum[order]) / spectrum.sum()
    expected = 0.5 + np.arcsin(np.clip(frequencies[order] / doppler, -1, 1)) / np.pi
    np.testing.assert_allclose(share, expected, atol=0.015)
    assert spectrum[np.abs(frequencies) > doppler + 1].sum() < 1e-6 * spectrum.sum()


def test_autocorrelation_is_j0_on_samples() -> None:
    """A constant through one path of a channel, over 300 realisations."""
    lags = np.arange(0, 9600, 400)
    total = np.zeros(len(lags), complex)
    for seed in range(75):
        channel = open_channel("EPA300", RATE, 1, 4, seed=seed)
        out = channel.apply(np.ones((1, 9800), np.complex64))[:, 100:]
        total += np.mean(out[:, :1].conj() * out[:, lags], axis=0) / 75
    np.testing.assert_allclose(total, j0(2 * np.pi * 300 * lags / RATE), atol=0.15)


@pytest.mark.parametrize("rho_db", [-20.0, -10.0, -3.0, 0.0, 3.0])
def test_level_crossing_rate_and_fade_duration(rho_db: float) -> None:
    """N = sqrt(2 pi) f_D rho exp(-rho²), T = (exp(rho²) - 1) / (rho f_D sqrt(2 pi)); rho: level over r.m.s."""
    doppler, seconds, step = 100.0, 4.0, 1 / 20_000
    level = 10 ** (rho_db / 20)
    below = np.abs(tracks(doppler, np.arange(0, seconds, step), 48, 3)) < level
    fades = np.count_nonzero(below[:, :-1] & ~below[:, 1:])
    expected = np.sqrt(2 * np.pi) * doppler * level * np.exp(-(level**2))
    assert fades / (len(below) * seconds) == pytest.approx(expected, rel=0.06)
    duration = np.count_nonzero(below) * step / fades
    assert duration == pytest.approx((np.exp(level**2) - 1) / (level * doppler * np.sqrt(2 * np.pi)), rel=0.08)


@pytest.mark.parametrize("name", ["EPA", "EVA", "ETU"])
def test_power_delay_profile_on_samples(name: str) -> None:
    """Power of the response to a pulse in front of and after the middle between taps that are far apart."""
    rate, n = 30.72e6, 250
    p = profile(name)
    delays = np.array(p.delays_s) * rate
    total = np.zeros(400)
    for seed in range(n // 10):
        channel = open_channel(f"{name}0", rate, 1, 10, seed=seed)
        x = np.zeros((1, 400), np.complex64)
        x[0, 0] = 1
        total += np.mean(np.abs(channel.apply(x)) ** 2, axis=0) / (n // 10)
    for low, high in ((-0.5, 40), (40, 110), (110, 300)):
        taps = (delays > low) & (delays < high)
        at = np.arange(400) - channel.latency
        found = np.sum(total[(at > low - 11) & (at <= high)])
        # a pulse has energy where filters have a transition: 0.36..0.5 of the rate, a few per cent of fractional taps
        assert found == pytest.approx(np.sum(np.array(p.powers)[taps]), abs=0.07 * taps.any() + 1e-12)


def test_sample_power_is_one_in_the_band() -> None:
    """Mean power of a tone over realisations, exponential variables: five deviations of the mean."""
    n, x = 600, np.exp(2j * np.pi * 0.2 * np.arange(200)).astype(np.complex64)[None]
    for name in ("EPA5", "EVA70-medium", "ETU300-high"):
        powers = [np.mean(np.abs(open_channel(name, RATE, 1, 4, s).apply(x)[:, 50:]) ** 2, axis=1) for s in range(n)]
        np.testing.assert_allclose(np.mean(powers, axis=0), 1, atol=5 / np.sqrt(n))
