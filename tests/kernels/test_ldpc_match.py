"""LDPC rate matching against the clauses of TS 38.212 5.4.2, and its undoing."""

import csv
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.kernels import gold, ldpc
from support import oracle_ldpc as oracle

VECTORS = Path(__file__).parents[1] / "vectors"
SEEDS = st.integers(0, 2**32 - 1)
ORDERS = [1, 2, 4, 6, 8, 10]


@st.composite
def transmissions(draw):
    """Code, and keyword arguments e, q_m, rv, n_cb, n_filler."""
    bg, z = draw(st.sampled_from([c for c in oracle.CODES if c[1] <= 60]))
    code = ldpc.Code(bg, z)
    n_filler = draw(st.just(0) | st.integers(0, code.k - 2 * z - 1))
    n_cb = draw(st.none() | st.integers(code.k - 2 * z - n_filler, code.n))
    q_m = draw(st.sampled_from(ORDERS))
    e = q_m * draw(st.integers(0, 2 * code.n // q_m))
    return code, {"e": e, "q_m": q_m, "rv": draw(st.integers(0, 3)), "n_cb": n_cb, "n_filler": n_filler}


@given(sent=transmissions(), seed=SEEDS)
def test_selects_and_interleaves_as_the_clauses_say(sent, seed):
    code, how = sent
    coded = np.random.default_rng(seed).integers(0, 2, (2, code.n), dtype=np.uint8)
    out = code.rate_match(coded, **how)
    places = oracle.sent_places(code.bg, code.z, **how)
    assert (out == coded[:, places]).all()
    assert (code.rate_match(coded[0], **how) == out[0]).all()


@given(sent=transmissions(), seed=SEEDS)
def test_recovery_sums_where_the_bits_stand(sent, seed):
    code, how = sent
    rng = np.random.default_rng(seed)
    places = oracle.sent_places(code.bg, code.z, **how)
    llr = rng.integers(-3000, 3000, (2, how.pop("e")), dtype=np.int16)
    before = rng.integers(-9000, 9000, (2, code.n), dtype=np.int16)
    wanted = before.astype(int)
    for block, values in zip(wanted, llr, strict=True):
        np.add.at(block, places, values)
    soft = before.copy()
    assert code.rate_recover(llr, **how, soft=soft) is soft
    assert (soft == np.clip(wanted, -32767, 32767)).all() or np.abs(wanted).max() > 32767
    fresh = code.rate_recover(llr[0], **how)
    assert (fresh.astype(int) + before[0] == wanted[0]).all() or np.abs(wanted[0]).max() > 32767


def test_recovery_saturates():
    code = ldpc.Code(2, 2)
    soft = np.full(code.n, 32000, np.int16)
    code.rate_recover(np.full(code.n, 32000, np.int16), soft=soft)
    assert (soft == 32767).all()
    code.rate_recover(np.full(3 * code.n, -32768, np.int16), soft=soft)
    assert (soft == -32767).all()


def test_equals_an_independent_rate_matching():
    other = pytest.importorskip("py3gpp")
    rng = np.random.default_rng(5)
    for bg, z in ((1, 20), (2, 88), (1, 384), (2, 6)):
        code = ldpc.Code(bg, z)
        filler = code.k // 7
        coded = rng.integers(0, 2, code.n, dtype=np.uint8)
        marked = coded.astype(int)
        marked[code.k - 2 * z - filler : code.k - 2 * z] = -1
        for modulation, q_m in (("QPSK", 2), ("16QAM", 4), ("64QAM", 6), ("256QAM", 8)):
            for rv in range(4):
                e = q_m * (code.k // q_m)
                wanted = other.nrRateMatchLDPC(marked[:, None], e, rv, modulation, 1)
                assert (code.rate_match(coded, e, q_m, rv, n_filler=filler) == wanted).all()


def test_equals_a_second_independent_encoder_with_filler():
    with open(VECTORS / "ldpc_38212_sionna.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    assert {row["bg"] for row in rows} == {"1", "2"}
    for row in rows:
        bg, z, k, e, q_m = (int(row[name]) for name in ("bg", "z", "k_prime", "e", "q_m"))
        code = ldpc.Code(bg, z)
        bits = np.zeros(code.k, np.uint8)
        bits[:k] = gold.sequence(1000 * k + q_m, k)
        sent = code.rate_match(code.encode(bits), e, q_m, 0, n_filler=code.k - k)
        assert zlib.crc32(sent.tobytes()) == int(row["crc32"], 16), row


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"rv": 4}, "redundancy version 4"),
        ({"rv": -1}, "redundancy version -1"),
        ({"q_m": 3}, "Q_m=3"),
        ({"e": 7, "q_m": 2}, "E=7"),
        ({"e": -2}, "E=-2"),
        ({"n_cb": 0}, "N_cb=0"),
        ({"n_cb": 401}, "N_cb=401"),
        ({"n_filler": 65}, "0..64"),
        ({"n_filler": -1}, "0..64"),
        ({"n_filler": 64, "n_cb": 64}, "N_cb=64"),
    ],
)
def test_refuses_what_is_out_of_range(how, message):
    code = ldpc.Code(2, 8)
    with pytest.raises(ValueError, match=message):
        code.rate_match(np.zeros(code.n, np.uint8), **{"e": 100, **how})
    how.pop("e", None)
    if "E=" not in message:
        with pytest.raises(ValueError, match=message):
            code.rate_recover(np.zeros(100, np.int16), **how)


def test_refuses_llrs_that_are_not_integers():
    code = ldpc.Code(2, 8)
    for llr in (np.full(8, np.nan), np.zeros(8, np.int32), np.zeros(8, complex)):
        with pytest.raises(ValueError, match=str(llr.dtype)):
            code.rate_recover(llr)


def test_refuses_a_soft_buffer_of_another_kind():
    code = ldpc.Code(2, 8)
    for soft in (np.zeros(code.n, np.int8), np.zeros(code.n - 1, np.int16), np.zeros(2 * code.n, np.int16)[::2]):
        with pytest.raises(ValueError, match="int16"):
            code.rate_recover(np.zeros(100, np.int16), soft=soft)
