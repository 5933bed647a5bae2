"""PDCP of DRBs: what re-establishment, discard timers and status reports keep, send again and spare."""

from picocell.rlc_pdcp.pdcp import (
    DiscardSdu,
)
from picocell.rlc_pdcp.pdcp.pdu import StatusReport, build_status_report, data_header, parse_status_report
from support.oracle_pdcp import Eea2, events, pdus, sdus
from support.pdcp_drb_ends import KEYS, WINDOW, am_ends, state_of, um_ends


def test_um_reestablishment_keeps_what_was_not_submitted() -> None:
    ue, enb = um_ends(sn_bits=7, discard_timer=50)
    for number in range(5):
        ue.write_sdu(bytes([number]), 0)
    first = [ue.next_pdu() for _ in range(2)]
    assert [item and item[1] for item in first] == [0, 1]
    for entity in (ue, enb):
        entity.reestablish(10, cipher=Eea2(KEYS[1]))
    assert ue.data_volume() == 6
    for pdu in pdus(ue):
        enb.receive_pdu(pdu, 10)
    assert sdus(enb) == [b"\2", b"\3", b"\4"]
    assert ue.next_timer() == 50
    ue.delivered(0)
    ue.handle_timers(50)
    assert events(ue) == [DiscardSdu(1), DiscardSdu(2)]


def test_discard_timer_of_a_waiting_sdu_costs_no_sn() -> None:
    for ue, enb in (um_ends(discard_timer=10), am_ends(discard_timer=10)):
        ue.write_sdu(b"late", 0)
        ue.write_sdu(b"in time", 5)
        assert ue.next_timer() == 10
        ue.handle_timers(10)
        assert ue.next_timer() == 15
        (pdu,) = pdus(ue)
        assert pdu[:2] == b"\x80\x00"
        enb.receive_pdu(pdu, 10)
        assert sdus(enb) == [b"in time"]
        assert ue.counters.discarded_sdus == 1
        ue.delivered(0)
        assert ue.next_timer() is None
        ue.handle_timers(15)
        assert events(ue) == []


def test_am_discard_timer_of_a_submitted_sdu_is_told_to_rlc() -> None:
    ue, _ = am_ends(discard_timer=10)
    for number in range(3):
        ue.write_sdu(bytes([number]), number)
    assert len(pdus(ue)) == 3
    ue.delivered(1)
    ue.handle_timers(12)
    assert events(ue) == [DiscardSdu(0), DiscardSdu(2)]
    ue.reestablish(13, cipher=None)
    assert ue.next_pdu() is None


def test_am_status_report_of_gaps_and_what_it_spares() -> None:
    ue, enb = am_ends(status_report=True)
    for entity in (ue, enb):
        entity.set_state(state_of(4094, 12))
    for number in range(12):
        ue.write_sdu(bytes([number + 1]), 0)
    sent = pdus(ue)
    enb.receive_pdu(sent[0], 0)
    for number in (2, 3, 6, 10):
        enb.receive_pdu(sent[number], 0, reestablishment=True)
    assert sdus(enb) == [b"\1"]
    assert enb.get_state().Last_Submitted_PDCP_RX_SN == 4094
    assert enb.status_report() == bytes.fromhex("0fff" + "c880")  # 4095 is missing; 0, 1, 4, 8 are there
    for entity in (ue, enb):
        entity.reestablish(1, cipher=Eea2(KEYS[1]))
    (report,) = pdus(enb)
    first = ue.next_pdu()
    assert first == (bytes.fromhex("0ffe"), None)  # its own report: nothing received, 4094 expected
    ue.receive_pdu(report, 1)
    assert events(ue) == []
    again = pdus(ue)
    assert [pdu[1] for pdu in again] == [0xFF, 2, 3, 5, 6, 7, 9]
    for pdu in again:
        enb.receive_pdu(pdu, 1)
    assert sdus(enb) == [bytes([number + 1]) for number in range(1, 12)]
    assert enb.status_report() == bytes.fromhex("000a")


