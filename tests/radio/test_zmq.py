"""The ZeroMQ radio against itself and against bare sockets, sample by sample."""

import multiprocessing
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.interface import Radio
from picocell.radio.zmq import ZmqArgs, ZmqRadio
from support.ports import free_ports
from support.waiting import LONG_S
from support.zmq_peer import Peer, echo
from support.zmq_radio import RATE, SUBFRAME, arguments, noise, receive_all


@pytest.fixture
def ports() -> tuple[int, int]:
    own, other = free_ports(2)
    return own, other


@pytest.fixture
def radio(ports: tuple[int, int]) -> Iterator[ZmqRadio]:
    with ZmqRadio(arguments(*ports, id="here"), RATE, timeout=LONG_S) as radio:
        yield radio


def exchange(radio: ZmqRadio, sent: NDArray[np.complex64], seed: int) -> NDArray[np.complex64]:
    """Send and receive in blocks of random lengths, always sending what is due before receiving."""
    rng = np.random.default_rng(seed)
    most = round(1.2e-3 * radio.sample_rate)
    received, at = [], 0
    while radio.time < sent.shape[1]:
        n = min(int(rng.integers(1, most)), sent.shape[1] - radio.time)
        while at < radio.time + n:
            length = int(rng.integers(1, most))
            radio.transmit(sent[:, at : at + length], at)
            at = min(at + length, sent.shape[1])
        received.append(radio.receive(n).samples)
        assert not radio.stalled
    return np.concatenate(received, axis=1)


