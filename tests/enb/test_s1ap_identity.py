"""A UE's S1 connection before the MME has named it, and under another RNTI."""

from support.s1ap_enb import IDS, MESSAGES, RNTI, answers, drain, give, in_state

INITIAL = "initial"


def test_nas_messages_wait_for_the_identity_that_the_mme_gives() -> None:
    enb = in_state(INITIAL)
    enb.uplink_nas(RNTI, b"second")
    enb.uplink_nas(RNTI, b"third")
    assert answers(enb) == []
    sent = give(enb, MESSAGES["nas"])
    assert [(pdu.message, pdu.ies["NAS-PDU"]) for pdu in sent] == [
        ("UplinkNASTransport", b"second"),
        ("UplinkNASTransport", b"third"),
    ]
    assert all(pdu.ies[name] == value for pdu in sent for name, value in IDS.items())


def test_only_so_many_messages_wait() -> None:
    enb = in_state(INITIAL)
    for n in range(100):
        enb.uplink_nas(RNTI, bytes([n]))
    assert len(give(enb, MESSAGES["nas"])) == 8
    assert enb.counters["no_connection"] == 92


def test_a_connection_goes_with_its_ue() -> None:
    enb = in_state("active")
    enb.rename(RNTI, RNTI + 1)
    enb.rename(RNTI, RNTI + 2)  # there is none any more
    enb.uplink_nas(RNTI, b"old")
    assert answers(enb) == []
    enb.uplink_nas(RNTI + 1, b"new")
    assert [pdu.ies["NAS-PDU"] for pdu in answers(enb)] == [b"new"]
    give(enb, MESSAGES["nas"])
    assert [event.rnti for event in drain(enb)] == [RNTI + 1]  # type: ignore[union-attr]
    assert enb.tables()["ues"] == 1
