"""The downlink link: product's transmitter and receiver over a channel, against theory."""

from dataclasses import replace
from math import erfc, sqrt

import numpy as np
import pytest

from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.lte import pdsch
from picocell.sims import Block, Decoded, Hooks, Received, Trace, trace
from picocell.sims.counts import Counts
from picocell.sims.cqi import block as cqi_block
from picocell.sims.downlink_link import DownlinkLink, DownlinkPoint
from picocell.sims.hooks import C64, F32

SEED = np.random.SeedSequence([5, 6])
QUICK = DownlinkPoint(snr_db=3.0, mcs=6, n_prb=6)


def traces(point: DownlinkPoint, n: int, hooks: Hooks = Hooks()) -> list[Trace]:
    found: list[Trace] = []
    DownlinkLink(point, hooks).run_block(SEED, n, found.append)
    return found


def numbers(counts: Counts) -> dict[str, object]:
    return {name: value for name, value in counts.as_dict().items() if name != "cpu_s"}


def run(point: DownlinkPoint, n: int, hooks: Hooks = Hooks(), seed: np.random.SeedSequence = SEED) -> Counts:
    return DownlinkLink(point, hooks).run_block(seed, n)


def same(first: Counts, second: Counts) -> bool:
    """Equal but for times and how often symbols' errors were measured."""
    left, right = (numbers(c) for c in (first, second))
    return all(left[k] == right[k] for k in left if not k.startswith("evm"))


def test_block_of_work_follows_from_its_seed() -> None:
    point = replace(QUICK, snr_db=-1.0, channel="ETU70", rounds=3)
    first = run(point, 20)
    assert numbers(first) == numbers(run(point, 20))
    assert numbers(first) != numbers(run(point, 20, seed=np.random.SeedSequence(7)))
    assert first.sent[0] + first.sent[1] + first.sent[2] >= 20


@pytest.mark.parametrize(
    "point",
    [
        replace(QUICK, n_rx=2, channel="AWGN"),
        DownlinkPoint(snr_db=3.0, mcs=6, tm=2, channel="EVA70"),
        DownlinkPoint(snr_db=3.0, mcs=6, tm=2, n_tx=4, channel="ETU300", n_rx=2),
    ],
    ids=["1x2", "2x1", "4x2"],
)
def test_snr_of_the_received_grid_is_the_one_asked_for(point: DownlinkPoint) -> None:
    link = DownlinkLink(replace(point, estimator="perfect"))
    index = pdsch.re_index(link.cell, 1, link._grants[1].prbs, point.cfi)
    signal, noise, count = 0.0, 0.0, 0
    for block in range(30 if point.channel != "AWGN" else 3):
        found: list[Trace] = []
        link.run_block(np.random.SeedSequence(block), 12, found.append)
        for one in found:
            clean = (one.h * one.sent_grid).sum(axis=1)
            signal += float(np.mean(np.abs(clean.reshape(point.n_rx, -1)[:, index]) ** 2))
            noise += float(np.mean(np.abs(one.grid - clean) ** 2))
            count += 1
    measured = 10 * np.log10(signal / noise)
    assert 10 * np.log10(noise / count) == pytest.approx(-point.snr_db, abs=0.1)
    assert measured == pytest.approx(point.snr_db, abs=0.15 if point.channel == "AWGN" else 1.0)


@pytest.mark.parametrize(("snr_db", "n_rx"), [(0.0, 1), (4.0, 1), (1.0, 2)])
def test_uncoded_bit_error_rate_of_qpsk_is_the_q_function(snr_db: float, n_rx: int) -> None:
    point = replace(QUICK, snr_db=snr_db, n_rx=n_rx, n_prb=25, estimator="perfect")
    wrong = total = 0
    for one in traces(point, 25):
        assert one.symbols is not None
        for part in (np.real, np.imag):
            wrong += int(np.sum(np.sign(part(one.symbols)) != np.sign(part(one.sent_symbols))))
            total += one.symbols.size
    theory = 0.5 * erfc(sqrt(n_rx * 10 ** (snr_db / 10) / 2))
    spread = sqrt(theory * (1 - theory) / total)
    assert wrong / total == pytest.approx(theory, abs=4 * spread)


def test_transmit_diversity_has_the_same_bit_error_rate_without_fading() -> None:
    wrong = total = 0
    for one in traces(DownlinkPoint(snr_db=2.0, tm=2, n_prb=25, estimator="perfect"), 15):
        assert one.symbols is not None
        wrong += int(np.sum(np.sign(one.symbols.real) != np.sign(one.sent_symbols.real)))
        total += one.symbols.size
    theory = 0.5 * erfc(sqrt(10**0.2 / 2))
    assert wrong / total == pytest.approx(theory, abs=4 * sqrt(theory / total))


@pytest.mark.parametrize("tm", [1, 2])
def test_step_by_step_reception_is_the_products(tm: int) -> None:
    point = DownlinkPoint(snr_db=0.0, tm=tm, n_rx=2, channel="EVA70", rounds=4, mcs=10)
    whole, found = run(point, 24), list[Trace]()
    by_steps = DownlinkLink(point).run_block(SEED, 24, found.append)
    assert same(whole, by_steps)
    assert len(found) == whole.transmissions
    assert sum(one.crc_ok for one in found) == whole.delivered


def true_channel(seen: Received) -> tuple[C64, float]:
    return seen.h, seen.noise_var


def combine(y: C64, h: C64, noise_var: float) -> tuple[C64, F32]:
    gain = np.sum(np.abs(h[:, 0]) ** 2, axis=0)
    return ((h[:, 0].conj() * y).sum(axis=0) / gain).astype(np.complex64), (noise_var / gain).astype(np.float32)


