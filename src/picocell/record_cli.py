"""The command ``picocell record``: what a radio receives goes into a SigMF recording."""

import math
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from picocell.radio.capture import Captured, Level
    from picocell.radio.interface import Radio

app = typer.Typer()

_WAIT_S: Final = 0.2


@app.command()
def record(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Name of the recording, with or without .sigmf-meta.")],
    radio: Annotated[
        str, typer.Option("--radio", metavar="ARGS", help="Device arguments, or file:PATH for another recording.")
    ],
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="HZ", help="Samples per second; that of the radio if not given.")
    ] = None,
    frequency: Annotated[
        float | None, typer.Option("--frequency", metavar="HZ", help="Centre frequency, for the metadata.")
    ] = None,
    gain: Annotated[float, typer.Option("--gain", metavar="DB", help="Amplification of the samples.")] = 0.0,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length; until Ctrl-C if not given.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Length in samples.", min=1)] = None,
    antennas: Annotated[int, typer.Option("--antennas", help="Receive antennas.", min=1, max=4)] = 1,
    datatype: Annotated[str, typer.Option("--datatype", help="cf32_le, or ci16_le with full scale at 1.")] = "cf32_le",
) -> None:
    """Record what a radio receives to SigMF, with its level in dBFS and the samples that clip.

    Exit code 0: something was recorded; 1: no sample came; 2: wrong use, or the radio cannot be opened.
    """
    from picocell.radio.capture import capture

    limit = _limit(seconds, samples)
    source = _open(radio, rate, antennas)
    try:
        if frequency is None:
            frequency = getattr(source, "frequency", None)
        n = samples if samples is not None or limit is None else max(round(limit * source.sample_rate), 1)
        stop: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda got, _frame: stop.append(got))
        line = _Line(source.sample_rate)
        found = capture(
            source,
            out,
            n_samples=n,
            frequency=frequency,
            gain_db=gain,
            datatype=datatype,
            description=f"radio {radio}",
            stopped=lambda: bool(stop),
            progress=line.show,
        )
        line.end(found)
    except ValueError as error:
        raise _usage(error) from None
    finally:
        source.close()
    raise typer.Exit(0 if found.n_samples else 1)


class _Line:
    """The line of progress, where standard error is a terminal, and the last line in any case."""

    def __init__(self, rate: float) -> None:
        self._rate, self._terminal = rate, sys.stderr.isatty()
        self._began = time.monotonic()

    def show(self, found: "Captured", since: "Level") -> None:
        """Show how far it is, and the level of late."""
        if not self._terminal:
            return
        state = "waiting for samples" if found.waiting else _level(since)
        text = f"{found.n_samples / self._rate:8.2f} s  {found.n_samples:>12} samples  {state}"
        print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)

    def end(self, found: "Captured") -> None:
        """Say what was recorded."""
        if self._terminal:
            print(f"\r{'':<100}\r", end="", file=sys.stderr)
        took = time.monotonic() - self._began
        gaps = f", {found.gaps} gaps ({found.lost} samples lost)" if found.gaps else ""
        seconds = found.n_samples / self._rate
        print(f"{seconds:.3f} s, {found.n_samples} samples in {took:.1f} s{gaps}, {_level(found.level)}")
        for path in found.paths:
            print(path)


def _level(level: "Level") -> str:
    if not level.energy:
        return "silence"
    return f"{level.rms_dbfs:.1f} dBFS, peak {level.peak_dbfs:.1f} dBFS, {level.clipped} clipped"


def _limit(seconds: float | None, samples: int | None) -> float | None:
    if seconds is not None and samples is not None:
        raise _usage("--seconds and --samples: give one of them")
    if seconds is not None and not 0 < seconds < math.inf:
        raise _usage(f"--seconds {seconds}: allowed is a positive number")
    return seconds


def _open(args: str, rate: float | None, antennas: int) -> "Radio":
    """The radio; one over ZeroMQ runs at the rate of the wire where none is given."""
    from picocell.observe.config import zmq_args
    from picocell.radio.open import open_radio
    from picocell.radio.sdr.args import DEFAULT_RATE, sdr_args

    try:
        if rate is None and (device := sdr_args(args)) is not None:
            rate = device.base_srate or DEFAULT_RATE
        elif rate is None and "=" in args and (wire := zmq_args(args)) is not None:
            rate = wire.base_srate
        source = open_radio(args, rate, n_tx=0 if sdr_args(args) is not None else 1, n_rx=antennas)
    except ValueError as error:
        raise _usage(error) from None
    if hasattr(source, "timeout"):
        source.timeout = _WAIT_S  # so that Ctrl-C ends it soon
    return source


def _usage(what: object) -> Any:
    """Wrong use, as the command line parser tells it: one line, exit code 2."""
    return typer.BadParameter.__bases__[0](" ".join(str(what).split()))
