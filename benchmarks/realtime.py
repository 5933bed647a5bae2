"""A cell in real time, over a pair of SoapySDR devices: what is late, how long the stages take, what faults do.

python -m benchmarks.realtime --prb 6 25 50 --seconds 30 [--tcp-mbps 2] [--faults] [--json FILE]

What was late is counted twice: in all, and without the tenths of a second in which a thread of a higher priority that
does nothing but sleep woke a millisecond or more too late, because the machine itself had no time.

Needs `make radio`, and TUN devices (root). Every process runs on this machine: eNB, phone, core, and TCP's two ends.
"""

import argparse
import json
import mmap
import os
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.stalls import Stalls
from picocell import demo
from picocell.demo import Demo, DemoError, DemoOptions
from picocell.demo_programs import Program
from picocell.demo_traffic import enter, ping_once

FAULTS: Final = (
    # what, which of the four numbers of an end, and what to set it to: a number, or seconds from now
    ("overflow, 20 ms", 0, 0.02),
    ("overflow, 300 ms", 0, 0.3),
    ("5 blocks late", 1, 5),
    ("silence, 0.5 s", 2, 0.5),
    ("unplugged, 1 s", 3, 1.0),
)
ENDS: Final = {"enb": 0, "ue1": 1}
LIMIT_S: Final = 20.0
NEAR_S: Final = 0.1
"""A stall and what it makes late are so near to one another."""
SHOWN: Final = ("core", "decode", "mac", "encode", "radio", "whole")


class RealTimeDemo(Demo):
    """The demo, with what goes wrong after it.

    Args:
        faults: whether anything is to go wrong.
        more: of the demo.
    """

    def __init__(self, *more: Any, faults: bool = False) -> None:
        super().__init__(*more)
        self._wants_faults = faults

    def run(self) -> dict[str, Any]:
        """As of the demo, with what was late while the machine had time, and seconds to get over each fault."""
        stalls = Stalls(self._folder)
        try:
            figures = super().run()
        finally:
            found = stalls.stop()
        figures["stalls"] = {
            "n": len(found),
            "most_ms": round(1000 * max((late for _, late in found), default=0.0), 2),
            "over_3_ms": sum(late > 0.003 for _, late in found),
        } | {name: undisturbed(self._folder / f"{name}.json", [at for at, _ in found]) for name in ENDS}
        figures["faults"] = list(self._go_wrong()) if self._wants_faults else []
        return figures

    def _go_wrong(self) -> Iterator[dict[str, Any]]:
        programs = {program.name: program for program in self._programs}
        pings = Pings(self._netns("ue1"))
        memory = Path(f"/dev/shm/picopair-demo-{self._tag}")
        with memory.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as at:
            for end, index in ENDS.items():
                for what, number, amount in FAULTS:
                    time.sleep(2.0)
                    attached = _attaches(programs["ue1"])
                    value, lasts = self._value(number, amount)
                    struct.pack_into("<q", at, 8 * (4 * index + number), value)
                    began = time.monotonic()
                    over = began + lasts
                    back = _steady(self._folder / "enb.json", over)
                    reached = pings.wait(over + 0.02)
                    again = _attaches(programs["ue1"]) > attached
                    yield {"end": end, "fault": what, "cell_s": back, "ping_s": reached, "attached_again": again}
        pings.stop()

    def _value(self, number: int, amount: float) -> tuple[int, float]:
        """What is written, and seconds that the fault lasts."""
        if number == 0:
            return round(amount * self._options.rate), 0.0
        if number == 1:
            return int(amount), 0.0
        return time.monotonic_ns() + round(1e9 * amount), amount


class Pings:
    """Pings from the phone's namespace, one after the other.

    Args:
        netns: the phone's.
    """

    def __init__(self, netns: str) -> None:
        self._answered: list[tuple[float, float]] = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, args=(netns,), daemon=True)
        self._thread.start()

    def wait(self, since: float) -> float | None:
        """Seconds from a time to the first answer to a ping sent after it; None where there is none."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            for sent, came in self._answered[-50:]:
                if sent >= since:
                    return round(came - since, 3)
            time.sleep(0.02)
        return None

    def stop(self) -> None:
        """No more."""
        self._stop = True
        self._thread.join()

    def _run(self, netns: str) -> None:
        enter(netns)
        sequence = 0
        while not self._stop:
            sequence, sent = (sequence + 1) & 0x7FFF, time.monotonic()
            if ping_once(demo.GATEWAY, sequence, timeout=0.2) is not None:
                self._answered.append((sent, time.monotonic()))
            time.sleep(0.02)


def undisturbed(file: Path, stalls: list[float]) -> dict[str, int]:
    """TTIs, and those that were late, of the rows of metrics that no stall is near to."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = {"subframes": 0, "late": 0}
    for before, row in pairwise(rows):
        if any(before["time"] - NEAR_S <= at <= row["time"] + NEAR_S for at in stalls):
            continue
        found["subframes"] += row["subframes"] - before["subframes"]
        found["late"] += row["radio"]["late"] - before["radio"]["late"]
    return found


