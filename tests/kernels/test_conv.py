"""Tail-biting convolutional code against oracles written from TS 36.212 5.1.3.1, 5.1.4.2 and 5.1.1."""

import csv
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import conv

GENERATORS = (0o133, 0o171, 0o165)
Bits = NDArray[np.uint8]


def permutation() -> list[int]:
    """Inter-column permutation of Table 5.1.4-2."""
    text = files("picocell.kernels").joinpath("data", "36212_5.1.4_subblock_permutations.csv").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [int(row["P_conv_5.1.4-2"]) for row in csv.DictReader(lines)]


def oracle_encode(bits: Bits) -> Bits:
    """Shift register with the last six bits in it at the start: s_i = c_(K-1-i)."""
    k = len(bits)
    register = [int(bits[k - 1 - i]) for i in range(6)]
    out = np.zeros((3, k), np.uint8)
    for t in range(k):
        window = [int(bits[t]), *register]
        for i, generator in enumerate(GENERATORS):
            out[i, t] = sum(window[tap] for tap in range(7) if generator >> (6 - tap) & 1) % 2
        register = window[:6]
    return out


def oracle_circular_buffer(d: NDArray[np.int64]) -> NDArray[np.int64]:
    """Three interleaved streams one after the other, dummies (-1) included (5.1.4.2.1, 5.1.4.2.2)."""
    k = d.shape[1]
    rows = -(-k // 32)
    streams = []
    for stream in d:
        matrix = np.concatenate([np.full(32 * rows - k, -1), stream]).reshape(rows, 32)
        streams.append(matrix[:, permutation()].T.ravel())
    return np.concatenate(streams)


def oracle_places(k: int, e: int) -> NDArray[np.int64]:
    """Which bit of the flattened (3, k) streams each of e transmitted bits is."""
    w = oracle_circular_buffer(np.arange(3 * k).reshape(3, k))
    places: list[int] = []
    j = 0
    while len(places) < e:
        if w[j % len(w)] >= 0:
            places.append(int(w[j % len(w)]))
        j += 1
    return np.array(places, np.int64)


def oracle_crc16(bits: Bits) -> int:
    """Remainder of bits * D^16 by D^16 + D^12 + D^5 + 1."""
    remainder = 0
    for bit in [*bits, *(16 * [0])]:
        remainder = remainder << 1 | int(bit)
        if remainder >> 16:
            remainder ^= 0x11021
    return remainder


def exhaustive_decode(llr: NDArray[np.float64]) -> Bits:
    """Maximum likelihood: one Viterbi search for each of the 64 states at which a code word may start and end.

    States hold the newest bit in the most significant place.
    """
    n, _, k = llr.shape
    before = np.array([[(state & 31) << 1, (state & 31) << 1 | 1] for state in range(64)])
    signs = np.empty((64, 2, 3))
    for state in range(64):
        for branch in range(2):
            window = (state >> 5) << 6 | before[state, branch]
            signs[state, branch] = [1 - 2 * ((window & g).bit_count() % 2) for g in GENERATORS]
    metrics = np.einsum("nik,sbi->nksb", llr, signs)
    best, out = np.full(n, -np.inf), np.zeros((n, k), np.uint8)
    for start in range(64):
        path = np.full((n, 64), -1e12)
        path[:, start] = 0
        choices = np.zeros((k, n, 64), np.uint8)
        for t in range(k):
            branches = path[:, before] + metrics[:, t]
            choices[t] = branches[..., 1] > branches[..., 0]
            path = branches.max(axis=2)
        better = path[:, start] > best
        best[better] = path[better, start]
        at, bits = np.full(n, start), np.zeros((n, k), np.uint8)
        for t in reversed(range(k)):
            bits[:, t] = at >> 5
            at = before[at, choices[t, np.arange(n), at]]
        out[better] = bits[better]
    return out


def noisy_words(k: int, n: int, ebn0_db: float, seed: int) -> tuple[Bits, NDArray[np.int16]]:
    """Random bits (n, k), and soft bits (n, 3, k) of scale 16 after BPSK and white noise."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (n, k), dtype=np.uint8)
    code = np.array([conv.encode(word) for word in bits])
    variance = 1.5 / 10 ** (ebn0_db / 10)
    y = 1 - 2.0 * code + rng.normal(0, np.sqrt(variance), code.shape)
    return bits, np.clip(np.rint(16 * 2 * y / variance), -8191, 8191).astype(np.int16)


words = st.integers(6, 120).flatmap(lambda k: st.lists(st.integers(0, 1), min_size=k, max_size=k))


@settings(max_examples=60, deadline=None)
@given(word=words)
def test_encoder_is_the_shift_register(word: list[int]) -> None:
    bits = np.array(word, np.uint8)
    assert np.array_equal(conv.encode(bits), oracle_encode(bits))


@settings(max_examples=60, deadline=None)
@given(word=words, e=st.integers(0, 700))
def test_rate_matching_is_that_of_the_clause(word: list[int], e: int) -> None:
    d = oracle_encode(np.array(word, np.uint8))
    assert np.array_equal(conv.rate_match(d, e), d.ravel()[oracle_places(len(word), e)])


@pytest.mark.parametrize("k", [6, 31, 32, 33, 40, 44, 64, 65, 128])
def test_rate_matching_puts_every_bit_where_the_table_says(k: int) -> None:
    for bit in range(3 * k):
        d = np.zeros(3 * k, np.uint8)
        d[bit] = 1
        assert np.flatnonzero(conv.rate_match(d.reshape(3, k), 3 * k)) == np.flatnonzero(oracle_places(k, 3 * k) == bit)


@settings(max_examples=40, deadline=None)
@given(k=st.integers(6, 100), e=st.integers(0, 1000), seed=st.integers(0, 2**32 - 1))
def test_rate_recovery_sums_repeats(k: int, e: int, seed: int) -> None:
    llr = np.random.default_rng(seed).integers(-300, 300, e).astype(np.int16)
    expected = np.zeros(3 * k, np.int64)
    np.add.at(expected, oracle_places(k, e), llr)
    assert np.array_equal(conv.rate_recover(llr, k).ravel(), expected)


def test_rate_recovery_saturates() -> None:
    llr = np.full(3 * 40 * 16, 8191, np.int16)
    llr[1::2] = -8191
    assert set(np.unique(conv.rate_recover(llr, 40))) == {-32767, 32767}


@settings(max_examples=60, deadline=None)
@given(word=words, magnitude=st.sampled_from([1, 16, 255, 8191, 32767]), e_factor=st.sampled_from([2, 3, 9, 40]))
def test_clean_word_is_decoded(word: list[int], magnitude: int, e_factor: int) -> None:
    bits = np.array(word, np.uint8)
    e = max(e_factor * len(word), 72)
    sent = conv.rate_match(conv.encode(bits), e).astype(np.int32)
    llr = ((1 - 2 * sent) * magnitude).astype(np.int16)
    assert np.array_equal(conv.decode(conv.rate_recover(llr, len(word))), bits)


@pytest.mark.parametrize("k", [conv.MIN_K, 7, 13, 47, 48, 49, 500, conv.MAX_K])
def test_lengths_about_the_run_in_and_the_limits(k: int) -> None:
    bits, llr = noisy_words(k, 9, 12.0, seed=k)
    assert np.array_equal(conv.decode_batch(llr), bits)
    assert np.array_equal(conv.decode(llr[4]), bits[4])


@pytest.mark.parametrize(("k", "ebn0_db", "blocks"), [(44, 2.0, 300), (44, 0.5, 200), (28, 1.0, 200), (72, 1.0, 100)])
def test_block_errors_are_close_to_those_of_maximum_likelihood(k: int, ebn0_db: float, blocks: int) -> None:
    bits, llr = noisy_words(k, blocks, ebn0_db, seed=1000 + k)
    errors = int((conv.decode_batch(llr) != bits).any(axis=1).sum())
    least = int((exhaustive_decode(llr.astype(float)) != bits).any(axis=1).sum())
    # 0.2 dB are a factor of about 1.6 in block errors at 2 dB; three blocks more are within chance.
    assert errors <= 1.3 * least + 3


@settings(max_examples=40, deadline=None)
@given(k=st.integers(conv.MIN_K, 150), n=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_a_word_is_decoded_alike_in_any_company(k: int, n: int, seed: int) -> None:
    llr = np.random.default_rng(seed).normal(20, 30, (n, 3, k)).astype(np.int16)
    together = conv.decode_batch(llr)
    assert np.array_equal(together, [conv.decode(word) for word in llr])
    assert np.array_equal(together[::-1], conv.decode_batch(llr[::-1]))


def test_noise_alone_passes_the_crc_no_more_often_than_by_chance() -> None:
    rng = np.random.default_rng(11)
    places = conv.Candidates(np.arange(400) % 50, np.full(400, 1), 28 + np.arange(400) // 50, 72)
    masks = [0x003D, 0xFFFF, 0x1234, 0xABCD]
    tries, found = 0, 0
    for _ in range(40):
        llr = rng.normal(0, 60, 50 * 72).astype(np.int16)
        for mask in masks:
            tries += 400
            found += len(places.find(llr, np.zeros(50, np.uint8), mask))
    assert found <= 2**-16 * tries + 4 * np.sqrt(2**-16 * tries) + 1


@pytest.mark.parametrize("scale", [0.25, 4, 64, 250])
def test_scale_of_soft_bits_costs_nothing(scale: float) -> None:
    bits, llr = noisy_words(44, 1000, 2.0, seed=5)
    scaled = np.clip(np.rint(llr.astype(float) * scale), -32767, 32767).astype(np.int16)
    reference = int((conv.decode_batch(llr) != bits).any(axis=1).sum())
    errors = int((conv.decode_batch(scaled) != bits).any(axis=1).sum())
    assert abs(errors - reference) <= 5


def test_extreme_and_mixed_soft_bits_do_not_wrap_the_metrics() -> None:
    rng = np.random.default_rng(8)
    bits = rng.integers(0, 2, (200, 300), dtype=np.uint8)
    signs = 1 - 2 * np.array([conv.encode(word) for word in bits]).astype(np.int32)
    magnitudes = rng.choice([0, 1, 50, 32767], size=signs.shape, p=[0.1, 0.1, 0.1, 0.7])
    assert np.array_equal(conv.decode_batch((signs * magnitudes).astype(np.int16)), bits)
    flood = rng.choice(np.array([-32768, 32767], np.int16), size=(50, 3, 300))
    as_weak = np.sign(flood.astype(np.int32)).astype(np.int16)
    assert np.array_equal(conv.decode_batch(flood), conv.decode_batch(as_weak))


def candidate(payload: Bits, rnti: int, e: int) -> tuple[Bits, Bits]:
    """Payload with masked CRC, and its e transmitted bits (5.3.3.2 to 5.3.3.4)."""
    masked = oracle_crc16(payload) ^ rnti
    block = np.concatenate([payload, [masked >> (15 - i) & 1 for i in range(16)]]).astype(np.uint8)
    return block, oracle_encode(block).ravel()[oracle_places(len(block), e)]


def region(seed: int, noise: float, amplitude: int = 100) -> tuple[NDArray[np.int16], list[tuple[int, int, Bits, int]]]:
    """Soft bits of 16 CCEs with five messages of mixed sizes in them, and (start, length, block, RNTI) of each."""
    rng = np.random.default_rng(seed)
    soft = np.zeros(16 * 72)
    sent = []
    for first, aggregation, size in ((0, 4, 21), (4, 1, 19), (5, 1, 27), (6, 2, 44), (8, 8, 12)):
        rnti = int(rng.integers(1, 2**16))
        block, bits = candidate(rng.integers(0, 2, size, dtype=np.uint8), rnti, 72 * aggregation)
        soft[72 * first : 72 * (first + aggregation)] = amplitude * (1 - 2.0 * bits)
        sent.append((72 * first, 72 * aggregation, block, rnti))
    return np.rint(soft + rng.normal(0, noise, soft.size)).astype(np.int16), sent


def test_search_finds_every_message_and_its_rnti() -> None:
    llr, sent = region(seed=1, noise=40)
    starts, lengths, blocks, rntis = zip(*sent, strict=True)
    bits, crc, quality = conv.search(llr, starts, lengths, [len(block) for block in blocks])
    assert bits.shape == (5, 60)
    assert crc.tolist() == list(rntis)
    for row, block in zip(bits, blocks, strict=True):
        assert np.array_equal(row[: len(block)], block)
        assert not row[len(block) :].any()
    assert ((quality > 0.9) & (quality <= 1)).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    wanted=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 252), st.integers(17, 80)), min_size=1, max_size=9),
)
def test_search_equals_its_steps_one_by_one(seed: int, wanted: list[tuple[int, int, int]]) -> None:
    llr, _ = region(seed=seed, noise=60)
    starts, lengths, ks = (np.array(column, np.int32) for column in zip(*wanted, strict=True))
    bits, crc, quality = conv.search(llr, starts, lengths, ks)
    for row, remainder, share, (start, length, k) in zip(bits, crc, quality, wanted, strict=True):
        soft = llr[start : start + length]
        alone = conv.decode(conv.rate_recover(soft, k))
        assert np.array_equal(row[:k], alone)
        parity = int("".join(map(str, alone[k - 16 :])), 2)
        assert remainder == oracle_crc16(alone[: k - 16]) ^ parity
        again = oracle_encode(alone).ravel()[oracle_places(k, length)]
        weight = np.abs(soft.astype(float))
        assert share == pytest.approx(weight[(soft < 0) == again].sum() / weight.sum(), abs=1e-5)


def test_quality_of_a_clean_message_is_one_and_of_silence_zero() -> None:
    llr, sent = region(seed=3, noise=0)
    starts, lengths, blocks, _ = zip(*sent, strict=True)
    assert (conv.search(llr, starts, lengths, [len(block) for block in blocks])[2] == 1).all()
    assert conv.search(np.zeros(72, np.int16), [0], [72], [37])[2] == 0


def test_search_from_several_threads_agrees() -> None:
    llr, sent = region(seed=4, noise=80)
    starts, lengths, blocks, _ = zip(*sent, strict=True)
    ks = [len(block) for block in blocks]
    expected = conv.search(llr, starts, lengths, ks)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: conv.search(llr, starts, lengths, ks), range(200)):
            for i in range(3):
                assert np.array_equal(result[i], expected[i])


def test_search_without_candidates_is_empty() -> None:
    bits, crc, quality = conv.search(np.zeros(72, np.int16), [], [], [])
    assert bits.shape == (0, 0)
    assert crc.shape == quality.shape == (0,)


def test_wider_integers_saturate_and_floats_are_refused() -> None:
    bits, llr = noisy_words(44, 1, 12.0, seed=2)
    assert np.array_equal(conv.decode(llr[0].astype(np.int64) * 100_000), bits[0])
    with pytest.raises(ValueError, match="int16"):
        conv.decode(llr[0].astype(float))


@pytest.mark.parametrize(
    ("starts", "lengths", "ks"),
    [
        ([-1], [72], [37]),
        ([1], [72], [37]),
        ([0], [0], [37]),
        ([0], [72], [16]),
        ([0], [72], [conv.MAX_K + 1]),
        ([0, 0], [72], [37]),
        ([0], [72], [37.5]),
        ([2**31 - 1], [72], [37]),
    ],
)
def test_search_refuses_bad_candidates(starts: list[int], lengths: list[int], ks: list[int]) -> None:
    with pytest.raises(ValueError):
        conv.search(np.zeros(72, np.int16), starts, lengths, ks)


def test_bad_shapes_and_sizes_are_refused() -> None:
    for k in (0, conv.MIN_K - 1, conv.MAX_K + 1):
        with pytest.raises(ValueError, match="outside"):
            conv.encode(np.zeros(k, np.uint8))
        with pytest.raises(ValueError, match="outside"):
            conv.rate_recover(np.zeros(72, np.int16), k)
    with pytest.raises(ValueError, match="negative"):
        conv.rate_match(np.zeros((3, 44), np.uint8), -1)
    with pytest.raises(ValueError, match="shape"):
        conv.rate_match(np.zeros((2, 44), np.uint8), 10)
    with pytest.raises(ValueError, match="shape"):
        conv.decode_batch(np.zeros((1, 2, 44), np.int16))
    with pytest.raises(ValueError, match="at most"):
        conv.rate_recover(np.zeros(conv.MAX_E + 1, np.int16), 44)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100), silent=st.lists(st.booleans(), min_size=8, max_size=8))
def test_candidates_for_a_mask_are_those_of_the_search(seed: int, silent: list[bool]) -> None:
    rng = np.random.default_rng(seed)
    first = [0, 1, 2, 4, 0, 6, 4, 0]
    count = [1, 1, 2, 2, 4, 2, 4, 8]
    k = [43, 43, 43, 31, 43, 31, 43, 43]
    llr = rng.normal(scale=30, size=8 * 72).astype(np.int16)
    _, sent = candidate(rng.integers(0, 2, 43 - 16).astype(np.uint8), 0x1234, 4 * 72)
    llr[: 4 * 72] += (200 * (1 - 2 * sent.astype(np.int16))).astype(np.int16)
    places = conv.Candidates(first, count, k, 72)
    found = places.find(llr, np.array(silent, np.uint8), 0x1234, 0x1235)
    bits, crc, quality = conv.search(llr, [72 * i for i in first], [72 * i for i in count], k)
    awake = [not any(silent[i : i + n]) for i, n in zip(first, count, strict=True)]
    expected = [i for i in range(8) if awake[i] and crc[i] in (0x1234, 0x1235)]
    assert [which for which, *_ in found] == expected
    for i, mine, mask, sure in found:
        np.testing.assert_array_equal(mine, bits[i, : k[i]])
        assert (mask, sure) == (crc[i], quality[i])


def test_candidates_that_do_not_fit_are_refused() -> None:
    for first, count, k in (([-1], [1], [43]), ([0], [0], [43]), ([0], [1], [16]), ([0, 1], [1], [43])):
        with pytest.raises(ValueError, match=r"candidate 0|outside|must be equal"):
            conv.Candidates(first, count, k, 72)
    with pytest.raises(ValueError, match="do not hold"):
        conv.Candidates([1], [1], [43], 72).find(np.zeros(72, np.int16), np.zeros(1, np.uint8), 1)


@settings(max_examples=30, deadline=None)
@given(k=st.integers(17, 70), e=st.integers(1, 600), seed=st.integers(0, 1000))
def test_halves_are_sums_of_agreeing_soft_bits(k: int, e: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, k).astype(np.uint8)
    llr = rng.integers(-8000, 8000, e).astype(np.int16)
    sent = oracle_encode(bits).ravel()[oracle_places(k, e)]
    agreeing = np.where(sent, -llr.astype(int), llr.astype(int))
    assert conv.halves(llr, bits) == (agreeing[: e // 2].sum(), agreeing[e // 2 :].sum())


def test_arrays_of_another_type_or_with_gaps_are_refused() -> None:
    llr: NDArray[np.int16] = np.zeros(144, np.int16)
    bits = np.zeros(30, np.uint8)
    wrongs: list[Any] = [llr.astype(np.int32), llr[::2], llr.reshape(2, 72)]
    places = conv.Candidates([0], [1], [43], 72)
    for wrong in wrongs:
        with pytest.raises(ValueError, match="contiguous"):
            conv.halves(wrong, bits)
        with pytest.raises(ValueError, match="contiguous"):
            places.find(wrong, np.zeros(1, np.uint8), 1)
    with pytest.raises(ValueError, match="contiguous"):
        places.find(llr, wrongs[0], 1)


def test_more_candidates_than_a_call_of_the_kernel_takes() -> None:
    llr = np.random.default_rng(6).normal(0, 60, 20 * 72).astype(np.int16)
    starts, sizes = np.arange(1100) % 1300, 20 + np.arange(1100) % 23
    bits, crc, quality = conv.search(llr, starts, np.full(1100, 72), sizes)
    for i in (0, 511, 512, 1023, 1024, 1099):
        alone = conv.search(llr, starts[i : i + 1], [72], sizes[i : i + 1])
        assert np.array_equal(bits[i, : sizes[i]], alone[0][0])
        assert (crc[i], quality[i]) == (alone[1][0], alone[2][0])


def test_halves_of_lengths_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="soft bits of a code word"):
        conv.halves(np.zeros(0, np.int16), np.zeros(30, np.uint8))
    with pytest.raises(ValueError, match="k 3"):
        conv.halves(np.zeros(72, np.int16), np.zeros(3, np.uint8))
