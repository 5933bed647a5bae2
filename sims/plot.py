"""Curves of a table of results as a picture, with confidence intervals; what was never seen is an upper bound."""

from dataclasses import fields
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from picocell.sims.results import PointResult, ResultTable
from picocell.sims.stats import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS: Final = (".png", ".pdf", ".svg")
METRICS: Final = {
    "bler_1": "BLER of the first transmission",
    "residual_bler": "BLER after the last round",
    "throughput_percent": "throughput (% of the largest)",
    "throughput_mbps": "throughput (Mb/s)",
}
"""What can be drawn, and the axis's name."""

_ERRORS: Final = {
    "pbch": "MIBs missed",
    "pdcch": "grants missed",
    "pucch": "messages not read right",
    "prach": "preambles missed",
    "coding": "frame error rate",
}
"""What the first transmission's error rate is for kinds of links without HARQ."""

_SNR: Final = "SNR per resource element and receive antenna (dB)"
_AXES: Final = {"prach": ("snr_db", "SNR of a preamble's subcarrier (dB)"), "coding": ("eb_n0_db", "Eb/N0 (dB)")}
"""What stands along the bottom where it is not the SNR of a resource element."""

_SHARED: Final = ("downlink", "uplink", "coding")
_TARGET: Final = {True: 0.1, False: 0.01}
"""Error rate that is usually asked for: of shared channels and codes, and of control channels."""

_LEGEND: Final = 30
_ALWAYS: Final = ("n_prb", "channel", "mcs", "estimator", "k", "iterations")
"""Parameters in the heading though they have their defaults."""
_BOUND: Final = "no errors: bound"


class Bar(NamedTuple):
    """A figure with its interval."""

    value: float
    low: float
    high: float


def check_output(path: Path) -> None:
    """See that a picture can be written, before the work that it shows is done.

    Raises:
        ValueError: another ending, or a folder that does not exist.
        ImportError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a picture ends in {', '.join(FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.absolute().parent}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib (pip install 'picocell[plot]')") from error


def plot(results: ResultTable, path: Path | str, metric: str = "bler_1") -> None:
    """Draw a curve for each set of parameters into a file, with heading and legend.

    Args:
        results: the table.
        path: .png, .pdf or .svg.
        metric: one of :data:`METRICS`.

    Raises:
        ValueError: another ending or metric.
        ImportError: matplotlib is not installed.
    """
    out = Path(path)
    check_output(out)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    draw(results, axes, metric)
    axes.set_title(heading(results), fontsize="small")
    if axes.get_legend() is not None and len(results.curves()) > 1:
        _legend(axes, loc="upper left", bbox_to_anchor=(1, 1))  # beside the curves, which it might hide
    figure.savefig(out, dpi=120)


def draw(results: ResultTable, axes: "Axes", metric: str = "bler_1", label: str = "", **style: Any) -> None:
    """Draw a curve for each set of parameters on axes, which are labelled; others may be drawn beside it.

    An error rate of which nothing was seen has no place on a logarithmic axis: an arrow stands at the upper end of its
    interval.

    Args:
        results: the table.
        axes: of matplotlib.
        metric: one of :data:`METRICS`.
        label: name of the curve; where there are several, their parameters follow.
        **style: more for :meth:`matplotlib.axes.Axes.errorbar`, such as ``color``.

    Raises:
        ValueError: another metric.
    """
    if metric not in METRICS:
        raise ValueError(f"{metric!r} cannot be drawn: use one of {', '.join(METRICS)}")
    curves, names = results.curves(), results.varying()
    kind = results[0].point.kind
    x_name, x_label = _AXES.get(kind, ("snr_db", _SNR))
    styles = cycle(("-", "--", "-.", ":"))
    line = next(styles)
    for number, curve in enumerate(curves):
        if number and number % 10 == 0:  # colours come again after ten
            line = next(styles)
        values = curve[0].point.as_dict()
        parts = ([label] if label else []) + [f"{name} {_text(values.get(name))}" for name in names]
        _draw(axes, curve, metric, ", ".join(parts) or kind, {"linestyle": line, **style}, x_name)
    y_label = METRICS[metric]
    if "bler" in metric:
        axes.set_yscale("log")
        axes.axhline(_TARGET[kind in _SHARED], color="grey", linewidth=0.8, linestyle=":")
        y_label = _ERRORS.get(kind, y_label)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(True, which="both", linewidth=0.3)
    if len(curves) <= _LEGEND:
        _legend(axes)


def _legend(axes: "Axes", **where: Any) -> None:
    """Names of the curves, and then what an arrow is."""
    entries = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=lambda entry: entry[1] == _BOUND)
    handles, labels = zip(*entries, strict=True)
    axes.legend(handles, labels, fontsize="small", **where)


def heading(results: ResultTable) -> str:
    """Kind of link, and what all points have in common that is not the default."""
    first, varying = results[0].point, results.varying()
    defaults = {f.name: f.default for f in fields(first)} | type(first).from_dict({"snr_db": 0.0}).as_dict()
    values = {k: v for k, v in first.as_dict().items() if k not in ("kind", "snr_db", *varying)}
    sized = bool(values.get("tbs") or values.get("cqi"))
    told = [
        f"{name} {_text(value)}"
        for name, value in values.items()
        if (name in _ALWAYS or _text(value) != _text(defaults.get(name))) and not (name == "mcs" and sized)
    ]
    return f"{first.kind}: {', '.join(told)}"


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def bar(result: PointResult, metric: str) -> Bar | None:
    """A figure of a point with its interval; None where nothing was counted."""
    row, tally, confidence = result.row(), result.tally, result.setting.rule.confidence
    value = row[metric]
    if value is None:
        return None
    if metric == "residual_bler":
        sent = tally.counts.sent[0]
        effect = 1.0 if tally.independent else min(tally.first.design_effect, max(sent, 1))
        return Bar(value, *wilson((sent - tally.counts.delivered) / effect, sent / effect, confidence))
    if metric == "throughput_mbps":
        scale = result.conversion.info_bits / 1e5
        return Bar(value, scale * row["throughput_percent_low"], scale * row["throughput_percent_high"])
    return Bar(value, row[f"{metric}_low"], row[f"{metric}_high"])


def _draw(axes: "Axes", curve: ResultTable, metric: str, label: str, style: dict[str, Any], x_name: str) -> None:
    """One curve; points of a logarithmic one without an error are upper bounds."""
    found = [(result.row()[x_name], one) for result in curve if (one := bar(result, metric)) is not None]
    seen = [(x, one) for x, one in found if one.value > 0 or "bler" not in metric]
    unseen = [(x, one.high) for x, one in found if not one.value > 0 and "bler" in metric]
    drawn = axes.errorbar(
        [x for x, _ in seen],
        [one.value for _, one in seen],
        yerr=[[max(one.value - one.low, 0.0) for _, one in seen], [max(one.high - one.value, 0.0) for _, one in seen]],
        label=label,
        **{"marker": "o", "markersize": 3, "linewidth": 1, "capsize": 2, **style},
    )
    if unseen:
        colour = drawn.lines[0].get_color()
        x, high = zip(*unseen, strict=True)
        down = [0.45 * one for one in high]
        axes.errorbar(x, high, yerr=down, uplims=True, color=colour, fmt="_", markersize=7, linewidth=1, capsize=2.5)
        if _BOUND not in axes.get_legend_handles_labels()[1]:
            axes.plot([], [], color="grey", marker=r"$\downarrow$", linestyle="none", label=_BOUND)