def _attaches(ue: Program) -> int:
    return sum(demo.ATTACHED in line for _, line in list(ue.lines))


def _steady(file: Path, over: float) -> float | None:
    """Seconds from the fault's end until the eNB was in time with all its subframes, for a quarter of a second."""
    last, since = None, over
    while time.monotonic() < over + LIMIT_S:
        rows = file.read_text().splitlines()
        row = json.loads(rows[-1])
        now = time.monotonic()
        counts = (row["radio"]["late"], row["radio"]["overflow"], row["lost_subframes"])
        if counts != last:
            last, since = counts, now
        elif now > over + 0.25 and now - since > 0.25:
            return round(max(since - over, 0.0), 2)
        time.sleep(0.02)
    return None


def measure(n_prb: int, seconds: float, *, faults: bool, tcp_mbps: float | None = None) -> dict[str, Any]:
    """One bandwidth; the figures.

    Raises:
        DemoError: a process ended, or there was no attach.
    """

    def show(name: str, line: str) -> None:
        print(f"{name:>4} {line}", file=sys.stderr)

    os.environ.setdefault("SOAPY_SDR_PLUGIN_PATH", str(demo.PAIR.resolve()))
    options = DemoOptions(n_prb=n_prb, seconds=seconds, radio="soapy", ip="tun", tcp_mbps=tcp_mbps)
    with tempfile.TemporaryDirectory(prefix="picocell-") as folder:
        run = RealTimeDemo(options, Path(folder), show, faults=faults)
        try:
            return run.run()
        finally:
            run.stop()


def tables(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| PRB | late TTIs of the eNB | phone | while the machine had time: eNB, phone | stalls: of 1 ms, 3 ms, most "
        "| TCP down / up, Mb/s | ping, ms | CPU eNB / phone / core, µs a TTI |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in found:
        shares = [_share(row["real_time"][name]) for name in ENDS]
        stalls = row["stalls"]
        quiet = [f"{part['late']} of {part['subframes']}" for part in (stalls[name] for name in ENDS)]
        phone, cpu = row["phones"][0], row["traffic"]["cpu_us_per_subframe"]
        lines.append(
            f"| {row['prb']} | {shares[0]} | {shares[1]} | {', '.join(quiet)} | "
            f"{stalls['n']}, {stalls['over_3_ms']}, {stalls['most_ms']:.1f} ms | "
            f"{phone['dl_mbps']:.1f} / {phone['ul_mbps']:.1f} | {phone['rtt_ms'] or 0:.0f} | "
            f"{cpu['enb']:.0f} / {cpu['ue1']:.0f} / {cpu['epc']:.0f} |"
        )
    lines += ["", "| PRB | stage of the eNB, µs | 50 % | 99 % | 99.9 % | most |", "|---|---|---|---|---|---|"]
    for row in found:
        latency = row["real_time"]["enb"]["latency"]
        for name in SHOWN:
            values = [f"{latency[name][key]:.0f}" for key in ("p50_us", "p99_us", "p99.9_us", "max_us")]
            lines.append(f"| {row['prb']} | {name} | {' | '.join(values)} |")
    faults = [(row["prb"], fault) for row in found for fault in row["faults"]]
    if faults:
        lines += [
            "",
            "| PRB | at | fault | cell back, s | ping answered, s | attached anew |",
            "|---|---|---|---|---|---|",
        ]
        for prb, fault in faults:
            again = "yes" if fault["attached_again"] else "no"
            lines.append(
                f"| {prb} | {fault['end']} | {fault['fault']} | {fault['cell_s']} | {fault['ping_s']} | {again} |"
            )
    return "\n".join(lines)


def _share(row: dict[str, Any]) -> str:
    late, lost = row["radio"]["late"], row["radio"]["overflow"]
    return f"{late} of {row['subframes']} ({100 * late / max(row['subframes'], 1):.3f} %), {lost} overflows"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prb", type=int, nargs="+", default=[6, 25, 50], choices=(6, 15, 25, 50, 75, 100))
    parser.add_argument("--seconds", type=float, default=30.0, help="of TCP each way")
    parser.add_argument("--tcp-mbps", type=float, help="that TCP sends at most; as much as goes if not given")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = []
    for n_prb in options.prb:
        try:
            found.append(measure(n_prb, options.seconds, faults=options.faults, tcp_mbps=options.tcp_mbps))
        except DemoError as error:
            print(f"{n_prb} PRB: {error}", file=sys.stderr)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(tables(found))
    sys.exit(0 if len(found) == len(options.prb) else 1)


if __name__ == "__main__":
    main()
