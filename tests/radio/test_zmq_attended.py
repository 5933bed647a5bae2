"""Who answers the peer of a ZeroMQ radio: the calls while they come, a thread when they do not."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.radio.zmq import ZmqRadio
from support.zmq_peer import Peer, free_ports

RATE = 1.92e6
SUBFRAME = 1920


def ramp(n: int) -> NDArray[np.complex64]:
    return (np.arange(n) + 1).astype(np.complex64)[np.newaxis]


@pytest.fixture
def ports() -> tuple[int, int]:
    own, other = free_ports(2)
    return own, other


@pytest.fixture
def radio(ports: tuple[int, int]) -> Iterator[ZmqRadio]:
    args = f"tx_port=tcp://127.0.0.1:{ports[0]},rx_port=tcp://127.0.0.1:{ports[1]},base_srate={RATE:g}"
    with ZmqRadio(args, RATE) as radio:
        yield radio


def test_a_peer_that_comes_after_the_last_call_is_answered(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    for k in range(4):
        radio.transmit(ramp(4 * SUBFRAME)[:, k * SUBFRAME : (k + 1) * SUBFRAME], k * SUBFRAME)
    time.sleep(0.05)
    with Peer(ports[1], ports[0]) as peer:
        assert np.array_equal(peer.taken(4 * SUBFRAME), ramp(4 * SUBFRAME)[0])


def test_calls_and_pauses_in_turn(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    """Nothing is lost or sent twice when thread and calls take over from each other."""
    n = 40
    x = ramp(n * SUBFRAME)
    with Peer(ports[1], ports[0], [SUBFRAME]) as peer:
        peer.feed(x[0])
        for k in range(n):
            radio.transmit(x[:, k * SUBFRAME : (k + 1) * SUBFRAME], k * SUBFRAME)
            got = radio.receive(SUBFRAME, 10.0)
            assert np.array_equal(got.samples, x[:, got.time : got.time + SUBFRAME])
            if k % 10 == 9:
                time.sleep(0.06)
                assert len(peer.taken((k + 1) * SUBFRAME)) == (k + 1) * SUBFRAME
        assert np.array_equal(peer.taken(n * SUBFRAME), x[0])


def test_read_only_samples_wait_without_a_copy(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    kept, lent = ramp(SUBFRAME), ramp(SUBFRAME)
    kept.setflags(write=False)
    radio.transmit(kept, 0)
    radio.transmit(lent, SUBFRAME)
    lent[:] = 0
    with Peer(ports[1], ports[0]) as peer:
        assert np.array_equal(peer.taken(2 * SUBFRAME), np.tile(ramp(SUBFRAME)[0], 2))
