"""Spatial multiplexing of a 10 MHz subframe, 6,600 resource elements: detection, precoding, and the choice of a PMI."""

from collections.abc import Callable
from functools import partial

import numpy as np

from picocell.kernels import gold, mimo, modem
from picocell.phy.lte import pmi
from picocell.phy.lte.codebook import codebook, large_delay_cdd
from picocell.phy.lte.estimation import ChannelEstimate

N_RE, N_SYMB, N_SC = 6600, 14, 600
NAMES = {2: "QPSK", 4: "16QAM", 6: "64QAM"}


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> np.ndarray:
        return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)

    found: list[tuple[str, Callable[[], object], float | None]] = []
    n_grid = N_SYMB * N_SC
    index = np.sort(rng.permutation(n_grid)[:N_RE]).astype(np.int32)
    for n_ports, n_layers, n_rx in ((2, 1, 2), (2, 2, 2), (4, 2, 2), (4, 3, 4), (4, 4, 4)):
        y, h = normal(n_rx, n_grid), normal(n_rx, n_ports, n_grid)
        w = large_delay_cdd(n_ports, n_layers) if n_layers > 1 else codebook(n_ports, 1)[:1]
        name = f"{n_ports}x{n_rx}, {n_layers} layer{'s' if n_layers > 1 else ''}"
        found.append((f"mimo mmse {name}", partial(mimo.mmse, y, h, index, w, 0.1), None))
        x, grid = normal(n_layers, N_RE), np.zeros((n_ports, N_SYMB, N_SC), np.complex64)
        found.append((f"mimo precode {name}", partial(mimo.precode, x, w, index, grid), None))
    y, h, w = normal(2, n_grid), normal(2, 2, n_grid), large_delay_cdd(2, 2)
    for q_m, name in NAMES.items():
        words = [gold.packed(q, N_RE * q_m) for q in (1, 2)]
        found.append(
            (f"mimo joint 2x2 {name}", partial(mimo.joint, y, h, index, w, 0.1, (q_m, q_m), None, words), None)
        )

        def linear(q_m: int = q_m, words: list[np.ndarray] = words) -> list[np.ndarray]:
            x, var = mimo.mmse(y, h, index, w, 0.1)
            return [modem.demodulate(a, b, q_m, c) for a, b, c in zip(x, var, words, strict=True)]

        found.append((f"mimo mmse and modem 2x2 {name}", linear, None))
    for n_ports in (2, 4):
        channel = ChannelEstimate(normal(2, n_ports, N_SYMB, N_SC), 0.1, 1.0, 1.0, 10.0)
        for rank in (1, 2):
            found.append((f"PMI of {n_ports} ports, rank {rank}", partial(pmi.report, channel, ranks=(rank,)), None))
    return found
