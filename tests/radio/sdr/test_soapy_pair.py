"""The driver for SoapySDR over the real SoapySDR, with the pair of radios in memory, in lock step."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.open import open_radio
from picocell.radio.sdr.radio import SdrRadio
from picocell.radio.sdr.soapy import SoapyDevice, soapy_devices
from support.soapy_pair import Faults, load_pair, pair_name
from support.waiting import until

RATE = 1.92e6
N = 1920


@pytest.fixture(autouse=True)
def _module() -> None:
    load_pair()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    with pair_name(request.function.__name__[5:30]) as found:
        yield found


def opened(name: str, end: str, more: str = "", **channels: int) -> SdrRadio:
    more += "" if "reopen_s" in more else ",reopen_s=60"
    radio = open_radio(f"soapy:driver=picopair,name={name},end={end},pace=lock,ahead_ms=2{more}", RATE, **channels)
    assert isinstance(radio, SdrRadio)
    radio.timeout = 60.0
    return radio


class End:
    """One end at work: sends numbered milliseconds four ahead, and keeps what it receives."""

    def __init__(self, radio: SdrRadio, kind: float) -> None:
        self.radio, self.kind = radio, kind
        self.heard: list[tuple[int, NDArray[np.complex64]]] = []
        self.done = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            got = self.radio.receive(N, timeout=0.2)
            if got.samples.shape[1]:
                self.heard.append((got.time, got.samples))
                at = (got.time + N) // N + 3
                self.radio.transmit(np.full((self.radio.n_tx, N), self.kind + 1j * at, np.complex64), at * N)
                self.done = at

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(params=["by C", "by Python"])
def ends(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[End, End]]:
    if request.param == "by Python":  # as with a library of another version
        monkeypatch.setattr("picocell.radio.sdr.soapy.soapy_functions", lambda _: None)
    with ExitStack() as stack:
        radios = [stack.enter_context(opened(name, end)) for end in "ab"]
        made = [End(radio, kind) for radio, kind in zip(radios, (100.0, 200.0), strict=True)]
        for end in made:
            stack.callback(end.stop)
        yield made[0], made[1]


def joined(end: End) -> NDArray[np.complex64]:
    return np.concatenate([samples[0] for _, samples in list(end.heard)])


def first_block(heard: NDArray[np.complex64]) -> int:
    """Where the first block begins that was heard from its start: an end may begin to listen within one."""
    first = int(np.argmax(np.abs(heard) > 0))
    return first + int(np.argmax(heard[first:] != heard[first]))


def check_places(end: End) -> None:
    """All that is heard is in its place: numbers and times go together, whatever is missing."""
    runs = [(time + np.arange(samples.shape[1]), samples[0].imag) for time, samples in list(end.heard)]
    at, numbers = (np.concatenate(part) for part in zip(*runs, strict=True))
    offset = (at - numbers * N)[numbers > 0]
    assert offset.max() - offset.min() < N


def test_what_one_end_sends_the_other_receives_sample_by_sample(ends: tuple[End, End]) -> None:
    for end in ends:
        until(lambda end=end: len(end.heard) > 60)  # type: ignore[misc]
    for end, kind in zip(ends, (200.0, 100.0), strict=True):
        heard = joined(end)
        first = first_block(heard)
        numbers = heard[first:].imag
        assert set(heard[first:].real) == {kind}
        np.testing.assert_array_equal(numbers, numbers[0] + np.arange(len(numbers)) // N)
        assert end.radio.counters.late == end.radio.counters.overflow == end.radio.counters.underflow == 0
    # what left at one end's time t arrives at that device time: both streams are shifted by the same
    shifts = []
    for end in ends:
        heard = joined(end)
        first = first_block(heard)
        shifts.append(end.heard[0][0] + first - round(float(heard[first].imag)) * N)
    assert shifts[0] == -shifts[1]


def test_an_overflow_is_a_gap_of_known_length(name: str, ends: tuple[End, End]) -> None:
    until(lambda: len(ends[0].heard) > 20)
    with Faults(name, "a") as faults:
        faults.overflow(5 * N)
        until(lambda: ends[0].radio.counters.overflow == 1)
    n = len(ends[0].heard)
    until(lambda: len(ends[0].heard) > n + 40)
    times = np.array([at for at, _ in ends[0].heard])
    lengths = np.array([samples.shape[1] for _, samples in ends[0].heard[: len(times)]])
    jumps = times[1:] - (times + lengths)[:-1]
    assert jumps[jumps != 0].tolist() == [5 * N]
    assert ends[0].radio.counters.lost == 5 * N
    assert "O" in ends[0].radio.letters()
    # the numbers that it hears jump by as much, so that time and samples belong together still
    check_places(ends[0])


def test_blocks_that_the_device_finds_late_are_counted_and_it_goes_on(name: str, ends: tuple[End, End]) -> None:
    until(lambda: len(ends[1].heard) > 20)
    with Faults(name, "a") as faults:
        faults.late(3)
        until(lambda: ends[0].radio.counters.late == 3)
        until(lambda: faults.pending("late_blocks") == 0)
    done = ends[0].done
    until(lambda: joined(ends[1]).imag[-1] > done + 2)
    numbers = joined(ends[1]).imag
    heard = set(numbers[numbers > 0])
    missing = set(range(int(min(heard)), int(max(heard)))) - heard
    assert len(missing) == 3
    check_places(ends[1])  # what follows is not sent in the place of what was late
    assert ends[0].radio.letters().count("L") == 3


def test_silence_of_the_device_is_waited_for(name: str, ends: tuple[End, End]) -> None:
    until(lambda: len(ends[0].heard) > 20)
    with Faults(name, "a") as faults:
        faults.silence(0.4)
        until(lambda: ends[0].radio.counters.silences > 0)
    n = len(ends[0].heard)
    until(lambda: len(ends[0].heard) > n + 20)


def test_a_device_that_is_pulled_out_is_found_again(name: str, ends: tuple[End, End]) -> None:
    until(lambda: len(ends[0].heard) > 20)
    with Faults(name, "a") as faults:
        faults.gone(600)
        until(lambda: ends[0].radio._away)
        n = len(ends[0].heard)
        faults.gone(0)
        until(lambda: ends[0].radio.counters.reopened == 1)
    until(lambda: len(ends[0].heard) > n + 30)
    until(lambda: joined(ends[0])[-1].real == 200)
    heard = len(ends[1].heard)
    until(lambda: len(ends[1].heard) > heard + 20)
    assert joined(ends[1])[-1].real == 100


def test_a_device_that_does_not_come_back(name: str) -> None:
    with opened(name, "a", ",reopen_s=0.2") as radio:
        radio.receive(N)
        with Faults(name, "a") as faults:
            faults.gone(600)

            def lost() -> bool:  # who takes no samples lets them wait in the device, and does not see it go
                with suppress(RadioError):
                    radio.receive(N, timeout=0.05)
                return radio._failure is not None

            until(lost)
        with pytest.raises(RadioError, match=r"the device is lost: .*the device is not there"):
            radio.receive(N)


def test_two_antennas_and_a_delay(name: str) -> None:
    with opened(name, "a", n_tx=2, n_rx=2) as a, opened(name, "b", ",delay=100", n_rx=2, n_tx=2) as b:
        ends = End(a, 0.0), End(b, 0.0)
        try:
            for end in ends:
                until(lambda end=end: len(end.heard) > 30)  # type: ignore[misc]
        finally:
            for end in ends:
                end.stop()
        assert all(samples.shape[0] == 2 for _, samples in ends[0].heard)
        for end in ends:
            heard = np.concatenate([samples for _, samples in end.heard], axis=1)
            np.testing.assert_array_equal(heard[0], heard[1])
            assert np.abs(heard).max() > 0
        shifts = []
        for end in ends:
            heard = joined(end).imag
            edge = int(np.flatnonzero(np.diff(heard) > 0)[2]) + 1
            shifts.append(end.heard[0][0] + edge - round(float(heard[edge])) * N)
        assert sum(shifts) == 100  # what the two starts are apart is in both, the other way round


def test_a_recording_is_played(tmp_path: Path, name: str) -> None:
    recording = (np.arange(5000) + 1j).astype(np.complex64)
    recording.tofile(tmp_path / "played.cf32")
    with opened(name, "a", f",play={tmp_path / 'played.cf32'}") as radio:
        got = np.concatenate([radio.receive(N).samples[0] for _ in range(6)])
    np.testing.assert_array_equal(np.diff(got.real) % 5000, 1)
    assert set(got.imag) == {1}


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        (",rx_antenna=LNAW", ValueError, "rx_antenna=LNAW is not allowed: the device has RX"),
        (",tx_antenna=RX", ValueError, "tx_antenna=RX is not allowed: the device has TX"),
        (",rx_gain=99", ValueError, "rx_gain=99 is not allowed: .* takes 0 to 60 dB"),
        (",tx_gain=PAD:3", ValueError, "tx_gain=PAD is not allowed: the device has PGA"),
        (",rx_gain=auto", ValueError, "has no gain control"),
        (",clock=gpsdo", ValueError, "clock=gpsdo is not allowed: the device has internal, external"),
        (",time_source=x", ValueError, "time_source=x is not allowed: the device has internal, external"),
        (",mode=x", ValueError, "mode=x is not allowed: continuous or burst"),
        (",ahead_ms=1", ValueError, "contradict|ahead_ms"),
        (",play=/nowhere", RadioError, "play=/nowhere cannot be read"),
        (",delay=-1", RadioError, "delay is not allowed: 0 to 262144 samples"),
    ],
)
def test_settings_that_are_refused(name: str, more: str, error: type[Exception], words: str) -> None:
    text = f"soapy:driver=picopair,name={name},end=a,pace=lock{more}"
    with pytest.raises(error, match=words) as info:
        open_radio(text, RATE)
    assert "\n" not in str(info.value)


def test_too_many_antennas_and_no_such_device(name: str) -> None:
    with pytest.raises(RadioError, match="has 2 rx channels, not 3"):
        opened(name, "a", n_rx=3)
    with pytest.raises(RadioError, match="soapy driver=nowhere: no such device"):
        open_radio("soapy:driver=nowhere", RATE)
    with pytest.raises(RadioError, match="end=c is not allowed: a or b"):
        opened(name, "c")


def test_what_is_found_and_what_it_says(name: str) -> None:
    from picocell.radio.sdr.args import SdrArgs

    args = SdrArgs.parse(
        f"device=picopair,name={name},rx_freq=2.66e9,tx_freq=2.54e9,rx_gain=30,tx_gain=PGA:10,clock=external"
    )
    assert [found["driver"] for found in soapy_devices(args)] == ["picopair"]
    device = SoapyDevice(args, RATE)
    said = device.describe()
    device.close()
    assert said["clock source"] == "external"
    assert said["rx0"]["frequency"] == 2.66e9
    assert (said["rx0"]["gain"], said["tx0"]["gain"]) == (30, 10)
    assert said["hardware time"] is True
