"""Noise, fading and impairments against their formulas."""

import csv
from importlib.resources import files

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import j0

from picocell.radio.channel.awgn import awgn, noise
from picocell.radio.channel.fading import PROFILES, FadingChannel, Profile, parse, profile
from picocell.radio.channel.impairments import SampleRateOffset, delay, frequency_offset, gain, sample_rate_offset

RATE = 1.92e6


def tone(frequency: float, positions: NDArray[np.floating]) -> NDArray[np.complex128]:
    return np.exp(2j * np.pi * frequency * positions)


def occupied_band(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Frequencies (cycles per sample) and amplitudes of a signal in the band of 6 PRB at 1.92 Msps; its power is 1."""
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(-0.28125, 0.28125, n)
    return frequencies, np.exp(2j * np.pi * rng.random(n)) / np.sqrt(n)


def synthesis(frequencies: NDArray, amplitudes: NDArray, positions: NDArray) -> NDArray[np.complex128]:
    return np.array([np.sum(amplitudes * tone(p, frequencies)) for p in positions])


def error_db(a: NDArray, b: NDArray) -> float:
    return float(10 * np.log10(np.mean(np.abs(a - b) ** 2) / np.mean(np.abs(b) ** 2)))


# noise


@pytest.mark.parametrize("power", [0.0, 1e-3, 7.0])
def test_noise_power_and_circularity(power: float) -> None:
    n = 400_000
    x = noise((2, n // 2), power, np.random.default_rng(1))
    assert x.dtype == np.complex64
    # the estimate's relative deviation is 1 / sqrt(n): five of them
    assert np.mean(np.abs(x) ** 2) == pytest.approx(power, rel=5 / np.sqrt(n))
    assert abs(np.mean(x**2)) <= power * 5 / np.sqrt(n)
    assert abs(np.mean(x[:, 1:] * x[:, :-1].conj())) <= power * 5 / np.sqrt(n)


def test_awgn_adds_and_repeats_with_its_seed() -> None:
    x = np.full((2, 100), 3 + 4j, np.complex64)
    first, second = (awgn(x, 0.5, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first - x, noise((2, 100), 0.5, np.random.default_rng(2)), atol=1e-6)


@pytest.mark.parametrize("power", [-1.0, np.nan, np.inf])
def test_noise_power_not_allowed(power: float) -> None:
    with pytest.raises(ValueError, match="noise power"):
        noise((1,), power, np.random.default_rng(0))


# fading


@pytest.mark.parametrize(
    ("name", "taps", "last_ns", "rms_ns"), [("EPA", 7, 410, 45), ("EVA", 9, 2510, 357), ("ETU", 9, 5000, 991)]
)
def test_profile_has_the_standard_s_spread(name: str, taps: int, last_ns: float, rms_ns: float) -> None:
    """TS 36.101 Table B.2.1-1 states the taps, the longest delay and the r.m.s. delay spread."""
    p = profile(name)
    delays, powers = np.array(p.delays_s) * 1e9, np.array(p.powers)
    assert (len(delays), round(delays[-1])) == (taps, last_ns)
    assert powers.sum() == pytest.approx(1)
    rms = np.sqrt(np.sum(powers * delays**2) - np.sum(powers * delays) ** 2)
    assert rms == pytest.approx(rms_ns, abs=4)


def test_profiles_are_the_table_s() -> None:
    text = files("picocell.radio.channel").joinpath("data", "36101_B.2.2_doppler.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()[1:]))
    assert tuple(row["model"] for row in rows) == PROFILES


def test_channel_names() -> None:
    assert parse("EPA5") == (profile("EPA"), 5.0)
    assert parse("etu300") == (profile("ETU"), 300.0)
    for wrong in ("EPA", "70", "XYZ5", "EPA-5"):
        with pytest.raises(ValueError):
            parse(wrong)


@pytest.mark.parametrize("name", PROFILES)
def test_power_delay_profile(name: str) -> None:
    """Mean tap powers over realisations: exponential variables, so 5 / sqrt(n) of relative tolerance."""
    n = 1600
    power = np.zeros(len(profile(name).powers))
    for seed in range(n // 16):
        channel = FadingChannel(name, 70.0, RATE, n_tx=4, n_rx=4, seed=seed)
        power += np.sum(np.abs(channel.gains(np.zeros(1))) ** 2, axis=(0, 1, 3))
    np.testing.assert_allclose(power / n, profile(name).powers, rtol=5 / np.sqrt(n))


def test_taps_are_rayleigh_and_independent() -> None:
    gains = np.concatenate(
        [FadingChannel("ETU", 70.0, RATE, 4, 4, seed).gains(np.zeros(1)).reshape(16, 9) for seed in range(150)]
    ) / np.sqrt(profile("ETU").powers)
    n = len(gains)
    # |g|^2 is exponential: its quantiles; a sum of 32 sinusoids has a kurtosis 1/32 short
    for p in (0.1, 0.5, 0.9):
        share = np.mean(np.abs(gains) ** 2 < -np.log(1 - p))
        assert share == pytest.approx(p, abs=0.015)
    correlation = np.abs(gains.conj().T @ gains) / n - np.eye(9)
    assert np.abs(correlation).max() < 5 / np.sqrt(n)


@pytest.mark.parametrize("doppler", [5.0, 70.0, 300.0])
def test_doppler_autocorrelation_is_jakes(doppler: float) -> None:
    """Autocorrelation of the taps against J0(2 pi f_D t), over 36 x 20 processes and starting times."""
    lags = np.linspace(0, 2.0, 21) / doppler
    starts = np.arange(20) * 3.7 / doppler
    total = np.zeros(len(lags), complex)
    channel = FadingChannel("EVA", doppler, RATE, 4, 4, seed=3)
    scale = np.sqrt(np.array(channel.profile.powers))[:, None]
    for start in starts:
        g = channel.gains(start + lags) / scale
        total += np.mean(g[..., :1].conj() * g, axis=(0, 1, 2))
    np.testing.assert_allclose(total / len(starts), j0(2 * np.pi * doppler * lags), atol=0.06)


@pytest.mark.parametrize("name", PROFILES)
def test_static_channel_has_its_own_frequency_response(name: str) -> None:
    n = np.arange(1500)
    for frequency in (-0.28, -0.1, 0.0, 0.2, 0.28):
        channel = FadingChannel(name, 0.0, RATE, 2, 2, seed=4)
        x = np.stack([tone(frequency, n), 2j * tone(frequency, n)]).astype(np.complex64)
        h = channel.frequency_response(0.0, np.array([frequency * RATE]))[..., 0]
        expected = (h @ x)[:, 200 - channel.latency : -channel.latency]
        np.testing.assert_allclose(channel.apply(x)[:, 200:], expected, atol=2e-3)


def test_fading_blocks_join() -> None:
    rng = np.random.default_rng(5)
    x = noise((2, 12_000), 1.0, rng)
    whole = FadingChannel("ETU", 300.0, RATE, 2, 2, seed=6).apply(x)
    channel = FadingChannel("ETU", 300.0, RATE, 2, 2, seed=6)
    pieces = [channel.apply(piece) for piece in np.split(x, [1, 2, 700, 701, 1920, 7777], axis=1)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)


def test_gains_between_grid_points_are_the_process_itself() -> None:
    """Apply interpolates the gains on a grid; a constant input of one path shows them."""
    one_path = Profile("flat", (0.0,), (1.0,))
    channel = FadingChannel(one_path, 300.0, RATE, seed=7)
    out = channel.apply(np.ones((1, 20_000), np.complex64))[0, 100:]
    exact = channel.gains(np.arange(100, 20_000) / RATE)[0, 0, 0]
    assert error_db(out, exact) < -60


def test_fading_keeps_power() -> None:
    """Mean over realisations of the output power of white noise in the occupied band is the input's."""
    frequencies, amplitudes = occupied_band(32)
    x = synthesis(frequencies, amplitudes, np.arange(600)).astype(np.complex64)[None]
    powers = [np.mean(np.abs(FadingChannel("ETU", 70.0, RATE, 1, 8, s).apply(x)[:, 100:]) ** 2) for s in range(60)]
    assert np.mean(powers) / np.mean(np.abs(x) ** 2) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "arguments",
    [("XXX", 5.0, RATE), ("EPA", -1.0, RATE), ("EPA", 1e5, RATE), ("EPA", 5.0, RATE, 0), ("EPA", 5.0, RATE, 1, 0)],
)
def test_fading_bad_arguments(arguments: tuple) -> None:
    with pytest.raises(ValueError):
        FadingChannel(*arguments)


