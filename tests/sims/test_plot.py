"""Curves: what is drawn where, with its interval, and what stands at the axes."""

import math
from typing import Any

import pytest

from picocell.sims import PointResult, ResultTable, StoppingRule
from picocell.sims.campaign import make_points
from picocell.sims.counts import Counts, Tally
from picocell.sims.plot import bar, draw, heading
from picocell.sims.registry import open_link
from picocell.sims.results import Setting

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

SETTING = Setting(1, StoppingRule(1000, 0), 50)


def result(errors: list[int], snr_db: float, kind: str = "downlink", sent: int = 1000, **more: Any) -> PointResult:
    """A point of ten blocks with so many errors by round."""
    point = make_points(kind, {"snr_db": snr_db, **more})[0]
    tally = Tally(independent=True)
    rounds = [sent, *errors[:-1]]
    for _ in range(10):
        part = [value // 10 for value in rounds], [value // 10 for value in errors]
        tally.add(Counts(window=sent // 10, sent=part[0], errors=part[1], delivered=part[0][0] - part[1][-1]))
    return PointResult(point, SETTING, open_link(point).conversion, tally, "subframes")


def axes_of(table: ResultTable, metric: str = "bler_1", **more: Any) -> Any:
    axes = Figure().subplots()
    draw(table, axes, metric, **more)
    return axes


def drawn(axes: Any) -> list[tuple[str, list[float], list[float]]]:
    """Label, SNRs and figures of each set of points with an interval."""
    found = []
    for container in axes.containers:
        line = container.lines[0]
        found.append((container.get_label(), list(map(float, line.get_xdata())), list(map(float, line.get_ydata()))))
    return found


def test_points_without_an_error_are_bounds_and_not_left_out() -> None:
    axes = axes_of(ResultTable([result([500], -4), result([10], -3), result([0], -2)]))
    (label, x, y), (bound, bound_x, bound_y) = drawn(axes)
    assert (label, x, y) == ("downlink", [-4, -3], [0.5, 0.01])
    assert bound_x == [-2]
    assert bound_y == [pytest.approx(3.84 / 1003.84, rel=1e-3)]  # Wilson's upper end of none in a thousand
    assert bound.startswith("_")
    assert "no errors: bound" in axes.get_legend_handles_labels()[1]
    assert axes.get_ylim()[0] < bound_y[0]


def test_there_may_be_nothing_but_bounds() -> None:
    axes = axes_of(ResultTable([result([0], 5)]))
    assert drawn(axes)[-1][1] == [5]


def test_a_share_of_nothing_is_drawn_as_that() -> None:
    axes = axes_of(ResultTable([result([1000], -9), result([0], 5)]), "throughput_percent")
    ((_, x, y),) = drawn(axes)
    assert (x, y) == ([-9, 5], [0, 100])
    assert axes.get_yscale() == "linear"


def test_curves_are_told_apart_and_axes_named() -> None:
    table = ResultTable([result([100], snr, mcs=mcs) for mcs in (0, 4) for snr in (0, 1)])
    axes = axes_of(table, label="mine", color="red")
    assert [label for label, _, _ in drawn(axes)] == ["mine, mcs 0", "mine, mcs 4"]
    assert "resource element and receive antenna" in axes.get_xlabel()
    assert axes.get_ylabel() == "BLER of the first transmission"
    assert "n_prb 6" in heading(table)
    assert "mcs" not in heading(table)


def test_more_curves_than_colours_differ_by_their_lines() -> None:
    table = ResultTable([result([100], 0, mcs=mcs) for mcs in range(12)])
    axes = axes_of(table)
    looks = {(c.lines[0].get_color(), c.lines[0].get_linestyle()) for c in axes.containers}
    assert len(looks) == 12


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        ("coding", "Eb/N0 (dB)", "frame error rate"),
        ("prach", "SNR of a preamble's subcarrier (dB)", "preambles missed"),
        ("pdcch", "SNR per resource element and receive antenna (dB)", "grants missed"),
    ],
)
def test_other_kinds_have_their_own_axes(kind: str, x: str, y: str) -> None:
    one = result([100], -3, kind)
    axes = axes_of(ResultTable([one]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x, y)
    at = one.conversion.eb_n0_db(-3) if kind == "coding" else -3
    assert drawn(axes)[0][1] == [pytest.approx(at)]


def test_intervals_of_derived_figures() -> None:
    one = result([400, 100], 0, rounds=2)
    residual = bar(one, "residual_bler")
    assert residual is not None
    assert residual.value == pytest.approx(0.1)
    assert residual.high - residual.low == pytest.approx(2 * 1.96 * math.sqrt(0.1 * 0.9 / 1000), rel=0.01)
    mbps, share = bar(one, "throughput_mbps"), bar(one, "throughput_percent")
    assert mbps is not None
    assert share is not None
    bits = one.conversion.info_bits
    assert mbps == pytest.approx([value / 100 * bits / 1e3 for value in share])


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        axes_of(ResultTable([result([1], 0)]), "snr")
