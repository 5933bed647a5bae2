"""Whole downlink subframes of a cell, composed from FAPI requests."""

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.phy.fapi import DciDlPdu, DciUlPdu, DlConfigRequest, HiDci0Request, HiPdu, TxRequest
from picocell.phy.lte import crs, dci, pbch, pcfich, pdcch, pdsch, phich, sync
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.frame import TTI_MODULO, fft_size
from picocell.phy.lte.regs import legal_cfis
from picocell.phy.workers import Workers

SHARED_SAMPLES: Final = 4 * 23_040
"""Samples of all ports together from which on threads share the OFDM: four ports at 75 PRB. With the slowest kernels it
takes 195 instead of 225 µs at 100 PRB, with AVX-512 as long as alone. What comes before it is too short: all transport
blocks of a subframe are coded within 20 to 80 µs."""


class DownlinkTransmitter:
    """Composes the subframes of one cell.

    Args:
        cell: the cell.
        fft: FFT size; the bandwidth's standard one when None.
        workers: threads that help with wide cells of four ports; what is sent does not depend on them.

    Raises:
        ValueError: an FFT size that does not hold the cell.
    """

    def __init__(self, cell: Cell, fft: int | None = None, *, workers: Workers | None = None) -> None:
        self.cell = cell
        self.fft = fft or fft_size(cell.n_prb)
        self._ofdm = Ofdm(cell.n_prb, self.fft, cell.cp is CyclicPrefix.EXTENDED)
        self._fixed: dict[tuple[int, int], NDArray[np.complex64]] = {}
        self._silent: dict[tuple[int, int], NDArray[np.complex64]] = {}
        self._cfis = legal_cfis(cell)
        shared = workers is not None and cell.n_ports * self._ofdm.samples_per_subframe >= SHARED_SAMPLES
        self._workers = workers if shared else None

    @property
    def samples_per_subframe(self) -> int:
        """Samples of 1 ms."""
        return self._ofdm.samples_per_subframe

    def grid(
        self, config: DlConfigRequest, tx: TxRequest | None = None, hi_dci0: HiDci0Request | None = None
    ) -> NDArray[np.complex64]:
        """Resource grid of a subframe, complex64 (n_ports, n_symb, n_sc).

        Raises:
            ValueError: requests of different subframes, a payload that is missing, a BCH outside subframe 0, a CFI
                shorter than the PHICH or other than a grant's, or a channel's own complaint.
        """
        cell, subframe = self.cell, self._check(config, tx, hi_dci0)
        grid = self._fixed_signals(subframe, config.cfi).copy()
        if config.bch is not None:
            pbch.map(cell, config.tti // 10, _payload(tx, config.bch.pdu_index), grid)
            if config.bch.transmission_power_db:
                grid.reshape(cell.n_ports, -1)[:, pbch.re_index(cell)] *= 10 ** (config.bch.transmission_power_db / 20)
        if hi_dci0 is not None and hi_dci0.hi:
            phich.encode(cell, subframe, [self._phich(pdu) for pdu in hi_dci0.hi], grid)
        pdus: list[DciDlPdu | DciUlPdu] = [*config.dci, *(hi_dci0.dci if hi_dci0 is not None else ())]
        if pdus:
            pdcch.encode(cell, subframe, config.cfi, [self._message(pdu) for pdu in pdus], grid)
        for block in config.dlsch:
            pdsch.encode(cell, subframe, block.grant, _payload(tx, block.pdu_index), grid)
        return grid

    def subframe(
        self, config: DlConfigRequest, tx: TxRequest | None = None, hi_dci0: HiDci0Request | None = None
    ) -> NDArray[np.complex64]:
        """Samples of a subframe, complex64 (n_ports, samples_per_subframe); see :meth:`grid`.

        Those of a subframe with nothing in it are read-only: they are the same each time.
        """
        if config.bch or config.dci or config.dlsch or (hi_dci0 is not None and (hi_dci0.hi or hi_dci0.dci)):
            return self._modulate(self.grid(config, tx, hi_dci0))
        place = self._check(config, tx, hi_dci0), config.cfi
        if place not in self._silent:
            self._silent[place] = samples = self._ofdm.modulate(self._fixed_signals(*place))
            samples.setflags(write=False)
        return self._silent[place]

    def _modulate(self, grid: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Samples of all ports."""
        if self._workers is None:
            return self._ofdm.modulate(grid)
        samples = np.empty((len(grid), self.samples_per_subframe), np.complex64)
        step = -(-len(grid) // (self._workers.n + 1))
        parts = [slice(i, i + step) for i in range(0, len(grid), step)]
        self._workers.run([partial(self._ofdm.modulate, grid[part], samples[part]) for part in parts])
        return samples

    def _check(self, config: DlConfigRequest, tx: TxRequest | None, hi_dci0: HiDci0Request | None) -> int:
        """See that the parts of a request fit together; the subframe."""
        subframe = _subframe(config.tti)
        for name, request in (("TX.request", tx), ("HI_DCI0.request", hi_dci0)):
            if request is not None and request.tti != config.tti:
                raise ValueError(f"{name} is for TTI {request.tti}, DL_CONFIG.request for TTI {config.tti}")
        if config.bch is not None and subframe:
            raise ValueError(f"a BCH in subframe {subframe}: the PBCH is in subframe 0 only")
        if config.cfi not in (allowed := self._cfis):
            raise ValueError(f"CFI {config.cfi} is not allowed in this cell: use one of {allowed}")
        for block in config.dlsch:
            if block.grant.cfi != config.cfi:
                raise ValueError(f"a grant for CFI {block.grant.cfi} in a subframe of CFI {config.cfi}")
        return subframe

    def _fixed_signals(self, subframe: int, cfi: int) -> NDArray[np.complex64]:
        """Reference and synchronisation signals and the PCFICH, the same in every frame."""
        if (subframe, cfi) not in self._fixed:
            grid = np.zeros((self.cell.n_ports, self.cell.n_symb, self.cell.n_sc), np.complex64)
            crs.map(self.cell, subframe, grid)
            sync.map(self.cell, subframe, grid)
            pcfich.encode(self.cell, subframe, cfi, grid)
            self._fixed[subframe, cfi] = grid
        return self._fixed[subframe, cfi]

    def _phich(self, pdu: HiPdu) -> phich.Phich:
        group, sequence = phich.resource(self.cell, pdu.rb_start, pdu.cyclic_shift_2_for_dmrs, pdu.i_phich)
        return phich.Phich(group, sequence, pdu.hi_value, pdu.transmission_power_db)

    def _message(self, pdu: DciDlPdu | DciUlPdu) -> pdcch.PdcchMessage:
        bits = dci.pack(self.cell, pdu.dci, pdu.rnti)
        return pdcch.PdcchMessage(bits, pdu.rnti, pdu.cce_index, pdu.aggregation_level, pdu.transmission_power_db)


def _subframe(tti: int) -> int:
    """Subframe of a TTI, checked."""
    if not 0 <= tti < TTI_MODULO:
        raise ValueError(f"TTI {tti} is outside 0..{TTI_MODULO - 1}")
    return tti % 10


def _payload(tx: TxRequest | None, pdu_index: int) -> bytes:
    """Payload of a PDU."""
    if tx is None or pdu_index not in tx.pdus:
        raise ValueError(f"TX.request has no PDU with index {pdu_index}")
    return tx.pdus[pdu_index]
