"""Results of points, and the table that a simulation returns."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from picocell.sims.counts import Tally
from picocell.sims.point import Point
from picocell.sims.snr import Conversion
from picocell.sims.stats import StoppingRule, crossing

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes


@cache
def package_version() -> str:
    """Version of the package; "unknown" where it is not installed."""
    try:
        return version("picocell")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a campaign's numbers depend on beside the point.

    Attributes:
        seed: of the campaign.
        rule: when a point is done.
        block: subframes in a block of work.
        hooks: names of a user's own functions.
    """

    seed: int
    rule: StoppingRule
    block: int
    hooks: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it, with the version of the package."""
        return {
            "seed": self.seed,
            "block": self.block,
            "rule": asdict(self.rule),
            "hooks": dict(self.hooks),
            "version": package_version(),
        }


@dataclass(frozen=True, slots=True)
class PointResult:
    """A point that is done.

    Attributes:
        point: its parameters.
        setting: seed, stopping rule, size of blocks.
        conversion: of SNR to Eb/N0.
        tally: its counts.
        stopped: why it was done: "subframes", "errors" or "width".
    """

    point: Point
    setting: Setting
    conversion: Conversion
    tally: Tally
    stopped: str

    def row(self) -> dict[str, Any]:
        """Parameters and figures by name, flat."""
        conversion = self.conversion
        return {
            **self.point.as_dict(),
            "info_bits": conversion.info_bits,
            "resource_elements": conversion.n_re,
            "eb_n0_db": conversion.eb_n0_db(self.point.snr_db),
            **self.tally.metrics(conversion, self.setting.rule.confidence),
            "stopped": self.stopped,
            "seed": self.setting.seed,
            "version": package_version(),
        }

    def record(self) -> dict[str, Any]:
        """The row with counts and settings, from which the result can be made again."""
        return {
            "record": "point",
            "point": self.point.key,
            **self.row(),
            "parameters": self.point.as_dict(),
            "setting": self.setting.as_dict(),
            "conversion": asdict(self.conversion),
            "tally": self.tally.as_dict(),
            "machine": platform.machine(),
        }


class ResultTable(Sequence[PointResult]):
    """Results in the order of their points.

    Args:
        results: the results.
    """

    def __init__(self, results: Sequence[PointResult]) -> None:
        self._results = list(results)

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, index: Any) -> Any:
        found = self._results[index]
        return ResultTable(found) if isinstance(index, slice) else found

    def __iter__(self) -> Iterator[PointResult]:
        return iter(self._results)

    def rows(self) -> list[dict[str, Any]]:
        """A dictionary a point: what ``pandas.DataFrame`` takes."""
        return [result.row() for result in self._results]

    def to_pandas(self) -> Any:
        """The rows as a ``pandas.DataFrame``.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise ImportError("to_pandas needs pandas (pip install pandas); rows() needs nothing") from error
        return pandas.DataFrame(self.rows())

    def curves(self) -> list["ResultTable"]:
        """The results grouped by everything but the SNR, each group by ascending SNR."""
        groups: dict[str, list[PointResult]] = {}
        for result in self._results:
            values = {k: v for k, v in result.point.as_dict().items() if k != "snr_db"}
            groups.setdefault(repr(sorted(values.items())), []).append(result)
        return [ResultTable(sorted(group, key=lambda r: r.point.snr_db)) for group in groups.values()]

    def snr_at_bler(self, target: float = 0.1) -> float | None:
        """SNR at which the first transmission's BLER falls through a target; None where the points do not show it."""
        return crossing([r.point.snr_db for r in self], [r.tally.bler() or 0.0 for r in self], target)

    def snr_at_throughput(self, percent: float = 70.0) -> float | None:
        """SNR at which the throughput reaches a percentage of the largest; None where the points do not show it."""
        lost = [1 - r.tally.share.rate for r in self]
        return crossing([r.point.snr_db for r in self], lost, 1 - percent / 100)

    def varying(self) -> list[str]:
        """Parameters that differ between the points, the SNR left out."""
        dicts = [result.point.as_dict() for result in self._results]
        names = list(dict.fromkeys(name for d in dicts for name in d if name != "snr_db"))
        return [name for name in names if len({repr(d.get(name)) for d in dicts}) > 1]

    def draw(self, axes: "Axes", metric: str = "bler_1", label: str = "", **style: Any) -> None:
        """Draw a curve for each set of parameters on axes of matplotlib.

        Args:
            axes: where.
            metric: column to draw over the SNR.
            label: name of the curve; where there are several, their parameters follow.
            **style: more for ``axes.errorbar``, such as ``color``.

        Raises:
            ValueError: no such column.
        """
        from picocell.sims.plot import draw

        draw(self, axes, metric, label, **style)

    def plot(self, path: "Path | str", metric: str = "bler_1") -> None:
        """Draw a curve for each set of parameters into a file, with heading and legend.

        Args:
            path: .png, .pdf or .svg.
            metric: column to draw over the SNR.

        Raises:
            ValueError: another ending, or no such column.
            ImportError: matplotlib is not installed.
        """
        from picocell.sims.plot import plot

        plot(self, path, metric)
