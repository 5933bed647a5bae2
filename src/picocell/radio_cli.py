"""The command ``picocell radio``: which devices there are, what one says of itself, and whether it streams."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from picocell.radio_bands import bands
from picocell.radio_calibrate import calibrate
from picocell.radio_device import Priority, device_args

if TYPE_CHECKING:
    from picocell.radio.sdr.radio import SdrRadio

radios = typer.Typer(
    name="radio", help="Devices: list, ask, try, calibrate them; bands and channel numbers.", no_args_is_help=True
)

Device = Annotated[str, typer.Argument(metavar="ARGS", help="Device arguments, such as soapy:driver=lime,rx_gain=40.")]
Rate = Annotated[float, typer.Option("--rate", metavar="HZ", help="Samples per second.", min=1e3)]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_AHEAD_MS: Final = 4


@radios.command("list")
def list_devices(
    search: Annotated[str, typer.Argument(metavar="[ARGS]", help="Those that fit, such as soapy:driver=lime.")] = "",
    as_json: Json = False,
) -> None:
    """Show the devices that are there.

    Exit code 0: there is one; 1: there is none; 2: wrong use.
    """
    from picocell.radio.errors import RadioError
    from picocell.radio.sdr.args import SdrArgs
    from picocell.radio.sdr.soapy import soapy_devices
    from picocell.radio.sdr.uhd import uhd_devices

    only, wanted = device_args(search) if search else (None, SdrArgs())
    found: list[tuple[str, dict[str, str]]] = []
    missing: list[str] = []
    searched = False
    for driver, find in (("soapy", soapy_devices), ("uhd", uhd_devices)):
        if only not in (None, driver):
            continue
        try:
            found += [(driver, device) for device in find(wanted)]
            searched = True
        except RadioError as error:
            missing.append(str(error))
    if as_json:
        print(json.dumps({"devices": [{"through": driver} | device for driver, device in found], "missing": missing}))
    for driver, device in () if as_json else found:
        label = device.pop("label", "")
        print(f"{driver}:{','.join(f'{key}={value}' for key, value in device.items())}  {label}".rstrip())
    if not found:
        print(f"picocell: {'; '.join(['no device is found'] * searched + missing)}", file=sys.stderr)
        raise typer.Exit(1)


@radios.command()
def info(args: Device, rate: Rate = 1.92e6, as_json: Json = False) -> None:
    """Show what a device says of itself, with the settings that the arguments make.

    Exit code 0: it answered; 2: there is none, or it refuses a setting.
    """
    from picocell.radio.errors import RadioError
    from picocell.radio.sdr.open import DEVICES

    driver, given = device_args(args)
    device = DEVICES[driver](given, rate, n_tx=1, n_rx=1)
    try:
        said = device.describe()
    except RadioError:
        raise
    except RuntimeError as error:
        raise RadioError(f"{device.name}: {error}") from error
    finally:
        device.close()
    if as_json:
        print(json.dumps(said))
        return
    for key, value in said.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {_text(one)}" for name, one in value.items()) or "none"
        print(f"{key:<14} {_text(value)}")


@radios.command("test")
def try_device(
    args: Device,
    rate: Rate = 1.92e6,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of the test.", min=0.1)] = 5.0,
    antennas: Annotated[int, typer.Option("--antennas", help="Receive and transmit antennas.", min=1, max=4)] = 1,
    transmit: Annotated[bool, typer.Option("--transmit/--receive-only", help="Send silence, at its time.")] = True,
    priority: Priority = 50,
    as_json: Json = False,
) -> None:
    """Receive, and send silence 4 ms ahead as an eNB would, and count what is late or lost.

    Exit code 0: nothing was; 1: something was; 2: wrong use, or no such device.
    """
    from picocell.radio.open import open_radio
    from picocell.radio.sdr import realtime
    from picocell.radio.sdr.radio import SdrRadio

    device_args(args)
    refused = realtime.begin(priority or None)
    radio = open_radio(args, rate, n_tx=antennas if transmit else 0, n_rx=antennas, reopen_s=0.0)
    assert isinstance(radio, SdrRadio)
    if refused:
        print(f"picocell: warning: {refused}", file=sys.stderr)
    with radio:
        measured = _stream(radio, seconds, transmit=transmit, quiet=as_json)
    clean = not any(measured[key] for key in ("late", "underflow", "overflow", "lost", "reopened", "silences"))
    if as_json:
        print(json.dumps(measured))
    else:
        for key, value in measured.items():
            print(f"{key.replace('_', ' '):<22} {_text(value)}")
    raise typer.Exit(0 if clean else 1)


def _stream(radio: "SdrRadio", seconds: float, *, transmit: bool, quiet: bool) -> dict[str, Any]:
    """Run for a while; what was counted."""
    from dataclasses import asdict

    import numpy as np

    n = max(round(radio.sample_rate / 1000), 1)
    silence = np.zeros((max(radio.n_tx, 1), n), np.complex64)
    total, power, peak, shown = 0, 0.0, 0.0, False
    began = time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            got = radio.receive(n, timeout=0.2)
            samples = got.samples
            if samples.shape[1]:
                total += samples.shape[1]
                power += float(np.vdot(samples, samples).real) / samples.shape[0]
                peak = max(peak, float(np.abs(samples.view(np.float32)).max()))
            if transmit:
                radio.transmit(silence, (got.time // n + _AHEAD_MS) * n)
            if (letters := radio.letters()) and not quiet:
                shown = True
                print(letters, end="", file=sys.stderr, flush=True)
    finally:
        if shown:
            print(file=sys.stderr)
    lasted = time.monotonic() - began
    return {
        "seconds": round(lasted, 3),
        "samples": total,
        "samples_per_second": round(total / lasted),
        "level_dbfs": round(10 * float(np.log10(power / total)), 1) if total and power else None,
        "peak_dbfs": round(20 * float(np.log10(peak)), 1) if peak else None,
        **asdict(radio.counters),
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, tuple | list):
        return " to ".join(_text(one) for one in value) if isinstance(value, tuple) else "/".join(map(_text, value))
    return str(value)


radios.command()(calibrate)
radios.command()(bands)
