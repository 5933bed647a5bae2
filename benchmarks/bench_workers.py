"""Uplink subframes with threads that help: wall time with 0 and 1 workers.

CPU time, which ``python -m benchmarks`` shows, does not fall by it. ``python -m benchmarks.bench_workers`` prints wall
times of a subframe every millisecond, this thread on one core and the worker on another. With ``--priority 1`` both
have real-time priority: without it, a busy machine lets the worker wait in the middle of a job.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.tbs import tbs
from picocell.phy.lte.ul_grant import PuschGrant, mcs
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PrachConfig, PucchConfig, PuschConfig, UplinkConfig
from picocell.phy.workers import Workers

Case = tuple[str, Callable[[], object], float | None]

TTI, PRACH_TTI = 2, 1
MCS = 24
GOOD_DB, POOR_DB = 30.0, 9.0
"""One turbo iteration, and all eight for nothing."""

PERIOD_S = 0.001
ROUNDS = 250


class Scene(NamedTuple):
    """A subframe's contents, beside four PUCCHs.

    Attributes:
        n_prb: resource blocks of the cell.
        widths: resource blocks of each UE's PUSCH.
        prach: whether a preamble may come, and comes.
        n_rx: antennas.
        snr_db: of a resource element.
    """

    n_prb: int
    widths: tuple[int, ...]
    prach: bool
    n_rx: int
    snr_db: float

    def __str__(self) -> str:
        iterations = "1 iteration" if self.snr_db == GOOD_DB else "8 iterations"
        widths = "+".join(map(str, self.widths))
        return f"{self.n_prb} PRB, {self.n_rx} RX, PUSCH {widths} ({iterations}), 4 PUCCH{', PRACH' * self.prach}"


SCENES = [
    Scene(n_prb, widths, prach, n_rx, snr_db)
    for n_prb, widths, prach, n_rx in (
        (100, (24, 24, 24, 16), False, 1),
        (100, (24, 24, 24, 16), True, 1),
        (100, (24, 24, 24, 16), True, 2),
        (100, (45, 45), True, 1),
        (100, (45, 45), True, 2),
        (100, (90,), False, 1),
        (100, (90,), True, 2),
        (50, (40,), False, 1),
        (25, (4, 4, 4, 3), True, 1),
    )
    for snr_db in (GOOD_DB, POOR_DB)
]


def cases() -> list[Case]:
    """Names and calls; there is no reference."""
    none, one = Workers(0), Workers(1)
    found: list[Case] = [(f"4 empty jobs, {w.n} workers", partial(w.run, [_nothing] * 4), None) for w in (none, one)]
    for scene in SCENES[:2]:
        found += [(f"{scene}, {w.n} workers", _received(scene, w), None) for w in (none, one)]
    return found


def _nothing() -> None:
    pass


def _received(scene: Scene, workers: Workers) -> Callable[[], object]:
    """What receives the subframe."""
    cell = Cell(1, scene.n_prb)
    ul = UplinkConfig(
        scene.n_prb,
        prach=PrachConfig(config_index=3, freq_offset=scene.n_prb - 8),
        pucch=PucchConfig(n_rb_2=1, n1_pucch_an=12),
        pusch=PuschConfig(enable_64qam=True),
    )
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul, workers=workers)
    rng = np.random.default_rng(1)
    tti = PRACH_TTI if scene.prach else TTI
    q_m, i_tbs = mcs(MCS, allow_64qam=True)
    samples = np.zeros((1, max(sender.samples_per_subframe, receiver.prach_samples)), np.complex64)
    data = samples[:, : sender.samples_per_subframe]
    shared, controls, at = [], [], 2
    for ue, width in enumerate(scene.widths):
        grant = PuschGrant(61 + ue, (at, at), width, q_m, tbs(i_tbs, width))
        at += width
        data += sender.subframe(tti, PuschTransmission(grant, rng.bytes(grant.tbs // 8)))
        shared.append(UlschPdu(grant, ue))
    for ue in range(4):
        data += sender.subframe(tti, PucchTransmission(100 + ue, "1a", 12 + 2 * ue, (1,)))
        controls.append(UciPdu(PucchRequest(100 + ue, n_pucch_ack=12 + 2 * ue, n_ack=1), ue))
    if scene.prach:
        preamble = sender.preamble(17)
        samples[0, : preamble.size] += 0.3 * preamble
    # what two antennas have together is what one has
    scale = np.sqrt(0.5 * scene.n_rx * 10 ** (-scene.snr_db / 10))
    noise = rng.standard_normal((2, scene.n_rx, samples.shape[1])) * scale
    samples = samples + (noise[0] + 1j * noise[1]).astype(np.complex64)
    request = UlConfigRequest(tti, tuple(shared), tuple(controls))
    heard = receiver.receive(request, samples)
    if any(pdu.crc_ok != (scene.snr_db == GOOD_DB) for pdu in heard.crc) or len(heard.rach) != scene.prach:
        raise RuntimeError(f"{scene} was received as {heard.crc} {heard.rach}")
    return partial(receiver.receive, request, samples)


def main() -> None:
    """Print quantiles of wall times, with and without a worker in turns, and how busy the machine was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_workers", description="Wall time of subframes.")
    parser.add_argument("--priority", type=int, default=0, help="real-time priority, 1..99; 0: none")
    priority = parser.parse_args().priority
    if priority:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    cpus = sorted(os.sched_getaffinity(0))
    before = os.getloadavg()[0]
    os.sched_setaffinity(0, cpus[:1])
    with Workers(0) as none, Workers(1, on_start=lambda _: os.sched_setaffinity(0, cpus[-1:])) as one:
        print(f"{'us that 10, 50 and 90 of 100 do not exceed':72}")
        _show("until another thread begins a job", [_begun(none), _begun(one)])
        for scene in SCENES:
            _show(str(scene), [_timed(_received(scene, workers)) for workers in (none, one)])
    print(f"{len(cpus)} cores, priority {priority}, load {before:.1f} before, {os.getloadavg()[0]:.1f} after")


def _timed(call: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return seconds


def _begun(workers: Workers) -> Callable[[], float]:
    """Time until another thread is at a job, while the calling one is at a long one."""

    def busy() -> float:
        time.sleep(PERIOD_S)
        return 0.0

    def seconds() -> float:
        start = time.perf_counter()
        return workers.run([busy, time.perf_counter])[1] - start

    return seconds


def _show(name: str, calls: Sequence[Callable[[], float]]) -> None:
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            time.sleep(PERIOD_S)
            taken.append(1e6 * call())
    shown = [" ".join(f"{np.quantile(taken, q):5.0f}" for q in (0.1, 0.5, 0.9)) for taken in times]
    print(f"{name:72} {'   '.join(f'{text} with {n} workers' for n, text in enumerate(shown))}", flush=True)


if __name__ == "__main__":
    main()
