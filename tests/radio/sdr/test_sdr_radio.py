"""The radio over a device with timestamps: what it does with gaps, lateness, bursts and a device that goes away."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from picocell.radio.errors import RadioError
from picocell.radio.interface import Radio
from picocell.radio.sdr.device import Read
from picocell.radio.sdr.radio import LEAD_S, SdrRadio
from support.sdr_device import RATE, N, ScriptedDevice
from support.waiting import until

FIRST = 5_000_000
"""The device's time of its first sample."""
ORIGIN = FIRST + N + round(LEAD_S * RATE)
"""The device's time of sample 0, when one block has come before it is settled."""


@pytest.fixture
def device() -> ScriptedDevice:
    return ScriptedDevice()


@pytest.fixture
def radio(device: ScriptedDevice) -> Iterator[SdrRadio]:
    with SdrRadio(lambda: device, timeout=60.0) as made:
        device.give(FIRST)
        assert made.receive(0).samples.shape == (1, 0)  # settles where sample 0 is
        yield made


def block(value: float = 1.0, n: int = N) -> np.ndarray:
    return np.full((1, n), value, np.complex64)


def test_it_is_a_radio(radio: SdrRadio) -> None:
    assert isinstance(radio, Radio)
    assert (radio.sample_rate, radio.n_rx, radio.n_tx) == (RATE, 1, 1)


