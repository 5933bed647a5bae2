"""Timing advance against TS 36.213 4.2.3."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.phy.lte import timing_advance as ta


def test_commands() -> None:
    assert ta.n_ta_from_rar(0) == 0
    assert ta.n_ta_from_rar(1282) == 20512
    assert ta.n_ta_from_command(160, 31) == 160
    assert ta.n_ta_from_command(160, 0) == 0  # 160 - 31 * 16 would be negative
    assert ta.n_ta_from_command(1600, 0) == 1104
    assert ta.n_ta_from_command(0, 63) == 512
    assert ta.n_ta_from_command(20512, 63) == 20512


def test_samples_and_seconds() -> None:
    assert ta.samples(16, 30_720_000) == 16
    assert ta.samples(16, 1_920_000) == 1
    assert ta.samples(24, 1_920_000) == Fraction(3, 2)
    assert ta.samples(0, 30_720_000, tdd=True) == 624
    assert ta.seconds(20512) == pytest.approx(667.7e-6, abs=1e-7)


@given(st.integers(0, 1282), st.floats(-0.49, 0.49))
def test_a_measured_delay_gives_the_command_back(command: int, rest: float) -> None:
    delay = ta.seconds(ta.n_ta_from_rar(command)) + rest * 16 / 30.72e6
    assert ta.rar_command(delay) == command


@given(st.integers(31, 1251), st.integers(-31, 32), st.floats(-0.49, 0.49))
def test_a_command_takes_the_error_out(now: int, late: int, rest: float) -> None:
    n_ta = 16 * now
    command = ta.command((16 * late + 16 * rest) / 30.72e6)
    assert ta.n_ta_from_command(n_ta, command) == min(n_ta + 16 * late, ta.MAX_N_TA)


def test_limits() -> None:
    assert ta.rar_command(-1e-6) == 0
    assert ta.rar_command(1.0) == 1282
    assert ta.command(-1.0) == 0
    assert ta.command(1.0) == 63
    for call in (
        lambda: ta.n_ta_from_rar(1283),
        lambda: ta.n_ta_from_rar(-1),
        lambda: ta.n_ta_from_command(0, 64),
        lambda: ta.n_ta_from_command(0, -1),
        lambda: ta.n_ta_from_command(-1, 31),
        lambda: ta.samples(30000, 1_920_000),
        lambda: ta.samples(0, 0),
    ):
        with pytest.raises(ValueError):
            call()
