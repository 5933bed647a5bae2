"""Control region at 100 PRB and 2 ports: PCFICH, PHICH, PDCCH, transmit and receive."""

from collections.abc import Callable

import numpy as np

from picocell.phy.lte import dci, pcfich, pdcch, phich, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import ChannelEstimate

CELL = Cell(pci=301, n_prb=100, n_ports=2)
CFI = 3
SUBFRAME = 4
RNTI = 0x46
NOISE_VAR = 0.01


def _messages() -> list[pdcch.PdcchMessage]:
    """Ten messages of level 4 on CCEs 0..39, the first for the RNTI searched."""
    rng = np.random.default_rng(1)
    size = dci.size(CELL, "1A")
    rntis = [RNTI, *range(0x100, 0x109)]
    return [pdcch.PdcchMessage(rng.integers(0, 2, size, dtype=np.uint8), r, 4 * i, 4) for i, r in enumerate(rntis)]


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names and calls; there is no reference."""
    grid = np.zeros((CELL.n_ports, CELL.n_symb, CELL.n_sc), np.complex64)
    messages = _messages()
    places = [(group, sequence) for group in range(regs.n_phich_groups(CELL)) for sequence in range(2)]
    indicators = [phich.Phich(group, sequence, True) for group, sequence in places]
    pcfich.encode(CELL, SUBFRAME, CFI, grid)
    phich.encode(CELL, SUBFRAME, indicators, grid)
    pdcch.encode(CELL, SUBFRAME, CFI, messages, grid)
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(1, *grid.shape[1:], 2)) @ np.array([1, 1j]) * np.sqrt(NOISE_VAR / 2)
    received = (grid.sum(axis=0, keepdims=True) + noise).astype(np.complex64)
    channel = ChannelEstimate(np.ones((1, *grid.shape), np.complex64), NOISE_VAR, 1.0, 1.0, 20.0)
    control = pdcch.extract(CELL, SUBFRAME, CFI, received, channel)
    sizes = [dci.size(CELL, fmt) for fmt in ("1A", "1", "1C")]

    def blind() -> object:
        soft = pdcch.extract(CELL, SUBFRAME, CFI, received, channel)
        return pdcch.search_rnti(CELL, SUBFRAME, soft, RNTI)

    return [
        ("pcfich encode", lambda: pcfich.encode(CELL, SUBFRAME, CFI, grid), None),
        ("pcfich decode", lambda: pcfich.decode(CELL, SUBFRAME, received, channel), None),
        ("phich encode 26", lambda: phich.encode(CELL, SUBFRAME, indicators, grid), None),
        ("phich decode 26", lambda: phich.decode(CELL, SUBFRAME, received, channel, places), None),
        ("pdcch encode 10", lambda: pdcch.encode(CELL, SUBFRAME, CFI, messages, grid), None),
        ("pdcch extract 84 CCEs", lambda: pdcch.extract(CELL, SUBFRAME, CFI, received, channel), None),
        ("pdcch search one RNTI", lambda: pdcch.search_rnti(CELL, SUBFRAME, control, RNTI), None),
        ("pdcch extract and search", blind, None),
        ("pdcch search without RNTI", lambda: pdcch.search_all(CELL, control, sizes), None),
    ]
