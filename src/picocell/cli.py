"""The command ``picocell``: sub-commands import what they need when they are used."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from picocell.air_cli import app as air
from picocell.campaign_cli import app as campaigns
from picocell.conformance_cli import app as conformance
from picocell.doctor.command import app as doctor
from picocell.process_cli import app as processes
from picocell.quick_start import one_thread_for_blas
from picocell.radio_cli import radios
from picocell.record_cli import app as recording
from picocell.sims_cli import app as simulations
from picocell.subscriber_cli import app as subscribers

app = typer.Typer(
    name="picocell",
    help="A software-defined-radio LTE network: run cells, phones and a core, and read other cells.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[
    Path | None, typer.Argument(metavar="SOURCE", help="SigMF recording, or raw samples with --rate; or --radio.")
]
RadioArgs = Annotated[
    str | None,
    typer.Option("--radio", metavar="ARGS", help="In place of SOURCE: file:PATH, or a device: soapy:driver=lime."),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", help="How long a device is recorded (default 1).", min=0.1, max=600)
]
Rate = Annotated[
    float | None, typer.Option("--rate", metavar="HZ", help="Samples per second of a raw recording, such as 1.92e6.")
]
Datatype = Annotated[
    str | None, typer.Option("--datatype", help="Sample type of a raw recording: cf32_le (default), ci16_le, ci8, cu8.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output.")]


_WrongUse: Any = typer.BadParameter.__bases__[0]
"""A wrong option or argument, as the command line parser that typer brings along names it."""


class UsageError(Exception):
    """Bad input from the user: one line on standard error, exit code 2."""


@app.command()
def scan(
    source: Source = None,
    radio: RadioArgs = None,
    rate: Rate = None,
    datatype: Datatype = None,
    seconds: Seconds = None,
    as_json: Json = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Picture of the strongest cell: .png, .pdf or .svg.")
    ] = None,
) -> None:
    """Find cells in a recording and read what they broadcast: MIB, SIB1 and every SIB on air.

    Exit code 0: a cell was found; 1: none; 2: the recording cannot be used.
    """
    from picocell.ue import scan as scanner
    from picocell.ue import scan_report

    source, rate, datatype = _source(source, radio, rate, datatype, seconds)
    if plot is not None:
        _checked_plot(plot)
    with scan_report.searching() as progress:
        cells = scanner.scan_recording(
            source, rate=rate, datatype=datatype, keep_arrays=plot is not None, progress=progress, warn=_warn
        )
    if as_json:
        for cell in cells:
            print(json.dumps(scan_report.as_dict(cell)))
    else:
        scan_report.print_table(cells, source)
    if plot is not None and cells:
        scan_report.plot_cell(plot, cells)
        print(f"picture: {plot}", file=sys.stderr)
    if not cells:
        print(f"picocell: no cell found in {source if radio is None else radio}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def monitor(
    source: Source = None,
    radio: RadioArgs = None,
    rate: Rate = None,
    datatype: Datatype = None,
    seconds: Seconds = None,
    rnti: Annotated[
        list[str] | None,
        typer.Option("--rnti", help="C-RNTI known to be in use (0x46 or 70), beside those found; may be repeated."),
    ] = None,
    pci: Annotated[
        int | None, typer.Option("--pci", help="Follow this cell, not the strongest.", min=0, max=503)
    ] = None,
    uplink: Annotated[
        Path | None, typer.Option("--uplink", metavar="UPLINK", help="Sample-aligned recording of the uplink.")
    ] = None,
    as_json: Json = False,
    pcap: Annotated[
        Path | None, typer.Option("--pcap", metavar="FILE", help="MAC PDUs for Wireshark (no set-up needed).")
    ] = None,
    no_blind: Annotated[
        bool, typer.Option("--no-blind", help="Only known RNTIs: no search for unknown ones on the PDCCH.")
    ] = False,
) -> None:
    """Follow a cell and list every DCI, transport block and HARQ indicator.

    Exit code 0: a cell was followed; 1: no cell; 2: the recording cannot be used.
    """
    from picocell.ue import monitor_report

    source, rate, datatype = _source(source, radio, rate, datatype, seconds)
    found = monitor_report.run(
        source,
        rate=rate,
        datatype=datatype,
        rntis=[_rnti(text) for text in rnti or []],
        pci=pci,
        as_json=as_json,
        pcap=pcap,
        blind=not no_blind,
        uplink=uplink,
    )
    if not found:
        raise typer.Exit(1)


@app.command()
def demo(
    n_prb: Annotated[int, typer.Option("--prb", help="Bandwidth: 6, 15, 25, 50, 75 or 100 PRB.")] = 25,
    n_ues: Annotated[int, typer.Option("--ues", help="Phones.", min=1, max=8)] = 1,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="AWGN, or EPA, EVA, ETU with Doppler: EPA5, EVA70; a wire if not given."),
    ] = None,
    snr_db: Annotated[float, typer.Option("--snr", help="SNR of a resource element in dB, with --channel.")] = 30.0,
    seconds: Annotated[float, typer.Option("--seconds", help="Of TCP each way.", min=0.5, max=3600)] = 3.0,
    standard: Annotated[
        bool, typer.Option("--standard-rate", help="Standard sample rates, not the shortened ones.")
    ] = False,
    ip: Annotated[
        str, typer.Option("--ip", help="tun: TUN devices in network namespaces; host: hosts in the processes; auto.")
    ] = "auto",
    radio: Annotated[
        str,
        typer.Option("--radio", help="zmq (ZeroMQ), shm (shared memory), or soapy: a pair of devices in real time."),
    ] = "zmq",
    tcp_mbps: Annotated[
        float | None,
        typer.Option("--tcp-mbps", help="What a TCP connection sends at most; as much as goes if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as one JSON object, at the end.")] = False,
) -> None:
    """Run a core, an eNB and phones as processes over a virtual radio: attach, ping, TCP both ways, figures."""
    from picocell import demo as show

    try:
        options = show.DemoOptions(
            n_prb=n_prb,
            n_ues=n_ues,
            channel=channel,
            snr_db=snr_db,
            seconds=seconds,
            standard_rate=standard,
            ip=ip,
            radio=radio,
            tcp_mbps=tcp_mbps,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    raise typer.Exit(show.run(options, as_json=as_json))


@app.command("recording-demo")
def recording_demo(
    n_prb: Annotated[int, typer.Option("--prb", help="Bandwidth: 6, 15, 25, 50, 75 or 100 PRB.")] = 25,
    channel: Annotated[
        str, typer.Option("--channel", help="AWGN, or EPA, EVA, ETU with Doppler: EPA5, EVA70.")
    ] = "EPA5",
    snr_db: Annotated[float, typer.Option("--snr", help="SNR of a resource element in dB.")] = 20.0,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of the recording.", min=0.08, max=60)] = 0.5,
    output: Annotated[Path, typer.Option("--output", help="Folder for the recording and the picture.")] = Path(
        "demo-output"
    ),
) -> None:
    """Send a cell over a fading channel into a recording, and read it back with scan and monitor."""
    from picocell import recording_demo as show

    if not math.isfinite(snr_db):
        raise UsageError(f"--snr {snr_db}: not finite")
    try:
        show.check(n_prb, channel)
    except ValueError as error:
        raise UsageError(str(error)) from error
    raise typer.Exit(show.run(n_prb=n_prb, channel=channel, snr_db=snr_db, seconds=seconds, output=output))


def _source(
    source: Path | None, radio: str | None, rate: float | None, datatype: str | None, seconds: float | None
) -> tuple[Path, float | None, str | None]:
    """The recording that is meant, its rate and its type."""
    from picocell.live_source import record_device
    from picocell.radio.file_radio import recording_args

    if (source is None) == (radio is None):
        raise UsageError("a recording or a device is needed: SOURCE or --radio ARGS, and not both")
    if source is not None:
        return source, rate, datatype
    try:
        args = recording_args(radio or "")
        recorded = record_device(radio or "", rate, seconds) if args is None else None
    except ValueError as error:
        raise UsageError(f"--radio {radio}: {error}") from error
    if recorded is not None:
        return recorded, None, None
    if args is None:
        raise UsageError(
            f"--radio {radio}: only file:PATH and devices can be read: record others with picocell record first"
        )
    return Path(args.paths[0]), rate or args.rate, datatype or args.datatype


def _warn(text: str) -> None:
    print(f"picocell: warning: {text}", file=sys.stderr)


def _rnti(text: str) -> int:
    """An RNTI as users write it: decimal or 0x hexadecimal."""
    try:
        value = int(text, 0)
    except ValueError:
        raise UsageError(f"--rnti {text}: not a number (write 70 or 0x46)") from None
    if not 1 <= value <= 0xFFFF:
        raise UsageError(f"--rnti {text}: outside 0x0001..0xffff")
    return value


def _checked_plot(path: Path) -> None:
    """See that a picture can be written before the work that it shows is done."""
    from picocell.ue import plots

    try:
        plots.check_output(path)
    except (ValueError, plots.PlotUnavailableError) as error:
        raise UsageError(f"--plot {error}") from error


app.add_typer(subscribers)
app.add_typer(radios)
app.registered_commands += processes.registered_commands
app.registered_commands += air.registered_commands
app.registered_commands += simulations.registered_commands
app.registered_commands += campaigns.registered_commands
app.registered_commands += conformance.registered_commands
app.registered_commands += recording.registered_commands
app.registered_commands += doctor.registered_commands


def _print_the_rest() -> None:
    """Whoever reads may have gone before the last of it, which is no error: it ends as if that had been seen before."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def main() -> None:
    """Entry point: bad input ends in one line on standard error and exit code 2, never in a traceback."""
    one_thread_for_blas()
    try:
        code = app(standalone_mode=False)
        _print_the_rest()
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except _WrongUse as error:
        text = error.format_message()
        if text:  # empty where the command was given nothing and has shown its help
            print(f"picocell: {' '.join(text.split())}", file=sys.stderr)
        sys.exit(2)
    except (UsageError, OSError, ValueError, RuntimeError) as error:
        from picocell.radio.errors import RadioError
        from picocell.radio.file import RecordingError

        if not isinstance(error, UsageError | OSError | RecordingError | RadioError):
            raise
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
        print(f"picocell: {' '.join(text.split())}", file=sys.stderr)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
