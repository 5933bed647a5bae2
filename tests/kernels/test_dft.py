"""DFT kernel against NumPy's FFT in double precision."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels.dft import MAX_SIZE, Dft

SIZES = [12 * n for n in range(1, 111) if 30**8 % n == 0]


def noise(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def test_sizes_are_those_of_transform_precoding() -> None:
    assert SIZES[-1] == 1296
    assert len(SIZES) == 35
    assert MAX_SIZE >= 1296


@pytest.mark.parametrize("n", SIZES)
def test_equals_numpy(n: int) -> None:
    for m in (1, 5, 12, 33):
        x = noise(n + m, m, n)
        dft = Dft(n)
        wide = x.astype(np.complex128)
        assert np.abs(dft.forward(x) - np.fft.fft(wide, norm="ortho")).max() < 2e-6
        assert np.abs(dft.inverse(x) - np.fft.ifft(wide, norm="ortho")).max() < 2e-6


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SIZES), st.integers(1, 20), st.integers(0, 1000), st.data())
def test_round_trip_power_and_shift(n: int, m: int, seed: int, data: st.DataObject) -> None:
    x = noise(seed, m, n)
    dft = Dft(n)
    y = dft.forward(x)
    assert np.allclose(dft.inverse(y), x, atol=3e-6)
    assert np.allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-5)
    shift = data.draw(st.integers(0, n - 1))
    turned = y * np.exp(-2j * np.pi * shift * np.arange(n) / n)
    assert np.allclose(dft.forward(np.roll(x, shift, axis=1)), turned, atol=1e-5)


def test_one_line_in_place_and_out() -> None:
    x = noise(1, 7, 180)
    dft = Dft(180)
    wanted = dft.forward(x)
    assert np.array_equal(dft.forward(x[3]), wanted[3])
    out = np.empty_like(x)
    assert dft.forward(x, out) is out
    assert np.array_equal(out, wanted)
    assert dft.forward(x, x) is x
    assert np.array_equal(x, wanted)
    assert dft.forward(np.empty((0, 180), np.complex64)).shape == (0, 180)


def test_accepts_other_types_and_strides() -> None:
    x = noise(2, 6, 48).astype(np.complex128)
    dft = Dft(24)
    assert np.allclose(dft.forward(x[::2, ::2]), np.fft.fft(x[::2, ::2], norm="ortho"), atol=1e-6)


def test_pickles() -> None:
    x = noise(3, 2, 36)
    assert np.array_equal(pickle.loads(pickle.dumps(Dft(36))).forward(x), Dft(36).forward(x))


@pytest.mark.parametrize("n", [0, -12, 6, 84, 13, 1308, 1440, 132])
def test_other_sizes_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"2\^a"):
        Dft(n)


def test_bad_arrays_are_refused() -> None:
    dft = Dft(12)
    for bad in (np.zeros(11), np.zeros((2, 3, 12)), np.zeros((12, 2)), np.float32(1)):
        with pytest.raises(ValueError, match="shape"):
            dft.forward(bad)
    x = np.zeros((2, 12), np.complex64)
    frozen = x.copy()
    frozen.setflags(write=False)
    for out in (
        np.zeros((2, 12)),
        np.zeros((3, 12), np.complex64),
        np.zeros((2, 24), np.complex64)[:, ::2],
        frozen,
        [1],
    ):
        with pytest.raises(ValueError, match="out must be"):
            dft.inverse(x, out)
