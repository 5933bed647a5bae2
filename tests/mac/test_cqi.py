"""Channel quality: SINR to CQI, and the bits of reports (TS 36.213 7.2)."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from picocell.kernels import modem, sch
from picocell.mac.cqi import ChannelQuality, bits, cqi_index, differential, efficiencies, thresholds_db
from picocell.mac.dedicated_config import DedicatedConfig, PeriodicCqi, aperiodic_report, ul_control_due
from picocell.phy.lte.cell import Cell

Q_M = (0, 2, 2, 2, 2, 2, 2, 4, 4, 4, 6, 6, 6, 6, 6, 6)


def test_the_sixteen_levels_rise_with_the_sinr() -> None:
    limits = thresholds_db()
    assert len(limits) == 15
    assert all(low < high for low, high in pairwise(limits))
    assert [cqi_index(limit) for limit in limits] == list(range(1, 16))
    assert cqi_index(-100.0) == 0
    assert cqi_index(limits[0] - 0.01) == 0
    assert cqi_index(100.0) == 15


def test_thresholds_lie_above_what_is_possible_and_not_far() -> None:
    for limit, efficiency in zip(thresholds_db(), efficiencies()[1:], strict=True):
        shannon = 10 * np.log10(2**efficiency - 1)
        assert 1.0 < limit - shannon < 4.5


@pytest.mark.parametrize("cqi", [1, 4, 7, 9, 12, 15])
def test_blocks_get_through_at_the_threshold_and_not_much_below(cqi: int) -> None:
    """The measured threshold without margin has 10 %; 1 dB above hardly any block is lost, 1 dB below most are."""
    rng, n_re, q_m = np.random.default_rng(cqi), 1500, Q_M[cqi]
    tbs = 8 * (int(efficiencies()[cqi] * n_re) // 8) - 24
    decoder, lost = sch.SchDecoder(8), []
    for sinr_db in (thresholds_db()[cqi - 1], thresholds_db()[cqi - 1] - 2.0):
        noise, bad = 10 ** (-sinr_db / 10), 0
        for _ in range(60):
            sent = modem.modulate(sch.encode(rng.bytes(tbs // 8), n_re * q_m, q_m), q_m)
            heard = sent + np.sqrt(noise / 2) * (rng.standard_normal(n_re) + 1j * rng.standard_normal(n_re))
            llr = modem.demodulate(heard.astype(np.complex64), noise, q_m)
            bad += not decoder.decode(llr, tbs, q_m).crc_ok
        lost.append(bad)
    assert lost[0] <= 6
    assert lost[1] > 30


def test_differential_values() -> None:
    assert [differential(7 + offset, 7) for offset in (-5, -1, 0, 1, 2, 6)] == [3, 3, 0, 1, 2, 2]


def test_a_periodic_wideband_report_is_the_cqi() -> None:
    config = DedicatedConfig(cqi=PeriodicCqi(0, 38))
    quality = ChannelQuality(Cell(1, 25))
    due = ul_control_due(config, 1, n_prb=25)
    assert due.n_cqi == 4
    assert quality.periodic(config, due, 1) == (0, 0, 0, 0)
    quality.measured(40.0)
    assert quality.periodic(config, due, 1) == (1, 1, 1, 1)
    quality.measured(thresholds_db()[8])
    assert quality.periodic(config, due, 1) == bits(9, 4)


@pytest.mark.parametrize("n_prb", [15, 25, 50, 75, 100])
def test_reports_have_the_lengths_that_the_receiver_expects(n_prb: int) -> None:
    quality = ChannelQuality(Cell(1, n_prb, 2))
    quality.measured(10.0, np.linspace(0, 25, n_prb))
    for mode, subband_k in ((2, None), (2, 2), (4, None), (3, 2)):
        config = DedicatedConfig(
            cqi=PeriodicCqi(0, 38, subband_k=subband_k, ri_config_index=5),
            transmission_mode=mode,
            aperiodic_cqi_mode="3-0",
        )
        for tti in range(1, 1201, 40):
            due = ul_control_due(config, tti, n_prb=n_prb, n_ports=2)
            assert len(quality.periodic(config, due, tti)) == (due.n_ri or due.n_cqi)
        report = quality.aperiodic(config)
        assert report is not None
        assert tuple(map(len, report)) == aperiodic_report(config, n_prb=n_prb, n_ports=2)


def test_the_best_sub_band_is_named_by_its_label() -> None:
    config = DedicatedConfig(cqi=PeriodicCqi(0, 38, subband_k=1))
    quality = ChannelQuality(Cell(1, 25))
    sinr = np.full(25, -3.0)
    sinr[8:12] = 30.0  # sub-band 2 of 7, in the first of two parts
    quality.measured(5.0, sinr)
    due = ul_control_due(config, 41, n_prb=25)
    assert due.subband
    assert quality.periodic(config, due, 41) == (1, 1, 1, 1, 1, 0)


def test_mode_3_0_needs_sub_bands() -> None:
    config = replace(DedicatedConfig(), aperiodic_cqi_mode="3-0")
    assert ChannelQuality(Cell(1, 6)).aperiodic(config) is None
    assert ChannelQuality(Cell(1, 25)).aperiodic(DedicatedConfig()) is None
