"""Polar decoders against decoding bit by bit in floating point, hostile input, checksums."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import isa, polar
from support import oracle_polar as oracle

SEEDS = st.integers(0, 2**32 - 1)
DCI = {"n_max": 9, "i_il": True}
UCI = {"n_max": 10, "i_bil": True}
PARITY = UCI | {"n_pc": 3}


def received(coded, snr_db, rng):
    """BPSK over white noise of the given Es/N0, N0 in one dimension, as LLRs."""
    variance = 10 ** (-snr_db / 10)
    return 2 / variance * (1 - 2.0 * coded + np.sqrt(variance) * rng.normal(size=coded.shape))


def sent(code, count, rng, crc=None, mask=0):
    """Bits of blocks, without checksum, and what is sent."""
    bits = rng.integers(0, 2, (count, code.k - polar.CRC_LENGTHS.get(crc, 0)), dtype=np.uint8)
    return bits, code.encode(bits, crc, mask)


def errors(found, bits):
    return int((found[:, : bits.shape[1]] != bits).any(axis=1).sum())


@pytest.mark.parametrize(
    ("k", "e", "how", "crc", "snr_db"),
    [
        (64, 432, DCI, "24C", -5.6),  # puncturing
        (64, 108, DCI, "24C", 2.0),  # shortening
        (56, 864, DCI, "24C", -9.0),  # repetition
        (20, 200, PARITY, "6", -7.0),
        (22, 30, PARITY, "6", 3.0),
        (25, 600, PARITY | {"n_wm": 1}, "6", -11.0),
        (100, 256, UCI, "11", -1.2),
        (200, 300, UCI, "11", 2.6),
    ],
)
@pytest.mark.parametrize("list_size", [1, 8])
def test_errs_as_often_as_going_bit_by_bit(k, e, how, crc, snr_db, list_size):
    """Blocks that only one of both decodes are few, and about as many either way."""
    rng, count = np.random.default_rng([k, e]), 120
    code = polar.Code(k, e, **{"n_pc_wm" if name == "n_wm" else name: value for name, value in how.items()})
    bits, coded = sent(code, count, rng, crc)
    llr = received(coded, snr_db if list_size > 1 else snr_db + 1, rng)
    found, ok = code.decode(llr, list_size, crc)
    wanted, wanted_ok = oracle.decode(llr, k, list_size, crc, **how)
    wrong, wanted_wrong = (found[:, : bits.shape[1]] != bits).any(1), (wanted[:, : bits.shape[1]] != bits).any(1)
    assert 2 < wanted_wrong.sum() < count - 2
    assert (wrong & ~wanted_wrong).sum() <= 8
    assert (wanted_wrong & ~wrong).sum() <= 8
    assert abs(int(ok.sum()) - int(wanted_ok.sum())) <= 7
    assert (found == wanted).all(axis=1).mean() > 0.6


@pytest.mark.parametrize("list_size", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(("k", "e"), [(20, 32), (16, 32), (28, 32), (50, 64), (60, 64), (64, 64), (31, 32), (32, 32)])
def test_nodes_keep_the_paths_that_single_bits_would(k, e, list_size):
    """The most likely path costs the same as that of a list decoder that goes down to every bit."""
    rng, count = np.random.default_rng([k, list_size]), 200
    code = polar.Code(k, e, n_max=6)
    mean = 7 + 16 * k / e
    magnitude = np.linspace(1, 2 * mean - 1, e)  # of the mean that the decoder scales to
    llr = np.rint(rng.permuted(np.tile(magnitude, (count, 1)), axis=1)) * rng.choice([-1.0, 1.0], (count, e))
    llr[:, 0] += np.copysign(mean * e - np.abs(llr).sum(axis=1), llr[:, 0])
    found, _ = code.decode(llr, list_size)
    wanted, _ = oracle.decode(llr, k, list_size, n_max=6)

    def cost(bits):
        return (np.abs(llr) * (code.encode(bits) != (llr < 0))).sum(axis=1)

    difference = cost(found) - cost(wanted)
    assert (np.abs(difference) < 1.5).mean() > (0.9 if list_size > 1 else 0.8)  # ties and rounding part some
    assert abs(difference.mean()) < 1.5


def test_a_list_gains_a_decibel_over_one_path():
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(1)
    bits, coded = sent(code, 3000, rng, "24C")
    one = errors(code.decode(received(coded, -4.5, rng), 1, "24C")[0], bits)
    eight = errors(code.decode(received(coded, -5.5, rng), 8, "24C")[0], bits)
    assert 3000 * 0.15 < eight < one < 3000 * 0.4


def test_a_longer_list_errs_less():
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(2)
    bits, coded = sent(code, 2000, rng, "24C")
    llr = received(coded, -5.5, rng)
    wrong = [errors(code.decode(llr, size, "24C")[0], bits) for size in polar.LIST_SIZES]
    assert all(a > 1.15 * b for a, b in pairwise(wrong))


@pytest.mark.parametrize(("snr_db", "least", "most"), [(-5.5, 0.15, 0.19), (-5.0, 0.055, 0.08), (-4.5, 0.014, 0.03)])
def test_block_errors_of_a_control_channel_are_what_they_were(snr_db, least, most):
    """K=64, E=432, list of 8; bounds three standard deviations off what floating point gives."""
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(3)
    bits, coded = sent(code, 4000, rng, "24C")
    assert least < errors(code.decode(received(coded, snr_db, rng), 8, "24C")[0], bits) / 4000 < most


@pytest.mark.parametrize("list_size", polar.LIST_SIZES)
def test_the_checksum_finds_its_block_and_no_other(list_size):
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(4)
    bits, coded = sent(code, 50, rng, "24C", 0x1234)
    llr = received(coded, -1, rng)
    found, ok = code.decode(llr, list_size, "24C", 0x1234)
    assert ok.all()
    assert (found[:, :40] == bits).all()
    found, ok = code.decode(llr, list_size, "24C", 0x1235)
    assert not ok.any()
    assert (found[:, :40] == bits).all()
    assert code.decode(llr, list_size)[1].all()


def test_noise_is_rarely_taken_for_a_block():
    code, rng = polar.Code(25, 100, **PARITY), np.random.default_rng(5)
    _, ok = code.decode(rng.normal(size=(4000, 100)), 8, "6")
    assert 0 < ok.mean() < 8 / 64 * 1.3
    assert not polar.Code(64, 432, **DCI).decode(rng.normal(size=(4000, 432)), 8, "24C")[1].any()


@given(k=st.integers(12, 400), ratio=st.floats(1.05, 5), list_size=st.sampled_from(polar.LIST_SIZES), seed=SEEDS)
@settings(deadline=None)
def test_a_block_does_not_depend_on_its_neighbours(k, ratio, list_size, seed):
    rng = np.random.default_rng(seed)
    code = polar.Code(k, int(ratio * k) + 3, **UCI)
    _, coded = sent(code, 6, rng)
    llr = received(coded, rng.uniform(-4, 4), rng)
    bits, ok = code.decode(llr, list_size)
    for i in (0, 5):
        alone, alone_ok = code.decode(llr[i], list_size)
        assert (alone == bits[i]).all()
        assert alone_ok == ok[i]


def test_types_and_scale_of_llrs_do_not_matter():
    code, rng = polar.Code(70, 300, **DCI), np.random.default_rng(6)
    _, coded = sent(code, 40, rng)
    llr = np.clip(np.rint(8 * received(coded, -3, rng)), -127, 127)
    wanted = code.decode(llr, 8)[0]
    for given_llr in (llr.astype(np.int8), llr.astype(np.int16), llr.astype(np.float32), llr * 2.0**-60, llr * 2.0**60):
        assert (code.decode(given_llr, 8)[0] == wanted).all()
    assert (code.decode(llr.astype(">i2"), 8)[0] == wanted).all()
    assert (code.decode(np.asfortranarray(llr), 8)[0] == wanted).all()
    assert (code.decode(llr.tolist(), 8)[0] == wanted).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("crc", [None, "24C", "11", "6"])
def test_nothing_received_is_never_right(dtype, crc):
    for code in (polar.Code(64, 432, **DCI), polar.Code(25, 100, **PARITY), polar.Code(300, 400, **UCI)):
        for list_size in polar.LIST_SIZES:
            assert not code.decode(np.zeros(code.e, dtype), list_size, crc)[1]


@settings(max_examples=150, deadline=None)
@given(
    k=st.integers(6, 1023),
    ratio=st.floats(1, 8),
    how=st.sampled_from([UCI, PARITY, {"n_max": 9}]),
    list_size=st.sampled_from(polar.LIST_SIZES),
    dtype=st.sampled_from("bhfd"),
    seed=SEEDS,
)
def test_hostile_input_gives_bits_all_the_same(k, ratio, how, list_size, dtype, seed):
    k = min(k, 512) if how.get("n_max") == 9 else k
    rng, e = np.random.default_rng(seed), min(8192, int(ratio * k) + 3)
    try:
        code = polar.Code(k, e, **how)
    except ValueError:
        return
    if dtype in "bh":
        info = np.iinfo(dtype)
        llr = rng.choice([info.min, info.max, 0, -1, 1], size=(3, e)).astype(dtype)
    else:
        llr = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0.0, -1.0], size=(3, e)).astype(dtype)
    bits, ok = code.decode(llr, list_size, "6")
    assert bits.shape == (3, k)
    assert bits.max() <= 1
    assert set(np.unique(ok.view(np.uint8))) <= {0, 1}


def test_saturated_llrs_decode():
    rng = np.random.default_rng(7)
    for code in (polar.Code(64, 432, **DCI), polar.Code(1000, 1013, **UCI), polar.Code(18, 8192, **PARITY)):
        bits, coded = sent(code, 4, rng)
        sign = 1 - 2 * coded.astype(int)
        for llr in ((127 * sign).astype(np.int8), (32767 * sign).astype(np.int16), np.inf * sign, 1e-20 * sign):
            for list_size in polar.LIST_SIZES:
                out, ok = code.decode(llr, list_size)
                assert ok.all()
                assert (out == bits).all()
        lowest = np.where(coded, np.int8(-128), np.int8(127))
        assert (code.decode(lowest)[0] == bits).all()


def test_nan_counts_as_not_received():
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(8)
    bits, coded = sent(code, 20, rng, "24C")
    llr = received(coded, 0, rng)
    llr[:, ::5] = np.nan
    found, ok = code.decode(llr, 8, "24C")
    assert ok.all()
    assert (found[:, :40] == bits).all()
    assert (found == code.decode(np.nan_to_num(llr), 8, "24C")[0]).all()


def test_threads_may_share_a_code():
    code, rng = polar.Code(64, 432, **DCI), np.random.default_rng(9)
    bits, coded = sent(code, 256, rng, "24C")
    llr = received(coded, 0, rng)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: code.decode(llr[8 * i : 8 * i + 8], (1, 8, 16)[i % 3], "24C"), range(32)))
    assert (np.concatenate([p[0] for p in parts])[:, :40] == bits).all()


@pytest.mark.parametrize(
    ("llr", "how", "message"),
    [
        (np.zeros(99, np.int8), {}, "100"),
        (np.zeros((2, 101), np.int8), {}, "100"),
        (np.zeros((1, 2, 100), np.int8), {}, "shape"),
        (np.zeros(100, np.int32), {}, "int32"),
        (np.zeros(100, complex), {}, "complex128"),
        (np.zeros(100, bool), {}, "bool"),
        (np.zeros(100, np.int8), {"list_size": 3}, "list of 3"),
        (np.zeros(100, np.int8), {"list_size": 32}, "list of 32"),
        (np.zeros(100, np.int8), {"crc": "24A"}, "checksum"),
        (np.zeros(100, np.int8), {"crc": "11", "mask": 2048}, "mask"),
        (np.zeros(100, np.int8), {"crc": "11", "mask": -1}, "mask"),
    ],
)
def test_refuses_what_is_out_of_range(llr, how, message):
    with pytest.raises(ValueError, match=message):
        polar.Code(40, 100).decode(llr, **how)


def test_no_blocks_give_none():
    bits, ok = polar.Code(40, 100).decode(np.zeros((0, 100), np.int8))
    assert bits.shape == (0, 40)
    assert ok.shape == (0,)


ANY_INPUT = """
import hashlib
import numpy as np
from picocell.kernels import polar

digest, rng = hashlib.sha256(), np.random.default_rng(1)
for k, e, how in (
    (64, 432, {"i_il": True}), (30, 108, {}), (20, 250, {"n_max": 10, "i_bil": True, "n_pc": 3, "n_pc_wm": 1}),
    (20, 50, {"n_max": 10, "i_bil": True, "n_pc": 3}), (800, 1024, {"n_max": 10}), (400, 1800, {"n_max": 10}),
    (12, 40, {}),
):
    code = polar.Code(k, e, **how)
    coded = code.encode(rng.integers(0, 2, (9, k), dtype=np.uint8))
    digest.update(coded.tobytes())
    noisy = 1 - 2.0 * coded + rng.normal(size=coded.shape)
    for given in (noisy, rng.integers(-128, 128, (9, e), dtype=np.int8), rng.normal(size=(3, e))):
        for size in polar.LIST_SIZES:
            for part in code.decode(given, size, "6"):
                digest.update(part.tobytes())
print(digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    def run(level):
        environment = {**os.environ, "PICOCELL_ISA": level}
        command = [sys.executable, "-c", ANY_INPUT]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert len({run(level) for level in isa.AVAILABLE}) == 1
