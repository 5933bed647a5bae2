"""Opening a radio by its device arguments."""

import importlib.util
from typing import Final

from picocell.radio.errors import RadioError
from picocell.radio.file import Playback, open_recording
from picocell.radio.interface import SampleSource
from picocell.radio.zmq.args import key_values
from picocell.radio.zmq.radio import ZmqRadio

DRIVERS: Final = ("zmq", "file", "soapy", "uhd")
"""Drivers by name."""

_MODULES: Final = {"soapy": ("SoapySDR", "python3-soapysdr"), "uhd": ("uhd", "python3-uhd")}


def open_radio(args: str, sample_rate: float | None = None, *, n_tx: int = 1, n_rx: int = 1) -> SampleSource:
    """Open what device arguments describe.

    Args:
        args: ``key=value`` separated by commas. ``driver`` (or ``device_name``) is one of :data:`DRIVERS`; ``zmq``
            where neither is given and a ``tx_port`` or ``rx_port`` is. ``file`` takes ``path``, and for raw samples
            ``rate`` and ``datatype``.
        sample_rate: samples per second; a recording has its own.
        n_tx: transmit antennas.
        n_rx: receive antennas.

    Returns:
        A :class:`~picocell.radio.interface.Radio`; of a recording, which takes no samples, a
        :class:`~picocell.radio.interface.SampleSource`.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: a driver that is not installed, or a device that cannot be opened.
    """
    values = key_values(args)
    if "driver" in values and values.get("device_name", values["driver"]) != values["driver"]:
        raise ValueError(f"driver={values['driver']} and device_name={values['device_name']} contradict: give one")
    has_port = any(key.startswith(("tx_port", "rx_port")) for key in values)
    driver = values.get("driver") or values.get("device_name") or ("zmq" if has_port else None)
    if driver is None:
        raise ValueError(f"no driver is given: driver= one of {', '.join(DRIVERS)}")
    if driver == "file":
        return _open_file(values, sample_rate)
    if driver == "zmq":
        return _open_zmq(args, sample_rate, n_tx, n_rx)
    if driver in _MODULES:
        module, package = _MODULES[driver]
        if importlib.util.find_spec(module) is None:
            raise RadioError(f"driver={driver}: the Python module {module} is not installed (Debian: {package})")
        raise RadioError(f"driver={driver} is not supported yet: use zmq or file")
    raise ValueError(f"driver={driver} is not known: one of {', '.join(DRIVERS)}")


def _open_zmq(args: str, sample_rate: float | None, n_tx: int, n_rx: int) -> SampleSource:
    """The radio over ZeroMQ."""
    if sample_rate is None:
        raise ValueError("driver=zmq: a sample rate is needed")
    return ZmqRadio(args, sample_rate, n_tx=n_tx, n_rx=n_rx)


def _open_file(values: dict[str, str], sample_rate: float | None) -> SampleSource:
    """A recording played back."""
    unknown = set(values) - {"driver", "device_name", "path", "rate", "datatype"}
    if unknown:
        raise ValueError(f"device argument {min(unknown)!r} is not known: driver=file takes path, rate, datatype")
    if "path" not in values:
        raise ValueError("driver=file: path is missing")
    try:
        rate = float(values["rate"]) if "rate" in values else None
    except ValueError:
        raise ValueError(f"rate={values['rate']!r} is no number") from None
    recording = open_recording(values["path"], rate, values.get("datatype"))
    if sample_rate is not None and recording.sample_rate != sample_rate:
        stated = f"{recording.sample_rate:.12g}"
        raise ValueError(f"{values['path']}: has {stated} samples per second, not {sample_rate:.12g}")
    return Playback(recording)
