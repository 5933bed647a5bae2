"""What the commands of link simulations have in common: their options, and how they are run."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final

import typer

from picocell.quick_start import one_thread_for_blas

LIST: Final = "LIST"
"""How a list is named in a help text."""

Mcs = Annotated[str, typer.Option("-m", "--mcs", metavar=LIST, help="I_MCS, such as 9 or 0,4,9-12.")]
Prb = Annotated[str, typer.Option("-B", "--n-prb", metavar=LIST, help="Bandwidth: 6, 15, 25, 50, 75, 100 PRB.")]
Ports = Annotated[str, typer.Option("-y", "--n-tx", metavar=LIST, help="Antenna ports: 1, 2 or 4.")]
Rx = Annotated[str, typer.Option("-z", "--n-rx", metavar=LIST, help="Receive antennas.")]
ChannelNames = Annotated[
    str,
    typer.Option("-g", "--channel", metavar="NAMES", help="N AWGN, E EPA5, F EVA5, G ETU70, or a name such as EVA70."),
]
Snr = Annotated[str, typer.Option("-s", "--snr", metavar="DB", help="First SNR of the sweep, or a list: -2,0,3.5.")]
Subframes = Annotated[int, typer.Option("-n", "--subframes", help="Subframes a point at most.", min=1)]
Cfi = Annotated[str, typer.Option("-c", "--cfi", metavar=LIST, help="Control format indicator.")]
Rounds = Annotated[str, typer.Option("-R", "--rounds", metavar=LIST, help="HARQ transmissions of a block at most.")]
Rv = Annotated[str, typer.Option("--rv", metavar=LIST, help="Redundancy versions; the usual ones if not given.")]
EstimatorNames = Annotated[
    str, typer.Option("-i", "--estimator", metavar="NAMES", help="practical, linear, average, perfect.")
]
Sync = Annotated[
    str, typer.Option("--sync", metavar="NAMES", help="perfect, or practical: on samples, offsets to be found.")
]
Domain = Annotated[
    str, typer.Option("--domain", metavar="NAMES", help="grid: channel on resource elements; samples: OFDM as well.")
]
Iterations = Annotated[str, typer.Option("--iterations", metavar=LIST, help="Turbo iterations at most.")]
Tbs = Annotated[int, typer.Option("--tbs", help="Transport block size in bits in place of the MCS's.")]
Modulation = Annotated[str, typer.Option("--modulation", help="With --tbs: qpsk, 16qam, 64qam, 256qam.")]
Pci = Annotated[int, typer.Option("--pci", help="Physical cell identity.")]
Pass = Annotated[
    float | None,
    typer.Option(
        "-O",
        "--pass-throughput",
        metavar="%",
        min=0,
        max=100,
        help="Exit code 1 if a point's throughput is below this percentage of the largest.",
    ),
]
Silent = Annotated[bool, typer.Option("--silent", help="Send nothing: what is found all the same is the error.")]


def _shared(
    width: Annotated[float, typer.Option("-w", "--width", metavar="DB", help="Width of the sweep.", min=0)] = 0.0,
    step: Annotated[float, typer.Option("-f", "--step", metavar="DB", help="Step of the sweep.")] = 1.0,
    errors: Annotated[
        int, typer.Option("-e", "--errors", help="Errors after which a point is done; 0: never.", min=0)
    ] = 200,
    precision: Annotated[
        float,
        typer.Option("--precision", help="Done when the interval is narrower than this share; 0: never.", min=0),
    ] = 0.0,
    confidence: Annotated[float, typer.Option("--confidence", help="Level of the intervals.")] = 0.95,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Worker processes; 0: one a processor.", min=0)] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.", min=0)] = 1,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="JSON lines, a point each.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="The same as CSV.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Curves: .png, .pdf or .svg.")] = None,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What --plot draws; if not given, what fits the rounds.")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what --json's file holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the table of results.")] = False,
) -> None:
    """The options of every simulation: only its parameters count."""


def simulation(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: it has its own options and the shared ones, which it gets as `shared`."""
    own, more = inspect.signature(function).parameters, inspect.signature(_shared).parameters

    @functools.wraps(function)
    def command(**options: Any) -> None:
        function(**{k: v for k, v in options.items() if k in own}, shared={k: options[k] for k in more})

    parameters = [p for p in own.values() if p.name != "shared"] + list(more.values())
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


@contextmanager
def command_module() -> Iterator[ModuleType]:
    """The module that runs simulations, imported only now; wrong use is refused in a line."""
    one_thread_for_blas()
    from picocell.sims import command

    try:
        yield command
    except command.WrongUseError as error:
        raise typer.BadParameter(str(error)) from error


def run(
    kind: str,
    shared: dict[str, Any],
    snr: str,
    subframes: int,
    numbers: dict[str, tuple[str, str]],
    others: dict[str, Any],
    pass_throughput: float | None = None,
) -> None:
    """Simulate points of a kind.

    Args:
        kind: of the links.
        shared: the shared options.
        snr: first SNR, or a list.
        subframes: of a point at most.
        numbers: by parameter, the option's name and its list of numbers.
        others: the other parameters.
        pass_throughput: percentage of the throughput that passes.
    """
    options = dict(shared)
    with command_module() as command:
        parameters = {name: command.numbers(option, text) for name, (option, text) in numbers.items()}
        parameters |= others | {"snr_db": command.sweep("-s", snr, options.pop("width"), options.pop("step"))}
        common = command.Common(subframes, pass_throughput=pass_throughput, **options)
        raise typer.Exit(command.simulate(kind, parameters, common))


def names(text: str) -> list[str]:
    """Names of a list."""
    return [name.strip() for name in text.split(",")]


def versions(text: str) -> tuple[int, ...]:
    """Redundancy versions of a list, where they may repeat."""
    if not text:
        return ()
    with command_module() as command:
        return tuple(command.numbers("--rv", text, repeated=True))
