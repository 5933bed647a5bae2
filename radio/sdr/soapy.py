"""SoapySDR: LimeSDR, bladeRF, USRP and whatever else has a module for it."""

import importlib
import logging
from types import ModuleType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import rxqueue
from picocell.kernels.rxqueue import RxQueue
from picocell.radio.errors import RadioArgumentError, RadioError
from picocell.radio.sdr.args import SdrArgs, antenna_of, check_choice, check_gain
from picocell.radio.sdr.device import Read, TxKind
from picocell.radio.sdr.soapy_c import address, soapy_functions

PACKAGE: Final = "python3-soapysdr"
_RATE_TOLERANCE: Final = 1e-6
_log = logging.getLogger(__name__)


def soapy_module() -> ModuleType:
    """The Python module SoapySDR.

    Raises:
        RadioError: it is not installed.
    """
    try:
        return importlib.import_module("SoapySDR")
    except ImportError as error:
        missing = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
        raise RadioError(
            f"driver=soapy: the Python module SoapySDR {missing}: Debian's {PACKAGE} has it, "
            "`make radio` installs it and links it into the virtual environment"
        ) from error


def soapy_devices(args: SdrArgs | None = None) -> list[dict[str, str]]:
    """The devices that SoapySDR finds with the given arguments, each with those by which it can be opened.

    Raises:
        RadioError: SoapySDR is not installed, or a module of it fails.
    """
    module = soapy_module()
    try:
        return [dict(found) for found in module.Device.enumerate(dict(args.device) if args else {})]
    except RuntimeError as error:
        raise RadioError(f"driver=soapy: {error}") from error


