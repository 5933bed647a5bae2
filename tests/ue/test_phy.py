"""The phone finds a cell at every sample rate that a peer may use for its bandwidth."""

import numpy as np
import pytest

from picocell.phy.fapi import BchPdu, DlConfigRequest, TxRequest
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import SUBCARRIER_SPACING, fft_size
from picocell.phy.lte.mib import Mib
from picocell.ue.phy import UePhy

RATES = [(n_prb, shortened) for n_prb in (6, 15, 25, 50, 75, 100) for shortened in (False, True)]


def mib_of(n_prb: int, sfn: int) -> bytes:
    """The MIB of a cell with its default PHICHs."""
    cell = Cell(pci=0, n_prb=n_prb)
    return Mib(n_prb, cell.phich_duration, cell.phich_resource, sfn >> 2).encode()


@pytest.mark.parametrize(("n_prb", "shortened"), RATES)
def test_cell_is_found_at_every_sample_rate(n_prb: int, shortened: bool) -> None:
    cell, fft = Cell(pci=301, n_prb=n_prb), fft_size(n_prb, shortened)
    sender = DownlinkTransmitter(cell, fft)
    phone = UePhy(fft * SUBCARRIER_SPACING)
    rng = np.random.default_rng(1)
    for tti in range(120):
        bch = BchPdu(0) if tti % 10 == 0 else None
        mib = {0: mib_of(n_prb, tti // 10)} if bch is not None else {}
        samples = sender.subframe(DlConfigRequest(tti, 1, bch=bch), TxRequest(tti, mib)).sum(axis=0)
        noise = rng.standard_normal((2, samples.size)) * 0.1
        phone.push(np.asarray((samples + noise[0] + 1j * noise[1])[None], np.complex64))
        if phone.search() is not None:
            break
    assert phone.cell is not None
    assert (phone.cell.pci, phone.cell.n_prb, phone.cell.n_ports) == (301, n_prb, 1)


def test_cell_that_the_sample_rate_does_not_hold_is_passed_over() -> None:
    sender = DownlinkTransmitter(Cell(pci=1, n_prb=25), 384)
    phone = UePhy(1.92e6)
    for tti in range(80):
        bch = BchPdu(0) if tti % 10 == 0 else None
        mib = {0: mib_of(25, tti // 10)} if bch is not None else {}
        samples = sender.subframe(DlConfigRequest(tti, 1, bch=bch), TxRequest(tti, mib)).sum(axis=0)
        spectrum = np.fft.fft(samples)  # as a receiver at 1.92 Msps hears it
        narrow = np.fft.ifft(np.concatenate([spectrum[:960], spectrum[-960:]])) / np.sqrt(3)
        phone.push(np.asarray(narrow[None], np.complex64))
        assert phone.search() is None
    assert phone.cell is None
