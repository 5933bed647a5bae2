"""Kills and stalls of processes: ``python tests/campaigns/processes_campaign.py [--rounds 50] [--stall 90]``.

Each round kills a process (SIGKILL) at a random time, starts it anew after a random while, and waits until the phone's
pings are answered. A third of the rounds kills the phone, a third the eNB, a third the core, so that each of them
survives two thirds of the rounds in a row; then there are some in random order. After each round the survivors have to
have as many descriptors, threads and table entries as before, and after the rounds of one kind hardly more memory.
Then each process stands still (SIGSTOP) for a while in turn. The exit code says whether all came back in time and all
was level. It needs some 4 s a round and the time of three stalls.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.network_processes import NAMES, NetworkProcesses

LEVEL_S = 40.0
"""How long tables may take to be level: the longest wait is for the association of an eNB that was killed."""
WARM = 3
"""Rounds after which memory has to be level."""
MOST_KB_A_ROUND = 150
"""Caches of what belongs to an RNTI fill with each new one: an eNB's by 130 kB a round at first and 35 kB after 30."""


def settled(network: NetworkProcesses, wanted: dict[str, int] | None) -> dict[str, int]:
    """Sizes of the tables, once they are as wanted or have had the time for it."""
    deadline = time.monotonic() + LEVEL_S
    while (found := _lasting(network)) != wanted and wanted is not None and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _lasting(network: NetworkProcesses) -> dict[str, int]:
    """Tables without those of messages on the way and of waits for their answers."""
    passing = ("outgoing", "events", "guards", "requests", "procedures", "pages", "paging", "waiting", "buffered")
    return {
        name: size
        for name, size in network.tables().items()
        if not any(word in name for word in passing) and name != "epc HSS answered"
    }


class Campaign:
    """Rounds on one network; what was wrong is in ``faults``."""

    def __init__(self, network: NetworkProcesses, limit_s: float, rng: random.Random) -> None:
        self._network, self._limit, self._rng = network, limit_s, rng
        self.faults: list[str] = []
        self.back: dict[str, list[float]] = {}

    def kill(self, name: str, wanted: dict[str, int]) -> None:
        """One round."""
        network = self._network
        survivors = [other for other in NAMES if other != name]
        before = {other: network.programs[other].resources() for other in survivors}
        time.sleep(self._rng.uniform(0, 1))
        network.programs[name].kill()
        time.sleep(self._rng.choice((0.0, 0.3, 1.0, 3.0, 8.0)))
        network.start(name)
        self._wait(f"kill {name}")
        found = settled(network, wanted)
        if found != wanted:
            different = {key: (wanted.get(key), found.get(key)) for key in wanted | found}
            self._fault(f"kill {name}: tables { ({k: v for k, v in different.items() if v[0] != v[1]}) }")
        for other in survivors:
            after = network.programs[other].resources()
            for what in ("fds", "threads"):
                if after[what] != before[other][what]:
                    self._fault(f"kill {name}: {what} of {other} from {before[other][what]} to {after[what]}")

    def phase(self, name: str, rounds: int, wanted: dict[str, int]) -> None:
        """Rounds of one kind: memory of the survivors."""
        memory: dict[str, list[int]] = {other: [] for other in NAMES if other != name}
        for _ in range(rounds):
            self.kill(name, wanted)
            for other, found in memory.items():
                found.append(self._network.programs[other].resources()["rss_kb"])
        for other, found in memory.items():
            print(f"  memory of {other} while {name} is killed, kB: {found}", flush=True)
            growth = (found[-1] - found[WARM]) / max(len(found) - 1 - WARM, 1) if len(found) > WARM else 0
            if growth > MOST_KB_A_ROUND:
                self._fault(f"memory of {other} grows by {growth:.0f} kB a round while {name} is killed")

    def stall(self, name: str, seconds: float, wanted: dict[str, int]) -> None:
        """A process stands still."""
        program = self._network.programs[name]
        program.send(signal.SIGSTOP)
        time.sleep(seconds)
        program.send(signal.SIGCONT)
        self._wait(f"stall {name}")
        if (found := settled(self._network, wanted)) != wanted:
            self._fault(f"stall {name}: tables {sorted(set(found.items()) ^ set(wanted.items()))}")

    def _wait(self, what: str) -> None:
        start = time.monotonic()
        seconds = self._network.wait_for_answer(start, 120.0)
        self.back.setdefault(what, []).append(round(seconds, 2))
        print(f"{what}: the phone is back after {seconds:.2f} s", flush=True)
        if seconds > self._limit:
            self._fault(f"{what}: {seconds:.1f} s are more than {self._limit:g} s")

    def _fault(self, text: str) -> None:
        print(f"  FAULT {text}", flush=True)
        self.faults.append(text)


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--random", type=int, default=10, help="further rounds in random order")
    parser.add_argument("--stall", type=float, default=90.0, help="seconds; 0 for none")
    parser.add_argument("--limit", type=float, default=15.0, help="seconds from the start to the phone's return")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="where the processes write their logs")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="picocell-") as folder:
        home = options.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        levels = {name: ["--log.level", "info"] for name in NAMES}
        with NetworkProcesses(home, words=levels) as network:
            network.start_all()
            time.sleep(1)
            campaign, wanted = Campaign(network, options.limit, rng), settled(network, None)
            for number, name in enumerate(("ue", "enb", "epc")):
                campaign.phase(name, (options.rounds + 2 - number) // 3, wanted)
            for _ in range(options.random):
                campaign.kill(rng.choice(NAMES), wanted)
            for name in NAMES if options.stall else ():
                campaign.stall(name, options.stall, wanted)
            codes = {name: network.programs[name].stop() for name in ("ue", "enb", "epc")}
    for what, seconds in campaign.back.items():
        print(f"{what}: {len(seconds)} times, back after {min(seconds)} to {max(seconds)} s")
    print(f"exit codes {codes}; {len(campaign.faults)} faults")
    return 1 if campaign.faults or any(codes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