class SoapyDevice:
    """A device of SoapySDR as a :class:`~picocell.radio.sdr.device.SdrDevice`.

    Args:
        args: how to find and set it.
        sample_rate: samples per second.
        n_tx: transmit channels; 0 only receives.
        n_rx: receive channels.

    Raises:
        RadioError: no such device, or it refuses a setting.
        RadioArgumentError: a connector, source or gain stage that it does not have.
    """

    def __init__(self, args: SdrArgs, sample_rate: float, *, n_tx: int = 1, n_rx: int = 1) -> None:
        self._soapy = module = soapy_module()
        self._args, self._n_tx, self._n_rx = args, n_tx, n_rx
        self.name = f"soapy {','.join(f'{key}={value}' for key, value in args.device.items()) or 'device'}"
        try:
            self._device = module.Device(dict(args.device))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: no such device: {error}") from error
        self._rx_stream = self._tx_stream = None
        try:
            self._set_clocks()
            self._set(module.SOAPY_SDR_RX, "rx", n_rx, sample_rate, args.rx_freq)
            self._set(module.SOAPY_SDR_TX, "tx", n_tx, sample_rate, args.tx_freq)
            self._rate = float(self._device.getSampleRate(module.SOAPY_SDR_RX, 0))
            self._rx_stream = self._device.setupStream(module.SOAPY_SDR_RX, "CF32", list(range(n_rx)))
            if n_tx:
                self._tx_stream = self._device.setupStream(module.SOAPY_SDR_TX, "CF32", list(range(n_tx)))
        except RadioError:
            self.close()
            raise
        except RuntimeError as error:
            self.close()
            raise RadioError(f"{self.name}: {error}") from error
        except BaseException:
            self.close()
            raise
        self._timed = bool(self._device.hasHardwareTime())
        if not self._timed:
            _log.warning("%s has no timestamps: nothing can be sent at its time", self.name)
        self._has_status = self._tx_stream is not None
        self._c = soapy_functions(module) if address(self._device) and address(self._rx_stream) else None

    @property
    def sample_rate(self) -> float:
        """Samples per second that were set."""
        return self._rate

    def describe(self) -> dict[str, Any]:
        """What the device says of itself, and how it is set."""
        module, device = self._soapy, self._device
        found: dict[str, Any] = {
            "driver": device.getDriverKey(),
            "hardware": device.getHardwareKey(),
            "serial": dict(device.getHardwareInfo()).get("serial", ""),
            "hardware time": self._timed,
            "clock source": device.getClockSource(),
            "time source": device.getTimeSource(),
            "sensors": {name: device.readSensor(name) for name in device.listSensors()},
        }
        for name, direction in (("rx", module.SOAPY_SDR_RX), ("tx", module.SOAPY_SDR_TX)):
            for channel in range(device.getNumChannels(direction)):
                gains = device.getGainRange(direction, channel)
                found[f"{name}{channel}"] = {
                    "sample rate": device.getSampleRate(direction, channel),
                    "frequency": device.getFrequency(direction, channel),
                    "gain": device.getGain(direction, channel),
                    "gain range": (gains.minimum(), gains.maximum()),
                    "gain stages": list(device.listGains(direction, channel)),
                    "antenna": device.getAntenna(direction, channel),
                    "antennas": list(device.listAntennas(direction, channel)),
                    "bandwidth": device.getBandwidth(direction, channel),
                }
        return found

    def start(self) -> None:
        """Have the streams run.

        Raises:
            RadioError: the device refuses.
        """
        for what, stream in (("receiving", self._rx_stream), ("sending", self._tx_stream)):
            if stream is not None and (code := self._device.activateStream(stream)) < 0:
                raise RadioError(f"{self.name}: {what} cannot be started: {self._soapy.errToStr(code)}")

    def fill(self, queue: RxQueue, timeout: float) -> bool:
        """Receive into a queue until it is stopped, and count what the transmitter tells; whether that is possible.

        Raises:
            RadioError: the device is lost.
        """
        functions, wait = self._c, round(1e6 * timeout)
        if functions is None:
            return False
        device, rx = address(self._device), address(self._rx_stream)
        tx = address(self._tx_stream) if self._tx_stream is not None else 0
        code = queue.run(functions.read, functions.status, device, rx, tx, self._rate, wait)
        if code < 0:
            raise RadioError(f"{self.name}: receiving failed: {self._soapy.errToStr(code)}")
        return True

    def read(self, out: NDArray[np.complex64], timeout: float) -> Read:
        """Receive into complex64 ``(n_rx, n)``; waits for ``timeout`` seconds at most.

        Raises:
            RadioError: the device is lost.
        """
        soapy = self._soapy
        try:
            got = self._device.readStream(self._rx_stream, list(out), out.shape[1], 0, round(1e6 * timeout))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {error}") from error
        if got.ret > 0:
            timed = got.flags & soapy.SOAPY_SDR_HAS_TIME
            return Read(got.ret, soapy.timeNsToTicks(got.timeNs, self._rate) if timed else None)
        if got.ret in (0, soapy.SOAPY_SDR_TIMEOUT):
            return Read(0)
        if got.ret == soapy.SOAPY_SDR_OVERFLOW:
            return Read(0, overflow=True)
        raise RadioError(f"{self.name}: receiving failed: {soapy.errToStr(got.ret)}")

    def write(self, samples: NDArray[np.complex64], time: int, *, end: bool, timeout: float) -> int:
        """Send complex64 ``(n_tx, n)``, at a time where the device has times; returns how many the device took.

        Raises:
            RadioError: the device is lost.
        """
        soapy, wait = self._soapy, round(1e6 * timeout)
        if self._c is not None:
            device, stream = address(self._device), address(self._tx_stream)
            at = time if self._timed else None
            code = rxqueue.write(self._c.write, device, stream, samples, at, self._rate, end, wait)
        else:
            code = self._write(samples, time, end, wait)
        if code >= 0:
            return code
        if code == soapy.SOAPY_SDR_TIMEOUT:
            return 0
        raise RadioError(f"{self.name}: sending failed: {soapy.errToStr(code)}")

    def status(self, timeout: float) -> TxKind | None:
        """What the transmitter told; None where it told nothing in time."""
        if not self._has_status:
            return None
        soapy = self._soapy
        try:
            got = self._device.readStreamStatus(self._tx_stream, round(1e6 * timeout))
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {error}") from error
        if got.ret == soapy.SOAPY_SDR_NOT_SUPPORTED:
            self._has_status = False
        kinds: dict[int, Literal["late", "underflow"]] = {
            soapy.SOAPY_SDR_TIME_ERROR: "late",
            soapy.SOAPY_SDR_UNDERFLOW: "underflow",
        }
        return kinds.get(got.ret)

    def close(self) -> None:
        """Stop the streams, and give the device back. A second call does nothing."""
        device, self._device = self._device, None
        if device is None:
            return
        for stream in (self._tx_stream, self._rx_stream):
            if stream is not None:
                try:
                    device.deactivateStream(stream)
                    device.closeStream(stream)
                except RuntimeError as error:
                    _log.debug("%s: %s", self.name, error)

    # inside

    def _write(self, samples: NDArray[np.complex64], time: int, end: bool, timeout_us: int) -> int:
        """Send with the interpreter's interface."""
        soapy = self._soapy
        flags, at = (soapy.SOAPY_SDR_END_BURST if end else 0), 0
        if self._timed:
            flags, at = flags | soapy.SOAPY_SDR_HAS_TIME, soapy.ticksToTimeNs(time, self._rate)
        try:
            got = self._device.writeStream(self._tx_stream, list(samples), samples.shape[1], flags, at, timeout_us)
        except RuntimeError as error:
            raise RadioError(f"{self.name}: {error}") from error
        return int(got.ret)

    def _set_clocks(self) -> None:
        args, device = self._args, self._device
        if args.master_clock is not None:
            device.setMasterClockRate(args.master_clock)
        if args.clock is not None:
            check_choice("clock", args.clock, device.listClockSources())
            device.setClockSource(args.clock)
        if args.time_source is not None:
            check_choice("time_source", args.time_source, device.listTimeSources())
            device.setTimeSource(args.time_source)

    def _set(self, direction: int, name: str, n: int, rate: float, frequency: float | None) -> None:
        """One direction's channels."""
        device, args = self._device, self._args
        have = device.getNumChannels(direction)
        if n > have:
            raise RadioError(f"{self.name}: has {have} {name} channels, not {n}")
        for channel in range(n):
            device.setSampleRate(direction, channel, rate)
            made = device.getSampleRate(direction, channel)
            if abs(made - rate) > _RATE_TOLERANCE * rate:
                raise RadioError(f"{self.name}: makes {made:.12g} samples per second of the {rate:.12g} asked for")
            if args.bandwidth is not None:
                device.setBandwidth(direction, channel, args.bandwidth)
            if frequency is not None:
                tune = {"OFFSET": f"{args.lo_offset:.0f}"} if args.lo_offset else {}
                device.setFrequency(direction, channel, frequency, tune)
            antenna = antenna_of(args.rx_antenna if name == "rx" else args.tx_antenna, channel)
            if antenna is not None:
                check_choice(f"{name}_antenna", antenna, device.listAntennas(direction, channel))
                device.setAntenna(direction, channel, antenna)
            self._set_gain(direction, channel, name)

    def _set_gain(self, direction: int, channel: int, name: str) -> None:
        device, args = self._device, self._args
        if name == "rx" and args.agc:
            if not device.hasGainMode(direction, channel):
                raise RadioArgumentError(f"rx_gain=auto is not allowed: {self.name} has no gain control")
            device.setGainMode(direction, channel, True)
        gains = args.rx_gain if name == "rx" else args.tx_gain
        for stage, gain in gains.items():
            if stage:
                check_choice(f"{name}_gain", stage, device.listGains(direction, channel))
            values = device.getGainRange(direction, channel, *((stage,) if stage else ()))
            low, high = values.minimum(), values.maximum()
            check_gain(f"{name}_gain", gain, (low, high), self.name)
            device.setGain(direction, channel, *((stage,) if stage else ()), gain)
