"""ZUC against the published test sets and against a plain reading of TS 35.221 and TS 35.222."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import tables
from picocell.kernels.zuc import Zuc

VECTORS = Path(__file__).parents[1] / "vectors"
P = 2**31 - 1
S0 = [int(row["S0"], 16) for row in tables.rows("35222_zuc_sboxes")]
S1 = [int(row["S1"], 16) for row in tables.rows("35222_zuc_sboxes")]
D = [int(row["d"], 2) for row in tables.rows("35222_zuc_constants")]


def sets(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())["sets"]
    return loaded


def rotated(x: int, n: int) -> int:
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


def s_box(x: int) -> int:
    return S0[x >> 24] << 24 | S1[x >> 16 & 0xFF] << 16 | S0[x >> 8 & 0xFF] << 8 | S1[x & 0xFF]


def linear(x: int, shifts: tuple[int, ...]) -> int:
    out = x
    for shift in shifts:
        out ^= rotated(x, shift)
    return out


def words(key: bytes, iv: bytes) -> Iterator[int]:
    """Keystream of TS 35.222 3.6, one word a time."""
    s = [k << 23 | d << 8 | v for k, d, v in zip(key, D, iv, strict=True)]
    r = [0, 0]

    def f() -> tuple[int, int]:
        x = [(s[i] >> 15) << 16 | s[j] & 0xFFFF for i, j in ((15, 14),)]
        x += [(s[i] & 0xFFFF) << 16 | s[j] >> 15 for i, j in ((11, 9), (7, 5), (2, 0))]
        w = (x[0] ^ r[0]) + r[1] & 0xFFFFFFFF
        w1, w2 = r[0] + x[1] & 0xFFFFFFFF, r[1] ^ x[2]
        r[0] = s_box(linear((w1 & 0xFFFF) << 16 | w2 >> 16, (2, 10, 18, 24)))
        r[1] = s_box(linear((w2 & 0xFFFF) << 16 | w1 >> 16, (8, 14, 22, 30)))
        return w, x[3]

    def lfsr(u: int) -> None:
        new = (2**15 * s[15] + 2**17 * s[13] + 2**21 * s[10] + 2**20 * s[4] + (1 + 2**8) * s[0] + u) % P
        s[:] = [*s[1:], new or P]

    for _ in range(32):
        lfsr(f()[0] >> 1)
    f()
    lfsr(0)
    while True:
        w, x3 = f()
        lfsr(0)
        yield w ^ x3


def keystream(key: bytes, iv: bytes, n: int) -> bytes:
    source = words(key, iv)
    return b"".join(next(source).to_bytes(4, "big") for _ in range(-(-n // 4)))[:n]


def eia3(key: bytes, count: int, bearer: int, direction: int, data: bytes, n_bits: int) -> int:
    """TS 35.221 4.3, 4.4, on strings of bits."""
    first = count.to_bytes(4, "big") + bytes([bearer << 3, 0, 0, 0])
    iv = bytearray(first * 2)
    iv[8] ^= direction << 7
    iv[14] ^= direction << 7
    length = -(-n_bits // 32) + 2
    z = "".join(f"{byte:08b}" for byte in keystream(key, bytes(iv), 4 * length))
    message = "".join(f"{byte:08b}" for byte in data)
    t = 0
    for i in range(n_bits):
        if message[i] == "1":
            t ^= int(z[i : i + 32], 2)
    return t ^ int(z[n_bits : n_bits + 32], 2) ^ int(z[32 * (length - 1) :], 2)


keys = st.binary(min_size=16, max_size=16)
counts = st.integers(0, 2**32 - 1)
bearers = st.integers(0, 31)
directions = st.integers(0, 1)


@pytest.mark.parametrize("case", sets("35223_128eea3"), ids=lambda case: str(case["set"]))
def test_eea3_gives_the_published_output(case: dict[str, Any]) -> None:
    cipher = Zuc(bytes.fromhex(case["key"]))
    out = cipher.eea3(case["count"], case["bearer"], case["direction"], bytes.fromhex(case["data"]), case["bitlen"])
    assert out.hex() == case["output"]


@pytest.mark.parametrize("case", sets("35223_128eia3"), ids=lambda case: str(case["set"]))
def test_eia3_gives_the_published_output(case: dict[str, Any]) -> None:
    cipher = Zuc(bytes.fromhex(case["key"]))
    out = cipher.eia3(case["count"], case["bearer"], case["direction"], bytes.fromhex(case["data"]), case["bitlen"])
    assert f"{out:08x}" == case["output"]


def test_s_boxes_are_permutations_with_the_entries_of_the_examples() -> None:
    assert sorted(S0) == sorted(S1) == list(range(256))
    assert s_box(0x12345678) == 0xF9C05A4E  # TS 35.222 3.4.1, example 8


def test_a_long_keystream_is_that_of_the_clauses() -> None:
    key, iv = bytes(range(16)), bytes(range(100, 116))
    assert Zuc(key).keystream(iv, 8003) == keystream(key, iv, 8003)


@settings(max_examples=40, deadline=None)
@given(key=keys, iv=keys, n=st.integers(0, 300))
def test_keystream_is_that_of_the_clauses(key: bytes, iv: bytes, n: int) -> None:
    assert Zuc(key).keystream(iv, n) == keystream(key, iv, n)


@pytest.mark.parametrize(
    "n_bits", [0, 1, 31, 32, 33, 63, 64, 480, 481, 511, 512, 513, 544, 992, 1023, 1024, 1025, 4096]
)
def test_eia3_is_that_of_the_clauses_at_the_edges_of_words_and_blocks(n_bits: int) -> None:
    data = bytes((37 * i + 11) & 0xFF for i in range(-(-n_bits // 8)))
    assert Zuc(bytes(range(16))).eia3(3, 4, 1, data, n_bits) == eia3(bytes(range(16)), 3, 4, 1, data, n_bits)


@settings(max_examples=60, deadline=None)
@given(
    key=keys, count=counts, bearer=bearers, direction=directions, data=st.binary(max_size=150), cut=st.integers(0, 7)
)
def test_eia3_is_that_of_the_clauses(
    key: bytes, count: int, bearer: int, direction: int, data: bytes, cut: int
) -> None:
    n_bits = max(0, 8 * len(data) - cut)
    assert Zuc(key).eia3(count, bearer, direction, data, n_bits) == eia3(key, count, bearer, direction, data, n_bits)


@settings(max_examples=60, deadline=None)
@given(key=keys, count=counts, bearer=bearers, direction=directions, data=st.binary(max_size=200))
def test_eea3_is_an_involution(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> None:
    cipher = Zuc(key)
    assert cipher.eea3(count, bearer, direction, cipher.eea3(count, bearer, direction, data)) == data


@given(data=st.binary(min_size=1, max_size=100), cut=st.integers(1, 7))
def test_spare_bits_become_zero_and_do_not_count(data: bytes, cut: int) -> None:
    cipher = Zuc(bytes(16))
    n_bits = 8 * len(data) - cut
    clear = data[:-1] + bytes([data[-1] >> cut << cut])
    whole = cipher.eea3(7, 1, 0, data)
    assert cipher.eea3(7, 1, 0, data, n_bits) == whole[:-1] + bytes([whole[-1] >> cut << cut])
    assert cipher.eia3(7, 1, 0, data, n_bits) == cipher.eia3(7, 1, 0, clear, n_bits)


def test_any_contiguous_buffer_is_taken() -> None:
    cipher = Zuc(bytes(16))
    data = b"some data in a buffer"
    assert cipher.eea3(1, 2, 1, bytearray(data)) == cipher.eea3(1, 2, 1, memoryview(data)) == cipher.eea3(1, 2, 1, data)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="15 bytes, 16 are wanted"):
        Zuc(bytes(15))
    cipher = Zuc(bytes(16))
    with pytest.raises(ValueError, match="IV has 4 bytes"):
        cipher.keystream(bytes(4), 1)
    with pytest.raises(ValueError, match="negative"):
        cipher.keystream(bytes(16), -1)
    for call in (cipher.eea3, cipher.eia3):
        with pytest.raises(ValueError, match="COUNT"):
            call(2**32, 0, 0, b"a")
        with pytest.raises(ValueError, match="BEARER"):
            call(0, 32, 0, b"a")
        with pytest.raises(ValueError, match="DIRECTION"):
            call(0, 0, -1, b"a")
        with pytest.raises(ValueError, match="bit length 9 is outside"):
            call(0, 0, 0, b"a", 9)
        with pytest.raises(ValueError, match="bit length -1 is outside"):
            call(0, 0, 0, b"a", -1)
