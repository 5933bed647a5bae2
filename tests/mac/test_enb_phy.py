"""The eNB's MAC through the real physical layer: random access, then data both ways, with noise."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.kernels.sch import SoftBuffer
from picocell.mac import rar
from picocell.mac.dedicated_config import Bearer, BearerKind, DedicatedConfig, ul_control_due
from picocell.mac.enb_events import CcchReceived
from picocell.mac.enb_mac import DownlinkSubframe, EnbMac
from picocell.mac.harq import DlHarqEntities
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi import DciDlPdu, DciUlPdu, DlConfigRequest, DlschPdu, HiDci0Request, HiPdu, TxRequest
from picocell.phy.lte import phich
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter, RntiSearch
from picocell.phy.lte.grant import PdschGrant
from picocell.phy.lte.ul_grant import PuschUci
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from support.enb_mac_harness import RACH, Channel, Newcomer, channel

PREAMBLE = 5


class Radio(Newcomer):
    """A scripted UE with a physical layer."""

    def __init__(self, mac: EnbMac, cell: Cell, ul: UplinkConfig) -> None:
        super().__init__(mac, PREAMBLE, 10**9)
        self.cell, self.ul = cell, ul
        self.receiver, self.transmitter = DownlinkReceiver(cell), UplinkTransmitter(cell, ul)
        self.harq = DlHarqEntities()
        self.errors = 0

    def previous_tbs(self, rnti: int, harq_process: int) -> int | None:
        return self.harq.previous_tbs(rnti, harq_process)

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer | None:
        return self.harq.soft_buffer(grant) if grant.rnti == self.rnti else None

    def hear(self, now: int, samples: NDArray[np.complex64]) -> None:
        """Receive a subframe and do what it says."""
        searches = [RntiSearch(self.rnti)] if self.rnti else []
        if self.response is None and self.sent_at < now:
            searches.append(RntiSearch(rar.ra_rnti(self.sent_at % 10)))
        hi = []
        last = self.sent.get(now - 4)
        if last is not None:
            hi.append(phich.resource(self.cell, last.grant.prb_start[0], last.grant.cyclic_shift))
        found = self.receiver.receive(now % 10240, self.receiver.demodulate(samples), searches, hi=hi, harq=self)
        dl = [d for d in found.dci if not isinstance(d.dci, Dci0)]
        ul = [d for d in found.dci if isinstance(d.dci, Dci0)]
        failed = {block.grant.harq_process for block in found.dlsch if not block.crc_ok}
        self.errors += len(failed)
        self.decodes = lambda _now, _tbs: not failed
        his = []
        if last is not None and found.hi:
            his.append(HiPdu(last.grant.prb_start[0], last.grant.cyclic_shift, found.hi[0].ack))
        blocks = [DlschPdu(block.grant, i) for i, block in enumerate(found.dlsch)]
        self.downlink(
            now,
            DownlinkSubframe(
                DlConfigRequest(
                    now % 10240,
                    found.cfi,
                    tuple(DciDlPdu(d.rnti, d.dci, d.cce_index, d.aggregation_level) for d in dl),
                    None,
                    tuple(blocks),
                ),
                HiDci0Request(
                    now % 10240,
                    tuple(his),
                    tuple(DciUlPdu(d.rnti, d.dci, d.cce_index, d.aggregation_level) for d in ul),  # type: ignore[arg-type]
                ),
                TxRequest(now % 10240, {i: block.payload for i, block in enumerate(found.dlsch)}),
            ),
        )

    def send(self, now: int) -> NDArray[np.complex64] | None:
        """Samples of an uplink subframe."""
        sent = self.due.pop(now, None)
        n_pucch, ack = self.acks.pop(now, (None, False))
        acks = (int(ack),) if n_pucch is not None else ()
        control = ul_control_due(self.config, now % 10240)
        cqi = self._cqi_bits(4) if control.n_cqi else ()
        if sent is not None:
            self.sent[now] = self._buffers[now % 8] = sent
            grant = sent.grant
            if acks or cqi:
                grant = replace(grant, uci=PuschUci(len(acks), 0, len(cqi)))
            return self.transmitter.subframe(now % 10240, PuschTransmission(grant, sent.payload, acks, (), cqi))
        if control.sr_n_pucch is not None and self.backlog and not self.due:
            pucch = PucchTransmission(self.rnti, "1a" if acks else "1", control.sr_n_pucch, acks)
        elif cqi:
            pucch = PucchTransmission(self.rnti, "2a" if acks else "2", control.cqi_n_pucch or 0, cqi + acks)
        elif n_pucch is not None:
            pucch = PucchTransmission(self.rnti, "1a", n_pucch, acks)
        else:
            return None
        return self.transmitter.subframe(now % 10240, pucch)


@pytest.mark.parametrize(("n_prb", "n_ports", "snr_db"), [(6, 1, 25.0), (25, 2, 20.0)])
def test_a_phone_attaches_and_moves_data_both_ways(n_prb: int, n_ports: int, snr_db: float) -> None:
    rng = np.random.default_rng(n_prb)
    cell, ul = Cell(3, n_prb, n_ports), UplinkConfig(n_prb, prach=PrachConfig(config_index=3))
    mac, resources = EnbMac(cell, ul, RACH), UciResources(cell, ul)
    transmitter, receiver = DownlinkTransmitter(cell), UplinkReceiver(cell, ul)
    phone = Radio(mac, cell, ul)
    noise = 10 ** (-snr_db / 20)
    data = 0

    def noisy(samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        shape = (1, samples.shape[1])
        white = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * noise / np.sqrt(2)
        return (samples.sum(axis=0, keepdims=True) + white).astype(np.complex64)

    for now in range(300):
        sub = mac.downlink(now)
        request = mac.uplink(now)
        phone.hear(now, noisy(transmitter.subframe(sub.config, sub.tx, sub.hi_dci0)))
        air = np.zeros((1, max(receiver.prach_samples, receiver.samples_per_subframe)), np.complex64)
        if now == 21:
            phone.sent_at = now
            wave = phone.transmitter.preamble(PREAMBLE)
            air[0, : len(wave)] += wave
        samples = phone.send(now)
        if samples is not None:
            air[:, : samples.shape[1]] += samples
        mac.receive(receiver.receive(request, noisy(air), soft_buffers=mac.soft_buffer), now)
        event = mac.next_event()
        if isinstance(event, CcchReceived):
            mac.add_channel(event.rnti, 0, Channel(30, whole=True))
        if phone.resolved and not data:
            data = now
            given = resources.allocate(phone.rnti)
            phone.config = DedicatedConfig(
                transmission_mode=n_ports, sr=given.sr, cqi=given.cqi, bearers=(Bearer(BearerKind.DRB, 1, 3),)
            )
            mac.configure(phone.rnti, phone.config, now)
            mac.add_channel(phone.rnti, 3, Channel(10**7))
            phone.backlog = 10**7
    metrics = mac.ue(phone.rnti).metrics
    assert 27 < data < 60
    assert channel(mac, phone.rnti).received > 0
    sent = metrics.dl_ok + metrics.dl_nok
    assert sent > 0.8 * (300 - data)
    assert metrics.dl_dtx < 0.02 * sent
    assert metrics.dl_nok < 0.3 * sent
    assert metrics.ul_nok < 0.3 * (metrics.ul_ok + metrics.ul_nok)
    assert metrics.ul_ok > 0.5 * (300 - data)
    assert mac.ue(phone.rnti).cqi == 15
    assert not mac.counters
