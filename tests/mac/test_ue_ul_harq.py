"""Uplink HARQ of a UE: synchronous, adaptive and not (TS 36.321 5.4.2)."""

from dataclasses import replace

from picocell.mac.control_elements import TimingAdvance
from picocell.mac.pdu import Sdu
from picocell.mac.ue_mac import TimeAlignmentExpired
from picocell.phy.lte.uplink import PuschTransmission
from support.ue_mac_script import CONFIG, ScriptedEnb, downlink, grant

QUIET = replace(CONFIG, cqi=None, phr=None)


def _connected(waiting: int = 5000) -> ScriptedEnb:
    enb = ScriptedEnb()
    enb.connect(config=QUIET)
    enb.channels[3].waiting = waiting
    return enb


def _rvs(enb: ScriptedEnb, at: int, count: int) -> list[int | None]:
    return [enb.pusch(at + 8 * k).grant.rv if at + 8 * k in enb.sent else None for k in range(count)]


def _is_pusch(enb: ScriptedEnb, at: int) -> bool:
    return at in enb.sent and isinstance(enb.sent[at].sent, PuschTransmission)


def test_a_grant_is_followed_four_subframes_later_by_a_block_of_its_size() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(6)
    sent = enb.pusch(4)
    assert len(sent.payload) == sent.grant.tbs // 8
    assert sent.grant.prb_start == (2, 2)
    assert enb.sent[4].n_ta == 160


def test_nacks_bring_the_same_block_in_the_order_of_redundancy_versions_until_the_limit() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(60, hi=False)
    assert _rvs(enb, 4, 5) == [0, 2, 3, 1, None]
    assert len({enb.pusch(4 + 8 * k).payload for k in range(4)}) == 1


def test_a_phich_that_was_not_received_counts_as_nack() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(20)
    assert _is_pusch(enb, 12)


def test_an_ack_stops_but_keeps_the_block_for_a_grant_with_the_same_ndi() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(7, hi=True)
    enb.step(hi=True)
    enb.run(7, hi=True)
    assert not _is_pusch(enb, 12)
    enb.step(grant(1, mcs=30, start=9), hi=True)
    enb.run(5)
    assert enb.pusch(20).payload == enb.pusch(4).payload
    assert enb.pusch(20).grant.prb_start == (9, 9)
    assert enb.pusch(20).grant.rv == 2


def test_an_acknowledged_block_is_dropped_when_its_transmissions_are_used_up() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(31, hi=True)
    enb.step(grant(1, mcs=30))
    enb.run(5)
    assert not _is_pusch(enb, 36)


def test_a_toggled_ndi_is_a_new_block() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(7, hi=False)
    enb.step(grant(0), hi=False)
    enb.run(5)
    assert enb.pusch(12).grant.rv == 0
    assert enb.content(12).sdus != ()
    assert len(enb.channels[3].built) == 2


def test_a_grant_overrides_the_phich() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(7)
    enb.step(grant(1, mcs=29, start=12), hi=True)
    enb.run(5)
    assert enb.pusch(12).grant.prb_start == (12, 12)
    assert enb.pusch(12).payload == enb.pusch(4).payload
    assert enb.pusch(12).grant.rv == 1


def test_another_size_with_the_same_ndi_is_a_new_block() -> None:
    enb = _connected()
    enb.step(grant(1))
    enb.run(7)
    enb.step(grant(1, mcs=5, n_prb=6))
    enb.run(5)
    sent = enb.pusch(12)
    assert len(sent.payload) == sent.grant.tbs // 8 != len(enb.pusch(4).payload)


def test_a_retransmission_of_nothing_and_an_illegal_assignment_are_passed_over() -> None:
    enb = _connected()
    enb.step(grant(1, mcs=30))
    enb.step(grant(1, n_prb=7))
    enb.run(10)
    assert not any(_is_pusch(enb, at) for at in enb.sent)


