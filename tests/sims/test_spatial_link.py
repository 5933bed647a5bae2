"""Transmission modes 3 and 4 over a channel: what theory says, feedback, and two code words."""

import csv
import json
from dataclasses import replace
from math import erfc, sqrt
from pathlib import Path

import numpy as np
import pytest

from picocell import cli
from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.sims import Block, Decoded, Hooks, Received, Trace
from picocell.sims.counts import Counts, Tally
from picocell.sims.downlink_link import DownlinkLink, known_channel
from picocell.sims.downlink_point import DownlinkPoint
from picocell.sims.hooks import C64
from picocell.sims.registry import make_point, open_link
from picocell.sims.spatial_link import SpatialLink

SEED = np.random.SeedSequence([5, 6])
OPEN = DownlinkPoint(snr_db=12.0, tm=3, n_rx=2, mcs=10, n_prb=6, channel="EVA70")
CLOSED = replace(OPEN, tm=4, layers=1, codewords=1, snr_db=0.0, mcs=4)


def run(point: DownlinkPoint, n: int, hooks: Hooks = Hooks(), seed: np.random.SeedSequence = SEED) -> Counts:
    return SpatialLink(point, hooks).run_block(seed, n)


def traces(point: DownlinkPoint, n: int, hooks: Hooks = Hooks()) -> list[Trace]:
    found: list[Trace] = []
    SpatialLink(point, hooks).run_block(SEED, n, found.append)
    return found


def throughput(point: DownlinkPoint, blocks: int = 12, n: int = 20) -> float:
    """Share of the largest throughput, over independent stretches of channel, times the bits of a subframe."""
    link, tally = open_link(point), Tally(independent=False)
    for block in range(blocks):
        tally.add(link.run_block(np.random.SeedSequence(block), n))
    return tally.share.rate * link.conversion.info_bits


