"""``picocell enb``: an eNB as a process, over a radio and towards a core."""

import logging
import signal
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from picocell.enb.config import EnbConfig
from picocell.enb.core_link import CoreLink
from picocell.enb.enb import Enb
from picocell.enb.metrics import UeMeter
from picocell.enb.process import EnbProcess
from picocell.epc.interfaces import s1ap_definitions
from picocell.epc.interfaces.transport import Interface, Message
from picocell.observe import logs
from picocell.observe.background import Background
from picocell.observe.console import HELP, Keys
from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.garbage import Garbage
from picocell.observe.mac_tap import MacTap
from picocell.observe.metrics_file import MetricsFile
from picocell.observe.stages import stage_table
from picocell.observe.ue_table import table
from picocell.phy.lte.bands import downlink_frequency, uplink_frequency
from picocell.phy.lte.frame import SUBCARRIER_SPACING, fft_size
from picocell.phy.workers import Workers
from picocell.radio.durations import Durations
from picocell.radio.errors import RadioError
from picocell.radio.file_radio import has_ended
from picocell.radio.interface import Radio
from picocell.radio.open import open_radio
from picocell.radio.recorded import RecordedRadio
from picocell.radio.sdr import realtime
from picocell.radio.sdr.args import check_frequencies, sdr_args
from picocell.radio.sdr.radio import SdrRadio
from picocell.radio.shm.radio import ShmRadio
from picocell.radio.zmq.radio import ZmqRadio

_LOG: Final = logging.getLogger(__name__)

TX_GAIN: Final = (0.0, -13.0)
"""dB, of a virtual radio and of a device: there the peaks of a cell with all blocks in use stay below full scale."""

SERVE_S: Final = 0.02
"""How long samples are waited for before all else is seen to."""