def test_eight_processes_run_side_by_side() -> None:
    enb = _connected(10**6)
    for k in range(64):
        enb.step(grant((k // 8) & 1), hi=True)
    enb.run(4)
    assert all(_is_pusch(enb, at) for at in range(4, 68))
    assert len(enb.channels[3].built) == 64


def test_grants_of_other_rntis_are_ignored() -> None:
    enb = _connected()
    enb.step(grant(1, rnti=0x47), downlink([], rnti=0x48), downlink([], rnti=0xFFFF), grant(1, rnti=0xFFFE))
    enb.run(8)
    assert not any(_is_pusch(enb, at) for at in enb.sent)


def test_nothing_goes_out_once_time_alignment_ended() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, time_alignment_timer=500))
    enb.run(500)
    sent = len(enb.sent)
    assert sent > 5
    enb.step(grant(1), downlink([]))
    enb.run(100)
    assert enb.events_of(TimeAlignmentExpired) == [TimeAlignmentExpired()]
    assert len(enb.sent) == sent
    assert not enb.mac.synchronised


def test_a_timing_advance_command_holds_six_subframes_later_and_restarts_the_timer() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(QUIET, time_alignment_timer=500))
    for _ in range(498):
        enb.step(grant(1), hi=True)
    enb.step(grant(1), downlink([TimingAdvance(33)]), hi=True)
    for _ in range(12):
        enb.step(grant(1), hi=True)
    assert enb.sent[498 + 5].n_ta == 160
    assert enb.sent[498 + 6].n_ta == 192
    enb.run(400)
    assert enb.mac.synchronised
    enb.run(200)
    assert not enb.mac.synchronised


def test_a_downlink_block_is_delivered_once_and_acknowledged_each_time() -> None:
    enb = _connected(0)
    for ndi, crc_ok in ((1, False), (1, True), (1, True), (0, True)):
        enb.step(downlink([Sdu(1, bytes([ndi]))], process=3, ndi=ndi, crc_ok=crc_ok))
        enb.run(7)
    assert enb.channels[1].received == [b"\1", b"\0"]
    assert [enb.sent[4 + 8 * k].sent.bits for k in range(4)] == [(0,), (1,), (1,), (1,)]


def test_soft_buffers_stay_for_retransmissions_and_are_those_of_the_own_rntis() -> None:
    enb = _connected(0)
    _, block = downlink([], process=2, ndi=1)
    first = enb.mac.soft_buffer(block.grant)
    assert first is not None
    enb.step(order_of(block))
    assert enb.mac.soft_buffer(replace(block.grant, rv=2)) is first
    assert enb.mac.previous_tbs(0x46, 2) == block.grant.tbs
    assert enb.mac.previous_tbs(0x46, 3) is None
    assert enb.mac.previous_tbs(0x47, 2) is None
    assert enb.mac.soft_buffer(replace(block.grant, rnti=0xFFFF)) is None
    assert enb.mac.soft_buffer(replace(block.grant, tbs=1024)) is not first
    assert enb.mac.soft_buffer(replace(block.grant, harq_process=9)) is None


def order_of(block):  # type: ignore[no-untyped-def]
    """A block whose DCI is not looked at."""
    return None, block


def test_transmission_power_follows_commands_and_stays_below_the_maximum() -> None:
    enb = _connected(10**6)
    powers = []
    for k in range(40):
        enb.step(grant((k // 8) & 1, tpc=3), hi=True)
    enb.run(4)
    powers = [enb.sent[at].power_dbm for at in range(4, 44)]
    assert powers[1] - powers[0] == 3.0
    assert max(powers) == 23.0
    assert powers[-1] == 23.0
    for _ in range(8):
        enb.step(grant(0, tpc=0), hi=True)
    enb.run(4)
    last = max(enb.sent)
    assert enb.sent[last].power_dbm < 23.0 + 1e-9
