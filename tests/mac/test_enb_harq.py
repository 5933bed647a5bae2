"""HARQ of the eNB, both ways: when what is sent again, and how, after ACK, NACK, DTX and results that come late."""

from itertools import pairwise

import pytest

from picocell.mac.enb_dl_harq import Answer, DlState, EnbDlHarq, EnbDlProcess
from picocell.mac.enb_events import UeLost
from picocell.mac.enb_mac import DownlinkSubframe, EnbMac, EnbMacSettings
from picocell.mac.enb_ul_harq import EnbUlProcess, Retransmission, UlState
from picocell.mac.pdu import Sdu
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi_uplink import UlIndication
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from support.enb_mac_harness import RACH, Ue, add_ue, channel, step

START = 100
QUIET = UplinkConfig(25, prach=PrachConfig(config_index=0))  # preambles in subframe 1 of even frames only


def one(**kwargs: object) -> tuple[EnbMac, Ue]:
    """A cell with one UE, whose power commands do not disturb."""
    mac = EnbMac(Cell(1, 25), QUIET, RACH, settings=EnbMacSettings(ul_target_snr_db=None, pucch_target_snr_db=None))
    return mac, add_ue(mac, UciResources(mac.state.cell, QUIET), 500, START, **kwargs)


def downlink_log(mac: EnbMac, ue: Ue, n: int) -> list[tuple[int, int, int, int, int]]:
    """(subframe, process, NDI, rv, MCS) of each DCI to the UE."""
    log = []
    for now in range(START, START + n):
        sub, _ = step(mac, [ue], now)
        log += [
            (now - START, d.dci.harq_process, d.dci.ndi, d.dci.rv, d.dci.mcs)  # type: ignore[union-attr]
            for d in sub.config.dci
        ]
    return log


def test_an_acknowledged_block_is_sent_once() -> None:
    mac, ue = one()
    channel(mac, 500).waiting = 100
    assert len(downlink_log(mac, ue, 40)) == 1
    assert mac.ue(500).metrics.dl_ok == 1


def test_a_nack_brings_the_next_redundancy_versions_eight_subframes_apart_at_best() -> None:
    mac, ue = one(decodes=lambda _now, _tbs: False)
    channel(mac, 500).waiting = 100
    log = downlink_log(mac, ue, 60)
    assert [entry[3] for entry in log] == [0, 2, 3, 1, 0]
    assert len({entry[1:3] for entry in log}) == 1
    assert {b[0] - a[0] for a, b in pairwise(log)} == {5}
    metrics = mac.ue(500).metrics
    assert (metrics.dl_nok, metrics.dl_dropped, metrics.dl_dtx) == (5, 1, 0)


def test_dtx_repeats_the_redundancy_version_that_was_missed() -> None:
    mac, ue = one(hears=lambda now, _dci: now > START + 8)
    channel(mac, 500).waiting = 100
    log = downlink_log(mac, ue, 60)
    assert [entry[3] for entry in log] == [0, 0, 0]
    assert len({(entry[1], entry[2], entry[4]) for entry in log}) == 1
    metrics = mac.ue(500).metrics
    assert (metrics.dl_dtx, metrics.dl_ok) == (2, 1)
    assert mac.ue(500).dl_loop.offset_db >= 0  # the rate was not to blame
    assert mac.ue(500).pdcch_loop.offset_db < -1


def test_the_next_block_of_a_process_toggles_its_ndi() -> None:
    process = EnbDlProcess(3)
    process.start(b"a", 0)
    assert process.ndi == 1
    assert not process.answered(Answer.NACK, 4)
    assert (process.state, process.redundancy_version) == (DlState.RETRANSMIT, 2)
    process.again(8)
    assert not process.answered(Answer.ACK, 4)
    process.start(b"b", 12)
    assert (process.ndi, process.redundancy_version, process.transmissions) == (0, 0, 1)


def test_eight_blocks_are_in_flight() -> None:
    harq = EnbDlHarq()
    for number in range(8):
        process = harq.idle()
        assert process is not None
        process.start(b"x", number)
    assert harq.idle() is None
    assert harq.busy


