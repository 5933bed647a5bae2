"""The ZeroMQ radio against bare sockets; peers that do not behave."""

import logging
import time
from collections.abc import Iterator

import numpy as np
import pytest
import zmq

from picocell.radio.errors import RadioError
from picocell.radio.zmq import ZmqRadio
from support.ports import free_ports
from support.waiting import LONG_S, until
from support.zmq_peer import Peer
from support.zmq_radio import RATE, SUBFRAME, arguments, noise, receive_all


@pytest.fixture
def ports() -> tuple[int, int]:
    own, other = free_ports(2)
    return own, other


@pytest.fixture
def radio(ports: tuple[int, int]) -> Iterator[ZmqRadio]:
    with ZmqRadio(arguments(*ports, id="here"), RATE, timeout=LONG_S) as radio:
        yield radio


def test_peer_that_reads_ahead_and_answers_in_odd_lengths(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    n = 30
    x, y = noise(n * SUBFRAME, 5), noise(n * SUBFRAME, 6)
    with Peer(ports[1], ports[0]) as peer:
        peer.feed(y)
        for k in range(n):
            radio.transmit(x[np.newaxis, k * SUBFRAME : (k + 1) * SUBFRAME], k * SUBFRAME)
            got = radio.receive(SUBFRAME)
            assert got.time == k * SUBFRAME
            assert np.array_equal(got.samples[0], y[got.time : got.time + SUBFRAME])
        assert np.array_equal(peer.taken(n * SUBFRAME), x)


def test_a_reception_fills_the_transmit_stream_up_to_its_end_and_no_further(
    radio: ZmqRadio, ports: tuple[int, int]
) -> None:
    with Peer(ports[1], ports[0]) as peer:
        radio.transmit(noise(100)[np.newaxis], 500)
        assert not radio.receive(2000, 0.3).samples.size
        taken = peer.taken(2000)
        assert len(taken) == 2000
        assert np.array_equal(taken[500:600], noise(100))
        assert not taken[:500].any()
        assert not taken[600:].any()
        assert not radio.receive(2000, 0.05).samples.size  # again: nothing is added
        peer.feed(noise(2000, 3))
        assert np.array_equal(radio.receive(2000).samples[0], noise(2000, 3))
        assert len(peer.taken(2000)) == 2000
        radio.zeros_until(2500)
        assert len(peer.taken(2500)) == 2500
        assert radio.counters.underflow == 1


def test_peer_that_starts_late(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    x = noise(4 * SUBFRAME)
    radio.transmit(x[np.newaxis], 0)
    for _ in range(3):
        got = radio.receive(SUBFRAME, 0.1)
        assert (got.samples.shape, got.time, radio.stalled) == ((1, 0), 0, True)
    with Peer(ports[1], ports[0]) as peer:
        peer.feed(noise(SUBFRAME, 9))
        assert np.array_equal(receive_all(radio, SUBFRAME)[0], noise(SUBFRAME, 9))
        assert not radio.stalled
        assert np.array_equal(peer.taken(4 * SUBFRAME), x)
    assert radio.counters.waiting >= 3


def test_peer_that_stalls_for_three_seconds(
    radio: ZmqRadio, ports: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    with Peer(ports[1], ports[0], [1000]) as peer, caplog.at_level(logging.INFO):
        peer.feed(noise(3000))
        assert np.array_equal(receive_all(radio, 2000)[0], noise(3000)[:2000])
        caplog.clear()
        assert not radio.receive(2000, 3.0).samples.size
        [line] = [r.message for r in caplog.records if "no samples" in r.message]
        assert f"here: no samples from rx_port=tcp://127.0.0.1:{ports[1]}" in line
        assert "connected but sends nothing" in line
        peer.feed(noise(1000, 4))
        expected = np.concatenate([noise(3000)[2000:], noise(1000, 4)])
        assert np.array_equal(receive_all(radio, 2000)[0], expected)  # nothing was lost


@pytest.mark.parametrize("given", [3000, 6000])
def test_peer_that_goes_and_returns(radio: ZmqRadio, ports: tuple[int, int], given: int) -> None:
    """The new peer's first sample belongs to the first sample that it takes, whatever the old one had given."""
    x, old, new = noise(9000), noise(given, 2), noise(20_000, 3)
    with Peer(ports[1], ports[0], [given]) as first:
        radio.transmit(x[np.newaxis, :5000], 0)
        first.taken(5000)
        first.feed(old)
        receive_all(radio, 3000)
    if given == 3000:
        assert not radio.receive(4000, 0.3).samples.size
    radio.transmit(x[np.newaxis, 7000:], 7000)
    with Peer(ports[1], ports[0], [500]) as second:
        second.feed(new)
        got = receive_all(radio, 4000)[0]
        until(lambda: second.taken(1)[-1] == x[-1])
        taken = second.taken(1)
    start = 9000 - len(taken)  # more than 5000 if a reply was under way when the first went
    sent = np.concatenate([np.zeros(2000, np.complex64), x[7000:]])  # from 5000 on
    assert 5000 <= start < 9000
    assert np.array_equal(taken, sent[start - 5000 :])
    if given < start:
        expected = np.concatenate([old[3000:], np.zeros(start - given), new])
    else:
        expected = np.concatenate([old[3000:], new[given - start :]])
    assert np.array_equal(got, expected[:4000])
    until(lambda: radio.counters.reconnects == 2, "not both are gone")


def test_fail_on_disconnect(ports: tuple[int, int]) -> None:
    args = arguments(*ports, fail_on_disconnect="true", trx_timeout_ms=300)
    with ZmqRadio(args, RATE) as radio:
        assert not radio.receive(100, 0.5).samples.size  # a peer that was never there is waited for
        with Peer(ports[1], ports[0]) as peer:
            peer.feed(noise(100))
            receive_all(radio, 100)
        with pytest.raises(RadioError, match=f"no samples from rx_port=tcp://127.0.0.1:{ports[1]}.*fail_on_disc"):
            radio.receive(100, 5.0)


def test_rubbish_is_counted_and_the_next_samples_are_taken(
    radio: ZmqRadio, ports: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    x = noise(1000)
    bad = x[500:].copy()
    bad[3] = np.nan
    with Peer(ports[1], ports[0], [500]) as peer:
        peer.feed_raw(x[:500].tobytes(), b"1234567", b"", b"\x00" * 4, bad.tobytes())
        got = receive_all(radio, 1000)[0]
    assert np.array_equal(np.delete(got, 503), np.delete(x, 503))
    assert got[503] == 0
    assert radio.counters.malformed == 4
    assert any("a reply of 7 bytes was dropped" in r.message and r.levelname == "ERROR" for r in caplog.records)


def test_requests_that_are_none(radio: ZmqRadio) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as odd, context.socket(zmq.REQ) as good:
        odd.linger = good.linger = 0
        for each in (odd, good):
            each.connect(radio.tx_endpoints[0])
        for frames in ([b"x"], [b"", b""], [b"a", b"b", b"c"]):
            odd.send_multipart(frames)
        good.setsockopt(zmq.REQ_CORRELATE, 1)
        good.send(b"\xff\xff\xff")
        radio.transmit(noise(10)[np.newaxis], 0)
        assert good.poll(round(1000 * LONG_S))
        assert np.array_equal(np.frombuffer(good.recv(), "<c8"), noise(10))
        until(lambda: radio.counters.malformed >= 3)
    assert radio.counters.malformed == 3


def test_samples_stay_when_who_asked_is_gone(radio: ZmqRadio) -> None:
    with zmq.Context() as context:
        for k in range(2):
            with context.socket(zmq.REQ) as asking:
                asking.linger = 0
                asking.connect(radio.tx_endpoints[0])
                asking.send(b"\xff")
                if k == 0:
                    time.sleep(0.2)
                    continue
                time.sleep(0.2)
                radio.transmit(noise(10)[np.newaxis], 0)
                assert asking.poll(round(1000 * LONG_S))
                assert np.array_equal(np.frombuffer(asking.recv(), "<c8"), noise(10))


def test_the_largest_frame(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    x = np.tile(noise(3072), 1000)
    with Peer(ports[1], ports[0], [len(x)]) as peer:
        peer.feed_raw(np.zeros(len(x) + 1, np.complex64).tobytes())
        peer.feed(x)
        assert np.array_equal(receive_all(radio, len(x))[0], x)
        assert len(peer.taken(len(x))) == len(x)
        assert peer.largest <= 4 * SUBFRAME
    assert radio.counters.malformed == 1


def test_peer_that_is_no_rep_socket(radio: ZmqRadio, ports: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as other:
        other.linger = 0
        other.bind(f"tcp://127.0.0.1:{ports[1]}")
        until(
            lambda: (
                not radio.receive(100, 0.2).samples.size and "what listens there is no ZeroMQ REP socket" in caplog.text
            )
        )
    with Peer(ports[1], ports[0]) as peer:  # the right one comes up in its place
        peer.feed(noise(100))
        assert np.array_equal(receive_all(radio, 100)[0], noise(100))
    assert radio.counters.reconnects <= 1
