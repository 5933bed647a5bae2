"""A page of pictures of a received cell: synchronisation, resource grid, channel, constellations."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_SIZE_INCHES: Final = (16.0, 12.0)
_DPI: Final = 100
_COLOURS: Final = ("#0b5fa5", "#d1495b", "#3a8f5c", "#b8860b", "#6a4c93", "#4a4e54")
_INK: Final = "#22262b"
_GRID: Final = "#d9dde2"
_STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "axes.edgecolor": "#8a9099",
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _GRID,
    "legend.frameon": False,
    "text.color": _INK,
}
_DYNAMIC_RANGE_DB: Final = 40.0
_MOST_POINTS: Final = 5000
"""Points of a constellation that are drawn; more make the file large and the picture no better."""


SUFFIXES: Final = (".png", ".pdf", ".svg")


class PlotUnavailableError(ImportError):
    """matplotlib is not installed."""


def check_output(path: str | PathLike[str]) -> None:
    """See early whether a plot can be written, before the work that it shows is done.

    Raises:
        PlotUnavailableError: matplotlib is not installed.
        ValueError: a suffix of another format.
        OSError: the folder does not exist or cannot be written to.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{target}: no picture format; use one of {', '.join(SUFFIXES)}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: folder {target.parent} does not exist")
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise PermissionError(f"{target}: cannot be written")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise PlotUnavailableError(_UNAVAILABLE) from error


_UNAVAILABLE: Final = "plots need matplotlib, which comes with: pip install 'picocell[plot]'"


@dataclass(frozen=True, slots=True)
class Peak:
    """A found synchronisation peak.

    Attributes:
        n_id_2: which of the three PSS.
        position: index into the correlation.
        label: what to write beside it, such as "PCI 150".
    """

    n_id_2: int
    position: float
    label: str = ""


def plot_scan(
    path: str | PathLike[str],
    *,
    title: str,
    subtitle: str = "",
    correlation: ArrayLike | None = None,
    correlation_rate_hz: float = 1.92e6,
    peaks: Sequence[Peak] = (),
    grid: NDArray[np.complex64] | None = None,
    symbols_per_subframe: int = 14,
    channel: NDArray[np.complex64] | None = None,
    constellations: Mapping[str, NDArray[np.complex64]] | None = None,
) -> None:
    """Write one page of four panels; a panel without data says so.

    Args:
        path: file to write; the suffix chooses the format (png, pdf, svg). A PNG has 1600 x 1200 pixels.
        title: headline.
        subtitle: a line below it.
        correlation: (3, n) metric of the three PSS over time.
        correlation_rate_hz: correlation values a second.
        peaks: found peaks.
        grid: (n_symbols, n_sc) resource grid of one receive antenna.
        symbols_per_subframe: 14, or 12 with the extended cyclic prefix.
        channel: (n_rx, n_sc) or (n_rx, n_symbols, n_sc) channel estimate of one antenna port.
        constellations: equalised symbols (n,) by channel name.

    Raises:
        PlotUnavailableError: matplotlib is not installed.
        ValueError: an array of another shape, or a suffix of another format.
        OSError: the file cannot be written.
    """
    arrays = _checked(correlation, grid, channel, constellations)
    check_output(path)
    import matplotlib
    from matplotlib.figure import Figure

    settings: Any = {**matplotlib.rcParamsDefault, **_STYLE}  # not what the user's matplotlibrc says
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI)
        figure.text(0.02, 0.975, title, fontsize=20, fontweight="bold", va="top")
        figure.text(0.02, 0.938, subtitle, fontsize=13, color="#5b626b", va="top")
        panels = figure.add_gridspec(2, 2, left=0.06, right=0.965, bottom=0.06, top=0.875, hspace=0.3, wspace=0.18)
        _draw_correlation(figure.add_subplot(panels[0, 0]), arrays.correlation, correlation_rate_hz, peaks)
        _draw_grid(figure.add_subplot(panels[0, 1]), arrays.grid, symbols_per_subframe)
        _draw_channel(figure.add_subplot(panels[1, 0]), arrays.channel)
        _draw_constellations(figure, panels[1, 1], arrays.constellations)
        figure.savefig(path)


