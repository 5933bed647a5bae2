"""The eNB's MAC as a whole: throughput, latency, control elements, paging, loss, and nothing left behind."""

import pytest

from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.system_information import Identity, sib1, sib2, sib3, system_information
from picocell.mac import pdu
from picocell.mac.control_elements import Direction, PowerHeadroom, TimingAdvance
from picocell.mac.dedicated_config import DedicatedConfig, SchedulingRequest
from picocell.mac.dl_allocation import DlPrbs, mask_of
from picocell.mac.enb_events import UeLost
from picocell.mac.enb_mac import EnbMac, EnbMacSettings
from picocell.mac.uci_resources import UciResources
from picocell.phy.lte.allocation import rbg_size
from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.dci import P_RNTI, Dci0, Dci1, Dci1A
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from support.enb_mac_harness import RACH, Ue, add_ue, channel, step


def cell_of(n_ues: int, n_prb: int = 25, scheduler: str = "rr", **kwargs: object) -> tuple[EnbMac, list[Ue]]:
    ul = UplinkConfig(n_prb, pusch=PuschConfig(enable_64qam=True))
    mac = EnbMac(Cell(1, n_prb), ul, RACH, scheduler=scheduler, settings=EnbMacSettings(**kwargs))  # type: ignore[arg-type]
    resources = UciResources(mac.state.cell, ul)
    return mac, [add_ue(mac, resources, 500 + i) for i in range(n_ues)]


@pytest.mark.parametrize(("n_prb", "dl", "ul"), [(6, 3.9, 1.9), (25, 18.0, 12.0), (100, 74.0, 45.0)])
def test_a_full_buffer_ue_gets_everything_every_subframe(n_prb: int, dl: float, ul: float) -> None:
    """Mbit/s over 0.6 s; at 6 PRB two of ten subframes are the preambles'."""
    mac, (ue,) = cell_of(1, n_prb)
    channel(mac, 500).waiting = ue.backlog = 10**9
    grants = 0
    for now in range(700):
        if now == 100:
            before = (mac.ue(500).metrics.dl_bytes, mac.ue(500).metrics.ul_bytes)
        sub, _ = step(mac, [ue], now)
        if now >= 100:
            grants += len(sub.config.dlsch)
    metrics = mac.ue(500).metrics
    assert grants == 600
    assert (metrics.dl_bytes - before[0]) * 8 / 0.6e6 > dl
    assert (metrics.ul_bytes - before[1]) * 8 / 0.6e6 > ul


@pytest.mark.parametrize("scheduler", ["rr", "pf"])
def test_equal_ues_get_equal_shares(scheduler: str) -> None:
    mac, ues = cell_of(6, scheduler=scheduler)
    for ue in ues:
        channel(mac, ue.rnti).waiting = ue.backlog = 10**9
    for now in range(900):
        step(mac, ues, now, check=False)
    for direction in ("dl_bytes", "ul_bytes"):
        got = [getattr(mac.ue(ue.rnti).metrics, direction) for ue in ues]
        assert max(got) / min(got) < 1.25, direction


def test_a_request_is_granted_at_once_and_large_enough() -> None:
    mac, (ue,) = cell_of(1)
    waited = []
    for now in range(400):
        if now % 50 == 7:
            ue.backlog, asked = 90, None
        sub, request = step(mac, [ue], now)
        if any(u.request.n_pucch_sr is not None for u in request.uci) and ue.backlog:
            asked = now
        if sub.hi_dci0.dci and ue.backlog == 0 and asked is not None:
            waited.append(now - asked)
            asked = None
    assert len(waited) >= 7
    assert set(waited) == {1}
    assert channel(mac, 500).received == 90 * len(waited)


