"""LDPC decoder: every code, hostile input, early stop, and its loss against sum-product decoding."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import crc, isa, ldpc
from support import oracle_ldpc as oracle

SEEDS = st.integers(0, 2**32 - 1)
SMALL = st.sampled_from([c for c in oracle.CODES if c[1] <= 72])


def words(code, count, rng, n_filler=0):
    """Random bits of `count` blocks and their code words."""
    bits = rng.integers(0, 2, (count, code.k), dtype=np.uint8)
    bits[:, code.k - n_filler :] = 0
    return bits, code.encode(bits)


def received(coded, snr_db, rng):
    """LLRs of BPSK over white noise of the given Es/N0, N0 in one dimension."""
    variance = 10 ** (-snr_db / 10)
    return 2 / variance * (1 - 2.0 * coded + np.sqrt(variance) * rng.normal(size=coded.shape))


@pytest.mark.parametrize(("bg", "z"), oracle.CODES)
def test_decodes_every_code_at_its_highest_and_lowest_rate(bg, z):
    code, rng = ldpc.Code(bg, z), np.random.default_rng([bg, z])
    for columns, snr_db in ((code.k // z + 2, 12), (code.n // z, 4)):
        bits, coded = words(code, 7, rng)
        out, ok, iterations = code.decode(received(coded[:, : columns * z], snr_db, rng), 20)
        assert ok.all()
        assert (out == bits).all()
        assert iterations.max() < 20


@given(code=SMALL, count=st.integers(1, 70), seed=SEEDS)
def test_a_block_does_not_depend_on_its_neighbours(code, count, seed):
    code, rng = ldpc.Code(*code), np.random.default_rng(seed)
    _, coded = words(code, count, rng)
    llr = code.quantise(received(coded, rng.uniform(-1, 4), rng))
    llr[rng.integers(0, 4, count) == 0, code.k + 2 * code.z :] = 0  # of some blocks less was received
    bits, ok, iterations = code.decode(llr)
    for i in {0, count // 2, count - 1}:
        alone = code.decode(llr[i])
        assert (alone[0] == bits[i]).all()
        assert alone[1:] == (ok[i], iterations[i])


@given(code=SMALL, seed=SEEDS, e_per_k=st.floats(1.3, 3), rv=st.sampled_from([0, 3]), share=st.floats(0, 0.6))
def test_undoes_rate_matching_with_filler(code, seed, e_per_k, rv, share):
    code, rng = ldpc.Code(*code), np.random.default_rng(seed)
    n_filler = int(share * (code.k - 4 * code.z))
    how = {"q_m": 4, "rv": rv, "n_filler": n_filler}
    bits, coded = words(code, 3, rng, n_filler)
    e = 4 * int(max(e_per_k * (code.k - n_filler), code.k - n_filler + 6 * code.z) / 4)
    sent = code.rate_match(coded, e, **how)
    first = code.rate_recover((300 * (1 - 2 * sent.astype(int))).astype(np.int16), **how)
    out, ok, _ = code.decode(first, 30, n_filler=n_filler)
    assert ok.all()
    assert (out == bits).all()


def test_combining_transmissions_decodes_what_one_does_not():
    code, rng = ldpc.Code(1, 64), np.random.default_rng(3)
    bits, coded = words(code, 20, rng)
    soft = np.zeros((20, code.n), np.int16)
    passed = []
    for rv in (0, 2, 3, 1):
        sent = code.rate_match(coded, 1600, 2, rv)
        llr = np.clip(100 * received(sent, 2.0, rng), -32000, 32000).astype(np.int16)
        code.rate_recover(llr, 2, rv, soft=soft)
        out, ok, _ = code.decode(soft, 12)
        assert (out[ok] == bits[ok]).all()
        passed.append(int(ok.sum()))
    assert passed[0] == 0
    assert passed[-1] == 20


@pytest.mark.parametrize("kind", ["24A", "24B", "16"])
def test_stops_by_checksum(kind):
    code, rng = ldpc.Code(2, 36), np.random.default_rng(4)
    length, n_filler = crc.LENGTHS[kind], 40
    bits = rng.integers(0, 2, (9, code.k), dtype=np.uint8)
    bits[:, code.k - n_filler :] = 0
    end = code.k - n_filler
    for block in bits:
        check = crc.crc_bits(block[: end - length], kind)
        block[end - length : end] = [check >> (length - 1 - i) & 1 for i in range(length)]
    coded = code.encode(bits)
    llr = received(coded, 3, rng)
    out, ok, iterations = code.decode(llr, 30, crc=kind, n_filler=n_filler)
    assert ok.all()
    assert (out == bits).all()
    assert iterations.max() < 30
    wrong = coded.copy()
    wrong[3] ^= code.encode(np.eye(1, code.k, 100, dtype=np.uint8)[0])  # another code word, its checksum wrong
    _, ok, iterations = code.decode(received(wrong, 3, rng), 5, crc=kind, n_filler=n_filler)
    assert ok.tolist() == [i != 3 for i in range(9)]
    assert iterations[3] == 5


def test_early_stop_changes_the_iterations_and_not_the_bits():
    code, rng = ldpc.Code(1, 48), np.random.default_rng(5)
    bits, coded = words(code, 8, rng)
    llr = received(coded, 5, rng)
    stopped, full = code.decode(llr, 9), code.decode(llr, 9, early_stop=False)
    assert (stopped[0] == bits).all()
    assert (full[0] == bits).all()
    assert stopped[1].all()
    assert full[1].all()
    assert stopped[2].max() < 9
    assert (full[2] == 9).all()


def test_gives_up_on_noise():
    code, rng = ldpc.Code(1, 40), np.random.default_rng(6)
    _, ok, iterations = code.decode(rng.normal(size=(12, code.n)), 7)
    assert not ok.any()
    assert (iterations == 7).all()


@pytest.mark.parametrize("crc_kind", [None, "24A", "24B", "16"])
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, np.float64])
def test_nothing_received_is_never_right(dtype, crc_kind):
    code = ldpc.Code(2, 13)
    for length in (0, 1, 20 * 13, code.n):
        _, ok, _ = code.decode(np.zeros((3, length), dtype), crc=crc_kind)
        assert not ok.any()


def test_parity_alone_does_not_make_zeros_a_block():
    code = ldpc.Code(1, 26)
    llr = np.zeros(code.n, np.int8)
    llr[code.k : code.k + 4 * 26] = 50
    for kind in (None, "24A"):
        assert not code.decode(llr, crc=kind)[1]


@settings(max_examples=60)
@given(code=SMALL, seed=SEEDS, n_filler=st.integers(0, 20), dtype=st.sampled_from(["b", "h", "f", "d"]))
def test_hostile_input_gives_bits_all_the_same(code, seed, n_filler, dtype):
    code, rng = ldpc.Code(*code), np.random.default_rng(seed)
    n_filler = min(n_filler, code.k - 2 * code.z)
    shape = (int(rng.integers(1, 5)), int(rng.integers(0, code.n + 1)))
    if dtype in "bh":
        info = np.iinfo(dtype)
        llr = rng.choice([info.min, info.max, 0, -1, 1], size=shape).astype(dtype)
    else:
        llr = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0.0, -1.0], size=shape).astype(dtype)
    bits, _, iterations = code.decode(llr, 3, n_filler=n_filler)
    assert bits.max() <= 1
    assert (bits[:, code.k - n_filler :] == 0).all() or not n_filler
    assert ((iterations >= 1) & (iterations <= 3)).all()
    assert code.quantise(llr, n_filler).dtype == np.int8


def test_saturated_llrs_decode():
    code, rng = ldpc.Code(1, 384), np.random.default_rng(7)
    bits, coded = words(code, 2, rng)
    sign = 1 - 2 * coded.astype(int)
    for llr in ((127 * sign).astype(np.int8), (32767 * sign).astype(np.int16), np.inf * sign, 1e-30 * sign):
        for n_iterations in (1, 6, 60):
            out, ok, _ = code.decode(llr, n_iterations, early_stop=False)
            assert ok.all()
            assert (out == bits).all()


def test_nan_counts_as_not_received():
    code, rng = ldpc.Code(2, 44), np.random.default_rng(8)
    bits, coded = words(code, 3, rng)
    llr = received(coded, 6, rng)
    llr[:, ::9] = np.nan
    out, ok, _ = code.decode(llr, 20)
    assert ok.all()
    assert (out == bits).all()


def test_the_scale_of_float_and_int16_llrs_does_not_matter():
    code, rng = ldpc.Code(1, 30), np.random.default_rng(9)
    _, coded = words(code, 6, rng)
    llr = received(coded, 0, rng)
    wanted = code.decode(llr, early_stop=False)[0]
    for scale in (2.0**-60, 2.0**60):
        assert (code.decode(scale * llr, early_stop=False)[0] == wanted).all()
    rounded = np.rint(64 * llr).astype(np.int16)
    assert (code.decode(rounded)[0] == code.decode((2 * rounded).astype(np.int16))[0]).all()


def test_threads_may_share_a_code():
    code, rng = ldpc.Code(1, 56), np.random.default_rng(10)
    bits, coded = words(code, 64, rng)
    llr = received(coded, 3, rng)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: code.decode(llr[4 * i : 4 * i + 4], 20), range(16)))
    assert (np.concatenate([p[0] for p in parts]) == bits).all()


@pytest.mark.parametrize(
    ("bg", "z", "columns", "snr_db", "blocks"),
    [
        (1, 384, 24, 7.05, 40),
        (2, 384, 12, 5.85, 60),
        (1, 96, 66, -0.4, 40),
        (2, 128, 50, -2.8, 60),
        (1, 96, 24, 7.2, 100),
    ],
)
def test_loses_little_against_sum_product(bg, z, columns, snr_db, blocks):
    """Errors at an SNR 0.2 dB higher are no more than those of floating-point sum-product decoding."""
    code, rng = ldpc.Code(bg, z), np.random.default_rng([1, bg, z, columns])
    bits, coded = words(code, blocks, rng)
    noise = rng.normal(size=(blocks, columns * z))

    def llr(snr):
        variance = 10 ** (-snr / 10)
        return 2 / variance * (1 - 2.0 * coded[:, : columns * z] + np.sqrt(variance) * noise)

    reference = np.concatenate([oracle.sum_product(bg, z, part, 6) for part in np.array_split(llr(snr_db), 10)])
    wrong = (reference != bits).any(axis=1).sum()
    assert 0 < wrong < blocks
    for given_llr in (code.quantise(llr(snr_db + 0.2)), llr(snr_db + 0.2)):
        assert (code.decode(given_llr, 6, early_stop=False)[0] != bits).any(axis=1).sum() <= wrong


@pytest.mark.parametrize(
    ("llr", "how", "message"),
    [
        (np.zeros(401, np.int8), {}, "401 LLRs"),
        (np.zeros((1, 2, 400), np.int8), {}, "shape"),
        (np.zeros(400, np.int32), {}, "int32"),
        (np.zeros(400, complex), {}, "complex128"),
        (np.zeros(400, np.int8), {"n_iterations": 0}, "1..255"),
        (np.zeros(400, np.int8), {"n_iterations": 256}, "1..255"),
        (np.zeros(400, np.int8), {"crc": "8"}, "checksum"),
        (np.zeros(400, np.int8), {"n_filler": 65}, "0..64"),
        (np.zeros(400, np.int8), {"n_filler": -1}, "0..64"),
    ],
)
def test_refuses_what_is_out_of_range(llr, how, message):
    with pytest.raises(ValueError, match=message):
        ldpc.Code(2, 8).decode(llr, **how)


ANY_INPUT = """
import hashlib
import numpy as np
from picocell.kernels import ldpc

digest = hashlib.sha256()
for bg, z in ((1, 384), (1, 208), (2, 104), (1, 20), (2, 3)):
    code, rng = ldpc.Code(bg, z), np.random.default_rng(z)
    bits = rng.integers(0, 2, (9, code.k), dtype=np.uint8)
    coded = code.encode(bits)
    llr = code.quantise(1 - 2.0 * coded + rng.normal(size=coded.shape))
    for given in (llr, rng.integers(-128, 128, (9, code.n), dtype=np.int8), llr[:, : code.k + 3 * z]):
        for part in code.decode(given):
            digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(coded.tobytes())
print(digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    def run(level):
        environment = {**os.environ, "PICOCELL_ISA": level}
        command = [sys.executable, "-c", ANY_INPUT]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert len({run(level) for level in isa.AVAILABLE}) == 1
