"""Authentication: home network and USIM against each other, sequence numbers, resynchronisation."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.security import aka
from picocell.rrc_nas.security.milenage import Milenage
from picocell.rrc_nas.security.tuak import Tuak

AMF = b"\x80\x00"
RAND = bytes(range(16))
KINDS: list[Callable[[bytes], aka.Functions]] = [
    lambda k: Milenage.from_op(k, bytes(16)),
    lambda k: Tuak.from_top(k, bytes(32)),
    lambda k: Tuak(k, bytes(32), mac_bits=256, res_bits=128),
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=["milenage", "tuak", "tuak-long"])
keys = st.binary(min_size=16, max_size=16)
sqns = st.integers(0, 2**48 - 1)


@kinds
@settings(max_examples=20, deadline=None)
@given(k=keys, rand=keys, sqn=sqns)
def test_usim_reads_what_the_home_network_built(
    kind: Callable[[bytes], aka.Functions], k: bytes, rand: bytes, sqn: int
) -> None:
    vector = aka.build_vector(kind(k), rand, sqn, AMF)
    challenge = aka.check_autn(kind(k), rand, vector.autn)
    assert (challenge.sqn, challenge.amf) == (sqn, AMF)
    assert (challenge.res, challenge.ck, challenge.ik) == (vector.xres, vector.ck, vector.ik)
    assert challenge.sqn_xor_ak == vector.sqn_xor_ak == vector.autn[:6]


@kinds
@settings(max_examples=20, deadline=None)
@given(k=keys, rand=keys, sqn=sqns)
def test_home_network_reads_the_usims_auts(
    kind: Callable[[bytes], aka.Functions], k: bytes, rand: bytes, sqn: int
) -> None:
    assert aka.check_auts(kind(k), rand, aka.build_auts(kind(k), rand, sqn)) == sqn


@kinds
@settings(max_examples=10, deadline=None)
@given(sqn=sqns, bit=st.integers(0, 111))
def test_any_wrong_bit_is_a_mac_failure(kind: Callable[[bytes], aka.Functions], sqn: int, bit: int) -> None:
    functions = kind(bytes(16))
    autn = bytearray(aka.build_vector(functions, RAND, sqn, AMF).autn)
    auts = bytearray(aka.build_auts(functions, RAND, sqn))
    autn[bit // 8] ^= 1 << bit % 8
    auts[bit // 8] ^= 1 << bit % 8
    with pytest.raises(aka.MacFailure, match="AUTN"):
        aka.check_autn(functions, RAND, bytes(autn))
    with pytest.raises(aka.MacFailure, match="AUTS"):
        aka.check_auts(functions, RAND, bytes(auts))


@kinds
def test_another_key_or_rand_is_a_mac_failure(kind: Callable[[bytes], aka.Functions]) -> None:
    autn = aka.build_vector(kind(bytes(16)), RAND, 5, AMF).autn
    with pytest.raises(aka.MacFailure):
        aka.check_autn(kind(RAND), RAND, autn)
    with pytest.raises(aka.MacFailure):
        aka.check_autn(kind(bytes(16)), bytes(16), autn)


@given(sqn=sqns)
def test_sqn_splits_and_joins(sqn: int) -> None:
    assert aka.join_sqn(*aka.split_sqn(sqn)) == sqn


@given(sqn=st.integers(0, 2**48 - 2**6))
def test_next_number_raises_seq_and_turns_ind(sqn: int) -> None:
    seq, ind = aka.split_sqn(sqn)
    assert aka.split_sqn(aka.next_sqn(sqn)) == (seq + 1, (ind + 1) % 32)


def test_usim_accepts_numbers_in_turn_and_none_twice() -> None:
    array, sqn = aka.SqnArray(), 0
    for _ in range(100):
        sqn = aka.next_sqn(sqn)
        array = array.accept(sqn)
        assert array.sqn_ms == sqn
        with pytest.raises(aka.SynchronisationFailure, match="not above"):
            array.accept(sqn)


def test_vectors_may_be_used_out_of_order() -> None:
    numbers = [aka.join_sqn(1 + i, 1 + i) for i in range(10)]
    array = aka.SqnArray()
    for sqn in reversed(numbers):
        array = array.accept(sqn)
    assert array.sqn_ms == numbers[-1]


def test_window_of_the_usim() -> None:
    array = aka.SqnArray(delta=100, age_limit=10).accept(aka.join_sqn(50, 3))
    assert array.accept(aka.join_sqn(150, 3)).sqn_ms == aka.join_sqn(150, 3)
    with pytest.raises(aka.SynchronisationFailure, match="more than 100 above 50"):
        array.accept(aka.join_sqn(151, 3))
    assert array.accept(aka.join_sqn(41, 4)).sqn_ms == aka.join_sqn(50, 3)
    with pytest.raises(aka.SynchronisationFailure, match="10 or more below 50"):
        array.accept(aka.join_sqn(40, 4))


@given(
    seq_he=st.integers(0, 2**43 - 2),
    seq_ms=st.integers(0, 2**43 - 2),
    ind_he=st.integers(0, 31),
    ind=st.integers(0, 31),
)
def test_after_resynchronisation_the_next_number_is_accepted(seq_he: int, seq_ms: int, ind_he: int, ind: int) -> None:
    array = aka.SqnArray(tuple(seq_ms if i == ind else 0 for i in range(32)))
    sqn_he, sqn_ms = aka.join_sqn(seq_he, ind_he), array.sqn_ms
    chosen = aka.resynchronised(sqn_he, sqn_ms)
    assert chosen in (sqn_he, sqn_ms)
    array.accept(aka.next_sqn(chosen))
    if chosen != sqn_he:
        assert not seq_ms < seq_he + 1 <= seq_ms + aka.DELTA


def test_bad_arguments_are_refused() -> None:
    functions = KINDS[0](bytes(16))
    with pytest.raises(ValueError, match="AUTN has 15 bytes"):
        aka.check_autn(functions, RAND, bytes(15))
    with pytest.raises(ValueError, match="AUTS has 13 bytes"):
        aka.check_auts(functions, RAND, bytes(13))
    with pytest.raises(ValueError, match="SQN -1 is outside"):
        aka.build_auts(functions, RAND, -1)
    with pytest.raises(ValueError, match="SQN 281474976710656 is outside"):
        aka.build_vector(functions, RAND, 2**48, AMF)
    with pytest.raises(ValueError, match="AMF has 1 bytes"):
        aka.build_vector(functions, RAND, 0, b"a")
    with pytest.raises(ValueError, match="SEQ"):
        aka.next_sqn(2**48 - 1)
    with pytest.raises(ValueError, match="IND 32"):
        aka.join_sqn(0, 32)
    with pytest.raises(ValueError, match="SEQ_MS has 3 entries"):
        aka.SqnArray((0, 0, 0))
