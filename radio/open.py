"""Opening a radio by its device arguments."""

from typing import Final

from picocell.radio.file_radio import open_file_radio
from picocell.radio.interface import Radio
from picocell.radio.key_values import key_values
from picocell.radio.sdr.args import Burst
from picocell.radio.sdr.open import DEVICES, REOPEN_S, open_sdr
from picocell.radio.shm.args import is_shm
from picocell.radio.shm.radio import ShmRadio
from picocell.radio.short_form import expand_short
from picocell.radio.zmq.radio import ZmqRadio

DRIVERS: Final = ("zmq", "shm", "file", "soapy", "uhd")
"""Drivers by name."""


def open_radio(
    args: str,
    sample_rate: float | None = None,
    *,
    n_tx: int = 1,
    n_rx: int = 1,
    rx_frequency: float | None = None,
    tx_frequency: float | None = None,
    mode: Burst = "continuous",
    reopen_s: float = REOPEN_S,
) -> Radio:
    """Open what device arguments describe.

    Args:
        args: ``key=value`` separated by commas. ``driver`` (or ``device_name``) is one of :data:`DRIVERS`; where
            neither is given, ``zmq`` with a ``tx_port`` or ``rx_port`` and ``shm`` with a ``tx_shm``. ``file`` takes
            what :class:`~picocell.radio.file_args.FileArgs` says, ``soapy`` and ``uhd`` what
            :class:`~picocell.radio.sdr.args.SdrArgs` does; they have short forms: ``file:PATH``, ``soapy:ARGUMENTS``.
        sample_rate: samples per second; a recording has its own.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        rx_frequency: where a device receives, in hertz, if the arguments do not say.
        tx_frequency: where a device sends, in hertz, if the arguments do not say.
        mode: whether a device sends one burst without end or ends each block, if the arguments do not say.
        reopen_s: seconds for which a device that is lost is looked for, if the arguments do not say.

    Returns:
        A :class:`~picocell.radio.interface.Radio`.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: a driver that is not installed, or a device that cannot be opened.
    """
    args = expand_short(args)
    values = key_values(args)
    if "driver" in values and values.get("device_name", values["driver"]) != values["driver"]:
        raise ValueError(f"driver={values['driver']} and device_name={values['device_name']} contradict: give one")
    has_port = any(key.startswith(("tx_port", "rx_port")) for key in values)
    driver = values.get("driver") or values.get("device_name") or ("zmq" if has_port else None)
    if driver is None and is_shm(args):
        driver = "shm"
    if driver is None:
        raise ValueError(f"no driver is given: driver= one of {', '.join(DRIVERS)}")
    if driver == "file":
        return open_file_radio(args, sample_rate, n_tx=n_tx, n_rx=n_rx)
    if driver == "zmq":
        return _open_zmq(args, sample_rate, n_tx, n_rx)
    if driver == "shm":
        if sample_rate is None:
            raise ValueError("driver=shm: a sample rate is needed")
        return ShmRadio(args, sample_rate, n_tx=n_tx, n_rx=n_rx)
    if driver in DEVICES:
        if sample_rate is None:
            raise ValueError(f"driver={driver}: a sample rate is needed")
        return open_sdr(
            driver,
            args,
            sample_rate,
            n_tx=n_tx,
            n_rx=n_rx,
            rx_frequency=rx_frequency,
            tx_frequency=tx_frequency,
            mode=mode,
            reopen_s=reopen_s,
        )
    raise ValueError(f"driver={driver} is not known: one of {', '.join(DRIVERS)}")


def _open_zmq(args: str, sample_rate: float | None, n_tx: int, n_rx: int) -> Radio:
    """The radio over ZeroMQ."""
    if sample_rate is None:
        raise ValueError("driver=zmq: a sample rate is needed")
    return ZmqRadio(args, sample_rate, n_tx=n_tx, n_rx=n_rx)
