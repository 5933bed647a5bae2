"""A UE's MAC and an eNB's, through both physical layers: random access, data both ways, loss."""

import random
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from picocell.mac.enb_events import CcchReceived
from picocell.mac.enb_mac import EnbMac
from picocell.mac.uci_resources import UciResources
from picocell.mac.ue_mac import Preamble, RandomAccessComplete, UeMac
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter
from picocell.phy.lte.uplink import UplinkReceiver, UplinkTransmitter
from support.ue_mac_script import CCCH_SDU, CELL, CONFIG, RACH, UL, ByteChannel, SduChannel

NOISE = 0.01


class TwoEnds:
    """Both MACs and both physical layers, subframe by subframe; ``lost`` subframes are noise alone."""

    def __init__(self, seed: int) -> None:
        self.noise = np.random.default_rng(seed)
        self.enb = EnbMac(CELL, UL, RACH)
        self.ue = UeMac(CELL, UL, RACH, rng=random.Random(seed))
        self.ue.measured(0, rsrp_dbm=-80.0, path_loss_db=90.0, sinr_db=15.0)
        self.dl_tx, self.dl_rx = DownlinkTransmitter(CELL), DownlinkReceiver(CELL)
        self.ul_tx, self.ul_rx = UplinkTransmitter(CELL, UL), UplinkReceiver(CELL, UL)
        self.now = 0
        self.events: deque[object] = deque()

    def _noisy(self, signal: np.ndarray) -> np.ndarray:
        shape = signal.shape
        added = self.noise.standard_normal(shape) + 1j * self.noise.standard_normal(shape)
        return np.asarray(signal + np.sqrt(NOISE / 2) * added, np.complex64)

    def step(self, *, dl_lost: bool = False, ul_lost: bool = False) -> None:
        now, tti = self.now, self.now % 10240
        down = self.enb.downlink(now, None, None)
        grid = self.dl_tx.grid(down.config, down.tx, down.hi_dci0)
        if dl_lost:
            grid = 0.01 * grid
        heard = self.dl_rx.receive(
            tti, self._noisy(grid), self.ue.searches(now), hi=self.ue.phich_due(now), harq=self.ue
        )
        self.ue.receive(heard, now)
        sent = self.ue.uplink(now)
        request = self.enb.uplink(now)
        samples = np.zeros((1, max(self.ul_rx.prach_samples, self.ul_rx.samples_per_subframe)), np.complex64)
        if sent is not None and not ul_lost:
            what = sent.sent
            wave = (
                self.ul_tx.preamble(what.number)[None] if isinstance(what, Preamble) else self.ul_tx.subframe(tti, what)
            )
            samples[:, : wave.shape[1]] = wave[:, : samples.shape[1]]
        indication = self.ul_rx.receive(request, self._noisy(samples), soft_buffers=self.enb.soft_buffer)
        self.enb.receive(indication, now)
        while (event := self.ue.next_event()) is not None:
            self.events.append(event)
        while (event := self.enb.next_event()) is not None:
            self.events.append(event)
        self.now += 1

    def connect(self) -> int:
        """Random access, and a configuration for both."""
        channel = SduChannel(sdu=CCCH_SDU)
        self.ue.add_channel(0, channel)
        self.ue.start_random_access(self.now)
        rnti = None
        for _ in range(120):
            self.step()
            if rnti is None:
                found = [event for event in self.events if isinstance(event, CcchReceived)]
                if found:
                    rnti = found[0].rnti
                    assert found[0].sdu == CCCH_SDU
                    self.enb.add_channel(rnti, 0, SduChannel(sdu=b"connection setup"))
            if any(isinstance(event, RandomAccessComplete) for event in self.events):
                break
        assert rnti is not None
        assert self.ue.c_rnti == rnti
        assert channel.received == [b"connection setup"]
        return rnti


@pytest.mark.parametrize("loss", [0.0, 0.15])
def test_data_crosses_in_both_directions(loss: float) -> None:
    both, chance = TwoEnds(3), random.Random(5)
    rnti = both.connect()
    allocation = UciResources(CELL, UL).allocate(rnti)
    config = replace(CONFIG, sr=allocation.sr, cqi=allocation.cqi)
    both.enb.configure(rnti, config, both.now)
    both.ue.configure(config, both.now)
    ends = {"ue": ByteChannel(3000), "enb": ByteChannel(3000)}
    both.ue.add_channel(3, ends["ue"])
    both.enb.add_channel(rnti, 3, ends["enb"])
    for _ in range(260):
        both.step(dl_lost=chance.random() < loss, ul_lost=chance.random() < loss)
    assert ends["enb"].waiting == 0
    assert ends["ue"].waiting == 0
    at_ue, at_enb = ends["ue"].received, ends["enb"].received
    if not loss:
        assert sum(len(data) - 2 for data in at_ue) == 3000
        assert sum(len(data) - 2 for data in at_enb) == 3000
        assert at_ue == ends["enb"].built
        assert at_enb == ends["ue"].built
    else:
        assert sum(len(data) - 2 for data in at_enb) > 2000
        assert len(at_ue) <= len(ends["enb"].built)