def test_fading_bad_samples() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        FadingChannel("EPA", 5.0, RATE, 2).apply(np.zeros((1, 10), np.complex64))


# impairments


def test_gain() -> None:
    np.testing.assert_allclose(gain(np.ones(3, np.complex64), 20.0), 10.0)


@pytest.mark.parametrize("start", [0, 5, 10**12 + 7])
def test_frequency_offset_is_a_tone_of_the_stream(start: int) -> None:
    out = frequency_offset(np.ones((2, 50), np.complex64), 1000.0, 16_000.0, start, 0.25)
    n = np.array([(start + i) % 16 for i in range(50)])
    np.testing.assert_allclose(out, np.stack(2 * [1j * tone(1 / 16, n)]), atol=1e-5)


@pytest.mark.parametrize("by", [0.0, 1.0, 0.5, 7.37, 100.999])
def test_delay(by: float) -> None:
    frequencies, amplitudes = occupied_band(24)
    n = np.arange(1500)
    x = synthesis(frequencies, amplitudes, n).astype(np.complex64)
    late = delay(np.stack([x, 1j * x]), by)
    expected = synthesis(frequencies, amplitudes, n - by)
    assert late.shape == (2, 1500)
    assert error_db(late[0, 150:-50], expected[150:-50]) < -60
    assert error_db(late[1, 150:-50], 1j * expected[150:-50]) < -60
    assert not late[:, : max(int(by) - 12, 0)].any()


