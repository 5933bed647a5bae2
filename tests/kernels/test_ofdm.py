"""OFDM, FFT and frequency shift against numpy.fft in double precision and the sum of TS 36.211 6.12 itself.

Tolerance: single precision leaves an error of about 1e-7 of the norm; 5e-7 is asked for.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.ofdm import Fft, Ofdm, mix

SIZES = (128, 256, 384, 512, 768, 1024, 1536, 2048)
MORE_SIZES = (64, 192, 576, 1152, 2304, 3072, 4096)
LARGEST_PRB = {128: 6, 256: 15, 384: 25, 512: 25, 768: 50, 1024: 75, 1536: 100, 2048: 100}
TOLERANCE = 5e-7


def noise(seed: int, *shape: int) -> NDArray[np.complex64]:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)


def assert_close(got: NDArray[np.complex64], exact: NDArray[np.complexfloating]) -> None:
    assert got.dtype == np.complex64
    assert got.shape == exact.shape
    assert np.linalg.norm(got - exact) <= TOLERANCE * np.linalg.norm(exact)


def prefixes(n: int, extended: bool) -> list[int]:
    """Cyclic prefixes of a subframe in samples, TS 36.211 Table 6.12-1 (all lengths there are for N = 2048)."""
    slot = 6 * [512] if extended else [160] + 6 * [144]
    return [length * n // 2048 for length in 2 * slot]


def frequencies(n_sc: int, half_shift: bool) -> NDArray[np.float64]:
    """Frequency of each subcarrier in units of the spacing: the sums of TS 36.211 6.12 and 5.6."""
    k = np.arange(-n_sc // 2, n_sc // 2).astype(np.float64)
    return np.asarray(k + 0.5 if half_shift else np.where(k >= 0, k + 1, k))


def oracle_modulate(grid: NDArray[np.complex64], n: int, extended: bool, half_shift: bool) -> NDArray[np.complex128]:
    """One antenna by the standard's sum, t running from the start of the prefix."""
    f = frequencies(grid.shape[1], half_shift)
    symbols = []
    for row, cp in zip(grid.astype(np.complex128), prefixes(n, extended), strict=True):
        spectrum = np.zeros(n, np.complex128)
        spectrum[np.floor(f).astype(int) % n] = row
        t = np.arange(n + cp) - cp
        symbols.append((np.fft.ifft(spectrum) * np.sqrt(n))[t % n] * np.exp(1j * np.pi * t / n * half_shift))
    return np.concatenate(symbols)


@pytest.mark.parametrize("n", SIZES + MORE_SIZES)
def test_fft_against_numpy(n: int) -> None:
    x = noise(n, 3, n)
    assert_close(Fft(n).forward(x), np.fft.fft(x.astype(np.complex128)))
    assert_close(Fft(n).inverse(x), np.fft.ifft(x.astype(np.complex128)))
    assert_close(Fft(n).forward(x[1]), np.fft.fft(x[1].astype(np.complex128)))


@pytest.mark.parametrize("n", SIZES)
def test_fft_of_impulses_and_tones(n: int) -> None:
    """Every bin is in its place."""
    places = np.random.default_rng(n).permutation(n)[:40]
    impulses = np.zeros((40, n), np.complex64)
    impulses[np.arange(40), places] = 1
    tones = np.exp(-2j * np.pi * np.outer(places, np.arange(n)) / n)
    np.testing.assert_allclose(Fft(n).forward(impulses), tones, atol=1e-6)
    np.testing.assert_allclose(Fft(n).inverse(tones.astype(np.complex64)), impulses, atol=1e-6)


def test_fft_of_nothing_and_of_strided_input() -> None:
    assert Fft(128).forward(np.empty((0, 128), np.complex64)).shape == (0, 128)
    x = noise(1, 128, 4)
    assert_close(Fft(128).forward(x.T), np.fft.fft(x.T.astype(np.complex128)))


def test_modulates_the_sum_of_the_standard() -> None:
    """Term by term, without an FFT."""
    grid = noise(5, 14, 72)
    for half_shift in (False, True):
        f = frequencies(72, half_shift)
        samples = Ofdm(6, 128, half_shift=half_shift).modulate(grid[None])[0]
        start = 0
        for row, cp in zip(grid, prefixes(128, False), strict=True):
            t = np.arange(128 + cp) - cp
            exact = np.exp(2j * np.pi * np.outer(t, f) / 128) @ row / np.sqrt(128)
            assert_close(samples[start : start + 128 + cp], exact)
            start += 128 + cp
        assert start == len(samples)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("half_shift", [False, True])
