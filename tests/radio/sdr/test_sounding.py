"""The known burst: what it is, and how well it is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.radio.sdr.sounding import MARGIN, N_FFT, N_SUBCARRIERS, burst, locate, peak, symbol

N = 12_000
AT = 5000


def received(delay: float, *, turn: float = 0.7, snr_db: float | None = None, seed: int = 0) -> NDArray[np.complex64]:
    """The burst, ``delay`` samples behind sample 5000, shifted by its phases."""
    sent = np.zeros(N, np.complex128)
    sent[AT : AT + N_FFT + 2 * MARGIN] = burst(-10)
    shifted = np.fft.ifft(np.fft.fft(sent) * np.exp(-2j * np.pi * np.fft.fftfreq(N) * delay)) * np.exp(1j * turn)
    if snr_db is not None:
        random = np.random.default_rng(seed)
        power = np.mean(np.abs(burst(-10)) ** 2) * 10 ** (-snr_db / 10)
        shifted += np.sqrt(power / 2) * (random.standard_normal(N) + 1j * random.standard_normal(N))
    samples: NDArray[np.complex64] = shifted.astype(np.complex64)
    return samples


def test_the_symbol_is_flat_where_a_cell_is_and_nothing_elsewhere() -> None:
    spectrum = np.abs(np.fft.fft(symbol())) ** 2
    half = N_SUBCARRIERS // 2
    inside = np.r_[1 : half + 1, N_FFT - half : N_FFT]
    np.testing.assert_allclose(spectrum[inside], N_FFT**2 / N_SUBCARRIERS, rtol=1e-4)
    assert np.delete(spectrum, inside).max() < 1e-6 * spectrum.max()
    assert np.mean(np.abs(symbol()) ** 2) == pytest.approx(1, rel=1e-5)


def test_the_sequence_is_the_standards() -> None:
    # TS 36.211 5.5.1.1 with u = v = 0: q = floor(q' + 1/2), q' = N_ZC / 31; r(n) = x_q(n mod N_ZC)
    n_zc = next(n for n in range(N_SUBCARRIERS, 0, -1) if all(n % k for k in range(2, int(n**0.5) + 1)))
    q = int(np.floor(n_zc / 31 + 0.5))
    m = np.arange(N_SUBCARRIERS) % n_zc
    wanted = np.exp(-1j * np.pi * q * m * (m + 1) / n_zc)
    spectrum = np.fft.fft(symbol())
    got = np.concatenate([spectrum[-N_SUBCARRIERS // 2 :], spectrum[1 : N_SUBCARRIERS // 2 + 1]])
    np.testing.assert_allclose(got / np.abs(got), wanted, atol=1e-3)


def test_the_burst_goes_on_cyclically_and_has_its_level() -> None:
    whole = burst(-20)
    assert peak(whole) == pytest.approx(0.1, rel=1e-5)
    np.testing.assert_array_equal(whole[:MARGIN], whole[N_FFT : N_FFT + MARGIN])
    np.testing.assert_array_equal(whole[-MARGIN:], whole[MARGIN : 2 * MARGIN])


@settings(max_examples=60, deadline=None)
@given(st.floats(-4000, 4000), st.floats(0, 6.28))
def test_any_delay_is_found_to_a_thousandth(delay: float, turn: float) -> None:
    found = locate(received(delay, turn=turn), AT + MARGIN)
    assert found is not None
    assert found.delay == pytest.approx(delay, abs=1e-3)
    assert found.match == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(("snr_db", "error"), [(30, 0.002), (10, 0.02), (0, 0.06), (-8, 0.2)])
def test_noise(snr_db: float, error: float) -> None:
    found = [locate(received(37.42, snr_db=snr_db, seed=seed), AT + MARGIN) for seed in range(20)]
    delays = np.array([one.delay for one in found if one is not None])
    assert len(delays) == 20
    assert np.abs(delays - 37.42).max() < error
    signal = 10 ** (snr_db / 10)
    match = np.mean([one.match for one in found if one is not None])
    assert match == pytest.approx(signal / (1 + signal), rel=0.15)
    ratios = [(one.power - one.quiet) / one.quiet for one in found if one is not None]
    assert np.median(ratios) == pytest.approx(signal, rel=0.15)


def test_no_burst_is_found_in_noise_alone_or_in_nothing() -> None:
    random = np.random.default_rng(3)
    for _ in range(30):
        noise = random.standard_normal(N) + 1j * random.standard_normal(N)
        assert locate(noise.astype(np.complex64), 0) is None
    assert locate(np.zeros(N, np.complex64), 0) is None
    carrier = np.exp(2j * np.pi * 0.01 * np.arange(N)).astype(np.complex64)
    assert locate(carrier, 0) is None


def test_a_burst_that_is_cut_at_full_scale_is_found_still() -> None:
    loud = 20 * received(3.25)
    cut = (np.clip(loud.real, -1, 1) + 1j * np.clip(loud.imag, -1, 1)).astype(np.complex64)
    found = locate(cut, AT + MARGIN)
    assert found is not None
    assert found.delay == pytest.approx(3.25, abs=0.05)


def test_too_few_samples() -> None:
    with pytest.raises(ValueError, match="2047 samples are not enough: 2048 or more are"):
        locate(np.zeros(2047, np.complex64), 0)
