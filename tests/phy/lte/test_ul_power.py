"""Uplink power control against numbers worked out from TS 36.213 5.1 and TS 36.321 5.1.3."""

from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.phy.lte import ul_power
from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.uplink_config import UplinkConfig, UplinkPowerConfig

POWERS = st.floats(-140, 60)


def test_commands() -> None:
    assert [ul_power.tpc_pusch(i) for i in range(4)] == [-1, 0, 1, 3]
    assert [ul_power.tpc_pusch(i, accumulate=False) for i in range(4)] == [-4, -1, 1, 4]
    assert [ul_power.tpc_3a(i) for i in range(2)] == [-1, 1]
    assert [ul_power.tpc_pucch(i) for i in range(4)] == [-1, 0, 1, 3]
    assert [ul_power.tpc_rar(i) for i in range(8)] == [-6, -4, -2, 0, 2, 4, 6, 8]
    for call, most in (
        (ul_power.tpc_pusch, 3),
        (ul_power.tpc_3a, 1),
        (ul_power.tpc_pucch, 3),
        (ul_power.tpc_rar, 7),
    ):
        for bad in (-1, most + 1):
            with pytest.raises(ValueError, match="TPC command"):
                call(bad)


def test_delta_tf() -> None:
    # 144 bits a resource block of 144 elements: one bit an element, 2^1.25 - 1 = 1.3784
    assert ul_power.delta_tf(1440, 1440) == pytest.approx(10 * log10(2**1.25 - 1))
    assert ul_power.delta_tf(1440, 1440, enabled=False) == 0
    assert ul_power.delta_tf(19, 288, beta_offset=2.0) == pytest.approx(10 * log10((2 ** (1.25 * 19 / 288) - 1) * 2))
    for bad in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="positive"):
            ul_power.delta_tf(*bad)


def test_pusch() -> None:
    ul = UplinkConfig(power=UplinkPowerConfig(p0_nominal_pusch=-90, alpha=0.8, delta_preamble_msg3=4))
    p0 = ul_power.p0_pusch(ul, 2)
    assert p0 == -88
    # 10 + (-88) + 0.8 * 100 + 3 - 2 = 3 dBm
    assert ul_power.pusch_power(23, 10, p0, 0.8, 100, 3, -2) == pytest.approx(3)
    assert ul_power.pusch_power(23, 10, p0, 0.8, 150, 3, -2) == 23
    assert ul_power.p0_msg3(ul, -104) == -100
    assert ul_power.path_loss(15, -85) == 100
    with pytest.raises(ValueError, match="n_prb"):
        ul_power.pusch_demand(0, p0, 0.8, 100)


@given(st.integers(1, 100), POWERS, st.floats(0, 1), st.floats(40, 160), st.floats(-10, 20), st.floats(-20, 20))
def test_headroom_is_what_is_left(n_prb: int, p0: float, alpha: float, pl: float, tf: float, f_c: float) -> None:
    demand = ul_power.pusch_demand(n_prb, p0, alpha, pl, tf, f_c)
    headroom = ul_power.power_headroom(23, demand)
    assert ul_power.pusch_power(23, n_prb, p0, alpha, pl, tf, f_c) == pytest.approx(23 - max(headroom, 0))
    level = ul_power.phr_level(headroom)
    if 0 < level < 63:
        assert ul_power.phr_headroom(level) <= headroom < ul_power.phr_headroom(level) + 1


def test_headroom_levels() -> None:
    levels = [ul_power.phr_level(x) for x in (-60, -23, -22.01, -22, 0, 39.9, 40, 90)]
    assert levels == [0, 0, 0, 1, 23, 62, 63, 63]
    assert ul_power.phr_headroom(0) == -23
    assert ul_power.phr_headroom(63) == 40
    for bad in (-1, 64):
        with pytest.raises(ValueError, match="level"):
            ul_power.phr_headroom(bad)


def test_state_of_the_commands() -> None:
    assert ul_power.after_command(2, 3) == 5
    assert ul_power.after_command(2, -1) == 1
    assert ul_power.after_command(2, 3, at_maximum=True) == 2
    assert ul_power.after_command(2, -1, at_maximum=True) == 1
    assert ul_power.after_command(2, -1, at_minimum=True) == 2
    assert ul_power.after_command(2, 3, at_minimum=True) == 5
    assert ul_power.after_command(2, -4, accumulate=False) == -4
    assert ul_power.first_state(4, 7) == 12


def test_pucch() -> None:
    ul = UplinkConfig(power=UplinkPowerConfig(p0_nominal_pucch=-110))
    assert [ul_power.delta_f_pucch(ul, f) for f in ("1", "1a", "1b", "2", "2a", "2b")] == [0, 0, 3, 1, 2, 2]
    assert ul_power.h_pucch("1a", n_harq=1) == 0
    assert ul_power.h_pucch("2", n_cqi=3) == 0
    assert ul_power.h_pucch("2", n_cqi=11) == pytest.approx(10 * log10(11 / 4))
    assert ul_power.h_pucch("2b", n_cqi=8, n_harq=2) == pytest.approx(10 * log10(2))
    assert ul_power.h_pucch("2", n_cqi=3, n_harq=2, cp=CyclicPrefix.EXTENDED) == pytest.approx(10 * log10(5 / 4))
    assert ul_power.h_pucch("2", n_cqi=3, n_harq=0, cp=CyclicPrefix.EXTENDED) == 0
    assert ul_power.h_pucch("3", n_harq=4, n_sr=1) == 2
    assert ul_power.pucch_power(23, -110, 100, 3, 2, -1) == -6
    assert ul_power.pucch_power(23, -110, 140, 3, 2, -1) == 23
    with pytest.raises(ValueError, match="format"):
        ul_power.h_pucch("4")  # type: ignore[arg-type]


def test_preamble() -> None:
    assert [ul_power.preamble_target_power(-104, n, 6) for n in (1, 2, 5)] == [-104, -98, -80]
    assert [ul_power.preamble_target_power(-104, 1, 6, f) for f in range(5)] == [-104, -104, -107, -107, -96]
    assert ul_power.prach_power(23, -104, 100) == -4
    assert ul_power.prach_power(23, -80, 110) == 23
    for counter, fmt in ((0, 0), (1, 5), (1, -1)):
        with pytest.raises(ValueError):
            ul_power.preamble_target_power(-104, counter, 6, fmt)
