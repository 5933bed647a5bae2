"""UHD: USRPs, by UHD's own Python module."""

import importlib
import importlib.util
import logging
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.sdr.args import SdrArgs, antenna_of, check_choice, check_gain
from picocell.radio.sdr.device import Read, TxKind

PACKAGE: Final = "python3-uhd"
_RATE_TOLERANCE: Final = 1e-6
_START_S: Final = 0.05
_log = logging.getLogger(__name__)


def uhd_module() -> ModuleType:
    """The Python module uhd.

    Raises:
        RadioError: it is not installed, or it is built for another NumPy, with which it would crash.
    """
    found = importlib.util.find_spec("uhd")
    if found is None:
        raise RadioError(
            f"driver=uhd: the Python module uhd is not installed: Debian's {PACKAGE} has it, "
            "`make radio` installs it and links it into the virtual environment"
        )
    for library in Path(found.origin or "").parent.glob("libpyuhd*.so"):
        built_for_2 = b"numpy._core" in library.read_bytes()
        if not built_for_2 and int(np.__version__.partition(".")[0]) >= 2:
            raise RadioError(
                f"driver=uhd: {library} is built for NumPy 1 and crashes with NumPy {np.__version__}: "
                "use soapy:driver=uhd (Debian: soapysdr-module-uhd), or build UHD's module anew"
            )
    try:
        return importlib.import_module("uhd")
    except ImportError as error:
        raise RadioError(f"driver=uhd: the Python module uhd cannot be loaded ({error})") from error


def uhd_devices(args: SdrArgs | None = None) -> list[dict[str, str]]:
    """The devices that UHD finds with the given arguments, each with those by which it can be opened.

    Raises:
        RadioError: UHD is not installed, or fails.
    """
    module = uhd_module()
    try:
        return [dict(found.to_dict()) for found in module.find(_joined(args))]
    except RuntimeError as error:
        raise RadioError(f"driver=uhd: {_line(error)}") from error


