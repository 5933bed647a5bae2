"""Scripted UEs around an eNB's MAC without a physical layer, and what every subframe has to fulfil."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from picocell.mac import pdu, rar
from picocell.mac.common_config import RachConfig
from picocell.mac.control_elements import CRnti, Direction, ShortBsr, bsr_index
from picocell.mac.dedicated_config import Bearer, BearerKind, DedicatedConfig, UlSchConfig
from picocell.mac.enb_mac import DownlinkSubframe, EnbMac
from picocell.mac.pdu import MacPdu, Sdu
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi_uplink import (
    CqiPdu,
    CrcPdu,
    HarqPdu,
    RxPdu,
    SrPdu,
    UlConfigRequest,
    UlIndication,
    UlMeasurement,
)
from picocell.phy.lte import pdsch, phich, prach, pucch, regs, search_space
from picocell.phy.lte.dci import Dci0, DciPdcchOrder, is_broadcast
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.prach_detect import DetectedPreamble
from picocell.phy.lte.ul_grant import PuschGrant, from_dci0, from_rar, retransmission

RACH = RachConfig(52, 6, -104, 10, 10, 64, 4)


@dataclass(frozen=True)
class Status:
    n_bytes: int


class Channel:
    """A logical channel whose PDUs are runs of zeros; whole messages where ``whole``."""

    def __init__(self, waiting: int = 0, whole: bool = False) -> None:
        self.waiting, self.whole, self.sent, self.received = waiting, whole, 0, 0

    def buffer_status(self, now: int) -> Status:
        del now
        return Status(self.waiting)

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        del now
        n = min(grant_bytes, self.waiting)
        if self.whole and n < self.waiting:
            return b""
        self.waiting -= n
        self.sent += n
        return bytes(n)

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        del now
        self.received += len(pdu)


@dataclass
class Sent:
    grant: PuschGrant
    payload: bytes
    transmission: int
    dci: bool


@dataclass
class Ue:
    """A UE that hears and sends as it is told: the hooks give what fails."""

    mac: EnbMac
    rnti: int
    config: DedicatedConfig
    backlog: int = 0
    cqi: int = 15
    snr_db: float = 30.0
    delay_s: float = 0.0
    hears: Callable[[int, object], bool] = lambda _now, _dci: True
    decodes: Callable[[int, int], bool] = lambda _now, _tbs: True
    received_ok: Callable[[int, int], bool] = lambda _now, _tbs: True
    sr_on: bool = True
    acks: dict[int, tuple[int, bool]] = field(default_factory=dict)
    due: dict[int, Sent] = field(default_factory=dict)
    sent: dict[int, Sent] = field(default_factory=dict)
    ndi: dict[int, int] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    blocks: list[MacPdu] = field(default_factory=list)
    orders: int = 0
    first_sent: int = 0
    n_new: int = 0

    def downlink(self, now: int, sub: DownlinkSubframe) -> None:
        state = self.mac.state
        for pdu_ in sub.config.dci:
            if pdu_.rnti != self.rnti or not self.hears(now, pdu_.dci):
                continue
            if isinstance(pdu_.dci, DciPdcchOrder):
                self.orders += 1
                continue
            block = next(b for b in sub.config.dlsch if b.grant.rnti == self.rnti)
            grant = block.grant
            ok = self.decodes(now, grant.tbs)
            self.acks[now + 4] = (pdu_.cce_index + state.ul.pucch.n1_pucch_an, ok)
            if ok and self.done.get(grant.harq_process) != grant.ndi:
                self.done[grant.harq_process] = grant.ndi
                self.blocks.append(pdu.parse(sub.tx.pdus[block.pdu_index], Direction.DOWNLINK))
        granted = False
        for dci in sub.hi_dci0.dci:
            if dci.rnti == self.rnti and self.hears(now, dci.dci):
                assert isinstance(dci.dci, Dci0)
                self._granted(now + 4, dci.dci)
                granted = True
        last = self.sent.pop(now - 4, None)
        if last is not None and not granted:
            resource = phich.resource(state.cell, last.grant.prb_start[0], last.grant.cyclic_shift)
            answer = next(
                h
                for h in sub.hi_dci0.hi
                if phich.resource(state.cell, h.rb_start, h.cyclic_shift_2_for_dmrs) == resource
            )
            if not answer.hi_value and last.transmission + 1 < self.config.ul_sch.max_harq_tx:
                again = retransmission(state.cell, state.ul, (now + 4) % 10240, last.grant, last.transmission + 1)
                self.due[now + 4] = Sent(again, last.payload, last.transmission + 1, False)

    def _granted(self, at: int, dci: Dci0) -> None:
        state, p = self.mac.state, at % 8
        before = self._buffer.get(p)
        previous = before.grant if before is not None else None
        transmission = 0
        new = before is None or self.ndi.get(p) != dci.ndi
        if not new and before is not None:
            transmission = before.transmission + 1
        grant = from_dci0(
            state.cell, state.ul, at % 10240, self.rnti, dci, previous=previous, transmission=transmission
        )
        self.ndi[p] = dci.ndi
        payload = self._build(grant.tbs // 8) if new or before is None else before.payload
        self.n_new += new
        self.due[at] = Sent(grant, payload, transmission, True)

    @property
    def _buffer(self) -> dict[int, Sent]:
        return self._buffers

    def __post_init__(self) -> None:
        self._buffers: dict[int, Sent] = {}

    def _build(self, size: int) -> bytes:
        room = max(size - 3, 0)
        n = min(room, self.backlog)
        self.backlog -= n
        self.first_sent += n
        elements: list[pdu.Element] = [ShortBsr(0, bsr_index(self.backlog))] if size >= 2 else []
        if n:
            elements.append(Sdu(3, bytes(n)))
        return pdu.build(pdu.fit(elements, size), Direction.UPLINK)

    def uplink(self, now: int, request: UlConfigRequest, result: UlIndication) -> None:
        sent = self.due.pop(now, None)
        n_pucch, ack = self.acks.pop(now, (None, False))
        measured = UlMeasurement(self.snr_db, self.delay_s, 0.0)
        for expected in request.ulsch:
            if expected.grant.rnti != self.rnti:
                continue
            grant = expected.grant
            if sent is not None:
                assert (grant.prb_start, grant.n_prb, grant.tbs, grant.rv, grant.cyclic_shift) == (
                    sent.grant.prb_start,
                    sent.grant.n_prb,
                    sent.grant.tbs,
                    sent.grant.rv,
                    sent.grant.cyclic_shift,
                )
            ok = sent is not None and self.received_ok(now, grant.tbs)
            result.crc.append(CrcPdu(expected.handle, self.rnti, ok, sent is not None))
            if ok and sent is not None:
                result.rx.append(RxPdu(expected.handle, self.rnti, sent.payload, measured))
            if grant.uci.n_ack:
                here = sent is not None and n_pucch is not None
                result.harq.append(HarqPdu(expected.handle, self.rnti, (int(ack),) if here else ()))
            if grant.uci.n_cqi and sent is not None:
                result.cqi.append(CqiPdu(expected.handle, self.rnti, self._cqi_bits(grant.uci.n_cqi)))
        if sent is not None:
            self.sent[now] = sent
            self._buffers[now % 8] = sent
        for uci in request.uci:
            asked = uci.request
            if asked.rnti != self.rnti or sent is not None:
                continue
            if asked.n_ack:
                assert n_pucch is None or n_pucch == asked.n_pucch_ack
                result.harq.append(HarqPdu(uci.handle, self.rnti, (int(ack),) if n_pucch is not None else ()))
            if asked.n_pucch_sr is not None and self.backlog and self.sr_on and not self.due:
                result.sr.append(SrPdu(uci.handle, self.rnti, measured))
            if asked.n_cqi:
                result.cqi.append(CqiPdu(uci.handle, self.rnti, self._cqi_bits(asked.n_cqi)))

    def _cqi_bits(self, n: int) -> tuple[int, ...]:
        return (*(self.cqi >> (3 - i) & 1 for i in range(4)), *([0] * (n - 4)))


def add_ue(mac: EnbMac, resources: UciResources, rnti: int, now: int = 0, **kwargs: object) -> Ue:
    """A connected UE with a data bearer on logical channel 3."""
    given = resources.allocate(rnti)
    bearers = (Bearer(BearerKind.SRB, 1, 1, priority=1, lcg=0), Bearer(BearerKind.DRB, 1, 3, priority=9, lcg=0))
    config = DedicatedConfig(
        transmission_mode=1 if mac.state.cell.n_ports == 1 else 2, sr=given.sr, cqi=given.cqi, bearers=bearers
    )
    mac.configure(rnti, config, now)
    mac.add_channel(rnti, 3, Channel())
    return Ue(mac, rnti, config, **kwargs)  # type: ignore[arg-type]


def channel(mac: EnbMac, rnti: int, lcid: int = 3) -> Channel:
    """A channel of a UE."""
    found = mac.ue(rnti).channels[lcid]
    assert isinstance(found, Channel)
    return found


def step(
    mac: EnbMac,
    ues: Iterable[Ue],
    now: int,
    *,
    broadcast: object = None,
    paging: bytes | None = None,
    rach: list[DetectedPreamble] | None = None,
    check: bool = True,
    preview: Callable[[DownlinkSubframe, UlConfigRequest], None] | None = None,
) -> tuple[DownlinkSubframe, UlConfigRequest]:
    """One ms of the cell."""
    sub = mac.downlink(now, broadcast, paging)  # type: ignore[arg-type]
    request = mac.uplink(now)
    if check:
        check_downlink(mac, sub, now)
        check_uplink(mac, request, now)
    for ue in ues:
        ue.downlink(now, sub)
    if preview is not None:
        preview(sub, request)
    result = UlIndication(now % 10240)
    for ue in ues:
        ue.uplink(now, request, result)
    if rach:
        result.rach = rach
    mac.receive(result, now)
    return sub, request


def check_downlink(mac: EnbMac, sub: DownlinkSubframe, now: int) -> None:
    """No two PDSCHs share a resource block, no two DCIs a CCE; each DCI stands where its UE looks; rates are legal."""
    cell, cfi = mac.state.cell, sub.config.cfi
    n_cce = regs.n_cce(cell, cfi)
    used: set[int] = set()
    for dci in (*sub.config.dci, *sub.hi_dci0.dci):
        cces = set(range(dci.cce_index, dci.cce_index + dci.aggregation_level))
        assert max(cces) < n_cce
        assert not cces & used
        used |= cces
        assert search_space.may_start_at(n_cce, dci.rnti, now % 10, dci.cce_index, dci.aggregation_level)
    prbs: tuple[set[int], set[int]] = (set(), set())
    for block in sub.config.dlsch:
        grant = block.grant
        assert grant.cfi == cfi
        assert len(sub.tx.pdus[block.pdu_index]) * 8 == grant.tbs
        for slot in range(2):
            assert not prbs[slot] & set(grant.prbs[slot])
            prbs[slot].update(grant.prbs[slot])
        first = is_broadcast(grant.rnti) or (
            mac.ue(grant.rnti).dl_harq.processes[grant.harq_process].transmissions == 1
        )
        if first:
            n_re = pdsch.n_re(cell, now % 10, grant.prbs, cfi)
            assert (grant.tbs + 24) / (n_re * grant.q_m) < 0.93
        match = [d.dci for d in sub.config.dci if d.rnti == grant.rnti]
        if len(match) == 1:
            again = from_dci(cell, now % 10, cfi, grant.rnti, match[0], previous_tbs=grant.tbs)
            assert again == grant
    resources = [phich.resource(cell, h.rb_start, h.cyclic_shift_2_for_dmrs) for h in sub.hi_dci0.hi]
    assert len(set(resources)) == len(resources)


def check_uplink(mac: EnbMac, request: UlConfigRequest, now: int) -> None:
    """No two PUSCHs share a resource block; PUCCH and PRACH are kept free; PUCCH resources are distinct."""
    cell, ul = mac.state.cell, mac.state.ul
    used: tuple[set[int], set[int]] = (set(), set())
    rnti = [p.grant.rnti for p in request.ulsch] + [p.request.rnti for p in request.uci]
    assert len(set(rnti)) == len(rnti)
    for pdu_ in request.ulsch:
        for slot, start in enumerate(pdu_.grant.prb_start):
            prbs = set(range(start, start + pdu_.grant.n_prb))
            assert max(prbs) < ul.n_prb
            assert not prbs & used[slot]
            used[slot].update(prbs)
    if prach.is_opportunity(ul, now // 10 % 1024, now % 10):
        first = prach.first_prb(ul)
        assert not (used[0] | used[1]) & set(range(first, first + 6))
    taken: list[tuple[str, int]] = []
    for uci in request.uci:
        pucch.check_request(ul, uci.request)
        for space, n in (
            ("1", uci.request.n_pucch_sr),
            ("1", uci.request.n_pucch_ack),
            ("2", uci.request.n2_pucch),
        ):
            if n is not None:
                taken.append((space, n))
                for slot, prb in enumerate(pucch.resource_blocks(cell, ul, space, n)):
                    assert prb not in used[slot]
    assert len(set(taken)) == len(taken)


def preamble(number: int, delay_s: float = 0.0) -> DetectedPreamble:
    """A preamble as the detector tells it."""
    return DetectedPreamble(number, delay_s, 0.0, 0.0, 20.0, 10.0)


class Newcomer(Ue):
    """A UE that starts by random access: it reads its response and sends message 3."""

    def __init__(self, mac: EnbMac, number: int, sent_at: int, c_rnti: int | None = None) -> None:
        super().__init__(mac, 0, DedicatedConfig(ul_sch=UlSchConfig(max_harq_tx=RACH.max_harq_msg3_tx)))
        self.number, self.sent_at, self.c_rnti = number, sent_at, c_rnti
        self.identity = bytes([number]) * 6
        self.response: rar.RandomAccessResponse | None = None
        self.answered_at = 0
        self.resolved = False

    def downlink(self, now: int, sub: DownlinkSubframe) -> None:
        if self.response is None:
            self._look(now, sub)
        super().downlink(now, sub)
        for block in self.blocks:
            for element in block.control_elements:
                self.resolved |= getattr(element, "identity", None) == self.identity

    def _look(self, now: int, sub: DownlinkSubframe) -> None:
        ra_rnti = rar.ra_rnti(self.sent_at % 10)
        for block in sub.config.dlsch:
            if block.grant.rnti != ra_rnti or not self.sent_at + 3 <= now < self.sent_at + 13:
                continue
            for found in rar.parse(sub.tx.pdus[block.pdu_index]).responses:
                if found.rapid == self.number:
                    self.response, self.rnti, self.answered_at = found, found.tc_rnti, now
                    at = now + 6 + found.grant.ul_delay
                    state = self.mac.state
                    grant = from_rar(state.cell, state.ul, at % 10240, self.rnti, found.grant)
                    first: pdu.Element = Sdu(0, self.identity) if self.c_rnti is None else CRnti(self.c_rnti)
                    payload = pdu.build(pdu.fit([first], grant.tbs // 8), Direction.UPLINK)
                    self.due[at] = Sent(grant, payload, 0, True)
                    self.ndi[at % 8] = 0
