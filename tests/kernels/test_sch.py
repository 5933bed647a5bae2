"""Whole transport blocks against the clauses of TS 36.212 5.1, and HARQ combining."""

import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picocell.kernels import sch
from picocell.phy.coding.segmentation import segment
from support import oracle_turbo

SEEDS = st.integers(0, 2**32 - 1)
SHORT = st.integers(1, 130).map(lambda n: 8 * n)
LONG = st.integers(700, 2400).map(lambda n: 8 * n)
USED = sch.SchDecoder(3)


@st.composite
def transmissions(draw, highest_rate=3.0, lowest_rate=0.25):
    """tbs, g, q_m, n_l, rv, n_ir; the rate counts the checksums as bits to be decoded."""
    tbs = draw(st.one_of(SHORT, LONG))
    q_m, n_l = draw(st.sampled_from([2, 4, 6, 8])), draw(st.sampled_from([1, 2]))
    unit = q_m * n_l
    bits = tbs + 24 + segment(tbs).c * segment(tbs).crc
    symbols = draw(st.integers(-int(-bits / highest_rate // unit), int(bits / lowest_rate / unit) + 1))
    n_ir = draw(st.none() | st.integers(tbs + 200, 4 * tbs + 800))
    return tbs, symbols * unit, q_m, n_l, draw(st.integers(0, 3)), n_ir


def payload_of(tbs, seed):
    return np.random.default_rng(seed).bytes(tbs // 8)


def llrs(bits, level=500):
    return (level * (1 - 2 * bits.astype(np.int32))).astype(np.int16)


def noisy(bits, snr_db, rng):
    """int16 LLRs of BPSK over white noise, 16 a unit."""
    variance = 10 ** (-snr_db / 10)
    y = 1 - 2.0 * bits + np.sqrt(variance) * rng.normal(size=bits.shape)
    return np.clip(np.rint(32 * y / variance), -8191, 8191).astype(np.int16)


@settings(deadline=None, max_examples=60)
@given(sent=transmissions(), seed=SEEDS)
def test_encoder_equals_the_clauses(sent, seed):
    tbs, g, q_m, n_l, rv, n_ir = sent
    payload = payload_of(tbs, seed)
    bits = sch.encode(payload, g, q_m, n_l, rv, n_ir)
    assert bits.tolist() == oracle_turbo.transport_block(payload, g, q_m, n_l, rv, n_ir)


@pytest.mark.parametrize("tbs", [40, 6120, 12216, 46888, 55056, 75376, 105528, 149776])
def test_blocks_side_by_side_equal_the_clauses(tbs):
    """One to 25 code blocks: those of a size are encoded 8 or 16 at a time."""
    payload = payload_of(tbs, tbs)
    g = int(1.2 * tbs + 300) // 6 * 6
    words = sch.encode_packed(payload, g, 6, rv=tbs % 4)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    assert bits[:g].tolist() == oracle_turbo.transport_block(payload, g, 6, 1, tbs % 4, None)
    assert not bits[g:].any()
    assert bits.size < g + 64
    assert sch.encode(payload, g, 6, rv=tbs % 4).tolist() == bits[:g].tolist()


@settings(deadline=None, max_examples=60)
@given(sent=transmissions(highest_rate=0.7), seed=SEEDS)
def test_decodes_without_noise(sent, seed):
    tbs, g, q_m, n_l, _, _ = sent
    payload = payload_of(tbs, seed)
    result = sch.SchDecoder(8).decode(llrs(sch.encode(payload, g, q_m, n_l)), tbs, q_m, n_l)
    assert result.crc_ok
    assert result.payload == payload
    assert result.code_blocks_ok == result.code_blocks == segment(tbs).c
    assert 1 <= result.iterations <= 8


@settings(deadline=None, max_examples=40)
@given(tbs=st.one_of(SHORT, LONG), seed=SEEDS, rvs=st.permutations([0, 1, 2, 3]), n_l=st.sampled_from([1, 2]))
@example(tbs=712, seed=0, rvs=[2, 1, 0, 3], n_l=1)  # parity alone comes first, its erased bits looked like zeros
def test_redundancy_versions_add_up(tbs, seed, rvs, n_l):
    """Four redundancy versions of 0.4 of the mother code's bits each cover it, in whatever order they come."""
    payload, q_m = payload_of(tbs, seed), 2
    g = int(1.2 * (tbs + 100)) // (q_m * n_l) * q_m * n_l
    soft, decoder = sch.SoftBuffer(tbs), sch.SchDecoder(8)
    for rv in rvs:
        result = decoder.decode(llrs(sch.encode(payload, g, q_m, n_l, rv)), tbs, q_m, n_l, rv, soft)
    assert result.crc_ok
    assert result.payload == payload


@pytest.mark.parametrize("tbs", [8, 16, 24, 40, 6120, 6128, 12216, 75376, 97896, 149776])
def test_limits_of_segmentation(tbs):
    """Smallest blocks with filler, both sides of one block's limit, the largest blocks of one and two layers."""
    payload = payload_of(tbs, tbs)
    g = int(1.3 * tbs + 300) // 12 * 12
    bits = sch.encode(payload, g, 6, 2)
    if tbs < 20000:
        assert bits.tolist() == oracle_turbo.transport_block(payload, g, 6, 2, 0, None)
    result = sch.SchDecoder().decode(llrs(bits), tbs, 6, 2)
    assert result.payload == payload
    assert result.crc_ok


@settings(deadline=None)
@given(tbs=st.integers(1, 19000).map(lambda n: 8 * n), seed=SEEDS)
def test_segmentation_equals_the_clause(tbs, seed):
    s = segment(tbs)
    bits = np.random.default_rng(seed).integers(0, 2, tbs + 24).tolist()
    blocks = oracle_turbo.segment(bits) if tbs < 20000 else None
    if blocks:
        assert s.sizes == tuple(len(block) for block in blocks)
        assert s.filler == sum(bit is None for bit in blocks[0])
    assert sum(s.sizes) == tbs + 24 + s.c * s.crc + s.filler
    assert len(s.sizes) == s.c
    assert sum(s.coded_bits(12 * 1001, 6, 2)) == 12 * 1001


def test_combining_decodes_what_one_transmission_cannot():
    rng = np.random.default_rng(1)
    tbs, g = 4008, 6000
    payload = payload_of(tbs, 2)
    alone = combined = 0
    decoder = sch.SchDecoder(8)
    for _ in range(10):
        soft = sch.SoftBuffer(tbs)
        for rv in (0, 2):
            received = noisy(sch.encode(payload, g, 2, rv=rv), -0.5, rng)
            alone += decoder.decode(received, tbs, 2, rv=rv).crc_ok
            result = decoder.decode(received, tbs, 2, rv=rv, soft=soft)
        combined += result.crc_ok and result.payload == payload
    assert alone == 0
    assert combined == 10


def test_repetition_of_the_same_version_combines_too():
    rng = np.random.default_rng(3)
    tbs, g = 1000, 1600
    payload = payload_of(tbs, 3)
    soft, decoder = sch.SoftBuffer(tbs), sch.SchDecoder(8)
    outcomes = []
    for _ in range(4):
        outcomes.append(decoder.decode(noisy(sch.encode(payload, g, 2), 0.0, rng), tbs, 2, soft=soft).crc_ok)
    assert not outcomes[0]
    assert outcomes[-1]


def test_code_blocks_that_passed_are_not_decoded_again():
    tbs, g = 20000, 30000
    payload = payload_of(tbs, 4)
    blocks = segment(tbs).c
    received = llrs(sch.encode(payload, g, 2))
    received[: g // blocks] = 0  # the first code block is lost
    soft, decoder = sch.SoftBuffer(tbs), sch.SchDecoder()
    first = decoder.decode(received, tbs, 2, soft=soft)
    assert not first.crc_ok
    assert first.code_blocks_ok == blocks - 1
    assert soft.passed.tolist() == [False] + [True] * (blocks - 1)
    again = llrs(sch.encode(payload, g, 2))
    again[g // blocks + 10 :] = -again[g // blocks + 10 :]  # must not matter: those blocks are done
    second = decoder.decode(again, tbs, 2, soft=soft)
    assert second.crc_ok
    assert second.payload == payload
    third = decoder.decode(again, tbs, 2, soft=soft)
    assert third.crc_ok
    assert third.iterations == 0


def test_cleared_soft_buffer_is_as_new():
    tbs, g = 7000, 12000
    soft, decoder = sch.SoftBuffer(tbs), sch.SchDecoder()
    for seed in (1, 2):
        payload = payload_of(tbs, seed)
        result = decoder.decode(llrs(sch.encode(payload, g, 2)), tbs, 2, soft=soft)
        assert result.payload == payload
        assert result.crc_ok
        soft.clear()
        assert not soft.passed.any()


@settings(deadline=None, max_examples=40)
@given(sent=transmissions(), seed=SEEDS, snr_db=st.floats(-4, 10))
def test_a_soft_buffer_changes_nothing_of_the_first_transmission(sent, seed, snr_db):
    """Without one, LLRs go past the sums, and the decoder is one that other blocks went through."""
    tbs, g, q_m, n_l, rv, n_ir = sent
    received = noisy(sch.encode(payload_of(tbs, seed), g, q_m, n_l, rv, n_ir), snr_db, np.random.default_rng(seed))
    alone = USED.decode(received, tbs, q_m, n_l, rv, n_ir=n_ir)
    assert alone == sch.SchDecoder(3).decode(received, tbs, q_m, n_l, rv, sch.SoftBuffer(tbs, n_ir))


@pytest.mark.parametrize("rv", [0, 1, 2, 3])
def test_limited_soft_buffer(rv):
    """With N_IR of 1.5 times the block, every redundancy version lies within the shortened circle."""
    tbs, n_ir = 15840, 30000
    payload = payload_of(tbs, rv)
    bits = sch.encode(payload, 24000, 4, 1, rv, n_ir)
    assert bits.tolist() == oracle_turbo.transport_block(payload, 24000, 4, 1, rv, n_ir)
    result = sch.SchDecoder(8).decode(llrs(bits), tbs, 4, 1, rv, n_ir=n_ir)
    assert result.crc_ok
    assert result.payload == payload
    assert sch.SchDecoder(8).decode(llrs(bits), tbs, 4, 1, rv, sch.SoftBuffer(tbs, n_ir)).payload == payload


@settings(deadline=None, max_examples=60)
@given(sent=transmissions(highest_rate=50), seed=SEEDS, kind=st.sampled_from(["zeros", "extremes", "uniform", "ones"]))
def test_hostile_llrs_are_survived(sent, seed, kind):
    tbs, g, q_m, n_l, rv, n_ir = sent
    rng = np.random.default_rng(seed)
    received = {
        "zeros": lambda: np.zeros(g, np.int16),
        "extremes": lambda: rng.choice(np.array([-32768, 32767], np.int16), g),
        "uniform": lambda: rng.integers(-32768, 32768, g).astype(np.int16),
        "ones": lambda: np.full(g, -32768, np.int16),
    }[kind]()
    soft = sch.SoftBuffer(tbs, n_ir)
    for _ in range(2):
        result = sch.SchDecoder(2).decode(received, tbs, q_m, n_l, rv, soft)
        assert len(result.payload) == tbs // 8
        assert tbs < 200 or not result.crc_ok  # a checksum may hold by chance where few bits decide


def test_no_coded_bits_at_all():
    assert sch.encode(bytes(100), 0, 2).shape == (0,)
    assert not sch.SchDecoder().decode(np.zeros(0, np.int16), 800, 2).crc_ok


def test_more_code_blocks_than_symbols():
    bits = sch.encode(bytes(9422), 12, 6)
    assert bits.tolist() == oracle_turbo.transport_block(bytes(9422), 12, 6, 1, 0, None)
    result = sch.SchDecoder().decode(llrs(bits), 75376, 6)
    assert not result.crc_ok
    assert result.code_blocks == 13


def test_wrong_transport_crc_with_right_code_blocks_starts_anew():
    """Code blocks mixed from two transport blocks pass one by one; the whole must not, and none is kept."""
    tbs, g = 12000, 24000
    one, two = (llrs(sch.encode(payload_of(tbs, seed), g, 2)) for seed in (1, 2))
    soft = sch.SoftBuffer(tbs)
    result = sch.SchDecoder().decode(np.concatenate([one[: g // 2], two[g // 2 :]]), tbs, 2, soft=soft)
    assert result.code_blocks_ok == result.code_blocks == 2
    assert not result.crc_ok
    assert not soft.passed.any()
    # What came is kept all the same: the first block of the first stands against twice as much of the second.
    decoder = sch.SchDecoder()
    assert not decoder.decode(two, tbs, 2, soft=soft).crc_ok
    result = decoder.decode(two, tbs, 2, soft=soft)
    assert result.crc_ok
    assert result.payload == payload_of(tbs, 2)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("tbs", [504, 12216, 75376])
def test_threads_change_nothing(tbs, threads):
    """Transmissions that some code blocks need two of: the same payloads, checks and iterations in the same order."""
    rng = np.random.default_rng(tbs)
    g = int(1.35 * tbs) // 6 * 6
    alone, shared = sch.SchDecoder(5), sch.SchDecoder(5, threads=threads)
    assert (alone.threads, shared.threads) == (1, threads)
    for _ in range(3):
        payload = rng.bytes(tbs // 8)
        softs = sch.SoftBuffer(tbs), sch.SoftBuffer(tbs)
        for rv in (0, 2):
            received = noisy(sch.encode(payload, g, 6, rv=rv), 2.9, rng)
            expected = alone.decode(received, tbs, 6, rv=rv, soft=softs[0])
            assert shared.decode(received, tbs, 6, rv=rv, soft=softs[1]) == expected
            assert softs[0].passed.tolist() == softs[1].passed.tolist()
            assert shared.decode(received, tbs, 6, rv=rv) == alone.decode(received, tbs, 6, rv=rv)
        assert expected.payload == payload


def test_a_fork_decodes_without_the_threads():
    payload, decoder = payload_of(12216, 1), sch.SchDecoder(6, threads=2)
    received = llrs(sch.encode(payload, 18000, 6))
    assert decoder.decode(received, 12216, 6).crc_ok
    child = os.fork()
    if not child:
        right = decoder.decode(received, 12216, 6).payload == payload
        del decoder
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_cleared_soft_buffer_forgets_what_it_held():
    """Nothing of the transport block before is added, also where the new one leaves much of the circle empty."""
    tbs, rng = 6000, np.random.default_rng(9)
    soft, decoder = sch.SoftBuffer(tbs), sch.SchDecoder(4)
    decoder.decode(rng.integers(-8000, 8000, 20000).astype(np.int16), tbs, 2, soft=soft)
    soft.clear()
    payload = payload_of(tbs, 1)
    for rv in (0, 1):
        received = noisy(sch.encode(payload, 6200, 2, rv=rv), 3.0, rng)
        result = decoder.decode(received, tbs, 2, rv=rv, soft=soft)
    assert result.payload == payload


def test_refuses_what_is_not_allowed():
    decoder = sch.SchDecoder()
    with pytest.raises(ValueError, match="transport block of 12 bits"):
        decoder.decode(np.zeros(24, np.int16), 12, 2)
    with pytest.raises(ValueError, match="no multiple of N_L Q_m"):
        sch.encode(bytes(10), 101, 2)
    with pytest.raises(ValueError, match="modulation order"):
        sch.encode(bytes(10), 100, 5)
    with pytest.raises(ValueError, match="redundancy version"):
        sch.encode(bytes(10), 100, 2, rv=-1)
    with pytest.raises(ValueError, match="layers"):
        sch.encode(bytes(10), 100, 2, n_l=0)
    with pytest.raises(ValueError, match="N_IR=1"):
        sch.encode(bytes(2000), 100, 2, n_ir=1)
    with pytest.raises(ValueError, match="soft buffer is for 80 bits"):
        decoder.decode(np.zeros(100, np.int16), 88, 2, soft=sch.SoftBuffer(80))
    with pytest.raises(ValueError, match="was made with N_IR"):
        decoder.decode(np.zeros(100, np.int16), 80, 2, soft=sch.SoftBuffer(80, 1000), n_ir=2000)
    with pytest.raises(ValueError, match="iterations"):
        sch.SchDecoder(0)
    for threads in (0, 65):
        with pytest.raises(ValueError, match="threads are outside"):
            sch.SchDecoder(6, threads=threads)