def test_downlink_data_waits_a_few_ms_at_most_and_none_when_announced() -> None:
    mac, (ue,) = cell_of(1)
    for now in range(200):
        step(mac, [ue], now)
    channel(mac, 500).waiting = 40
    mac.data_ready(500)
    sub, _ = step(mac, [ue], 200)
    assert len(sub.config.dlsch) == 1
    for now in range(201, 400):
        step(mac, [ue], now)
    channel(mac, 500).waiting = 40
    assert any(step(mac, [ue], now)[0].config.dlsch for now in range(400, 404))


def test_a_backlog_is_drained_without_further_requests() -> None:
    mac, (ue,) = cell_of(1)
    ue.backlog = 60000
    for now in range(300):
        step(mac, [ue], now)
    assert ue.backlog == 0
    assert channel(mac, 500).received == 60000
    assert not mac.state.ul_active


def test_headroom_limits_the_resource_blocks() -> None:
    mac, (ue,) = cell_of(1)
    state = mac.ue(500)
    ue.backlog = 10**6
    for now in range(60):
        step(mac, [ue], now)
    element = PowerHeadroom(23 - 3)  # -3 dB
    pdu.build(pdu.fit([element], 10), Direction.UPLINK)
    state.phr_db, state.phr_n_prb = element.least_db, 20
    for now in range(60, 80):
        _, request = step(mac, [ue], now)
        if now >= 72:
            assert all(p.grant.n_prb <= 13 for p in request.ulsch)


def test_a_late_ue_is_told_to_advance() -> None:
    mac, (ue,) = cell_of(1)
    ue.delay_s = 4 * 16 / 30.72e6
    for now in range(200):
        if now % 20 == 7:
            ue.backlog = 50
        step(mac, [ue], now)
        for block in ue.blocks:
            for element in block.control_elements:
                if isinstance(element, TimingAdvance):
                    ue.delay_s -= (element.command - 31) * 16 / 30.72e6
        ue.blocks.clear()
    assert abs(ue.delay_s) < 1e-9
    assert mac.ue(500).ta_total == 4


def test_the_alignment_timer_is_kept_alive() -> None:
    mac, (ue,) = cell_of(1)
    config = DedicatedConfig(sr=ue.config.sr, cqi=ue.config.cqi, time_alignment_timer=500)
    mac.configure(500, config, 0)
    commands = 0
    for now in range(2000):
        step(mac, [ue], now)
    for block in ue.blocks:
        commands += sum(element == TimingAdvance(31) for element in block.control_elements)
    assert 5 <= commands <= 8


def test_a_ue_out_of_alignment_is_ordered_back_before_it_is_sent_data() -> None:
    mac, (ue,) = cell_of(1)
    mac.configure(500, DedicatedConfig(sr=ue.config.sr, cqi=ue.config.cqi, time_alignment_timer=100), 0)
    mac.ue(500).ta_next = 10**9  # nothing keeps it aligned
    for now in range(200):
        step(mac, [ue], now)
    channel(mac, 500).waiting = 40
    for now in range(200, 700):
        sub, _ = step(mac, [ue], now)
        assert not sub.config.dlsch
    assert ue.orders == 3


def test_small_grants_unasked() -> None:
    mac, (ue,) = cell_of(1, proactive_grant_period=20)
    for now in range(200):
        step(mac, [ue], now)
    assert ue.n_new in (9, 10)


def test_power_commands_go_towards_the_target() -> None:
    mac, (ue,) = cell_of(1)
    ue.snr_db, ue.backlog = 10.0, 10**6
    fields = []
    for now in range(200):
        sub, _ = step(mac, [ue], now)
        fields += [d.dci.tpc for d in sub.hi_dci0.dci if isinstance(d.dci, Dci0)]
    assert set(fields) == {1, 3}
    assert 5 < fields.count(3) <= 20


def test_a_ue_that_is_gone_is_reported_once() -> None:
    mac, (ue,) = cell_of(1)
    channel(mac, 500).waiting = 10**6
    ue.hears = lambda _now, _dci: False
    events = []
    for now in range(700):
        step(mac, [ue], now)
        while (event := mac.next_event()) is not None:
            events.append(event)
            assert now >= 400  # a deep fade is shorter
    assert len(events) == 1
    assert isinstance(events[0], UeLost)
    assert "without an answer" in events[0].reason


