"""DCI, BCH and UCI over the polar code: checksums, scrambling, segmentation, there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.coding import polar
from support import oracle_polar as oracle

SEEDS = st.integers(0, 2**32 - 1)


def received(coded, snr_db, rng):
    variance = 10 ** (-snr_db / 10)
    return 2 / variance * (1 - 2.0 * coded + np.sqrt(variance) * rng.normal(size=coded.shape))


def random_bits(n, seed):
    return np.random.default_rng(seed).integers(0, 2, n, dtype=np.uint8)


@settings(deadline=None)
@given(a=st.integers(12, 140), cces=st.sampled_from([1, 2, 4, 8, 16]), rnti=st.integers(0, 65535), seed=SEEDS)
def test_dci_equals_the_clauses(a, cces, rnti, seed):
    e = 108 * cces
    payload = random_bits(a, seed)
    if a + 24 > e:
        with pytest.raises(ValueError, match="do not fit"):
            polar.encode_dci(payload, e, rnti)
        return
    check = oracle.checksum([1] * 24 + payload.tolist(), "24C")
    scrambled = check[:8] + [c ^ (rnti >> (15 - i) & 1) for i, c in enumerate(check[8:])]
    wanted = oracle.encode([*payload.tolist(), *scrambled], e, n_max=9, i_il=True)
    assert (polar.encode_dci(payload, e, rnti) == wanted).all()


@settings(deadline=None)
@given(a=st.integers(12, 80), rnti=st.integers(0, 65535), list_size=st.sampled_from([1, 2, 4, 8, 16]), seed=SEEDS)
def test_dci_is_decoded_by_whom_it_is_for(a, rnti, list_size, seed):
    payload = random_bits(a, seed)
    llr = received(polar.encode_dci(payload, 216, rnti), 9, np.random.default_rng(seed))
    found = polar.decode_dci(llr, a, rnti, list_size)
    assert found.crc_ok
    assert (found.bits == payload).all()
    assert not polar.decode_dci(llr, a, rnti ^ 1, list_size).crc_ok


@pytest.mark.parametrize(("cces", "snr_db"), [(1, 6), (2, 1), (4, -2.5), (8, -5.5), (16, -8.5)])
def test_dci_of_40_bits_is_found_in_noise(cces, snr_db):
    rng = np.random.default_rng(cces)
    found = 0
    for _ in range(100):
        payload = rng.integers(0, 2, 40, dtype=np.uint8)
        llr = received(polar.encode_dci(payload, 108 * cces, 0xABCD), snr_db, rng)
        result = polar.decode_dci(llr, 40, 0xABCD)
        found += result.crc_ok and (result.bits == payload).all()
    assert found >= 98


def test_bch_equals_an_independent_chain():
    other = pytest.importorskip("py3gpp")
    for seed in range(20):
        payload = random_bits(32, seed)
        block = other.nrCRCEncode(payload, "24C")[:, 0]
        coded = other.nrRateMatchPolar(other.nrPolarEncode(block, 864, nmax=9, iil=True), 56, 864)
        assert (polar.encode_bch(payload) == coded).all()


def test_bch_of_an_independent_transmitter_is_decoded():
    other = pytest.importorskip("py3gpp")
    rng = np.random.default_rng(1)
    for sfn in (0, 10, 777):
        coded = other.nrBCH(rng.integers(0, 2, 24), sfn, 0, 8, 0, 321)
        result = polar.decode_bch(received(coded, -6, rng))
        assert result.crc_ok
        assert (polar.encode_bch(result.bits) == coded).all()


@pytest.mark.parametrize(
    ("a", "e", "c", "crc", "k", "e_r", "n_pc", "n_pc_wm", "filler"),
    [
        (12, 100, 1, "6", 18, 100, 3, 0, 0),
        (19, 214, 1, "6", 25, 214, 3, 0, 0),
        (19, 215, 1, "6", 25, 215, 3, 1, 0),
        (20, 215, 1, "11", 31, 215, 0, 0, 0),
        (359, 2000, 1, "11", 370, 2000, 0, 0, 0),
        (360, 1087, 1, "11", 371, 1087, 0, 0, 0),
        (360, 1088, 2, "11", 191, 544, 0, 0, 0),
        (361, 1089, 2, "11", 192, 544, 0, 0, 1),
        (1012, 1087, 1, "11", 1023, 1087, 0, 0, 0),
        (1013, 1087, 2, "11", 518, 543, 0, 0, 1),
        (1706, 4000, 2, "11", 864, 2000, 0, 0, 0),
    ],
)
def test_uci_is_segmented_as_the_clause_says(a, e, c, crc, k, e_r, n_pc, n_pc_wm, filler):
    s = polar.segment_uci(a, e)
    assert (s.c, s.crc, s.k, s.e_r, s.n_pc, s.n_pc_wm, s.filler) == (c, crc, k, e_r, n_pc, n_pc_wm, filler)


@settings(deadline=None)
@given(
    a=st.integers(12, 25) | st.integers(12, 1706) | st.sampled_from([359, 360, 1012, 1013]),
    ratio=st.floats(1.05, 6),
    seed=SEEDS,
)
def test_uci_equals_the_clauses(a, ratio, seed):
    e = int(ratio * (a + 22)) + 6
    payload, s = random_bits(a, seed), polar.segment_uci(a, e)
    bits = [0] * (a % s.c) + payload.tolist()
    wanted = []
    for r in range(s.c):
        block = bits[r * len(bits) // s.c : (r + 1) * len(bits) // s.c]
        block = block + oracle.checksum(block, "6" if a < 20 else "11")
        parity = {"n_pc": 3, "n_wm": int(e - len(block) + 3 > 192)} if len(block) <= 25 else {}
        wanted += oracle.encode(block, e // s.c, n_max=10, i_bil=True, **parity).tolist()
    assert polar.encode_uci(payload, e).tolist() == wanted


@settings(deadline=None)
@given(a=st.integers(12, 1706), ratio=st.floats(2, 6), list_size=st.sampled_from([1, 8, 16]), seed=SEEDS)
def test_uci_is_decoded(a, ratio, list_size, seed):
    rng, e = np.random.default_rng(seed), int(ratio * (a + 22))
    payload = random_bits(a, seed)
    llr = np.zeros(e)
    coded = polar.encode_uci(payload, e)
    llr[: coded.size] = received(coded, 7, rng)
    found = polar.decode_uci(llr, a, list_size)
    assert found.crc_ok
    assert (found.bits == payload).all()


def test_a_wrong_code_block_fails_the_payload():
    rng = np.random.default_rng(2)
    payload = random_bits(1201, 2)
    llr = received(polar.encode_uci(payload, 3000), 6, rng)
    assert polar.decode_uci(llr, 1201).crc_ok
    llr[1500:] = received(np.zeros(1500), -20, rng)
    found = polar.decode_uci(llr, 1201)
    assert not found.crc_ok
    assert (found.bits[:600] == payload[:600]).all()


def test_a_filler_bit_that_is_set_fails_the_payload():
    code = polar.uci_code(1201, 3000)
    blocks = code.encode(np.ones((2, 601), np.uint8), "11")
    assert not polar.decode_uci(20 * (1 - 2.0 * blocks.ravel()), 1201).crc_ok


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polar.encode_dci(np.zeros(11, np.uint8), 108), "11 bits"),
        (lambda: polar.encode_dci(np.zeros(141, np.uint8), 432), "141 bits"),
        (lambda: polar.encode_dci(np.zeros(40, np.uint8), 108, 65536), "RNTI 65536"),
        (lambda: polar.encode_dci(np.zeros((2, 40), np.uint8), 108), "one dimension"),
        (lambda: polar.encode_dci(np.zeros(40, np.uint8), 60), "do not fit"),
        (lambda: polar.decode_dci(np.zeros((2, 108)), 40), "one dimension"),
        (lambda: polar.decode_dci(np.zeros(108), 40, -1), "RNTI -1"),
        (lambda: polar.decode_dci(np.zeros(108), 40, 0, 5), "list of 5"),
        (lambda: polar.decode_dci(np.zeros(108, complex), 40), "complex128"),
        (lambda: polar.encode_bch(np.zeros(31, np.uint8)), "31"),
        (lambda: polar.decode_bch(np.zeros(863)), "864"),
        (lambda: polar.encode_uci(np.zeros(11, np.uint8), 100), "11 bits"),
        (lambda: polar.encode_uci(np.zeros(1707, np.uint8), 4000), "1707 bits"),
        (lambda: polar.encode_uci(np.zeros(20, np.uint8), 30), "do not fit"),
        (lambda: polar.decode_uci(np.zeros(0), 20), "E=0"),
    ],
)
def test_refuses_what_is_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
