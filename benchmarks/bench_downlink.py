"""A whole downlink subframe, sent and received: 100 PRB, one port, MCS 28 over all resource blocks."""

from collections.abc import Callable

import numpy as np

from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte import pdcch_search, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter, RntiSearch
from picocell.phy.lte.frame import fft_size
from picocell.phy.lte.grant import from_dci

C_RNTI = 0x1234
TTI = 3
SNR_DB = 35.0


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and references in µs."""
    result: list[tuple[str, Callable[[], object], float | None]] = []
    for shortened, references in ((False, (206.0, 523.0)), (True, (None, None))):
        cell = Cell(pci=1, n_prb=100)
        fft = fft_size(100, shortened)
        dci = Dci1(resource_block_assignment=(1 << 25) - 1, mcs=28)
        grant = from_dci(cell, TTI, 1, C_RNTI, dci)
        place = pdcch_search.candidates(regs.n_cce(cell, 1), C_RNTI, TTI, False)[0]
        config = DlConfigRequest(TTI, 1, (DciDlPdu(C_RNTI, dci, *place),), dlsch=(DlschPdu(grant, 0),))
        rng = np.random.default_rng(1)
        tx = TxRequest(TTI, {0: rng.bytes(grant.tbs // 8)})
        sender, receiver = DownlinkTransmitter(cell, fft), DownlinkReceiver(cell, fft)
        samples = sender.subframe(config, tx)
        noise = rng.standard_normal((2, samples.size)) * np.sqrt(0.5 * 10 ** (-SNR_DB / 10))
        noisy = samples + (noise[0] + 1j * noise[1]).astype(np.complex64)
        searches = [RntiSearch(C_RNTI)]
        if not receiver.receive(TTI, receiver.demodulate(noisy), searches).dlsch[0].crc_ok:
            raise RuntimeError("the benchmark's subframe did not decode")
        name = f"100 PRB MCS 28, FFT {fft}"
        result.append((f"whole subframe transmit, {name}", _transmit(sender, config, tx), references[0]))
        result.append((f"whole subframe receive, {name}", _receive(receiver, noisy, searches), references[1]))
    return result


def _transmit(sender: DownlinkTransmitter, config: DlConfigRequest, tx: TxRequest) -> Callable[[], object]:
    return lambda: sender.subframe(config, tx)


def _receive(receiver: DownlinkReceiver, samples: np.ndarray, searches: list[RntiSearch]) -> Callable[[], object]:
    return lambda: receiver.receive(TTI, receiver.demodulate(samples), searches)
