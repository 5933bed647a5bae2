"""A UE's downlink subframe from samples to indication: quiet, where only a C-RNTI is searched for, and with a PDSCH."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte import pdcch_search, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter, RntiSearch
from picocell.phy.lte.frame import cp_lengths, fft_size
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.tracking import Tracker

C_RNTI = 0x1234
SNR_DB = 25.0
CFI = 2


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for n_prb, n_ports, aim in ((6, 1, 100.0), (25, 1, 200.0), (25, 2, 200.0), (100, 1, 600.0), (100, 2, 600.0)):
        cell = Cell(pci=1, n_prb=n_prb, n_ports=n_ports)
        for busy in (False, True):
            name = f"UE subframe {n_prb} PRB {n_ports} port {'PDSCH' if busy else 'quiet'}"
            found.append((name, _Loop(cell, busy=busy), None if busy else aim))
    return found


class _Loop:
    """One UE that receives the same frame again and again.

    Args:
        cell: the cell.
        busy: whether every subframe carries a transport block of MCS 4 on all resource blocks.
    """

    def __init__(self, cell: Cell, *, busy: bool) -> None:
        self._tti = 1
        self._busy = busy
        fft = fft_size(cell.n_prb)
        self._receiver = DownlinkReceiver(cell, fft)
        rng = np.random.default_rng(1)
        self._samples = [_subframe(cell, tti, rng, busy=busy) for tti in range(10)]
        self._tracker = Tracker(cell, fft * 15e3, 0.0)
        self._advance = cp_lengths(fft, cell.cp)[-1] // 4
        self._searches = [RntiSearch(C_RNTI)]
        for _ in range(40):
            self()

    def __call__(self) -> object:
        """One subframe."""
        tti, tracker = self._tti, self._tracker
        self._tti = (tti + 1) % 10240
        grid = self._receiver.demodulate(
            self._samples[tti % 10], cfo=tracker.cfo, phase=tracker.phase, window_advance=self._advance
        )
        tracker.update_grid(tti % 10, grid)
        result = self._receiver.receive(tti, grid, self._searches, hi=[(0, 0)] if tti % 8 == 0 else [])
        if self._busy != any(block.crc_ok for block in result.dlsch):
            raise RuntimeError(f"subframe {tti} of the benchmark went wrong")
        return result


def _subframe(cell: Cell, subframe: int, rng: np.random.Generator, *, busy: bool) -> NDArray[np.complex64]:
    """Samples of a subframe at one antenna."""
    config, tx = DlConfigRequest(subframe, CFI), None
    if busy:
        n_groups = -(-cell.n_prb // (1 if cell.n_prb <= 10 else 2 if cell.n_prb <= 26 else 4))
        dci = Dci1(resource_block_assignment=(1 << n_groups) - 1, mcs=4)
        grant = from_dci(cell, subframe, CFI, C_RNTI, dci)
        place = pdcch_search.candidates(regs.n_cce(cell, CFI), C_RNTI, subframe, False)[-1]
        config = DlConfigRequest(subframe, CFI, (DciDlPdu(C_RNTI, dci, *place),), dlsch=(DlschPdu(grant, 0),))
        tx = TxRequest(subframe, {0: rng.bytes(grant.tbs // 8)})
    samples = DownlinkTransmitter(cell).subframe(config, tx).sum(axis=0)
    noise = rng.standard_normal((2, samples.size)) * np.sqrt(0.5 * 10 ** (-SNR_DB / 10))
    return np.asarray((samples + noise[0] + 1j * noise[1])[None], np.complex64)