@pytest.mark.parametrize("ppm", [-20_000.0, -20.0, -0.1, 0.0, 5.0, 100.0, 30_000.0])
def test_sample_rate_offset_is_exact_in_the_occupied_band(ppm: float) -> None:
    frequencies, amplitudes = occupied_band(24)
    x = synthesis(frequencies, amplitudes, np.arange(3000)).astype(np.complex64)
    out = sample_rate_offset(x, ppm)
    assert len(out) == pytest.approx(3000 * (1 + ppm * 1e-6), abs=1)
    m = np.arange(len(out))
    assert error_db(out[50:-50], synthesis(frequencies, amplitudes, m / (1 + ppm * 1e-6))[50:-50]) < -60


def test_sample_rate_offset_stays_exact_late_in_a_stream() -> None:
    stream = SampleRateOffset(5.0)
    done = 0
    for block in range(60):
        n = np.arange(block * 10_000, (block + 1) * 10_000)
        out = stream.apply(tone(0.2, n).astype(np.complex64))
        if block == 59:
            expected = tone(0.2, np.arange(done, done + len(out)) / (1 + 5e-6))
            assert error_db(out, expected) < -60
        done += len(out)
    assert done == pytest.approx(600_000 * (1 + 5e-6) - 12, abs=2)


@pytest.mark.parametrize("ppm", [-50.0, 0.0, 50.0])
def test_sample_rate_blocks_join(ppm: float) -> None:
    x = noise((2, 30_000), 1.0, np.random.default_rng(8))
    stream = SampleRateOffset(ppm, 2)
    pieces = [stream.apply(piece) for piece in np.split(x, [1, 2, 40, 41, 9000, 9001, 25_000], axis=1)]
    whole = sample_rate_offset(x, ppm)
    np.testing.assert_allclose(np.concatenate([*pieces, stream.flush()], axis=1), whole, atol=1e-6)


def test_impairments_bad_arguments() -> None:
    with pytest.raises(ValueError, match="delay"):
        delay(np.zeros(5, np.complex64), -1.0)
    with pytest.raises(ValueError, match="ppm"):
        SampleRateOffset(2e5)
    with pytest.raises(ValueError, match="channels"):
        SampleRateOffset(1.0, 0)
    with pytest.raises(ValueError, match="do not fit"):
        SampleRateOffset(1.0, 2).apply(np.zeros(5, np.complex64))
