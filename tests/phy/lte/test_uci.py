"""Coding of control information against the clauses in plain loops, decoding against exhaustive search and rates."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import gold
from picocell.phy.lte import uci
from support import oracle_ulsch as oracle
from support.oracle_pdsch import modulate
from support.oracle_placeholders import resolve_placeholders

BITS = st.integers(0, 1)


def soft(bits: NDArray[np.uint8], amplitude: float = 100) -> NDArray[np.int16]:
    return ((1 - 2.0 * bits) * amplitude).astype(np.int16)


@settings(max_examples=60, deadline=None)
@given(st.lists(BITS, min_size=1, max_size=13))
def test_pucch_block_code_and_its_decision(bits: list[int]) -> None:
    coded = uci.encode_20(bits)
    assert coded.tolist() == oracle.block_20(bits)
    decision = uci.decode_20(soft(coded), len(bits))
    assert decision.bits.tolist() == bits
    assert decision.detected
    assert decision.metric == pytest.approx(sqrt(20))
    assert decision.margin > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(BITS, min_size=1, max_size=11), st.integers(32, 200))
def test_pusch_block_code_repeats_in_a_circle(bits: list[int], n: int) -> None:
    coded = uci.encode_32(bits, n)
    assert coded.tolist() == oracle.block_32(bits, n)
    assert uci.decode_32(soft(coded), len(bits)).bits.tolist() == bits


@pytest.mark.parametrize("n_bits", [1, 2, 4, 7, 13])
def test_decision_is_the_most_likely_of_all_words(n_bits: int) -> None:
    rng = np.random.default_rng(n_bits)
    words = np.array([[int(b) for b in f"{v:0{n_bits}b}"] for v in range(2**n_bits)], np.uint8)
    coded = np.array([oracle.block_20(w.tolist()) for w in words[:: max(1, len(words) // 256)]])
    words = words[:: max(1, len(words) // 256)]
    llr = rng.standard_normal((5, 20)) + (1 - 2.0 * coded[[0, -1, 1, 0, -1]])
    decision = uci.decode_20(llr, n_bits)
    likelihood = llr @ (1 - 2.0 * coded.T) / 2
    chosen = (llr * (1 - 2.0 * np.array([oracle.block_20(b.tolist()) for b in decision.bits]))).sum(axis=1) / 2
    assert (chosen >= likelihood.max(axis=1) - 1e-4).all()
    assert np.allclose(decision.metric, 2 * chosen / np.sqrt((llr**2).sum(axis=1)), rtol=1e-4)
    if len(words) == 2**n_bits:
        ordered = np.sort(likelihood, axis=1)
        assert np.allclose(decision.margin, ordered[:, -1] - ordered[:, -2], atol=1e-4)


@pytest.mark.parametrize("n_bits", [1, 2, 4, 9])
def test_noise_passes_for_a_message_at_the_stated_rate(n_bits: int) -> None:
    rng = np.random.default_rng(n_bits)
    passed = [bool(uci.decode_ack(rng.standard_normal(96), n_bits).detected) for _ in range(3000)]
    assert np.mean(passed) < 1.5 * uci.FALSE_ALARM


def test_a_message_of_few_llrs_can_still_be_detected() -> None:
    assert uci.decode_ack(np.array([1.0, 1.0]), 1).detected
    assert not uci.decode_ack(np.array([1.0, -1.0]), 1).detected


@settings(max_examples=60, deadline=None)
@given(st.lists(BITS, min_size=1, max_size=60), st.integers(0, 300))
def test_report_is_coded_as_the_clause_says_and_comes_back(bits: list[int], more: int) -> None:
    n = 3 * (len(bits) + 8) + more
    coded = uci.encode_cqi(bits, n)
    assert coded.tolist() == oracle.report(bits, n)
    decision = uci.decode_cqi(soft(coded), len(bits))
    assert decision.bits.tolist() == bits
    assert decision.ok
    assert decision.metric == pytest.approx(sqrt(n))


def test_damaged_long_report_is_told_by_its_crc() -> None:
    rng = np.random.default_rng(3)
    ok = [uci.decode_cqi(rng.integers(-100, 100, 120).astype(np.int16), 30).ok for _ in range(400)]
    assert np.mean(ok) < 0.03


@settings(max_examples=80, deadline=None)
@given(
    st.lists(BITS, min_size=1, max_size=11), st.sampled_from([2, 4, 6]), st.integers(1, 50), st.integers(0, 2**31 - 1)
)
def test_acknowledgement_is_scrambled_with_its_placeholders(bits: list[int], q_m: int, n: int, c_init: int) -> None:
    coded = uci.encode_ack(bits, q_m, n)
    wanted = oracle.acknowledgement(bits, q_m, n * q_m)
    names = {uci.PLACEHOLDER_X: "x", uci.PLACEHOLDER_Y: "y"}
    assert [names.get(int(b), int(b)) for b in coded] == wanted
    c = gold.sequence(c_init, n * q_m)
    resolved = resolve_placeholders(coded, gold.packed(c_init, n * q_m))
    assert (resolved ^ c).tolist() == oracle.scrambled(wanted, c.tolist())


@pytest.mark.parametrize("n_bits", range(1, 12))
def test_acknowledgement_comes_back(n_bits: int) -> None:
    rng = np.random.default_rng(n_bits)
    for _ in range(20):
        bits = rng.integers(0, 2, n_bits)
        coded = uci.encode_ack(bits, 2, 24)
        repeated = np.where(coded == uci.PLACEHOLDER_Y, np.roll(coded, 1), coded)
        decision = uci.decode_ack(soft(repeated) + rng.normal(0, 60, 48), n_bits)
        assert decision.bits.tolist() == bits.tolist()


@pytest.mark.parametrize("q_m", [2, 4, 6])
def test_corner_llrs_are_the_log_likelihood_ratios(q_m: int) -> None:
    corner = modulate([0, 0, *[1] * (q_m - 2)], q_m)[0]
    assert uci.corner_amplitude(q_m) == pytest.approx(corner.real)
    symbols = np.array([0.3 - 0.2j], np.complex64)
    llr = uci.corner_llr(symbols, np.array([0.5], np.float32), q_m, np.array([[0, 1]], np.uint8), False)
    real = ((0.3 + corner.real) ** 2 - (0.3 - corner.real) ** 2) / 0.5
    imag = ((-0.2 + corner.imag) ** 2 - (-0.2 - corner.imag) ** 2) / 0.5
    assert np.allclose(llr, [real, -imag], rtol=1e-5)


def test_extended_cyclic_prefix_appends_the_acknowledgement() -> None:
    joined = uci.join_extended_cp([1, 0, 1, 1], [0, 1])
    assert joined.tolist() == [1, 0, 1, 1, 0, 1]
    report, ack = uci.split_extended_cp(uci.decode_20(soft(uci.encode_20(joined)), 6).bits, 2)
    assert (report.tolist(), ack.tolist()) == ([1, 0, 1, 1], [0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uci.encode_20([]), "1 to 13"),
        (lambda: uci.encode_20([0] * 14), "1 to 13"),
        (lambda: uci.encode_20([2]), "0 or 1"),
        (lambda: uci.decode_20(np.zeros(19), 4), "20"),
        (lambda: uci.decode_20(np.zeros(20), 14), "1..13"),
        (lambda: uci.encode_32([0] * 12, 32), "1 to 11"),
        (lambda: uci.decode_32(np.zeros(32), 12), "1..11"),
        (lambda: uci.decode_32(np.zeros((2, 32)), 2), "one dimension"),
        (lambda: uci.decode_ack(np.zeros(4), 0), "1..11"),
        (lambda: uci.corner_amplitude(8), "2, 4 or 6"),
        (lambda: uci.split_extended_cp(np.zeros(2, np.uint8), 2), "report"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
