"""What the commands of link simulations share: lists and sweeps as users write them, and a run with its output."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from picocell.sims.campaign import Campaign, expand, make_points
from picocell.sims.plot import METRICS, check_output
from picocell.sims.progress import LiveTable, print_results
from picocell.sims.registry import open_link
from picocell.sims.results import ResultTable
from picocell.sims.snr import DEFINITION, PREAMBLE_DEFINITION
from picocell.sims.stats import StoppingRule

_LONGEST: Final = 10_000


class WrongUseError(ValueError):
    """Options that cannot be used: one line for the user."""


@dataclass(frozen=True, slots=True)
class Common:
    """Options of every simulation.

    Attributes:
        subframes: of a point at most.
        errors: block errors after which a point is done; 0 for never.
        precision: relative width of the BLER's interval at which a point is done; 0 for never.
        confidence: level of the intervals.
        pass_throughput: percentage below which a point fails; None for none.
        jobs: workers; 0 for one a processor.
        seed: of everything random.
        json: file of JSON lines.
        csv: file of CSV.
        plot: file of the picture.
        metric: what it shows; empty for BLER, or throughput where there are several HARQ rounds.
        resume: go on from the file of JSON lines.
        quiet: no live table.
    """

    subframes: int
    errors: int = 200
    precision: float = 0.0
    confidence: float = 0.95
    pass_throughput: float | None = None
    jobs: int = 1
    seed: int = 1
    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    metric: str = ""
    resume: bool = False
    quiet: bool = False


def numbers(option: str, text: str, *, repeated: bool = False) -> list[int]:
    """Numbers of a list such as ``0,4,9-12``.

    Args:
        option: its name, for complaints.
        text: the list.
        repeated: keep a number that comes again.

    Raises:
        WrongUseError: no such list.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            begin, end = int(first), int(last) if dash else int(first)
        except ValueError:
            raise WrongUseError(f"{option} {text}: {part.strip()!r} is no number or range such as 9-12") from None
        if not 0 <= end - begin < _LONGEST:
            raise WrongUseError(f"{option} {text}: range {part.strip()} is empty or too long")
        found += range(begin, end + 1)
    return found if repeated else list(dict.fromkeys(found))


def sweep(option: str, first: str, width: float, step: float) -> list[float]:
    """Values of a list, or from the first one over a width in steps.

    Raises:
        WrongUseError: no numbers, or a sweep without end.
    """
    try:
        values = [float(part) for part in first.split(",")]
    except ValueError:
        raise WrongUseError(f"{option} {first}: no number, or list of numbers such as -2,0,3.5") from None
    if not width:
        return values
    if len(values) > 1:
        raise WrongUseError(f"-w needs one value of {option} to begin at, not a list")
    if not step > 0 or width / step >= _LONGEST:
        raise WrongUseError(f"-f {step:g}: the step of a sweep is above 0, and -w not more than {_LONGEST} steps")
    return [values[0] + i * step for i in range(int(width / step + 1e-9) + 1)]


def at_eb_n0(kind: str, shapes: dict[str, Any], values_db: list[float]) -> list[dict[str, Any]]:
    """Parameters of points at given Eb/N0, each of the shapes at its own SNRs.

    Raises:
        WrongUseError: parameters that are not allowed.
    """
    try:
        found = []
        for shape in expand(shapes):
            conversion = open_link(make_points(kind, {**shape, "snr_db": 0.0})[0]).conversion
            found += [{**shape, "snr_db": conversion.snr_db(value)} for value in values_db]
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    return found


def simulate(kind: str, parameters: dict[str, Any] | list[dict[str, Any]], common: Common) -> int:
    """Run a simulation and show what came out.

    Args:
        kind: of the links.
        parameters: of the points, some of them lists; or several such sets.
        common: the other options.

    Returns:
        The exit code: 0, or 1 where a point is below the wanted throughput.

    Raises:
        WrongUseError: parameters, files or numbers that cannot be used.
        KeyboardInterrupt: Ctrl-C, after everything has ended.
    """
    sets = parameters if isinstance(parameters, list) else [parameters]
    try:
        if common.plot is not None:
            check_output(common.plot)
        if common.metric and common.metric not in METRICS:
            raise WrongUseError(f"--metric {common.metric}: use one of {', '.join(METRICS)}")
        points = [point for values in sets for point in make_points(kind, values)]
        rule = StoppingRule(common.subframes, common.errors, common.precision, common.confidence)
        results = _run(Campaign(points, seed=common.seed, rule=rule), common)
    except (ValueError, ImportError) as error:
        raise WrongUseError(str(error)) from error
    print_results(results)
    print(PREAMBLE_DEFINITION if kind == "prach" else DEFINITION)
    for text in dict.fromkeys(result.conversion.text() for result in results):
        print(f"  {text}")
    if common.plot is not None:
        rounds = max(len(result.tally.counts.sent) for result in results)
        results.plot(common.plot, common.metric or ("bler_1" if rounds == 1 else "throughput_percent"))
    return _passed(results, common.pass_throughput)


def _run(campaign: Campaign, common: Common) -> ResultTable:
    options: dict[str, Any] = {"jobs": common.jobs, "json": common.json, "csv": common.csv, "resume": common.resume}
    try:
        if common.quiet:
            return campaign.run(**options)
        with LiveTable(campaign.rule) as live:
            return campaign.run(**options, watcher=live)
    except KeyboardInterrupt:
        if common.json is not None:
            _say(f"interrupted: --resume with the same options goes on from {common.json}")
        raise


def _passed(results: ResultTable, least: float | None) -> int:
    """0 if no point's throughput is below a percentage, else 1."""
    if least is None:
        return 0
    low = [result for result in results if 100 * result.tally.share.rate < least]
    names = results.varying()
    for result in low:
        values = result.point.as_dict()
        which = "".join(f"{name} {values.get(name)}, " for name in names)
        share = 100 * result.tally.share.rate
        _say(f"{which}SNR {result.point.snr_db:g} dB: {share:.1f} % of throughput, {least:g} % wanted")
    return 1 if low else 0


def _say(text: str) -> None:
    print(f"picocell: {text}", file=sys.stderr)
