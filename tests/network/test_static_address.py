"""A subscriber with a static address has that one, and nobody else gets it."""

import pytest

from picocell import Cell, Network
from picocell.epc.hss.subscribers import OperatorKey, Subscriber, SubscriberStore
from picocell.network import GATEWAY, TEST_K, TEST_OPC


def _store(*static: str | None) -> SubscriberStore:
    store = SubscriberStore(":memory:")
    for number, address in enumerate(static):
        store.add(
            Subscriber(
                imsi=f"00101012345678{number}",
                k=bytes.fromhex(TEST_K),
                operator_key=bytes.fromhex(TEST_OPC),
                operator_key_kind=OperatorKey.OPC,
                static_ip=address,
            )
        )
    return store


@pytest.mark.parametrize("address", ["172.16.0.2", "172.16.0.77"])
def test_static_address_is_that_of_the_database(address: str) -> None:
    with Network(Cell(n_prb=6), subscribers=_store(None, address)) as net:
        other, own = net.phone("001010123456780"), net.phone("001010123456781")
        for phone in (other, own):
            phone.attach()
            assert phone.ping(GATEWAY, 1).received == 1
        assert own.ip == address
        assert other.ip not in (None, address)
        own.detach()
        own.attach()
        assert own.ip == address, "again after a detach"


def test_static_addresses_of_two_are_kept_apart() -> None:
    with Network(Cell(n_prb=6), subscribers=_store("172.16.0.9", "172.16.0.8")) as net:
        phones = [net.phone(f"00101012345678{number}") for number in (0, 1)]
        for phone in phones:
            phone.attach()
        assert [phone.ip for phone in phones] == ["172.16.0.9", "172.16.0.8"]