def uplink_log(mac: EnbMac, ue: Ue, n: int) -> list[tuple[int, str, int, int]]:
    """(subframe, what, MCS or 0, rv) of grants and HARQ indicators to the UE."""
    log: list[tuple[int, str, int, int]] = []

    def note(now: int, sub: DownlinkSubframe) -> None:
        for hi in sub.hi_dci0.hi:
            log.append((now - START, "ACK" if hi.hi_value else "NACK", 0, 0))
        for dci in sub.hi_dci0.dci:
            assert isinstance(dci.dci, Dci0)
            log.append((now - START, f"grant {dci.dci.ndi}", dci.dci.mcs, 0))

    for now in range(START, START + n):
        note(now, step(mac, [ue], now)[0])
    return log


def ask(mac: EnbMac, n_bytes: int = 100) -> None:
    mac.ue(500).wants_grant = n_bytes
    mac.state.ul_active[500] = None


def test_a_nack_on_the_phich_makes_the_ue_send_again_on_the_same_blocks() -> None:
    mac, ue = one(received_ok=lambda now, _tbs: now > START + 12)
    ask(mac)
    log = uplink_log(mac, ue, 40)
    assert [entry[:2] for entry in log] == [(0, "grant 1"), (8, "NACK"), (16, "NACK"), (24, "ACK")]
    assert mac.ue(500).ul_harq.processes[(START + 4) % 8].state is UlState.IDLE
    assert (mac.ue(500).metrics.ul_nok, mac.ue(500).metrics.ul_ok) == (2, 1)


def test_a_missed_grant_is_repeated_as_for_a_new_block() -> None:
    mac, ue = one(hears=lambda now, _dci: now > START)
    ask(mac)
    log = uplink_log(mac, ue, 40)
    assert [(at, what) for at, what, _, _ in log] == [(0, "grant 1"), (8, "ACK"), (8, "grant 1"), (16, "ACK")]
    assert log[0][2] == log[2][2]
    assert ue.n_new == 1


def test_blocks_taken_by_others_make_the_retransmission_adaptive() -> None:
    mac, ue = one(received_ok=lambda now, _tbs: now > START + 4)
    ask(mac)
    sub, _ = step(mac, [ue], START)
    (grant,) = sub.hi_dci0.dci
    log = []
    for now in range(START + 1, START + 30):
        if now == START + 8:  # a message 3 has come in between
            first = mac.state.plan(START + 4).pusch[0]
            other = mac._add(900, mac.ue(500).phase, now)
            process = EnbUlProcess(0)
            process.started(first.grant, 0, False, now)
            blocked = type(first)(other, process, first.grant)
            mac.state.plan(START + 12).pusch.append(blocked)
            sub = mac.downlink(now)
            log += [(now - START, hi.hi_value) for hi in sub.hi_dci0.hi]
            again = [dci for dci in sub.hi_dci0.dci if dci.rnti == 500]
            ue.downlink(now, sub)
            mac.state.plan(START + 12).pusch.remove(blocked)
            request = mac.uplink(now)
            result = UlIndication(now)
            ue.uplink(now, request, result)
            mac.receive(result, now)
        else:
            step(mac, [ue], now)
    assert log == [(8, True)]
    assert len(again) == 1
    assert isinstance(grant.dci, Dci0)
    assert isinstance(again[0].dci, Dci0)
    assert again[0].dci.ndi == grant.dci.ndi
    assert again[0].dci.mcs == 30  # redundancy version 2
    assert mac.ue(500).metrics.ul_ok == 1


def test_a_late_result_suspends_the_block_and_asks_for_it_later() -> None:
    mac, ue = one(received_ok=lambda now, _tbs: now > START + 4)
    ask(mac)
    log: list[tuple[int, str]] = []
    waiting: list[tuple[int, UlIndication]] = []
    for now in range(START, START + 40):
        sub = mac.downlink(now)
        log += [(now - START, "ACK" if hi.hi_value else "NACK") for hi in sub.hi_dci0.hi]
        log += [(now - START, f"mcs {dci.dci.mcs}") for dci in sub.hi_dci0.dci]  # type: ignore[union-attr]
        request = mac.uplink(now)
        ue.downlink(now, sub)
        result = UlIndication(now % 10240)
        ue.uplink(now, request, result)
        waiting.append((now, result))
        if len(waiting) > (5 if now < START + 20 else 3):  # at first so late that the PHICH has gone
            at, result = waiting.pop(0)
            mac.receive(result, at)
    first = log[0][1]
    assert log[:3] == [(0, first), (8, "ACK"), (16, "mcs 30")]
    assert mac.ue(500).metrics.ul_ok == 1


