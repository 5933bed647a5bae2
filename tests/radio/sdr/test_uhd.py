"""The driver for UHD: over a stand-in that follows UHD's documentation, and up to "no devices" over the real one."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.errors import RadioArgumentError, RadioError
from picocell.radio.open import open_radio
from picocell.radio.sdr import uhd
from picocell.radio.sdr.args import SdrArgs
from picocell.radio.sdr.radio import LEAD_S, SdrRadio
from support import fake_uhd
from support.waiting import LONG_S, until

RATE = 1.92e6
N = 1920
FIRST = 6 * 1_920_000
ORIGIN = FIRST + N + round(LEAD_S * RATE)
SYSTEM_PYTHON = Path("/usr/bin/python3")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[fake_uhd.Usrp]:
    devices: list[fake_uhd.Usrp] = []
    module = fake_uhd.module(devices)
    monkeypatch.setattr(uhd, "uhd_module", lambda: module)
    return devices


@pytest.fixture
def radio(made: list[fake_uhd.Usrp]) -> Iterator[SdrRadio]:
    text = "uhd:type=b200,rx_gain=40,tx_gain=PGA:60,rx_antenna=RX2,lo_offset=1e6,clock=external,time_source=external"
    found = open_radio(text, RATE, rx_frequency=2.54e9, tx_frequency=2.66e9)
    assert isinstance(found, SdrRadio)
    found.timeout = LONG_S
    with found:
        made[0].script.put((N, FIRST))
        found.receive(0)
        yield found


def test_settings_reach_the_device(radio: SdrRadio, made: list[fake_uhd.Usrp]) -> None:
    assert radio.sample_rate == RATE
    (usrp,) = made
    assert usrp.args == "type=b200"
    assert usrp.set["rx_gain"] == (40, 0)
    assert usrp.set["tx_gain"] == (60, "PGA", 0)
    assert usrp.set["rx_antenna"] == ("RX2", 0)
    assert usrp.set["clock_source"] == usrp.set["time_source"] == ("external",)
    assert "time_unknown_pps" in usrp.set
    tuned = usrp.set["rx_freq"][0], usrp.set["tx_freq"][0]
    assert [(request.frequency, request.lo_offset) for request in tuned] == [(2.54e9, 1e6), (2.66e9, 1e6)]


def test_streaming_begins_at_a_time_and_is_stopped(radio: SdrRadio, made: list[fake_uhd.Usrp]) -> None:
    (start,) = made[0].commands
    assert (start.mode, start.stream_now) == ("start_cont", False)
    assert start.time_spec.to_ticks(RATE) == round(5.05 * RATE)
    radio.close()
    assert [command.mode for command in made[0].commands] == ["start_cont", "stop_cont"]


def test_samples_and_an_overflow(radio: SdrRadio, made: list[fake_uhd.Usrp]) -> None:
    for got in ((N, ORIGIN), fake_uhd.Codes.overflow, (N, ORIGIN + 3 * N)):
        made[0].script.put(got)
    parts = [radio.receive(N), radio.receive(N)]
    assert [part.time for part in parts] == [0, 3 * N]
    np.testing.assert_array_equal(parts[1].samples[0].real, np.float32(ORIGIN + 3 * N) + np.arange(N))
    assert (radio.counters.overflow, radio.counters.lost, radio.letters()) == (1, 2 * N, "O")


def test_bursts_have_times_to_the_sample(radio: SdrRadio, made: list[fake_uhd.Usrp]) -> None:
    block = np.ones((1, N), np.complex64)
    far = 86_400 * 1000 * N  # a day of samples: a float of seconds could not hold it
    for at in (0, N, far):
        radio.transmit(block, at)
    sent = [(start, end, at) for start, end, at, _ in made[0].sent]
    assert sent == [(True, False, ORIGIN), (False, False, ORIGIN + N), (False, False, ORIGIN + far)]


@pytest.mark.parametrize(
    ("event", "count", "letter"),
    [("time_error", "late", "L"), ("underflow", "underflow", "U"), ("underflow_in_packet", "underflow", "U")],
)
def test_asynchronous_messages(radio: SdrRadio, made: list[fake_uhd.Usrp], event: str, count: str, letter: str) -> None:
    made[0].told.put(fake_uhd.Events.burst_ack)
    made[0].told.put(fake_uhd.Events[event])
    until(lambda: getattr(radio.counters, count) == 1)
    assert radio.letters() == letter


@pytest.mark.parametrize("fault", [RuntimeError("usb gone"), fake_uhd.Codes.broken_chain])
def test_a_device_that_is_lost_is_opened_again(
    radio: SdrRadio, made: list[fake_uhd.Usrp], fault: RuntimeError | fake_uhd.Codes
) -> None:
    made[0].script.put(fault)
    until(lambda: len(made) == 2)
    made[1].script.put((N, 100))
    until(lambda: radio.counters.reopened == 1)
    made[1].script.put((N, 100 + N))
    assert radio.receive(N).samples[0, 0] == 100 + N


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("uhd:type=none", RadioError, "uhd type=none: no such device: LookupError: KeyError: No devices found"),
        ("uhd:rx_antenna=J1", RadioArgumentError, "rx_antenna=J1 is not allowed: the device has TX/RX, RX2"),
        ("uhd:clock=sun", RadioArgumentError, "clock=sun is not allowed: the device has internal, external, gpsdo"),
        ("uhd:time_source=sun", RadioArgumentError, "time_source=sun is not allowed"),
        ("uhd:rx_gain=90", RadioArgumentError, "rx_gain=90 is not allowed: uhd device takes 0 to 76 dB"),
        ("uhd:tx_gain=LNA:3", RadioArgumentError, "tx_gain=LNA is not allowed: the device has PGA"),
    ],
)
@pytest.mark.usefixtures("made")
def test_what_is_refused(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as info:
        open_radio(text, RATE)
    assert "\n" not in str(info.value)


@pytest.mark.usefixtures("made")
def test_a_rate_that_the_clock_cannot_make_and_too_many_antennas() -> None:
    with pytest.raises(RadioError, match="makes 10240000 samples per second of the 11520000 asked for"):
        open_radio("uhd:type=b200", 11.52e6)
    with pytest.raises(RadioError, match="has 2 rx channels, not 3"):
        open_radio("uhd:type=b200", RATE, n_rx=3)


@pytest.mark.usefixtures("made")
def test_devices_are_found() -> None:
    assert uhd.uhd_devices() == [{"type": "b200", "serial": "30C51D7"}]
    assert uhd.uhd_devices(SdrArgs.parse("device=none")) == []


def test_a_module_for_another_numpy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "uhd"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('it would crash')\n")
    (package / "libpyuhd.cpython-311-x86_64-linux-gnu.so").write_bytes(b"... numpy.core.multiarray ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "uhd", raising=False)
    with pytest.raises(RadioError, match="is built for NumPy 1 and crashes with NumPy 2"):
        uhd.uhd_module()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RadioError, match="uhd is not installed: Debian's python3-uhd has it"):
        uhd.uhd_module()


def test_the_real_module_finds_no_device() -> None:
    """Under the system's own Python, whose NumPy is the one that Debian's module is built for."""
    code = "import numpy, uhd, sys; sys.exit(int(numpy.__version__.split('.')[0]) >= 2)"
    there = SYSTEM_PYTHON.exists() and subprocess.run([SYSTEM_PYTHON, "-c", code], capture_output=True, check=False)
    if not there or there.returncode:
        pytest.skip("the system's Python has no uhd: make radio")
    script = (
        "from picocell.radio.sdr.uhd import UhdDevice, uhd_devices; from picocell.radio.sdr.args import SdrArgs\n"
        "print(uhd_devices(SdrArgs.parse('device=b200,serial=nobody')))\n"
        "try: UhdDevice(SdrArgs.parse('device=b200,serial=nobody'), 1.92e6)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    source = Path(__file__).resolve().parents[3] / "src"
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(source)}
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("[INFO]")]
    assert lines[0] == "[]"
    assert lines[1].startswith("RadioError uhd serial=nobody,type=b200: no such device: LookupError")
