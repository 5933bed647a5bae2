"""A channel on resource elements against OFDM through the same channel on samples."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import j0

from picocell.radio.channel.fading import RayleighGains
from picocell.radio.channel.grid import TappedGrid
from picocell.radio.channel.models import grid_channel, open_channel
from picocell.radio.channel.profiles import Profile
from picocell.radio.channel.stream import TappedStream

RATE, N_FFT, N_SC = 7.68e6, 512, 300
PREFIXES = [40, *[36] * 6] * 2  # samples of the normal cyclic prefix, TS 36.211 Table 6.12-1
STARTS = np.cumsum([0, *[p + N_FFT for p in PREFIXES]])[:-1] + PREFIXES
TIMES = (STARTS + N_FFT / 2) / RATE
CARRIERS = np.concatenate([np.arange(-N_SC // 2, 0), np.arange(1, N_SC // 2 + 1)])
FREQUENCIES = CARRIERS * np.float64(15e3)


def modulate(grid: np.ndarray) -> np.ndarray:
    """OFDM of a subframe: complex64 (n_tx, 7680)."""
    bins = np.zeros((*grid.shape[:2], N_FFT), complex)
    bins[..., CARRIERS] = grid
    symbols = np.fft.ifft(bins, norm="ortho")
    parts = [np.concatenate([s[:, -p:], s], axis=1) for p, s in zip(PREFIXES, symbols.swapaxes(0, 1), strict=True)]
    return np.concatenate(parts, axis=1).astype(np.complex64)


def demodulate(samples: np.ndarray, early: int) -> np.ndarray:
    """Resource elements, windows ``early`` samples before the end of the prefix: complex (n_rx, 14, n_sc)."""
    windows = np.stack([samples[:, s - early : s - early + N_FFT] for s in STARTS], axis=1)
    turn = np.exp(2j * np.pi * CARRIERS * early / N_FFT)
    return np.fft.fft(windows, norm="ortho")[..., CARRIERS] * turn


def received_both_ways(name: str, n_tx: int, n_rx: int) -> tuple[np.ndarray, np.ndarray]:
    """Subframe 3 of a stream through the sample channel, and on the grid."""
    rng = np.random.default_rng(5)
    grids = np.exp(0.5j * np.pi * rng.integers(0, 4, (5, n_tx, 14, N_SC))).astype(np.complex64)
    stream = open_channel(name, RATE, n_tx, n_rx, seed=6)
    x = np.concatenate([modulate(grid) for grid in grids], axis=1)
    out = stream.apply(x)[:, stream.latency :]
    # the window begins where the filters' tails around a path neither reach the last symbol nor the next
    on_samples = demodulate(out[:, 3 * 7680 : 4 * 7680 + 600], 12 if stream.latency else 0)
    on_grid, _ = grid_channel(name, TIMES, FREQUENCIES, n_tx, n_rx, seed=6).apply_grid(
        grids[3], 3e-3 + stream.latency / RATE
    )
    return on_samples, on_grid


@pytest.mark.parametrize(
    ("name", "limit_db"),
    [("EPA5", -40), ("EVA5", -35), ("EVA70-medium", -35), ("AWGN", -60), ("static", -60), ("ETU5", -18)],
)
@pytest.mark.parametrize("antennas", [(1, 2), (2, 2)])
def test_grid_is_the_stream(name: str, limit_db: float, antennas: tuple[int, int]) -> None:
    on_samples, on_grid = received_both_ways(name, *antennas)
    # ETU's last path outlasts what the window leaves of the prefix: it is interference between symbols
    error = np.mean(np.abs(on_samples - on_grid) ** 2) / np.mean(np.abs(on_grid) ** 2)
    assert 10 * np.log10(error) < limit_db


def test_train_is_the_stream_but_for_interference_between_subcarriers() -> None:
    """A shift of f within a symbol leaves 1 - sinc(f / 15 kHz)² of the power to other subcarriers."""
    on_samples, on_grid = received_both_ways("HST1", 1, 2)
    error = np.mean(np.abs(on_samples - on_grid) ** 2)
    shift = 1340.0 / 15e3
    # what is lost of the wanted amplitude adds to what comes from the other subcarriers
    expected = (1 - np.sinc(shift)) ** 2 + 1 - np.sinc(shift) ** 2
    assert error == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("doppler", [150.0, 1000.0])
def test_error_is_what_moves_within_a_symbol(doppler: float) -> None:
    """Against gains of the symbol's middle: 2 - 2 times the mean of J0(2 pi f_D t) over the symbol, for flat fading."""
    flat, errors = Profile("flat", (0.0,), (1.0,)), []
    grid = np.exp(0.5j * np.pi * np.random.default_rng(7).integers(0, 4, (1, 14, N_SC))).astype(np.complex64)
    for seed in range(40):
        taps = RayleighGains(flat, doppler, 1, 4, seed)
        on_samples = demodulate(TappedStream(taps, RATE).apply(modulate(grid)), 0)
        errors.append(np.mean(np.abs(on_samples - TappedGrid(taps, TIMES, FREQUENCIES).apply_grid(grid)[0]) ** 2))
    expected = 2 - 4 * quad(lambda u: j0(2 * np.pi * doppler / 15e3 * u), 0, 0.5)[0]
    assert np.mean(errors) == pytest.approx(expected, rel=0.15)


def test_received_is_the_response_times_the_grid() -> None:
    rng = np.random.default_rng(1)
    grid = (rng.standard_normal((4, 14, 72)) + 1j * rng.standard_normal((4, 14, 72))).astype(np.complex64)
    channel = grid_channel("ETU70-medium", np.arange(14) / 14e3, np.arange(-36, 36) * np.float64(15e3), 4, 2, seed=2)
    received, response = channel.apply_grid(grid, 0.5)
    np.testing.assert_array_equal(response, channel.response(0.5))
    np.testing.assert_allclose(received, np.einsum("rtlk,tlk->rlk", response, grid), atol=1e-4)
    assert not np.allclose(channel.response(0.6), response)
