"""Short forms of device arguments: ``file:cell.sigmf-meta``, ``soapy:driver=lime`` and ``uhd:type=b200``."""

from typing import Final

FILE: Final = "file:"
"""Begins the short form of a recording."""
DEVICES: Final = ("soapy", "uhd")
"""Drivers whose names begin the short form of a device."""


def expand_short(text: str) -> str:
    """Device arguments in full, where they are in a short form; others as they are.

    ``file:PATH`` may be followed by more arguments: ``file:cell.sigmf-meta,loop=true``. ``soapy:ARGUMENTS`` takes what
    SoapySDR takes and what :class:`~picocell.radio.sdr.args.SdrArgs` says; a ``driver`` there is the device's own.

    Raises:
        ValueError: no path.
    """
    stripped = text.strip()
    name, colon, rest = stripped.partition(":")
    if colon and name in DEVICES:
        parts = [part.strip() for part in rest.split(",")]
        own = [f"device={part.removeprefix('driver=')}" if part.startswith("driver=") else part for part in parts]
        return ",".join(filter(None, [f"driver={name}", *own]))
    if not stripped.startswith(FILE):
        return text
    path = stripped.removeprefix(FILE)
    if not path.partition(",")[0].strip():
        raise ValueError(f"{text!r} has no path: file:PATH, such as file:cell.sigmf-meta")
    return f"driver=file,path={path}"
