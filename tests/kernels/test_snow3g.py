"""SNOW 3G against the published test sets and against a plain reading of TS 35.215 and TS 35.216."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels.snow3g import Snow3g

VECTORS = Path(__file__).parents[1] / "vectors"


def sets(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())["sets"]
    return loaded


def mul_x(v: int, c: int, bits: int = 8) -> int:
    return (v << 1 ^ (c if v >> bits - 1 else 0)) & (1 << bits) - 1


def mul_x_pow(v: int, i: int, c: int) -> int:
    for _ in range(i):
        v = mul_x(v, c)
    return v


def product(a: int, b: int, c: int, bits: int = 8) -> int:
    total = 0
    for i in range(bits):
        if b >> i & 1:
            total ^= a
        a = mul_x(a, c, bits)
    return total


def powers(x: int, c: int) -> list[int]:
    found = [1]
    for _ in range(254):
        found.append(product(found[-1], x, c))
    return found


def s_r(x: int) -> int:
    """Each bit of the inverse and the four bits above it, cyclically, plus 0x63."""
    y = powers(x, 0x1B)[254]
    bits = [sum(y >> (i + k) % 8 & 1 for k in (0, 4, 5, 6, 7)) & 1 for i in range(8)]
    return 0x63 ^ sum(bit << i for i, bit in enumerate(bits))


def s_q(x: int) -> int:
    power = powers(x, 0x69)
    total = 0x25
    for n in (1, 9, 13, 15, 33, 41, 45, 47, 49):
        total ^= power[n]
    return total


SR = [s_r(x) for x in range(256)]
SQ = [s_q(x) for x in range(256)]


def s_box(w: int, box: list[int], c: int) -> int:
    b = [box[w >> shift & 0xFF] for shift in (24, 16, 8, 0)]
    out = 0
    for row in range(4):
        twice, thrice, one, other = (b[(row + k) % 4] for k in (0, 3, 1, 2))
        out = out << 8 | mul_x(twice, c) ^ mul_x(thrice, c) ^ thrice ^ one ^ other
    return out


def alpha(c: int, exponents: tuple[int, int, int, int]) -> int:
    return int.from_bytes(bytes(mul_x_pow(c, i, 0xA9) for i in exponents), "big")


def words(key: bytes, iv: bytes) -> Iterator[int]:
    """Keystream of TS 35.216 4, one word a time."""
    k = [int.from_bytes(key[12 - 4 * i : 16 - 4 * i], "big") for i in range(4)]
    v = [int.from_bytes(iv[12 - 4 * i : 16 - 4 * i], "big") for i in range(4)]
    inverse = [x ^ 0xFFFFFFFF for x in k]
    s = [*inverse, *k, *inverse, *k]
    s[15] ^= v[0]
    s[12] ^= v[1]
    s[10] ^= v[2]
    s[9] ^= v[3]
    r = [0, 0, 0]

    def fsm() -> int:
        f = (s[15] + r[0] & 0xFFFFFFFF) ^ r[1]
        r[:] = r[1] + (r[2] ^ s[5]) & 0xFFFFFFFF, s_box(r[0], SR, 0x1B), s_box(r[1], SQ, 0x69)
        return f

    def lfsr(f: int) -> None:
        new = s[0] << 8 & 0xFFFFFFFF ^ alpha(s[0] >> 24, (23, 245, 48, 239)) ^ s[2] ^ s[11] >> 8
        s[:] = [*s[1:], new ^ alpha(s[11] & 0xFF, (16, 39, 6, 64)) ^ f]

    for _ in range(32):
        lfsr(fsm())
    fsm()
    lfsr(0)
    while True:
        z = fsm() ^ s[0]
        lfsr(0)
        yield z


def keystream(key: bytes, iv: bytes, n: int) -> bytes:
    source = words(key, iv)
    return b"".join(next(source).to_bytes(4, "big") for _ in range(-(-n // 4)))[:n]


def f9(key: bytes, count: int, fresh: int, direction: int, data: bytes, n_bits: int) -> int:
    """TS 35.215 4.4, 4.5."""
    iv = b"".join(x.to_bytes(4, "big") for x in (count, fresh, count ^ direction << 31, fresh ^ direction << 15))
    source = words(key, iv)
    z = [next(source) for _ in range(5)]
    p, q = z[0] << 32 | z[1], z[2] << 32 | z[3]
    bits = "".join(f"{byte:08b}" for byte in data)[:n_bits]
    value = 0
    for i in range(0, n_bits, 64):
        value = product(value ^ int(bits[i : i + 64].ljust(64, "0"), 2), p, 0x1B, 64)
    return product(value ^ n_bits, q, 0x1B, 64) >> 32 ^ z[4]


keys = st.binary(min_size=16, max_size=16)
counts = st.integers(0, 2**32 - 1)
bearers = st.integers(0, 31)
directions = st.integers(0, 1)


@pytest.mark.parametrize("case", sets("35222_uea2_128eea1"), ids=lambda case: str(case["set"]))
def test_f8_gives_the_published_output(case: dict[str, Any]) -> None:
    cipher = Snow3g(bytes.fromhex(case["key"]))
    out = cipher.f8(case["count"], case["bearer"], case["direction"], bytes.fromhex(case["data"]), case["bitlen"])
    assert out.hex() == case["output"]


@pytest.mark.parametrize("case", sets("35222_uia2_f9"), ids=lambda case: str(case["set"]))
def test_f9_gives_the_published_output(case: dict[str, Any]) -> None:
    cipher = Snow3g(bytes.fromhex(case["key"]))
    out = cipher.f9(case["count"], case["fresh"], case["direction"], bytes.fromhex(case["data"]), case["bitlen"])
    assert f"{out:08x}" == case["output"]


def test_s_boxes_of_the_oracle_are_permutations() -> None:
    assert sorted(SR) == sorted(SQ) == list(range(256))
    assert (SR[0], SR[0x53], SQ[0], SQ[1]) == (0x63, 0xED, 0x25, 0x24)


def test_a_long_keystream_is_that_of_the_clauses() -> None:
    key, iv = bytes(range(16)), bytes(range(100, 116))
    assert Snow3g(key).keystream(iv, 8003) == keystream(key, iv, 8003)


@settings(max_examples=30, deadline=None)
@given(key=keys, iv=keys, n=st.integers(0, 200))
def test_keystream_is_that_of_the_clauses(key: bytes, iv: bytes, n: int) -> None:
    assert Snow3g(key).keystream(iv, n) == keystream(key, iv, n)


@settings(max_examples=30, deadline=None)
@given(key=keys, count=counts, fresh=counts, direction=directions, data=st.binary(max_size=80), cut=st.integers(0, 7))
def test_f9_is_that_of_the_clauses(key: bytes, count: int, fresh: int, direction: int, data: bytes, cut: int) -> None:
    n_bits = max(0, 8 * len(data) - cut)
    assert Snow3g(key).f9(count, fresh, direction, data, n_bits) == f9(key, count, fresh, direction, data, n_bits)


@settings(max_examples=60, deadline=None)
@given(key=keys, count=counts, bearer=bearers, direction=directions, data=st.binary(max_size=200))
def test_f8_is_an_involution(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> None:
    cipher = Snow3g(key)
    assert cipher.f8(count, bearer, direction, cipher.f8(count, bearer, direction, data)) == data


@given(data=st.binary(min_size=1, max_size=100), cut=st.integers(1, 7))
def test_spare_bits_become_zero_and_do_not_count(data: bytes, cut: int) -> None:
    cipher = Snow3g(bytes(16))
    n_bits = 8 * len(data) - cut
    clear = data[:-1] + bytes([data[-1] >> cut << cut])
    whole = cipher.f8(7, 1, 0, data)
    assert cipher.f8(7, 1, 0, data, n_bits) == whole[:-1] + bytes([whole[-1] >> cut << cut])
    assert cipher.f9(7, 1, 0, data, n_bits) == cipher.f9(7, 1, 0, clear, n_bits)


def test_any_contiguous_buffer_is_taken() -> None:
    cipher = Snow3g(bytes(16))
    data = b"some data in a buffer"
    assert cipher.f8(1, 2, 1, bytearray(data)) == cipher.f8(1, 2, 1, memoryview(data)) == cipher.f8(1, 2, 1, data)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="15 bytes, 16 are wanted"):
        Snow3g(bytes(15))
    cipher = Snow3g(bytes(16))
    with pytest.raises(ValueError, match="IV has 4 bytes"):
        cipher.keystream(bytes(4), 1)
    with pytest.raises(ValueError, match="negative"):
        cipher.keystream(bytes(16), -1)
    for call in (cipher.f8, cipher.f9):
        with pytest.raises(ValueError, match="COUNT"):
            call(2**32, 0, 0, b"a")
        with pytest.raises(ValueError, match="DIRECTION"):
            call(0, 0, 2, b"a")
        with pytest.raises(ValueError, match="bit length 9 is outside"):
            call(0, 0, 0, b"a", 9)
        with pytest.raises(ValueError, match="bit length -1 is outside"):
            call(0, 0, 0, b"a", -1)
    with pytest.raises(ValueError, match="BEARER"):
        cipher.f8(0, 32, 0, b"a")
    with pytest.raises(ValueError, match="FRESH"):
        cipher.f9(0, -1, 0, b"a")
