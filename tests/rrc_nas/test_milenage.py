"""MILENAGE against the published sets of TS 35.208."""

import json
from pathlib import Path
from typing import Any

import pytest

from picocell.rrc_nas.security.milenage import Milenage, derive_opc

VECTORS = Path(__file__).parents[1] / "vectors"
SETS = json.loads((VECTORS / "35208_milenage.json").read_text())["sets"]


@pytest.mark.parametrize("case", SETS, ids=lambda case: case["set"])
def test_published_sets(case: dict[str, Any]) -> None:
    value = {name: bytes.fromhex(text) for name, text in case.items() if name not in ("set", "verified")}
    assert derive_opc(value["K"], value["OP"]) == value["OPc"]
    for functions in (Milenage(value["K"], value["OPc"]), Milenage.from_op(value["K"], value["OP"])):
        assert functions.f1(value["RAND"], value["SQN"], value["AMF"]) == value["f1"]
        assert functions.f1_star(value["RAND"], value["SQN"], value["AMF"]) == value["f1star"]
        assert functions.f2345(value["RAND"]) == (value["f2"], value["f3"], value["f4"], value["f5"])
        assert functions.f5_star(value["RAND"]) == value["f5star"]


def test_bad_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="K has 15 bytes, 16 are wanted"):
        Milenage(bytes(15), bytes(16))
    with pytest.raises(ValueError, match="OPc has 17 bytes"):
        Milenage(bytes(16), bytes(17))
    with pytest.raises(ValueError, match="OP has 0 bytes"):
        derive_opc(bytes(16), b"")
    functions = Milenage(bytes(16), bytes(16))
    with pytest.raises(ValueError, match="RAND has 15 bytes"):
        functions.f2345(bytes(15))
    with pytest.raises(ValueError, match="RAND has 15 bytes"):
        functions.f5_star(bytes(15))
    with pytest.raises(ValueError, match="SQN has 5 bytes"):
        functions.f1(bytes(16), bytes(5), bytes(2))
    with pytest.raises(ValueError, match="AMF has 3 bytes"):
        functions.f1_star(bytes(16), bytes(6), bytes(3))
