"""Subframes with and without threads that help: what is received and what is sent is the same to the last bit."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.fapi import DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte import downlink_transmitter, tbs, uplink_jobs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, mcs
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkReceiver, UplinkTransmitter
from picocell.phy.lte.uplink_config import PrachConfig, PucchConfig, PuschConfig, UplinkConfig
from picocell.phy.lte.uplink_jobs import Job, UplinkJobs
from picocell.phy.workers import Workers

PRACH_TTI = 1
WIDTHS = {25: (3, 4, 5), 50: (6, 9, 12), 100: (9, 24, 40)}
WAYS = ("chosen", "shared", "spread")
"""As the receiver likes it; all jobs side by side; the code blocks of every transport block side by side."""


@pytest.fixture(scope="module")
def crews() -> Iterator[list[Workers]]:
    """0 to 3 workers."""
    with ExitStack() as stack:
        yield [stack.enter_context(Workers(n)) for n in range(4)]


def forced(way: str) -> ExitStack:
    """Have subframes done in one of the `WAYS`, however small they are."""
    stack = ExitStack()
    if way != "chosen":
        stack.enter_context(patch.object(uplink_jobs, "pays", lambda *_: way == "shared"))
        stack.enter_context(patch.object(uplink_jobs, "SPREAD_TBS", 0))
    return stack


@cache
def uplink(n_prb: int) -> UplinkConfig:
    return UplinkConfig(
        n_prb,
        prach=PrachConfig(config_index=3, freq_offset=n_prb - 8),
        pucch=PucchConfig(n_rb_2=1, n1_pucch_an=12),
        pusch=PuschConfig(enable_64qam=True),
    )


class Scene:
    """Some transmissions of a HARQ process of each of some UEs, with PUCCHs and a preamble beside them.

    Args:
        seed: of all that is random.
        n_prb: resource blocks of the cell.
        n_rx: antennas.
        snr_db: of each UE, about.
        prach: in a subframe with an opportunity.
    """

    def __init__(self, seed: int, n_prb: int, n_rx: int, snr_db: float, prach: bool) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.cell, self.ul = Cell(int(rng.integers(504)), n_prb), uplink(n_prb)
        self.sender = UplinkTransmitter(self.cell, self.ul)
        self.n_rx, self.prach = n_rx, prach
        self.noise = np.sqrt(0.5 * 10 ** (-snr_db / 10))
        self.grants = list(self._grants())
        self.payloads = [rng.bytes(grant.tbs // 8) for grant in self.grants]
        self.subframes = [self._subframe(PRACH_TTI + 20 * i + (not prach), rv) for i, rv in enumerate((0, 2))]

    def _grants(self) -> Iterator[PuschGrant]:
        at, rng = 2, self.rng
        for rnti in range(61, 61 + int(rng.integers(1, 7))):
            width = int(rng.choice(WIDTHS[self.ul.n_prb]))
            if at + width > self.ul.n_prb - 8:
                return
            q_m, i_tbs = mcs(int(rng.integers(5, 25)), allow_64qam=True)
            uci = PuschUci(n_ack=1, n_cqi=4, beta_ack=9, beta_cqi=6) if rng.random() < 0.3 else PuschUci()
            yield PuschGrant(rnti, (at, at), width, q_m, tbs.tbs(i_tbs, width), uci=uci)
            if rng.random() < 0.2:  # another one on the same resource blocks
                yield PuschGrant(rnti + 100, (at, at), width, 2, tbs.tbs(2, width), cyclic_shift=4)
            at += width

    def _subframe(self, tti: int, rv: int) -> tuple[UlConfigRequest, NDArray[np.complex64]]:
        rng = self.rng
        n = max(self.sender.samples_per_subframe, self.sender.preamble(0).size)
        samples = rng.standard_normal((self.n_rx, n)) + 1j * rng.standard_normal((self.n_rx, n))
        samples *= self.noise
        data = samples[:, : self.sender.samples_per_subframe]
        shared, controls = [], []
        for grant, payload in zip(self.grants, self.payloads, strict=True):
            now = replace(grant, rv=rv)
            sent = PuschTransmission(now, payload, ack=(1,) * grant.uci.n_ack, cqi=(1, 0, 1, 1)[: grant.uci.n_cqi])
            data += self._phases() * self.sender.subframe(tti, sent)
            shared.append(UlschPdu(now, grant.rnti))
        for i in range(int(rng.integers(0, 5))):
            request = PucchRequest(200 + i, n_pucch_sr=2 * i, n_pucch_ack=12 + 2 * i, n_ack=1)
            data += self._phases() * self.sender.subframe(tti, PucchTransmission(200 + i, "1a", 12 + 2 * i, (i % 2,)))
            controls.append(UciPdu(request, i))
        if self.prach:
            preamble = self.sender.preamble(int(rng.integers(64)))
            samples[:, : preamble.size] += self._phases() * preamble
        return UlConfigRequest(tti, tuple(shared), tuple(controls)), samples.astype(np.complex64)

    def _phases(self) -> NDArray[np.complex128]:
        return np.asarray(np.exp(2j * np.pi * self.rng.uniform(size=(self.n_rx, 1))))

    def heard(self, workers: Workers | None) -> list[str]:
        """Everything that is indicated, in words: the shortest that tell each number from its neighbours."""
        receiver = UplinkReceiver(self.cell, self.ul, workers=workers)
        softs = {grant.rnti: SoftBuffer(grant.tbs) for grant in self.grants}
        found = []
        for request, samples in self.subframes:
            found.append(repr(receiver.receive(request, samples, soft_buffers=lambda grant: softs[grant.rnti])))
            found += [str(softs[rnti].passed) for rnti in softs]
        return found


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_prb=st.sampled_from(sorted(WIDTHS)),
    n_rx=st.integers(1, 2),
    snr_db=st.floats(0, 30),
    prach=st.booleans(),
)
def test_the_same_is_heard_with_any_number_of_workers(
    crews: list[Workers], way: str, seed: int, n_prb: int, n_rx: int, snr_db: float, prach: bool
) -> None:
    """New cells and UEs each time, so that threads build tables at the same time too."""
    scene = Scene(seed, n_prb, n_rx, snr_db, prach)
    with forced(way):
        three = scene.heard(crews[3])  # the most threads come first, and find nothing prepared
        assert three == scene.heard(None)
        for workers in crews[:3]:
            assert scene.heard(workers) == three


@pytest.mark.parametrize("way", WAYS)
def test_the_same_is_heard_again_and_again(crews: list[Workers], way: str) -> None:
    """Scratch that two threads had in common would show in one of many subframes."""
    scene = Scene(5, 50, 2, 9.0, prach=True)
    request, samples = scene.subframes[0]
    assert len(request.ulsch) > 2
    expected = repr(UplinkReceiver(scene.cell, scene.ul).receive(request, samples))
    assert "crc_ok=True" in expected
    assert "DetectedPreamble" in expected
    with forced(way):
        for workers in crews:
            receiver = UplinkReceiver(scene.cell, scene.ul, workers=workers)
            for _ in range(60):
                assert repr(receiver.receive(request, samples)) == expected


def test_two_blocks_with_the_same_soft_bits_are_decoded_in_their_order(crews: list[Workers]) -> None:
    """Jobs that change the same memory are not done side by side."""
    done: list[int] = []
    soft = SoftBuffer(1544)

    def job(i: int) -> Job:
        return Job(lambda _: done.append(i), float(i), 1544, soft)

    with forced("shared"):
        for workers in crews:
            done.clear()
            UplinkJobs(8, workers).run([job(i) for i in range(20)])
            assert done == list(range(20))


def test_no_two_jobs_have_a_decoder_at_the_same_time(crews: list[Workers]) -> None:
    in_use: set[int] = set()
    collisions = []
    rng = np.random.default_rng(1)
    llr = rng.integers(-50, 50, 6000).astype(np.int16)

    def call(decoder: SchDecoder) -> int:
        collisions.append(id(decoder) in in_use)
        in_use.add(id(decoder))
        decoder.decode(llr, 3000, 2)
        in_use.remove(id(decoder))
        return id(decoder)

    with forced("shared"):
        for workers in crews:
            jobs = UplinkJobs(4, workers)
            for _ in range(30):
                assert len(set(jobs.run([Job(call, 1.0)] * 9))) <= workers.n + 1
    assert not any(collisions)


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_is_not_allowed_is_refused_and_the_next_is_received(crews: list[Workers], way: str) -> None:
    scene = Scene(3, 25, 1, 30.0, prach=False)
    request, samples = scene.subframes[0]
    outside = UlschPdu(PuschGrant(9, (24, 24), 3, 2, 328))
    wrong = UlConfigRequest(request.tti, (*request.ulsch, outside), request.uci)
    with forced(way):
        for workers in crews:
            receiver = UplinkReceiver(scene.cell, scene.ul, workers=workers)
            with pytest.raises(ValueError, match="do not fit"):
                receiver.receive(wrong, samples)
            assert all(pdu.crc_ok for pdu in receiver.receive(request, samples).crc)


def _nothing(_: SchDecoder) -> None:
    pass


def test_small_subframes_are_done_by_one_thread_and_long_ones_by_several() -> None:
    grid = np.zeros((1, 14, 1200), np.complex64)
    pucch = Job(_nothing, uplink_jobs.pucch_us(grid))

    def pusch(n_prb: int, bits: int) -> Job:
        return Job(_nothing, uplink_jobs.pusch_us(n_prb, grid), bits)

    bit_us = 8e-3
    assert not uplink_jobs.pays([], 2, bit_us)
    assert not uplink_jobs.pays([pucch, pusch(5, 2000), pusch(5, 2000)], 2, bit_us)
    assert not uplink_jobs.pays([pusch(90, 60_000)], 2, bit_us), "its code blocks are spread instead"
    assert not uplink_jobs.pays([pucch, pusch(90, 60_000)], 2, bit_us)
    assert not uplink_jobs.pays([pusch(4, 1000)] * 20, 2, bit_us), "many short ones"
    assert not uplink_jobs.pays([pucch, *[pusch(24, 14_000)] * 4], 2, bit_us)
    search = Job(_nothing, uplink_jobs.preambles_us(np.zeros((2, 30720), np.complex64)))
    assert uplink_jobs.pays([pusch(90, 60_000), search], 2, bit_us)


@pytest.mark.parametrize(("n_prb", "n_ports"), [(25, 1), (50, 2), (75, 4)])
def test_the_same_is_sent_with_any_number_of_workers(crews: list[Workers], n_prb: int, n_ports: int) -> None:
    cell = Cell(7, n_prb, n_ports=n_ports)
    rng = np.random.default_rng(n_prb)
    grants = [from_dci(cell, 3, 2, 61 + u, Dci1(resource_block_assignment=0b111 << 3 * u, mcs=20)) for u in range(3)]
    config = DlConfigRequest(3, 2, (), dlsch=tuple(DlschPdu(grant, i) for i, grant in enumerate(grants)))
    tx = TxRequest(3, {i: rng.bytes(grant.tbs // 8) for i, grant in enumerate(grants)})
    expected = DownlinkTransmitter(cell).subframe(config, tx)
    silence = DownlinkTransmitter(cell).subframe(DlConfigRequest(5, 2))
    for limit in (0, downlink_transmitter.SHARED_SAMPLES):
        with patch.object(downlink_transmitter, "SHARED_SAMPLES", limit):
            for workers in crews:
                sender = DownlinkTransmitter(cell, workers=workers)
                for _ in range(10):
                    assert np.array_equal(sender.subframe(config, tx), expected)
                assert np.array_equal(sender.subframe(DlConfigRequest(5, 2)), silence)