# two radios


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 3), (4, 4)])
def test_two_radios_exchange_what_was_sent(ports: tuple[int, int], up: int, down: int) -> None:
    base = 12 * 640e3
    n = 40 * 640 * 12
    x, y = noise(n // up)[np.newaxis], noise(n // down, 2)[np.newaxis]
    found: list[NDArray[np.complex64]] = []
    with (
        ZmqRadio(arguments(*ports, base), base / up, timeout=LONG_S) as a,
        ZmqRadio(arguments(*ports[::-1], base), base / down, timeout=LONG_S) as b,
    ):
        thread = threading.Thread(target=lambda: found.append(exchange(b, y, 4)))
        thread.start()
        at_a = exchange(a, x, 3)
        thread.join()
        assert a.counters.late == b.counters.late == 0
    for got, rate_in, rate_out, sent in ((found[0], up, down, x), (at_a, down, up, y)):
        wire = np.repeat(sent[0], rate_in)
        np.testing.assert_allclose(got[0], wire.reshape(-1, rate_out).mean(axis=1), rtol=1e-5, atol=1e-2)
        if rate_in == rate_out == 1:
            assert np.array_equal(got, sent)


def test_a_radio_in_another_process(ports: tuple[int, int]) -> None:
    n = 60
    process = multiprocessing.get_context("spawn").Process(target=echo, args=(arguments(*ports[::-1]), RATE, n))
    process.start()
    x = noise(n * SUBFRAME)[np.newaxis]
    received = []
    with ZmqRadio(arguments(*ports), RATE, timeout=LONG_S) as radio:
        for k in range(n):
            radio.transmit(x[:, k * SUBFRAME : (k + 1) * SUBFRAME], k * SUBFRAME)
            received.append(radio.receive(SUBFRAME).samples)
        assert radio.counters.overflow == 0
        process.join(LONG_S)
    y = np.concatenate(received, axis=1)
    assert not y[:, : 4 * SUBFRAME].any()
    assert np.array_equal(y[:, 4 * SUBFRAME :], x[:, : -4 * SUBFRAME])


def test_a_thread_that_sends_beside_one_that_receives(ports: tuple[int, int]) -> None:
    n = 30 * SUBFRAME
    x = noise(n)[np.newaxis]

    def send(radio: ZmqRadio) -> None:
        for at in range(0, n, 700):
            radio.transmit(x[:, at : at + 700], at)

    with ZmqRadio(arguments(*ports), RATE, timeout=LONG_S) as a, Peer(ports[1], ports[0]) as peer:
        peer.feed(x[0])
        thread = threading.Thread(target=send, args=(a,))
        thread.start()
        peer.taken(n)  # before anything is received: nothing is filled with zeros
        got = [receive_all(a, 1000) for _ in range(n // 1000)]
        thread.join()
        assert np.array_equal(np.concatenate(got, axis=1)[0], x[0, : n // 1000 * 1000])
        assert np.array_equal(peer.taken(n)[:n], x[0])


def test_it_is_a_radio(radio: ZmqRadio) -> None:
    assert isinstance(radio, Radio)
    assert (radio.n_tx, radio.n_rx, radio.sample_rate) == (1, 1, RATE)
    assert radio.receive(0).samples.shape == (1, 0)


# times


def test_gaps_are_zeros_and_late_samples_are_dropped_and_counted(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    x = noise(1000)[np.newaxis]
    with Peer(ports[1], ports[0]) as peer:
        radio.transmit(x[:, :100], 0)
        radio.transmit(x[:, 300:400], 300)
        radio.transmit(x[:, 200:300], 200)  # wholly late
        radio.transmit(x[:, 350:500], 350)  # its first 50 are
        radio.transmit(x[:, :7], -100)
        taken = peer.taken(500)
    expected = x[0, :500].copy()
    expected[100:300] = 0
    assert np.array_equal(taken, expected)
    assert (radio.counters.late, radio.counters.dropped) == (3, 157)
    assert not radio.receive(600, 0.0).samples.size
    radio.transmit(x[:, :100], 450)
    assert (radio.counters.late, radio.counters.dropped) == (4, 257)


def test_samples_given_are_the_callers_again_afterwards(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    block = noise(100)[np.newaxis].copy()
    radio.transmit(block, 0)
    block[:] = 0
    with Peer(ports[1], ports[0]) as peer:
        assert np.array_equal(peer.taken(100), noise(100))


def test_about_four_subframes_wait_for_the_peer(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    x = noise(20 * SUBFRAME)[np.newaxis]
    for k in range(5):
        radio.transmit(x[:, k * SUBFRAME : (k + 1) * SUBFRAME], k * SUBFRAME, 0.0)
        assert radio.buffered <= 5 * SUBFRAME
    assert radio.counters.overflow == 0
    start = time.monotonic()
    radio.transmit(x[:, 5 * SUBFRAME : 7 * SUBFRAME], 5 * SUBFRAME, 0.1)
    assert time.monotonic() - start >= 0.1
    assert (radio.counters.overflow, radio.counters.dropped) == (1, 2 * SUBFRAME)
    assert radio.buffered == 5 * SUBFRAME
    release = threading.Timer(0.1, lambda: peers.append(Peer(ports[1], ports[0])))
    peers: list[Peer] = []
    release.start()
    radio.transmit(x[:, 5 * SUBFRAME :], 5 * SUBFRAME)  # of 15 subframes: waits for the peer as it goes
    release.join()
    with peers[0]:
        assert np.array_equal(peers[0].taken(20 * SUBFRAME), x[0])


def test_nobody_takes_samples_is_logged(radio: ZmqRadio, caplog: pytest.LogCaptureFixture) -> None:
    radio.transmit(noise(5 * SUBFRAME)[np.newaxis], 0)
    radio.transmit(noise(SUBFRAME)[np.newaxis], 5 * SUBFRAME, 1.2)
    assert f"nobody takes samples from tx_port={radio.tx_endpoints[0]}" in caplog.text


def test_the_rate_changes_while_it_runs(ports: tuple[int, int]) -> None:
    base = 5.76e6
    x = noise(57_600)
    with ZmqRadio(arguments(*ports, base), 1.92e6, timeout=LONG_S) as radio, Peer(ports[1], ports[0]) as peer:
        peer.feed(x)
        got = radio.receive(1000)
        np.testing.assert_allclose(got.samples[0], x[:3000].reshape(-1, 3).mean(axis=1), rtol=1e-5, atol=1e-2)
        radio.set_sample_rate(5.76e6)
        got = radio.receive(1001)
        assert got.time == 3000
        assert np.array_equal(got.samples[0], x[3000:4001])
        radio.transmit(noise(50, 7)[np.newaxis], 4100)
        radio.set_sample_rate(1.92e6)
        got = radio.receive(1000)
        assert got.time == 1334  # the next whole sample
        np.testing.assert_allclose(got.samples[0], x[4002:7002].reshape(-1, 3).mean(axis=1), rtol=1e-5, atol=1e-2)
        radio.transmit(noise(100, 8)[np.newaxis], 2400)
        taken = peer.taken(7500)
        assert np.array_equal(taken[4100:4150], noise(50, 7))
        assert np.array_equal(taken[7200:7500], np.repeat(noise(100, 8), 3))
        assert np.count_nonzero(taken) == 350
        with pytest.raises(ValueError, match="no whole fraction"):
            radio.set_sample_rate(3.84e6)


def test_channels(ports: tuple[int, int]) -> None:
    """Two channels on the wire: both antennas transmit, one of them receives."""
    more = free_ports(4)[2:]
    args = ZmqArgs(
        (f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{more[0]}"),
        (f"tcp://127.0.0.1:{ports[1]}", f"tcp://127.0.0.1:{more[1]}"),
        RATE,
    )
    x, y = noise(5000, 1, 2), noise(5000, 2, 2)
    with (
        ZmqRadio(args, RATE, n_tx=2, n_rx=1) as radio,
        Peer(ports[1], ports[0]) as one,
        Peer(more[1], more[0], [77, 2000]) as two,
    ):
        one.feed(y[0])
        two.feed(y[1])
        radio.transmit(x, 100)
        assert np.array_equal(receive_all(radio, 5000), y[:1])
        for peer, row in ((one, x[0]), (two, x[1])):
            assert np.array_equal(peer.taken(5100)[100:], row)
    with ZmqRadio(args, RATE, n_tx=1, n_rx=2) as radio, Peer(ports[1], ports[0]) as one, Peer(more[1], more[0]) as two:
        one.feed(y[0])
        two.feed(y[1])
        radio.transmit(x[:1], 0)
        assert np.array_equal(receive_all(radio, 5000), y)
        assert not two.taken(5000).any()


# what is refused


def test_port_in_use(radio: ZmqRadio, ports: tuple[int, int]) -> None:
    with pytest.raises(RadioError, match=f"tx_port=tcp://127.0.0.1:{ports[0]} cannot be bound: .* in use") as info:
        ZmqRadio(arguments(*ports), RATE)
    assert "\n" not in str(info.value)
    assert radio.receive(0).time == 0


@pytest.mark.parametrize(
    ("extra", "rate", "n_tx", "words"),
    [
        ("", 1e6, 1, "sample rate 1000000 is no whole fraction of base_srate=1920000: give base_srate=1000000"),
        ("", RATE, 2, "2 tx channels need tx_port0 to tx_port1: given is tcp"),
        ("", RATE, 0, "n_tx=0 is not allowed"),
        (",tx_type=pub", RATE, 1, "tx_type=pub is not supported"),
    ],
)
def test_radios_that_are_refused(ports: tuple[int, int], extra: str, rate: float, n_tx: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ZmqRadio(arguments(*ports) + extra, rate, n_tx=n_tx)


def test_samples_that_do_not_fit(radio: ZmqRadio) -> None:
    for wrong in (noise(10), noise(10, 1, 2)):
        with pytest.raises(ValueError, match=r"\(1, n\) is needed"):
            radio.transmit(wrong, 0)
    with pytest.raises(ValueError, match="negative"):
        radio.receive(-1)


def test_close_ends_what_waits(ports: tuple[int, int]) -> None:
    radio = ZmqRadio(arguments(*ports), RATE)
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            radio.receive(100, LONG_S)
        except RadioError as error:
            failures.append(error)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    radio.close()
    radio.close()
    for thread in threads:
        thread.join(LONG_S)
        assert not thread.is_alive()
    assert all("is closed" in str(failure) for failure in failures)
    assert len(failures) == 2
    for call in (lambda: radio.receive(1), lambda: radio.transmit(noise(1)[np.newaxis], 0)):
        with pytest.raises(RadioError, match="is closed"):
            call()
    ZmqRadio(arguments(*ports), RATE).close()  # the port is free again


def test_it_sleeps_while_nothing_happens(radio: ZmqRadio) -> None:
    """Also with a request of a peer that is gone in hand and another waiting."""
    with zmq.Context() as context, context.socket(zmq.REQ) as one, context.socket(zmq.REQ) as two:
        for each in (one, two):
            each.linger = 0
            each.connect(radio.tx_endpoints[0])
            each.send(b"\xff")
        time.sleep(0.1)
        [thread] = [thread for thread in threading.enumerate() if thread.name == "zmq-radio-here"]
        assert thread.ident is not None
        clock = time.pthread_getcpuclockid(thread.ident)  # what others do meanwhile does not count
        cpu = time.clock_gettime(clock)
        time.sleep(0.3)
        assert time.clock_gettime(clock) - cpu < 0.1
        cpu = time.clock_gettime(clock)
        radio.receive(0)
        time.sleep(0.3)
        assert time.clock_gettime(clock) - cpu < 0.1
