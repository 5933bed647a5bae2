"""The broadcast channel, control channels of both directions and random access alone."""

import numpy as np
import pytest

from picocell.sims import Hooks, simulation
from picocell.sims.counts import Counts
from picocell.sims.pbch_link import PbchPoint
from picocell.sims.pdcch_link import PdcchLink, PdcchPoint
from picocell.sims.point import Point
from picocell.sims.prach_link import PrachPoint
from picocell.sims.pucch_link import PucchPoint
from picocell.sims.registry import open_link
from picocell.sims.snr import preamble_noise_power

SEED = np.random.SeedSequence(4)


def numbers(counts: Counts) -> dict[str, object]:
    return {name: value for name, value in counts.as_dict().items() if name != "cpu_s"}


@pytest.mark.parametrize(
    "point",
    [
        PbchPoint(snr_db=-9.0, channel="ETU70"),
        PdcchPoint(snr_db=-5.0, channel="EVA70"),
        PucchPoint(snr_db=-5.0, channel="EPA5"),
        PrachPoint(snr_db=-12.0, channel="ETU70"),
    ],
    ids=lambda point: point.kind,
)
def test_block_of_work_follows_from_its_seed(point: Point) -> None:
    link = open_link(point)
    assert numbers(link.run_block(SEED, 12)) == numbers(link.run_block(SEED, 12))


@pytest.mark.parametrize("n_tx", [1, 2, 4])
def test_mib_is_read_where_it_is_strong_and_not_where_there_is_noise(n_tx: int) -> None:
    table = simulation("pbch", n_tx=n_tx, n_prb=[6, 25], snr_db=[-25.0, 3.0], n_subframes=10).run()
    assert [result.tally.bler() for result in table] == [1.0, 0.0] * 2
    assert all(result.tally.counts.false_ok == 0 for result in table)


def test_mib_of_40_ms_is_missed_less_than_asked_for_at_minus_6_1_db() -> None:
    # TS 36.101 8.6.1.1: ETU70, two antennas, at most 1 %; 150 periods, of which 1 % or more seldom miss none or one
    table = simulation("pbch", channel="ETU70", n_rx=2, snr_db=-6.1, n_subframes=150).run()
    assert table[0].tally.counts.errors[0] <= 3


def test_grants_are_found_where_they_are_strong_and_not_where_there_is_noise() -> None:
    table = simulation(
        "pdcch", n_prb=25, level=[1, 8], n_tx=[1, 2], cfi=3, snr_db=[-25.0, 12.0], n_subframes=30, max_errors=0
    ).run()
    low, high = table[0::2], table[1::2]
    assert all(result.tally.bler() == 1.0 for result in low)
    assert all(result.tally.bler() == 0.0 for result in high)


def test_longer_messages_are_missed_less() -> None:
    table = simulation("pdcch", n_prb=25, cfi=3, level=[1, 2, 4, 8], snr_db=-2.0, n_subframes=100, max_errors=0).run()
    missed = [result.tally.counts.errors[0] for result in table]
    assert missed[0] > missed[1] > max(missed[2:])


def test_known_channel_misses_no_more() -> None:
    table = simulation("pdcch", estimator=["practical", "perfect"], snr_db=-6.0, n_prb=25, cfi=3, max_errors=0).run()
    assert table[1].tally.counts.errors[0] <= table[0].tally.counts.errors[0]


@pytest.mark.parametrize("form", ["1", "1a", "1b", "2"])
def test_uplink_control_is_read_where_it_is_strong_and_silence_is_silence(form: str) -> None:
    table = simulation("pucch", format=form, n_rx=2, silent=[False, True], snr_db=3.0, n_subframes=60).run()
    assert [result.tally.counts.errors[0] for result in table] == [0, 0]
    sent = table[0].tally.counts
    assert sent.snr_db_sum / sent.snr_n == pytest.approx(3.0, abs=0.3)  # the receiver's SNR is the one asked for
    low = simulation("pucch", format=form, snr_db=-30.0, n_subframes=30).run()
    assert low[0].tally.counts.errors[0] > 20


def test_acks_are_missed_less_than_asked_for_at_minus_2_5_db() -> None:
    # TS 36.104 8.3.2.1: format 1a, EPA5, two antennas, 1.4 MHz, at most 1 % missed
    table = simulation("pucch", format="1a", channel="EPA5", n_rx=2, snr_db=-2.5, n_subframes=1000).run()
    assert table[0].tally.counts.errors[0] <= 15


def test_preambles_are_found_in_time() -> None:
    # TS 36.104 8.4.2.1: format 0, two antennas: 99 % of the preambles at -14.2 dB
    table = simulation("prach", n_rx=2, snr_db=[-30.0, -14.2], n_subframes=100).run()
    assert [result.tally.counts.errors[0] for result in table] == [100, 0]
    silent = simulation("prach", n_rx=2, silent=True, snr_db=0.0, n_subframes=60).run()
    assert silent[0].tally.counts.errors[0] == 0
    strict = simulation("prach", n_rx=2, snr_db=10.0, tolerance_us=1e-4, n_subframes=20).run()
    assert strict[0].tally.counts.errors[0] > 15
    assert strict[0].tally.counts.missed == 0


def test_noise_of_preambles_is_that_of_their_bandwidth() -> None:
    # TS 36.104 8.4: 2.6 dB lie between a sample's SNR and that of a subcarrier of 1.25 kHz at 1.92 Msps
    assert 10 * np.log10(preamble_noise_power(0.0, 1.92e6)) == pytest.approx(2.6, abs=0.05)


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="n_tx 3"):
        PbchPoint(snr_db=0.0, n_tx=3)
    with pytest.raises(ValueError, match="level 3"):
        PdcchPoint(snr_db=0.0, level=3)
    with pytest.raises(ValueError, match="only 2 CCEs"):
        PdcchLink(PdcchPoint(snr_db=0.0, n_prb=6, cfi=1))
    with pytest.raises(ValueError, match="format '3'"):
        PucchPoint(snr_db=0.0, format="3")
    with pytest.raises(ValueError, match="max_delay_us"):
        PrachPoint(snr_db=0.0, max_delay_us=-1)
    with pytest.raises(ValueError, match="cfo_hz"):
        PrachPoint(snr_db=0.0, cfo_hz=5000)
    own = Hooks(decoder=lambda *_: None)  # type: ignore[arg-type]
    points = (PbchPoint(snr_db=0.0), PdcchPoint(snr_db=0.0), PucchPoint(snr_db=0.0), PrachPoint(snr_db=0.0))
    for point in points:
        with pytest.raises(ValueError, match="no place"):
            open_link(point, own)
