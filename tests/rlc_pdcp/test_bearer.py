"""A bearer's two ends against each other: PDCP over RLC over a channel that loses PDUs, and re-establishment."""

import random
from collections.abc import Callable

import pytest

from picocell.rlc_pdcp import pdcp, rlc
from picocell.rlc_pdcp.bearer import IntegrityFailure, MaxRetxReached, RadioBearer, SduReceived
from picocell.rlc_pdcp.pdcp import Direction
from picocell.rrc_nas.security.algorithms import Cipher, Eea, Eia, Integrity

KEY = bytes(range(16))


def drb(transmit: Direction, cipher: bool = True) -> RadioBearer:
    config = pdcp.AmConfig(bearer=0, transmit=transmit, sn_bits=12)
    return RadioBearer(rlc.AmEntity(), pdcp.AmEntity(config, Cipher(Eea.EEA2, KEY) if cipher else None))


def um_drb(transmit: Direction) -> RadioBearer:
    config = pdcp.UmConfig(bearer=0, transmit=transmit, sn_bits=12)
    return RadioBearer(rlc.UmEntity(rlc.UmConfig(), rlc.UmConfig()), pdcp.UmEntity(config, None))


def srb(transmit: Direction) -> RadioBearer:
    entity = pdcp.SrbEntity(pdcp.SrbConfig(bearer=0, transmit=transmit))
    entity.activate_integrity(Integrity(Eia.EIA2, KEY))
    return RadioBearer(rlc.AmEntity(), entity)


def run(a: RadioBearer, b: RadioBearer, start: int, ms: int, lost: Callable[[], bool], size: int = 60) -> list[bytes]:
    """Exchange PDUs for a while; what `b` received."""
    received = []
    for now in range(start, start + ms):
        for sender, receiver in ((a, b), (b, a)):
            sender.handle_timers(now)
            pdu = sender.build_pdu(size, now)
            assert len(pdu) <= size
            if pdu and not lost():
                receiver.receive_pdu(pdu, now)
        while (event := b.next_event()) is not None:
            assert isinstance(event, SduReceived)
            received.append(event.sdu)
    return received


@pytest.mark.parametrize("seed", range(3))
def test_everything_arrives_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    sent = [rng.randbytes(rng.randrange(1, 300)) for _ in range(60)]
    a, b = drb(Direction.UPLINK), drb(Direction.DOWNLINK)
    for sdu in sent:
        a.write_sdu(sdu, 0)
    assert run(a, b, 0, 3000, lambda: rng.random() < 0.2) == sent
    assert a.buffer_status(3000).n_bytes == 0


def test_sdus_wait_in_pdcp_until_there_is_room() -> None:
    a = drb(Direction.UPLINK)
    for _ in range(100):
        a.write_sdu(bytes(1000), 0)
    assert a.buffer_status(0).n_bytes >= 100_000
    assert len(a.build_pdu(500, 0)) == 500
    assert a.pdcp is not None
    assert a.pdcp.data_volume() >= 99_000


def test_um_loses_what_the_channel_loses_and_no_more() -> None:
    rng = random.Random(1)
    a, b = um_drb(Direction.UPLINK), um_drb(Direction.DOWNLINK)
    sent = [bytes([i]) * 40 for i in range(100)]
    for sdu in sent:
        a.write_sdu(sdu, 0)
    received = run(a, b, 0, 1000, lambda: rng.random() < 0.1)
    assert 60 < len(received) < 100
    assert received == [sdu for sdu in sent if sdu in received]


def test_reestablishment_loses_nothing_of_a_drb() -> None:
    rng = random.Random(2)
    sent = [rng.randbytes(200) for _ in range(30)]
    a, b = drb(Direction.UPLINK), drb(Direction.DOWNLINK)
    for sdu in sent:
        a.write_sdu(sdu, 0)
    received = run(a, b, 0, 30, lambda: rng.random() < 0.3, size=150)
    assert 0 < len(received) < 30
    key = Cipher(Eea.EEA2, bytes(16))
    for end in (a, b):
        end.reestablish(30, cipher=key)
    received += run(a, b, 31, 1000, lambda: False, size=150)
    assert received == sent


def test_reestablished_srb_starts_anew_with_new_keys() -> None:
    a, b = srb(Direction.DOWNLINK), srb(Direction.UPLINK)
    a.write_sdu(b"before", 0)
    assert run(a, b, 0, 5, lambda: False) == [b"before"]
    integrity = Integrity(Eia.EIA2, bytes(16))
    for end in (a, b):
        end.reestablish(10, cipher=None, integrity=integrity)
    a.write_sdu(b"after", 10)
    assert run(a, b, 10, 5, lambda: False) == [b"after"]


def test_wrong_key_is_an_integrity_failure() -> None:
    a, b = srb(Direction.DOWNLINK), srb(Direction.UPLINK)
    assert isinstance(b.pdcp, pdcp.SrbEntity)
    b.pdcp.activate_integrity(Integrity(Eia.EIA2, bytes(16)))
    a.write_sdu(b"message", 0)
    b.receive_pdu(a.build_pdu(100, 0), 0)
    assert b.next_event() == IntegrityFailure(0)
    assert b.next_event() is None


def test_a_dead_channel_is_reported() -> None:
    a = drb(Direction.UPLINK)
    a.write_sdu(b"lost", 0)
    for now in range(1000):
        a.handle_timers(now)
        a.build_pdu(100, now)
    assert a.next_event() == MaxRetxReached()


def test_srb0_passes_messages_as_they_are() -> None:
    a, b = RadioBearer(rlc.TmEntity()), RadioBearer(rlc.TmEntity())
    a.write_sdu(b"request", 0)
    assert a.buffer_status(0).n_bytes == 7
    b.receive_pdu(a.build_pdu(7, 0), 0)
    assert b.next_event() == SduReceived(b"request")
    assert b.next_timer() is None
