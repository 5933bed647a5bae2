"""Samples of a device for the commands that work on recordings: they record it for a while first."""

import sys
import tempfile
from pathlib import Path
from typing import Final

DEFAULT_SECONDS: Final = 1.0
_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


def record_device(args: str, rate: float | None, seconds: float | None) -> Path | None:
    """Record what a device receives; None where the arguments are not those of a device.

    The recording is gone when the process ends.

    Args:
        args: device arguments.
        rate: samples per second; None takes ``base_srate`` of the arguments, or 23.04 million.
        seconds: how long; None takes a second.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: no such device, or it gives no samples.
    """
    from picocell.radio.capture import capture
    from picocell.radio.errors import RadioError
    from picocell.radio.open import open_radio
    from picocell.radio.sdr.args import DEFAULT_RATE, sdr_args

    given = sdr_args(args)
    if given is None:
        return None
    rate = rate or given.base_srate or DEFAULT_RATE
    directory = tempfile.TemporaryDirectory(prefix="picocell-")
    _KEPT.append(directory)
    out = Path(directory.name) / "device.sigmf-meta"
    source = open_radio(args, rate, n_tx=0, n_rx=1, reopen_s=0.0)
    try:
        found = capture(
            source,
            out,
            n_samples=round(rate * (seconds or DEFAULT_SECONDS)),
            frequency=given.rx_freq,
            description=f"radio {args}",
        )
    finally:
        source.close()
    if not found.n_samples:
        raise RadioError(f"{args}: no samples came")
    gaps = f", {found.gaps} gaps ({found.lost} samples lost)" if found.gaps else ""
    print(f"{found.n_samples / rate:.2f} s of samples at {rate:g} a second{gaps}", file=sys.stderr)
    return out
