"""NR transport blocks over the LDPC code: segmentation, the chain there and back, soft combining."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import crc
from picocell.kernels import ldpc as kernel
from picocell.phy.coding import ldpc
from support import oracle_ldpc as oracle

SEEDS = st.integers(0, 2**32 - 1)
SHORT = st.integers(3, 478).map(lambda n: 8 * n)
LONG = st.sampled_from([8424, 8456, 9480, 11016, 20496, 27656, 42016, 83976])  # sizes of TS 38.214 5.1.3.2


def soft_bits(bits, level=300):
    return (level * (1 - 2 * bits.astype(int))).astype(np.int16)


def noisy(bits, snr_db, rng):
    variance = 10 ** (-snr_db / 10)
    y = 1 - 2.0 * bits + np.sqrt(variance) * rng.normal(size=bits.shape)
    return np.clip(np.rint(32 * y / variance), -8191, 8191).astype(np.int16)


@st.composite
def transport_blocks(draw):
    """tbs, bg, q_m, n_l, g, n_ref at a rate of at most 0.8."""
    tbs, bg = draw(st.one_of(SHORT, LONG)), draw(st.sampled_from([1, 2]))
    try:
        ldpc.segment(tbs, bg)
    except ValueError:
        bg = 3 - bg
    q_m, n_l = draw(st.sampled_from([2, 4, 6, 8])), draw(st.sampled_from([1, 2, 4]))
    s = ldpc.segment(tbs, bg)
    rate = draw(st.floats(0.25, 0.8))
    symbols = int((s.c * s.k_prime / rate + s.c * 4 * s.z) // (q_m * n_l)) + s.c
    n_ref = draw(st.none() | st.integers(2 * s.k, 4 * s.k))
    return tbs, bg, q_m, n_l, symbols * q_m * n_l, n_ref


@pytest.mark.parametrize(
    ("tbs", "rate", "bg"),
    [(292, 0.9, 2), (296, 0.9, 1), (3824, 0.67, 2), (3824, 0.68, 1), (3832, 0.67, 1), (8000, 0.25, 2), (8000, 0.26, 1)],
)
def test_chooses_the_base_graph(tbs, rate, bg):
    assert ldpc.base_graph(tbs, rate) == bg


@pytest.mark.parametrize(
    ("tbs", "bg", "c", "k_prime", "k", "z", "kind"),
    [
        (24, 2, 1, 40, 70, 7, "16"),  # K_b = 6
        (208, 2, 1, 224, 280, 28, "16"),  # K_b = 8
        (600, 2, 1, 616, 720, 72, "16"),  # K_b = 9
        (3824, 1, 1, 3840, 3872, 176, "16"),
        (3840, 1, 1, 3864, 3872, 176, "24A"),
        (8424, 1, 1, 8448, 8448, 384, "24A"),
        (8456, 1, 2, 4264, 4576, 208, "24A"),
        (3816, 2, 1, 3832, 3840, 384, "16"),
        (3904, 2, 2, 1988, 2080, 208, "24A"),
    ],
)
def test_segments_as_the_clause_says(tbs, bg, c, k_prime, k, z, kind):
    s = ldpc.segment(tbs, bg)
    assert (s.c, s.k_prime, s.k, s.z, s.crc) == (c, k_prime, k, z, kind)
    assert s.filler == k - k_prime


@pytest.mark.parametrize("bg", [1, 2])
def test_segments_as_an_independent_implementation(bg):
    info = pytest.importorskip("py3gpp.nrDLSCHInfo")
    for tbs in [*range(24, 3825, 40), 8424, 8456, 9480, 11016, 20496, 27656, 42016, 83976]:
        try:
            s = ldpc.segment(tbs, bg)
        except ValueError:
            continue
        other = info.getCBSInfo(tbs + crc.LENGTHS[s.crc], bg)
        assert (other["C"], other["K"], other["Zc"], other["F"]) == (s.c, s.k, s.z, s.filler)


@given(
    tbs=st.one_of(SHORT, LONG),
    symbols=st.integers(0, 5000),
    q_m=st.sampled_from([1, 2, 4, 6, 8]),
    n_l=st.integers(1, 4),
)
def test_coded_bits_share_the_symbols(tbs, symbols, q_m, n_l):
    s = ldpc.segment(tbs, 1)
    lengths = s.coded_bits(symbols * q_m * n_l, q_m, n_l)
    assert len(lengths) == s.c
    assert sum(lengths) == symbols * q_m * n_l
    assert sorted(lengths) == list(lengths)
    assert lengths[-1] - lengths[0] in (0, q_m * n_l)


@settings(max_examples=40)
@given(sent=transport_blocks(), rv=st.integers(0, 3), seed=SEEDS)
def test_encoder_equals_the_clauses(sent, rv, seed):
    tbs, bg, q_m, n_l, g, n_ref = sent
    payload = np.random.default_rng(seed).bytes(tbs // 8)
    s = ldpc.segment(tbs, bg)
    code = kernel.Code(bg, s.z)
    n_cb = code.n if n_ref is None else min(code.n, n_ref)
    bits = np.unpackbits(np.frombuffer(payload, np.uint8)).tolist()
    bits += [crc.crc_bits(bits, s.crc) >> i & 1 for i in reversed(range(crc.LENGTHS[s.crc]))]
    step, at, wanted = len(bits) // s.c, 0, []
    for e in s.coded_bits(g, q_m, n_l):
        block = bits[at : at + step]
        at += step
        if s.c > 1:
            block += [crc.crc_bits(block, "24B") >> i & 1 for i in reversed(range(24))]
        coded = code.encode(np.array(block + [0] * s.filler, np.uint8))
        wanted += coded[oracle.sent_places(bg, s.z, e, q_m, rv, n_cb, s.filler)].tolist()
    assert ldpc.encode(payload, g, q_m, bg, n_l, rv, n_ref).tolist() == wanted


@settings(max_examples=40)
@given(sent=transport_blocks(), rv=st.sampled_from([0, 3]), seed=SEEDS)
def test_decodes_without_noise(sent, rv, seed):
    tbs, bg, q_m, n_l, g, n_ref = sent
    payload = np.random.default_rng(seed).bytes(tbs // 8)
    bits = ldpc.encode(payload, g, q_m, bg, n_l, rv, n_ref)
    soft = ldpc.SoftBuffer(tbs, bg, n_ref)
    if rv:  # not decodable by itself at every rate
        ldpc.decode(soft_bits(ldpc.encode(payload, g, q_m, bg, n_l, 0, n_ref)), soft, q_m, n_l, 0)
    result = ldpc.decode(soft_bits(bits), soft, q_m, n_l, rv, n_iterations=20)
    assert result.crc_ok
    assert result.payload == payload
    assert result.code_blocks_ok == result.code_blocks == soft.segmentation.c


def test_retransmissions_are_combined_and_passed_blocks_kept():
    rng, tbs = np.random.default_rng(1), 20496
    payload = rng.bytes(tbs // 8)
    soft = ldpc.SoftBuffer(tbs, 1)
    g, q_m, done = 24000, 4, []
    for rv in (0, 2, 3, 1):
        bits = ldpc.encode(payload, g, q_m, 1, rv=rv)
        done.append(ldpc.decode(noisy(bits, 2.0, rng), soft, q_m, rv=rv))
        if done[-1].crc_ok:
            break
    assert not done[0].crc_ok
    assert done[-1].crc_ok
    assert done[-1].payload == payload
    again = ldpc.decode(np.zeros(g, np.int16), soft, q_m)
    assert again.crc_ok
    assert again.iterations == 0
    soft.clear()
    assert not ldpc.decode(np.zeros(g, np.int16), soft, q_m).crc_ok


def test_a_wrong_code_block_fails_the_transport_block():
    rng, tbs, g = np.random.default_rng(2), 20496, 30000
    bits = ldpc.encode(rng.bytes(tbs // 8), g, 2, 1)
    llr = soft_bits(bits)
    llr[12000:18000] = noisy(bits[12000:18000], -15, rng)
    result = ldpc.decode(llr, ldpc.SoftBuffer(tbs, 1), 2)
    assert not result.crc_ok
    assert 0 < result.code_blocks_ok < result.code_blocks


@settings(max_examples=30)
@given(seed=SEEDS, level=st.sampled_from([1, 1000, 32767]))
def test_hostile_soft_bits_never_pass(seed, level):
    rng = np.random.default_rng(seed)
    tbs = int(rng.integers(13, 400)) * 8
    llr = rng.choice([-level, level, 0], size=2 * tbs).astype(np.int16)
    assert not ldpc.decode(llr, ldpc.SoftBuffer(tbs, 2), 2, n_iterations=3).crc_ok


def test_the_reference_buffer_is_two_thirds_rate():
    assert ldpc.reference_buffer(159749, 19) == 159749 * 3 // (2 * 19)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ldpc.segment(8, 3), "base graph 3"),
        (lambda: ldpc.segment(0, 1), "0 bits"),
        (lambda: ldpc.segment(20, 1), "20 bits"),
        (lambda: ldpc.segment(17008, 1), "equal code blocks"),
        (lambda: ldpc.encode(b"", 100, 2, 1), "0 bits"),
        (lambda: ldpc.encode(b"abc", 101, 2, 2), "G=101"),
        (lambda: ldpc.encode(b"abc", -2, 2, 2), "G=-2"),
        (lambda: ldpc.encode(b"abc", 99, 3, 2), "Q_m=3"),
        (lambda: ldpc.encode(b"abc", 100, 2, 2, n_l=0), "N_L=0"),
        (lambda: ldpc.encode(b"abc", 100, 2, 2, rv=4), "version 4"),
        (lambda: ldpc.encode(b"abc", 100, 2, 2, n_ref=0), "N_cb=0"),
        (lambda: ldpc.SoftBuffer(24, 2, 0), "N_ref=0"),
        (lambda: ldpc.decode(np.zeros((2, 8), np.int16), ldpc.SoftBuffer(24, 2), 2), "one dimension"),
        (lambda: ldpc.decode(np.full(8, np.nan), ldpc.SoftBuffer(24, 2), 2), "float64"),
        (lambda: ldpc.decode(np.zeros(7, np.int16), ldpc.SoftBuffer(24, 2), 2), "G=7"),
        (lambda: ldpc.decode(np.zeros(8, np.int16), ldpc.SoftBuffer(24, 2), 2, n_iterations=0), "1..255"),
    ],
)
def test_refuses_what_is_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