def test_samples_begin_at_zero_and_what_was_before_is_left_out(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(ORIGIN - 300 - N, ORIGIN - 300, ORIGIN - 300 + N)
    got = radio.receive(N)
    assert got.time == 0
    np.testing.assert_array_equal(got.samples[0].real, np.arange(ORIGIN, ORIGIN + N))


def test_reads_end_at_the_sample_that_is_waited_for(device: ScriptedDevice, radio: SdrRadio) -> None:
    """Else a phone whose subframes end just behind a read would answer them a millisecond later."""
    assert radio.receive(300, timeout=0).samples.shape[1] == 0
    device.idle.clear()
    device.idle.wait(60)  # what was being read is read
    device.give(*range(ORIGIN, ORIGIN + 5 * N, N))
    assert [radio.receive(n).time for n in (300, N, N)] == [0, 300, 300 + N]
    assert [end - ORIGIN for end in device.ends[1:4]] == [300, N, 300 + N]  # blocks of the device end at N


def test_a_reception_ends_before_a_gap_and_the_next_begins_behind_it(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(ORIGIN)
    device.give(ORIGIN + 4 * N, overflow=True)
    got = [radio.receive(1500), radio.receive(600)]
    assert [(part.time, part.samples.shape[1]) for part in got] == [(0, N), (4 * N, 600)]
    np.testing.assert_array_equal(got[1].samples[0].real, np.arange(600) + ORIGIN + 4 * N)
    assert (radio.counters.overflow, radio.counters.lost) == (1, 3 * N)
    assert radio.letters() == "O"
    assert radio.letters() == ""


def test_a_device_without_timestamps_just_goes_on(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(ORIGIN)
    device.script.put(Read(N))
    device.script.put(Read(N, None, overflow=True))
    got = [radio.receive(N) for _ in range(3)]
    assert [part.time for part in got] == [0, N, 2 * N]
    assert (radio.counters.overflow, radio.counters.lost) == (1, 0)


def test_a_count_that_begins_anew_does_not_turn_time_back(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(ORIGIN, 77)
    assert [radio.receive(N).time for _ in range(2)] == [0, N]


def test_who_does_not_take_samples_lets_them_wait_in_the_device(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(*(ORIGIN + k * N for k in range(100)))
    until(lambda: radio.waiting == 50 * N)
    assert device.script.qsize() >= 49
    got = np.concatenate([radio.receive(N).samples for _ in range(100)], axis=1)
    np.testing.assert_array_equal(got[0].real, np.arange(ORIGIN, ORIGIN + 100 * N).astype(np.float32))


def test_blocks_are_one_burst_and_each_has_its_time(device: ScriptedDevice, radio: SdrRadio) -> None:
    for k, value in enumerate((1, 2, 3)):
        radio.transmit(block(value), k * N)
    radio.transmit(block(4), 5 * N)
    assert [(at, end) for at, end, _ in device.sent] == [
        (ORIGIN, False),
        (ORIGIN + N, False),
        (ORIGIN + 2 * N, False),
        (ORIGIN + 5 * N, False),
    ]
    assert [part[0, 0].real for _, _, part in device.sent] == [1, 2, 3, 4]


def test_each_block_is_a_burst(device: ScriptedDevice) -> None:
    with SdrRadio(lambda: device, mode="burst", tx_advance=7, timeout=60.0) as radio:
        device.give(FIRST)
        radio.transmit(block(), 0)
        radio.transmit(block(), N)
    assert [(at, end) for at, end, _ in device.sent] == [(ORIGIN - 7, True), (ORIGIN + N - 7, True)]


def test_what_is_late_is_dropped_and_counted(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.give(ORIGIN)
    assert radio.receive(N).time == 0
    radio.transmit(block(), N - 1)
    assert device.sent == []
    assert (radio.counters.late, radio.counters.dropped, radio.letters()) == (1, N, "L")
    radio.transmit(block(), N)
    assert [at for at, _, _ in device.sent] == [ORIGIN + N]
    assert (radio.margins.n, radio.margins.min_s) == (2, -1 / RATE)


def test_what_would_be_late_need_not_be_made(device: ScriptedDevice, radio: SdrRadio) -> None:
    assert not radio.too_late(N, -5)  # before there is a time
    device.give(ORIGIN)
    assert radio.receive(N).time == 0
    assert not radio.too_late(N, N)
    assert radio.counters.late == 0
    assert radio.too_late(N, N - 1)
    assert (radio.counters.late, radio.counters.dropped, radio.letters()) == (1, N, "L")
    assert device.sent == []


@pytest.mark.parametrize(("kind", "letter"), [("late", "L"), ("underflow", "U")])
def test_what_the_device_tells_is_counted(device: ScriptedDevice, radio: SdrRadio, kind: str, letter: str) -> None:
    radio.transmit(block(), 0)
    device.told.put(kind)  # type: ignore[arg-type]
    until(lambda: getattr(radio.counters, kind) == 1)
    radio.transmit(block(), N)
    assert [at for at, _, _ in device.sent] == [ORIGIN, ORIGIN + N]
    assert radio.letters() == letter


def test_a_device_without_room_takes_a_part(device: ScriptedDevice, radio: SdrRadio) -> None:
    device.room = 300
    radio.transmit(block(), 0)
    assert sum(part.shape[1] for _, _, part in device.sent) == 300
    assert radio.counters.dropped == N - 300
    device.room = 10 * N
    radio.transmit(block(), N)
    assert device.sent[-1][0] == ORIGIN + N  # not behind what was cut off


def test_silence_is_waited_for(device: ScriptedDevice, radio: SdrRadio) -> None:
    got = radio.receive(N, timeout=0.01)
    assert got.samples.shape == (1, 0)
    assert radio.stalled
    assert radio.counters.waiting == 1
    device.give(ORIGIN)
    assert radio.receive(N).samples.shape == (1, N)
    assert not radio.stalled


def test_a_device_that_goes_and_returns(device: ScriptedDevice) -> None:
    second = ScriptedDevice()
    devices = iter([device, second])
    with SdrRadio(lambda: next(devices), timeout=60.0) as radio:
        device.give(FIRST)
        radio.receive(0)
        device.give(ORIGIN)
        assert radio.receive(N).time == 0
        device.script.put(RadioError("it was pulled out"))
        until(lambda: device.closed == 1)
        radio.transmit(block(), 3 * N)
        second.give(100)  # the new count's first block settles where it is
        until(lambda: radio.counters.reopened == 1)
        second.give(100 + N)
        got = radio.receive(N)
        assert got.time > N
        assert got.samples[0, 0].real == 100 + N
        radio.transmit(block(5), got.time + 3 * N)
        assert second.sent[-1][0] == 100 + 4 * N
        assert radio.counters.dropped == N
    assert (device.closed, second.closed) == (1, 1)


def test_a_device_that_stays_away(device: ScriptedDevice) -> None:
    def opened(devices: list[ScriptedDevice]) -> ScriptedDevice:
        if not devices:
            raise RadioError("no such device")
        return devices.pop()

    devices = [device]
    with SdrRadio(lambda: opened(devices), timeout=60.0, reopen_s=0.3) as radio:
        device.give(FIRST)
        radio.receive(0)
        device.script.put(RadioError("it was pulled out"))
        with pytest.raises(RadioError, match="scripted: the device is lost: no such device"):
            radio.receive(N)
        with pytest.raises(RadioError, match="the device is lost"):
            radio.transmit(block(), 0)


def test_closing_wakes_who_waits(device: ScriptedDevice) -> None:
    radio = SdrRadio(lambda: device, timeout=60.0)
    device.give(FIRST)
    radio.receive(0)
    errors: list[RadioError] = []

    def wait() -> None:
        try:
            radio.receive(N)
        except RadioError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    radio.close()
    radio.close()
    thread.join(60)
    assert [str(error) for error in errors] == ["scripted: the radio is closed"]
    assert device.closed == 1


def test_wrong_use(radio: SdrRadio) -> None:
    with pytest.raises(ValueError, match="-1 samples cannot be received"):
        radio.receive(-1)
    with pytest.raises(ValueError, match=r"samples of shape \(2, 5\) cannot be sent: \(1, n\) is needed"):
        radio.transmit(np.zeros((2, 5), np.complex64), 0)
