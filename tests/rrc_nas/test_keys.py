"""Key derivation against computed vectors of TS 33.401 Annex A and TS 33.501 Annex A."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Eea, Eia

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/33401_33501_kdf_vectors.json").read_text())["vectors"]
KEY = bytes(range(32))

ALGORITHM_KEYS: dict[str, tuple[Callable[[bytes, Any], bytes], type[Eea] | type[Eia]]] = {
    "K_NASenc": (keys.k_nas_enc, Eea),
    "K_NASint": (keys.k_nas_int, Eia),
    "K_RRCenc": (keys.k_rrc_enc, Eea),
    "K_RRCint": (keys.k_rrc_int, Eia),
    "K_UPenc": (keys.k_up_enc, Eea),
    "K_UPint": (keys.k_up_int, Eia),
}


def vectors(*names: str) -> list[Any]:
    chosen = [vector for vector in VECTORS if not names or vector["name"] in names]
    return [pytest.param(vector, id=f"{vector['name']}-{i}") for i, vector in enumerate(chosen)]


def parameters(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(text) for _, text in vector["params"]]


@pytest.mark.parametrize("vector", vectors())
def test_kdf(vector: dict[str, Any]) -> None:
    out = keys.kdf(bytes.fromhex(vector["key"]), int(vector["FC"], 16), *parameters(vector))
    assert out.hex() == vector["output"]


@pytest.mark.parametrize("vector", vectors("K_ASME"))
def test_k_asme(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["key"])
    assert keys.k_asme(key[:16], key[16:], *parameters(vector)).hex() == vector["output"]


@pytest.mark.parametrize("vector", vectors("K_eNB"))
def test_k_enb(vector: dict[str, Any]) -> None:
    (count,) = parameters(vector)
    assert keys.k_enb(bytes.fromhex(vector["key"]), int.from_bytes(count, "big")).hex() == vector["output"]


@pytest.mark.parametrize("vector", vectors("NH"))
def test_next_hop(vector: dict[str, Any]) -> None:
    assert keys.next_hop(bytes.fromhex(vector["key"]), *parameters(vector)).hex() == vector["output"]


@pytest.mark.parametrize("vector", vectors("K_eNB*"))
def test_k_enb_star(vector: dict[str, Any]) -> None:
    pci, earfcn = (int.from_bytes(value, "big") for value in parameters(vector))
    assert keys.k_enb_star(bytes.fromhex(vector["key"]), pci, earfcn).hex() == vector["output"]


@pytest.mark.parametrize("vector", vectors(*ALGORITHM_KEYS))
def test_algorithm_keys_are_the_last_half(vector: dict[str, Any]) -> None:
    function, algorithms = ALGORITHM_KEYS[vector["name"]]
    (identity,) = parameters(vector)[1]
    assert function(bytes.fromhex(vector["key"]), algorithms(identity)).hex() == vector["output"][32:]


def test_every_vector_of_lte_has_been_used() -> None:
    lte = {vector["name"] for vector in VECTORS if vector["clause"].startswith("TS 33.401")}
    assert lte - {"K_ASME", "K_eNB", "NH", "K_eNB*", "S-K_gNB", *ALGORITHM_KEYS} == set()


def test_large_earfcn_takes_three_bytes() -> None:
    assert keys.k_enb_star(KEY, 7, 65535) == keys.kdf(KEY, 0x13, b"\x00\x07", b"\xff\xff")
    assert keys.k_enb_star(KEY, 7, 65536) == keys.kdf(KEY, 0x13, b"\x00\x07", b"\x01\x00\x00")


def test_keys_of_different_purpose_and_algorithm_differ() -> None:
    found = {function(KEY, identity) for function, kind in ALGORITHM_KEYS.values() for identity in kind}
    assert len(found) == 24
    assert {len(key) for key in found} == {16}


@pytest.mark.parametrize(
    ("mcc", "mnc", "expected"), [("001", "01", "00f110"), ("208", "034", "024830"), ("310", "410", "130014")]
)
def test_serving_network_identity(mcc: str, mnc: str, expected: str) -> None:
    assert keys.sn_id(mcc, mnc).hex() == expected


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="FC 256"):
        keys.kdf(KEY, 256)
    with pytest.raises(ValueError, match="P1 has 65536 bytes"):
        keys.kdf(KEY, 1, b"", bytes(65536))
    for plmn in (("01", "01"), ("001", "1"), ("001", "0a"), ("٠٠١", "01")):
        with pytest.raises(ValueError, match="PLMN"):
            keys.sn_id(*plmn)
    with pytest.raises(ValueError, match="CK has 1 bytes"):
        keys.k_asme(b"a", bytes(16), bytes(3), bytes(6))
    with pytest.raises(ValueError, match="SN id has 2 bytes"):
        keys.k_asme(bytes(16), bytes(16), bytes(2), bytes(6))
    with pytest.raises(ValueError, match="uplink NAS COUNT 4294967296 is outside"):
        keys.k_enb(KEY, 2**32)
    with pytest.raises(ValueError, match="K_ASME has 16 bytes"):
        keys.k_enb(bytes(16), 0)
    with pytest.raises(ValueError, match="SYNC-input has 16 bytes"):
        keys.next_hop(KEY, bytes(16))
    with pytest.raises(ValueError, match="PCI 504"):
        keys.k_enb_star(KEY, 504, 0)
    with pytest.raises(ValueError, match="EARFCN-DL 262144"):
        keys.k_enb_star(KEY, 0, 262144)
    for function, _ in ALGORITHM_KEYS.values():
        with pytest.raises(ValueError, match="31 bytes, 32 are wanted"):
            function(bytes(31), 0)
        with pytest.raises(ValueError, match="4 is not a valid"):
            function(KEY, 4)
