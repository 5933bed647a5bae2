"""A whole uplink subframe at 100 PRB, one antenna: one UE's PUSCH over nearly all of it, and ten UEs' PUCCH."""

from collections.abc import Callable

import numpy as np

from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.tbs import tbs
from picocell.phy.lte.ul_grant import PuschGrant, mcs
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig

TTI = 3
N_PRB = 96
SNR_DB = 30.0


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and references in µs."""
    cell, ul = Cell(1, 100), UplinkConfig(100, pucch=PucchConfig(n_rb_2=1, n1_pucch_an=12))
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul)
    q_m, i_tbs = mcs(28, allow_64qam=True)
    grant = PuschGrant(61, (2, 2), N_PRB, q_m, tbs(i_tbs, N_PRB))
    rng = np.random.default_rng(1)
    block = PuschTransmission(grant, rng.bytes(grant.tbs // 8))
    samples = sender.subframe(TTI, block)
    requests = []
    for ue in range(10):
        samples = samples + sender.subframe(TTI, PucchTransmission(100 + ue, "1a", 12 + 2 * ue, (1,)))
        requests.append(UciPdu(PucchRequest(100 + ue, n_pucch_ack=12 + 2 * ue, n_ack=1), ue))
    noise = rng.standard_normal((2, *samples.shape)) * np.sqrt(0.5 * 10 ** (-SNR_DB / 10))
    noisy = samples + (noise[0] + 1j * noise[1]).astype(np.complex64)
    alone, both = UlConfigRequest(TTI, (UlschPdu(grant),)), UlConfigRequest(TTI, (UlschPdu(grant),), tuple(requests))
    heard = receiver.receive(both, noisy)
    if not heard.crc[0].crc_ok or any(pdu.ack != (1,) for pdu in heard.harq):
        raise RuntimeError("the benchmark's subframe was not received")
    return [
        ("uplink subframe transmit, 96 PRB MCS 28", lambda: sender.subframe(TTI, block), None),
        ("uplink subframe receive, 96 PRB MCS 28", lambda: receiver.receive(alone, noisy), None),
        ("uplink subframe receive, 96 PRB MCS 28 and 10 PUCCH", lambda: receiver.receive(both, noisy), None),
    ]
