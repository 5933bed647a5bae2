"""A core, an eNB and a phone as real processes that can be killed, stopped, continued and started anew."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from picocell.phy.lte.frame import sample_rate
from support.ports import free_ports
from support.waiting import LONG_S

GATEWAY: Final = "172.16.0.1"
IMSI: Final = "001010123456780"
_K: Final = "00112233445566778899aabbccddeeff"
_OPC: Final = "63bfa50ee6523365ff14c1f45f88737d"
_PHONE: Final = Path(__file__).with_name("pinging_phone.py")
NAMES: Final = ("epc", "enb", "ue")


class Program:
    """A process, its lines with the time of each, and what the system says of it.

    Args:
        name: of the process.
        words: its command line.
        home: where it writes its log and its metrics.
    """

    def __init__(self, name: str, words: list[str], home: Path) -> None:
        self.name = name
        self.metrics_file = home / f"{name}.json"
        self.metrics_file.unlink(missing_ok=True)
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *words, "--metrics.file", str(self.metrics_file), "--metrics.period-ms", "100"],
            cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment, start_new_session=True,
        )  # fmt: skip
        self.lines: list[tuple[float, str]] = []
        self._log = (home / f"{name}.log").open("a")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def count(self, text: str, since: float = 0.0) -> int:
        """Lines with a text that came after a time, `time.monotonic`."""
        return sum(text in line and at >= since for at, line in list(self.lines))

    def answers(self, since: float) -> list[float]:
        """When answers came to pings that the phone sent after a time, `time.monotonic`."""
        rows = [(at, line.split()) for at, line in list(self.lines) if line.startswith("answer ")]
        return [at for at, words in rows if float(words[2]) >= since]

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """End it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(LONG_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._end()
        return self.process.returncode

    def measured(self) -> dict[str, Any]:
        """The last row of its metrics; empty where there is none."""
        try:
            rows, _, _ = self.metrics_file.read_text().rpartition("\n")  # the last line may not be written wholly
        except FileNotFoundError:
            return {}
        return dict(json.loads(rows.rpartition("\n")[2])) if rows else {}

    def resources(self) -> dict[str, int]:
        """What it has of the system: resident kB, open descriptors, threads."""
        folder = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return {
            "rss_kb": int(status["VmRSS"].split()[0]),
            "fds": len(list((folder / "fd").iterdir())),
            "threads": int(status["Threads"]),
        }

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.rstrip("\n")
            self.lines.append((time.monotonic(), line))
            self._log.write(f"{time.monotonic():.3f} {line}\n")
            self._log.flush()

    def _end(self) -> None:
        self.process.wait()
        self._reader.join()
        self._log.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


class NetworkProcesses:
    """The three processes of a small cell, on ports of their own. A context manager that ends them.

    Args:
        home: for what they write.
        n_prb: bandwidth.
        words: further words of the command line of each, by its name.
    """

    def __init__(self, home: Path, *, n_prb: int = 6, words: dict[str, list[str]] | None = None) -> None:
        self.home, self._n_prb, self._words = home, n_prb, words or {}
        self._ports = free_ports(7)
        self.programs: dict[str, Program] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs.values():
            if program.process.returncode is None:
                program.kill()

    def start(self, name: str) -> Program:
        """Start a process, anew where it has ended."""
        further = self._words.get(name, [])
        words = {"epc": self._core, "enb": self._enb, "ue": self._ue}[name]() + further
        self.programs[name] = program = Program(name, words, self.home)
        return program

    def start_all(self) -> None:
        """Start all and wait until the phone is served."""
        for name in NAMES:
            self.start(name)
        self.wait_for_answer(time.monotonic())

    def wait_for_answer(self, since: float, seconds: float = LONG_S) -> float:
        """Wait until pings that were sent after a time are answered; seconds from then."""
        ue = self.programs["ue"]
        self.wait_for(lambda: bool(ue.answers(since)), seconds, "the phone's pings are not answered")
        return ue.answers(since)[0] - since

    def wait_for(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for something.

        Raises:
            AssertionError: it does not come, or a process ended that was not told to.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            for program in self.programs.values():
                code = program.process.poll()
                assert code in (None, -signal.SIGKILL), f"{program.name} ended with {code}: {program.lines[-20:]}"
            assert time.monotonic() < deadline, f"{what} within {seconds} s:\n{self.last_lines()}"
            time.sleep(0.02)

    def last_lines(self, n: int = 15) -> str:
        """The ends of what the processes said."""
        return "\n".join(
            f"{program.name} {at:.2f} {line}" for program in self.programs.values() for at, line in program.lines[-n:]
        )

    def tables(self) -> dict[str, int]:
        """Sizes of what the processes keep of phones."""
        found: dict[str, int] = {}
        for name, program in self.programs.items():
            tables = program.measured().get("tables", {})
            found |= {f"{name} {table}": size for table, size in tables.items()}
        return found

    # inside

    def _core(self) -> list[str]:
        s1, gtpu_core, gtpu_enb, sctp_core = self._ports[:4]
        words = ["-m", "picocell", "epc", "--mme.port", s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", sctp_core]
        words += ["--sgw.port", gtpu_core, "--sgw.peer-port", gtpu_enb, "--ip.kind", "host"]
        words += ["--hss.database", ":memory:", "--hss.subscribers", f"[{{imsi: '{IMSI}', k: '{_K}', opc: '{_OPC}'}}]"]
        return [str(word) for word in words]

    def _enb(self) -> list[str]:
        s1, gtpu_core, gtpu_enb, sctp_core, sctp_enb, a, b = self._ports
        words = [
            "-m",
            "picocell",
            "enb",
            "--enb.n-prb",
            self._n_prb,
            "--enb.inactivity-ms",
            5000,
            "--radio.args",
            self._radio(a, b, "enb"),
        ]
        words += ["--mme.port", s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", sctp_enb, "--mme.retry-ms", 1000]
        words += ["--mme.sctp.peer-udp-port", sctp_core, "--gtpu.port", gtpu_enb, "--gtpu.peer-port", gtpu_core]
        return [str(word) for word in words]

    def _ue(self) -> list[str]:
        a, b = self._ports[5:]
        return [str(_PHONE), "--address", GATEWAY, "--usim.imsi", IMSI, "--radio.args", self._radio(b, a, "ue")]

    def _radio(self, tx: int, rx: int, name: str) -> str:
        rate = sample_rate(self._n_prb, shortened=True)
        return f"tx_port=tcp://127.0.0.1:{tx},rx_port=tcp://127.0.0.1:{rx},base_srate={rate},id={name}"
