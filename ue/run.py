"""``picocell ue``: a UE as a process, over a radio."""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from picocell.observe import logs
from picocell.observe.background import Background
from picocell.observe.console import Keys
from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.garbage import Garbage
from picocell.observe.metrics_file import MetricsFile
from picocell.observe.stages import stage_table
from picocell.phy.lte.bands import downlink_frequency, uplink_frequency
from picocell.phy.lte.frame import SUBCARRIER_SPACING
from picocell.radio.durations import Durations
from picocell.radio.file import RecordingError
from picocell.radio.file_radio import has_ended, recorded_rate
from picocell.radio.interface import Radio
from picocell.radio.open import open_radio
from picocell.radio.recorded import RecordedRadio
from picocell.radio.sdr import realtime
from picocell.radio.sdr.args import DEFAULT_RATE, check_frequencies, sdr_args
from picocell.radio.sdr.radio import SdrRadio
from picocell.radio.shm.args import ShmArgs, is_shm
from picocell.radio.shm.radio import ShmRadio
from picocell.radio.zmq.args import ZmqArgs
from picocell.radio.zmq.radio import ZmqRadio
from picocell.ue.config import UeConfig
from picocell.ue.milestones import milestone
from picocell.ue.process import UeProcess
from picocell.ue.ue import Ue, UeEvent

_LOG: Final = logging.getLogger(__name__)

TX_GAIN: Final = (40.0, -10.0)
"""dB, of a virtual radio and of a device: there a phone at 23 dBm stays below full scale."""

SERVE_S: Final = 0.02
"""How long samples are waited for before all else is seen to."""
TX_AHEAD: Final = 4
_PREFIX: Final = 24
_FFT_STEP: Final = 128


class IpDevice(Protocol):
    """Where a UE's IP packets come from and go to; the caller makes it."""

    description: str

    def read(self) -> list[bytes]:
        """Packets to be sent."""

    def write(self, packet: bytes) -> None:
        """Take a packet that came."""

    def configure(self, address: str, prefix: int, mtu: int) -> None:
        """Take an address."""

    def unconfigure(self) -> None:
        """Give the address up."""

    def close(self) -> None:
        """Give the device back."""


OpenDevice = Callable[[str, str, str | None], IpDevice]
"""Opens an IP device of a kind, with a name, in a network namespace."""