class EnbRun:
    """One run of the process.

    Args:
        config: its configuration.

    Raises:
        OSError: a port, file or device that cannot be had.
        ValueError: device arguments that are not allowed.
    """

    def __init__(self, config: EnbConfig) -> None:
        self._config = config
        self._start = time.monotonic()
        settings = config.settings()
        fft = fft_size(settings.cell.n_prb, shortened=config.radio.sample_rate == "shortened")
        rate = float(fft * SUBCARRIER_SPACING)
        sctp = config.mme.sctp.open(config.mme.bind, config.mme.bind_port)
        self.link = CoreLink(
            sctp,
            config.mme.address,
            mme_port=config.mme.port,
            gtpu_address=config.gtpu.bind_address,
            gtpu_port=config.gtpu.port,
            gtpu_peer_port=config.gtpu.peer_port,
            name=config.mme.bind,
        )
        self.enb = Enb(
            settings,
            address=config.mme.bind,
            gtpu_address=config.gtpu.address,
            mme_address=config.mme.address,
            core_clock=lambda: round(1000 * (time.monotonic() - self._start)),
        )
        device = sdr_args(config.radio.args)
        up, down = uplink_frequency(config.enb.earfcn), downlink_frequency(config.enb.earfcn)
        if device is not None:
            check_frequencies(device, config.enb.earfcn, up, down)
            refused = realtime.begin(config.radio.priority, config.radio.cpus)
            if refused is not None:
                _LOG.warning("%s", refused)
        radio = open_radio(
            config.radio.args,
            rate,
            n_tx=settings.cell.n_ports,
            n_rx=config.radio.n_rx,
            rx_frequency=up,
            tx_frequency=down,
        )
        if isinstance(radio, ZmqRadio | ShmRadio | SdrRadio):
            radio.timeout = SERVE_S
        sdr = radio if isinstance(radio, SdrRadio) else None
        self._sdr: Final = sdr
        self.radio = radio = self._recorded(radio)
        self._open_captures()
        cpus = config.radio.cpus if device is not None else None
        self._workers = Workers(config.radio.workers, on_start=lambda _: realtime.settle(cpus, first=1))
        if config.radio.workers:
            realtime.settle(cpus, last=1)  # this thread has the first of them for itself
        self.process = EnbProcess(
            self.enb,
            radio,
            self.link,
            fft=fft,
            tx_gain=10 ** ((TX_GAIN[device is not None] if (gain := config.radio.tx_gain) is None else gain) / 20),
            first_tti=config.radio.first_tti,
            workers=self._workers,
            waiting=None if sdr is None else lambda: sdr.waiting,
            too_late=None if sdr is None else sdr.too_late,
            sent=self._mac.downlink if self._mac is not None else None,
            heard=self._mac.uplink if self._mac is not None else None,
        )
        # Two, for each counts from its own last look.
        self._shown_meter, self._written_meter = UeMeter(self.enb), UeMeter(self.enb)
        self._metrics = MetricsFile(config.metrics.file) if config.metrics.file is not None else None
        self._background = Background(at_once=self._sdr is None)
        self._stop = False
        self._garbage: Garbage | None = None

    def run(self) -> int:
        """Work until a signal, a key or the end of a recording ends it; the exit code."""
        console = self._config.console
        keys = Keys() if console.enable else None
        shown, lines = console.table, 0
        if keys is not None:
            self._background.say(
                f"eNB {self.enb.settings.name}: {self.enb.cell.n_prb} PRB, PCI {self.enb.cell.pci}. {HELP}"
            )
        next_row = next_metrics = time.monotonic()
        last_row = last_metrics = next_row
        s1ap_definitions.messages()  # which takes a while, better now than between two subframes
        self._garbage = Garbage()
        self.process.start()
        while not (self._stop or has_ended(self.radio)):
            try:
                self.process.step()
            except RadioError:
                self.process.release_all()
                raise
            self._garbage.between(has_time=self._sdr is None or not self._sdr.waiting)
            self._show_letters()
            now = time.monotonic()
            while keys is not None and (key := keys.next()) is not None:
                shown = not shown if key == "t" else shown
                if key == "s":
                    self._background.say(stage_table(self._times()))
                self._stop = self._stop or key == "q"
            if shown and now >= next_row:
                rows = self._shown_meter.rows(now - last_row)
                if rows:
                    self._background.say(table(rows, with_header=lines % 10 == 0))
                    lines += 1
                last_row, next_row = now, now + console.period_ms / 1000
            if self._metrics is not None and now >= next_metrics:
                self._write_metrics(now - last_metrics)
                last_metrics, next_metrics = now, now + self._config.metrics.period_ms / 1000
        return 0

    def stop(self, *_: object) -> None:
        """End the run after the subframe."""
        self._stop = True

    def close(self) -> None:
        """Give everything back."""
        if self._sdr is not None:
            self._background.say(f"\nradio: {self._sdr.counters.totals()}")
            self._background.say(stage_table(self._times()))
        self.radio.close()
        self.link.close()
        self._workers.close()
        if self._garbage is not None:
            self._garbage.close()
        self._background.close()
        for file in (self._mac, self._s1ap, self._metrics):
            if file is not None:
                file.close()

    # inside

    def _recorded(self, radio: Radio) -> Radio:
        """The radio, recorded where that is wanted."""
        file, earfcn = self._config.radio.record, self._config.enb.earfcn
        if file is None:
            return radio
        name = f"eNB {self._config.enb.name}"
        up, down = uplink_frequency(earfcn), downlink_frequency(earfcn)
        return RecordedRadio(radio, file, rx_frequency=up, tx_frequency=down, description=name)

    def _times(self) -> list[tuple[str, Durations]]:
        """Where the time went."""
        found = list(self.process.stages.histograms.items())
        if self._garbage is not None:
            found.append(("garbage", self._garbage.times))
        if self._sdr is not None:
            found.append(("margin", self._sdr.margins))
        return found

    def _show_letters(self) -> None:
        """What went wrong with the samples, as the field shows it: L late, U underflow, O overflow."""
        if self._sdr is not None and (letters := self._sdr.letters()):
            self._background.say(letters, end="")

    def _open_captures(self) -> None:
        directory = self._config.pcap.directory
        self._mac: MacTap | None = None
        self._s1ap: ExportedPduPcap | None = None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._mac = MacTap(Path(directory) / "enb_mac.pcap", time.time())
            self._s1ap = ExportedPduPcap(Path(directory) / "enb_s1ap.pcap")
            self.link.tap = self._capture

    def _capture(self, message: Message) -> None:
        if self._s1ap is not None and message.interface is Interface.S1AP:
            self._s1ap.write("s1ap", message.data, time.time())

    def _write_metrics(self, seconds: float) -> None:
        """A row: the process and its UEs."""
        assert self._metrics is not None
        lateness = self.process.lateness
        row = {
            "time": round(time.time(), 3),
            "subframes": lateness.subframes,
            "lost_subframes": lateness.lost,
            "passed_over_subframes": lateness.passed_over,
            "hurried_subframes": lateness.hurried,
            "radio": None if self._sdr is None else asdict(self._sdr.counters),
            "busy_s": round(lateness.busy_s, 6),
            "cpu_s": round(lateness.cpu_s, 6),
            "latency": {name: durations.as_dict() for name, durations in self._times()},
            "s1": self.enb.s1ap.state.name,
            "tables": self.enb.tables(),
            "ues": [ue.as_dict() for ue in self._written_meter.rows(seconds)],
        }
        self._background.do(partial(self._metrics.write, row))


def main(config: EnbConfig) -> int:
    """Run an eNB until it is told to stop; the exit code."""
    logs.start(config.log)
    run = EnbRun(config)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, run.stop)
    try:
        return run.run()
    finally:
        run.close()
