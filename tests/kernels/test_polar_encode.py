"""Polar encoder with rate matching against the clauses of TS 38.212 and an independent encoder."""

import csv
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import gold, polar
from support import oracle_polar as oracle

VECTORS = Path(__file__).parents[1] / "vectors"
SEEDS = st.integers(0, 2**32 - 1)
DOWNLINK = {"n_max": 9, "i_il": True}
UPLINK = {"n_max": 10, "i_bil": True}


def uplink(k, e):
    """Arguments of the code of UCI, with its parity bits (6.3.1.3.1)."""
    parity = {"n_pc": 3, "n_pc_wm": int(e - k + 3 > 192)} if 18 <= k <= 25 else {}
    return UPLINK | parity


def by_the_clauses(bits, e, how):
    return oracle.encode(bits, e, **{"n_wm" if name == "n_pc_wm" else name: value for name, value in how.items()})


@st.composite
def codes(draw):
    """K, E and the other arguments of a code, whether or not the bits fit."""
    if draw(st.booleans()):
        k = draw(st.integers(25, 164))
        how = {"n_max": draw(st.integers(5, 10)), "i_il": True, "i_bil": draw(st.booleans())}
    else:
        k = draw(st.integers(18, 25) | st.integers(1, 1024))
        how = {"n_max": draw(st.integers(5, 10)), "i_bil": draw(st.booleans()), "n_pc": draw(st.integers(0, 3))}
        how["n_pc_wm"] = draw(st.integers(0, min(1, how["n_pc"])))
    e = draw(st.integers(k, min(8192, 3 * k + 20)) | st.integers(k, 8192) | st.sampled_from([32, 64, 256, 1024, 8192]))
    return k, e, how


@settings(max_examples=300, deadline=None)
@given(code=codes(), seed=SEEDS)
def test_equals_the_clauses(code, seed):
    k, e, how = code
    bits = np.random.default_rng(seed).integers(0, 2, k, dtype=np.uint8)
    try:
        wanted = by_the_clauses(bits, e, how)
    except ValueError:
        with pytest.raises(ValueError, match=r"fit|outside"):
            polar.Code(k, e, **how)
        return
    made = polar.Code(k, e, **how)
    assert made.n == 2 ** oracle.log_length(k, e, how["n_max"])
    assert made.matching == oracle.matching(k, e, made.n)
    assert (made.encode(bits) == wanted).all()


