"""Whole uplink subframes of several UEs, through samples: each is heard, each gets its own indications."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from picocell.kernels.sch import SoftBuffer
from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PrachConfig, PucchConfig, UplinkConfig

cps = st.sampled_from(CyclicPrefix)


def heard(samples: np.ndarray, delay: int, gain: complex, n_rx: int, rng: np.random.Generator) -> np.ndarray:
    """A UE's samples at the antennas: late by some samples, each antenna with a phase of its own."""
    late = np.concatenate([np.zeros((1, delay), np.complex64), samples], axis=1)[:, : samples.shape[1]]
    phases = np.exp(2j * np.pi * rng.uniform(size=(n_rx, 1)))
    return (gain * phases * late).astype(np.complex64)


def noise(shape: tuple[int, ...], power: float, rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal((2, *shape)) * np.sqrt(power / 2)
    return (values[0] + 1j * values[1]).astype(np.complex64)


@settings(max_examples=25, deadline=None)
@given(
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS[1:]),
    cp=cps,
    tti=st.integers(0, 10239),
    seed=st.integers(0, 2**32 - 1),
)
def test_ues_of_one_subframe_are_all_heard(pci: int, n_prb: int, cp: CyclicPrefix, tti: int, seed: int) -> None:
    """Two PUSCHs, one of them with ACK and CQI, and three PUCCHs: SR, ACK, CQI; delays and powers differ."""
    rng = np.random.default_rng(seed)
    cell = Cell(pci, n_prb, cp=cp)
    ul = UplinkConfig(n_prb, cp, PrachConfig(config_index=0), pucch=PucchConfig(n_rb_2=1, n1_pucch_an=12))
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul)
    assume(not receiver.is_prach_opportunity(tti))
    first = PuschGrant(61, (4, 4), 3, 2, 328)
    second = PuschGrant(62, (8, 8), 2, 4, 256, cyclic_shift=5, uci=PuschUci(n_ack=1, n_cqi=4, beta_ack=9, beta_cqi=6))
    payloads = {grant.rnti: rng.bytes(grant.tbs // 8) for grant in (first, second)}
    report, ack = tuple(rng.integers(0, 2, 4).tolist()), tuple(rng.integers(0, 2, 1).tolist())
    sent = [
        PuschTransmission(first, payloads[61]),
        PuschTransmission(second, payloads[62], ack=ack, cqi=report),
        PucchTransmission(63, "1", 0),
        PucchTransmission(64, "1a", 14, (1 - ack[0],)),
        PucchTransmission(65, "2", 5, report),
    ]
    samples = noise((2, sender.samples_per_subframe), 10**-2.5, rng)
    for transmission in sent:
        delay = int(rng.integers(0, receiver.fft // 64))
        samples += heard(sender.subframe(tti, transmission), delay, rng.uniform(0.7, 1.4), 2, rng)
    uci = (
        PucchRequest(63, n_pucch_sr=0),
        PucchRequest(64, n_pucch_ack=14, n_ack=1),
        PucchRequest(65, n2_pucch=5, n_cqi=4),
        PucchRequest(66, n_pucch_ack=18, n_ack=1),
    )
    request = UlConfigRequest(
        tti, (UlschPdu(first, 1), UlschPdu(second, 2)), tuple(UciPdu(r, 10 + i) for i, r in enumerate(uci))
    )
    result = receiver.receive(request, samples)
    assert [(pdu.handle, pdu.rnti, pdu.data) for pdu in result.rx] == [(1, 61, payloads[61]), (2, 62, payloads[62])]
    assert [(pdu.rnti, pdu.crc_ok, pdu.detected) for pdu in result.crc] == [(61, True, True), (62, True, True)]
    assert [(pdu.handle, pdu.ack) for pdu in result.harq] == [(2, ack), (11, (1 - ack[0],)), (13, ())]
    assert [pdu.rnti for pdu in result.sr] == [63]
    assert [(pdu.rnti, pdu.cqi) for pdu in result.cqi] == [(62, report), (65, report)]


def test_nothing_sent_is_reported_as_nothing() -> None:
    cell, ul = Cell(1, 25), UplinkConfig(25)
    receiver = UplinkReceiver(cell, ul)
    rng = np.random.default_rng(5)
    alarms = 0
    for tti in range(200):
        request = UlConfigRequest(
            tti,
            (UlschPdu(PuschGrant(61, (4, 4), 3, 2, 328)),),
            (UciPdu(PucchRequest(62, n_pucch_sr=0)), UciPdu(PucchRequest(63, n_pucch_ack=12, n_ack=1))),
        )
        result = receiver.receive(request, noise((2, receiver.samples_per_subframe), 1.0, rng))
        (crc,) = result.crc
        assert not crc.crc_ok
        assert not result.rx
        alarms += crc.detected + len(result.sr) + bool(result.harq[0].ack) + len(result.rach)
    assert alarms <= 6, "600 hypotheses at 1e-3 to 1e-2 false alarms each, and 40 opportunities"


def test_preambles_beside_data() -> None:
    """Two preambles at different distances in one opportunity, while another UE sends a PUSCH."""
    cell, ul = Cell(1, 25), UplinkConfig(25, prach=PrachConfig(config_index=14, freq_offset=2))
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul)
    rng = np.random.default_rng(9)
    grant = PuschGrant(61, (10, 10), 10, 4, 2088)
    payload = rng.bytes(grant.tbs // 8)
    n = max(sender.samples_per_subframe, receiver.prach_samples)
    samples = noise((2, n), 10**-2, rng)
    samples[:, : sender.samples_per_subframe] += heard(
        sender.subframe(3, PuschTransmission(grant, payload)), 3, 1.0, 2, rng
    )
    for number, delay in ((7, 20), (40, 55)):
        preamble = sender.preamble(number)
        samples[:, delay : delay + preamble.size] += heard(preamble[None], 0, 0.3, 2, rng)[:, : n - delay]
    result = receiver.receive(UlConfigRequest(3, (UlschPdu(grant),)), samples)
    assert result.rx[0].data == payload
    found = {preamble.preamble: preamble.timing_advance_s * 7.68e6 for preamble in result.rach}
    assert set(found) == {7, 40}
    assert found[7] == pytest.approx(20, abs=4)
    assert found[40] == pytest.approx(55, abs=4)


def test_two_weak_transmissions_combine() -> None:
    cell, ul = Cell(2, 25), UplinkConfig(25)
    sender, receiver = UplinkTransmitter(cell, ul), UplinkReceiver(cell, ul)
    rng = np.random.default_rng(4)
    soft = SoftBuffer(1544)
    payload = rng.bytes(1544 // 8)
    outcomes = []
    for tti, rv in ((1, 0), (9, 2)):
        grant = PuschGrant(61, (5, 5), 10, 2, 1544, rv=rv, harq_process=1)
        samples = sender.subframe(tti, PuschTransmission(grant, payload))
        samples = samples + noise(samples.shape, 10**0.1, rng)
        alone = receiver.receive(UlConfigRequest(tti, (UlschPdu(grant),)), samples)
        together = receiver.receive(UlConfigRequest(tti, (UlschPdu(grant),)), samples, soft_buffers=lambda _: soft)
        outcomes.append((alone.crc[0].crc_ok, together.crc[0].crc_ok))
    assert outcomes == [(False, False), (False, True)]
    assert together.rx[0].data == payload


def test_tti_that_does_not_exist() -> None:
    receiver = UplinkReceiver(Cell(1), UplinkConfig())
    with pytest.raises(ValueError, match="TTI 10240"):
        receiver.receive(UlConfigRequest(10240), np.zeros((1, 1920), np.complex64))