def decode(llr: np.ndarray, shape: Block, soft: SoftBuffer | None) -> Decoded:
    result = SchDecoder(8).decode(llr, shape.tbs, shape.q_m, shape.n_l, shape.rv, soft, shape.n_ir)
    return Decoded(result.payload, result.crc_ok, result.iterations)


def test_estimator_that_tells_the_truth_is_the_perfect_one() -> None:
    point = replace(QUICK, snr_db=0.0, channel="ETU70", mcs=8)
    perfect, truthful = run(replace(point, estimator="perfect"), 20), run(point, 20, Hooks(estimator=true_channel))
    assert perfect.errors == truthful.errors
    assert perfect.iterations == truthful.iterations


def test_own_equaliser_and_decoder_take_the_places_of_the_products() -> None:
    point = replace(QUICK, snr_db=1.0, channel="EPA5", n_rx=2, mcs=8, rounds=2)
    plain = run(point, 16)
    assert run(point, 16, Hooks(equaliser=combine, decoder=decode)).errors == plain.errors
    deaf = Hooks(decoder=lambda *_: Decoded(b"", False, 0.0))
    assert run(point, 16, deaf).delivered == 0
    assert Hooks(equaliser=combine).names()["equaliser"].endswith("combine")


def test_estimator_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="channel of shape"):
        run(QUICK, 1, Hooks(estimator=lambda seen: (seen.h[..., :5], 1.0)))


@pytest.mark.parametrize("channel", ["AWGN", "EVA5"])
def test_samples_and_grid_agree(channel: str) -> None:
    # one parent seed gives both airs the same channel: without noise to speak of they receive the same grids
    point = replace(QUICK, snr_db=60.0, channel=channel, n_rx=2, n_prb=15)
    for on_grid, on_samples in zip(traces(point, 4), traces(replace(point, domain="samples"), 4), strict=True):
        error = np.mean(np.abs(on_grid.grid - on_samples.grid) ** 2) / np.mean(np.abs(on_grid.grid) ** 2)
        assert error < 2e-5
        assert np.allclose(on_grid.h, on_samples.h, atol=3e-3)
        assert on_samples.crc_ok


def test_practical_synchronisation_is_followed() -> None:
    counts = Counts.of_rounds(1)
    for block in range(3):
        counts.add(run(replace(QUICK, snr_db=12.0, sync="practical"), 8, seed=np.random.SeedSequence(block)))
    assert counts.delivered == 24
    assert replace(QUICK, sync="practical").domain == "samples"


def test_grants_are_read_from_the_pdcch() -> None:
    point = replace(QUICK, pdcch=2, cfi=3, rounds=2)
    counts = run(replace(point, snr_db=20.0), 16)
    assert counts.delivered == 16
    assert counts.missed == counts.wrong_cfi == 0
    low = run(replace(point, snr_db=-12.0), 16)
    assert low.missed > 5
    assert low.delivered == 0


def test_retransmissions_help() -> None:
    counts = run(replace(QUICK, snr_db=-4.0, mcs=6, rounds=4, estimator="perfect"), 40)
    assert counts.errors[0] > 0.9 * counts.sent[0]
    assert counts.delivered > 0.9 * counts.sent[0]


def test_redundancy_versions_follow_the_modulation() -> None:
    usual = {m: [t.round for t in traces(replace(QUICK, mcs=m, snr_db=-20.0, rounds=4), 1)] for m in (0, 28)}
    assert usual == {0: [0, 1, 2, 3], 28: [0, 1, 2, 3]}
    link = DownlinkLink(replace(QUICK, mcs=28, rounds=4))
    assert replace(QUICK, rounds=4).versions((0, 0, 1, 2)) == (0, 0, 1, 2)
    assert replace(QUICK, rounds=3, rv_sequence=(0, 2)).versions((0, 0, 1, 2)) == (0, 2, 0)
    assert link.conversion.q_m == 6


def test_symbol_errors_match_the_snr() -> None:
    counts = run(replace(QUICK, snr_db=15.0, n_prb=50, estimator="perfect"), 10)
    assert -10 * np.log10(counts.evm_sum / counts.evm_n) == pytest.approx(15.0, abs=0.3)
    four = run(DownlinkPoint(snr_db=15.0, n_prb=50, tm=2, n_tx=4, estimator="perfect"), 10)
    assert -10 * np.log10(four.evm_sum / four.evm_n) == pytest.approx(15.0, abs=0.4)


def test_all_subframes_have_their_own_room() -> None:
    counts = run(replace(QUICK, snr_db=25.0, subframes="all", mcs=4), 20)
    assert counts.delivered == 20


def test_size_after_a_cqi_is_the_nearest_turbo_block() -> None:
    assert cqi_block(15, 828) == (6, 4608 - 24)
    assert cqi_block(1, 828) == (2, 128 - 24)
    assert DownlinkLink(replace(QUICK, cqi=9)).conversion.info_bits == cqi_block(9, 828)[1]
    with pytest.raises(ValueError, match="CQI 16"):
        cqi_block(16, 828)
    with pytest.raises(ValueError, match="one code block"):
        cqi_block(15, 13_000)


def test_soft_buffer_of_a_category_limits_the_code() -> None:
    point = replace(QUICK, n_prb=100, mcs=26, snr_db=30.0, ue_category=2, rounds=2)
    assert DownlinkLink(point)._grants[1].n_ir is not None
    assert run(point, 2).delivered == 2


def test_trace_function_runs_a_numbered_block() -> None:
    found: list[Trace] = []
    counts = trace(QUICK, found.append, 3)
    assert len(found) == counts.transmissions == 3
    one = found[0]
    assert one.symbols is not None
    assert one.llr is not None
    assert one.llr.size == 2 * one.symbols.size
    assert one.estimate is not None
    assert one.estimate.shape == one.h.shape
