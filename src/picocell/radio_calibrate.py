"""The command ``picocell radio calibrate``: the delay of a device from its transmitter to its receiver."""

import json
import logging
import math
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from picocell.radio_device import Priority, device_args

if TYPE_CHECKING:
    from picocell.radio.sdr.args import SdrArgs
    from picocell.radio.sdr.calibration import Calibration, Opening
    from picocell.radio.sdr.device import SdrDevice

DEFAULT_RATE: Final = 7.68e6


def calibrate(
    args: Annotated[str, typer.Argument(metavar="ARGS", help="Device arguments; both ends at rx_freq=.")],
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="HZ", help="Samples per second: the cell's (default base_srate, or 7.68e6)."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="Bursts each time.", min=1, max=100_000)] = 50,
    openings: Annotated[int, typer.Option("--openings", help="Times that the device is opened.", min=1, max=100)] = 3,
    level: Annotated[
        float, typer.Option("--level", metavar="DBFS", help="Peak of the bursts, against full scale.", min=-80, max=0)
    ] = -10.0,
    priority: Priority = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure by how much a device receives later what it sends, and print tx_advance= for its arguments.

    Its transmitter has to be connected to its receiver: by a cable and 40 dB of attenuation or more.

    Exit code 0: the delay was found; 1: nothing was heard; 2: wrong use, or no such device.
    """
    from picocell.radio.sdr import realtime
    from picocell.radio.sdr.calibration import summarise, why_nothing

    driver, given, rate = _settings(args, rate)
    realtime.begin(priority or None)
    measured = []
    for _ in range(openings):
        measured.append(_measure(driver, given, rate, repeats, level))
        if not measured[-1].arrivals:
            break
    found = summarise(measured)
    if found is None:
        print(f"picocell: {args}: {why_nothing(measured)}", file=sys.stderr)
        raise typer.Exit(1)
    shown = _report(found, rate, given.tx_advance, len(measured))
    if as_json:
        print(json.dumps(shown))
    else:
        _print(shown)


def _settings(text: str, rate: float | None) -> "tuple[str, SdrArgs, float]":
    """Driver, arguments and rate, with both ends at one frequency.

    Raises:
        RadioError: another radio, or arguments that are not allowed.
    """
    from picocell.radio.errors import RadioArgumentError

    driver, given = device_args(text)
    rx, tx = given.rx_freq, given.tx_freq
    if rx is None and tx is None:
        raise RadioArgumentError(f"{text}: rx_freq= is needed: at which the bursts are sent and received")
    if rx is not None and tx is not None and rx != tx:
        raise RadioArgumentError(f"rx_freq={rx:.12g} and tx_freq={tx:.12g} differ: nothing would be heard; give one")
    if rate is not None and (not math.isfinite(rate) or rate < 1e3):
        raise RadioArgumentError(f"--rate {rate:g}: not a number of samples per second")
    if rate is not None and given.base_srate not in (None, rate):
        raise RadioArgumentError(f"base_srate={given.base_srate:.12g} and --rate {rate:.12g} differ: give one")
    return driver, given.tuned(tx, rx), rate or given.base_srate or DEFAULT_RATE


def _measure(driver: str, given: "SdrArgs", rate: float, repeats: int, level: float) -> "Opening":
    """Open the device and have it hear itself.

    Raises:
        RadioError: no such device, one without timestamps, or one that is lost.
    """
    from picocell.radio.sdr.calibration import measure
    from picocell.radio.sdr.open import BURST_AHEAD_MS
    from picocell.radio.sdr.radio import SdrRadio

    logging.getLogger("picocell.radio.sdr.radio").setLevel(logging.CRITICAL)  # a device that is lost is one line
    with SdrRadio(
        lambda: _timed(driver, given, rate),
        tx_advance=given.tx_advance,
        mode="burst",
        ahead_s=(given.ahead_ms or BURST_AHEAD_MS) / 1000,
        reopen_s=0.0,
    ) as radio:
        return measure(radio, repeats, level)


def _timed(driver: str, given: "SdrArgs", rate: float) -> "SdrDevice":
    """The device, which has to have timestamps."""
    from picocell.radio.errors import RadioError
    from picocell.radio.sdr.open import DEVICES

    device = DEVICES[driver](given, rate, n_tx=1, n_rx=1)
    try:
        has_time = device.describe()["hardware time"]
    except RuntimeError as error:
        device.close()
        raise RadioError(f"{device.name}: {error}") from error
    if not has_time:
        device.close()
        raise RadioError(f"{device.name} has no timestamps: nothing can be sent at its time, or calibrated")
    return device


def _report(found: "Calibration", rate: float, advance: int, openings: int) -> dict[str, Any]:
    values = asdict(found)
    values["snr_db"] = found.snr_db if math.isfinite(found.snr_db) else None
    for key in ("delay", "within", "between", "match"):
        values[key] = round(values[key], 4)
    for key in ("snr_db", "level_dbfs", "peak_dbfs"):
        values[key] = None if values[key] is None else round(values[key], 1)
    return {
        "tx_advance": advance + round(found.delay),
        "sure": not found.doubts,
        "tx_advance_before": advance,
        "delay_us": round(1e6 * found.delay / rate, 4),
        "rate": rate,
        "openings": openings,
        **values,
    }


def _print(shown: dict[str, Any]) -> None:
    before = f", beside tx_advance={shown['tx_advance_before']}" if shown["tx_advance_before"] else ""
    snr = "no noise is received" if shown["snr_db"] is None else f"SNR {shown['snr_db']:.1f} dB"
    late = f", {shown['late']} too late" if shown["late"] else ""
    sure = f"no: {'; '.join(shown['doubts'])}" if shown["doubts"] else "yes"
    openings = shown["openings"]
    between = f", {shown['between']:.3f} between {openings} openings" if openings > 1 else ""
    left = shown["delay"] - round(shown["delay"])
    rows = {
        "delay": f"{shown['delay']:.3f} samples ({shown['delay_us']:.3f} us) at {shown['rate']:.12g} a second{before}",
        "varies by": f"{shown['within']:.3f} samples while open{between}",
        "bursts": f"{shown['found']} of {shown['sent']} found{late}",
        "signal": f"{snr}, {100 * shown['match']:.1f}% of the energy is the burst",
        "level": f"{shown['level_dbfs']:.1f} dBFS, peak {shown['peak_dbfs']:.1f} dBFS",
        "sure": sure,
        "left over": f"{left:+.3f} samples ({1e9 * left / shown['rate']:+.0f} ns)",
    }
    for key, text in rows.items():
        print(f"{key:<10} {text}")
    print(f"tx_advance={shown['tx_advance']}")
