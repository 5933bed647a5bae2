"""Conversions between signal-to-noise ratios."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.sims import snr
from picocell.sims.snr import Conversion


def test_eb_n0_of_half_rate_qpsk_is_the_snr() -> None:
    # one information bit a symbol: Eb is Es
    half = Conversion(info_bits=1000, n_re=1000, q_m=2)
    assert half.eb_n0_db(3.0) == pytest.approx(3.0)
    assert half.es_n0_db(3.0) == 3.0
    assert half.ec_n0_db(3.0) == pytest.approx(3.0 - 10 * math.log10(2))
    assert half.code_rate == pytest.approx(0.5)


def test_eb_n0_of_uncoded_64qam_is_7_8_db_below_the_snr() -> None:
    assert Conversion(6000, 1000, 6).eb_n0_db(20.0) == pytest.approx(20 - 7.7815, abs=1e-4)


@given(st.integers(1, 10**5), st.integers(1, 10**5), st.floats(-40, 40))
def test_conversions_are_inverse(bits: int, n_re: int, value: float) -> None:
    conversion = Conversion(bits, n_re, 2)
    assert conversion.snr_db(conversion.eb_n0_db(value)) == pytest.approx(value, abs=1e-9)


def test_noise_power_is_relative_to_a_signal_of_one() -> None:
    assert snr.noise_power(0.0) == 1.0
    assert snr.noise_power(10.0) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="not finite"):
        snr.noise_power(math.inf)


def test_snr_of_samples_counts_the_empty_subcarriers() -> None:
    assert snr.sample_snr_db(0.0, 300, 512) == pytest.approx(-2.3215, abs=1e-4)
    assert snr.combined_snr_db(0.0, 2) == pytest.approx(3.0103, abs=1e-4)


@pytest.mark.parametrize("name", ["info_bits", "n_re", "q_m"])
def test_empty_blocks_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Conversion(**{"info_bits": 1, "n_re": 1, "q_m": 1, name: 0})


def test_text_names_bits_and_modulation() -> None:
    assert "4008 bits on 3450 resource elements, QPSK" in Conversion(4008, 3450, 2).text()
    assert "16QAM" in Conversion(4008, 3450, 4).text()
