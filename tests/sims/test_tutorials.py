"""The tutorials run, with short points, and what they say is so. The build of the documentation runs them in full."""

import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"

_CELL = re.compile(r"^```\{code-cell\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EFFORT = re.compile(r"^SUBFRAMES = \d+", re.MULTILINE)


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    matplotlib.use("Agg")


def run(name: str, subframes: int) -> dict[str, Any]:
    """What the cells of a tutorial define, each point of so many subframes."""
    text = (TUTORIALS / f"{name}.md").read_text(encoding="utf-8")
    text, replaced = _EFFORT.subn(f"SUBFRAMES = {subframes}", text)
    assert replaced == 1
    cells = _CELL.findall(text)
    assert len(cells) == text.count("{code-cell}")
    scope: dict[str, Any] = {"__name__": "tutorial"}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"{name}.md, cell {number}", "exec"), scope)
        pyplot.close("all")
    return scope


def test_every_tutorial_is_a_notebook_that_is_tried_here() -> None:
    names = {"first_curve", "own_estimator", "harq_and_link_adaptation"}
    assert {path.stem for path in TUTORIALS.glob("*.md")} == names
    for name in names:
        head = (TUTORIALS / f"{name}.md").read_text(encoding="utf-8").split("---")[1]
        assert "file_format: mystnb" in head


def test_first_curve() -> None:
    scope = run("first_curve", 200)
    practical, perfect = scope["table"].snr_at_bler(0.1), scope["perfect"].snr_at_bler(0.1)
    bits, n_re = scope["conversion"].info_bits, scope["conversion"].n_re
    assert scope["best_code"](perfect, bits, n_re) < 1e-3  # no curve lies left of the bound
    assert 0 < perfect - 0.8 < 1.2
    assert -0.05 < practical - perfect < 0.4
    # endless blocks at rate 1/2 over white noise: Eb/N0 of 0.19 dB, the textbook's figure for two levels
    assert scope["best_code"](0.19, 1_000_000, 1_000_000) == pytest.approx(0.5, abs=0.3)


def test_own_estimator() -> None:
    scope = run("own_estimator", 80)
    errors = {name: np.array(values) for name, values in scope["errors"].items()}
    assert (errors["own Wiener filter"] < errors["straight lines"]).all()
    assert errors["straight lines"][-1] > 5 * errors["own Wiener filter"][-1]
    bound = np.array([scope["least_error"](snr) for snr in scope["SNRS"]])
    assert all((bound < values).all() for values in errors.values())
    lost = {name: sum(r.tally.counts.errors[0] for r in table) for name, table in scope["tables"].items()}
    assert lost["channel known"] < lost["own Wiener filter"] < lost["straight lines"]
    assert scope["own"].tally.counts.errors == scope["product"].tally.counts.errors


def test_harq_and_link_adaptation() -> None:
    scope = run("harq_and_link_adaptation", 80)
    once = scope["once"].snr_at_throughput(50)
    chase, redundancy = (scope[name].curves()[0].snr_at_throughput(34) for name in ("chase", "redundancy"))
    assert once - 2 > chase > redundancy  # a block in two transmissions is half the throughput
    envelope, adapted = scope["envelope"], scope["adapted"]
    for channel, values in envelope.items():
        assert (np.diff(values) > 0).all()
        assert (values < [scope["capacity_mbps"](snr) for snr in scope["SNRS"]]).all()
        mbps = [value for value, _ in adapted[channel]]
        assert mbps[-1] > 0.9 * values[-1]
    slow, fast = ([mbps for mbps, _ in adapted[channel]] for channel in ("EVA5", "EVA70"))
    assert sum(slow) > sum(fast)
