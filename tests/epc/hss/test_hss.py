"""The HSS and its database: vectors that a USIM accepts, registrations, refusals (TS 29.272 5, TS 33.102)."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.epc.hss.algorithms import Algorithm, OperatorKey, Xor
from picocell.epc.hss.hss import Hss
from picocell.epc.hss.subscribers import (
    DuplicateSubscriberError,
    Subscriber,
    SubscriberStore,
    UnknownSubscriberError,
)
from picocell.epc.interfaces import diameter, s6a
from picocell.epc.interfaces.s6a import ErrorCode, Packet
from picocell.epc.interfaces.transport import Interface, Message
from picocell.rrc_nas.security import aka, keys

IMSI = "001010123456780"
K, OPC = bytes(range(16)), bytes(range(16, 32))
OTHER = "001010123456781"
MME, HSS = "10.0.0.1", "10.0.0.4"
COMMON = {"origin_realm": "picocell", "destination_realm": "picocell"}


def subscriber(**changes: Any) -> Subscriber:
    return Subscriber(**({"imsi": IMSI, "k": K, "operator_key": OPC} | changes))


class Mme:
    """Asks an HSS."""

    def __init__(self, *subscribers: Subscriber, host: str = "mme1", **options: Any) -> None:
        self.store = SubscriberStore()
        self.store.add(*subscribers)
        self.hss = Hss(self.store, HSS, rng=random.Random(1), **options)
        self.host, self.n, self.others = host, 0, list[s6a.Packet]()

    def ask(self, kind: type[s6a.Request], *, again: bool = False, now: int = 0, **fields: Any) -> Any:
        self.n += not again
        base = {"session_id": f"{self.host};{self.n}", "origin_host": self.host, "imsi": IMSI} | COMMON
        data = s6a.encode(Packet(kind(**(base | fields)), 1000 + self.n, self.n, retransmitted=again))
        self.hss.receive(Message(Interface.S6A, MME, HSS, data), now)
        packets = [s6a.decode(message.data) for message in self.hss.messages_to_send()]
        self.others = [packet for packet in packets if isinstance(packet.message, s6a.Request)]
        (answer,) = (packet for packet in packets if isinstance(packet.message, s6a.Answer))
        assert (answer.hop_by_hop, answer.end_to_end) == (1000 + self.n, self.n)
        return answer.message

    def vectors(self, **fields: Any) -> Any:
        return self.ask(s6a.AuthenticationInformationRequest, mcc="001", mnc="01", **fields)

    def update(self, **fields: Any) -> Any:
        return self.ask(s6a.UpdateLocationRequest, **({"mcc": "001", "mnc": "01"} | fields))


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("kind", list(OperatorKey))
def test_a_usim_accepts_the_vectors_one_after_the_other(algorithm: Algorithm, kind: OperatorKey) -> None:
    key = bytes(32) if algorithm is Algorithm.TUAK else OPC
    someone = subscriber(algorithm=algorithm, operator_key=key, operator_key_kind=kind, amf=b"\0\0")
    mme, usim = Mme(someone), aka.SqnArray()
    for _ in range(3):
        for vector in mme.vectors(n_vectors=2).vectors:
            challenge = aka.check_autn(someone.functions(), vector.rand, vector.autn)
            usim = usim.accept(challenge.sqn)
            assert challenge.amf == b"\x80\0"
            assert challenge.res == vector.xres
            network = keys.sn_id("001", "01")
            assert vector.k_asme == keys.k_asme(challenge.ck, challenge.ik, network, challenge.sqn_xor_ak)
    assert mme.store.get(IMSI).sqn == usim.sqn_ms


def test_resynchronisation_takes_up_the_usims_number() -> None:
    mme = Mme(subscriber())
    functions, ahead = subscriber().functions(), aka.join_sqn(5000, 3)
    first = mme.vectors().vectors[0]
    auts = aka.build_auts(functions, first.rand, ahead)
    answer = mme.vectors(resync=(first.rand, auts))
    challenge = aka.check_autn(functions, answer.vectors[0].rand, answer.vectors[0].autn)
    assert challenge.sqn == aka.next_sqn(ahead) == mme.store.get(IMSI).sqn
    wrong = mme.vectors(resync=(first.rand, bytes(14)))
    assert wrong.result == s6a.failure(ErrorCode.AUTHENTICATION_DATA_UNAVAILABLE)
    assert mme.store.get(IMSI).sqn == challenge.sqn


def test_a_request_that_comes_again_gets_the_same_answer() -> None:
    mme = Mme(subscriber())
    first = mme.vectors()
    assert mme.vectors(again=True) == first
    mme.hss.handle_timers(30_000)
    assert mme.hss.tables() == {"locations": 0, "cancelling": 0, "answered": 0}


def test_update_location_registers_and_cancels_elsewhere() -> None:
    mme = Mme(subscriber(apns=("internet", "ims"), static_ip="172.16.0.9", msisdn="49170", qci=7, ambr_ul=5))
    answer = mme.update()
    assert answer.result == s6a.SUCCESS
    assert [apn.apn for apn in answer.subscription.apns] == ["internet", "ims"]
    assert (answer.subscription.ambr.uplink, answer.subscription.apns[0].qci) == (5, 7)
    assert [str(address) for address in answer.subscription.apns[0].addresses] == ["172.16.0.9"]
    mme.host = "mme2"
    mme.update()
    (cancel,) = mme.others
    assert isinstance(cancel.message, s6a.CancelLocationRequest)
    assert cancel.message.destination_host == "mme1"
    mme.host = "mme1"
    assert not mme.ask(s6a.PurgeUeRequest).freeze_m_tmsi
    mme.host = "mme2"
    assert mme.ask(s6a.PurgeUeRequest).freeze_m_tmsi
    mme.hss.handle_timers(30_000)
    assert mme.hss.tables() == {"locations": 0, "cancelling": 0, "answered": 0}


def test_refusals_name_their_reason() -> None:
    mme = Mme(subscriber(), subscriber(imsi=OTHER, enabled=False), plmns=[("001", "01")])
    unknown = mme.vectors(imsi="001010000000000")
    assert unknown.result == s6a.failure(ErrorCode.USER_UNKNOWN)
    assert "not in the subscriber database" in (unknown.error_message or "")
    assert mme.vectors(imsi=OTHER).result == s6a.failure(ErrorCode.UNKNOWN_EPS_SUBSCRIPTION)
    assert mme.update(mnc="02").result == s6a.failure(ErrorCode.ROAMING_NOT_ALLOWED)
    assert mme.update(rat_type=s6a.RatType.UTRAN).result == s6a.failure(ErrorCode.RAT_NOT_ALLOWED)
    mme.ask(s6a.CancelLocationRequest, cancellation_type=s6a.CancellationType.SUBSCRIPTION_WITHDRAWAL)
    assert mme.hss.tables()["locations"] == 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=80))
def test_noise_never_raises(noise: bytes) -> None:
    hss = Hss(SubscriberStore(), HSS)
    for command in (316, 318, 321):
        header = diameter.Header(command, s6a.APPLICATION, 1, 2, True)
        data = diameter.encode(diameter.Packet(header, ()))
        data = data[:1] + (20 + len(noise)).to_bytes(3, "big") + data[4:] + noise
        hss.receive(Message(Interface.S6A, MME, HSS, data), 0)
        assert len(hss.messages_to_send()) == 1
    hss.receive(Message(Interface.S6A, MME, HSS, noise), 0)


def test_the_database_keeps_everything(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    someone = subscriber(sqn=2**48 - 1, static_ip="10.0.0.9", msisdn="1", name="Ä", enabled=False, ambr_dl=7)
    store = SubscriberStore(path)
    store.add(someone)
    store.close()
    store = SubscriberStore(f"sqlite:///{path}")
    assert store.get(IMSI) == someone
    assert store.static_addresses() == ["10.0.0.9"]
    with pytest.raises(ValueError):
        store.advance_sqn(IMSI, aka.next_sqn)
    with pytest.raises(DuplicateSubscriberError, match=r"10\.0\.0\.9"):
        store.add(subscriber(imsi="001019999999999"), subscriber(imsi=OTHER, static_ip="10.0.0.9"))
    assert len(store) == 1
    store.remove(IMSI)
    with pytest.raises(UnknownSubscriberError):
        store.get(IMSI)


def test_numbers_are_in_the_database_before_the_vector_goes_out(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    one, two = SubscriberStore(path), SubscriberStore(path)
    one.add(subscriber())
    numbers = [store.advance_sqn(IMSI, aka.next_sqn)[1] for store in (one, two, two, one)]
    assert numbers == sorted(set(numbers))


def test_a_database_that_fails_is_answered() -> None:
    mme = Mme(subscriber())
    connection = mme.store._engine.raw_connection()
    connection.execute("UPDATE subscribers SET qci = 0")  # type: ignore[attr-defined]
    connection.commit()
    assert mme.vectors().result.code == s6a.ResultCode.UNABLE_TO_COMPLY
    connection.execute("DROP TABLE subscribers")  # type: ignore[attr-defined]
    assert mme.update().result.code == s6a.ResultCode.UNABLE_TO_COMPLY


@pytest.mark.parametrize(
    "changes",
    [
        {"imsi": "12"},
        {"k": bytes(15)},
        {"operator_key": bytes(15)},
        {"amf": b"\0"},
        {"sqn": 2**48},
        {"qci": 0},
        {"ambr_ul": 0},
        {"apns": ()},
        {"apns": ("a b",)},
        {"static_ip": "300.1.1.1"},
        {"msisdn": "abc"},
    ],
)
def test_wrong_subscribers(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        subscriber(**changes)


def test_the_xor_algorithm() -> None:
    functions = Xor(bytes(16))
    rand = bytes(range(16))
    response = functions.f2345(rand)
    assert response.res == rand
    assert (response.ck[0], response.ik[0], response.ak) == (1, 2, rand[3:9])
    assert functions.f1(rand, bytes(6), bytes(2)) == rand[:8]