def test_modulate_and_demodulate(n: int, extended: bool, half_shift: bool) -> None:
    for n_prb in {1, 6, LARGEST_PRB[n]}:
        ofdm = Ofdm(n_prb, n, extended, half_shift)
        assert (ofdm.n_symb, ofdm.n_sc) == (12 if extended else 14, 12 * n_prb)
        assert ofdm.samples_per_subframe == 15 * n
        grid = noise(n, 2, ofdm.n_symb, ofdm.n_sc)
        samples = ofdm.modulate(grid)
        assert_close(samples, np.stack([oracle_modulate(a, n, extended, half_shift) for a in grid]))
        assert_close(ofdm.demodulate(samples), grid)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("half_shift", [False, True])
def test_demodulate_sees_only_its_subcarriers(n: int, half_shift: bool) -> None:
    """White noise: the grid is the numpy FFT's bins, of unit power, whatever is at 0 Hz and in the guard band."""
    ofdm = Ofdm(LARGEST_PRB[n], n, half_shift=half_shift)
    samples = noise(n + 1, 1, ofdm.samples_per_subframe)
    grid = ofdm.demodulate(samples)
    bins = np.floor(frequencies(ofdm.n_sc, half_shift)).astype(int) % n
    turn = np.exp(-1j * np.pi * np.arange(n) / n * half_shift)
    end = np.cumsum([cp + n for cp in prefixes(n, False)])
    exact = np.stack([np.fft.fft(samples[0, e - n : e] * turn)[bins] / np.sqrt(n) for e in end])
    assert_close(grid[0], exact)
    assert np.mean(np.abs(grid) ** 2) == pytest.approx(1, abs=5 / np.sqrt(grid.size))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SIZES), st.booleans(), st.booleans(), st.data())
def test_window_advance_changes_nothing(n: int, extended: bool, half_shift: bool, data: st.DataObject) -> None:
    ofdm = Ofdm(6, n, extended, half_shift)
    advance = data.draw(st.integers(0, min(prefixes(n, extended)) - 1))
    grid = noise(advance, 1, ofdm.n_symb, ofdm.n_sc)
    assert_close(ofdm.demodulate(ofdm.modulate(grid), window_advance=advance), grid)


@pytest.mark.parametrize("half_shift", [False, True])
def test_window_advance_takes_the_samples_it_says(half_shift: bool) -> None:
    """The window reads nothing after its end nor before its start, and is undone by a phase ramp over frequency."""
    n, advance = 256, 13
    ofdm = Ofdm(15, n, half_shift=half_shift)
    samples = noise(3, 1, ofdm.samples_per_subframe)
    f = frequencies(ofdm.n_sc, half_shift)
    end = np.cumsum([cp + n for cp in prefixes(n, False)]) - advance
    kernel = np.exp(-2j * np.pi * np.outer(f, np.arange(n) - advance) / n) / np.sqrt(n)
    exact = np.stack([kernel @ samples[0, e - n : e] for e in end])
    assert_close(ofdm.demodulate(samples, window_advance=advance)[0], exact)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SIZES),
    st.booleans(),
    st.floats(-0.6, 0.6),
    st.floats(-3, 3),
    st.integers(0, 8),
)
def test_cfo_is_removed(n: int, half_shift: bool, spacings: float, phase: float, advance: int) -> None:
    ofdm = Ofdm(6, n, half_shift=half_shift)
    grid = noise(n, 2, ofdm.n_symb, ofdm.n_sc)
    cfo = spacings / n
    turn = np.exp(2j * np.pi * (cfo * np.arange(ofdm.samples_per_subframe) + phase))
    shifted = (ofdm.modulate(grid) * turn).astype(np.complex64)
    assert_close(ofdm.demodulate(shifted, cfo=cfo, phase=phase, window_advance=advance), grid)


def test_cfo_is_a_shift_of_the_input() -> None:
    """On noise too: removal inside the transform is mix() before it, at every window."""
    ofdm = Ofdm(50, 768)
    samples = noise(8, 2, ofdm.samples_per_subframe)
    for advance in (0, 5, 16, 53):
        got = ofdm.demodulate(samples, cfo=3.3e-4, phase=0.7, window_advance=advance)
        assert_close(got, ofdm.demodulate(mix(samples, -3.3e-4, -0.7), window_advance=advance))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.floats(-0.5, 0.5), st.floats(-1e4, 1e4))
def test_mix(n: int, frequency: float, phase: float) -> None:
    x = noise(n, 2, n)
    exact = x * np.exp(2j * np.pi * np.fmod(frequency * np.arange(n) + phase, 1))
    assert_close(mix(x, frequency, phase), exact)
    assert_close(mix(x[0], frequency, phase), exact[0])


def test_mix_keeps_its_phase_over_a_long_recording() -> None:
    n = 2_000_000
    exact = np.exp(2j * np.pi * np.fmod(0.123456789 * np.arange(n), 1))
    assert_close(mix(np.ones(n, np.complex64), 0.123456789), exact)


