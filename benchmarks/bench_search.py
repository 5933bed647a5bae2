"""Cell search and what feeds it."""

from collections.abc import Callable

import numpy as np

from picocell.phy.lte.cell import Cell
from picocell.phy.lte.search import CellSearch
from picocell.phy.lte.tracking import Tracker
from picocell.radio.channel.fading import FadingChannel
from picocell.radio.channel.impairments import SampleRateOffset
from picocell.radio.resample import Resampler

RATE = 1.92e6


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Name, call, and microseconds to compare with."""
    rng = np.random.default_rng(1)

    def noise(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)

    search = CellSearch()
    long, short, wide = noise(76_800), noise(9_600), noise(1, 307_200)
    subframe, two = noise(1, 1920), noise(2, 1920)
    pilots, symbols = noise(2, 4, 12), (0, 4, 7, 11)
    subcarriers = np.array([first + 6 * np.arange(12) for first in (0, 3, 0, 3)])
    tracker = Tracker(Cell(0), RATE, 0.0)
    fading, fading_2x2 = FadingChannel("EVA", 70.0, RATE, seed=1), FadingChannel("EVA", 70.0, RATE, 2, 2, seed=1)
    clock, down = SampleRateOffset(5.0), Resampler(30.72e6, RATE)
    return [
        # a scan that searches 40 ms in 150 ms keeps up with tuning
        ("search 40 ms", lambda: search.search(long), None),
        ("search 5 ms", lambda: search.search(short), None),
        ("track one subframe, 6 PRB, 2 antennas", lambda: tracker.update(pilots, symbols, subcarriers), None),
        ("fading EVA70 1x1, 1 ms at 1.92 Msps", lambda: fading.apply(subframe), None),
        ("fading EVA70 2x2, 1 ms at 1.92 Msps", lambda: fading_2x2.apply(two), None),
        ("sample rate offset, 1 ms at 1.92 Msps", lambda: clock.apply(subframe), None),
        ("resample 30.72 to 1.92 Msps, 10 ms", lambda: down.process(wide), None),
    ]
