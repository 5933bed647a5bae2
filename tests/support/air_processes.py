"""A core, an air, eNBs and phones as real processes, on ports of their own."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from picocell.air.control import request
from picocell.phy.lte.frame import sample_rate
from support.network_processes import GATEWAY, Program
from support.ports import free_ports
from support.waiting import LONG_S

ATTACHED: Final = "Network attach successful. IP: "
MOVED: Final = "moved "
_PHONE: Final = Path(__file__).with_name("busy_phone.py")
_KEYS: Final = "k: 00112233445566778899aabbccddeeff, opc: 63bfa50ee6523365ff14c1f45f88737d"


@dataclass(frozen=True, slots=True)
class Pipe:
    """Two ports of a radio and its peer on the air.

    Attributes:
        own: where the member answers.
        air: where the air does.
        rate: samples a second on it.
        up: where the air asks; the member's port but for one that has a relay before it.
        down: where the member asks; the air's port likewise.
    """

    own: int
    air: int
    rate: float
    up: int
    down: int

    @property
    def member_args(self) -> str:
        """Device arguments of the member."""
        return f"tx_port=tcp://127.0.0.1:{self.own},rx_port=tcp://127.0.0.1:{self.down},base_srate={self.rate:g}"

    @property
    def air_args(self) -> str:
        """Device arguments of the air's end."""
        return f"tx_port=tcp://127.0.0.1:{self.air},rx_port=tcp://127.0.0.1:{self.up},base_srate={self.rate:g}"