class TestPoint:
    def test_what_is_left_open_is_filled_in(self) -> None:
        assert (OPEN.n_tx, OPEN.layers, OPEN.codewords) == (2, 2, 2)
        four = DownlinkPoint(snr_db=0, tm=4, n_tx=4, n_rx=4)
        assert (four.layers, four.codewords, four.pmi, four.pmi_delay) == (4, 2, -1, 8)
        one = DownlinkPoint(snr_db=0, tm=4, n_rx=1)
        assert (one.n_tx, one.layers, one.codewords) == (2, 1, 1)

    @pytest.mark.parametrize("tm", [1, 2])
    def test_other_modes_keep_their_parameters_and_so_their_seeds(self, tm: int) -> None:
        point = DownlinkPoint(snr_db=3.0, tm=tm, mcs=6)
        assert not {"layers", "codewords", "detector", "pmi", "pmi_prb", "pmi_delay"} & set(point.as_dict())
        assert point.key == {1: "12e2809d00e8ecfe", 2: "c26d3dd37466f2cc"}[tm]
        assert isinstance(open_link(point), DownlinkLink)

    def test_a_point_comes_back_from_its_dictionary(self) -> None:
        for point in (OPEN, CLOSED, replace(CLOSED, pmi=3, pmi_prb=2)):
            assert make_point(json.loads(json.dumps(point.as_dict()))) == point

    @pytest.mark.parametrize(
        ("wrong", "complaint"),
        [
            ({"tm": 5}, "tm 5"),
            ({"tm": 3, "n_rx": 1}, "tm 3 needs 2 receive antennas"),
            ({"tm": 3, "layers": 1}, "use 2..2"),
            ({"tm": 4, "layers": 3}, "use 1..2"),
            ({"tm": 3, "codewords": 1}, "needs 4 antenna ports"),
            ({"tm": 4, "layers": 1, "codewords": 2}, "2 code words on 1 layers"),
            ({"tm": 4, "pmi": 0}, "pmi 0"),
            ({"tm": 3, "pmi": 1}, "pmi 1"),
            ({"tm": 3, "pdcch": 4, "tbs": 800, "modulation": "qpsk"}, "pdcch 0"),
            ({"tm": 3, "detector": "ml"}, "detector 'ml'"),
            ({"tm": 4, "pmi_delay": 1}, "pmi_delay 1"),
            ({"tm": 4, "pmi_prb": 7}, "pmi_prb 7"),
            ({"tm": 2, "layers": 2}, "TM 2 has one layer"),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, wrong: dict[str, object], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            make_point({"kind": "downlink", "snr_db": 0, "n_rx": 2, **wrong})

    def test_sizes_are_those_of_the_layers(self) -> None:
        link = SpatialLink(DownlinkPoint(snr_db=0, tm=3, n_tx=4, n_rx=4, layers=3, mcs=9, n_prb=25))
        assert [size for size, _ in link.sizes] == [4008, 7992]  # those of I_TBS 9 for 25 and for 50 resource blocks
        assert (link.conversion.info_bits, link.conversion.layers) == (4008 + 7992, 3)
        assert SpatialLink(replace(OPEN, ue_category=2)).sizes[0][1] == 1237248 // 16
        with pytest.raises(ValueError, match="one layer"):
            SpatialLink(DownlinkPoint(snr_db=0, tm=3, n_tx=4, n_rx=4, tbs=800, modulation="qpsk"))


class TestTransmission:
    def test_block_of_work_follows_from_its_seed(self) -> None:
        for point in (replace(OPEN, rounds=3, snr_db=6.0), replace(CLOSED, rounds=3)):
            first, again = run(point, 12).as_dict(), run(point, 12).as_dict()
            assert {**first, "cpu_s": 0} == {**again, "cpu_s": 0}
            assert run(point, 12, seed=np.random.SeedSequence(7)).as_dict() != first

    @pytest.mark.parametrize("n_tx", [2, 4])
    @pytest.mark.parametrize("tm", [3, 4])
    def test_everything_arrives_without_noise(self, tm: int, n_tx: int) -> None:
        for layers in range(2 if tm == 3 else 1, n_tx + 1):
            point = DownlinkPoint(snr_db=35.0, tm=tm, n_tx=n_tx, n_rx=4, layers=layers, mcs=4, channel="EPA5")
            counts = run(point, 6)
            assert counts.delivered == 6 * point.codewords
            assert counts.errors == [0]

    def test_every_subframe_has_room(self) -> None:
        for point in (OPEN, CLOSED):
            counts = run(replace(point, subframes="all", snr_db=35.0, channel="EPA5", n_prb=15, mcs=6), 12)
            assert counts.delivered == 12 * point.codewords

    def test_phases_of_an_unfading_channel_matter_to_layers(self) -> None:
        assert DownlinkPoint(snr_db=0, tm=2, n_rx=2).independent
        assert not DownlinkPoint(snr_db=0, tm=3, n_rx=2).independent
        assert DownlinkPoint(snr_db=0, tm=3, n_rx=2, channel="STATIC").independent

    def test_samples_and_practical_synchronisation(self) -> None:
        for point in (replace(OPEN, snr_db=25.0, channel="EPA5"), replace(CLOSED, snr_db=15.0, channel="EPA5")):
            assert run(replace(point, domain="samples"), 6).delivered == 6 * point.codewords
            assert run(replace(point, sync="practical"), 6).delivered == 6 * point.codewords

    def test_bit_error_rate_of_an_unfading_channel_is_the_q_function(self) -> None:
        """Rank 1 on a static channel of unit gains: precoder 0 adds both ports up, precoder 1 takes them away."""
        point = DownlinkPoint(snr_db=1.0, tm=4, n_rx=1, pmi=0, layers=1, n_prb=25, estimator="perfect", channel="AWGN")
        wrong = total = 0
        gains = []
        for one in traces(point, 12):
            assert one.symbols is not None
            gains.append(float(np.mean(np.abs((one.h[0, 0] + one.h[0, 1]) / sqrt(2)) ** 2)))
            wrong += int(np.sum(np.sign(one.symbols.real) != np.sign(one.sent_symbols.real)))
            total += one.symbols.size
        theory = 0.5 * erfc(sqrt(gains[0] * 10**0.1 / 2))
        assert wrong / total == pytest.approx(theory, abs=4 * sqrt(theory / total) + 1e-5)

    @pytest.mark.parametrize(
        "point",
        [
            replace(OPEN, channel="EPA5"),
            replace(CLOSED, channel="EPA5"),
            replace(CLOSED, channel="EPA5", pmi=2),
            DownlinkPoint(snr_db=0, tm=4, n_tx=4, n_rx=4, layers=3, channel="EPA5", mcs=4, pmi_prb=2),
            DownlinkPoint(snr_db=0, tm=3, n_tx=4, n_rx=2, layers=2, codewords=1, channel="EPA5", mcs=4),
        ],
        ids=["2A", "2 reported", "2 index", "2 three layers", "2A one code word"],
    )
    def test_grants_are_read_from_the_pdcch(self, point: DownlinkPoint) -> None:
        on_air = replace(point, pdcch=4, cfi=3, rounds=2, n_prb=15)
        counts = run(replace(on_air, snr_db=30.0), 8)
        assert counts.delivered == 8 * point.codewords
        assert counts.missed == counts.wrong_cfi == 0
        low = run(replace(on_air, snr_db=-18.0), 8)
        assert low.missed > 4
        assert low.delivered == 0

    def test_traces_show_each_code_word(self) -> None:
        found = traces(replace(OPEN, snr_db=30.0), 3)
        assert len(found) == 6
        for one in found:
            assert one.symbols is not None
            assert one.llr is not None
            assert one.crc_ok
            assert one.llr.size == 4 * one.symbols.size == 4 * one.sent_symbols.size
            assert np.mean(np.abs(one.symbols - one.sent_symbols) ** 2) < 0.3
        assert found[0].payload != found[1].payload

    def test_own_parts(self) -> None:
        def truth(seen: Received) -> tuple[C64, float]:
            return seen.h, seen.noise_var

        def decode(llr: np.ndarray, shape: Block, soft: SoftBuffer | None) -> Decoded:
            result = SchDecoder(8).decode(llr, shape.tbs, shape.q_m, shape.n_l, shape.rv, soft, shape.n_ir)
            return Decoded(result.payload, result.crc_ok, result.iterations)

        perfect = run(replace(OPEN, estimator="perfect", rounds=2), 8)
        assert run(replace(OPEN, rounds=2), 8, Hooks(truth, None, decode)).errors == perfect.errors
        with pytest.raises(ValueError, match="equaliser"):
            SpatialLink(OPEN, Hooks(equaliser=lambda y, *_: (y[0], np.abs(y[0]))))


class TestFeedback:
    @pytest.mark.parametrize("delay", [2, 8])
    def test_the_precoder_is_the_one_reported_so_long_ago(self, delay: int) -> None:
        """Of the subframes that are old enough the newest one's, and from the first subframe on there is one."""
        point = replace(CLOSED, channel="EVA70", estimator="perfect", snr_db=10.0, pmi_delay=delay)
        found = traces(point, 24)
        link, phases = SpatialLink(point), np.array([1, -1, 1j, -1j])
        reports = {one.tti: link.report(known_channel(one.h, one.noise_var)) for one in found}
        known = 0
        for one in found:
            index = np.flatnonzero(np.abs(one.sent_grid[1, 5]) > 0)
            turned = one.sent_grid[1, 5, index] / one.sent_grid[0, 5, index]
            chosen = int(np.argmin(np.abs(phases - turned.mean())))
            np.testing.assert_allclose(turned, phases[chosen], atol=1e-5)
            before = [tti for tti in reports if tti <= one.tti - delay]
            if before:
                assert (chosen,) == reports[max(before)]
                known += 1
        assert known >= 12
        assert len(set(reports.values())) > 1

    def test_a_stale_report_is_worth_less(self) -> None:
        point = replace(CLOSED, channel="ETU300", n_rx=1, snr_db=2.0, n_prb=15, rounds=1)
        assert throughput(replace(point, pmi_delay=2, channel="EPA5")) > throughput(point)

    def test_a_fixed_precoder_is_kept(self) -> None:
        link = SpatialLink(replace(CLOSED, pmi=2))
        assert link.tti(0) == 1
        assert not link.listened()
        assert link._first.pmi == (2,)
        assert SpatialLink(CLOSED).tti(0) == 11

    def test_subbands_are_precoded_apart(self) -> None:
        point = replace(CLOSED, n_prb=50, pmi_prb=6, channel="ETU70", snr_db=20.0)
        reported = SpatialLink(point).report(known_channel(traces(point, 1)[0].h, 0.1))
        assert len(reported) == 50
        assert len(set(reported)) > 1
        assert all(len(set(reported[first : first + 6])) == 1 for first in range(0, 50, 6))
        assert run(point, 8).delivered == 8


class TestTheory:
    def test_two_layers_carry_more_than_diversity_at_high_snr(self) -> None:
        """At 28 dB diversity is at the end of its MCSs, and two layers with a lower one each carry more."""
        common = {"snr_db": 28.0, "n_rx": 2, "n_prb": 15, "channel": "ETU70", "rounds": 4}
        two = throughput(DownlinkPoint(tm=3, mcs=22, **common))  # type: ignore[arg-type]
        best = max(throughput(DownlinkPoint(tm=2, mcs=mcs, **common)) for mcs in (26, 28))  # type: ignore[arg-type]
        assert two > 1.2 * best

    def test_a_beam_gains_two_decibels_over_diversity(self) -> None:
        """Rank 1 with the four entries of two ports, slow fading, one receive antenna.

        Of two independent ports: E max |h0 + phi h1|^2 / 2 = 1 + E|h0||h1| E max cos = 1 + (pi / 4) (2 sqrt 2 / pi)
        = 1.707, which is 2.3 dB, of which a choice for the whole band and the delay leave some.
        """
        common = {"n_rx": 1, "n_prb": 15, "channel": "EPA5", "estimator": "perfect", "mcs": 5, "n_tx": 2}

        def mean_snr(point: DownlinkPoint) -> float:
            """Mean SNR after combining, in dB, of the symbols' errors."""
            counts = Counts.of_rounds(1)
            link = open_link(point)
            for block in range(60):
                counts.add(link.run_block(np.random.SeedSequence(block), 1))
            return float(-10 * np.log10(counts.evm_sum / counts.evm_n))

        beam = mean_snr(DownlinkPoint(snr_db=10.0, tm=4, **common))  # type: ignore[arg-type]
        diversity = mean_snr(DownlinkPoint(snr_db=10.0, tm=2, **common))  # type: ignore[arg-type]
        assert 1.0 < beam - diversity < 2.6

    def test_joint_detection_is_no_worse(self) -> None:
        point = DownlinkPoint(snr_db=9.0, tm=3, n_rx=2, n_prb=15, mcs=12, channel="EVA70-medium")
        assert throughput(point) > throughput(replace(point, detector="mmse"))


class TestCounts:
    def test_code_words_are_counted_apart_and_together(self) -> None:
        counts = run(replace(OPEN, snr_db=7.0, rounds=4), 30)
        first, second = counts.codewords
        assert counts.sent == [a + b for a, b in zip(first.sent, second.sent, strict=True)]
        assert counts.window == 60
        assert counts.subframes >= 30
        assert counts.delivered == first.delivered + second.delivered
        assert counts.transmissions == first.transmissions + second.transmissions
        assert Counts(**json.loads(json.dumps(counts.as_dict()))) == counts

    def test_files_have_columns_for_each(self, tmp_path: Path) -> None:
        code = _command(
            "dlsim",
            "-x",
            "3",
            "-z",
            "2",
            "-g",
            "E",
            "-s",
            "25",
            "-n",
            "20",
            "-R",
            "2",
            "-j",
            "1",
            "-q",
            "--json",
            str(tmp_path / "a.jsonl"),
            "--csv",
            str(tmp_path / "a.csv"),
        )
        assert code == 0
        (record,) = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
        (row,) = csv.DictReader((tmp_path / "a.csv").open(newline=""))
        for q in (1, 2):
            for name in ("bler_1", "bler_2", "residual_bler", "throughput_percent", "iterations"):
                assert f"codeword_{q}_{name}" in record
                assert f"codeword_{q}_{name}" in row
        assert (record["layers"], record["codewords"], record["subframes"]) == (2, 2, 20)
        assert record["throughput_mbps"] == pytest.approx(record["throughput_percent"] * record["info_bits"] / 1e5)


def _command(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["picocell", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-x", "3"], "tm 3 needs 2 receive antennas"),
        (["-x", "4", "-z", "2", "--pmi", "0"], "pmi 0"),
        (["-x", "4", "-z", "2", "--pmi", "best"], "'best'"),
        (["-x", "3", "-z", "2", "--layers", "3"], "3 layers"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command("dlsim", *arguments, "-n", "5", "-q") == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert complaint in shown