@dataclass(frozen=True, slots=True)
class _Arrays:
    correlation: NDArray[np.float64] | None
    grid: NDArray[np.complex64] | None
    channel: NDArray[np.complex64] | None
    constellations: dict[str, NDArray[np.complex64]]


def _checked(
    correlation: ArrayLike | None,
    grid: NDArray[np.complex64] | None,
    channel: NDArray[np.complex64] | None,
    constellations: Mapping[str, NDArray[np.complex64]] | None,
) -> _Arrays:
    """The arrays with their shapes checked, the channel with a symbol axis; empty ones are None."""
    metric = None if correlation is None else np.asarray(correlation, np.float64)
    if metric is not None and (metric.ndim != 2 or metric.shape[0] != 3):
        raise ValueError(f"correlation has shape {metric.shape}; it must be (3, n)")
    if grid is not None and grid.ndim != 2:
        raise ValueError(f"grid has shape {grid.shape}; it must be (n_symbols, n_sc)")
    if channel is not None and channel.ndim not in (2, 3):
        raise ValueError(f"channel has shape {channel.shape}; it must be (n_rx, n_sc) or (n_rx, n_symbols, n_sc)")
    if channel is not None and channel.ndim == 2:
        channel = channel[:, None, :]
    points = {name: np.asarray(symbols).ravel() for name, symbols in (constellations or {}).items()}
    return _Arrays(
        correlation=metric if metric is not None and metric.size else None,
        grid=grid if grid is not None and grid.size else None,
        channel=channel if channel is not None and channel.size else None,
        constellations={name: symbols for name, symbols in points.items() if symbols.size},
    )


def _draw_correlation(
    axes: "Axes", correlation: NDArray[np.float64] | None, rate_hz: float, peaks: Sequence[Peak]
) -> None:
    axes.set_title("Primary synchronisation signal")
    if correlation is None:
        _say_empty(axes)
        return
    milliseconds = 1e3 / rate_hz
    time = np.arange(correlation.shape[1]) * milliseconds
    order = np.argsort(correlation.max(axis=1))  # the strongest on top
    for n_id_2, row in enumerate(correlation):
        level = 2 + float(np.flatnonzero(order == n_id_2)[0]) / 10
        name = f"$N_{{ID}}^{{(2)}}$ = {n_id_2}"
        axes.plot(time, row, color=_COLOURS[n_id_2], lw=0.8, alpha=0.85, zorder=level, label=name)
    top = float(correlation.max())
    for peak in peaks:
        height = correlation[peak.n_id_2, round(peak.position) % correlation.shape[1]]
        place = (peak.position * milliseconds, height)
        axes.plot(*place, "o", ms=9, mfc="none", mew=1.8, color=_COLOURS[peak.n_id_2])
        axes.annotate(peak.label, place, (8, 6), textcoords="offset points", fontsize=12, fontweight="bold")
    axes.set(xlabel="Time (ms)", ylabel="Correlation metric", xlim=(0, time[-1] or 1))
    axes.set_ylim(min(0.0, float(correlation.min())), 1.18 * top if top > 0 else 1.0)
    axes.grid(lw=0.8)
    _legend_beside_title(axes)


def _draw_grid(axes: "Axes", grid: NDArray[np.complex64] | None, symbols_per_subframe: int) -> None:
    axes.set_title("Resource grid")
    if grid is None:
        _say_empty(axes)
        return
    power = _decibels(grid.T)
    duration = grid.shape[0] / symbols_per_subframe
    image = axes.imshow(
        power - power.max(),
        origin="lower",
        aspect="auto",
        extent=(0.0, duration, -0.5, grid.shape[1] - 0.5),
        vmin=-_DYNAMIC_RANGE_DB,
        vmax=0.0,
        cmap="viridis",
    )
    axes.set(xlabel="Time (ms)", ylabel="Subcarrier (DC left out)")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, fraction=0.05)
    bar.set_label("Magnitude (dB, strongest element 0)")
    bar.outline.set_visible(False)


