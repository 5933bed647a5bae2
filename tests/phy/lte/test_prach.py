"""When, where and how preambles are sent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import prach
from picocell.phy.lte.cell import BANDWIDTHS
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from support.oracle_prach import RATE
from support.oracle_prach import preamble as oracle
from support.oracle_prach import root_and_shift as oracle_root_and_shift


def uplink(n_prb: int = 6, **values: int) -> UplinkConfig:
    return UplinkConfig(n_prb=n_prb, prach=PrachConfig(**values))


@pytest.mark.parametrize(("config_index", "t_cp", "t_seq"), [(3, 3168, 24576), (51, 21024, 49152)])
def test_samples_are_the_clauses_double_sum(config_index: int, t_cp: int, t_seq: int) -> None:
    u, c_v = oracle_root_and_shift(128, 5, 43)
    got = prach.generate(uplink(config_index=config_index), 43, RATE)
    np.testing.assert_allclose(got, oracle(u, c_v, t_cp, t_seq, 0, 6), atol=2e-5)


@given(st.integers(0, 837), st.integers(0, 15), st.integers(0, 63))
@settings(max_examples=60, deadline=None)
def test_roots_and_shifts_follow_the_clause(logical: int, zczc: int, preamble: int) -> None:
    config = PrachConfig(root_sequence_index=logical, zero_correlation_zone=zczc)
    assert prach.preambles(config)[preamble] == oracle_root_and_shift(logical, zczc, preamble)


@pytest.mark.parametrize(("config_index", "number", "subframes"), [(3, 0, 1), (19, 1, 2), (35, 2, 2), (51, 3, 3)])
def test_formats(config_index: int, number: int, subframes: int) -> None:
    form = prach.preamble_format(uplink(config_index=config_index))
    assert (form.number, form.subframes, form.repetitions) == (number, subframes, 1 + number // 2)
    samples = prach.generate(uplink(config_index=config_index), 7, RATE)
    assert len(samples) == (form.t_cp + form.t_seq) // 16
    assert len(samples) <= 1920 * subframes
    # a cyclic prefix, and repetitions that repeat
    np.testing.assert_allclose(samples[:-1536], samples[1536:], atol=1e-6)
    assert np.mean(np.abs(samples[-1536:]) ** 2) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("config_index", "even", "odd"),
    [(0, {1}, set()), (3, {1}, {1}), (6, {1, 6}, {1, 6}), (14, set(range(10)), set(range(10))), (63, {9}, set())],
)
def test_opportunities(config_index: int, even: set[int], odd: set[int]) -> None:
    ul = uplink(config_index=config_index)
    assert {s for s in range(10) if prach.is_opportunity(ul, 512, s)} == even
    assert {s for s in range(10) if prach.is_opportunity(ul, 1023, s)} == odd


@pytest.mark.parametrize("fft", prach.FFT_SIZES)
def test_the_preamble_fills_its_six_blocks_at_every_sample_rate(fft: int) -> None:
    """839 equal tones of 1.25 kHz, 12.5 subcarriers of guard around them within 72 subcarriers of 15 kHz."""
    for n_prb in (n for n in BANDWIDTHS if 12 * n < fft):
        for offset in (0, n_prb - 6):
            samples = prach.generate(uplink(n_prb, freq_offset=offset), 5, 15_000 * fft)
            once = samples[-fft * 12 :]
            tones = np.fft.fftshift(np.fft.fft(once)) / len(once)
            first = len(tones) // 2 + 12 * (12 * offset - 6 * n_prb) + 13
            assert np.abs(tones[first : first + 839]) == pytest.approx(np.full(839, 839**-0.5), abs=1e-5)
            tones[first : first + 839] = 0
            assert np.abs(tones).max() < 1e-5


@pytest.mark.parametrize(("n_prb", "rate"), [(6, 1_920_000), (25, 5_760_000), (50, 11_520_000), (100, 30_720_000)])
def test_sample_rates_carry_the_same_tones(n_prb: int, rate: int) -> None:
    ul = uplink(n_prb, freq_offset=0)
    samples = prach.generate(ul, 9, rate)
    u, c_v = prach.preambles(ul.prach)[9]
    expected = prach.root_spectrum(u) * np.exp(2j * np.pi * np.arange(839) * c_v / 839) / np.sqrt(839)
    got = prach.Subcarriers(ul, rate).receive(np.stack([samples, 2j * samples]))
    np.testing.assert_allclose(got[0], expected, atol=1e-6)
    np.testing.assert_allclose(got[1], 2j * expected, atol=2e-6)


def test_neighbouring_shifts_are_cyclic_shifts_of_one_sequence() -> None:
    ul = uplink()
    tones = prach.Subcarriers(ul, RATE).receive(np.stack([prach.generate(ul, v, RATE) for v in (0, 1)]))
    lag = np.abs(np.fft.ifft(tones[1] * tones[0].conj()))
    assert int(lag.argmax()) == 839 - 26
    assert lag.max() == pytest.approx(1 / 839, rel=1e-4)


@pytest.mark.parametrize(
    ("ul", "words"),
    [
        (UplinkConfig(prach=PrachConfig(high_speed=True)), "not supported yet"),
        (uplink(config_index=30), "prach-ConfigIndex 30"),
        (uplink(config_index=61), "prach-ConfigIndex 61"),
        (uplink(freq_offset=1), "freq_offset 1"),
        (uplink(n_prb=50), "sample rate 1920000"),
    ],
)
def test_what_is_not_allowed_is_named(ul: UplinkConfig, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prach.generate(ul, 0, RATE)


def test_arguments_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="preamble 64"):
        prach.generate(uplink(), 64, RATE)
    with pytest.raises(ValueError, match="sample rate 2000000"):
        prach.generate(uplink(), 0, 2_000_000)
    with pytest.raises(ValueError, match="sfn 1024"):
        prach.is_opportunity(uplink(), 1024, 0)
    with pytest.raises(ValueError, match="subframe 10"):
        prach.is_opportunity(uplink(), 0, 10)
    with pytest.raises(ValueError, match="root 839"):
        prach.root_spectrum(839)
    with pytest.raises(ValueError, match="1734 or more"):
        prach.Subcarriers(uplink(), RATE).receive(np.zeros((1, 1733), np.complex64))
