"""What runs once a subframe at 6, 25 and 100 PRB: the eNB's transmitter and receiver, and a UE's uplink transmitter."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import sch
from picocell.phy.fapi import BchPdu, DciDlPdu, DciUlPdu, DlConfigRequest, DlschPdu, HiDci0Request, HiPdu, TxRequest
from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte import dci, pdcch_search, regs, tbs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, Dci1
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter
from picocell.phy.lte.grant import PdschGrant, from_dci
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.ul_grant import PuschGrant, mcs
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PucchConfig, PuschConfig, UplinkConfig

Case = tuple[str, Callable[[], object], float | None]

C_RNTI = 0x1234
TTI = 3
PRACH_TTI = 1
MCS = 20
SNR_DB = 25.0
RBGS = {6: 6, 25: 13, 100: 25}
"""Bits of a type 0 assignment."""


def cases() -> list[Case]:
    """Names and calls; there is no reference."""
    return [case for n_prb in (6, 25, 100) for case in (*_downlink(n_prb), *_uplink(n_prb))]


def _grant(cell: Cell, cfi: int, ndi: int) -> tuple[Dci1, PdschGrant]:
    fields = Dci1(resource_block_assignment=(1 << RBGS[cell.n_prb]) - 1, mcs=MCS, ndi=ndi)
    return fields, from_dci(cell, TTI, cfi, C_RNTI, fields)


def _downlink(n_prb: int) -> list[Case]:
    """Of the eNB's transmitter; requests are made anew each time where they differ from subframe to subframe."""
    cell = Cell(pci=1, n_prb=n_prb)
    sender = DownlinkTransmitter(cell)
    rng = np.random.default_rng(1)
    cfi = 3 if n_prb == 6 else 2
    fields, grant = _grant(cell, cfi, 0)
    places = pdcch_search.candidates(regs.n_cce(cell, cfi), C_RNTI, TTI, False)
    first, second = (
        next(p for p in places if p[1] == 1 and p[0] == n) for n in sorted({p[0] for p in places if p[1] == 1})[:2]
    )
    uplink = Dci0(riv=dci.riv_encode(n_prb, 1, 2), mcs=5)
    idle = DlConfigRequest(TTI, cfi)
    bch = DlConfigRequest(0, cfi, bch=BchPdu(0)), TxRequest(0, {0: b"\x00\x10\x00"})
    control = HiDci0Request(TTI, (HiPdu(1, 0, True),), (DciUlPdu(C_RNTI, uplink, *second),))
    full = DlConfigRequest(TTI, cfi, (DciDlPdu(C_RNTI, fields, *first),), dlsch=(DlschPdu(grant, 0),))
    blocks = [TxRequest(TTI, {0: rng.bytes(grant.tbs // 8)}) for _ in range(16)]
    numbers = iter(range(1 << 60))
    name = f"{n_prb} PRB"
    return [
        (f"eNB transmit nothing, {name}", lambda: sender.subframe(idle), None),
        (f"eNB transmit PBCH, {name}", lambda: sender.subframe(*bch), None),
        (f"eNB transmit DCI 0 and HI, {name}", lambda: sender.subframe(idle, None, control), None),
        (
            f"eNB transmit PDSCH MCS {MCS}, {name}",
            lambda: sender.subframe(full, blocks[next(numbers) % 16], control),
            None,
        ),
    ]


def _noisy(samples: NDArray[np.complex64], rng: np.random.Generator) -> NDArray[np.complex64]:
    noise = rng.standard_normal((*samples.shape, 2)) @ np.array([1, 1j]) * np.sqrt(0.5 * 10 ** (-SNR_DB / 10))
    return np.asarray(samples + noise, np.complex64)


def _uplink(n_prb: int) -> list[Case]:
    """Of a UE's transmitter and the eNB's receiver."""
    cell = Cell(1, n_prb)
    ul = UplinkConfig(n_prb, pucch=PucchConfig(n_rb_2=1, n1_pucch_an=12), pusch=PuschConfig(enable_64qam=True))
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul)
    rng = np.random.default_rng(1)
    q_m, i_tbs = mcs(MCS)
    grant = PuschGrant(C_RNTI, (0, 0), n_prb, q_m, tbs.tbs(i_tbs, n_prb))
    block = PuschTransmission(grant, rng.bytes(grant.tbs // 8))
    shared = _noisy(sender.subframe(TTI, block), rng)
    ack, report = PucchTransmission(C_RNTI, "1a", 14, (1,)), PucchTransmission(C_RNTI, "2", 3, (1, 0, 1, 1))
    asked = PucchRequest(C_RNTI, n_pucch_sr=0, n_pucch_ack=14, n_ack=1)
    four = [PucchRequest(C_RNTI + i, n_pucch_ack=14 + i, n_ack=1) for i in range(4)]
    controls = _noisy(sender.subframe(TTI, ack), rng)
    on_pusch = UlConfigRequest(TTI, (UlschPdu(grant),))
    on_pucch = UlConfigRequest(TTI, (), (UciPdu(asked),))
    of_four = UlConfigRequest(TTI, (), tuple(UciPdu(request, i) for i, request in enumerate(four)))
    numbers = iter(range(1 << 60))
    preamble = sender.preamble(17)
    access = np.zeros((1, receiver.prach_samples), np.complex64)
    silence = _noisy(access, rng)
    access[0, : preamble.size] = preamble
    access = _noisy(access, rng)
    nothing = UlConfigRequest(PRACH_TTI)
    if not receiver.is_prach_opportunity(PRACH_TTI) or not receiver.receive(nothing, access).rach:
        raise RuntimeError("the benchmark's preamble was not found")
    if not receiver.receive(on_pusch, shared).crc[0].crc_ok or receiver.receive(on_pucch, controls).harq[0].ack != (1,):
        raise RuntimeError("the benchmark's subframe was not received")
    llr = _soft_bits(grant, n_prb, rng)
    decoder = sch.SchDecoder(8)
    name = f"{n_prb} PRB"
    return [
        (f"UE transmit PUCCH 1a, {name}", lambda: sender.subframe(next(numbers) % 10, ack), None),
        (f"UE transmit PUCCH 2, {name}", lambda: sender.subframe(next(numbers) % 10, report), None),
        (f"UE transmit PUSCH MCS {MCS}, {name}", lambda: sender.subframe(TTI, block), None),
        (f"UE transmit preamble, {name}", partial(sender.preamble, 17), None),
        (f"eNB receive nothing, {name}", lambda: receiver.receive(UlConfigRequest(TTI), shared), None),
        (f"eNB receive one PUCCH, {name}", lambda: receiver.receive(on_pucch, controls), None),
        (f"eNB receive four PUCCHs, {name}", lambda: receiver.receive(of_four, controls), None),
        (f"eNB receive PUSCH MCS {MCS}, {name}", lambda: receiver.receive(on_pusch, shared), None),
        (f"of that the turbo decoder, {name}", lambda: decoder.decode(llr, grant.tbs, q_m), None),
        (f"eNB receive preamble, {name}", lambda: receiver.receive(nothing, access), None),
        (f"eNB receive no preamble, {name}", lambda: receiver.receive(nothing, silence), None),
    ]


def _soft_bits(grant: PuschGrant, n_prb: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """Soft bits of a transport block as they come at this SNR."""
    bits = sch.encode(rng.bytes(grant.tbs // 8), 144 * n_prb * grant.q_m, grant.q_m)
    return np.asarray((1 - 2.0 * bits) * 400 + rng.normal(0, 150, bits.size), np.int16)
