"""Who does what of an uplink subframe: its jobs, done by one thread or by several where that is sooner done.

The code blocks of a large transport block are decoded by several threads in one call of the kernel, which costs little.
Jobs side by side cost more: a PUSCH goes in and out of kernels, has to have the interpreter each time it comes out, and
sleeps while another thread has it. That makes easy subframes longer and those shorter that take longest, where no block
can be decoded and each takes all iterations. Deadlines are missed by the latter, so they decide.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.workers import Workers

# Times in µs, measured with AVX-512 at 2.6 GHz in a virtual machine of two cores, with one worker, a subframe every
# millisecond (benchmarks/bench_workers.py). With slower kernels there is more to gain than is thought here.
CALM_US: Final = 500.0
"""Jobs that one thread has done by then, at worst, are left to it: there is no need, and nearly no gain."""

WAKE_US: Final = 40.0
"""Until a thread that sleeps is at work."""

TURNS_US: Final = 90.0
"""What waiting for the interpreter adds to each job that is done side by side with others: 45 to 120, as the machine is
busy. So two threads are not sooner done with four PUSCHs of 24 resource blocks, but with one of 90 at two antennas and
a search for preambles: 860 instead of 1120."""

SPREAD_TBS: Final = 5 * 6120
"""Transport blocks of more bits, six code blocks, are spread: 15 to 50 µs are lost at one iteration, 40 to 100 won at
eight."""

_DECODE_US: Final = 0.0009  # a bit and iteration


class Job(NamedTuple):
    """Something to do in a subframe that needs none of the rest.

    Attributes:
        call: does it, with a decoder that nobody else uses meanwhile.
        us: time expected without decoding.
        tbs: bits of the transport block to be decoded, 0 if there is none.
        soft: soft bits that it changes.
    """

    call: Callable[[SchDecoder], Any]
    us: float
    tbs: int = 0
    soft: SoftBuffer | None = None


def pusch_us(n_prb: int, grid: NDArray[np.complex64]) -> float:
    """Time expected of a PUSCH without decoding."""
    return 40.0 + 0.45 * n_prb * (1 + len(grid))


def pucch_us(grid: NDArray[np.complex64]) -> float:
    """Time expected of the PUCCHs of some UEs."""
    return 45.0 + 10.0 * len(grid)


def preambles_us(samples: NDArray[np.complex64]) -> float:
    """Time expected of a search for preambles."""
    return 80.0 + 0.0065 * samples.size


class UplinkJobs:
    """Does the jobs of subframes.

    Args:
        max_iterations: of the turbo decoder.
        workers: threads that may help.
    """

    def __init__(self, max_iterations: int, workers: Workers | None) -> None:
        self._workers = workers if workers is not None and workers.n else None
        self._decoder = SchDecoder(max_iterations)
        self._bit_us = _DECODE_US * max_iterations
        if self._workers is not None:
            threads = self._workers.n + 1
            # The threads of a decoder have the CPUs and the priority of the thread that makes it.
            self._spreading = self._workers.apart(partial(SchDecoder, max_iterations, threads))
            # One for each thread that may be at a job, so that there is always one left.
            self._free = [SchDecoder(max_iterations) for _ in range(threads)]

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """What the jobs return, in their order.

        Raises:
            Exception: what a job raised; of several, that of any.
        """
        if self._workers is None:
            return [job.call(self._decoder) for job in jobs]
        if pays(jobs, self._workers.n + 1, self._bit_us) and _are_apart(jobs):
            order = sorted(
                range(len(jobs)), key=lambda i: -jobs[i].us - self._bit_us * jobs[i].tbs
            )  # the longest first
            found = self._workers.run([partial(self._with_free, jobs[i].call) for i in order])
            return [result for _, result in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]
        return [job.call(self._spreading if job.tbs > SPREAD_TBS else self._decoder) for job in jobs]

    def _with_free(self, call: Callable[[SchDecoder], Any]) -> Any:
        """Do a job with one of the free decoders."""
        decoder = self._free.pop()
        try:
            return call(decoder)
        finally:
            self._free.append(decoder)


def pays(jobs: Sequence[Job], threads: int, bit_us: float) -> bool:
    """Whether the jobs are sooner done side by side than one after the other with the large blocks spread.

    Args:
        jobs: those of a subframe.
        threads: how many there are, the calling one among them.
        bit_us: time that decoding takes at worst, for each bit of a transport block.
    """
    times = [us + bit_us * tbs for _, us, tbs, _ in jobs]
    alone = sum(times)
    if alone <= CALM_US:
        return False
    gains = [bit_us * job.tbs * (1 - 1 / threads) - WAKE_US for job in jobs if job.tbs > SPREAD_TBS]
    return max(max(times), alone / threads) + WAKE_US + TURNS_US * len(jobs) < alone - sum(gains)


def _are_apart(jobs: Sequence[Job]) -> bool:
    """Whether no two jobs have the same soft bits."""
    softs = [id(job.soft) for job in jobs if job.soft is not None]
    return len(set(softs)) == len(softs)
