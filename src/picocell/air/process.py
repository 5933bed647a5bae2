"""``picocell air``: the air as a process, over ZeroMQ or shared memory to each member."""

import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from picocell.air.config import AirConfig
from picocell.air.control import ControlServer, status
from picocell.air.model import Air, AirEvent
from picocell.air.scenario import advance_all, read
from picocell.observe import logs
from picocell.observe.metrics_file import MetricsFile

_LATE_S: Final = 0.1  # an air in real time that is later than so much does not catch up
_COLOURS: Final = {"active": "green", "stalled": "red", "absent": "yellow"}


class AirRun:
    """One run of the process.

    Args:
        config: its configuration.

    Raises:
        OSError: a port or file that cannot be had.
        ValueError: a scenario that is not allowed.
    """

    def __init__(self, config: AirConfig) -> None:
        self._config = config
        scenario = read(config.scenario.file) if config.scenario.file is not None else None
        self.air = config.open()
        self._control: ControlServer | None = None
        try:
            if scenario is not None:
                scenario.check(self.air)
            if config.control.endpoint is not None:
                self._control = ControlServer(self.air, config.control.endpoint)
            self._scenarios = self._control.scenarios if self._control is not None else []
            if scenario is not None:
                self._scenarios.append(scenario)
            self._metrics = MetricsFile(config.metrics.file) if config.metrics.file is not None else None
        except BaseException:
            self.air.close()
            if self._control is not None:
                self._control.close()
            raise
        self._stop = False
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        if config.console.enable:
            self.air.on_event = self._tell

    def run(self) -> int:
        """Work until a signal or a command ends it; the exit code."""
        console, metrics = self._config.console, self._config.metrics
        if console.enable:
            where = f"; commands at {self._control.endpoint}" if self._control is not None else ""
            self._console.print(f"Air: {', '.join(self.air.members)}{where}", markup=False)
        pace = _Pace() if self._config.air.pace == "real" else None
        last_table = last_metrics = _Reading(self.air)
        while not self._stop:
            if self.air.step():
                advance_all(self._scenarios, self.air)
                if pace is not None:
                    pace.wait(self.air.now)
            if self._control is not None:
                self._control.serve()
                self._stop = self._stop or self._control.stopped
            now = time.monotonic()
            if console.table and now >= last_table.time + console.period_ms / 1000:
                self._console.print(table(self.air, last_table))
                last_table = _Reading(self.air)
            if self._metrics is not None and now >= last_metrics.time + metrics.period_ms / 1000:
                self._metrics.write(_row(self.air, last_metrics))
                last_metrics = _Reading(self.air)
        return 0

    def stop(self, *_: object) -> None:
        """End the run after the millisecond."""
        self._stop = True

    def close(self) -> None:
        """Give everything back."""
        self.air.close()
        for one in (self._control, self._metrics):
            if one is not None:
                one.close()

    def _tell(self, event: AirEvent) -> None:
        self._console.print(f"{event.now / 1000:9.3f} s  {event.name} {event.text}", markup=False)


class _Reading:
    """Counters at a time, to tell rates from."""

    def __init__(self, air: Air) -> None:
        self.time = time.monotonic()
        self.cpu_s = time.thread_time()
        self.now = air.now
        self.samples = {member.name: member.samples for member in air.members.values()}

    def rate(self, air: Air, name: str) -> float:
        """Samples a second since then."""
        return (air.members[name].samples - self.samples[name]) / max(time.monotonic() - self.time, 1e-9)


class _Pace:
    """Real time.

    Args:
        clock: tells it, in seconds.
        sleep: waits for so many.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._start: float | None = None

    def wait(self, now: int) -> None:
        """Until the millisecond is over; who is late goes on from there."""
        clock = self._clock()
        if self._start is None or clock > self._start + now / 1000 + _LATE_S:
            self._start = clock - now / 1000
        left = self._start + now / 1000 - clock
        if left > 0:
            self._sleep(left)


def table(air: Air, since: _Reading) -> Table:
    """The members for people."""
    seconds = max(time.monotonic() - since.time, 1e-9)
    title = f"{air.now / 1000:.1f} s, {(air.now - since.now) / seconds:.0f} subframes a second"
    found = Table(title=title, title_justify="left", box=None)
    for name in ("member", "carrier", "state", "Msamples/s", "missed ms", "noise dB", "links"):
        found.add_column(name, justify="left" if name in ("member", "state", "links") else "right")
    for member in air.members.values():
        links = []
        for other in air.members.values():
            if not member.is_cell and other.is_cell and other.carrier == member.carrier:
                link = air.link(member.name, other.name)
                links.append(f"{other.name} {link.channel} -{link.loss_db:.1f} dB")
        found.add_row(
            member.name,
            str(member.carrier),
            f"[{_COLOURS[member.state]}]{member.state}[/]",
            f"{since.rate(air, member.name) / 1e6:.2f}",
            str(member.missed),
            f"{member.noise_dbfs:.1f}",
            ", ".join(links),
        )
    return found


def _row(air: Air, since: _Reading) -> dict[str, Any]:
    """The members for programs."""
    found = status(air)
    for member in found["members"]:
        member["samples_per_s"] = round(since.rate(air, member["name"]))
    steps = max(air.now - since.now, 1)
    cpu = 1e6 * (time.thread_time() - since.cpu_s) / steps
    return {"time": round(time.time(), 3), "cpu_us_per_subframe": round(cpu, 1), **found}


def main(config: AirConfig) -> int:
    """Run an air until it is told to stop; the exit code."""
    logs.start(config.log)
    run = AirRun(config)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, run.stop)
    try:
        return run.run()
    finally:
        run.close()
