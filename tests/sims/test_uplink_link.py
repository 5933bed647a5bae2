"""The uplink link: a phone's PUSCH and the base station's receiver over a channel, against theory."""

from dataclasses import replace
from math import erfc, sqrt

import numpy as np
import pytest

from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.sims import Block, Decoded, Hooks, Received, Trace
from picocell.sims.counts import Counts
from picocell.sims.hooks import C64, F32
from picocell.sims.uplink_link import UplinkLink, UplinkPoint

SEED = np.random.SeedSequence([5, 6])
QUICK = UplinkPoint(snr_db=3.0, mcs=6, n_prb=6)


def traces(point: UplinkPoint, n: int) -> list[Trace]:
    found: list[Trace] = []
    UplinkLink(point).run_block(SEED, n, found.append)
    return found


def run(point: UplinkPoint, n: int, hooks: Hooks = Hooks(), seed: np.random.SeedSequence = SEED) -> Counts:
    return UplinkLink(point, hooks).run_block(seed, n)


def test_block_of_work_follows_from_its_seed() -> None:
    point = replace(QUICK, snr_db=-2.0, channel="ETU70", rounds=3)
    first, again = run(point, 20), run(point, 20)
    first.cpu_s = again.cpu_s = 0.0
    assert first == again


def test_snr_of_the_received_grid_is_the_one_asked_for() -> None:
    found = traces(UplinkPoint(snr_db=2.0, n_rx=2, n_prb=15), 10)
    clean = [(one.h * one.sent_grid).sum(axis=1) for one in found]
    signal = np.mean([np.abs(c) ** 2 for c in clean])
    noise = np.mean([np.abs(one.grid - c) ** 2 for one, c in zip(found, clean, strict=True)])
    assert 10 * np.log10(signal / noise) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(("snr_db", "n_rx"), [(0.0, 1), (1.0, 2)])
def test_uncoded_bit_error_rate_of_qpsk_is_the_q_function(snr_db: float, n_rx: int) -> None:
    wrong = total = 0
    for one in traces(UplinkPoint(snr_db=snr_db, n_rx=n_rx, n_prb=25, estimator="perfect"), 20):
        assert one.symbols is not None
        for part in (np.real, np.imag):
            wrong += int(np.sum(np.sign(part(one.symbols)) != np.sign(part(one.sent_symbols))))
            total += one.symbols.size
    theory = 0.5 * erfc(sqrt(n_rx * 10 ** (snr_db / 10) / 2))
    assert wrong / total == pytest.approx(theory, abs=4 * sqrt(theory / total))


def test_step_by_step_reception_is_the_products() -> None:
    point = UplinkPoint(snr_db=0.0, n_rx=2, channel="EPA5", rounds=4, mcs=10, n_prb=15)
    whole, found = run(point, 24), list[Trace]()
    by_steps = UplinkLink(point).run_block(SEED, 24, found.append)
    assert whole.errors == by_steps.errors
    assert whole.delivered == by_steps.delivered == sum(one.crc_ok for one in found)


def true_channel(seen: Received) -> tuple[C64, float]:
    return seen.h, seen.noise_var


def zero_forcing(y: C64, h: C64, noise_var: float) -> tuple[C64, F32]:
    gain = np.sum(np.abs(h[:, 0]) ** 2, axis=0)
    return ((h[:, 0].conj() * y).sum(axis=0) / gain).astype(np.complex64), (noise_var / gain).astype(np.float32)


def decode(llr: np.ndarray, shape: Block, soft: SoftBuffer | None) -> Decoded:
    result = SchDecoder(8).decode(llr, shape.tbs, shape.q_m, shape.n_l, shape.rv, soft)
    return Decoded(result.payload, result.crc_ok, result.iterations)


def test_own_functions_take_the_places_of_the_products() -> None:
    point = replace(QUICK, snr_db=4.0, mcs=12, n_rx=2)
    perfect = run(replace(point, estimator="perfect"), 16)
    assert run(point, 16, Hooks(estimator=true_channel)).iterations == perfect.iterations
    assert run(point, 16, Hooks(decoder=decode)).delivered == run(point, 16).delivered
    # without fading zero forcing is as good as minimum mean square error
    assert run(point, 16, Hooks(true_channel, zero_forcing)).delivered == perfect.delivered
    with pytest.raises(ValueError, match="channel of shape"):
        run(point, 1, Hooks(estimator=lambda seen: (seen.h[..., :5], 1.0)))


@pytest.mark.parametrize("sync", ["perfect", "practical"])
def test_samples_are_received(sync: str) -> None:
    point = UplinkPoint(snr_db=12.0, mcs=6, domain="samples", sync=sync, n_rx=2, n_prb=25)
    assert run(point, 8).delivered == 8


def test_samples_and_grid_agree() -> None:
    point = UplinkPoint(snr_db=60.0, channel="EVA5", n_prb=15)
    for on_grid, on_samples in zip(traces(point, 4), traces(replace(point, domain="samples"), 4), strict=True):
        error = np.mean(np.abs(on_grid.grid - on_samples.grid) ** 2) / np.mean(np.abs(on_grid.grid) ** 2)
        assert error < 2e-5


def test_part_of_the_band_may_be_granted() -> None:
    point = UplinkPoint(n_prb=15, mcs=6, n_prb_alloc=5, prb_start=7, snr_db=15.0)
    assert run(point, 4).delivered == 4
    assert UplinkLink(point).conversion.n_re == 5 * 12 * 12
    assert UplinkPoint(snr_db=0, n_prb=50).n_prb_alloc == 50
    assert UplinkPoint(snr_db=0, n_prb=25, modulation="64qam", tbs=18336).n_prb_alloc == 25


def test_retransmissions_take_the_uplinks_redundancy_versions() -> None:
    link = UplinkLink(replace(QUICK, rounds=4, snr_db=-5.0))
    counts = link.run_block(SEED, 24)
    assert counts.errors[0] > 0.9 * counts.sent[0]
    assert counts.delivered == counts.sent[0]
    assert link.point.versions((0, 2, 3, 1)) == (0, 2, 3, 1)
