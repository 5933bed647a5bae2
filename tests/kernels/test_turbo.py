"""The turbo code against its clause, and the decoder against floating point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import crc, turbo
from support import oracle_turbo

SIZES = st.sampled_from(turbo.SIZES)
SEEDS = st.integers(0, 2**32 - 1)


def random_bits(k, seed, name=None):
    """k random bits, the last 24 of them a checksum where one is named."""
    bits = np.random.default_rng(seed).integers(0, 2, k, dtype=np.uint8)
    if name:
        value = crc.crc_bits(bits[:-24], name)
        bits[-24:] = [(value >> (23 - i)) & 1 for i in range(24)]
    return bits


def llrs(bits, level=100):
    return (level * (1 - 2 * bits.astype(np.int32))).astype(np.int16)


def noisy(bits, ebn0_db, rate, rng):
    """True-scale LLRs (float) of BPSK over white noise."""
    variance = 1 / (2 * rate * 10 ** (ebn0_db / 10))
    return 2 * (1 - 2.0 * bits + np.sqrt(variance) * rng.normal(size=bits.shape)) / variance


def quantised(llr):
    return np.clip(np.rint(16 * llr), -8191, 8191).astype(np.int16)


def test_sizes_are_those_of_the_standard():
    assert len(turbo.SIZES) == 188
    assert turbo.SIZES[0] == 40
    assert turbo.SIZES[-1] == 6144
    for k in turbo.SIZES:
        assert sorted(oracle_turbo.interleaver(k)) == list(range(k))


@pytest.mark.parametrize("k", [*turbo.SIZES[::7], 6144])
def test_encoder_equals_shift_register(k):
    bits = random_bits(k, k)
    assert np.array_equal(turbo.encode(bits), np.array(oracle_turbo.encode(bits.tolist())))


def test_every_size_decodes_without_noise():
    decoder = turbo.TurboDecoder()
    for k in turbo.SIZES:
        bits = random_bits(k, k, "24B")
        decoded, iterations, ok = decoder.decode(llrs(turbo.encode(bits)), "24B")
        assert ok, k
        assert iterations == 1
        assert np.array_equal(decoded, bits), k


def test_every_size_decodes_from_parity_alone():
    """Without systematic bits both constituent codes and the interleaver must work."""
    decoder = turbo.TurboDecoder(8)
    for k in turbo.SIZES:
        bits = random_bits(k, k + 1, "24B")
        received = llrs(turbo.encode(bits))
        received[0, :k] = 0
        decoded, _, ok = decoder.decode(received, "24B")
        assert ok, k
        assert np.array_equal(decoded, bits), k


@settings(deadline=None, max_examples=60)
@given(k=SIZES, seed=SEEDS, rv=st.integers(0, 3), data=st.data())
def test_rate_matching_equals_matrices(k, seed, rv, data):
    filler = data.draw(st.integers(0, min(63, k - 25)), "filler")
    e = data.draw(st.integers(1, 4 * k), "e")
    n_cb = data.draw(st.none() | st.integers(k, 4 * k), "n_cb")
    bits = random_bits(k, seed)
    bits[:filler] = 0
    block = [None] * filler + bits[filler:].tolist()
    wanted = oracle_turbo.rate_match(oracle_turbo.encode(block), e, rv, n_cb)
    assert turbo.rate_match(turbo.encode(bits), e, rv, n_cb, filler).tolist() == wanted


@settings(deadline=None, max_examples=60)
@given(k=SIZES, seed=SEEDS, rv=st.integers(0, 3), data=st.data())
def test_rate_recovery_sums_what_rate_matching_spread(k, seed, rv, data):
    """<recover(x), d> = <x, match(d)>: one is the other's transpose."""
    filler = data.draw(st.integers(0, min(63, k - 25)), "filler")
    e = data.draw(st.integers(1, 4 * k), "e")
    n_cb = data.draw(st.none() | st.integers(k, 4 * k), "n_cb")
    rng = np.random.default_rng(seed)
    llr = rng.integers(-500, 500, e).astype(np.int16)
    d = rng.integers(0, 2, (3, k + 4), dtype=np.uint8)
    soft = turbo.rate_recover(llr, k, rv, n_cb, filler)
    assert not soft[:2, :filler].any()
    sent = turbo.rate_match(d, e, rv, n_cb, filler)
    assert np.sum(soft.astype(int) * d) == np.sum(llr.astype(int) * sent)


