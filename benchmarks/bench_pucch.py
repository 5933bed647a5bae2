"""PUCCH of 20 UEs at 100 PRB and 2 antennas: ten HARQ-ACKs of one resource block, ten channel reports of another."""

from collections.abc import Callable

import numpy as np

from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig

CELL = Cell(pci=301, n_prb=100)
UL = UplinkConfig(n_prb=100, pucch=PucchConfig(delta_shift=2, n_rb_2=1))
SUBFRAME = 4


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names and calls; there is no reference."""
    rng = np.random.default_rng(1)
    shape = (2, UL.n_symb, UL.n_sc)
    noise = (rng.normal(size=(*shape, 2)) @ np.array([1, 1j]) * np.sqrt(0.05)).astype(np.complex64)
    received = noise.copy()
    users: list[tuple[str, int, tuple[int, ...], PucchRequest]] = []
    for i in range(10):
        users.append(("1a", i, (1,), PucchRequest(70 + i, n_pucch_ack=i, n_ack=1)))
        users.append(("2", i, (1, 0, 1, 1), PucchRequest(90 + i, n2_pucch=i, n_cqi=4)))
    for fmt, n, bits, request in users:
        grid = np.zeros(shape[1:], np.complex64)
        pucch.encode(CELL, UL, SUBFRAME, request.rnti, fmt, n, bits, grid)
        turn = np.exp(-2j * np.pi * 15e3 * rng.uniform(-3e-7, 3e-7) * np.arange(UL.n_sc) + 1j * rng.uniform(0, 6))
        received += (grid * turn).astype(np.complex64)
    requests = [request for *_, request in users]
    one = [PucchRequest(70, n_pucch_sr=0, n_pucch_ack=12, n_ack=1)]
    return [
        ("pucch encode 1a", lambda: pucch.encode(CELL, UL, SUBFRAME, 70, "1a", 5, (1,), grid), None),
        ("pucch encode 2", lambda: pucch.encode(CELL, UL, SUBFRAME, 70, "2", 5, (1, 0, 1, 1), grid), None),
        ("pucch receive 20 UEs", lambda: pucch.receive(CELL, UL, SUBFRAME, received, requests), None),
        ("pucch receive 20 silent UEs", lambda: pucch.receive(CELL, UL, SUBFRAME, noise, requests), None),
        ("pucch receive SR or ACK", lambda: pucch.receive(CELL, UL, SUBFRAME, received, one), None),
    ]
