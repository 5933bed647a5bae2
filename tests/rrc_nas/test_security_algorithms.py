"""128-EEA and 128-EIA against the published test sets of TS 33.401 Annex C, TS 35.223 and the UEA2 documents."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.security.algorithms import Cipher, Direction, Eea, Eia, Integrity

VECTORS = Path(__file__).parents[1] / "vectors"
KEY = bytes(range(16))

keys = st.binary(min_size=16, max_size=16)
counts = st.integers(0, 2**32 - 1)
bearers = st.integers(0, 31)
directions = st.sampled_from(Direction)


def sets(algorithm: Eea | Eia, name: str) -> list[Any]:
    cases = json.loads((VECTORS / f"{name}.json").read_text())["sets"]
    return [pytest.param(algorithm, case, id=f"{algorithm.name}-{case['set']}") for case in cases]


CIPHER_SETS = [
    *sets(Eea.EEA1, "35222_uea2_128eea1"),
    *sets(Eea.EEA2, "33401_128eea2"),
    *sets(Eea.EEA3, "35223_128eea3"),
]
INTEGRITY_SETS = [
    *sets(Eia.EIA1, "33401_128eia1"),
    *sets(Eia.EIA2, "33401_128eia2"),
    *sets(Eia.EIA3, "35223_128eia3"),
]


@pytest.mark.parametrize(("algorithm", "case"), CIPHER_SETS)
def test_published_ciphering_sets(algorithm: Eea, case: dict[str, Any]) -> None:
    cipher = Cipher(algorithm, bytes.fromhex(case["key"]))
    arguments = case["count"], case["bearer"], case["direction"]
    assert cipher.apply(*arguments, bytes.fromhex(case["data"]), case["bitlen"]).hex() == case["output"]
    clear = cipher.apply(*arguments, bytes.fromhex(case["output"]), case["bitlen"])
    assert clear == Cipher(Eea.EEA0, KEY).apply(*arguments, bytes.fromhex(case["data"]), case["bitlen"])


@pytest.mark.parametrize(("algorithm", "case"), INTEGRITY_SETS)
def test_published_integrity_sets(algorithm: Eia, case: dict[str, Any]) -> None:
    integrity = Integrity(algorithm, bytes.fromhex(case["key"]))
    for _ in range(2):  # a call leaves nothing behind
        mac = integrity.mac(
            case["count"], case["bearer"], case["direction"], bytes.fromhex(case["data"]), case["bitlen"]
        )
        assert mac.hex() == case["output"]


@pytest.mark.parametrize("algorithm", Eea)
@settings(max_examples=40, deadline=None)
@given(
    key=keys,
    count=counts,
    bearer=bearers,
    direction=directions,
    data=st.binary(max_size=120),
    cut=st.integers(0, 7),
)
def test_ciphering_twice_gives_the_data_with_spare_bits_zero(
    algorithm: Eea, key: bytes, count: int, bearer: int, direction: Direction, data: bytes, cut: int
) -> None:
    n_bits = max(0, 8 * len(data) - cut)
    cipher = Cipher(algorithm, key)
    once = cipher.apply(count, bearer, direction, data, n_bits)
    expected = bytes([*data[:-1], data[-1] >> cut << cut]) if data else b""
    assert len(once) == (n_bits + 7) // 8
    assert cipher.apply(count, bearer, direction, once, n_bits) == expected


@pytest.mark.parametrize("algorithm", [Eea.EEA1, Eea.EEA2, Eea.EEA3])
def test_every_input_changes_the_keystream(algorithm: Eea) -> None:
    zeros = bytes(64)
    streams = {
        Cipher(algorithm, key).apply(count, bearer, direction, zeros)
        for key in (KEY, bytes(16))
        for count in (0, 1, 2**31)
        for bearer in (0, 1, 16)
        for direction in Direction
    }
    assert len(streams) == 36


@pytest.mark.parametrize("algorithm", [Eia.EIA1, Eia.EIA2, Eia.EIA3])
@settings(max_examples=40, deadline=None)
@given(data=st.binary(min_size=1, max_size=120), count=counts, bearer=bearers, flip=st.integers(0, 959))
def test_every_input_changes_the_mac(algorithm: Eia, data: bytes, count: int, bearer: int, flip: int) -> None:
    integrity = Integrity(algorithm, KEY)
    mac = integrity.mac(count, bearer, Direction.UPLINK, data)
    flip %= 8 * len(data)
    wrong = bytearray(data)
    wrong[flip // 8] ^= 0x80 >> flip % 8
    others = [
        Integrity(algorithm, bytes(16)).mac(count, bearer, Direction.UPLINK, data),
        integrity.mac(count ^ 1, bearer, Direction.UPLINK, data),
        integrity.mac(count, bearer ^ 1, Direction.UPLINK, data),
        integrity.mac(count, bearer, Direction.DOWNLINK, data),
        integrity.mac(count, bearer, Direction.UPLINK, bytes(wrong)),
        integrity.mac(count, bearer, Direction.UPLINK, data, 8 * len(data) - 1),
    ]
    assert mac not in others
    assert integrity.mac(count, bearer, Direction.UPLINK, data) == mac


@given(data=st.binary(max_size=100), count=counts, bearer=bearers, direction=directions)
def test_eia2_of_whole_bytes_is_the_cmac_of_the_prefixed_message(
    data: bytes, count: int, bearer: int, direction: Direction
) -> None:
    reference = CMAC(AES(KEY))
    reference.update(count.to_bytes(4, "big") + bytes([bearer << 3 | direction << 2, 0, 0, 0]) + data)
    assert Integrity(Eia.EIA2, KEY).mac(count, bearer, direction, data) == reference.finalize()[:4]


@given(data=st.binary(min_size=1, max_size=60), cut=st.integers(1, 7))
def test_eia2_of_part_of_a_byte_is_the_cmac_by_hand(data: bytes, cut: int) -> None:
    """RFC 4493 2.4 on an integer of all the bits, padded by a one and zeros."""
    aes = Integrity(Eia.EIA2, KEY)
    n_bits = 8 * len(data) - cut
    value = (5 << 64 - 32 | 3 << 27) << n_bits | int.from_bytes(data, "big") >> cut
    size = n_bits + 64
    blocks = -(-size // 128)
    if size % 128:
        value = (value << 1 | 1) << 128 * blocks - size - 1
    assert aes.mac(5, 3, Direction.UPLINK, data, n_bits) == _cbc_mac(value.to_bytes(16 * blocks, "big"))


def _cbc_mac(message: bytes) -> bytes:

    encrypt = Aes(AES(KEY), ECB()).encryptor().update
    subkey = int.from_bytes(encrypt(bytes(16)), "big")
    for _ in range(2):
        subkey = (subkey << 1) % 2**128 ^ 0x87 * (subkey >> 127)
    chain = 0
    for at in range(0, len(message), 16):
        block = int.from_bytes(message[at : at + 16], "big") ^ chain
        if at + 16 == len(message):
            block ^= subkey
        chain = int.from_bytes(encrypt(block.to_bytes(16, "big")), "big")
    return (chain >> 96).to_bytes(4, "big")


def test_null_algorithms() -> None:
    assert Cipher(Eea.EEA0, KEY).apply(1, 2, Direction.UPLINK, b"as it is") == b"as it is"
    assert Integrity(Eia.EIA0, KEY).mac(1, 2, Direction.UPLINK, b"as it is") == bytes(4)


@pytest.mark.parametrize("algorithm", Eea)
def test_nothing_is_ciphered_to_nothing(algorithm: Eea) -> None:
    assert Cipher(algorithm, KEY).apply(1, 2, Direction.UPLINK, b"") == b""
    assert Cipher(algorithm, KEY).apply(1, 2, Direction.UPLINK, b"abc", 0) == b""


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="not a valid Eea"):
        Cipher(4, KEY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a valid Eia"):
        Integrity(-1, KEY)  # type: ignore[arg-type]
    for algorithm in range(4):
        with pytest.raises(ValueError, match="17 bytes, 16 are wanted"):
            Cipher(Eea(algorithm), bytes(17))
        with pytest.raises(ValueError, match="0 bytes, 16 are wanted"):
            Integrity(Eia(algorithm), b"")
        for call in (Cipher(Eea(algorithm), KEY).apply, Integrity(Eia(algorithm), KEY).mac):
            for count in (-1, 2**32):
                with pytest.raises(ValueError, match="COUNT"):
                    call(count, 0, 0, b"a")
            for bearer in (-1, 32):
                with pytest.raises(ValueError, match="BEARER"):
                    call(0, bearer, 0, b"a")
            for direction in (-1, 2):
                with pytest.raises(ValueError, match="DIRECTION"):
                    call(0, 0, direction, b"a")
            for bits in (-1, 9):
                with pytest.raises(ValueError, match="bit length"):
                    call(0, 0, 0, b"a", bits)