def lengths(k, most):
    """Values of E on both sides of the borders of K/E and N, and the extremes."""
    n = 1 << (k - 1).bit_length()
    found = {k + 3, n - 1, n, n + 1, 9 * n // 8, 9 * n // 8 + 1, 16 * k // 7, 16 * k // 7 + 1, 3 * k, 8 * k, most}
    return [e for e in sorted(found) if k + 3 <= e <= most]


def round_trip(k, e, how, rng):
    code = polar.Code(k, e, **how)
    bits = rng.integers(0, 2, k, dtype=np.uint8)
    sent = code.encode(bits)
    assert (sent == by_the_clauses(bits, e, how)).all(), code
    for list_size in (1, 8):
        assert (code.decode(1 - 2.0 * sent, list_size)[0] == bits).all(), (code, list_size)


def test_every_block_size_of_the_uplink():
    rng = np.random.default_rng(1)
    for k in range(12, 1024):
        choice = lengths(k, 8192 if k % 16 == 0 else 2100)
        round_trip(k, choice[k % len(choice)], uplink(k, choice[k % len(choice)]), rng)


def test_every_block_size_of_the_downlink():
    rng = np.random.default_rng(2)
    for k in range(25, 165):
        for e in lengths(k, 1728)[k % 3 :: 3]:
            round_trip(k, e, DOWNLINK, rng)


def test_every_block_size_of_the_uplink_fits_at_its_highest_rate():
    for k in range(12, 1024):
        for e in (k + 3, k + 4, min(8192, 2 * k)):
            assert polar.Code(k, e, **uplink(k, e)).kinds.tolist().count(1) == k


def test_parity_bits_stand_where_the_clause_says():
    for k in range(18, 26):
        for e in (k + 3, 100, 189 + k, 190 + k, 1000):
            how = uplink(k, e)
            code = polar.Code(k, e, **how)
            q_i, q_pc = oracle.index_sets(k, e, code.n, 3, how["n_pc_wm"])
            assert np.flatnonzero(code.kinds).tolist() == q_i
            assert np.flatnonzero(code.kinds == 2).tolist() == q_pc


def test_equals_an_independent_encoder_in_the_downlink():
    other = pytest.importorskip("py3gpp")
    rng = np.random.default_rng(3)
    for k in range(36, 165):
        bits = rng.integers(0, 2, k, dtype=np.uint8)
        e = (512, 864, 1728)[k % 3]
        wanted = other.nrRateMatchPolar(other.nrPolarEncode(bits, e, nmax=9, iil=True), k, e)
        assert (polar.Code(k, e, **DOWNLINK).encode(bits) == wanted).all()


def test_equals_an_independent_encoder_in_the_uplink():
    other = pytest.importorskip("py3gpp")
    rng = np.random.default_rng(4)
    for k in [*range(26, 257, 3), *range(257, 1024, 23)]:
        bits = rng.integers(0, 2, k, dtype=np.uint8)
        log_n = min(10, (8 * k - 1).bit_length(), 8 if k <= 200 else 10)
        e = (1 << log_n) + k % 5
        wanted = other.nrRateMatchPolar(other.nrPolarEncode(bits, e, nmax=log_n), k, e)
        assert (polar.Code(k, e, n_max=log_n).encode(bits) == wanted).all()


def test_equals_a_second_independent_encoder():
    """Every size of UCI with 11 check bits and of DCI: shortened, punctured and repeated, both interleavers."""
    seen = set()
    with open(VECTORS / "polar_38212_sionna.csv", encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if line[0] != "#"):
            a, e = int(row["a"]), int(row["e"])
            kind, how = ("24C", DOWNLINK) if row["link"] == "downlink" else ("11", UPLINK)
            code = polar.Code(a + polar.CRC_LENGTHS[kind], e, **how)
            sent = code.encode(gold.sequence(1000 * a + e, a), kind)
            assert zlib.crc32(sent.tobytes()) == int(row["crc32"], 16), row
            seen.add((row["link"], a, code.matching))
    assert {a for link, a, _ in seen if link == "uplink"} >= set(range(20, 1013)) - {157, 267, 327}
    assert {a for link, a, _ in seen if link == "downlink"} == set(range(1, 141))
    assert {how for _, _, how in seen} == {"puncturing", "shortening", "repetition"}


@pytest.mark.parametrize("kind", ["24C", "11", "6"])
def test_checksums_equal_long_division_and_an_independent_implementation(kind):
    rng = np.random.default_rng(5)
    for n in (1, 5, 24, 40, 140, 1012):
        bits = rng.integers(0, 2, n, dtype=np.uint8)
        length = polar.CRC_LENGTHS[kind]
        made = [polar.checksum(bits, kind) >> (length - 1 - i) & 1 for i in range(length)]
        assert made == oracle.checksum(bits, kind)
        other = pytest.importorskip("py3gpp")
        assert made == other.nrCRCEncode(bits, kind)[n:, 0].tolist()


@given(k=st.integers(30, 164), kind=st.sampled_from(["24C", "11", "6"]), seed=SEEDS)
def test_attaches_the_checksum_with_its_mask(k, kind, seed):
    rng = np.random.default_rng(seed)
    code, length = polar.Code(k, 400, **DOWNLINK), polar.CRC_LENGTHS[kind]
    payload = rng.integers(0, 2, (3, k - length), dtype=np.uint8)
    mask = int(rng.integers(0, 1 << length))
    checks = [polar.checksum(p, kind) ^ mask for p in payload]
    complete = [[*p, *(c >> (length - 1 - i) & 1 for i in range(length))] for p, c in zip(payload, checks, strict=True)]
    assert (code.encode(payload, kind, mask) == code.encode(np.array(complete, np.uint8))).all()


def test_a_block_does_not_depend_on_its_neighbours_nor_on_upper_bits():
    code, rng = polar.Code(64, 432, **DOWNLINK), np.random.default_rng(6)
    bits = rng.integers(0, 256, (9, 64), dtype=np.uint8)
    together = code.encode(bits)
    assert together.shape == (9, 432)
    assert all((code.encode(b & 1) == word).all() for b, word in zip(bits, together, strict=True))
    assert (code.encode(bits[::2, ::-1].tolist()) == code.encode(bits[::2, ::-1])).all()
    assert code.encode(np.empty((0, 64), np.uint8)).shape == (0, 432)


def test_interleavers_are_permutations():
    assert sorted(polar.RELIABILITY) == list(range(1024))
    for k in range(1, 165):
        assert sorted(oracle.interleaver(k)) == list(range(k))
    for e in (1, 2, 3, 7, 300, 8192):
        assert sorted(oracle.triangle(list(range(e)))) == list(range(e))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0, "e": 100}, "K=0"),
        ({"k": 165, "e": 400, "i_il": True}, "1..164"),
        ({"k": 513, "e": 1000}, "1..512"),
        ({"k": 1025, "e": 2000, "n_max": 10}, "1..1024"),
        ({"k": 20, "e": 0}, "E=0"),
        ({"k": 20, "e": 8193}, "E=8193"),
        ({"k": 20, "e": 100, "n_max": 4}, "n_max=4"),
        ({"k": 20, "e": 100, "n_max": 11}, "n_max=11"),
        ({"k": 20, "e": 100, "n_pc": 4}, "4 parity bits"),
        ({"k": 20, "e": 100, "n_pc": 1, "n_pc_wm": 2}, "parity bits"),
        ({"k": 20, "e": 19}, "do not fit"),
        ({"k": 20, "e": 22, "n_pc": 3}, "do not fit"),
    ],
)
def test_refuses_what_is_no_code(arguments, message):
    with pytest.raises(ValueError, match=message):
        polar.Code(**arguments)


@pytest.mark.parametrize("arguments", [(0, 100), (20, 0), (20, 100, 11), (-5, 100)])
def test_refuses_lengths_that_are_none(arguments):
    with pytest.raises(ValueError, match=r"positive|n_max"):
        polar.code_length(*arguments)


def test_refuses_bits_of_another_length_and_unknown_checksums():
    code = polar.Code(40, 100)
    for shape in ((39,), (2, 41), (1, 2, 40), ()):
        with pytest.raises(ValueError, match="40"):
            code.encode(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="16"):
        code.encode(np.zeros(40, np.uint8), "24C")
    with pytest.raises(ValueError, match="no checksum '16'"):
        code.encode(np.zeros(24, np.uint8), "16")
    with pytest.raises(ValueError, match="mask"):
        code.encode(np.zeros(34, np.uint8), "6", 64)
    with pytest.raises(ValueError, match="no checksum '16'"):
        polar.checksum(np.zeros(24, np.uint8), "16")
    with pytest.raises(ValueError, match="one dimension"):
        polar.checksum(np.zeros((2, 24), np.uint8), "11")
    with pytest.raises(ValueError, match="24 bits does not fit"):
        polar.Code(20, 100).encode(np.zeros(0, np.uint8), "24C")
