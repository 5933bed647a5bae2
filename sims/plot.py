"""Curves of a table of results as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from picocell.sims.results import ResultTable

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
    """Draw a curve for each set of parameters, error rates with their confidence intervals.

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
    if metric not in METRICS:
        raise ValueError(f"{metric!r} cannot be drawn: use one of {', '.join(METRICS)}")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    names = results.varying()
    for curve in results.curves():
        values = curve[0].point.as_dict()
        label = ", ".join(f"{name} {values.get(name)}" for name in names) or values["kind"]
        _draw(axes, curve, metric, label)
    if "bler" in metric:
        axes.set_yscale("log")
        axes.axhline(0.1, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="SNR per resource element and receive antenna (dB)", ylabel=METRICS[metric])
    axes.grid(True, which="both", linewidth=0.3)
    if len(results.curves()) <= 30:
        axes.legend(fontsize="small")
    figure.savefig(out, dpi=120)


def _draw(axes: "Axes", curve: ResultTable, metric: str, label: str) -> None:
    """One curve; points without an error are left out of a logarithmic one."""
    rows = [row for row in curve.rows() if row[metric] is not None and (row[metric] > 0 or "bler" not in metric)]
    x, y = [row["snr_db"] for row in rows], [row[metric] for row in rows]
    low = [max(row[metric] - row.get(f"{metric}_low", row[metric]), 0.0) for row in rows]
    high = [max(row.get(f"{metric}_high", row[metric]) - row[metric], 0.0) for row in rows]
    axes.errorbar(x, y, yerr=[low, high], label=label, marker="o", markersize=3, linewidth=1, capsize=2)
