"""Many phones that want all that the cell has: what the schedulers make of it, with the example's own measurement."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sixteen_phones.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sixteen_phones", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def test_proportional_fair_against_round_robin(example: ModuleType, tmp_path: Path) -> None:
    pf, rr = (example.measure(name, n_prb=6, n_phones=4, seconds=0.4, settle_ms=400) for name in ("pf", "rr"))
    for outcome in (pf, rr):
        assert [phone.snr_db for phone in outcome.phones] == pytest.approx([4, 11.33, 18.67, 26], abs=0.01)
        assert sum(phone.blocks for phone in outcome.phones) > 250
        assert 0.04 < outcome.bler < 0.16
        assert outcome.mbps == pytest.approx(sum(phone.mbps for phone in outcome.phones))
        assert 0.25 < outcome.fairness < 1
        # the best phone gets more than the worst, but has not everything
        assert outcome.phones[-1].mbps > outcome.phones[0].mbps
        assert outcome.phones[-1].mbps < 0.8 * outcome.mbps
    assert pf.mbps > 1.0
    assert pf.mbps >= rr.mbps

    assert json.loads(json.dumps(example.as_dict(pf)))["phones"][3]["channel"] == "EVA200"
    assert len(example.table([pf, rr]).splitlines()) == 1 + 4 + 2
    pytest.importorskip("matplotlib")
    example.draw([pf, rr], tmp_path / "picture.png", "title")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_jains_index(example: ModuleType) -> None:
    def index(*mbps: float) -> float:
        return float(example.Outcome("pf", [example.Share("AWGN", 10, one) for one in mbps]).fairness)

    assert index(2, 2, 2, 2) == pytest.approx(1)
    assert index(5, 0, 0, 0, 0) == pytest.approx(0.2)
    assert index(1, 2, 3) == pytest.approx(36 / (3 * 14))
    assert index(0, 0) == 0