class UeRun:
    """One run of the process.

    Args:
        config: its configuration.
        open_device: makes the IP device.
        each_step: called after each millisecond.

    Raises:
        OSError: a port, file or device that cannot be had.
        ValueError: device arguments that are not allowed.
    """

    def __init__(self, config: UeConfig, open_device: OpenDevice, each_step: Callable[[], None] | None = None) -> None:
        self._config = config
        self._each_step = each_step
        rate = _rate(config.radio.args)
        device = sdr_args(config.radio.args)
        up, down = uplink_frequency(config.radio.earfcn), downlink_frequency(config.radio.earfcn)
        if device is not None:
            check_frequencies(device, config.radio.earfcn, down, up)
            refused = realtime.begin(config.radio.priority, config.radio.cpus)
            if refused is not None:
                _LOG.warning("%s", refused)
        radio = open_radio(
            config.radio.args,
            rate,
            n_tx=1,
            n_rx=config.radio.n_rx,
            rx_frequency=down,
            tx_frequency=up,
            mode="burst",
        )
        if isinstance(radio, ZmqRadio | ShmRadio | SdrRadio):
            radio.timeout = SERVE_S
        sdr = radio if isinstance(radio, SdrRadio) else None
        self._sdr: Final = sdr
        self.radio = radio = self._recorded(radio)
        self.device = open_device(config.ip.kind, config.ip.name, config.ip.netns)
        # a subframe that was received is answered by one 4 later: all the time that HARQ leaves is the other side's
        self.ue = Ue(replace(config.settings(), tx_ahead=TX_AHEAD), rate, seed=time.time_ns())
        self.ue.phy.rx_gain_db = config.radio.rx_gain
        self._nas: ExportedPduPcap | None = None
        if config.pcap.directory is not None:
            config.pcap.directory.mkdir(parents=True, exist_ok=True)
            self._nas = ExportedPduPcap(Path(config.pcap.directory) / "ue_nas.pcap")
            self.ue.tap = self._tap
        self.process = UeProcess(
            self.ue,
            radio,
            self.device,
            tx_gain=10 ** ((TX_GAIN[device is not None] if (gain := config.radio.tx_gain) is None else gain) / 20),
            waiting=None if sdr is None else lambda: sdr.waiting,
            on_attached=self._attached,
            on_detached=self.device.unconfigure,
            on_event=self._event,
        )
        self._metrics = MetricsFile(config.metrics.file) if config.metrics.file is not None else None
        self._background = Background(at_once=self._sdr is None)
        self._stop = False
        self._garbage: Garbage | None = None

    def run(self) -> int:
        """Work until a signal, a key or the end of a recording ends it; the exit code."""
        keys = Keys() if self._config.console.enable else None
        self._background.say(f"UE {self._config.usim.imsi}: {self.device.description}. q + Enter: switch off and stop")
        self._garbage = Garbage()
        self.ue.switch_on()
        next_metrics = time.monotonic()
        while not (self._stop or has_ended(self.radio)):
            self.process.step()
            self._garbage.between(has_time=self._sdr is None or not self._sdr.waiting)
            if self._sdr is not None and (letters := self._sdr.letters()):
                self._background.say(letters, end="")
            if self._each_step is not None:
                self._each_step()
            while keys is not None and (key := keys.next()) is not None:
                self._stop = self._stop or key == "q"
            if self._metrics is not None and time.monotonic() >= next_metrics:
                self._write_metrics()
                next_metrics = time.monotonic() + self._config.metrics.period_ms / 1000
        self._switch_off()
        return 0

    def stop(self, *_: object) -> None:
        """End the run after what is under way."""
        self._stop = True

    def close(self) -> None:
        """Give everything back."""
        if self._sdr is not None:
            self._background.say(f"\nradio: {self._sdr.counters.totals()}")
            self._background.say(stage_table(self._times()))
        self.device.close()
        self.radio.close()
        if self._garbage is not None:
            self._garbage.close()
        self._background.close()
        for file in (self._nas, self._metrics):
            if file is not None:
                file.close()

    # inside

    def _recorded(self, radio: Radio) -> Radio:
        """The radio, recorded where that is wanted."""
        file, earfcn = self._config.radio.record, self._config.radio.earfcn
        if file is None:
            return radio
        name = f"UE {self._config.usim.imsi}"
        up, down = uplink_frequency(earfcn), downlink_frequency(earfcn)
        return RecordedRadio(radio, file, rx_frequency=down, tx_frequency=up, description=name)

    def _switch_off(self, seconds: float = 2.0) -> None:
        """Tell the network, as long as it listens."""
        if self.ue.ip is None:
            return
        self.ue.detach(switch_off=True)
        end = time.monotonic() + seconds
        last = None
        while time.monotonic() < end and (self.ue.rrc.state.connected or last is None):
            if not self.process.step():
                break
            last = self.ue.rrc.state if self.ue.rrc.state.connected else last

    def _attached(self, address: str, mtu: int) -> None:
        try:
            self.device.configure(address, _PREFIX, mtu)
        except OSError as error:
            _LOG.error("IP device: %s", error)

    def _event(self, event: UeEvent) -> None:
        text = milestone(event)
        if text is not None:
            self._background.say(text)

    def _tap(self, where: str, message: bytes, now: int) -> list[tuple[int, bytes]]:
        del now
        if self._nas is not None and where.startswith("nas"):
            self._nas.write("nas-eps", message, time.time())
        return [(0, message)]

    def _times(self) -> list[tuple[str, Durations]]:
        """Where the time went."""
        found = list(self.ue.stages.histograms.items())
        if self._garbage is not None:
            found.append(("garbage", self._garbage.times))
        if self._sdr is not None:
            found.append(("margin", self._sdr.margins))
        return found

    def _write_metrics(self) -> None:
        """A row of what is measured."""
        assert self._metrics is not None
        work, radio = self.process.work, self.ue.radio
        row = {
            "time": round(time.time(), 3),
            "subframes": work.subframes,
            "lost_samples": work.lost_samples,
            "passed_over_samples": work.passed_over,
            "radio": None if self._sdr is None else asdict(self._sdr.counters),
            "busy_s": round(work.busy_s, 6),
            "cpu_s": round(time.thread_time(), 6),
            "latency": {name: durations.as_dict() for name, durations in self._times()},
            "rrc": str(self.ue.rrc.state),
            "emm": self.ue.nas.state.name,
            "ip": self.ue.ip,
            "rsrp_dbm": round(radio.rsrp_dbm, 1),
            "snr_db": round(radio.snr_db, 1),
            "tables": self.ue.tables(),
        }
        self._background.do(partial(self._metrics.write, row))


def main(config: UeConfig, open_device: OpenDevice, each_step: Callable[[], None] | None = None) -> int:
    """Run a UE until it is told to stop; the exit code."""
    logs.start(config.log)
    run = UeRun(config, open_device, each_step)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, run.stop)
    try:
        return run.run()
    finally:
        run.close()


def _rate(args: str) -> float:
    """Sample rate of the UE: that of the wire, or of the recording: it can hear every bandwidth that they hold."""
    if (sdr := sdr_args(args)) is not None:
        rate = sdr.base_srate or DEFAULT_RATE
    else:
        rate = recorded_rate(args) or (ShmArgs if is_shm(args) else ZmqArgs).parse(args).base_srate
    if rate % (_FFT_STEP * SUBCARRIER_SPACING):
        raise RecordingError(f"radio.args: {rate:g} samples per second are not a multiple of 1.92e6")
    return rate
