"""``picocell demo``: a core, an eNB and phones as processes over a virtual radio; traffic, figures, a clean end.

Every port is one that is free, so that demos run side by side.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from picocell.demo_programs import Ends, Program, free_ports, start
from picocell.phy.lte.cell import BANDWIDTHS
from picocell.phy.lte.frame import sample_rate
from picocell.radio.channel.models import check

GATEWAY: Final = "172.16.0.1"
ATTACHED: Final = "Network attach successful. IP: "
ATTACH_S: Final = 60.0
IDLE_S: Final = 2.0
PAIR: Final = Path("build/soapy")
"""Where `make radio` puts the module of the pair of devices."""
_CORE_PRIORITY: Final = 10
"""Below the 50 of eNB and phone, whose CPUs it has: what has no real-time priority is put before them by newer kernels,
for up to a twentieth of the time."""
_K: Final = "00112233445566778899aabbccddeeff"
_OPC: Final = "63bfa50ee6523365ff14c1f45f88737d"
_COLOURS: Final = {"epc": "magenta", "enb": "cyan", "air": "blue"}


class DemoError(RuntimeError):
    """What went wrong, in a line."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What is shown.

    Attributes:
        n_prb: bandwidth.
        n_ues: phones.
        channel: between eNB and phones; None for a wire, which only one phone can have.
        snr_db: with a channel.
        seconds: of TCP each way.
        standard_rate: standard sample rates, not the shortened ones.
        ip: ``tun``, ``host`` or ``auto``.
        radio: ``zmq``, ``shm``, or ``soapy`` for a pair of devices in real time.
        tcp_mbps: that each TCP connection sends at most, with TUN devices; None for as much as goes.

    Raises:
        ValueError: a value that is not allowed.
    """

    n_prb: int = 25
    n_ues: int = 1
    channel: str | None = None
    snr_db: float = 30.0
    seconds: float = 3.0
    standard_rate: bool = False
    ip: str = "auto"
    radio: str = "zmq"
    tcp_mbps: float | None = None

    def __post_init__(self) -> None:
        if self.n_prb not in BANDWIDTHS:
            raise ValueError(f"--prb {self.n_prb}: use one of {', '.join(map(str, BANDWIDTHS))}")
        if self.channel is not None:
            check(self.channel)
        if not abs(self.snr_db) <= 100:
            raise ValueError(f"--snr {self.snr_db}: within -100..100 dB")
        if self.ip not in ("tun", "host", "auto"):
            raise ValueError(f"--ip {self.ip}: use tun, host or auto")
        if self.radio not in ("zmq", "shm", "soapy"):
            raise ValueError(f"--radio {self.radio}: use zmq, shm or soapy")
        if self.radio == "soapy" and self.over_the_air:
            raise ValueError("--radio soapy: a pair of devices has one phone and no channel")
        if self.tcp_mbps is not None and not 0.01 <= self.tcp_mbps <= 30_000:
            raise ValueError(f"--tcp-mbps {self.tcp_mbps:g}: 0.01 to 30000")
        if self.tcp_mbps is not None and self.kind != "tun":
            raise ValueError("--tcp-mbps: only the kernel's TCP can be held back: needs --ip tun")

    @property
    def rate(self) -> int:
        """Samples per second."""
        return sample_rate(self.n_prb, shortened=not self.standard_rate)

    @property
    def over_the_air(self) -> bool:
        """Whether a process stands between eNB and phones."""
        return self.channel is not None or self.n_ues > 1

    @property
    def kind(self) -> str:
        """Kind of IP device that this user may have."""
        if self.ip != "auto":
            return self.ip
        return "tun" if os.geteuid() == 0 and Path("/dev/net/tun").exists() else "host"


class Demo:
    """One run of the demo.

    Args:
        options: what is shown.
        folder: for what the processes write.
        show: takes a program's name and a line of it.
        ends: signals that end it; they wait while a process is started.
    """

    def __init__(
        self, options: DemoOptions, folder: Path, show: Callable[[str, str], None], ends: Ends | None = None
    ) -> None:
        self._ends = ends or Ends()
        self._options, self._folder, self._show = options, folder, show
        self._programs: list[Program] = []
        self._helpers: list[subprocess.Popen[str]] = []
        self._tag = f"{os.getpid()}"
        self._ports = iter(free_ports(3 + 4 * options.n_ues + 2))

    def run(self) -> dict[str, Any]:
        """Everything from the start to the traffic; the figures.

        Raises:
            DemoError: a process ended, or there was no attach.
        """
        enb, ues = self._start()
        for number, ue in enumerate(ues):
            self._wait_for_line(ue, ATTACHED, ATTACH_S, f"phone {number + 1} did not attach")
        figures: dict[str, Any] = {"prb": self._options.n_prb, "ues": len(ues), "ip": self._options.kind}
        figures["attach_s"] = [round(_attached(ue), 3) for ue in ues]
        if self._options.kind == "tun":
            figures["idle"] = self._measure(enb, ues, lambda: time.sleep(IDLE_S))
            results: list[dict[str, Any]] = []
            figures["traffic"] = self._measure(enb, ues, lambda: results.extend(self._kernel_traffic()))
        else:
            figures["traffic"] = self._measure(enb, ues, lambda: self._wait_for_results(ues))
            results = [json.loads(found[1]) for ue in ues if (found := ue.find('"ping_sent"')) is not None]
            figures["idle"] = self._measure(enb, ues, lambda: time.sleep(IDLE_S))
        figures["phones"] = results
        if self._options.radio == "soapy":
            figures["real_time"] = {program.name: self._real_time(program) for program in (enb, *ues)}
        return figures

    def stop(self) -> dict[str, int | None]:
        """End all processes, the phones first; exit codes."""
        for helper in self._helpers:
            helper.kill()
            helper.wait()
        codes = {}
        for program in sorted(self._programs, key=lambda p: ("ue" not in p.name, p.name == "epc", p.name == "air")):
            codes[program.name] = program.stop()
        return codes

    # inside

    def _start(self) -> tuple[Program, list[Program]]:
        options, rate = self._options, f"base_srate={self._options.rate}"
        s1, gtpu_core, gtpu_enb = next(self._ports), next(self._ports), next(self._ports)
        sctp_core, sctp_enb = next(self._ports), next(self._ports)
        sims = [f"{{imsi: '00101012345{6780 + i:04d}', k: '{_K}', opc: '{_OPC}'}}" for i in range(options.n_ues)]
        core = ["--mme.port", s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", sctp_core]
        core += ["--sgw.port", gtpu_core, "--sgw.peer-port", gtpu_enb, "--ip.kind", options.kind]
        core += ["--hss.database", ":memory:", "--hss.subscribers", f"[{', '.join(sims)}]"]
        if options.radio == "soapy":
            core += ["--process.priority", str(_CORE_PRIORITY)]
        if options.kind == "tun":
            core += ["--ip.name", "tun_sgi", "--ip.netns", self._netns("sgi")]
        self._spawn("epc", ["epc", *map(str, core)])
        if options.kind == "tun":
            self._serve()
        pairs = [(next(self._ports), next(self._ports)) for _ in range(options.n_ues)]
        if options.over_the_air:
            a, b = next(self._ports), next(self._ports)
            enb_args = f"{self._wire(a, b)},{rate},id=enb"
            self._air(f"{self._wire(b, a)},{rate},id=cell1", pairs, rate)
        else:
            a, b = pairs[0]
            enb_args = self._device("a") or f"{self._wire(b, a)},{rate},id=enb"
        words = ["--enb.n-prb", options.n_prb, "--radio.args", enb_args, "--console.table", "true"]
        words += ["--radio.sample-rate", "standard" if options.standard_rate else "shortened", *self._cpus(0)]
        words += ["--mme.port", s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", sctp_enb]
        words += ["--mme.sctp.peer-udp-port", sctp_core, "--gtpu.port", gtpu_enb, "--gtpu.peer-port", gtpu_core]
        enb = self._spawn("enb", ["enb", *map(str, words), *self._metrics("enb")])
        phone = self._device("b")
        wires = [f"{phone or self._wire(a, b)},{rate},id=ue{i}" for i, (a, b) in enumerate(pairs, 1)]
        ues = [self._ue(i, wire) for i, wire in enumerate(wires)]
        return enb, ues

    def _device(self, end: str) -> str | None:
        """Arguments of one end of a pair of devices; None where there is none."""
        if self._options.radio != "soapy":
            return None
        return f"driver=soapy,device=picopair,name=demo-{self._tag},end={end}"

    def _cpus(self, half: int) -> list[str]:
        """In real time eNB and phone each have half of the CPUs: neither has to wait for the other's threads."""
        cpus = sorted(os.sched_getaffinity(0)) if self._options.radio == "soapy" else []
        middle = len(cpus) // 2
        return ["--radio.cpus", str((cpus[middle:], cpus[:middle])[half == 0])] if middle else []

    def _wire(self, tx: int, rx: int) -> str:
        """Device arguments of one end; a number names a direction."""
        if self._options.radio == "shm":
            return f"tx_shm=demo-{self._tag}-{tx},rx_shm=demo-{self._tag}-{rx}"
        return f"tx_port=tcp://127.0.0.1:{tx},rx_port=tcp://127.0.0.1:{rx}"

    def _ue(self, number: int, args: str) -> Program:
        name = f"ue{number + 1}"
        words = ["--usim.imsi", f"00101012345{6780 + number:04d}", "--radio.args", args, *self._metrics(name)]
        words += self._cpus(1)
        if self._options.kind == "tun":
            words += ["--ip.kind", "tun", "--ip.name", "tun_ue", "--ip.netns", self._netns(name)]
            return self._spawn(name, ["ue", *words])
        traffic = ["--address", GATEWAY, "--seconds", str(self._options.seconds)]
        return self._spawn(name, ["-m", "picocell.demo_ue", *traffic, *words], module=True)

    def _air(self, enb: str, pairs: list[tuple[int, int]], rate: str) -> None:
        phones = [f"{{name: ue{i}, radio: '{self._wire(b, a)},{rate},id=ue{i}'}}" for i, (a, b) in enumerate(pairs, 1)]
        # nobody stops here who does not end, and a phone's search may take long on a machine with more to do
        words = ["--air.stall-s", 20, "--air.sample-rate", self._options.rate]
        words += ["--cells", f"[{{name: cell1, radio: '{enb}'}}]"]
        words += ["--phones", f"[{', '.join(phones)}]", "--control.endpoint", "null"]
        words += ["--defaults.channel", self._options.channel or "AWGN", "--defaults.snr-db", self._options.snr_db]
        self._spawn("air", ["-m", "picocell.air_cli", *map(str, words)], module=True)

    def _spawn(self, name: str, words: list[str], *, module: bool = False) -> Program:
        with self._ends.held():
            program = start(name, words if module else ["-m", "picocell", *words], self._show)
            self._programs.append(program)
        return program

    def _metrics(self, name: str) -> list[str]:
        return ["--metrics.file", str(self._folder / f"{name}.json"), "--metrics.period-ms", "100"]

    def _netns(self, name: str) -> str:
        return f"pico{self._tag}{name}"

    def _serve(self) -> None:
        """Servers behind the gateway, in the namespace that the core makes."""
        self._wait(lambda: Path(f"/run/netns/{self._netns('sgi')}").exists(), 20, "the core did not come up")
        words = ["serve", "--netns", self._netns("sgi"), "--address", GATEWAY, *self._pace()]
        deadline = time.monotonic() + 10
        while True:  # the address is there a little after the namespace
            helper = self._helper(words)
            assert helper.stdout is not None
            if helper.stdout.readline().strip() == "serving":
                self._helpers.append(helper)
                return
            helper.wait()
            if time.monotonic() > deadline:
                raise DemoError(f"no server could be started at {GATEWAY}")
            time.sleep(0.2)

    def _pace(self) -> list[str]:
        mbps = self._options.tcp_mbps
        return [] if mbps is None else ["--mbps", str(mbps)]

    def _helper(self, words: list[str]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "picocell.demo_traffic", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _kernel_traffic(self) -> list[dict[str, Any]]:
        """Every phone's traffic, all at once."""
        running = []
        for number in range(self._options.n_ues):
            words = ["run", "--netns", self._netns(f"ue{number + 1}"), "--address", GATEWAY, *self._pace()]
            running.append(self._helper([*words, "--seconds", str(self._options.seconds)]))
        found = []
        for helper in running:
            out, said = helper.communicate(timeout=120 + 2 * self._options.seconds)
            if helper.returncode != 0 or not out.strip():
                raise DemoError(f"a phone's traffic failed: {(said.strip().splitlines() or ['no word why'])[-1]}")
            found.append(json.loads(out))
        return found

    def _wait_for_results(self, ues: list[Program]) -> None:
        limit = 120 + 2 * self._options.seconds
        for ue in ues:
            self._wait_for_line(ue, '"dl_mbps"', limit, f"{ue.name}: no traffic")

    def _measure(self, enb: Program, ues: list[Program], work: Callable[[], object]) -> dict[str, Any]:
        """Subframes a second, and each process's processor time a subframe, while something goes on."""
        start, before = time.monotonic(), self._subframes(enb)
        cpu = {program.name: program.cpu_s for program in self._programs}
        work()
        time.sleep(0.15)  # the last line of the metrics
        seconds, subframes = time.monotonic() - start, self._subframes(enb) - before
        used = {p.name: 1e6 * (p.cpu_s - cpu[p.name]) / max(subframes, 1) for p in self._programs}
        del ues
        return {
            "subframes_per_s": round(subframes / seconds, 1),
            "cpu_us_per_subframe": {name: round(value, 1) for name, value in used.items()},
        }

    def _real_time(self, program: Program) -> dict[str, Any]:
        """What was late so far, and how long the stages of a subframe took."""
        row = json.loads((self._folder / f"{program.name}.json").read_text().splitlines()[-1])
        return {key: row[key] for key in ("subframes", "radio", "latency")}

    def _subframes(self, program: Program) -> int:
        lines = (self._folder / f"{program.name}.json").read_text().splitlines()
        return int(json.loads(lines[-1])["subframes"]) if lines else 0

    def _wait_for_line(self, program: Program, text: str, seconds: float, what: str) -> None:
        self._wait(lambda: program.find(text) is not None, seconds, what)

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for program in self._programs:
                if program.process.poll() is not None:
                    raise DemoError(f"{program.name} ended with exit code {program.process.returncode}")
            if time.monotonic() > deadline:
                raise DemoError(f"{what} within {seconds:.0f} s")
            time.sleep(0.02)


def run(options: DemoOptions, *, as_json: bool = False) -> int:
    """Run the demo; the exit code: 0 if every phone attached, was answered, and moved data, and all ended cleanly."""
    console = Console(stderr=as_json)
    is_stopped = threading.Event()

    def show(name: str, line: str) -> None:
        if line.startswith('{"ping_sent"') or is_stopped.is_set():
            return
        with suppress(OSError, SystemExit):  # nobody reads any more; the processes' lines are to be taken all the same
            console.print(f"[{_COLOURS.get(name, 'green')}]{name:>4}[/] ", end="")
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    where = {"tun": "TUN devices in network namespaces", "host": "hosts inside the processes"}[options.kind]
    console.print(f"Core, eNB and {options.n_ues} phone(s), {options.n_prb} PRB, IP through {where}")
    if options.radio == "soapy" and PAIR.is_dir():
        os.environ.setdefault("SOAPY_SDR_PLUGIN_PATH", str(PAIR.resolve()))
    error: str | None = None
    figures: dict[str, Any] = {}
    ends = Ends()
    ends.take()
    with tempfile.TemporaryDirectory(prefix="picocell-") as folder:
        demo = Demo(options, Path(folder), show, ends)
        try:
            figures = demo.run()
        except (DemoError, subprocess.TimeoutExpired, OSError, ValueError) as failure:
            error = str(failure)
        except KeyboardInterrupt:
            error = "stopped"
            is_stopped.set()
        ends.ignore()
        codes = demo.stop()
    figures["exit_codes"] = codes
    if error is not None:
        console.print(f"[red]The demo failed: {error}[/]")
        return 1
    if as_json:
        print(json.dumps(figures))
    else:
        console.print(report(figures))
    return 0 if _is_good(figures) else 1


def report(figures: dict[str, Any]) -> Table:
    """The figures for people."""
    table = Table(title=f"{figures['prb']} PRB, {figures['ues']} phone(s)", box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("start of the phone to its IP address", f"{fmean(figures['attach_s']):.2f} s")
    for number, phone in enumerate(figures["phones"]):
        name = f"phone {number + 1}: " if figures["ues"] > 1 else ""
        rtt = "–" if phone["rtt_ms"] is None else f"{phone['rtt_ms']:.1f} ms"
        table.add_row(f"{name}ping", f"{phone['ping_received']} of {phone['ping_sent']} answered, {rtt}")
        table.add_row(f"{name}TCP down / up", f"{phone['dl_mbps']:.1f} / {phone['ul_mbps']:.1f} Mb/s")
    for state in ("idle", "traffic"):
        row = figures[state]
        cpu = ", ".join(f"{name} {value:.0f}" for name, value in row["cpu_us_per_subframe"].items())
        table.add_row(f"{state}: subframes a second", f"{row['subframes_per_s']:.0f}")
        table.add_row(f"{state}: CPU µs a subframe", cpu)
    for name, row in figures.get("real_time", {}).items():
        table.add_row(f"{name}: late or lost", _late(row))
    codes = ", ".join(f"{name} {code}" for name, code in figures["exit_codes"].items())
    table.add_row("exit codes", codes)
    return table


def _late(row: dict[str, Any]) -> str:
    """What a device counted, and how much time was left before a subframe's was over."""
    radio, margin = row["radio"], row["latency"]["margin"]
    share = 100 * radio["late"] / max(row["subframes"], 1)
    return (
        f"{radio['late']} of {row['subframes']} subframes late ({share:.2f} %), {radio['underflow']} underflows, "
        f"{radio['overflow']} overflows, whole subframe at most {row['latency']['whole']['max_us']:.0f} µs, "
        f"margin {margin['p50_us']:.0f} µs"
    )


def _is_good(figures: dict[str, Any]) -> bool:
    answered = all(p["ping_received"] and p["dl_mbps"] and p["ul_mbps"] for p in figures["phones"])
    return bool(figures["phones"]) and answered and all(code == 0 for code in figures["exit_codes"].values())


def _attached(ue: Program) -> float:
    found = ue.find(ATTACHED)
    assert found is not None
    return found[0] - ue.started
