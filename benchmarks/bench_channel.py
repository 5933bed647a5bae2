"""Channel models: samples through a fading channel, tap gains, and a resource grid through one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel.models import grid_channel, open_channel
from picocell.radio.channel.timing import DriftingDelay

Case = tuple[str, Callable[[], object], float | None]
RATES = (1.92e6, 3.84e6, 7.68e6, 15.36e6, 30.72e6)


def _noise(shape: tuple[int, ...]) -> NDArray[np.complex64]:
    rng = np.random.default_rng(0)
    return np.asarray(rng.standard_normal((*shape, 2), np.float32).view(np.complex64)[..., 0])


def _samples(name: str, rate: float, n_tx: int, n_rx: int, ms: int = 1) -> Case:
    """A millisecond of samples."""
    channel = open_channel(name, rate, n_tx, n_rx, seed=1)
    block = _noise((n_tx, round(rate * ms / 1000)))
    return f"channel {name}, {n_tx}x{n_rx}, {rate / 1e6:g} Msps, {ms} ms", lambda: channel.apply(block), None


def _resampled() -> Case:
    """A millisecond through two clocks that are apart."""
    delay, block = DriftingDelay(1e4, -5.0), _noise((1, 30720))
    return "channel drifting delay, 30.72 Msps, 1 ms", lambda: delay.apply(block), None


def _grid(name: str, n_prb: int, n_tx: int, n_rx: int) -> Case:
    """A subframe of resource elements."""
    frequencies = np.arange(-6 * n_prb, 6 * n_prb) * np.float64(15e3)
    channel = grid_channel(name, np.arange(14) / 14e3, frequencies, n_tx, n_rx, seed=1)
    grid = _noise((n_tx, 14, 12 * n_prb))
    time = 0.0

    def call() -> object:
        nonlocal time
        time += 1e-3
        return channel.apply_grid(grid, time)

    return f"channel grid {name}, {n_tx}x{n_rx}, {n_prb} PRB, subframe", call, None


def cases() -> list[Case]:
    """Cases: name, callable, reference in µs a call."""
    result = [_samples("ETU70", rate, 1, 2) for rate in RATES]
    result += [_samples(name, 30.72e6, 1, 2) for name in ("ETU5", "ETU300", "ETU2000", "EVA70", "EPA5")]
    result += [_samples(name, 1.92e6, 1, 1) for name in ("EPA5", "EVA70", "ETU300")]
    result += [_samples("ETU70", rate, 2, 2) for rate in RATES]
    result += [
        _samples("ETU300-medium", 30.72e6, 4, 4),
        _samples("HST1", 30.72e6, 1, 2),
        _samples("static", 30.72e6, 2, 2),
        _resampled(),
    ]
    result += [_grid("ETU70", n_prb, *antennas) for n_prb in (6, 100) for antennas in ((1, 2), (2, 2))]
    return result
