"""Link simulation: subframes sent, carried and received at the SNR of 10 % block errors, practical estimation.

The cases time blocks of 20 subframes. ``python -m benchmarks.bench_sims`` measures subframes a second of whole
campaigns in this process and with two workers.
"""

import time
from collections.abc import Callable

import numpy as np

from picocell.sims import Campaign, StoppingRule
from picocell.sims.downlink_link import DownlinkPoint
from picocell.sims.point import Point
from picocell.sims.registry import open_link
from picocell.sims.uplink_link import UplinkPoint

SUBFRAMES = 20
FEW, MANY = 1000, 11_000
POINTS: dict[str, Point] = {
    "dlsim AWGN 25 PRB MCS 9": DownlinkPoint(mcs=9, n_prb=25, snr_db=1.62),
    "dlsim AWGN 100 PRB MCS 28": DownlinkPoint(mcs=28, n_prb=100, snr_db=18.7),
    "dlsim EVA5 1x2 100 PRB MCS 16": DownlinkPoint(mcs=16, n_prb=100, n_rx=2, channel="EVA5", snr_db=7.0),
    "ulsim EPA5 1x2 25 PRB MCS 9": UplinkPoint(mcs=9, n_prb=25, n_rx=2, channel="EPA5", snr_db=4.5),
}
"""Near 10 % block errors of the first transmission."""


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and references in µs."""
    return [(f"{name}, {SUBFRAMES} subframes", _block(point), None) for name, point in POINTS.items()]


def _block(point: Point) -> Callable[[], object]:
    link = open_link(point)
    seeds = iter(range(1 << 62))
    return lambda: link.run_block(np.random.SeedSequence(next(seeds)), SUBFRAMES)


def _cost(point: Point, jobs: int) -> tuple[float, float, float]:
    """Wall and CPU seconds a subframe, without what the start costs, and the BLER."""
    costs = []
    for count in (FEW, MANY):
        campaign = Campaign([point], rule=StoppingRule(count, max_errors=0))
        wall, cpu = time.perf_counter(), time.process_time()
        result = campaign.run(jobs=jobs)[0]
        here = time.process_time() - cpu
        elsewhere = result.tally.counts.cpu_s if jobs > 1 else 0.0
        costs.append((result.tally.counts.transmissions, time.perf_counter() - wall, here + elsewhere))
    more = costs[1][0] - costs[0][0]
    return (costs[1][1] - costs[0][1]) / more, (costs[1][2] - costs[0][2]) / more, result.tally.bler() or 0.0


def main() -> None:
    """Subframes a second of campaigns, without the start of the workers; by CPU time where the machine is busy."""
    for name, point in POINTS.items():
        (wall, cpu, bler), (wall_2, cpu_2, _) = (_cost(point, jobs) for jobs in (1, 2))
        print(
            f"{name}: BLER {bler:.3f}, one process {1 / wall:.0f} subframes/s ({1 / cpu:.0f} by CPU time), "
            f"two workers {1 / wall_2:.0f} ({wall / wall_2:.2f} times; {2 * cpu / cpu_2:.2f} by CPU time)"
        )


if __name__ == "__main__":
    main()
