"""Acknowledged mode, the receiving side: reordering, status reports, segments, re-establishment (TS 36.322 5.1.3.2)."""

import pytest

from picocell.rlc_pdcp.rlc import (
    AmEntity,
    AmRxConfig,
    BufferStatus,
)
from picocell.rlc_pdcp.rlc.am_rx import AmRxState
from picocell.rlc_pdcp.rlc.am_tx import AmTxState
from picocell.rlc_pdcp.rlc.pdu import (
    AmdPdu,
    Nack,
    StatusPdu,
    build_amd,
    parse_status,
)
from support.rlc_am_entities import LARGE, drain, sdus_of, sender


def receiver(*received: int, poll: bool = False, **config: int) -> AmEntity:
    """An entity that has received these SNs, each with an SDU of a byte."""
    entity = AmEntity(rx=AmRxConfig(**config))
    for sn in received:
        entity.receive_pdu(build_amd(AmdPdu(sn, poll, True, True, (bytes([sn % 256]),))), 0)
    return entity


def test_gap_starts_reordering_and_its_expiry_a_status() -> None:
    entity = receiver(0, 2, 5, t_reordering=35)
    assert sdus_of(drain(entity)) == [b"\0"]
    assert entity.get_state()[1] == AmRxState(vr_r=1, vr_x=3, vr_ms=1, vr_h=6)
    assert entity.next_timer() == 35
    entity.handle_timers(35)
    # VR(MS) moves to the first one missing from VR(X) on; 3 and 4 are not reported yet
    assert entity.get_state()[1] == AmRxState(vr_r=1, vr_x=6, vr_ms=3, vr_h=6)
    assert parse_status(entity.build_pdu(LARGE, 35)) == StatusPdu(3, (Nack(1),))
    entity.handle_timers(70)
    assert parse_status(entity.build_pdu(LARGE, 70)) == StatusPdu(6, (Nack(1), Nack(3), Nack(4)))
    assert entity.next_timer() is None


def test_expiry_of_reordering_passes_over_what_came_meanwhile() -> None:
    entity = receiver(0, 2, 3)
    assert entity.get_state()[1] == AmRxState(vr_r=1, vr_x=3, vr_ms=1, vr_h=4)
    entity.handle_timers(35)
    assert parse_status(entity.build_pdu(LARGE, 35)) == StatusPdu(4, (Nack(1),))
    assert entity.next_timer() is None


def test_filled_gap_stops_reordering() -> None:
    entity = receiver(1, 0)
    assert sdus_of(drain(entity)) == [b"\0", b"\1"]
    assert entity.next_timer() is None


def test_answer_to_a_poll_waits_for_reordering() -> None:
    entity = receiver(0)
    entity.receive_pdu(build_amd(AmdPdu(2, True, True, True, (b"2",))), 0)
    assert entity.build_pdu(LARGE, 0) == b""
    entity.receive_pdu(build_amd(AmdPdu(1, False, True, True, (b"1",))), 1)
    assert parse_status(entity.build_pdu(LARGE, 1)) == StatusPdu(3)
    assert entity.build_pdu(LARGE, 1) == b""


def test_poll_of_a_discarded_pdu_is_answered() -> None:
    entity = receiver(0, poll=True)
    assert entity.build_pdu(LARGE, 0)
    for sn in (0, 700):
        entity.receive_pdu(build_amd(AmdPdu(sn, True, True, True, (b"x",))), 0)
        assert parse_status(entity.build_pdu(LARGE, 0)) == StatusPdu(1)
    assert entity.discarded == {"outside_window": 2}