@settings(deadline=None, max_examples=40)
@given(k=SIZES, seed=SEEDS, filler=st.integers(0, 16))
def test_decodes_at_rate_two_thirds_with_filler(k, seed, filler):
    bits = random_bits(k, seed)
    bits[:filler] = 0
    value = crc.crc_bits(bits[:-24], "24A")
    bits[-24:] = [(value >> (23 - i)) & 1 for i in range(24)]
    sent = turbo.rate_match(turbo.encode(bits), 3 * k // 2, n_filler=filler)
    soft = turbo.rate_recover(llrs(sent), k, n_filler=filler)
    decoded, _, ok = turbo.TurboDecoder(8).decode(soft, "24A", filler)
    assert ok
    assert np.array_equal(decoded, bits)


def test_soft_buffer_is_added_to_in_place_and_saturates():
    soft = turbo.rate_recover(np.full(132, 20000, np.int16), 40)
    assert turbo.rate_recover(np.full(132, 20000, np.int16), 40, soft=soft) is soft
    assert soft.min() == soft.max() == 32767
    for _ in range(4):
        turbo.rate_recover(np.full(132, -32768, np.int16), 40, soft=soft)
    assert soft.min() == soft.max() == -32767


@pytest.mark.parametrize("level", [1, 3, 100, 8191, 32767])
@pytest.mark.parametrize("k", [40, 512, 1056, 6144])
def test_scale_does_not_matter(k, level):
    bits = random_bits(k, level, "24B")
    decoded, _, ok = turbo.TurboDecoder().decode(llrs(turbo.encode(bits), level), "24B")
    assert ok
    assert np.array_equal(decoded, bits)


@pytest.mark.parametrize("shift", [0, 2, 3])
def test_noisy_block_decodes_alike_at_any_scale(shift):
    """The received range is normalised: times 2^n changes nothing where it stays within int16."""
    rng = np.random.default_rng(5)
    bits = random_bits(1024, 5)
    received = np.clip(quantised(noisy(turbo.encode(bits), 0.6, 1 / 3, rng)), -500, 500) * 8
    decoder = turbo.TurboDecoder(3)
    wanted = decoder.decode(received)[0]
    assert np.array_equal(decoder.decode((received << shift).astype(np.int16))[0], wanted)


@settings(deadline=None, max_examples=60)
@given(k=SIZES, seed=SEEDS, kind=st.sampled_from(["extremes", "uniform", "sparse", "lowest"]))
def test_hostile_llrs_are_survived(k, seed, kind):
    rng = np.random.default_rng(seed)
    shape = (3, k + 4)
    received = {
        "extremes": lambda: rng.choice(np.array([-32768, 32767], np.int16), shape),
        "uniform": lambda: rng.integers(-32768, 32768, shape).astype(np.int16),
        "sparse": lambda: np.where(rng.random(shape) < 0.01, rng.integers(-32768, 32768, shape), 0).astype(np.int16),
        "lowest": lambda: np.full(shape, -32768, np.int16),
    }[kind]()
    decoded, iterations, ok = turbo.TurboDecoder(2).decode(received, "24B")
    assert decoded.shape == (k,)
    assert set(np.unique(decoded)) <= {0, 1}
    assert not ok or crc.crc_bits(decoded, "24B") == 0
    assert iterations <= 2


def test_strong_llrs_never_wrap():
    """Half of the parity contradicts the rest at full scale: the majority must win, whatever the magnitudes."""
    rng = np.random.default_rng(9)
    for k in (40, 208, 1024, 6144):
        bits = random_bits(k, k)
        received = llrs(turbo.encode(bits), 32767)
        received[1:][rng.random((2, k + 4)) < 0.1] *= -1
        assert np.array_equal(turbo.TurboDecoder(8).decode(received)[0], bits), k


def test_nothing_received_is_no_success():
    """All-zero bits satisfy every CRC: an erased block must fail all the same."""
    _, _, ok = turbo.TurboDecoder().decode(np.zeros((3, 44), np.int16), "24A")
    assert not ok


def test_fewer_llrs_than_payload_bits_are_no_success():
    """A few positive LLRs and zeros elsewhere would decode to zeros, checksum and all."""
    received = np.zeros((3, 132), np.int16)
    received[1, :60] = 1000
    assert not turbo.TurboDecoder().decode(received, "24A")[2]
    assert turbo.TurboDecoder().decode(received)[1] == 6


@pytest.mark.parametrize("k", [40, 736, 1024, 6144])
def test_undecided_bits_are_no_zeros(k):
    """Of one punctured parity stream the first constituent decoder learns nothing; its zeros satisfy the checksum."""
    bits = random_bits(k, k, "24A")
    received = np.zeros((3, k + 4), np.int16)
    received[1, :k:2] = llrs(turbo.encode(bits))[1, :k:2]
    received[2] = llrs(turbo.encode(bits))[2]
    decoded, _, ok = turbo.TurboDecoder().decode(received, "24A")
    assert not ok or np.array_equal(decoded, bits)


def test_all_zero_block_that_was_received_passes():
    bits, _, ok = turbo.TurboDecoder().decode(np.full((3, 44), 50, np.int16), "24A")
    assert ok
    assert not bits.any()


def test_stops_early_and_counts_iterations():
    rng = np.random.default_rng(11)
    decoder = turbo.TurboDecoder(20)
    bits = random_bits(1024, 7, "24B")
    counts = []
    for ebn0 in (1.0, 2.0, 6.0):
        received = [quantised(noisy(turbo.encode(bits), ebn0, 1 / 3, rng)) for _ in range(8)]
        decoded, iterations, ok = zip(*(decoder.decode(block, "24B") for block in received), strict=True)
        assert all(ok)
        assert (np.array(decoded) == bits).all()
        counts.append(sum(iterations))
    assert counts[0] > counts[1] > counts[2] == 8
    assert decoder.decode(llrs(turbo.encode(bits)))[1] == 20


def errors(k, rate, ebn0_db, n, iterations, offset_db=0.0):
    """Block errors of the kernel, and of floating point with `offset_db` less signal in the same noise."""
    rng = np.random.default_rng(k)
    bits = rng.integers(0, 2, (n, k), dtype=np.uint8)
    sent = np.stack([turbo.rate_match(turbo.encode(block), round(k / rate)) for block in bits])
    state = rng.bit_generator.state
    decoder = turbo.TurboDecoder(iterations)
    ours = 0
    for block, llr in zip(bits, quantised(noisy(sent, ebn0_db, rate, rng)), strict=True):
        ours += (decoder.decode(turbo.rate_recover(llr, k))[0] != block).any()
    rng.bit_generator.state = state
    exact = noisy(sent, ebn0_db - offset_db, rate, rng)
    place = np.arange(3 * (k + 4)).reshape(3, k + 4)
    order = np.array(oracle_turbo.rate_match(place.tolist(), exact.shape[1], 0))
    soft = np.zeros((n, 3 * (k + 4)))
    np.add.at(soft, (slice(None), order), exact)
    theirs = (oracle_turbo.decode(soft.reshape(n, 3, k + 4), iterations) != bits).any(1).sum()
    return int(ours), int(theirs)


@pytest.mark.parametrize(
    ("k", "rate", "ebn0_db", "n"),
    [(1024, 1 / 3, 0.7, 200), (320, 0.9, 4.6, 600), (200, 0.6, 2.3, 500), (40, 1 / 3, 2.3, 600)],
)
def test_block_errors_within_a_tenth_of_a_decibel_of_floating_point(k, rate, ebn0_db, n):
    ours, theirs = errors(k, rate, ebn0_db, n, iterations=5, offset_db=0.1)
    assert 0.03 * n < theirs < n / 2
    assert ours <= theirs


def test_refuses_what_is_no_code_block():
    with pytest.raises(ValueError, match="41 bits"):
        turbo.encode(np.zeros(41, np.uint8))
    with pytest.raises(ValueError, match="shape"):
        turbo.TurboDecoder().decode(np.zeros((2, 44), np.int16))
    with pytest.raises(ValueError, match="redundancy version 4"):
        turbo.rate_match(np.zeros((3, 44), np.uint8), 100, 4)
    with pytest.raises(ValueError, match="N_cb=0"):
        turbo.rate_match(np.zeros((3, 44), np.uint8), 100, 0, 0)
    with pytest.raises(ValueError, match="filler"):
        turbo.rate_recover(np.zeros(100, np.int16), 40, n_filler=40)
    with pytest.raises(ValueError, match="iterations"):
        turbo.TurboDecoder(0)
    with pytest.raises(ValueError, match="no checksum"):
        turbo.TurboDecoder().decode(np.zeros((3, 44), np.int16), "16")
