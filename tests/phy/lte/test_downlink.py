"""Whole subframes: what the composer sends, the receiver hears, and no channel touches another's elements."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from picocell.mac.harq import DlHarqEntities
from picocell.phy.fapi import (
    BchPdu,
    DciDlPdu,
    DciUlPdu,
    DlConfigRequest,
    DlschPdu,
    HiDci0Request,
    HiPdu,
    TxRequest,
)
from picocell.phy.lte import pbch, pdcch_search, pdsch, phich, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, PhichDuration, PhichResource
from picocell.phy.lte.dci import SI_RNTI, Dci0, Dci1, Dci1A, riv_encode
from picocell.phy.lte.dci_sizes import rbg_size
from picocell.phy.lte.downlink import DownlinkReceiver, DownlinkTransmitter, RntiSearch
from picocell.phy.lte.frame import fft_size
from picocell.phy.lte.grant import PdschGrant, from_dci

C_RNTI = 0x1234

cells = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from((1, 2, 4)),
    cp=st.sampled_from(CyclicPrefix),
    phich_duration=st.sampled_from(PhichDuration),
    phich_resource=st.sampled_from(PhichResource),
)


def flat_channel(cell: Cell, n_rx: int, rng: np.random.Generator) -> np.ndarray:
    """A gain from each port to each antenna, of unit power a port."""
    shape = (n_rx, cell.n_ports)
    phases = rng.uniform(0, 2 * np.pi, shape)
    return (rng.uniform(0.6, 1.2, shape) * np.exp(1j * phases)).astype(np.complex64)


def whole_band(cell: Cell, subframe: int, cfi: int, rnti: int, mcs: int) -> tuple[Dci1, PdschGrant]:
    groups = -(-cell.n_prb // rbg_size(cell.n_prb))
    dci = Dci1(resource_block_assignment=(1 << groups) - 1, mcs=mcs, harq_process=5, ndi=1)
    return dci, from_dci(cell, subframe, cfi, rnti, dci)


def free_place(taken: set[int], places: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    """A candidate whose CCEs are free, taken now."""
    for first, level in places:
        cces = set(range(first, first + level))
        if taken.isdisjoint(cces):
            taken |= cces
            return first, level
    return None


@settings(max_examples=40, deadline=None)
@given(cell=cells, tti=st.integers(0, 10239), mcs=st.integers(0, 14), shortened=st.booleans(), data=st.data())
def test_what_is_sent_is_received(cell: Cell, tti: int, mcs: int, shortened: bool, data: st.DataObject) -> None:
    subframe = tti % 10
    rng = np.random.default_rng(tti)
    cfi = max(regs.legal_cfis(cell))
    n_cce = regs.n_cce(cell, cfi)
    dci, grant = whole_band(cell, subframe, cfi, C_RNTI, mcs)
    uplink = Dci0(riv=riv_encode(cell.n_prb, 0, cell.n_prb), mcs=7, ndi=1, cyclic_shift=3)
    taken: set[int] = set()
    specific = pdcch_search.candidates(n_cce, C_RNTI, subframe, False)
    place, uplink_place = free_place(taken, specific), free_place(taken, specific)
    assume(place is not None)
    assert place is not None
    assume(grant.tbs + 24 <= 0.8 * grant.q_m * pdsch.n_re(cell, subframe, grant.prbs, cfi))
    payload = rng.bytes(grant.tbs // 8)
    mib = bytes([BANDWIDTHS.index(cell.n_prb) << 5, 0, 0])
    sent = [] if uplink_place is None else [DciUlPdu(C_RNTI, uplink, *uplink_place)]
    ack = data.draw(st.booleans())
    config = DlConfigRequest(
        tti,
        cfi,
        (DciDlPdu(C_RNTI, dci, *place),),
        BchPdu(0) if subframe == 0 else None,
        (DlschPdu(grant, 1),),
    )
    fft = fft_size(cell.n_prb, shortened)
    sender = DownlinkTransmitter(cell, fft)
    samples = sender.subframe(
        config, TxRequest(tti, {0: mib, 1: payload}), HiDci0Request(tti, (HiPdu(0, 3, ack),), tuple(sent))
    )
    receiver = DownlinkReceiver(cell, fft)
    grid = receiver.demodulate(flat_channel(cell, 2, rng) @ samples)
    result = receiver.receive(
        tti, grid, [RntiSearch(C_RNTI), RntiSearch(SI_RNTI)], hi=[phich.resource(cell, 0, 3)], harq=DlHarqEntities()
    )
    assert result.cfi == cfi
    assert [indication.ack for indication in result.hi] == [ack]
    assert {found.dci for found in result.dci} == {dci, *(pdu.dci for pdu in sent)}
    (block,) = result.dlsch
    assert block.crc_ok
    assert block.payload == payload
    if subframe == 0:
        middle = cell.n_sc // 2
        decoded = pbch.PbchDecoder(cell.pci, cell.cp).decode(
            np.ascontiguousarray(grid[:, :, middle - 36 : middle + 36])
        )
        assert decoded is not None
        assert (decoded.mib, decoded.n_ports, decoded.sfn % 4) == (mib, cell.n_ports, tti // 10 % 4)


@settings(max_examples=30, deadline=None)
@given(cell=cells, tti=st.integers(0, 10239))
def test_channels_do_not_touch_each_other(cell: Cell, tti: int) -> None:
    """A subframe with everything is the sum of subframes with one thing each, over the fixed signals."""
    subframe = tti % 10
    cfi = max(regs.legal_cfis(cell))
    dci, grant = whole_band(cell, subframe, cfi, C_RNTI, 5)
    place = free_place(set(), pdcch_search.candidates(regs.n_cce(cell, cfi), C_RNTI, subframe, False))
    assert place is not None
    tx = TxRequest(tti, {0: b"\x00\x01\x02", 1: bytes(grant.tbs // 8)})
    message, block = DciDlPdu(C_RNTI, dci, *place), DlschPdu(grant, 1)
    bch = BchPdu(0) if subframe == 0 else None
    hi = HiDci0Request(tti, (HiPdu(0, 0, True),))
    sender = DownlinkTransmitter(cell)
    empty = sender.grid(DlConfigRequest(tti, cfi))
    parts = [
        sender.grid(DlConfigRequest(tti, cfi, (message,))),
        sender.grid(DlConfigRequest(tti, cfi, dlsch=(block,)), tx),
        sender.grid(DlConfigRequest(tti, cfi, bch=bch), tx),
        sender.grid(DlConfigRequest(tti, cfi), None, hi),
    ]
    whole = sender.grid(DlConfigRequest(tti, cfi, (message,), bch, (block,)), tx, hi)
    np.testing.assert_allclose(whole, empty + sum(part - empty for part in parts), atol=1e-6)
    written = np.stack([np.abs(part - empty).max(axis=0) > 1e-9 for part in parts])
    assert written.sum(axis=0).max() == 1, "two channels share a resource element"
    assert not (written.any(axis=0) & (np.abs(empty).max(axis=0) > 0)).any(), "a channel covers a fixed signal"


def test_retransmission_without_a_size_takes_it_from_the_process() -> None:
    cell = Cell(pci=7, n_prb=25)
    sender, receiver, harq = DownlinkTransmitter(cell), DownlinkReceiver(cell), DlHarqEntities()
    first = Dci1A(riv=riv_encode(25, 2, 10), mcs=9, ndi=1, harq_process=2)
    again = Dci1A(riv=riv_encode(25, 2, 10), mcs=29, ndi=1, harq_process=2, rv=2)
    size = from_dci(cell, 1, 2, C_RNTI, first).tbs
    payload = np.random.default_rng(0).bytes(size // 8)
    rng = np.random.default_rng(3)
    outcomes = []
    for tti, dci in ((1, first), (9, again)):
        grant = from_dci(cell, tti, 2, C_RNTI, dci, previous_tbs=size)
        place = pdcch_search.candidates(regs.n_cce(cell, 2), C_RNTI, tti, False)[-1]
        config = DlConfigRequest(tti, 2, (DciDlPdu(C_RNTI, dci, *place),), None, (DlschPdu(grant, 0),))
        samples = sender.subframe(config, TxRequest(tti, {0: payload}))
        noise = rng.standard_normal((2, samples.size))
        noisy = samples + ((noise[0] + 1j * noise[1]) * np.sqrt(0.5)).astype(np.complex64)
        result = receiver.receive(tti, receiver.demodulate(noisy), [RntiSearch(C_RNTI)], harq=harq)
        outcomes.append([(block.grant.tbs, block.crc_ok) for block in result.dlsch])
    assert outcomes == [[(size, False)], [(size, True)]], "one transmission at 0 dB fails, two combined do not"
    alone = receiver.receive(9, receiver.demodulate(noisy), [RntiSearch(C_RNTI)])
    assert alone.dlsch == [], "without the process the size of a retransmission is not known"


def test_tti_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="TTI 10240"):
        DownlinkReceiver(Cell(pci=1)).control(10240, np.zeros((1, 14, 72), np.complex64))


@pytest.mark.parametrize(
    ("tx", "hi", "message"),
    [
        (TxRequest(4), None, "TX.request is for TTI 4"),
        (TxRequest(5), None, "no PDU with index 3"),
        (None, HiDci0Request(6), "HI_DCI0.request is for TTI 6"),
    ],
)
def test_requests_that_do_not_fit(tx: TxRequest | None, hi: HiDci0Request | None, message: str) -> None:
    cell = Cell(pci=1)
    _, grant = whole_band(cell, 5, 2, C_RNTI, 0)
    with pytest.raises(ValueError, match=message):
        DownlinkTransmitter(cell).grid(DlConfigRequest(5, 2, dlsch=(DlschPdu(grant, 3),)), tx, hi)


def test_requests_whose_parts_do_not_fit_are_refused() -> None:
    cell = Cell(pci=1, n_prb=25, phich_duration=PhichDuration.EXTENDED)
    sender = DownlinkTransmitter(cell)
    mib = TxRequest(1, {0: bytes(3)})
    with pytest.raises(ValueError, match="subframe 0 only"):
        sender.grid(DlConfigRequest(1, 3, bch=BchPdu(0)), mib)
    with pytest.raises(ValueError, match="CFI 2 is not allowed"):
        sender.grid(DlConfigRequest(1, 2))
    grant = from_dci(cell, 1, 2, 0x46, Dci1A(riv=3, mcs=1))
    with pytest.raises(ValueError, match="grant for CFI 2 in a subframe of CFI 3"):
        sender.grid(DlConfigRequest(1, 3, dlsch=(DlschPdu(grant, 0),)), TxRequest(1, {0: bytes(grant.tbs // 8)}))


def test_power_of_the_pbch() -> None:
    sender = DownlinkTransmitter(Cell(pci=9, n_ports=2))
    tx = TxRequest(0, {0: b"\x12\x34\x00"})
    plain, loud = (sender.grid(DlConfigRequest(0, 3, bch=BchPdu(0, power)), tx) for power in (0.0, 3.0))
    index = pbch.re_index(sender.cell)
    flat_plain, flat_loud = plain.reshape(2, -1), loud.reshape(2, -1)
    np.testing.assert_allclose(flat_loud[:, index], flat_plain[:, index] * 10**0.15, rtol=1e-6)
    others = np.setdiff1d(np.arange(flat_plain.shape[1]), index)
    np.testing.assert_array_equal(flat_loud[:, others], flat_plain[:, others])