def test_out_is_filled() -> None:
    ofdm = Ofdm(25, 384)
    grid = noise(9, 2, ofdm.n_symb, ofdm.n_sc)
    samples = np.empty((2, ofdm.samples_per_subframe), np.complex64)
    back = np.empty_like(grid)
    assert ofdm.modulate(grid, out=samples) is samples
    assert ofdm.demodulate(samples, out=back) is back
    assert_close(back, grid)
    assert ofdm.modulate(np.empty((0, 14, 300), np.complex64)).shape == (0, 15 * 384)


@pytest.mark.parametrize(("n_prb", "n", "half_shift"), [(6, 128, False), (50, 768, True), (100, 1536, False)])
def test_writes_only_its_output(n_prb: int, n: int, half_shift: bool) -> None:
    ofdm = Ofdm(n_prb, n, half_shift=half_shift)
    guard = np.complex64(123 - 4j)
    grid = noise(10, 1, ofdm.n_symb, ofdm.n_sc)
    samples = np.full((3, ofdm.samples_per_subframe), guard)
    back = np.full((3, ofdm.n_symb, ofdm.n_sc), guard)
    ofdm.modulate(grid, out=samples[1:2])
    ofdm.demodulate(samples[1:2], cfo=1e-5, window_advance=3, out=back[1:2])
    for array in (samples, back):
        assert np.all(array[[0, 2]] == guard)
        assert not np.any(array[1] == guard)


def test_threads_share_an_object() -> None:
    ofdm, fft = Ofdm(100, 1536), Fft(2048)
    grids = [noise(i, 1, 14, 1200) for i in range(8)]
    x = [noise(i, 4, 2048) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            for grid, back in zip(
                grids, pool.map(lambda g: ofdm.demodulate(ofdm.modulate(g), 0.0), grids), strict=True
            ):
                assert_close(back, grid)
            for a, b in zip(x, pool.map(lambda a: fft.inverse(fft.forward(a)), x), strict=True):
                assert_close(b, a)


def test_pickles() -> None:
    ofdm = pickle.loads(pickle.dumps(Ofdm(15, 256, True, True)))
    assert (ofdm.n_prb, ofdm.fft_size, ofdm.extended_cp, ofdm.half_shift) == (15, 256, True, True)
    assert pickle.loads(pickle.dumps(Fft(384))).n == 384


@pytest.mark.parametrize("n", [-128, 0, 1, 96, 127, 130, 320, 896, 8192])
def test_refuses_fft_sizes(n: int) -> None:
    with pytest.raises(ValueError, match="FFT size"):
        Fft(n)
    with pytest.raises(ValueError, match="FFT size"):
        Ofdm(6, n)


def test_refuses_bad_input() -> None:
    for n_prb in (0, -1, 111):
        with pytest.raises(ValueError, match="n_prb"):
            Ofdm(n_prb, 2048)
    with pytest.raises(ValueError, match="do not fit"):
        Ofdm(25, 256)
    ofdm = Ofdm(6, 128)
    samples = np.zeros((1, 1920), np.complex64)
    for shape in ((14, 72), (1, 14, 71), (1, 12, 72), (1, 1, 14, 72)):
        with pytest.raises(ValueError, match="grids of shape"):
            ofdm.modulate(np.zeros(shape, np.complex64))
    for wrong in ((1920,), (1, 1919), (1, 1, 1920)):
        with pytest.raises(ValueError, match="samples of shape"):
            ofdm.demodulate(np.zeros(wrong, np.complex64))
    for advance in (-1, 9):
        with pytest.raises(ValueError, match="window_advance"):
            ofdm.demodulate(samples, window_advance=advance)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="cfo"):
            ofdm.demodulate(samples, cfo=bad)
        with pytest.raises(ValueError, match="phase"):
            mix(samples, 0.0, bad)
    for out in (np.empty((1, 14, 72), np.complex128), np.empty((14, 72), np.complex64), [0]):
        with pytest.raises(ValueError, match="out must be"):
            ofdm.demodulate(samples, out=out)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="C-contiguous"):
        ofdm.demodulate(samples, out=np.empty((1, 14, 144), np.complex64)[:, :, ::2])
    with pytest.raises(ValueError, match="shape"):
        Fft(128).forward(np.zeros((2, 129), np.complex64))
    with pytest.raises(ValueError, match="axis"):
        mix(np.complex64(1), 0.1)


def test_survives_what_is_no_number() -> None:
    ofdm = Ofdm(6, 128)
    assert ofdm.demodulate(np.full((1, 1920), np.nan, np.complex64)).shape == (1, 14, 72)
