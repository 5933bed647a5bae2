"""Four phones and two cells as processes at full bandwidth: ``python tests/campaigns/air_campaign.py [--prb 25]``.

First `picocell demo --ues 4` has to attach, ping, and move TCP each way in all phones at once. Then one of four phones
that move TCP walks out of the cell until its radio link fails, stays away for a while, and comes back, again and again;
the others have to be answered all the time. At last a phone walks between two cells, and has to be reachable in each,
from its own side and from the network's. How each round went is printed, and the exit code says whether all went well.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.air_processes import ATTACHED, AirProcesses

OUT_DB: Final = 60
HOW: Final = {ATTACHED: "attached", "Tracking area updated": "tracking area updated", "RRC Connected": "connected anew"}
"""Lines that tell how a phone came back, the strongest first."""


def demo(n_prb: int, channel: str, snr_db: float, seconds: float, ip: str) -> bool:
    """The demo with four phones; whether all of them were served."""
    words = ["demo", "--ues", "4", "--prb", n_prb, "--channel", channel, "--snr", snr_db, "--seconds", seconds]
    command = [sys.executable, "-m", "picocell", *map(str, words), "--ip", ip, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode or not result.stdout.strip():
        print(f"demo: exit code {result.returncode}\n{result.stderr[-2000:]}", flush=True)
        return False
    found = json.loads(result.stdout.splitlines()[-1])
    print(f"demo: attached after {found['attach_s']} s; {found['traffic']['subframes_per_s']} subframes/s", flush=True)
    for number, phone in enumerate(found["phones"], 1):
        answered = f"{phone['ping_received']} of {phone['ping_sent']} pings in {phone['rtt_ms']} ms"
        print(f"  phone {number}: {answered}, TCP {phone['dl_mbps']} down and {phone['ul_mbps']} Mb/s up", flush=True)
    return len(found["phones"]) == 4


def how(net: AirProcesses, name: str, since: float) -> str:
    """How a phone came back after it had lost its cell."""
    return next((words for text, words in HOW.items() if net.count(name, text, since)), "re-established")


def walks(net: AirProcesses, rounds: int, rng: random.Random) -> None:
    """A phone leaves the cell and returns."""
    net.start()
    net.wait_for_answers(*net.phones)
    net.signal(signal.SIGUSR2, *net.phones)
    net.wait_for(lambda: all(net.moved(name) for name in net.phones), "TCP does not begin")
    others = net.phones[1:]
    for number in range(1, rounds + 1):
        start, before = time.monotonic(), {name: net.moved(name) for name in net.phones}
        net.ramp(rng.uniform(0.2, 2), ue1_cell1=OUT_DB)
        failed = net.wait_for_line("ue1", "Radio link failure", start)
        away = rng.choice((0.0, 0.5, 3.0))
        time.sleep(away)
        net.wait_for_answers(*others)
        back = time.monotonic()
        net.ramp(0.3, ue1_cell1=0)
        net.wait_for_answers("ue1", since=back)
        took = net.answers("ue1", back)[0] - back
        net.wait_for(lambda before=before: all(net.moved(n) > before[n] for n in net.phones), "TCP stands still")  # type: ignore[misc]
        lost = [name for name in others if net.count(name, "Radio link failure", start)]
        assert not lost, f"{lost} lost the cell as well"
        print(
            f"walk {number}: radio link failure after {failed - start:.1f} s, {how(net, 'ue1', failed)} and answered"
            f" {took:.1f} s after the turn",
            flush=True,
        )


def crossings(net: AirProcesses, rounds: int, rng: random.Random) -> None:
    """A phone goes from cell to cell; another one, which stays, pings it."""
    net.start(phones=["ue1"])
    net.wait_for_answers("ue1")
    net.start_phone("ue2", net.ip("ue1"))
    net.wait_for_answers("ue2")
    here, there = 1, 2
    for number in range(1, rounds + 1):
        start = time.monotonic()
        net.ramp(rng.uniform(0.3, 3), **{f"ue1_cell{here}": OUT_DB, f"ue1_cell{there}": 0})
        found = net.wait_for_line("ue1", f"Found Cell: PCI={there}", start)
        net.wait_for_answers("ue1", since=found)
        net.wait_for_answers("ue2", since=found)
        took = max(net.answers(name, found)[0] for name in net.phones) - start
        print(
            f"crossing {number}: from cell {here} to {there}, {how(net, 'ue1', found)}, answered both ways {took:.1f} s"
            " after the start",
            flush=True,
        )
        here, there = there, here


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prb", type=int, default=25)
    parser.add_argument("--channel", default="EPA5")
    parser.add_argument("--snr", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=3.0, help="of TCP each way in the demo")
    parser.add_argument("--rounds", type=int, default=10, help="walks, and crossings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ip", default="auto", choices=("auto", "tun", "host"), help="IP devices of the demo")
    parser.add_argument("--home", type=Path, help="where the processes write their logs")
    options = parser.parse_args()
    rng, faults = random.Random(options.seed), 0
    faults += not demo(options.prb, options.channel, options.snr, options.seconds, options.ip)
    far = ["{phone: ue1, cell: cell2, loss_db: 60}", "{phone: ue2, cell: cell2, loss_db: 80}"]
    with tempfile.TemporaryDirectory(prefix="picocell-") as folder:
        for part, n_cells, n_phones, links in ((walks, 1, 4, []), (crossings, 2, 2, far)):
            home = (options.home or Path(folder)) / part.__name__
            home.mkdir(parents=True, exist_ok=True)
            snr = ["--defaults.snr-db", str(options.snr)]
            with AirProcesses(
                home, n_prb=options.prb, n_cells=n_cells, n_phones=n_phones, channel=options.channel, links=links,
                words={"air": snr},
            ) as net:  # fmt: skip
                try:
                    part(net, options.rounds, rng)
                except AssertionError as error:
                    print(f"FAULT {part.__name__}: {error}", flush=True)
                    faults += 1
                    continue
                codes = net.stop()
            faults += any(codes.values())
            print(f"exit codes {codes}", flush=True)
    print(f"{faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