def test_am_status_report_after_the_retransmission_was_submitted() -> None:
    ue, _ = am_ends()
    for number in range(3):
        ue.write_sdu(bytes([number]), 0)
    pdus(ue)
    ue.recover(0)
    assert len(pdus(ue)) == 3
    ue.receive_pdu(build_status_report(StatusReport(1, b"\x80"), 12), 0)
    assert events(ue) == [DiscardSdu(0), DiscardSdu(2)]
    ue.recover(0)
    assert len(pdus(ue)) == 1
    ue.receive_pdu(build_status_report(StatusReport(2000), 12), 0)  # nothing that could have been sent
    assert ue.counters.malformed_pdus == 1
    ue.set_state(state_of(9000, 12))
    ue.receive_pdu(build_status_report(StatusReport(9000 - WINDOW[12] & 0xFFF), 12), 0)
    assert ue.counters.malformed_pdus == 1
    ue.receive_pdu(build_status_report(StatusReport(9001 & 0xFFF), 12), 0)
    assert ue.counters.malformed_pdus == 2


def test_am_all_again_from_the_first_that_is_not_confirmed() -> None:
    ue, enb = am_ends()
    for number in range(5):
        ue.write_sdu(bytes([number]), 0)
    pdus(ue)
    ue.delivered(0)
    ue.delivered(2)
    for entity in (ue, enb):
        entity.reestablish(0, cipher=None)
    assert ue.data_volume() == 4 * 3
    assert pdus(ue) == [bytes([0x80, number, number]) for number in range(1, 5)]


def test_am_repeated_pdu_after_reestablishment_releases_what_waits_before_it() -> None:
    """SDU 0 was discarded at the sender; 1 and 2 were received out of order, and 2 is sent again."""
    _, enb = am_ends()
    enb.reestablish(0, cipher=None)
    for number in (1, 2):
        enb.receive_pdu(bytes([0x80, number, number]), 0, reestablishment=True)
    assert sdus(enb) == []
    enb.receive_pdu(bytes([0x80, 2, 2]), 0)
    assert sdus(enb) == [b"\1", b"\2"]
    enb.receive_pdu(bytes([0x80, 2, 2]), 0)
    assert sdus(enb) == []
    assert enb.counters.duplicate_pdus == 2


def test_am_stalls_where_the_peer_could_mistake_the_hfn() -> None:
    ue, enb = am_ends()
    for number in range(2200):
        ue.write_sdu(number.to_bytes(2, "big"), 0)
    sent = pdus(ue)
    assert len(sent) == WINDOW[12]
    ue.delivered(5)
    assert ue.next_pdu() is None  # 0 is not confirmed
    for number in range(5):
        ue.delivered(number)
    sent += pdus(ue)
    assert len(sent) == WINDOW[12] + 6
    for pdu in sent:
        enb.receive_pdu(pdu, 0)
    assert sdus(enb) == [number.to_bytes(2, "big") for number in range(len(sent))]


def test_am_discarding_a_whole_window_does_not_stall_for_ever() -> None:
    ue, enb = am_ends(discard_timer=10)
    for number in range(2100):
        ue.write_sdu(number.to_bytes(2, "big"), 0)
    flight = {item[1]: item[0] for item in iter(ue.next_pdu, None)}
    ue.handle_timers(10)
    for event in events(ue):
        assert isinstance(event, DiscardSdu)
        del flight[event.sdu_id]
    assert list(flight) == [2047]
    ue.write_sdu(b"next", 11)
    assert ue.next_pdu() is None
    enb.receive_pdu(flight[2047], 12)
    ue.delivered(2047)
    (pdu,) = pdus(ue)
    enb.receive_pdu(pdu, 12)
    assert sdus(enb) == [(2047).to_bytes(2, "big"), b"next"]


def test_status_report_of_a_full_window_is_cut_at_the_largest_pdu() -> None:
    _, enb = am_ends(sn_bits=18)
    for number in (1, 8 * 8185, 8 * 8185 + 1):
        enb.receive_pdu(data_header(number, 18) + b"x", 0, reestablishment=True)
    report = parse_status_report(enb.status_report(), 18)
    assert (report.fms, len(report.bitmap)) == (0, 8185)
    assert report.received(1)
    assert report.received(8 * 8185)
