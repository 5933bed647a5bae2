"""Link simulations: ``picocell dlsim``, ``ulsim``, ``pbchsim``, ``pdcchsim``, ``pucchsim``, ``prachsim``, ``codesim``.

picocell dlsim -m 0,4,9-12 -B 25 -s -2 -w 8 -f 0.5 --json out.jsonl --plot out.png
picocell ulsim -B 6 -z 2 -g EPA5 -R 4 --tbs 600 --modulation qpsk -s -6 -w 8 -O 30
picocell pdcchsim -l 8 -z 2 -g ETU70 -s -4 -w 3
picocell codesim -k 6144 -s 0 -w 1 -f 0.1
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final

import typer

app = typer.Typer()

_LIST: Final = "LIST"

Mcs = Annotated[str, typer.Option("-m", "--mcs", metavar=_LIST, help="I_MCS, such as 9 or 0,4,9-12.")]
Prb = Annotated[str, typer.Option("-B", "--n-prb", metavar=_LIST, help="Bandwidth: 6, 15, 25, 50, 75, 100 PRB.")]
Ports = Annotated[str, typer.Option("-y", "--n-tx", metavar=_LIST, help="Antenna ports: 1, 2 or 4.")]
Rx = Annotated[str, typer.Option("-z", "--n-rx", metavar=_LIST, help="Receive antennas.")]
ChannelNames = Annotated[
    str,
    typer.Option("-g", "--channel", metavar="NAMES", help="N AWGN, E EPA5, F EVA5, G ETU70, or a name such as EVA70."),
]
Snr = Annotated[str, typer.Option("-s", "--snr", metavar="DB", help="First SNR of the sweep, or a list: -2,0,3.5.")]
Subframes = Annotated[int, typer.Option("-n", "--subframes", help="Subframes a point at most.", min=1)]
Cfi = Annotated[str, typer.Option("-c", "--cfi", metavar=_LIST, help="Control format indicator.")]
Rounds = Annotated[str, typer.Option("-R", "--rounds", metavar=_LIST, help="HARQ transmissions of a block at most.")]
Rv = Annotated[str, typer.Option("--rv", metavar=_LIST, help="Redundancy versions; the usual ones if not given.")]
EstimatorNames = Annotated[
    str, typer.Option("-i", "--estimator", metavar="NAMES", help="practical, linear, average, perfect.")
]
Sync = Annotated[str, typer.Option("--sync", help="perfect, or practical: on samples, offsets to be found.")]
Domain = Annotated[str, typer.Option("--domain", help="grid: channel on resource elements; samples: OFDM as well.")]
Iterations = Annotated[str, typer.Option("--iterations", metavar=_LIST, help="Turbo iterations at most.")]
Tbs = Annotated[int, typer.Option("--tbs", help="Transport block size in bits in place of the MCS's.")]
Modulation = Annotated[str, typer.Option("--modulation", help="With --tbs: qpsk, 16qam, 64qam, 256qam.")]
Pci = Annotated[int, typer.Option("--pci", help="Physical cell identity.")]
Pass = Annotated[
    float | None,
    typer.Option("-O", "--pass-throughput", metavar="%", help="Exit code 1 if a point's throughput is below this."),
]
Silent = Annotated[bool, typer.Option("--silent", help="Send nothing: what is found all the same is the error.")]


def _shared(
    width: Annotated[float, typer.Option("-w", "--width", metavar="DB", help="Width of the sweep.", min=0)] = 0.0,
    step: Annotated[float, typer.Option("-f", "--step", metavar="DB", help="Step of the sweep.")] = 1.0,
    errors: Annotated[
        int, typer.Option("-e", "--errors", help="Errors after which a point is done; 0: never.", min=0)
    ] = 200,
    precision: Annotated[
        float, typer.Option("--precision", help="Done when the interval is narrower than this share; 0: never.")
    ] = 0.0,
    confidence: Annotated[float, typer.Option("--confidence", help="Level of the intervals.")] = 0.95,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Worker processes; 0: one a processor.", min=0)] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.", min=0)] = 1,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="JSON lines, a point each.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="The same as CSV.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Curves: .png, .pdf or .svg.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what --json's file holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the table of results.")] = False,
) -> None:
    """The options of every simulation: only its parameters count."""


def _simulation(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: it has its own options and the shared ones, which it gets as `shared`."""
    own, more = inspect.signature(function).parameters, inspect.signature(_shared).parameters

    @functools.wraps(function)
    def command(**options: Any) -> None:
        function(**{k: v for k, v in options.items() if k in own}, shared={k: options[k] for k in more})

    parameters = [p for p in own.values() if p.name != "shared"] + list(more.values())
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return app.command()(command)


