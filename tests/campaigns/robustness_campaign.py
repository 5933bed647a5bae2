"""Robustness of the whole network: ``python tests/campaigns/robustness_campaign.py [--cycles 200] [--mutations 2]``.

In a cell of 6 resource blocks with short timers: cycles of attach and detach; a phone killed at every message of its
attach, with and without coming back; storms of ten phones of which half are killed; and every message of attach,
service request, paging, tracking area update and detach, at every interface, lost, repeated, 3 s late and with a bit
turned. After each case every table of MME, SGW, PGW, eNB and UE has to be empty. The exit code says whether all were.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picocell.network import TimeoutInNetwork
from picocell.phone import PhoneError
from support.robust_network import (
    PROCEDURES,
    Bench,
    disturbed,
    kill_at,
    leave,
    prepare,
    prepare_fault,
    quick_network,
    record,
    short_timers,
    storm,
)

ACTIONS = ("drop", "repeat", "delay", "mutate")


class Tally:
    """Counts cases, and keeps a bench until a case spoils it."""

    def __init__(self, t3412_s: int = 3240) -> None:
        self.passed = self.failed = 0
        self._t3412_s = t3412_s
        self.bench = Bench.make(t3412_s=t3412_s)

    def run(self, name: str, case: Callable[[Bench], object]) -> None:
        """Run a case; one that fails gets a new network after it."""
        try:
            case(self.bench)
        except (AssertionError, TimeoutInNetwork, PhoneError) as error:
            self.failed += 1
            print(f"FAILED {name}: {error}", flush=True)
            self.bench = Bench.make(seed=self.failed, t3412_s=self._t3412_s)
        else:
            self.passed += 1


def cycles(n: int) -> bool:
    """Attach and detach ``n`` times."""
    bench, begin = Bench.make(), time.process_time()
    try:
        for _ in range(n):
            bench.phone.attach(5000)
            bench.phone.detach(5000)
        leave(bench)
    except (AssertionError, TimeoutInNetwork, PhoneError) as error:
        print(f"FAILED cycles: {error}")
        return False
    print(f"{n} cycles: tables empty, {time.process_time() - begin:.0f} s CPU, {bench.net.now} ms", flush=True)
    return True


def kills() -> int:
    """A phone killed at every message of its attach; how many cases failed."""
    failed = 0
    for again, tally in ((True, Tally()), (False, Tally(t3412_s=2))):
        steps = len(record(tally.bench, "attach"))
        for step in range(1, steps + 1):
            tally.run(f"kill at {step}, again {again}", partial(kill_at, step=step, again=again))
        print(f"kills, again {again}: {tally.passed} passed, {tally.failed} failed", flush=True)
        failed += tally.failed
    return failed


def storms() -> bool:
    """Ten phones, two rounds."""
    with quick_network() as net:
        try:
            storm(net, [net.phone(f"00101000000{i:04d}") for i in range(10)])
        except (AssertionError, TimeoutInNetwork) as error:
            print(f"FAILED storm: {error}")
            return False
    print("storms: tables empty", flush=True)
    return True


def faults(mutations: int) -> int:
    """Every message of every procedure, every fault; how many cases failed."""
    failed = 0
    for procedure in PROCEDURES:
        tally = Tally()
        messages = Counter(record(tally.bench, procedure))
        for action in ACTIONS:
            for kind, times in messages.items():
                for nth in range(1, times + 1):
                    for _ in range(mutations if action == "mutate" else 1):
                        name = f"{procedure}: {action} {kind} {nth}"
                        case = partial(_fault, procedure=procedure, action=action, kind=kind, nth=nth)
                        tally.run(name, case)
        print(f"{procedure}: {tally.passed} passed, {tally.failed} failed", flush=True)
        failed += tally.failed
    return failed


def _fault(bench: Bench, procedure: str, action: str, kind: str, nth: int) -> None:
    prepare(bench, procedure)
    prepare_fault(bench, action, kind, nth)
    disturbed(bench, procedure)


def main() -> int:
    """Exit code 0 when nothing was left in any case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200, help="attach and detach cycles (200)")
    parser.add_argument("--mutations", type=int, default=2, help="mutations of each message (2)")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with short_timers():
        good = cycles(arguments.cycles)
        failed = kills()
        good = storms() and good
        failed += faults(arguments.mutations)
    return 0 if good and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
