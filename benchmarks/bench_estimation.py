"""Channel estimation of a subframe, equalisation of 15000 resource elements, and a PBCH attempt."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import equalise
from picocell.phy.lte import crs, pbch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.estimation import Estimator
from picocell.phy.lte.pbch import PbchDecoder

N_RE = 15000
N_GRID = 14 * 1200


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    rng = np.random.default_rng(1)
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for n_prb, n_ports, n_rx in ((6, 1, 1), (50, 2, 2), (100, 1, 1), (100, 2, 2)):
        cell = Cell(7, n_prb, n_ports)
        sent = np.zeros((n_ports, cell.n_symb, cell.n_sc), np.complex64)
        crs.map(cell, 0, sent)
        grid = (
            np.repeat(sent.sum(axis=0, keepdims=True), n_rx, axis=0) + _normal(rng, n_rx, cell.n_symb, cell.n_sc) / 10
        )
        name = f"estimate {n_prb} PRB {n_ports} ports {n_rx} rx"
        found.append((name, partial(Estimator(cell).estimate, 0, grid.astype(np.complex64)), None))
    index = np.sort(rng.permutation(N_GRID)[:N_RE]).astype(np.int32)
    y, h = _normal(rng, 1, N_GRID), _normal(rng, 1, 4, N_GRID)
    two = np.ascontiguousarray(h[:, :2])
    found += [
        ("equalise 15000 RE 1 port", partial(equalise.siso, y, h[:, 0], index, 0.1), None),
        ("equalise 15000 RE 2 ports", partial(equalise.sfbc2, y, two, index, 0.1), None),
        ("equalise 15000 RE 4 ports", partial(equalise.sfbc4, y, h, index, 0.1), None),
    ]
    grid = _normal(rng, 1, 14, pbch.N_SC)
    found.append(("PBCH attempt, up to four frames", partial(PbchDecoder(7, CyclicPrefix.NORMAL).decode, grid), None))
    return found


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.complex64]:
    return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)
