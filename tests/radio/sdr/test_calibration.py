"""Timing-advance calibration of a device that hears itself: delays, noise, and what can be wrong."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.radio.errors import RadioError
from picocell.radio.sdr.calibration import Calibration, Opening, measure, summarise, why_nothing
from picocell.radio.sdr.device import Read, TxKind
from picocell.radio.sdr.radio import SdrRadio
from picocell.radio.sdr.sounding import Arrival

RATE = 1e6
FIRST = 777_000


class LoopedDevice:
    """A device whose receiver hears its transmitter; its time passes as it is read.

    Args:
        delay: samples, by the number of the burst.
        gain: amplitude.
        noise: root mean square.
    """

    name, sample_rate = "looped", RATE

    def __init__(self, delay: Callable[[int], float], *, gain: float = 1.0, noise: float = 0.0) -> None:
        self.delay, self.gain, self.noise = delay, gain, noise
        self.now, self.bursts = FIRST, 0
        self.late: set[int] = set()
        self.lost: set[int] = set()
        self.gone = self.dumb = self.full = False
        self._due = 0  # when the last burst leaves
        self._told: list[TxKind] = []
        self._air: list[tuple[int, NDArray[np.complex64]]] = []
        self._random = np.random.default_rng(5)
        self._lock = threading.Lock()

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, out: NDArray[np.complex64], timeout: float) -> Read:
        del timeout
        if self.gone:
            raise RadioError("looped: it was pulled out")
        if self.dumb:
            threading.Event().wait(0.01)
            return Read(0)
        with self._lock:
            n, out[:] = out.shape[1], 0
            for time, samples in self._air:
                first, last = max(time, self.now), min(time + len(samples), self.now + n)
                if first < last:
                    out[0, first - self.now : last - self.now] += samples[first - time : last - time]
            random = self._random.standard_normal((2, n)) * self.noise / np.sqrt(2)
            out += (random[0] + 1j * random[1]).astype(np.complex64)
            skipped = 5000 if self.bursts in self.lost and self.now >= self._due else 0
            if skipped:
                self.lost.discard(self.bursts)
            got = Read(n, self.now, overflow=bool(skipped))
            self.now += n + skipped
        return got

    def write(self, samples: NDArray[np.complex64], time: int | None, *, end: bool, timeout: float) -> int:
        del timeout
        assert end
        assert time is not None
        with self._lock:
            if self.full:
                return 0
            number, self.bursts, self._due = self.bursts, self.bursts + 1, time
            if number in self.late:
                self._told.append("late")
                return len(samples[0])
            padded = np.concatenate([np.zeros(200), samples[0], np.zeros(200)])
            delay = self.delay(number)
            whole = int(np.floor(delay))
            if delay != whole:
                turns = np.exp(-2j * np.pi * np.fft.fftfreq(len(padded)) * (delay - whole))
                padded = np.fft.ifft(np.fft.fft(padded) * turns)
            moved = self.gain * padded
            cut = np.clip(moved.real, -1, 1) + 1j * np.clip(moved.imag, -1, 1)
            self._air.append((time + whole - 200, cut.astype(np.complex64)))
        return len(samples[0])

    def status(self, timeout: float) -> TxKind | None:
        del timeout
        return self._told.pop() if self._told else None


def measured(device: LoopedDevice, repeats: int = 20, *, advance: int = 0, level: float = -10.0) -> Opening:
    with SdrRadio(lambda: device, mode="burst", tx_advance=advance, ahead_s=0.002, reopen_s=0) as radio:
        return measure(radio, repeats, level)


def summary(*openings: Opening) -> Calibration:
    found = summarise(openings)
    assert found is not None
    return found


@pytest.mark.parametrize("delay", [0.0, 37.0, 37.42, 1000.5, 9999.9, -12.3, -900.0])
def test_the_delay_is_found(delay: float) -> None:
    found = summary(measured(LoopedDevice(lambda _: delay, gain=0.1, noise=1e-3)))
    assert found.delay == pytest.approx(delay, abs=0.02)
    assert (found.found, found.sent, found.late, found.doubts) == (20, 20, 0, ())
    assert found.within < 0.02
    signal = 10 ** (found.level_dbfs / 10)
    assert found.snr_db == pytest.approx(10 * np.log10(signal / 1e-6), abs=1)
    assert found.match > 0.99
    assert found.peak_dbfs == pytest.approx(-30, abs=1)


def test_noise_that_is_as_strong_as_the_burst() -> None:
    found = summary(measured(LoopedDevice(lambda _: 37.42, noise=0.18), 40))
    assert found.delay == pytest.approx(37.42, abs=0.02)
    assert found.snr_db == pytest.approx(0, abs=1)
    assert 0.01 < found.within < 0.2
    assert found.doubts == ()


def test_without_noise_there_is_no_signal_to_noise_ratio() -> None:
    assert summary(measured(LoopedDevice(lambda _: 5.0), 3)).snr_db == float("inf")


def test_what_is_sent_earlier_is_heard_earlier() -> None:
    device = LoopedDevice(lambda _: 37.42)
    assert summary(measured(device, 5, advance=37)).delay == pytest.approx(0.42, abs=0.01)


def test_a_delay_that_varies_is_not_sure() -> None:
    found = summary(measured(LoopedDevice(lambda number: 100 + 3 * (number % 2))))
    assert found.within == pytest.approx(3, abs=0.01)
    assert found.doubts == ("the delay varies by 3.0 samples while the device is open",)


def test_one_burst_elsewhere_changes_nothing() -> None:
    found = summary(measured(LoopedDevice(lambda number: 4000 if number == 9 else 100.0), 40))
    assert found.delay == pytest.approx(100, abs=0.01)
    assert found.doubts == ()


def test_a_delay_that_differs_between_openings_is_not_sure() -> None:
    found = summary(*(measured(LoopedDevice(lambda _, d=d: d), 6) for d in (90.0, 100.0, 101.5)))  # type: ignore[misc]
    assert found.between == pytest.approx(11.5, abs=0.01)
    assert found.within < 0.01
    assert found.delay == pytest.approx(100, abs=0.01)
    assert found.doubts == ("the delay differs by 11.5 samples from one opening of the device to another",)


def test_full_scale_is_told() -> None:
    found = summary(measured(LoopedDevice(lambda _: 37.0, gain=30), 5))
    assert found.delay == pytest.approx(37, abs=0.05)
    assert found.doubts == ("the receiver is at full scale: lower rx_gain or tx_gain, or attenuate more",)


def test_late_bursts_and_lost_samples_are_counted_and_others_are_used() -> None:
    device = LoopedDevice(lambda _: 37.0)
    device.late, device.lost = {2, 3}, {6}
    opening = measured(device, 20)
    assert opening.misses == {"late": 2, "gap": 1}
    found = summary(opening)
    assert found.delay == pytest.approx(37, abs=0.01)
    assert (found.found, found.sent, found.late) == (17, 20, 2)
    assert found.doubts == ("only 17 of 20 bursts were found (1 with samples lost, 2 too late)",)


def test_why_nothing_is_found() -> None:
    def why(device: LoopedDevice, repeats: int = 3) -> str:
        opening = measured(device, repeats)
        assert summarise([opening]) is None
        return why_nothing([opening])

    silent = LoopedDevice(lambda _: 37.0, gain=0)
    assert why(silent).startswith("nothing is heard, all samples are zero: connect the transmitter")
    noisy = LoopedDevice(lambda _: 37.0, gain=1e-4, noise=0.012)
    assert why(noisy).startswith("the burst is not in what is received (-38.")
    hot = LoopedDevice(lambda _: 37.0, gain=0, noise=1.0)
    assert why(hot).startswith("the receiver is at full scale, and the burst is not heard: lower rx_gain")
    late = LoopedDevice(lambda _: 37.0)
    late.late = set(range(9))
    assert why(late).startswith("all of 3 bursts came too late for the device")
    full = LoopedDevice(lambda _: 37.0)
    full.full = True
    assert why(full).startswith("the device took none of 3 bursts in time")
    lossy = LoopedDevice(lambda _: 37.0)
    lossy.late, lossy.lost = {0}, {2, 3}
    assert why(lossy).startswith("samples were lost around all of 3 bursts")


def test_a_device_that_falls_silent_is_given_up_soon() -> None:
    device = LoopedDevice(lambda _: 37.0)
    with SdrRadio(lambda: device, mode="burst", ahead_s=0.002) as radio:
        radio.receive(1)
        device.dumb = True
        opening = measure(radio, 1000, -10)
    assert opening.misses == {"timeout": 4}
    assert why_nothing([opening]) == "the device gives no samples for 0.5 s"


def test_a_device_that_is_pulled_out_is_an_error() -> None:
    def delay(number: int) -> float:
        device.gone = number == 3
        return 0.0

    device = LoopedDevice(delay)
    with pytest.raises(RadioError, match=r"looped: the device is lost: looped: it was pulled out"):
        measured(device)


def test_the_median_of_all_openings_counts() -> None:
    one = Arrival(10.0, 1.0, 0.1, 0.0)
    openings = [Opening([one._replace(delay=d) for d in delays]) for delays in ((10, 10.2, 10.1), (10.3,))]
    found = summary(*openings)
    assert found.delay == pytest.approx(10.15)
    assert found.between == pytest.approx(0.2)


def test_no_bursts_are_refused() -> None:
    with pytest.raises(ValueError, match="0 bursts are not allowed: 1 or more"):
        measured(LoopedDevice(lambda _: 0.0), 0)