class UhdDevice:
    """A USRP as a :class:`~picocell.radio.sdr.device.SdrDevice`.

    Args:
        args: how to find and set it.
        sample_rate: samples per second.
        n_tx: transmit channels; 0 only receives.
        n_rx: receive channels.

    Raises:
        RadioError: no such device, or it refuses a setting.
        RadioArgumentError: a connector, source or gain that it does not have.
    """

    def __init__(self, args: SdrArgs, sample_rate: float, *, n_tx: int = 1, n_rx: int = 1) -> None:
        self._uhd = module = uhd_module()
        self._args, self._n_tx, self._n_rx = args, n_tx, n_rx
        self.name = f"uhd {_joined(args) or 'device'}"
        try:
            self._usrp: Any = module.usrp.MultiUSRP(_joined(args))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: no such device: {_line(error)}") from error
        try:
            self._set_clocks()
            self._set("rx", n_rx, sample_rate, args.rx_freq)
            self._set("tx", n_tx, sample_rate, args.tx_freq)
            self._rate = float(self._usrp.get_rx_rate(0))
            self._rx = self._usrp.get_rx_stream(self._stream_args(n_rx))
            self._tx = self._usrp.get_tx_stream(self._stream_args(n_tx)) if n_tx else None
        except RadioError:
            raise
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {_line(error)}") from error
        self._rx_metadata, self._tx_metadata = module.types.RXMetadata(), module.types.TXMetadata()
        self._told = module.types.TXAsyncMetadata()
        self._running = self._in_burst = False

    @property
    def sample_rate(self) -> float:
        """Samples per second that were set."""
        return self._rate

    def describe(self) -> dict[str, Any]:
        """What the device says of itself, and how it is set."""
        usrp = self._usrp
        found: dict[str, Any] = {
            "driver": "uhd",
            "hardware": usrp.get_mboard_name(0),
            "serial": dict(usrp.get_usrp_rx_info(0)).get("mboard_serial", ""),
            "hardware time": True,
            "clock source": usrp.get_clock_source(0),
            "time source": usrp.get_time_source(0),
            "sensors": {name: str(usrp.get_mboard_sensor(name, 0)) for name in usrp.get_mboard_sensor_names(0)},
        }
        for name in ("rx", "tx"):
            for channel in range(self._get(name, "num_channels")):
                gains = self._get(name, "gain_range", channel)
                found[f"{name}{channel}"] = {
                    "sample rate": self._get(name, "rate", channel),
                    "frequency": self._get(name, "freq", channel),
                    "gain": self._get(name, "gain", channel),
                    "gain range": (gains.start(), gains.stop()),
                    "gain stages": list(self._get(name, "gain_names", channel)),
                    "antenna": self._get(name, "antenna", channel),
                    "antennas": list(self._get(name, "antennas", channel)),
                    "bandwidth": self._get(name, "bandwidth", channel),
                }
        return found

    def start(self) -> None:
        """Have samples come, a little later so that all channels begin together.

        Raises:
            RadioError: the device refuses.
        """
        types = self._uhd.types
        command = types.StreamCMD(types.StreamMode.start_cont)
        try:
            ticks = self._usrp.get_time_now(0).to_ticks(self._rate) + round(_START_S * self._rate)
            command.stream_now = False
            command.time_spec = self._time(ticks)
            self._rx.issue_stream_cmd(command)
        except RuntimeError as error:
            raise RadioError(f"{self.name}: receiving cannot be started: {_line(error)}") from error
        self._running = True

    def read(self, out: NDArray[np.complex64], timeout: float) -> Read:
        """Receive into complex64 ``(n_rx, n)``; waits for ``timeout`` seconds at most.

        Raises:
            RadioError: the device is lost.
        """
        metadata, codes = self._rx_metadata, self._uhd.types.RXMetadataErrorCode
        try:
            n = int(self._rx.recv(out, metadata, timeout))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {_line(error)}") from error
        code = metadata.error_code
        time = metadata.time_spec.to_ticks(self._rate) if n and metadata.has_time_spec else None
        if code in (codes.none, codes.timeout):
            return Read(n, time)
        if code == codes.overflow:  # the next samples have a later time, which tells how much was lost
            return Read(n, time, overflow=True)
        raise RadioError(f"{self.name}: receiving failed: {metadata.strerror()}")

    def write(self, samples: NDArray[np.complex64], time: int, *, end: bool, timeout: float) -> int:
        """Send complex64 ``(n_tx, n)``, at a time; returns how many the device took.

        Raises:
            RadioError: the device is lost.
        """
        metadata = self._tx_metadata
        metadata.start_of_burst, metadata.end_of_burst, metadata.has_time_spec = not self._in_burst, end, True
        metadata.time_spec = self._time(time)
        self._in_burst = not end
        try:
            assert self._tx is not None
            return int(self._tx.send(samples, metadata, timeout))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {_line(error)}") from error

    def status(self, timeout: float) -> TxKind | None:
        """What the transmitter told; None where it told nothing of interest in time."""
        codes = self._uhd.types.TXMetadataEventCode
        while self._tx is not None:
            try:
                if not self._tx.recv_async_msg(self._told, timeout):
                    return None
            except RuntimeError as error:
                raise RadioError(f"{self.name}: {_line(error)}") from error
            code = self._told.event_code
            if code == codes.time_error:
                self._in_burst = False
                return "late"
            if code in (codes.underflow, codes.underflow_in_packet):
                self._in_burst = False
                return "underflow"
        return None

    def close(self) -> None:
        """Stop the streams, and give the device back. A second call does nothing."""
        if self._usrp is None:
            return
        types = self._uhd.types
        try:
            if self._running:
                self._rx.issue_stream_cmd(types.StreamCMD(types.StreamMode.stop_cont))
        except RuntimeError as error:
            _log.debug("%s: %s", self.name, error)
        self._rx = self._tx = self._usrp = None

    # inside

    def _time(self, ticks: int) -> Any:
        """The device's time of a count of samples, without the rounding of a long count of seconds."""
        rate = round(self._rate)
        seconds, rest = divmod(ticks, rate) if rate == self._rate else divmod(float(ticks), self._rate)
        return self._uhd.types.TimeSpec(int(seconds), rest / self._rate)

    def _stream_args(self, n: int) -> Any:
        made = self._uhd.usrp.StreamArgs("fc32", "sc16")
        made.channels = list(range(n))
        return made

    def _get(self, name: str, what: str, *where: int) -> Any:
        return getattr(self._usrp, f"get_{name}_{what}")(*where)

    def _set_clocks(self) -> None:
        args, usrp = self._args, self._usrp
        if args.master_clock is not None:
            usrp.set_master_clock_rate(args.master_clock)
        if args.clock is not None:
            check_choice("clock", args.clock, usrp.get_clock_sources(0))
            usrp.set_clock_source(args.clock)
        if args.time_source is not None:
            check_choice("time_source", args.time_source, usrp.get_time_sources(0))
            usrp.set_time_source(args.time_source)
            usrp.set_time_unknown_pps(self._uhd.types.TimeSpec(0.0))
        else:
            usrp.set_time_now(self._uhd.types.TimeSpec(0.0))

    def _set(self, name: str, n: int, rate: float, frequency: float | None) -> None:
        """One direction's channels."""
        args, usrp = self._args, self._usrp
        have = self._get(name, "num_channels")
        if n > have:
            raise RadioError(f"{self.name}: has {have} {name} channels, not {n}")
        for channel in range(n):
            getattr(usrp, f"set_{name}_rate")(rate, channel)
            made = self._get(name, "rate", channel)
            if abs(made - rate) > _RATE_TOLERANCE * rate:
                raise RadioError(f"{self.name}: makes {made:.12g} samples per second of the {rate:.12g} asked for")
            if args.bandwidth is not None:
                getattr(usrp, f"set_{name}_bandwidth")(args.bandwidth, channel)
            if frequency is not None:
                tune = (frequency, args.lo_offset) if args.lo_offset else (frequency,)
                getattr(usrp, f"set_{name}_freq")(self._uhd.types.TuneRequest(*tune), channel)
            antenna = antenna_of(args.rx_antenna if name == "rx" else args.tx_antenna, channel)
            if antenna is not None:
                check_choice(f"{name}_antenna", antenna, self._get(name, "antennas", channel))
                getattr(usrp, f"set_{name}_antenna")(antenna, channel)
            self._set_gain(name, channel)

    def _set_gain(self, name: str, channel: int) -> None:
        args, usrp = self._args, self._usrp
        if name == "rx" and args.agc:
            usrp.set_rx_agc(True, channel)
        for stage, gain in (args.rx_gain if name == "rx" else args.tx_gain).items():
            if stage:
                check_choice(f"{name}_gain", stage, self._get(name, "gain_names", channel))
                values = getattr(usrp, f"get_{name}_gain_range")(stage, channel)
            else:
                values = self._get(name, "gain_range", channel)
            check_gain(f"{name}_gain", gain, (values.start(), values.stop()), self.name)
            getattr(usrp, f"set_{name}_gain")(gain, *((stage,) if stage else ()), channel)


def _joined(args: SdrArgs | None) -> str:
    """Device arguments as UHD takes them; the name of the driver is its ``type``."""
    device = dict(args.device) if args else {}
    if "driver" in device:
        device["type"] = device.pop("driver")
    return ",".join(f"{key}={value}" for key, value in device.items())


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