def test_status_prohibit_delays_and_merges_reports() -> None:
    entity = receiver(0, poll=True, t_status_prohibit=50)
    assert parse_status(entity.build_pdu(LARGE, 10)) == StatusPdu(1)
    for sn in (1, 2):
        entity.receive_pdu(build_amd(AmdPdu(sn, True, True, True, (b"x",))), 20)
    assert entity.buffer_status(59) == BufferStatus(0)
    assert entity.build_pdu(LARGE, 59) == b""
    assert entity.next_timer() == 60
    entity.handle_timers(60)
    assert entity.buffer_status(60).n_status_bytes == 2
    assert parse_status(entity.build_pdu(LARGE, 60)) == StatusPdu(3)
    assert entity.build_pdu(LARGE, 200) == b""
    assert entity.next_timer() is None


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (1, None),
        (2, StatusPdu(0)),
        (3, StatusPdu(0)),
        (4, StatusPdu(2, (Nack(0),))),
        (8, StatusPdu(2, (Nack(0),))),
        (9, StatusPdu(3, (Nack(0), Nack(2, 0, 3)))),
        (13, StatusPdu(3, (Nack(0), Nack(2, 0, 3)))),
        (14, StatusPdu(3, (Nack(0), Nack(2, 0, 3), Nack(2, 6)))),
        (15, StatusPdu(3, (Nack(0), Nack(2, 0, 3), Nack(2, 6)))),
        (16, StatusPdu(5, (Nack(0), Nack(2, 0, 3), Nack(2, 6), Nack(3)))),
    ],
)
def test_status_is_cut_to_the_grant(grant: int, expected: StatusPdu | None) -> None:
    entity = receiver(1, 4)
    entity.receive_pdu(build_amd(AmdPdu(2, False, False, False, (b"45",), True, 4, False)), 0)
    for now in (35, 70):
        entity.handle_timers(now)
    assert entity.buffer_status(70).n_status_bytes == 16
    pdu = entity.build_pdu(grant, 70)
    assert len(pdu) <= grant
    assert (parse_status(pdu) if pdu else None) == expected


def test_sdus_of_the_first_segments_do_not_wait_for_the_rest() -> None:
    entity = AmEntity()
    entity.receive_pdu(build_amd(AmdPdu(0, False, True, False, (b"one", b"tw"), True, 0, False)), 0)
    assert sdus_of(drain(entity)) == [b"one"]
    entity.receive_pdu(build_amd(AmdPdu(0, False, True, True, (b"one", b"two", b"three"))), 0)
    assert sdus_of(drain(entity)) == [b"two", b"three"]
    assert entity.get_state()[1].vr_r == 1


def test_segment_that_contradicts_the_size_is_ignored() -> None:
    entity = AmEntity()
    entity.receive_pdu(build_amd(AmdPdu(0, False, False, True, (b"xyz",), True, 4, True)), 0)
    entity.receive_pdu(build_amd(AmdPdu(0, True, False, True, (b"xyz",), True, 5, False)), 0)
    entity.receive_pdu(build_amd(AmdPdu(0, True, True, True, (b"abcde",))), 0)
    entity.receive_pdu(build_amd(AmdPdu(0, False, False, True, (b"yz",), True, 5, True)), 0)
    assert entity.discarded == {"segment_conflict": 2, "duplicate": 1}
    entity.receive_pdu(build_amd(AmdPdu(0, False, True, True, (b"abcdxyz",))), 0)
    assert sdus_of(drain(entity)) == [b"abcdxyz"]


def test_reestablishment_delivers_whole_sdus_and_forgets_the_rest() -> None:
    entity, _ = sender(3)
    pdus = [
        AmdPdu(0, False, True, False, (b"zero", b"on")),
        AmdPdu(2, False, False, True, (b"lost", b"two", b"three")),
        AmdPdu(3, False, False, False, (b"lost", b"four", b"fi"), True, 9, False),
        AmdPdu(5, False, True, True, (b"five",)),
    ]
    for pdu in pdus:
        entity.receive_pdu(build_amd(pdu), 0)
    assert sdus_of(drain(entity)) == [b"zero"]
    entity.reestablish(1)
    assert sdus_of(drain(entity)) == [b"two", b"three", b"four", b"five"]
    assert entity.get_state() == (AmTxState(), AmRxState())
    assert entity.next_timer() is None
    assert entity.build_pdu(LARGE, 1) == b""
    assert entity.buffer_status(1) == BufferStatus(0)


def test_state_can_only_be_set_while_nothing_is_under_way() -> None:
    entity, _ = sender(1)
    with pytest.raises(ValueError, match="awaits acknowledgement"):
        entity.tx.set_state(AmTxState())
    with pytest.raises(ValueError, match="is held"):
        receiver(1).rx.set_state(AmRxState())
    with pytest.raises(ValueError, match="outside"):
        AmEntity().tx.set_state(AmTxState(1024, 1024))
