"""Send a downlink subframe over a noisy channel, and receive it as a phone does."""

import numpy as np

from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1A, riv_encode
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter, RntiSearch
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.pdcch_search import candidates
from picocell.phy.lte.regs import n_cce
from picocell.radio.channel.awgn import awgn

RNTI, TTI, CFI = 0x46, 1234, 2
cell = Cell(pci=42, n_prb=50)

# what the MAC of a base station asks for: 20 resource blocks from block 10, MCS 15
dci = Dci1A(riv=riv_encode(cell.n_prb, 10, 20), mcs=15)
grant = from_dci(cell, TTI % 10, CFI, RNTI, dci)
first_cce, level = candidates(n_cce(cell, CFI), RNTI, TTI % 10, common=False)[0]
payload = bytes(range(256)) * 99
config = DlConfigRequest(TTI, CFI, dci=(DciDlPdu(RNTI, dci, first_cce, level),), dlsch=(DlschPdu(grant, 0),))
samples = DownlinkTransmitter(cell).subframe(config, TxRequest(TTI, {0: payload[: grant.tbs // 8]}))

# the air: 15 dB of signal to noise ratio per resource element
received = awgn(samples, 10**-1.5, np.random.default_rng(1))

# a phone that knows its RNTI, and nothing of the grant
receiver = DownlinkReceiver(cell)
result = receiver.receive(TTI, receiver.demodulate(received), [RntiSearch(RNTI)])
for block in result.dlsch:
    print(f"CFI {result.cfi}, SNR {result.snr_db:.1f} dB, {len(block.payload)} bytes, CRC {block.crc_ok}")
    assert block.payload == payload[: grant.tbs // 8]