def test_results_that_never_come_count_as_nothing_sent() -> None:
    mac, ue = one()
    channel(mac, 500).waiting = 100
    ask(mac)
    for now in range(START, START + 120):
        ue.downlink(now, mac.downlink(now))
        mac.uplink(now)
    metrics = mac.ue(500).metrics
    assert metrics.dl_dropped == 1
    assert metrics.dl_dtx == 5
    assert metrics.ul_dropped == 1
    assert not mac.ue(500).dl_harq.busy
    assert len(mac.state.plans) <= 13


@pytest.mark.parametrize("what", ["not sent", "not heard"])
def test_subframes_that_the_enb_itself_missed_tell_nothing_of_the_ue(what: str) -> None:
    settings = EnbMacSettings(
        ul_target_snr_db=None, pucch_target_snr_db=None, lost_after_pusch=8, lost_after_dl=8, lost_after_ms=0
    )
    mac = EnbMac(Cell(1, 25), QUIET, RACH, settings=settings)
    ue = add_ue(mac, UciResources(mac.state.cell, QUIET), 500, START, backlog=20_000)
    channel(mac, 500).waiting = 20_000
    ask(mac, 20_000)
    for now in range(START, START + 600):
        ours = now - START in range(40, 70) or (now - START < 500 and now % 7 == 0)
        sub = mac.downlink(now)
        result = UlIndication(now % 10240)
        if ours and what == "not sent":
            mac.not_sent(now)
        else:
            ue.downlink(now, sub)
        request = mac.uplink(now)
        ue.uplink(now, request, result)
        if ours and what == "not heard":
            mac.not_heard(now)
        else:
            mac.receive(result, now)
    metrics = mac.ue(500).metrics
    assert (mac.ue(500).missed_pusch, mac.ue(500).missed_dl, metrics.dl_dtx, metrics.ul_nok) == (0, 0, 0, 0)
    assert not [event for event in iter(mac.next_event, None) if isinstance(event, UeLost)]
    assert (channel(mac, 500).waiting, ue.backlog) == (0, 0)
    assert not mac.ue(500).dl_harq.busy
    received = sum(len(e.data) for block in ue.blocks for e in block.elements if isinstance(e, Sdu))
    assert received >= 20_000 - 3 * 1500  # but for blocks that are given up after five times, RLC's to repeat


def test_uplink_transmissions_end_at_the_configured_number() -> None:
    mac, ue = one(received_ok=lambda _now, _tbs: False)
    ask(mac)
    log = uplink_log(mac, ue, 80)
    assert [what for _, what, _, _ in log] == ["grant 1", *["NACK"] * 5]
    assert mac.ue(500).metrics.ul_dropped == 1


@pytest.mark.parametrize(
    ("heard", "msg3", "detected", "expected"),
    [
        (False, False, True, Retransmission.NON_ADAPTIVE),
        (True, False, False, Retransmission.ADAPTIVE),
        (False, False, False, Retransmission.REPEAT_GRANT),
        (False, True, False, Retransmission.NON_ADAPTIVE),
    ],
)
def test_how_a_failed_block_is_asked_for(heard: bool, msg3: bool, detected: bool, expected: Retransmission) -> None:
    process = EnbUlProcess(0)
    process.started(PuschGrant(500, (2, 2), 2, 2, 104), 3, False, 0, msg3)
    process.heard = heard
    process.received(False, detected)
    assert process.retransmission(4, detected) is expected
    process.transmissions = 4
    assert process.retransmission(4, detected) is None


def test_the_soft_buffer_is_cleared_for_a_new_block_only() -> None:
    process = EnbUlProcess(0)
    grant = PuschGrant(500, (2, 2), 2, 2, 104)
    process.started(grant, 3, False, 0)
    soft = process.soft_buffer(104)
    assert not process.fresh
    process.received(False, True)
    process.again(grant)
    assert process.soft_buffer(104) is soft
    assert not process.fresh
    process.started(grant, 3, False, 8)
    assert process.fresh
