"""Random access: preambles made and looked for."""

from collections.abc import Callable

import numpy as np

from picocell.phy.lte import prach
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.prach_detect import PrachDetector
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Name, call, and microseconds to compare with."""
    rng = np.random.default_rng(1)

    def detection(n_prb: int, rate: int, n_rx: int, zero_correlation_zone: int) -> Callable[[], object]:
        ul = UplinkConfig(n_prb=n_prb, prach=PrachConfig(zero_correlation_zone=zero_correlation_zone))
        detector = PrachDetector(Cell(0), ul, rate)
        samples = rng.standard_normal((n_rx, rate // 1000)) + 1j * rng.standard_normal((n_rx, rate // 1000))
        samples[:, : detector.samples_needed] += prach.generate(ul, 43, rate)
        received = samples.astype(np.complex64)
        return lambda: detector.detect(received)

    ul = UplinkConfig(n_prb=100)
    return [
        # half a subframe of one core at most for a channel that comes once in ten
        ("prach detect 64 preambles, 6 PRB, 1 antenna", detection(6, 1_920_000, 1, 5), None),
        ("prach detect 64 preambles, 6 PRB, 2 antennas", detection(6, 1_920_000, 2, 5), None),
        ("prach detect 64 preambles, 100 PRB, 1 antenna", detection(100, 30_720_000, 1, 5), None),
        ("prach detect 64 preambles, 100 PRB, 2 antennas", detection(100, 30_720_000, 2, 5), None),
        ("prach detect 64 roots, 100 PRB, 1 antenna", detection(100, 30_720_000, 1, 0), None),
        ("prach generate, 100 PRB", lambda: prach.generate(ul, 43, 30_720_000), None),
    ]