@contextmanager
def _command() -> Iterator[ModuleType]:
    """The module that runs simulations, imported only now; wrong use is refused in a line."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # read when NumPy is imported: a worker a core is enough
    from picocell.sims import command

    try:
        yield command
    except command.WrongUseError as error:
        raise typer.BadParameter(str(error)) from error


def _run(
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
    with _command() as command:
        parameters = {name: command.numbers(option, text) for name, (option, text) in numbers.items()}
        parameters |= others | {"snr_db": command.sweep("-s", snr, options.pop("width"), options.pop("step"))}
        common = command.Common(subframes, pass_throughput=pass_throughput, **options)
        raise typer.Exit(command.simulate(kind, parameters, common))


def _names(text: str) -> list[str]:
    """Names of a list."""
    return [name.strip() for name in text.split(",")]


def _versions(text: str) -> tuple[int, ...]:
    """Redundancy versions of a list, where they may repeat."""
    if not text:
        return ()
    with _command() as command:
        return tuple(command.numbers("--rv", text, repeated=True))


@_simulation
def dlsim(
    shared: dict[str, Any],
    mcs: Mcs = "0",
    n_prb: Prb = "6",
    tm: Annotated[str, typer.Option("-x", "--tm", metavar=_LIST, help="Transmission mode: 1 or 2.")] = "1",
    n_tx: Annotated[
        str, typer.Option("-y", "--n-tx", metavar=_LIST, help="Transmit antennas; those of the mode if not given.")
    ] = "0",
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
    cfi: Cfi = "1",
    rounds: Rounds = "1",
    rv: Rv = "",
    estimator: EstimatorNames = "practical",
    sync: Sync = "perfect",
    domain: Domain = "grid",
    pdcch: Annotated[
        int, typer.Option("--pdcch", metavar="LEVEL", help="Aggregation level of the grant's PDCCH; 0: it is known.")
    ] = 0,
    on_subframes: Annotated[
        str, typer.Option("--on", help="plain: subframes without synchronisation signals and PBCH; all.")
    ] = "plain",
    cqi: Annotated[
        str, typer.Option("--cqi", metavar=_LIST, help="Modulation and size after a CQI 1..15 in place of the MCS's.")
    ] = "0",
    ue_category: Annotated[int, typer.Option("--ue-category", help="Limits the soft buffer; 0: no limit.")] = 0,
    tbs: Tbs = 0,
    modulation: Modulation = "",
    iterations: Iterations = "8",
    pci: Pci = 1,
    pass_throughput: Pass = None,
) -> None:
    """Simulate the downlink shared channel: BLER by HARQ round and throughput over SNR.

    SNR is per resource element and receive antenna. Exit code 0; 1: a point is below -O; 2: something cannot be done.
    """
    numbers = {
        "mcs": ("-m", mcs),
        "n_prb": ("-B", n_prb),
        "tm": ("-x", tm),
        "n_tx": ("-y", n_tx),
        "n_rx": ("-z", n_rx),
        "cfi": ("-c", cfi),
        "rounds": ("-R", rounds),
        "cqi": ("--cqi", cqi),
        "iterations": ("--iterations", iterations),
    }
    others = {
        "channel": _names(channel),
        "rv_sequence": _versions(rv),
        "estimator": _names(estimator),
        "sync": sync,
        "domain": domain,
        "pdcch": pdcch,
        "subframes": on_subframes,
        "ue_category": ue_category,
        "tbs": tbs,
        "modulation": modulation,
        "pci": pci,
    }
    _run("downlink", shared, snr, subframes, numbers, others, pass_throughput)


@_simulation
def ulsim(
    shared: dict[str, Any],
    mcs: Mcs = "0",
    n_prb: Prb = "6",
    n_prb_alloc: Annotated[
        str, typer.Option("-L", "--n-prb-alloc", metavar=_LIST, help="Resource blocks granted; 0: all that may be.")
    ] = "0",
    prb_start: Annotated[int, typer.Option("--prb-start", help="The first of them.")] = 0,
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
    rounds: Rounds = "1",
    rv: Rv = "",
    estimator: EstimatorNames = "practical",
    sync: Sync = "perfect",
    domain: Domain = "grid",
    tbs: Tbs = 0,
    modulation: Modulation = "",
    iterations: Iterations = "8",
    pci: Pci = 1,
    pass_throughput: Pass = None,
) -> None:
    """Simulate the uplink shared channel: BLER by HARQ round and throughput over SNR.

    SNR is per resource element and receive antenna. Exit code 0; 1: a point is below -O; 2: something cannot be done.
    """
    numbers = {
        "mcs": ("-m", mcs),
        "n_prb": ("-B", n_prb),
        "n_prb_alloc": ("-L", n_prb_alloc),
        "n_rx": ("-z", n_rx),
        "rounds": ("-R", rounds),
        "iterations": ("--iterations", iterations),
    }
    others = {
        "prb_start": prb_start,
        "channel": _names(channel),
        "rv_sequence": _versions(rv),
        "estimator": _names(estimator),
        "sync": sync,
        "domain": domain,
        "tbs": tbs,
        "modulation": modulation,
        "pci": pci,
    }
    _run("uplink", shared, snr, subframes, numbers, others, pass_throughput)


@_simulation
def pbchsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_tx: Ports = "1",
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    periods: Annotated[int, typer.Option("-n", "--periods", help="Periods of 40 ms a point at most.", min=1)] = 1000,
) -> None:
    """Simulate the broadcast channel: how often the MIB is missed in 40 ms; ports and frame number are not known."""
    numbers = {"n_prb": ("-B", n_prb), "n_tx": ("-y", n_tx), "n_rx": ("-z", n_rx)}
    _run("pbch", shared, snr, periods, numbers, {"channel": _names(channel)})


@_simulation
def pdcchsim(
    shared: dict[str, Any],
    n_prb: Prb = "50",
    n_tx: Ports = "1",
    n_rx: Rx = "1",
    level: Annotated[
        str, typer.Option("-l", "--level", metavar=_LIST, help="Aggregation level: 1, 2, 4 or 8 CCEs.")
    ] = "8",
    cfi: Cfi = "2",
    channel: ChannelNames = "N",
    estimator: EstimatorNames = "practical",
    snr: Snr = "0",
    subframes: Subframes = 1000,
) -> None:
    """Simulate PCFICH and PDCCH: how often a grant of format 1 is missed."""
    numbers = {
        "n_prb": ("-B", n_prb),
        "n_tx": ("-y", n_tx),
        "n_rx": ("-z", n_rx),
        "level": ("-l", level),
        "cfi": ("-c", cfi),
    }
    others = {"channel": _names(channel), "estimator": _names(estimator)}
    _run("pdcch", shared, snr, subframes, numbers, others)


@_simulation
def pucchsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_rx: Rx = "2",
    formats: Annotated[str, typer.Option("-F", "--format", metavar="NAMES", help="1, 1a, 1b, 2.")] = "1a",
    n_cqi: Annotated[str, typer.Option("--n-cqi", metavar=_LIST, help="Bits of a report in format 2.")] = "4",
    silent: Silent = False,
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
) -> None:
    """Simulate the uplink control channel: how often ACKs, a request or a report are not read right."""
    numbers = {"n_prb": ("-B", n_prb), "n_rx": ("-z", n_rx), "n_cqi": ("--n-cqi", n_cqi)}
    others = {"channel": _names(channel), "format": _names(formats), "silent": silent}
    _run("pucch", shared, snr, subframes, numbers, others)


@_simulation
def prachsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_rx: Rx = "2",
    config_index: Annotated[
        str, typer.Option("--config-index", metavar=_LIST, help="prach-ConfigIndex, which tells the format.")
    ] = "3",
    zero_correlation_zone: Annotated[
        str, typer.Option("--zero-correlation-zone", metavar=_LIST, help="zeroCorrelationZoneConfig.")
    ] = "5",
    max_delay_us: Annotated[float, typer.Option("--max-delay-us", help="Preambles come late by up to this.")] = 5.0,
    cfo_hz: Annotated[float, typer.Option("--cfo-hz", help="Carrier frequency offset.")] = 0.0,
    tolerance_us: Annotated[float, typer.Option("--tolerance-us", help="Timing error that passes.")] = 1.04,
    silent: Silent = False,
    channel: ChannelNames = "N",
    snr: Snr = "0",
    preambles: Annotated[int, typer.Option("-n", "--preambles", help="Preambles a point at most.", min=1)] = 1000,
) -> None:
    """Simulate random access: how often a preamble is not found in time. SNR is that of a subcarrier of 1.25 kHz."""
    numbers = {
        "n_prb": ("-B", n_prb),
        "n_rx": ("-z", n_rx),
        "config_index": ("--config-index", config_index),
        "zero_correlation_zone": ("--zero-correlation-zone", zero_correlation_zone),
    }
    others = {
        "channel": _names(channel),
        "max_delay_us": max_delay_us,
        "cfo_hz": cfo_hz,
        "tolerance_us": tolerance_us,
        "silent": silent,
    }
    _run("prach", shared, snr, preambles, numbers, others)


@_simulation
def codesim(
    shared: dict[str, Any],
    k: Annotated[str, typer.Option("-k", "--k", metavar=_LIST, help="Code block size in bits.")] = "6144",
    e: Annotated[str, typer.Option("-E", "--coded-bits", metavar=_LIST, help="Coded bits sent; 0: all.")] = "0",
    modulation: Annotated[str, typer.Option("--modulation", help="qpsk, 16qam, 64qam, 256qam.")] = "qpsk",
    iterations: Annotated[str, typer.Option("--iterations", metavar=_LIST, help="Of the decoder.")] = "6",
    eb_n0: Annotated[
        str, typer.Option("-s", "--eb-n0", metavar="DB", help="First Eb/N0 of the sweep, or a list.")
    ] = "0",
    blocks: Annotated[int, typer.Option("-n", "--blocks", help="Code blocks a point at most.", min=1)] = 10_000,
) -> None:
    """Simulate the turbo code alone: frame error rate over Eb/N0, all bits of a code block being information."""
    numbers = {"k": ("-k", k), "e": ("-E", e), "iterations": ("--iterations", iterations)}
    options = dict(shared)
    with _command() as command:
        shapes = {name: command.numbers(option, text) for name, (option, text) in numbers.items()}
        values = command.sweep("-s", eb_n0, options.pop("width"), options.pop("step"))
        points = command.at_eb_n0("coding", {**shapes, "modulation": modulation}, values)
        raise typer.Exit(command.simulate("coding", points, command.Common(blocks, **options)))


if __name__ == "__main__":
    app()
