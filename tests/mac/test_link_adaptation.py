"""Transport formats follow the link, legal rates hold, and the outer loop settles at the wanted error rate."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.mac.link_adaptation import (
    OuterLoop,
    aggregation_level,
    cqi_efficiency,
    cqi_snr_db,
    downlink_format,
    efficiency,
    snr_of_efficiency,
    uplink_format,
)
from picocell.phy.lte import tbs
from picocell.phy.lte.ul_grant import mcs as ul_mcs


@given(st.integers(1, 100), st.floats(0.3, 1.0), st.floats(-10, 40), st.none() | st.integers(8, 60000))
def test_downlink_formats_are_legal(n_prb: int, share: float, snr_db: float, wanted: int | None) -> None:
    n_re = max(int(150 * n_prb * share), 1)
    chosen = downlink_format(n_prb, n_re, snr_db, wanted_bits=wanted)
    q_m, i_tbs = tbs.mcs(chosen.mcs)
    assert i_tbs is not None
    assert (q_m, tbs.tbs(i_tbs, n_prb)) == (chosen.q_m, chosen.tbs)
    assert chosen.mcs == 0 or chosen.tbs + 24 <= 0.92 * n_re * q_m
    most = downlink_format(n_prb, n_re, snr_db)
    assert chosen.tbs <= most.tbs
    if wanted is not None and wanted <= most.tbs:
        assert chosen.tbs >= wanted


@given(st.sampled_from([1, 2, 5, 20, 100]), st.floats(-10, 40), st.booleans())
def test_uplink_formats_are_legal(n_prb: int, snr_db: float, allow_64qam: bool) -> None:
    chosen = uplink_format(n_prb, 144 * n_prb, snr_db, allow_64qam=allow_64qam)
    q_m, i_tbs = ul_mcs(chosen.mcs, allow_64qam)
    assert (q_m, tbs.tbs(i_tbs, n_prb)) == (chosen.q_m, chosen.tbs)
    assert chosen.tbs <= 51024
    assert chosen.mcs == 0 or chosen.tbs + 24 <= 0.92 * 144 * n_prb * q_m


def test_more_snr_never_gives_less() -> None:
    sizes = [downlink_format(25, 3750, snr_db / 4).tbs for snr_db in range(-40, 140)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 18336
    assert [cqi_snr_db(cqi) for cqi in range(16)] == sorted(cqi_snr_db(cqi) for cqi in range(16))
    assert efficiency(snr_of_efficiency(cqi_efficiency(9))) == pytest.approx(cqi_efficiency(9))
    with pytest.raises(ValueError, match="CQI 16"):
        cqi_efficiency(16)


@pytest.mark.parametrize(("true_snr_db", "believed_db"), [(10.0, 16.0), (10.0, 5.0), (3.0, 3.0)])
def test_the_outer_loop_converges_to_ten_per_cent(true_snr_db: float, believed_db: float) -> None:
    """AWGN: a block fails with a waterfall of 1 dB around the SNR that its rate needs in truth."""
    rng, loop, errors = random.Random(3), OuterLoop(), []
    for _ in range(6000):
        chosen = downlink_format(25, 3000, believed_db + loop.offset_db)
        needed = snr_of_efficiency(chosen.tbs / 3000)
        bler = min(max(0.5 + (needed - true_snr_db) / 1.0, 0.0), 1.0)
        ok = rng.random() >= bler
        errors.append(not ok)
        loop.feedback(ok, chosen.at_limit)
    assert sum(errors[1000:]) / 5000 == pytest.approx(0.1, abs=0.02)


def test_the_outer_loop_does_not_wind_up() -> None:
    loop = OuterLoop()
    for _ in range(1000):
        loop.feedback(True, at_limit=False)
    assert loop.offset_db == 0
    for _ in range(10**4):
        loop.feedback(False)
    assert loop.offset_db == -OuterLoop.LIMIT_DB
    with pytest.raises(ValueError, match="block error rate"):
        OuterLoop(0.0)


def test_weaker_links_get_more_control_channel_elements() -> None:
    assert [aggregation_level(snr_db) for snr_db in (20, 6, 2, -5)] == [1, 2, 4, 8]
