"""Transform precoding and channel estimation of the PUSCH."""

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.fft

from picocell.kernels.dft import Dft
from picocell.phy.lte import pusch_dmrs, ul_estimation
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.uplink_config import UplinkConfig


def _pusch(n_rx: int, n_prb: int) -> list[tuple[str, Callable[[], object], float | None]]:
    cell, ul = Cell(1, n_prb=100), UplinkConfig(n_prb=100)
    rng = np.random.default_rng(0)
    grid = (rng.normal(size=(n_rx, 14, 1200)) + 1j * rng.normal(size=(n_rx, 14, 1200))).astype(np.complex64)
    for slot, l in enumerate(pusch_dmrs.symbols(ul)):
        grid[:, l, : 12 * n_prb] += 3 * pusch_dmrs.sequence(cell, ul, 3, n_prb)[slot]
    estimate = ul_estimation.estimate_pusch(cell, ul, 3, grid, (0, 0), n_prb)
    data = pusch_dmrs.data_symbols(ul)

    def both() -> object:
        found = ul_estimation.estimate_pusch(cell, ul, 3, grid, (0, 0), n_prb)
        return ul_estimation.equalise_pusch(grid, found, data)

    name = f"{n_prb} PRB, {n_rx} rx"
    return [
        (f"pusch equalise and inverse DFT, {name}", lambda: ul_estimation.equalise_pusch(grid, estimate, data), None),
        (f"pusch estimate, equalise, inverse DFT, {name}", both, None),
    ]


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Cases: name, callable, reference in µs a call."""
    rng = np.random.default_rng(0)
    result: list[tuple[str, Callable[[], object], float | None]] = []
    for n in (12, 300, 1200):
        x = (rng.normal(size=(12, n)) + 1j * rng.normal(size=(12, n))).astype(np.complex64)
        dft, out = Dft(n), np.empty_like(x)
        result.append((f"dft, 12 symbols of {n}", partial(dft.forward, x, out), None))
        result.append((f"scipy fft, 12 symbols of {n}", partial(scipy.fft.fft, x, norm="ortho"), None))
    for n_rx, n_prb in ((1, 1), (1, 100), (4, 100)):
        result += _pusch(n_rx, n_prb)
    return result
