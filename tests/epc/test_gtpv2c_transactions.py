"""Repetition of GTPv2-C requests and of their answers (TS 29.274 clause 7.6), between two ends without a network."""

from ipaddress import IPv4Address

import pytest

from picocell.epc.interfaces import gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import gtpv2c_transactions as t
from picocell.epc.interfaces.gtpv2c import Packet
from picocell.epc.interfaces.gtpv2c_ies import Apn, Cause, Ebi, FTeid, Interface, Rat, RatType

MME_SIDE, SGW_SIDE = (FTeid(kind, 1, IPv4Address("10.0.0.1")) for kind in (Interface.S11_MME, Interface.S11_SGW))
REQUEST = m.CreateSessionRequest(
    rat_type=RatType(Rat.EUTRAN),
    sender=MME_SIDE,
    apn=Apn("internet"),
    bearer_contexts=(m.BearerContext(ebi=Ebi(5)),),
)
RESPONSE = m.CreateSessionResponse(cause=Cause(16), sender=SGW_SIDE)
RIDER = m.CreateBearerRequest(linked_ebi=Ebi(5), bearer_contexts=(m.BearerContext(ebi=Ebi(0)),))
FAILURE = m.DownlinkDataNotificationFailureIndication(cause=Cause(90))


def test_a_request_and_its_answer_between_two_ends() -> None:
    mme, sgw = t.Transactions(), t.Transactions()
    sequence = mme.request("sgw", REQUEST, 0, 0.0, context="phone 1")
    ((_, data),) = mme.datagrams_to_send()
    sgw.receive("mme", data, 0.0)
    received = sgw.next_event()
    assert isinstance(received, t.RequestReceived)
    assert received.packet == Packet(REQUEST, sequence, 0)
    sgw.respond(received, RESPONSE, 0x1001, 0.0)
    ((_, answer),) = sgw.datagrams_to_send()
    mme.receive("sgw", answer, 0.1)
    assert mme.next_event() == t.ResponseReceived("sgw", Packet(RESPONSE, sequence, 0x1001), REQUEST, "phone 1")
    assert mme.timer() is None
    mme.receive("sgw", answer, 0.2)  # an answer comes once
    assert mme.next_event() is None


def test_a_request_is_sent_n3_times_and_then_given_up() -> None:
    mme = t.Transactions(t3=2.0, n3=3)
    mme.request("sgw", REQUEST, 0, 10.0, context="c")
    sent = [mme.datagrams_to_send()]
    for now in (11.9, 12.0, 14.0):
        mme.handle_timer(now)
        sent.append(mme.datagrams_to_send())
    assert [len(batch) for batch in sent] == [1, 0, 1, 1]
    assert sent[0] == sent[2] == sent[3]
    assert mme.timer() == 16.0
    assert mme.next_event() is None
    mme.handle_timer(16.0)
    assert mme.next_event() == t.RequestTimedOut("sgw", REQUEST, "c")
    assert (mme.timer(), mme.datagrams_to_send()) == (None, [])


def test_a_repeated_request_is_answered_from_memory() -> None:
    sgw = t.Transactions(t3=1.0, n3=3)
    data = gtpv2c.encode(Packet(REQUEST, 0x010203, 0))
    for _ in range(2):  # the second comes before there is an answer
        sgw.receive("mme", data, 0.0)
    received = sgw.next_event()
    assert isinstance(received, t.RequestReceived)
    assert sgw.next_event() is None
    sgw.respond(received, RESPONSE, 1, 0.5)
    (answer,) = sgw.datagrams_to_send()
    sgw.receive("mme", data, 1.0)
    assert sgw.datagrams_to_send() == [answer]
    assert sgw.next_event() is None
    sgw.receive("another", data, 1.0)  # the same number from another peer is another request
    assert isinstance(sgw.next_event(), t.RequestReceived)
    sgw.handle_timer(100.0)
    assert sgw.timer() is None
    sgw.receive("mme", data, 100.0)
    assert isinstance(sgw.next_event(), t.RequestReceived)


def test_a_request_and_the_one_that_rides_on_its_answer() -> None:
    mme = t.Transactions()
    sequence = mme.request("sgw", REQUEST, 0, 0.0)
    both = Packet(RESPONSE, sequence, 1, piggybacked=Packet(RIDER, 77, 1))
    mme.receive("sgw", gtpv2c.encode(both), 0.0)
    assert isinstance(mme.next_event(), t.ResponseReceived)
    rider = mme.next_event()
    assert isinstance(rider, t.RequestReceived)
    assert rider.packet.message == RIDER


def test_messages_without_an_answer_are_sent_once() -> None:
    mme, sgw = t.Transactions(), t.Transactions()
    mme.request("sgw", FAILURE, 3, 0.0)
    assert mme.timer() is None
    sgw.receive("mme", mme.datagrams_to_send()[0][1], 0.0)
    event = sgw.next_event()
    assert isinstance(event, t.RequestReceived)
    assert sgw.timer() is None


def test_what_cannot_be_read_is_an_event() -> None:
    sgw = t.Transactions()
    sgw.receive("mme", bytes.fromhex("48250008000000070000090000"), 0.0)
    event = sgw.next_event()
    assert isinstance(event, t.MalformedReceived)
    assert event.error.cause == 70


def test_sequence_numbers_skip_those_in_use_and_wrap() -> None:
    mme = t.Transactions(first_sequence=t.SEQUENCES - 1)
    assert [mme.request("sgw", REQUEST, 0, 0.0) for _ in range(3)] == [t.SEQUENCES - 1, 0, 1]
    with pytest.raises(ValueError, match="T3"):
        t.Transactions(t3=0)