def _draw_channel(axes: "Axes", channel: NDArray[np.complex64] | None) -> None:
    axes.set_title("Channel estimate")
    if channel is None:
        _say_empty(axes)
        return
    n_rx, n_symbols, n_sc = channel.shape
    for antenna in range(n_rx):
        colour = _COLOURS[antenna % len(_COLOURS)]
        each = _decibels(channel[antenna])
        if n_symbols > 1:
            axes.plot(np.arange(n_sc), each.T, color=colour, lw=0.6, alpha=0.25)
        mean = 10 * np.log10(np.mean(10 ** (each / 10), axis=0))
        axes.plot(np.arange(n_sc), mean, color=colour, lw=2.0, label=f"rx {antenna}")
    axes.set(xlabel="Subcarrier (DC left out)", ylabel="Channel gain (dB)", xlim=(0, max(n_sc - 1, 1)))
    low, high = axes.get_ylim()
    if high - low < 10:  # a flat channel should look flat
        axes.set_ylim((low + high) / 2 - 5, (low + high) / 2 + 5)
    axes.grid(lw=0.8)
    if n_symbols > 1:
        axes.plot([], [], color="#8a9099", lw=0.8, alpha=0.7, label="each symbol")
    _legend_beside_title(axes)


def _draw_constellations(figure: "Figure | SubFigure", panel: Any, points: dict[str, NDArray[np.complex64]]) -> None:
    frame = figure.add_subplot(panel)
    frame.set_title("Constellations")
    if not points:
        _say_empty(frame)
        return
    frame.axis("off")
    columns = min(len(points), 2)
    lines = -(-len(points) // columns)
    cells = panel.subgridspec(lines, columns, hspace=0.28, wspace=0.1)
    for index, (name, symbols) in enumerate(points.items()):
        axes = figure.add_subplot(cells[index // columns, index % columns])
        _draw_constellation(axes, name, symbols, _COLOURS[index % len(_COLOURS)])
        if index + columns >= len(points):
            axes.set_xlabel("In-phase", fontsize=11)
        if index % columns == 0:
            axes.set_ylabel("Quadrature", fontsize=11)


def _draw_constellation(axes: "Axes", name: str, symbols: NDArray[np.complex64], colour: str) -> None:
    shown = symbols[:: -(-len(symbols) // _MOST_POINTS)]
    size = 3 if len(shown) > 500 else 5
    axes.plot(shown.real, shown.imag, ".", ms=size, alpha=0.55, color=colour, mew=0)
    limit = max(1.5, 1.1 * float(np.percentile(np.abs(np.stack([shown.real, shown.imag])), 99.5)))
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", anchor="W")
    axes.axhline(0, color=_GRID, lw=0.8, zorder=0)
    axes.axvline(0, color=_GRID, lw=0.8, zorder=0)
    axes.tick_params(labelsize=10)
    axes.text(1.06, 0.98, name, transform=axes.transAxes, va="top", fontsize=12, fontweight="bold", color=colour)
    count = f"{len(symbols)} symbols"
    axes.text(1.06, 0.84, count, transform=axes.transAxes, va="top", fontsize=11, color="#5b626b")


def _legend_beside_title(axes: "Axes") -> None:
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.01, 0.985), ncols=4, columnspacing=1.2, handlelength=1.2, fontsize=11
    )


def _decibels(values: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Magnitude in dB, with a floor 120 dB below the strongest so that empty elements stay finite."""
    magnitude = np.abs(values).astype(np.float64)
    floor = max(float(magnitude.max()) * 1e-6, 1e-30)
    decibels: NDArray[np.float64] = 20 * np.log10(np.maximum(magnitude, floor))
    return decibels


def _say_empty(axes: "Axes") -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color="#8a9099", fontsize=16)
