"""Random access at the eNB: windows, many at once, contention, C-RNTI, orders, overload, nothing left behind."""

import pytest

from picocell.mac import rar
from picocell.mac.control_elements import ContentionResolution
from picocell.mac.enb_events import CcchReceived, CRntiReceived, EnbMacEvent, RandomAccessExpired
from picocell.mac.enb_mac import EnbMac, EnbMacSettings
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi import DciDlPdu
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import DciPdcchOrder
from picocell.phy.lte.uplink_config import UplinkConfig
from support.enb_mac_harness import RACH, Channel, Newcomer, add_ue, preamble, step


def cell_of(n_prb: int = 25, **settings: int) -> EnbMac:
    return EnbMac(Cell(1, n_prb), UplinkConfig(n_prb), RACH, settings=EnbMacSettings(**settings))


def run(mac: EnbMac, ues: list[Newcomer], until: int, answer: bool = True) -> list[EnbMacEvent]:
    """Run from the first preamble on; the CCCH is answered at once."""
    events = []
    for now in range(min(ue.sent_at for ue in ues), until):
        heard = [preamble(ue.number, 2e-6) for ue in ues if ue.sent_at == now]
        step(mac, ues, now, rach=heard)
        while (event := mac.next_event()) is not None:
            events.append(event)
            if isinstance(event, CcchReceived) and answer:
                mac.add_channel(event.rnti, 0, Channel(28, whole=True))
    return events


def test_contention_is_resolved_with_the_setup_message() -> None:
    mac = cell_of()
    ue = Newcomer(mac, 7, 21)
    events = run(mac, [ue], 80)
    assert events == [CcchReceived(ue.rnti, ue.identity)]
    assert 24 <= ue.answered_at <= 33
    assert ue.response is not None
    assert ue.response.timing_advance == round(2e-6 * 30.72e6 / 16)
    (block,) = ue.blocks
    assert block.elements[0] == ContentionResolution(ue.identity)
    assert [(sdu.lcid, len(sdu.data)) for sdu in block.sdus] == [(0, 28)]
    assert not mac.state.deadlines


@pytest.mark.parametrize("n_prb", [6, 25])
def test_many_at_once(n_prb: int) -> None:
    mac = cell_of(n_prb)
    ues = [Newcomer(mac, number, 21) for number in range(12)]
    events = run(mac, ues, 120)
    answered = [ue for ue in ues if ue.response is not None]
    assert len(answered) >= (6 if n_prb == 6 else 12)
    assert all(ue.resolved for ue in answered)
    assert len({ue.rnti for ue in answered}) == len(answered)
    assert len([event for event in events if isinstance(event, CcchReceived)]) == len(answered)


def test_message_3_is_repeated_on_nack_until_it_comes() -> None:
    mac = cell_of()
    ue = Newcomer(mac, 7, 21)
    ue.received_ok = lambda now, _tbs: now >= ue.answered_at + 6 + 16
    run(mac, [ue], 100)
    assert ue.resolved
    assert mac.ue(ue.rnti).metrics.ul_nok == 2


def test_a_random_access_that_comes_to_nothing_is_forgotten() -> None:
    mac = cell_of()
    ue = Newcomer(mac, 7, 21)
    ue.received_ok = lambda _now, _tbs: False
    events = run(mac, [ue], 120)
    assert events == [RandomAccessExpired(ue.rnti)]
    assert mac.rntis == ()
    mac = cell_of()
    ue = Newcomer(mac, 7, 21)
    ue.decodes = lambda _now, _tbs: False
    ue.hears = lambda _now, _dci: False
    events = run(mac, [ue], 200)
    assert events[-1] == RandomAccessExpired(ue.rnti)
    assert mac.rntis == ()


def test_the_contention_is_resolved_alone_where_the_answer_takes_long() -> None:
    mac = cell_of(ccch_wait=5)
    ue = Newcomer(mac, 7, 21)
    run(mac, [ue], 80, answer=False)
    assert ue.resolved
    assert ue.blocks[0].sdus == ()


def test_a_known_ue_comes_back_by_its_c_rnti() -> None:
    mac = cell_of()
    known = add_ue(mac, UciResources(mac.state.cell, mac.state.ul), 500)
    ue = Newcomer(mac, 7, 21, c_rnti=500)
    events = []
    granted = 0
    for now in range(21, 80):
        sub, _ = step(mac, [known, ue], now, rach=[preamble(7)] if now == 21 else None)
        granted += sum(dci.rnti == 500 for dci in sub.hi_dci0.dci)
        while (event := mac.next_event()) is not None:
            events.append(event)
    assert events == [CRntiReceived(500)]
    assert granted >= 1
    assert mac.rntis == (500,)


def test_overload_gets_a_backoff() -> None:
    mac = cell_of(max_ues=2)
    ues = [Newcomer(mac, number, 21) for number in range(5)]
    backoff = []
    for now in range(21, 60):
        sub, _ = step(mac, ues, now, rach=[preamble(ue.number) for ue in ues] if now == 21 else None)
        backoff += [
            rar.parse(sub.tx.pdus[block.pdu_index]).backoff
            for block in sub.config.dlsch
            if block.grant.rnti == rar.ra_rnti(1)
        ]
    assert 2 in backoff
    assert len(mac.rntis) <= 2
    assert mac.counters["preamble refused: no context left"]


def test_a_stray_preamble_is_ignored() -> None:
    mac = cell_of()
    for now in range(21, 40):
        sub, _ = step(mac, [], now, rach=[preamble(60)] if now == 21 else None)
        assert not sub.config.dci
    assert mac.counters == {"preamble that is nobody's": 1}


def test_an_order_goes_out_and_the_ues_own_preamble_brings_it_back() -> None:
    mac = cell_of()
    ue = add_ue(mac, UciResources(mac.state.cell, mac.state.ul), 500)
    mac.order_random_access(500, 0)
    orders: list[DciDlPdu] = []
    own = Newcomer(mac, 52, 21)
    events = []
    for now in range(60):
        sub, _ = step(mac, [ue, own] if now > 21 else [ue], now, rach=[preamble(52)] if now == 21 else None)
        orders += [dci for dci in sub.config.dci if isinstance(dci.dci, DciPdcchOrder)]
        while (event := mac.next_event()) is not None:
            events.append(event)
    assert [(order.rnti, order.dci) for order in orders] == [(500, DciPdcchOrder(preamble_index=52))]
    assert own.rnti == 500
    assert mac.rntis == (500,)