class AirProcesses:
    """The processes. A context manager that ends them.

    Args:
        home: for what they write.
        n_prb: bandwidth of the cells.
        n_cells: ``cell1`` and so on, each of an eNB ``enb1`` and so on; all at one core.
        n_phones: ``ue1`` and so on.
        channel: of all links.
        guests: names of further phones on the air, which are none of these processes.
        rates: how many times the air's rate that of a member is, by its name.
        relayed: members that have other ports than the air's before them: something is to pass the samples on.
        members: further keys of members in the air's configuration, by their name.
        links: links that differ, as in the air's configuration.
        words: further words of the command line of processes, by their name.
        stall_s: after which the air leaves a member behind; on a busy machine one that does not stop needs some.
    """

    def __init__(
        self,
        home: Path,
        *,
        n_prb: int = 6,
        n_cells: int = 1,
        n_phones: int = 4,
        channel: str = "AWGN",
        guests: Sequence[str] = (),
        rates: dict[str, int] | None = None,
        relayed: Sequence[str] = (),
        members: dict[str, list[str]] | None = None,
        links: Sequence[str] = (),
        words: dict[str, list[str]] | None = None,
        stall_s: float = 20.0,
    ) -> None:
        self._home, self._n_prb, self._channel, self._stall_s = home, n_prb, channel, stall_s
        self._guests, self._further, self._links, self._words = guests, members or {}, links, words or {}
        self.rate = float(sample_rate(n_prb, shortened=True))
        self.cells = [f"cell{i}" for i in range(1, n_cells + 1)]
        self.phones = [f"ue{i}" for i in range(1, n_phones + 1)]
        names = [*self.cells, *self.phones, *guests]
        self._s1, self._gtpu_core, self._gtpu_enb, self._sctp_core, control, *rest = free_ports(
            5 + n_cells + 4 * len(names)
        )
        self._sctp_enb, ports = rest[:n_cells], iter(rest[n_cells:])
        self.control = f"tcp://127.0.0.1:{control}"
        self.pipes: dict[str, Pipe] = {}
        for name in names:
            own, air, up, down = (next(ports) for _ in range(4))
            ends = (up, down) if name in relayed else (own, air)
            self.pipes[name] = Pipe(own, air, self.rate * (rates or {}).get(name, 1), *ends)
        self.programs: dict[str, Program] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs.values():
            if program.process.returncode is None:
                program.kill()

    # start and end

    def start(self, *, phones: Sequence[str] | None = None) -> None:
        """Start all, or all but some phones."""
        self.start_one("epc", self._core())
        self.start_one("air", self._air())
        for i, cell in enumerate(self.cells, 1):
            self.start_one(f"enb{i}", self._enb(i, cell))
        for name in self.phones if phones is None else phones:
            self.start_phone(name)

    def start_phone(self, name: str, address: str = GATEWAY) -> None:
        """Start a phone that pings an address."""
        words: list[object] = [_PHONE, "--address", address]
        self.start_one(name, [*words, "--usim.imsi", self.imsi(name), "--radio.args", self.pipes[name].member_args])

    def start_one(self, name: str, words: Sequence[object]) -> None:
        """Start a process."""
        further = self._words.get(name, [])
        self.programs[name] = Program(name, [*map(str, words), *further], self._home)

    def stop(self) -> dict[str, int]:
        """End all as Ctrl-C does, the phones first; exit codes."""
        order = sorted(self.programs, key=lambda name: (not name.startswith("ue"), name == "epc", name == "air"))
        return {name: self.programs[name].stop() for name in order}

    def imsi(self, name: str) -> str:
        """Subscriber of a phone."""
        return f"0010101234{56780 + self.phones.index(name):05d}"

    def ip(self, name: str) -> str:
        """Address of a phone that is attached."""
        lines = [line for _, line in list(self.programs[name].lines) if line.startswith(ATTACHED)]
        return lines[-1].removeprefix(ATTACHED).split(",")[0]

    # what they do

    def ramp(self, over: float, **losses: float) -> None:
        """Let losses of links change, ``ue1_cell1=60``, and wait until they have: two ramps at once would fight."""
        keys = {f"{name.replace('_', '.')}.loss_db": loss for name, loss in losses.items()}
        request({"play": [{"at": 0, "over": over, "ramp": keys}]}, self.control, LONG_S)
        self.wait_for(
            lambda: request({"get": list(keys)}, self.control, LONG_S)["get"] == keys, f"{keys} are not reached"
        )

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send processes a signal."""
        for name in names:
            self.programs[name].send(number)

    def count(self, name: str, text: str, since: float = 0.0) -> int:
        """Lines of a process with a text, after a time."""
        return self.programs[name].count(text, since)

    def moved(self, name: str) -> int:
        """Bytes that a phone has moved over TCP, there and back."""
        lines = [line for _, line in list(self.programs[name].lines) if line.startswith(MOVED)]
        return int(lines[-1].removeprefix(MOVED)) if lines else 0

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = LONG_S) -> None:
        """Wait for something.

        Raises:
            AssertionError: it does not come, or a process ended.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            for program in self.programs.values():
                assert program.process.poll() is None, f"{program.name} ended: {program.lines[-20:]}"
            assert time.monotonic() < deadline, f"{what} within {seconds} s:\n{self.last_lines()}"
            time.sleep(0.02)

    def wait_for_answers(self, *names: str, count: int = 3, since: float | None = None) -> None:
        """Wait until each phone has got answers to pings that it sent after a time, which is now by default."""
        start = time.monotonic() if since is None else since
        for name in names:

            def answered(name: str = name) -> bool:
                return len(self.answers(name, start)) >= count

            self.wait_for(answered, f"{name}: no {count} answers")

    def answers(self, name: str, since: float) -> list[float]:
        """When answers came to pings that were sent after a time."""
        return self.programs[name].answers(since)

    def wait_for_line(self, name: str, text: str, since: float) -> float:
        """Wait for a line of a process; when it came."""
        self.wait_for(lambda: self.count(name, text, since) > 0, f"{name} does not say {text!r}")
        return next(at for at, line in self.programs[name].lines if text in line and at >= since)

    def last_lines(self, n: int = 12) -> str:
        """The ends of what the processes said."""
        return "\n".join(f"{p.name} {at:.2f} {line}" for p in self.programs.values() for at, line in p.lines[-n:])

    # inside: command lines

    def _sctp(self, port: int) -> list[object]:
        return ["--mme.port", self._s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", port]

    def _core(self) -> list[object]:
        sims = [f"{{imsi: '{self.imsi(name)}', {_KEYS}}}" for name in self.phones]
        words: list[object] = ["-m", "picocell", "epc", *self._sctp(self._sctp_core)]
        words += ["--sgw.port", self._gtpu_core, "--sgw.peer-port", self._gtpu_enb, "--ip.kind", "host"]
        return [*words, "--hss.database", ":memory:", "--hss.subscribers", f"[{', '.join(sims)}]"]

    def _air(self) -> list[object]:
        words: list[object] = [
            "-m",
            "picocell",
            "air",
            "--air.start-wait-s",
            3,
            "--air.stall-s",
            self._stall_s,
            "--air.sample-rate",
            self.rate,
        ]
        words += ["--control.endpoint", self.control, "--defaults.channel", self._channel]
        words += ["--cells", f"[{', '.join(map(self._member, self.cells))}]"]
        words += ["--phones", f"[{', '.join(map(self._member, [*self.phones, *self._guests]))}]"]
        return [*words, "--links", f"[{', '.join(self._links)}]"]

    def _member(self, name: str) -> str:
        keys = [f"name: {name}", f"radio: '{self.pipes[name].air_args}'", *self._further.get(name, [])]
        return f"{{{', '.join(keys)}}}"

    def _enb(self, number: int, cell: str) -> list[object]:
        address = f"127.0.1.{number}"
        words: list[object] = ["-m", "picocell", "enb", "--enb.n-prb", self._n_prb, "--enb.pci", number]
        words += ["--enb.cell-id", hex(0x19A01 + (number << 8)), "--enb.inactivity-ms", 1500]
        words += [*self._sctp(self._sctp_enb[number - 1]), "--mme.sctp.peer-udp-port", self._sctp_core]
        words += ["--mme.bind", address, "--gtpu.address", address]
        words += ["--gtpu.port", self._gtpu_enb, "--gtpu.peer-port", self._gtpu_core]
        return [*words, "--radio.args", self.pipes[cell].member_args]
