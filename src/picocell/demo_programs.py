"""Programs that a demo runs beside itself, and ports for them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

STOP_S: Final = 20.0
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Ends:
    """Signals that end a demo, as `KeyboardInterrupt`; while a process is started they wait: it is not forgotten."""

    def __init__(self) -> None:
        self._is_held = self._came = False

    def take(self) -> None:
        """From now on they are taken."""
        for number in _ENDS:
            signal.signal(number, self._come)

    def ignore(self) -> None:
        """From now on they are not: the end takes a moment, which another one must not cut off."""
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """They wait until this is over."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._came:
            raise KeyboardInterrupt

    def _come(self, *_: object) -> None:
        self._came = True
        if not self._is_held:
            raise KeyboardInterrupt


@dataclass(slots=True)
class Program:
    """A process of the demo: its output is shown, and looked through.

    Attributes:
        name: shown before each line.
        started: when, `time.monotonic`.
        lines: all lines, with the time of each.
    """

    name: str
    process: "subprocess.Popen[str]"
    show: Callable[[str, str], None]
    started: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def find(self, text: str) -> tuple[float, str] | None:
        """The first line that holds a text, and when it came."""
        return next(((at, line) for at, line in list(self.lines) if text in line), None)

    @property
    def cpu_s(self) -> float:
        """Processor time of the process so far."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self) -> int | None:
        """Ask it to end, and wait; its exit code, None where it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.rstrip("\n")
            self.lines.append((time.monotonic(), line))
            self.show(self.name, line)


def start(name: str, words: list[str], show: Callable[[str, str], None]) -> Program:
    """Start a Python program whose output is shown.

    Args:
        name: shown before its lines.
        words: arguments of the interpreter.
        show: takes the name and a line.
    """
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    return Program(name, process, show)


def free_ports(n: int) -> list[int]:
    """Ports that neither TCP nor UDP uses at present on the loopback addresses."""
    found: list[int] = []
    held = []
    while len(found) < n:
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.bind(("0.0.0.0", 0))
        held.append(tcp)
        port = tcp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                udp.bind(("0.0.0.0", port))
            except OSError:
                continue
        found.append(port)
    for tcp in held:
        tcp.close()
    return found
