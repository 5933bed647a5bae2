"""The control region of received subframes: PCFICH, PDCCH and PHICH with tables that are looked up once a cell."""

from collections.abc import Sequence
from functools import lru_cache
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.control import ControlRegions
from picocell.phy.lte import pcfich, pdcch, phich, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.pdcch_search import SILENT_NOISE, SILENT_POWER, Control

_LEAST_SNR: Final = 1e-12
_MOST_REPLICAS: Final = 4096


class ControlReceiver:
    """Receives the control regions of one cell's subframes. Threads may share an object.

    It does what ``pcfich.decode``, ``pdcch.extract`` and ``phich.decode`` do one by one.

    Args:
        cell: the cell.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._regions: dict[int, ControlRegions] = {}
        self._replicas: dict[
            tuple[int, tuple[tuple[int, int], ...]], tuple[NDArray[np.int32], NDArray[np.complex64]]
        ] = {}

    def decode(
        self, subframe: int, grid: NDArray[np.complex64], channel: ChannelEstimate
    ) -> tuple[int, float, Control]:
        """Decide the CFI, and demodulate the PDCCHs.

        Args:
            subframe: 0..9.
            grid: complex64 ``(n_rx, n_symb, n_sc)``, C-contiguous.
            channel: channel estimate of the same subframe.

        Returns:
            The CFI, the part of the PCFICH's weight that agrees with it (see ``pcfich.decode``), and the soft bits.

        Raises:
            ValueError: subframe outside 0..9, or shapes that do not fit.
        """
        region = self._regions.get(subframe) or self._region(subframe)
        cfi, quality, llr, energy, noise, silent = region.decode(grid, channel.h, channel.noise_var)
        return cfi, quality, Control(subframe, cfi, llr, energy, noise, silent)

    def hi(
        self,
        subframe: int,
        grid: NDArray[np.complex64],
        channel: ChannelEstimate,
        resources: Sequence[tuple[int, int]],
    ) -> list[phich.PhichResult]:
        """Decide the HARQ indicators on ``(group, sequence)`` pairs; arguments and errors as ``phich.decode``."""
        if not resources:
            return []
        region = self._regions.get(subframe) or self._region(subframe)
        key = (subframe, tuple(resources))
        found = self._replicas.get(key)
        if found is None:
            found = phich.replicas(self.cell, *key)
            if len(self._replicas) < _MOST_REPLICAS:
                self._replicas[key] = found
        metric, snr = region.phich(grid, channel.h, channel.noise_var, *found)
        return [
            phich.PhichResult(m > 0, m, 10 * log10(max(s, _LEAST_SNR)), s > phich.DETECTION_SNR)
            for m, s in zip(metric.tolist(), snr.tolist(), strict=True)
        ]

    def _region(self, subframe: int) -> ControlRegions:
        return self._regions.setdefault(subframe, _regions(self.cell, subframe))


@lru_cache(maxsize=1024)
def _regions(cell: Cell, subframe: int) -> ControlRegions:
    cfis = regs.legal_cfis(cell)
    index = [regs.pdcch_re_index(cell, cfi) for cfi in cfis]
    return ControlRegions(
        n_ports=cell.n_ports,
        n_symb=cell.n_symb,
        n_sc=cell.n_sc,
        cfis=cfis,
        pcfich=regs.pcfich_re_index(cell),
        codewords=pcfich.codewords()[[cfi - 1 for cfi in cfis]],
        pcfich_scrambling=int(pcfich.scrambling(cell.pci, subframe)[0]),
        pdcch=index,
        scrambling=pdcch.scrambling(cell.pci, subframe, 2 * max(len(places) for places in index)),
        phich=regs.phich_re_index(cell),
        n_sf=phich.spreading_factor(cell),
        silent_power=SILENT_POWER,
        silent_noise=SILENT_NOISE,
    )