@pytest.mark.parametrize("n_prb", [6, 25])
def test_paging_and_broadcast_keep_their_places(n_prb: int) -> None:
    mac, (ue,) = cell_of(1, n_prb)
    channel(mac, 500).waiting = 10**7
    si = system_information({2: sib2(n_prb), 3: sib3()})
    broadcast = BroadcastScheduler(mac.state.cell, sib1(Identity()), [si])
    message = bytes(range(12))
    paged = 0
    for now in range(100):
        sent = broadcast.subframe(now)
        paging = message if now % 10 == 9 else None
        sub, _ = step(mac, [ue], now, broadcast=sent, paging=paging)
        assert (sub.config.bch is None) == (now % 10 != 0)
        if paging is None and sent.dlsch:
            assert sub.config.dci[0] == sent.dci[0]
            assert sub.config.dlsch[0].grant == sent.dlsch[0].grant
            assert sub.tx.pdus[sent.dlsch[0].pdu_index] == sent.payloads[sent.dlsch[0].pdu_index]
        for block in sub.config.dlsch:
            if block.grant.rnti == P_RNTI:
                paged += 1
                assert sub.tx.pdus[block.pdu_index].startswith(message)
    assert paged == 10
    assert mac.ue(500).metrics.dl_ok > 80


@pytest.mark.parametrize("n_prb", [6, 25, 50, 100])
def test_scattered_blocks_are_told_by_format_1_and_contiguous_ones_by_1a(n_prb: int) -> None:
    cell = Cell(1, n_prb)
    prbs = DlPrbs(n_prb)
    prbs.take(1 << n_prb // 2)
    blocks = prbs.allocate(n_prb)
    assert blocks is not None
    dci = blocks.dci(5, 0, 1, 0, 1)
    assert isinstance(dci, Dci1)
    grant = from_dci(cell, 3, 1, 500, dci)
    assert mask_of(grant.prbs[0]) == blocks.mask
    assert not blocks.mask >> n_prb // 2 & 1
    assert blocks.n_prb > n_prb - 2 * rbg_size(n_prb)
    prbs = DlPrbs(n_prb)
    blocks = prbs.allocate(4)
    assert blocks is not None
    assert isinstance(blocks.dci(5, 0, 1, 0, 1), Dci1A)
    assert prbs.allocate(n_prb - 3, exact=True) is None
    rest = prbs.allocate(n_prb)
    assert rest is not None
    assert rest.mask | blocks.mask == (1 << n_prb) - 1
    assert prbs.allocate(1) is None


def test_refuses_what_cannot_be() -> None:
    mac, _ = cell_of(0)
    with pytest.raises(ValueError, match="is not known"):
        mac.ue(1)
    with pytest.raises(ValueError, match="is outside 1"):
        mac.configure(0xFFFF, DedicatedConfig(), 0)
    with pytest.raises(ValueError, match="does not exist"):
        mac.configure(500, DedicatedConfig(sr=SchedulingRequest(2000, 5, 64)), 0)
    mac.configure(500, DedicatedConfig(), 0)
    with pytest.raises(ValueError, match="LCID 11"):
        mac.add_channel(500, 11, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="TDD"):
        EnbMac(Cell(1, 25, duplex=Duplex.TDD), UplinkConfig(25), RACH)
    mac.remove(500)
    mac.remove(500)
    assert mac.rntis == ()


def test_time_does_not_wrap() -> None:
    mac, (ue,) = cell_of(1)
    channel(mac, 500).waiting = ue.backlog = 10**9
    for now in range(10240 * 100 - 50, 10240 * 100 + 150):
        step(mac, [ue], now)
    assert mac.ue(500).metrics.dl_nok == 0
    assert mac.ue(500).metrics.dl_ok >= 190
