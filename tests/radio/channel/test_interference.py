"""Interferers: their power in the resource elements that they cover, and in the others."""

import numpy as np
import pytest

from picocell.radio.channel.interference import Interferer, NoiseBand, OtherCell, Tone, level
from picocell.radio.channel.models import open_channel

RATE, N_FFT = 1.92e6, 128


def spectrum(source: Interferer, n: int) -> np.ndarray:
    """Mean power of resource elements by subcarrier -64..63: (n_rx, 128)."""
    samples = np.concatenate([source.draw(k * N_FFT) for k in (1, 3, n - 4)], axis=1)
    bins = np.fft.fft(samples.reshape(len(samples), n, N_FFT), norm="ortho")
    return np.fft.fftshift(np.mean(np.abs(bins) ** 2, axis=1), axes=-1)


def test_level() -> None:
    assert level(10.0, 0.5) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="INR"):
        level(np.nan, 1.0)
    with pytest.raises(ValueError, match="INR"):
        level(0.0, -1.0)


def test_tone_is_in_one_subcarrier() -> None:
    tone = Tone(-20 * 15e3, 0.25, RATE, 2, seed=1)
    power = spectrum(tone, 20)
    np.testing.assert_allclose(power[:, 44], 0.25 * N_FFT, rtol=1e-4)
    assert np.delete(power, 44, axis=1).max() < 1e-6
    samples = tone.draw(10)
    assert not np.allclose(samples[0], samples[1])


def test_noise_band_has_its_density_within_and_nothing_outside() -> None:
    band = NoiseBand(-200e3, 350e3, 2.0, RATE, 2, seed=1)
    power = spectrum(band, 8000)
    subcarrier = 15e3 * np.arange(-64, 64)
    inside = (subcarrier > -170e3) & (subcarrier < 320e3)
    outside = (subcarrier < -260e3) | (subcarrier > 410e3)
    # 8000 exponential variables a subcarrier: five deviations
    np.testing.assert_allclose(power[:, inside], 2.0, rtol=0.06)
    # the windows of OFDM let a little through
    assert power[:, outside].max() < 0.02
    x = band.draw(100_000)
    assert np.mean(np.abs(x) ** 2) == pytest.approx(2.0 * 550e3 / RATE, rel=0.03)
    assert abs(np.mean(x[0] * x[1].conj())) < 0.02


def test_noise_band_of_everything_is_white() -> None:
    np.testing.assert_allclose(spectrum(NoiseBand(-RATE / 2, RATE / 2, 1.0, RATE), 8000), 1.0, rtol=0.06)


def test_other_cell_comes_through_its_channel_at_its_level() -> None:
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((2, 40_000)) + 1j * rng.standard_normal((2, 40_000))).astype(np.complex64)
    position = 0

    def samples(n: int) -> np.ndarray:
        nonlocal position
        position += n
        return x[:, position - n : position]

    cell = OtherCell(samples, level(-3.0, 2.0), open_channel("EVA5", RATE, 2, 2, seed=3).apply, 1000.0, RATE)
    out = np.concatenate([cell.draw(n) for n in (10, 3000, 990)], axis=1)
    turns = np.exp(2j * np.pi * 1000.0 / RATE * np.arange(4000))
    expected = open_channel("EVA5", RATE, 2, 2, seed=3).apply(x[:, :4000]) * turns * np.sqrt(2 * 10**-0.3)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="outside"):
        Tone(1e6, 1.0, RATE)
    with pytest.raises(ValueError, match="power"):
        Tone(0.0, -1.0, RATE)
    with pytest.raises(ValueError, match="comes first"):
        NoiseBand(1e5, -1e5, 1.0, RATE)
    with pytest.raises(ValueError, match="outside"):
        NoiseBand(0.0, 1e6, 1.0, RATE)
    with pytest.raises(ValueError, match="power"):
        OtherCell(lambda n: np.zeros((1, n), np.complex64), np.inf, lambda x: x)
