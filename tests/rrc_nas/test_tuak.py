"""TUAK against the published sets of TS 35.232, its permutation against SHA-3 of the standard library."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.security.tuak import Tuak, derive_topc, keccak_f1600

VECTORS = Path(__file__).parents[1] / "vectors"
SETS = json.loads((VECTORS / "35232_tuak.json").read_text())["sets"]


@pytest.mark.parametrize("case", SETS, ids=lambda case: case["set"])
def test_published_sets(case: dict[str, Any]) -> None:
    value = {name: bytes.fromhex(text) for name, text in case.items() if isinstance(text, str) and name != "verified"}
    iterations = case["keccak_iterations"]
    assert derive_topc(value["K"], value["TOP"], iterations) == value["TOPc"]
    lengths = {f"{name.lower()}_bits": bits for name, bits in case["lengths_bits"].items()}
    functions = Tuak(value["K"], value["TOPc"], iterations=iterations, **lengths)
    rand = value["RAND"]
    if "f1" in value:
        assert functions.f1(rand, value["SQN"], value["AMF"]) == value["f1"]
        assert functions.f1_star(rand, value["SQN"], value["AMF"]) == value["f1star"]
    else:
        assert functions.f2345(rand) == (value["f2"], value["f3"], value["f4"], value["f5"])
        assert functions.f5_star(rand) == value["f5star"]


@settings(max_examples=20, deadline=None)
@given(message=st.binary(max_size=300))
def test_a_sponge_of_the_permutation_is_sha3(message: bytes) -> None:
    rate = 136
    padded = bytearray(message + b"\x06" + bytes(-(len(message) + 1) % rate))
    padded[-1] |= 0x80
    state = bytes(200)
    for at in range(0, len(padded), rate):
        block = bytes(padded[at : at + rate]).ljust(200, b"\0")
        state = keccak_f1600(bytes(a ^ b for a, b in zip(state, block, strict=True)))
    assert state[:32] == hashlib.sha3_256(message).digest()


def test_from_top_is_the_same_as_deriving_topc_first() -> None:
    k, top, rand = bytes(range(16)), bytes(range(32)), bytes(16)
    assert Tuak.from_top(k, top).f2345(rand) == Tuak(k, derive_topc(k, top)).f2345(rand)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="K has 24 bytes, 16 or 32 are wanted"):
        Tuak(bytes(24), bytes(32))
    with pytest.raises(ValueError, match="TOPc has 16 bytes"):
        Tuak(bytes(16), bytes(16))
    with pytest.raises(ValueError, match="TOP has 16 bytes"):
        derive_topc(bytes(16), bytes(16))
    with pytest.raises(ValueError, match="0 iterations"):
        Tuak(bytes(16), bytes(32), iterations=0)
    with pytest.raises(ValueError, match="MAC of 32 bits: use one of 64, 128, 256"):
        Tuak(bytes(16), bytes(32), mac_bits=32)
    with pytest.raises(ValueError, match="RES of 96 bits"):
        Tuak(bytes(16), bytes(32), res_bits=96)
    with pytest.raises(ValueError, match="CK of 64 bits"):
        Tuak(bytes(16), bytes(32), ck_bits=64)
    with pytest.raises(ValueError, match="IK of 64 bits"):
        Tuak(bytes(16), bytes(32), ik_bits=64)
    functions = Tuak(bytes(16), bytes(32))
    with pytest.raises(ValueError, match="RAND has 1 bytes"):
        functions.f2345(b"a")
    with pytest.raises(ValueError, match="SQN has 5 bytes"):
        functions.f1(bytes(16), bytes(5), bytes(2))
    with pytest.raises(ValueError, match="the state has 1 bytes"):
        keccak_f1600(b"a")
